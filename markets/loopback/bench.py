"""What a venue's messages cost: `python -m markets.loopback.bench socket|decode|memory VENUE FRAMES` prints JSON.

A venue on loopback says an invented market as fast as it is read, in a process of its own; the client is the one that
hears the real venue. CPU time is that of the client's whole process, from the bytes of the socket to the events.
"""

import asyncio
import contextlib
import gc
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.feed import VenueFeed
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Page, VenueSocket
from markets.loopback.market import Market
from markets.loopback.register import LOOPBACK
from markets.loopback.server import PRICE_DIGITS, LoopbackServer, SpotEvent, play, serve_venues, voice_of
from markets.loopback.speaker import Speaker, Truth

ASSETS = ("BTC", "ETH")
START_NS = 1_780_000_000 * SECOND_NS
LEVELS, RATE, SEED = 100, 40.0, 1
WARM_FRAMES = 2_000
LISTENS_S = 1.0  # the client has subscribed by then


class Paced:
    """A clock at the last event told: venue and client agree on what time it is."""

    def __init__(self) -> None:
        self.at_ns = START_NS

    def now_ns(self) -> int:
        """The time of the venue."""
        return self.at_ns

    def reached(self, at_ns: int) -> None:
        """Events up to here were told."""
        self.at_ns = at_ns


def decode(name: str, frames: int) -> dict[str, Any]:
    """The venue's file alone: frames in hand to events, in memory. The books' pages are answered in memory too."""
    sockets, said = _conversation(name, frames)
    heard: dict[VenueSocket, Callable[[bytes, int], list[MarketEvent]]] = {socket: socket.hear for socket in sockets}
    events, size = 0, sum(len(frame) for _, frame, _ in said)
    gc.collect()
    gc.freeze()
    began = time.process_time_ns()
    for socket, frame, now_ns in said:
        events += len(heard[socket](frame, now_ns))
    spent_us = (time.process_time_ns() - began) / 1e3
    return {
        "frames": len(said),
        "events": events,
        "bytes_a_frame": size / len(said),
        "us_a_frame": spent_us / len(said),
        "unreadable": sum(socket.counts.unreadable for socket in sockets),
    }


def socket(name: str, frames: int) -> dict[str, Any]:
    """The whole way: WebSocket on loopback, the venue's file, supervision, events counted by who listens."""
    return asyncio.run(_heard(name, frames))


def memory(name: str, frames: int) -> dict[str, Any]:
    """The same over many frames: resident megabytes before the first, half way, and after the last."""
    return asyncio.run(_heard(name, frames, is_long=True))


async def _heard(name: str, frames: int, *, is_long: bool = False) -> dict[str, Any]:
    server = subprocess.Popen([sys.executable, "-m", "markets.loopback.bench", "serve", name], stdout=subprocess.PIPE)
    done = asyncio.Event()
    seen = [0]

    async def take(events: list[MarketEvent]) -> None:
        seen[0] += len(events)

    try:
        if server.stdout is None:
            raise RuntimeError("the venue's process has no output")
        port = int(await asyncio.to_thread(server.stdout.readline))
        endpoint = Endpoint(f"ws://127.0.0.1:{port}/{name}", f"http://127.0.0.1:{port}/{name}")
        feed = VenueFeed(VENUES[name], _assets(name), take, clock=lambda: START_NS, endpoint=endpoint)
        hearing = asyncio.create_task(feed.run())
        await _until(feed, WARM_FRAMES)
        gc.collect()
        begun = _total(feed, "frames"), seen[0], time.process_time(), time.perf_counter(), _resident_mb()
        half = begun[4]
        if is_long:
            await _until(feed, begun[0] + frames // 2)
            half = _resident_mb()
        await _until(feed, begun[0] + frames)
        spent, passed, heard = time.process_time() - begun[2], time.perf_counter() - begun[3], _total(feed, "frames")
        after = _resident_mb()
        done.set()
        hearing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await hearing
    finally:
        server.kill()
        server.wait()
    many = heard - begun[0]
    return {
        "frames": many,
        "events": seen[0] - begun[1],
        "cpu_us_a_frame": spent * 1e6 / many,
        "frames_a_cpu_second": many / spent,
        "frames_a_second": many / passed,
        "resyncs": _total(feed, "resyncs"),
        "gaps": _total(feed, "gaps"),
        "before_mb": begun[4],
        "half_mb": half,
        "after_mb": after,
    }


async def serve(name: str) -> None:
    """The venue: prints its port, and talks as fast as it is read, until it is killed."""
    server = LoopbackServer([name], _assets(name), now_ns=lambda: START_NS, speed=0.0)
    server.booths[name].truth.patience = inf  # seconds of the market are over before anybody can answer
    async with serve_venues(server, is_beating=False):
        print(server.port, flush=True)  # noqa: T201
        events = _endless(name)
        for event in islice(events, len(_assets(name))):
            server.tell_venue(event)  # the books stand before anybody comes
        while not any(booth.lines for booth in server.booths.values()):
            await asyncio.sleep(0.01)
        await asyncio.sleep(LISTENS_S)
        await play(server, events, Paced())


async def _until(feed: VenueFeed, frames: int) -> None:
    while _total(feed, "frames") < frames:
        await asyncio.sleep(0.005)


def _total(feed: VenueFeed, what: str) -> int:
    return sum(getattr(view, what) for view in feed.views())


def _conversation(name: str, frames: int) -> tuple[list[VenueSocket], list[tuple[VenueSocket, bytes, int]]]:
    """A venue's sockets that have subscribed, and what the venue says to them next."""
    loopback, endpoint = LOOPBACK[name], Endpoint("ws://127.0.0.1/" + name, "http://127.0.0.1/" + name)
    symbols = {asset: VENUES[name].symbols[asset] for asset in _assets(name)}
    truth = Truth(voice_of(VENUES[name], symbols), symbols, PRICE_DIGITS)
    sockets = list(VENUES[name].sockets(symbols, endpoint, lambda _: Counts()))
    speakers = [loopback.speaker(truth, each.url.removeprefix(endpoint.ws)) for each in sockets]
    events = _endless(name)
    for event in islice(events, len(symbols)):
        truth.hear(event)
    truth.now_ns = START_NS
    for each, speaker in zip(sockets, speakers, strict=True):
        for frame in speaker.opened():
            each.hear(frame, START_NS)
        each.opened(START_NS)
        _settle(each, speaker, endpoint)
    said: list[tuple[VenueSocket, bytes, int]] = []
    beaten_ns = START_NS
    for event in events:
        now_ns = event.received_ns
        truth.hear(event)
        is_due, is_synced = now_ns - beaten_ns >= SECOND_NS, all(each.is_synced for each in sockets)
        beaten_ns = now_ns if is_due else beaten_ns
        for each, speaker in zip(sockets, speakers, strict=True):
            frames_now = [*speaker.tell(event), *(speaker.beat() if is_due else ())]
            if is_synced:
                said += [(each, frame, now_ns) for frame in frames_now]
                continue
            for frame in frames_now:  # some books begin with the first message after the subscription
                each.hear(frame, now_ns)
            each.due(now_ns)
            _settle(each, speaker, endpoint)
        if len(said) >= frames:
            return sockets, said
    raise AssertionError("the market never ends")


def _settle(each: VenueSocket, speaker: Speaker, endpoint: Endpoint) -> None:
    """Say and answer until nothing is left to be said."""
    name = endpoint.ws.rpartition("/")[2]
    while each.to_send or each.to_fetch:
        words, pages = list(each.to_send), list(each.to_fetch)
        each.to_send.clear()
        each.to_fetch.clear()
        for word in words:
            for frame in speaker.hear(word.encode()):
                each.hear(frame, START_NS)
        for page in pages:
            each.fetched(page, _page(name, speaker.truth, page, endpoint), START_NS)


def _page(name: str, truth: Truth, page: Page, endpoint: Endpoint) -> bytes:
    answer = LOOPBACK[name].page
    told = answer(truth, page.url.removeprefix(endpoint.rest)) if answer is not None else None
    if told is None:
        raise RuntimeError(f"{name} has no page {page.url}")
    return told.body


def _assets(name: str) -> tuple[str, ...]:
    return tuple(asset for asset in ASSETS if asset in VENUES[name].symbols)


def _endless(name: str) -> Iterator[SpotEvent]:
    symbols = {asset: VENUES[name].symbols[asset] for asset in _assets(name)}
    venue = voice_of(VENUES[name], symbols)
    return Market({venue: _assets(name)}, SEED, START_NS, rate=RATE, levels=LEVELS).events()


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    what, venue = sys.argv[1], sys.argv[2]
    if what == "serve":
        asyncio.run(serve(venue))
    else:
        measure = {"decode": decode, "socket": socket, "memory": memory}[what]
        print(json.dumps(measure(venue, int(sys.argv[3]))))  # noqa: T201
