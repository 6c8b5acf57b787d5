"""What a tape holds, counted by reading all of it."""

from pathlib import Path
from typing import Any

import msgspec

from markets.core.events import FeedStatus, MarketListed
from markets.core.gaps import QUIET
from markets.tape import TapeError, TapeHeader, files_of
from markets.tapes.facts import FileFacts, fingerprint, fingerprint_of_all
from markets.tapes.reading import rows_reading
from markets.tapes.words import MARKET_KINDS

MARKET_EVENTS = frozenset(kind.__name__ for kind in MARKET_KINDS)
QUIET_NAMES = frozenset(kind.__name__ for kind in QUIET)


class TapeCount(msgspec.Struct):
    """All files of a tape. `gaps` counts the losses of a feed after which something else was still quoted: a
    recording's own end is none."""

    header: TapeHeader
    files: list[FileFacts]

    @property
    def events(self) -> int:
        """Of all files, each once."""
        return sum(file.events for file in self.files)

    @property
    def first_ns(self) -> int:
        """The first event of the market, 0 when there is none."""
        return next((file.first_ns for file in self.files if file.first_ns), 0)

    @property
    def last_ns(self) -> int:
        """The last event of the market."""
        return max(file.last_ns for file in self.files)

    @property
    def markets(self) -> int:
        """How many were listed."""
        return self.files[0].carried + sum(file.markets for file in self.files)

    @property
    def gaps(self) -> int:
        """How often a feed was lost in between."""
        return sum(file.losses for file in self.files)

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.size_bytes for file in self.files)

    @property
    def sha256(self) -> str:
        """The fingerprint, in hex."""
        return fingerprint_of_all(self.files)

    @property
    def cut(self) -> bool:
        """Whether its writer died."""
        return any(file.cut for file in self.files)


def tape_count(path: Path) -> TapeCount:
    """Read all that `path` stands for to its end. Raises TapeError when it is damaged or its market events are out of
    order."""
    counting = _Counting()
    files = [counting.read(file) for file in files_of(path)]
    assert counting.header is not None  # noqa: S101 - a file without one was an error
    return TapeCount(counting.header, files)


def file_count(path: Path) -> tuple[TapeHeader, FileFacts]:
    """Read one file to its end. Raises TapeError."""
    counting = _Counting()
    facts = counting.read(path)
    assert counting.header is not None  # noqa: S101 - a file without one was an error
    return counting.header, facts


class _Counting:
    """One file after the other; the order of time goes on from one to the next."""

    def __init__(self) -> None:
        self.header: TapeHeader | None = None
        self._last_ns = 0
        self._pending = 0  # losses after which nothing was quoted yet

    def read(self, path: Path) -> FileFacts:
        facts = FileFacts(path.name, 0, 0, 0, 0, 0, 0, path.stat().st_size if path.is_file() else 0, fingerprint(path))
        reading = rows_reading(path)
        carried: set[str] = set()
        listed: set[str] = set()
        left = -1
        for heard, row in enumerate(reading, 1):
            if left < 0:
                left = self._begin(reading.header)
            if row[0] in MARKET_EVENTS:  # the rest is a session's own: orders, decisions
                self._time(path, heard, row[1])
                facts.first_ns = facts.first_ns or row[1]
                facts.last_ns = row[1]
                if row[0] == MarketListed.__name__:
                    (carried if left else listed).add(row[2][0])
                if not left:
                    self._loss(facts, row)
            left -= left > 0
        self._begin(reading.header)
        facts.events, facts.markets, facts.carried = reading.events, len(listed - carried), len(carried)
        facts.cut = reading.end is not None and reading.end.cut
        return facts

    def _begin(self, header: TapeHeader | None) -> int:
        if self.header is None:
            self.header = header
        return header.preface if header else 0

    def _time(self, path: Path, number: int, received_ns: int) -> None:
        if received_ns < self._last_ns:
            raise TapeError(f"{path}: event {number} is {self._last_ns - received_ns} ns older than the one before it.")
        self._last_ns = received_ns

    def _loss(self, facts: FileFacts, row: list[Any]) -> None:
        if row[0] not in QUIET_NAMES:
            facts.losses += self._pending
            self._pending = 0
        elif row[0] == FeedStatus.__name__:
            self._pending += row[3] == "lost"
