"""Virtual time: an event loop that never waits, and whose connections are bytes in memory.

Real client and server code runs on it unchanged. When nothing is left to do now, time jumps to the next timer: a day of a
quiet connection takes as long as its heartbeats take to handle, and the same program does the same things every time.
Threads do not belong on it: time would not wait for them.
"""

import asyncio
import itertools
import selectors
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, TypeVar

from markets.core.units import SECOND_NS
from markets.loopback.wire import Wire

T = TypeVar("T")
Factory = Callable[[], asyncio.BaseProtocol]

START_S = 1_000.0  # of the loop's own time
PATIENCE_S = 5.0  # of real time, for a thread that somebody may have started all the same
RESOLUTION_S = 1e-6
FIRST_PORT = 20_000


class StandsStillError(RuntimeError):
    """Everybody waits, and nobody for a timer: nothing would ever happen again."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """`create_connection` and `create_server` know each other only; `now_ns` is the wall clock that belongs to it."""

    def __init__(self, start_ns: int = 0) -> None:
        self.start_ns = start_ns
        self._now = START_S
        self.servers: dict[int, VirtualServer] = {}
        self._ports = itertools.count(FIRST_PORT)
        super().__init__(_Jumping(self))
        self._clock_resolution = RESOLUTION_S  # or a timer years away would never be quite reached

    def time(self) -> float:
        """Seconds; they only pass when nothing is to be done."""
        return self._now

    def now_ns(self) -> int:
        """The wall clock, in ns since 1970: `start_ns` when the loop began."""
        return self.start_ns + round((self._now - START_S) * SECOND_NS)

    def jump(self, seconds: float) -> None:
        """Let time pass; called by the selector."""
        self._now += seconds

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Factory, host: str | None = None, port: int | None = None, **options: Any
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect to a server of this loop. Raises ConnectionRefusedError where none listens; there is no TLS."""
        await asyncio.sleep(0)
        server = self.servers.get(port or 0)
        if server is None or not server.is_serving():
            raise ConnectionRefusedError(f"nobody listens on port {port}")
        if options.get("ssl"):
            raise OSError("there is no TLS in here")
        client, other = protocol_factory(), server.factory()
        here, there = ("127.0.0.1", next(self._ports)), ("127.0.0.1", port)
        near = Wire(self, client, {"sockname": here, "peername": there})
        far = Wire(self, other, {"sockname": there, "peername": here})
        near.join(far)
        server.accepted(far)
        other.connection_made(far)
        client.connection_made(near)
        return near, client

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Factory, host: str | None = None, port: int | None = None, **options: Any
    ) -> "VirtualServer":
        """Listen on a port, 0 for any. Raises OSError where one listens already."""
        port = port or next(self._ports)
        if port in self.servers:
            raise OSError(f"somebody listens on port {port} already")
        server = self.servers[port] = VirtualServer(self, protocol_factory, port)
        if not options.get("start_serving", True):
            server.pause()
        return server


class VirtualServer(asyncio.AbstractServer):
    """What `create_server` gives."""

    def __init__(self, loop: VirtualLoop, factory: Factory, port: int) -> None:
        self.factory = factory
        self.sockets = (_Address(socket.AF_INET, port),)
        self._loop, self._port = loop, port
        self._is_serving = True
        self._wires: set[Wire] = set()
        self._waiters: list[asyncio.Future[None]] = []

    def accepted(self, wire: Wire) -> None:
        """A client came."""
        self._wires.add(wire)
        wire.when_lost = self._left

    def pause(self) -> None:
        """Not serving yet."""
        self._is_serving = False

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Where it runs."""
        return self._loop

    def is_serving(self) -> bool:
        """Whether clients may come."""
        return self._is_serving

    async def start_serving(self) -> None:
        """From here on clients may come."""
        self._is_serving = True

    async def serve_forever(self) -> None:
        """Until cancelled."""
        self._is_serving = True
        await self._loop.create_future()

    def close(self) -> None:
        """No more clients; those that are there may stay."""
        self._is_serving = False
        if self._loop.servers.get(self._port) is self:
            del self._loop.servers[self._port]

    async def wait_closed(self) -> None:
        """Until the last client has left."""
        if self._wires:
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiters.append(waiter)
            await waiter

    def _left(self, wire: Wire) -> None:
        self._wires.discard(wire)
        if not self._wires:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()


def virtually(main: Coroutine[Any, Any, T], start_ns: int = 0) -> T:
    """Run to its end on a virtual loop, like `asyncio.run`."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_ns)) as runner:
        return runner.run(main)


class _Address(NamedTuple):
    """As much of a listening socket as anybody asks for."""

    family: int
    port: int

    def getsockname(self) -> tuple[str, int]:
        return "127.0.0.1", self.port


class _Jumping(selectors.BaseSelector):
    """Passes the time instead of waiting. The real selector below it has only the loop's own wake-up call."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            woken = self._real.select(PATIENCE_S)
            if not woken:
                raise StandsStillError("everybody waits, and nobody for a timer")
            return woken
        if timeout > 0.0:
            self._loop.jump(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()
