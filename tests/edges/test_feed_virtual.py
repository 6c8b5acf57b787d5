"""Virtual time: real WebSocket code over bytes in memory, in order, with back-pressure, and without waiting."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

from markets.core.units import DAY_NS
from markets.feeds.feed import VenueFeed
from markets.feeds.pace import Pace
from markets.loopback.virtual import StandsStillError, virtually
from markets.loopback.wire import Wire
from tests.feed_fakes import NOON_NS, Listener, ToyServer, ToySocket, greet, said, the_loop, toy, virtual


@virtual
async def test_a_year_passes_at_once() -> None:
    await asyncio.sleep(365 * 86_400)
    assert the_loop().now_ns() == NOON_NS + 365 * DAY_NS


@virtual
async def test_both_sides_speak_and_say_goodbye() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async with serve(echo, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", max_size=None, compression=None) as socket:
            for message in ("a", "b" * 3_000_000, "c"):
                await socket.send(message)
            assert [len(await socket.recv()) for _ in range(3)] == [1, 3_000_000, 1]
            latency = await (await socket.ping())
            assert latency == 0.0
        assert socket.close_code == 1000


@virtual
async def test_who_does_not_read_holds_up_who_writes() -> None:
    sent = 0

    async def flood(connection: ServerConnection) -> None:
        nonlocal sent
        for _ in range(2_000):
            await connection.send(b"x" * 1_000)
            sent += 1
        await connection.wait_closed()

    async with serve(flood, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", max_queue=16, compression=None) as socket:
            await asyncio.sleep(1)
            held_up = sent
            for _ in range(2_000):
                await socket.recv()
    assert held_up < 500
    assert sent == 2_000


@virtual
async def test_nobody_listens() -> None:
    with pytest.raises(ConnectionRefusedError):
        await connect("ws://127.0.0.1:1").connect()


@virtual
async def test_a_cut_and_a_stall() -> None:
    async def stay(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(stay, "127.0.0.1", 0, ping_interval=None, close_timeout=1.0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", ping_interval=None) as socket:
            next(iter(server.connections)).transport.abort()
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
        async with connect(f"ws://127.0.0.1:{port}", ping_interval=20, ping_timeout=20) as socket:
            wire = next(iter(server.connections)).transport
            assert isinstance(wire, Wire)
            wire.stall()
            began = the_loop().time()
            with pytest.raises(ConnectionClosedError):
                await socket.recv()
            assert 39.0 < the_loop().time() - began < 60.0


def test_to_wait_for_nothing_is_an_error_and_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.loopback.virtual.PATIENCE_S", 0.01)

    async def wait() -> None:
        await the_loop().create_future()

    with pytest.raises(StandsStillError):
        virtually(wait())


class Daily(ToySocket):
    renew_after_s = 23 * 3600.0
    ping_interval_s = 60.0
    stale_after_s = 65.0


async def a_day(connection: ServerConnection) -> None:
    """A venue that beats each half minute, and ends every connection after 24 hours."""
    await greet(connection)
    loop = asyncio.get_running_loop()
    until = loop.time() + 86_400.0
    while loop.time() < until:
        await asyncio.sleep(30.0)
        await connection.send(said("trade", price=100.0, id=str(loop.time() // 30)))
    connection.transport.abort()


@virtual
async def test_three_days_of_daily_renewals_loses_nothing_and_is_never_down() -> None:
    listener, server, loop = Listener(), ToyServer(a_day), the_loop()
    async with server.running(ping_interval=60):
        pace = Pace(tick_s=30.0)
        feed = VenueFeed(toy(make=Daily), ["BTC"], listener, endpoint=server.endpoint, clock=loop.now_ns, pace=pace)
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(3 * 86_400)
        running.cancel()
        await asyncio.wait([running])
    assert listener.states == ["expected", "up"]
    assert len(server.seen) == 4
    numbers = [float(number) for number in listener.trades]
    assert numbers == [numbers[0] + step for step in range(len(numbers))]
    assert len(numbers) == pytest.approx(3 * 2_880, abs=3)
    stamps = [event.received_ns for event in listener.events]
    assert stamps == sorted(stamps)
