"""Ends tasks, and at last the process, also when a library swallows a cancellation while its server is away."""

import asyncio
import logging
import os
import threading
from collections.abc import Collection
from typing import Any

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
