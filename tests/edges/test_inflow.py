"""What comes in while a session runs: the stream of a source, the venues through their real clients, and time itself."""

import asyncio
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import cast

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.loopback.server import SpotEvent
from trading.inflow import inflow
from trading.simulator.spot_venues import VENUES
from trading.simulator.world import EPOCH_NS, DemoWorld
from trading.source import Source, SpotSide

SPEED = 20.0
ASSETS = ("BTC", "ETH")
NAMES = [venue.name for venue in VENUES]
FROM_NS = EPOCH_NS + 400 * SECOND_NS


class Clock:
    """A market's clock, `SPEED` times as fast as ours."""

    def __init__(self) -> None:
        self._began = time.monotonic_ns()

    def now_ns(self) -> int:
        return FROM_NS + int((time.monotonic_ns() - self._began) * SPEED)

    def reached(self, at_ns: int) -> None:
        pass


def nothing() -> Iterator[MarketEvent]:
    return iter(())


class Ears:
    """Who hears."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.ticks: list[int] = []

    async def hear(self, events: list[MarketEvent]) -> None:
        self.events += events


async def until(holds: Callable[[], bool], within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_the_demo_s_venues_are_heard_through_their_real_clients() -> None:
    clock, ears, world = Clock(), Ears(), DemoWorld(7, ASSETS)

    def spot() -> Iterator[SpotEvent]:
        return cast(Iterator[SpotEvent], world.spot_events(clock.now_ns()))

    source = Source("demo", "demo", "DEMO", SPEED, FROM_NS, nothing, clock, spot=SpotSide(NAMES, ASSETS, SPEED, spot))
    async with inflow(source, ears.hear, ears.ticks.append) as opened:
        await until(lambda: all(view.state == "up" for view in opened.views()))
        await until(lambda: heard(ears, SpotPrice) == {(name, asset) for name in NAMES for asset in ASSETS})
        views = opened.views()
        for task in opened.tasks:
            task.cancel()
        await asyncio.gather(*opened.tasks, return_exceptions=True)
    assert {view.venue for view in views} == set(NAMES)
    assert [
        (view.feed, view.unreadable, view.gaps, view.resyncs)
        for view in views
        if view.unreadable + view.gaps + view.resyncs
    ] == []
    assert heard(ears, SpotBook) == {(name, asset) for name in NAMES for asset in ASSETS}
    assert heard(ears, SpotQuote) >= {("binance", asset) for asset in ASSETS}
    assert not [
        event for event in ears.events if isinstance(event, FeedStatus) and event.state in {"lost", "unavailable"}
    ]
    assert_books_are_the_world_s(ears, world)


def heard(ears: Ears, kind: type[SpotEvent]) -> set[tuple[str, str]]:
    return {(event.venue, event.asset) for event in cast(list[SpotEvent], ears.events) if isinstance(event, kind)}


def assert_books_are_the_world_s(ears: Ears, world: DemoWorld) -> None:
    """Every change that was heard is one that was said, as it was said."""
    last_ns = max(event.received_ns for event in ears.events)
    said = {
        (event.venue, event.asset, level)
        for event in takewhile(
            lambda event: event.received_ns <= last_ns, cast(Iterator[SpotEvent], world.spot_events(FROM_NS))
        )
        if isinstance(event, SpotLevels | SpotBook)
        for level in (*event.bids, *event.asks)
    }
    for event in ears.events:
        if isinstance(event, SpotLevels):
            for level in (*event.bids, *event.asks):
                assert level[1] == 0.0 or (event.venue, event.asset, level) in said


async def test_time_passes_on_the_grid_of_the_timers_while_nobody_says_anything() -> None:
    clock, ears = Clock(), Ears()
    source = Source("demo", "demo", "DEMO", SPEED, FROM_NS, nothing, clock)
    async with inflow(source, ears.hear, ears.ticks.append) as opened:
        await until(lambda: len(ears.ticks) >= 3)
        for task in opened.tasks:
            task.cancel()
        await asyncio.gather(*opened.tasks, return_exceptions=True)
    assert ears.events == []
    assert ears.ticks == sorted(ears.ticks)
    assert all(tick % (100 * MILLISECOND_NS) == 0 for tick in ears.ticks)
    assert ears.ticks[-1] > ears.ticks[0]
