"""System checks: what is set up wrong is said before anything starts."""

from pathlib import Path

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from trading import checks


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
    (tmp_path / "may.tape.zst").touch()
    settings.MARKET, settings.TAPE, settings.TAPES_DIR = "tape", tape, tmp_path
    assert ids() == said


def test_a_tape_may_be_given_as_a_path(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.tape"
    path.touch()
    settings.MARKET, settings.TAPE = "tape", str(path)
    assert ids() == set()


def test_the_folder_of_everything_we_write_must_be_there(settings: Settings, tmp_path: Path) -> None:
    settings.BOT_HOME = tmp_path / "missing"
    assert ids() == {"trading.E005"}
