"""study_queue, study_cancel, study_resume, study_annotate: what people do to studies; the only writers of Study, with
backtests.studies.working."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.replay import Inputs
from backtests.services import About, run_queue
from backtests.studies import claims, parts
from backtests.studies.covered import asked_of
from backtests.studies.inputs import StudyInputs, from_row, to_row
from backtests.studies.plan import budget_words, planned
from backtests.studies.rounds import round_begin
from backtests.studies.working import free_parts, nudge, study_advance
from backtests.study_models import Status, Study, StudyPart, StudyTrial
from markets.core.units import Money


def study_queue(
    inputs: StudyInputs, *, by: User | None, label: str = "", note: str = "", is_here: bool = False,
    cloned_from: Study | None = None,
) -> Study:  # fmt: skip
    """Write the study down with its first round, and tell the workers once it is committed; `is_here` keeps it for the
    process that asks. Raises InputError for what cannot be played."""
    if inputs.files and not is_here:
        raise InputError({"tapes": "Workers take tapes of the catalogue; a file can be played in this process only."})
    whole = planned(inputs)
    with transaction.atomic():
        study = Study.objects.create(
            kind=whole.kind, created_by=by, label=label[:120], note=note, inputs=to_row(whole), is_here=is_here,
            cloned_from=cloned_from, progress_note=budget_words(whole)[:200],
        )  # fmt: skip
        round_begin(study, whole)
        if not is_here:
            transaction.on_commit(lambda: nudge(study.pk, free_parts(study.pk)), robust=True)
    return study


def study_cancel(study_id: int) -> str:
    """Stop a study: what nobody plays yet is never played, what is played stops within seconds. What is done is kept, and
    a resumed study goes on from there. Says in words what happened."""
    asked = Study.objects.filter(pk=study_id, status__in=[Status.QUEUED, Status.RUNNING])
    if not asked.update(cancel_wanted=True):
        return "The study is already over."
    study_advance(study_id)
    if Study.objects.filter(pk=study_id, status=Status.CANCELLED).exists():
        return "The study was cancelled; what was played is kept, and it can be resumed."
    return "The study was asked to stop; what was played is kept, and it can be resumed."


def study_resume(study_id: int, *, is_here: bool = False) -> bool:
    """Go on with a cancelled or failed study where it stopped: what is done, and still whole in the storage, is not played
    again. So does one whose command was killed. False when it goes on already, or is done. Raises InputError where workers cannot reach its tapes."""
    study = Study.objects.filter(pk=study_id).first()
    if study is None or not (study.status in (Status.FAILED, Status.CANCELLED) or is_abandoned(study)):
        return False
    if study.inputs.get("files") and not is_here:
        words = f"Its tapes are files of one machine; `kalshi-bot {study.kind} --resume {study_id}` goes on there."
        raise InputError({"tapes": words})
    rows = StudyPart.objects.filter(study=study)
    broken = [row.pk for row in rows.filter(status=Status.DONE) if not parts.is_kept(row.artefact, row.digest)]
    again = Q(status__in=[Status.FAILED, Status.CANCELLED]) | Q(pk__in=broken)
    with transaction.atomic():
        rows.filter(again).update(status=Status.QUEUED, attempts=0, error="", finished_at=None)
        Study.objects.filter(pk=study_id).update(
            status=Status.QUEUED, cancel_wanted=False, error="", finished_at=None, is_here=is_here,
            heartbeat_at=None, progress_note="",
        )  # fmt: skip
        if not is_here:
            transaction.on_commit(lambda: nudge(study_id, max(free_parts(study_id), 1)), robust=True)
    return True


def study_annotate(study_id: int, *, label: str, note: str) -> None:
    """Give a study a name and a note."""
    Study.objects.filter(pk=study_id).update(label=label.strip()[:120], note=note.strip())


def is_abandoned(study: Study) -> bool:
    """Whether a command that played it by itself is gone: it is open, and nobody says that a part is being played."""
    if study.is_over or not study.is_here:
        return False
    return not StudyPart.objects.filter(study=study, status=Status.RUNNING).exclude(claims.is_free()).exists()


def trial_run(trial: StudyTrial, *, by: User | None) -> BacktestRun:
    """Queue a trial as a single run over the tapes of its study, for its full report. The run carries its account from day
    to day, a trial begins each day anew: their money differs. Raises InputError."""
    inputs = from_row(trial.study.inputs)
    if inputs.files:
        raise InputError({"tapes": "Its tapes are files of one machine; `kalshi-bot backtest` plays them there."})
    setting, asked = inputs.setting(trial.values), asked_of(inputs)
    wish = Inputs(
        inputs.tapes, Money(inputs.capital), setting.limits, setting.parameters, asked.date_from, asked.date_to,
        realism=setting.realism, allow_gaps=asked.allow_gaps, needs_assets=asked.needs_assets, needs_venues=asked.needs_venues,
    )  # fmt: skip
    about = About(f"{trial.study}, trial {trial.number}"[:120])
    return run_queue(wish, by=by, about=about)
