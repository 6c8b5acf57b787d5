"""A source of market events over a real socket: whole, in order, on time; and what happens when it is lost."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_socket
from websockets.exceptions import InvalidStatus

from markets.core.events import FeedStatus, MarketEvent, SpotPrice
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.feeds.stream import SourceEnd, SourceHello, SourceLost, StreamFeed
from trading.simulator.clock import ClockError, DemoClock
from trading.simulator.server import serve
from trading.simulator.world import DemoWorld

NOON_NS = 1_795_003_200 * SECOND_NS
encode, encode_lines = msgspec.json.encode, msgspec.json.Encoder().encode_lines


def ticks(count: int, *, every_ns: int = SECOND_NS) -> list[MarketEvent]:
    return [SpotPrice(NOON_NS + number * every_ns, "coinbase", "BTC", 100.0 + number) for number in range(count)]


async def heard(feed: StreamFeed) -> list[MarketEvent]:
    return [event async for batch in feed.batches() for event in batch]


class HandClock:
    """Time that a test moves by hand."""

    def __init__(self, now_ns: int) -> None:
        self.time_ns = now_ns
        self.reached_ns = 0

    def now_ns(self) -> int:
        return self.time_ns

    def reached(self, at_ns: int) -> None:
        self.reached_ns = at_ns


class Steady:
    """A clock for clocks: `DemoClock` and its wall, moved by hand."""

    def __init__(self) -> None:
        self.ns = 5 * SECOND_NS

    def __call__(self) -> int:
        return self.ns


@asynccontextmanager
async def playing(*scenes: Callable[[ServerConnection], object]) -> AsyncIterator[str]:
    """A server that plays one scene a connection, then hangs up; the last scene is for all that come after."""
    left = list(scenes)

    async def play(client: ServerConnection) -> None:
        scene = left.pop(0) if len(left) > 1 else left[0]
        for frame in scene(client):  # type: ignore[attr-defined]
            if frame is None:
                client.transport.abort()
                return
            await client.send(frame)

    async with serve_socket(play, "127.0.0.1", 0, compression=None) as server:
        yield f"ws://127.0.0.1:{_port(server)}"


def _port(server: SocketServer) -> int:
    return int(next(iter(server.sockets)).getsockname()[1])


def hello(*, can_resume: bool) -> bytes:
    return encode(SourceHello("a source", "DEMO", 1.0, can_resume))


# Whole and in order


async def test_two_hundred_thousand_events_arrive_whole_and_in_order() -> None:
    events = list(islice(DemoWorld(7).events(NOON_NS), 200_000))
    async with serve(iter(events), name="demo", label="DEMO", speed=0) as server:
        feed = StreamFeed(server.url)
        assert await heard(feed) == events
    assert (feed.state, feed.events, server.sent) == ("ended", 200_000, 200_000)


async def test_the_source_says_who_it_is_before_anything_else() -> None:
    async with serve(iter(ticks(3)), name="tape 5", label="PAPER", speed=0) as server:
        feed = StreamFeed(server.url)
        before = feed.state
        async for _ in feed.batches():
            assert feed.hello == SourceHello("tape 5", "PAPER", 0.0, can_resume=False)
            assert (before, feed.state) == ("starting", "running")


async def test_an_empty_source_ends_at_once() -> None:
    for speed in (0, 1):
        async with serve(iter(()), name="nothing", label="PAPER", speed=speed) as server:
            assert await heard(StreamFeed(server.url)) == []


async def test_a_slow_reader_slows_the_source() -> None:
    taken = 0

    def endless() -> Iterator[MarketEvent]:
        nonlocal taken
        for event in DemoWorld(7).events(NOON_NS):
            taken += 1
            yield event

    async with serve(endless(), name="demo", label="DEMO", speed=0) as server:
        batches = StreamFeed(server.url).batches()
        try:
            await anext(batches)
            seen = [taken]
            while len(seen) < 3 or len(set(seen[-2:])) > 1:  # until the pipe is full, which takes a busy machine longer
                await asyncio.sleep(0.5)
                seen.append(taken)
                assert taken < 200_000
        finally:
            await batches.aclose()


# On time


async def test_nothing_is_told_before_it_is_due() -> None:
    clock, got = HandClock(NOON_NS), list[MarketEvent]()
    async with serve(iter(ticks(300)), name="demo", label="DEMO", speed=10, clock=clock) as server:

        async def listen() -> None:
            async for batch in StreamFeed(server.url).batches():
                assert batch[-1].received_ns <= clock.time_ns
                got.extend(batch)

        listening = asyncio.create_task(listen())
        for passed_s in (0, 1.5, 80, 250, 298.9):
            clock.time_ns = NOON_NS + int(passed_s * SECOND_NS)
            await asyncio.sleep(0.2)
            assert len(got) == int(passed_s) + 1
            assert clock.reached_ns == got[-1].received_ns
        clock.time_ns += SECOND_NS
        await asyncio.wait_for(listening, 5)
    assert got == ticks(300)


async def test_without_a_clock_a_recording_is_paced_by_its_own_times() -> None:
    loop = asyncio.get_running_loop()
    events = ticks(21, every_ns=500 * MILLISECOND_NS)  # ten seconds, at twenty times the speed
    async with serve(iter(events), name="tape", label="PAPER", speed=20) as server:
        start_s, waits = 0.0, list[float]()
        async for batch in StreamFeed(server.url).batches():
            start_s = start_s or loop.time()
            due_s = (batch[-1].received_ns - NOON_NS) / SECOND_NS / 20
            waits.append(loop.time() - start_s - due_s)
    assert min(waits) > -0.06
    assert 0.4 < loop.time() - start_s < 2


async def test_a_silent_source_beats_so_that_nobody_takes_it_for_dead() -> None:
    clock = HandClock(NOON_NS)
    async with serve(iter(ticks(2)), name="demo", label="DEMO", speed=1, clock=clock) as server:
        feed = StreamFeed(server.url, stale_after_s=2.5)
        listening = asyncio.create_task(heard(feed))
        await asyncio.sleep(3.2)
        assert feed.state == "running"
        clock.time_ns += 10 * SECOND_NS
        assert await asyncio.wait_for(listening, 5) == ticks(2)
    assert feed.losses == 0


# When things go wrong


async def test_a_source_that_can_resume_is_taken_up_again_and_the_loss_is_told() -> None:
    first, second = ticks(5)[:2], ticks(5)[3:]
    async with playing(
        lambda _: [hello(can_resume=True), encode_lines(first), None],
        lambda _: [hello(can_resume=True), encode_lines(second), encode(SourceEnd(2))],
    ) as url:
        feed = StreamFeed(url)
        events = await asyncio.wait_for(heard(feed), 10)
    told = [(event.feed, event.state, event.received_ns) for event in events if isinstance(event, FeedStatus)]
    assert told == [
        ("kalshi", "lost", first[-1].received_ns),
        ("coinbase", "lost", first[-1].received_ns),
        ("kalshi", "up", second[0].received_ns),
        ("coinbase", "up", second[0].received_ns),
    ]
    assert [event for event in events if not isinstance(event, FeedStatus)] == first + second


async def test_a_source_that_cannot_resume_is_told_lost_and_then_raises() -> None:
    async with playing(lambda _: [hello(can_resume=False), encode_lines(ticks(2)), None]) as url:
        feed = StreamFeed(url)
        batches = feed.batches()
        told = [type(event).__name__ for _ in range(2) for event in await anext(batches)]
        with pytest.raises(SourceLost, match="a source cannot be resumed"):
            await anext(batches)
    assert told == ["SpotPrice", "SpotPrice", "FeedStatus", "FeedStatus"]
    assert feed.state == "lost"


async def test_the_demo_market_goes_on_where_its_clock_is_after_a_lost_connection() -> None:
    clock, world = HandClock(NOON_NS + 10 * SECOND_NS), DemoWorld(7, ("BTC",))
    opened: list[int] = []

    def source() -> Iterator[MarketEvent]:
        opened.append(clock.now_ns())
        return world.events(clock.now_ns())

    async with serve(source, name="demo", label="DEMO", speed=10, clock=clock) as server:
        for _ in range(2):
            batches = StreamFeed(server.url).batches()
            assert (await anext(batches))[0].received_ns == clock.now_ns()
            await batches.aclose()
            clock.time_ns += 60 * SECOND_NS
    assert opened == [NOON_NS + 10 * SECOND_NS, NOON_NS + 70 * SECOND_NS]


async def test_a_recording_that_was_played_is_refused_to_a_second_client() -> None:
    async with serve(iter(ticks(5)), name="tape", label="PAPER", speed=0) as server:
        await heard(StreamFeed(server.url))
        with pytest.raises(SourceLost, match="already played"):
            await heard(StreamFeed(server.url))


async def test_a_source_that_fails_says_so_and_the_feed_raises(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> Iterator[MarketEvent]:
        yield from ticks(3)
        raise ValueError("the tape is torn")

    for speed in (0, 100):
        async with serve(failing(), name="tape", label="PAPER", speed=speed) as server:
            with pytest.raises(SourceLost, match="ValueError: the tape is torn"):
                await heard(StreamFeed(server.url))


async def test_a_frame_that_cannot_be_read_is_counted_and_no_book_is_believed_after_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = b'["SpotPrice",1,"coinbase"\n'
    frames = [hello(can_resume=False), encode_lines(ticks(1)), broken, encode_lines(ticks(2)), encode(SourceEnd(3))]
    async with playing(lambda _: frames) as url:
        feed = StreamFeed(url)
        events = await heard(feed)
    assert [type(event).__name__ for event in events] == ["SpotPrice", *["FeedStatus"] * 4, *["SpotPrice"] * 2]
    assert (feed.unreadable, feed.state) == (1, "ended")
    assert "cannot be read" in caplog.text


async def test_after_an_unreadable_frame_a_source_that_can_resume_is_asked_for_whole_books() -> None:
    async with playing(
        lambda _: [hello(can_resume=True), encode_lines(ticks(1)), b"[nonsense]", encode_lines(ticks(2))],
        lambda _: [hello(can_resume=True), encode_lines(ticks(3)), encode(SourceEnd(3))],
    ) as url:
        feed = StreamFeed(url)
        events = await asyncio.wait_for(heard(feed), 10)
    assert [event for event in events if not isinstance(event, FeedStatus)] == ticks(1) + ticks(3)
    assert feed.losses == 1


async def test_a_source_that_falls_silent_is_given_up() -> None:
    async def mute(client: ServerConnection) -> None:
        await client.send(hello(can_resume=False))
        await client.send(encode_lines(ticks(1)))
        await client.wait_closed()

    async with serve_socket(mute, "127.0.0.1", 0) as server:
        feed = StreamFeed(f"ws://127.0.0.1:{_port(server)}", stale_after_s=0.2)
        with pytest.raises(SourceLost, match=r"nothing was heard for 0\.2 s"):
            await heard(feed)


async def test_a_source_that_stays_away_is_given_up_after_a_while() -> None:
    async with serve(iter(ticks(1)), name="tape", label="PAPER", speed=0) as server:
        url = server.url
    with pytest.raises(SourceLost, match="stayed away"):
        await heard(StreamFeed(url, patience_s=0.3))


async def test_who_does_not_know_the_path_hears_nothing() -> None:
    async with serve(iter(ticks(1)), name="tape", label="PAPER", speed=0) as server:
        with pytest.raises(InvalidStatus, match="404"):
            async with connect(server.url.rpartition("/")[0] + "/", proxy=None):
                pass
        assert await heard(StreamFeed(server.url)) == ticks(1)


# The clock of the demo market


@pytest.fixture
def hands() -> tuple[Steady, Steady]:
    return Steady(), Steady()


def demo_clock(folder: Path, hands: tuple[Steady, Steady], speed: float = 10.0) -> DemoClock:
    wall, steady = hands
    return DemoClock(folder / "demo_clock.json", speed=speed, seed=7, wall=wall, steady=steady)


def passes(hands: tuple[Steady, Steady], seconds: int) -> None:
    for hand in hands:
        hand.ns += seconds * SECOND_NS


def test_the_demo_clock_begins_now_and_runs_as_many_times_as_fast(tmp_path: Path, hands: tuple[Steady, Steady]) -> None:
    clock = demo_clock(tmp_path, hands)
    start_ns = hands[0].ns
    assert clock.now_ns() == start_ns
    passes(hands, 6)
    assert clock.now_ns() == start_ns + 60 * SECOND_NS


def test_the_demo_market_goes_on_while_we_are_down(tmp_path: Path, hands: tuple[Steady, Steady]) -> None:
    before_ns = demo_clock(tmp_path, hands).now_ns()
    passes(hands, 30)
    assert demo_clock(tmp_path, hands).now_ns() == before_ns + 300 * SECOND_NS


def test_another_speed_takes_up_the_time_that_was_reached(tmp_path: Path, hands: tuple[Steady, Steady]) -> None:
    before_ns = demo_clock(tmp_path, hands, 100.0).now_ns()
    passes(hands, 10)
    slower = demo_clock(tmp_path, hands, 1.0)
    passes(hands, 10)
    assert slower.now_ns() == before_ns + 1_010 * SECOND_NS


def test_the_demo_clock_never_runs_backwards_when_the_wall_clock_does(
    tmp_path: Path, hands: tuple[Steady, Steady]
) -> None:
    clock = demo_clock(tmp_path, hands)
    passes(hands, 100)
    clock.save()
    reached_ns = clock.now_ns()
    hands[0].ns -= 50 * SECOND_NS
    assert clock.now_ns() == reached_ns
    assert demo_clock(tmp_path, hands).now_ns() == reached_ns


def test_at_full_speed_the_time_is_that_of_the_last_event_told(tmp_path: Path, hands: tuple[Steady, Steady]) -> None:
    clock = demo_clock(tmp_path, hands, 0.0)
    told_ns = clock.now_ns() + 3_600 * SECOND_NS
    passes(hands, 5)
    clock.reached(told_ns)
    assert demo_clock(tmp_path, hands, 0.0).now_ns() == told_ns


def test_a_clock_that_cannot_be_read_says_which_file_to_delete(tmp_path: Path, hands: tuple[Steady, Steady]) -> None:
    (tmp_path / "demo_clock.json").write_text('{"sim_ns":')
    with pytest.raises(ClockError, match=r"demo_clock\.json"):
        demo_clock(tmp_path, hands)
