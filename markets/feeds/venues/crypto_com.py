"""Crypto.com Exchange: books of 50 levels as a chain of changes, trades, tickers; its heartbeats must be answered.

Numbers are text; before about 2022 they were numbers, and whole books came without a chain: those are understood, too.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from markets.core.events import MarketEvent, SpotPrice, SpotQuote
from markets.feeds.counts import Counts
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, SlowDown, Venue, VenueSocket
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import WordedSocket, above_zero, levels, or_none, taker_of

DEPTH = 50
TOO_MANY, SLOW_DOWN_S = 42901, 2.0  # requests
Number = TypeVar("Number", str, float)


class Result(msgspec.Struct, gc=False):
    """Data of one channel of one instrument."""

    channel: str = ""
    instrument_name: str = ""
    subscription: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")


class Head(msgspec.Struct, gc=False):
    """Every frame; data come as answers to the subscription, with the id -1."""

    method: str = ""
    id: int = -1
    code: int = 0
    message: str = ""
    result: Result | None = None


class Sides(msgspec.Struct, Generic[Number], gc=False):
    """(price, size, number of orders) a level."""

    bids: list[tuple[Number, Number, Any]] = []
    asks: list[tuple[Number, Number, Any]] = []


class Book(Sides[Number], Generic[Number], kw_only=True, gc=False):
    """A whole book; `u` is its link in the chain."""

    bids: list[tuple[Number, Number, Any]]
    asks: list[tuple[Number, Number, Any]]
    t: int
    u: int | None = None


class Update(msgspec.Struct, Generic[Number], kw_only=True, gc=False):
    """A change, which fits behind the link `pu`."""

    update: Sides[Number]
    t: int
    u: int | None = None
    pu: int | None = None


class Trade(msgspec.Struct, Generic[Number], gc=False):
    """One trade, `s` by the taker."""

    d: int | str
    t: int
    p: Number
    q: Number
    s: str


class Ticker(msgspec.Struct, Generic[Number], gc=False):
    """Best bid and ask and their sizes; `a` is the last trade, not the ask."""

    t: int
    b: Number | None = None
    k: Number | None = None
    bs: Number | None = None
    ks: Number | None = None


FIELDS: dict[str, Fields] = {
    "book": Fields(frozenset(("bids", "asks", "t", "u", "tt", "cs")), frozenset(("bids", "asks", "t", "u"))),
    "book.update": Fields(frozenset(("update", "t", "u", "pu", "tt", "cs")), frozenset(("update", "t", "u", "pu"))),
    "trade": fields_of(Trade[str], "i", "m", "tn"),
    "ticker": Fields(frozenset("halcbkiv") | {"bs", "ks", "vv", "oi", "t"}, frozenset(("t", "b", "k", "bs", "ks"))),
}
_head = msgspec.json.Decoder(Head).decode


def _reader(shape: Any) -> Callable[[msgspec.Raw], list[Any]]:
    """A decoder of a list of this, all numbers in text; or, as it once was, all of them numbers, but never mixed."""
    today = msgspec.json.Decoder(list[shape[str]]).decode
    once = msgspec.json.Decoder(list[shape[float]]).decode

    def read(data: msgspec.Raw) -> list[Any]:
        try:
            return today(data)
        except msgspec.ValidationError:
            return once(data)

    return read


_books, _updates, _trades, _tickers = (_reader(shape) for shape in (Book, Update, Trade, Ticker))


class CryptoComSocket(WordedSocket):
    """Everything on one connection; one subscribe message an asset, so that a refusal names it."""

    stale_after_s = 65.0
    pause_after_open_s = 1.0  # the rate limit counts by the calendar second
    sends_per_s = 50.0  # of 100
    depth = DEPTH

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._asked: dict[int, str] = {}  # our questions that wait for an answer, to the asset they are about
        self._questions = 0
        self._last = dict.fromkeys(symbols, 0)  # link of the chain
        self._with_trades: set[str] = set()  # assets whose past trades have come
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """The public market data."""
        return f"{self.endpoint.ws}/exchange/v1/market"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe."""
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        for asset, symbol in self.symbols.items():
            self.ungranted["channels", symbol] = now_ns
            self._subscribe(asset, [self._book(asset), f"trade.{symbol}", f"ticker.{symbol}"])
        return []

    def resync(self, asset: str, now_ns: int) -> None:
        """Subscribe again: a book begins with a snapshot."""
        self._ask({"method": "unsubscribe", "params": {"channels": [self._book(asset)]}}, "")
        self._subscribe(asset, [self._book(asset)])

    def _book(self, asset: str) -> str:
        return f"book.{self.symbols[asset]}.{DEPTH}"

    def _subscribe(self, asset: str, channels: list[str]) -> None:
        kind = {"book_subscription_type": "SNAPSHOT_AND_UPDATE", "book_update_frequency": 100}
        self._ask({"method": "subscribe", "params": {"channels": channels, **kind}}, asset)

    def _ask(self, question: dict[str, Any], asset: str) -> None:
        self._questions += 1
        self._asked[self._questions] = asset
        self.to_send.append(text_of({"id": self._questions, **question}))

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        try:
            head = _head(frame)
            if head.method == "public/heartbeat":
                self.to_send.append(text_of({"id": head.id, "method": "public/respond-heartbeat"}))
                return self.beat(now_ns)
            if not head.method and not head.code:
                raise ValueError("neither data nor an answer")
            if head.method not in {"subscribe", "unsubscribe"} and not head.code:
                self.counts.unknown[head.method[:40]] += 1
                return []
            events = self._hear_answer(head, now_ns) if head.result is None or head.id > 0 or head.code else []
            return events + self._hear_result(head.result, now_ns) if head.result is not None else events
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None

    def _hear_answer(self, head: Head, now_ns: int) -> list[MarketEvent]:
        asset = self._asked.pop(head.id, "")
        words = f"{head.message} ({head.code})"
        if head.code == TOO_MANY:
            raise SlowDown(words, SLOW_DOWN_S)
        if not head.code:
            if asset:
                self.ungranted.pop(("channels", self.symbols[asset]), None)
            return []
        if asset:
            return self.refuse(asset, words, now_ns)
        self.counts.complain(words)
        return []

    def _hear_result(self, result: Result, now_ns: int) -> list[MarketEvent]:
        asset, channel = self.assets.get(result.instrument_name), result.channel
        if asset is None:
            return self.stranger(channel[:20], result.instrument_name)
        self._census.look(channel, result.data)
        if channel == "book.update":
            return self._hear_updates(asset, result.data, now_ns)
        if channel == "trade":
            return self._hear_trades(asset, result.data, now_ns)
        if channel == "ticker":
            return self._hear_tickers(asset, result.data, now_ns)
        if channel == "book":
            return self._hear_books(asset, result.data, now_ns)
        self.counts.unknown[channel[:40]] += 1
        return []

    # Data ------------------------------------------------------------------------------------------------------

    def _hear_books(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for book in _books(data):
            bids, asks = levels(book.bids), levels(book.asks)
            link = book.u or 0
            if asset not in self.awaited and link and link <= self._last[asset]:
                continue  # it came twice
            at_ns = venue_ns(book.t, now_ns)
            self.note_lag(now_ns, at_ns)
            self.awaited.pop(asset, None)
            self.ungranted.pop(("channels", self.symbols[asset]), None)  # data say that they were granted, too
            self._last[asset] = link
            events += self.seen(asset, self.books[asset].snapshot(bids, asks, now_ns, at_ns, link), now_ns)
        return events

    def _hear_updates(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for change in _updates(data):
            bids, asks = levels(change.update.bids), levels(change.update.asks)
            last = self._last[asset]
            if asset in self.awaited or (change.u is not None and change.u == last):
                continue  # of the subscription before, or it came twice
            if change.pu is None or change.u is None or change.pu != last:
                self.counts.gaps += 1
                events += self.lose(asset, f"a change belongs behind {change.pu}, we are at {last}", now_ns)
                continue
            at_ns = venue_ns(change.t, now_ns)
            self.note_lag(now_ns, at_ns)
            self._last[asset] = change.u
            events += self.seen(asset, self.books[asset].change(bids, asks, now_ns, at_ns, change.u), now_ns)
        return events

    def _hear_trades(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        """Newest first, told oldest first. What comes first is the past.

        Fills of one match may share an id: each is known by id, price, size and which of its equals it is.
        """
        events: list[MarketEvent] = []
        equals: Counter[tuple[Any, ...]] = Counter()
        is_past = asset not in self._with_trades
        for trade in reversed(_trades(data)):
            price, size = above_zero(trade.p), above_zero(trade.q)
            fill = (str(trade.d), price, size)
            equals[fill] += 1
            if not self.recent[asset].is_new((*fill, equals[fill])) or is_past:
                continue
            trade_id = f"{trade.d}:{trade.p}:{trade.q}:{equals[fill]}"
            at_ns, taker = venue_ns(trade.t, now_ns), taker_of(trade.s)
            events.append(SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, trade_id))
        self._with_trades.add(asset)
        return events

    def _hear_tickers(self, asset: str, data: msgspec.Raw, now_ns: int) -> list[MarketEvent]:
        events: list[MarketEvent] = []
        for ticker in _tickers(data):
            bid, ask, bid_size, ask_size = (
                or_none(str(value or "")) for value in (ticker.b, ticker.k, ticker.bs, ticker.ks)
            )
            at_ns = venue_ns(ticker.t, now_ns)
            events.append(SpotQuote(now_ns, self.venue, asset, bid, bid_size, ask, ask_size, at_ns))
        return events


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [CryptoComSocket("crypto_com", symbols, endpoint, counts_of("crypto_com"))]


CRYPTO_COM = Venue(
    name="crypto_com",
    title="Crypto.com",
    symbols={asset: f"{asset}_USD" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE")},
    endpoint=Endpoint("wss://stream.crypto.com"),
    sockets=sockets,
)
