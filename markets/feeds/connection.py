"""Connection: the life of one VenueSocket on one real WebSocket, from opening to its end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from math import inf
from typing import Any, Never, cast

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.protocol import Event

from markets.core.events import (
    BookDelta,
    BookSnapshot,
    MarketEvent,
    SpotBook,
    SpotLevels,
    SpotPrice,
    SpotQuote,
    TickerQuote,
    TradePrint,
)
from markets.feeds.endings import LARGEST_FRAME
from markets.feeds.fetching import is_here
from markets.feeds.guards import LagGuard, ParseGuard
from markets.feeds.means import Clock, Means
from markets.feeds.venue import Page, Reconnect, Refused, SlowDown, Unreadable, VenueSocket

OPTIONS: dict[str, Any] = {
    "compression": None,
    "max_size": LARGEST_FRAME,
    "max_queue": 1024,
    "open_timeout": 10.0,
    "close_timeout": 1.0,
}
BOOKS = frozenset({SpotLevels, SpotBook, BookSnapshot, BookDelta})
TRADES = frozenset({SpotPrice, TradePrint})
QUOTES = frozenset({SpotQuote, TickerQuote})
TURN = 64  # frames after which others get their turn
PAGES_AT_ONCE = 3
PATIENCE = 3  # times the silence allowed, as long as at least bytes of an unfinished frame come

Tell = Callable[[list[MarketEvent]], Awaitable[None]]

QUIET = logging.getLogger("markets.feeds.wire")  # the library's own would write each handshake's signature
QUIET.setLevel(logging.INFO)


class Wire(ClientConnection):
    """A WebSocket that notes when bytes last came, and when they last made a whole frame: what came since is part of one.

    Pings and pongs are no sign of life: a venue may answer them long after it has stopped to say anything else. Every
    venue that we hear says something of its own accord, or when asked, within its `stale_after_s`.
    """

    bytes_at = frame_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Bytes came; called by the event loop."""
        self.bytes_at = self.loop.time()
        super().data_received(data)

    def process_event(self, event: Event) -> None:
        """A whole frame of any kind came; called by the library."""
        self.frame_at = self.bytes_at
        super().process_event(event)


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Exception | str:
        """Nobody is sent elsewhere without a word."""
        return exc


class Connection:
    """Use it once: `run` until it raises what ended it, then `close`. Its public attributes may be read at any time.

    Calls of `tell` begin in the order heard. Durations are the event loop's, stamps are the clock's.
    """

    def __init__(
        self, socket: VenueSocket, tell: Tell, means: Means, guard: ParseGuard, renew_after_s: float | None = None
    ) -> None:
        self.socket = socket
        self.is_open = False
        self.is_synced = False  # since the socket first was; `tell` is called at that moment, with or without events
        self.renewal = asyncio.Event()  # it is time for another connection to take over
        self.heard_at = 0.0  # when a data frame was last taken, in the loop's time
        self._tell_all, self._guard, self._renew_after_s = tell, guard, renew_after_s
        self._clock, self._fetch_page, self._tick_s = means.clock, means.fetch, means.pace.tick_s
        self._counts = socket.counts
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> Never:
        """Connect, subscribe, hear. Raises what ended it: OSError, WebSocketException, Refused, Reconnect, SlowDown, or
        whatever a mistake in the venue's file raises."""
        socket = self.socket
        self._wire = wire = await _opened(socket, self._clock)
        self._counts.connects += 1
        self.is_open = True
        self.heard_at = self._loop.time()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._tasks.create_task(self._send(wire))
                await self._take(socket.opened(self._clock()))
                self._tasks.create_task(self._watch(wire))
                await self._read(wire)
        except BaseExceptionGroup as group:
            raise _worst(group) from None
        finally:
            self._tasks = None  # or they and we would keep each other
        raise AssertionError("a connection ends with an exception")

    async def close(self) -> None:
        """Say goodbye, for a second at most."""
        if self._wire is not None:
            try:
                await self._wire.close()
            finally:
                self._wire.transport.abort()

    async def _read(self, wire: Wire) -> Never:
        socket, counts, clock, time = self.socket, self._counts, self._clock, self._loop.time
        recv, hear = wire.recv, socket.hear
        while True:
            frame = await recv(decode=False)
            now_ns = clock()
            self.heard_at = time()
            counts.frames += 1
            counts.bytes += len(frame)
            try:
                events = hear(frame, now_ns)
            except (Unreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
                self._unreadable(error)
                events = socket.due(now_ns)  # what it means is told at once, not at the next look at the clock
            await self._take([*events, *socket.beat(now_ns)] if self.is_synced else events)
            if not counts.frames % TURN:
                await self._take(socket.due(now_ns))
                await asyncio.sleep(0)

    async def _take(self, events: list[MarketEvent]) -> None:
        """Count and pass on events, and see to what the socket wants sent or fetched."""
        socket = self.socket
        if socket.to_send:
            for text in socket.to_send:
                self._outgoing.put_nowait(text)
            socket.to_send.clear()
        if socket.to_fetch and self._tasks is not None:
            for page in socket.to_fetch:
                self._tasks.create_task(self._fetch(page))
            socket.to_fetch.clear()
        is_new = not self.is_synced and socket.is_synced
        if is_new:
            self.is_synced = True
        if events or is_new:
            self._count(events)
            await self._tell_all(events)

    def _count(self, events: list[MarketEvent]) -> None:
        counts = self._counts
        counts.events += len(events)
        for event in events:
            kind = type(event)
            if kind in BOOKS:
                counts.books += 1
            elif kind in TRADES:
                counts.trades += 1
            elif kind in QUOTES:
                counts.quotes += 1

    def _unreadable(self, error: Exception) -> None:
        text = str(error)
        self._counts.unreadable += 1
        self._counts.complain(f"unreadable: {text}")
        self._guard.unreadable(self._counts.frames, text)
        if not self.socket.notices_loss:
            raise Reconnect(f"a frame could not be read, and nothing would tell what was in it: {text}")

    async def _send(self, wire: Wire) -> Never:
        socket = self.socket
        await asyncio.sleep(socket.pause_after_open_s)
        while True:
            await wire.send(await self._outgoing.get())
            if socket.sends_per_s:
                await asyncio.sleep(1.0 / socket.sends_per_s)

    async def _fetch(self, page: Page) -> None:
        socket = self.socket
        async with self._pages:
            try:
                body = await self._fetch_page(page.url)
            except (Refused, SlowDown):
                raise
            except OSError as error:
                events = socket.not_fetched(page, str(error) or type(error).__name__, self._clock())
            else:
                events = self._fetched(page, body)
        await self._take(events)

    def _fetched(self, page: Page, body: bytes) -> list[MarketEvent]:
        try:
            return self.socket.fetched(page, body, self._clock())
        except (Unreadable, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._counts.unreadable += 1
            return self.socket.not_fetched(page, f"could not be read: {error}", self._clock())

    async def _watch(self, wire: Wire) -> Never:
        """Give the socket its time, and end a connection that is silent or has fallen behind."""
        lag, socket = LagGuard(self._counts, self.socket.patience), self.socket
        renew_at = self._loop.time() + (self._renew_after_s or inf)
        lag_at = 0.0
        while True:
            await asyncio.sleep(self._tick_s)
            await self._take(socket.due(self._clock()))
            now = self._loop.time()
            self._look_alive(wire, now)
            if now >= lag_at:
                lag.look()
                lag_at = now + 1.0
            if now >= renew_at or socket.renewal_asked:
                self.renewal.set()

    def _look_alive(self, wire: Wire, now: float) -> None:
        stale_s = self.socket.stale_after_s
        is_arriving = wire.bytes_at > wire.frame_at and now - wire.bytes_at <= stale_s
        if now - self.heard_at > stale_s * (PATIENCE if is_arriving else 1):
            wire.transport.abort()  # nobody is there to say goodbye to
            raise Reconnect(f"nothing was heard for {stale_s:g} s")


async def _opened(socket: VenueSocket, clock: Clock) -> Wire:
    options = OPTIONS | ({"proxy": None} if is_here(socket.url) else {})
    options |= {"additional_headers": socket.headers(clock()), "logger": QUIET}
    try:
        wire = await _Connect(socket.url, create_connection=Wire, ping_interval=socket.ping_interval_s, **options)
    except InvalidStatus as error:
        answer = error.response
        socket.turned_away(answer.status_code, answer.headers.get("Date", ""), bytes(answer.body or b""), clock())
        raise
    return cast(Wire, wire)


def _worst(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Of what several tasks raised together, what says most of why it ended."""
    errors = list(_flat(group))
    for kinds in ((Refused, SlowDown), (Reconnect,)):
        for error in errors:
            if isinstance(error, kinds):
                return error
    return errors[0]


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
