"""Calls about the exchange, its series, events, markets and history: what is asked, and how the answer is read."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Literal, TypedDict

from msgspec import structs

from markets.kalshi import calls_listed as listed
from markets.kalshi.calls import CALLS, Ask, Pages, target
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
from markets.kalshi.wire.numbers import decoder

Minutes = Literal[1, 60, 1440]
EVENTS_A_PAGE = 200
BOOKS_AT_ONCE = 100


class MarketFilters(TypedDict, total=False):
    """Which markets: one `status` and one pair of times (Unix seconds)."""

    series_ticker: str
    event_ticker: str
    tickers: Sequence[str]
    status: Literal["unopened", "open", "paused", "closed", "settled"]
    mve_filter: Literal["exclude", "only"]
    min_created_ts: int
    max_created_ts: int
    min_updated_ts: int
    max_updated_ts: int
    min_close_ts: int
    max_close_ts: int
    min_settled_ts: int
    max_settled_ts: int


class OldMarketFilters(TypedDict, total=False):
    """Which markets of the history."""

    series_ticker: str
    event_ticker: str
    tickers: Sequence[str]
    mve_filter: Literal["exclude"]


class EventFilters(TypedDict, total=False):
    """Which events, and whether with their markets; times in Unix seconds."""

    series_ticker: str
    tickers: Sequence[str]
    status: Literal["unopened", "open", "closed", "settled"]
    with_nested_markets: bool
    min_close_ts: int
    min_updated_ts: int


class SeriesFilters(TypedDict, total=False):
    """Which series; `category` is compared letter by letter."""

    category: str
    tags: Sequence[str]
    include_volume: bool
    min_updated_ts: int


class TradeFilters(TypedDict, total=False):
    """Which public trades, newest first; times in Unix seconds."""

    ticker: str
    min_ts: int
    max_ts: int
    is_block_trade: bool


_state = decoder(ExchangeState)
_freshness = decoder(Freshness)
_cutoff = decoder(Cutoff)
_schedule = listed.reader(listed.Hours, "schedule")
_one_series = listed.reader(listed.OneSeries, "series")
_all_series = listed.rows_reader(listed.AllSeries, "series")
_series_fees = listed.rows_reader(listed.SeriesFees, "series_fee_change_arr")
_event_fees = listed.page_reader(listed.EventFees, "event_fee_changes")
_events = listed.page_reader(listed.Events, "events")
_event = decoder(listed.OneEvent)
_markets = listed.page_reader(listed.Markets, "markets")
_market = listed.reader(listed.OneMarket, "market")
_book = listed.reader(listed.Book, "orderbook_fp")
_books = listed.rows_reader(listed.Books, "orderbooks")
_trades = listed.page_reader(listed.Trades, "trades")
_candles = listed.candles_reader(listed.LiveCandles)
_old_candles = listed.candles_reader(listed.OldCandles)


def exchange_status() -> Ask[ExchangeState]:
    """Also answered by an exchange in trouble, with an error's status."""
    call = CALLS["exchange_status"]
    return Ask(call, call.path, _state, reads_errors=True)


def exchange_schedule() -> Ask[Schedule]:
    call = CALLS["exchange_schedule"]
    return Ask(call, call.path, _schedule)


def user_data_timestamp() -> Ask[Freshness]:
    call = CALLS["user_data_timestamp"]
    return Ask(call, call.path, _freshness)


def series(series_ticker: str) -> Ask[WireSeries]:
    call = CALLS["series"]
    return Ask(call, target(call, series_ticker=series_ticker), _one_series)


def series_list(filters: SeriesFilters) -> Ask[list[WireSeries]]:
    call = CALLS["series_list"]
    return Ask(call, target(call, {**filters}), _all_series)


def series_fee_changes(series_ticker: str | None, *, is_historical: bool) -> Ask[list[FeeChange]]:
    call = CALLS["series_fee_changes"]
    query = {"series_ticker": series_ticker, "show_historical": is_historical or None}
    return Ask(call, target(call, query), _series_fees)


def event_fee_changes(event_ticker: str | None) -> Pages[EventFeeChange]:
    return Pages(
        CALLS["event_fee_changes"],
        {"event_ticker": event_ticker},
        _event_fees,
        lambda change: (change.id, change.event_ticker, change.at_ns),
    )


def events(filters: EventFilters) -> Pages[WireEvent]:
    return Pages(CALLS["events"], {**filters}, _events, attrgetter("event_ticker"), EVENTS_A_PAGE)


def event(event_ticker: str, *, with_markets: bool) -> Ask[WireEvent]:
    call = CALLS["event"]
    query = {"with_nested_markets": True} if with_markets else {"exclude_markets": True}
    return Ask(call, target(call, query, event_ticker=event_ticker), _read_event)


def markets(filters: MarketFilters) -> Pages[WireMarket]:
    return Pages(CALLS["markets"], {**filters}, _markets, attrgetter("ticker"))


def market(ticker: str) -> Ask[WireMarket]:
    call = CALLS["market"]
    return Ask(call, target(call, ticker=ticker), _market)


def orderbook(ticker: str, depth: int) -> Ask[BookPage]:
    call = CALLS["orderbook"]
    return Ask(call, target(call, {"depth": depth or None}, ticker=ticker), _book)


def orderbooks(tickers: Sequence[str]) -> Ask[dict[str, BookPage]]:
    """Raises ValueError for none, and for more than a hundred."""
    if not 0 < len(tickers) <= BOOKS_AT_ONCE:
        raise ValueError(f"orderbooks: 1 to {BOOKS_AT_ONCE} tickers, not {len(tickers)}")
    call = CALLS["orderbooks"]
    return Ask(call, target(call, [("tickers", ticker) for ticker in tickers]), _read_books)


def candlesticks(ticker: str, start_s: int, end_s: int, minutes: Minutes, *, with_before: bool) -> Ask[list[Candle]]:
    call = CALLS["candlesticks"]
    query = {"start_ts": start_s, "end_ts": end_s, "period_interval": minutes}
    before = {"include_latest_before_start": True} if with_before else {}
    series_ticker = ticker.partition("-")[0]
    return Ask(call, target(call, {**query, **before}, series_ticker=series_ticker, ticker=ticker), _candles)


def trades(filters: TradeFilters) -> Pages[WireTrade]:
    return Pages(CALLS["trades"], {**filters}, _trades, attrgetter("trade_id"))


def historical_cutoff() -> Ask[Cutoff]:
    call = CALLS["historical_cutoff"]
    return Ask(call, call.path, _cutoff)


def historical_markets(filters: OldMarketFilters) -> Pages[WireMarket]:
    return Pages(CALLS["historical_markets"], {**filters}, _markets, attrgetter("ticker"))


def historical_market(ticker: str) -> Ask[WireMarket]:
    call = CALLS["historical_market"]
    return Ask(call, target(call, ticker=ticker), _market)


def historical_candlesticks(ticker: str, start_s: int, end_s: int, minutes: Minutes) -> Ask[list[Candle]]:
    call = CALLS["historical_candlesticks"]
    query = {"start_ts": start_s, "end_ts": end_s, "period_interval": minutes}
    return Ask(call, target(call, query, ticker=ticker), _old_candles)


def historical_trades(filters: TradeFilters) -> Pages[WireTrade]:
    return Pages(CALLS["historical_trades"], {**filters}, _trades, attrgetter("trade_id"))


def _read_event(body: bytes) -> WireEvent:
    """The markets may come within the event or beside it."""
    told = _event(body)
    return told.event if told.event.markets is not None else structs.replace(told.event, markets=told.markets)


def _read_books(body: bytes) -> dict[str, BookPage]:
    return {book.ticker: book.orderbook_fp for book in _books(body)}
