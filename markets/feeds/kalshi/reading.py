"""Reading: markets read over REST for whoever looks after their windows, one by one where it is urgent, else together."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from markets.core.contract import FeeTerms
from markets.core.events import MarketEvent, TickerQuote
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from markets.feeds.kalshi.drift_guard import DriftGuard
from markets.feeds.kalshi.window import Facts
from markets.feeds.kalshi.windows import Due, Windows
from markets.feeds.means import Clock
from markets.kalshi import calls_market as calls
from markets.kalshi.calls import Ask, Page
from markets.kalshi.drift import fields_of
from markets.kalshi.errors import BadAnswer, KalshiError, NotFound
from markets.kalshi.messages_market import WireMarket
from markets.kalshi.terms import TermsError, contract_of

if TYPE_CHECKING:
    from markets.kalshi.rest import KalshiRest

T = TypeVar("T")

AT_ONCE = 4  # requests on their way
A_PAGE = 50  # tickers in one request
FEW = 3  # that are read one by one, also where nothing is urgent
OLD_NS = 3_600 * SECOND_NS  # after the close: what is not found then may be in the history
FEES = FeeTerms()

Tell = Callable[[list[MarketEvent]], Awaitable[None]]


class Shared(NamedTuple):
    """What the readers share."""

    rest: "KalshiRest"
    windows: Windows
    guard: DriftGuard
    tell: Tell
    clock: Clock
    complain: Callable[[str], None]
    mistaken: Callable[[Exception], None]  # raises it again where it is not the exchange's doing, but our listener's


class Reader:
    """`read` what is due, as tasks of a group; the same market is never read twice at a time.

    `is_frugal`: where few requests are allowed, even what is urgent is first looked for in a list.
    """

    def __init__(self, shared: Shared, *, is_frugal: bool) -> None:
        self._shared, self._is_frugal = shared, is_frugal
        self._reading: set[str] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def read(self, due: Iterable[Due], tasks: asyncio.TaskGroup) -> None:
        """Start reading these."""
        fresh = [one for one in due if one.ticker not in self._reading]
        alone = [one.ticker for one in fresh if one.is_urgent and not self._is_frugal]
        others = [one.ticker for one in fresh if one.ticker not in alone]
        if len(others) <= FEW and not self._is_frugal:
            alone, others = alone + others, []
        self._reading.update(alone, others)
        for ticker in alone:
            tasks.create_task(self._safely(self._one_by_one, [ticker]))
        for first in range(0, len(others), A_PAGE):
            tasks.create_task(self._safely(self._together, others[first : first + A_PAGE]))

    def look_for(self, series: Iterable[str], tasks: asyncio.TaskGroup) -> None:
        """Start looking for the open markets of these series, whatever their names."""
        for one in series:
            tasks.create_task(self._safely(self._listing, one))

    async def _safely(self, read: Callable[[T], Awaitable[None]], what: T) -> None:
        """Whatever the exchange sends, the others are read."""
        try:
            await read(what)
        except Exception as error:
            self._shared.mistaken(error)

    async def _together(self, tickers: list[str]) -> None:
        """Lists may lag: what they do not have is asked for by its name."""
        missing = tickers
        try:
            async with self._turns:
                markets = await self._markets(tickers)
            for market in markets:
                await self._took(market)
            missing = [ticker for ticker in tickers if ticker not in {market.ticker for market in markets}]
        except BadAnswer:  # one of them cannot be read: by themselves the others can
            pass
        except KalshiError as error:
            self._shared.complain(f"markets: {error}")
            missing = []
        finally:
            self._reading.difference_update(set(tickers) - set(missing))
        await self._one_by_one(missing)

    async def _one_by_one(self, tickers: list[str]) -> None:
        try:
            for ticker in tickers:
                async with self._turns:
                    market = await self._market(ticker)
                if market is not None:
                    await self._took(market)
        finally:
            self._reading.difference_update(tickers)

    async def _market(self, ticker: str) -> WireMarket | None:
        shared, series = self._shared, ticker.partition("-")[0]
        try:
            market, fields = await shared.rest.one(with_fields(calls.market(ticker), "market"))
        except NotFound:
            return await self._old(ticker)
        except BadAnswer as error:
            shared.guard.not_read(series, "market", str(error))
            shared.complain(f"{ticker}: {error}")
        except KalshiError as error:
            shared.complain(f"{ticker}: {error}")
        else:
            shared.guard.fields_read(series, "market", fields)
            return market
        return None

    async def _old(self, ticker: str) -> WireMarket | None:
        """Long after its close a market is only in the history."""
        shared = self._shared
        if shared.windows.is_old(ticker, shared.clock() - OLD_NS):
            try:
                return await shared.rest.historical_market(ticker)
            except KalshiError as error:
                shared.complain(f"{ticker}: {error}")
        shared.windows.absent(ticker, shared.clock())
        return None

    async def _markets(self, tickers: Sequence[str]) -> list[WireMarket]:
        pages = calls.markets({"tickers": tickers})

        def read(body: bytes) -> Page[WireMarket]:
            page = pages.read(body)
            for series, fields in _fields(body).items():
                self._shared.guard.fields_read(series, "market", fields)
            return page

        return await self._shared.rest.all(pages._replace(read=read), len(tickers), 2)

    async def _listing(self, series: str) -> None:
        shared = self._shared
        try:
            async with self._turns:
                markets = await shared.rest.markets(series_ticker=series, status="open", limit=20, max_pages=2)
        except KalshiError as error:
            shared.complain(f"{series}: {error}")
            return
        now_ns = shared.clock()
        for market in markets:
            shared.guard.market_read(series, market)
        await shared.tell(
            [*shared.guard.events(now_ns), *shared.windows.listing(series, map(facts_of, markets), now_ns)]
        )

    async def _took(self, market: WireMarket) -> None:
        """What holds a series back is told before there is anything in it to trade. Where no socket tells the exchange's
        own summary of a market, the reading has it."""
        shared, now_ns = self._shared, self._shared.clock()
        shared.guard.market_read(market.ticker.partition("-")[0], market)
        told: list[MarketEvent] = [*shared.guard.events(now_ns), *shared.windows.read(facts_of(market), now_ns)]
        if self._is_frugal and market.status == "active" and market.ticker in shared.windows.quoted():
            told.append(quote_of(market, now_ns))
        await shared.tell(told)


def with_fields(ask: Ask[T], name: str) -> Ask[tuple[T, Mapping[str, Any]]]:
    """The same request; its result comes with the fields of the object called `name`, as they were sent."""
    return Ask(ask.call, ask.target, lambda body: (ask.read(body), fields_of(body, name)))


def facts_of(market: WireMarket) -> Facts:
    """What one reading says, in the words of the windows."""
    contract, odd = None, ""
    try:
        contract = contract_of(market, FEES)
    except TermsError as error:
        odd = str(error)
    except ArithmeticError as error:  # a number such as nobody trades at
        odd = f"{market.ticker}: {type(error).__name__}: {error}"
    return Facts(
        market.ticker,
        market.status,
        market.open_ns,
        market.close_ns,
        contract,
        odd,
        market.shard,
        market.updated_ns or 0,
        market.result,
        market.expiration_value,
        market.yes_pays,
    )


def quote_of(market: WireMarket, now_ns: int) -> TickerQuote:
    """The best prices and sizes of a market, its last price, volume and open interest."""
    return TickerQuote(
        now_ns,
        market.ticker,
        market.yes_bid or 0,
        PRICE_DOLLAR if market.yes_ask is None else market.yes_ask,
        market.yes_bid_count or 0,
        market.yes_ask_count or 0,
        market.last_price or 0,
        market.volume or 0,
        market.open_interest or 0,
    )


def _fields(body: bytes) -> Mapping[str, Mapping[str, Any]]:
    """Of one market of each series in a page, its fields."""
    markets = msgspec.json.decode(body).get("markets") or ()
    return {str(market.get("ticker", "")).partition("-")[0]: market for market in markets}
