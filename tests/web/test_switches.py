"""The kill switch by page, admin, API, command and file, with everything there and with database or Redis gone; and the way back."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from channels.layers import channel_layers
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError
from django.test import Client, override_settings
from pytest_django import Settings

from tests.builders_arming import latched
from trading import services, switches
from trading.kill_file import Killed, kill_path, read_kill, write_kill
from trading.models import Discrepancy, Halt, TraderStatus
from trading.services import UnusableError
from trading.watchdog_rows import Rows

ROOT = Path(__file__).resolve().parent.parent.parent
POLICIES = ["cancel", "hold", "flatten"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.BOT_HOME = tmp_path
    settings.ACCOUNT = "live"
    return tmp_path


def wanted() -> tuple[str, str, str]:
    row = TraderStatus.objects.get()
    return row.wanted_mode, row.wanted_policy, row.wanted_by


def told(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """`kalshi-bot` as a process."""
    return subprocess.run(
        [Path(sys.executable).with_name("kalshi-bot"), *words],
        cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


# Halt -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("policy", POLICIES)
def test_stop_on_the_page_asks_what_to_do_and_does_it(as_ada: Client, policy: str) -> None:
    question = as_ada.post("/mode/", {"action": "stop"})
    assert question.status_code == 409
    assert all(f'value="{each}"' in question.content.decode() for each in POLICIES)
    assert not TraderStatus.objects.filter(wanted_mode="HALTED").exists()
    answer = as_ada.post("/mode/", {"action": "stop", "confirm": "yes", "policy": policy})
    assert answer.status_code == 302
    assert wanted() == ("HALTED", policy, "ada")


@pytest.mark.django_db
def test_a_policy_that_does_not_exist_changes_nothing(as_ada: Client) -> None:
    services.mode_set("ACTIVE", by="ada", reason="start")
    assert as_ada.post("/mode/", {"action": "stop", "confirm": "yes", "policy": "panic"}).status_code == 400
    asked = {"mode": "HALTED", "policy": "panic"}
    assert as_ada.post("/api/v1/mode/", asked, content_type="application/json").status_code == 400
    with pytest.raises(UnusableError, match="'panic' is not a policy"):
        services.mode_set("HALTED", by="ada", reason="x", policy="panic")  # type: ignore[arg-type]
    with pytest.raises(UnusableError, match="'panic' is not a policy"):
        switches.halt(by="ada", reason="x", policy="panic")  # type: ignore[arg-type]
    assert wanted()[0] == "ACTIVE"


@pytest.mark.django_db
@pytest.mark.parametrize("policy", POLICIES)
def test_the_api_halts_with_a_policy_and_says_what_it_did(as_ada: Client, policy: str) -> None:
    answer = as_ada.post("/api/v1/mode/", {"mode": "HALTED", "policy": policy}, content_type="application/json").json()
    assert (answer["wanted_mode"], answer["wanted_policy"]) == ("HALTED", policy)
    assert answer["said"][0].startswith(f"The rows say HALTED with the policy {policy}")
    assert wanted() == ("HALTED", policy, "ada")


@pytest.mark.django_db
def test_the_admin_halts_with_a_policy_and_takes_back_what_rests_unless_told(as_ada: Client) -> None:
    services.status_open()
    page = "/admin/trading/traderstatus/1/change/"
    as_ada.post(page, {"wanted_mode": "HALTED", "wanted_policy": "flatten", "wanted_reason": "lunch"})
    assert wanted() == ("HALTED", "flatten", "ada")
    as_ada.post(page, {"wanted_mode": "HALTED", "wanted_reason": "lunch"})
    assert wanted() == ("HALTED", "cancel", "ada")


@pytest.mark.django_db
def test_the_command_halts_and_writes_the_file_where_it_is_told_to(home: Path) -> None:
    out = io.StringIO()
    call_command("halt", policy="hold", reason="the feed lies", file=True, stdout=out)
    assert wanted()[:2] == ("HALTED", "hold")
    said = read_kill(kill_path(home))
    assert said is not None
    assert (said.policy, said.reason) == ("hold", "the feed lies")
    assert "HALT was written" in out.getvalue()


@pytest.mark.django_db
def test_with_the_file_nothing_is_sent_so_nothing_is_closed_either(home: Path) -> None:
    done = switches.halt(by="ada", reason="lunch", policy="flatten", by_file=True)
    assert "nothing is closed either" in done.said[0]
    assert wanted()[:2] == ("HALTED", "cancel")
    assert read_kill(kill_path(home)).policy == "cancel"  # type: ignore[union-attr]


@pytest.mark.django_db
def test_with_redis_gone_the_row_is_written_and_it_says_so() -> None:
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": ["unix:///nonexistent/redis.sock"]},
    }
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        channel_layers.backends.clear()
        done = switches.halt(by="ada", reason="lunch")
    channel_layers.backends.clear()
    assert done.is_told
    assert "Redis does not answer" in done.said[1]
    assert wanted()[0] == "HALTED"


def test_with_the_database_gone_the_file_is_written(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(services, "mode_set", gone)
    done = switches.halt(by="ada", reason="lunch", policy="flatten")
    assert done.is_told
    assert done.said[0] == "The rows could not be written: OperationalError: connection refused"
    said = read_kill(kill_path(home))
    assert said is not None
    assert (said.policy, said.by, said.reason) == ("cancel", "ada", "lunch")  # nothing is sent, so nothing is closed


def test_a_database_that_hangs_is_not_waited_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(services, "mode_set", lambda *_, **__: hangs.wait(20))
    monkeypatch.setattr(switches, "DATABASE_S", 0.05)
    done = switches.halt(by="ada", reason="lunch")
    hangs.set()
    assert done.is_told
    assert "has not answered within" in done.said[0]
    assert read_kill(kill_path(home)) is not None


def test_where_nothing_can_be_written_it_says_what_is_left_to_do(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOT_HOME = tmp_path / "nowhere"
    monkeypatch.setattr(services, "mode_set", lambda *_, **__: (_ for _ in ()).throw(OperationalError("gone")))
    done = switches.halt(by="ada", reason="lunch")
    assert not done.is_told
    assert "End the trader" in done.said[1]
    with pytest.raises(CommandError, match="nothing could be written"):
        call_command("halt", stdout=io.StringIO())


@pytest.mark.slow
def test_the_command_halts_with_database_and_redis_gone(tmp_path: Path) -> None:
    shown = told(
        "halt", "--reason", "all is gone",
        BOT_HOME=str(tmp_path), DATABASE_URL="postgres://nobody@127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1/0",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "HALT was written" in shown.stdout
    said = read_kill(kill_path(tmp_path))
    assert said is not None
    assert said.reason == "all is gone"


# The way back -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_starting_again_says_what_it_clears_and_asks_first(as_ada: Client, home: Path) -> None:
    latched()
    write_kill(kill_path(home), Killed(reason="the trader is dead", by="watchdog"))
    question = as_ada.post("/mode/", {"action": "start"})
    text = question.content.decode()
    assert question.status_code == 409
    assert "FEE_MISMATCH: a fill was charged too much; it is cleared when a person sets the mode again" in text
    assert "HALT: the trader is dead (by watchdog)" in text
    assert read_kill(kill_path(home)) is not None
    answer = as_ada.post("/mode/", {"action": "start", "confirm": "yes"}, follow=True)
    assert "The file HALT was taken away; it said: the trader is dead" in answer.content.decode()
    assert wanted()[0] == "ACTIVE"
    assert read_kill(kill_path(home)) is None


@pytest.mark.django_db
def test_a_start_with_nothing_to_clear_is_not_asked_about(as_ada: Client) -> None:
    assert as_ada.post("/mode/", {"action": "start"}).status_code == 302
    assert as_ada.post("/mode/", {"action": "reduce"}, headers={"Accept": "application/json"}).json()["wanted"] == "REDUCING"  # fmt: skip


@pytest.mark.django_db
def test_the_command_shows_and_clears(home: Path) -> None:
    latched()
    Halt.objects.create(account="paper", code="DRAWDOWN", is_latched=True, event_ns=1)  # another account's
    write_kill(kill_path(home), Killed(reason="lunch"))
    out = io.StringIO()
    call_command("resume", show=True, stdout=out)
    assert [line.split(":")[0] for line in out.getvalue().splitlines()] == ["FEE_MISMATCH", "HALT"]
    assert read_kill(kill_path(home)) is not None
    call_command("resume", reduce=True, reason="go on", stdout=out)
    assert wanted()[0] == "REDUCING"
    assert read_kill(kill_path(home)) is None


@pytest.mark.django_db
def test_starting_over_the_api_takes_the_file_away_too(as_ada: Client, home: Path) -> None:
    write_kill(kill_path(home), Killed(reason="lunch"))
    answer = as_ada.post("/api/v1/mode/", {"mode": "ACTIVE"}, content_type="application/json").json()
    assert any("was taken away" in each for each in answer["said"])
    assert read_kill(kill_path(home)) is None


def test_where_the_rows_cannot_be_written_the_file_goes_on_halting(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_kill(kill_path(home), Killed(reason="lunch"))
    monkeypatch.setattr(switches, "to_clear", lambda *_: [])
    monkeypatch.setattr(services, "mode_set", lambda *_, **__: (_ for _ in ()).throw(OperationalError("gone")))
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("resume", stdout=io.StringIO())
    assert read_kill(kill_path(home)) is not None


@pytest.mark.django_db
def test_to_halt_is_no_way_to_start() -> None:
    with pytest.raises(UnusableError, match="HALTED is no way to trade again"):
        switches.resume(by="ada", reason="x", mode="HALTED")


# What the watchdog writes and reads -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_watchdog_reads_what_is_wanted_and_a_person_sees_what_it_did() -> None:
    rows = Rows("live", interval_s=0.01)
    services.mode_set("HALTED", by="ada", reason="lunch", policy="flatten")
    rows.note("the trader is dead; the watchdog took back 2 orders at the exchange")
    rows.start()
    rows.stop(10.0)
    assert rows.halted_policy == "flatten"
    row = Discrepancy.objects.get()
    assert (row.kind, row.subject) == ("watchdog", "live")
    assert "took back 2 orders" in row.text
    switches.resume(by="ada", reason="seen")
    assert not Discrepancy.objects.filter(closed_at=None).exists()
    rows = Rows("live", interval_s=0.01)
    rows.start()
    rows.stop(10.0)
    assert rows.halted_policy == ""


def test_with_the_database_gone_the_watchdog_knows_of_no_halt_and_keeps_what_it_has_to_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("gone")

    rows = Rows("live")
    monkeypatch.setattr(services, "discrepancy_open", gone)
    rows.note("the trader is dead")
    rows._turn()
    assert rows.halted_policy is None
    said: list[str] = []
    monkeypatch.setattr(services, "discrepancy_open", lambda _, __, text: said.append(text))
    monkeypatch.setattr(services, "disarm", lambda *_, **__: None)
    monkeypatch.setattr(Rows, "_read", staticmethod(str))
    rows._turn()
    assert said == ["the trader is dead"]
    assert rows.halted_policy == ""
