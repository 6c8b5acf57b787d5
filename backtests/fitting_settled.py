"""What can be learnt from the tables of settled markets alone: maps of the market's own mid, weights, tails, hours."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from backtests.core.cases import cases_of
from backtests.core.effect import Effect, effect_of
from backtests.core.fit_calibration import calibration_maps, mappable, platt_fit
from backtests.core.fit_seasonality import seasonal_profiles
from backtests.core.moves import Settlement, moves_of
from backtests.core.rows import Row, mid
from backtests.core.settled_tails import SettledTails, settled_tails
from backtests.core.walk_forward import forward, laid
from backtests.settled import Outcome, entry_quotes, minute_paths, outcomes
from trading.core.fitted import ALL, MapKind, SeasonalProfile
from trading.fitted_words import reach_of

MID = "mid"
KINDS: tuple[MapKind, ...] = ("platt", "beta", "isotonic")


class MapOfMid(NamedTuple):
    """Platt's map of the market's mid over all windows of a group, with standard errors; and what each kind of map did
    walk-forward."""

    table: str
    group: str
    reach: str
    windows: int
    a: float
    a_error: float
    b: float
    b_error: float
    effects: dict[MapKind, Effect | None]


class SettledFits(NamedTuple):
    """All of it."""

    maps: list[MapOfMid]
    tails: list[SettledTails]
    hours: list[SeasonalProfile]


def settled_report(folder: Path) -> SettledFits:
    """Measure. Raises SettledError for a folder without the tables."""
    settled = outcomes(folder)
    tables = [entry_quotes(folder, settled), minute_paths(folder, settled)]
    moves = moves_of(_settlements(settled.values()))
    tails = [found for asset in np.unique(moves.asset) if (found := settled_tails(moves, str(asset))) is not None]
    maps = [found for table in tables for found in maps_of_mid(table.name, table.rows)]
    return SettledFits(maps, tails, list(seasonal_profiles(moves)))


def maps_of_mid(table: str, rows: list[Row]) -> list[MapOfMid]:
    """The market's mid taken for a model, by group and time to the close."""
    said = [row._replace(probabilities={MID: mid(row)}) for row in rows]
    cases, _ = cases_of(said, MID)
    cases = mappable(cases)
    after = {kind: forward(cases, partial(calibration_maps, kind=kind), laid) for kind in KINDS}
    found = []
    for fitted in calibration_maps(cases, "platt"):
        mine = (cases.seconds_left >= fitted.least_s) & (cases.seconds_left < fitted.most_s)
        mine &= (cases.asset == fitted.group) | (fitted.group == ALL)
        part = cases.where(mine)
        a, b = platt_fit(part).coefficients.tolist()
        errors = np.sqrt(np.diag(platt_fit(part).covariance)).tolist()
        effects = {kind: effect_of(part, part.ours, after[kind][mine]) for kind in KINDS}
        reach = reach_of(fitted.least_s, fitted.most_s)
        found.append(MapOfMid(table, fitted.group, reach, part.windows, a, errors[0], b, errors[1], effects))
    return found


def settled_text(report: SettledFits) -> str:
    """For a terminal."""
    lines = ["Maps of the market's own mid: logit p' = a + b logit mid; a = 0, b = 1 is a market that is right",
             f"{'':58}{'windows':>8}{'a':>16}{'b':>16}   walk-forward change of Brier, x 10,000"]  # fmt: skip
    for each in report.maps:
        place = f"{each.table.removeprefix('kalshi_15m_')}, {each.group}, {each.reach}"
        effects = "; ".join(f"{kind} {_change(effect)}" for kind, effect in each.effects.items())
        lines.append(
            f"{place:58}{each.windows:8,}{_with_error(each.a, each.a_error):>16}{_with_error(each.b, each.b_error):>16}   {effects}"
        )
    lines += ["", "Tails of quarter-hour moves, later half, standardised by a 4 h average without the hours (Student's nu)",
              f"{'':8}{'moves':>7}{'nu':>7}{'95 %':>14}{'as it is':>10}{'deviation':>11}{'|z| > 3':>9}   hours"]  # fmt: skip
    for tail in report.tails:
        between = f"{tail.least:.1f} to {tail.most:.1f}"
        hours = "fitted on the earlier half" if tail.has_hours else "none: less than four weeks before"
        lines.append(
            f"{tail.asset:8}{tail.moves:7,}{tail.freedom:7.1f}{between:>14}{tail.as_is:10.1f}{tail.deviation:11.3f}{tail.beyond_3:9.2%}   {hours}"
        )
    lines += ["", "Hours of the week, newest four weeks: variance as a multiple of the week's mean"]
    for profile in report.hours:
        day = np.array(profile.weekday).reshape(24, 4).mean(axis=1)
        lines.append(f"{profile.group:8}quietest hour {day.min():.2f} ({int(day.argmin()):02} h), busiest {day.max():.2f} ({int(day.argmax()):02} h UTC), "
                     f"weekend {np.mean(profile.weekend):.2f}; {profile.windows:,} windows")  # fmt: skip
    return "\n".join(lines)


def settled_json(report: SettledFits) -> dict[str, Any]:
    """For a program."""
    maps = [
        each._asdict() | {"effects": {kind: effect and effect._asdict() for kind, effect in each.effects.items()}}
        for each in report.maps
    ]
    hours = [{"group": each.group, "weekday": each.weekday, "weekend": each.weekend} for each in report.hours]
    return {"maps": maps, "tails": [each._asdict() for each in report.tails], "hours": hours}


def _settlements(settled: Iterable[Outcome]) -> Iterable[Settlement]:
    return (
        Settlement(each.asset, each.close_ns, each.settle_value)
        for each in settled
        if each.settle_value is not None and each.settle_value > 0.0
    )


def _change(effect: Effect | None) -> str:
    if effect is None:
        return "not judged"
    error = "" if effect.error is None else f" ± {effect.error * 1e4:.1f}"
    return f"{effect.change * 1e4:+.1f}{error} ({effect.windows:,})"


def _with_error(value: float, error: float) -> str:
    return f"{value:+.3f} ± {error:.3f}"
