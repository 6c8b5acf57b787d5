"""The frames in which the exchange sends what it lists: markets, events, series, trades, books, candles."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from markets.kalshi.calls import Page
from markets.kalshi.messages_market import (
    BookPage,
    Candle,
    EventFeeChange,
    FeeChange,
    Prices,
    Quotes,
    Schedule,
    WireEvent,
    WireMarket,
    WireSeries,
    WireTrade,
)
from markets.kalshi.wire.numbers import CountText, PriceText, Seconds, Text, decoder

T = TypeVar("T")


class Markets(msgspec.Struct, frozen=True, gc=False):
    """A page of markets."""

    markets: tuple[WireMarket, ...] | None
    cursor: Text = ""


class Events(msgspec.Struct, frozen=True, gc=False):
    """A page of events."""

    events: tuple[WireEvent, ...] | None
    cursor: Text = ""


class EventFees(msgspec.Struct, frozen=True, gc=False):
    """A page of fee changes of events."""

    event_fee_changes: tuple[EventFeeChange, ...] | None
    cursor: Text = ""


class Trades(msgspec.Struct, frozen=True, gc=False):
    """A page of trades."""

    trades: tuple[WireTrade, ...] | None
    cursor: Text = ""


class OneMarket(msgspec.Struct, frozen=True, gc=False):
    """A market."""

    market: WireMarket


class OneEvent(msgspec.Struct, frozen=True, gc=False):
    """An event; its markets within it or beside it."""

    event: WireEvent
    markets: tuple[WireMarket, ...] | None = None


class OneSeries(msgspec.Struct, frozen=True, gc=False):
    """A series."""

    series: WireSeries


class AllSeries(msgspec.Struct, frozen=True, gc=False):
    """All series that were asked for."""

    series: tuple[WireSeries, ...] | None


class SeriesFees(msgspec.Struct, frozen=True, gc=False):
    """All fee changes of series."""

    series_fee_change_arr: tuple[FeeChange, ...] | None


class Hours(msgspec.Struct, frozen=True, gc=False):
    """The schedule."""

    schedule: Schedule


class Book(msgspec.Struct, frozen=True, gc=False):
    """A book."""

    orderbook_fp: BookPage


class NamedBook(msgspec.Struct, frozen=True, gc=False):
    """A book of several."""

    ticker: str
    orderbook_fp: BookPage


class Books(msgspec.Struct, frozen=True, gc=False):
    """Several books."""

    orderbooks: tuple[NamedBook, ...] | None


class LiveQuotes(msgspec.Struct, frozen=True, gc=False, rename=lambda name: f"{name}_dollars"):
    """Quotes of a candle that is not history yet."""

    open: PriceText
    low: PriceText
    high: PriceText
    close: PriceText


class LivePrices(msgspec.Struct, frozen=True, gc=False, rename=lambda name: f"{name}_dollars"):
    """Prices of a candle that is not history yet."""

    open: PriceText | None = None
    low: PriceText | None = None
    high: PriceText | None = None
    close: PriceText | None = None
    mean: Decimal | None = None
    previous: PriceText | None = None


class LiveCandle(msgspec.Struct, frozen=True, gc=False):
    """A candle that is not history yet."""

    end_ns: Seconds = msgspec.field(name="end_period_ts")
    yes_bid: LiveQuotes
    yes_ask: LiveQuotes
    price: LivePrices
    volume: CountText = msgspec.field(name="volume_fp")
    open_interest: CountText = msgspec.field(name="open_interest_fp")


class OldCandle(msgspec.Struct, frozen=True, gc=False):
    """The same in the history: no suffixes."""

    end_ns: Seconds = msgspec.field(name="end_period_ts")
    yes_bid: Quotes
    yes_ask: Quotes
    price: Prices
    volume: CountText
    open_interest: CountText


class LiveCandles(msgspec.Struct, frozen=True, gc=False):
    """Candles."""

    candlesticks: tuple[LiveCandle, ...] | None


class OldCandles(msgspec.Struct, frozen=True, gc=False):
    """Candles of the history."""

    candlesticks: tuple[OldCandle, ...] | None


def reader(frame: type[Any], name: str) -> Callable[[bytes], Any]:
    """Reads a body and takes one field of it."""
    decode = decoder(frame)

    def read(body: bytes) -> Any:
        return getattr(decode(body), name)

    return read


def rows_reader(frame: type[Any], name: str) -> Callable[[bytes], list[Any]]:
    """Reads a list that does not come in pages; null is no rows."""
    decode = decoder(frame)

    def read(body: bytes) -> list[Any]:
        return list(getattr(decode(body), name) or ())

    return read


def page_reader(frame: type[Any], name: str) -> Callable[[bytes], Page[Any]]:
    """Reads one page of a list."""
    decode = decoder(frame)

    def read(body: bytes) -> Page[Any]:
        page = decode(body)
        return Page(getattr(page, name) or (), page.cursor)

    return read


def candles_reader(frame: type[Any]) -> Callable[[bytes], list[Candle]]:
    """Reads candles of either shape."""
    decode = decoder(frame)

    def read(body: bytes) -> list[Candle]:
        return [_candle(row) for row in decode(body).candlesticks or ()]

    return read


def _candle(row: LiveCandle | OldCandle) -> Candle:
    bid, ask, price = row.yes_bid, row.yes_ask, row.price
    return Candle(
        row.end_ns,
        Quotes(bid.open, bid.low, bid.high, bid.close),
        Quotes(ask.open, ask.low, ask.high, ask.close),
        Prices(price.open, price.low, price.high, price.close, price.mean, price.previous),
        row.volume,
        row.open_interest,
    )
