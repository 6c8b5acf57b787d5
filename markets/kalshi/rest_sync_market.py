"""The calls of the sync face that read the exchange: as those of the async one."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar, Unpack

from markets.kalshi import calls_market as calls
from markets.kalshi.calls import Ask, Pages
from markets.kalshi.calls_market import (
    EventFilters,
    MarketFilters,
    Minutes,
    OldMarketFilters,
    SeriesFilters,
    TradeFilters,
)
from markets.kalshi.messages_market import (
    BookPage,
    Candle,
    Cutoff,
    EventFeeChange,
    ExchangeState,
    FeeChange,
    Freshness,
    Schedule,
    WireEvent,
    WireMarket,
    WireSeries,
    WireTrade,
)
from markets.kalshi.rest_market import MAX_PAGES

T = TypeVar("T")


class FaceSync(ABC):
    """One request, or all pages of a list, as for the async face."""

    @abstractmethod
    def one(self, ask: Ask[T]) -> T:
        """The result of a request. Raises KalshiError."""

    @abstractmethod
    def all(self, pages: Pages[T], limit: int | None = None, max_pages: int = MAX_PAGES) -> list[T]:
        """All rows of a list, each once. Raises KalshiError."""


class MarketCallsSync(FaceSync):
    """What can be asked without a key."""

    def exchange_status(self) -> ExchangeState:
        """Whether the exchange and each shard trade; also while it answers with an error."""
        return self.one(calls.exchange_status())

    def exchange_schedule(self) -> Schedule:
        """Trading hours and maintenance."""
        return self.one(calls.exchange_schedule())

    def user_data_timestamp(self) -> Freshness:
        """How fresh reads of our own data are."""
        return self.one(calls.user_data_timestamp())

    def series(self, series_ticker: str) -> WireSeries:
        """One series. Raises NotFound."""
        return self.one(calls.series(series_ticker))

    def series_list(self, **filters: Unpack[SeriesFilters]) -> list[WireSeries]:
        """All series, or those of a category: it does not come in pages."""
        return self.one(calls.series_list(filters))

    def series_fee_changes(self, series_ticker: str | None = None, *, is_historical: bool = False) -> list[FeeChange]:
        """Changes of fees to come, and with `is_historical` those that have come."""
        return self.one(calls.series_fee_changes(series_ticker, is_historical=is_historical))

    def event_fee_changes(self, event_ticker: str | None = None) -> list[EventFeeChange]:
        """Changes of the fees of single events."""
        return self.all(calls.event_fee_changes(event_ticker))

    def events(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[EventFilters]
    ) -> list[WireEvent]:
        """Events; never ask without a series, there are very many."""
        return self.all(calls.events(filters), limit, max_pages)

    def event(self, event_ticker: str, *, with_markets: bool = False) -> WireEvent:
        """One event. Raises NotFound."""
        return self.one(calls.event(event_ticker, with_markets=with_markets))

    def markets(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[MarketFilters]
    ) -> list[WireMarket]:
        """Markets; near a boundary the list may lag behind `market` by half a minute."""
        return self.all(calls.markets(filters), limit, max_pages)

    def market(self, ticker: str) -> WireMarket:
        """One market. Raises NotFound, also for a moment after its listing."""
        return self.one(calls.market(ticker))

    def orderbook(self, ticker: str, depth: int = 0) -> BookPage:
        """The bids of one market, `depth` levels a side or all. Empty also when there is no such market."""
        return self.one(calls.orderbook(ticker, depth))

    def orderbooks(self, tickers: Sequence[str]) -> dict[str, BookPage]:
        """The bids of up to a hundred markets for the price of one request."""
        return self.one(calls.orderbooks(tickers))

    def candlesticks(
        self, ticker: str, start_s: int, end_s: int, minutes: Minutes = 1, *, with_before: bool = False
    ) -> list[Candle]:
        """Candles between two times (Unix seconds); minutes without activity may be missing."""
        return self.one(calls.candlesticks(ticker, start_s, end_s, minutes, with_before=with_before))

    def trades(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[TradeFilters]
    ) -> list[WireTrade]:
        """Public trades, newest first."""
        return self.all(calls.trades(filters), limit, max_pages)

    def historical_cutoff(self) -> Cutoff:
        """From when on the calls without "historical" know."""
        return self.one(calls.historical_cutoff())

    def historical_markets(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[OldMarketFilters]
    ) -> list[WireMarket]:
        """Markets of the history."""
        return self.all(calls.historical_markets(filters), limit, max_pages)

    def historical_market(self, ticker: str) -> WireMarket:
        """A market of the history. Raises NotFound."""
        return self.one(calls.historical_market(ticker))

    def historical_candlesticks(self, ticker: str, start_s: int, end_s: int, minutes: Minutes = 1) -> list[Candle]:
        """Candles of the history, in the shape of the others."""
        return self.one(calls.historical_candlesticks(ticker, start_s, end_s, minutes))

    def historical_trades(
        self, *, limit: int | None = None, max_pages: int = MAX_PAGES, **filters: Unpack[TradeFilters]
    ) -> list[WireTrade]:
        """Public trades of the history."""
        return self.all(calls.historical_trades(filters), limit, max_pages)
