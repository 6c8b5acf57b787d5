"""Recording alone over real sockets: the clients that hear real venues hear loopback ones, and the tape is sound."""

import asyncio
import time
from pathlib import Path

import pytest

from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.feeds.feeds import Feeds
from markets.listening import Listening
from markets.loopback.market import Market
from markets.loopback.server import LoopbackServer, play, serve_venues
from markets.recorder import Recorder
from markets.tape import files_of, read_whole
from markets.tapes.inspecting import inspect_tape
from markets.tapes.verifying import inconsistency
from tests.tapes import HEADER

NAMES = ("kraken", "bitstamp", "coinbase", "binance")
ASSETS = ("BTC", "ETH")
SECONDS = 4.0


class Wall:
    """The clock on the wall."""

    def now_ns(self) -> int:
        return time.time_ns()

    def reached(self, at_ns: int) -> None:
        """It goes by itself."""


@pytest.mark.slow
async def test_what_venues_say_over_sockets_is_recorded_and_sound(tmp_path: Path) -> None:
    venues = dict.fromkeys(NAMES, ASSETS)
    server = LoopbackServer(NAMES, ASSETS)
    recorder = Recorder(tmp_path, HEADER, part_bytes=200_000)
    listening = Listening(recorder)
    async with serve_venues(server):
        feeds = Feeds(NAMES, ASSETS, listening.hear, endpoints={name: server.endpoint(name) for name in NAMES})
        market = Market(venues, 7, time.time_ns(), rate=50.0, levels=40)
        playing = asyncio.create_task(play(server, market.events(SECONDS), Wall()))
        await listening.run(feeds, seconds=SECONDS)
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    path = recorder.close()
    assert len(files_of(path)) > 1
    assert inconsistency(path) == ""
    report = inspect_tape(path)
    assert set(NAMES) <= set(report.feeds)
    assert {SpotBook, SpotLevels, SpotPrice} <= {type(event) for event in read_whole(path, MarketEvent)}
