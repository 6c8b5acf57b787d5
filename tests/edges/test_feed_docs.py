"""The venue that docs/feeds.md adds works as it is printed there."""

import asyncio
import random
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from websockets.asyncio.server import ServerConnection

from markets.core.events import FeedBeat, FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.feeds.feed import VenueFeed
from markets.feeds.venue import Venue
from tests.feed_fakes import Listener, ToyServer, the_loop, virtual


def printed() -> Venue:
    text = (Path(settings.BASE_DIR) / "docs" / "feeds.md").read_text()
    names: dict[str, Any] = {"__name__": "acme"}
    exec(compile(text.partition("```python\n")[2].partition("```")[0], "docs/feeds.md", "exec"), names)
    venue = names["ACME"]
    assert isinstance(venue, Venue)
    return venue


async def acme(connection: ServerConnection) -> None:
    """Its side of the wire; the fifth frame has a hole before it."""
    assert msgspec.json.decode(await connection.recv()) == {"subscribe": ["BTC-USD"]}
    frames: list[dict[str, Any]] = [
        {"kind": "book", "number": 1, "bids": [["99", "1"], ["9", "1"]], "asks": [["101", "0.5"]]},
        {"kind": "change", "number": 2, "bids": [["99", "0"], ["98", "2"]], "asks": [], "new": 1},
        {"kind": "trade", "number": 3, "price": "100.5", "size": "0.25", "taker": "B", "id": "t1"},
        {"kind": "trade", "number": 4, "price": "0", "size": "1"},
        {"kind": "beat", "number": 6},
    ]
    for frame in frames:
        await connection.send(msgspec.json.encode({"symbol": "BTC-USD", "time": "2026-11-18T12:00:00Z"} | frame))
    await connection.wait_closed()


@virtual
async def test_the_venue_in_the_docs_works() -> None:
    listener, server = Listener(), ToyServer(acme)
    async with server.running():
        feed = VenueFeed(
            printed(), ["BTC"], listener, endpoint=server.endpoint, rng=random.Random(1), clock=the_loop().now_ns
        )
        running = asyncio.create_task(feed.run())
        await asyncio.sleep(0.2)
        running.cancel()
        await asyncio.wait([running])
    kinds: list[type[MarketEvent]] = [FeedStatus, SpotBook, FeedStatus, SpotLevels, SpotPrice, FeedStatus]
    assert [type(event) for event in listener.events if type(event) is not FeedBeat] == kinds
    assert listener.reasons == ["frame 6 came after 4"]
    (view,) = feed.views()
    assert (view.gaps, view.missing, view.unknown) == (1, (("trade.price", 1),), (("change.new", 1),))
