"""The tails of the standardised move: Student's degrees of freedom, and the distribution as it was found (section 5.1)."""

from collections.abc import Callable
from math import exp, log, pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from backtests.core.cases import Floats, Whole, places_of, shares
from trading.core.fitted import FittedTails
from trading.core.tails import student_cdf

LEAST_WINDOWS = 500  # before moving off the default
FEWEST, MOST = 2.05, 200.0  # degrees of freedom that are looked at; the upper end is a normal in all but name
OUTER = 0.01  # beyond the 1 % and 99 % points the tails are Student's
STEPS = 64  # of the table between them


class Residuals(NamedTuple):
    """What averages came to less what was expected, in the deviations that were expected: n of each, in order of close."""

    asset: npt.NDArray[np.str_]
    window: Whole
    close_ns: Whole
    seconds_left: Floats
    value: Floats


class Freedom(NamedTuple):
    """Degrees of freedom with their 95 % interval by the likelihood, and the log-likelihood a window gained over a normal."""

    freedom: float
    least: float
    most: float
    gain: float


def fitted_tails(residuals: Residuals, least_windows: int = LEAST_WINDOWS) -> tuple[FittedTails, ...]:
    """Tails for every group and time to the close that has enough windows."""
    found = []
    for group, least_s, most_s, mine in places_of(residuals.asset, residuals.seconds_left):
        window, close_ns, value = residuals.window[mine], residuals.close_ns[mine], residuals.value[mine]
        windows = len(np.unique(close_ns))
        if windows < max(least_windows, 1):
            continue
        weights = shares(window)
        freedom = freedom_fit(value, weights).freedom
        start, step, values = table_fit(value, weights, freedom)
        found.append(
            FittedTails(
                group=group, least_s=least_s, most_s=most_s, windows=windows,
                first_ns=int(close_ns[0]), through_ns=int(close_ns[-1]),
                freedom=freedom, start=start, step=step, values=values,
            )
        )  # fmt: skip
    return tuple(found)


def freedom_fit(values: Floats, weights: Floats) -> Freedom:
    """The likeliest degrees of freedom of a Student-t of variance 1, each value counted by its weight."""

    def loss(u: float) -> float:
        return -log_likelihood(values, weights, 2.0 + exp(u))

    low, high = log(FEWEST - 2.0), log(MOST - 2.0)
    best = float(optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x)
    least = loss(best)
    ends = tuple(_crossing(loss, best, end, least + 1.9207) for end in (low, high))  # half of 3.8415, chi-squared 95 %
    normal = -float(np.sum(weights * (-0.5 * log(2.0 * pi) - 0.5 * values * values)))
    return Freedom(2.0 + exp(best), 2.0 + exp(ends[0]), 2.0 + exp(ends[1]), (normal - least) / float(np.sum(weights)))


def log_likelihood(values: Floats, weights: Floats, freedom: float) -> float:
    """Of a Student-t of variance 1, summed by weight."""
    front = special.gammaln((freedom + 1.0) / 2.0) - special.gammaln(freedom / 2.0) - 0.5 * log(pi * (freedom - 2.0))
    each = front - 0.5 * (freedom + 1.0) * np.log1p(values * values / (freedom - 2.0))
    return float(np.sum(weights * each))


def table_fit(values: Floats, weights: Floats, freedom: float) -> tuple[float, float, tuple[float, ...]]:
    """(start, step, P(Z <= start + i step)) of the values, smoothed by a normal kernel, from their 1 % to their 99 % point.

    Both signs are taken together: without drift a move up is worth as much as one down (section 0.5).
    """
    both = np.concatenate([values, -values])
    twice = np.concatenate([weights, weights]) / (2.0 * float(np.sum(weights)))
    order = np.argsort(both, kind="stable")
    both, twice = both[order], twice[order]
    middle = np.searchsorted(np.cumsum(twice), (0.25, 0.75))
    spread = min(float(np.sqrt(np.sum(twice * both * both))), float(both[middle[1]] - both[middle[0]]) / 1.349)
    count = 1.0 / float(np.sum(twice * twice))
    width = max(0.9 * spread * count ** (-0.2), 1e-6)

    def below(z: float) -> float:
        return float(np.sum(twice * special.ndtr((z - both) / width)))

    reach = float(np.max(np.abs(both))) + 10.0 * width
    start = float(optimize.brentq(lambda z: below(z) - OUTER, -reach, 0.0))
    step = -2.0 * start / STEPS
    return start, step, _symmetric([below(start + step * place) for place in range(STEPS + 1)])


def table_cdf(z: float, tails: FittedTails) -> float:
    """P(Z <= z) as the table says it, for looking at a fit; the engine's own is trading.core.tails."""
    place = (z - tails.start) / tails.step
    if not 0.0 <= place < len(tails.values) - 1:
        edge = tails.values[0] / student_cdf(tails.start, tails.freedom)
        outside = edge * student_cdf(-abs(z), tails.freedom)
        return outside if z < 0.0 else 1.0 - outside
    below = int(place)
    return tails.values[below] + (place - below) * (tails.values[below + 1] - tails.values[below])


def _symmetric(values: list[float]) -> tuple[float, ...]:
    return tuple(0.5 * (a + 1.0 - b) for a, b in zip(values, reversed(values), strict=True))


def _crossing(loss: Callable[[float], float], best: float, end: float, level: float) -> float:
    """Where the loss has risen to `level` on the way from the best to an end; the end where it never does."""
    if loss(end) <= level:
        return end
    return float(optimize.brentq(lambda u: loss(u) - level, *sorted((best, end))))
