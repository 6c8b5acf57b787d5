"""Expectation and variance of an average still to come, sample by sample: with drift and a variance profile."""

from collections.abc import Iterator
from math import exp, expm1, log1p

Profile = tuple[tuple[float, float, float], ...]
"""(from, to, multiplier of the variance), in seconds from now; 1 where nothing is said."""

FLAT: Profile = ()


def variance_clock(seconds: float, profile: Profile = FLAT) -> float:
    """How much variance passes in the next `seconds`, counted in ordinary seconds."""
    extra = (((min(end, seconds) - start) * (times - 1.0)) for start, end, times in profile if seconds > start)
    return seconds + sum(extra)


def gbm_moments(
    sigma: float, times: tuple[float, ...], drift: float = 0.0, profile: Profile = FLAT
) -> tuple[float, float]:
    """(expected mean / spot, log variance of the mean) of geometric Brownian motion at `times`, ascending."""
    weights = [exp(drift * seconds) for seconds in times]
    total = sum(weights)
    later = total
    excess = 0.0
    for weight, seconds in zip(weights, times, strict=True):
        later -= weight
        excess += expm1(sigma * sigma * variance_clock(seconds, profile)) * weight * (weight + 2.0 * later)
    return total / len(times), log1p(excess / (total * total))


def abm_moments(times: tuple[float, ...], drift: float = 0.0, profile: Profile = FLAT) -> tuple[float, float]:
    """(expected move of the mean, variance of the mean in sigma^2 seconds) of arithmetic Brownian motion."""
    count = len(times)
    variance = sum(variance_clock(seconds, profile) * (2 * (count - place) - 1) for place, seconds in enumerate(times))
    return drift * sum(times) / count, variance / (count * count)


def sample_times(remaining: int, until_next_s: float, step_s: float) -> tuple[float, ...]:
    """Seconds from now to each sample still to come."""
    return tuple(_times(remaining, until_next_s, step_s))


def _times(remaining: int, until_next_s: float, step_s: float) -> Iterator[float]:
    return (until_next_s + step_s * place for place in range(remaining))
