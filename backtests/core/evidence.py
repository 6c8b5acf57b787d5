"""What a record is evidence of: every number of it with its interval, and in plain words whether luck would have done as well.

Sharpe ratios are told by what they are made of (windows, closes, days), each with how many of them make two standard errors.
What is judged is the one of closes: windows that close together are one draw.
"""

from collections.abc import Sequence
from math import ceil
from typing import Literal

import msgspec

from backtests.core.bootstrap import LEAST_CLOSES, Resampled, resample
from backtests.core.closes import Closes, closes_of
from backtests.core.deflated import Shape, best_of_luck, deflated_sharpe, least_record, probabilistic_sharpe, shape_of
from backtests.core.marked import MarkedPoint, deepest
from backtests.core.metrics import DAYS_A_YEAR, Drawdown, Metrics, account_value_at_open
from backtests.core.permutation import SignNull, sign_null
from backtests.core.record import Result
from markets.core.units import DOLLAR

SURE = 0.95
Verdict = Literal["nothing", "few", "luck", "loss", "searched", "blind", "edge"]
"""Nothing was traded; too few closes; not to be told from luck; a loss beyond chance; a profit that the best of so many tries
makes too; a profit whose direction the shuffle makes too; a profit that none of them explains."""


class Sharpe(msgspec.Struct, frozen=True):
    """A ratio of mean and standard deviation, not annualised, of `count` values; `needed` of them make t = 2."""

    value: float | None
    count: int
    needed: int | None
    low: float | None = None
    high: float | None = None


class Evidence(msgspec.Struct, frozen=True):
    """All that is said of a record but its money. Sharpe ratios are not annualised; probabilities are shares of one.
    `least_record` is the least number of closes at which such a ratio is above 0 with 95 %."""

    closes: int
    windows: int
    days: int
    per_window: Sharpe
    per_close: Sharpe
    per_day: Sharpe
    shape: Shape | None
    psr: float | None
    least_record: float | None
    return_on_cost: float | None
    net_per_window: float | None
    net_per_day: float | None
    win_rate: float | None
    settled: Drawdown
    marked: Drawdown
    resampled: Resampled | None
    signs: SignNull


class Deflated(msgspec.Struct, frozen=True):
    """A record beside the best that luck finds in so many tries: `luck` is the Sharpe ratio of a close that it would show,
    `dsr` the probability that the true one is above it."""

    trials: int
    luck: float | None
    dsr: float | None


def evidence_of(result: Result, metrics: Metrics) -> Evidence:
    """Of a finished run."""
    closes = closes_of(metrics.windows)
    capital = account_value_at_open(result)
    shape, psr, least = _judged(closes)
    found = resample(closes, capital / DOLLAR, result.days)
    days = len(metrics.days)
    return Evidence(
        closes=closes.size,
        windows=len(metrics.windows),
        days=days,
        per_window=_sharpe([window.net for window in metrics.windows], found.window_sharpe if found else None),
        per_close=_sharpe(closes.net.tolist(), found.close_sharpe if found else None),
        per_day=_sharpe([day.net for day in metrics.days], None),
        shape=shape,
        psr=psr,
        least_record=least,
        return_on_cost=_over(float(closes.net.sum()), float(closes.spent.sum())),
        net_per_window=_over(float(closes.net.sum()), float(closes.windows.sum())),
        net_per_day=_over(metrics.net / DOLLAR, float(days)),
        win_rate=metrics.win_rate.rate.value,
        settled=metrics.drawdown,
        marked=_marked(capital, result.marked, metrics.drawdown),
        resampled=found,
        signs=sign_null(metrics.windows),
    )


def deflated(shape: Shape | None, closes: int, trials: int) -> Deflated:
    """A Sharpe ratio of closes beside the best of luck in `trials` configurations. The ratios of tries without an edge vary by
    chance alone: by one over the number of closes less one. Tries that resemble each other vary less: this is the strict
    side."""
    if shape is None or closes < 3:
        return Deflated(trials, None, None)
    variance = 1.0 / (closes - 1)
    try:
        return Deflated(
            trials, best_of_luck(variance, max(trials, 1)), deflated_sharpe(shape, closes, variance, max(trials, 1))
        )
    except ValueError:  # two values only, at the very ratio where their formula has no spread
        return Deflated(trials, None, None)


def verdict_of(
    closes: int, span: tuple[float, float] | None, psr: float | None, signs_p: float | None, dsr: float | None
) -> Verdict:
    """Which it is. `span` is the interval of the net profit a contract, `dsr` None where nobody has counted the tries."""
    if not closes:
        return "nothing"
    if closes < LEAST_CLOSES or span is None or psr is None:
        return "few"
    if span[1] < 0.0:
        return "loss"
    if span[0] <= 0.0 or psr < SURE:
        return "luck"
    if dsr is not None and dsr < SURE:
        return "searched"
    return "edge" if signs_p is not None and signs_p <= 1.0 - SURE else "blind"


def needed(sharpe: float | None) -> int | None:
    """How many values such a ratio needs for t = 2: the mean two standard errors from zero, on whichever side."""
    return ceil((2.0 / sharpe) ** 2) if sharpe is not None and abs(sharpe) > 1e-6 else None


def annualised(sharpe: float | None) -> float | None:
    """A daily ratio by the year: markets never close."""
    return None if sharpe is None else sharpe * DAYS_A_YEAR**0.5


def _judged(closes: Closes) -> tuple[Shape | None, float | None, float | None]:
    shape = shape_of(closes.net.tolist())
    if shape is None:
        return None, None, None
    try:
        return shape, probabilistic_sharpe(shape, closes.size), least_record(shape)
    except ValueError:  # as above
        return shape, None, None


def _sharpe(values: Sequence[float], span: tuple[float, float] | None) -> Sharpe:
    shape = shape_of(values)
    value = shape.sharpe if shape is not None else None
    low, high = span if span is not None else (None, None)
    return Sharpe(value, len(values), needed(value), low, high)


def _marked(capital: int, points: Sequence[MarkedPoint], settled: Drawdown) -> Drawdown:
    money, share = deepest(capital, points)
    return Drawdown(money, share) if points else settled


def _over(part: float, whole: float) -> float | None:
    return part / whole if whole else None
