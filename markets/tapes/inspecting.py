"""What is in a tape: counts by kind and feed, rates, lags, gaps, and what an event takes of the disk."""

from array import array
from pathlib import Path
from typing import Any

import msgspec

from markets.core.gaps import Gap, GapIndex, joined
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.tapes.export import KINDS
from markets.tapes.parts import files_of
from markets.tapes.reading import rows_reading
from markets.tapes.verifying import GAP_KINDS
from markets.tapes.words import TapeHeader

EXCHANGE, SESSION = "kalshi", "session"
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
MOST_LAGS = 200_000
_VENUE_NS = {
    name: kind.__struct_fields__.index("venue_ns") + 1
    for name, kind in KINDS.items()
    if "venue_ns" in kind.__struct_fields__
}


class FeedReport(msgspec.Struct):
    """One voice on a tape. `lag_ms` are percentiles of receipt less the venue's time; empty where none was stamped."""

    events: int = 0
    events_a_second: float = 0.0
    lag_ms: dict[str, float] = {}


class TapeReport(msgspec.Struct):
    """All files of a recording together; what later parts repeat at their beginning is not counted."""

    header: TapeHeader
    files: list[str]
    events: int
    first_ns: int
    last_ns: int
    kinds: dict[str, int]
    feeds: dict[str, FeedReport]
    gaps: tuple[Gap, ...]
    plain_bytes: int
    size_bytes: int
    cut: bool

    @property
    def seconds(self) -> float:
        """From the first event of the market to the last."""
        return (self.last_ns - self.first_ns) / SECOND_NS


def inspect_tape(path: Path) -> TapeReport:
    """Read all that `path` stands for. Raises TapeError."""
    looking = _Looking()
    files = files_of(path)
    parts = [looking.read(file, is_first=place == 0) for place, file in enumerate(files)]
    assert looking.header is not None  # noqa: S101 - a file without one was an error
    report = TapeReport(
        header=looking.header,
        files=[file.name for file in files],
        events=sum(looking.kinds.values()),
        first_ns=next((first_ns for first_ns, _, _ in parts if first_ns), 0),
        last_ns=max(last_ns for _, last_ns, _ in parts),
        kinds=dict(sorted(looking.kinds.items())),
        feeds={},
        gaps=joined(parts),
        plain_bytes=looking.bytes,
        size_bytes=sum(file.stat().st_size for file in files),
        cut=looking.cut,
    )
    for feed, events in sorted(looking.feeds.items()):
        rate = events / report.seconds if report.seconds else 0.0
        report.feeds[feed] = FeedReport(events, rate, looking.lags[feed].percentiles() if feed in looking.lags else {})
    return report


class _Lags:
    """Some of the lags, evenly over all of them: each second one is forgotten whenever there are too many."""

    def __init__(self) -> None:
        self._kept = array("q")
        self._every = 1
        self._count = 0

    def note(self, lag_ns: int) -> None:
        self._count += 1
        if self._count % self._every == 0:
            self._kept.append(lag_ns)
            if len(self._kept) > MOST_LAGS:
                self._kept = self._kept[::2]
                self._every *= 2

    def percentiles(self) -> dict[str, float]:
        lags = sorted(self._kept)
        return {
            name: round(lags[min(int(share * len(lags)), len(lags) - 1)] / MILLISECOND_NS, 3)
            for name, share in SHARES.items()
            if lags
        }


class _Looking:
    def __init__(self) -> None:
        self.header: TapeHeader | None = None
        self.kinds: dict[str, int] = {}
        self.feeds: dict[str, int] = {}
        self.lags: dict[str, _Lags] = {}
        self.bytes = 0
        self.cut = False

    def read(self, path: Path, *, is_first: bool) -> tuple[int, int, tuple[Gap, ...]]:
        """One file: the times of its first and last event of the market, and its gaps."""
        reading = rows_reading(path)
        gaps, first_ns, last_ns, left = GapIndex(), 0, 0, -1
        for row in reading:
            if left < 0:
                left = reading.header.preface if reading.header and not is_first else 0
            if row[0] in KINDS:
                first_ns, last_ns = first_ns or row[1], row[1]
                if row[0] in GAP_KINDS:
                    gaps.hear(msgspec.convert(row, KINDS[row[0]]))
            if left:
                left -= 1
            else:
                self._note(row)
        self.header = self.header or reading.header
        self.bytes += reading.size
        end = reading.end
        if end is not None and end.sha256:
            self.cut = self.cut or end.cut
            return end.first_ns, end.last_ns, end.gaps
        return first_ns, last_ns, gaps.told(last_ns)

    def _note(self, row: list[Any]) -> None:
        kind = row[0]
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        is_venue = kind.startswith(("Spot", "Feed"))
        feed = (row[2] if is_venue else EXCHANGE) if kind in KINDS else SESSION
        self.feeds[feed] = self.feeds.get(feed, 0) + 1
        at = _VENUE_NS.get(kind, 0)
        if at and len(row) > at and row[at]:
            if feed not in self.lags:
                self.lags[feed] = _Lags()
            self.lags[feed].note(row[1] - row[at])
