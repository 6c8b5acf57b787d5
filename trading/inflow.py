"""Inflow: everything that comes in from a market while a session runs, and time itself; each part a task."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from markets.core.events import MarketEvent
from markets.feeds.feed import FeedView
from markets.feeds.feeds import Feeds
from markets.feeds.pace import Pace
from markets.feeds.stream import StreamFeed
from markets.loopback.server import Clock, LoopbackServer, play, serve_venues
from trading.core.desk import TIMER_NS
from trading.simulator.server import serve
from trading.source import Source, SpotSide

TICK_S = 0.05

Hear = Callable[[list[MarketEvent]], Awaitable[None]]


@dataclass
class Inflow:
    """What is open: the stream of the source, and the venues' feeds where there are any."""

    stream: StreamFeed
    feeds: Feeds | None
    tasks: "list[asyncio.Task[None]]"

    def views(self) -> list[FeedView]:
        """How each venue's feed is; none where the market comes from a tape."""
        return self.feeds.views() if self.feeds else []


@asynccontextmanager
async def inflow(source: Source, hear: Hear, tick: Callable[[int], None]) -> AsyncIterator[Inflow]:
    """Open the source. `hear` gets what the venues say; `tick` gets the time of a market that has a clock of its own,
    also when nobody says anything: prices grow old in silence."""
    async with AsyncExitStack() as stack:
        events, clock = source.events, source.clock
        serving = serve(events, name=source.name, label=source.label, speed=source.speed, clock=clock)
        server = await stack.enter_async_context(serving)
        tasks: list[asyncio.Task[None]] = []
        feeds = None
        if clock is not None:
            tasks.append(asyncio.create_task(_pass_time(clock, tick), name="time"))
        if source.spot is not None and clock is not None:
            feeds = await _loopback(stack, source.spot, clock, hear, tasks)
        yield Inflow(StreamFeed(server.url), feeds, tasks)


async def _loopback(
    stack: AsyncExitStack, spot: SpotSide, clock: Clock, hear: Hear, tasks: "list[asyncio.Task[None]]"
) -> Feeds:
    """The simulated venues as servers on loopback, and the same clients that hear real ones."""
    server = LoopbackServer(spot.venues, spot.assets, now_ns=clock.now_ns, speed=spot.speed)
    await stack.enter_async_context(serve_venues(server))
    endpoints = {name: server.endpoint(name) for name in spot.venues}
    pace = Pace(patience=max(1.0, spot.speed))
    feeds = Feeds(spot.venues, spot.assets, hear, clock=clock.now_ns, endpoints=endpoints, pace=pace)
    tasks.append(asyncio.create_task(_play(server, spot, clock), name="venues"))
    tasks.append(asyncio.create_task(_hear(feeds), name="feeds"))
    return feeds


async def _hear(feeds: Feeds) -> None:
    """Hear the venues. Raises what the first of those who were told raised, and not a group of it."""
    try:
        await feeds.run()
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _play(server: LoopbackServer, spot: SpotSide, clock: Clock) -> None:
    await play(server, spot.events(), clock)


async def _pass_time(clock: Clock, tick: Callable[[int], None]) -> None:
    """Tell the time on the grid of the timers, so that a silence is heard too."""
    while True:
        tick(clock.now_ns() // TIMER_NS * TIMER_NS)
        await asyncio.sleep(TICK_S)
