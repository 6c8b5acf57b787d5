"""The supervisor over small real processes: order, restart, giving up, stopping, nothing left."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from kalshi_site.part import Part, how_it_ended
from kalshi_site.supervisor import Health, Patience, Supervisor, describe

WELL = {"status": "ok", "database": "ok", "trader": "ok"}
STEADY = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
BRITTLE = "import sys; print('no strike in the book', flush=True); sys.exit(3)"
PARENT = (
    "import subprocess, sys, time; "
    "print('child', subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, flush=True); "
    "time.sleep(600)"
)
QUICK = Patience(first_delay=0.02, longest_delay=0.05, most_quick_deaths=3, start=5.0, check=0.05, most_bad_checks=2)


class House:
    """A supervisor under test, and what it said."""

    def __init__(self, *parts: Part, health: Health | None, patience: Patience) -> None:
        self.said: list[tuple[str, str]] = []
        self.health: Health | None = health or WELL
        self.welcomed = asyncio.Event()
        self.supervisor = Supervisor(
            parts, ask=self.ask, welcome=self.welcomed.set, say=lambda *line: self.said.append(line), patience=patience
        )
        self.run = asyncio.create_task(self.supervisor.run())

    async def ask(self) -> Health | None:
        return self.health

    async def hears(self, words: str) -> str:
        """The first line with these words, once it was said."""
        async with asyncio.timeout(10):
            while True:
                for _, line in self.said:
                    if words in line:
                        return line
                await asyncio.sleep(0.01)

    async def stop(self) -> int:
        """What a SIGTERM does."""
        os.kill(os.getpid(), signal.SIGTERM)
        return await asyncio.wait_for(self.run, 15)

    async def clear(self) -> None:
        """After a test that failed half-way."""
        for child in self.supervisor.children.values():
            child.kill_group()
        self.run.cancel()
        await asyncio.wait({self.run})

    async def runs(self) -> None:
        """Until everything is started and well."""
        await self.welcomed.wait()
        while self.text.count("here") < len(self.supervisor.parts):
            await asyncio.sleep(0.01)

    @property
    def text(self) -> str:
        return "\n".join(f"{name}: {line}" for name, line in self.said)


Build = Callable[..., House]


@pytest.fixture
async def build() -> AsyncIterator[Build]:
    """Makes a House; whatever is left of it afterwards is taken away."""
    built: list[House] = []

    def make(*parts: Part, health: Health | None = None, patience: Patience = QUICK) -> House:
        built.append(House(*parts, health=health, patience=patience))
        return built[-1]

    yield make
    for house in built:
        await house.clear()


def script(name: str, program: str, *, patient: float = 5.0) -> Part:
    return Part(name=name, command=[sys.executable, "-c", program], farewell=((signal.SIGTERM, patient),))


def is_running(pid: int) -> bool:
    """A zombie has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(*pids: int) -> bool:
    """Whether all of them end within a second or two."""
    for _ in range(100):
        if not any(is_running(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


async def test_it_passes_on_what_the_parts_say_with_their_names(build: Build) -> None:
    house = build(script("web", STEADY), script("trader", STEADY))
    await house.hears("here")
    await house.runs()
    assert await house.stop() == 0
    assert ("web", "here") in house.said


async def test_a_stop_leaves_nothing_and_goes_from_the_last_part_to_the_first(build: Build) -> None:
    say = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(print('leaving', flush=True))); "
    house = build(script("web", say + STEADY), script("trader", say + STEADY))
    await house.runs()
    pids = [child.process.pid for child in house.supervisor.children.values()]
    assert await house.stop() == 0
    assert [name for name, line in house.said if line == "leaving"] == ["trader", "web"]
    assert gone(*pids)


async def test_a_part_that_dies_is_reported_with_its_last_words_and_started_again(build: Build) -> None:
    house = build(script("trader", STEADY))
    await house.hears("here")
    first = house.supervisor.children["trader"].process.pid
    os.kill(first, signal.SIGKILL)
    assert "killed by SIGKILL" in await house.hears("trader died")
    await house.hears("starting trader again")
    while house.supervisor.children["trader"].process.pid == first:
        await asyncio.sleep(0.01)
    assert "  | here" in house.text
    assert await house.stop() == 0


async def test_a_part_that_keeps_dying_ends_everything_with_a_failure(build: Build) -> None:
    house = build(script("web", STEADY), script("trader", BRITTLE), health={"status": "degraded"})
    assert await asyncio.wait_for(house.run, 15) == 1
    assert house.text.count("| no strike in the book") == 3
    assert "error: trader died 3 times in a row (exit code 3)" in house.text
    assert gone(house.supervisor.children["web"].process.pid)


async def test_a_part_that_cannot_be_started_ends_everything_with_a_failure(build: Build) -> None:
    house = build(script("web", STEADY), Part(name="trader", command=["/no/such/program"]))
    assert await asyncio.wait_for(house.run, 15) == 1
    assert "/no/such/program" in house.text


async def test_a_part_that_does_not_stop_is_killed(build: Build) -> None:
    house = build(script("worker", STUBBORN, patient=0.3))
    await house.hears("here")
    pid = house.supervisor.children["worker"].process.pid
    assert await house.stop() == 0
    assert "worker: does not stop; killing it" in house.text
    assert gone(pid)


async def test_what_a_part_started_itself_is_taken_away_with_it(build: Build) -> None:
    house = build(script("worker", PARENT))
    grandchild = int((await house.hears("child ")).split()[1])
    assert await house.stop() == 0
    assert gone(grandchild)


async def test_a_second_signal_ends_everything_at_once(build: Build) -> None:
    house = build(script("worker", STUBBORN, patient=60.0))
    await house.hears("here")
    os.kill(os.getpid(), signal.SIGTERM)
    await house.hears("stopping")
    assert await house.stop() == 0


async def test_it_does_not_say_welcome_before_all_is_well_and_gives_up_on_time(build: Build) -> None:
    house = build(
        script("web", STEADY),
        health={"status": "degraded", "database": "ok", "trader": "absent"},
        patience=Patience(start=0.3),
    )
    assert await asyncio.wait_for(house.run, 15) == 1
    assert not house.welcomed.is_set()
    assert "database ok, trader absent" in house.text


async def test_a_trader_that_hangs_is_ended_and_started_again(build: Build) -> None:
    house = build(script("web", STEADY), script("trader", STEADY))
    await house.runs()
    first = house.supervisor.children["trader"].process.pid
    house.health = {"status": "degraded", "database": "ok", "trader": "stale"}
    await house.hears("trader runs but does not do its work (database ok, trader stale)")
    house.health = WELL
    await house.hears("trader died")
    assert gone(first)
    assert await house.stop() == 0


async def test_a_web_server_that_hangs_is_ended_and_started_again(build: Build) -> None:
    house = build(script("web", STEADY), script("trader", STEADY))
    await house.runs()
    house.health = None
    await house.hears("web runs but does not do its work (the web server does not answer)")
    house.health = WELL
    await house.hears("starting web again")
    assert await house.stop() == 0


async def test_the_next_part_waits_until_the_one_before_is_ready(tmp_path: Path, build: Build) -> None:
    sign = tmp_path / "sign"
    program = f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(sign)!r}).touch(); time.sleep(600)"
    look = f"import pathlib, time; print('sign', pathlib.Path({str(sign)!r}).exists(), flush=True); time.sleep(600)"
    redis = Part(name="redis", command=[sys.executable, "-c", program], is_ready=sign.exists)
    house = build(redis, script("web", look))
    assert await house.hears("sign") == "sign True"
    assert await house.stop() == 0


async def test_an_endless_line_is_passed_on_in_pieces(build: Build) -> None:
    house = build(script("web", "print('x' * 1_000_000, flush=True); " + STEADY))
    await house.hears("here")
    assert max(len(line) for _, line in house.said) <= 16_384
    assert await house.stop() == 0


@pytest.mark.parametrize(
    ("code", "words"), [(0, "exit code 0"), (3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_an_end_has_a_word(code: int, words: str) -> None:
    assert how_it_ended(code) == words


def test_health_in_words_leaves_out_the_sum() -> None:
    assert describe({"status": "degraded", "redis": "down"}) == "redis down"


async def test_what_comes_last_waits_until_all_is_well(build: Build) -> None:
    last = Part(name="beat", command=[sys.executable, "-c", STEADY], comes_last=True)
    house = build(script("web", STEADY), last, health={**WELL, "status": "bad"})
    await house.hears("here")
    await asyncio.sleep(0.3)
    assert set(house.supervisor.children) == {"web"}
    house.health = WELL
    await asyncio.wait_for(house.welcomed.wait(), 10)
    assert set(house.supervisor.children) == {"web", "beat"}
    assert await house.stop() == 0
