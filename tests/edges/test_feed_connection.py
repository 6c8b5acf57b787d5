"""One feed against a venue that misbehaves: refusals, breaks, silence, garbage; over real sockets where bytes matter,
in virtual time where hours do."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Response

import markets.feeds.connection as connection_module
from markets.core.events import FeedBeat, FeedStatus, MarketEvent, SpotBook
from markets.core.units import SECOND_NS
from markets.feeds.feed import FeedView, VenueFeed
from markets.feeds.fetching import fetch_page
from markets.feeds.pace import Pace
from markets.feeds.venue import Refused, SlowDown
from markets.loopback.virtual import virtually
from markets.loopback.wire import Wire
from tests.feed_fakes import HASTY, Listener, ToyServer, ToySocket, greet, said, steady, the_loop, toy, virtual

Feeding = tuple[VenueFeed, Listener]


@asynccontextmanager
async def fed(server: ToyServer, make: type[ToySocket] = ToySocket, pace: Pace | None = None) -> AsyncIterator[Feeding]:
    """A feed on this server while it lasts."""
    listener = Listener()
    loop = asyncio.get_running_loop()
    clock: Callable[[], int] = getattr(loop, "now_ns", time.time_ns)
    feed = VenueFeed(
        toy(make=make), ["BTC"], listener, endpoint=server.endpoint, pace=pace, rng=random.Random(7), clock=clock
    )
    running = asyncio.create_task(feed.run())
    try:
        yield feed, listener
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30.0):
        while not condition():
            await asyncio.sleep(0.01)


def refusal(status: int, words: str, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, "No", Headers({"Content-Length": str(len(words))} | names), words.encode())


def only(feed: VenueFeed) -> FeedView:
    (view,) = feed.views()
    return view


# Refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 451])
def test_a_refused_venue_is_unavailable_in_its_own_words_and_tried_again_in_an_hour(status: int) -> None:
    @virtual
    async def test() -> None:
        words = "Service unavailable from a restricted location"
        server = ToyServer(steady, refusals=[refusal(status, words), refusal(status, words)])
        async with server.running(), fed(server) as (feed, listener):
            await asyncio.sleep(3_000)
            assert listener.states == ["expected", "unavailable"]
            assert listener.reasons == [f"HTTP {status}: {words}"]
            view = only(feed)
            assert (view.state, view.reason, server.attempts) == ("unavailable", f"HTTP {status}: {words}", 1)
            assert view.retry_in_s is not None
            assert 500.0 < view.retry_in_s < 1_100.0
            await asyncio.sleep(3_600)
            assert (listener.states, server.attempts) == (["expected", "unavailable"], 2)
            await asyncio.sleep(3_600)
            assert listener.states == ["expected", "unavailable", "up"]
            assert only(feed).state == "up"

    test()


@pytest.mark.parametrize(("headers", "wait_s"), [({"Retry_After": "90"}, 90.0), ({}, 60.0)])
def test_who_is_asked_to_slow_down_stays_away_for_so_long(headers: dict[str, str], wait_s: float) -> None:
    @virtual
    async def test() -> None:
        server = ToyServer(steady, refusals=[refusal(429, "too many", **headers)])
        async with server.running(), fed(server) as (feed, listener):
            await asyncio.sleep(wait_s - 1.0)
            assert listener.states == ["expected", "lost"]
            assert "429" in only(feed).reason
            await asyncio.sleep(2.0)
            assert listener.states == ["expected", "lost", "up"]

    test()


@virtual
async def test_a_venue_that_is_down_is_tried_again_later_each_time_and_told_once() -> None:
    server = ToyServer(steady, refusals=[refusal(503, "maintenance")] * 12)
    async with server.running(), fed(server) as (feed, listener):
        await asyncio.sleep(60.0)
        assert 6 <= server.attempts <= 10
        assert listener.states == ["expected", "lost"]
        assert only(feed).words == ("HTTP 503: maintenance",)
        await asyncio.sleep(400.0)
        assert listener.states == ["expected", "lost", "up"]


@virtual
async def test_nobody_is_sent_elsewhere() -> None:
    server = ToyServer(steady, refusals=[refusal(302, "", Location="ws://127.0.0.1:9/other")])
    async with server.running(), fed(server) as (feed, listener):
        await asyncio.sleep(10.0)
        assert listener.states == ["expected", "lost", "up"]
        assert only(feed).words == ("HTTP 302",)


# Breaks and silence -------------------------------------------------------------------------------------------


async def cut(connection: ServerConnection) -> None:
    await greet(connection)
    await asyncio.sleep(0.5)
    connection.transport.abort()


async def goodbye(connection: ServerConnection) -> None:
    await greet(connection)
    await connection.close(1013, "try again later")


async def nothing(connection: ServerConnection) -> None:
    await greet(connection)
    await asyncio.sleep(0.01)
    wire = connection.transport
    assert isinstance(wire, Wire)
    wire.stall()
    await asyncio.sleep(3_600)


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (cut, "broke off without a goodbye"),
        (goodbye, "closed by the venue: 1013 try again later"),
        (nothing, "nothing was heard for 5 s"),
    ],
)
def test_a_lost_connection_is_told_with_its_reason_and_replaced(
    talk: Callable[[ServerConnection], Awaitable[None]], reason: str
) -> None:
    @virtual
    async def test() -> None:
        server = ToyServer(talk, steady)
        async with server.running(), fed(server) as (feed, listener):
            await asyncio.sleep(30.0)
            assert listener.states == ["expected", "up", "lost", "up"]
            assert listener.reasons == [reason]
            assert only(feed).connects == 2

    test()


@virtual
async def test_silence_with_an_open_line_is_noticed_in_time_whatever_pings_are_answered() -> None:
    for ping_interval in (None, 1.0):
        server = ToyServer(nothing)
        async with server.running(ping_interval=ping_interval), fed(server) as (_, listener):
            await asyncio.sleep(5.6)
            assert listener.states == ["expected", "up", "lost"]
            lost = next(event for event in listener.events if isinstance(event, FeedStatus) and event.state == "lost")
            assert lost.received_ns - listener.events[0].received_ns <= 5.5 * SECOND_NS


@virtual
async def test_a_slow_frame_is_no_silence_for_a_while_but_not_for_ever() -> None:
    async def dribble(connection: ServerConnection) -> None:
        await greet(connection)
        connection.transport.write(b"\x81\x7f" + (10_000_000).to_bytes(8, "big"))
        while not connection.transport.is_closing():
            await asyncio.sleep(1.0)
            connection.transport.write(b"x")

    server = ToyServer(dribble)
    async with server.running(), fed(server) as (_, listener):
        await asyncio.sleep(14.0)
        assert listener.states == ["expected", "up"]
        await asyncio.sleep(2.5)
        assert listener.states[:3] == ["expected", "up", "lost"]


async def test_fragments_and_a_ping_within_five_megabytes_over_a_real_socket() -> None:
    pongs = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal pongs
        await greet(connection)
        frame = said("trade", price=5.0, id="7")

        async def pieces() -> AsyncIterator[str]:
            yield frame[:10]
            await (await connection.ping(b"inside"))
            nonlocal pongs
            pongs += 1
            yield frame[10:]

        await connection.send(pieces())
        await connection.send(said("trade", price=6.0, id="8" + "x" * 5_000_000))
        await connection.wait_closed()

    server = ToyServer(talk)
    async with server.running(), fed(server, pace=HASTY) as (feed, listener):
        await until(lambda: len(listener.trades) == 2)
        assert (listener.trades[0], pongs, only(feed).state) == ("7", 1, "up")
        assert only(feed).bytes > 5_000_000


async def test_a_frame_over_our_own_limit_is_called_a_mistake_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection_module.OPTIONS, "max_size", 1_000)

    async def talk(connection: ServerConnection) -> None:
        await greet(connection)
        await connection.send("x" * 2_000)
        await connection.wait_closed()

    server = ToyServer(talk, steady)
    async with server.running(), fed(server, pace=HASTY) as (_, listener):
        await until(lambda: listener.states == ["expected", "up", "lost", "up"])
        assert "our own limit" in listener.reasons[0]


# What cannot be read ------------------------------------------------------------------------------------------


async def babble(connection: ServerConnection, good: int, bad: int) -> None:
    await greet(connection)
    for number in range(bad):
        for _ in range(good):
            await connection.send(said("beat"))
        await connection.send("{not json" if number % 2 else '{"kind": 5}')
    await connection.wait_closed()


@pytest.mark.parametrize(
    ("good", "bad", "is_lost"), [(8, 4, False), (8, 5, True), (120, 10, False), (80, 11, True), (100, 30, False)]
)
def test_a_feed_that_speaks_another_language_is_lost_and_nothing_is_guessed(good: int, bad: int, is_lost: bool) -> None:
    @virtual
    async def test() -> None:
        async def talk(connection: ServerConnection) -> None:
            await babble(connection, good, bad)

        server = ToyServer(talk, steady)
        async with server.running(), fed(server) as (feed, listener):
            await asyncio.sleep(4.0)
            assert ("could not be read" in " ".join(listener.reasons)) == is_lost
            assert only(feed).unreadable == bad
            assert listener.states == (["expected", "up", "lost", "up"] if is_lost else ["expected", "up"])

    test()


@virtual
async def test_where_nothing_tells_of_a_loss_one_unreadable_frame_is_too_many() -> None:
    class Unnumbered(ToySocket):
        notices_loss = False

    async def talk(connection: ServerConnection) -> None:
        await babble(connection, 100, 1)

    server = ToyServer(talk, steady)
    async with server.running(), fed(server, Unnumbered) as (_, listener):
        await asyncio.sleep(4.0)
        assert listener.states == ["expected", "up", "lost", "up"]


@virtual
async def test_data_before_the_acknowledgement_and_kinds_unheard_of() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(said("novelty"))
        await connection.send(said("level", price=99.0))
        await connection.send(said("book", price=100.0))
        await connection.send(said("ack"))
        await connection.send(said("ack"))
        await connection.send(said("beat", at_ns=5))
        await connection.wait_closed()

    server = ToyServer(talk)
    async with server.running(), fed(server) as (feed, listener):
        await asyncio.sleep(1.0)
        kinds = [type(event) for event in listener.events]
        assert kinds == [FeedStatus, SpotBook, FeedStatus, FeedBeat]
        assert only(feed).unknown == (("novelty", 1),)


@virtual
async def test_a_mistake_in_the_venues_file_is_shown_and_treated_like_a_loss() -> None:
    async def talk(connection: ServerConnection) -> None:
        await greet(connection)
        await connection.send(said("break"))
        await connection.wait_closed()

    server = ToyServer(talk, steady)
    async with server.running(), fed(server) as (feed, listener):
        await asyncio.sleep(3.0)
        assert listener.states == ["expected", "up", "lost", "up"]
        assert "KeyError" in listener.reasons[0]
        assert "KeyError" in only(feed).words[0]


@virtual
async def test_a_connection_that_falls_behind_is_replaced_and_a_clock_that_differs_is_not() -> None:
    async def talk(connection: ServerConnection, growing_s: float) -> None:
        await greet(connection)
        loop = the_loop()
        for number in range(600):
            await asyncio.sleep(0.1)
            late_ns = int((-120.0 + growing_s * number / 600) * SECOND_NS)
            await connection.send(said("beat", at_ns=loop.now_ns() - late_ns))
        await connection.wait_closed()

    for growing_s, states in ((0.5, ["expected", "up"]), (20.0, ["expected", "up", "lost", "up"])):
        server = ToyServer(partial(talk, growing_s=growing_s), partial(talk, growing_s=0.0))
        async with server.running(), fed(server) as (_, listener):
            await asyncio.sleep(55.0)
            assert listener.states == states
            assert all("behind" in reason for reason in listener.reasons)


# Pages --------------------------------------------------------------------------------------------------------


def test_pages_are_fetched_and_their_refusals_are_the_venues() -> None:
    async def talk(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(said("ack"))
        await connection.send(said("fetch"))
        await connection.wait_closed()

    async def main(answer: bytes | Exception) -> Listener:
        async def fetch(url: str) -> bytes:
            assert url.endswith("/toy/book")
            await asyncio.sleep(0.5)
            if isinstance(answer, Exception):
                raise answer
            return answer

        server, listener = ToyServer(talk), Listener()
        async with server.running():
            feed = VenueFeed(toy(), ["BTC"], listener, endpoint=server.endpoint, fetch=fetch, rng=random.Random(1))
            running = asyncio.create_task(feed.run())
            await asyncio.sleep(2.0)
            running.cancel()
            await asyncio.wait([running])
        return listener

    heard = virtually(main(b"100"))
    assert (heard.states, heard.bids) == (["expected", "up"], [100.0])
    for error, state in ((Refused("HTTP 451"), "unavailable"), (SlowDown("HTTP 429", 5.0), "lost")):
        assert virtually(main(error)).states == ["expected", state]
    assert virtually(main(ConnectionError("HTTP 500"))).reasons[0].endswith("/toy/book: HTTP 500")
    assert "could not be read" in virtually(main(b"what?")).reasons[0]


async def test_pages_over_a_real_socket() -> None:
    server = ToyServer(
        steady, refusals=[refusal(200, "yes"), refusal(451, "no"), refusal(418, "banned", Retry_After="7")]
    )
    async with server.running():
        url = f"{server.endpoint.rest}/book"
        assert await fetch_page(url) == b"yes"
        with pytest.raises(Refused, match="HTTP 451: no"):
            await fetch_page(url)
        with pytest.raises(SlowDown, match="banned") as slow:
            await fetch_page(url)
        assert slow.value.wait_s == 7.0


async def test_what_the_listener_raises_is_not_taken_for_the_venues() -> None:
    async def full(events: list[MarketEvent]) -> None:
        if any(isinstance(event, SpotBook) for event in events):
            raise OSError("the disk is full")

    server = ToyServer(steady)
    async with server.running():
        with pytest.raises(ExceptionGroup) as failed:
            await VenueFeed(toy(), ["BTC"], full, endpoint=server.endpoint, pace=HASTY).run()
    assert failed.group_contains(OSError, match="the disk is full")
