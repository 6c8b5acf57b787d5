"""How a process beside the trader reaches the exchange of the settings: where, as whom, by which clock."""

import os
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from markets.kalshi.auth import KeyProblem, Signer
from markets.kalshi.hosts import hosts_at, hosts_named
from markets.kalshi.keys import KEY_FILE, KEY_ID, signer_from
from trading.exchange_place import ExchangePlace, read_place
from trading.watchdog import Door


def door_of_settings() -> Callable[[], Door | None]:
    """Raises KeyProblem, HostsError."""
    return real_door() if settings.MARKET == "real" else rehearsal_door(Path(settings.BOT_HOME))


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
