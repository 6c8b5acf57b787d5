"""Handover: one connection takes over from another so that nothing is lost and nothing is told twice."""

from collections.abc import Iterable

import msgspec

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.venue_book import VenueBook

REMEMBERED = 4_096  # trades told by one connection
MOST_HELD = 10_000  # trades that one connection holds back


class TradeMemory:
    """The last trades that one connection has told, by (asset, trade id)."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], None] = {}

    def note(self, trade: SpotPrice) -> None:
        """It was told."""
        if trade.trade_id:
            told = self._told
            told[trade.asset, trade.trade_id] = None
            if len(told) > REMEMBERED:
                del told[next(iter(told))]

    def __contains__(self, trade: SpotPrice) -> bool:
        """Whether it was told before, as far as we remember; one without an id never was."""
        return (trade.asset, trade.trade_id) in self._told


class Held:
    """What a second connection has heard while the first still speaks: the books as they stand, the last quotes, and
    trades. At the handover it is told as of that moment, so that time does not run backwards for who listens."""

    def __init__(self) -> None:
        self._books: dict[str, tuple[VenueBook, SpotBook | SpotLevels]] = {}
        self._depths: dict[str, int] = {}
        self._quotes: dict[str, SpotQuote] = {}
        self._trades: list[SpotPrice] = []
        self._statuses: dict[str, FeedStatus] = {}

    def hear(self, events: Iterable[MarketEvent]) -> None:
        """Keep these instead of telling them."""
        for event in events:
            if isinstance(event, SpotBook | SpotLevels):
                self._book(event)
            elif isinstance(event, SpotQuote):
                self._quotes[event.asset] = event
            elif isinstance(event, SpotPrice) and event.trade_id and len(self._trades) < MOST_HELD:
                self._trades.append(event)  # one without an id was told by the first connection, as far as we can know
            elif isinstance(event, FeedStatus):
                self._books.pop(event.subject, None)
                self._statuses[event.subject] = event

    def released(self, now_ns: int) -> list[MarketEvent]:
        """Everything, as of now, trades first; a whole book for each asset."""
        replace = msgspec.structs.replace
        told: list[MarketEvent] = [replace(trade, received_ns=now_ns) for trade in self._trades]
        told += [replace(status, received_ns=now_ns) for status in self._statuses.values()]
        for asset, (book, last) in self._books.items():
            bids, asks = tuple(book.top_bids(0)), tuple(book.top_asks(0))
            depth = self._depths[asset]
            told.append(SpotBook(now_ns, last.venue, asset, bids, asks, depth, last.venue_ns, last.seq))
        told += [replace(quote, received_ns=now_ns) for quote in self._quotes.values()]
        return told

    def _book(self, event: SpotBook | SpotLevels) -> None:
        if isinstance(event, SpotBook):
            book = VenueBook()
            book.replace(event.bids, event.asks, event.depth)
            self._depths[event.asset] = event.depth
            self._statuses.pop(event.asset, None)
        elif event.asset in self._books:
            book = self._books[event.asset][0]
            book.change(event.bids, event.asks)
        else:
            return
        self._books[event.asset] = (book, event)
