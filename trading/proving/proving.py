"""Proving: many schedules of orders in several processes, in virtual time or with real processes, summed up."""

import asyncio
import gc
import logging
import multiprocessing
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path

import django

CHUNK = 10  # schedules that a process is given at once
AT_ONCE = 4  # schedules with real processes that run side by side
MEMORY = Path("/dev/shm")  # noqa: S108 - tapes of virtual time are kept in memory where there is such a place


def prove(seeds: range, jobs: int, broken: str = "", told: Callable[["Report"], None] = lambda _: None) -> "Report":
    """All these schedules in virtual time; `told` hears of each chunk as it is done. `broken` names a part of the trader
    that is broken on purpose."""
    whole = Report()
    chunks = [range(first, min(first + CHUNK, seeds.stop)) for first in range(seeds.start, seeds.stop, CHUNK)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(jobs, len(chunks)), mp_context=context) as pool:
        for done in as_completed([pool.submit(run_chunk, chunk, broken) for chunk in chunks]):
            whole.merge(done.result())
            told(whole)
    return whole


def trace(seed: int, broken: str = "") -> tuple["Outcome", list[str]]:
    """One schedule in a process of its own, with all that happened in it."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_traced, seed, broken).result()


def run_chunk(seeds: range, broken: str = "") -> "Report":
    """Some schedules in this process, which does nothing else: its database is another from then on."""
    report = Report()
    with _stage() as (stage, folder), broken_part(broken):
        for seed in seeds:
            report.add(run_one(schedule_of(seed), stage, folder))
        gc.collect()
    return report


def _traced(seed: int, broken: str) -> tuple["Outcome", list[str]]:
    schedule, lines = schedule_of(seed), list[str]()
    with _stage() as (stage, folder), broken_part(broken):
        outcome = run_one(schedule, stage, folder, lines)
    return outcome, [*schedule.told(), *lines]


@contextmanager
def _stage() -> Iterator[tuple["Stage", Path]]:
    """The database and the folder of this process."""
    global _made  # noqa: PLW0603 - the tables are made once a process
    logging.disable(logging.CRITICAL)  # lost connections are what this is about
    warnings.simplefilter("ignore", RuntimeWarning)  # who is killed awaits nothing any more
    folder = Path(tempfile.mkdtemp(prefix="orders-", dir=MEMORY if MEMORY.is_dir() else None))
    settings.TAPES_DIR, settings.BOT_HOME = str(folder / "tapes"), str(folder)
    if _made is None:
        _made = Stage()
        gc.collect()
        gc.freeze()  # what is there by now stays: nobody has to look through it again
        gc.set_threshold(50_000, 20, 20)
    try:
        yield _made, folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prove_processes(seeds: range, folder: Path, told: Callable[["Outcome"], None] = lambda _: None) -> "Report":
    """All these with real processes, some side by side. What fails leaves its files in `folder`."""
    logging.disable(logging.CRITICAL)
    template = folder / "template.sqlite3"
    template_made(template)
    return asyncio.run(_processes(seeds, template, folder, told))


async def _processes(seeds: range, template: Path, folder: Path, told: Callable[["Outcome"], None]) -> "Report":
    report, turn = Report(), asyncio.Semaphore(AT_ONCE)

    async def one(seed: int) -> None:
        async with turn:
            outcome = await ProcessProof(seed, template, folder / str(seed)).run()
            report.add(outcome)
            told(outcome)

    await asyncio.gather(*[one(seed) for seed in seeds])
    return report


django.setup()  # a process that was spawned begins here

from django.conf import settings  # noqa: E402

from trading.proving.breaking import broken_part  # noqa: E402
from trading.proving.outcome import Outcome, Report  # noqa: E402
from trading.proving.process_rows import template_made  # noqa: E402
from trading.proving.processes import ProcessProof  # noqa: E402
from trading.proving.proof import run_one  # noqa: E402
from trading.proving.schedule import schedule_of  # noqa: E402
from trading.proving.stage import Stage  # noqa: E402

_made: Stage | None = None
