"""What the measurement of the order path is fed with: a tape's books as frames, and a strategy that always orders."""

import json
from typing import Any

import msgspec

from markets.core.events import BookDelta, BookSnapshot
from markets.core.units import CONTRACT, PRICE_DOLLAR, count_text, price_text
from markets.feeds.counts import Counts
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint
from trading.core.strategies.edge_taker import EdgeTaker
from trading.core.strategy import Idea, Quote, View


class Always(EdgeTaker):
    """Looks at everything as the taker does, and then orders a contract whenever the best prices have changed."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}

    def decide(self, view: View) -> Idea:
        """The taker's idea, made an order wherever there is a new price."""
        idea, book, ticker = super().decide(view), view.market.book, view.market.contract.ticker
        best = book.bid, book.ask
        is_old, self._seen[ticker] = self._seen.get(ticker) == best, best
        if is_old or view.pricing is None or view.market.lost or view.is_working or not 0 < book.ask < PRICE_DOLLAR:
            return idea
        return msgspec.structs.replace(idea, reason="", quote=Quote(True, book.ask, CONTRACT), binding=None, failed=())


class Frames:
    """The changes of a tape's books as frames of the exchange's WebSocket, and the socket that hears them."""

    def __init__(self, tickers: tuple[str, ...]) -> None:
        self.socket = KalshiSocket(Wanted(tickers), Endpoint("ws://127.0.0.1:1/"), Counts())
        self.socket.opened(0)
        self.socket.hear(b'{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":1}}', 0)
        self._seq = 0

    def of(self, event: BookDelta | BookSnapshot) -> bytes:
        """One frame; their order is that of the tape."""
        self._seq += 1
        kind, msg = (
            ("orderbook_delta", _delta(event)) if isinstance(event, BookDelta) else ("orderbook_snapshot", _book(event))
        )
        ms = event.received_ns // 1_000_000
        frame = {"type": kind, "sid": 1, "seq": self._seq, "sending_ts_ms": ms, "msg": msg}
        return json.dumps(frame, separators=(",", ":")).encode()


def _delta(event: BookDelta) -> dict[str, Any]:
    return {
        "market_ticker": event.ticker,
        "market_id": "9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1",
        "clock": event.received_ns // 1_000_000,
        "price_dollars": price_text(event.price if event.is_yes else PRICE_DOLLAR - event.price),
        "delta_fp": count_text(event.change),
        "side": "yes" if event.is_yes else "no",
        "ts_ms": event.received_ns // 1_000_000,
    }


def _book(event: BookSnapshot) -> dict[str, Any]:
    yes = [[price_text(price), count_text(count)] for price, count in event.yes]
    no = [[price_text(PRICE_DOLLAR - price), count_text(count)] for price, count in event.no]
    return {"market_ticker": event.ticker, "clock": 1, "yes_dollars_fp": yes, "no_dollars_fp": no}
