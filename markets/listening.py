"""Listening: venues are heard and recorded, and nothing else is done."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from markets.core.events import MarketEvent
from markets.feeds.feed import FeedView
from markets.recorder import Recorder

FLUSH_S = 0.25
TELL_S = 5.0
PATIENCE_S = 20.0  # in which one venue at least must not have refused us
Say = Callable[[str], None]


class AllRefused(Exception):
    """No venue will serve us; the text has the words of each."""


class Heard(Protocol):
    """The venues, as markets.feeds.feeds.Feeds has them."""

    async def run(self) -> None:
        """Hear them until stopped."""
        ...

    def stop(self) -> None:
        """End `run`."""
        ...

    def views(self) -> list[FeedView]:
        """How each connection is."""
        ...


class _Look(NamedTuple):
    at: float
    frames: dict[str, int]


class Listening:
    """Writes down what `hear` is given, in the order of time, and says every few seconds how it stands."""

    def __init__(self, recorder: Recorder, say: Say | None = None) -> None:
        self.recorder = recorder
        self.late = 0  # events that were older than one already written: their time is moved on
        self._say = say
        self._now_ns = 0
        self._stopped = asyncio.Event()
        self._look = _Look(time.monotonic(), {})

    def stop(self) -> None:
        """Ask it to end in order."""
        self._stopped.set()

    async def hear(self, events: Iterable[MarketEvent]) -> None:
        """Write some events down. Connections are heard side by side, so one may speak of a moment that has passed."""
        append = self.recorder.append
        for event in events:
            if event.received_ns < self._now_ns:
                self.late += 1
                event = replace(event, received_ns=self._now_ns)  # noqa: PLW2901 - it is this event that is written
            else:
                self._now_ns = event.received_ns
            append(event)

    async def run(self, feeds: Heard, *, seconds: float | None = None) -> None:
        """Listen until stopped, for so long, or until something breaks. Raises AllRefused, TapeError, and what else a
        part raised; the recorder is left to its owner."""
        parts = [
            asyncio.create_task(feeds.run(), name="feeds"),
            asyncio.create_task(self._flush(), name="tape"),
            asyncio.create_task(self._watch(feeds), name="watch"),
        ]
        ending = asyncio.create_task(self._until_stopped(seconds), name="end")
        try:
            await asyncio.wait([*parts, ending], return_when=asyncio.FIRST_COMPLETED)
            feeds.stop()
            with suppress(TimeoutError):
                async with asyncio.timeout(2.0):
                    await asyncio.shield(parts[0])
        finally:
            await _end([*parts, ending])
        self.recorder.flush()

    async def _until_stopped(self, seconds: float | None) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.recorder.flush()

    async def _watch(self, feeds: Heard) -> None:
        began = time.monotonic()
        while True:
            await asyncio.sleep(TELL_S)
            views = feeds.views()
            if self._say is not None:
                self._say(self.line(views))
            if time.monotonic() - began >= PATIENCE_S and views and all(view.state == "unavailable" for view in views):
                words = "; ".join(f"{view.feed}: {view.reason}" for view in views)
                raise AllRefused(f"no venue will serve us. {words}")

    def line(self, views: Sequence[FeedView]) -> str:
        """How it stands, in one line: each connection with its state, messages a second and age, and the disk."""
        now, before = time.monotonic(), self._look
        self._look = _Look(now, {view.feed: view.frames for view in views})
        words = []
        for view in views:
            rate = (view.frames - before.frames.get(view.feed, 0)) / max(now - before.at, 1e-3)
            words.append(_connection(view, rate))
        usage = self.recorder.usage()
        bound = f" of {usage.bound / 1e9:.2f}" if usage.bound else ""
        return f"{'  '.join(words)}  | {self.recorder.events:,} events, {usage.bytes / 1e9:.3f}{bound} GB"


def _connection(view: FeedView, rate: float) -> str:
    if view.state == "unavailable":
        return f"{view.feed} refused ({view.reason})"
    if view.state != "up":
        return f"{view.feed} {view.state}"
    age = "" if view.last_frame_age_ms is None else f" {view.last_frame_age_ms / 1e3:.1f}s"
    return f"{view.feed} up {rate:.0f}/s{age}"


async def _end(tasks: "Sequence[asyncio.Task[None]]") -> None:
    """Cancel what still runs; what a part died of comes out, that of the first one."""
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseExceptionGroup):
            raise _innermost(result)
        if isinstance(result, Exception):
            raise result


def _innermost(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
