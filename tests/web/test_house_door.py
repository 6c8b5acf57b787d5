"""The front door: health for machines, the first login, the console script, the headers of every page."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from kalshi_site import cli, first_login, probe
from kalshi_site.management.commands import up
from trading.models import TraderStatus

ROOT = Path(__file__).resolve().parent.parent.parent


def beats(seconds_ago: float) -> None:
    """The trader showed itself so long ago."""
    beat = timezone.now() - timedelta(seconds=seconds_ago)
    TraderStatus.objects.update_or_create(pk=1, defaults={"heartbeat_at": beat})


@pytest.mark.parametrize(("seconds_ago", "word", "status"), [(1, "ok", 200), (60, "stale", 503)])
def test_health_follows_the_heartbeat_of_the_trader(
    db: None, as_eve: Client, seconds_ago: float, word: str, status: int
) -> None:
    beats(seconds_ago)
    answer = as_eve.get("/healthz")
    assert answer.status_code == status
    assert answer.json()["trader"] == word


def test_health_without_a_trader_says_so(db: None, as_eve: Client) -> None:
    answer = as_eve.get("/healthz")
    assert (answer.status_code, answer.json()["trader"], answer.json()["database"]) == (503, "absent", "ok")


def test_health_without_redis_says_so(
    db: None, as_eve: Client, settings: pytest.FixtureRequest, tmp_path: Path
) -> None:
    beats(1)
    settings.REDIS_URL = f"unix://{tmp_path}/none.sock"  # type: ignore[attr-defined]
    answer = as_eve.get("/healthz")
    assert (answer.status_code, answer.json()["redis"]) == (503, "down")


def test_a_worker_that_is_late_does_not_make_trading_unwell(db: None, as_eve: Client) -> None:
    beats(1)
    answer = as_eve.get("/healthz")
    assert (answer.status_code, answer.json()["worker"]) == (200, "absent")


def test_health_is_only_read(db: None, as_eve: Client) -> None:
    assert as_eve.post("/healthz").status_code == 405


def test_the_first_login_is_made_with_a_password_nobody_can_guess(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_ADMIN_PASSWORD", "")
    login = first_login.make()
    assert login is not None
    assert login.password is not None
    assert len(login.password) >= 16
    assert User.objects.get(username="admin").check_password(login.password)
    assert login.password in login.sentence


def test_a_given_password_is_used_not_shown_and_hidden_from_our_children(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_ADMIN_PASSWORD", "a long enough one")
    login = first_login.make()
    assert login is not None
    assert User.objects.get(username="admin").check_password("a long enough one")
    assert "a long enough one" not in login.sentence
    assert not os.environ["BOT_ADMIN_PASSWORD"]


def test_where_somebody_can_sign_in_no_login_is_made(bob: User) -> None:
    assert first_login.make() is None
    assert User.objects.count() == 1


def test_the_password_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    command = up.Command()
    untold = [first_login.Login("admin", "s3cret-pass")]
    command.welcome(untold)
    command.tell(untold)
    assert capsys.readouterr().out.count("s3cret-pass") == 1


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {name} " in shown for name in ("up", "paper", "live", "backtest", "import-recording", "bench"))


def test_every_command_of_the_console_script_exists() -> None:
    files = {path.stem for path in ROOT.glob("*/management/commands/*.py")}
    assert set(cli.COMMANDS) <= files


def test_an_unknown_command_is_an_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bakctest"]) == 2
    assert "unknown command 'bakctest'; it is one of: up, paper" in capsys.readouterr().err


def test_every_page_forbids_scripts_from_elsewhere(db: None, as_eve: Client) -> None:
    answer = as_eve.get("/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_nothing_but_login_and_health_is_shown_to_a_stranger(db: None, as_eve: Client) -> None:
    for path in ("/", "/backtests/", "/backtests/new/", "/orders/", "/health/", "/live.json"):
        answer = as_eve.get(path)
        assert answer.status_code in {302, 401, 403}, path
    for path in ("status", "prices", "markets", "signals", "orders", "positions", "backtests", "schema"):
        assert as_eve.get(f"/api/v1/{path}/").status_code in {401, 403}, path


def test_only_loopback_names_are_answered(db: None, as_eve: Client) -> None:
    assert as_eve.get("/healthz", HTTP_HOST="evil.example").status_code == 400


def test_the_probe_reads_only_our_answer() -> None:
    assert probe.words(json.dumps({"status": "ok", "database": "ok"}).encode())["database"] == "ok"
    with pytest.raises(ValueError, match="not the answer"):
        probe.words(b'{"detail": "no"}')


@pytest.mark.parametrize(("before", "word"), [("earlier", "ok"), ("now", "starting"), ("", "ok")])
async def test_a_heartbeat_of_the_life_before_is_no_sign_of_life(
    monkeypatch: pytest.MonkeyPatch, before: str, word: str
) -> None:
    async def answer(port: int, host: str) -> dict[str, str]:
        return {"status": "ok", "trader": "ok", "heartbeat": "now"}

    monkeypatch.setattr(probe, "ask", answer)
    health = await probe.ask_since(8000, "127.0.0.1", before)
    assert health is not None
    assert health["trader"] == word


@pytest.mark.parametrize(
    ("allowed", "host"), [([], "127.0.0.1"), (["*"], "127.0.0.1"), ([".example.org"], "example.org"), (["a", "b"], "a")]
)
def test_the_probe_uses_a_name_we_answer_to(allowed: list[str], host: str) -> None:
    assert probe.host_for(allowed) == host


def test_debug_is_off() -> None:
    assert settings.DEBUG is False
