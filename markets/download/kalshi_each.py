"""What Kalshi keeps of each market: its public trades, its minute candles."""

from decimal import Decimal

from markets.core.units import SECOND_NS, money_from_text
from markets.download.errors import Refused
from markets.download.kalshi import ARCHIVE, LISTING_SHARE, LIVE, NOT_FOUND, PLAN, KalshiMarkets, asked, fault
from markets.download.source import Cutoff, KalshiCandle, KalshiMarket, KalshiPrint, Mark, Page, Prices
from markets.download.times import Span
from markets.download.web import Web
from markets.kalshi import calls, calls_market
from markets.kalshi.messages_market import Candle, WireTrade
from markets.kalshi.messages_market import Prices as WirePrices
from markets.kalshi.messages_market import Quotes as WireQuotes

OF_EACH = "each "  # before the stage of a market's own pages
END = Mark(PLAN)
SIDES = ("yes", "no")


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
        of = calls_market.historical_trades if place == ARCHIVE else calls_market.trades
        rows, cursor, skipped = asked(
            self._web,
            of({"ticker": market.ticker}).ask(mark.cursor, self._limit),
            lambda told: _prints(told, market),
        )
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
        from_s, to_s = market.open_ns // SECOND_NS, market.close_ns // SECOND_NS
        if mark.stage == OF_EACH + LIVE:
            ask = calls_market.candlesticks(market.ticker, from_s, to_s, 1, with_before=False)
        else:
            ask = calls_market.historical_candlesticks(market.ticker, from_s, to_s, 1)
        try:
            rows = asked(self._web, ask, lambda told: _minutes(told, market))
        except Refused as error:
            if error.status != NOT_FOUND or mark.stage != OF_EACH + LIVE:
                raise
            return Page(mark, Mark(OF_EACH + ARCHIVE, mark.index))  # archived since it was listed
        return Page(mark, self._begin(self._markets, mark.index + 1), rows, self._share(mark))


def trade_places(market: KalshiMarket, cutoff: Cutoff) -> list[str]:
    """Where a market's trades are, the newest place first."""
    places = [LIVE] if market.close_ns >= cutoff.trades_ns else []
    return places + [ARCHIVE] * (market.open_ns < cutoff.trades_ns)


def _prints(told: calls.Page[WireTrade], market: KalshiMarket) -> tuple[tuple[KalshiPrint, ...], str, dict[str, int]]:
    """The trades of a page, the oldest first, its cursor, and what was left out."""
    rows = tuple(_print(trade) for trade in reversed(told.rows) if trade.ticker == market.ticker)
    other = len(told.rows) - len(rows)
    return rows, told.cursor, {"of another market": other} if other else {}


def _print(trade: WireTrade) -> KalshiPrint:
    if trade.created_ns <= 0:
        fault("created_time", f"trade {trade.trade_id} has none")
    if trade.taker_side not in SIDES:
        fault("taker_outcome_side", f"{trade.taker_side!r} is none of {', '.join(SIDES)}")
    if trade.is_block_trade is None:
        fault("is_block_trade", f"trade {trade.trade_id} does not say")
    return KalshiPrint(
        trade.trade_id,
        trade.ticker,
        trade.created_ns,
        trade.price,
        trade.count,
        trade.taker_side == "yes",
        trade.is_block_trade,
    )


def _minutes(told: list[Candle], market: KalshiMarket) -> tuple[KalshiCandle, ...]:
    """The minutes inside the window, the oldest first."""
    rows = [_minute(candle, market.ticker) for candle in told if market.open_ns < candle.end_ns <= market.close_ns]
    return tuple(sorted(rows, key=lambda row: row.end_ns))


def _minute(candle: Candle, ticker: str) -> KalshiCandle:
    return KalshiCandle(
        ticker,
        candle.end_ns,
        _prices(candle.yes_bid),
        _prices(candle.yes_ask),
        _prices(candle.price),
        None if candle.price.mean is None else _micros(candle.price.mean),
        candle.volume,
        candle.open_interest,
    )


def _prices(told: WireQuotes | WirePrices) -> Prices:
    return Prices(told.open, told.high, told.low, told.close)


def _micros(mean: Decimal) -> int:
    try:
        return money_from_text(f"{mean:f}")
    except ValueError as error:
        fault("price.mean", error)
