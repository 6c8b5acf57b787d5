"""The pages of back-tests: who may queue one, what the form takes, how a run is shown."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backtests import services
from backtests.charts import equity_chart, money_ticks, thinned, time_ticks
from backtests.knobs import InputError
from backtests.models import BacktestRun
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import MINIMUM, finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


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


def test_the_page_of_a_waiting_run_asks_for_its_state(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    run = queued()
    page = as_ada.get(f"/backtests/{run.pk}/").content.decode()
    assert f'data-state="/backtests/{run.pk}/state/"' in page
    assert "backtests/detail.js" in page
    state = as_ada.get(f"/backtests/{run.pk}/state/").json()
    words = state.pop("words")
    assert words == "Waiting for a worker; it is next."
    assert state == {
        "status": "queued", "progress": 0.0, "note": "", "over": False, "cancel_wanted": False, "ahead": 0, "seconds": None,
    }  # fmt: skip


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
        "What fills were worth later",
        "the price was in the snapshot before",
        "What this does not prove",
    ):
        assert words in page
    assert run.result["digest"] in page
    assert '<svg class="equity ' in page
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
