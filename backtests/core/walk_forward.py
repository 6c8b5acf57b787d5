"""Judging what is fitted on windows it has not seen: each day with what had settled before that day."""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite, nan

import numpy as np

from backtests.core.cases import Cases, Floats, cases_of
from backtests.core.fit_calibration import calibration_maps
from backtests.core.fit_pooling import pooling_weights
from backtests.core.rows import Row
from markets.core.units import DAY_NS, SECOND_NS
from trading.core.calibration import mapped, pooled
from trading.core.fitted import CalibrationMap, MapKind, PoolingWeight, T, applying

EMBARGO_NS = 3_600 * SECOND_NS
"""A window counts as settled an hour after its close. It also keeps windows apart whose lives overlap."""
Fit = Callable[[Cases], Iterable[T]]
Apply = Callable[[T, float, float], float | None]
"""What an artefact makes of our probability and the market's; nan stands for one that is not known."""


def walk_forward(
    rows: Sequence[Row], name: str, fit: Fit[T], apply: Apply[T], least_windows: int = 1
) -> list[float | None]:
    """For each row the probability of that name after `fit`, by what was fitted on windows that had closed and settled
    before the row's day began; None where there were too few of them, or nothing was fitted for its asset and time.

    Windows belong to the UTC day in which they open. Nothing that closed later, and no outcome or quote of that day or
    after it, has a part in what is said of the day (section 10.3, traps 1 and 6).
    """
    cases, order = cases_of(rows, name)
    told: list[float | None] = [None] * len(rows)
    for place, said in zip(order.tolist(), forward(cases, fit, apply, least_windows).tolist(), strict=True):
        told[place] = said if isfinite(said) else None
    return told


def forward(cases: Cases, fit: Fit[T], apply: Apply[T], least_windows: int = 1) -> Floats:
    """The same of columns in order of their close; nan where nothing is said."""
    told = np.full(len(cases.close_ns), nan)
    days = (cases.close_ns - 1) // DAY_NS
    for day in np.unique(days):
        began, ended = np.searchsorted(days, day), np.searchsorted(days, day, side="right")
        seen = int(np.searchsorted(cases.close_ns, int(day) * DAY_NS - EMBARGO_NS))
        past = cases.where(slice(0, seen))
        if past.windows >= max(least_windows, 1):
            told[began:ended] = _judged(tuple(fit(past)), apply, cases.where(slice(began, ended)))
    return told


def calibrated_forward(
    rows: Sequence[Row], kind: MapKind, name: str = "fair", least_windows: int | None = None
) -> list[float | None]:
    """The probability of that name after a map of that kind, walk-forward."""
    return walk_forward(rows, name, lambda past: calibration_maps(past, kind, least_windows), laid)


def pooled_forward(rows: Sequence[Row], name: str = "calibrated", least_windows: int = 500) -> list[float | None]:
    """The probability of that name pooled with the market's mid by the lower bound of a fitted weight, walk-forward."""
    return walk_forward(rows, name, lambda past: pooling_weights(past, least_windows), pooled_by)


def laid(artefact: CalibrationMap, ours: float, market: float) -> float | None:
    """Our probability after the map."""
    return mapped(ours, artefact) if isfinite(ours) else None


def pooled_by(artefact: PoolingWeight, ours: float, market: float) -> float | None:
    """Both probabilities pooled, ours by the weight that is used."""
    return pooled(ours, market, artefact.used) if isfinite(ours) and isfinite(market) else None


def _judged(artefacts: tuple[T, ...], apply: Apply[T], cases: Cases) -> list[float]:
    told = []
    columns = (cases.asset, cases.seconds_left, cases.now_ns, cases.ours, cases.market)
    for asset, seconds_left, now_ns, ours, market in zip(*(column.tolist() for column in columns), strict=True):
        artefact = applying(artefacts, asset, seconds_left, now_ns)
        said = None if artefact is None else apply(artefact, ours, market)
        told.append(nan if said is None else said)
    return told
