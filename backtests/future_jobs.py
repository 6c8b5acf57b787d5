"""Ask a worker whether a kept run looked ahead, and keep what came out. The only writer of FutureCheck."""

import logging
from dataclasses import replace
from datetime import timedelta

import msgspec
from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from backtests.future import MOST_MOMENTS, FutureReport, check_future
from backtests.future_models import FutureCheck
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.run_inputs import inputs_of

TASK = "backtests.tasks.future"
USUAL = 8
STUCK_AFTER = timedelta(minutes=10)
Status = FutureCheck.Status
log = logging.getLogger(__name__)


def future_queue(run: BacktestRun, *, count: int = USUAL, seed: int = 1, by: User | None) -> FutureCheck:
    """Ask for a check of a finished run. Raises InputError."""
    if run.status != BacktestRun.Status.DONE:
        raise InputError({"run": "Only a run that is done can be checked."})
    if not 1 <= count <= MOST_MOMENTS:
        raise InputError({"moments": f"Check 1 to {MOST_MOMENTS} moments, not {count}."})
    waiting = run.future_checks.filter(status__in=[Status.QUEUED, Status.RUNNING])
    waiting.filter(heartbeat_at__lt=timezone.now() - STUCK_AFTER).update(
        status=Status.FAILED, error="The worker stopped without a word. Ask for it again.", finished_at=timezone.now()
    )
    if waiting.exists():
        raise InputError({"run": "This run is being checked already; wait until that is over."})
    check = FutureCheck.objects.create(run=run, moments=count, seed=seed, created_by=by, heartbeat_at=timezone.now())
    transaction.on_commit(lambda: _hand_over(check.pk), robust=True)
    return check


def future_execute(check_id: int) -> bool:
    """Claim a check and do it; False when another worker has it."""
    claimed = FutureCheck.objects.filter(pk=check_id, status=Status.QUEUED)
    if not claimed.update(status=Status.RUNNING, heartbeat_at=timezone.now()):
        return False
    check = FutureCheck.objects.select_related("run").get(pk=check_id)
    try:
        inputs = replace(inputs_of(check.run), allow_gaps=True)
        report = check_future(
            inputs, count=check.moments, seed=check.seed, tell=lambda share, _: _note(check_id, share)
        )
        if check.run.digest and report.digest != check.run.digest:
            raise InputError(
                {"run": "Played again, the run decides otherwise: tapes or program are not what they were."}
            )
    except InputError as error:
        _end(check_id, status=Status.FAILED, error=str(error))
    except Exception as error:
        log.exception("check %s failed", check_id)
        _end(check_id, status=Status.FAILED, error=f"An unexpected error ended it ({type(error).__name__}: {error}).")
    else:
        _end(
            check_id, status=Status.DONE, progress=1.0, is_clean=report.is_clean, sentence=report.sentence(),
            result=report_json(report),
        )  # fmt: skip
    return True


def report_json(report: FutureReport) -> dict[str, object]:
    """As API and command tell it."""
    told: dict[str, object] = msgspec.to_builtins(report)
    return told | {"is_clean": report.is_clean, "decisions": report.decisions, "sentence": report.sentence()}


def _hand_over(check_id: int) -> None:
    current_app.signature(TASK).apply_async((check_id,))  # by name: this does not import tasks


def _note(check_id: int, share: float) -> None:
    running = FutureCheck.objects.filter(pk=check_id, status=Status.RUNNING)
    running.update(progress=min(share, 1.0), heartbeat_at=timezone.now())


def _end(check_id: int, **fields: object) -> None:
    FutureCheck.objects.filter(pk=check_id, status=Status.RUNNING).update(finished_at=timezone.now(), **fields)
