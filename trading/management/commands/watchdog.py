"""The watchdog process: it takes back what rests at the exchange when the trader is stuck, stopped or dead."""

import asyncio
import fcntl
import logging
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem
from markets.kalshi.hosts import HostsError
from trading.exchange_doors import door_of_settings
from trading.watchdog import Door, Watchdog
from trading.watchdog_rows import Rows

logger = logging.getLogger(__name__)
ALONE_S = 60.0  # after the trader left: what it sent last can rest by then, or cannot any more


class Command(BaseCommand):
    help = (
        "Watch the trader from a process of its own, and take back what rests at the exchange when it hangs, is stopped or "
        "dead, or does not heed a halt. `kalshi-bot up` starts it where ORDERS=exchange; works without database and Redis."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--until-left", action="store_true", help="end when the trader has left and nothing rests")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ORDERS != "exchange":
            raise CommandError("ORDERS=paper: nothing of ours rests at an exchange, so there is nothing to watch")
        try:
            door = door_of_settings()
        except (KeyProblem, HostsError) as error:
            raise CommandError(str(error)) from None
        leaves_after_s = None
        if options["until_left"]:
            leaves_after_s = ALONE_S
        with _alone(Path(settings.BOT_HOME) / "watchdog.lock"):
            asyncio.run(_watch(door, leaves_after_s))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this folder. Another watchdog that holds it does the work until it leaves."""
    with path.open("a") as lock:
        is_told = False
        while not _locked(lock):
            if not is_told:
                logger.info("another watchdog looks after %s; this one waits", path.parent)
            is_told = True
            time.sleep(0.5)
        yield


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


async def _watch(door: Callable[[], Door | None], leaves_after_s: float | None) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    rows = Rows(str(settings.ACCOUNT))
    dog = Watchdog(Path(settings.BOT_HOME), door, rows, leaves_after_s=leaves_after_s)
    # Who started us is gone, and the trader with him: what rests is taken back before we go.
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, setattr, dog, "leaves_after_s", ALONE_S)
    rows.start()
    try:
        await dog.run(stopped)
    finally:
        await asyncio.to_thread(rows.stop)
