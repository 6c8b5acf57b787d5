"""The models side by side: every model with every shape of tails, for one contract at one moment."""

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from trading.core.fitted import FittedTails
from trading.core.model import (
    Pieces,
    PricingError,
    Score,
    Seen,
    Terms,
    abm_score,
    digital_score,
    gbm_score,
    settled_chance,
)
from trading.core.parameters import ModelName, Parameters
from trading.core.tails import EMPIRICAL, MIXTURE, NORMAL, STUDENT, Tails, normal_cdf, tail_cdf, wide_of

VARIANTS = ("digital", "abm_avg", "gbm_avg", "gbm_avg_t", "gbm_avg_mix", "gbm_avg_emp")
SHORT_NS = 30_000_000_000  # below this the tails are those of `short_degrees_of_freedom` (section 5.1)

ScoreFunction = Callable[[Terms, Seen, float, float, Pieces], Score]
SCORES: dict[ModelName, ScoreFunction] = {"digital": digital_score, "abm_avg": abm_score, "gbm_avg": gbm_score}


class SideBySide(NamedTuple):
    """The probability of YES by each model: `digital` is the plain N(d2); the averages have normal tails unless the name
    ends in _t (Student's), _mix (two normals) or _emp (as found; None until they were fitted)."""

    digital: float
    abm_avg: float
    gbm_avg: float
    gbm_avg_t: float
    gbm_avg_mix: float
    gbm_avg_emp: float | None


class Shapes(NamedTuple):
    """The distributions that are chosen between. `table` belongs to the empirical one; that is None until fitted."""

    student: Tails
    mixture: Tails
    empirical: Tails | None = None
    table: Sequence[float] = ()


PLAIN = Tails(NORMAL)


def shapes_of(parameters: Parameters, tau_ns: int, learnt: FittedTails | None = None) -> Shapes:
    """The shapes by configuration, and by what was fitted where that applies. Raises PricingError."""
    set_freedom = parameters.degrees_of_freedom if tau_ns >= SHORT_NS else parameters.short_degrees_of_freedom
    freedom = learnt.freedom if learnt is not None else set_freedom
    if not freedom > 2.0:
        raise PricingError("the degrees of freedom must be above 2")
    try:
        wide = wide_of(parameters.mixture_weight, parameters.mixture_narrow)
    except ValueError as error:
        raise PricingError(str(error)) from error
    student = Tails(STUDENT if freedom < inf else NORMAL, freedom)
    mixture = Tails(MIXTURE, 4.0, parameters.mixture_weight, parameters.mixture_narrow, wide)
    if learnt is None or len(learnt.values) < 2:
        return Shapes(student, mixture)
    found = Tails(EMPIRICAL, freedom, start=learnt.start, step=learnt.step)
    return Shapes(student, mixture, found, learnt.values)


def chosen(parameters: Parameters, shapes: Shapes) -> Tails:
    """The tails that are configured; Student's in place of empirical ones that nobody fitted. N(d2) stays N."""
    if parameters.model == "digital" or parameters.tails == "normal":
        return PLAIN
    if parameters.tails == "mixture":
        return shapes.mixture
    if parameters.tails == "empirical" and shapes.empirical is not None:
        return shapes.empirical
    return shapes.student


def every_variant(
    terms: Terms, seen: Seen, motion: tuple[float, float], pieces: Pieces, shapes: Shapes, *, failure: float = 0.0
) -> SideBySide:
    """All models on the same inputs; `motion` is (sigma, drift). Raises PricingError."""
    sigma, drift = motion
    naive, _ = digital_score(terms, seen, sigma, drift, pieces)
    arithmetic, _ = abm_score(terms, seen, sigma, drift, pieces)
    z, _ = gbm_score(terms, seen, sigma, drift, pieces)
    found = shapes.empirical
    return SideBySide(
        settled_chance(normal_cdf(naive), failure),
        settled_chance(normal_cdf(arithmetic), failure),
        settled_chance(normal_cdf(z), failure),
        settled_chance(tail_cdf(z, shapes.student, ()), failure),
        settled_chance(tail_cdf(z, shapes.mixture, ()), failure),
        None if found is None else settled_chance(tail_cdf(z, found, shapes.table), failure),
    )
