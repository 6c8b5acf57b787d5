"""What was asked for with tapes: queue, claim, progress, end. The only writer of TapeJob; the work is in markets.job_work."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.base import File
from django.core.files.storage import Storage, storages
from django.db import transaction
from django.utils import timezone

from markets.models import Tape, TapeJob
from markets.tape import PLAIN, SEALED

TASK = "markets.tasks.job"
FORGOTTEN_AFTER = timedelta(minutes=5)
STUCK_AFTER = timedelta(hours=2, minutes=5)  # longer than a worker may take for one
EXPORTS_LIVE = timedelta(days=7)
RECORDING_MARK = "kalshi_control.parquet"  # a folder with it is a recording
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
OF_A_TAPE = frozenset({
    TapeJob.Kind.VERIFY, TapeJob.Kind.PARQUET, TapeJob.Kind.WHOLE, TapeJob.Kind.KEEP, TapeJob.Kind.RELEASE,
})  # fmt: skip
Status = TapeJob.Status


class JobProblem(ValueError):
    """What cannot be done, in a sentence that says what to do instead."""


def artefacts() -> Storage:
    """Where uploads and exports lie: a storage that all workers reach."""
    return storages["artefacts"]


def importable() -> list[str]:
    """The names in the operator's folder RECORDED_DATA that can be imported: recordings and tapes. Nothing else of the
    disk can be named from a page."""
    folder = Path(settings.RECORDED_DATA)
    if not folder.is_dir():
        return []
    names = [each.name for each in folder.iterdir() if (each / RECORDING_MARK).is_file() or _is_tape(each)]
    return sorted(name for name in names if SAFE_NAME.fullmatch(name))


def job_queue(kind: str, subject: str, *, by: User | None) -> TapeJob:
    """Ask for something to be done with a tape of the catalogue, or for an import from the operator's folder.
    Raises JobProblem."""
    if kind not in TapeJob.Kind.values:
        raise JobProblem(f"{kind!r} cannot be done; it is one of {', '.join(TapeJob.Kind.values)}.")
    if kind in OF_A_TAPE and not Tape.objects.filter(name=subject).exists():
        raise JobProblem(f"There is no tape {subject!r} in the catalogue.")
    if kind not in OF_A_TAPE:
        kind = _kind_of_import(subject)
    if TapeJob.objects.filter(kind=kind, subject=subject, status__in=[Status.QUEUED, Status.RUNNING]).exists():
        raise JobProblem(f"{subject} is already being worked on in this way; wait until that is over.")
    return _made(kind, subject, by=by)


def job_upload(file: "File[bytes]", name: str, *, by: User | None) -> TapeJob:
    """Take a tape's file into the storage and ask for its import. Raises JobProblem."""
    if not SAFE_NAME.fullmatch(name) or not name.endswith((SEALED, PLAIN)):
        raise JobProblem(f"Name the file NAME{SEALED} or NAME{PLAIN}: letters, digits, dots, dashes and underscores.")
    most = settings.TAPE_UPLOAD_MAX_MB
    if file.size > most * 1_000_000:
        raise JobProblem(f"The file has {file.size / 1e6:,.1f} MB; {most:,} MB may be uploaded (TAPE_UPLOAD_MAX_MB).")
    if not file.size:
        raise JobProblem("The file is empty.")
    kept = artefacts().save(f"tapes/uploads/{name}", file)
    return _made(TapeJob.Kind.TAPE, name, by=by, upload=kept)


def job_claim(job_id: int) -> TapeJob | None:
    """Take a queued job; None when another worker has it."""
    now = timezone.now()
    claimed = TapeJob.objects.filter(pk=job_id, status=Status.QUEUED).update(status=Status.RUNNING, heartbeat_at=now)
    return TapeJob.objects.get(pk=job_id) if claimed else None


def job_note(job: TapeJob, share: float, note: str) -> None:
    """Say how far it is."""
    TapeJob.objects.filter(pk=job.pk, status=Status.RUNNING).update(
        progress=min(max(share, 0.0), 1.0), note=note[:200], heartbeat_at=timezone.now()
    )


def job_done(job: TapeJob, result: dict[str, Any], artefact: str = "") -> None:
    """It is done, with this result."""
    _end(job, Status.DONE, progress=1.0, note="", result=result, artefact=artefact)


def job_failed(job: TapeJob, error: str) -> None:
    """It could not be done."""
    _end(job, Status.FAILED, error=error)


def jobs_sweep() -> int:
    """Fail what nobody works on any more, hand forgotten ones over again, remove old exports. Returns how many failed."""
    now = timezone.now()
    for job in TapeJob.objects.filter(status=Status.QUEUED, created_at__lt=now - FORGOTTEN_AFTER):
        _hand_over(job.pk)
    for job in TapeJob.objects.filter(finished_at__lt=now - EXPORTS_LIVE).exclude(artefact=""):
        artefacts().delete(job.artefact)
        TapeJob.objects.filter(pk=job.pk).update(artefact="")
    words = "The worker stopped without a word. Ask for it again."
    stuck = TapeJob.objects.filter(status=Status.RUNNING, heartbeat_at__lt=now - STUCK_AFTER)
    return stuck.update(status=Status.FAILED, error=words, finished_at=now)


def _kind_of_import(subject: str) -> str:
    if subject not in importable():
        raise JobProblem(
            f"There is no recording or tape {subject!r} in the folder that the operator has set (RECORDED_DATA)."
        )
    return TapeJob.Kind.TAPE if subject.endswith((SEALED, PLAIN)) else TapeJob.Kind.RECORDING


def _made(kind: str, subject: str, *, by: User | None, upload: str = "") -> TapeJob:
    job = TapeJob.objects.create(kind=kind, subject=subject, created_by=by, upload=upload)
    transaction.on_commit(lambda: _hand_over(job.pk), robust=True)
    return job


def _hand_over(job_id: int) -> None:
    current_app.signature(TASK).apply_async((job_id,))  # by name: this does not import tasks


def _end(job: TapeJob, status: str, **fields: Any) -> None:
    TapeJob.objects.filter(pk=job.pk, status=Status.RUNNING).update(status=status, finished_at=timezone.now(), **fields)


def _is_tape(path: Path) -> bool:
    return path.is_file() and path.name.endswith((SEALED, PLAIN))
