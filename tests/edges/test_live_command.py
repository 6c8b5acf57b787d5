"""`kalshi-bot live`: what it says is missing, what it refuses, and what it starts."""

import io
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import Settings

from kalshi_site.parts import parts
from markets.kalshi.keys import VARIABLES
from tests.builders_arming import ready
from trading.management.commands import live
from trading.models import Promotion
from trading.simulator.exchange.keys import new_key

pytestmark = pytest.mark.django_db
KEY_ID = "0f6a2d1c-6f3e-4c57-9b9e-6a1f2f1f7a11"


class Started(NamedTuple):
    """A process that would have been started."""

    words: list[str]
    environment: dict[str, str]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """What is started, in order; nothing really is."""
    found: list[Started] = []
    monkeypatch.setattr(subprocess, "Popen", lambda words, *, env, **_: found.append(Started(words, env)))
    monkeypatch.setattr(os, "execve", lambda _, words, env: found.append(Started(words, env)))
    monkeypatch.setattr(live, "_answers", lambda _: True)
    return found


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.BOT_HOME = tmp_path
    for name in (*VARIABLES, "ACCOUNT"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that can be used."""
    file = tmp_path / "key.pem"
    file.touch(0o600)
    file.write_bytes(new_key("ed25519", KEY_ID, 1)[1])
    monkeypatch.setenv("KALSHI_KEY_ID", KEY_ID)
    monkeypatch.setenv("KALSHI_PRIVATE_KEY_FILE", str(file))


def told(**options: Any) -> str:
    out = io.StringIO()
    call_command("live", stdout=out, **options)
    return out.getvalue()


def test_without_a_key_nothing_is_started(started: list[Started]) -> None:
    with pytest.raises(CommandError, match="an API key: set KALSHI_KEY_ID") as refusal:
        told()
    assert refusal.value.returncode == 2
    assert started == []


@pytest.mark.usefixtures("key")
def test_it_says_exactly_what_is_missing_and_starts_the_watchdog_before_the_trader(started: list[Started]) -> None:
    said = told()
    assert said.splitlines() == [
        "Real orders of the account 'live' (production). Until they may go, this is missing:",
        "  - the risk limits in force were set by nobody: a person sets them, on the page Risk or in the admin",
        "  - the promotion gate: the record of 'paper' was never looked at: `kalshi-bot promotion --account paper`",
        "  - it is not armed: `kalshi-bot arm`, or the page Real orders, once the trader runs",
    ]
    assert [each.words[2:] for each in started] == [["watchdog", "--until-left"], ["run_trader", "--tell"]]
    for each in started:
        assert (each.environment["MARKET"], each.environment["ORDERS"], each.environment["KALSHI_ENV"]) == ("real", "exchange", "production")  # fmt: skip


@pytest.mark.usefixtures("key")
def test_to_check_starts_nothing(started: list[Started], ada: User) -> None:
    ready(ada)
    Promotion.objects.all().delete()
    said = told(check=True, env="demo")
    assert "account 'practice'" in said
    assert started == []


def test_a_rehearsal_needs_no_key(started: list[Started]) -> None:
    assert told(market="demo", speed="5", quiet=True) == ""
    assert started[-1].words[2:] == ["run_trader"]
    assert (started[-1].environment["MARKET"], started[-1].environment["SPEED"]) == ("demo", "5")


@pytest.mark.parametrize(("orders", "is_there"), [("paper", False), ("exchange", True)])
def test_the_supervisor_starts_the_watchdog_before_the_trader_and_stops_it_after(
    tmp_path: Path, settings: Settings, orders: str, is_there: bool
) -> None:
    settings.ORDERS = orders
    names = [part.name for part in parts(home=tmp_path, port=8000)]
    assert ("watchdog" in names) == is_there
    assert names[-1] == "trader"  # last in, first out
