"""A proof: one fault schedule, run with the real feeds against the loopback venues, and every rule checked."""

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.endings import status_error
from markets.feeds.feed import VenueFeed
from markets.feeds.fetching import Fetch
from markets.feeds.register import VENUES
from markets.feeds.venue import Venue
from markets.loopback.checks import (
    DEEPEST,
    MOST_PROBLEMS,
    ON_ITS_WAY_S,
    Hearsay,
    Listener,
    compare_books,
    compare_trades,
)
from markets.loopback.hurry import hurried, hurried_fault, hurried_pace
from markets.loopback.line import Line
from markets.loopback.market import Market
from markets.loopback.register import LOOPBACK
from markets.loopback.schedule import LOSING, PROVEN_LEVELS, Schedule
from markets.loopback.server import Booth, LoopbackServer, SpotEvent, serve_venues, split_path
from markets.loopback.speaker import Answer, LoopbackVenue
from markets.loopback.watching import VenueWatch

START_NS = 1_795_003_200 * SECOND_NS  # 2026-11-18 12:00:00 UTC
QUIET_S = 20.0  # without faults before the comparison: longer than any wait for an answer or a snapshot
LONGEST_S = 600.0  # within this time after the last fault everything must stand again: two storms take their waits
TOUCHES = 3
PAGE_S = 10.0
MISTAKE = "a mistake in the venue's file"


class Outcome(msgspec.Struct):
    """What came of one schedule. No problem, no failure. Seconds are the venues'."""

    seed: int
    seconds: float = 0.0
    recovered_after_s: float = 0.0  # after the last fault was over
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    frames: int = 0
    events: int = 0
    resyncs: int = 0
    reconnects: int = 0
    unreadable: int = 0
    pages: int = 0
    trades: int = 0  # that had to be heard, and were
    levels: int = 0  # compared
    problems: list[str] = msgspec.field(default_factory=list)


class Proof:
    """`run` it once, in the loop that carries it: one of virtual time, or a real one with `speed` above 1.

    `speed` is how many seconds of the venues pass in one of the loop's.
    """

    def __init__(
        self,
        schedule: Schedule,
        *,
        speed: float = 1.0,
        fetch: Fetch | None = None,
        venues: Mapping[str, Venue] = VENUES,
        loopback: Mapping[str, LoopbackVenue] = LOOPBACK,
    ) -> None:
        self.schedule, self.speed = schedule, speed
        self.outcome = Outcome(schedule.seed)
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._assets = sorted({asset for assets in schedule.assets.values() for asset in assets})
        server = LoopbackServer(
            schedule.assets, schedule.assets, now_ns=self.now_ns, speed=speed, seed=schedule.seed, venues=venues,
            loopback=loopback,
        )  # fmt: skip
        self.server = server
        self.listeners: dict[str, Listener] = {}
        self.hearsay: dict[str, Hearsay] = {}
        self._venues, self._fetch = venues, fetch or self._fetch_here
        self._feeds: dict[str, VenueFeed] = {}
        self._watches: dict[str, VenueWatch] = {}
        self._over_s = 0.0  # when the last fault is over
        self._names = {booth.truth.venue: name for name, booth in server.booths.items()}
        self._market = Market(
            {venue: schedule.assets[name] for venue, name in self._names.items()},
            schedule.seed, START_NS, rate=schedule.rate, levels=schedule.levels,
        )  # fmt: skip

    def now_ns(self) -> int:
        """The time of the venues."""
        return START_NS + int(self._now_s() * SECOND_NS)

    async def run(self) -> Outcome:
        """Everything, from the first connection to the comparison."""
        server = self.server
        server.lines_opened.append(self._opened)
        self._loop.set_exception_handler(self._escaped)
        async with serve_venues(server):
            for name in self.schedule.assets:
                self._add_feed(name)
            for event in self._market.books():
                self._tell(event)
            feeds = [asyncio.create_task(feed.run(), name=name) for name, feed in self._feeds.items()]
            tasks = [asyncio.create_task(self._trade()), asyncio.create_task(self._spoil())]
            watch = asyncio.create_task(self._watch())
            try:
                await self._recover(tasks[1])
                tasks[0].cancel()
                await self._sleep_until(self._now_s() + ON_ITS_WAY_S)
                self._compare()
            finally:
                await self._end(feeds, [*tasks, watch])
        for error in server.errors:
            self._problem(f"the loopback venue failed: {error}")
        self._count()
        return self.outcome

    # What happens -------------------------------------------------------------------------------------------

    async def _trade(self) -> None:
        """The market goes on to the end."""
        market = self._market
        while True:
            await self._sleep_until((market.due_ns - START_NS) / SECOND_NS)
            for event in market.step():
                self._tell(event)

    async def _spoil(self) -> None:
        for fault in self.schedule.faults:
            await self._sleep_until(fault.at_s)
            self.server.booths[fault.venue].faults.apply(hurried_fault(fault, self.speed))
            self._watches[fault.venue].spoiled(fault)
            self.outcome.faults[fault.kind] += 1
            self._over_s = max(self._over_s, fault.at_s + fault.seconds)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(1.0 / self.speed)
            for watch in self._watches.values():
                watch.look(self._now_s())

    def _tell(self, event: SpotEvent) -> None:
        self.server.tell_venue(event)
        self._watches[self._names[event.venue]].told(event, self._now_s())

    async def _recover(self, spoiling: "asyncio.Task[None]") -> None:
        """Until all stands again for long enough, and a change in each book brought nothing to light."""
        await spoiling
        await self._sleep_until(max(self.schedule.seconds, self._over_s))
        over_s = self._now_s()
        touched = 0
        while touched < TOUCHES:
            await self._sleep_until(self._now_s() + 2.0)
            if self._now_s() - over_s > LONGEST_S:
                self._problem(f"not all stands again after {LONGEST_S:g} s: {self._trouble()}")
                break
            if not self._trouble():
                self.outcome.recovered_after_s = self.outcome.recovered_after_s or self._now_s() - over_s
            if self._trouble() or self._now_s() - over_s < QUIET_S:
                touched = 0
                continue
            touched += 1
            for event in self._market.touch(self.now_ns()):
                self._tell(event)

    def _trouble(self) -> str:
        """What does not stand, empty when all does."""
        for name, feed in self._feeds.items():
            listener = self.listeners[name]
            if listener.down:
                return f"{name}: {listener.down}"
            missing = [asset for asset in self.schedule.assets[name] if asset not in listener.books]
            if missing:
                return f"{name}: no book of {', '.join(missing)}"
            states = [view.state for view in feed.views()]
            if any(state != "up" for state in states):
                return f"{name}: {', '.join(states)}"
        return ""

    # What is checked ----------------------------------------------------------------------------------------

    def _compare(self) -> None:
        for name, listener in self.listeners.items():
            booth = self.server.booths[name]
            problem = partial(self._problem_of, name)
            levels = PROVEN_LEVELS.get(name, DEEPEST) if self._is_spoiled(name) else DEEPEST
            self.outcome.levels += compare_books(listener, booth.truth.books, levels, problem)
            self.outcome.trades += compare_trades(listener, self.hearsay[name], problem)
            self._check_refusals(name, booth, listener)

    def _is_spoiled(self, name: str) -> bool:
        return any(fault.venue == name and fault.kind in LOSING for fault in self.schedule.faults)

    def _check_refusals(self, name: str, booth: Booth, listener: Listener) -> None:
        """Who was refused said so, in the venue's words."""
        refused = [fault for fault in self.schedule.faults if fault.venue == name and fault.kind == "refuse"]
        for status in (403, 451):
            words = [fault.words for fault in refused if fault.code == status]
            if booth.refusals[status] and not any(one in reason for one in words for reason in listener.unavailable):
                self._problem(f"{name}: was refused with {status}, and did not say {words}")

    async def _hear(self, listener: Listener, events: list[MarketEvent]) -> None:
        for event in events:
            listener.hear(event)

    def _count(self) -> None:
        outcome = self.outcome
        outcome.seconds = self._now_s()
        for name, feed in self._feeds.items():
            views = feed.views()
            outcome.events += self.listeners[name].events
            outcome.pages += self.server.booths[name].pages
            for view in views:
                outcome.frames += view.frames
                outcome.resyncs += view.resyncs
                outcome.unreadable += view.unreadable
                outcome.reconnects += max(0, view.connects - 1)
                outcome.problems += [f"{view.feed}: {words}" for words in view.words if MISTAKE in words]

    # The rest -----------------------------------------------------------------------------------------------

    def _add_feed(self, name: str) -> None:
        schedule, booth = self.schedule, self.server.booths[name]
        venue = hurried(self._venues[name], self.speed, schedule.renew_after_s)
        self.listeners[name] = listener = Listener(name, partial(self._problem_of, name))
        self.hearsay[name] = Hearsay(booth)
        assets = schedule.assets[name]
        symbols = {asset: venue.symbols[asset] for asset in assets}
        sockets = self._venues[name].sockets(symbols, venue.endpoint, lambda _: Counts())
        problem = partial(self._problem_of, name)
        self._watches[name] = watch = VenueWatch(booth, listener, list(sockets), self.speed, problem)
        watch.delay_s = schedule.delay_s
        watch.may_lose = not booth.loopback.detects_loss and self._is_spoiled(name)
        self._feeds[name] = VenueFeed(
            venue, assets, partial(self._hear, listener), clock=self.now_ns, fetch=self._fetch,
            rng=random.Random(schedule.seed), endpoint=self.server.endpoint(name), pace=hurried_pace(self.speed),
        )  # fmt: skip

    def _opened(self, booth: Booth, line: Line) -> None:
        line.usual_delay_s = line.delay_s = self.schedule.delay_s / self.speed
        self.hearsay[booth.name].opened(line)

    async def _fetch_here(self, url: str) -> bytes:
        """A page without a socket: what `fetch_page` does, in virtual time."""
        name, path = split_path("/" + url.split("/", 3)[3])
        booth = self.server.booths[name]
        await asyncio.sleep(self.schedule.delay_s / self.speed)
        async with asyncio.timeout(PAGE_S):
            answer = await booth.faults.page(booth.page(path)) or Answer(404, b"no such page")
        await asyncio.sleep(self.schedule.delay_s / self.speed)
        if answer.status != 200:
            raise status_error(answer.status, None, answer.body, self.now_ns())
        return answer.body

    async def _end(self, feeds: list["asyncio.Task[Any]"], others: list["asyncio.Task[Any]"]) -> None:
        for task in (*feeds, *others):
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                self._problem(f"{task.get_name()} ended: {type(error).__name__}: {error}")
            task.cancel()
        for task in (*feeds, *others):
            with suppress(asyncio.CancelledError, Exception):
                await task

    def _escaped(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._problem(f"escaped: {context.get('message')}: {context.get('exception')!r}")

    def _problem_of(self, name: str, text: str) -> None:
        self._problem(f"{name}: {text}")

    def _problem(self, text: str) -> None:
        if len(self.outcome.problems) < MOST_PROBLEMS:
            self.outcome.problems.append(f"at {self._now_s():.1f} s {text}")

    def _now_s(self) -> float:
        """Seconds of the venues since the beginning."""
        return (self._loop.time() - self._began) * self.speed

    async def _sleep_until(self, at_s: float) -> None:
        left_s = (at_s - self._now_s()) / self.speed
        if left_s > 0.0:
            await asyncio.sleep(left_s)
