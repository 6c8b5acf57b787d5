"""What every source of history is to the job that fetches it: pages, each with the mark of the next."""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from markets.core.contract import Contract, PriceBand
from markets.core.payout import Payment, payment_of


class SpotTrade(msgspec.Struct, frozen=True, array_like=True, tag="t", gc=False):
    """A trade at a spot venue, as the venue tells it; `trade_id` counts up by one at each."""

    trade_id: int
    venue_ns: int
    price: float
    size: float
    taker: Literal["", "buy", "sell"]


class SpotCandle(msgspec.Struct, frozen=True, array_like=True, tag="c", gc=False):
    """A minute of a spot venue from `open_ns` on. What a venue does not tell is None."""

    open_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    trades: int | None = None
    quote_volume: float | None = None
    taker_buy_volume: float | None = None
    vwap: float | None = None


class KalshiMarket(msgspec.Struct, frozen=True, array_like=True, tag="m"):
    """A market: its terms, and what came of it. `decimals` is what the exchange says of the rounding, None where it says
    nothing; `value` the average it settled on; `yes_pays` (a Price) what a YES contract is paid, where that is told; times
    in ns, counts in 1/100 contract."""

    contract: Contract
    decimals: int | None
    status: str
    result: str
    value: str
    yes_pays: int | None
    settled_ns: int
    volume: int
    archived: bool

    @property
    def ticker(self) -> str:
        """Of this market."""
        return self.contract.ticker

    @property
    def series(self) -> str:
        """That it belongs to."""
        return self.contract.series

    @property
    def open_ns(self) -> int:
        """When its window begins."""
        return self.contract.open_ns

    @property
    def close_ns(self) -> int:
        """When its window ends."""
        return self.contract.close_ns

    @property
    def strike(self) -> float | None:
        """Of the index; None for a market that never had one."""
        return self.contract.strike

    @property
    def grid(self) -> tuple[PriceBand, ...]:
        """At which prices it trades."""
        return self.contract.grid

    @property
    def payment(self) -> Payment | None:
        """What it pays by its result; None while that cannot be said."""
        return payment_of(self.result, self.yes_pays)


class KalshiPrint(msgspec.Struct, frozen=True, array_like=True, tag="p", gc=False):
    """A public trade: price in 1/10 000 dollar, count in 1/100 contract."""

    trade_id: str
    ticker: str
    venue_ns: int
    price: int
    count: int
    taker_yes: bool
    is_block: bool


class Prices(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Open, high, low and close in 1/10 000 dollar; None where there was none."""

    open: int | None = None
    high: int | None = None
    low: int | None = None
    close: int | None = None


class KalshiCandle(msgspec.Struct, frozen=True, array_like=True, tag="k", gc=False):
    """A minute of a market up to `end_ns` (inside). `mean` is of the trades, in 1/1 000 000
    dollar; counts in 1/100 contract."""

    ticker: str
    end_ns: int
    bid: Prices
    ask: Prices
    price: Prices
    mean: int | None
    volume: int
    open_interest: int


class Cutoff(msgspec.Struct, frozen=True, array_like=True, tag="x"):
    """Before these times the exchange keeps its history apart."""

    markets_ns: int
    trades_ns: int


Row = SpotTrade | SpotCandle | KalshiMarket | KalshiPrint | KalshiCandle | Cutoff


class Mark(msgspec.Struct, frozen=True):
    """Where a source is: which stage, the how-manieth part of it, and the venue's own cursor."""

    stage: str
    index: int = 0
    cursor: str = ""


class Page(msgspec.Struct, frozen=True):
    """What one question brought, oldest row first, and where to go on; `next` is None at the end. `skipped` counts rows
    that cannot be used, by reason; `share` is how far the whole is (0 to 1)."""

    mark: Mark
    next: Mark | None
    rows: tuple[Row, ...] = ()
    share: float = 0.0
    skipped: Mapping[str, int] = {}


class Source(Protocol):
    """History of one kind. The same marks lead to the same pages, in this process or the next."""

    def first(self) -> Mark:
        """Where to begin."""

    def fetch(self, mark: Mark) -> Page:
        """Ask for the page at `mark`. Raises DownloadError."""

    def learn(self, page: Page) -> None:
        """Take note of a page, fetched just now or read back after an interruption. Called once a page, in order."""
