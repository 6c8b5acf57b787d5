"""Kraken, WebSocket v2: books with a checksum in every message, trades by the taker's side.

Prices and sizes are JSON numbers whose digits, trailing zeros included, go into the checksum: they are kept as written.
The checksum covers the best ten levels of each side; below them nothing proves that nothing was lost.
"""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.shape import Census
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Reconnect, Refused, Venue, VenueSocket
from markets.feeds.venues.common import BookSocket, Taker, text_of, unreadable
from markets.feeds.venues.kraken_messages import (
    FIELDS,
    BookData,
    Digits,
    Head,
    checksum,
    decode_books,
    decode_granted,
    decode_head,
    decode_status,
    decode_trades,
    only,
    read_levels,
)

DEPTH = 100  # levels a side: 10, 25, 100, 500 or 1000
PING_S = 30
OUR_MISTAKES = "Subscription depth"  # what is refused however often we ask
CLOSED = ("maintenance", "cancel_only", "post_only")  # nobody can trade at the prices of the book
_SPARE_DIGITS = 20  # times the depth: so many texts of levels are kept before those of gone levels are dropped

TAKER: dict[str, Taker] = {"buy": "buy", "sell": "sell"}


class KrakenSocket(BookSocket):
    """Books and trades on one connection."""

    stale_after_s = 7.0
    depth = DEPTH

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._digits: dict[str, tuple[Digits, Digits]] = {asset: ({}, {}) for asset in symbols}
        self._requests = 0
        self._pinged_ns = 0
        self._is_closed = False  # for trading
        self._census = Census(counts, FIELDS)

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Ask for all books in one message, and for all trades in another."""
        symbols = list(self.symbols.values())
        self._pinged_ns = now_ns
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        self._ask("subscribe", {"channel": "book", "symbol": symbols, "depth": self.depth, "snapshot": True}, now_ns)
        self._ask("subscribe", {"channel": "trade", "symbol": symbols, "snapshot": False}, now_ns)
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame: answers have a method, data have a channel."""
        try:
            head = decode_head(frame)
            if head.channel == "book":
                return self._hear_books(head, now_ns)
            if head.channel == "trade":
                return self._hear_trades(head, now_ns)
            if head.method:
                return self._hear_answer(head, now_ns)
            return self._hear_rest(head, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Ping, so that a connection without books lives too."""
        if now_ns - self._pinged_ns >= PING_S * SECOND_NS:
            self._pinged_ns = now_ns
            self._requests += 1
            self.to_send.append(text_of({"method": "ping", "req_id": self._requests}))
        return super().due(now_ns)

    def resync(self, asset: str, now_ns: int) -> None:
        """Unsubscribe; when that is acknowledged, subscribe again. Twice the same subscription would be refused."""
        symbol = self.symbols[asset]
        self.ungranted["unsubscribe", symbol] = now_ns
        self._ask("unsubscribe", {"channel": "book", "symbol": [symbol], "depth": self.depth}, now_ns)

    def _ask(self, method: str, params: dict[str, object], now_ns: int) -> None:
        self._requests += 1
        self.to_send.append(text_of({"method": method, "params": params, "req_id": self._requests}))
        symbols = params["symbol"]
        if method == "subscribe" and isinstance(symbols, list):
            self.ungranted |= {(str(params["channel"]), symbol): now_ns for symbol in symbols}

    # Data ------------------------------------------------------------------------------------------------------

    def _hear_books(self, head: Head, now_ns: int) -> list[MarketEvent]:
        self._census.look("book", head.data)
        events: list[MarketEvent] = []
        for book in decode_books(head.data):
            asset = self.assets.get(book.symbol)
            if asset is None:
                self.stranger("book", book.symbol)
            elif head.type == "snapshot" or self.books[asset].stands:
                events += self._take_book(asset, book, head.type == "snapshot", now_ns)
        return events

    def _take_book(self, asset: str, book: BookData, is_snapshot: bool, now_ns: int) -> list[MarketEvent]:
        kept = self.books[asset]
        if self._is_closed:
            self.awaited.pop(asset, None)  # it came, and will be asked for again
            return []
        at_ns = venue_ns(book.timestamp, now_ns)
        self.note_lag(now_ns, at_ns)
        if is_snapshot:
            self._digits[asset] = ({}, {})
        bid_digits, ask_digits = self._digits[asset]
        bids, asks = read_levels(book.bids, bid_digits), read_levels(book.asks, ask_digits)
        if is_snapshot:
            self.awaited.pop(asset, None)
            events = kept.snapshot(bids, asks, now_ns, at_ns)
        else:
            events = kept.change(bids, asks, now_ns, at_ns)
        if kept.stands and checksum(kept.book, bid_digits, ask_digits) != book.checksum:
            return self.lose(asset, "the checksum does not fit", now_ns)
        if len(bid_digits) + len(ask_digits) > _SPARE_DIGITS * self.depth:
            self._digits[asset] = only(bid_digits, kept.book.bids), only(ask_digits, kept.book.asks)
        return self.seen(asset, events, now_ns)

    def _hear_trades(self, head: Head, now_ns: int) -> list[MarketEvent]:
        self._census.look("trade", head.data)
        if head.type == "snapshot":
            return []  # history, which we did not ask for
        events: list[MarketEvent] = []
        for trade in decode_trades(head.data):
            asset = self.assets.get(trade.symbol)
            if asset is None:
                self.stranger("trade", trade.symbol)
            elif self.is_new_trade(asset, trade.trade_id):
                at_ns = venue_ns(trade.timestamp, now_ns)
                taker, trade_id = TAKER.get(trade.side, ""), str(trade.trade_id)
                events.append(SpotPrice(now_ns, self.venue, asset, trade.price, trade.qty, at_ns, taker, trade_id))
        return events

    # Answers ---------------------------------------------------------------------------------------------------

    def _hear_rest(self, head: Head, now_ns: int) -> list[MarketEvent]:
        if head.channel == "heartbeat":
            return self.beat(now_ns)
        if head.channel == "status":
            self._census.look("status", head.data)
            events: list[MarketEvent] = []
            for status in decode_status(head.data):
                if status.system != "online":
                    self.counts.complain(f"the exchange says: {status.system}")
                events += self._opened_or_closed(status.system, now_ns)
            return events
        self.counts.unknown[head.channel or "a frame without channel"] += 1
        return []

    def _opened_or_closed(self, system: str, now_ns: int) -> list[MarketEvent]:
        """While nobody can trade no book is believed; when it is over each is asked for anew."""
        events: list[MarketEvent] = []
        if system in CLOSED:
            self._is_closed = True
            for kept in self.books.values():
                events += kept.lose(f"the exchange says: {system}", now_ns)
        elif self._is_closed:
            self._is_closed = False
            for asset, kept in self.books.items():
                if asset not in self.refused:
                    kept.lose("the exchange was closed", now_ns)
                    self.awaited[asset] = now_ns
                    self.resync(asset, now_ns)
        return events

    def _hear_answer(self, head: Head, now_ns: int) -> list[MarketEvent]:
        if head.method == "pong":
            return self.beat(now_ns)
        if not head.success:
            return self._hear_refusal(head, now_ns)
        answer = decode_granted(head.result)
        if head.method == "subscribe":
            self.ungranted.pop((answer.channel, answer.symbol), None)
        elif head.method == "unsubscribe":
            self._subscribe_again(answer.symbol, now_ns)
        else:
            self.counts.unknown[head.method] += 1
        return []

    def _hear_refusal(self, head: Head, now_ns: int) -> list[MarketEvent]:
        symbol, words = head.symbol or "", head.error or "refused without a word"
        asset = self.assets.get(symbol)
        if head.method == "unsubscribe":
            self._subscribe_again(symbol, now_ns)
            return []
        if asset is not None and words.startswith("Already subscribed"):
            self.ungranted.pop(("book", symbol), None)
            return []
        if asset is not None:
            return self.refuse(asset, words, now_ns)
        if words.startswith(OUR_MISTAKES):
            raise Refused(words)
        raise Reconnect(words)  # too many requests, a service that is not available just now

    def _subscribe_again(self, symbol: str, now_ns: int) -> None:
        if self.ungranted.pop(("unsubscribe", symbol), None) is not None:
            self._ask(
                "subscribe", {"channel": "book", "symbol": [symbol], "depth": self.depth, "snapshot": True}, now_ns
            )


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [KrakenSocket("kraken", symbols, endpoint, counts_of("kraken"))]


KRAKEN = Venue(
    "kraken",
    "Kraken",
    {asset: f"{asset}/USD" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "NEAR", "ZEC")},
    Endpoint("wss://ws.kraken.com/v2", "https://api.kraken.com"),
    sockets,
)
