"""The crowd: what a demo world or a tape tells of books and trades, put into the matching exchange."""

from markets.core.events import BookDelta, BookSnapshot, TickerQuote, TradePrint
from trading.core.matching.engine import Matching
from trading.simulator.exchange.house_rows import HouseMarket

PRINTS = 1 << 40  # where the numbers of the crowd's own trades begin


class Crowd:
    """Everyone but the members. Only markets that trade are told of: makers leave with the close."""

    def __init__(self, matching: Matching, markets: dict[str, HouseMarket]) -> None:
        self._matching, self._markets = matching, markets
        self._prints = PRINTS

    def snapshot(self, event: BookSnapshot, now_ns: int) -> None:
        """The crowd's whole book."""
        if self._is_trading(event.ticker):
            self._matching.crowd_replace(event.ticker, event.yes, event.no, now_ns)

    def delta(self, event: BookDelta, now_ns: int) -> None:
        """One level of it changed."""
        if self._is_trading(event.ticker):
            self._matching.crowd_change(event.ticker, event.is_yes, event.price, event.change, now_ns)

    def trade(self, event: TradePrint, now_ns: int) -> tuple[int, int]:
        """A trade of the crowd's; (the number of the part that members had no share in, its count)."""
        if not self._is_trading(event.ticker):
            return 0, 0
        ours = self._matching.crowd_trade(event.ticker, event.price, event.count, event.taker_yes, now_ns)
        self._prints += 1
        return self._prints, event.count - ours

    def quote(self, event: TickerQuote) -> HouseMarket | None:
        """Take what only the exchange's own summary knows; the market, when it is one that trades."""
        if not self._is_trading(event.ticker):
            return None
        market = self._markets[event.ticker]
        market.volume = max(market.volume, event.volume)
        market.last_price = market.last_price or event.last
        return market

    def _is_trading(self, ticker: str) -> bool:
        market = self._markets.get(ticker)
        return market is not None and market.status in ("active", "inactive")
