"""KeptBook: the book of one asset as a feed keeps it, and what it tells of it; the same rules at every venue."""

from collections.abc import Iterable

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook
from markets.feeds.levels import NEAR, span, within
from markets.feeds.venue import VenueSocket

CROSSED_EVENTS = 3  # one crossed event can be real where a venue batches; so many in a row are not
CROSSED_NS = SECOND_NS


class KeptBook:
    """One asset's book on one connection. It begins lost; a snapshot makes it stand, `lose` makes it fall.

    Only levels near the mid of the last whole book are told. When the mid has wandered half of that way, the whole book
    is told anew, so that whoever listens never lacks a level that has come near, nor keeps one that went unheard.
    Sequences, chains and checksums are the venue file's business: it calls `lose` when they break.
    """

    __slots__ = ("_crossed", "_crossed_ns", "_high", "_low", "_socket", "asset", "book", "depth", "heard_ns", "stands")

    def __init__(self, socket: VenueSocket, asset: str, depth: int = 0) -> None:
        """`depth`: how many levels a side the venue keeps us told of, 0 for all."""
        self._socket, self.asset, self.depth = socket, asset, depth
        self.book = VenueBook()
        self.stands = False
        self.heard_ns = 0  # when the venue last said anything of it
        self._crossed = self._crossed_ns = 0
        self._low, self._high = 0.0, 0.0

    def snapshot(
        self, bids: Iterable[SpotLevel], asks: Iterable[SpotLevel], now_ns: int, venue_ns: int = 0, seq: int = 0
    ) -> list[MarketEvent]:
        """The whole book is this. A SpotBook; or a loss, when it comes crossed again and again. Nothing when it comes
        crossed and did not stand before: it does not stand now either (do not ask again at once, and not for ever)."""
        self.heard_ns = now_ns
        self.book.replace(bids, asks, self.depth)
        if not self.stands and self.book.is_crossed:
            self._socket.counts.complain(f"{self.asset}: a snapshot came crossed")
            return []
        self.stands = True
        return self._fallen(now_ns) or [self._whole(now_ns, venue_ns, seq)]

    def change(
        self, bids: list[SpotLevel], asks: list[SpotLevel], now_ns: int, venue_ns: int = 0, seq: int = 0
    ) -> list[MarketEvent]:
        """These levels have these sizes now. SpotLevels, or a SpotBook when the mid has wandered, or a loss (look at
        `stands`: a new snapshot is to be asked for); nothing while the book does not stand."""
        if not self.stands:
            return []
        self.heard_ns = now_ns
        book = self.book
        book.change(bids, asks)
        fallen = self._fallen(now_ns)
        if fallen:
            return fallen
        if self._has_wandered():
            return [self._whole(now_ns, venue_ns, seq)]
        low, high = self._low, self._high
        near_bids = tuple([level for level in bids if low <= level[0] <= high])
        near_asks = tuple([level for level in asks if low <= level[0] <= high])
        if not near_bids and not near_asks:
            return []
        socket = self._socket
        return [SpotLevels(now_ns, socket.venue, self.asset, near_bids, near_asks, venue_ns, seq)]

    def lose(self, reason: str, now_ns: int) -> list[MarketEvent]:
        """The book is not to be believed any more: told once, and the book is emptied."""
        if not self.stands:
            return []
        self.stands = False
        self._crossed = 0
        self.book.clear()
        return [self._socket.lost(self.asset, reason, now_ns)]

    def _whole(self, now_ns: int, venue_ns: int, seq: int) -> SpotBook:
        book = self.book
        bids, asks = within(book.bids.items(), book.asks.items())
        self._low, self._high = span(book.bid, book.ask)
        return SpotBook(now_ns, self._socket.venue, self.asset, bids, asks, self.depth, venue_ns, seq)

    def _has_wandered(self) -> bool:
        """Whether the mid is half the way to where we stopped telling; also when a side has gone or come."""
        book = self.book
        if not book.is_two_sided:
            return self._low > 0.0
        if self._low <= 0.0:
            return True
        middle = (self._low + self._high) / 2.0
        return abs((book.bid + book.ask) / 2.0 - middle) > middle * NEAR / 2.0

    def _fallen(self, now_ns: int) -> list[MarketEvent]:
        """A loss, when the book has been crossed for too long."""
        book = self.book
        if not book.is_crossed:
            self._crossed = 0
            return []
        self._crossed += 1
        if self._crossed == 1:
            self._crossed_ns = now_ns
        if self._crossed < CROSSED_EVENTS and now_ns - self._crossed_ns < CROSSED_NS:
            return []
        return self.lose(f"crossed: {book.bid:g} is bid and {book.ask:g} is asked", now_ns)
