"""Gaps: the times in which something was not heard, as the events themselves tell."""

from collections.abc import Iterable
from typing import NamedTuple

from markets.core.events import (
    BookSnapshot,
    ExchangeStatus,
    FeedBeat,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SeriesDrift,
    SpotBook,
    SpotPrice,
)

TRADES = "trades"  # the part of a feed that is no book: "coinbase/trades"
QUIET = frozenset({  # nothing is quoted in these
    FeedStatus, FeedBeat, MarketListed, MarketStatus, ExchangeStatus, SeriesDrift,
})  # fmt: skip


class Gap(NamedTuple):
    """`feed` was not heard, or what it said of `subject` not to be believed. `to_ns` of one still open is the end."""

    from_ns: int
    to_ns: int
    feed: str
    subject: str
    reason: str


class GapIndex:
    """Collects gaps from events in the order of time.

    A gap of (feed, subject) begins with the first FeedStatus "lost" or "unavailable" of both; said again, it is the
    same gap. It ends with FeedStatus "up" of both. One with a subject ends before that with what makes the subject
    believed again: the next BookSnapshot of that market; the next SpotBook of that venue and asset, or its next
    SpotPrice where the feed is the venue's trades, or no book of that venue and asset was ever told.

    `losses` counts what was lost before something else was quoted: where everything ends nothing is missing.
    It hears FeedStatus, SpotBook, BookSnapshot and SpotPrice, and while something is `pending` all other kinds too.
    """

    def __init__(self) -> None:
        self.losses = 0
        self.pending = 0  # losses after which nothing was quoted yet
        self._open: dict[tuple[str, str], tuple[int, str]] = {}
        self._over: list[Gap] = []
        self._with_book: set[tuple[str, str]] = set()

    def hear(self, event: MarketEvent) -> None:
        """Take in one event; most kinds mean nothing here."""
        if self.pending and type(event) not in QUIET:
            self.losses += self.pending
            self.pending = 0
        if isinstance(event, FeedStatus):
            self._status(event)
        elif isinstance(event, SpotBook):
            self._with_book.add((event.venue, event.asset))
            if self._open:
                self._end(event.venue, event.asset, event.received_ns, is_trade=False)
        elif not self._open:
            return
        elif isinstance(event, BookSnapshot):
            for key in [key for key in self._open if key[1] == event.ticker]:
                self._shut(key, event.received_ns)
        elif isinstance(event, SpotPrice):
            self._end(event.venue, event.asset, event.received_ns, is_trade=True)

    def told(self, end_ns: int) -> tuple[Gap, ...]:
        """All gaps by their beginning; those still open go to `end_ns`."""
        still = [Gap(from_ns, end_ns, *key, reason) for key, (from_ns, reason) in self._open.items()]
        return tuple(sorted([*self._over, *still]))

    @property
    def is_open(self) -> bool:
        """Whether there is a gap now."""
        return bool(self._open)

    @property
    def open_ones(self) -> frozenset[tuple[str, str]]:
        """(feed, subject) of each gap that is open."""
        return frozenset(self._open)

    def begin_part(self, now_ns: int, with_book: Iterable[tuple[str, str]]) -> None:
        """The next part of a recording begins: what is open goes on, in a gap that begins now; these (venue, asset)
        have a book there."""
        self.losses = 0
        self._over.clear()
        self._open = {key: (now_ns, reason) for key, (_, reason) in self._open.items()}
        self._with_book = set(with_book)

    def _status(self, event: FeedStatus) -> None:
        key = event.feed, event.subject
        self.pending += event.state == "lost"
        if event.state in ("lost", "unavailable"):
            self._open.setdefault(key, (event.received_ns, event.reason))
        elif event.state == "up" and key in self._open:
            self._shut(key, event.received_ns)

    def _end(self, venue: str, asset: str, now_ns: int, *, is_trade: bool) -> None:
        for key in list(self._open):
            feed, subject = key
            name, _, part = feed.partition("/")
            if name == venue and subject == asset:
                wants_trade = part == TRADES or (is_trade and (venue, asset) not in self._with_book)
                if wants_trade == is_trade:
                    self._shut(key, now_ns)

    def _shut(self, key: tuple[str, str], now_ns: int) -> None:
        from_ns, reason = self._open.pop(key)
        self._over.append(Gap(from_ns, now_ns, *key, reason))


def joined(parts: list[tuple[int, int, tuple[Gap, ...]]]) -> tuple[Gap, ...]:
    """The gaps of a whole from those of its parts, each (first_ns, last_ns, gaps): one that a part ends in and the
    next begins with is one gap."""
    known: list[Gap] = []
    open_ones: dict[tuple[str, str], int] = {}
    for first_ns, last_ns, gaps in parts:
        still: dict[tuple[str, str], int] = {}
        for gap in gaps:
            key = gap.feed, gap.subject
            at = open_ones.get(key) if gap.from_ns == first_ns else None
            if at is None:
                at = len(known)
                known.append(gap)
            else:
                known[at] = known[at]._replace(to_ns=gap.to_ns)
            if gap.to_ns == last_ns:
                still[key] = at
        open_ones = still
    return tuple(sorted(known))
