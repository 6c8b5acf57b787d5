"""Counts: what one connection to a venue has seen, for the page, the records and the decision to believe it."""

from collections import Counter, deque
from collections.abc import Iterable

KEPT_WORDS = 5
MOST_NAMES = 200  # that are told apart
OTHERS = "others"
LAGS = 201  # an odd number of the last lags, for their median


class Tally(Counter[str]):
    """Counts by name. The names come from outside: when there are very many, new ones are counted together."""

    def __setitem__(self, name: str, count: int) -> None:
        if name in self or len(self) < MOST_NAMES:
            super().__setitem__(name, count)
        else:
            super().__setitem__(OTHERS, self[OTHERS] + count)


class Counts:
    """Everything a feed counts. Whoever reads it may do so at any time; only the feed's own task writes."""

    __slots__ = (
        "books", "bytes", "connects", "events", "frames", "gaps", "lags_ns", "late", "missing", "quotes", "resyncs", "trades",
        "unknown", "unreadable", "words",
    )  # fmt: skip

    def __init__(self) -> None:
        self.connects = 0  # connections made
        self.frames = 0
        self.bytes = 0
        self.events = 0
        self.trades = self.quotes = self.books = 0
        self.unreadable = 0  # frames that could not be parsed, or said what cannot be
        self.gaps = 0  # messages that must have been lost, as sequence numbers tell
        self.resyncs = 0  # books thrown away and asked for again: after a gap, a wrong checksum, a crossed book
        self.unknown = Tally()  # kinds of message, and "kind.field"s, that we do not know
        self.missing = Tally()  # "kind.field"s that were expected and absent
        self.words: deque[str] = deque(maxlen=KEPT_WORDS)  # the last complaints, the venue's and our own
        self.late: dict[str, tuple[int, int]] = {}  # what did not come in time: how often in a row, and when last
        self.lags_ns: deque[int] = deque(maxlen=LAGS)  # receipt less the venue's own time

    def complain(self, text: str) -> None:
        """Keep a complaint, each once."""
        text = text[:200]
        if text not in self.words:
            self.words.append(text)

    def note_fields(self, kind: str, names: Iterable[str], known: frozenset[str], needed: frozenset[str]) -> None:
        """Compare the fields of one message with those we know and those we need."""
        present = frozenset(names)
        for name in sorted(present - known):
            self.unknown[f"{kind}.{name}"] += 1
        for name in sorted(needed - present):
            self.missing[f"{kind}.{name}"] += 1

    @property
    def lag_ns(self) -> int | None:
        """The median of the last lags, None before there is one. Clocks that differ are in it."""
        return sorted(self.lags_ns)[len(self.lags_ns) // 2] if self.lags_ns else None
