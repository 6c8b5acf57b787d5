"""One probability with all that it is made of, by the same scalar functions as the engine's: pure, numbers in, numbers out."""

from collections.abc import Sequence
from math import isinf
from typing import NamedTuple

from markets.core.contract import Averaging
from trading.core.model import (
    FLAT,
    Pieces,
    PricingError,
    Score,
    Seen,
    Terms,
    abm_score,
    clocked_seconds,
    digital_score,
    effective_strike,
    gbm_score,
    half_unit,
    required_mean,
    samples_left,
    sensitivities,
)
from trading.core.parameters import ModelName, Parameters
from trading.core.tails import MIXTURE, NORMAL, STUDENT, Tails, tail_cdf

SCORES = {"digital": digital_score, "abm_avg": abm_score, "gbm_avg": gbm_score}
TAIL_WORDS = {NORMAL: "normal", STUDENT: "student_t", MIXTURE: "mixture"}
SHORT_S = 30  # below this the tails are those of `short_degrees_of_freedom` (section 5.1)
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
    tails: Tails = Tails()
    table: Sequence[float] = ()
    drift: float = 0.0
    level_error: float = 0.0
    pieces: Pieces = FLAT

    @property
    def terms(self) -> Terms:
        """What the contract pays on, as the models take it. Raises PricingError."""
        return self.terms_at(-half_unit(self.decimals))

    def terms_at(self, above: float) -> Terms:
        """The same with the strike moved: round(A) > K is A >= K + half a unit. Raises PricingError."""
        averaging = self.averaging
        last_ns = averaging.step_ns if averaging.window == "open_right" else 0
        return Terms(effective_strike(self.strike, -above), averaging.samples, averaging.step_ns, last_ns)

    @property
    def seen(self) -> Seen:
        """What is known, as the models take it."""
        return Seen(self.spot, self.tau_ns, self.known_sum, 0.0, self.level_error)

    @property
    def shape(self) -> Tails:
        """The tails that are laid over the model: the plain digital has none but the normal's."""
        return Tails() if self.model == "digital" else self.tails


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
    tails: str
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
        tails=TAIL_WORDS.get(inputs.shape.kind, "empirical"),
        p_yes=tail_cdf(z, inputs.shape, inputs.table),
        tie=tie_probability(inputs),
        second_cents=by_second,
        volatility_cents=by_volatility,
        normal_second_cents=100.0 * second_slope,
        normal_volatility_cents=log_slope,
        certain=_certain(inputs, remaining, required, z),
    )


def probability(inputs: Inputs) -> float:
    """P(YES) alone. Raises PricingError."""
    return tail_cdf(_score(inputs, inputs.terms)[0], inputs.shape, inputs.table)


def tie_probability(inputs: Inputs) -> float | None:
    """The probability that the rounded average is the strike to the last decimal (section 3.8); None without rounding."""
    half = half_unit(inputs.decimals)
    if half == 0.0:
        return None
    above, _ = _score(inputs, inputs.terms_at(half))
    below, _ = _score(inputs, inputs.terms)
    return max(tail_cdf(below, inputs.shape, inputs.table) - tail_cdf(above, inputs.shape, inputs.table), 0.0)


def side_by_side(inputs: Inputs, parameters: Parameters | None = None) -> dict[str, float | None]:
    """P(YES) by every model: the plain digital, both averages under the normal, and the default one under each shape of
    tails, those of `parameters` where another one was asked for. None where no distribution was fitted."""
    own, kinds = parameters or Parameters(), {"normal": Tails()}
    kinds["t"] = inputs.tails if inputs.tails.kind == STUDENT else student(own, inputs.tau_ns)
    kinds["mix"] = inputs.tails if inputs.tails.kind == MIXTURE else mixture(own)

    def by(model: ModelName, tails: Tails) -> float:
        return probability(inputs._replace(model=model, tails=tails))

    return {
        "digital": by("digital", Tails()),
        "abm_avg": by("abm_avg", Tails()),
        "gbm_avg": by("gbm_avg", Tails()),
        "gbm_avg_t": by("gbm_avg", kinds["t"]),
        "gbm_avg_mix": by("gbm_avg", kinds["mix"]),
        "gbm_avg_emp": by("gbm_avg", inputs.tails) if inputs.table else None,
    }


def student(parameters: Parameters, tau_ns: int) -> Tails:
    """Student's t of these parameters, so long before the close."""
    is_short = tau_ns * _NS < SHORT_S
    return Tails(STUDENT, parameters.short_degrees_of_freedom if is_short else parameters.degrees_of_freedom)


def mixture(parameters: Parameters) -> Tails:
    """The two normals of these parameters; the wide one is as wide as a variance of 1 leaves it."""
    weight, narrow = parameters.mixture_weight, parameters.mixture_narrow
    wide = ((1.0 - weight * narrow * narrow) / (1.0 - weight)) ** 0.5
    return Tails(MIXTURE, weight=weight, narrow=narrow, wide=wide)


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


__all__ = [
    "Derivation", "Inputs", "PricingError", "derive", "mixture", "probability", "side_by_side", "student", "tie_probability",
]  # fmt: skip
