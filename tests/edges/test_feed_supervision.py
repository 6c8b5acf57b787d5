"""Many connections for a long time: waits and caps, flat memory, venues that leave each other alone, clear errors."""

import asyncio
import gc
import logging
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from markets.core.events import FeedStatus, MarketEvent, SpotBook
from markets.feeds.counts import Counts
from markets.feeds.feed import VenueFeed
from markets.feeds.feeds import Feeds, UnknownVenue
from markets.feeds.pace import Attempts, Pace, Waits
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Venue, VenueSocket
from markets.loopback.virtual import virtually
from tests.feed_fakes import HASTY, Listener, ToyServer, ToySocket, greet, said, steady, the_loop, toy, virtual


@given(st.integers(0, 10_000))
def test_waits_double_from_half_a_second_to_thirty_each_half_to_one_and_a_half_times(seed: int) -> None:
    waits = Waits(Pace(), random.Random(seed))
    for about in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
        assert 0.5 * about <= waits.next_s() <= 1.5 * about
    waits.reset()
    assert waits.next_s() <= 0.75


@given(st.lists(st.floats(0.0, 20.0), max_size=300))
def test_no_window_has_more_attempts_than_the_cap(pauses: list[float]) -> None:
    pace = Pace(attempts=20, window_s=60.0, apart_s=0.25)
    attempts, now = Attempts(pace), 0.0
    made: list[float] = []
    for pause in pauses:
        now += pause
        made.append(now + attempts.take(now))
    assert made == sorted(made)
    for first, second in pairwise(made):
        assert second - first >= 0.25 - 1e-6
    for first, after_cap in zip(made, made[20:], strict=False):
        assert after_cap - first >= 60.0 - 1e-6


@virtual
async def test_a_venue_that_cuts_every_connection_is_not_stormed() -> None:
    async def cut(connection: ServerConnection) -> None:
        await greet(connection)
        await asyncio.sleep(0.1)
        connection.transport.abort()

    server, listener = ToyServer(cut), Listener()
    async with server.running():
        feed = VenueFeed(toy(), ["BTC"], listener, endpoint=server.endpoint, rng=random.Random(1))
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(600.0)
        assert 15 < server.attempts < 45
        assert listener.states[:5] == ["expected", "up", "lost", "up", "lost"]
        running.cancel()
        await asyncio.wait([running])


@virtual
async def test_after_a_healthy_minute_the_next_wait_is_the_first_again() -> None:
    async def a_while(connection: ServerConnection) -> None:
        await greet(connection)
        for _ in range(70):
            await asyncio.sleep(1.0)
            await connection.send(said("beat"))
        connection.transport.abort()

    server, listener = ToyServer(a_while), Listener()
    async with server.running():
        feed = VenueFeed(toy(), ["BTC"], listener, endpoint=server.endpoint, clock=the_loop().now_ns)
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(1_000.0)
        running.cancel()
        await asyncio.wait([running])
    statuses = [event for event in listener.events if isinstance(event, FeedStatus)]
    down_ns = [
        up.received_ns - lost.received_ns for lost, up in pairwise(statuses) if (lost.state, up.state) == ("lost", "up")
    ]
    assert len(down_ns) > 10
    assert max(down_ns) < 1.0e9


@virtual
async def test_a_thousand_connections_leave_nothing_behind() -> None:
    async def cut(connection: ServerConnection) -> None:
        await greet(connection)
        await connection.send(said("trade", price=100.0, id=str(len(server.seen))))
        await asyncio.sleep(0.05)
        if len(server.seen) % 2:
            connection.transport.abort()
        server.seen[-1:] = [None]  # type: ignore[list-item]  # the number of them is enough

    async def ignore(events: list[MarketEvent]) -> None:
        pass

    server = ToyServer(cut)
    logging.disable(logging.INFO)  # what pytest keeps of the log is nothing of ours
    try:
        async with server.running():
            feed = VenueFeed(toy(), ["BTC"], ignore, endpoint=server.endpoint, pace=HASTY, rng=random.Random(1))
            running = asyncio.create_task(feed.run())
            await reach(server, 200)
            before = objects()
            await reach(server, 1_200)
            after = objects()
            running.cancel()
            await asyncio.wait([running])
    finally:
        logging.disable(logging.NOTSET)
    assert after - before < 1_000  # not one for each connection, and each is made of hundreds
    assert len([1 for it in gc.get_objects() if issubclass(type(it), VenueSocket)]) < 10


async def reach(server: ToyServer, connections: int) -> None:
    while len(server.seen) < connections:
        await asyncio.sleep(0.1)


def objects() -> int:
    gc.collect()
    return len(gc.get_objects())


def broken(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> list[VenueSocket]:
    raise TypeError("a mistake in this file")


class DeafSocket(ToySocket):
    @property
    def is_synced(self) -> bool:
        raise RuntimeError("a mistake in this property")


def test_venues_leave_each_other_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    venues = {name: toy(name) for name in ("good", "gone", "rubbish")}
    venues["deaf"] = toy("deaf", make=DeafSocket)
    venues["broken"] = Venue("broken", "Broken", {"BTC": "btc"}, Endpoint("ws://127.0.0.1:1"), broken)
    for name, venue in venues.items():
        monkeypatch.setitem(VENUES, name, venue)
    virtually(side_by_side(list(venues)))


async def side_by_side(names: list[str]) -> None:
    async def rubbish(connection: ServerConnection) -> None:
        for _ in range(100):
            await connection.send("rubbish")

    good, bad, listener = ToyServer(steady), ToyServer(rubbish), Listener()
    async with good.running(), bad.running():
        feeds = Feeds(
            names,
            ["BTC"],
            listener,
            endpoints={"good": good.endpoint, "deaf": good.endpoint, "rubbish": bad.endpoint},
            rng=random.Random(2),
        )
        running = asyncio.create_task(feeds.run())
        await asyncio.sleep(120.0)
        views = {view.feed: view for view in feeds.views()}
        assert list(views) == names
        assert views["good"].state == "up"
        assert views["good"].connects == 1
        assert {view.state for name, view in views.items() if name != "good"} <= {"lost", "connecting", "syncing"}
        assert "nobody listens" in views["gone"].reason
        assert "could not be read" in views["rubbish"].reason
        assert "TypeError" in views["broken"].reason
        assert "RuntimeError" in views["deaf"].reason
        assert len([1 for feed, state in listener.statuses if feed == "good"]) == 2
        feeds.stop()
        await running


@virtual
async def test_parts_of_a_venue_have_a_life_of_their_own() -> None:
    async def one(connection: ServerConnection) -> None:
        await greet(connection)
        await asyncio.sleep(1.0)
        connection.transport.abort()

    server, listener = ToyServer(one, steady), Listener()
    async with server.running():
        venue = toy("toy", parts=("/books", "/trades"))
        feed = VenueFeed(venue, ["BTC", "DOGE"], listener, endpoint=server.endpoint, rng=random.Random(2))
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(10.0)
        running.cancel()
        await asyncio.wait([running])
    assert [view.feed for view in feed.views()] == ["toy/books", "toy/trades"]
    assert {view.venue for view in feed.views()} == {"toy"}
    per_feed = {
        name: [state for feed, state in listener.statuses if feed == name] for name in ("toy/books", "toy/trades")
    }
    assert sorted(per_feed.values()) == [["expected", "up"], ["expected", "up", "lost", "up"]]
    assert listener.events[0] == FeedStatus(
        listener.events[0].received_ns, "toy", "unavailable", "DOGE", "Toy does not list it"
    )
    assert {event.venue for event in listener.events if isinstance(event, SpotBook)} == {"toy"}


async def test_what_a_door_does_not_list_is_told_of_its_venue() -> None:
    listener = Listener()
    feed = VenueFeed(VENUES["gemini_v2"], ["BTC", "NEAR"], listener, endpoint=Endpoint("ws://127.0.0.1:9"))
    running = asyncio.create_task(feed.run())
    while not listener.events:
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert listener.events[0].feed == "gemini"  # type: ignore[union-attr]


async def test_a_name_that_nobody_knows_is_an_error_with_those_that_are() -> None:
    with pytest.raises(UnknownVenue, match=r"krakn.*there are .*kraken"):
        Feeds(["coinbase", "krakn"], ["BTC"], Listener())


async def test_two_doors_of_one_venue_are_an_error() -> None:
    with pytest.raises(UnknownVenue, match=r"binance has several doors.*kraken, binance, binance_data"):
        Feeds(["kraken", "binance", "binance_data"], ["BTC"], Listener())


async def test_two_connections_with_one_name_are_an_error() -> None:
    with pytest.raises(ValueError, match="a feed name of its own"):
        VenueFeed(toy(parts=("", "")), ["BTC"], Listener())


async def test_views_may_be_asked_at_any_time() -> None:
    feeds = Feeds(["kraken"], ["BTC"], Listener())
    for view in feeds.views():
        assert (view.state, view.frames, view.retry_in_s, view.lag_ms) == ("connecting", 0, None, None)
    feeds.stop()
    await feeds.run()
