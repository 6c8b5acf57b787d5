"""Parts of the whole system are killed: what must go on goes on, what was under way is not lost, nothing is left."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.house.whole_system import PASSWORD, Json, WholeSystem, running

pytestmark = pytest.mark.slow

DEMO = {"MARKET": "demo", "SPEED": "20", "DEMO_SEED": "11"}
TAPE = "demo-seed11-1h"
EAGER = {"confidence": "0", "pooling": "off"}  # so that it trades


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeSystem]:
    with running(tmp_path_factory.mktemp("breakdowns") / "home", **DEMO) as system:
        yield system


@pytest.fixture
def session(system: WholeSystem) -> requests.Session:
    return system.sign_in()


@pytest.fixture(scope="module")
def printed(system: WholeSystem) -> Json:
    """The report of the tape as the command prints it."""
    settings = [word for name, value in EAGER.items() for word in (f"--{name}", value)]
    words = ("backtest", "--tape", TAPE, "--capital", "10000", "--max-loss", "1000", "--json", *settings)
    report: Json = json.loads(system.command(*words))
    assert report["fills"] > 0
    return report


def queued(system: WholeSystem, session: requests.Session) -> str:
    """The address of a run that was queued with the form."""
    answer = system.post(session, "/backtests/new/", tapes=[TAPE], capital="10000", max_daily_loss="1000", **EAGER)
    assert re.fullmatch(rf"{system.url}/backtests/\d+/", answer.url), answer.text[:3_000]
    return answer.url


def state(session: requests.Session, run: str) -> Json:
    found: Json = session.get(f"{run}state/", timeout=10).json()
    return found


def over(session: requests.Session, run: str, within_s: float = 120.0) -> Json:
    """The state of a run once it has ended."""
    deadline = time.monotonic() + within_s
    while not (shown := state(session, run))["over"]:
        assert time.monotonic() < deadline, shown
        time.sleep(0.2)
    return shown


def begun(session: requests.Session, run: str, within_s: float = 60.0) -> None:
    """Returns while a run is in the middle of its tape."""
    deadline = time.monotonic() + within_s
    while not 0.05 < (shown := state(session, run))["progress"] < 0.8:
        assert not shown["over"], shown
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)


def test_a_run_from_the_form_has_the_numbers_that_the_command_prints(
    system: WholeSystem, session: requests.Session, printed: Json
) -> None:
    run = queued(system, session)
    assert over(session, run)["status"] == "done"
    assert session.get(f"{run}result.json", timeout=10).json() == printed
    assert printed["digest"] in session.get(run, timeout=10).text


def test_a_run_from_the_api_has_them_too(system: WholeSystem, session: requests.Session, printed: Json) -> None:
    login = requests.post(f"{system.url}/api/v1/login/", json={"username": "admin", "password": PASSWORD}, timeout=10)
    headers = {"Authorization": f"Token {login.json()['token']}"}
    wish = {"tapes": [TAPE], "capital": "10000", "max_daily_loss": "1000", "settings": EAGER}
    answer = requests.post(f"{system.url}/api/v1/backtests/", json=wish, headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text
    number = answer.json()["id"]
    over(session, f"{system.url}/backtests/{number}/")
    kept = requests.get(f"{system.url}/api/v1/backtests/{number}/", headers=headers, timeout=10).json()
    assert kept["result"] == printed


def test_a_run_whose_process_is_killed_is_played_anew_to_the_same_numbers(
    system: WholeSystem, session: requests.Session, printed: Json
) -> None:
    run = queued(system, session)
    begun(session, run)
    [worker, *pool] = sorted(system.pids("-A kalshi_site worker"), key=started)
    assert pool
    for process in pool:
        os.kill(process, signal.SIGKILL)
    assert over(session, run)["status"] == "done"
    assert session.get(f"{run}result.json", timeout=10).json() == printed
    assert worker in system.pids("-A kalshi_site worker")


def test_without_redis_the_trader_trades_on_and_the_pages_come_back(
    system: WholeSystem, session: requests.Session
) -> None:
    before = system.wait_for(session, lambda seen: seen["mode"] == "ACTIVE")
    trader, [redis] = system.pids("run_trader"), system.pids("redis.sock")
    os.kill(redis, signal.SIGKILL)
    assert session.get(system.url, timeout=10).ok  # the page itself needs none
    back = system.wait_for(session, lambda seen: seen["seq"] > before["seq"] + 8)
    assert system.pids("run_trader") == trader
    assert system.pids("redis.sock") != [redis]
    assert back["uptime_s"] > before["uptime_s"]
    assert back["steps"] > before["steps"]
    assert len(system.heard_in(session, 3.0)) >= 4
    assert "redis died" in system.said()
    run = queued(system, session)  # and so does the queue
    assert over(session, run)["status"] == "done"


def test_a_killed_supervisor_leaves_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "home", **DEMO) as system:
        assert len(system.pids("")) >= 5
        system.process.kill()
        system.process.wait()
        assert system.is_empty(within_s=5), system.pids("")


def started(pid: int) -> int:
    """When a process was started, in ticks since the machine was."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
