"""What a tape covers, by reading all of it."""

from pathlib import Path

from markets.core.coverage import Coverage, CoverageIndex
from markets.tapes.parts import whole_rows
from markets.tapes.words import MARKET_KINDS

MARKET_EVENTS = frozenset(kind.__name__ for kind in MARKET_KINDS)


def coverage_of_tape(path: Path) -> Coverage:
    """Of all that `path` stands for. Raises TapeError when it cannot be read."""
    index = CoverageIndex()
    hear = index.hear
    for row in whole_rows(path):
        if row[0] in MARKET_EVENTS:  # the rest is a session's own
            hear(row)
    return index.told()
