"""FeedPart: one connection of a venue, kept up for ever: back-off, refusals, renewals, and what is told of them."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Literal, Never

from markets.core.events import FeedStatus, MarketEvent
from markets.feeds.counts import Counts
from markets.feeds.endings import Ending, ending_of
from markets.feeds.guards import ParseGuard
from markets.feeds.handover import TradeMemory
from markets.feeds.link import Link
from markets.feeds.means import Means
from markets.feeds.pace import Waits
from markets.feeds.venue import VenueSocket

log = logging.getLogger(__name__)

SYNC_WITHIN_S = 60.0  # a second connection that has not synced by then is given up
OVERLAP_S = 2.0  # both are heard: what is still on its way on the first connection was before the time of the second

Emit = Callable[[list[MarketEvent]], Awaitable[None]]
State = Literal["connecting", "syncing", "up", "lost", "unavailable"]


class FeedPart:
    """`run` until cancelled; the rest may be read at any time. What `emit` raises ends it, nothing else does."""

    def __init__(self, feed: str, counts: Counts, make: Callable[[], VenueSocket], emit: Emit, means: Means) -> None:
        self.feed, self.counts = feed, counts
        self.reason = ""
        self.next_at = 0.0  # when the next attempt is made, in the loop's time; 0 when none is waited for
        self.link: Link | None = None  # that speaks, or tries to
        self.samples: deque[tuple[float, int]] = deque(maxlen=11)  # (time, frames), about one a second
        self._make, self._emit, self._means = make, emit, means
        self._clock, self._pace, self._rng = means.clock, means.pace, means.rng
        self._waits = Waits(means.pace, means.rng)
        self._guard = ParseGuard()
        self._lock = asyncio.Lock()
        self._links: list[Link] = []
        self._earlier: TradeMemory | None = None  # of the connection before
        self._status: Literal["expected", "up", "lost", "unavailable"] = "expected"  # last told
        self._is_heard = False  # since the last loss was told
        self._up_at = 0.0
        self._failure: Exception | None = None  # of who listens

    @property
    def state(self) -> State:
        """Of the connection, for people."""
        link = self.link
        if link is not None and link.is_open:
            return "up" if self._status == "up" and link.is_synced else "syncing"
        if self._status == "unavailable":
            return "unavailable"
        is_trying = link is not None and not link.task.done()
        return "lost" if self._status == "lost" and not is_trying else "connecting"

    async def run(self) -> Never:
        """Connect, again and again. Raises what `emit` raised."""
        await self.say([FeedStatus(self._clock(), self.feed, "expected")])
        try:
            while True:
                await self._wait_turn(0.0)
                wait_s = await self._one_life()
                await self._wait_turn(wait_s)
        finally:
            await asyncio.gather(*[link.end() for link in self._links])

    async def say(self, events: list[MarketEvent], link: Link | None = None) -> None:
        """Pass on events, of a connection that speaks or our own; one call after the other, in the order called."""
        if link is not None:
            self._is_heard = self._is_heard or bool(events)
            if link.connection.is_synced and self._status != "up" and link is self.link:
                if self._status != "expected":  # the log said that it was lost
                    log.info("%s: up again", self.feed)
                self._status, self.reason = "up", ""
                self._up_at = asyncio.get_running_loop().time()
                events = [*events, FeedStatus(self._clock(), self.feed, "up")]
        if not events:
            return
        async with self._lock:
            try:
                await self._emit(events)
            except Exception as error:
                self._failure = error
                raise

    # One connection after another -----------------------------------------------------------------------------

    async def _one_life(self) -> float:
        """From a first connection over all that take over from it to the loss of the last; how long to wait then."""
        try:
            link = self.link = self._open(is_held=False)
        except Exception as error:  # a mistake in the venue's file must not end the others
            log.exception("%s: its file cannot make a connection", self.feed)
            ending = ending_of(error, self._clock())
            await self._ended(ending)
            return self._wait_s(ending)
        while True:
            await _first(link.task, link.connection.renewal.wait())
            if link.task.done():
                ending = link.task.result()
                break
            if not link.socket.can_overlap:
                link.is_over = True
                ending = Ending("renewal", link.socket.renewal_asked or "renewed in time, before the venue ends it")
                break
            link = await self._renewed(link)
        await self._ended(ending)
        await self._close(link)
        return self._wait_s(ending)

    async def _renewed(self, link: Link) -> Link:
        """The connection that has taken over from this one; or this one, when it ended before there was another."""
        waits = Waits(self._pace, self._rng)
        while not link.task.done():
            await asyncio.sleep(self._means.attempts.take(asyncio.get_running_loop().time()))
            try:
                second = self._open(is_held=True)
            except Exception:
                log.exception("%s: its file cannot make a second connection", self.feed)
                await _first(link.task, asyncio.sleep(waits.next_s()))
                continue
            await _first(link.task, second.task, second.synced.wait(), asyncio.sleep(SYNC_WITHIN_S))
            if second.synced.is_set():
                await _first(link.task, second.task, asyncio.sleep(OVERLAP_S))
            self._check()
            if not second.task.done() and (link.task.done() or second.is_synced):
                await self._hand_over(link, second)
                return second
            await self._close(second)
            await _first(link.task, asyncio.sleep(waits.next_s()))
        return link

    async def _hand_over(self, link: Link, second: Link) -> None:
        """At one point the first is silent and the second speaks: also where the first has just been lost."""
        if link.task.done():
            await self._ended(link.task.result())
        link.is_over = True
        self.link = second
        await self.say(second.take_over(self._clock()), second)
        log.info("%s: a new connection has taken over", self.feed)
        await self._close(link)

    def _open(self, *, is_held: bool) -> Link:
        earlier = self.link.memory if self.link is not None else self._earlier
        link = Link(self._make(), self.say, self._means, self._guard, earlier=earlier, is_held=is_held)
        self._links.append(link)
        return link

    async def _close(self, link: Link) -> None:
        await link.end()
        self._links.remove(link)
        if self.link is link:
            self.link, self._earlier = None, link.memory
        self._check()

    async def _ended(self, ending: Ending) -> None:
        """Tell that the feed is lost or unavailable: once, and again when something was heard in between."""
        self._check()
        if self._status == "up" and asyncio.get_running_loop().time() - self._up_at >= self._pace.healthy_s:
            self._waits.reset()
            self._guard.forget()
        self.reason = ending.reason
        self.counts.complain(ending.reason)
        status: Literal["lost", "unavailable"] = "unavailable" if ending.kind == "refused" else "lost"
        if self._status == status and not self._is_heard:
            return
        log.warning("%s: %s: %s", self.feed, status, ending.reason)
        self._status, self._is_heard = status, False
        await self.say([FeedStatus(self._clock(), self.feed, status, reason=ending.reason)])

    def _check(self) -> None:
        """Raise what whoever listens has raised: that is no matter of a connection."""
        if self._failure is not None:
            raise self._failure

    # When the next is due -------------------------------------------------------------------------------------

    def _wait_s(self, ending: Ending) -> float:
        if ending.kind == "renewal":
            return 0.0
        if ending.kind == "refused":
            return self._pace.refused_wait_s * self._rng.uniform(1.0, 1.1)
        return max(ending.wait_s, self._waits.next_s())

    async def _wait_turn(self, wait_s: float) -> None:
        if wait_s > 0.0:
            self.next_at = asyncio.get_running_loop().time() + wait_s
            await asyncio.sleep(wait_s)
            self.next_at = 0.0
            return
        now = asyncio.get_running_loop().time()
        turn_s = self._means.attempts.take(now)
        if turn_s > 0.0:
            self.next_at = now + turn_s
            await asyncio.sleep(turn_s)
            self.next_at = 0.0


async def _first(*waited: Awaitable[object]) -> None:
    """Until the first of these is done; those that are not tasks are given up then."""
    tasks = [asyncio.ensure_future(one) for one in waited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, one in zip(tasks, waited, strict=True):
            if task is not one:
                task.cancel()
