"""Rows of series, markets and tapes: one writer, exact terms, and official results that stay."""

import json
import logging
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from markets.core.contract import CENT_GRID, WINDOW_NS, Contract, FeeTerms
from markets.models import Market, Series, Tape
from markets.selectors import series_disabled, tapes
from markets.services import market_settle, market_turn, market_upsert, tape_register
from markets.tape import TapeError
from tests.edges.test_tape import EVENTS, write
from tests.recordings import NEXT, TICKER, quiet_recording

pytestmark = pytest.mark.django_db
CLOSE_NS = 2 * WINDOW_NS


def contract(ticker: str = TICKER, *, strike: float | None = 80_000.5, close_ns: int = CLOSE_NS) -> Contract:
    return Contract(
        ticker, "KXBTC15M", "BTC", close_ns - WINDOW_NS, close_ns, strike, 2, CENT_GRID, FeeTerms(maker_rate=175)
    )


def stored() -> Market:
    return Market.objects.get(ticker=TICKER)


def test_a_market_gives_back_the_very_terms_it_was_written_with() -> None:
    market_upsert(contract(), is_simulated=False)
    assert stored().contract() == contract()


def test_a_market_brings_its_series_with_it_switched_on() -> None:
    market_upsert(contract(), is_simulated=False)
    assert Series.objects.get().is_enabled
    assert (Series.objects.get().asset, series_disabled()) == ("BTC", frozenset())


def test_a_series_that_people_switched_off_stays_off() -> None:
    market_upsert(contract(), is_simulated=False)
    Series.objects.update(is_enabled=False)
    market_upsert(contract(NEXT), is_simulated=False)
    assert series_disabled() == {"KXBTC15M"}


def test_a_strike_is_added_when_it_becomes_known_and_then_kept() -> None:
    market_upsert(contract(strike=None), is_simulated=False)
    assert stored().strike is None
    market_upsert(contract(), is_simulated=False)
    market_upsert(contract(strike=None), is_simulated=False)
    assert (stored().strike, stored().contract().strike) == (80_000.5, 80_000.5)


def test_a_simulated_market_never_touches_a_real_one() -> None:
    market_upsert(contract(), is_simulated=False)
    market_upsert(contract(strike=1.0), is_simulated=True)
    assert market_settle(TICKER, result="no", settle_value="1.00", is_simulated=True) is False
    assert (stored().strike, stored().result, stored().is_simulated) == (80_000.5, "", False)


def test_a_real_market_takes_the_place_of_a_simulated_one() -> None:
    market_upsert(contract(strike=1.0), is_simulated=True)
    market_settle(TICKER, result="no", settle_value="1.00", is_simulated=True)
    market_upsert(contract(), is_simulated=False)
    assert (stored().strike, stored().status, stored().result, stored().is_simulated) == (80_000.5, "open", "", False)


def test_a_market_closes_once_and_settles_once() -> None:
    market_upsert(contract(), is_simulated=False)
    assert [market_turn(TICKER, "closed"), market_turn(TICKER, "closed")] == [True, False]
    settled = [market_settle(TICKER, result="yes", settle_value="80010.00") for _ in range(2)]
    assert settled == [True, False]
    assert (stored().status, stored().result, stored().settle_value) == ("settled", "yes", "80010.00")
    assert market_turn(TICKER, "closed") is False


def test_a_market_pauses_goes_on_and_is_disputed_but_never_opens_again() -> None:
    market_upsert(contract(), is_simulated=False)
    turns = ["paused", "open", "paused", "disputed", "paused", "open", "closed", "open", "disputed"]
    assert [(market_turn(TICKER, turn), stored().status) for turn in turns] == [
        (True, "paused"), (True, "open"), (True, "paused"), (True, "disputed"), (False, "disputed"), (False, "disputed"),
        (True, "closed"), (False, "closed"), (True, "disputed"),
    ]  # fmt: skip
    assert market_settle(TICKER, result="yes", settle_value="80010.00") is True
    assert [market_turn(TICKER, turn) for turn in ("open", "paused", "closed", "disputed")] == [False] * 4


def test_a_simulated_market_does_not_turn_a_real_one() -> None:
    market_upsert(contract(), is_simulated=False)
    assert market_turn(TICKER, "closed", is_simulated=True) is False
    assert stored().status == "open"


def test_a_voided_market_says_what_it_paid_and_keeps_it(caplog: pytest.LogCaptureFixture) -> None:
    market_upsert(contract(), is_simulated=False)
    assert market_settle(TICKER, result="scalar", settle_value="", yes_pays=5_000) is True
    assert market_settle(TICKER, result="scalar", settle_value="80010.00", yes_pays=5_000) is True
    with caplog.at_level(logging.ERROR):
        assert market_settle(TICKER, result="scalar", settle_value="80010.00", yes_pays=4_000) is False
        assert market_settle(TICKER, result="yes", settle_value="80010.00") is False
    assert (stored().result, stored().yes_pays, stored().settle_value) == ("scalar", 5_000, "80010.00")
    assert caplog.text.count("the first is kept") == 2


@pytest.mark.parametrize(
    "values",
    [
        {"status": "settled", "result": "scalar", "yes_pays": None},
        {"status": "settled", "result": "scalar", "yes_pays": 10_001},
        {"status": "settled", "result": "scalar", "yes_pays": -1},
        {"status": "settled", "result": "yes", "yes_pays": 10_000},
        {"status": "disputed", "result": "scalar", "yes_pays": 5_000},
        {"status": "open", "yes_pays": 5_000},
        {"status": "gone"},
    ],
)
def test_the_database_refuses_what_cannot_have_been_paid(values: dict[str, Any]) -> None:
    market_upsert(contract(), is_simulated=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Market.objects.update(**values)


def test_a_real_market_takes_the_place_of_a_simulated_one_that_was_voided() -> None:
    market_upsert(contract(strike=1.0), is_simulated=True)
    market_settle(TICKER, result="scalar", settle_value="", is_simulated=True, yes_pays=1)
    market_upsert(contract(), is_simulated=False)
    assert (stored().status, stored().result, stored().yes_pays) == ("open", "", None)


@pytest.mark.parametrize(("result", "value"), [("no", "80010.00"), ("yes", "80011.00"), ("no", "")])
def test_an_official_result_is_never_overwritten(result: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    market_upsert(contract(), is_simulated=False)
    market_settle(TICKER, result="yes", settle_value="80010.00")
    with caplog.at_level(logging.ERROR):
        assert market_settle(TICKER, result=result, settle_value=value) is False
    assert (stored().result, stored().settle_value) == ("yes", "80010.00")
    assert "the first is kept" in caplog.text


def test_a_settlement_value_that_was_missing_is_added() -> None:
    market_upsert(contract(), is_simulated=False)
    market_settle(TICKER, result="yes", settle_value="")
    assert market_settle(TICKER, result="yes", settle_value="80010.00") is True
    assert market_settle(TICKER, result="yes", settle_value="") is False
    assert stored().settle_value == "80010.00"


def test_a_simulated_market_may_be_played_again_with_another_result() -> None:
    market_upsert(contract(), is_simulated=True)
    for result in ("yes", "no"):
        assert market_settle(TICKER, result=result, settle_value="1.00", is_simulated=True) is True
    assert stored().result == "no"


def test_settling_an_unknown_market_is_logged_not_fatal(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert market_settle(TICKER, result="yes", settle_value="") is False
    assert "has no real row" in caplog.text


def test_a_market_settles_yes_or_no_and_nothing_else() -> None:
    with pytest.raises(ValueError, match=r"'void'.*cannot be paid out"):
        market_settle(TICKER, result="void", settle_value="")


@pytest.mark.parametrize(
    "wrong",
    [
        {"close_ns": 1},
        {"strike": -1.0},
        {"status": "asleep"},
        {"result": "yes"},
        {"status": "settled"},
        {"decimals": -1},
    ],
)
def test_the_database_refuses_a_market_that_cannot_be(wrong: dict[str, Any]) -> None:
    market_upsert(contract(), is_simulated=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        Market.objects.filter(ticker=TICKER).update(**wrong)


def test_a_tape_is_counted_into_the_catalogue_once(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert tape_register(path).pk == tape_register(path).pk
    row = tapes().get(name="a tape")
    assert (row.events, row.markets, row.first_ns, row.last_ns, row.grade) == (5, 1, 1, 5, "A")
    assert (Path(row.path), row.size_bytes) == (path.resolve(), path.stat().st_size)


def test_two_tapes_of_one_name_do_not_hide_each_other(tmp_path: Path) -> None:
    first = write(tmp_path / "one")
    tape_register(first)
    with pytest.raises(TapeError, match="is registered from"):
        tape_register(write(tmp_path / "two"))
    first.unlink()
    assert tape_register(tmp_path / "two" / "t.tape.zst").path.endswith("two/t.tape.zst")


def test_an_empty_tape_is_not_registered(tmp_path: Path) -> None:
    with pytest.raises(TapeError, match="holds no events"):
        tape_register(write(tmp_path, []))


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


@pytest.fixture
def recording(tmp_path: Path, settings: Settings) -> str:
    settings.TAPES_DIR = tmp_path / "tapes"
    return str(quiet_recording().write(tmp_path / "recording"))


def test_the_import_registers_tapes_and_markets_and_may_be_repeated(recording: str) -> None:
    for _ in range(2):
        text = run("import_recording", recording)
    assert "in 59 of 59 (100.0000%)" in text
    assert [(row.name, row.grade, row.gaps) for row in tapes()] == [("btc15m-20260513T151640Z", "A", 0)]
    assert (stored().result, stored().settle_value, stored().is_simulated) == ("yes", "80010.00", False)


def test_the_import_tells_a_machine_the_same(recording: str) -> None:
    summary = json.loads(run("import_recording", recording, "--json"))
    row = Tape.objects.get()
    assert [(one["run"], one["sha256"]) for one in summary["runs"]] == [("run-1", row.sha256)]
    assert summary["total"]["read"] == {"control": 1, "snapshot": 1, "delta": 60, "ticker": 60, "trade": 59}
    assert (summary["total"]["agreement"], summary["outside"]["delta"]) == (1.0, 0)


@pytest.mark.parametrize("words", [["/nowhere"], ["--run", "other"]])
def test_the_import_says_what_is_wrong(recording: str, words: list[str]) -> None:
    folder = [] if words[0].startswith("/") else [recording]
    with pytest.raises(CommandError, match=r"lacks|no run"):
        run("import_recording", *folder, *words)


def test_tapes_are_listed_and_verified(recording: str) -> None:
    assert "There are no tapes yet" in run("tapes")
    run("import_recording", recording)
    assert "btc15m-20260513T151640Z" in run("tapes")
    assert run("tapes", "--verify").strip().endswith("sound")
    assert json.loads(run("tapes", "--json"))[0]["problem"] is None


def test_verifying_finds_a_tape_that_was_changed_or_lost(recording: str, tmp_path: Path) -> None:
    run("import_recording", recording)
    path = Path(Tape.objects.get().path)
    data = path.read_bytes()
    for spoil in (lambda: path.write_bytes(data[:-100]), lambda: write_over(path, tmp_path), path.unlink):
        spoil()
        with pytest.raises(CommandError, match="1 of 1 tapes are not sound"):
            run("tapes", "--verify")


def write_over(path: Path, tmp_path: Path) -> None:
    """A sound tape, but not the one that was registered."""
    path.write_bytes(write(tmp_path / "other").read_bytes())


def test_a_tape_made_elsewhere_can_be_registered(tmp_path: Path) -> None:
    assert "a tape" in run("tapes", "--register", str(write(tmp_path, EVENTS[:3])))


@pytest.mark.parametrize("model", ["market", "tape"])
def test_the_admin_shows_facts_and_lets_nobody_change_them(model: str, as_ada: Client, tmp_path: Path) -> None:
    market_upsert(contract(), is_simulated=False)
    row = tape_register(write(tmp_path))
    key = TICKER if model == "market" else row.pk
    assert as_ada.get(f"/admin/markets/{model}/").status_code == 200
    assert as_ada.get(f"/admin/markets/{model}/add/").status_code == 403
    assert as_ada.post(f"/admin/markets/{model}/{key}/change/", {"ticker": "x", "name": "x"}).status_code == 403
    assert as_ada.post(f"/admin/markets/{model}/{key}/delete/", {"post": "yes"}).status_code == 403


def test_the_admin_switches_a_series_off_and_on(as_ada: Client) -> None:
    market_upsert(contract(), is_simulated=False)
    page = "/admin/markets/series/KXBTC15M/change/"
    assert as_ada.post(page, {"asset": "ETH"}).status_code == 302
    assert (Series.objects.get().is_enabled, Series.objects.get().asset) == (False, "BTC")
    as_ada.post(page, {"is_enabled": "on"})
    assert Series.objects.get().is_enabled
