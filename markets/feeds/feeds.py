"""Feeds: a set of venues heard side by side; whatever one of them does, the others go on."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence

from markets.feeds.feed import FeedView, VenueFeed
from markets.feeds.fetching import Fetch, fetch_page
from markets.feeds.means import Clock
from markets.feeds.pace import Pace
from markets.feeds.part import Emit
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint


class UnknownVenue(ValueError):
    """Names that cannot be heard: one is not in the register (the text says which are), or two are doors of one venue."""


class Feeds:
    """`run` until `stop` or cancelled. `endpoints` has other addresses than the register's, by venue name."""

    def __init__(
        self,
        names: Sequence[str],
        assets: Sequence[str],
        emit: Emit,
        *,
        clock: Clock = time.time_ns,
        fetch: Fetch = fetch_page,
        endpoints: Mapping[str, Endpoint] | None = None,
        rng: random.Random | None = None,
        pace: Pace | None = None,
    ) -> None:
        """Raises UnknownVenue."""
        names = list(dict.fromkeys(names))
        unknown = [name for name in names if name not in VENUES]
        if unknown:
            raise UnknownVenue(f"no venue is called {', '.join(unknown)}: there are {', '.join(sorted(VENUES))}")
        rng, endpoints = rng or random.Random(), endpoints or {}
        self.feeds = [
            VenueFeed(
                VENUES[name],
                assets,
                emit,
                clock=clock,
                fetch=fetch,
                rng=random.Random(rng.getrandbits(64)),
                endpoint=endpoints.get(name),
                pace=pace,
            )
            for name in names
        ]
        self._stopped = asyncio.Event()
        twice = [view.venue for feed in self.feeds for view in feed.views()[:1]]
        for venue in twice:
            if twice.count(venue) > 1:
                raise UnknownVenue(f"{venue} has several doors, and one of them is to be chosen: {', '.join(names)}")

    async def run(self) -> None:
        """Hear them all. Raises what `emit` raised, in a group: nothing else ends it."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(feed.run()) for feed in self.feeds]
            await self._stopped.wait()
            for task in tasks:
                task.cancel()

    def stop(self) -> None:
        """End `run`, which says goodbye to the venues: a second at most."""
        self._stopped.set()

    def views(self) -> list[FeedView]:
        """How every connection is, in the order of the names."""
        return [view for feed in self.feeds for view in feed.views()]
