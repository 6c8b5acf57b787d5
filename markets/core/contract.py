"""Contract: the terms of one market (asset, strike, window, price grid, fee terms); the quarter-hour grid."""

from typing import Literal

import msgspec

from markets.core.units import PRICE_DOLLAR, SECOND_NS, Price

WINDOW_NS = 900 * SECOND_NS


class PriceBand(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Between `start` and `end` (inclusive) prices move by `step`."""

    start: Price
    end: Price
    step: Price


CENT_GRID = (PriceBand(Price(0), PRICE_DOLLAR, Price(100)),)
TAPERED_GRID = (
    PriceBand(Price(0), Price(1_000), Price(10)),
    PriceBand(Price(1_000), Price(9_000), Price(100)),
    PriceBand(Price(9_000), PRICE_DOLLAR, Price(10)),
)


class FeeTerms(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Trade fee = rate x contracts x p x (1 - p), rounded up to `increment`; the change of balance
    then down to `precision`. Rates are in 1/10 000 (700 is 0.07), the roundings in Money."""

    taker_rate: int = 700
    maker_rate: int = 0
    increment: int = 100
    precision: int = 100


class Averaging(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The contract settles on the mean of `samples` index values, `step_ns` apart.
    open_right: the last one is one step before the close; closed_right: it is at the close."""

    samples: int = 60
    step_ns: int = SECOND_NS
    window: Literal["open_right", "closed_right"] = "open_right"

    def first_ns(self, close_ns: int) -> int:
        """When the first sample of the average is taken."""
        return self.last_ns(close_ns) - (self.samples - 1) * self.step_ns

    def last_ns(self, close_ns: int) -> int:
        """When the last sample of the average is taken."""
        return close_ns - self.step_ns if self.window == "open_right" else close_ns


class Contract(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The terms of one market. `strike` is None until the exchange has written it;
    `decimals` is how many the settlement average is rounded to before it is compared."""

    ticker: str
    series: str
    asset: str
    open_ns: int
    close_ns: int
    strike: float | None = None
    decimals: int = 2
    grid: tuple[PriceBand, ...] = TAPERED_GRID
    fees: FeeTerms = FeeTerms()
    averaging: Averaging = Averaging()

    def floor(self, price: int) -> Price:
        """The highest price on the grid that is not above `price`, at least one step above zero."""
        band = self._band(price)
        on_grid = band.start + (price - band.start) // band.step * band.step
        return self._inside(on_grid)

    def ceil(self, price: int) -> Price:
        """The lowest price on the grid that is not below `price`, at least one step below a dollar."""
        band = self._band(price)
        on_grid = band.start - (band.start - price) // band.step * band.step
        return self._inside(on_grid)

    def is_on_grid(self, price: int) -> bool:
        """Whether the exchange would take an order at this price."""
        return 0 < price < PRICE_DOLLAR and self.floor(price) == price

    def _band(self, price: int) -> PriceBand:
        for band in self.grid:
            if band.start <= price <= band.end:
                return band
        raise ValueError(f"{self.ticker}: price {price} is outside the price grid")

    def _inside(self, price: int) -> Price:
        lowest, highest = self.grid[0].step, PRICE_DOLLAR - self.grid[-1].step
        return Price(min(max(price, lowest), highest))


def window_close_ns(now_ns: int) -> int:
    """The close of the quarter hour that `now_ns` is in; a close itself belongs to the next one."""
    return (now_ns // WINDOW_NS + 1) * WINDOW_NS
