"""The result of a walk-forward: what each fold chose, what its choice made out of sample, joined, and how much was left."""

from collections.abc import Mapping, Sequence
from typing import Any

from backtests.core.deflated import probabilistic_sharpe, shape_of
from backtests.core.studies.folds import Fold, look_back_ns
from backtests.core.studies.forward import Judged, decay, joined, judged
from backtests.core.studies.objective import OBJECTIVES, Span, closes_of, dollars
from backtests.core.studies.summary import summary_of
from backtests.studies.inputs import StudyInputs
from backtests.studies.plan import folds
from backtests.studies.rounds import day_text
from backtests.studies.text import change_text
from backtests.study_models import StudyTrial
from markets.core.units import money_text

Trials = Mapping[int, Mapping[int, Span]]


def forward_result(inputs: StudyInputs, rows: Sequence[StudyTrial], trials: Trials) -> dict[str, Any]:
    """Folds, the joined days out of sample, and the decay from in sample to out of it."""
    scheme = inputs.scheme
    assert scheme is not None  # noqa: S101 - a walk-forward has one
    found = folds(inputs)
    by_number = {row.number: row for row in rows}
    back = {row.number: look_back_ns(inputs.setting(row.values).parameters) for row in rows if row.key}
    objective = OBJECTIVES[inputs.objective]
    chosen = [judged(fold, _of_fold(inputs, fold, by_number, trials), objective, scheme, back) for fold in found]
    outside = joined(found, chosen, trials)
    fallen = decay(chosen)
    return {
        "scheme": {"train": scheme.train, "test": scheme.test, "step": scheme.step, "embargo": scheme.embargo,
                   "anchored": scheme.is_anchored},
        "folds": [_told(each, by_number) for each in chosen],
        "outside": summary_of(outside, []) | {"psr": _psr(outside)},
        "equity": _equity(inputs.capital, outside),
        "decay": {"inside": fallen.inside, "outside": fallen.outside, "left": fallen.left, "folds": fallen.folds},
        "words": _words(chosen, fallen.inside, fallen.outside, outside),
    }  # fmt: skip


def _of_fold(inputs: StudyInputs, fold: Fold, rows: Mapping[int, StudyTrial], trials: Trials) -> Trials:
    """The trials that a fold may choose from: all of a grid; of a search only those asked for this fold, since others were
    found by looking at its days to judge."""
    if inputs.search == "grid":
        return trials
    batches = -(-inputs.trials // inputs.batch)
    return {number: spans for number, spans in trials.items() if rows[number].round // batches == fold.number}


def _told(each: Judged, rows: Mapping[int, StudyTrial]) -> dict[str, Any]:
    return {
        "fold": each.fold,
        "train": [day_text(day) for day in each.train],
        "test": [day_text(day) for day in each.test],
        "trial": each.trial,
        "values": None if each.trial is None else rows[each.trial].values,
        "inside": each.inside,
        "outside": each.outside,
        "inside_day": each.inside_day,
        "outside_day": each.outside_day,
        "windows": each.windows,
        "rank": each.rank,
        "rated": each.rated,
        "purged": each.purged,
    }


def _equity(capital: int, outside: Sequence[Span]) -> list[list[Any]]:
    """[unix ms, dollars]: the capital and what was made out of sample, close by close, as if one account had run through."""
    if not outside:
        return []
    equity = capital
    points: list[list[Any]] = [[outside[0].day * 86_400_000, money_text(equity)]]
    for close, made in closes_of(outside).items():
        equity += made
        points.append([close // 1_000_000, money_text(equity)])
    return points


def _psr(outside: Sequence[Span]) -> float | None:
    closes = [float(value) for value in dollars(closes_of(outside))]
    shape = shape_of(closes)
    try:
        return None if shape is None else probabilistic_sharpe(shape, len(closes))
    except ValueError:
        return None


def _words(chosen: Sequence[Judged], inside: float | None, outside: float | None, spans: Sequence[Span]) -> list[str]:
    empty = sum(each.trial is None for each in chosen)
    words = []
    if empty:
        words.append(
            f"In {empty} of {len(chosen)} folds no setting traded enough to be chosen; nothing was traded there."
        )
    if inside is not None and outside is not None:
        words.append(f"In sample the choices made {change_text(inside)} a day, out of sample {change_text(outside)}.")
        if inside > 0.0 >= outside:
            words.append(
                "What was seen in sample was not there out of sample: this way of choosing is not recommended."
            )
    windows = sum(len(span.windows) for span in spans)
    words.append(
        f"{windows:,} windows were traded out of sample; at a true edge of 2 cents a contract 2,500 are needed."
    )
    return words
