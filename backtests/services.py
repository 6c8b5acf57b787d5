"""run_queue, run_annotate, run_claim, run_execute, run_again, run_cancel: the only writers of BacktestRun and RunChange."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from celery import current_app
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from backtests.coverage import reels_asked
from backtests.knobs import InputError, money_from, settings_from
from backtests.latency import measured
from backtests.models import BacktestRun, RunChange
from backtests.realism_knobs import realism_from
from backtests.replay import Inputs, RunCancelled, replay
from backtests.run_inputs import ALL_SETTINGS, columns_of, inputs_of, options_from
from markets.core.units import DOLLAR, Money

TASK = "backtests.tasks.run"
STUCK_AFTER = timedelta(minutes=2)  # a run that is played says so twice a second
SILENT_AFTER = timedelta(seconds=5)
FORGOTTEN_AFTER = timedelta(minutes=2)
MOST_ATTEMPTS = 2
Status = BacktestRun.Status
LONGEST = {"label": 120, "note": 10_000}
LONGEST_KEY = 80
log = logging.getLogger(__name__)


class KeyTakenError(Exception):
    """An idempotency key was used before, for another wish."""

    def __init__(self, run_id: int) -> None:
        super().__init__(
            f"This idempotency key stands for run {run_id}, which asks for something else. Take a new key."
        )


def inputs_from(values: Mapping[str, Any]) -> Inputs:
    """What a person asked for, as a run takes it: `tapes` (list), `capital`, `max_daily_loss` (dollars as text),
    `date_from`, `date_to` (dates), options as `options_from` takes them, and knobs by name (text). Raises InputError with a sentence a field."""
    problems: dict[str, str] = {}
    capital = _money(values, "capital", "Capital", problems, at_least=DOLLAR)
    loss = _money(values, "max_daily_loss", "Maximum daily loss", problems, at_least=0)
    since, until = values.get("date_from"), values.get("date_to")
    if since and until and since > until:
        problems["date_to"] = "The last day is before the first."
    knobs = {knob.name: str(values[knob.name]) for knob in ALL_SETTINGS if values.get(knob.name) not in (None, "")}
    try:
        limits, parameters = settings_from(knobs, max_daily_loss=loss)
        realism = realism_from(knobs, measured)
        options = options_from(values)
    except InputError as error:
        raise InputError(problems | error.problems) from None
    if problems:
        raise InputError(problems)
    return Inputs(
        tuple(values.get("tapes") or ()), capital, limits, parameters, since, until, bool(values.get("files")),
        realism=realism, **options,
    )  # fmt: skip


@dataclass(frozen=True)
class About:
    """What is said of a run beside its inputs: it changes nothing of what comes out."""

    label: str = ""
    note: str = ""
    cloned_from: BacktestRun | None = None
    key: str = ""  # idempotency key of who queues it: the same key is the same run


PLAIN = About()


class Queued(NamedTuple):
    """The run, and whether it was queued just now or stands for the same key already."""

    run: BacktestRun
    is_new: bool


def run_queue(inputs: Inputs, *, by: User | None, about: About = PLAIN) -> BacktestRun:
    """Write the wish down, and hand it to a worker once it is committed. Raises InputError for unusable tapes, a label or
    a note that is too long, and KeyTakenError for a key that stands for another run."""
    return queue_once(inputs, by=by, about=about).run


def queue_once(inputs: Inputs, *, by: User | None, about: About) -> Queued:
    """The same, and whether anything was queued."""
    if problems := _too_long({"label": about.label, "note": about.note}):
        raise InputError(problems)
    if about.key and (kept := _kept(by, about.key, inputs)) is not None:
        return Queued(kept, False)
    reels_asked(replace(inputs, files=False))
    row = BacktestRun(
        created_by=by, label=about.label.strip(), note=about.note.strip(), cloned_from=about.cloned_from,
        idempotency_key=about.key or None, **columns_of(inputs),
    )  # fmt: skip
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:  # the same key, at the same moment
        if about.key and (kept := _kept(by, about.key, inputs)) is not None:
            return Queued(kept, False)
        raise
    transaction.on_commit(lambda: _hand_over(row.pk), robust=True)
    return Queued(row, True)


def run_annotate(run_id: int, *, by: User | None, label: str | None = None, note: str | None = None) -> list[RunChange]:
    """Set label and note where they are given; what differs is kept with who and when. Raises InputError."""
    asked = {name: text.strip() for name, text in (("label", label), ("note", note)) if text is not None}
    if problems := _too_long(asked):
        raise InputError(problems)
    with transaction.atomic():
        run = BacktestRun.objects.select_for_update().defer("result").get(pk=run_id)
        changes = [
            RunChange(run=run, by=by, field=name, before=getattr(run, name), after=text)
            for name, text in asked.items()
            if text != getattr(run, name)
        ]
        BacktestRun.objects.filter(pk=run_id).update(**asked)
        for change in changes:
            change.save()
    return changes


def run_claim(run_id: int) -> bool:
    """Take a queued run; False when it is not queued any more, for instance because another worker took it."""
    now = timezone.now()
    claimed = BacktestRun.objects.filter(pk=run_id, status=Status.QUEUED).update(
        status=Status.RUNNING, started_at=now, heartbeat_at=now, progress=0.0, cancel_wanted=False
    )
    return claimed == 1


def run_execute(run_id: int) -> bool:
    """Claim the run, play it, and write how it ended; False when it was not ours to run."""
    if not run_claim(run_id):
        return False
    run = BacktestRun.objects.get(pk=run_id)
    try:
        report = replay(inputs_of(run), lambda share, note: _progress(run_id, share, note))
    except RunCancelled:
        _finish(run_id, Status.CANCELLED)
    except InputError as error:
        _finish(run_id, Status.FAILED, error=str(error))
    except Exception as error:
        log.exception("backtest %s failed", run_id)
        words = f"An unexpected error ended the run ({type(error).__name__}: {error}). The worker's log says where."
        _finish(run_id, Status.FAILED, error=words)
    else:
        _finish(run_id, Status.DONE, progress=1.0, result=report, **columns_found(report))
    return True


def run_again(run_id: int, *, attempt: int) -> bool:
    """The queue gave out a run a second time, because the worker that had it is gone: play it anew, once.

    Whoever still hears of the run looks again later. True when it was played here, having never been begun.
    """
    now = timezone.now()
    running = BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING)
    if running.filter(heartbeat_at__gt=now - SILENT_AFTER).exists():
        _hand_over(run_id, attempt, after=SILENT_AFTER)
        return False
    if attempt >= MOST_ATTEMPTS:
        error = f"The worker was lost {attempt} times while it played this, perhaps for want of memory. Ask for less."
        running.update(status=Status.FAILED, finished_at=now, error=error)
        return False
    if running.update(status=Status.QUEUED, progress=0.0, progress_note="again: its worker was lost"):
        _hand_over(run_id, attempt + 1)
        return False
    return run_execute(run_id)


def run_cancel(run_id: int) -> str:
    """End a queued run now, ask a running one to stop; says in words what happened."""
    now = timezone.now()
    queued = BacktestRun.objects.filter(pk=run_id, status=Status.QUEUED)
    if queued.update(status=Status.CANCELLED, cancel_wanted=True, finished_at=now):
        return "The run was taken out of the queue."
    if BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING).update(cancel_wanted=True):
        return "The run was asked to stop."
    return "The run is already over."


def run_requeue(run_id: int) -> bool:
    """Queue a failed or cancelled run again, with the same inputs."""
    over = BacktestRun.objects.filter(pk=run_id, status__in=[Status.FAILED, Status.CANCELLED])
    if not over.update(status=Status.QUEUED, error="", progress=0.0, cancel_wanted=False, finished_at=None):
        return False
    transaction.on_commit(lambda: _hand_over(run_id), robust=True)
    return True


def sweep_stuck() -> int:
    """Fail the runs whose worker has gone quiet; hand queued runs that nobody took to a worker again."""
    now = timezone.now()
    forgotten = BacktestRun.objects.filter(status=Status.QUEUED, created_at__lt=now - FORGOTTEN_AFTER)
    if not BacktestRun.objects.filter(status=Status.RUNNING).exists():  # else they only wait their turn
        for run_id in forgotten.values_list("pk", flat=True):
            _hand_over(run_id)
    return BacktestRun.objects.filter(status=Status.RUNNING, heartbeat_at__lt=now - STUCK_AFTER).update(
        status=Status.FAILED,
        finished_at=now,
        error="The worker stopped without a word: nothing was heard of the run for 2 minutes. Queue it again.",
    )


def _hand_over(run_id: int, attempt: int = 1, *, after: timedelta | None = None) -> None:
    # by name: services do not import tasks; handing a run over twice is harmless, the claim lets one through
    words = {"attempt": attempt, "was_lost": after is not None}
    current_app.signature(TASK).apply_async((run_id,), words, countdown=after.total_seconds() if after else 0)


def _progress(run_id: int, share: float, note: str) -> None:
    """Say how far the run is, and stop it when that was asked or when it is no longer ours."""
    running = BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING, cancel_wanted=False)
    if not running.update(progress=share, progress_note=note[:200], heartbeat_at=timezone.now()):
        raise RunCancelled


def _finish(run_id: int, status: str, **fields: Any) -> None:
    """Only a run that is still running can end: a swept one stays as it is."""
    BacktestRun.objects.filter(pk=run_id, status=Status.RUNNING).update(
        status=status, finished_at=timezone.now(), **fields
    )


def columns_found(report: Mapping[str, Any]) -> dict[str, Any]:
    """What lists are sorted by, from a report."""
    return {
        "digest": report["digest"],
        "net_money": int(Decimal(report["net"]) * DOLLAR),
        "windows_traded": report["win"]["windows"],
        "fills": report["fills"],
        "events": report["events"],
    }


def _kept(by: User | None, key: str, inputs: Inputs) -> BacktestRun | None:
    """The run that this key stands for. Raises KeyTakenError when it was another wish."""
    if len(key) > LONGEST_KEY:
        raise InputError({"idempotency_key": f"An idempotency key has at most {LONGEST_KEY} characters."})
    row = BacktestRun.objects.defer("result").filter(created_by=by, idempotency_key=key).first()
    if row is not None and inputs_of(row) != inputs:
        raise KeyTakenError(row.pk)
    return row


def _too_long(texts: Mapping[str, str]) -> dict[str, str]:
    return {
        name: f"A {name} has at most {LONGEST[name]:,} characters; this one has {len(text):,}."
        for name, text in texts.items()
        if len(text) > LONGEST[name]
    }


def _money(values: Mapping[str, Any], name: str, label: str, problems: dict[str, str], *, at_least: int) -> Money:
    try:
        return money_from(str(values.get(name) or ""), label, at_least=at_least)
    except ValueError as error:
        problems[name] = str(error)
        return Money(0)


def dates_between(since: date | None, until: date | None) -> str:
    """The span in words, for lists."""
    if since is None and until is None:
        return "all days"
    return f"{since or '…'} to {until or '…'}"
