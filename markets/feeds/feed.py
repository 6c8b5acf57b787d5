"""VenueFeed: all connections of one venue, kept up for ever, and how each of them is."""

import asyncio
import logging
import random
import time
from collections.abc import Sequence
from typing import NamedTuple

from markets.core.events import FeedStatus
from markets.feeds.counts import Counts
from markets.feeds.fetching import Fetch, fetch_page
from markets.feeds.means import Clock, Means
from markets.feeds.pace import Attempts, Pace
from markets.feeds.part import Emit, FeedPart, State
from markets.feeds.venue import Endpoint, Venue, VenueSocket

log = logging.getLogger(__name__)

SAMPLE_S = 1.0
MOST_NAMES = 5  # of unknown and missing fields that are shown


class FeedView(NamedTuple):
    """One connection of a venue as the page shows it. Counts are since the start; None is "not known"."""

    feed: str
    venue: str
    title: str
    state: State
    reason: str  # of the last trouble; empty when up
    since_s: float  # in this state
    retry_in_s: float | None  # when an attempt is waited for
    frames: int
    bytes: int
    events: int
    trades: int
    quotes: int
    books: int
    unreadable: int
    unknown: tuple[tuple[str, int], ...]  # the most frequent, with their counts
    missing: tuple[tuple[str, int], ...]
    gaps: int
    resyncs: int
    connects: int
    lag_ms: float | None  # median of receipt less the venue's time
    last_frame_age_ms: float | None
    frames_per_s: float  # over the last ten seconds or so
    words: tuple[str, ...]  # the last complaints, the venue's and our own


class VenueFeed:
    """`run` until cancelled; `views` at any time. Assets that the venue does not list are told as unavailable.

    What `emit` raises ends it. Nothing that the venue does, and no mistake in the venue's file, does.
    """

    def __init__(
        self,
        venue: Venue,
        assets: Sequence[str],
        emit: Emit,
        *,
        clock: Clock = time.time_ns,
        fetch: Fetch = fetch_page,
        rng: random.Random | None = None,
        endpoint: Endpoint | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.venue = venue
        self._emit, self._clock = emit, clock
        self._symbols = {asset: venue.symbols[asset] for asset in assets if asset in venue.symbols}
        self._absent = [asset for asset in assets if asset not in venue.symbols]
        self._endpoint = endpoint or venue.endpoint
        self._counts: dict[str, Counts] = {}
        pace = pace or Pace()
        self._means = Means(clock, fetch, rng or random.Random(), pace, Attempts(pace))
        self._shown: dict[str, tuple[State, float]] = {}
        self._parts = self._made_parts() if self._symbols else []
        self._voice = self._parts[0].feed.partition("/")[0] if self._parts else venue.name  # what its events call it

    async def run(self) -> None:
        """Until cancelled. Raises what `emit` raised, in a group."""
        name, now_ns = self._voice, self._clock()
        reason = f"{self.venue.title} does not list it"
        if self._absent:
            await self._emit([FeedStatus(now_ns, name, "unavailable", asset, reason) for asset in self._absent])
        async with asyncio.TaskGroup() as tasks:
            for part in self._parts:
                tasks.create_task(part.run())
            tasks.create_task(self._sample())

    def views(self) -> list[FeedView]:
        """How each connection is, books first. Cheap, and safe to call at any time."""
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:
            now = 0.0
        return [self._view(part, now) for part in self._parts]

    def _made_parts(self) -> list[FeedPart]:
        try:
            feeds = [socket.feed for socket in self._sockets()]
        except Exception:
            log.exception("%s: its file cannot make its connections", self.venue.name)
            feeds = [self.venue.name]  # one part, which meets the mistake again and shows it
        if len(set(feeds)) < len(feeds):
            raise ValueError(f"{self.venue.name}: each connection needs a feed name of its own, not {feeds}")
        return [self._made_part(feed, place) for place, feed in enumerate(feeds)]

    def _made_part(self, feed: str, place: int) -> FeedPart:
        return FeedPart(feed, self._counts_of(feed), lambda: self._sockets()[place], self._emit, self._means)

    def _sockets(self) -> Sequence[VenueSocket]:
        sockets = self.venue.sockets(self._symbols, self._endpoint, self._counts_of)
        for socket in sockets:
            socket.patience = self._means.pace.patience
        return sockets

    def _counts_of(self, feed: str) -> Counts:
        return self._counts.setdefault(feed, Counts())

    async def _sample(self) -> None:
        while True:
            now = asyncio.get_running_loop().time()
            for part in self._parts:
                part.samples.append((now, part.counts.frames))
                self._since(part.feed, part.state, now)
            await asyncio.sleep(SAMPLE_S)

    def _since(self, feed: str, state: State, now: float) -> float:
        shown = self._shown.get(feed)
        if shown is None or shown[0] != state:
            shown = self._shown[feed] = (state, now)
        return max(0.0, now - shown[1])

    def _view(self, part: FeedPart, now: float) -> FeedView:
        return view_of(part, self.venue.title, self._since(part.feed, part.state, now), now)


def view_of(part: FeedPart, title: str, since_s: float, now: float) -> FeedView:
    """A connection for the page; `now` is the loop's time, `since_s` how long it has been in its state."""
    counts, link = part.counts, part.link
    lag_ns, heard_at = counts.lag_ns, link.connection.heard_at if link is not None else 0.0
    return FeedView(
        feed=part.feed,
        venue=part.feed.partition("/")[0],
        title=title,
        state=part.state,
        reason=part.reason,
        since_s=since_s,
        retry_in_s=max(0.0, part.next_at - now) if part.next_at else None,
        frames=counts.frames,
        bytes=counts.bytes,
        events=counts.events,
        trades=counts.trades,
        quotes=counts.quotes,
        books=counts.books,
        unreadable=counts.unreadable,
        unknown=tuple(counts.unknown.most_common(MOST_NAMES)),
        missing=tuple(counts.missing.most_common(MOST_NAMES)),
        gaps=counts.gaps,
        resyncs=counts.resyncs,
        connects=counts.connects,
        lag_ms=lag_ns / 1e6 if lag_ns is not None else None,
        last_frame_age_ms=(now - heard_at) * 1e3 if heard_at else None,
        frames_per_s=_rate(part, now),
        words=tuple(counts.words),
    )


def _rate(part: FeedPart, now: float) -> float:
    if not part.samples:
        return 0.0
    at, frames = part.samples[0]
    return (part.counts.frames - frames) / (now - at) if now > at else 0.0
