"""The watchdog as the process it is: a trader that is stopped (SIGSTOP) or killed, no database, no Redis."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.exchange_rest import Open, opened
from tests.infrastructure import leaves_with_us
from trading import beats
from trading.beats import read_beat
from trading.exchange_place import ExchangePlace, write_place
from trading.kill_file import kill_path, read_kill
from trading.simulator.exchange.keys import new_key

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 30.0  # of any machine; on a quiet one it is two seconds
TRADER = (
    "import sys, time; from pathlib import Path; from trading.beats import Beater; beater = Beater(Path(sys.argv[1]));\n"
    "while True:\n    beater.beat(); time.sleep(0.2)"
)


class Scene:
    """An exchange with orders that rest, a trader that shows itself, and the watchdog: two of them processes."""

    def __init__(
        self, home: Path, exchange: Open, trader: "subprocess.Popen[bytes]", dog: "subprocess.Popen[bytes]"
    ) -> None:
        self.home, self.exchange, self.trader, self.dog = home, exchange, trader, dog

    async def place(self, count: int = 3) -> None:
        for _ in range(count):
            assert (await self.exchange.me.place("bid", "0.3000", "1.00")).status == 201

    async def resting(self) -> int:
        return len(await self.exchange.me.all("/portfolio/orders", "orders", status="resting"))

    async def until_none_rests(self) -> float:
        """How long it took."""
        began = time.monotonic()
        async with asyncio.timeout(WITHIN_S):
            while await self.resting():
                await asyncio.sleep(0.05)
        return time.monotonic() - began

    async def until_watched(self) -> None:
        async with asyncio.timeout(WITHIN_S):
            while read_beat(self.home / beats.WATCHDOG) is None or read_beat(self.home / beats.TRADER) is None:
                await asyncio.sleep(0.05)


def started(command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command, cwd=ROOT, env=environment,
        preexec_fn=leaves_with_us(signal.SIGKILL),  # noqa: PLW1509  # no threads that hold locks
    )  # fmt: skip


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    settings = {
        "MARKET": "demo", "ORDERS": "exchange", "BOT_HOME": str(tmp_path), "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0", "BOT_ENV_FILE": str(tmp_path / "none"), "DJANGO_SETTINGS_MODULE": "kalshi_site.settings",
    }  # fmt: skip
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KALSHI_")} | settings
    async with opened() as exchange:
        row, pem = new_key("ed25519", str(uuid4()), 1)
        exchange.house.add_key(row)
        key_file = tmp_path / "exchange.key"
        key_file.touch(0o600)
        key_file.write_bytes(pem)
        write_place(tmp_path, ExchangePlace(exchange.me.rest, exchange.me.rest.replace("http", "ws").replace("/trade-api/v2", "/trade-api/ws/v2"), row.key_id, str(key_file)))  # fmt: skip
        trader = started([sys.executable, "-c", TRADER, str(tmp_path / beats.TRADER)], environment)
        dog = started([sys.executable, str(ROOT / "manage.py"), "watchdog"], environment)
        try:
            shown = Scene(tmp_path, exchange, trader, dog)
            await shown.until_watched()
            yield shown
        finally:
            for process in (trader, dog):
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                process.wait()


async def test_a_stopped_traders_orders_are_taken_back_and_it_finds_the_file_when_it_wakes_up(scene: Scene) -> None:
    await scene.place()
    scene.trader.send_signal(signal.SIGSTOP)
    await scene.until_none_rests()
    said = read_kill(kill_path(scene.home))
    assert said is not None
    assert f"the trader (process {scene.trader.pid}) is stopped" in said.reason
    await scene.place(1)  # what it had sent before it was stopped arrives late
    await scene.until_none_rests()


async def test_a_killed_traders_orders_are_taken_back(scene: Scene) -> None:
    await scene.place()
    scene.trader.kill()
    await scene.until_none_rests()
    said = read_kill(kill_path(scene.home))
    assert said is not None
    assert "is dead" in said.reason


async def test_it_leaves_in_order_when_it_is_told_to(scene: Scene) -> None:
    scene.dog.terminate()
    assert await asyncio.to_thread(scene.dog.wait, WITHIN_S) == 0
    last = read_beat(scene.home / beats.WATCHDOG)
    assert last is not None
    assert last.is_over


async def test_left_alone_by_who_started_both_it_takes_back_what_rests(scene: Scene) -> None:
    await scene.place()
    scene.trader.kill()
    scene.dog.send_signal(signal.SIGHUP)
    await scene.until_none_rests()
    assert scene.dog.poll() is None  # for a minute more: something may be on its way
