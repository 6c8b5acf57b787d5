"""Reading the exchange without a key, and when it is in trouble: no old book is believed because others are new, and
what cannot be read is asked for less and less often."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from markets.core.events import BookSnapshot, FeedStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.polled import Polled
from markets.kalshi.drift import fields_drift
from markets.kalshi.errors import KalshiError, Refused, Unavailable
from markets.kalshi.hosts import hosts_at
from markets.kalshi.messages_market import BookPage
from markets.kalshi.rest import KalshiRest
from tests.feed_fakes import the_loop, virtual
from tests.kalshi_floor import Play

BTC, ETH = "KXBTC15M-26NOV221200-00", "KXETH15M-26NOV221200-00"
PAGE = BookPage(((4_500, 1_000),), ((5_000, 2_000),))


class Some:
    """Gives the books of some markets together, or one by one; `broken` ones fail with `error`."""

    def __init__(self, *, together: bool) -> None:
        self.together = together
        self.broken: set[str] = set()
        self.error: KalshiError = Unavailable(500, "", "internal error")

    async def orderbooks(self, tickers: list[str]) -> dict[str, BookPage]:
        if not self.together:
            raise Refused(400, "bad_request")
        return {ticker: PAGE for ticker in tickers if ticker not in self.broken}

    async def orderbook(self, ticker: str) -> BookPage:
        if ticker in self.broken:
            raise self.error
        return PAGE


async def believed_after(rest: Some, seconds: float, then: Callable[[], None] = lambda: None) -> set[str]:
    """Whose books are believed `seconds` after ETH's could not be read any more, and as long after `then`."""
    told: list[MarketEvent] = []

    async def hear(events: list[MarketEvent]) -> None:
        told.extend(events)

    poll = Polled(rest, lambda: [BTC, ETH], hear, the_loop().now_ns)  # type: ignore[arg-type]
    running = asyncio.create_task(poll.run())
    await asyncio.sleep(3.0)
    rest.broken = {ETH}
    await asyncio.sleep(seconds)
    then()
    await asyncio.sleep(seconds)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    believed: set[str] = set()
    for event in told:
        if isinstance(event, BookSnapshot):
            believed.add(event.ticker)
        elif isinstance(event, FeedStatus) and event.state == "lost":
            believed = believed - {event.subject} if event.subject else set()
    return believed


@virtual
async def test_an_old_book_is_not_believed_because_others_are_new() -> None:
    assert await believed_after(Some(together=True), 30.0) == {BTC}
    assert await believed_after(Some(together=False), 30.0) == {BTC}


@virtual
async def test_it_is_believed_again_when_it_is_read_again() -> None:
    for together in (True, False):
        rest = Some(together=together)
        assert await believed_after(rest, 30.0, partial(setattr, rest, "broken", set())) == {BTC, ETH}


def test_what_cannot_be_read_is_asked_for_less_and_less_often() -> None:
    play = Play("2026-11-22T16:50Z", series=("KXBTC15M", "KXETH15M", "KXSOL15M"))
    play.until("2026-11-22T16:50:05Z")
    play.is_answering = False
    asked = []
    for _ in range(600):
        play.now_ns += SECOND_NS // 10
        play.windows.advance(play.now_ns)
        asked += play.windows.due(play.now_ns)
    assert 0 < len(asked) <= 3 * 10


def test_a_field_of_the_past_is_no_news() -> None:
    drift = fields_drift("KXBTC15M", "market", {"liquidity_dollars": "0.0000", "brand_new": 1})
    assert "brand_new" in drift.notices[0]
    assert "liquidity" not in drift.notices[0]


async def test_an_exchange_that_is_not_there_is_said_so_in_words() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with KalshiRest(hosts_at(f"http://127.0.0.1:{port}")) as rest:
        with pytest.raises(Unavailable) as told:
            await rest.exchange_status()
    assert f"no connection to 127.0.0.1:{port}: Connection refused" in str(told.value)
    assert "ssl" not in str(told.value)
    assert "[" not in str(told.value)
