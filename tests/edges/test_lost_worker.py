"""A run whose worker is gone: begun anew by whom the queue gives it to next, once, and never while it is still played."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from backtests import services, tasks
from backtests.models import BacktestRun
from markets.services import tape_register
from tests.rising import write_tape

pytestmark = pytest.mark.django_db
INPUTS = {"tapes": ["rising"], "capital": "10000", "max_daily_loss": "1000"}


class Queue:
    """What was handed over, instead of a broker."""

    def __init__(self) -> None:
        self.handed: list[tuple[int, int, timedelta | None]] = []

    def hand_over(self, run_id: int, attempt: int = 1, *, after: timedelta | None = None) -> None:
        self.handed.append((run_id, attempt, after))


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setattr(services, "_hand_over", queue.hand_over)
    return queue


@pytest.fixture
def run(tmp_path: Path, queue: Queue) -> BacktestRun:
    tape_register(write_tape(tmp_path / "rising.tape"))
    return services.run_queue(services.inputs_from(INPUTS), by=None)


def begun(run: BacktestRun, *, seconds_ago: float) -> None:
    services.run_claim(run.pk)
    heard = timezone.now() - timedelta(seconds=seconds_ago)
    BacktestRun.objects.filter(pk=run.pk).update(heartbeat_at=heard, progress=0.4)


def given_out_again(run: BacktestRun, **words: Any) -> bool:
    """As the broker does it when the worker of the first delivery is gone."""
    tasks.run.push_request(delivery_info={"redelivered": True})
    try:
        return bool(tasks.run.run(run.pk, **words))
    finally:
        tasks.run.pop_request()


def test_it_is_queued_anew_and_counted(run: BacktestRun, queue: Queue) -> None:
    begun(run, seconds_ago=30)
    assert not given_out_again(run)
    run.refresh_from_db()
    assert (run.status, run.progress) == ("queued", 0.0)
    assert queue.handed == [(run.pk, 2, None)]
    assert tasks.run(run.pk, attempt=2)
    run.refresh_from_db()
    assert run.status == "done"


def test_the_second_lost_worker_fails_it(run: BacktestRun, queue: Queue) -> None:
    begun(run, seconds_ago=30)
    assert not given_out_again(run, attempt=2)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "The worker was lost 2 times" in run.error
    assert queue.handed == []


def test_a_run_that_is_still_heard_of_is_left_alone_and_looked_at_later(run: BacktestRun, queue: Queue) -> None:
    begun(run, seconds_ago=0)
    assert not given_out_again(run)
    run.refresh_from_db()
    assert (run.status, run.progress) == ("running", 0.4)
    assert queue.handed == [(run.pk, 1, services.SILENT_AFTER)]


def test_the_later_look_begins_it_anew(run: BacktestRun, queue: Queue) -> None:
    begun(run, seconds_ago=6)
    assert not tasks.run(run.pk, was_lost=True)
    run.refresh_from_db()
    assert run.status == "queued"
    assert queue.handed == [(run.pk, 2, None)]


def test_a_run_that_was_never_begun_is_played(run: BacktestRun) -> None:
    assert given_out_again(run)
    run.refresh_from_db()
    assert run.status == "done"


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_run_that_is_over_stays_so(run: BacktestRun, queue: Queue, status: str) -> None:
    BacktestRun.objects.filter(pk=run.pk).update(status=status, result={})
    assert not given_out_again(run)
    run.refresh_from_db()
    assert run.status == status
    assert queue.handed == []
