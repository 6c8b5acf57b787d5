"""Sharpe ratios that know how short, how skewed and how often tried a record was (pricing notes, section 10.1).

A Sharpe ratio here is one of trades, of windows or of days, never annualised, and `count` says how many there were. Fills
in one window win and lose together: count windows. Kurtosis is 3 for a normal distribution.
"""

from collections.abc import Sequence
from math import ceil, e, sqrt
from statistics import NormalDist
from typing import NamedTuple

EULER = 0.5772156649015329
LEAST = 3  # values: fewer have no shape
_NORMAL = NormalDist()


class Shape(NamedTuple):
    """Mean over standard deviation, skewness and kurtosis."""

    sharpe: float
    skew: float = 0.0
    kurtosis: float = 3.0


def shape_of(values: Sequence[float]) -> Shape | None:
    """The shape of profits; None for fewer than three or where all are the same."""
    count = len(values)
    if count < LEAST:
        return None
    mean = sum(values) / count
    second = sum((value - mean) ** 2 for value in values) / count
    if second <= 0.0:
        return None
    third = sum((value - mean) ** 3 for value in values) / count
    fourth = sum((value - mean) ** 4 for value in values) / count
    deviation = sqrt(second * count / (count - 1))
    return Shape(mean / deviation, third / second**1.5, fourth / (second * second))


def binary_at_cost(p: float, cost: float) -> Shape:
    """The shape of a contract that pays a dollar with probability `p` and costs `cost` dollars, fees included.
    Raises ValueError for a `p` that is not between 0 and 1: what is certain has no spread."""
    if not 0.0 < p < 1.0:
        raise ValueError(f"a probability of {p}: it must be between 0 and 1")
    spread = p * (1.0 - p)
    return Shape((p - cost) / sqrt(spread), (1.0 - 2.0 * p) / sqrt(spread), 3.0 + (1.0 - 6.0 * spread) / spread)


def trades_for_proof(p: float, cost: float, errors: float = 2.0) -> int | None:
    """How many independent trades of such a contract until the mean is `errors` standard errors above zero; None
    without an edge."""
    sharpe = binary_at_cost(p, cost).sharpe
    return ceil((errors / sharpe) ** 2) if sharpe > 0.0 else None


def probabilistic_sharpe(shape: Shape, count: int, benchmark: float = 0.0) -> float:
    """PSR: the probability that the true Sharpe ratio is above `benchmark`, seen `shape` in `count` values.
    Raises ValueError for fewer than two values."""
    if count < 2:
        raise ValueError(f"{count} values: at least two are needed")
    return _NORMAL.cdf((shape.sharpe - benchmark) * sqrt(count - 1) / sqrt(_variance(shape)))


def best_of_luck(variance: float, trials: int) -> float:
    """SR*0: the Sharpe ratio that the best of `trials` configurations without any edge is expected to show, `variance`
    being that of the Sharpe ratios tried. 0 for a single one. Raises ValueError."""
    if trials < 1 or variance < 0.0:
        raise ValueError(f"{trials} trials with a variance of {variance}")
    if trials == 1:
        return 0.0
    first, second = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * ((1.0 - EULER) * first + EULER * second)


def deflated_sharpe(shape: Shape, count: int, variance: float, trials: int) -> float:
    """DSR: the probability that the true Sharpe ratio is above what luck would have found in `trials` configurations."""
    return probabilistic_sharpe(shape, count, best_of_luck(variance, trials))


def least_record(shape: Shape, benchmark: float = 0.0, error: float = 0.05) -> float | None:
    """MinTRL: how many values such a Sharpe ratio needs before it is above `benchmark` with probability 1 - `error`; None
    where it is not above it. Raises ValueError for an `error` that is not between 0 and 1."""
    if not 0.0 < error < 1.0:
        raise ValueError(f"an error of {error}: it must be between 0 and 1")
    if shape.sharpe <= benchmark:
        return None
    return 1.0 + _variance(shape) * (_NORMAL.inv_cdf(1.0 - error) / (shape.sharpe - benchmark)) ** 2


def _variance(shape: Shape) -> float:
    """Of the estimated Sharpe ratio, times the number of values less one."""
    variance = 1.0 - shape.skew * shape.sharpe + 0.25 * (shape.kurtosis - 1.0) * shape.sharpe**2
    if not variance > 0.0:
        raise ValueError(f"no distribution has a skewness of {shape.skew} and a kurtosis of {shape.kurtosis}")
    return variance
