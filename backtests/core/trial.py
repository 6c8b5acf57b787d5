"""TrialResult: what one setting made on one span of tapes, small enough that thousands can be kept."""

from typing import NamedTuple

import msgspec


class TradedWindow(NamedTuple):
    """One market traded to its result; money in micro-dollars, `contracts` in hundredths."""

    ticker: str
    asset: str
    close_ns: int
    net: int
    fees: int
    contracts: int
    fills: int


class TrialResult(msgspec.Struct, frozen=True):
    """`digest` is a SHA-256 over orders, fills and settlements: the compiled lane and the engine agree on it. `end` is the
    equity at the end (cash and open contracts at cost), `start` that at the beginning."""

    trial: int
    digest: str
    orders: int
    start: int
    end: int
    drawdown: int
    windows: tuple[TradedWindow, ...] = ()

    @property
    def net(self) -> int:
        """What was made, Money."""
        return self.end - self.start
