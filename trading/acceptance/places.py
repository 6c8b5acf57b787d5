"""Places: the markets that cases trade in, with their books as they are now."""

from typing import NamedTuple

from markets.core.contract import Contract, FeeTerms
from markets.core.units import CONTRACT, PRICE_DOLLAR, SECOND_NS
from markets.kalshi.messages import BookPage, WireMarket, WireSeries
from markets.kalshi.rest import KalshiRest
from markets.kalshi.terms import TermsError, contract_of
from trading.acceptance.environment import Environment

USUAL_RATE, CENTICENT = 700, 100


class Place(NamedTuple):
    """An open market. `bid` 0 and `ask` 10000 mean none; counts are those at the best prices."""

    market: WireMarket
    contract: Contract
    book: BookPage

    @property
    def ticker(self) -> str:
        """Its name."""
        return self.market.ticker

    @property
    def shard(self) -> int:
        """The shard that its orders go to."""
        return self.market.shard or 0

    @property
    def close_ns(self) -> int:
        """When it closes."""
        return self.market.close_ns

    @property
    def bid(self) -> int:
        """The best price that somebody buys YES at."""
        return max((price for price, _ in self.book.yes), default=0)

    @property
    def ask(self) -> int:
        """The best price that somebody sells YES at."""
        return PRICE_DOLLAR - max((price for price, _ in self.book.no), default=0)

    @property
    def bid_count(self) -> int:
        """How many contracts are bid for at the best price."""
        return dict(self.book.yes).get(self.bid, 0)

    @property
    def ask_count(self) -> int:
        """How many contracts are offered at the best price."""
        return dict(self.book.no).get(PRICE_DOLLAR - self.ask, 0)

    @property
    def is_two_sided(self) -> bool:
        """Whether it can be bought and sold."""
        return bool(self.book.yes and self.book.no)

    def inside(self, cents: int = 0) -> int:
        """A price in the middle of the empty spread, so many cents above it (or below)."""
        return (self.bid + self.ask) // 200 * 100 + 100 * cents


class Places:
    """Finds them, by the listing of our series."""

    def __init__(self, environment: Environment, rest: KalshiRest) -> None:
        self._environment, self._rest = environment, rest
        self._fees: dict[str, FeeTerms] = {}

    async def open(self, least_s: float) -> list[Place]:
        """Those that trade for so long still."""
        until_ns = self._environment.now_ns() + round(least_s * SECOND_NS)
        places = []
        for series in self._environment.series:
            for market in await self._rest.markets(series_ticker=series, status="open"):
                if market.close_ns < until_ns or market.open_ns > self._environment.now_ns():
                    continue
                try:
                    terms = contract_of(market, await self._fees_of(series))
                except TermsError:
                    continue
                places.append(Place(market, terms, await self._rest.orderbook(market.ticker)))
        return places

    async def _fees_of(self, series: str) -> FeeTerms:
        if series not in self._fees:
            self._fees[series] = fees_of(await self._rest.series(series))
        return self._fees[series]


def fees_of(series: WireSeries) -> FeeTerms:
    """The fees of a series: its multiplier times the usual rate; makers pay nothing."""
    return FeeTerms(int(series.fee_multiplier * USUAL_RATE), 0, CENTICENT, CENTICENT)


def contracts(count: int) -> str:
    """A Count in words."""
    return f"{count / CONTRACT:g}"
