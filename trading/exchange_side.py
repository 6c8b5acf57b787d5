"""Where a session's exchange is: the real one, at the address and with the key of the settings; or the simulated one,
served on loopback for as long as the session runs. Both are heard by the same client."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from markets.core.units import DOLLAR
from markets.feeds.kalshi.notes import Note
from markets.kalshi.auth import Signer, load_signer
from markets.kalshi.hosts import Hosts, hosts_at, hosts_named
from markets.kalshi.keys import signer_from
from markets.kalshi.ticker import series_named
from markets.loopback.server import Clock
from trading.ending import end
from trading.exchange_place import NAME, ExchangePlace, write_place
from trading.simulator.exchange.doors import Terms
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.serving import Exchange, demo_events, demo_house, play_house, serve_exchange
from trading.simulator.seat import Seat, pay_past, take_seat
from trading.simulator.world import DemoWorld

STAMP_MS = 10_000  # of our own time: how old a request may be
CASH = {2: 10_000 * DOLLAR}  # of the account whose key a demo session listens with, where it sends no orders
PAY_S = 0.5
KEY_FILE = "exchange.key"


class Reached(NamedTuple):
    """An exchange that answers: where, who we are there (nobody: its public pages are polled), and, of one that is
    simulated here, what makes it go on."""

    hosts: Hosts
    signer: Signer | None
    play: Callable[[], Awaitable[None]] | None = None


@dataclass(frozen=True)
class ExchangeSide:
    """The exchange of a market: `reach` it for as long as a session runs. `held` names the markets that the account
    still has something in; `speed` is how many times faster than ours its time runs."""

    series: Sequence[str]
    held: Callable[[], Iterable[str]]
    reach: Callable[[], AbstractAsyncContextManager[Reached]]
    speed: float = 1.0
    notes: Callable[[Note], None] | None = None  # who is told of our own orders and fills: nobody, where none are sent


def real_exchange(
    series: Sequence[str],
    held: Callable[[], Iterable[str]],
    *,
    environment: str,
    rest_url: str,
    ws_url: str,
    variables: Mapping[str, str],
) -> ExchangeSide:
    """Kalshi's own, or what answers at `rest_url` in its place. Raises KeyProblem when a key is named that cannot be
    used; without one its public pages are polled."""
    hosts = hosts_at(rest_url, ws_url) if rest_url else hosts_named(environment)
    signer = signer_from(variables)

    @asynccontextmanager
    async def reach() -> AsyncIterator[Reached]:
        yield Reached(hosts, signer)

    return ExchangeSide(series, held, reach)


def demo_exchange(
    world: DemoWorld,
    clock: Clock,
    held: Callable[[], Iterable[str]],
    speed: float,
    *,
    seat: Seat | None = None,
    home: Path | None = None,
) -> ExchangeSide:
    """The simulated exchange of a demo world, served from where its clock is. Its doors go by that clock too: a stamp of
    ours ages as much faster as the market does. Where orders are sent to it, our account there begins with what `seat`
    says, and in the folder `home` lies where it answers, as long as it does."""
    patience = max(1.0, speed)
    terms = Terms(wall=clock.now_ns, behind_ms=int(STAMP_MS * patience), ahead_ms=int(STAMP_MS * patience))

    @asynccontextmanager
    async def reach() -> AsyncIterator[Reached]:
        salt = str(uuid.uuid4()) if seat else ""  # the exchange is made anew, and its ids must not be those of the last
        house = demo_house(world, clock.now_ns, salt=salt, rests=False)
        account = take_seat(house, seat or Seat(CASH))
        key, pem = new_key("ed25519", str(uuid.uuid4()), account.number)
        house.add_key(key)

        async def play() -> None:
            paying = asyncio.create_task(_pay(house, account.number))
            try:
                await play_house(house, demo_events(world, clock.now_ns()), clock)
            finally:
                await end([paying])

        async with serve_exchange(house, terms=terms) as served:
            with _told_where(home, served, key.key_id, pem, clock, speed):
                yield Reached(hosts_at(served.rest, served.ws), load_signer(key.key_id, pem), play)

    return ExchangeSide([series_named(asset) for asset in world.assets], held, reach, speed)


async def _pay(house: House, account: int) -> None:
    """What is held in markets that were closed when this house began is paid when they settle."""
    while True:
        pay_past(house, account)
        await asyncio.sleep(PAY_S)


@contextmanager
def _told_where(  # noqa: PLR0917
    home: Path | None, served: Exchange, key_id: str, pem: bytes, clock: Clock, speed: float
) -> Iterator[None]:
    """For the watchdog, a process of its own: the address, and a key that its owner alone may read."""
    if home is None:
        yield
        return
    key_file = home / KEY_FILE
    key_file.touch(0o600)
    key_file.chmod(0o600)
    key_file.write_bytes(pem)
    place = ExchangePlace(served.rest, served.ws, key_id, str(key_file), clock.now_ns(), time.time_ns(), speed)
    write_place(home, place)
    try:
        yield
    finally:
        for gone in (home / NAME, key_file):
            gone.unlink(missing_ok=True)
