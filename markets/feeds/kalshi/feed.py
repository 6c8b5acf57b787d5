"""KalshiFeed: the exchange's markets, heard over its WebSocket or read by polling, from their listing to their money."""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Never

from markets.core.events import FeedStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import KEPT_WORDS, Counts
from markets.feeds.feed import view_of
from markets.feeds.fetching import fetch_page
from markets.feeds.kalshi.drift_guard import DriftGuard
from markets.feeds.kalshi.exchange_watch import ExchangeWatch
from markets.feeds.kalshi.keeping import Keeper
from markets.feeds.kalshi.notes import FeeNote, IndexList, LifecycleNote, MissedNote, Note
from markets.feeds.kalshi.polled import Polled
from markets.feeds.kalshi.reading import Reader, Shared
from markets.feeds.kalshi.repeats import Repeats
from markets.feeds.kalshi.socket import FEED, KalshiSocket
from markets.feeds.kalshi.timetable import Timetable
from markets.feeds.kalshi.view import ExchangeView
from markets.feeds.kalshi.wanted import Wanted, index_of
from markets.feeds.kalshi.windows import Windows
from markets.feeds.means import Clock, Means
from markets.feeds.pace import Attempts, Pace
from markets.feeds.part import Emit, FeedPart, State
from markets.feeds.venue import Endpoint
from markets.kalshi.ticker import asset_of

if TYPE_CHECKING:
    from markets.kalshi.auth import Signer
    from markets.kalshi.hosts import Hosts
    from markets.kalshi.rest import KalshiRest

log = logging.getLogger(__name__)

TITLE = "Kalshi"
TICK_S, SHORTEST_S = 0.25, 0.005  # between two looks at the clock
SAMPLE_S = 1.0
HELD_S = 0.5  # between two questions for what the account holds
WATCH_NS = {True: 30 * SECOND_NS, False: 5 * SECOND_NS}  # open markets are read so often: with a socket, without one
POLLED_BEFORE_NS = 2 * SECOND_NS  # books are read from so long before the open
LIFE_CHANNEL = "market_lifecycle_v2"


class KalshiFeed:
    """`run` until cancelled; `view` at any time. What `emit` raises ends it, nothing that the exchange does.

    With a `signer` the WebSocket is heard, without one the public pages are polled. `held` names the markets the account
    still has something in: they are looked after until they have settled. `speed` is how many times faster than the
    loop's time `clock` runs. `notes` gets every note of the WebSocket: fills, orders, positions, groups, lives.
    A market is always told of (MarketListed) before anything else of it is, and what holds its series back before that.
    """

    def __init__(  # noqa: PLR0913 - whoever runs it decides all of this
        self,
        rest: "KalshiRest",
        series: Sequence[str],
        emit: Emit,
        *,
        hosts: "Hosts",
        clock: Clock = time.time_ns,
        signer: "Signer | None" = None,
        held: Callable[[], Iterable[str]] = tuple,
        pace: Pace | None = None,
        is_private: bool = False,
        notes: Callable[[Note], None] | None = None,
        speed: float = 1.0,
    ) -> None:
        """Raises TickerError for what is no quarter-hour series."""
        self._rest, self._emit, self._clock, self._speed = rest, emit, clock, speed
        self._hosts, self._signer, self._held, self._notes = hosts, signer, held, notes
        self._timetable = Timetable()
        self._windows = Windows(series, self._timetable, watch_ns=WATCH_NS[signer is not None])
        self._guard, self._watch = DriftGuard(series), ExchangeWatch(self._timetable, speed)
        shared = Shared(rest, self._windows, self._guard, self._tell, clock, self._complain, self._mistaken)
        self._reader = Reader(shared, is_frugal=signer is None)
        self._keeper = Keeper(shared, self._watch, series, speed, has_account=signer is not None)
        self.wanted = Wanted(indices=[index_of(asset_of(one)) for one in series], series=series, is_private=is_private)
        self._polled = Polled(rest, self._open_soon, self._tell, clock, speed)
        self._part = self._made_part(pace or Pace(patience=max(1.0, speed))) if signer is not None else None
        self._indices: tuple[str, ...] = ()
        self._index_words = "" if signer is not None else "only with a key"
        self._words: deque[str] = deque(maxlen=KEPT_WORDS)
        self._logged = Repeats()
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._from_notes: list[MarketEvent] = []
        self._failure: Exception | None = None  # of who listens
        self._held_at = -HELD_S
        self._since: tuple[State, float] = ("connecting", 0.0)

    async def run(self) -> Never:
        """Until cancelled. Raises what `emit` raised, in a group."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_after(tasks))
            tasks.create_task(self._keeper.run())
            if self._part is not None:
                tasks.create_task(self._part.run())
                tasks.create_task(self._sample(self._part))
            else:
                tasks.create_task(self._polled.run())
        raise AssertionError("none of its tasks ends")

    def shard_of(self, ticker: str) -> int | None:
        """The shard that orders in this market are sent to; None while the market has not been read."""
        return self._windows.shard_of(ticker)

    def view(self) -> ExchangeView:
        """How the exchange is. Cheap, and safe to call at any time."""
        now_ns, part, clock = self._clock(), self._part, self._rest.server_clock.view()
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:
            now = 0.0
        connection = None
        age_ms = (now_ns - self._polled.read_ns) / 1e6 if self._polled.read_ns else None
        if part is not None:
            connection = view_of(part, TITLE, max(0.0, now - self._since[1]), now)
            age_ms = connection.last_frame_age_ms
        budgets = self._rest.budgets.view()
        return ExchangeView(
            how="socket" if part is not None else "polled",
            host=self._hosts.name,
            state=part.state if part is not None else self._polled.state,
            reason=part.reason if part is not None else self._polled.reason,
            age_ms=age_ms,
            clock_offset_ms=clock.offset_ms,
            clock_uncertainty_ms=clock.uncertainty_ms if clock.offset_ms is not None else None,
            clock_words=clock.text,
            tier=budgets.tier,
            budgets=budgets,
            shards=self._watch.views(),
            maintenance=self._watch.maintenance(now_ns),
            next_maintenance=self._watch.next_maintenance(now_ns),
            windows=tuple(self._windows.views()),
            drift=self._guard.stops,
            notices=self._guard.notices,
            indices=self._indices,
            index_words=self._index_words,
            connection=connection,
            words=tuple(self._words),
        )

    # Told -----------------------------------------------------------------------------------------------------

    async def _tell(self, events: list[MarketEvent]) -> None:
        """One call after the other, in the order called: a listing before what follows from it."""
        if events:
            async with self._lock:
                try:
                    await self._emit(events)
                except Exception as error:
                    self._failure = error
                    raise

    async def _from_socket(self, events: list[MarketEvent]) -> None:
        """A connection that stands anew may have missed whatever happened: all is read anew."""
        await self._tell(events)
        for one in events:
            if type(one) is FeedStatus and one.state == "up" and one.feed == FEED and not one.subject:
                self._windows.resync(self._clock())
                self._wake.set()

    def _note(self, note: Note) -> None:
        now_ns = self._clock()
        if isinstance(note, LifecycleNote):
            self._from_notes += self._windows.noted(note, now_ns)
        elif isinstance(note, MissedNote) and note.channel == LIFE_CHANNEL:
            self._windows.resync(now_ns)
        elif isinstance(note, FeeNote):
            self._guard.noted(note)
        elif isinstance(note, IndexList):
            self._indices_told(note)
        if self._notes is not None:
            self._notes(note)
        self._wake.set()

    def _indices_told(self, note: IndexList) -> None:
        self._indices = note.available
        missing = f"the exchange does not give us {', '.join(note.missing)}" if note.missing else ""
        self._index_words = note.reason or missing
        if self._index_words:
            self._complain(f"index: {self._index_words}")

    def _complain(self, text: str) -> None:
        """Shown at once; written down once in a while, though it comes with every reading of every market."""
        text = text[:200]
        if text not in self._words:
            self._words.append(text)
        if self._logged.is_news(text, time.monotonic()):
            log.warning("%s: %s", FEED, text)

    def _mistaken(self, error: Exception) -> None:
        """What the exchange sent met a mistake of ours: that is no reason to hear it no more."""
        if error is self._failure:
            raise error
        log.error("%s: a mistake of ours", FEED, exc_info=error)
        self._complain(f"a mistake of ours: {type(error).__name__}: {error}")

    # Tasks ----------------------------------------------------------------------------------------------------

    async def _look_after(self, tasks: asyncio.TaskGroup) -> Never:
        """Pass the time to the windows, tell what follows, have read what is due, and have heard what is open."""
        windows, clock = self._windows, self._rest.server_clock
        while True:
            self._wake.clear()
            now_ns = self._clock()
            windows.offset_ns = (clock.offset_ns or 0) if clock.is_corrected else 0
            self._hold(now_ns)
            noted, self._from_notes = self._from_notes, []
            await self._tell([*self._guard.events(now_ns), *noted, *windows.advance(now_ns)])
            await self._keeper.tell_status()
            self._guard.keep(windows.tickers())
            self._follow()
            for text in windows.complaints:
                self._complain(text)
            windows.complaints.clear()
            self._reader.read(windows.due(now_ns), tasks)
            self._reader.look_for(windows.unlisted(now_ns), tasks)
            await self._rest_until(windows.next_ns())

    def _hold(self, now_ns: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._held_at >= HELD_S:
            self._held_at = now
            self._windows.hold(self._held(), now_ns)

    async def _rest_until(self, next_ns: int) -> None:
        wait_s = (next_ns - self._clock()) / SECOND_NS / self._speed
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(wait_s, SHORTEST_S), TICK_S)):
                await self._wake.wait()

    def _follow(self) -> None:
        """What is told of is heard, and no more when it is over."""
        quoted, wanted = self._windows.quoted(), self.wanted
        wanted.drop(*[ticker for ticker in wanted.markets if ticker not in quoted])
        wanted.add(*quoted)

    def _open_soon(self) -> list[str]:
        return self._windows.quoted(POLLED_BEFORE_NS)

    async def _sample(self, part: FeedPart) -> Never:
        while True:
            now = asyncio.get_running_loop().time()
            part.samples.append((now, part.counts.frames))
            if self._since[0] != part.state:
                self._since = part.state, now
            await asyncio.sleep(SAMPLE_S)

    def _made_part(self, pace: Pace) -> FeedPart:
        counts, rng = Counts(), random.Random()
        means = Means(self._clock, fetch_page, rng, pace, Attempts(pace))

        def made() -> KalshiSocket:
            socket = KalshiSocket(
                self.wanted,
                Endpoint(self._hosts.ws, self._hosts.rest),
                counts,
                self._signer,
                note=self._note,
                server_clock=self._rest.server_clock,
            )
            socket.patience = pace.patience
            return socket

        return FeedPart(FEED, counts, made, self._from_socket, means)
