"""What a setting is judged by: one number over the days it was played, None where there is too little to say.

Windows that close together win and lose together, so what is counted is closes: the sum of what the windows of one
closing time made. The larger the better, for every objective.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from statistics import fmean, median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtests.core.deflated import probabilistic_sharpe, shape_of
from backtests.core.metrics import LEAST_WINDOWS
from backtests.core.scores import Floats, block_draws
from backtests.core.trial import TradedWindow, TrialResult
from markets.core.units import DOLLAR

SEED = 20_261_126
DRAWS = 1_000
LOWER = 0.05  # one-sided: nineteen of twenty resamples are above it


class Span(NamedTuple):
    """One UTC day as one setting played it. `windows` is what counts of it, by their close; `net` is Money."""

    day: int
    net: int
    windows: tuple[TradedWindow, ...]


class Objective(NamedTuple):
    """How it is called, what it is, its unit, and the number of the days."""

    name: str
    words: str
    unit: str
    of: Callable[[Sequence[Span]], float | None]


def span_of(day: int, result: TrialResult) -> Span:
    """A day as it was played, whole."""
    return Span(day, result.net, result.windows)


def closes_of(spans: Sequence[Span]) -> dict[int, int]:
    """What each closing time made, Money, in the order of time."""
    made: dict[int, int] = {}
    for span in spans:
        for window in span.windows:
            made[window.close_ns] = made.get(window.close_ns, 0) + window.net
    return dict(sorted(made.items()))


def dollars(closes: Mapping[int, int]) -> Floats:
    """The same in dollars, (closes,)."""
    return np.array(list(closes.values()), np.float64) / DOLLAR


def net_per_day(spans: Sequence[Span]) -> float | None:
    """Dollars a day, days without a trade included."""
    return fmean(span.net for span in spans) / DOLLAR if _is_enough(spans) else None


def lower_bound(spans: Sequence[Span]) -> float | None:
    """Dollars a day that nineteen of twenty resamples of the closes are above: the mean of runs of eight closes on
    average, times the closes traded a day."""
    if not _is_enough(spans):
        return None
    made = dollars(closes_of(spans))
    means = resampled_means(made)
    return float(np.quantile(means, LOWER)) * made.size / len(spans)


def sharpe(spans: Sequence[Span]) -> float | None:
    """Mean over standard deviation of closes; not annualised."""
    shape = shape_of(_closes(spans)) if _is_enough(spans) else None
    return None if shape is None else shape.sharpe


def proven(spans: Sequence[Span]) -> float | None:
    """PSR: the probability that the true Sharpe ratio of closes is above zero."""
    closes = _closes(spans)
    shape = shape_of(closes) if _is_enough(spans) else None
    try:
        return None if shape is None else probabilistic_sharpe(shape, len(closes))
    except ValueError:  # a shape that no distribution has: too few closes
        return None


def worst_day(spans: Sequence[Span]) -> float | None:
    """Dollars on the worst day."""
    return min(span.net for span in spans) / DOLLAR if _is_enough(spans) else None


def median_day(spans: Sequence[Span]) -> float | None:
    """Dollars on the median day."""
    return median(span.net for span in spans) / DOLLAR if _is_enough(spans) else None


def resampled_means(values: Floats) -> Floats:
    """(draws,): the mean of each resample of the values in runs of neighbours; the same draws for the same number."""
    return (draws_of(values.size) @ values.astype(np.float32)).astype(np.float64) / values.size


@lru_cache(maxsize=512)
def draws_of(size: int) -> NDArray[np.float32]:
    """(draws, size): how often each value is drawn."""
    return block_draws(size, SEED, DRAWS)


OBJECTIVES: Mapping[str, Objective] = {
    each.name: each
    for each in (
        Objective("lower", "lower bound of the net per day (5 %, resampling runs of closes)", "$ a day", lower_bound),
        Objective("net", "net per day", "$ a day", net_per_day),
        Objective("median_day", "net on the median day", "$", median_day),
        Objective("worst_day", "net on the worst day", "$", worst_day),
        Objective("sharpe", "Sharpe ratio per close, not annualised", "", sharpe),
        Objective("psr", "probability that the Sharpe ratio per close is above zero", "", proven),
    )
}
DEFAULT = "lower"


def _closes(spans: Sequence[Span]) -> list[float]:
    return [float(value) for value in closes_of(spans).values()]


def _is_enough(spans: Sequence[Span]) -> bool:
    """Whether so many closes were traded that a number is worth it."""
    return len({window.close_ns for span in spans for window in span.windows}) >= LEAST_WINDOWS
