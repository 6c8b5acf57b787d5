"""What is true at a moment: markets, their status, all books, told to whoever joins late."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from markets.core.book import OrderBook
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SeriesDrift,
    SpotBook,
    SpotLevels,
    SpotQuote,
)
from markets.core.venue_book import VenueBook


class Standing:
    """Hears events that a newcomer missed; `told` gives the events that bring the newcomer up to date."""

    def __init__(self) -> None:
        self._shards: dict[int, ExchangeStatus] = {}
        self._drifts: dict[str, SeriesDrift] = {}
        self._listed: dict[str, MarketListed] = {}
        self._status: dict[str, MarketStatus] = {}
        self._books: dict[str, tuple[OrderBook, int]] = {}
        self._spot_books: dict[tuple[str, str], tuple[VenueBook, int]] = {}  # by venue and asset; the venue's time
        self._spot_quotes: dict[tuple[str, str], SpotQuote] = {}

    def hear(self, events: Iterable[MarketEvent]) -> None:
        """Take up what these events changed; prices and prints are soon repeated and are not kept."""
        for event in events:
            if isinstance(event, SpotLevels):
                spot_book, _ = self._spot_books[event.venue, event.asset]
                spot_book.change(event.bids, event.asks)
                self._spot_books[event.venue, event.asset] = spot_book, event.venue_ns
            elif isinstance(event, SpotBook):
                spot_book = VenueBook()
                spot_book.replace(event.bids, event.asks)
                self._spot_books[event.venue, event.asset] = spot_book, event.venue_ns
            elif isinstance(event, SpotQuote):
                self._spot_quotes[event.venue, event.asset] = event
            elif isinstance(event, BookDelta):
                book, _ = self._books[event.ticker]
                book.change(event.is_yes, event.price, event.change)
                self._books[event.ticker] = book, event.seq
            elif isinstance(event, BookSnapshot):
                book = OrderBook()
                book.replace(event.yes, event.no)
                self._books[event.ticker] = book, event.seq
            else:
                self._note(event)

    def told(self, now_ns: int) -> Iterator[MarketEvent]:
        """Whether the exchange trades and what changed in its contracts, listings, then status, then whole books, then
        the spot venues' books and best prices, all stamped `now_ns`.

        What has just settled is told too: a newcomer may have been away at that very moment, and hold some of it.
        """
        for shard in self._shards.values():
            yield replace(shard, received_ns=now_ns)
        for drift in self._drifts.values():
            yield replace(drift, received_ns=now_ns)
        for listed in self._listed.values():
            yield MarketListed(now_ns, listed.contract)
        for status in self._status.values():
            yield replace(status, received_ns=now_ns)
        for ticker, (book, seq) in self._books.items():
            yield BookSnapshot(now_ns, ticker, _levels(book.yes), _levels(book.no), seq, now_ns)
        for (venue, asset), (spot_book, venue_ns) in self._spot_books.items():
            bids, asks = tuple(spot_book.top_bids(0)), tuple(spot_book.top_asks(0))
            yield SpotBook(now_ns, venue, asset, bids, asks, 0, venue_ns)
        for quote in self._spot_quotes.values():
            yield replace(quote, received_ns=now_ns)

    def _note(self, event: MarketEvent) -> None:
        """What is no price."""
        if isinstance(event, MarketListed):
            self._listed[event.contract.ticker] = event
        elif isinstance(event, ExchangeStatus):
            self._shards[event.shard] = event
        elif isinstance(event, SeriesDrift):
            self._drifts[event.series] = event
        elif isinstance(event, MarketStatus):
            self._status[event.ticker] = event
            if event.status == "settled":
                self._books.pop(event.ticker, None)


def _levels(ladder: dict[int, int]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted(ladder.items(), reverse=True))
