"""What an index did from one settlement to the next: the longest record there is of its volatility, its hours and tails."""

from collections.abc import Iterable
from math import isfinite, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from backtests.core.cases import Floats, Whole
from markets.core.contract import WINDOW_NS

LARGEST = 0.5  # a move of a logarithm in a quarter hour that is a mistake in the record


class Settlement(NamedTuple):
    """What one window of an asset settled on."""

    asset: str
    close_ns: int
    value: float


class Moves(NamedTuple):
    """ln(settle value / settle value a quarter hour before), n of each, in order of close."""

    asset: npt.NDArray[np.str_]
    close_ns: Whole
    move: Floats

    def of(self, asset: str) -> "Moves":
        """Those of one asset."""
        mine = self.asset == asset
        return Moves(self.asset[mine], self.close_ns[mine], self.move[mine])

    def since(self, close_ns: int) -> "Moves":
        """Those of windows that closed then or later."""
        mine = self.close_ns >= close_ns
        return Moves(self.asset[mine], self.close_ns[mine], self.move[mine])


def moves_of(settlements: Iterable[Settlement]) -> Moves:
    """The moves between settlements a quarter hour apart; where one is missing there is no move into it or out of it."""
    values = {
        (each.asset, each.close_ns): each.value for each in settlements if isfinite(each.value) and each.value > 0.0
    }
    found = []
    for (asset, close_ns), value in values.items():
        before = values.get((asset, close_ns - WINDOW_NS))
        if before is not None and abs(log(value / before)) < LARGEST:
            found.append((close_ns, asset, log(value / before)))
    found.sort()
    return Moves(
        np.array([asset for _, asset, _ in found], dtype=np.str_),
        np.array([close_ns for close_ns, _, _ in found], dtype=np.int64),
        np.array([move for _, _, move in found], dtype=np.float64),
    )
