"""The result of a study, as its row, the pages, the API and the commands have it: what was tried, what it came to, and whether
anything may be recommended."""

from collections.abc import Callable, Mapping, Sequence
from statistics import variance
from typing import Any

import msgspec
import numpy as np

from backtests.core.deflated import best_of_luck, deflated_sharpe, probabilistic_sharpe, shape_of
from backtests.core.pbo import SPLITS, Overfit, overfit
from backtests.core.studies import plateau
from backtests.core.studies.objective import OBJECTIVES, Span, closes_of, dollars, span_of
from backtests.core.trial import TrialResult
from backtests.studies.covered import study_coverage
from backtests.studies.inputs import StudyInputs, to_row
from backtests.studies.result_forward import forward_result
from backtests.studies.result_versus import versus_result
from backtests.studies.rounds import Played, day_text, played_of
from backtests.study_models import Study, StudyTrial
from backtests.trials import span_of as asked_of
from backtests.trials import trials_on

VERSION = 1
Trials = Mapping[int, Mapping[int, Span]]


def result_of(study: Study, inputs: StudyInputs, digest: str, touch: Callable[[], None]) -> dict[str, Any]:
    """Everything that was found. Raises ArtefactError where a part's artefact is gone."""
    played = played_of(study.pk)
    touch()
    rows = list(StudyTrial.objects.filter(study=study).order_by("number"))
    whole = head_of(inputs, digest, rows) | {"coverage": study_coverage(inputs, traded_of(played))}
    touch()
    if inputs.kind == "versus":
        return whole | versus_result(inputs, rows, spans_of(played))
    if inputs.kind == "walkforward":
        return whole | forward_result(inputs, rows, spans_of(played))
    return whole | sweep_result(inputs, rows, spans_of(played), touch)


def head_of(inputs: StudyInputs, digest: str, rows: Sequence[StudyTrial]) -> dict[str, Any]:
    """What every kind of study says of itself."""
    objective = OBJECTIVES[inputs.objective]
    left_out = [row for row in rows if not row.key]
    return {
        "version": VERSION,
        "kind": inputs.kind,
        "digest": digest,
        "objective": {"name": objective.name, "words": objective.words, "unit": objective.unit},
        "days": [day_text(span.day) for span in inputs.spans],
        "trials": len(rows) - len(left_out),
        "left_out": [
            {"trial": row.number, "values": row.values, "why": row.summary["problem"]} for row in left_out[:20]
        ],
        "left_out_count": len(left_out),
        "tried": max(tried_on(inputs), len(rows) - len(left_out)),
    }


def traded_of(played: Played) -> set[str]:
    """The tickers that any trial bought."""
    return {window.ticker for days in played.values() for made in days.values() for window in made.windows}


def tried_on(inputs: StudyInputs) -> int:
    """How many settings were really tried on these tapes, in this study, in all others and in single runs."""
    found = trials_on(asked_of(to_row(inputs)))
    return found.runs + found.studied


def spans_of(played: Played) -> Trials:
    """What each trial made, by day."""
    return {
        number: {day: span_of(day, result) for day, result in sorted(results.items())}
        for number, results in sorted(played.items())
    }


def sweep_result(
    inputs: StudyInputs, rows: Sequence[StudyTrial], trials: Trials, touch: Callable[[], None]
) -> dict[str, Any]:
    """Best and median trial, plateau, deflated Sharpe ratio, probability of overfitting, and what follows."""
    tried = tried_of(inputs, rows)
    by_number = {row.number: row for row in rows}
    best, middle = plateau.best_of(tried), plateau.median_of(tried)
    sides = sides_of(inputs)
    near = plateau.around(sides, tried, best) if best else None
    steady = plateau.steadiest(sides, tried)
    touch()
    found = overfit_of(trials)
    luck = deflated(best and by_number[best.number], rows, trials, max(tried_on(inputs), len(tried)))
    return {
        "best": best and trial_told(by_number[best.number]),
        "median": middle and trial_told(by_number[middle.number]),
        "steadiest": steady and trial_told(by_number[steady.number]),
        "plateau": near and around_told(near, by_number),
        "pbo": msgspec.to_builtins(found),
        "deflated": luck,
    } | verdict(best, near, found, luck)


def verdict(
    best: plateau.Tried | None, near: plateau.Around | None, found: Overfit, luck: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Whether the best setting is recommended, and why not, in plain words."""
    if best is None:
        words = "No setting traded at enough closes to be judged; nothing is recommended."
        return {"recommended": None, "reasons": [words]}
    reasons = []
    if not found.may_recommend:
        said = (
            found.words
            if found.probability is not None
            else f"How overfitted the choice is cannot be said: {found.words}."
        )
        reasons.append(said)
    if near is not None and near.is_lonely:
        reasons.append(
            "The best setting is a lonely peak: its neighbours do not carry it, which is what luck looks like."
        )
    if best.objective is None or best.objective <= 0.0:
        reasons.append("By its objective even the best setting is not above zero.")
    if luck is None or luck["dsr"] is None:
        reasons.append(
            "Its Sharpe ratio cannot be held against what luck finds: too few closes, or too few trials that differ."
        )
    elif luck["dsr"] < 0.95:
        reasons.append(
            f"Of {luck['trials']:,} settings tried on these tapes, the best by luck alone would show a Sharpe ratio of "
            f"{luck['luck']:.3f} a close; that this one's is above it has a probability of {luck['dsr']:.0%} (95 % are asked)."
        )
    return {"recommended": None if reasons else best.number, "reasons": reasons}


def deflated(best: StudyTrial | None, rows: Sequence[StudyTrial], trials: Trials, tried: int) -> dict[str, Any] | None:
    """The deflated Sharpe ratio of the best trial, `tried` settings having been tried on these tapes."""
    if best is None:
        return None
    made = dollars(closes_of(list(trials[best.number].values())))
    shape = shape_of([float(value) for value in made])
    sharpes = [row.summary["sharpe"] for row in rows if row.key and row.summary and row.summary["sharpe"] is not None]
    spread = variance(sharpes) if len(sharpes) >= 2 else None
    told: dict[str, Any] = {"trials": tried, "closes": int(made.size), "sharpe": shape and shape.sharpe,
                            "spread": spread, "luck": None, "psr": None, "dsr": None}  # fmt: skip
    if shape is None or made.size < 2 or spread is None:
        return told
    try:
        told |= {
            "psr": probabilistic_sharpe(shape, made.size),
            "luck": best_of_luck(spread, tried),
            "dsr": deflated_sharpe(shape, made.size, spread, tried),
        }
    except ValueError:  # no distribution has such a shape: a handful of closes
        return told
    return told


def overfit_of(trials: Trials) -> Overfit:
    """PBO over UTC days, or over closes where there are fewer days than splits."""
    numbers = sorted(trials)
    days = sorted({day for spans in trials.values() for day in spans})
    if len(days) >= SPLITS:
        return overfit(_matrix([{day: span.net for day, span in trials[number].items()} for number in numbers], days))
    made = [closes_of(list(trials[number].values())) for number in numbers]
    return overfit(_matrix(made, sorted({close for each in made for close in each})))


def tried_of(inputs: StudyInputs, rows: Sequence[StudyTrial]) -> list[plateau.Tried]:
    """The trials that were played, by their places on the axes."""
    places = [{value: at for at, value in enumerate(axis.values)} for axis in inputs.space]
    return [
        plateau.Tried(
            row.number,
            tuple(place[row.values[axis.name]] for axis, place in zip(inputs.space, places, strict=True)),
            row.objective,
        )
        for row in rows
        if row.key
    ]


def sides_of(inputs: StudyInputs) -> list[plateau.Side]:
    """The axes of a study."""
    return [plateau.Side(axis.name, axis.values, axis.is_ordered) for axis in inputs.space]


def trial_told(row: StudyTrial) -> dict[str, Any]:
    """A trial in a result."""
    return {"trial": row.number, "values": row.values, "objective": row.objective, **(row.summary or {})}


def around_told(near: plateau.Around, rows: Mapping[int, StudyTrial]) -> dict[str, Any]:
    """The neighbours of the best in a result."""
    return {
        "middle": near.middle,
        "is_lonely": near.is_lonely,
        "neighbours": [
            {"trial": number, "values": rows[number].values, "objective": value}
            for number, value in zip(near.neighbours, near.objectives, strict=True)
        ],
    }


def results_of(played: Mapping[int, TrialResult]) -> list[TrialResult]:
    """The days of a trial in the order of time."""
    return [played[day] for day in sorted(played)]


def _matrix(made: Sequence[Mapping[int, int]], times: Sequence[int]) -> Any:
    """(times, trials), dollars; what was not traded is 0."""
    return np.array([[each.get(time, 0) / 1e6 for each in made] for time in times], np.float64).reshape(
        len(times), len(made)
    )
