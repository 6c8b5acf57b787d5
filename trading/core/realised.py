"""Realised variance of a row of equally spaced prices: every estimator of section 4.1 once, to judge the running one by.

Prices are in time's order and above 0, `step` prices apart where it says so; what comes back is the variance of the whole
row (of one bar, for the ranges), not a rate. Too few prices, or one that is none, raise RealisedError in words. Formulas and
their names: section 4.1 of the pricing notes.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, inf, log, pi, sqrt
from typing import NamedTuple

STEPS = (1, 2, 5, 10, 15, 30, 60)  # of a signature plot, in seconds
MEDIAN_SCALE = pi / (6.0 - 4.0 * sqrt(3.0) + pi)
SAMPLED_RANGE = 2 * 0.5826  # a path looked at now and then is higher and lower in between (Broadie, Glasserman, Kou)


class RealisedError(ValueError):
    """The variance cannot be had from these prices; the text says why."""


class Bar(NamedTuple):
    """The first, highest, lowest and last price of a time."""

    open: float
    high: float
    low: float
    close: float


# Sums of squares ------------------------------------------------------------------------------------------


def log_returns(prices: Sequence[float], step: int = 1) -> list[float]:
    """Every overlapping log return over `step` prices; at least one."""
    if step < 1:
        raise RealisedError(f"a return is over at least one price, not {step}")
    if len(prices) <= step:
        raise RealisedError(f"{len(prices)} prices have no return over {step}: at least {step + 1} are needed")
    logs = [_log(price) for price in prices]
    return [later - sooner for sooner, later in zip(logs, logs[step:], strict=False)]


def realised_variance(prices: Sequence[float]) -> float:
    """RV: sum of squared returns; too high when trades bounce, too low when the price is smoothed."""
    return _squares(log_returns(prices))


def subsampled_variance(prices: Sequence[float], step: int) -> float:
    """The same over `step` prices, averaged over every place to start from."""
    return _squares(log_returns(prices, step)) / step


def noise_variance(prices: Sequence[float]) -> float:
    """How far a price bounces around its true level, from returns that take each other back; 0 when they do not."""
    moves = _moves(prices, 2)
    return max(0.0, -_lagged(moves, 1) / (len(moves) - 1))


def signature(prices: Sequence[float], steps: Sequence[int] = STEPS) -> list[float]:
    """Variance a price (a second, of prices a second apart) by step: where it is level, the step is coarse enough for
    noise and smoothing."""
    return [subsampled_variance(prices, step) / (len(prices) - step) for step in steps]


# Free of noise --------------------------------------------------------------------------------------------


def two_scale_variance(prices: Sequence[float], scale: int, *, is_corrected: bool = True) -> float:
    """TSRV(K): a slow scale of `scale` prices less what noise adds to it, seen on the fastest. `is_corrected` is the
    factor N/(N-K) for a finite row."""
    if scale < 2:
        raise RealisedError(f"the slow scale must be at least 2 prices, not {scale}")
    moves = _moves(prices, scale + 1)
    count = len(moves)
    share = (count - scale + 1) / scale / count
    found = (subsampled_variance(prices, scale) - share * _squares(moves)) / (1.0 - share)
    return found * count / (count - scale) if is_corrected else found


def two_scale_step(noise: float, variance: float, count: int) -> int:
    """K of TSRV for `count` returns with this noise variance and this variance of the whole row."""
    _check_ratio(noise, variance, count)
    return max(2, round(float((12.0 * noise**2 / variance**2) ** (1.0 / 3.0) * count ** (2.0 / 3.0))))


def realised_kernel(prices: Sequence[float], bandwidth: int) -> float:
    """Autocovariances up to `bandwidth` (H) under Parzen's kernel; 0 is RV."""
    if bandwidth < 0:
        raise RealisedError(f"a kernel is 0 or more returns wide, not {bandwidth}")
    moves = _moves(prices, bandwidth + 1)
    tails = (_parzen(lag / (bandwidth + 1)) * _lagged(moves, lag) for lag in range(1, bandwidth + 1))
    return _squares(moves) + 2.0 * sum(tails)


def kernel_bandwidth(noise: float, variance: float, count: int) -> int:
    """H of the kernel for `count` returns with this noise variance and this variance of the whole row."""
    _check_ratio(noise, variance, count)
    return ceil(float(3.5134 * (noise / variance) ** 0.4 * count**0.6))


def preaveraged_variance(prices: Sequence[float], theta: float = 1.0) -> float:
    """Returns averaged over k = theta sqrt(N) prices under min(x, 1 - x), less what is left of the noise."""
    count = len(prices) - 1
    width = round(theta * sqrt(count)) if count > 0 and 0.0 < theta < inf else 0
    if width < 2 or width > count:
        raise RealisedError(f"{len(prices)} prices are too few for averages over {theta:g} times the root of them")
    moves = log_returns(prices)
    weights = [min(place / width, 1.0 - place / width) for place in range(width + 1)]
    slopes = width * sum((later - sooner) ** 2 for sooner, later in pairwise(weights))
    level = sum(weight * weight for weight in weights) / width
    averages = (
        sum(weight * move for weight, move in zip(weights[1:width], moves[first:], strict=False))
        for first in range(count - width + 2)
    )
    found = count / (count - width + 2) / (width * level) * sum(average * average for average in averages)
    return found - slopes * count / (width * width * level) * _squares(moves) / (2 * count)


# Free of jumps --------------------------------------------------------------------------------------------


def bipower_variance(prices: Sequence[float]) -> float:
    """BPV: products of neighbouring absolute returns; a lone jump counts for little."""
    return _bipower(_moves(prices, 2))


def median_variance(prices: Sequence[float]) -> float:
    """MedRV: the median of each three neighbouring absolute returns, squared; a lone jump counts for nothing."""
    moves = [abs(move) for move in _moves(prices, 3)]
    middles = (sorted(three)[1] for three in zip(moves, moves[1:], moves[2:], strict=False))
    return MEDIAN_SCALE * len(moves) / (len(moves) - 2) * sum(middle * middle for middle in middles)


def truncated_variance(prices: Sequence[float], limit: float = 4.0) -> float:
    """RV without the returns that are more than `limit` standard deviations, as BPV has them."""
    moves = _moves(prices, 2)
    largest = limit * sqrt(_bipower(moves) / len(moves))
    return sum(move * move for move in moves if abs(move) <= largest)


# Ranges ---------------------------------------------------------------------------------------------------


def sampling_correction(sigma: float, step_s: float = 1.0) -> float:
    """What is missing in ln(high/low) of a path of `sigma` per sqrt(second) that was looked at every `step_s`."""
    return SAMPLED_RANGE * sigma * sqrt(step_s)


def parkinson(bar: Bar, correction: float = 0.0) -> float:
    """From high and low; `correction` is added to ln(high/low), as it is in the others."""
    return _range(bar, correction) ** 2 / (4.0 * log(2.0))


def garman_klass(bar: Bar, correction: float = 0.0) -> float:
    """From high and low, less what the way from open to close explains."""
    return 0.5 * _range(bar, correction) ** 2 - (2.0 * log(2.0) - 1.0) * log(bar.close / bar.open) ** 2


def rogers_satchell(bar: Bar, correction: float = 0.0) -> float:
    """From all four prices, right under any drift; half of the correction is the high's, half the low's."""
    _range(bar, correction)
    half = 0.5 * correction
    above = (log(bar.high / bar.close) + half) * (log(bar.high / bar.open) + half)
    return above + (log(bar.low / bar.close) - half) * (log(bar.low / bar.open) - half)


def yang_zhang(bars: Sequence[Bar], correction: float = 0.0, *, has_nights: bool = False) -> float:
    """The variance of one bar from several. `has_nights`: what lies between a close and the next open counts too, which
    in a market that never closes is nothing. It needs two bars (three with nights)."""
    count = len(bars)
    if count < 2 + has_nights:
        raise RealisedError(f"{count} bars are too few: at least {2 + has_nights} are needed")
    inside = sum(rogers_satchell(bar, correction) for bar in bars) / count
    moves = _spread([log(bar.close / bar.open) for bar in bars])
    nights = [log(later.open / sooner.close) for sooner, later in pairwise(bars)]
    share = 0.34 / (1.34 + (count + 1) / (count - 1))
    return (_spread(nights) if has_nights else 0.0) + share * moves + (1.0 - share) * inside


# Weighted -------------------------------------------------------------------------------------------------


def ewma_variance(prices: Sequence[float], half_life: float, times: Sequence[float] | None = None) -> float:
    """Variance a second (a price, without `times`), exponentially weighted, beginning with the first return. `times`
    are those of the prices in seconds, ascending; they need not be equally far apart."""
    if not 0.0 < half_life < inf:
        raise RealisedError(f"a half-life is above 0, not {half_life}")
    moves = log_returns(prices)
    spans = [1.0] * len(moves) if times is None else [later - sooner for sooner, later in pairwise(times)]
    if len(spans) != len(moves) or min(spans) <= 0.0:
        raise RealisedError("each price needs a time of its own, and the times must ascend")
    variance = moves[0] ** 2 / spans[0]
    for move, span in zip(moves[1:], spans[1:], strict=True):
        keep = 0.5 ** (span / half_life)
        variance = keep * variance + (1.0 - keep) * move * move / span
    return variance


# What they are made of ------------------------------------------------------------------------------------


def _log(price: float) -> float:
    if not 0.0 < price < inf:
        raise RealisedError(f"{price} is no price: each must be above 0")
    return log(price)


def _moves(prices: Sequence[float], least: int) -> list[float]:
    """The log returns, of which there must be `least`."""
    if len(prices) <= least:
        raise RealisedError(f"{len(prices)} prices are too few: at least {least + 1} are needed")
    return log_returns(prices)


def _squares(moves: Sequence[float]) -> float:
    return sum(move * move for move in moves)


def _lagged(moves: Sequence[float], lag: int) -> float:
    return sum(one * other for one, other in zip(moves, moves[lag:], strict=False))


def _bipower(moves: Sequence[float]) -> float:
    products = sum(abs(one) * abs(other) for one, other in pairwise(moves))
    return pi / 2.0 * len(moves) / (len(moves) - 1) * products


def _parzen(x: float) -> float:
    return 1.0 - 6.0 * x**2 + 6.0 * x**3 if x <= 0.5 else 2.0 * (1.0 - x) ** 3


def _check_ratio(noise: float, variance: float, count: int) -> None:
    if noise < 0.0 or not variance > 0.0 or count < 1:
        raise RealisedError("a variance above 0, a noise of 0 or more and at least one return are needed")


def _range(bar: Bar, correction: float) -> float:
    if not 0.0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high < inf:
        raise RealisedError(f"{tuple(bar)} is no bar: the low must be above 0 and lowest, the high highest")
    return log(bar.high / bar.low) + correction


def _spread(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)
