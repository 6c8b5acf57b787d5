"""One connection takes over from another: nothing is lost, nothing is told twice, and the feed is never down."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.venue_book import VenueBook
from markets.feeds.feed import VenueFeed
from markets.feeds.handover import Held, TradeMemory
from markets.loopback.virtual import virtually
from tests.feed_fakes import Listener, ToyServer, ToySocket, beating, greet, said, the_loop, toy, virtual


class Renewed(ToySocket):
    renew_after_s = 20.0


class Alone(Renewed):
    can_overlap = False


@asynccontextmanager
async def fed(server: ToyServer, make: type[ToySocket]) -> AsyncIterator[Listener]:
    listener, loop = Listener(), the_loop()
    feed = VenueFeed(
        toy(make=make), ["BTC"], listener, endpoint=server.endpoint, rng=random.Random(3), clock=loop.now_ns
    )
    running = asyncio.create_task(feed.run())
    yield listener
    running.cancel()
    await asyncio.wait([running])


class Market:
    """The same trades and levels to whoever is connected, each with its own delay; snapshots of the past never."""

    def __init__(self, *, delays: tuple[float, ...] = (0.0,)) -> None:
        self.delays = delays
        self.book = VenueBook()
        self.told: list[str] = []
        self.lines: list[asyncio.Queue[tuple[float, str]]] = []
        self.book.replace([(100.0, 1.0)], [(101.0, 1.0)])

    async def run(self, rng: random.Random) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(rng.choice((0.01, 0.2, 0.5)))
            size = rng.randint(1, 9) + 0.0
            self.book.change([(99.0, size)], [])
            self.told.append(str(len(self.told)))
            for line in self.lines:
                line.put_nowait((loop.time(), said("trade", price=100.0, id=self.told[-1])))
                line.put_nowait((loop.time(), said("level", price=99.0, size=size)))

    async def talk(self, connection: ServerConnection) -> None:
        delay = self.delays[len(self.lines) % len(self.delays)]
        line: asyncio.Queue[tuple[float, str]] = asyncio.Queue()
        self.lines.append(line)
        await greet(connection)
        await connection.send(said("level", price=99.0, size=self.book.bids.get(99.0, 0.0)))
        tasks = [asyncio.create_task(beating(connection)), asyncio.create_task(pump(connection, line, delay))]
        await connection.wait_closed()
        for task in tasks:
            task.cancel()


async def pump(connection: ServerConnection, line: asyncio.Queue[tuple[float, str]], delay: float) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionClosed):
        while True:
            put_at, words = await line.get()
            await asyncio.sleep(put_at + delay - loop.time())
            await connection.send(words)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), delays=st.sampled_from([(0.0,), (0.0, 0.3), (0.3, 0.0)]))
def test_a_renewal_loses_and_doubles_no_trade_and_leaves_the_book_right(seed: int, delays: tuple[float, ...]) -> None:
    async def main() -> None:
        market = Market(delays=delays)
        selling = asyncio.create_task(market.run(random.Random(seed)))
        server = ToyServer(market.talk)
        async with server.running(), fed(server, Renewed) as listener:
            await asyncio.sleep(70.0)
            selling.cancel()
            await asyncio.sleep(3.0)
            assert listener.states == ["expected", "up"]
            assert len(server.seen) == 4
            assert len(set(listener.trades)) == len(listener.trades)
            assert listener.trades == market.told[-len(listener.trades) :]
            assert len(listener.trades) > 0.98 * len(market.told)
            book = VenueBook()
            for event in listener.events:
                hear(book, event)
            assert book.bids == market.book.bids
            stamps = [event.received_ns for event in listener.events]
            assert stamps == sorted(stamps)

    virtually(main())


def hear(book: VenueBook, event: MarketEvent) -> None:
    if isinstance(event, SpotBook):
        book.replace(event.bids, event.asks)
    elif isinstance(event, SpotLevels):
        book.change(event.bids, event.asks)


@virtual
async def test_without_overlap_a_renewal_is_a_short_loss() -> None:
    server = ToyServer(Market().talk)
    async with server.running(), fed(server, Alone) as listener:
        await asyncio.sleep(30.0)
        assert listener.states == ["expected", "up", "lost", "up"]
        assert "renewed" in listener.reasons[0]
        lost, up = [event.received_ns for event in listener.events if isinstance(event, FeedStatus)][-2:]
        assert up - lost < 2e9


@virtual
async def test_a_venue_that_asks_for_a_new_connection_gets_one_at_once() -> None:
    async def asks(connection: ServerConnection) -> None:
        await greet(connection)
        await asyncio.sleep(3.0)
        await connection.send(said("renew"))
        await asyncio.sleep(3.0)
        connection.transport.abort()

    async def stays(connection: ServerConnection) -> None:
        await greet(connection)
        await beating(connection)

    server = ToyServer(asks, stays)
    async with server.running(), fed(server, ToySocket) as listener:
        await asyncio.sleep(60.0)
        assert listener.states == ["expected", "up"]
        assert len(server.seen) == 2


@virtual
async def test_the_first_speaks_until_the_second_is_ready_however_many_fail() -> None:
    async def stays(connection: ServerConnection) -> None:
        await greet(connection)
        await beating(connection)

    async def breaks(connection: ServerConnection) -> None:
        connection.transport.abort()

    async def never_ready(connection: ServerConnection) -> None:
        await connection.recv()
        await beating(connection)

    server = ToyServer(stays, breaks, never_ready, breaks, stays)
    async with server.running(), fed(server, Renewed) as listener:
        await asyncio.sleep(95.0)
        assert listener.states == ["expected", "up"]
        assert len(server.seen) == 5


@virtual
async def test_when_the_first_breaks_meanwhile_the_second_goes_on_alone() -> None:
    first_line: list[ServerConnection] = []

    async def first(connection: ServerConnection) -> None:
        first_line.append(connection)
        await greet(connection)
        await beating(connection)

    async def second(connection: ServerConnection) -> None:
        await asyncio.sleep(0.5)
        first_line[0].transport.abort()
        await asyncio.sleep(0.5)
        await greet(connection, price=200.0)
        await beating(connection)

    server = ToyServer(first, second)
    async with server.running(), fed(server, Renewed) as listener:
        await asyncio.sleep(30.0)
        assert listener.states == ["expected", "up", "lost", "up"]
        assert listener.bids == [100.0, 200.0]
        assert len(server.seen) == 2


def test_what_was_held_back_is_told_as_of_the_handover() -> None:
    held = Held()
    held.hear([SpotLevels(1, "toy", "BTC", ((5.0, 5.0),), ())])  # of a book it never had
    held.hear([SpotBook(2, "toy", "BTC", ((9.0, 1.0), (8.0, 1.0)), ((10.0, 1.0),), 2, 7, 70)])
    held.hear([SpotLevels(3, "toy", "BTC", ((9.0, 0.0), (8.5, 2.0)), (), 8, 71)])
    held.hear([SpotPrice(3, "toy", "BTC", 9.5, 1.0, 6, "buy", "a"), SpotPrice(3, "toy", "BTC", 9.5)])
    held.hear([SpotQuote(4, "toy", "BTC", 8.5, 2.0, 10.0, 1.0), SpotBook(4, "toy", "ETH", ((1.0, 1.0),), ())])
    held.hear([FeedStatus(5, "toy", "lost", "ETH", "gap"), FeedStatus(5, "toy", "unavailable", "XRP", "no")])
    assert held.released(9) == [
        SpotPrice(9, "toy", "BTC", 9.5, 1.0, 6, "buy", "a"),
        FeedStatus(9, "toy", "lost", "ETH", "gap"),
        FeedStatus(9, "toy", "unavailable", "XRP", "no"),
        SpotBook(9, "toy", "BTC", ((8.5, 2.0), (8.0, 1.0)), ((10.0, 1.0),), 2, 8, 71),
        SpotQuote(9, "toy", "BTC", 8.5, 2.0, 10.0, 1.0),
    ]


def test_the_memory_of_trades_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.feeds.handover.REMEMBERED", 3)
    memory = TradeMemory()
    trades = [SpotPrice(1, "toy", "BTC", 9.5, trade_id=str(number)) for number in range(5)]
    for trade in trades:
        memory.note(trade)
    assert [trade in memory for trade in trades] == [False, False, True, True, True]
    assert SpotPrice(1, "toy", "ETH", 9.5, trade_id="4") not in memory
