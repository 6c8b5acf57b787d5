"""The groups that skill is told by: asset, time to the close, the market's price, how sure the level was."""

from typing import NamedTuple

import numpy as np

from backtests.core.scores import Ints
from backtests.core.table import Table
from trading.core.fitted import BUCKETS

MOST_MARKS = 24  # different times to the close, each shown by itself
PRICES = 10
UNSURE = 2e-4  # an index level that may be further off was never held against a published one


class Split(NamedTuple):
    """A way to part the rows: the names of its groups, and the number of each row's."""

    kind: str
    keys: tuple[str, ...]
    code: Ints


def splits(table: Table) -> list[Split]:
    """By asset, by time to the close, by the market's price; by the error of the level, where it is known and differs."""
    mid = np.where(np.isnan(table.mid), 0.0, table.mid)
    prices = tuple(f"{number / PRICES:.1f} to {(number + 1) / PRICES:.1f}" for number in range(PRICES))
    place = np.clip((mid * PRICES + 1e-9).astype(np.int64), 0, PRICES - 1)
    found = [
        Split("asset", table.assets, table.asset),
        Split("time left", *_times(table.seconds_left)),
        Split("market's price", prices, place),
    ]
    unsure = (table.level > UNSURE).astype(np.int64)
    if unsure.any() and not unsure.all():
        found.append(Split("error of the index level", ("up to 2 bp", "above 2 bp"), unsure))
    return found


def _times(seconds: Ints) -> tuple[tuple[str, ...], Ints]:
    marks, code = np.unique(-seconds, return_inverse=True)
    if marks.size <= MOST_MARKS:
        return tuple(_time(-int(mark)) for mark in marks), code
    edges = [least for least, _ in BUCKETS][1:]
    keys = (f"under {edges[0]:.0f} s", *(f"from {edge:.0f} s" for edge in edges))
    return keys, np.digitize(seconds, edges).astype(np.int64)


def _time(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
