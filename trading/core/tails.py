"""Distributions of the standardised move (section 5.1 of the pricing notes): normal, Student-t of unit variance, mixture of
two normals, and as it was found. Scalar functions, the same in Python and compiled."""

from collections.abc import Sequence
from math import erfc, exp, inf, log, log1p, pi, sqrt
from typing import NamedTuple

NORMAL, STUDENT, MIXTURE, EMPIRICAL = 0, 1, 2, 3

_SQRT_HALF = sqrt(0.5)
_DENSITY_AT_ZERO = 1.0 / sqrt(2.0 * pi)
_LOG_GAMMA_HALF = 0.5 * log(pi)
_CERTAIN = 1e9  # so many standard deviations out, every distribution here is 0 or 1 in a float
_TINY = 1e-100
_ENOUGH = 4e-16
_NODES = (
    0.0,
    1.1544053947399682,
    2.3667594107345415,
    3.750439717725742,
)  # Gauss-Hermite, 7 points, of a standard normal
_WEIGHTS = (0.4571428571428572, 0.24012317860501264, 0.030757123967586515, 0.0005482688559722169)


class Tails(NamedTuple):
    """A distribution by its kind and numbers; what a kind does not need is not looked at. The empirical one is a table of
    P(Z <= start + i step), kept beside it, with Student's tails outside."""

    kind: int = NORMAL
    freedom: float = 4.0
    weight: float = 1.0
    narrow: float = 1.0
    wide: float = 1.0
    start: float = 0.0
    step: float = 0.0


def tail_cdf(z: float, tails: Tails, table: Sequence[float]) -> float:
    """P(Z <= z); exactly 0 and 1 at minus and plus infinity."""
    kind = tails.kind
    if kind == STUDENT:
        return student_cdf(z, tails.freedom)
    if kind == NORMAL:
        return 0.5 * erfc(-z * _SQRT_HALF)
    if kind == MIXTURE:
        return mixture_cdf(z, tails.weight, tails.narrow, tails.wide)
    return empirical_cdf(z, tails, table)


def normal_cdf(z: float) -> float:
    """P(Z <= z) of a standard normal Z."""
    return 0.5 * erfc(-z * _SQRT_HALF)


def normal_pdf(z: float) -> float:
    """The density of a standard normal at z."""
    return _DENSITY_AT_ZERO * exp(-0.5 * z * z)


def student_cdf(z: float, freedom: float) -> float:
    """P(Z <= z) of a Student-t with `freedom` > 2 degrees of freedom, scaled to variance 1; inf is the normal."""
    if freedom == 4.0:
        if -_CERTAIN < z < _CERTAIN:
            sine = z / sqrt(2.0 + z * z)
            return 0.25 * (1.0 + sine) * (1.0 + sine) * (2.0 - sine)
        return 0.0 if z < 0.0 else 1.0
    if freedom == inf:
        return 0.5 * erfc(-z * _SQRT_HALF)
    upper = _upper_tail(z * z / (freedom - 2.0), freedom)
    return upper if z < 0.0 else 1.0 - upper


def mixture_cdf(z: float, weight: float, narrow: float, wide: float) -> float:
    """w N(z/a) + (1-w) N(z/b); of variance 1 when w a^2 + (1-w) b^2 = 1."""
    if z == inf:
        return 1.0
    return weight * normal_cdf(z / narrow) + (1.0 - weight) * normal_cdf(z / wide)


def wide_of(weight: float, narrow: float) -> float:
    """The deviation of the wide normal that makes the variance of a mixture 1. Raises ValueError when none does."""
    left = 1.0 - weight * narrow * narrow
    if not (0.0 < weight < 1.0 and narrow > 0.0 and left > 0.0):
        raise ValueError("the narrow normal must leave variance to the wide one")
    return sqrt(left / (1.0 - weight))


def empirical_cdf(z: float, tails: Tails, table: Sequence[float]) -> float:
    """Straight lines between the values of `table`, and beyond it Student's tails, scaled to join: continuous, and
    monotone where the table is."""
    last = len(table) - 1
    place = (z - tails.start) / tails.step
    if place <= 0.0:
        return table[0] * student_cdf(z, tails.freedom) / student_cdf(tails.start, tails.freedom)
    if place >= last:
        end = tails.start + tails.step * last
        return 1.0 - (1.0 - table[last]) * student_cdf(-z, tails.freedom) / student_cdf(-end, tails.freedom)
    below = int(place)
    return table[below] + (place - below) * (table[below + 1] - table[below])


def uncertain_cdf(z: float, error: float, tails: Tails, table: Sequence[float]) -> float:
    """The mean of P(Z <= z / exp(e)) where ln sigma is only known with the standard `error`, by 7 points of
    Gauss and Hermite. Tails that were fitted contain this already: not to be laid over them."""
    if not -inf < z < inf:
        return tail_cdf(z, tails, table)
    total = _WEIGHTS[0] * tail_cdf(z, tails, table)
    for point in range(1, 4):
        stretched = exp(_NODES[point] * error)
        total += _WEIGHTS[point] * (tail_cdf(z / stretched, tails, table) + tail_cdf(z * stretched, tails, table))
    return total


def _upper_tail(ratio: float, freedom: float) -> float:
    """P(T > t) for t >= 0, where `ratio` is t^2 / freedom: half the incomplete beta I_x(freedom/2, 1/2)."""
    if not ratio < _CERTAIN * _CERTAIN:
        return 0.0
    if ratio == 0.0:
        return 0.5
    half = 0.5 * freedom
    outer = 1.0 / (1.0 + ratio)
    inner = ratio / (1.0 + ratio)
    front = exp(_log_gamma_step(half) - _LOG_GAMMA_HALF - half * log1p(ratio) + 0.5 * log(inner))
    if outer * (half + 2.5) < half + 1.0:
        return 0.5 * front * _beta_fraction(outer, half, 0.5) / half
    return 0.5 - front * _beta_fraction(inner, 0.5, half)


def _log_gamma_step(a: float) -> float:
    """ln Gamma(a + 1/2) - ln Gamma(a), by Stirling's series from 10 on, where it is exact, and by steps of 1 from there."""
    steps = 1.0
    while a < 10.0:
        steps *= a / (a + 0.5)
        a += 1.0
    u = 1.0 / a
    v = u * u
    series = 1.0 / 192.0 - v * (1.0 / 640.0 - v * (17.0 / 14336.0 - v * (31.0 / 18432.0 - v * 691.0 / 180224.0)))
    return 0.5 * log(a) - u * (0.125 - v * series) + log(steps)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by its convergents; fast where x < (a + 1) / (a + b + 2)."""
    over, under = 1.0, 1.0
    above, below = 1.0, 1.0 - (a + b) * x / (a + 1.0)
    fraction = above / below
    m = 1.0
    while m < 10_000.0:
        twice = a + 2.0 * m
        even = m * (b - m) * x / ((twice - 1.0) * twice)
        over = above + even * over
        under = below + even * under
        odd = (a + m) * (a + b + m) * x / (twice * (twice + 1.0))
        above = over - odd * above
        below = under - odd * below
        found = above / below
        if -_ENOUGH < found - fraction < _ENOUGH:
            return found
        fraction = found
        if below < _TINY:
            over, under, above, below = over / below, under / below, found, 1.0
        m += 1.0
    return fraction
