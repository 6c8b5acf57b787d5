"""Inflow: everything that comes in from a market while a session runs, and time itself; each part a task."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from markets.core.events import MarketEvent
from markets.feeds.feed import FeedView
from markets.feeds.feeds import Feeds
from markets.feeds.kalshi.feed import KalshiFeed
from markets.feeds.kalshi.view import ExchangeView
from markets.feeds.pace import Pace
from markets.feeds.stream import StreamFeed
from markets.kalshi.rest import KalshiRest
from markets.kalshi.rest_lane import LaneRest
from markets.loopback.server import Clock, LoopbackServer, SpotEvent, play, serve_venues
from trading.core.desk import TIMER_NS
from trading.exchange_side import ExchangeSide
from trading.simulator.server import serve
from trading.source import Source, SpotSide

TICK_S = 0.05
REFUSED_S = 300.0  # before an exchange that turned us away is asked again: there is no other to go to

Hear = Callable[[list[MarketEvent]], Awaitable[None]]
Task = asyncio.Task[None]


@dataclass
class Inflow:
    """What is open: the stream of a tape, or the exchange and the venues of a market that has a clock of its own."""

    stream: StreamFeed | None = None
    exchange: KalshiFeed | None = None
    rest: KalshiRest | None = None
    feeds: Feeds | None = None
    tasks: list[Task] = field(default_factory=list)

    def views(self) -> list[FeedView]:
        """How each venue's feed is; none where the market comes from a tape."""
        return self.feeds.views() if self.feeds else []

    def exchange_view(self) -> ExchangeView | None:
        """How the exchange is; None where the market comes from a tape."""
        return self.exchange.view() if self.exchange else None

    def start(self, work: Awaitable[None], name: str) -> None:
        """One more part."""
        self.tasks.append(asyncio.create_task(_plainly(work), name=name))


@asynccontextmanager
async def inflow(source: Source, hear: Hear, tick: Callable[[int], None]) -> AsyncIterator[Inflow]:
    """Open the source. `hear` gets what exchange and venues say; `tick` gets the time of a market that has a clock of
    its own, also when nobody says anything: prices grow old in silence."""
    async with AsyncExitStack() as stack:
        flow, clock = Inflow(), source.clock
        if source.events is not None:
            serving = serve(source.events, name=source.name, label=source.label, speed=source.speed, clock=clock)
            flow.stream = StreamFeed((await stack.enter_async_context(serving)).url)
        if clock is not None:
            flow.start(_pass_time(clock, tick), "time")
            if source.exchange is not None:
                await _exchange(stack, flow, source.exchange, clock, hear)
            if source.spot is not None:
                await _venues(stack, flow, source.spot, clock, hear)
        yield flow


async def _exchange(stack: AsyncExitStack, flow: Inflow, side: ExchangeSide, clock: Clock, hear: Hear) -> None:
    """The exchange, and where it is simulated here, its going on."""
    reached = await stack.enter_async_context(side.reach())
    client = KalshiRest if side.notes is None else LaneRest  # whose orders leave by kept connections
    rest = await stack.enter_async_context(client(reached.hosts, reached.signer, clock=clock.now_ns))
    flow.rest = rest
    flow.exchange = KalshiFeed(
        rest,
        side.series,
        hear,
        hosts=reached.hosts,
        clock=clock.now_ns,
        signer=reached.signer,
        held=side.held,
        pace=Pace(patience=max(1.0, side.speed), refused_wait_s=REFUSED_S),
        speed=side.speed,
        is_private=side.notes is not None,
        notes=side.notes,
    )
    if reached.play is not None:
        flow.start(reached.play(), "simulated exchange")
    flow.start(flow.exchange.run(), "exchange")


async def _venues(stack: AsyncExitStack, flow: Inflow, spot: SpotSide, clock: Clock, hear: Hear) -> None:
    """The real venues; or simulated ones as servers on loopback, and the same clients that hear real ones."""
    pace = Pace(patience=max(1.0, spot.speed))
    if spot.events is None:
        flow.feeds = Feeds(spot.venues, spot.assets, hear, clock=clock.now_ns, pace=pace)
    else:
        server = LoopbackServer(spot.venues, spot.assets, now_ns=clock.now_ns, speed=spot.speed)
        await stack.enter_async_context(serve_venues(server))
        endpoints = {name: server.endpoint(name) for name in spot.venues}
        flow.feeds = Feeds(spot.venues, spot.assets, hear, clock=clock.now_ns, endpoints=endpoints, pace=pace)
        flow.start(_play(server, spot.events, clock), "venues")
    flow.start(flow.feeds.run(), "feeds")


async def _plainly(work: Awaitable[None]) -> None:
    """Raises what the first of those who were told raised, and not a group of it."""
    try:
        await work
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _play(server: LoopbackServer, events: Callable[[], Iterator[SpotEvent]], clock: Clock) -> None:
    await play(server, events(), clock)


async def _pass_time(clock: Clock, tick: Callable[[int], None]) -> None:
    """Tell the time on the grid of the timers, so that a silence is heard too."""
    while True:
        tick(clock.now_ns() // TIMER_NS * TIMER_NS)
        await asyncio.sleep(TICK_S)
