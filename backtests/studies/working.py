"""One step of a study: play a free part, then carry the study on to its next round or to its end. Any number of workers do
this at once, on any machine that shares the database and the storage; what a dead one left is taken over."""

import hashlib
import logging

import msgspec
from celery import current_app
from django.db import OperationalError
from django.db.models import Max, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from backtests.knobs import InputError
from backtests.studies import claims, parts
from backtests.studies.inputs import StudyInputs, from_row
from backtests.studies.plan import parts_of_round, rounds_of
from backtests.studies.result import result_of
from backtests.studies.rounds import round_begin, round_score
from backtests.study_models import Status, Study, StudyPart, StudyTrial

TASK = "backtests.tasks.study_work"
MOST_NUDGES = 64  # messages that a study has on the way: others want to be played as well
NUDGE_LIFE_S = 600
RECKONING = "adding up"
log = logging.getLogger(__name__)


def work_once(study_id: int) -> bool:
    """Play one free part of the study, and carry it on; False when no part was free."""
    part = claims.part_claim(study_id)
    if part is not None:
        begun = Study.objects.filter(pk=study_id, status=Status.QUEUED)
        begun.update(status=Status.RUNNING, started_at=Coalesce("started_at", timezone.now()))
        _play(part)
    study_advance(study_id)
    return part is not None


def study_advance(study_id: int) -> None:
    """End the study when it failed, was cancelled or is done; begin its next round when this one is played. Harmless at
    any time, and by several at once."""
    study = Study.objects.filter(pk=study_id, status__in=[Status.QUEUED, Status.RUNNING]).first()
    if study is None:
        return
    rows = StudyPart.objects.filter(study=study)
    if failed := rows.filter(status=Status.FAILED).order_by("number").first():
        _end(study, Status.FAILED, error=f"Part {failed.number} ({failed.span}): {failed.error}")
        return
    if study.cancel_wanted:
        rows.filter(Q(status=Status.QUEUED) | claims.is_free()).update(status=Status.CANCELLED)
        if not rows.filter(status=Status.RUNNING).exists():
            _end(study, Status.CANCELLED)
        return
    if rows.exclude(status=Status.DONE).exists() or not _reckons(study):
        return
    try:
        with claims.Touch(study.pk) as touch:
            _reckon(study, from_row(study.inputs), touch)
    except parts.ArtefactError as error:
        _end(study, Status.FAILED, error=str(error))
    except OperationalError:
        log.exception("study %s: the database is away; it is carried on later", study_id)
    except Exception as error:
        log.exception("study %s could not be added up", study_id)
        words = f"An unexpected error ended it ({type(error).__name__}: {error}). The worker's log says where."
        _end(study, Status.FAILED, error=words)


def nudge(study_id: int, count: int) -> None:
    """Tell workers of the queue that there is work. Where the broker is away, the schedule tells them later."""
    try:
        for _ in range(min(count, MOST_NUDGES)):
            current_app.signature(TASK).apply_async((study_id,), expires=NUDGE_LIFE_S)
    except (BrokerAway, OSError) as error:
        log.warning("study %s waits for the broker: %s", study_id, error)


def look() -> int:
    """What the schedule does: find studies that nothing happens to and tell workers of them again. Returns how many."""
    found = 0
    open_ones = Study.objects.filter(status__in=[Status.QUEUED, Status.RUNNING])
    silent = Q(heartbeat_at__lt=claims.silent_since()) | Q(heartbeat_at=None)
    for study in open_ones.filter(Q(cancel_wanted=True) | Q(parts__in=_lost()) | silent).distinct():
        found += 1
        if study.is_here:
            _look_here(study)
            continue
        Study.objects.filter(pk=study.pk).update(heartbeat_at=timezone.now())
        study_advance(study.pk) if study.cancel_wanted else nudge(study.pk, max(free_parts(study.pk), 1))
    return found


def free_parts(study_id: int) -> int:
    """How many parts may be taken now."""
    return StudyPart.objects.filter(claims.is_free(), study_id=study_id).count()


def _lost() -> "object":
    return StudyPart.objects.filter(status=Status.RUNNING, heartbeat_at__lt=claims.silent_since())


def _look_here(study: Study) -> None:
    """A study that a command plays by itself: workers leave it alone, also when that command is gone."""
    if not StudyPart.objects.filter(study=study, status=Status.RUNNING).exclude(claims.is_free()).exists():
        rows = StudyPart.objects.filter(study=study).exclude(status__in=[Status.DONE, Status.FAILED])
        rows.update(status=Status.CANCELLED)
        words = f"The command that played it is gone; `kalshi-bot {study.kind} --resume {study.pk}` goes on."
        _end(study, Status.CANCELLED, error=words)


def _play(part: StudyPart) -> None:
    study = Study.objects.get(pk=part.study_id)
    try:
        work = msgspec.convert(part.work, parts.Work)
        with claims.Beat(part) as beat:
            content = parts.play(from_row(study.inputs), work, beat)
        digest = parts.digest_of(content)
        wanted = parts.name_of(study.pk, part.number, digest)
        name = parts.keep(wanted, content)
    except claims.Stopped:
        claims.part_release(part, status=Status.CANCELLED, finished_at=timezone.now())
    except InputError as error:
        _failed(part, str(error))
    except (OperationalError, OSError):
        log.exception("part %s of study %s is put back", part.number, study.pk)
        claims.part_release(part, status=Status.QUEUED)
    except Exception as error:
        log.exception("part %s of study %s failed", part.number, study.pk)
        _failed(part, f"An unexpected error ({type(error).__name__}: {error}); the worker's log says where.")
    else:
        now = timezone.now()
        is_ours = claims.part_release(part, status=Status.DONE, digest=digest, artefact=name, finished_at=now)
        if not is_ours and name != wanted:
            parts.drop(name)  # two were kept at the same moment; the other one's is pointed to
        _progress(study)


def _failed(part: StudyPart, words: str) -> None:
    claims.part_release(part, status=Status.FAILED, error=words, finished_at=timezone.now())


def _progress(study: Study) -> None:
    """The share of parts that are done; it never falls, whoever writes last."""
    inputs = from_row(study.inputs)
    whole = sum(parts_of_round(inputs, number) for number in range(rounds_of(inputs)))
    done = StudyPart.objects.filter(study=study, status=Status.DONE).count()
    share = min(done / max(whole, done, 1), 1.0)
    claims.study_touch(study.pk)
    words = f"{done:,} of {max(whole, done):,} parts"
    Study.objects.filter(pk=study.pk, status=Status.RUNNING, progress__lte=share).exclude(
        progress_note=RECKONING
    ).update(progress=share, progress_note=words)


def _reckons(study: Study) -> bool:
    """Whether it is ours to add up: one does it at a time, and another when that one has gone silent."""
    Study.objects.filter(pk=study.pk, status=Status.QUEUED).update(status=Status.RUNNING)
    free = Study.objects.filter(pk=study.pk, status=Status.RUNNING, cancel_wanted=False).filter(
        ~Q(progress_note=RECKONING) | Q(heartbeat_at__lt=claims.silent_since())
    )
    return bool(free.update(progress_note=RECKONING, heartbeat_at=timezone.now()))


def _reckon(study: Study, inputs: StudyInputs, touch: claims.Touch) -> None:
    number = StudyTrial.objects.filter(study=study).aggregate(last=Max("round"))["last"] or 0
    round_score(study, inputs, number, touch)
    if round_begin(study, inputs, number):
        claims.study_touch(study.pk, progress_note=f"round {number + 2} of {rounds_of(inputs)}")
        if not study.is_here:
            nudge(study.pk, free_parts(study.pk))
        return
    digests = StudyPart.objects.filter(study=study).order_by("number").values_list("digest", flat=True)
    whole = hashlib.sha256("".join(digests).encode()).hexdigest()
    _end(study, Status.DONE, progress=1.0, digest=whole, result=result_of(study, inputs, whole, touch))


def _end(study: Study, status: str, **fields: object) -> None:
    """Only what is not over can end."""
    open_ones = Study.objects.filter(pk=study.pk, status__in=[Status.QUEUED, Status.RUNNING])
    open_ones.update(status=status, finished_at=timezone.now(), progress_note="", **fields)
    if status == Status.FAILED:
        StudyPart.objects.filter(study=study, status=Status.QUEUED).update(status=Status.CANCELLED)
