"""StreamFeed: market events over one WebSocket, from a source that plays a tape or a simulated market."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Literal

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from markets.core.events import FeedStatus, MarketEvent, Message, SpotPrice

log = logging.getLogger(__name__)

LARGEST_FRAME = 32 * 1024 * 1024
# A paused reader never sees the answer to its goodbye: not worth the wait, the other end is in this machine.
OPTIONS: dict[str, Any] = {
    "compression": None,
    "max_size": LARGEST_FRAME,
    "ping_interval": None,
    "close_timeout": 0.3,
    "proxy": None,
}
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
EXCHANGE = "kalshi"  # the feed that books and market status come from

State = Literal["starting", "running", "lost", "ended"]


class SourceHello(Message, frozen=True):
    """The first frame: who plays. `can_resume` is False where a lost connection loses the place for good."""

    name: str
    label: str
    speed: float
    can_resume: bool


class SourceBeat(Message, frozen=True):
    """Nothing was due for a while, but the source lives; its time is `at_ns`."""

    at_ns: int


class SourceEnd(Message, frozen=True):
    """The last frame: how many events were played, and what was wrong when it did not end by itself."""

    events: int
    error: str = ""


Frame = SourceHello | SourceBeat | SourceEnd | MarketEvent
decode_frame = msgspec.json.Decoder(Frame).decode_lines


class SourceLost(ConnectionError):
    """The source is gone or failed, and cannot be taken up again where we left it."""


class StreamFeed:
    """One pass over `batches()` hears the source to its end. A lost connection is told as FeedStatus events.

    `state`, `hello` and the counters may be read at any time. Raises SourceLost when the source says that it
    failed, when it cannot resume, or when it stays away (or talks nonsense) for longer than `patience_s`.
    """

    def __init__(self, url: str, *, stale_after_s: float = 10.0, patience_s: float = 30.0) -> None:
        self.url = url
        self.state: State = "starting"
        self.hello: SourceHello | None = None
        self.events = self.unreadable = self.losses = self.at_ns = 0
        self._stale_after_s, self._patience_s = stale_after_s, patience_s
        self._good_at_s = 0.0
        self._wait_s = FIRST_WAIT_S
        self._venues: set[str] = set()
        self._down: tuple[str, ...] = ()

    async def batches(self) -> AsyncGenerator[list[MarketEvent], None]:
        """The events in the order of the source, as many at once as arrived at once; never an empty list."""
        self._good_at_s = time.monotonic()
        while self.state != "ended":
            try:
                async with connect(self.url, **OPTIONS) as socket:
                    async for batch in self._read(socket):
                        yield batch
            except SourceLost as error:
                for batch in self._lost(str(error)):
                    yield batch
                raise
            except (OSError, WebSocketException) as error:  # a timeout is an OSError
                reason = str(error) or type(error).__name__
                for batch in self._lost(reason):
                    yield batch
                await self._back_off(reason)

    async def _read(self, socket: ClientConnection) -> AsyncIterator[list[MarketEvent]]:
        while self.state != "ended":
            try:
                async with asyncio.timeout(self._stale_after_s):
                    frame = await socket.recv()
            except TimeoutError:
                raise TimeoutError(f"nothing was heard for {self._stale_after_s:g} s") from None
            try:
                messages = decode_frame(frame)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                for batch in self._unreadable(error):
                    yield batch
                continue
            events = self._sorted_out(messages)
            if events:
                yield events

    def _sorted_out(self, messages: list[Frame]) -> list[MarketEvent]:
        """The market events of a frame; what else it says is taken note of. Raises SourceLost."""
        self._good_at_s, self._wait_s = time.monotonic(), FIRST_WAIT_S
        first = messages[0] if messages else None
        if isinstance(first, SourceHello):
            self.hello, self.state = first, "running"
        elif isinstance(first, SourceBeat):
            self.at_ns = max(self.at_ns, first.at_ns)
        elif isinstance(first, SourceEnd):
            if first.error:
                raise SourceLost(f"the source failed: {first.error}")
            self.state = "ended"
        elif first is not None:
            return self._taken(messages)  # type: ignore[arg-type]  # events share a frame with events alone
        return []

    def _taken(self, events: list[MarketEvent]) -> list[MarketEvent]:
        self.events += len(events)
        self._venues.update([event.venue for event in events if type(event) is SpotPrice])
        self.at_ns = events[-1].received_ns
        if self._down:
            up: list[MarketEvent] = [FeedStatus(events[0].received_ns, feed, "up") for feed in self._down]
            self._down = ()
            return up + events
        return events

    def _lost(self, reason: str) -> list[list[MarketEvent]]:
        """Tell once that every feed behind this socket is lost; nothing to tell before anything was heard."""
        self.state = "lost" if self.hello else "starting"
        if not self.events or self._down:
            return []
        self.losses += 1
        self._down = (EXCHANGE, *sorted(self._venues))
        log.warning("%s: lost after %d events: %s", self.url.rpartition("/")[0], self.events, reason)
        return [[FeedStatus(self.at_ns, feed, "lost", reason=reason) for feed in self._down]]

    def _unreadable(self, error: Exception) -> list[list[MarketEvent]]:
        """Drop a frame. What was in it is not known, so no book is to be believed until its next snapshot."""
        self.unreadable += 1
        log.error("frame %d that cannot be read was dropped: %s", self.unreadable, error)
        if self.hello is None or self.hello.can_resume:
            raise ConnectionError("a frame could not be read; asking for whole books again")
        told = self._lost("a frame could not be read")
        self.state = "running"
        return told

    async def _back_off(self, reason: str) -> None:
        """Wait before the next attempt, longer each time and never in step with others. Raises SourceLost."""
        if self.hello is not None and not self.hello.can_resume:
            raise SourceLost(f"{self.hello.name} cannot be resumed: {reason}")
        if time.monotonic() - self._good_at_s > self._patience_s:
            raise SourceLost(f"the source stayed away for {self._patience_s:g} s: {reason}")
        await asyncio.sleep(self._wait_s * random.uniform(0.5, 1.0))
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
