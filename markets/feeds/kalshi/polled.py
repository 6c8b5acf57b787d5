"""Polled: the books of open markets read over REST about once a second, where there is no key for the WebSocket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Never

from markets.core.events import BookSnapshot, FeedBeat, FeedStatus, Level, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.socket import FEED
from markets.feeds.means import Clock
from markets.feeds.part import State
from markets.kalshi.errors import KalshiError, Refused, Unauthorised
from markets.kalshi.messages_market import BookPage

if TYPE_CHECKING:
    from markets.kalshi.rest import KalshiRest

log = logging.getLogger(__name__)

EVERY_S = 1.0  # a round of all open markets, where the budget lets us
LOST_AFTER_S = 5.0  # without an answer: what was read is too old to be believed
FAILED_S = (0.5, 10.0)  # the first wait after a reading that failed, and the longest
AT_ONCE = 100  # books in one request
SINGLY_S = 600.0  # before books are asked for together again, where that was refused

Book = tuple[tuple[Level, ...], tuple[Level, ...]]
Tell = Callable[[list[MarketEvent]], Awaitable[None]]


class Polled:
    """`run` until cancelled. A book is told when it is another than was told; that it was read at all is a FeedBeat.

    The rate is what the budget of `rest` gives: a round is one request where the exchange gives all books at once, and one
    a market where it does not. Times are those of `clock`, `speed` times as fast as the loop's.
    """

    def __init__(
        self, rest: "KalshiRest", quoted: Callable[[], Sequence[str]], tell: Tell, clock: Clock, speed: float = 1.0
    ) -> None:
        self.reason = ""
        self.read_ns = 0  # when the last round that brought something was asked for
        self.round_ns = 0  # how long a whole round takes, with its pause
        self._rest, self._quoted, self._tell, self._clock, self._speed = rest, quoted, tell, clock, speed
        self._told: dict[str, Book] = {}
        self._read_of: dict[str, int] = {}  # when each was asked for last, and came
        self._status = "expected"
        self._singly_until_ns = 0
        self._lost_after_ns = int(LOST_AFTER_S * max(1.0, speed) * SECOND_NS)
        self._fine_ns = 0
        self._wait_s = FAILED_S[0]

    @property
    def state(self) -> State:
        """Of what is read, for people."""
        if self._status in ("up", "lost"):
            return "up" if self._status == "up" else "lost"
        return "connecting"

    async def run(self) -> Never:
        """Read, again and again. Raises what `tell` raised."""
        self._fine_ns = self._clock()
        await self._tell([FeedStatus(self._clock(), FEED, "expected")])
        while True:
            began_ns = self._clock()
            try:
                await self._round(list(self._quoted()))
            except (KalshiError, TimeoutError) as error:
                await self._failed(str(error) or f"no answer for {LOST_AFTER_S:g} s")
                continue
            await self._forget_old()
            self._wait_s = FAILED_S[0]
            spent_s = max(0, self._clock() - began_ns) / SECOND_NS
            await asyncio.sleep(max(EVERY_S - spent_s, 0.01) / self._speed)
            self.round_ns = self._clock() - began_ns

    async def _round(self, tickers: list[str]) -> None:
        self._told = {ticker: book for ticker, book in self._told.items() if ticker in tickers}
        self._read_of = {ticker: at_ns for ticker, at_ns in self._read_of.items() if ticker in tickers}
        if not tickers:
            self._fine_ns = self._clock()  # nothing was to be read: that is no loss
            return
        for first in range(0, len(tickers), AT_ONCE):
            await self._some(tickers[first : first + AT_ONCE])

    async def _some(self, tickers: list[str]) -> None:
        asked_ns = self._clock()
        if asked_ns >= self._singly_until_ns and len(tickers) > 1:
            try:
                async with asyncio.timeout(LOST_AFTER_S):
                    pages = await self._rest.orderbooks(tickers)
            except (Unauthorised, Refused) as error:
                self._singly_until_ns = asked_ns + int(SINGLY_S * SECOND_NS)
                log.warning("%s: books are not to be had together, they are read one by one: %s", FEED, error)
            else:
                await self._take({ticker: pages[ticker] for ticker in tickers if ticker in pages}, asked_ns)
                return
        for ticker in tickers:
            asked_ns = self._clock()
            async with asyncio.timeout(LOST_AFTER_S):
                page = await self._rest.orderbook(ticker)
            await self._take({ticker: page}, asked_ns)

    async def _take(self, pages: "dict[str, BookPage]", asked_ns: int) -> None:
        """What was read was true some time after it was asked for: only that is certain of its age."""
        now_ns = self._clock()
        events: list[MarketEvent] = []
        for ticker, page in pages.items():
            book = page.yes, page.no
            self._read_of[ticker] = asked_ns
            if self._told.get(ticker) != book:
                self._told[ticker] = book
                events.append(BookSnapshot(now_ns, ticker, *book))
        if self._status != "up":
            if self._status == "lost":
                log.info("%s: up again", FEED)
            self._status, self.reason = "up", ""
            events.append(FeedStatus(now_ns, FEED, "up"))
        events.append(FeedBeat(now_ns, FEED))
        self.read_ns, self._fine_ns = asked_ns, now_ns
        await self._tell(events)

    async def _forget_old(self) -> None:
        """A book that was left out, or alone cannot be read, is not believed for longer than all would be."""
        now_ns = self._clock()
        old = [ticker for ticker in self._told if now_ns - self._read_of[ticker] >= self._lost_after_ns]
        for ticker in old:
            del self._told[ticker]
        if old:
            reason = f"its book was not read for {LOST_AFTER_S:g} s, others were"
            await self._tell([FeedStatus(now_ns, FEED, "lost", ticker, reason) for ticker in old])

    async def _failed(self, reason: str) -> None:
        """Books grow old while they cannot be read: after some seconds they are not to be believed any more."""
        now_ns = self._clock()
        self.reason = reason
        if self._status != "lost" and now_ns - self._fine_ns >= self._lost_after_ns:
            age_s = (now_ns - self._fine_ns) / SECOND_NS
            self._status, self._told = "lost", {}
            log.warning("%s: lost: %s", FEED, reason)
            await self._tell([FeedStatus(now_ns, FEED, "lost", reason=f"not read for {age_s:.0f} s: {reason}")])
        await self._forget_old()
        await asyncio.sleep(self._wait_s / self._speed)
        self._wait_s = min(2.0 * self._wait_s, FAILED_S[1])
