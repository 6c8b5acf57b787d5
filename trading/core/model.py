"""The models as scalar functions: numbers in, numbers out; the same code in Python and compiled.

Times are seconds from now (the source time of the spot) unless a name ends in `_ns`; sigma is per sqrt(second) and relative,
drift is relative per second. What a model finds is a score: (z, s), where z is the distance to the strike in standard
deviations and s is that deviation of what is still to come, relative to the spot. What is certain is (inf, 0) or (-inf, 0).
A distribution of `trading.core.tails` makes a probability of z. The sections named are those of the pricing notes.
"""

from collections.abc import Sequence
from math import exp, expm1, hypot, inf, log, log1p, sqrt
from typing import NamedTuple

from trading.core.tails import normal_cdf, normal_pdf

Score = tuple[float, float]
Pieces = Sequence[Sequence[float]]
"""(from, to, multiplier of the variance), in seconds from now, none overlapping; 1 where nothing is said (section 3.7)."""

FLAT: Pieces = ()
YES: Score = (inf, 0.0)
NO: Score = (-inf, 0.0)
_NS = 1e-9
_FARTHEST = 100.0  # of drift times seconds: beyond it nobody means it


class PricingError(ValueError):
    """The inputs cannot be priced: no number is better than a wrong one."""


class Terms(NamedTuple):
    """What a contract pays on: the effective strike, how many samples, how far apart, and how long before the close the
    last one is taken (one step for `open_right`, 0 for `closed_right`)."""

    strike: float
    samples: int
    step_ns: int
    last_ns: int


class Seen(NamedTuple):
    """What is known at one moment: the spot, its age taken off by counting `tau_ns` from its own source time to the
    close, the sum of the samples known, of which `missing` are lines drawn; errors are one standard deviation, relative."""

    spot: float
    tau_ns: int
    known_sum: float = 0.0
    known_error: float = 0.0
    level_error: float = 0.0
    missing: int = 0


def half_unit(decimals: int | None) -> float:
    """Half a unit of the last decimal that the settlement is rounded to; 0 where no rounding is known."""
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals


def effective_strike(strike: float, half: float) -> float:
    """round(A) >= K is A >= K less half a unit, rounding half up (section 3.8). Raises PricingError."""
    if not 0.0 < strike < inf:
        raise PricingError("the strike must be a number above 0")
    return strike - half


def samples_left(terms: Terms, tau_ns: int) -> tuple[int, float]:
    """(samples still to come, seconds to the first of them; 0.0 when there is none), by whole nanoseconds (section 3.1).

    A sample that falls exactly now is known.
    """
    _, samples, step_ns, last_ns = terms
    until_last_ns = tau_ns - last_ns
    if until_last_ns <= 0:
        return 0, 0.0
    remaining = samples
    if until_last_ns <= (samples - 1) * step_ns:
        remaining = (until_last_ns - 1) // step_ns + 1
    return remaining, (until_last_ns - (remaining - 1) * step_ns) * _NS


def required_mean(terms: Terms, known_sum: float, remaining: int) -> float:
    """K_r, what the samples to come must average (section 3.4)."""
    return (terms.samples * terms.strike - known_sum) / remaining


# The variance of the mean of the samples to come ---------------------------------------------------------


def effective_seconds(remaining: int, until_s: float, step_s: float) -> float:
    """q: Var[mean of the samples to come] is sigma^2 times this many seconds; exact (section 3.3)."""
    return until_s + step_s * (remaining - 1) * (2 * remaining - 1) / (6 * remaining)


def seconds_within(end_s: float, remaining: int, until_s: float, step_s: float) -> float:
    """How many of the effective seconds lie before `end_s`: the integral of g(u)^2 from 0 to there, where g(u) is the
    share of the samples to come that are taken after u (section 3.7)."""
    if end_s <= until_s:
        return end_s if end_s > 0.0 else 0.0
    last = remaining - 1
    if end_s >= until_s + step_s * last:
        return effective_seconds(remaining, until_s, step_s)
    passed = int((end_s - until_s) / step_s)
    left = last - passed
    whole = (last * (last + 1) * (2 * last + 1) - left * (left + 1) * (2 * left + 1)) / 6
    begun = (end_s - until_s - step_s * passed) * (left * left)
    return until_s + (step_s * whole + begun) / (remaining * remaining)


def clocked_seconds(remaining: int, until_s: float, step_s: float, pieces: Pieces) -> float:
    """The effective seconds where the variance has a clock of its own; the cost is by piece, not by sample."""
    seconds = effective_seconds(remaining, until_s, step_s)
    for place in range(len(pieces)):
        piece = pieces[place]
        until_end = seconds_within(piece[1], remaining, until_s, step_s)
        seconds += (piece[2] - 1.0) * (until_end - seconds_within(piece[0], remaining, until_s, step_s))
    return seconds


def bridge_seconds(missing: int, remaining: int, step_s: float) -> float:
    """What `missing` samples in a row add to the effective seconds when a line is drawn over them: a Brownian bridge is at
    its widest a quarter of the gap (section 3.6), here as a share of the `remaining` samples."""
    share = missing / remaining
    return share * share * (missing + 1) * step_s / 4.0


def level_noise(level_error: float, known_error: float, samples: int, remaining: int) -> float:
    """How far the level may be off, as a share of what the `remaining` samples have to average: their own error, and that
    of the samples already taken, which the few that are left must make good (section 3.6)."""
    return level_error if remaining == samples else hypot(level_error, known_error * (samples - remaining) / remaining)


def lognormal_moments(remaining: int, until_s: float, step_s: float, motion: Score, pieces: Pieces) -> Score:
    """(expected mean of the samples to come over the spot, variance of its logarithm) for a motion (sigma, drift):
    the first two moments of geometric Brownian motion, sample by sample (section 3.4)."""
    sigma, drift = motion
    later = 0.0
    excess = 0.0
    for place in range(remaining - 1, -1, -1):
        seconds = until_s + step_s * place
        grown = exp(drift * seconds)
        clock = seconds if len(pieces) == 0 else clocked_seconds(1, seconds, step_s, pieces)
        excess += expm1(sigma * sigma * clock) * grown * (grown + 2.0 * later)
        later += grown
    return later / remaining, log1p(excess / (later * later))


# The models: each takes the terms, what is seen, sigma, drift and the clock, and gives a score -------------


def gbm_score(terms: Terms, seen: Seen, sigma: float, drift: float, pieces: Pieces) -> Score:
    """`gbm_avg`, the lognormal with the moments of the average (section 3.4). Raises PricingError."""
    _check(terms, seen, sigma, drift)
    remaining, until_s = samples_left(terms, seen.tau_ns)
    if remaining == 0:
        return all_known(terms, seen, sigma)
    spot, _, known_sum, known_error, level_error, missing = seen
    step_s = terms.step_ns * _NS
    noise = level_noise(level_error, known_error, terms.samples, remaining)
    if drift == 0.0:
        level = spot
        seconds = effective_seconds(remaining, until_s, step_s)
        if len(pieces) != 0:
            seconds = clocked_seconds(remaining, until_s, step_s, pieces)
        variance = sigma * sigma * seconds + noise * noise
    else:
        grown, variance = lognormal_moments(remaining, until_s, step_s, (sigma, drift), pieces)
        level = spot * grown
        variance += noise * noise
    if missing:
        variance += sigma * sigma * bridge_seconds(missing, remaining, step_s)
    return lognormal_score(level, required_mean(terms, known_sum, remaining), variance)


def abm_score(terms: Terms, seen: Seen, sigma: float, drift: float, pieces: Pieces) -> Score:
    """`abm_avg`, arithmetic Brownian motion: exactly one half at the money (section 3.5). Raises PricingError."""
    _check(terms, seen, sigma, drift)
    remaining, until_s = samples_left(terms, seen.tau_ns)
    if remaining == 0:
        return all_known(terms, seen, sigma)
    spot, _, known_sum, known_error, level_error, missing = seen
    step_s = terms.step_ns * _NS
    noise = level_noise(level_error, known_error, terms.samples, remaining)
    seconds = effective_seconds(remaining, until_s, step_s)
    if len(pieces) != 0:
        seconds = clocked_seconds(remaining, until_s, step_s, pieces)
    if missing:
        seconds += bridge_seconds(missing, remaining, step_s)
    level = spot + spot * drift * (until_s + 0.5 * step_s * (remaining - 1))
    required = required_mean(terms, known_sum, remaining)
    return normal_score(spot, level - required, sigma * sigma * seconds + noise * noise)


def digital_score(terms: Terms, seen: Seen, sigma: float, drift: float, pieces: Pieces) -> Score:
    """`digital`, the spot at the close and not its average: z is d2 (section 3.2). Raises PricingError."""
    _check(terms, seen, sigma, drift)
    tau_s = seen.tau_ns * _NS
    seconds = tau_s if len(pieces) == 0 else clocked_seconds(1, tau_s, 0.0, pieces)
    level = seen.spot if drift == 0.0 else seen.spot * exp(drift * tau_s)
    return lognormal_score(level, terms.strike, sigma * sigma * seconds)


def digital(spot: float, strike: float, sigma: float, tau_s: float, drift: float = 0.0) -> float:
    """N(d2) by numbers alone (section 3.2); the strike as it is, not rounded. Raises PricingError."""
    if not (0.0 < strike < inf and 0.0 <= tau_s < inf):
        raise PricingError("the strike must be a number above 0, the time to the close a number of at least 0")
    _check(Terms(strike, 1, 1, 0), Seen(spot, 0, 0.0, 0.0, 0.0, 0), sigma, drift)
    if not abs(drift * tau_s) < _FARTHEST:
        raise PricingError("the drift is more than can be meant")
    z, _ = lognormal_score(spot * exp(drift * tau_s), strike, sigma * sigma * tau_s)
    return normal_cdf(z)


def all_known(terms: Terms, seen: Seen, sigma: float) -> Score:
    """No sample is to come: what they average decides, as far as they are known (section 3.9)."""
    if seen.known_sum == 0.0 or (seen.known_error == 0.0 and seen.missing == 0):
        return YES if seen.known_sum >= terms.samples * terms.strike else NO
    mean = seen.known_sum / terms.samples
    unseen = bridge_seconds(seen.missing, terms.samples, terms.step_ns * _NS)
    return normal_score(mean, mean - terms.strike, seen.known_error * seen.known_error + sigma * sigma * unseen)


def lognormal_score(level: float, required: float, variance: float) -> Score:
    """A lognormal of expectation `level` and log `variance` that must reach `required` (sections 3.4, 3.9)."""
    if required <= 0.0:
        return YES
    if not 0.0 < variance < inf:
        if variance == 0.0:
            return YES if level >= required else NO
        raise PricingError("the variance to the close must be a number of at least 0")
    ratio = level / required
    if ratio <= 0.0:
        return NO
    s = sqrt(variance)
    return (log(ratio) - 0.5 * variance) / s, s


def normal_score(spot: float, ahead: float, variance: float) -> Score:
    """A normal that is `ahead` of what is required, with `variance` relative to the spot squared (section 3.5)."""
    if not 0.0 < variance < inf:
        if variance == 0.0:
            return YES if ahead >= 0.0 else NO
        raise PricingError("the variance to the close must be a number of at least 0")
    s = sqrt(variance)
    width = spot * s
    if width == 0.0:
        return YES if ahead >= 0.0 else NO
    return ahead / width, s


def settled_chance(chance: float, failure: float) -> float:
    """The chance of YES when the index may fail to come, which resolves NO (section 1.1)."""
    return chance * (1.0 - failure)


def sensitivities(score: Score, sigma: float, spot: float) -> tuple[float, float, float]:
    """(dP/dS by unit of currency, dP/d ln sigma, change of P by one standard deviation of one second), under the normal and
    where sigma is all that is uncertain; zeros where the outcome is certain (section 3.10)."""
    z, s = score
    if s == 0.0:
        return 0.0, 0.0, 0.0
    density = normal_pdf(z)
    return density / (spot * s), -z * density if density else 0.0, density * sigma / s


def _check(terms: Terms, seen: Seen, sigma: float, drift: float) -> None:
    """Raises PricingError when any of the numbers cannot be true (section 3.9). What is not finite shows in the sum."""
    spot, tau_ns, known_sum, known_error, level_error, missing = seen
    if not (
        spot > 0.0
        and tau_ns >= 0
        and sigma >= 0.0
        and known_sum >= 0.0
        and known_error >= 0.0
        and level_error >= 0.0
        and spot + sigma + known_sum + known_error + level_error + terms.strike < inf
        and (drift == 0.0 or abs(drift) * (tau_ns * _NS) < _FARTHEST)
        and (missing == 0 or 0 < missing <= terms.samples)
    ):
        _refuse(terms, seen, sigma, drift)


def _refuse(terms: Terms, seen: Seen, sigma: float, drift: float) -> None:
    """Say which number cannot be true. Raises PricingError."""
    if not 0.0 < seen.spot < inf:
        raise PricingError("the spot must be a number above 0")
    if seen.tau_ns < 0:
        raise PricingError("the market has closed: the spot is of a time after it")
    if not 0.0 <= sigma < inf:
        raise PricingError("sigma must be a number of at least 0")
    if not 0.0 <= seen.known_sum < inf:
        raise PricingError("the sum of the known samples must be a number of at least 0")
    if not (0.0 <= seen.known_error < inf and 0.0 <= seen.level_error < inf):
        raise PricingError("an error must be a number of at least 0")
    if not abs(drift) * (seen.tau_ns * _NS) < _FARTHEST:
        raise PricingError("the drift is more than can be meant")
    if not 0 <= seen.missing <= terms.samples:
        raise PricingError("more samples are missing than there are")
    raise PricingError("the strike must be a number above 0")
