"""Realised variance of a row of equally spaced prices: the plain estimators, to judge the running one by."""

from collections.abc import Sequence
from itertools import pairwise
from math import log, pi


def log_returns(prices: Sequence[float], step: int = 1) -> list[float]:
    """Every overlapping log return over `step` prices."""
    return [log(later / sooner) for sooner, later in zip(prices, prices[step:], strict=False)]


def realised_variance(prices: Sequence[float]) -> float:
    """Sum of squared returns: too high when trades bounce, too low when the price is smoothed."""
    return sum(move * move for move in log_returns(prices))


def subsampled_variance(prices: Sequence[float], step: int) -> float:
    """The same over `step` prices, averaged over every place to start from."""
    return sum(move * move for move in log_returns(prices, step)) / step


def bipower_variance(prices: Sequence[float]) -> float:
    """Products of neighbouring absolute returns: a lone jump counts for little."""
    moves = log_returns(prices)
    products = sum(abs(one) * abs(other) for one, other in pairwise(moves))
    return pi / 2.0 * len(moves) / (len(moves) - 1) * products


def noise_variance(prices: Sequence[float]) -> float:
    """How far a price bounces around its true level, from returns that take each other back; 0 when they do not."""
    moves = log_returns(prices)
    return max(0.0, -sum(one * other for one, other in pairwise(moves)) / (len(moves) - 1))


def ewma_variance(prices: Sequence[float], half_life: float) -> float:
    """Variance a step, exponentially weighted, beginning with the first return."""
    moves = log_returns(prices)
    keep = 0.5 ** (1.0 / half_life)
    variance = moves[0] * moves[0]
    for move in moves[1:]:
        variance = keep * variance + (1.0 - keep) * move * move
    return variance


def signature(prices: Sequence[float], steps: Sequence[int] = (1, 2, 5, 10, 15, 30, 60)) -> list[float]:
    """Variance a second by sampling step: where it is level, the step is coarse enough for noise and smoothing."""
    return [subsampled_variance(prices, step) / max(len(prices) - step, 1) for step in steps]
