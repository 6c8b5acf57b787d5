"""Whether a tape is consistent in itself, beyond being what was written: its books, its gaps, what its parts repeat."""

from pathlib import Path

import msgspec

from markets.core.events import MarketEvent
from markets.core.gaps import GapIndex
from markets.core.standing import Standing
from markets.tapes.parts import files_of
from markets.tapes.reading import rows_reading
from markets.tapes.words import TapeEnd

GAP_KINDS = frozenset({"BookSnapshot", "FeedStatus", "SpotBook", "SpotPrice"})


def inconsistency(path: Path) -> str:
    """What is wrong in all that `path` stands for, empty when nothing is. Raises TapeError.

    No level of a market's book may go below zero; each part must begin with exactly what the parts before it leave
    standing; the gaps in the end must be those that the events tell.
    """
    checking = _Checking()
    for file in files_of(path):
        if problem := checking.read(file):
            return f"{file}: {problem}"
    return ""


class _Checking:
    """Goes through the files in order and knows what stands."""

    def __init__(self) -> None:
        self._standing = Standing()
        self._gaps = GapIndex()
        self._is_first = True
        self._wanted = GAP_KINDS | {kind.__name__ for kind in self._standing.hears}

    def read(self, path: Path) -> str:
        """What is wrong in this file; empty when nothing is."""
        reading = rows_reading(path)
        preface: list[MarketEvent] = []
        has_begun = False
        for row in reading:
            if reading.header is not None and len(preface) < reading.header.preface:
                preface.append(msgspec.convert(row, MarketEvent))
                continue
            if not has_begun:
                has_begun = True
                if not self._begins_well(preface, row[1]):
                    return "it does not begin with what the part before it left"
            if row[0] in self._wanted:
                self._hear(msgspec.convert(row, MarketEvent))
            if self._standing.impossible:
                return f"{row} leaves a book that cannot be"
        return self._ends_well(reading.end)

    def _hear(self, event: MarketEvent) -> None:
        self._standing.hear(event)
        self._gaps.hear(event)

    def _begins_well(self, preface: list[MarketEvent], now_ns: int) -> bool:
        if self._is_first:
            self._is_first = False
            for event in preface:
                self._hear(event)
            return True
        told = list(self._standing.told(now_ns, self._gaps.open_ones))
        self._gaps.begin_part(now_ns, self._standing.venue_books)
        return told == preface

    def _ends_well(self, end: TapeEnd | None) -> str:
        if end is None or not end.sha256 or end.gaps == self._gaps.told(end.last_ns):
            return ""
        return "its end tells other gaps than its events"
