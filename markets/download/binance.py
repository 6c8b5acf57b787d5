"""Binance, all three hosts: aggregate trades by their running number; minute candles by their start."""

import msgspec

from markets.core.units import MILLISECOND_NS
from markets.download.source import Mark, Page, SpotCandle, SpotTrade
from markets.download.spot_rows import number, sound
from markets.download.times import MINUTE_NS, Span, number_ns
from markets.download.web import Params, Reply, Web

TRADES_WEIGHT, CANDLES_WEIGHT = 4.0, 2.0
AT, FROM = "at", "from"


class _Trade(msgspec.Struct):
    a: int  # number
    p: str
    q: str
    T: int
    m: bool  # the buyer was the maker


class _Candle(msgspec.Struct, array_like=True):
    open_time: int
    open: str
    high: str
    low: str
    close: str
    volume: str
    close_time: int
    quote_volume: str
    trades: int
    taker_buy_volume: str


class BinanceTrades:
    """Aggregate trades of one symbol: the first page by time, all others by the number after the last, so none is missed."""

    def __init__(self, web: Web, asset: str, span: Span, *, limit: int = 1000) -> None:
        self._web, self._span, self._limit = web, span, limit
        self._symbol = symbol_of(asset)

    def first(self) -> Mark:
        """The first trade of the span, by time."""
        return Mark(AT, 0, str(self._span.from_ns // MILLISECOND_NS))

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """One page, the oldest trade first."""
        place = "startTime" if mark.stage == AT else "fromId"
        params: Params = {"symbol": self._symbol, place: mark.cursor, "limit": self._limit}
        _, trades = self._web.read("/api/v3/aggTrades", params, _trades, cost=TRADES_WEIGHT)
        rows, skipped = sound(map(_row, trades))
        newest_ns = max((row.venue_ns for row in rows), default=self._span.from_ns)
        is_last = not trades or newest_ns >= self._span.to_ns
        share = 1.0 if is_last else self._span.share(newest_ns)
        following = None if is_last else Mark(FROM, 0, str(max(trade.a for trade in trades) + 1))
        return Page(mark, following, rows, share, skipped)


class BinanceCandles:
    """Minutes of one symbol."""

    def __init__(self, web: Web, asset: str, span: Span, *, limit: int = 1000) -> None:
        self._web, self._span, self._limit = web, span, limit
        self._symbol = symbol_of(asset)

    def first(self) -> Mark:
        """The first minute."""
        return Mark(AT, 0, str(self._span.from_ns // MILLISECOND_NS))

    def learn(self, page: Page) -> None:
        """A mark says all there is to know."""

    def fetch(self, mark: Mark) -> Page:
        """One page; the next begins a minute after its last."""
        params: dict[str, str | int] = {"symbol": self._symbol, "interval": "1m", "limit": self._limit}
        params |= {"startTime": mark.cursor, "endTime": self._span.to_ns // MILLISECOND_NS - 1}
        _, candles = self._web.read("/api/v3/klines", params, _candles, cost=CANDLES_WEIGHT)
        rows, skipped = sound(map(_candle, candles))
        next_ns = max((number_ns(row.open_time) for row in candles), default=self._span.to_ns) + MINUTE_NS
        is_last = not candles or next_ns >= self._span.to_ns
        following = None if is_last else Mark(AT, 0, str(next_ns // MILLISECOND_NS))
        return Page(mark, following, rows, self._span.share(next_ns), skipped)


def symbol_of(asset: str) -> str:
    """BTC -> BTCUSDT: the quote is USDT, not the dollar."""
    return f"{asset}USDT"


def _trades(reply: Reply) -> list[_Trade]:
    return msgspec.json.decode(reply.body, type=list[_Trade])


def _candles(reply: Reply) -> list[_Candle]:
    return msgspec.json.decode(reply.body, type=list[_Candle])


def _row(row: _Trade) -> SpotTrade:
    return SpotTrade(row.a, number_ns(row.T), number(row.p), number(row.q), "sell" if row.m else "buy")


def _candle(row: _Candle) -> SpotCandle:
    prices = number(row.open), number(row.high), number(row.low), number(row.close)
    more = row.trades, number(row.quote_volume), number(row.taker_buy_volume)
    return SpotCandle(number_ns(row.open_time), *prices, number(row.volume), *more)
