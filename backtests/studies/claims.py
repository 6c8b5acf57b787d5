"""Who plays which part: a part is taken by one UPDATE, said to be played every second, and taken over from the silent."""

import socket
import time
import uuid
from datetime import datetime, timedelta
from os import getpid
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from backtests.studies.pulse import Pulse
from backtests.study_models import Status, Study, StudyPart

MOST_ATTEMPTS = 5
PACE_S = 1.0


class Stopped(Exception):
    """The part is not ours to play any more: the study was cancelled, or we were silent and another took it."""


def worker_name() -> str:
    """Of one claim: machine, process, and something that no other claim has."""
    return f"{socket.gethostname()[:60]}/{getpid()}/{uuid.uuid4().hex[:12]}"


def silent_since() -> datetime:
    """Who was heard of last before this is taken for dead."""
    return timezone.now() - timedelta(seconds=settings.STUDY_SILENT_S)


def is_free() -> Q:
    """A part that may be taken: nobody has it, or who had it is silent."""
    return Q(status=Status.QUEUED) | Q(status=Status.RUNNING, heartbeat_at__lt=silent_since())


def part_claim(study_id: int) -> StudyPart | None:
    """Take the first free part of a study that is not to be cancelled; None when there is none. A part whose worker was
    lost five times fails: what kills whoever plays it would kill the next as well."""
    free = StudyPart.objects.filter(is_free(), study_id=study_id, study__cancel_wanted=False)
    while True:
        part = free.order_by("number").defer("work").first()
        if part is None:
            return None
        unchanged = StudyPart.objects.filter(
            pk=part.pk, status=part.status, attempts=part.attempts, worker=part.worker, heartbeat_at=part.heartbeat_at
        )
        if part.attempts >= MOST_ATTEMPTS:
            words = f"The worker was lost {part.attempts} times while it played this, perhaps for want of memory."
            unchanged.update(status=Status.FAILED, finished_at=timezone.now(), error=words)
            continue
        now, name = timezone.now(), worker_name()
        taken = unchanged.update(
            status=Status.RUNNING, worker=name, attempts=F("attempts") + 1, started_at=now, heartbeat_at=now, error=""
        )
        if taken:
            return StudyPart.objects.get(pk=part.pk)


def held(part: StudyPart) -> QuerySet[StudyPart]:
    """The part while it is ours; empty once it is not."""
    return StudyPart.objects.filter(pk=part.pk, status=Status.RUNNING, worker=part.worker)


class Beat:
    """Says once a second that a part is being played; raises Stopped when that is over. Within `with` a thread says it while
    the work is silent, for it compiles."""

    def __init__(self, part: StudyPart) -> None:
        self._part = part
        self._said_at = time.monotonic()
        self._pulse = Pulse(self._say)

    def __enter__(self) -> "Beat":
        self._pulse.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._pulse.__exit__(*error)

    def __call__(self) -> None:
        """Call it as often as you like."""
        now = time.monotonic()
        if now - self._said_at < PACE_S:
            return
        self._said_at = now
        self._pulse.heard()
        if not held(self._part).filter(study__cancel_wanted=False).update(heartbeat_at=timezone.now()):
            raise Stopped

    def _say(self) -> None:
        held(self._part).update(heartbeat_at=timezone.now())


def part_release(part: StudyPart, **fields: object) -> bool:
    """Put a part of ours back, or say how it ended; False when it is not ours any more."""
    return bool(held(part).update(**fields))


def parts_release(study_id: int, process: int) -> int:
    """Put back what a process of this machine that has ended was playing."""
    mine = StudyPart.objects.filter(
        study_id=study_id, status=Status.RUNNING, worker__startswith=f"{socket.gethostname()[:60]}/{process}/"
    )
    return mine.update(status=Status.QUEUED, attempts=F("attempts") - 1)


def study_touch(study_id: int, **fields: object) -> bool:
    """Note that something happens in a running study; False when it is not running."""
    running = Study.objects.filter(pk=study_id, status=Status.RUNNING)
    return bool(running.update(heartbeat_at=timezone.now(), **fields))


class Touch:
    """Says once a second that a study is being added up; within `with` also while the work is silent, for it reads tapes."""

    def __init__(self, study_id: int) -> None:
        self._study_id = study_id
        self._said_at = time.monotonic()
        self._pulse = Pulse(lambda: study_touch(study_id))

    def __enter__(self) -> "Touch":
        self._pulse.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._pulse.__exit__(*error)

    def __call__(self) -> None:
        """Call it as often as you like."""
        if time.monotonic() - self._said_at >= PACE_S:
            self._said_at = time.monotonic()
            self._pulse.heard()
            study_touch(self._study_id)
