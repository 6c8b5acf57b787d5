"""The simulated exchange as an environment: on loopback, over a demo world, with all keys, a second account and faults.

Its time is that of the wall, but while somebody waits for a moment it runs as fast as the world can be played."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import aiohttp

from markets.core.contract import WINDOW_NS
from markets.core.units import DOLLAR, MILLISECOND_NS, SECOND_NS
from markets.kalshi.auth import Signer, hmac_signer, load_signer
from markets.kalshi.hosts import hosts_at
from markets.kalshi.ticker import series_named
from trading.acceptance.environment import Environment
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import Kind, new_key
from trading.simulator.exchange.serving import demo_events, play_house, serve_exchange
from trading.simulator.prices import ASSETS
from trading.simulator.world import EPOCH_NS, DemoWorld

SEED = 1
PLAYED = ("BTC", "ETH")  # their markets have makers
QUIET = "SOL"  # its market is empty but for the members
OPEN_NS = EPOCH_NS + 7_200 * SECOND_NS
BEGIN_NS = OPEN_NS + 30 * SECOND_NS
BEFORE_NS = 10 * SECOND_NS  # it is played from the window before on, so that a market is settled
CASH = {0: 50_000 * DOLLAR, 2: 5_000 * DOLLAR}
SKIP_NS = 2 * SECOND_NS  # at each look of the player, while somebody waits
READ_LAG_NS = 40 * MILLISECOND_NS
LOOK_S = 0.005
HASTE = 500.0
LAG_S, PATIENCE_S = 0.08, 5.0
SECRET = "acceptance"  # noqa: S105 - of a door on this machine, for as long as the cases run
KINDS: tuple[Kind, ...] = ("ed25519", "rsa", "hmac")
SIZE, MOST = 200, 5_000 * DOLLAR


class Hurry:
    """The exchange's clock: as fast as the wall's, and a leap at each look of the player while somebody waits."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns, self._steady_ns = start_ns, time.monotonic_ns()
        self._waiting: list[int] = []

    def now_ns(self) -> int:
        """What time it is."""
        return self._start_ns + time.monotonic_ns() - self._steady_ns

    __call__ = now_ns

    def reached(self, at_ns: int) -> None:
        """All until then was played."""
        if self._waiting:
            self._start_ns += max(0, min(SKIP_NS, min(self._waiting) - self.now_ns()))

    async def until(self, at_ns: int) -> None:
        """Wait for a moment."""
        self._waiting.append(at_ns)
        try:
            while self.now_ns() < at_ns:
                await asyncio.sleep(LOOK_S)
        finally:
            self._waiting.remove(at_ns)


class Door:
    """The exchange's fault door, by HTTP."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._headers = url, {"Authorization": f"Bearer {secret}"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def arm(self, kind: str, **terms: object) -> int:
        """Something goes wrong from now on; its number."""
        answer = await self._ask("POST", {"kind": kind, **terms})
        return int(answer["numbers"][0])

    async def clear(self) -> None:
        """Nothing goes wrong any more."""
        await self._ask("DELETE")

    async def _ask(self, method: str, body: object = None) -> Any:
        if self._session is None:
            raise RuntimeError("the door is used with `async with`")
        async with self._session.request(method, self._url, json=body) as answer:
            answer.raise_for_status()
            return await answer.json() if answer.status != 204 else None


@asynccontextmanager
async def simulated(*, size: int = SIZE, most: int = MOST, begin_ns: int = BEGIN_NS) -> AsyncIterator[Environment]:
    """Serve an exchange of its own for as long as this is open. Its time begins at `begin_ns` whatever the wall says,
    and it has no maintenance: the list is the same at any hour."""
    from_ns = begin_ns // WINDOW_NS * WINDOW_NS - BEFORE_NS
    clock = Hurry(from_ns)
    world = DemoWorld(SEED, PLAYED)
    decimals = {asset: ASSETS[asset].decimals for asset in (*PLAYED, QUIET)}
    house = House(clock, decimals=decimals, salt="acceptance", read_lag_ns=READ_LAG_NS, rests=False)
    for _ in range(2):
        house.open_account(CASH, tier="prestige")
    signers: dict[str, Signer] = {kind: _key(house, 1, kind) for kind in KINDS}
    second = _key(house, 2, "ed25519")
    playing = asyncio.create_task(play_house(house, demo_events(world, from_ns), clock))
    try:
        async with (
            serve_exchange(house, terms=Terms(wall=clock.now_ns, secret=SECRET)) as exchange,
            Door(exchange.control, SECRET) as door,
        ):
            await clock.until(begin_ns)
            yield Environment(
                name="sim",
                hosts=hosts_at(exchange.rest, exchange.ws),
                signer=signers["ed25519"],
                second=second,
                signer_of=signers,
                series=tuple(series_named(asset) for asset in decimals),
                now_ns=clock.now_ns,
                until=clock.until,
                faults=door,
                size=size,
                most=most,
                lag_s=LAG_S,
                patience_s=PATIENCE_S,
                haste=HASTE,
            )
    finally:
        playing.cancel()
        with suppress(asyncio.CancelledError):
            await playing


def _key(house: House, account: int, kind: Kind) -> Signer:
    """A new key of an account, in the hands of its owner."""
    number = account * len(KINDS) + KINDS.index(kind)
    row, private = new_key(kind, str(UUID(int=number)), account)
    house.add_key(row)
    return hmac_signer(row.key_id, private) if kind == "hmac" else load_signer(row.key_id, private)
