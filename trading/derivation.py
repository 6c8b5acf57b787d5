"""One probability with all that it is made of, by the same scalar functions as the engine's: pure, numbers in, numbers out."""

from collections.abc import Sequence
from math import isinf
from typing import NamedTuple

from markets.core.contract import Averaging
from trading.core.fair_value import terms_of
from trading.core.model import (
    FLAT,
    Pieces,
    Score,
    Seen,
    Terms,
    clocked_seconds,
    half_unit,
    required_mean,
    samples_left,
    sensitivities,
)
from trading.core.parameters import ModelName
from trading.core.tails import Tails, tail_cdf
from trading.core.variants import PLAIN, SCORES, Shapes, SideBySide, every_variant

_BUMP = 1e-4
_NS = 1e-9


class Inputs(NamedTuple):
    """A contract and what is known of it at one moment. sigma is relative, per sqrt(second); drift is relative, per second;
    `level_error` is relative, one standard deviation; `pieces` are (from, to, multiplier of the variance), seconds from now."""

    spot: float
    strike: float
    sigma: float
    tau_ns: int
    decimals: int | None = 2
    averaging: Averaging = Averaging()
    known_sum: float = 0.0
    model: ModelName = "gbm_avg"
    tails: Tails = PLAIN
    table: Sequence[float] = ()
    drift: float = 0.0
    level_error: float = 0.0
    pieces: Pieces = FLAT

    @property
    def terms(self) -> Terms:
        """What the contract pays on, as the models take it. Raises PricingError."""
        return terms_of(self.strike, half_unit(self.decimals), self.averaging)

    @property
    def terms_above(self) -> Terms:
        """The same for more than the strike: round(A) > K is A >= K + half a unit. Raises PricingError."""
        terms = self.terms
        return terms._replace(strike=terms.strike + 2.0 * half_unit(self.decimals))

    @property
    def seen(self) -> Seen:
        """What is known, as the models take it."""
        return Seen(self.spot, self.tau_ns, self.known_sum, 0.0, self.level_error)


class Derivation(NamedTuple):
    """Every number on the way. What a certain outcome or a plain digital does not have is None."""

    strike: float  # effective
    remaining: int
    known: int
    until_s: float  # to the first sample to come
    required: float | None  # what the samples to come must average
    mean_seconds: float | None  # Var[mean of the samples to come] / sigma^2
    seconds: float  # Var[the average that is paid on] / sigma^2
    naive_seconds: float  # tau
    s: float  # standard deviation of what is to come, relative to the spot; 0 where the outcome is certain
    deviation: float  # the same of what is paid on, in currency
    z: float
    p_yes: float
    tie: float | None  # None: no rounding is known
    second_cents: float  # change of P by one standard deviation of one second
    volatility_cents: float  # and by one percent more volatility
    normal_second_cents: float  # the same by the formulas of section 3.10, under the normal
    normal_volatility_cents: float
    certain: str  # why nothing is left to chance; "" where something is


def derive(inputs: Inputs) -> Derivation:
    """Price one contract. Raises PricingError on numbers that cannot be true."""
    terms, seen = inputs.terms, inputs.seen
    z, s = score = _score(inputs, terms)
    remaining, until_s = samples_left(terms, inputs.tau_ns)
    if inputs.model == "digital":
        remaining = 1 if inputs.tau_ns else 0
    is_averaged = inputs.model != "digital" and remaining > 0
    mean_seconds = _mean_seconds(inputs, terms, remaining, until_s) if is_averaged else None
    required = required_mean(terms, inputs.known_sum, remaining) if is_averaged else None
    share = remaining / terms.samples if inputs.model != "digital" else 1.0
    seconds = _spot_seconds(inputs) if mean_seconds is None else share * share * mean_seconds
    by_second, by_volatility = _slopes(inputs)
    _, log_slope, second_slope = sensitivities(score, inputs.sigma, inputs.spot)
    return Derivation(
        strike=terms.strike,
        remaining=remaining,
        known=0 if inputs.model == "digital" else terms.samples - remaining,
        until_s=until_s if is_averaged else 0.0,
        required=required,
        mean_seconds=mean_seconds,
        seconds=seconds,
        naive_seconds=seen.tau_ns * _NS,
        s=s,
        deviation=share * s * inputs.spot,
        z=z,
        p_yes=tail_cdf(z, inputs.tails, inputs.table),
        tie=tie_probability(inputs),
        second_cents=by_second,
        volatility_cents=by_volatility,
        normal_second_cents=100.0 * second_slope,
        normal_volatility_cents=log_slope,
        certain=_certain(inputs, remaining, required, z),
    )


def probability(inputs: Inputs) -> float:
    """P(YES) alone. Raises PricingError."""
    return tail_cdf(_score(inputs, inputs.terms)[0], inputs.tails, inputs.table)


def tie_probability(inputs: Inputs) -> float | None:
    """The probability that the rounded average is the strike to the last decimal (section 3.8); None without rounding."""
    if inputs.decimals is None:
        return None
    above, _ = _score(inputs, inputs.terms_above)
    below, _ = _score(inputs, inputs.terms)
    return max(tail_cdf(below, inputs.tails, inputs.table) - tail_cdf(above, inputs.tails, inputs.table), 0.0)


def side_by_side(inputs: Inputs, shapes: Shapes) -> SideBySide:
    """P(YES) by every model on the same inputs. Raises PricingError."""
    return every_variant(inputs.terms, inputs.seen, (inputs.sigma, inputs.drift), inputs.pieces, shapes)


def _score(inputs: Inputs, terms: Terms) -> Score:
    return SCORES[inputs.model](terms, inputs.seen, inputs.sigma, inputs.drift, inputs.pieces)


def _mean_seconds(inputs: Inputs, terms: Terms, remaining: int, until_s: float) -> float:
    return clocked_seconds(remaining, until_s, terms.step_ns * _NS, inputs.pieces)


def _spot_seconds(inputs: Inputs) -> float:
    return clocked_seconds(1, inputs.tau_ns * _NS, 0.0, inputs.pieces) if inputs.model == "digital" else 0.0


def _slopes(inputs: Inputs) -> tuple[float, float]:
    """Cents of P(YES) by one standard deviation of one second and by one percent more volatility: central differences of
    this very model, tails included."""
    if inputs.sigma == 0.0:
        return 0.0, 0.0
    step = inputs.spot * inputs.sigma * _BUMP
    up, down = (probability(inputs._replace(spot=inputs.spot + way * step)) for way in (1.0, -1.0))
    more, less = (probability(inputs._replace(sigma=inputs.sigma * (1.0 + way * _BUMP))) for way in (1.0, -1.0))
    return 100.0 * (up - down) / (2.0 * _BUMP), (more - less) / (2.0 * _BUMP)


def _certain(inputs: Inputs, remaining: int, required: float | None, z: float) -> str:
    if not isinf(z):
        return ""
    if inputs.model == "digital" and remaining == 0:
        return "the market closes now: the spot decides"
    if remaining == 0:
        return f"all {inputs.averaging.samples} samples are known: their mean decides, whatever the spot is"
    if required is not None and required <= 0.0:
        return "the known samples alone are enough"
    return "nothing is left to chance: there is no variance"
