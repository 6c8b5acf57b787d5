"""What Kalshi keeps of each market: its public trades, its minute candles."""

from typing import Literal

import msgspec

from markets.core.units import SECOND_NS, count_from_text, money_from_text, price_from_text
from markets.download.errors import Refused
from markets.download.kalshi import ARCHIVE, LISTING_SHARE, LIVE, NOT_FOUND, PLAN, KalshiMarkets, fault, units
from markets.download.source import Cutoff, KalshiCandle, KalshiMarket, KalshiPrint, Mark, Page, Prices
from markets.download.times import Span, stamp_ns
from markets.download.web import Reply, Web

OF_EACH = "each "  # before the stage of a market's own pages
END = Mark(PLAN)


class _Trade(msgspec.Struct):
    trade_id: str
    ticker: str
    count_fp: str
    yes_price_dollars: str
    taker_outcome_side: Literal["yes", "no"]
    created_time: str
    is_block_trade: bool


class _Trades(msgspec.Struct):
    trades: list[_Trade]
    cursor: str = ""


class _Quotes(msgspec.Struct, rename=lambda name: f"{name}_dollars"):
    open: str
    high: str
    low: str
    close: str


class _Paid(msgspec.Struct, rename=lambda name: f"{name}_dollars"):
    """Null, or not there at all, in a minute without a trade."""

    open: str | None = None
    high: str | None = None
    low: str | None = None
    close: str | None = None
    mean: str | None = None


class _Candle(msgspec.Struct):
    end_period_ts: int
    yes_bid: _Quotes
    yes_ask: _Quotes
    price: _Paid
    volume_fp: str
    open_interest_fp: str


class _OldQuotes(msgspec.Struct):
    open: str
    high: str
    low: str
    close: str


class _OldPaid(msgspec.Struct):
    open: str | None
    high: str | None
    low: str | None
    close: str | None
    mean: str | None


class _OldCandle(msgspec.Struct):
    """The archive's names have no suffix."""

    end_period_ts: int
    yes_bid: _OldQuotes
    yes_ask: _OldQuotes
    price: _OldPaid
    volume: str
    open_interest: str


class _Candles(msgspec.Struct):
    candlesticks: list[_Candle]


class _OldCandles(msgspec.Struct):
    candlesticks: list[_OldCandle]


class _OfEach:
    """Lists the markets, then asks for the pages of each in turn."""

    def __init__(
        self, web: Web, *, series: str = "", ticker: str = "", span: Span | None = None, limit: int = 1000
    ) -> None:
        self.listing = KalshiMarkets(web, series=series, ticker=ticker, span=span, limit=limit, then=END)
        self._web, self._limit = web, limit
        self._markets: list[KalshiMarket] = []

    def first(self) -> Mark:
        """The list comes first."""
        return self.listing.first()

    def learn(self, page: Page) -> None:
        """The pages of the list tell which markets there are."""
        self.listing.learn(page)
        if page.mark.stage == PLAN:
            self._markets = self.listing.markets()

    def fetch(self, mark: Mark) -> Page:
        """One page: of the list, or of one market. When the list is whole, a page without a question says where to begin."""
        if mark == END:
            markets = self.listing.markets()
            return Page(mark, self._begin(markets, 0), (), LISTING_SHARE)
        return self._of(mark) if mark.stage.startswith(OF_EACH) else self.listing.fetch(mark)

    def _begin(self, markets: list[KalshiMarket], index: int) -> Mark | None:
        if index >= len(markets):
            return None
        return Mark(OF_EACH + self._places(markets[index])[0], index)

    def _places(self, market: KalshiMarket) -> list[str]:
        raise NotImplementedError

    def _of(self, mark: Mark) -> Page:
        raise NotImplementedError

    def _share(self, mark: Mark) -> float:
        return LISTING_SHARE + (1 - LISTING_SHARE) * (mark.index + 1) / len(self._markets)


class KalshiTrades(_OfEach):
    """The public trades of each market, newest first. A market that traded across the cutoff has them in both places."""

    def _places(self, market: KalshiMarket) -> list[str]:
        return trade_places(market, self.listing.cutoff)

    def _of(self, mark: Mark) -> Page:
        market, place = self._markets[mark.index], mark.stage.removeprefix(OF_EACH)
        path = "/historical/trades" if place == ARCHIVE else "/markets/trades"
        params: dict[str, str | int] = {"ticker": market.ticker, "limit": self._limit}
        if mark.cursor:
            params["cursor"] = mark.cursor
        _, (rows, cursor, skipped) = self._web.read(path, params, lambda reply: _prints(reply, market))
        return Page(mark, self._next(mark, market, place, cursor), rows, self._share(mark), skipped)

    def _next(self, mark: Mark, market: KalshiMarket, place: str, cursor: str) -> Mark | None:
        if cursor:
            return Mark(mark.stage, mark.index, cursor)
        if place == LIVE and ARCHIVE in self._places(market):
            return Mark(OF_EACH + ARCHIVE, mark.index)
        return self._begin(self._markets, mark.index + 1)


class KalshiCandles(_OfEach):
    """The minutes of each market, one page a market."""

    def _places(self, market: KalshiMarket) -> list[str]:
        return [ARCHIVE if market.archived else LIVE]

    def _of(self, mark: Mark) -> Page:
        market = self._markets[mark.index]
        params = {"start_ts": market.open_ns // SECOND_NS, "end_ts": market.close_ns // SECOND_NS, "period_interval": 1}
        if mark.stage == OF_EACH + LIVE:
            try:
                path = f"/series/{market.series}/markets/{market.ticker}/candlesticks"
                _, rows = self._web.read(path, params, lambda reply: _minutes(reply, market, is_old=False))
            except Refused as error:
                if error.status != NOT_FOUND:
                    raise
                return Page(mark, Mark(OF_EACH + ARCHIVE, mark.index))  # archived since it was listed
        else:
            path = f"/historical/markets/{market.ticker}/candlesticks"
            _, rows = self._web.read(path, params, lambda reply: _minutes(reply, market, is_old=True))
        return Page(mark, self._begin(self._markets, mark.index + 1), rows, self._share(mark))


def trade_places(market: KalshiMarket, cutoff: Cutoff) -> list[str]:
    """Where a market's trades are, the newest place first."""
    places = [LIVE] if market.close_ns >= cutoff.trades_ns else []
    return places + [ARCHIVE] * (market.open_ns < cutoff.trades_ns)


def _prints(reply: Reply, market: KalshiMarket) -> tuple[tuple[KalshiPrint, ...], str, dict[str, int]]:
    """The trades of a page, the oldest first, and its cursor."""
    told = msgspec.json.decode(reply.body, type=_Trades)
    rows = tuple(_print(trade) for trade in reversed(told.trades) if trade.ticker == market.ticker)
    other = len(told.trades) - len(rows)
    return rows, told.cursor, {"of another market": other} if other else {}


def _print(trade: _Trade) -> KalshiPrint:
    venue_ns = stamp_ns(trade.created_time)
    if not venue_ns:
        fault("created_time", f"{trade.created_time!r} is not a time")
    return KalshiPrint(
        trade.trade_id,
        trade.ticker,
        venue_ns,
        units(price_from_text, trade.yes_price_dollars, "yes_price_dollars"),
        units(count_from_text, trade.count_fp, "count_fp"),
        trade.taker_outcome_side == "yes",
        trade.is_block_trade,
    )


def _minutes(reply: Reply, market: KalshiMarket, *, is_old: bool) -> tuple[KalshiCandle, ...]:
    """The minutes inside the window, the oldest first."""
    told: list[_Candle] | list[_OldCandle]
    if is_old:
        told = msgspec.json.decode(reply.body, type=_OldCandles).candlesticks
    else:
        told = msgspec.json.decode(reply.body, type=_Candles).candlesticks
    rows = [_minute(candle, market.ticker) for candle in told]
    return tuple(sorted((row for row in rows if market.open_ns < row.end_ns <= market.close_ns), key=_end_ns))


def _end_ns(row: KalshiCandle) -> int:
    return row.end_ns


def _minute(candle: _Candle | _OldCandle, ticker: str) -> KalshiCandle:
    is_old = isinstance(candle, _OldCandle)
    volume = candle.volume if isinstance(candle, _OldCandle) else candle.volume_fp
    interest = candle.open_interest if isinstance(candle, _OldCandle) else candle.open_interest_fp
    suffix = "" if is_old else "_fp"
    return KalshiCandle(
        ticker,
        candle.end_period_ts * SECOND_NS,
        _prices(candle.yes_bid, "yes_bid"),
        _prices(candle.yes_ask, "yes_ask"),
        _prices(candle.price, "price"),
        None if candle.price.mean is None else units(money_from_text, candle.price.mean, "price.mean"),
        units(count_from_text, volume, f"volume{suffix}"),
        units(count_from_text, interest, f"open_interest{suffix}"),
    )


def _prices(told: _Quotes | _Paid | _OldQuotes | _OldPaid, field: str) -> Prices:
    return Prices(*(_optional(text, field) for text in (told.open, told.high, told.low, told.close)))


def _optional(text: str | None, field: str) -> int | None:
    return None if text is None else units(price_from_text, text, field)
