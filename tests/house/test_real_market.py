"""The real market as a person trades it on paper, with a simulated exchange in its place: polled, and over the WebSocket."""

import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from markets.core.events import BookDelta, BookSnapshot, IndexValue, MarketEvent, MarketListed, SeriesDrift
from markets.tape import read_whole
from markets.tapes.parts import wholes_in
from tests.house.whole_system import own_environment
from tests.infrastructure import leaves_with_us
from trading.core.decision import Decision
from trading.core.events import Event

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
BOT = str(Path(sys.executable).with_name("kalshi-bot"))
ENDS_WITH_US = leaves_with_us(signal.SIGKILL)
NOBODY = {"VENUES": "coinbase", "HTTPS_PROXY": "http://127.0.0.1:1"}  # no spot venue answers here


class Served(NamedTuple):
    """A simulated exchange: what to set to trade there, and what besides to be somebody there."""

    addresses: dict[str, str]
    key: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("exchange")
    words = [BOT, "exchange", "--port", "0", "--never-rests"]
    with subprocess.Popen(
        words,
        cwd=ROOT,
        env=own_environment(home),
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=ENDS_WITH_US,  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C ends it" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        found = dict(re.findall(r"(KALSHI_\w+)=(\S+)", said))
        yield Served({name: found.pop(name) for name in ("KALSHI_REST_URL", "KALSHI_WS_URL")}, found)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def traded(home: Path, seconds: float, environment: Mapping[str, str]) -> str:
    """What `kalshi-bot paper --market real` says in so many seconds after it began to trade; then Ctrl-C."""
    words = [BOT, "paper", "--market", "real", "--series", "KXBTC15M,KXETH15M"]
    log = home / "said.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            words, cwd=ROOT, env=own_environment(home) | NOBODY | dict(environment),
            stdout=out, stderr=subprocess.STDOUT, preexec_fn=ENDS_WITH_US,  # noqa: PLW1509
        )  # fmt: skip
        deadline = time.monotonic() + 60
        while " bid " not in log.read_text() and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, log.read_text()
    return log.read_text()


def heard(home: Path) -> list[MarketEvent]:
    [tape] = wholes_in(home / "tapes")
    return [each for each in read_whole(tape, Event | Decision) if isinstance(each, MarketEvent)]


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home / "db.sqlite3") as base:
        return base.execute(query).fetchall()


@pytest.mark.parametrize("how", ["polled", "socket"])
def test_the_real_market_is_heard_with_and_without_a_key(tmp_path: Path, served: Served, how: str) -> None:
    said = traded(tmp_path, 4.0, served.addresses | (served.key if how == "socket" else {}))
    events = heard(tmp_path)
    kinds = {type(event) for event in events}
    assert "NO_SPOT" in said or "CLOSING" in said or "OPENING" in said
    assert {event.contract.series for event in events if isinstance(event, MarketListed)} == {"KXBTC15M", "KXETH15M"}
    assert BookSnapshot in kinds
    assert (BookDelta in kinds, IndexValue in kinds) == (how == "socket", how == "socket")
    assert {event.changes for event in events if isinstance(event, SeriesDrift)} >= {()}
    assert set(rows(tmp_path, "SELECT is_simulated FROM markets_market")) == {(0,)}
    assert rows(tmp_path, "SELECT account, market_source FROM trading_tradingsession") == [("paper", "real")]
    assert (tmp_path / "tapes").stat().st_mode & 0o077 == 0
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes(), path


def test_an_account_is_shown_to_its_owner(tmp_path: Path, served: Served) -> None:
    def asked(**changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [BOT, "account"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
            env=own_environment(tmp_path) | served.addresses | served.key | changes,
        )  # fmt: skip

    shown = asked()
    assert shown.returncode == 0, shown.stderr
    assert "2 trades" in shown.stdout
    assert "our clock agrees with the exchange's" in shown.stdout
    assert "account tier basic: read 200 tokens/s" in shown.stdout
    assert "$1,000.0000 in all: " in shown.stdout
    assert "shard 2 $1,000.0000" in shown.stdout
    assert re.search(r"^orders +0 at rest$", shown.stdout, re.MULTILINE)
    stranger = asked(KALSHI_KEY_ID="8c35ecb3-328f-4f52-8c7c-0f4b9862f8d1")
    assert stranger.returncode == 1
    assert "the exchange does not know the key id" in stranger.stderr
    nobody = asked(KALSHI_REST_URL="http://127.0.0.1:1/trade-api/v2")
    assert (nobody.returncode, "Traceback" in nobody.stderr) == (1, False)


def test_a_key_that_cannot_be_used_ends_in_a_sentence_and_nothing_is_traded(tmp_path: Path, served: Served) -> None:
    loose = tmp_path / "key.pem"
    loose.write_bytes(Path(served.key["KALSHI_PRIVATE_KEY_FILE"]).read_bytes())
    loose.chmod(0o644)
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [BOT, "paper", "--market", "real"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
        env=own_environment(home) | served.addresses | served.key | {"KALSHI_PRIVATE_KEY_FILE": str(loose)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "chmod 600" in done.stderr
    assert "Traceback" not in done.stderr
    assert "PRIVATE KEY" not in done.stderr + done.stdout
