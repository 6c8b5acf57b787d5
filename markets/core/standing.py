"""Standing: what is true at a moment, so that a stretch of events can be understood without all that came before."""

from collections.abc import Callable, Container, Iterator
from typing import Any

from msgspec.structs import replace

from markets.core.book import BookError, OrderBook
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    FeedStatus,
    Level,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SeriesDrift,
    SpotBook,
    SpotLevel,
    SpotLevels,
)
from markets.core.gaps import TRADES
from markets.core.units import DAY_NS
from markets.core.venue_book import VenueBook

EXCHANGE = "kalshi"  # the feed of the markets themselves


class Standing:
    """`hears` maps the kinds of event that leave something standing to what takes them in; `told` tells what stands.

    Markets are forgotten when they settle, books when they are lost: it does not grow with time.
    """

    def __init__(self) -> None:
        self.hears: dict[type, Callable[[Any], None]] = {
            MarketListed: self._market_listed,
            MarketStatus: self._market_status,
            BookSnapshot: self._book_snapshot,
            BookDelta: self._book_delta,
            SpotBook: self._spot_book,
            SpotLevels: self._spot_levels,
            FeedStatus: self._feed_status,
            ExchangeStatus: self._exchange_status,
            SeriesDrift: self._series_drift,
        }
        self.impossible = 0  # changes that a book could not have had: it is forgotten then
        self._feeds: dict[tuple[str, str], FeedStatus] = {}
        self._paused: dict[int, ExchangeStatus] = {}  # by shard that does not trade
        self._drifts: dict[str, SeriesDrift] = {}
        self._listed: dict[str, MarketListed] = {}
        self._status: dict[str, MarketStatus] = {}
        self._books: dict[str, _Book] = {}
        self._venue_books: dict[tuple[str, str], _VenueBook] = {}

    def hear(self, event: MarketEvent) -> None:
        """Take in one event. (Who has no time for a call takes from `hears` itself.)"""
        take = self.hears.get(type(event))
        if take is not None:
            take(event)

    @property
    def venue_books(self) -> list[tuple[str, str]]:
        """(venue, asset) of each venue's book that stands."""
        return list(self._venue_books)

    def told(self, now_ns: int, lost: Container[tuple[str, str]]) -> Iterator[MarketEvent]:
        """Feeds, what stops trading, markets listed, their status, their books, then the books of venues, all received
        at `now_ns`.

        What was said of a feed's subject is told again only where it is still among the `lost` (feed, subject).
        """
        self._forget(now_ns - DAY_NS)
        for key, status in self._feeds.items():
            if not status.subject or key in lost:
                yield replace(status, received_ns=now_ns)
        for pause in self._paused.values():
            yield replace(pause, received_ns=now_ns)
        for drift in self._drifts.values():
            yield replace(drift, received_ns=now_ns)
        for listed in self._listed.values():
            yield replace(listed, received_ns=now_ns)
        for life in self._status.values():
            yield replace(life, received_ns=now_ns)
        for ticker, book in self._books.items():
            yield book.told(now_ns, ticker)
        for (venue, asset), spot in self._venue_books.items():
            yield spot.told(now_ns, venue, asset)

    def _market_listed(self, event: MarketListed) -> None:
        self._listed[event.contract.ticker] = event

    def _market_status(self, event: MarketStatus) -> None:
        if event.status == "settled":
            self._drop(event.ticker)
        else:
            self._status[event.ticker] = event

    def _forget(self, before_ns: int) -> None:
        """A market whose settlement never came is not carried along for ever."""
        for listed in list(self._listed.values()):
            if listed.contract.close_ns < before_ns:
                self._drop(listed.contract.ticker)

    def _drop(self, ticker: str) -> None:
        self._feeds.pop((EXCHANGE, ticker), None)
        self._listed.pop(ticker, None)
        self._status.pop(ticker, None)
        self._books.pop(ticker, None)

    def _book_snapshot(self, event: BookSnapshot) -> None:
        self._books[event.ticker] = _Book(event)

    def _book_delta(self, event: BookDelta) -> None:
        book = self._books.get(event.ticker)
        if book is not None and not book.change(event):
            self.impossible += 1
            del self._books[event.ticker]

    def _spot_book(self, event: SpotBook) -> None:
        self._venue_books[event.venue, event.asset] = _VenueBook(event)

    def _spot_levels(self, event: SpotLevels) -> None:
        book = self._venue_books.get((event.venue, event.asset))
        if book is not None:
            book.change(event)

    def _exchange_status(self, event: ExchangeStatus) -> None:
        self._paused.pop(event.shard, None)
        if not event.is_trading:
            self._paused[event.shard] = event

    def _series_drift(self, event: SeriesDrift) -> None:
        self._drifts.pop(event.series, None)
        if event.changes:
            self._drifts[event.series] = event

    def _feed_status(self, event: FeedStatus) -> None:
        """A loss takes the books with it. Of a whole feed the last word is kept, of a subject only that it is lost."""
        key = event.feed, event.subject
        self._feeds.pop(key, None)  # told in the order in which they were heard
        if event.state != "up" or not event.subject:
            self._feeds[key] = event
        venue, _, part = event.feed.partition("/")
        if event.state in ("up", "expected") or part == TRADES:
            return
        for spot in [spot for spot in self._venue_books if spot[0] == venue and event.subject in ("", spot[1])]:
            del self._venue_books[spot]
        if event.subject:
            self._books.pop(event.subject, None)
        elif venue == EXCHANGE:
            self._books.clear()


class _Book:
    """A market's book, with the sequence number and the time of what was heard last."""

    __slots__ = ("book", "seq", "venue_ns")

    def __init__(self, event: BookSnapshot) -> None:
        self.book = OrderBook()
        self.book.replace(event.yes, event.no)
        self.seq, self.venue_ns = event.seq, event.venue_ns

    def change(self, event: BookDelta) -> bool:
        """False when the book cannot be what was told: it is to be forgotten."""
        self.seq, self.venue_ns = event.seq, event.venue_ns
        try:
            self.book.change(event.is_yes, event.price, event.change)
        except BookError:
            return False
        return True

    def told(self, now_ns: int, ticker: str) -> BookSnapshot:
        """It as one event."""
        return BookSnapshot(now_ns, ticker, _rungs(self.book.yes), _rungs(self.book.no), self.seq, self.venue_ns)


class _VenueBook:
    """A venue's book. One that is not cut to a depth is kept without an order: nobody asks for its best price here,
    and this is done for each event that is recorded."""

    __slots__ = ("asks", "bids", "cut", "depth", "seq", "venue_ns")

    def __init__(self, event: SpotBook) -> None:
        self.depth, self.seq, self.venue_ns = event.depth, event.seq, event.venue_ns
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.cut: VenueBook | None = None
        if event.depth:
            self.cut = VenueBook()
            self.cut.replace(event.bids, event.asks, event.depth)
        else:
            _set(self.bids, event.bids)
            _set(self.asks, event.asks)

    def change(self, event: SpotLevels) -> None:
        """Some levels are another size now."""
        self.seq, self.venue_ns = event.seq, event.venue_ns
        if self.cut is not None:
            self.cut.change(event.bids, event.asks)
        else:
            _set(self.bids, event.bids)
            _set(self.asks, event.asks)

    def told(self, now_ns: int, venue: str, asset: str) -> SpotBook:
        """It as one event, best levels first."""
        bids, asks = (self.cut.bids, self.cut.asks) if self.cut is not None else (self.bids, self.asks)
        best_first = _ladder(bids, is_bid=True), _ladder(asks, is_bid=False)
        return SpotBook(now_ns, venue, asset, *best_first, self.depth, self.venue_ns, self.seq)


def _ladder(sizes: dict[float, float], *, is_bid: bool) -> tuple[SpotLevel, ...]:
    """Best levels first. (Prices alone are sorted three times as fast as pairs.)"""
    prices = sorted(sizes, reverse=is_bid)
    return tuple(zip(prices, map(sizes.__getitem__, prices), strict=True))


def _set(sizes: dict[float, float], levels: tuple[SpotLevel, ...]) -> None:
    for price, size in levels:
        if size > 0.0:
            sizes[price] = size
        else:
            sizes.pop(price, None)


def _rungs(ladder: dict[int, int]) -> tuple[Level, ...]:
    return tuple(sorted(ladder.items(), reverse=True))
