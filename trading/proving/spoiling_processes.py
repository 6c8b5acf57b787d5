"""What goes wrong around a trader in a process of its own: the exchange, the database, the disk, and who watches."""

import asyncio
import random
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from markets.core.units import SECOND_NS
from trading import beats
from trading.proving.crowd import Crowd
from trading.proving.outcome import Outcome
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.house import House

ACCOUNT = "practice"
TRADED_S = 300.0
SPOILED_S = 40.0  # faults begin by then
AFTER_S = 5.0  # the crowd goes on after the end of trading, so that what closed settles
FAULTS = (
    "answer_lost", "error_before", "error_after", "timeout", "rate_limit", "stale_read", "fill_twice", "fill_late",
    "seq_gap", "socket_drop",
)  # fmt: skip
OF_SOCKET = {"fill_twice": "fill", "fill_late": "fill", "seq_gap": "user_orders"}


class SpoiledProcesses:
    """The half of a proof with real processes that does harm."""

    folder: Path
    rng: random.Random
    outcome: Outcome
    is_watched: bool
    _process: "subprocess.Popen[bytes] | None"
    _watchdog: "subprocess.Popen[bytes] | None"

    def _start(self, words: list[str], name: str) -> "subprocess.Popen[bytes]":
        raise NotImplementedError

    async def _play(self, house: House, crowd: Crowd) -> None:
        for event in crowd.events(TRADED_S + AFTER_S):
            left_s = (event.received_ns - time.time_ns()) / SECOND_NS
            if left_s > 0:
                await asyncio.sleep(left_s)
            if event.received_ns > crowd.at(crowd.ends_s + AFTER_S):
                return
            house.take(event)

    async def _spoil(self, plan: FaultPlan) -> None:
        rng = self.rng
        for _ in range(rng.randint(0, 5)):
            kind = rng.choice(FAULTS)
            at_s, for_s = rng.uniform(3.0, SPOILED_S), rng.uniform(1.0, 8.0)
            plan.add(
                Fault(
                    kind=kind,  # type: ignore[arg-type]  # one of its words
                    path="" if kind in OF_SOCKET or kind == "socket_drop" else "/portfolio",
                    channel=OF_SOCKET.get(kind, ""),
                    times=rng.choice((1, 3, 10)),
                    at_s=at_s,
                    for_s=for_s,
                    seconds=rng.uniform(0.5, 6.0),
                )
            )
            self.outcome.faults[kind] += 1
        if rng.random() < 0.25:
            await asyncio.sleep(rng.uniform(6.0, SPOILED_S))
            await self._lock_rows(rng.uniform(1.0, 6.0))
        elif rng.random() < 0.25:
            await asyncio.sleep(rng.uniform(6.0, SPOILED_S))
            await self._fill_disk(rng.uniform(1.0, 4.0))

    async def _lock_rows(self, seconds: float) -> None:
        self.outcome.faults["database_locked"] += 1
        base = sqlite3.connect(self.folder / "db.sqlite3", isolation_level=None, timeout=0.2)
        try:
            with suppress(sqlite3.OperationalError):
                base.execute("BEGIN EXCLUSIVE")
                await asyncio.sleep(seconds)
                base.execute("ROLLBACK")
        finally:
            base.close()

    async def _fill_disk(self, seconds: float) -> None:
        """No file of the trader may grow any more."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self.outcome.faults["disk_full"] += 1
        with suppress(ProcessLookupError, PermissionError):
            before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, before[1]))
            await asyncio.sleep(seconds)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)

    async def _watch(self) -> None:
        """The trader wants a watchdog: in most schedules one that only shows itself, for a real one would take back what
        a dead trader has left behind, and nothing would be there to be found again."""
        if self.is_watched:
            self._watchdog = self._start([sys.executable, "manage.py", "watchdog"], "watchdog")
            return
        beater = beats.Beater(self.folder / beats.WATCHDOG, account=ACCOUNT)
        while True:
            beater.beat()
            await asyncio.sleep(1.0)


def count_reads(house: House, told: Callable[[], None]) -> None:
    """Be told each time that orders are listed."""
    listed = house.reads.orders

    def orders(account: int) -> Any:
        told()
        return listed(account)

    house.reads.orders = orders  # type: ignore[method-assign]


async def ended(process: "subprocess.Popen[bytes]", within_s: float) -> None:
    """Wait for its end so long, and then kill it."""
    until = time.monotonic() + within_s
    while process.poll() is None and time.monotonic() < until:
        await asyncio.sleep(0.02)
    if process.poll() is None:
        process.kill()
        process.wait()
