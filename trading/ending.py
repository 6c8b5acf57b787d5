"""Ends tasks, and at last the process, also when a library swallows a cancellation while its server is away; and what
is told to end before it has begun."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Collection
from types import FrameType
from typing import Any, Self

AGAIN_S = 0.5
ATTEMPTS = 10
LAST_WAY_OUT_S = 5.0

log = logging.getLogger(__name__)


async def end(tasks: Collection["asyncio.Task[Any]"]) -> bool:
    """Cancel until all have ended; False when some are deaf. A cancellation that meets a connection error
    inside a client library can get lost: then the next one does not."""
    waiting = set(tasks)
    for _ in range(ATTEMPTS):
        for task in waiting:
            task.cancel()
        if waiting:
            _, waiting = await asyncio.wait(waiting, timeout=AGAIN_S)
        if not waiting:
            return True
    log.error("tasks that do not end: %s", ", ".join(task.get_name() for task in waiting))
    return False


async def until_over(stopping: asyncio.Event, parts: Collection["asyncio.Task[None]"]) -> None:
    """Until it is told to stop, or a part dies: then all of them end, with the error of that part."""
    stopped = asyncio.create_task(_told(stopping), name="stop")
    running: set[asyncio.Task[None]] = {*parts, stopped}
    try:
        while not stopped.done():
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
    finally:
        await end((*parts, stopped))


async def _told(stopping: asyncio.Event) -> None:
    await stopping.wait()


def exit_for_sure(code: int, *, after_s: float = LAST_WAY_OUT_S) -> threading.Timer:
    """Leave the process after a while, if it has not left by then. Only when nothing is left to write."""

    def leave() -> None:
        log.warning("leaving without waiting for the event loop")
        logging.shutdown()
        os._exit(code)

    timer = threading.Timer(after_s, leave)
    timer.daemon = True
    timer.start()
    return timer


class Ending:
    """Until the loop listens for it, a SIGTERM unwinds the start: what is open is closed and written down. While it is
    held it only waits."""

    def __init__(self) -> None:
        self._is_held = self._is_told = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGTERM, self._leave)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def hold(self) -> None:
        """What begins now must not be unwound half way."""
        self._is_held = True

    def let_go(self) -> None:
        """It may be unwound again: at once, if it was told meanwhile."""
        self._is_held = False
        if self._is_told:
            raise SystemExit(0)

    def _leave(self, number: int, frame: FrameType | None) -> None:
        self._is_told = True
        if not self._is_held:
            raise SystemExit(0)
