"""What was made at each close. Windows that close together win and lose together: a close is one draw of chance."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from backtests.core.metrics import Window
from backtests.core.scores import Floats, Ints
from markets.core.units import CONTRACT, DOLLAR


class Closes(NamedTuple):
    """Arrays of one length, a value for each close at which something was traded, in order of time. Money in dollars,
    contracts in whole ones: they go into ratios alone. `code` is the number of its close for each window."""

    times: Ints
    net: Floats
    squares: Floats  # of the windows' nets, summed
    windows: Floats
    wins: Floats
    contracts: Floats
    spent: Floats
    code: Ints

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.times.size)


def closes_of(windows: Sequence[Window]) -> Closes:
    """The windows traded to their result, by close."""
    times, code = np.unique(np.array([window.close_ns for window in windows], np.int64), return_inverse=True)
    net = np.array([window.net for window in windows], np.float64) / DOLLAR

    def summed(values: Floats) -> Floats:
        return np.bincount(code, values, times.size).astype(np.float64)

    return Closes(
        times.astype(np.int64),
        summed(net),
        summed(net * net),
        summed(np.ones(net.size)),
        summed((net > 0.0).astype(np.float64)),
        summed(np.array([window.count for window in windows], np.float64) / CONTRACT),
        summed(np.array([window.spent for window in windows], np.float64) / DOLLAR),
        code.astype(np.int64),
    )
