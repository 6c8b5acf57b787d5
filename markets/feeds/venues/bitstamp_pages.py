"""Bitstamp's pages: a book begins with one, and is compared with another every few minutes."""

from math import inf

from markets.core.events import SpotLevel
from markets.core.venue_book import VenueBook

DEEP = 100  # levels of a side, beyond which the end of it may be where somebody has cut
Diff = tuple[int, list[SpotLevel], list[SpotLevel]]  # microseconds, bids, asks


class Paging:
    """Where one book is with its pages. Times of differences and pages are in the venue's microseconds."""

    __slots__ = ("base_us", "buffer", "fetch_ns", "is_fetching", "last_us", "need_us", "page", "page_ns", "page_us")

    def __init__(self) -> None:
        self.base_us = 0  # differences up to this are in the page that the book began with
        self.last_us = 0  # the newest difference that was heard
        self.need_us = 0  # a page older than this lacks what was heard before it was asked for
        self.buffer: list[Diff] = []  # what was heard since the page was asked for
        self.is_fetching = False
        self.fetch_ns = 0  # when to ask for the next page, 0: when something else says so
        self.page: VenueBook | None = None  # a page that waits until we have heard what it has
        self.page_us = self.page_ns = 0  # of what time that is, and when it came

    def fetching(self) -> None:
        """A page is asked for."""
        self.need_us, self.buffer = self.last_us, []  # 0: nothing was heard yet
        self.is_fetching, self.fetch_ns, self.page = True, 0, None

    @property
    def first_us(self) -> int:
        """The first difference that was heard since the page was asked for, 0 when there is none."""
        return self.buffer[0][0] if self.buffer else 0

    def up_to_now(self, page: VenueBook) -> VenueBook:
        """The page and what was heard after its time. The waiting is over: from here on the book is that of now."""
        for at_us, bids, asks in self.buffer:
            if at_us > self.page_us:
                page.change(bids, asks)
        self.page, self.buffer = None, []
        self.base_us, self.last_us = self.page_us, max(self.last_us, self.page_us)
        return page


def differing(ours: VenueBook, theirs: VenueBook) -> int:
    """How many levels are in one of them only, or have another size; of deep books as deep as both of them go, for
    pages may be cut off somewhere, and differences too."""
    least, most = 0.0, inf
    if min(len(ours.bids), len(theirs.bids)) >= DEEP:
        least = max(min(ours.bids), min(theirs.bids))
    if min(len(ours.asks), len(theirs.asks)) >= DEEP:
        most = min(max(ours.asks), max(theirs.asks))
    bids = {price for price, _ in ours.bids.items() ^ theirs.bids.items() if price >= least}
    asks = {price for price, _ in ours.asks.items() ^ theirs.asks.items() if price <= most}
    return len(bids) + len(asks)
