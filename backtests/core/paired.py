"""Two forecasters on the same rows: their losses side by side, by group, and what chance alone could make of the difference."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from backtests.core.scores import (
    LAG,
    MEAN_BLOCK,
    Floats,
    Ints,
    block_draws,
    day_draws,
    diebold_mariano,
    interval,
    resampled,
)
from markets.core.units import DAY_NS

LEAST_WINDOWS = 30  # for a score
LEAST_FOR_INTERVAL = 100  # windows, for an interval
LEAST_CLOSES = 30  # that they closed at
DAYS_FOR_DAYS = 30  # from so many days on, whole days are drawn
SEED = 20_260_511
ALPHA = 0.05

Verdict = Literal["worse", "better", "leaning", "level", "few"]
"""Of a model against another: worse; better, also after correction for how many were compared; better only before it;
not to be told apart; not enough data."""


class Versus(msgspec.Struct, frozen=True):
    """A model's Brier score against another's on the same rows. `difference` is ours less theirs: above 0 they are better."""

    against: str
    rows: int
    windows: int
    closes: int
    verdict: Verdict
    brier: float | None = None
    other: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    t: float | None = None
    p: float | None = None
    sentence: str = ""


class Tally(NamedTuple):
    """What the rows of each of `groups` come to: rows, windows, closes (groups,), means of each loss (groups, losses), and for
    each close the sums of the windows' mean differences, and the windows (closes, groups)."""

    rows: Ints
    windows: Ints
    closes: Ints
    means: Floats
    sums: Floats
    counts: Floats


class Blocks:
    """The closing times of a table, and their resamples, made once for all that is compared on it."""

    def __init__(self, close_ns: Ints, seed: int = SEED) -> None:
        self.times, self.code = np.unique(close_ns, return_inverse=True)
        self.days = np.unique(self.times // DAY_NS)
        self.is_by_day = self.days.size >= DAYS_FOR_DAYS
        self.seed = seed
        self._draws: NDArray[np.float32] | None = None

    @property
    def draws(self) -> NDArray[np.float32]:
        """(draws, blocks): how often each day is drawn where there are enough of them, else each close."""
        if self._draws is None:
            size = self.days.size if self.is_by_day else self.times.size
            order = np.arange(size)
            self._draws = day_draws(order, self.seed) if self.is_by_day else block_draws(size, self.seed)
        return self._draws

    @property
    def method(self) -> str:
        """How intervals are made, in words."""
        drawn = (
            f"resampling whole days ({self.days.size:,} of them)"
            if self.is_by_day
            else f"resampling runs of {MEAN_BLOCK} closes on average"
        )
        return f"95 % intervals by {drawn}; t by Diebold and Mariano with Newey and West's lag of {LAG} closes"

    def tally(self, chosen: Ints, window: Ints, group: Ints, groups: int, losses: Floats) -> Tally:
        """Average the losses (rows, losses) of the `chosen` rows inside each window of each group first. The difference is
        that of the first two losses."""
        window, group, close = window[chosen], group[chosen], self.code[chosen]
        size = self.times.size
        of_window = window * groups + group
        rows_of = np.bincount(of_window)
        w = 1.0 / rows_of[of_window] if chosen.size else np.empty(0)
        rows = np.bincount(group, minlength=groups)
        votes = np.bincount(group, w, groups)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = np.stack([np.bincount(group, w * each, groups) / votes for each in losses.T], axis=1)
        cell = close * groups + group
        counts: Floats = np.bincount(cell, w, size * groups).reshape(size, groups).astype(np.float64)
        apart = losses[:, 0] - losses[:, 1]
        sums: Floats = np.bincount(cell, w * apart, size * groups).reshape(size, groups).astype(np.float64)
        windows = np.rint(votes).astype(np.int64)
        return Tally(rows, windows, (counts > 0).sum(axis=0), means, sums, counts)

    def compared(self, against: str, tally: Tally, corrected_for: int) -> list[Versus]:
        """Each group of the tally as a comparison; a claim that the model is better must hold for `corrected_for` of them."""
        groups = range(tally.windows.size)
        if not any(may_compare(int(tally.windows[number]), int(tally.closes[number])) for number in groups):
            return [_versus(against, tally, number, np.empty(0), corrected_for) for number in groups]
        means = self._resampled(tally)
        return [_versus(against, tally, number, means[:, number], corrected_for) for number in groups]

    def _resampled(self, tally: Tally) -> Floats:
        sums, counts = tally.sums, tally.counts
        if self.is_by_day:
            starts = np.searchsorted(self.times // DAY_NS, self.days)
            sums, counts = np.add.reduceat(sums, starts, axis=0), np.add.reduceat(counts, starts, axis=0)
        return resampled(self.draws, sums, counts)


def may_score(windows: int) -> bool:
    """Whether a score of so many windows is worth a number."""
    return windows >= LEAST_WINDOWS


def may_compare(windows: int, closes: int) -> bool:
    """Whether an interval is."""
    return windows >= LEAST_FOR_INTERVAL and closes >= LEAST_CLOSES


def judged(low: float, high: float, p: float, corrected_for: int) -> Verdict:
    """Interval and test must agree before anything is claimed. That we are better is claimed only where it would also hold for
    the best of `corrected_for` models (Bonferroni); that we are worse needs no such care."""
    if low > 0.0 and p < ALPHA:
        return "worse"
    if high < 0.0 and p < ALPHA:
        return "better" if p < ALPHA / max(corrected_for, 1) else "leaning"
    return "level"


def _versus(against: str, tally: Tally, group: int, means: Floats, corrected_for: int) -> Versus:
    rows, windows, closes = int(tally.rows[group]), int(tally.windows[group]), int(tally.closes[group])
    if not may_score(windows):
        return Versus(against, rows, windows, closes, "few")
    ours, theirs = float(tally.means[group, 0]), float(tally.means[group, 1])
    if not may_compare(windows, closes):
        return Versus(against, rows, windows, closes, "few", ours, theirs, ours - theirs)
    low, high = interval(means)
    tested = diebold_mariano(tally.sums[:, group], tally.counts[:, group])
    verdict = judged(low, high, tested.p, corrected_for)
    return Versus(against, rows, windows, closes, verdict, ours, theirs, ours - theirs, low, high, tested.t, tested.p)


def stacked(columns: Sequence[Floats]) -> Floats:
    """(rows, losses) of several losses."""
    return np.stack(columns, axis=1)
