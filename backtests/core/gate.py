"""The promotion gate: whether a record of settled windows allows trading real money with what made it (pricing notes,
section 10)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtests.core.deflated import deflated_sharpe, shape_of
from backtests.core.paired import DAYS_FOR_DAYS, SEED
from backtests.core.scores import block_draws, day_draws, interval, resampled
from markets.core.units import DAY_NS
from trading.core.fitted import Z_95

LEAST_WINDOWS = 500
LEAST_SHARPE = 0.9  # of the deflated Sharpe ratio, a probability
LEAST_CLOSES = 30  # for a bootstrap


class Window(NamedTuple):
    """One settled window that was forecast: when it closed, and what was made in it (dollars, after fees; 0: not traded)."""

    close_ns: int
    profit: float
    is_traded: bool


class Weight(NamedTuple):
    """A fitted weight of our opinion beside the market's, for one time to the close, and its standard error."""

    weight: float
    error: float


class Evidence(NamedTuple):
    """What the record says. None where there is too little to say it."""

    windows: int
    traded: int
    sharpe: float | None
    low: float | None
    weight: float | None
    weight_low: float | None


class Criterion(NamedTuple):
    """One condition with its number; `lacks` is the sentence for who does not meet it, "" where it is met."""

    name: str
    value: str
    threshold: str
    lacks: str


def evidence_of(windows: Sequence[Window], weights: Sequence[Weight], trials: int) -> Evidence:
    """`trials` is how many configurations were tried until this one."""
    weight, weight_low = _weight(weights)
    traded = sum(window.is_traded for window in windows)
    return Evidence(len(windows), traded, _sharpe(windows, trials), _low(windows), weight, weight_low)


def criteria(found: Evidence) -> list[Criterion]:
    """All conditions of the gate, met or not."""
    return [
        _at_least("Settled windows", found.windows, LEAST_WINDOWS),
        _above("Deflated Sharpe ratio", found.sharpe, LEAST_SHARPE, "the profit is not told from the best of luck"),
        _above("Lower bound of the mean profit a window, $", found.low, 0.0, "the mean profit may be none"),
        _above("Lower bound of the pooling weight", found.weight_low, 0.0, "our opinion may be worth nothing beside the book"),
    ]  # fmt: skip


def by_close(windows: Sequence[Window]) -> dict[int, float]:
    """What was made at each close where something was traded: windows that close together win and lose together."""
    made: dict[int, float] = {}
    for window in windows:
        if window.is_traded:
            made[window.close_ns] = made.get(window.close_ns, 0.0) + window.profit
    return made


def _sharpe(windows: Sequence[Window], trials: int) -> float | None:
    """The deflated Sharpe ratio of the profit of each close. The Sharpe ratios of trials without an edge vary by chance
    alone: their variance is one over the number of values less one."""
    made = list(by_close(windows).values())
    shape = shape_of(made)
    if shape is None:
        return None
    return deflated_sharpe(shape, len(made), 1.0 / (len(made) - 1), max(trials, 1))


def _low(windows: Sequence[Window]) -> float | None:
    """Lower bound of the mean profit of a window (95 %, two-sided): whole days are drawn where there are thirty, else runs
    of closes."""
    if not windows:
        return None
    times, code = np.unique(np.array([window.close_ns for window in windows], np.int64), return_inverse=True)
    if times.size < LEAST_CLOSES:
        return None
    sums = np.bincount(code, [window.profit for window in windows], times.size).astype(np.float64)
    counts = np.bincount(code, minlength=times.size).astype(np.float64)
    return interval(resampled(_draws(times), sums[:, None], counts[:, None]))[0]


def _draws(times: NDArray[np.int64]) -> NDArray[np.float32]:
    days, day = np.unique(times // DAY_NS, return_inverse=True)
    return day_draws(day, SEED) if days.size >= DAYS_FOR_DAYS else block_draws(times.size, SEED)


def _weight(weights: Sequence[Weight]) -> tuple[float | None, float | None]:
    """The mean of the weights of all times to the close, and its lower bound. They were fitted on the same windows: the
    error of a mean is at most the mean of the errors, however they hang together."""
    if not weights:
        return None, None
    mean = sum(each.weight for each in weights) / len(weights)
    return mean, mean - Z_95 * sum(each.error for each in weights) / len(weights)


def _at_least(name: str, value: int, least: int) -> Criterion:
    lacks = "" if value >= least else f"{value:,} settled windows with forecasts: {least:,} are needed"
    return Criterion(name, f"{value:,}", f"at least {least:,}", lacks)


def _above(name: str, value: float | None, least: float, otherwise: str) -> Criterion:
    threshold, words = f"above {least:g}", name[0].lower() + name[1:]
    if value is None:
        return Criterion(name, "not known", threshold, f"{words}: there is too little to say it")
    lacks = "" if value > least else f"{words} is {value:.4g}, not {threshold}: {otherwise}"
    return Criterion(name, f"{value:.4g}", threshold, lacks)
