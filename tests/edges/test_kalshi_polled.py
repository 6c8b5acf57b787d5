"""The exchange without a key: its public pages read in turns, honest about how old they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from markets.core.events import BookSnapshot, FeedBeat, FeedStatus, MarketListed, TickerQuote
from markets.core.units import SECOND_NS
from markets.feeds.kalshi import polled
from markets.feeds.kalshi.polled import Polled
from markets.kalshi.errors import Refused, Unauthorised, Unavailable
from markets.kalshi.messages_market import BookPage
from markets.loopback.virtual import VirtualLoop
from tests.builders import Hand
from tests.feed_fakes import NOON_NS, the_loop, virtual
from tests.kalshi_door import Door, Heard, feeding
from tests.kalshi_floor import ns, ticker_at

TICKER = "KXBTC15M-26NOV221200-00"
OPEN, CLOSE = ns("2026-11-22T16:45:00Z"), ns("2026-11-22T17:00:00Z")
ETH = "KXETH15M-26NOV221200-00"
PAGE = BookPage(((4_500, 1_000),), ((5_000, 2_000),))


class Pages:
    """Stands for REST: books from a dict, each answer after `takes_s`, by a budget of `rate` a second."""

    def __init__(self, loop: VirtualLoop, takes_s: float = 0.05, rate: float = 1_000.0) -> None:
        self.loop, self.takes_s = loop, takes_s
        self.books: dict[str, BookPage] = {}
        self.error: Exception | None = None
        self.batch_error: Exception | None = None
        self.asked: list[tuple[float, tuple[str, ...]]] = []
        self._apart_s, self._next = 1.0 / rate, 0.0

    async def orderbooks(self, tickers: list[str]) -> dict[str, BookPage]:
        await self._ask(tuple(tickers))
        if self.batch_error is not None:
            raise self.batch_error
        return {ticker: self.books[ticker] for ticker in tickers}

    async def orderbook(self, ticker: str) -> BookPage:
        await self._ask((ticker,))
        return self.books[ticker]

    async def _ask(self, tickers: tuple[str, ...]) -> None:
        now = self.loop.time()
        self._next = max(self._next, now) + self._apart_s
        await asyncio.sleep(self._next - self._apart_s - now)
        self.asked.append((self.loop.time(), tickers))
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error


@asynccontextmanager
async def polling(pages: Pages, tickers: list[str]) -> AsyncIterator[tuple[Polled, Heard]]:
    heard = Heard()
    poll = Polled(pages, lambda: tickers, heard, the_loop().now_ns)  # type: ignore[arg-type]
    task = asyncio.create_task(poll.run())
    try:
        yield poll, heard
    finally:
        task.cancel()
        await asyncio.wait([task])


def states(heard: Heard) -> list[str]:
    return [one.state for one in heard.of(FeedStatus)]


@virtual
async def test_a_book_is_told_when_it_is_another_and_that_it_was_read_each_time() -> None:
    pages = Pages(the_loop())
    pages.books[TICKER] = PAGE
    async with polling(pages, [TICKER]) as (poll, heard):
        await asyncio.sleep(3.5)
        assert heard.of(BookSnapshot) == [BookSnapshot(NOON_NS + 50_000_000, TICKER, PAGE.yes, PAGE.no)]
        assert len(heard.of(FeedBeat)) == 4
        pages.books[TICKER] = BookPage((), ())
        await asyncio.sleep(1.0)
        assert heard.of(BookSnapshot)[-1].yes == ()
        assert states(heard) == ["expected", "up"]
        assert poll.state == "up"


@virtual
async def test_all_open_books_are_one_request_about_once_a_second() -> None:
    pages = Pages(the_loop())
    tickers = [f"KXBTC15M-{number}" for number in range(9)]
    pages.books = dict.fromkeys(tickers, PAGE)
    async with polling(pages, tickers) as (poll, _):
        await asyncio.sleep(10.0)
        assert {asked for _, asked in pages.asked} == {tuple(tickers)}
        assert 9 <= len(pages.asked) <= 11
        assert poll.round_ns == pytest.approx(SECOND_NS, rel=0.01)


@virtual
async def test_where_books_are_not_given_together_they_are_read_one_by_one_as_fast_as_is_allowed() -> None:
    pages = Pages(the_loop(), rate=4.0)
    tickers = [f"KXBTC15M-{number}" for number in range(8)]
    pages.books = dict.fromkeys(tickers, PAGE)
    pages.batch_error = Unauthorised(401, "authentication_error")
    async with polling(pages, tickers) as (poll, heard):
        await asyncio.sleep(20.0)
        assert [len(asked) for _, asked in pages.asked].count(8) == 1
        assert {one.ticker for one in heard.of(BookSnapshot)} == set(tickers)
        assert poll.round_ns == pytest.approx(2 * SECOND_NS, rel=0.1)  # 8 markets at 4 requests a second
        assert len(pages.asked) <= 20 * 4 + 2


@virtual
async def test_books_are_asked_for_together_again_after_a_while() -> None:
    pages = Pages(the_loop())
    pages.books = {TICKER: PAGE, ETH: PAGE}
    pages.batch_error = Refused(400, "bad_request")
    async with polling(pages, [TICKER, ETH]):
        await asyncio.sleep(300.0)
        pages.batch_error = None
        await asyncio.sleep(400.0)
        assert pages.asked[-1][1] == (TICKER, ETH)
        assert [len(asked) for at, asked in pages.asked if at < the_loop().time() - 200.0].count(2) == 1


@virtual
async def test_when_books_cannot_be_read_they_are_lost_and_told_whole_again() -> None:
    pages = Pages(the_loop())
    pages.books[TICKER] = PAGE
    async with polling(pages, [TICKER]) as (poll, heard):
        await asyncio.sleep(2.0)
        pages.error = Unavailable(502, message="bad gateway")
        await asyncio.sleep(3.0)
        assert states(heard) == ["expected", "up"]  # a hiccup
        await asyncio.sleep(8.0)
        assert states(heard) == ["expected", "up", "lost"]
        assert "bad gateway" in heard.of(FeedStatus)[-1].reason
        assert (poll.state, "bad gateway" in poll.reason) == ("lost", True)
        failing = [at for at, _ in pages.asked if at > the_loop().time() - 10.0]
        assert len(failing) < 8  # later each time
        pages.error = None
        await asyncio.sleep(10.0)
        assert states(heard) == ["expected", "up", "lost", "up"]
        assert len(heard.of(BookSnapshot)) == 2


@virtual
async def test_no_answer_is_a_loss_as_well() -> None:
    pages = Pages(the_loop())
    pages.books[TICKER] = PAGE
    async with polling(pages, [TICKER]) as (_, heard):
        await asyncio.sleep(2.0)
        pages.takes_s = 60.0
        await asyncio.sleep(8.0)
        assert states(heard) == ["expected", "up", "lost"]
        assert "no answer" in heard.of(FeedStatus)[-1].reason


@virtual
async def test_without_an_open_market_nothing_is_read_and_nothing_is_lost() -> None:
    pages = Pages(the_loop())
    async with polling(pages, []) as (_, heard):
        await asyncio.sleep(60.0)
        assert pages.asked == []
        assert states(heard) == ["expected"]


@virtual
async def test_what_was_told_of_markets_that_are_over_is_forgotten() -> None:
    pages = Pages(the_loop())
    tickers = [TICKER, ETH]
    pages.books = {TICKER: PAGE, ETH: PAGE}
    async with polling(pages, tickers) as (poll, heard):
        await asyncio.sleep(1.5)
        tickers.remove(TICKER)
        await asyncio.sleep(1.5)
        assert set(poll._told) == {ETH}
        tickers.append(TICKER)
        await asyncio.sleep(1.5)
        assert len(heard.of(BookSnapshot, TICKER)) == 2


def test_rounds_are_about_a_second_and_a_loss_comes_after_some() -> None:
    assert polled.EVERY_S == 1.0
    assert polled.LOST_AFTER_S > 3 * polled.EVERY_S


# On real sockets -----------------------------------------------------------------------------------------------


async def test_without_a_key_the_market_is_watched_from_its_listing_to_its_money() -> None:
    door = Door(Hand(OPEN - 10 * SECOND_NS))
    door.list_market(TICKER, CLOSE)
    async with door.open(), feeding(door, signer=None) as (feed, heard):
        await heard.until(lambda: heard.of(MarketListed, TICKER))
        assert (feed.view().how, feed.view().index_words) == ("polled", "only with a key")
        door.clock.now_ns = OPEN + SECOND_NS
        door.strike(TICKER)
        await heard.until(lambda: heard.of(BookSnapshot, TICKER) and feed.view().state == "up")
        await heard.until(lambda: [one for one in heard.of(MarketListed, TICKER) if one.contract.strike])
        door.books[TICKER] = ([["0.4700", "1.00"]], [])
        await heard.until(lambda: heard.of(BookSnapshot, TICKER)[-1].yes == ((4_700, 100),))
        door.markets[TICKER] |= {"yes_bid_dollars": "0.4700", "yes_bid_size_fp": "1.00", "last_price_dollars": "0.4800"}
        door.clock.now_ns += 10 * SECOND_NS
        await heard.until(
            lambda: heard.of(TickerQuote, TICKER)[-1:] and heard.of(TickerQuote, TICKER)[-1].last == 4_800
        )
        quote = heard.of(TickerQuote, TICKER)[-1]
        assert (quote.bid, quote.bid_count, quote.ask, quote.ask_count) == (4_700, 100, 10_000, 0)
        door.clock.now_ns = CLOSE
        door.settle(TICKER, "no")
        await heard.until(lambda: "closed" in heard.statuses(TICKER))
        door.clock.now_ns = CLOSE + 5 * SECOND_NS
        await heard.until(lambda: "settled" in heard.statuses(TICKER))
        assert heard.statuses(TICKER) == ["open", "closed", "settled"]
        assert not [path for path in door.asked if path.startswith(("/portfolio", "/account"))]
        assert door.lines == []


async def test_in_the_public_rate_a_whole_start_fits() -> None:
    """Nine series, four requests a second: each is compared and listed, and books are read in between."""
    coins = ("BTC", "ETH", "SOL", "XRP", "DOGE", "BNB", "HYPE", "NEAR", "ZEC")
    tickers = [ticker_at("2026-11-22T17:00:00Z", f"KX{coin}15M") for coin in coins]
    door = Door(Hand(OPEN + 60 * SECOND_NS))
    for ticker in tickers:
        door.list_market(ticker, CLOSE)
        door.strike(ticker)
    async with door.open(), feeding(door, tuple(f"KX{coin}15M" for coin in coins), signer=None) as (_, heard):
        await heard.until(lambda: all(heard.of(BookSnapshot, ticker) for ticker in tickers))
        await asyncio.sleep(0.3)
    singles = [path for path in door.asked if path.startswith("/markets/KX")]
    assert singles == []  # all markets in one request, all books in another
    start = sum(door.asked[path] for path in ("/exchange/status", "/exchange/schedule", "/markets"))
    assert door.asked["/markets"] <= 3
    assert start < 20
