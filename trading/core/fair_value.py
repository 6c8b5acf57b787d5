"""The probability that a contract settles YES: on the average it pays on, or the plain digital beside it."""

from math import hypot, inf, log, sqrt

from markets.core.contract import Averaging, Contract
from trading.core.parameters import Parameters
from trading.core.tails import normal_cdf, student_cdf

Estimate = tuple[float, float, float]
"""(probability of YES, z, s): z is the distance to the strike in standard deviations, s is that standard
deviation of what is still to come, relative to the spot. A certain outcome is (1, inf, 0) or (0, -inf, 0)."""

YES_FOR_SURE: Estimate = (1.0, inf, 0.0)
NO_FOR_SURE: Estimate = (0.0, -inf, 0.0)
SHORT_NS = 30_000_000_000  # below this the tails are those of `short_degrees_of_freedom`
_NS = 1e-9


class PricingError(ValueError):
    """The inputs cannot be priced: no number is better than a wrong one."""


class Pricer:
    """One contract under one set of parameters. What does not change with time is worked out once."""

    __slots__ = (
        "_averaging", "_close_ns", "_freedom", "_model", "_noise", "_samples",
        "_short_freedom", "_step_s", "_strike",
    )  # fmt: skip

    def __init__(self, contract: Contract, parameters: Parameters) -> None:
        """Raises PricingError when the contract has no usable strike yet."""
        if contract.strike is None:
            raise PricingError(f"{contract.ticker} has no strike yet")
        self._strike = effective_strike(contract.strike, contract.decimals)
        self._averaging = contract.averaging
        self._close_ns = contract.close_ns
        self._samples = contract.averaging.samples
        self._step_s = contract.averaging.step_ns * _NS
        self._model = parameters.model
        self._noise = parameters.level_noise_bp * 1e-4
        is_normal = parameters.tails == "normal" or parameters.model == "digital"  # the plain one: N(d2)
        self._freedom = inf if is_normal else parameters.degrees_of_freedom
        self._short_freedom = inf if is_normal else parameters.short_degrees_of_freedom

    def price(
        self,
        spot: float,
        sigma: float,
        source_ns: int,
        known_sum: float = 0.0,
        known_error: float = 0.0,
        *,
        level_error: float = 0.0,
    ) -> Estimate:
        """The Estimate, given the index level as of `source_ns`, sigma per sqrt(second) and the sum of the
        samples taken up to `source_ns`; `known_error` is their relative error, 0 for the exchange's own, and
        `level_error` that of the level, where it is more than the parameters say. Raises PricingError on numbers that cannot be true."""
        tau_ns = self._close_ns - source_ns
        if not (0.0 < spot < inf and 0.0 <= sigma < inf and -1.0 < known_sum < inf) or tau_ns < 0:
            raise PricingError(f"spot {spot}, sigma {sigma}, known sum {known_sum}, {tau_ns} ns to the close")
        freedom = self._freedom if tau_ns >= SHORT_NS else self._short_freedom
        if self._model == "digital":
            return gbm_estimate(spot, self._strike, sigma * sigma * (tau_ns * _NS), freedom)
        remaining, until_next_s = samples_left(self._averaging, self._close_ns, source_ns)
        if remaining == 0:
            return self._all_known(known_sum, known_error, freedom)
        required = (self._samples * self._strike - known_sum) / remaining
        seconds = effective_seconds(remaining, until_next_s, self._step_s)
        noise = level_noise(max(self._noise, level_error), known_error, self._samples, remaining)
        variance = sigma * sigma * seconds + noise * noise
        if self._model == "gbm_avg":
            return gbm_estimate(spot, required, variance, freedom)
        return abm_estimate(spot, required, variance, freedom)

    def _all_known(self, known_sum: float, known_error: float, freedom: float) -> Estimate:
        if known_error and known_sum > 0.0:
            return abm_estimate(known_sum / self._samples, self._strike, known_error * known_error, freedom)
        return YES_FOR_SURE if known_sum >= self._samples * self._strike else NO_FOR_SURE

    def digital(self, spot: float, sigma: float, source_ns: int) -> float:
        """The plain Black-Scholes digital, for comparison. Raises PricingError like `price`."""
        return digital(spot, self._strike, sigma, (self._close_ns - source_ns) * _NS)


def digital(spot: float, strike: float, sigma: float, tau_s: float, drift: float = 0.0) -> float:
    """N(d2): the spot at the close, not its average, against the strike. `drift` is relative, per second."""
    if not (0.0 < spot < inf and 0.0 < strike < inf and 0.0 <= sigma < inf and 0.0 <= tau_s < inf):
        raise PricingError(f"spot {spot}, strike {strike}, sigma {sigma}, {tau_s} s to the close")
    moved = log(spot / strike) + drift * tau_s
    variance = sigma * sigma * tau_s
    if variance == 0.0:
        return 1.0 if moved >= 0.0 else 0.0
    return normal_cdf((moved - 0.5 * variance) / sqrt(variance))


def gbm_estimate(spot: float, required: float, variance: float, freedom: float) -> Estimate:
    """Lognormal: the mean still to come has expectation `spot` and relative `variance`, and must reach `required`."""
    if required <= 0.0:
        return YES_FOR_SURE
    if variance == 0.0:
        return YES_FOR_SURE if spot >= required else NO_FOR_SURE
    s = sqrt(variance)
    z = (log(spot / required) - 0.5 * variance) / s
    return student_cdf(z, freedom), z, s


def abm_estimate(spot: float, required: float, variance: float, freedom: float) -> Estimate:
    """The same with arithmetic Brownian motion: exactly one half at the money."""
    if variance == 0.0:
        return YES_FOR_SURE if spot >= required else NO_FOR_SURE
    s = sqrt(variance)
    z = (spot - required) / (spot * s)
    return student_cdf(z, freedom), z, s


def level_noise(noise: float, known_error: float, samples: int, remaining: int) -> float:
    """How far the level may be off, as a share of what the `remaining` samples have to average: their own error,
    and that of the samples already taken, which the few that are left must make good."""
    return noise if remaining == samples else hypot(noise, known_error * (samples - remaining) / remaining)


def effective_strike(strike: float, decimals: int | None) -> float:
    """round(A, decimals) >= K is A >= K less half a unit of the last decimal. None: no rounding is known."""
    if not 0.0 < strike < inf:
        raise PricingError(f"a strike of {strike}")
    return strike if decimals is None else strike - 0.5 * 10.0**-decimals


def samples_left(averaging: Averaging, close_ns: int, source_ns: int) -> tuple[int, float]:
    """(samples still to come, seconds from `source_ns` to the first of them; 0.0 when there is none).

    A sample that falls exactly at `source_ns` is known.
    """
    step_ns = averaging.step_ns
    tau_ns = close_ns - source_ns
    if averaging.window == "closed_right":
        tau_ns += step_ns  # every sample is one step nearer to the close
    remaining = (tau_ns - 1) // step_ns
    if remaining <= 0:
        return 0, 0.0
    if remaining > averaging.samples:
        remaining = averaging.samples
    return remaining, (tau_ns - remaining * step_ns) * _NS


def effective_seconds(remaining: int, until_next_s: float, step_s: float) -> float:
    """Var[mean of the samples to come] = sigma^2 times this many seconds: exact, for discrete samples."""
    return until_next_s + step_s * (remaining - 1) * (2 * remaining - 1) / (6 * remaining)
