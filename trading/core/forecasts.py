"""The forecast record: what models and market said of every window at fixed times before its close."""

from collections.abc import Callable, Iterable

from trading.core.decision import Forecast
from trading.core.market import MarketState

MARKS_S = (840, 720, 600, 480, 360, 300, 240, 180, 120, 90, 60, 45, 30, 20, 10, 5)
"""Seconds before the close."""


class Forecaster:
    """Asked at every step; answers at the first one at or after each mark of each window, once."""

    def __init__(self) -> None:
        self.next_ns = 0  # nothing is due before

    def due(
        self, now_ns: int, markets: Iterable[MarketState], tell: Callable[[MarketState, int], Forecast]
    ) -> tuple[Forecast, ...]:
        """The forecasts due by now; `tell` makes one of a market for a mark."""
        return ()
