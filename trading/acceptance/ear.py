"""Ear: our WebSocket client on a connection, and all that it has heard."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, Level, MarketEvent
from markets.feeds.connection import Connection
from markets.feeds.counts import Counts
from markets.feeds.endings import Ending, ending_of
from markets.feeds.fetching import fetch_page
from markets.feeds.guards import ParseGuard
from markets.feeds.kalshi.notes import Note
from markets.feeds.kalshi.socket import KalshiSocket, Wanted
from markets.feeds.means import Means
from markets.feeds.pace import Attempts, Pace
from markets.feeds.venue import Endpoint
from markets.kalshi.auth import Signer
from markets.kalshi.hosts import Hosts
from trading.acceptance.case import Failed

T = TypeVar("T")
PACE = Pace(first_wait_s=0.1, tick_s=0.05)
Sides = tuple[tuple[Level, ...], tuple[Level, ...]]


class Seen(NamedTuple):
    """A book after an event."""

    at: float  # of the loop's time
    ticker: str
    sides: Sides


class Ear:
    """Use it with `async with`: it hears until then. `endings` are the connections that ended, and why; with `again` a
    new one follows. `clock` stamps the signature of the handshake, and runs `haste` times as fast as the wall's at most;
    `stale_after_s` is the silence that ends a connection."""

    def __init__(
        self,
        hosts: Hosts,
        signer: Signer | None,
        wanted: Wanted,
        *,
        again: bool = False,
        clock: Callable[[], int] = time.time_ns,
        haste: float = 1.0,
        stale_after_s: float | None = None,
        is_let_in: bool = True,
    ) -> None:
        self.wanted, self.counts = wanted, Counts()
        self.events: list[MarketEvent] = []
        self.notes: list[Note] = []
        self.endings: list[Ending] = []
        self.books: dict[str, OrderBook] = {}
        self.seen: list[Seen] = []
        self._endpoint = Endpoint(hosts.ws)
        self._signer, self._again, self._clock, self._stale_after_s = signer, again, clock, stale_after_s
        self._haste, self._is_let_in = haste, is_let_in
        self._means = Means(clock, fetch_page, random.Random(1), PACE, Attempts(PACE))
        self._connection: Connection | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def is_synced(self) -> bool:
        """Whether it has all it asked for."""
        return self._connection is not None and self._connection.is_synced and self._connection.socket.is_synced

    def sides(self, ticker: str) -> Sides:
        """(YES bids, NO bids) as heard, ascending."""
        book = self.books.get(ticker) or OrderBook()
        return tuple(sorted(book.yes.items())), tuple(sorted(book.no.items()))

    def sides_since(self, ticker: str, at: float) -> list[Sides]:
        """All that the book was since that time of the loop: as it was then first."""
        before = [one.sides for one in self.seen if one.ticker == ticker and one.at <= at][-1:]
        return before + [one.sides for one in self.seen if one.ticker == ticker and one.at > at]

    def of(self, kind: type[T], **fields: object) -> list[T]:
        """The events or notes of this kind with these fields, in the order heard."""
        return [
            one
            for one in (*self.events, *self.notes)
            if isinstance(one, kind) and all(getattr(one, name) == value for name, value in fields.items())
        ]

    async def synced(self, within_s: float) -> None:
        """Wait until it has all it asked for. Raises Failed."""
        await self.hear(lambda: self.is_synced, "the WebSocket gives all that was asked for", within_s)

    async def hear(self, is_so: Callable[[], Any], what: str, within_s: float) -> Any:
        """Wait until what was heard makes it so; what `is_so` then gave. Raises Failed, also when the connection ended."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while not (found := is_so()):
            left = until - loop.time()
            is_over = self._is_let_in and not self._again and self.endings
            if left <= 0 or is_over:
                ended = f"; ended: {self.endings[-1].reason}" if self.endings else ""
                words = f"; {'; '.join(self.counts.words)}" if self.counts.words else ""
                raise Failed(f"{what}: not heard within {within_s:g} s{ended}{words}")
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, 0.1))
        return found

    async def _run(self) -> None:
        while True:
            socket = KalshiSocket(self.wanted, self._endpoint, self.counts, self._signer, note=self._note)
            socket.patience = self._haste
            if self._stale_after_s is not None:
                socket.stale_after_s = self._stale_after_s
            connection = self._connection = Connection(socket, self._tell, self._means, ParseGuard())
            try:
                await connection.run()
            except Exception as error:
                self.endings.append(ending_of(error, self._clock()))
            finally:
                self._news.set()
                await connection.close()
            if not self._again:
                return
            await asyncio.sleep(PACE.first_wait_s)

    async def _tell(self, events: list[MarketEvent]) -> None:
        at = asyncio.get_running_loop().time()
        for event in events:
            if isinstance(event, BookSnapshot):
                self.books.setdefault(event.ticker, OrderBook()).replace(event.yes, event.no)
            elif isinstance(event, BookDelta):
                self.books[event.ticker].change(event.is_yes, event.price, event.change)
            else:
                continue
            self.seen.append(Seen(at, event.ticker, self.sides(event.ticker)))
        self.events += events
        self._news.set()

    def _note(self, note: Note) -> None:
        self.notes.append(note)
        self._news.set()
