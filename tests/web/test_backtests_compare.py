"""Runs side by side: what differs, what came out, what was traded by both, and what chance could make of it."""

from pathlib import Path

import pytest
from django.test import Client

from backtests import services
from backtests.compare import compared, ids_from, runs_of
from backtests.compare_chart import equities_chart
from backtests.knobs import InputError
from backtests.models import BacktestRun
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


def test_what_differs_is_told_and_nothing_else(tape: Tape) -> None:
    first, second = finished(), finished(kelly="10", capital="5000")
    found = compared([first, second])
    assert [(row.name, row.values) for row in found.settings] == [
        ("capital", ["$10000", "$5000"]),
        ("kelly", ["25 %", "10 %"]),
    ]
    assert (found.same_tapes, found.tapes) == (True, [])
    figures = {figure.name: figure for figure in found.figures[1]}
    assert second.result is not None
    assert figures["net"].value == second.result["net"]
    assert (figures["win_rate"].low, figures["win_rate"].high) == (
        second.result["win"]["low"],
        second.result["win"]["high"],
    )


def test_the_difference_is_paired_by_window(tape: Tape) -> None:
    first, second = finished(), finished(kelly="10")
    pair = compared([first, second]).pairs[0]
    assert (pair.both, pair.only_first, pair.only_second, pair.found.closes) == (1, 0, 0, 1)
    assert first.net_money is not None
    assert second.net_money is not None
    assert pair.found.total == pytest.approx((second.net_money - first.net_money) / 1_000_000)
    assert (pair.found.low, pair.found.p) == (None, None)
    assert pair.found.sentence == "Not enough data: they traded at 1 closes, 30 are the least."


def test_who_did_not_trade_made_nothing(tape: Tape) -> None:
    first, second = finished(), finished(max_daily_loss="0")
    found = compared([first, second])
    pair = found.pairs[0]
    assert (pair.both, pair.only_first, pair.only_second) == (0, 1, 0)
    assert first.net_money is not None
    assert pair.found.total == pytest.approx(-first.net_money / 1_000_000)
    assert found.common == []


def test_other_tapes_are_said_and_only_what_both_played_is_paired(tape: Tape, tmp_path: Path) -> None:
    one = finished()
    tape_register(write_tape(tmp_path / "later.tape", shift_s=3_600))
    two = finished(tapes=["rising", "later"])
    found = compared([one, two])
    assert not found.same_tapes
    assert found.tapes == [f"#{two.pk} was not played on the tapes of #{one.pk}: 1 more (later)."]
    assert two.windows_traded == 2
    pair = found.pairs[0]
    assert (pair.both, pair.only_second, pair.found.total) == (1, 0, 0.0)
    assert [row.ticker for row in found.common] == [one.result["windows"][0]["ticker"]] if one.result else False


@pytest.mark.parametrize(
    ("text", "ids"), [("1,2", [1, 2]), ("3, 1 2", [3, 1, 2]), ("2,2,1", [2, 1]), ("6,5,4,3,2,1", [6, 5, 4, 3, 2, 1])]
)
def test_runs_are_named_in_their_order_and_once(text: str, ids: list[int]) -> None:
    assert ids_from(text) == ids


@pytest.mark.parametrize(
    "text", ["", "1", "1,1", "1,2,3,4,5,6,7", "1,x", "1,-2", "1," + "9" * 30, "\N{SUPERSCRIPT TWO},1"]
)
def test_what_cannot_be_compared_is_refused_in_words(as_bob: Client, text: str) -> None:
    with pytest.raises(InputError, match="ids=1,2"):
        ids_from(text)
    answer = as_bob.get("/api/v1/backtests/compare/", {"ids": text})
    assert (answer.status_code, list(answer.json())) == (400, ["ids"])


def test_a_run_without_a_result_cannot_be_compared(as_bob: Client, tape: Tape) -> None:
    done, waiting = finished(), queued()
    with pytest.raises(InputError, match=f"Run {waiting.pk} is queued and has no result"):
        runs_of([done.pk, waiting.pk])
    page = as_bob.get(f"/backtests/compare/?ids={done.pk},99999")
    assert page.status_code == 422
    assert "There is no run 99999." in page.content.decode()


def test_the_page_has_an_address_that_can_be_kept(as_bob: Client, tape: Tape) -> None:
    runs = [finished(kelly=kelly) for kelly in ("25", "10", "5")]
    query = "&".join(f"ids={run.pk}" for run in reversed(runs))
    place = as_bob.get(f"/backtests/compare/?{query}")["Location"]
    assert place == "/backtests/compare/?ids=" + ",".join(str(run.pk) for run in runs)
    page = as_bob.get(place).content.decode()
    assert "All were played on the same tapes." in page
    assert page.count('<path class="curve run-') == 3
    assert "Kelly fraction" in page
    assert "Least edge" not in page
    assert " style=" not in page


def test_the_api_says_the_same_exactly(as_bob: Client, tape: Tape) -> None:
    first, second = finished(), finished(kelly="10")
    told = as_bob.get("/api/v1/backtests/compare/", {"ids": f"{first.pk},{second.pk}"}).json()
    assert first.result is not None
    assert (told["same_tapes"], [run["id"] for run in told["runs"]]) == (True, [first.pk, second.pk])
    assert told["settings"] == [{"name": "kelly", "label": "Kelly fraction", "values": ["25 %", "10 %"]}]
    assert told["windows_in_common"][0]["nets"][0] == first.result["windows"][0]["net"]
    assert (told["differences"][0]["run"], told["differences"][0]["less"]) == (second.pk, first.pk)
    assert as_bob.get("/api/v1/backtests/compare/", {"id": "1,2"}).json() == {"id": ["Compare knows only ids."]}


def test_a_report_of_before_can_be_compared(tape: Tape) -> None:
    old, new = finished(), finished(kelly="10")
    assert old.result is not None
    for name in ("statistics", "band", "marked", "buckets", "calibration", "paths", "coverage"):
        old.result.pop(name, None)
    BacktestRun.objects.filter(pk=old.pk).update(result=old.result)
    figures = {figure.name: figure for figure in compared(runs_of([old.pk, new.pk])).figures[0]}
    assert (figures["net_per_window"].value, figures["net"].low) == (None, None)


def test_what_is_drawn_is_what_was_made_whatever_the_capital() -> None:
    drawn = equities_chart([
        ("#1", [[0, "10000"], [1_000, "9990.5"]]),
        ("#2", [[0, "500"], [2_000, "512"]]),
    ])  # fmt: skip
    assert "#1: \N{MINUS SIGN}$9.50 at the end. #2: +$12.00 at the end." in drawn
    assert drawn.count("<path") == 2
    assert equities_chart([]) == ""
