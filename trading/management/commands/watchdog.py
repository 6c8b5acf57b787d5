"""The watchdog process: it takes back what rests at the exchange when the trader is stuck, stopped or dead."""

import asyncio
import fcntl
import logging
import os
import signal
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem, Signer
from markets.kalshi.hosts import HostsError, hosts_at, hosts_named
from markets.kalshi.keys import KEY_FILE, KEY_ID, signer_from
from trading.exchange_place import ExchangePlace, read_place
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
            door = real_door() if settings.MARKET == "real" else rehearsal_door(Path(settings.BOT_HOME))
        except (KeyProblem, HostsError) as error:
            raise CommandError(str(error)) from None
        leaves_after_s = None
        if options["until_left"]:
            leaves_after_s = ALONE_S
        with _alone(Path(settings.BOT_HOME) / "watchdog.lock"):
            asyncio.run(_watch(door, leaves_after_s))


def real_door() -> Callable[[], Door]:
    """The exchange of the settings, with a key of their own kind. Raises KeyProblem, HostsError."""
    signer = signer_from(os.environ)
    if signer is None:
        raise KeyProblem("there is no API key; set KALSHI_KEY_ID and KALSHI_PRIVATE_KEY_FILE (docs/kalshi-keys.md)")
    address = settings.KALSHI_REST_URL
    hosts = hosts_at(address, settings.KALSHI_WS_URL) if address else hosts_named(settings.KALSHI_ENV)
    door = Door(hosts, signer)
    return lambda: door


def rehearsal_door(home: Path) -> Callable[[], Door | None]:
    """The simulated exchange that the rehearsal has written down in the folder; it may come later, and move."""
    known: dict[ExchangePlace, Door] = {}

    def look() -> Door | None:
        place = read_place(home)
        if place is None:
            return None
        if place not in known:
            signer = _signer(place)
            if signer is None:
                return None
            known.clear()
            known[place] = Door(hosts_at(place.rest, place.ws), signer, place.now_ns)
        return known[place]

    return look


def _signer(place: ExchangePlace) -> Signer | None:
    try:
        return signer_from({KEY_ID: place.key_id, KEY_FILE: place.key_file})
    except KeyProblem:
        return None  # written a moment before the key: looked at again


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
