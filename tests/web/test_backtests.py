"""How a back-test runs and ends: claimed once, cancelled, swept, the same again."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from backtests import replay as replaying
from backtests import services, tasks
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.selectors import tapes_in_use
from backtests.shelf import Reel
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import MINIMUM, finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db
Status = BacktestRun.Status


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


def test_a_run_is_played_by_the_task_and_its_numbers_are_kept(tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert tasks.run(run.pk)
    run.refresh_from_db()
    assert (run.status, run.progress, run.error) == ("done", 1.0, "")
    assert run.result is not None
    assert run.result["win"]["wins"] == 1
    assert run.result["net"] == run.result["windows"][0]["net"] == run.result["daily"][0]["net"]


def test_a_run_goes_through_celery_by_the_name_of_its_task(
    tape: Tape, eager_celery: None, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        run = queued()
    run.refresh_from_db()
    assert services.TASK in current_app.tasks
    assert run.status == "done"


def test_the_same_inputs_give_the_same_report(tape: Tape, sent: list[int]) -> None:
    assert finished().result == finished().result


def test_the_maximum_daily_loss_of_the_form_binds(tape: Tape, sent: list[int]) -> None:
    run = finished(max_daily_loss="0")
    assert run.result is not None
    assert run.result["fills"] == 0
    assert {entry["code"] for entry in run.result["funnel"]} & {"HALTED", "DENIED", "DAILY_LOSS"}


def test_the_tapes_of_a_run_that_waits_or_plays_are_in_use_and_those_of_one_that_is_over_are_not(
    tape: Tape, sent: list[int]
) -> None:
    assert tapes_in_use() == set()
    run = queued(tapes=[tape.name])
    assert tapes_in_use() == {tape.name}
    services.run_execute(run.pk)
    assert tapes_in_use() == set()
    queued(tapes=["all"])
    assert tapes_in_use() >= {tape.name}


def test_a_run_is_claimed_once(tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert services.run_claim(run.pk)
    assert not services.run_claim(run.pk)
    assert not services.run_execute(run.pk)


def test_all_tapes_are_played_in_order_and_what_overlaps_is_left_out(
    tmp_path: Path, tape: Tape, sent: list[int]
) -> None:
    tape_register(write_tape(tmp_path / "later.tape", shift_s=3_600))
    tape_register(write_tape(tmp_path / "same.tape"))
    report = finished(tapes=["all"]).result
    assert report is not None
    assert [part["name"] for part in report["tapes"]] == ["rising", "later"]
    assert [part["name"] for part in report["left_out"]] == ["same"]
    assert report["win"]["windows"] == 2


def test_dates_choose_the_tapes_that_begin_on_them(tmp_path: Path, tape: Tape, sent: list[int]) -> None:
    tape_register(write_tape(tmp_path / "later.tape", shift_s=86_400))
    day = date(2026, 11, 23)  # the shared quarter hour is on the day before
    report = finished(tapes=["all"], date_from=day, date_to=day).result
    assert report is not None
    assert [part["name"] for part in report["tapes"]] == ["later"]
    assert [row["day"] for row in report["daily"]] == ["2026-11-23"]


def test_progress_is_written_at_most_twice_a_second() -> None:
    now, told = [0.0], []
    reel = Reel("r", Path("r"), "", "", 0, 1_000)
    progress = replaying.Progress([reel], lambda share, note: told.append(share), clock=lambda: now[0])
    watch = progress.watch(reel)
    for count in range(0, 1_000, 100):
        watch(count, 0)
        now[0] += 0.2
    assert told == [0.0, 0.3, 0.6, 0.9]


def test_a_cancelled_run_stops_where_it_is(tape: Tape, sent: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    run = queued()
    monkeypatch.setattr(replaying, "PACE_S", 0.0)
    progress = services._progress

    def cancel_then_tell(run_id: int, share: float, note: str) -> None:
        services.run_cancel(run_id)
        progress(run_id, share, note)

    monkeypatch.setattr(services, "_progress", cancel_then_tell)
    services.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.result) == ("cancelled", None)
    assert run.finished_at is not None


def test_a_queued_run_is_cancelled_at_once(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert as_ada.post(f"/backtests/{run.pk}/cancel/").status_code == 302
    run.refresh_from_db()
    assert run.status == "cancelled"
    assert not services.run_execute(run.pk)


def test_a_run_that_is_over_cannot_be_cancelled(tape: Tape, sent: list[int]) -> None:
    run = finished()
    assert services.run_cancel(run.pk) == "The run is already over."
    run.refresh_from_db()
    assert run.status == "done"


def test_a_run_whose_tape_is_gone_fails_in_words(tape: Tape, sent: list[int]) -> None:
    run = queued()
    Path(tape.path).unlink()
    services.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error) == ("failed", "The file of tape 'rising' is gone.")


def test_an_unexpected_error_fails_the_run_and_says_so(
    tape: Tape, sent: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("by design")

    run = queued()
    monkeypatch.setattr(services, "replay", broken)
    services.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == "failed"
    assert "ZeroDivisionError: by design" in run.error


def test_a_run_without_a_heartbeat_is_failed_by_the_sweep(tape: Tape, sent: list[int]) -> None:
    run = queued()
    services.run_claim(run.pk)
    BacktestRun.objects.filter(pk=run.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=11))
    assert tasks.sweep_stuck() == 1
    run.refresh_from_db()
    assert run.status == "failed"
    assert "The worker stopped without a word" in run.error


def test_the_sweep_leaves_a_living_run_alone(tape: Tape, sent: list[int]) -> None:
    run = queued()
    services.run_claim(run.pk)
    assert tasks.sweep_stuck() == 0
    run.refresh_from_db()
    assert run.status == "running"


def test_a_forgotten_run_is_handed_over_again(tape: Tape, sent: list[int]) -> None:
    run = queued()
    tasks.sweep_stuck()
    assert sent == []
    BacktestRun.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(minutes=3))
    tasks.sweep_stuck()
    assert sent == [run.pk]


def test_a_swept_run_is_not_brought_back_by_its_late_worker(tape: Tape, sent: list[int]) -> None:
    run = queued()
    services.run_claim(run.pk)
    BacktestRun.objects.filter(pk=run.pk).update(status=Status.FAILED)
    services._finish(run.pk, Status.DONE, result={})
    with pytest.raises(replaying.RunCancelled):
        services._progress(run.pk, 0.5, "")
    run.refresh_from_db()
    assert run.status == "failed"


def test_a_failed_run_can_be_queued_again(tape: Tape, sent: list[int], django_capture_on_commit_callbacks: Any) -> None:
    run = queued()
    services.run_cancel(run.pk)
    with django_capture_on_commit_callbacks(execute=True):
        assert services.run_requeue(run.pk)
    assert sent == [run.pk]
    assert services.run_execute(run.pk)
    assert not services.run_requeue(run.pk)


def test_a_path_cannot_be_queued(tape: Tape) -> None:
    with pytest.raises(InputError, match="no tape"):
        services.run_queue(services.inputs_from(MINIMUM | {"tapes": [tape.path]}), by=None)


def test_the_database_refuses_a_done_run_without_a_result(tape: Tape, sent: list[int]) -> None:
    run = queued()
    with pytest.raises(IntegrityError), transaction.atomic():
        BacktestRun.objects.filter(pk=run.pk).update(status=Status.DONE)
