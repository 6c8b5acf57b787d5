"""Refit: all that is learnt from an account's settled windows, each artefact with what it did to windows it had not seen."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from django.conf import settings
from django.utils import timezone
from msgspec.structs import replace

from backtests.core.cases import Cases, Floats, groups_of, shares
from backtests.core.effect import Effect, effect_of
from backtests.core.fit_calibration import LEAST_WINDOWS, calibration_maps, mappable
from backtests.core.fit_pooling import LEAST_WINDOWS as POOLING_SHOWN
from backtests.core.fit_pooling import poolable, pooling_weights
from backtests.core.fit_seasonality import seasonal_profiles
from backtests.core.fit_tails import Residuals, fitted_tails, freedom_fit, log_likelihood
from backtests.core.fit_volatility import Rates, har_fit, qlike, volatility_weights
from backtests.core.walk_forward import forward, laid, pooled_by
from backtests.fitting_record import Record, name_of, newest_settled, record_of
from trading import selectors
from trading.artefacts import artefacts_add
from trading.core.fitted import (
    ALL,
    BUCKETS,
    Z_95,
    FittedTails,
    Learnt,
    MapKind,
    SeasonalProfile,
    Under,
    VolatilityWeights,
)
from trading.core.parameters import Parameters
from trading.core.regime import under_of
from trading.core.volatility import weights as blend_weights
from trading.models import FittedArtefact

KINDS: tuple[MapKind, ...] = ("platt", "beta", "isotonic")
Found = tuple[Learnt, dict[str, Any]]
InForce = Callable[[str, float], Under]
"""What a probability of a group is made with now, so many seconds before the close."""


class Refit(NamedTuple):
    """What a refit came to: the new rows, how many windows there were, and why nothing was fitted where nothing was."""

    new: list[FittedArtefact]
    windows: int
    words: str


def refit(account: str, *, until_ns: int | None = None, is_forced: bool = True) -> Refit:
    """Fit all kinds on the settled windows of an account that closed before `until_ns`, and add what is new.

    Unless told, that is all of them: an account lives by the clock of its market, which in the demo market is ahead of
    ours and on a tape behind it. One at a time. Unless forced it looks first whether anything has settled since the last one.
    """
    with _alone(Path(settings.BOT_HOME) / "refit.lock") as is_alone:
        if not is_alone:
            return Refit([], 0, "another refit is at work")
        if not is_forced and not is_due(account):
            return Refit([], 0, "nothing has settled since the last refit")
        until_ns = until_ns or newest_settled(account) + 1
        record = record_of(account, until_ns)
        windows = record.fair.windows
        new = artefacts_add(account, list(found_in(record, _in_force(account, until_ns))))
        return Refit(new, windows, "" if new else _why_nothing(windows))


def is_due(account: str) -> bool:
    """Whether windows have settled that no artefact has seen, and today's refit is still to come."""
    newest = FittedArtefact.objects.filter(account=account).order_by("-version").first()
    if newest is None:
        return newest_settled(account) > 0
    is_of_today = newest.created_at.date() == timezone.now().date()
    return not is_of_today and newest_settled(account) > newest.through_ns


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Whether nobody else holds the file's lock; let go at the end, however that comes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def _in_force(account: str, now_ns: int) -> InForce:
    """By the parameters and the artefacts of an account now."""
    newest, fitted = selectors.parameters_newest(), selectors.fitted_in_force(account)
    parameters = newest.parameters() if newest else Parameters()
    return lambda group, seconds_left: under_of(fitted, parameters, group, seconds_left, now_ns)


def found_in(record: Record, in_force: InForce) -> Iterator[Found]:
    """Every artefact that the record has windows enough for, with its report."""
    places = ((group, least_s) for group in groups_of(record.fair.asset) for least_s, _ in BUCKETS)
    for under in sorted({in_force(*place) for place in places}):
        for learnt, report in _corrections(record, under):
            if in_force(learnt.group, learnt.least_s) == under:
                yield replace(learnt, under=under), report
    for tails in fitted_tails(record.residuals):
        yield tails, _tails_report(record.residuals, tails)
    for har in volatility_weights(record.rates):
        yield har, _volatility_report(record.rates, har)
    for profile in seasonal_profiles(record.moves):
        yield profile, _seasonal_report(profile)


def _corrections(record: Record, under: Under) -> Iterator[Found]:
    """The maps and weights of what was said `under` these kinds of artefacts alone: what was said under others is wrong in
    another way, and laid over this it would correct what is correct already."""
    said = record.under == name_of(under)
    fair, calibrated = mappable(record.fair.where(said)), poolable(record.calibrated.where(said))
    for kind in KINDS:
        yield from _maps(fair, kind)
    yield from _weights(calibrated)


def _maps(cases: Cases, kind: MapKind) -> Iterator[Found]:
    maps = calibration_maps(cases, kind)
    after = forward(cases, lambda past: calibration_maps(past, kind), laid, LEAST_WINDOWS[kind]) if maps else None
    for each in maps:
        yield each, {"error": each.error} | _walked(cases, each, cases.ours, after)


def _weights(cases: Cases) -> Iterator[Found]:
    weights = pooling_weights(cases)
    least = Parameters().pooling_windows
    after = forward(cases, lambda past: pooling_weights(past, least), pooled_by, least) if weights else None
    for each in weights:
        interval = [each.weight - Z_95 * each.standard_error, each.weight + Z_95 * each.standard_error]
        said = {"interval": interval, "used": each.used, "is_positive": each.is_positive}
        yield each, said | _walked(cases, each, cases.market, after)


def _walked(cases: Cases, artefact: Learnt, before: Floats, after: Floats | None) -> dict[str, Any]:
    """The walk-forward effect on the windows of an artefact's place, each judged by what came before its day."""
    mine = _mine(cases.asset, cases.seconds_left, artefact)
    effect = None if after is None else effect_of(cases.where(mine), before[mine], after[mine])
    return {"walk_forward": None if effect is None else _told(effect)}


def _told(effect: Effect) -> dict[str, Any]:
    return effect._asdict() | {"verdict": effect.verdict}


def _mine(asset: "np.typing.NDArray[np.str_]", seconds_left: Floats, artefact: Learnt) -> "np.typing.NDArray[np.bool_]":
    inside = (seconds_left >= artefact.least_s) & (seconds_left < artefact.most_s)
    return inside if artefact.group == ALL else inside & (asset == artefact.group)


def _tails_report(residuals: Residuals, tails: FittedTails) -> dict[str, Any]:
    """The interval of nu; and what nu of the first half of the windows gained on the second over the default, a window."""
    mine = _mine(residuals.asset, residuals.seconds_left, tails)
    value, weights = residuals.value[mine], shares(residuals.window[mine])
    fit = freedom_fit(value, weights)
    half = _first_half(residuals.close_ns[mine])
    learnt = freedom_fit(value[half], weights[half]).freedom
    usual = Parameters().degrees_of_freedom if tails.least_s > 0.0 else Parameters().short_degrees_of_freedom
    later, counted = value[~half], weights[~half]
    gain = log_likelihood(later, counted, learnt) - log_likelihood(later, counted, usual)
    return {
        "interval": [fit.least, fit.most],
        "deviation": float(np.sqrt(np.average(np.square(value), weights=weights))),
        "beyond_3": float(np.average(np.abs(value) > 3.0, weights=weights)),
        "gain_over_default": gain / max(float(np.sum(counted)), 1.0),
    }


def _volatility_report(rates: Rates, har: VolatilityWeights) -> dict[str, Any]:
    """QLIKE of the second half of the windows: by the default blend, and by weights of the first half."""
    mine = _mine(rates.asset, rates.seconds_left, har)
    said = np.column_stack([rates.fast[mine], rates.middle[mine], rates.slow[mine]])
    realised, weights = rates.realised[mine], shares(rates.window[mine])
    half = _first_half(rates.close_ns[mine])
    usual = blend_weights(max(har.least_s, 30.0))
    blend = np.log(np.maximum(said @ np.array(usual), 1e-300))
    found = har_fit(said[half], realised[half], weights[half], np.array([0.0, *usual]))
    fitted = found[0] + np.log(said) @ found[1:]
    late = ~half
    return {
        "qlike_before": qlike(np.exp(blend[late]), realised[late], weights[late]),
        "qlike_after": qlike(np.exp(fitted[late]), realised[late], weights[late]),
    }


def _seasonal_report(profile: SeasonalProfile) -> dict[str, Any]:
    return {
        "quietest": min(*profile.weekday, *profile.weekend),
        "busiest": max(*profile.weekday, *profile.weekend),
        "weekend": float(np.mean(profile.weekend)),
    }


def _first_half(close_ns: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.bool_]":
    """Which closed before the middle one: in order of time, whole windows."""
    first: np.typing.NDArray[np.bool_] = close_ns < np.median(np.unique(close_ns))
    return first


def _why_nothing(windows: int) -> str:
    if windows < POOLING_SHOWN:
        return f"{windows} settled windows are too few: the first weight is shown from {POOLING_SHOWN} on"
    return f"the {windows} settled windows say nothing that is not in force already"
