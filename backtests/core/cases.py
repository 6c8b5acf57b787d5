"""Rows as columns, for fits: which window each belongs to, and the weight that makes every window count once."""

from collections.abc import Iterator, Sequence
from math import nan
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtests.core.rows import Row, mid
from trading.core.fitted import ALL, BUCKETS

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Cases(NamedTuple):
    """Forecasts with their outcomes, n of each, in order of their close. What is not known is nan."""

    asset: npt.NDArray[np.str_]
    window: Whole  # a number for each market
    close_ns: Whole
    seconds_left: Floats
    ours: Floats  # our probability of YES
    market: Floats  # the market's own
    outcome: Floats  # 1 YES, 0 NO

    def where(self, kept: Flags | slice) -> "Cases":
        """Those of the cases."""
        asset, window, close_ns, *floats = self
        return Cases(asset[kept], window[kept], close_ns[kept], *(column[kept] for column in floats))

    @property
    def windows(self) -> int:
        """How many windows they are of. Those of several assets that close together move together: they count as one."""
        return len(np.unique(self.close_ns))

    @property
    def weights(self) -> Floats:
        """One over how many cases the window has: each window counts once, however often it was forecast."""
        return shares(self.window)

    @property
    def now_ns(self) -> Whole:
        """When each was forecast."""
        now_ns: Whole = self.close_ns - (self.seconds_left * 1e9).astype(np.int64)
        return now_ns


class Part(NamedTuple):
    """The cases of one group and one time to the close, which one artefact is fitted on."""

    group: str
    least_s: float
    most_s: float
    cases: Cases


def shares(window: Whole) -> Floats:
    """For each, one over how many there are of its window."""
    _, place, count = np.unique(window, return_inverse=True, return_counts=True)
    each: Floats = 1.0 / count[place]
    return each


def cases_of(rows: Sequence[Row], name: str) -> tuple[Cases, Whole]:
    """The columns for the probability of that name; and for each case the place of its row in `rows`."""
    order = np.array(sorted(range(len(rows)), key=lambda place: (rows[place].close_ns, place)), dtype=np.int64)
    placed = [rows[place] for place in order]
    numbers: dict[str, int] = {}
    said = [row.probabilities.get(name) for row in placed]
    market = [mid(row) for row in placed]
    cases = Cases(
        np.array([row.asset for row in placed], dtype=np.str_),
        np.array([numbers.setdefault(row.ticker, len(numbers)) for row in placed], dtype=np.int64),
        np.array([row.close_ns for row in placed], dtype=np.int64),
        np.array([row.seconds_left for row in placed], dtype=np.float64),
        np.array([nan if p is None else p for p in said], dtype=np.float64),
        np.array([nan if m is None else m for m in market], dtype=np.float64),
        np.array([row.outcome for row in placed], dtype=np.float64),
    )
    return cases, order


def groups_of(assets: npt.NDArray[np.str_]) -> tuple[str, ...]:
    """What is fitted apart: all together, then each asset; one asset alone says nothing of all."""
    found = tuple(sorted(set(assets.tolist())))  # many times faster than sorting all of them
    return found if len(found) < 2 else (ALL, *found)


def parts_of(cases: Cases, least_windows: int) -> Iterator[Part]:
    """Every group and time to the close with enough windows."""
    for group, least_s, most_s, mine in places_of(cases.asset, cases.seconds_left):
        part = cases.where(mine)
        if part.windows >= max(least_windows, 1):
            yield Part(group, least_s, most_s, part)


def places_of(asset: npt.NDArray[np.str_], seconds_left: Floats) -> Iterator[tuple[str, float, float, Flags]]:
    """Every group and time to the close, with which of the columns belong to it."""
    for group in groups_of(asset):
        mine = np.ones(len(asset), dtype=np.bool_) if group == ALL else asset == group
        for least_s, most_s in BUCKETS:
            yield group, least_s, most_s, mine & (seconds_left >= least_s) & (seconds_left < most_s)
