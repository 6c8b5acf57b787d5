"""System checks: what is set up wrong is said before anything starts."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from markets.tape import TapeHeader, TapeWriter
from trading import checks


def empty_tape(path: Path) -> Path:
    return TapeWriter(path, TapeHeader(1, path.stem, "demo", "C", 0)).close()


def ids() -> set[str]:
    return {str(message.id) for message in run_checks(tags=["trading"])}


def test_the_demo_needs_nothing() -> None:
    assert ids() == set()


@pytest.mark.parametrize(("market", "said"), [("live", "trading.E001"), ("stocks", "trading.E002")])
def test_a_market_we_do_not_have_is_refused(settings: Settings, market: str, said: str) -> None:
    settings.MARKET = market
    assert ids() == {said}


def test_real_money_is_said_to_be_not_available_yet(settings: Settings) -> None:
    settings.MARKET = "live"
    assert "not available yet" in checks.market(None)[0].msg


@pytest.mark.parametrize(("tape", "said"), [("", {"trading.E003"}), ("nowhere", {"trading.E004"}), ("may", set())])
def test_a_tape_must_be_there(settings: Settings, tmp_path: Path, tape: str, said: set[str]) -> None:
    empty_tape(tmp_path / "may.tape")
    settings.MARKET, settings.TAPE, settings.TAPES_DIR = "tape", tape, tmp_path
    assert ids() == said


def test_a_tape_may_be_given_as_a_path(settings: Settings, tmp_path: Path) -> None:
    path = empty_tape(tmp_path / "elsewhere.tape")
    settings.MARKET, settings.TAPE = "tape", str(path)
    assert ids() == set()


@pytest.mark.parametrize("name", ["notes.md", "torn.tape", "torn.tape.zst"])
def test_a_file_that_is_no_tape_is_refused(settings: Settings, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("not a tape")
    settings.MARKET, settings.TAPE, settings.TAPES_DIR = "tape", name, tmp_path
    assert ids() == {"trading.E006"}


def test_the_folder_of_everything_we_write_must_be_there(settings: Settings, tmp_path: Path) -> None:
    settings.BOT_HOME = tmp_path / "missing"
    assert ids() == {"trading.E005"}
