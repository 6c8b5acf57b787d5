"""LMAX Digital: the whole book once a second, and a ticker a trade, which does not say who took.

Nothing can be out of step here: every book is whole. The venue closes for about five minutes a day; and it ends
connections that ping often, so that a silent one is noticed by its silence alone.
"""

from collections.abc import Callable, Sequence

import msgspec

from markets.core.events import MarketEvent, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, Reconnect, Venue, VenueSocket
from markets.feeds.venues.common import text_of, unreadable
from markets.feeds.venues.constituent import WordedSocket, above_zero, levels

CHANNELS = BOOK, TICKER = "ORDER_BOOK", "TICKER"
SILENT_S, DEAD_S = 5, 9  # books come once a second
BREAK = "LMAX closes for about five minutes a day"


class Instruments(msgspec.Struct, gc=False):
    """A channel and what it tells of."""

    name: str
    instruments: list[str] = []


class Head(msgspec.Struct, gc=False):
    """What is to be known of a frame before it is read: its kind; complaints and grants are all in here."""

    type: str
    channels: list[Instruments] = []
    error_code: str = ""
    error_message: str = ""


class Level(msgspec.Struct, gc=False):
    """One level."""

    price: str
    quantity: str


class Book(msgspec.Struct, gc=False):
    """The whole book."""

    timestamp: str
    bids: list[Level]
    asks: list[Level]
    instrument_id: str = ""
    instrument: str = ""  # the documents leave open which of the two it is
    type: str = ""


class Ticker(msgspec.Struct, gc=False):
    """The last trade."""

    timestamp: str
    trade_id: str
    last_price: str
    last_quantity: str
    instrument_id: str = ""
    instrument: str = ""
    type: str = ""


FIELDS: dict[str, Fields] = {
    BOOK: fields_of(Book),
    TICKER: fields_of(Ticker, "best_bid", "best_ask"),  # without sizes: the books have both
}
_head = msgspec.json.Decoder(Head).decode
_book = msgspec.json.Decoder(Book).decode
_ticker = msgspec.json.Decoder(Ticker).decode


class LmaxSocket(WordedSocket):
    """Books and trades on one connection."""

    stale_after_s = 10.0
    ping_interval_s = None

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self._opened_ns = self._heard_ns = 0
        self._book_ns = dict.fromkeys(symbols, 0)  # when the last book came
        self._stamps = dict.fromkeys(symbols, "")  # and what time it bears; as text it sorts by time
        self._census = Census(counts, FIELDS)

    @property
    def url(self) -> str:
        """The one address."""
        return f"{self.endpoint.ws}/v1/web-socket"

    def opened(self, now_ns: int) -> list[MarketEvent]:
        """One message an asset: one that is not traded here shall not spoil the others."""
        self._opened_ns = self._heard_ns = now_ns
        self.awaited = dict.fromkeys(self.symbols, now_ns)
        for symbol in self.symbols.values():
            self.ungranted |= {(channel, symbol): now_ns for channel in CHANNELS}
            channels = [{"name": channel, "instruments": [symbol]} for channel in CHANNELS]
            self.to_send.append(text_of({"type": "SUBSCRIBE", "channels": channels}))
        return []

    def resync(self, asset: str, now_ns: int) -> None:
        """The next book is whole; it comes within a second."""

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        """One frame."""
        self._heard_ns = now_ns
        try:
            head = _head(frame)
            self._census.look(head.type, frame)
            if head.type == BOOK:
                return self._hear_book(frame, now_ns)
            if head.type == TICKER:
                return self._hear_ticker(frame, now_ns)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise unreadable(frame, error) from None
        if head.type == "SUBSCRIPTIONS":
            for channel in head.channels:
                for symbol in channel.instruments:
                    self.ungranted.pop((channel.name, symbol), None)
            return []
        if head.type == "ERROR":
            return self.heard_words(f"{head.error_message} ({head.error_code})")
        self.counts.unknown[head.type[:40]] += 1
        return []

    def due(self, now_ns: int) -> list[MarketEvent]:
        """Notice the daily break, and any other silence."""
        if now_ns - self._heard_ns > DEAD_S * SECOND_NS:
            raise Reconnect(f"nothing was heard for {DEAD_S} s; {BREAK}")
        events: list[MarketEvent] = []
        for asset, kept in self.books.items():
            if kept.stands and now_ns - self._book_ns[asset] > SILENT_S * SECOND_NS:
                events += kept.lose(f"no book for {SILENT_S} s; {BREAK}", now_ns)
        return events + super().due(now_ns)

    def _hear_book(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        book = _book(frame)
        symbol = book.instrument_id or book.instrument
        asset = self.assets.get(symbol)
        if asset is None:
            return self.stranger(BOOK, symbol)
        bids = levels((level.price, level.quantity) for level in book.bids)
        asks = levels((level.price, level.quantity) for level in book.asks)
        kept, at_ns = self.books[asset], venue_ns(book.timestamp, now_ns)
        if kept.stands and book.timestamp < self._stamps[asset] and at_ns:
            return []  # older than what we have
        if kept.stands and book.timestamp == self._stamps[asset] and at_ns:
            self._book_ns[asset] = now_ns  # nothing has changed, and it says so
            return self.beat(now_ns)
        self.ungranted.pop((BOOK, symbol), None)
        self.awaited.pop(asset, None)
        self.note_lag(now_ns, at_ns)
        self._book_ns[asset], self._stamps[asset] = now_ns, book.timestamp
        if not bids and not asks:
            return self.beat(now_ns, at_ns) + kept.lose(f"the book is empty; {BREAK}", now_ns)
        return self.beat(now_ns, at_ns) + kept.snapshot(bids, asks, now_ns, at_ns)

    def _hear_ticker(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        trade = _ticker(frame)
        symbol = trade.instrument_id or trade.instrument
        asset = self.assets.get(symbol)
        if asset is None:
            return self.stranger(TICKER, symbol)
        price, size = above_zero(trade.last_price), above_zero(trade.last_quantity)
        is_first = self.ungranted.pop((TICKER, symbol), None) is not None
        at_ns = venue_ns(trade.timestamp, now_ns)
        if not self.recent[asset].is_new(trade.trade_id) or (is_first and at_ns < self._opened_ns):
            return []
        return [SpotPrice(now_ns, self.venue, asset, price, size, at_ns, "", trade.trade_id)]


def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    """One connection for everything."""
    return [LmaxSocket("lmax", symbols, endpoint, counts_of("lmax"))]


LMAX = Venue(
    name="lmax",
    title="LMAX Digital",
    symbols={asset: f"{asset.lower()}-usd" for asset in ("BTC", "ETH", "SOL", "XRP")},
    endpoint=Endpoint("wss://public-data-api.london-digital.lmax.com"),
    sockets=sockets,
)
