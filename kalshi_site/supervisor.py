"""Starts the parts in order, restarts one that dies, gives up on one that keeps dying, and stops all in order."""

import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from kalshi_site.part import Child, Part, Say, how_it_ended

Health = dict[str, str]  # what /healthz says: a word for each part
ME = "up"


class GivenUp(Exception):
    """A part that cannot be kept running; the text says which and why."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long we wait for what, in seconds."""

    first_delay: float = 0.5  # before the first restart; doubles with every further quick death
    longest_delay: float = 30.0
    quick_death: float = 30.0  # a part that lived shorter than this died quickly
    most_quick_deaths: int = 5
    start: float = 120.0  # until all is well for the first time
    check: float = 5.0  # between two looks at /healthz
    most_bad_checks: int = 4


class Supervisor:
    """`ask` reads /healthz (None: no answer); `welcome` is called once, when everything is well."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        ask: Callable[[], Awaitable[Health | None]],
        welcome: Callable[[], None],
        say: Say | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.parts = parts
        self.ask = ask
        self.welcome = welcome
        self.say = say or say_on_stdout
        self.patience = patience or Patience()
        self.children: dict[str, Child] = {}
        self.stop_wanted = asyncio.Event()

    async def run(self) -> int:
        """Until a signal (0) or until a part is given up (1). Nothing is left running either way."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.signalled, number)
        living = asyncio.create_task(self.live())
        stopping = asyncio.create_task(self.stop_wanted.wait())
        await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        stopping.cancel()
        (failure, _) = await asyncio.gather(living, stopping, return_exceptions=True)
        await self.stop_all()
        if self.stop_wanted.is_set():
            return 0
        for sentence in sentences(failure):
            self.say(ME, f"error: {sentence}")
        return 1

    def signalled(self, number: signal.Signals) -> None:
        """The first signal asks for an orderly stop, the second ends everything at once."""
        if self.stop_wanted.is_set():
            for child in self.children.values():
                child.kill_group()
            return
        self.say(ME, f"{number.name}: stopping")
        self.stop_wanted.set()

    async def live(self) -> None:
        """Start the parts one after the other, say welcome when all is well, watch from then on.
        Those that come last are there, if not at work yet, by the welcome."""
        self.say(ME, f"starting {', '.join(part.name for part in self.parts)} ...")
        async with asyncio.TaskGroup() as group:
            for part in self.parts:
                if not part.comes_last:
                    group.create_task(self.keep(part))
                    await self.wait_for_part(part)
            await self.wait_for_health()
            for part in self.parts:
                if part.comes_last:
                    group.create_task(self.keep(part))
                    await self.wait_until_there(part)
            self.welcome()
            await self.watch()

    async def keep(self, part: Part) -> None:
        """Run a part for ever. Raises GivenUp after too many quick deaths in a row."""
        deaths = 0
        while True:
            began = time.monotonic()
            child = self.children[part.name] = await Child.start(part, self.say)
            code = await child.ended()
            lived = time.monotonic() - began
            deaths = deaths + 1 if lived < self.patience.quick_death else 1
            self.report(child, code, lived)
            if deaths >= self.patience.most_quick_deaths:
                raise GivenUp(f"{part.name} died {deaths} times in a row ({how_it_ended(code)}); stopping everything.")
            delay = min(self.patience.first_delay * 2 ** (deaths - 1), self.patience.longest_delay)
            self.say(ME, f"starting {part.name} again in {delay:g} s")
            await asyncio.sleep(delay)

    def report(self, child: Child, code: int, lived: float) -> None:
        """Say which part died, how, and what it said last."""
        self.say(ME, f"{child.part.name} died after {lived:.1f} s: {how_it_ended(code)}; its last lines:")
        for line in child.last or ["(it said nothing)"]:
            self.say(ME, f"  | {line}")

    async def wait_until_there(self, part: Part) -> None:
        """Until the part has a process."""
        while part.name not in self.children:
            await asyncio.sleep(0.01)

    async def wait_for_part(self, part: Part) -> None:
        """Until the part says that it is ready. Raises GivenUp when that takes too long."""
        if part.is_ready is None:
            return
        try:
            async with asyncio.timeout(self.patience.start):
                while not part.is_ready():
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise GivenUp(f"{part.name} was not ready after {self.patience.start:g} s.") from None

    async def wait_for_health(self) -> None:
        """Until every word of /healthz is ok. Raises GivenUp with what is missing when that takes too long."""
        health: Health | None = None
        try:
            async with asyncio.timeout(self.patience.start):
                while not is_well(health := await self.ask()):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise GivenUp(f"not everything came up in {self.patience.start:g} s: {describe(health)}.") from None

    async def watch(self) -> None:
        """End a part that is there but does not do its work, so that it is started again."""
        bad = {"web": 0, "trader": 0}
        while True:
            await asyncio.sleep(self.patience.check)
            health = await self.ask()
            is_bad = {"web": health is None, "trader": (health or {}).get("trader") in {"stale", "absent"}}
            for name, now_bad in is_bad.items():
                bad[name] = bad[name] + 1 if now_bad else 0
                if bad[name] >= self.patience.most_bad_checks and name in self.children:
                    self.say(ME, f"{name} runs but does not do its work ({describe(health)}); ending it")
                    self.children[name].kill_group()
                    bad[name] = 0

    async def stop_all(self) -> None:
        """The parts in their order of leaving: what is fed stops before what feeds it, so last in, first out."""
        for part in reversed(self.parts):
            child = self.children.get(part.name)
            if child is not None:
                await child.stop()
        self.say(ME, "stopped")


def is_well(health: Health | None) -> bool:
    """What trading and looking need answers and says ok."""
    return health is not None and health.get("status") == "ok"


def describe(health: Health | None) -> str:
    """database ok, redis ok, trader stale"""
    if health is None:
        return "the web server does not answer"
    return ", ".join(f"{name} {word}" for name, word in health.items() if name not in {"status", "heartbeat"})


def sentences(failure: object) -> list[str]:
    """The reasons in a failure, one a line."""
    if isinstance(failure, BaseExceptionGroup):
        return [line for inner in failure.exceptions for line in sentences(inner)]
    return [str(failure) if isinstance(failure, GivenUp) else f"{type(failure).__name__}: {failure}"]


def say_on_stdout(name: str, line: str) -> None:
    """One line with the name of who says it; a reader that went away does not end us."""
    try:
        sys.stdout.write(f"{name:<8}| {line}\n")
        sys.stdout.flush()
    except (BrokenPipeError, ValueError):
        sys.stdout = open("/dev/null", "w")  # noqa: PTH123, SIM115
