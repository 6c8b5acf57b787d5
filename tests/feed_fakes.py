"""A small invented venue, both sides of its wire, for tests of what runs venues: connections, feeds, handovers."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kept import KeptBook
from markets.feeds.pace import Pace
from markets.feeds.venue import Endpoint, Page, Reconnect, Unreadable, Venue, VenueSocket
from markets.loopback.virtual import VirtualLoop, virtually

NOON_NS = 1_795_003_200 * SECOND_NS
HASTY = Pace(first_wait_s=0.01, longest_wait_s=0.05, attempts=100_000, apart_s=0.0, tick_s=0.02)


class Said(msgspec.Struct):
    """One frame of this venue: `kind` is ack, book, level, trade, beat, renew, fetch, code or break."""

    kind: str
    asset: str = ""
    price: float = 0.0
    size: float = 1.0
    id: str = ""
    at_ns: int = 0


def said(kind: str, asset: str = "BTC", price: float = 0.0, size: float = 1.0, **more: Any) -> str:
    return msgspec.json.encode(Said(kind, asset, price, size, **more)).decode()


class ToySocket(VenueSocket):
    """Subscribes to each asset; is synced when each is granted and has its book."""

    stale_after_s = 5.0

    def __init__(self, feed: str, symbols: dict[str, str], endpoint: Endpoint, counts: Counts) -> None:
        super().__init__(feed, symbols, endpoint, counts)
        self.granted: set[str] = set()
        self.books = {asset: KeptBook(self, asset) for asset in symbols}

    @property
    def is_synced(self) -> bool:
        return len(self.granted) == len(self.symbols) and all(book.stands for book in self.books.values())

    def opened(self, now_ns: int) -> list[MarketEvent]:
        self.to_send += [said("subscribe", asset) for asset in self.symbols]
        return []

    def hear(self, frame: bytes, now_ns: int) -> list[MarketEvent]:
        try:
            it = msgspec.json.decode(frame, type=Said)
        except msgspec.DecodeError as error:
            raise Unreadable(str(error)) from None
        self.note_lag(now_ns, it.at_ns)
        return getattr(self, f"_{it.kind}", self._unknown)(it, now_ns)

    def fetched(self, page: Page, body: bytes, now_ns: int) -> list[MarketEvent]:
        if not body.isdigit():
            raise Unreadable("no number")
        return self.books[page.subject].snapshot([(float(body), 1.0)], [(float(body) + 1.0, 1.0)], now_ns)

    def _unknown(self, it: Said, now_ns: int) -> list[MarketEvent]:
        self.counts.unknown[it.kind] += 1
        return []

    def _ack(self, it: Said, now_ns: int) -> list[MarketEvent]:
        self.granted.add(it.asset)
        return []

    def _book(self, it: Said, now_ns: int) -> list[MarketEvent]:
        return self.books[it.asset].snapshot([(it.price, it.size)], [(it.price + 1.0, it.size)], now_ns, it.at_ns)

    def _level(self, it: Said, now_ns: int) -> list[MarketEvent]:
        return self.books[it.asset].change([(it.price, it.size)], [], now_ns, it.at_ns)

    def _trade(self, it: Said, now_ns: int) -> list[MarketEvent]:
        return [SpotPrice(now_ns, self.venue, it.asset, it.price, it.size, it.at_ns, "", it.id)]

    def _beat(self, it: Said, now_ns: int) -> list[MarketEvent]:
        return self.beat(now_ns, it.at_ns)

    def _renew(self, it: Said, now_ns: int) -> list[MarketEvent]:
        self.renewal_asked = "please connect anew"
        return []

    def _again(self, it: Said, now_ns: int) -> list[MarketEvent]:
        raise Reconnect("a number is missing")

    def _fetch(self, it: Said, now_ns: int) -> list[MarketEvent]:
        self.to_fetch.append(Page(f"{self.endpoint.rest}/book", it.asset))
        return []

    def _break(self, it: Said, now_ns: int) -> list[MarketEvent]:
        raise KeyError("a mistake in this file")


def toy(name: str = "toy", *, make: type[ToySocket] = ToySocket, parts: tuple[str, ...] = ("",)) -> Venue:
    """The venue's line of the register; each part is a connection of its own."""

    def sockets(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> list[VenueSocket]:
        return [make(name + part, symbols, endpoint, counts_of(name + part)) for part in parts]

    return Venue(name, name.title(), {"BTC": "btc", "ETH": "eth"}, Endpoint("ws://127.0.0.1:1/toy"), sockets)


class Listener:
    """Keeps what a feed tells; `wait_for` a condition on it."""

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []

    async def __call__(self, events: list[MarketEvent]) -> None:
        assert events
        self.events += events

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(event.feed, event.state) for event in self.events if isinstance(event, FeedStatus)]

    @property
    def states(self) -> list[str]:
        return [event.state for event in self.events if isinstance(event, FeedStatus) and not event.subject]

    @property
    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, FeedStatus) and event.reason]

    @property
    def trades(self) -> list[str]:
        return [event.trade_id for event in self.events if isinstance(event, SpotPrice)]

    @property
    def bids(self) -> list[float]:
        return [event.bids[0][0] for event in self.events if isinstance(event, SpotBook)]


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test on a virtual loop."""

    def run() -> None:
        virtually(test(), NOON_NS)

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def the_loop() -> VirtualLoop:
    """The virtual loop that runs."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


Talk = Callable[[ServerConnection], Awaitable[None]]


class ToyServer:
    """Serves each connection with the next of `talks`, the last again and again. `seen` has the connections made."""

    def __init__(self, *talks: Talk, refusals: list[Response] | None = None) -> None:
        self.talks = list(talks)
        self.refusals = refusals or []
        self.seen: list[ServerConnection] = []
        self.attempts = 0
        self.server: Server

    async def talk(self, connection: ServerConnection) -> None:
        self.seen.append(connection)
        await self.talks[min(len(self.seen), len(self.talks)) - 1](connection)

    def request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        return self.refusals.pop(0) if self.refusals else None

    @property
    def endpoint(self) -> Endpoint:
        host, port = self.server.sockets[0].getsockname()[:2]
        return Endpoint(f"ws://{host}:{port}/toy", f"http://{host}:{port}/toy")

    @asynccontextmanager
    async def running(self, **options: Any) -> Any:
        options = {"ping_interval": None, "close_timeout": 0.2, "compression": None} | options
        async with serve(self.talk, "127.0.0.1", 0, process_request=self.request, **options) as self.server:
            yield self


async def greet(connection: ServerConnection, price: float = 100.0, assets: int = 1) -> None:
    """Grant what is asked for, each with its book."""
    for _ in range(assets):
        asked = msgspec.json.decode(await connection.recv(), type=Said)
        await connection.send(said("ack", asked.asset))
        await connection.send(said("book", asked.asset, price))


async def steady(connection: ServerConnection) -> None:
    """Greet, and beat each second until the client goes."""
    await greet(connection)
    await beating(connection)


async def beating(connection: ServerConnection, every_s: float = 1.0) -> None:
    """Beat until the client goes."""
    with suppress(ConnectionClosed):
        while True:
            await asyncio.sleep(every_s)
            await connection.send(said("beat"))
