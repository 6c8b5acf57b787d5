"""The watchdog process: it takes back what rests at the exchange when the trader is stuck, stopped or dead."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.kalshi.auth import KeyProblem, Signer
from markets.kalshi.hosts import HostsError, hosts_at, hosts_named
from markets.kalshi.keys import KEY_FILE, KEY_ID, signer_from
from trading.exchange_place import ExchangePlace, read_place
from trading.watchdog import Door, Watchdog
from trading.watchdog_rows import Rows


class Command(BaseCommand):
    help = (
        "Watch the trader from a process of its own, and take back what rests at the exchange when it hangs, is stopped or "
        "dead, or does not heed a halt. `kalshi-bot up` starts it where ORDERS=exchange; works without database and Redis."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.ORDERS != "exchange":
            raise CommandError("ORDERS=paper: nothing of ours rests at an exchange, so there is nothing to watch")
        try:
            door = real_door() if settings.MARKET == "real" else rehearsal_door(Path(settings.BOT_HOME))
        except (KeyProblem, HostsError) as error:
            raise CommandError(str(error)) from None
        asyncio.run(_watch(door))


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


async def _watch(door: Callable[[], Door | None]) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    rows = Rows(str(settings.ACCOUNT))
    rows.start()
    try:
        await Watchdog(Path(settings.BOT_HOME), door, rows).run(stopped)
    finally:
        await asyncio.to_thread(rows.stop)
