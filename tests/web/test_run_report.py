"""The report of a run as page, as window, and in a terminal: what it says, what it draws, and how tries are counted."""

import re
from datetime import date
from typing import Any

import pytest
from django.test import Client

from backtests.charts_bars import Bar, bars
from backtests.models import BacktestRun, Study, StudyTrial
from backtests.presentation import MINUS
from backtests.printout import text_of
from backtests.promotion import trials
from backtests.report import report_of, settings_of
from backtests.trials import trials_known, trials_of
from tests.builders_results import traded
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

pytestmark = pytest.mark.django_db


def told(count: int = 60, share_won: float = 0.5, **changes: Any) -> dict[str, Any]:
    return report_of([], [], traded(count, share_won)) | {"digest": "0123456789abcdef"} | changes


def run_of(report: dict[str, Any] | None = None, edge: float = 0.03, **changes: Any) -> BacktestRun:
    """A kept run with that report."""
    values: dict[str, Any] = {
        "tapes": ["all"], "capital": 1_000_000_000, "max_daily_loss": 0, "limits_json": settings_of(RiskLimits()),
        "parameters_json": settings_of(Parameters(edge_threshold=edge)), "status": BacktestRun.Status.DONE,
        "result": told(5) if report is None else report,
    }  # fmt: skip
    return BacktestRun.objects.create(**(values | changes))


def page_of(client: Client, run: BacktestRun, more: str = "") -> str:
    return client.get(f"/backtests/{run.pk}/{more}").content.decode()


def test_the_page_says_first_whether_it_is_luck(as_bob: Client) -> None:
    page = page_of(as_bob, run_of(told()))
    assert 'data-code="luck"' in page
    assert "Not to be told from luck" in page
    assert page.index('id="verdict"') < page.index("Total P&amp;L") < page.index('id="numbers"')


@pytest.mark.parametrize(
    ("count", "share", "code"),
    [(0, 0.5, "nothing"), (10, 0.9, "few"), (60, 0.1, "loss"), (60, 0.95, "blind")],
    ids=["nothing", "few", "loss", "blind"],
)
def test_each_verdict_has_its_page(as_bob: Client, count: int, share: float, code: str) -> None:
    assert f'data-code="{code}"' in page_of(as_bob, run_of(told(count, share)))


def test_every_number_of_the_pricing_notes_is_on_the_page(as_bob: Client) -> None:
    page = page_of(as_bob, run_of(told(60, 0.55)))
    for words in (
        "P&amp;L, gross", "Fees", "Net a contract", "Net on cost", "Net a day", "Win rate", "Sharpe, per window", "Sharpe, per close",
        "Sharpe, daily", "PSR", "DSR", "Least record", "Direction, shuffled", "Maximum drawdown, settled",
        "Maximum drawdown, marked", "t = 2 needs about",
    ):  # fmt: skip
        assert words in page


def test_each_drawing_has_a_name_a_description_and_ids_of_its_own(as_bob: Client) -> None:
    page = page_of(as_bob, run_of(told()))
    drawings = re.findall(r'<svg class="(equity [a-z-]+|bars|reliability)"[^>]*aria-labelledby="([^"]+)"', page)
    assert len(drawings) >= 6
    for _, names in drawings:
        for name in names.split():
            assert page.count(f'id="{name}"') == 1
    assert " style=" not in page


def test_bars_and_buckets_have_a_table_beside_them(as_bob: Client) -> None:
    page = page_of(as_bob, run_of(told()))
    for name in ("daily", "by-edge-table", "by-seconds_left-table", "by-price-table", "funnel"):
        assert f'<table id="{name}"' in page


def test_the_bounds_stand_side_by_side(as_bob: Client) -> None:
    side = {
        "net": "12.50", "gross": "13.00", "fees": "0.50", "orders": 3, "fills": 2, "contracts": "10.00", "windows": 2,
        "win": {"wins": 1, "windows": 2, "rate": 0.5, "low": 0.1, "high": 0.9},
    }  # fmt: skip
    bounds = {
        "optimistic": side,
        "record": side | {"net": "1.00"},
        "pessimistic": side | {"net": "-4.00"},
        "words": "Two ends.",
    }
    latency = [{"ms": 250, "net": "-1.00"}]
    report = told(
        bounds=bounds, sensitivity={"latency": latency, "spot": latency, "verdict": "It dies.", "is_latency_edge": True}
    )
    page = page_of(as_bob, run_of(report))
    row = page[page.index('id="bounds"') :].split("</table>")[0]
    places = [row.index(words) for words in ("+$12.50", "+$1.00", f"{MINUS}$4.00")]
    assert places == sorted(places)
    assert "Only the optimistic treatment" in page
    assert "It dies." in page
    text = text_of(report)
    assert "Optimistic" in text
    assert "latency +250 ms" in text


def test_what_is_not_covered_is_said_first(as_bob: Client) -> None:
    coverage = {"missing": ["2026-05-12 has no tape"], "with_holes": 2, "traded_with_holes": 1}
    page = page_of(as_bob, run_of(told(coverage=coverage)))
    part = page[page.index('id="not-covered"') :].split("</dd>")[0]
    assert "2026-05-12 has no tape" in part
    assert "2 windows on these tapes have holes: 1 of them were traded" in part


def test_a_report_of_before_is_shown_as_far_as_it_goes(as_bob: Client) -> None:
    old = {name: value for name, value in told(5).items() if name not in {"statistics", "band", "marked", "buckets"}}
    page = page_of(as_bob, run_of(old))
    assert "Total P&amp;L" in page
    assert 'id="verdict"' not in page
    assert "no statistics were kept" in text_of(old)


def test_a_window_has_a_page_with_its_prices_and_fills(as_bob: Client, as_eve: Client) -> None:
    run = run_of(told(3))
    ticker = "KXBTC15M-00001"
    page = page_of(as_bob, run, f"windows/{ticker}/")
    assert '<polygon class="bought"' in page
    assert page.count('class="fair"') == 2  # nothing is drawn across the hole
    assert 'rel="prev"' in page
    assert 'rel="next"' in page
    assert f"/backtests/{run.pk}/windows/{ticker}/" in page_of(as_bob, run)
    assert as_bob.get(f"/backtests/{run.pk}/windows/NEVER/").status_code == 404
    assert as_eve.get(f"/backtests/{run.pk}/windows/{ticker}/").status_code == 302


def test_a_window_whose_path_was_not_kept_says_so(as_bob: Client) -> None:
    page = page_of(as_bob, run_of(told(3, paths={})), "windows/KXBTC15M-00001/")
    assert "was not kept" in page


def test_words_from_outside_are_no_markup() -> None:
    drawn = bars("x", "<i>", [Bar("<b>label", 1.0, "<b>value", more="<b>more")])
    assert "<b>" not in drawn
    assert "<i>" not in drawn


def test_the_terminal_tells_the_same_numbers() -> None:
    text = text_of(told(60, 0.55), 7)
    assert "Not to be told from luck" in text
    assert "7 configurations were tried" in text
    assert "t = 2 needs about" in text
    assert "P&L by price" in text


# Tries ----------------------------------------------------------------------------------------------------------


def test_a_configuration_counts_once_however_often_it_ran() -> None:
    first = run_of()
    run_of()
    assert trials_of(first).total == 1
    run_of(edge=0.05)
    assert trials_of(first).total == 2


def test_settings_count_by_what_they_say_not_by_the_order_they_are_kept_in() -> None:
    first = run_of(told(), realism_json={"seed": 2, "taker_delay_ns": 5})
    run_of(told(), realism_json={"taker_delay_ns": 5, "seed": 2})
    run_of(told(), realism_json={"taker_delay_ns": 5, "seed": 3}, date_from=date(2026, 5, 1), date_to=date(2026, 5, 2))
    assert trials_of(first).total == 2
    first.date_from, first.date_to = date(2026, 5, 3), None
    assert trials_of(first).total == 1
    first.date_from, first.date_to = None, date(2026, 4, 30)
    assert trials_of(first).total == 1
    first.date_from, first.date_to = date(2026, 5, 2), date(2026, 5, 2)
    assert trials_of(first).total == 2


def test_what_was_played_on_other_tapes_or_days_or_never_is_no_try() -> None:
    run = run_of(tapes=["one"], date_from="2026-05-11", date_to="2026-05-12")
    run.refresh_from_db()
    run_of(edge=0.05, tapes=["two"])
    run_of(edge=0.06, tapes=["one"], date_from="2026-05-13")
    run_of(edge=0.07, tapes=["one"], status="failed")
    assert trials_of(run).total == 1
    run_of(edge=0.08, tapes=["all"])
    assert trials_of(run).total == 2


def test_every_trial_of_a_study_is_a_try() -> None:
    run = run_of()
    before = trials()
    study = Study.objects.create(inputs={"tapes": ["all"], "date_from": "", "date_to": ""})
    for number, (key, net) in enumerate([("a", 1), ("b", 2), ("b", 3), ("c", None)]):
        StudyTrial.objects.create(study=study, number=number, values={}, key=key, net=net)
    assert trials_of(run).studied == 2
    assert trials_of(run).total == 3
    assert trials() == before + 2


def test_the_page_holds_a_run_against_all_tries(as_bob: Client) -> None:
    run = run_of(told())
    for number in range(4):
        run_of(edge=0.1 + number / 100)
    assert "5 configurations were tried on these tapes" in page_of(as_bob, run)


def test_nobody_knows_how_often_a_file_was_tried() -> None:
    run = BacktestRun(tapes=["/somewhere/one.tape"], limits_json={}, parameters_json={}, capital=1)
    assert trials_known(run) is None
    assert "is not counted here" in text_of(told(), None)
