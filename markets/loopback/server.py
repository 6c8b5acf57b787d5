"""LoopbackServer: venues on 127.0.0.1 that speak their own wire formats over real sockets, each with its pages."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Protocol

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_socket
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Venue
from markets.loopback.faults import Faults, Refusal
from markets.loopback.line import Line
from markets.loopback.register import LOOPBACK
from markets.loopback.speaker import Answer, LoopbackVenue, Truth

LARGEST_REQUEST = 64 * 1024  # what clients send are subscriptions
GRAIN_S = 0.01  # an event is said at most so much after it is due
SHORTEST_BEAT_S = 0.01
EVENTS_AT_ONCE = 200  # then the clients have their turn
MUCH = 1024 * 1024  # bytes left to read
PRICE_DIGITS = {"BTC": 2, "ETH": 2, "BNB": 2, "ZEC": 2, "SOL": 3, "HYPE": 3, "NEAR": 4, "XRP": 5, "DOGE": 6}

SpotEvent = SpotPrice | SpotQuote | SpotBook | SpotLevels


class Clock(Protocol):
    """Says what is due, and is told how far the venues have come."""

    def now_ns(self) -> int:
        """The time of the venues."""
        ...

    def reached(self, at_ns: int) -> None:
        """All events up to this moment were told."""
        ...


class Booth:
    """One venue's place in the server: its truth, its open lines and its faults."""

    def __init__(self, name: str, loopback: LoopbackVenue, truth: Truth, seed: int = 0) -> None:
        self.name, self.loopback, self.truth = name, loopback, truth
        self.lines: dict[int, Line] = {}
        self.faults = Faults(self.lines, seed)
        self.connects = self.pages = self.cut_off = 0
        self.refusals: Counter[int] = Counter()  # by status

    def tell(self, event: MarketEvent) -> None:
        """Make it true, and say it to whom it concerns."""
        self.truth.hear(event)
        for line in tuple(self.lines.values()):
            for frame in line.speaker.tell(event):
                line.say(frame, event)

    def beat(self, now_ns: int) -> None:
        """A second of the venue has passed."""
        self.truth.now_ns = max(self.truth.now_ns, now_ns)
        for line in tuple(self.lines.values()):
            for frame in line.speaker.beat():
                line.say(frame)
            line.see_out()

    def page(self, path: str) -> Answer | None:
        """The answer to a GET below the venue's root."""
        self.pages += 1
        return self.loopback.page(self.truth, path) if self.loopback.page is not None else None


class LoopbackServer:
    """All the venues behind one port. `names` are those of the register; every venue has these assets (or its own of a
    mapping by name), where it lists them.

    `now_ns` is the venues' clock, `speed` how many of its seconds pass in one of ours.
    `lines_opened` is called with each new connection before the venue says anything: proofs listen there.
    """

    def __init__(
        self,
        names: Iterable[str],
        assets: Iterable[str] | Mapping[str, Iterable[str]],
        *,
        now_ns: Callable[[], int] = time.time_ns,
        speed: float = 1.0,
        seed: int = 0,
        venues: Mapping[str, Venue] = VENUES,
        loopback: Mapping[str, LoopbackVenue] = LOOPBACK,
    ) -> None:
        self.now_ns, self.speed = now_ns, speed
        self.port = 0
        self.booths: dict[str, Booth] = {}
        self.lines_opened: list[Callable[[Booth, Line], None]] = []
        self.errors: list[str] = []  # mistakes in a loopback venue's file
        self._of_venue: dict[str, list[Booth]] = {}
        always = None if isinstance(assets, Mapping) else tuple(assets)
        for number, name in enumerate(names):
            wanted = tuple(assets[name]) if isinstance(assets, Mapping) else always or ()
            symbols = {asset: symbol for asset, symbol in venues[name].symbols.items() if asset in wanted}
            venue = voice_of(venues[name], symbols)
            booth = Booth(name, loopback[name], Truth(venue, symbols, PRICE_DIGITS), seed + number)
            booth.truth.patience = max(1.0, speed)
            self.booths[name] = booth
            self._of_venue.setdefault(venue, []).append(booth)
        self._line_number = 0

    def endpoint(self, name: str) -> Endpoint:
        """Where this venue answers."""
        return Endpoint(f"ws://127.0.0.1:{self.port}/{name}", f"http://127.0.0.1:{self.port}/{name}")

    def tell_now(self, name: str, event: MarketEvent) -> None:
        """Tell the clients of one venue, without waiting for them: who does not read is cut off in the end."""
        self.booths[name].tell(event)

    async def tell(self, name: str, event: MarketEvent) -> None:
        """The same, and let the clients have their turn."""
        self.booths[name].tell(event)
        await asyncio.sleep(0)

    def tell_venue(self, event: SpotEvent) -> None:
        """Tell an event at every place where its venue answers: some have more than one."""
        for booth in self._of_venue.get(event.venue, ()):
            booth.tell(event)

    def beat(self) -> None:
        """Let every venue say what it says once a second."""
        now_ns = self.now_ns()
        for booth in self.booths.values():
            booth.beat(now_ns)

    async def keep_beating(self) -> None:
        """Beat every second of the venues, for ever."""
        while True:
            await asyncio.sleep(max(SHORTEST_BEAT_S, 1.0 / (self.speed or 1.0)))
            self.beat()

    @property
    def is_behind(self) -> bool:
        """Whether a client has much left to read."""
        return any(line.backlog > MUCH for booth in self.booths.values() for line in booth.lines.values())

    # Sockets and pages --------------------------------------------------------------------------------------

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Let programs of this machine in; answer pages; refuse whom the venue refuses."""
        peer = connection.remote_address
        if (peer and peer[0] != "127.0.0.1") or "Origin" in request.headers:
            return _response(HTTPStatus.FORBIDDEN, b"for programs of this machine only")
        name, path = split_path(request.path)
        booth = self.booths.get(name)
        if booth is None:
            return _response(HTTPStatus.NOT_FOUND, b"no such venue")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            refusal = booth.faults.refused(asyncio.get_running_loop().time())
            return None if refusal is None else self._refuse(booth, refusal)
        answer = await booth.faults.page(booth.page(path)) or Answer(404, b"no such page", "text/plain")
        wait = {"Retry-After": "1"} if answer.status == HTTPStatus.TOO_MANY_REQUESTS else {}
        return _response(answer.status, answer.body, {"Content-Type": answer.content_type} | wait)

    async def attend(self, connection: ServerConnection) -> None:
        """One client, from its first frame to its last."""
        name, path = split_path(connection.request.path if connection.request else "")
        booth = self.booths[name]
        self._line_number += 1
        number = self._line_number
        booth.connects += 1
        booth.truth.now_ns = max(booth.truth.now_ns, self.now_ns())
        line = Line(connection, booth.loopback.speaker(booth.truth, path), number, seed=number)
        for heard in self.lines_opened:
            heard(booth, line)
        booth.lines[number] = line
        try:
            booth.faults.connected(line)
            await self._converse(booth, line)
        except ConnectionClosed:
            pass  # its going is the client's affair
        except Exception as error:
            self.errors.append(f"{name}: {type(error).__name__}: {error}")
            raise
        finally:
            line.end()
            booth.cut_off += line.is_cut_off
            del booth.lines[number]

    async def _converse(self, booth: Booth, line: Line) -> None:
        for frame in line.speaker.opened():
            line.say(frame)
        while True:
            heard = await line.connection.recv(decode=False)
            line.heard += 1
            booth.truth.now_ns = max(booth.truth.now_ns, self.now_ns())
            for frame in line.speaker.hear(heard):
                line.say(frame)
            line.see_out()

    def _refuse(self, booth: Booth, refusal: Refusal) -> Response:
        booth.refusals[refusal.status] += 1
        extra = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else {}
        return _response(refusal.status, refusal.words.encode(), {"Content-Type": "text/plain"} | extra)


def split_path(path: str) -> tuple[str, str]:
    """("kraken", "/0/public/Depth?pair=XBTUSD") for "/kraken/0/public/Depth?pair=XBTUSD"."""
    name_ends = min((at for at in (path.find("/", 1), path.find("?", 1)) if at > 0), default=len(path))
    return path[1:name_ends], path[name_ends:]


def voice_of(venue: Venue, symbols: dict[str, str]) -> str:
    """The venue's name in events: some hosts of the register are other doors of the same venue."""
    return venue.sockets(symbols, venue.endpoint, lambda _: Counts())[0].venue


@asynccontextmanager
async def serve_venues(
    server: LoopbackServer, *, port: int = 0, is_beating: bool = True
) -> AsyncIterator[LoopbackServer]:
    """Open the server's port on 127.0.0.1, 0 for a free one, and beat; close everything at the end."""
    async with serve_socket(
        server.attend,
        "127.0.0.1",
        port,
        process_request=server.admit,
        compression=None,
        ping_interval=None,
        close_timeout=0.3,
        max_size=LARGEST_REQUEST,
        max_queue=1024,
    ) as socket_server:
        server.port = port or _port_of(socket_server)
        beating = asyncio.create_task(server.keep_beating()) if is_beating else None
        try:
            yield server
        finally:
            if beating is not None:
                beating.cancel()
                with suppress(asyncio.CancelledError):
                    await beating
            for booth in server.booths.values():
                for line in tuple(booth.lines.values()):
                    line.drop()


async def play(server: LoopbackServer, events: Iterable[SpotEvent], clock: Clock) -> int:
    """Tell each event at every door of its venue when it is due, until there are no more. Returns how many were told.

    At speed 0 nothing is waited for but the clients: the server's beats then follow the times of the events.
    """
    told, beaten_ns = 0, 0
    for event in events:
        while server.speed and clock.now_ns() < event.received_ns:
            await asyncio.sleep(GRAIN_S)
        server.tell_venue(event)
        clock.reached(event.received_ns)
        told += 1
        if not server.speed and event.received_ns - beaten_ns >= SECOND_NS:
            server.beat()
            beaten_ns = event.received_ns
        if told % EVENTS_AT_ONCE == 0:
            await asyncio.sleep(0)
            while server.is_behind:
                await asyncio.sleep(GRAIN_S)
    return told


def _response(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    known = {"Content-Length": str(len(body)), "Connection": "close"}
    return Response(int(status), HTTPStatus(status).phrase, Headers({**(headers or {}), **known}), body)


def _port_of(socket_server: SocketServer) -> int:
    return int(next(iter(socket_server.sockets)).getsockname()[1])
