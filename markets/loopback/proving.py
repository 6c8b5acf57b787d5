"""Proving: many fault schedules, in virtual time or over real sockets, in several processes, summed up."""

import asyncio
import gc
import logging
import multiprocessing
import resource
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Literal

import msgspec

from markets.feeds.fetching import fetch_page
from markets.loopback.proof import START_NS, Outcome, Proof
from markets.loopback.schedule import Schedule, schedule_of
from markets.loopback.virtual import virtually

Way = Literal["virtual", "sockets"]
CHUNK = {"virtual": 20, "sockets": 12}  # schedules that a process is given at once; over sockets they run side by side
SOCKETS_AT_ONCE = 12
SOCKET_SPEED = 5.0  # seconds of the venues in one of ours
SOCKET_LONGEST_S = 60.0  # of the venues
WARM_CHUNKS = 3  # of a process; from then on its memory is to be flat


class Report(msgspec.Struct):
    """Several schedules summed up. Memory is in MB, of the process that ran them, after them."""

    way: Way
    pid: int = 0
    schedules: int = 0
    failed: list[Outcome] = []
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    frames: int = 0
    events: int = 0
    resyncs: int = 0
    reconnects: int = 0
    unreadable: int = 0
    pages: int = 0
    trades: int = 0
    levels: int = 0
    seconds: float = 0.0  # of the venues
    longest_recovery_s: float = 0.0
    memory_mb: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """One more schedule."""
        self.schedules += 1
        self.faults += outcome.faults
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(outcome, name))
        self.longest_recovery_s = max(self.longest_recovery_s, outcome.recovered_after_s)
        if outcome.problems:
            self.failed.append(outcome)

    def merge(self, other: "Report") -> None:
        """The schedules of another process too."""
        self.schedules += other.schedules
        self.faults += other.faults
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest_recovery_s = max(self.longest_recovery_s, other.longest_recovery_s)
        self.failed += other.failed


SUMMED = ("frames", "events", "resyncs", "reconnects", "unreadable", "pages", "trades", "levels", "seconds")


class Memory:
    """The memory of each process over its chunks: flat, or not."""

    def __init__(self) -> None:
        self._of_process: dict[int, list[float]] = {}

    def note(self, report: Report) -> None:
        """One chunk is done."""
        self._of_process.setdefault(report.pid, []).append(report.memory_mb)

    def told(self) -> list[tuple[int, float, float, float]]:
        """(chunks, MB after the first chunks, at the end, at most) of each process that ran for long enough."""
        return [
            (len(mbs), mbs[WARM_CHUNKS], mbs[-1], max(mbs))
            for mbs in self._of_process.values()
            if len(mbs) > 2 * WARM_CHUNKS
        ]


def run_one(way: Way, seed: int) -> Outcome:
    """One schedule in this process."""
    if way == "virtual":
        return virtually(_virtual(seed), START_NS)
    return asyncio.run(_over_sockets(range(seed, seed + 1)))[0]


def told_schedule(way: Way, seed: int) -> str:
    """What is in a schedule: over sockets they are shorter."""
    return _schedule(way, seed).told()


def prove(way: Way, seeds: range, jobs: int, told: Callable[[Report], None] = lambda _: None) -> tuple[Report, Memory]:
    """All these schedules. `told` hears of each chunk as it is done."""
    whole, memory = Report(way), Memory()
    for report in _reports(way, list(_chunks(seeds, CHUNK[way])), jobs):
        whole.merge(report)
        memory.note(report)
        told(whole)
    return whole, memory


def run_chunk(way: Way, seeds: range) -> Report:
    """Some schedules in this process."""
    logging.disable(logging.CRITICAL)  # lost connections are what this is about
    report = Report(way)
    outcomes = [run_one("virtual", seed) for seed in seeds] if way == "virtual" else asyncio.run(_over_sockets(seeds))
    for outcome in outcomes:
        report.add(outcome)
    gc.collect()
    report.memory_mb, report.pid = resident_mb(), multiprocessing.current_process().pid or 0
    return report


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _reports(way: Way, chunks: list[range], jobs: int) -> Iterator[Report]:
    if jobs < 2:
        for chunk in chunks:
            yield run_chunk(way, chunk)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(run_chunk, way, chunk) for chunk in chunks]):
            yield done.result()


def _chunks(seeds: range, size: int) -> Iterator[range]:
    for first in range(seeds.start, seeds.stop, size):
        yield range(first, min(first + size, seeds.stop))


def _schedule(way: Way, seed: int) -> Schedule:
    return schedule_of(seed) if way == "virtual" else schedule_of(seed, longest_s=SOCKET_LONGEST_S)


async def _virtual(seed: int) -> Outcome:
    return await _told(seed, Proof(_schedule("virtual", seed)))


async def _over_sockets(seeds: range) -> list[Outcome]:
    turn = asyncio.Semaphore(SOCKETS_AT_ONCE)

    async def one(seed: int) -> Outcome:
        async with turn:
            return await _told(seed, Proof(_schedule("sockets", seed), speed=SOCKET_SPEED, fetch=fetch_page))

    return list(await asyncio.gather(*[one(seed) for seed in seeds]))


async def _told(seed: int, proof: Proof) -> Outcome:
    """What comes of it, whatever comes of it."""
    try:
        return await proof.run()
    except Exception as error:
        return Outcome(seed, problems=[f"the proof itself failed: {type(error).__name__}: {error}"])
