"""Plays market events to one client over a WebSocket on loopback, at the pace of a clock or as fast as it reads."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import chain, islice

import msgspec
from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_socket
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from markets.core.events import MarketEvent
from markets.feeds.stream import SourceBeat, SourceEnd, SourceHello
from markets.loopback.server import Clock
from trading.simulator.clock import PlaybackClock

EVENTS_PER_FRAME = 1_000
BATCH_S = 0.05
BEAT_S = 1.0

Events = Iterator[MarketEvent]
encode, encode_lines = msgspec.json.Encoder().encode, msgspec.json.Encoder().encode_lines


class Server:
    """One source, one client at a time; a newcomer takes the place of a client that is still there.

    A source given as an iterator is played once. One given as a function is opened anew for every client,
    and is expected to begin where the clock is then. `url` holds a secret, so that no other page or program
    of this machine can listen in or use up the source.
    """

    def __init__(self, source: Events | Callable[[], Events], hello: SourceHello, clock: Clock | None) -> None:
        self.hello = hello
        self.sent = 0
        self.url = ""
        self._source, self._clock = source, clock
        self._is_used = False
        self._path = f"/{secrets.token_urlsafe(16)}"
        self._client: ServerConnection | None = None
        self._turn = asyncio.Lock()

    def listening(self, socket_server: SocketServer) -> None:
        """Take the port that the system gave."""
        _, port = next(iter(socket_server.sockets)).getsockname()[:2]
        self.url = f"ws://127.0.0.1:{port}{self._path}"

    async def admit(self, _: ServerConnection, request: Request) -> Response | None:
        """Refuse whoever does not know the path."""
        return None if secrets.compare_digest(request.path, self._path) else Response(404, "Not Found", Headers())

    async def play(self, client: ServerConnection) -> None:
        """Serve one client from hello to end."""
        if self._client is not None:
            await self._client.close(1001, "another client has come")
        async with self._turn:
            self._client = client
            try:
                await self._tell(client)
            except ConnectionClosed:
                pass  # its going is the client's affair
            finally:
                self._client = None

    async def _tell(self, client: ServerConnection) -> None:
        await client.send(encode(self.hello))
        if self._is_used and not callable(self._source):
            await client.send(encode(SourceEnd(self.sent, "it was already played, and cannot be resumed")))
            return
        self._is_used = True
        try:
            await self._tell_events(client, self._source() if callable(self._source) else self._source)
        except ConnectionClosed:
            raise
        except Exception as error:  # whatever ails the source, the client must know; then it is raised all the same
            await client.send(encode(SourceEnd(self.sent, f"{type(error).__name__}: {error}")))
            raise
        await client.send(encode(SourceEnd(self.sent)))

    async def _tell_events(self, client: ServerConnection, events: Events) -> None:
        if not self.hello.speed:
            while batch := list(islice(events, EVENTS_PER_FRAME)):
                await self._send(client, batch)
                await asyncio.sleep(0)  # the client may well live in this very loop
            return
        first = next(events, None)
        if first is not None:
            clock = self._clock or PlaybackClock(first.received_ns, speed=self.hello.speed)
            await self._tell_in_time(client, chain((first,), events), clock)

    async def _tell_in_time(self, client: ServerConnection, events: Events, clock: Clock) -> None:
        """Send what is due, in frames at most BATCH_S apart while there is something; a beat when there is not."""
        heard_s = time.monotonic()
        waiting = next(events, None)
        while waiting is not None and client.state is State.OPEN:
            now_ns = clock.now_ns()
            batch: list[MarketEvent] = []
            while waiting is not None and waiting.received_ns <= now_ns and len(batch) < EVENTS_PER_FRAME:
                batch.append(waiting)
                waiting = next(events, None)
            if batch:
                await self._send(client, batch)
                clock.reached(batch[-1].received_ns)
            elif time.monotonic() - heard_s >= BEAT_S:
                await client.send(encode(SourceBeat(now_ns)))
            else:
                await asyncio.sleep(BATCH_S)
                continue
            heard_s = time.monotonic()
            await asyncio.sleep(0 if len(batch) == EVENTS_PER_FRAME else BATCH_S)

    async def _send(self, client: ServerConnection, batch: list[MarketEvent]) -> None:
        await client.send(encode_lines(batch))
        self.sent += len(batch)
        if self._clock is not None and not self.hello.speed:
            self._clock.reached(batch[-1].received_ns)


@asynccontextmanager
async def serve(
    source: Events | Callable[[], Events], *, name: str, label: str, speed: float, clock: Clock | None = None
) -> AsyncIterator[Server]:
    """Serve the source on a free loopback port. Speed 0 sends as fast as the client reads.

    Without a clock a source with a speed is paced by its own times, from its first event on.
    """
    server = Server(source, SourceHello(name, label, speed, can_resume=callable(source)), clock)
    async with serve_socket(
        server.play,
        "127.0.0.1",
        0,
        process_request=server.admit,
        compression=None,
        ping_interval=None,
        close_timeout=0.3,
        max_size=1024,
    ) as socket_server:
        server.listening(socket_server)
        yield server
