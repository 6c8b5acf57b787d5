"""The mean of the samples to come, sample by sample: what the closed forms of the models are held against."""

from collections.abc import Sequence
from math import exp, expm1, log1p

Profile = Sequence[tuple[float, float, float]]


def variance_clock(seconds: float, profile: Profile = ()) -> float:
    """How much variance passes in the next `seconds`, counted in ordinary seconds."""
    return seconds + sum(
        (min(end, seconds) - start) * (times - 1.0) for start, end, times in profile if seconds > start
    )


def sample_times(remaining: int, until_s: float, step_s: float = 1.0) -> list[float]:
    """Seconds from now to each sample to come."""
    return [until_s + step_s * place for place in range(remaining)]


def mean_seconds(times: Sequence[float], profile: Profile = ()) -> float:
    """Var[mean of arithmetic Brownian motion at `times`] / sigma^2, pair by pair."""
    clocks = [variance_clock(each, profile) for each in times]
    return sum(min(one, other) for one in clocks for other in clocks) / len(times) ** 2


def lognormal_moments(
    sigma: float, times: Sequence[float], drift: float = 0.0, profile: Profile = ()
) -> tuple[float, float]:
    """(expected mean / spot, log variance of the mean) of geometric Brownian motion at `times`, pair by pair."""
    points = [(exp(drift * each), variance_clock(each, profile)) for each in times]
    total = sum(grown for grown, _ in points)
    excess = sum(a * b * expm1(sigma**2 * min(c, d)) for a, c in points for b, d in points)
    return total / len(times), log1p(excess / total**2)
