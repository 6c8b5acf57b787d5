"""Gemini, the older API (v2), which is being replaced: books without times and without a sequence.

Nothing tells that a change is missing, except a book that crosses itself; so the connection is renewed every few
minutes, with the new one beside the old until its books stand.
"""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice
from markets.feeds.counts import Counts
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Venue, VenueSocket
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import WordedSocket, above_zero, levels, taker_of


class Head(msgspec.Struct, gc=False):
    """What tells the kinds of frames apart."""

    type: str = ""
    result: str = ""
    reason: str = ""
    message: str = ""
    timestamp: int = 0


class Level2(msgspec.Struct, gc=False):
    """Changes of a book; the first of each symbol is the whole book, and has past trades beside it."""

    symbol: str
    changes: list[tuple[str, str, str]]  # buy or sell, price, size
    trades: msgspec.Raw = msgspec.Raw()
    auction_events: msgspec.Raw = msgspec.Raw()
    type: str = ""


class Trade(msgspec.Struct, gc=False):
    """One trade; `side` is the taker's, or says that it did not come out of the book: block, auction."""

    symbol: str
    event_id: int
    timestamp: int
    price: str
    quantity: str
    side: str
    type: str = ""


FIELDS: dict[str, Fields] = {"l2_updates": fields_of(Level2), "trade": fields_of(Trade, "tid")}
_head = msgspec.json.Decoder(Head).decode
_level2 = msgspec.json.Decoder(Level2).decode
_trade = msgspec.json.Decoder(Trade).decode


class GeminiV2Socket(WordedSocket):
    """Books and trades on one connection; nothing is acknowledged, the first book is the answer."""

    stale_after_s = 15.0  # a heartbeat comes every five seconds
    renew_after_s = 300.0
    notices_loss = False

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """All market data."""
        return f"{self.endpoint.ws}/v2/marketdata"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe."""
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        self._ask("subscribe", list(self.symbols.values()))
        return []

    def resync(self, asset: str, now_ns: int) -> None:
        """Subscribe again: a book begins whole."""
        self._ask("unsubscribe", [self.symbols[asset]])
        self._ask("subscribe", [self.symbols[asset]])

    def _ask(self, kind: str, symbols: list[str]) -> None:
        self.to_send.append(text_of({"type": kind, "subscriptions": [{"name": "l2", "symbols": symbols}]}))

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        try:
            head = _head(frame)
            self._census.look(head.type, frame)
            if head.type == "l2_updates":
                return self._hear_level2(frame, now_ns)
            if head.type == "trade":
                return self._hear_trade(frame, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None
        if head.type == "heartbeat":
            return self.beat(now_ns, venue_ns(head.timestamp, now_ns))
        if head.result == "error":
            return self.heard_words(head.message or head.reason)
        self.counts.unknown[head.type[:40] or "a frame without a kind"] += 1
        return []

    def _hear_level2(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        update = _level2(frame)
        asset = self.assets.get(update.symbol)
        if asset is None:
            return self.stranger("l2_updates", update.symbol)
        if any(side not in {"buy", "sell"} for side, _, _ in update.changes):
            raise ValueError("a level that is neither bid nor ask")
        bids = levels((price, size) for side, price, size in update.changes if side == "buy")
        asks = levels((price, size) for side, price, size in update.changes if side == "sell")
        is_whole = bool(bytes(update.trades) or bytes(update.auction_events))
        if asset in self.awaited or is_whole:
            if not is_whole:
                return []  # of the subscription before
            self.awaited.pop(asset, None)
            return self.seen(asset, self.books[asset].snapshot(bids, asks, now_ns), now_ns)
        return self.seen(asset, self.books[asset].change(bids, asks, now_ns), now_ns)

    def _hear_trade(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        trade = _trade(frame)
        asset = self.assets.get(trade.symbol)
        if asset is None:
            return self.stranger("trade", trade.symbol)
        price, size = above_zero(trade.price), above_zero(trade.quantity)
        taker = taker_of(trade.side)
        if not self.recent[asset].is_new(trade.event_id) or not taker:
            return []  # a block or an auction is no price of the book
        at_ns = venue_ns(trade.timestamp, now_ns)
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, str(trade.event_id))]


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [GeminiV2Socket("gemini", symbols, endpoint, counts_of("gemini"))]


GEMINI_V2 = Venue(
    name="gemini_v2",
    title="Gemini (older API)",
    symbols={asset: f"{asset}USD" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "ZEC")},
    endpoint=Endpoint("wss://api.gemini.com"),
    sockets=sockets,
)
