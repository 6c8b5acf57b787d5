"""Back-tests from the page and the API: who may queue one, what it takes, how it runs, ends and is shown."""

import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from backtests import replay as replaying
from backtests import services, tasks
from backtests.api import BacktestRunViewSet
from backtests.charts import equity_chart, money_ticks, thinned, time_ticks
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.shelf import Reel
from markets.models import Tape
from markets.services import tape_register
from tests.rising import write_tape

pytestmark = pytest.mark.django_db
BOLD = {"edge": "1", "confidence": "0", "margin": "0"}
MINIMUM = {"tapes": ["rising"], "capital": "10000", "max_daily_loss": "1000"}
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


def queued(**changes: Any) -> BacktestRun:
    return services.run_queue(services.inputs_from(MINIMUM | BOLD | changes), by=None)


def finished(**changes: Any) -> BacktestRun:
    run = queued(**changes)
    services.run_execute(run.pk)
    run.refresh_from_db()
    return run


# The form -----------------------------------------------------------------------------------------------------


def test_eve_is_sent_to_the_login_page(as_eve: Client) -> None:
    for path in ("", "new/", "1/", "1/state/", "1/result.json", "1/trades.csv"):
        response = as_eve.get(f"/backtests/{path}")
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")


def test_bob_may_look_but_not_queue(as_bob: Client, tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert as_bob.get("/backtests/").status_code == 200
    assert as_bob.get(f"/backtests/{run.pk}/").status_code == 200
    assert as_bob.get("/backtests/new/").status_code == 403
    assert as_bob.post("/backtests/new/", MINIMUM).status_code == 403
    assert as_bob.post(f"/backtests/{run.pk}/cancel/").status_code == 403


def test_the_form_offers_the_tapes_and_shows_what_is_built_in(as_ada: Client, tape: Tape) -> None:
    page = as_ada.get("/backtests/new/").content.decode()
    assert 'name="tapes" value="rising"' in page
    assert "All 1 recorded tape</b>" in page
    assert 'name="edge" value="3"' in page
    assert 'name="kelly" value="25"' in page


def test_the_form_says_so_when_there_is_no_tape(as_ada: Client) -> None:
    assert "There are no tapes yet" in as_ada.get("/backtests/new/").content.decode()


def test_a_tape_is_offered_with_its_day_length_and_grade_and_a_session_is_marked(
    as_ada: Client, tape: Tape, tmp_path: Path
) -> None:
    for number, (name, source, grade) in enumerate(
        (("ours", "session", ""), ("bare", "session", "invented"), ("demo", "demo", "invented")), 1
    ):
        other = tape_register(write_tape(tmp_path / f"{name}.tape", shift_s=86_400 * number))
        Tape.objects.filter(pk=other.pk).update(source=source, grade=grade)
    page = as_ada.get("/backtests/new/")
    days = list(page.context["form"].days())
    assert [(day.day, day.is_open, [choice.name for choice in day.choices]) for day in days] == [
        ("2026-11-25", False, ["demo"]),
        ("2026-11-23", False, ["ours"]),
        ("2026-11-22", True, ["rising"]),
    ]
    invented, ours, recorded = (day.choices[0] for day in days)
    assert [(one.is_session, one.grade) for one in (invented, ours, recorded)] == [
        (False, "invented"),
        (True, ""),
        (False, "A"),
    ]
    assert (recorded.events, recorded.markets) == (tape.events, tape.markets)
    assert "All 1 recorded tape</b>" in page.content.decode()


def test_a_session_over_a_recording_can_be_chosen_and_is_not_among_all(
    as_ada: Client, tape: Tape, sent: list[int]
) -> None:
    Tape.objects.update(source="session", grade="")
    assert 'value="all"' not in as_ada.get("/backtests/new/").content.decode()
    assert as_ada.post("/backtests/new/", MINIMUM | {"tapes": ["all"]}).status_code == 422
    assert as_ada.post("/backtests/new/", MINIMUM).status_code == 302
    assert BacktestRun.objects.get().tapes == ["rising"]


def test_what_is_invented_is_not_added_to_what_was(tape: Tape, tmp_path: Path, sent: list[int]) -> None:
    tape_register(write_tape(tmp_path / "demo.tape", shift_s=3_600, grade="invented"))
    report = finished(tapes=["all"]).result
    assert report is not None
    assert [part["name"] for part in report["tapes"]] == ["rising"]


def test_a_session_on_the_demo_market_is_refused_for_it_holds_no_quotes(tape: Tape) -> None:
    Tape.objects.update(source="session", grade="invented")
    with pytest.raises(InputError, match="holds no quotes; `kalshi-bot demo-tape` writes a tape that does"):
        queued()


def test_a_valid_form_queues_a_run_and_leads_to_it(
    as_ada: Client, ada: User, tape: Tape, sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = as_ada.post("/backtests/new/", MINIMUM | {"edge": "2.5", "kelly": "10", "latency": "250"})
    run = BacktestRun.objects.get()
    assert response["Location"] == f"/backtests/{run.pk}/"
    assert (run.status, run.created_by, sent) == ("queued", ada, [run.pk])
    assert (run.parameters().edge_threshold, run.parameters().kelly_fraction) == (0.025, 0.1)
    assert (run.parameters().order_latency_ns, run.limits().max_daily_loss) == (250_000_000, 1_000_000_000)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tapes", [], "Choose a tape."),
        ("tapes", ["gone"], "gone is not one of the available choices"),
        ("capital", "lots", "is not an amount in dollars"),
        ("capital", "0", "outside 1 to"),
        ("max_daily_loss", "-1", "outside 0 to"),
        ("edge", "x", "is not a number"),
        ("edge", "nan", "is not a usable number"),
        ("kelly", "101", "The Kelly fraction must be 0 to 1"),
        ("market_cap", "0.0000001", "finer than what is kept"),
        ("model", "magic", "magic is not one of the available choices"),
        ("date_from", "2031-01-01", "No chosen tape begins between these dates."),
    ],
)
def test_the_form_says_in_words_what_cannot_be(as_ada: Client, tape: Tape, field: str, value: Any, words: str) -> None:
    response = as_ada.post("/backtests/new/", MINIMUM | {"model": "gbm_avg", "tails": "normal", field: value})
    assert response.status_code == 422
    assert words in response.content.decode().replace("&#x27;", "'")
    assert not BacktestRun.objects.exists()


def test_a_run_can_be_the_start_of_another(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = queued(capital="2500", edge="4.5")
    page = as_ada.get(f"/backtests/new/?like={run.pk}").content.decode()
    assert 'name="capital" value="2500"' in page
    assert 'name="edge" value="4.5"' in page
    assert re.search(r'name="tapes" value="rising" [^>]*checked', page)


# A run --------------------------------------------------------------------------------------------------------


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


# Its page -----------------------------------------------------------------------------------------------------


def test_the_page_of_a_waiting_run_asks_for_its_state(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = queued()
    page = as_ada.get(f"/backtests/{run.pk}/").content.decode()
    assert f'data-state="/backtests/{run.pk}/state/"' in page
    assert "backtests/detail.js" in page
    state = as_ada.get(f"/backtests/{run.pk}/state/").json()
    assert state == {"status": "queued", "progress": 0.0, "note": "", "over": False, "cancel_wanted": False}


def test_the_page_of_a_finished_run_shows_its_numbers(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = finished()
    page = as_ada.get(f"/backtests/{run.pk}/").content.decode()
    assert run.result is not None
    for words in (
        "Total P&amp;L",
        "Win rate",
        "Sharpe",
        "Maximum drawdown",
        "Daily P&amp;L",
        "What this does not prove",
    ):
        assert words in page
    assert run.result["digest"] in page
    assert '<svg class="equity"' in page
    assert "detail.js" not in page


def test_the_list_says_what_came_out_of_each_run(as_bob: Client, tape: Tape, sent: list[int]) -> None:
    run, waiting = finished(), queued(tapes=["all"])
    assert run.result is not None
    rows = {row.pk: row.result_shown for row in as_bob.get("/backtests/").context["runs"]}
    assert rows[run.pk]["fills"] == str(run.result["fills"])
    assert rows[run.pk]["net"].lstrip("+").replace(",", "") == f"${float(run.result['net']):.2f}"
    assert rows[waiting.pk] | {"net": "", "fills": ""} == {
        "net": "", "fills": "", "tone": "", "tapes": "all recorded", "days": "",
    }  # fmt: skip


def test_the_curve_of_a_page_is_drawn_to_the_edge_and_its_words_keep_their_size() -> None:
    drawn = equity_chart([[1_778_500_000_000, "10000.00"], [1_778_503_600_000, "10120.50"]])
    outer, inner = drawn.split("<svg")[1:]
    assert "viewBox" not in outer.split(">")[0]
    assert 'preserveAspectRatio="none"' in inner.split(">")[0]


def test_no_page_carries_script_or_style_of_its_own(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = finished()
    for path in ("", "new/", f"{run.pk}/"):
        page = as_ada.get(f"/backtests/{path}").content.decode()
        assert "<style" not in page
        assert " style=" not in page
        assert "<script>" not in page


def test_the_files_carry_the_same_numbers(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = finished()
    assert run.result is not None
    assert as_ada.get(f"/backtests/{run.pk}/result.json").json() == run.result
    table = as_ada.get(f"/backtests/{run.pk}/trades.csv").content.decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [row["trade_id"] for row in rows] == [trade["trade_id"] for trade in run.result["trades"]]
    assert [row["net"] for row in rows] == [trade["net"] for trade in run.result["trades"]]


def test_a_run_without_a_result_has_no_files(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert as_ada.get(f"/backtests/{run.pk}/result.json").status_code == 404


def test_the_admin_lists_runs_and_edits_none(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = finished()
    assert as_ada.get("/admin/backtests/backtestrun/").status_code == 200
    assert as_ada.get(f"/admin/backtests/backtestrun/{run.pk}/change/").status_code == 200
    assert as_ada.get("/admin/backtests/backtestrun/add/").status_code == 403


# The curve ----------------------------------------------------------------------------------------------------


def test_the_curve_says_in_words_what_it_shows() -> None:
    drawn = equity_chart([[1_778_500_000_000, "10000.00"], [1_778_503_600_000, "10120.50"]])
    assert "From $10,000.00" in drawn
    assert "highest $10,120.50" in drawn


def test_a_curve_without_a_move_can_be_drawn() -> None:
    assert "curve" in equity_chart([[0, "10000"], [0, "10000"]])


def test_the_axis_of_money_encloses_the_curve_with_few_round_values() -> None:
    for low, high in [(9_990.0, 10_013.5), (0.0, 0.0), (-5.0, 120_000.0), (10_000.0, 10_000.01)]:
        ticks = money_ticks(low, high)
        assert ticks[0] <= low <= high <= ticks[-1]
        assert 2 <= len(ticks) <= 9


def test_the_axis_of_time_has_at_most_nine_marks() -> None:
    for hours in (1, 5, 24, 24 * 7, 24 * 400):
        assert len(time_ticks(0, hours * 3_600_000)) <= 9


def test_a_long_curve_is_thinned_without_losing_its_peak_or_its_fall() -> None:
    points = [(at, 100.0) for at in range(100_000)]
    points[54_321] = (54_321, 500.0)
    points[77_777] = (77_777, -500.0)
    thin = thinned(points)
    assert len(thin) < 2_000
    assert points[54_321] in thin
    assert points[77_777] in thin
    assert thin == sorted(thin)


# The API ------------------------------------------------------------------------------------------------------


def api(method: str, user: User, action: str, data: Any = None, pk: int | None = None) -> Any:
    request = getattr(APIRequestFactory(), method)("/api/v1/backtests/", data, format="json")
    force_authenticate(request, user)
    extra = {} if pk is None else {"pk": pk}
    return BacktestRunViewSet.as_view({method: action})(request, **extra)


def test_the_api_queues_a_run(ada: User, tape: Tape, sent: list[int]) -> None:
    answer = api("post", ada, "create", {"tapes": ["rising"], "capital": "2500.5", "settings": {"edge": "2"}})
    assert answer.status_code == 201
    assert (answer.data["capital"], answer.data["max_daily_loss"]) == ("2500.5", "1000")
    assert answer.data["settings"]["edge"] == "2"
    assert BacktestRun.objects.get(pk=answer.data["id"]).parameters().edge_threshold == 0.02


def test_the_api_says_which_field_is_wrong(ada: User, tape: Tape) -> None:
    answer = api("post", ada, "create", {"tapes": ["gone"], "capital": "1000"})
    assert answer.status_code == 400
    assert list(answer.data) == ["tapes"]
    answer = api("post", ada, "create", {"tapes": ["rising"], "settings": {"egde": "2"}})
    assert "egde" in str(answer.data["settings"])


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({}, "tapes", "/api/v1/tapes/"),
        ({"tapes": []}, "tapes", "/api/v1/tapes/"),
        ({"tapes": "all"}, "tapes", "/api/v1/tapes/"),
        ({"tapes": ["rising"], "capital": "lots"}, "capital", "is not an amount in dollars"),
        ({"tapes": ["rising"], "capitol": "5"}, "capitol", "known are tapes, capital, max_daily_loss"),
        ({"tapes": ["rising"], "date_from": "13.5."}, "date_from", "YYYY-MM-DD"),
        ({"tapes": ["rising"], "settings": {"kelly": "200"}}, "settings", "The Kelly fraction must be 0 to 1."),
    ],
)
def test_the_api_says_what_to_do_about_a_wrong_field(
    ada: User, tape: Tape, asked: dict[str, Any], field: str, words: str
) -> None:
    answer = api("post", ada, "create", asked)
    assert answer.status_code == 400
    assert list(answer.data) == [field]
    assert words in str(answer.data[field])
    assert not BacktestRun.objects.exists()


def test_a_wrong_setting_is_named_where_it_was_given(ada: User, tape: Tape) -> None:
    answer = api("post", ada, "create", {"tapes": ["rising"], "capital": "x", "settings": {"edge": "x"}})
    assert answer.data == {
        "capital": ["Capital: 'x' is not an amount in dollars with at most six decimals."],
        "settings": {"edge": ["Least net edge: 'x' is not a number."]},
    }


def test_the_api_lists_the_tapes_that_can_be_named(as_bob: Client, tape: Tape) -> None:
    rows = as_bob.get("/api/v1/tapes/").json()["results"]
    assert [(row["name"], row["grade"], row["events"]) for row in rows] == [("rising", "A", tape.events)]
    assert "path" not in rows[0]
    assert as_bob.get("/api/v1/tapes/rising/").json() == rows[0]


def test_the_api_lets_bob_read_and_nothing_else(bob: User, tape: Tape, sent: list[int]) -> None:
    run = finished()
    assert api("get", bob, "list").data["count"] == 1
    assert "result" not in api("get", bob, "list").data["results"][0]
    assert api("get", bob, "retrieve", pk=run.pk).data["result"] == run.result
    assert api("post", bob, "create", MINIMUM).status_code == 403
    assert api("post", bob, "cancel", pk=run.pk).status_code == 403


def test_the_api_cancels(ada: User, tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert api("post", ada, "cancel", pk=run.pk).status_code == 200
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_the_beat_sweeps_every_minute() -> None:
    schedule = current_app.conf.beat_schedule
    assert any(entry["task"] == "backtests.tasks.sweep_stuck" for entry in schedule.values())
    assert settings.CELERY_TASK_ACKS_LATE
