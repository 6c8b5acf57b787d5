"""Gemini, the API of 2026: books as ranges of ids that overlap by one, trades, and the best bid and ask.

The names are Binance's, the rules are not: ids are sparse, and a change begins with the id that the one before ended
with. The first change of a book is its snapshot, the only kind that begins and ends with the same id.
"""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Venue, VenueSocket
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import Taker, WordedSocket, above_zero, levels, or_none

STREAMS = ("depth@100ms", "trade", "bookTicker")
BOOK = STREAMS[0]
PING_S = 10


class Fault(msgspec.Struct, gc=False):
    """What went wrong, in the venue's words."""

    code: int = 0
    msg: str = ""


class Head(msgspec.Struct, gc=False):
    """What tells the kinds of frames apart: only changes of books name theirs."""

    e: str = ""
    s: str = ""
    t: int | None = None  # a trade has its id
    B: str | None = None  # a best bid has its size
    id: int | str | None = None  # an answer has the id of its question
    status: int = 0
    error: Fault | None = None


class Depth(msgspec.Struct, gc=False):
    """A change of a book: sizes that are true from `u` on."""

    E: int
    s: str
    U: int
    u: int
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]
    e: str = ""


class Trade(msgspec.Struct, gc=False):
    """One trade; `m`: the buyer was the maker."""

    E: int
    s: str
    t: int
    p: str
    q: str
    m: bool


class BookTicker(msgspec.Struct, gc=False):
    """The best bid and ask, "" where there is none."""

    u: int
    E: int
    s: str
    b: str
    B: str
    a: str
    A: str


FIELDS: dict[str, Fields] = {
    "depthUpdate": fields_of(Depth),
    "trade": fields_of(Trade),
    "bookTicker": fields_of(BookTicker, "c", "C"),  # the last trade
}
_head = msgspec.json.Decoder(Head).decode
_depth = msgspec.json.Decoder(Depth).decode
_trade = msgspec.json.Decoder(Trade).decode
_ticker = msgspec.json.Decoder(BookTicker).decode


class GeminiSocket(WordedSocket):
    """Books, trades and best prices on one connection; one subscribe message an asset, so that a refusal names it."""

    stale_after_s = 25.0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._asked: dict[int, str] = {}  # our questions that wait for an answer, to the asset they are about
        self._questions = 0
        self._pinged_ns = 0
        self._last = dict.fromkeys(symbols, 0)  # id up to which each book is true
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """Every book begins whole."""
        return f"{self.endpoint.ws}?snapshot=-1"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """Subscribe."""
        self._pinged_ns = now_ns
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        for asset, symbol in self.symbols.items():
            self.ungranted["streams", symbol] = now_ns
            self._ask("subscribe", asset, STREAMS)
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        try:
            head = _head(frame)
            if head.e == "depthUpdate":
                return self._hear_depth(frame, now_ns)
            if head.id is not None:
                return self._hear_answer(head, now_ns)
            if head.e:
                self.counts.unknown[head.e[:40]] += 1
                return []
            if head.t is not None:
                return self._hear_trade(frame, now_ns)
            if head.B is not None:
                return self._hear_ticker(frame, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None
        self.counts.unknown["a frame without a kind"] += 1
        return []

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Ping: a quiet book says nothing."""
        if now_ns - self._pinged_ns >= PING_S * SECOND_NS:
            self._pinged_ns = now_ns
            self._questions += 1
            self.to_send.append(text_of({"id": self._questions, "method": "ping"}))
        return super().due(now_ns)

    def resync(self, asset: str, now_ns: int) -> None:
        """Subscribe again: the book begins whole once more."""
        self._ask("unsubscribe", asset, (BOOK,))
        self._ask("subscribe", asset, (BOOK,))

    def _ask(self, method: str, asset: str, streams: Sequence[str]) -> None:
        self._questions += 1
        self._asked[self._questions] = asset if method == "subscribe" else ""
        params = [f"{self.symbols[asset]}@{stream}" for stream in streams]
        self.to_send.append(text_of({"id": self._questions, "method": method, "params": params}))

    def _hear_depth(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        self._census.look("depthUpdate", frame)
        depth = _depth(frame)
        asset = self.assets.get(depth.s)
        if asset is None:
            return self.stranger("depthUpdate", depth.s)
        first, end = depth.U, depth.u
        if first > end:
            raise ValueError(f"a change from {first} to {end}")
        bids, asks = levels(depth.b), levels(depth.a)
        at_ns = venue_ns(depth.E, now_ns)
        self.note_lag(now_ns, at_ns)
        last, kept = self._last[asset], self.books[asset]
        if asset in self.awaited:
            if first != end:
                return []  # of the subscription before
            del self.awaited[asset]
            self.ungranted.pop(("streams", self.symbols[asset]), None)  # data say that they were granted, too
            self._last[asset] = end
            return self.seen(asset, kept.snapshot(bids, asks, now_ns, at_ns, end), now_ns)
        if end <= last:
            return []
        if first > last:
            self.counts.gaps += 1
            return self.lose(asset, f"a change begins with {first}, the one before ended with {last}", now_ns)
        self._last[asset] = end
        return self.seen(asset, kept.change(bids, asks, now_ns, at_ns, end), now_ns)

    def _hear_trade(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        self._census.look("trade", frame)
        trade = _trade(frame)
        asset = self.assets.get(trade.s)
        if asset is None:
            return self.stranger("trade", trade.s)
        price, size = above_zero(trade.p), above_zero(trade.q)
        if not self.recent[asset].is_new(trade.t):
            return []
        at_ns = venue_ns(trade.E, now_ns)
        taker: Taker = "sell" if trade.m else "buy"
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, taker, str(trade.t))]

    def _hear_ticker(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        self._census.look("bookTicker", frame)
        ticker = _ticker(frame)
        asset = self.assets.get(ticker.s)
        if asset is None:
            return self.stranger("bookTicker", ticker.s)
        bid, ask = or_none(ticker.b), or_none(ticker.a)
        bid_size, ask_size = or_none(ticker.B), or_none(ticker.A)
        at_ns = venue_ns(ticker.E, now_ns)
        return [SpotQuote(now_ns, self.venue, asset, bid, bid_size, ask, ask_size, at_ns)]

    def _hear_answer(self, head: Head, now_ns: int) -> list[MarketEvent]:
        asset = self._asked.pop(int(head.id or 0), "") if str(head.id).isdecimal() else ""
        if head.error is None and head.status < 400:
            if asset:
                self.ungranted.pop(("streams", self.symbols[asset]), None)
            return self.beat(now_ns)
        words = f"{head.error.msg} ({head.error.code})" if head.error else f"status {head.status}"
        if asset:
            return self.refuse(asset, words, now_ns)
        self.counts.complain(words)
        return []


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [GeminiSocket("gemini", symbols, endpoint, counts_of("gemini"))]


GEMINI = Venue(
    name="gemini",
    title="Gemini",
    symbols={asset: f"{asset.lower()}usd" for asset in ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "ZEC")},
    endpoint=Endpoint("wss://ws.gemini.com"),
    sockets=sockets,
)
