"""One market's snapshots and deltas, followed in sequence: what of them can be believed, and where they break off."""

from collections.abc import Iterator, Sequence
from heapq import merge
from typing import NamedTuple

from markets.core.book import BookError, OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, Level, MarketEvent
from markets.core.units import PRICE_DOLLAR
from markets.recording.clock import steady
from markets.recording.parquet import Delta, Row
from markets.recording.summary import RunSummary

FEED = "kalshi"
SILENCE_US = 5_000_000
ENDS = "the recording ends"
PRICE_PER_MIL = 10

Timed = tuple[int, MarketEvent]


class Link(NamedTuple):
    """A snapshot or a delta at its tape time (microseconds)."""

    time_us: int
    seq: int
    rank: int
    message: Delta | Row


class Passage(NamedTuple):
    """The best prices of a book while it could be believed, by venue time: (exch_us, bid, ask) at each change."""

    times_us: list[int]
    quotes: list[tuple[int, int]]


class Chain:
    """Follows one market's book. `ends_us` is when nothing more is owed: the market's close or the run's end.

    A snapshot begins a book; each delta must carry the next sequence number. A hole, a level below zero or a
    stream that ends too early loses the book: FeedStatus says so, and deltas are refused until a snapshot.
    """

    def __init__(self, ticker: str, summary: RunSummary, *, ends_us: int) -> None:
        self.ticker = ticker
        self.summary = summary
        self.ends_us = ends_us
        self.passages: list[Passage] = []
        self._book = OrderBook()
        self._seq: int | None = None
        self._exch_us = 0
        self._was_lost = False

    def follow(self, snapshots: Sequence[Row], deltas: Sequence[Delta]) -> Iterator[Timed]:
        """The events of the book with their tape times in microseconds, in order."""
        links = list(merge(self._snapshots(snapshots), self._deltas(deltas)))
        for position, link in enumerate(links):
            after = links[position + 1] if position + 1 < len(links) else None
            if isinstance(link.message, Delta):
                yield from self._delta(link, link.message)
            else:
                yield from self._snapshot(link, link.message, after)
            if self._seq is not None and self._breaks_off(link, self._seq + 1, after):
                yield self._lose(link.time_us, "the recorded book breaks off here")

    def _deltas(self, rows: Sequence[Delta]) -> Iterator[Link]:
        for time_us, row in zip(steady((row.recv_us for row in rows), self.summary), rows, strict=True):
            yield Link(time_us, row.seq, 1, row)

    def _snapshots(self, rows: Sequence[Row]) -> Iterator[Link]:
        for time_us, row in zip(steady((row["recv_us"] for row in rows), self.summary), rows, strict=True):
            yield Link(time_us, row["seq"], 0, row)

    def _snapshot(self, link: Link, row: Row, after: Link | None) -> Iterator[Timed]:
        yes, no = _levels(row, "yes"), _levels(row, "no")
        reason = _fault(yes, no) or ("" if not (yes or no) or _continues(link, after) else "no delta continues it")
        if reason:
            self.summary.refuse("snapshot", reason)
            if self._seq is not None:
                yield self._lose(link.time_us, "a new snapshot cannot be used")
            return
        self.summary.keep("snapshot")
        self._book.replace(yes, no)
        self._seq, self._exch_us = link.seq, 0
        self.passages.append(Passage([], []))
        time_ns = link.time_us * 1000
        yield link.time_us, BookSnapshot(time_ns, self.ticker, yes, no, link.seq)
        if self._was_lost:
            self._was_lost = False
            yield link.time_us, FeedStatus(time_ns, FEED, "up", self.ticker, "a new snapshot")

    def _delta(self, link: Link, row: Delta) -> Iterator[Timed]:
        if self._seq is None:
            self.summary.refuse("delta", "no book after a loss" if self.passages else "before a usable snapshot")
        elif row.seq == self._seq + 1:
            yield self._change(link, row)
        elif row.seq <= self._seq and row.exch_us <= self._exch_us:
            self.summary.refuse("delta", "repeated")
        else:
            self.summary.refuse("delta", "after a hole in the sequence")
            yield self._lose(link.time_us, f"sequence gap: expected {self._seq + 1}, got {row.seq}")

    def _change(self, link: Link, row: Delta) -> Timed:
        price = row.price_mil * PRICE_PER_MIL
        try:
            if not 0 < price < PRICE_DOLLAR:
                raise BookError(f"a level at {price} cannot be")
            self._book.change(row.is_yes, price, row.delta_centi)
        except BookError as error:
            self.summary.refuse("delta", "impossible book")
            return self._lose(link.time_us, f"impossible book: {error}")
        self.summary.keep("delta")
        self._seq, self._exch_us = row.seq, row.exch_us
        self._note(row.exch_us)
        venue_ns = row.exch_us * 1000
        return link.time_us, BookDelta(
            link.time_us * 1000, self.ticker, row.is_yes, price, row.delta_centi, row.seq, venue_ns
        )

    def _note(self, exch_us: int) -> None:
        """Keep the best prices where they change, and where a passage begins and ends."""
        times, quotes = self.passages[-1]
        quote = (self._book.bid, self._book.ask)
        if len(quotes) < 2 or quotes[-2] != quote or quotes[-1] != quote:
            times.append(exch_us)
            quotes.append(quote)
        else:
            times[-1] = exch_us  # the same prices still

    def _lose(self, time_us: int, reason: str) -> Timed:
        self._seq = None
        self._was_lost = True
        return time_us, FeedStatus(time_us * 1000, FEED, "lost", self.ticker, reason)

    def _breaks_off(self, link: Link, wanted_seq: int, after: Link | None) -> bool:
        """Whether the stream falls silent here although the book would have gone on."""
        if not (self._book.yes or self._book.no) or (after is not None and after.seq == wanted_seq):
            return False
        next_us = self.ends_us if after is None else min(after.time_us, self.ends_us)
        return next_us - link.time_us > SILENCE_US


def _levels(row: Row, side: str) -> tuple[Level, ...]:
    prices, sizes = row[f"{side}_price_mil"], row[f"{side}_size_centi"]
    return tuple((price * PRICE_PER_MIL, size) for price, size in zip(prices, sizes, strict=True))


def _fault(yes: tuple[Level, ...], no: tuple[Level, ...]) -> str:
    """Why a snapshot cannot be a book; empty if it can."""
    levels = yes + no
    if any(not 0 < price < PRICE_DOLLAR or size < 0 for price, size in levels):
        return "impossible level"
    if yes and no and max(yes)[0] + max(no)[0] >= PRICE_DOLLAR:
        return "crossed book"
    return ""


def _continues(link: Link, after: Link | None) -> bool:
    return after is not None and after.seq == link.seq + 1
