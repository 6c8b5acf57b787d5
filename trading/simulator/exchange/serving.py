"""The simulated exchange on one loopback port: REST and WebSocket; and houses of the demo world or of a tape, played in time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from heapq import merge
from itertools import chain
from operator import attrgetter
from typing import NamedTuple

from aiohttp import web

from markets.core.contract import Contract
from markets.core.events import MarketEvent, MarketStatus
from markets.core.units import SECOND_NS
from markets.kalshi.hosts import Hosts
from markets.kalshi.ticker import asset_of, close_ns, series_of
from markets.loopback.server import Clock
from trading.simulator.exchange.app import ROOT, Terms, make_app
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_rows import CRYPTO_SHARD
from trading.simulator.exchange.index import demo_index
from trading.simulator.exchange.ws import PATH, SocketDoor
from trading.simulator.exchange.ws_board import Switchboard
from trading.simulator.prices import ASSETS
from trading.simulator.world import DemoWorld

GRAIN_S = 0.01  # an event is told at most so much after it is due
TICK_S = 0.02  # of a house that nobody plays
EVENTS_AT_ONCE = 200  # then the clients have their turn
SHUTDOWN_S = 1.0
LONGEST_LINE = 256 * 1024  # of a request: a hundred tickers of 200 characters, escaped
HOST = "127.0.0.1"
CONTROL = "/sim/faults"
received = attrgetter("received_ns")


class Exchange(NamedTuple):
    """An exchange that serves. `rest` and `ws` are its addresses, `control` that of the door where faults are set."""

    house: House
    faults: FaultPlan
    port: int
    rest: str
    ws: str
    control: str
    board: Switchboard

    @property
    def hosts(self) -> Hosts:
        """Its addresses as the client takes them."""
        return Hosts("simulated", self.rest, self.ws)


@asynccontextmanager
async def serve_exchange(
    house: House, *, port: int = 0, faults: FaultPlan | None = None, terms: Terms | None = None
) -> AsyncIterator[Exchange]:
    """Serve a house on 127.0.0.1, 0 for a free port; everything is closed at the end. Time passes in the house as its
    clock says, also when nobody plays events to it. Raises OSError when the port is taken."""
    plan, doors = faults or FaultPlan(), terms or Terms()
    board = Switchboard(house, plan, wall_ns=doors.wall)
    door = SocketDoor(board, doors, plan)
    house.life.settle_delay = lambda: _settle_delay_ns(plan)
    app = make_app(house, plan, doors)
    app.router.add_get(PATH, door.enter)
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False, max_line_size=LONGEST_LINE
    )
    await runner.setup()
    ticking = asyncio.create_task(_keep_time(house))
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        taken = int(runner.addresses[0][1])
        root = f"{HOST}:{taken}"
        yield Exchange(
            house, plan, taken, f"http://{root}{ROOT}", f"ws://{root}{PATH}", f"http://{root}{CONTROL}", board
        )
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await door.close()
        await runner.cleanup()
        board.close()


def demo_house(
    world: DemoWorld,
    clock: Callable[[], int],
    *,
    salt: str = "",
    read_lag_ns: int = 0,
    rests: bool = True,
    shard: int = CRYPTO_SHARD,
) -> House:
    """A house with the markets of a demo world, listed ahead as at the real exchange; it `rests` in the weekly
    maintenance, or never. Play `demo_events` to it."""
    decimals = {asset: ASSETS[asset].decimals for asset in world.assets}

    def past(ticker: str, now_ns: int) -> tuple[Contract, MarketStatus] | None:
        ended = world.settlement(ticker, now_ns=now_ns)
        if ended is None:
            return None
        return world.contract(asset_of(series_of(ticker)), close_ns(ticker) - 1), ended

    return House(clock, decimals=decimals, salt=salt, read_lag_ns=read_lag_ns, past=past, rests=rests, shard=shard)


def demo_events(world: DemoWorld, from_ns: int) -> Iterator[MarketEvent]:
    """What the world's exchange tells, and its indices once a second, by time, without end."""
    indices: Iterator[MarketEvent] = demo_index(world, from_ns)
    return merge(indices, world.exchange_events(from_ns), key=received)


def tape_house(clock: Callable[[], int], *, salt: str = "", read_lag_ns: int = 0, shard: int = CRYPTO_SHARD) -> House:
    """A house for the markets of a tape: they are listed as the tape lists them, and settle as it says, or by its index
    where it has one. Play the tape's events to it."""
    return House(clock, salt=salt, read_lag_ns=read_lag_ns, shard=shard)


async def play_house(house: House, events: Iterable[MarketEvent], clock: Clock) -> int:
    """Tell each event when it is due and pass time in between, until there are no more. Returns how many were told."""
    house.is_played = True
    told = told_ns = 0
    waiting = iter(events)
    try:
        event = next(waiting, None)
        while event is not None:
            now_ns, batch = clock.now_ns(), 0
            while event is not None and event.received_ns <= now_ns and batch < EVENTS_AT_ONCE:
                house.take(event)
                told_ns, batch = event.received_ns, batch + 1
                event = next(waiting, None)
            told += batch
            is_behind = batch == EVENTS_AT_ONCE
            house.tick(told_ns if is_behind else now_ns)
            clock.reached(told_ns if is_behind else now_ns)
            await asyncio.sleep(0 if is_behind else GRAIN_S)
        house.tick(clock.now_ns())
    finally:
        house.is_played = False
    return told


async def _keep_time(house: House) -> None:
    while True:
        await asyncio.sleep(TICK_S)
        if not house.is_played:
            house.tick(house.clock())


def _settle_delay_ns(plan: FaultPlan) -> int:
    fault = plan.standing("settle_late") if plan.armed else None
    return int(fault.seconds * SECOND_NS) if fault is not None else 0


def first_of(events: Iterable[MarketEvent]) -> tuple[int, Iterator[MarketEvent]]:
    """(when the first event was received, all of them). Raises ValueError when there are none."""
    waiting = iter(events)
    first = next(waiting, None)
    if first is None:
        raise ValueError("there are no events")
    return first.received_ns, chain((first,), waiting)
