"""The rounds of a study: which trials and parts the next one has, and what its trials came to once they are played."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date

import msgspec
from django.db import IntegrityError, transaction

from backtests.core.studies.folds import look_back_ns, purged
from backtests.core.studies.objective import OBJECTIVES, Span, span_of
from backtests.core.studies.summary import summary_of
from backtests.core.trial import TrialResult
from backtests.studies import parts
from backtests.studies.inputs import StudyInputs
from backtests.studies.plan import (
    Piece,
    Wanted,
    batches_of,
    fixed,
    fold_of,
    key_of,
    pieces,
    rounds_of,
    spans_of_round,
    wanted,
)
from backtests.studies.search import asked
from backtests.study_models import Study, StudyPart, StudyTrial

AT_ONCE = 500
EPOCH = date(1970, 1, 1).toordinal()
Played = dict[int, dict[int, TrialResult]]
"""By trial, then by day."""


def round_begin(study: Study, inputs: StudyInputs, after: int = -1) -> bool:
    """Write the trials and parts of the round that follows `after`; False when there is none. Two who do it at the same
    time write the same rows, and one of them is refused by the database."""
    for number in range(after + 1, rounds_of(inputs)):
        trials = _trials(study, inputs, number)
        if any(not trial.problem for trial in trials):
            _write(study, inputs, number, trials)
            return True
    return False


def round_score(study: Study, inputs: StudyInputs, number: int, touch: Callable[[], None]) -> None:
    """Write what each trial of a finished round came to. Raises ArtefactError."""
    played = played_of(study.pk, number)
    rows = StudyTrial.objects.filter(study=study, round=number).exclude(key="").order_by("number")
    scored = []
    for row in rows.iterator(AT_ONCE):
        results = played.get(row.number, {})
        spans = [span_of(day, result) for day, result in sorted(results.items())]
        row.summary = summary_of(spans, list(results.values()))
        row.objective = score(inputs, learnt_on(inputs, number, row.values, spans))
        row.net, row.windows = sum(span.net for span in spans), row.summary["windows"]
        scored.append(row)
        touch()
    StudyTrial.objects.bulk_update(scored, ["summary", "objective", "net", "windows"], batch_size=AT_ONCE)


def score(inputs: StudyInputs, spans: Sequence[Span]) -> float | None:
    """The objective of the study over these days."""
    return OBJECTIVES[inputs.objective].of(spans)


def learnt_on(inputs: StudyInputs, number: int, values: dict[str, str], spans: Sequence[Span]) -> Sequence[Span]:
    """The days that a trial of a round is chosen by: where a search is made for a fold, those it learns on, purged."""
    fold = fold_of(inputs, number)
    if fold is None or inputs.scheme is None:
        return spans
    mine = [span for span in spans if span.day in fold.train]
    return purged(mine, fold, inputs.scheme.embargo, look_back_ns(inputs.setting(values).parameters))[0]


def played_of(study_id: int, number: int | None = None) -> Played:
    """What all trials made, of one round or of all, from the artefacts. Raises ArtefactError."""
    rows = StudyPart.objects.filter(study_id=study_id, status="done").order_by("number")
    found: Played = {}
    for row in rows if number is None else rows.filter(round=number):
        made = parts.made(row.artefact, row.digest)
        for result in made.results:
            found.setdefault(result.trial, {})[made.day] = result
    return found


def _trials(study: Study, inputs: StudyInputs, number: int) -> list[Wanted]:
    if inputs.search == "grid" or inputs.kind == "versus":
        return fixed(inputs)
    batch = number % batches_of(inputs)
    before = StudyTrial.objects.filter(study=study, round__range=(number - batch, number - 1)).order_by("number")
    told = [(row.values, row.objective) for row in before]
    first = StudyTrial.objects.filter(study=study, round__lt=number).count()
    spans = spans_of_round(inputs, number)
    count = min(inputs.batch, inputs.trials - len(told))
    found = asked(inputs.space, told, count, (inputs.seed * 1_000_003 + number) % 2**31) if count > 0 else []
    return [wanted(inputs, first + at, values, spans) for at, values in enumerate(found)]


def _write(study: Study, inputs: StudyInputs, number: int, trials: Sequence[Wanted]) -> None:
    first = StudyPart.objects.filter(study=study, round__lt=number).count()
    try:
        with transaction.atomic():
            StudyTrial.objects.bulk_create(
                (_trial_row(study, inputs, number, trial) for trial in trials), batch_size=AT_ONCE
            )
            StudyPart.objects.bulk_create(
                _part_rows(study, inputs, number, first, pieces(inputs, trials)), batch_size=AT_ONCE
            )
    except IntegrityError:
        if not StudyTrial.objects.filter(study=study, round=number).exists():
            raise


def _trial_row(study: Study, inputs: StudyInputs, number: int, trial: Wanted) -> StudyTrial:
    return StudyTrial(
        study=study, number=trial.number, round=number, values=trial.values, key=key_of(inputs, trial),
        summary={"problem": trial.problem} if trial.problem else None,
    )  # fmt: skip


def _part_rows(
    study: Study, inputs: StudyInputs, number: int, first: int, found: Iterable[Piece]
) -> Iterable[StudyPart]:
    for at, piece in enumerate(found):
        span = inputs.spans[piece.span]
        trials = tuple((trial.number, trial.values) for trial in piece.trials)
        work = parts.Work(piece.span, span.day, span.tapes, trials, span.fits)
        yield StudyPart(
            study=study, number=first + at, round=number, span=day_text(span.day), work=msgspec.to_builtins(work)
        )


def day_text(day: int) -> str:
    """19855 -> "2024-05-12"."""
    return str(date.fromordinal(EPOCH + day))
