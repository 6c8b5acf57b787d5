"""Loopback venues over real sockets: they speak, answer pages, beat, let nobody else in, and go wrong on demand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from markets.core.events import SpotBook, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.loopback.faults import KINDS, Fault
from markets.loopback.market import Market
from markets.loopback.server import LoopbackServer, play, serve_venues, split_path
from tests.toy_venue import TOY, TOY_LOOPBACK

NOON_NS = 1_795_003_200 * SECOND_NS
BOOK = SpotBook(NOON_NS, "toy", "BTC", ((99.5, 1.0), (99.0, 2.0)), ((100.5, 1.5),))


def trade(number: int) -> SpotPrice:
    return SpotPrice(NOON_NS + number, "toy", "BTC", 100.0 + number, 0.5, trade_id=str(number))


@asynccontextmanager
async def toy(**options: Any) -> AsyncIterator[LoopbackServer]:
    """The toy venue, quiet but for what a test tells, on a free port."""
    server = LoopbackServer(
        ["toy"], ["BTC", "ETH"], now_ns=lambda: NOON_NS, venues={"toy": TOY}, loopback={"toy": TOY_LOOPBACK}
    )
    server.tell_now("toy", BOOK)
    async with serve_venues(server, is_beating=False, **options):
        yield server


@asynccontextmanager
async def listening(server: LoopbackServer, **options: Any) -> AsyncIterator[ClientConnection]:
    """A client that has subscribed and has its book."""
    async with connect(server.endpoint("toy").ws, compression=None, close_timeout=0.2, **options) as client:
        await client.send("subscribe btc")
        assert (await frame(client))[:1] == [1]
        yield client


async def frame(client: ClientConnection) -> Any:
    return msgspec.json.decode(await client.recv(decode=False))


async def numbers(client: ClientConnection, count: int) -> list[int]:
    return [(await frame(client))[0] for _ in range(count)]


async def get(url: str, **headers: str) -> requests.Response:
    return await asyncio.to_thread(requests.get, url, headers=headers, timeout=5)


def tell(server: LoopbackServer, *trades: int) -> None:
    for number in trades:
        server.tell_now("toy", trade(number))


async def test_a_client_hears_the_book_and_then_what_happens() -> None:
    async with toy() as server, listening(server) as client:
        tell(server, 1)
        await server.tell("toy", SpotLevels(NOON_NS, "toy", "BTC", ((99.5, 0.0),), ()))
        assert (await frame(client))[1][0] == "SpotPrice"
        assert (await frame(client))[1][0] == "SpotLevels"
        assert server.booths["toy"].truth.books["BTC"].bid == 99.0


async def test_venues_beat_once_a_second_of_their_own_time() -> None:
    server = LoopbackServer(["toy"], ["BTC"], speed=50.0, venues={"toy": TOY}, loopback={"toy": TOY_LOOPBACK})
    async with serve_venues(server), connect(server.endpoint("toy").ws) as client:
        assert [await frame(client), await frame(client)] == [[1, None], [2, None]]


async def test_pages_are_answered_below_the_venues_root() -> None:
    async with toy() as server:
        rest = server.endpoint("toy").rest
        good = await get(f"{rest}/top/BTC")
        assert (good.status_code, good.json()) == (200, [99.5, 1.0, 100.5, 1.5])
        assert (await get(f"{rest}/top/XRP")).status_code == 404
        assert (await get(f"http://127.0.0.1:{server.port}/nobody/top")).status_code == 404


async def test_a_page_of_a_browser_is_not_let_in() -> None:
    async with toy() as server:
        with pytest.raises(InvalidStatus, match="403"):
            await connect(server.endpoint("toy").ws, origin="http://example.org")  # type: ignore[arg-type]
        answer = await get(f"{server.endpoint('toy').rest}/top/BTC", Origin="http://example.org")
        assert answer.status_code == 403


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/kraken", ("kraken", "")),
        ("/binance/stream?streams=a@b/c@d", ("binance", "/stream?streams=a@b/c@d")),
        ("/gemini?snapshot=-1", ("gemini", "?snapshot=-1")),
        ("/", ("", "")),
    ],
)
def test_the_first_part_of_a_path_is_the_venue(path: str, parts: tuple[str, str]) -> None:
    assert split_path(path) == parts


async def test_events_are_played_when_they_are_due() -> None:
    class Clock:
        def __init__(self) -> None:
            self.time_ns = NOON_NS
            self.heard: list[int] = []

        def now_ns(self) -> int:
            self.time_ns += SECOND_NS
            return self.time_ns

        def reached(self, at_ns: int) -> None:
            self.heard.append(self.time_ns - at_ns)

    clock = Clock()
    events = list(Market({"toy": ("BTC",)}, 3, NOON_NS, rate=1.0, levels=5).events(20.0))
    async with toy() as server, listening(server) as client:
        assert await play(server, events, clock) == len(events)
        assert all(late_ns >= 0 for late_ns in clock.heard)
        told = [event for event in events if not isinstance(event, SpotBook) and type(event).__name__ != "SpotQuote"]
        assert len(await numbers(client, len(told))) == len(told)


async def test_at_speed_zero_the_clients_set_the_pace() -> None:
    class Clock:
        at_ns = 0

        def now_ns(self) -> int:
            return self.at_ns

        def reached(self, at_ns: int) -> None:
            self.at_ns = at_ns

    async with toy() as server, listening(server) as client:
        server.speed = 0.0
        heard = asyncio.create_task(numbers(client, 5_005))
        await play(server, (trade(number * SECOND_NS // 1_000) for number in range(5_000)), Clock())
        assert len(await heard) == 5_005  # a beat with the first, and one for each second after it


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.loopback.line.LARGEST_BACKLOG", 1_000_000)
    async with toy() as server, connect(server.endpoint("toy").ws, max_queue=1, close_timeout=0.1) as client:
        await client.send("subscribe btc")
        while server.booths["toy"].lines or not server.booths["toy"].connects:
            tell(server, *range(200))
            await asyncio.sleep(0)
        assert server.booths["toy"].cut_off == 1


# Faults -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "heard"),
    [("duplicate", [2, 2, 3, 4, 5]), ("reorder", [3, 2, 4, 5]), ("gap", [3, 4, 5]), ("checksum", [92, 3, 4, 5])],
)
async def test_a_frame_is_said_twice_late_not_at_all_or_wrong(kind: Any, heard: list[int]) -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault(kind, 0.0, "toy"))
        tell(server, 1, 2, 3, 4)
        assert await numbers(client, len(heard)) == heard


async def test_a_frame_in_fragments_is_the_same_frame() -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault("fragments", 0.0, "toy", count=2))
        tell(server, 1, 2, 3)
        assert await numbers(client, 3) == [2, 3, 4]


async def test_garbage_comes_before_a_frame_that_is_whole() -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault("garbage", 0.0, "toy"))
        tell(server, 1)
        assert len(await client.recv(decode=False)) >= 0
        assert await numbers(client, 1) == [2]


async def test_a_field_of_another_type() -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault("mistyped", 0.0, "toy"))
        tell(server, 1)
        plain = [2, msgspec.to_builtins(trade(1))]
        assert [a == b for a, b in zip(_flat(await frame(client)), _flat(plain), strict=True)].count(False) == 1


@pytest.mark.parametrize(("kind", "code"), [("drop", 1006), ("cut", 1006), ("close", 4000)])
async def test_a_connection_ends(kind: Any, code: int) -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault(kind, 0.0, "toy", code=4000, words="enough"))
        tell(server, 1)
        with pytest.raises(ConnectionClosed) as ended:
            await numbers(client, 2)
        assert (ended.value.rcvd.code if ended.value.rcvd else 1006) == code


async def test_a_stalled_venue_says_later_what_it_did_not_say() -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault("stall", 0.0, "toy", seconds=0.15))
        tell(server, 1, 2)
        await (await client.ping())  # it is silent, and yet answers
        assert next(iter(server.booths["toy"].lines.values())).is_stalled
        assert await numbers(client, 2) == [2, 3]


async def test_a_deaf_venue_answers_no_ping() -> None:
    async with toy() as server, listening(server, ping_interval=None) as client:
        server.booths["toy"].faults.apply(Fault("deaf", 0.0, "toy", seconds=0.2))
        tell(server, 1)
        answered = await client.ping()
        assert await numbers(client, 1) == [2]
        await answered


async def test_a_slow_venue_keeps_the_order() -> None:
    async with toy() as server, listening(server) as client:
        server.booths["toy"].faults.apply(Fault("slow", 0.0, "toy", seconds=0.01, delay_s=0.05))
        tell(server, 1, 2)
        await asyncio.sleep(0.02)
        tell(server, 3)
        assert await numbers(client, 3) == [2, 3, 4]


@pytest.mark.parametrize("status", [451, 403, 429, 503])
async def test_the_door_is_closed_with_the_venues_words(status: int) -> None:
    async with toy() as server:
        fault = Fault("refuse", 0.0, "toy", seconds=30.0, code=status, words="not from here")
        server.booths["toy"].faults.apply(fault)
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.endpoint("toy").ws)
        response = refused.value.response
        assert (response.status_code, response.body) == (status, b"not from here")
        assert response.headers.get("Retry-After") == ("30" if status == 429 else None)


async def test_a_storm_drops_so_many_connections() -> None:
    async with toy() as server:
        booth = server.booths["toy"]
        booth.faults.apply(Fault("storm", 0.0, "toy", count=3))
        for _ in range(3):
            async with connect(server.endpoint("toy").ws) as client:
                with pytest.raises(ConnectionClosed):
                    await client.recv()
        async with listening(server):
            assert booth.connects == 4


@pytest.mark.parametrize("status", [500, 200, 429])
async def test_the_next_pages_are_spoiled(status: int) -> None:
    async with toy() as server:
        url = f"{server.endpoint('toy').rest}/top/BTC"
        server.booths["toy"].faults.apply(Fault("page", 0.0, "toy", code=status, words="busy"))
        spoiled = await get(url)
        assert spoiled.status_code == status
        assert spoiled.content != (await get(url)).content


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_client_no_fault_has_anything_to_spoil(kind: Any) -> None:
    async with toy() as server:
        server.booths["toy"].faults.apply(Fault(kind, 0.0, "toy", 0, code=503))


def _flat(value: Any) -> list[Any]:
    return [leaf for inner in value for leaf in _flat(inner)] if isinstance(value, list | tuple) else [value]
