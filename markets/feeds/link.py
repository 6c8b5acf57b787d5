"""Link: one connection of a feed with its role: it speaks, it is held back until it can take over, or it is over."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from markets.core.events import MarketEvent, SpotPrice
from markets.feeds.connection import Connection
from markets.feeds.endings import Ending, ending_of
from markets.feeds.guards import ParseGuard
from markets.feeds.handover import Held, TradeMemory
from markets.feeds.means import Means
from markets.feeds.venue import VenueSocket

log = logging.getLogger(__name__)

RENEWAL_SPREAD = 0.05  # of the time to a renewal: not all connections are renewed in one minute
DOUBLES_FOR_S = 60.0  # for so long trades may come that the connection before has told


class Link:
    """Runs from the moment it is made until `end`. `earlier` has the trades of the connection before it; a link that is
    held passes nothing on before `take_over`."""

    def __init__(
        self,
        socket: VenueSocket,
        say: Callable[[list[MarketEvent], "Link"], Awaitable[None]],
        means: Means,
        guard: ParseGuard,
        *,
        earlier: TradeMemory | None = None,
        is_held: bool = False,
    ) -> None:
        self.socket = socket
        self.is_over = False  # nothing more is passed on
        self.synced = asyncio.Event()  # of one that is held
        self.memory = TradeMemory()
        self._say, self._clock = say, means.clock
        self._loop = asyncio.get_running_loop()
        self._earlier = earlier
        self._until = self._loop.time() + DOUBLES_FOR_S
        self._held = Held() if is_held else None
        renew_after_s = socket.renew_after_s
        if renew_after_s is not None:
            renew_after_s *= 1.0 - RENEWAL_SPREAD * means.rng.random()
        self.connection = Connection(socket, self._tell, means, guard, renew_after_s)
        self.task = asyncio.create_task(self._run())

    @property
    def is_open(self) -> bool:
        """Whether the WebSocket stands."""
        return self.connection.is_open and not self.task.done()

    @property
    def is_synced(self) -> bool:
        """Whether all subscriptions and books stand just now."""
        try:
            return self.socket.is_synced
        except Exception:  # a mistake in the venue's file, which `hear` will meet too: not the page's
            return False

    def take_over(self, now_ns: int) -> list[MarketEvent]:
        """From here on this connection speaks. What it held back, without what the other has told."""
        held, self._held = self._held, None
        self._until = self._loop.time() + DOUBLES_FOR_S
        return self._new(held.released(now_ns)) if held is not None else []

    async def end(self) -> None:
        """Pass nothing on any more, and close; a second at most."""
        self.is_over = True
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.connection.close()

    async def _run(self) -> Ending:
        try:
            await self.connection.run()
        except Exception as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise asyncio.CancelledError from None  # a task group forgets it when something else fails too
            self.is_over = True
            ending = ending_of(error, self._clock())
            if ending.kind == "error":
                log.error("%s: %s", self.socket.feed, ending.reason, exc_info=error)
            return ending

    async def _tell(self, events: list[MarketEvent]) -> None:
        if self.is_over:
            return
        if self._held is None:
            await self._say(self._new(events), self)
            return
        self._held.hear(events)
        if self.connection.is_synced:
            self.synced.set()

    def _new(self, events: list[MarketEvent]) -> list[MarketEvent]:
        """Without the trades that the connection before this one has told; with all the others remembered."""
        memory, earlier = self.memory, self._earlier
        if earlier is not None and self._loop.time() > self._until:
            self._earlier = earlier = None
        new = []
        for event in events:
            if type(event) is SpotPrice:
                if earlier is not None and event in earlier:
                    continue
                memory.note(event)
            new.append(event)
        return new
