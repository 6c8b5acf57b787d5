"""`kalshi-bot exchange`: its key is made once and for its owner alone; what it prints is enough for a client; Ctrl-C ends it."""

import asyncio
import json
import re
import signal
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from markets.core.events import MarketEvent, MarketStatus
from markets.core.units import SECOND_NS
from markets.kalshi.auth import headers
from markets.kalshi.keys import signer_from
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.exchange_builders import wall_ns
from tests.house.whole_system import own_environment
from trading.simulator.exchange.house_key import KeyFileError, own_key, own_secret
from trading.simulator.exchange.keys import signed_text, verifies
from trading.simulator.exchange.serving import first_of, play_house, tape_house
from trading.simulator.world import EPOCH_NS, DemoWorld

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE_S = 60


def test_the_key_is_made_once_for_its_owner_alone_and_signs(tmp_path: Path) -> None:
    first, again = own_key(tmp_path / "exchange", 1), own_key(tmp_path / "exchange", 1)
    assert first == again
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.file.parent.stat().st_mode) == 0o700
    signer = signer_from({"KALSHI_KEY_ID": first.row.key_id, "KALSHI_PRIVATE_KEY_FILE": str(first.file)})
    assert signer is not None
    text = signed_text("1", "GET", "/trade-api/ws/v2")
    assert verifies(first.row, text, signer.sign(text))
    assert not list(first.file.parent.glob(".*"))


def test_a_key_that_others_can_read_or_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = own_key(tmp_path, 1).file
    file.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        own_key(tmp_path, 1)
    file.chmod(0o600)
    file.write_text("no key at all")
    with pytest.raises(KeyFileError, match="delete it") as refused:
        own_key(tmp_path, 1)
    assert "no key at all" not in str(refused.value)


def test_the_secret_of_the_control_door_is_kept(tmp_path: Path) -> None:
    secret = own_secret(tmp_path / "exchange" / "control_secret")
    assert len(secret) >= 30
    assert own_secret(tmp_path / "exchange" / "control_secret") == secret
    (tmp_path / "exchange" / "control_secret").write_text("")
    with pytest.raises(KeyFileError, match="empty"):
        own_secret(tmp_path / "exchange" / "control_secret")


class Hurry:
    """A clock that everything is due by."""

    def now_ns(self) -> int:
        return self.at_ns

    def reached(self, at_ns: int) -> None:
        self.at_ns = max(self.at_ns, at_ns)

    at_ns = EPOCH_NS + 8_200 * SECOND_NS


async def test_a_tape_is_played_to_its_end_and_its_markets_settle_as_it_says() -> None:
    from_ns = EPOCH_NS + 8_000 * SECOND_NS
    world, clock = DemoWorld(4, ("SOL",)), Hurry()
    events = stretch(world, from_ns, until_ns=from_ns + 200 * SECOND_NS)
    house = tape_house(clock.now_ns)
    told = await play_house(house, iter(events), clock)
    house.tick(clock.at_ns + 2 * SECOND_NS)
    assert told == len(events)
    ended = [event for event in events if isinstance(event, MarketStatus) and event.status == "settled"]
    assert len(ended) >= 1
    for event in ended:
        market = house.markets[event.ticker]
        assert (market.status, market.result, market.expiration_value) == (
            "finalized",
            event.result,
            event.settle_value,
        )


def stretch(world: DemoWorld, from_ns: int, *, until_ns: int) -> list[MarketEvent]:
    events = []
    for event in world.exchange_events(from_ns):
        if event.received_ns > until_ns:
            break
        events.append(event)
    return events


def test_a_tape_without_events_is_refused() -> None:
    with pytest.raises(ValueError, match="no events"):
        first_of([])


@contextmanager
def running(home: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [Path(sys.executable).with_name("kalshi-bot"), "exchange", "--port", "0", *words],
        cwd=ROOT, env=own_environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def introduction(process: "subprocess.Popen[str]") -> str:
    """All that is printed before the exchange is of use."""
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or not lines[-1].startswith("Ctrl-C"):
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        lines.append(line)
    return "".join(lines)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, out, err


@pytest.mark.slow
def test_what_it_prints_is_enough_for_a_client_and_ctrl_c_ends_it(tmp_path: Path) -> None:
    with running(tmp_path, "--speed", "20", "--assets", "BTC") as process:
        said = introduction(process)
        variables = dict(re.findall(r"(KALSHI_\w+)=(\S+)", said))
        signer = signer_from(variables)
        assert signer is not None
        listed = re.search(r'curl "([^"]+)"', said)
        assert listed is not None
        with urllib.request.urlopen(listed[1], timeout=PATIENCE_S) as page:
            markets = json.load(page)["markets"]
        assert [market["ticker"].partition("-")[0] for market in markets] == ["KXBTC15M"]

        async def first_frame() -> str:
            stamp = wall_ns() // 1_000_000
            async with connect(
                variables["KALSHI_WS_URL"], additional_headers=headers(signer, "GET", "/trade-api/ws/v2", stamp)
            ) as connection:
                await connection.send('{"id":1,"cmd":"list_subscriptions"}')
                return str(await asyncio.wait_for(connection.recv(), PATIENCE_S))

        assert json.loads(asyncio.run(first_frame()))["type"] == "ok"
        secret = (tmp_path / "exchange" / "control_secret").read_text().strip()
        assert secret not in said
        assert "PRIVATE KEY" not in said
        code, out, err = ended(process)
    assert (code, err) == (0, "")
    assert out.endswith("The exchange is closed.\n")


@pytest.mark.slow
def test_a_tape_with_its_faults_can_be_played_and_stays_open_at_its_end(tmp_path: Path) -> None:
    from_ns = EPOCH_NS + 8_000 * SECOND_NS
    writer = TapeWriter(tmp_path / "short.tape", TapeHeader(VERSION, "short", "demo", "invented", 0, ""))
    for event in stretch(DemoWorld(4, ("SOL",)), from_ns, until_ns=from_ns + 3 * SECOND_NS):
        writer.append(event)
    tape = writer.close()
    plan = tmp_path / "plan.json"
    plan.write_text('{"faults": [{"kind": "seq_gap", "channel": "orderbook_delta", "nth": 5}]}')
    with running(tmp_path, "--tape", str(tape), "--speed", "50", "--faults", str(plan)) as process:
        introduction(process)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The tape is at its end")
        assert ended(process)[0] == 0
