"""The watchdog against the simulated exchange over real sockets: whatever is wrong with the trader, nothing is left resting."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from markets.kalshi.hosts import hosts_at
from markets.kalshi.rest import KalshiRest
from tests.exchange_rest import Open, member_key, opened
from trading import beats
from trading.beats import Beat, Beater, Process, read_beat
from trading.kill_file import Killed, kill_path, read_kill, write_kill
from trading.watchdog import CLOSE_S, TRIES, Door, Watchdog
from trading.watchdog_rows import Rows
from trading.watchdog_rules import FILE_S, HALTED_S, SILENT_S, STOPPED_S


class Noted(Rows):
    """What is wanted, as the test says; what is noted, for the test to read."""

    def __init__(self) -> None:
        super().__init__("live")
        self.halted_policy = ""
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


class Watched:
    """A watchdog on an exchange, by a clock of the test's own."""

    def __init__(self, home: Path, exchange: Open, rest: KalshiRest) -> None:
        self.home, self.exchange, self.rest = home, exchange, rest
        self.rows = Noted()
        self.now_s = 100.0
        self.dog = Watchdog(home, lambda: None, self.rows, steady=lambda: self.now_s)
        self.trader = Beater(home / beats.TRADER, account="live")

    async def place(self, count: int = 1, **more: object) -> None:
        """Orders that rest."""
        for _ in range(count):
            said = await self.exchange.me.place("bid", "0.3000", "1.00", **more)
            assert said.status == 201, said

    async def after(self, seconds: float) -> None:
        """One look so much later."""
        self.now_s += seconds
        await self.dog.look(self.rest)

    async def resting(self) -> int:
        return len(await self.exchange.me.all("/portfolio/orders", "orders", status="resting"))

    def beat_of(self, process: Process) -> None:
        """The trader's beat, written by another process."""
        self.trader.beat()
        beat = read_beat(self.trader.path)
        assert isinstance(beat, Beat)
        other = Beater(self.trader.path, account="live")
        other._process = process
        other.beat()

    @property
    def killed(self) -> Killed | None:
        return read_kill(kill_path(self.home))


@asynccontextmanager
async def watching(home: Path) -> AsyncIterator[Watched]:
    async with opened() as exchange:
        hosts = hosts_at(exchange.me.rest)
        async with KalshiRest(hosts, member_key(exchange.house, 1), timeout_s=2.0) as rest:
            yield Watched(home, exchange, rest)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


async def test_a_trader_that_shows_itself_keeps_its_orders(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place(2)
        for _ in range(30):
            watched.trader.beat()
            await watched.after(1.0)
        assert await watched.resting() == 2
        assert watched.killed is None
        assert watched.rows.notes == []


async def test_a_trader_that_hangs_has_its_orders_taken_back_and_finds_the_file(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place(3)
        watched.trader.beat()
        await watched.after(0.0)
        await watched.after(SILENT_S - 1)
        assert await watched.resting() == 3
        await watched.after(1.0)
        assert await watched.resting() == 0
        assert watched.killed is not None
        assert "has not shown itself for 10 s" in watched.killed.reason
        assert watched.killed.by == "watchdog"
        assert watched.rows.notes == [
            "the trader has not shown itself for 10 s; the watchdog took back 3 orders at the exchange"
        ]


async def test_a_dead_traders_orders_are_taken_back_at_the_next_look(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place()
        await watched.after(0.0)
        watched.beat_of(Process(os.getpid(), "1", beats.this_process().space))
        await watched.after(CLOSE_S)
        assert await watched.resting() == 0
        assert watched.killed is not None
        assert "is dead" in watched.killed.reason


async def test_a_trader_that_left_in_order_leaves_no_file_and_what_it_forgot_is_taken_back(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place()
        watched.trader.beat(is_over=True)
        await watched.after(0.0)
        assert await watched.resting() == 1
        await watched.after(SILENT_S)
        assert await watched.resting() == 0
        assert watched.killed is None


async def test_nothing_is_locked_where_nothing_rested(home: Path) -> None:
    async with watching(home) as watched:
        watched.trader.beat()
        await watched.after(0.0)
        await watched.after(SILENT_S + 60)
        assert watched.killed is None
        assert watched.rows.notes == []


@pytest.mark.parametrize("policy", ["cancel", "flatten"])
async def test_the_file_is_heeded_where_the_trader_does_not(home: Path, policy: Any) -> None:
    async with watching(home) as watched:
        await watched.place(2)
        write_kill(kill_path(home), Killed(policy, "lunch", "ada"))
        for _ in range(int(FILE_S)):
            watched.trader.beat()
            await watched.after(1.0)
        assert await watched.resting() == 2
        watched.trader.beat()
        await watched.after(1.0)
        assert await watched.resting() == 0
        assert watched.killed is not None
        assert watched.killed.by == "ada"  # the person's file stays as it was


async def test_a_file_that_says_hold_leaves_what_rests(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place()
        write_kill(kill_path(home), Killed("hold"))
        for _ in range(20):
            watched.trader.beat()
            await watched.after(1.0)
        assert await watched.resting() == 1


@pytest.mark.parametrize(("policy", "left"), [("cancel", 0), ("flatten", 0), ("hold", 1)])
async def test_a_halt_in_the_rows_that_is_not_heeded(home: Path, policy: str, left: int) -> None:
    async with watching(home) as watched:
        await watched.place()
        watched.rows.halted_policy = policy
        for _ in range(int(HALTED_S) + 2):
            watched.trader.beat()
            await watched.after(1.0)
        assert await watched.resting() == left
        assert watched.killed is None  # it is alive, and has been told by the rows


async def test_it_goes_on_until_nothing_rests_whatever_comes_later(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place()
        watched.trader.beat()
        await watched.after(0.0)
        await watched.after(SILENT_S)
        assert await watched.resting() == 0
        await watched.place(2)  # what was on its way when the trader hung
        await watched.after(CLOSE_S)
        assert await watched.resting() == 0
        assert len(watched.rows.notes) >= 1


async def test_the_group_is_triggered_so_that_nothing_late_can_come(home: Path) -> None:
    async with watching(home) as watched:
        made = await watched.rest.create_group(10_000, 2)
        await watched.place(1, order_group_id=made.group_id)
        watched.trader.beat(groups=((made.group_id, 2),))
        await watched.after(0.0)
        await watched.after(SILENT_S)
        assert await watched.resting() == 0
        late = await watched.exchange.me.place("bid", "0.3000", "1.00", order_group_id=made.group_id)
        assert late.status != 201


@pytest.mark.parametrize(("policy", "is_braked"), [("flatten", False), ("cancel", True)])
async def test_a_halt_that_flattens_leaves_the_brake_alone(home: Path, policy: str, is_braked: bool) -> None:
    async with watching(home) as watched:
        made = await watched.rest.create_group(10_000, 2)
        await watched.place(1, order_group_id=made.group_id)
        watched.rows.halted_policy = policy
        for _ in range(int(HALTED_S) + TRIES + 5):
            watched.trader.beat(groups=((made.group_id, 2),))
            await watched.after(1.0)
        assert await watched.resting() == 0
        closing = await watched.exchange.me.place("bid", "0.3000", "1.00", order_group_id=made.group_id)
        assert (closing.status != 201) == is_braked


@pytest.mark.parametrize("kind", ["error_before", "error_after", "answer_lost", "rate_limit", "batch_partial"])
async def test_orders_that_cannot_be_taken_back_one_by_one_go_all_at_once(home: Path, kind: str) -> None:
    async with watching(home) as watched:
        await watched.place(4)
        watched.exchange.fault(kind, method="DELETE", path="/portfolio/events/orders/batched", times=0)
        watched.trader.beat()
        await watched.after(0.0)
        await watched.after(SILENT_S)
        for _ in range(TRIES + 1):
            if not await watched.resting():
                break
            await watched.after(CLOSE_S)
        assert await watched.resting() == 0


async def test_a_beat_is_written_only_while_the_exchange_answers(home: Path) -> None:
    path = home / beats.WATCHDOG
    async with watching(home) as watched:
        watched.trader.beat()
        await watched.dog.look(None)
        assert not path.exists()  # it has not reached the exchange yet
        await watched.after(1.0)
        first = read_beat(path)
        assert first is not None
        for _ in range(5):
            await watched.after(1.0)
        later = read_beat(path)
        assert later is not None
        assert later.count == first.count + 5
    for _ in range(40):  # the exchange is gone now
        await watched.after(1.0)
    last = read_beat(path)
    assert last is not None
    assert last.count <= later.count + 30
    before = last.count
    await watched.after(1.0)
    assert read_beat(path).count == before  # type: ignore[union-attr]


async def test_without_database_it_watches_all_the_same(home: Path) -> None:
    async with watching(home) as watched:
        await watched.place()
        watched.rows.halted_policy = None
        watched.trader.beat()
        await watched.after(0.0)
        await watched.after(SILENT_S)
        assert await watched.resting() == 0


async def test_it_runs_by_itself_moves_with_the_exchange_and_takes_leave(home: Path) -> None:
    async with opened() as exchange:
        door = Door(hosts_at(exchange.me.rest), member_key(exchange.house, 1))
        doors: list[Door | None] = [None, door]
        stopped = asyncio.Event()
        rows = Noted()
        dog = Watchdog(home, lambda: doors.pop(0) if len(doors) > 1 else doors[0], rows)
        Beater(home / beats.TRADER).beat()
        running = asyncio.create_task(dog.run(stopped))
        async with asyncio.timeout(10):
            while read_beat(home / beats.WATCHDOG) is None:
                await asyncio.sleep(0.02)
        stopped.set()
        await running
        last = read_beat(home / beats.WATCHDOG)
        assert last is not None
        assert last.is_over


async def test_with_nobody_left_to_watch_it_leaves(home: Path) -> None:
    async with opened() as exchange:
        door = Door(hosts_at(exchange.me.rest), member_key(exchange.house, 1))
        Beater(home / beats.TRADER).beat(is_over=True)
        async with asyncio.timeout(10):
            await Watchdog(home, lambda: door, Noted(), leaves_after_s=0.1).run(asyncio.Event())


def test_stopped_is_told_from_held_for_a_moment() -> None:
    assert STOPPED_S >= CLOSE_S
