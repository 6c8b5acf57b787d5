"""Rows as columns: what half a million forecasts are scored in."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtests.core.rows import MODELS, Row, mid
from backtests.core.scores import Floats, Ints

MARKET, NAIVE, COIN = "market", "digital", "coin"


class Table(NamedTuple):
    """n forecasts with their outcomes. `window` and `asset` are numbers from 0; NaN is a probability that there was not."""

    assets: tuple[str, ...]
    asset: Ints
    window: Ints
    close_ns: Ints
    seconds_left: Ints
    mid: Floats
    outcome: Floats
    level: Floats  # the standard error of the index level, relative
    probabilities: dict[str, Floats]
    naive: str = NAIVE  # which of them is the naive N(d2)

    @property
    def windows(self) -> int:
        """How many markets it holds."""
        return int(np.unique(self.window).size)

    def where(self, chosen: NDArray[np.bool_]) -> "Table":
        """The chosen rows alone."""
        return self._replace(
            asset=self.asset[chosen],
            window=self.window[chosen],
            close_ns=self.close_ns[chosen],
            seconds_left=self.seconds_left[chosen],
            mid=self.mid[chosen],
            outcome=self.outcome[chosen],
            level=self.level[chosen],
            probabilities={name: column[chosen] for name, column in self.probabilities.items()},
        )

    def of(self, name: str) -> Floats:
        """What a model, the market or a coin said in each row."""
        if name == MARKET:
            return self.mid
        return np.full(self.mid.size, 0.5) if name == COIN else self.probabilities[name]

    def knows(self, name: str) -> bool:
        """Whether there is such a forecaster."""
        return name in {MARKET, COIN} or name in self.probabilities

    def shared(self, p: Floats) -> Ints:
        """The numbers of the rows on which `p`, the market and the naive model all said something."""
        there = ~np.isnan(p) & ~np.isnan(self.mid)
        if self.naive in self.probabilities:
            there &= ~np.isnan(self.probabilities[self.naive])
        return np.flatnonzero(there)

    def with_models(self, models: dict[str, Floats]) -> "Table":
        """The same rows with more models."""
        return self._replace(probabilities=self.probabilities | models)


def table_of(rows: Iterable[Row], models: Sequence[str] = MODELS) -> Table:
    """The columns of these rows; a model that is nowhere priced is left out."""
    listed = list(rows)
    assets, asset = coded([row.asset for row in listed])
    _, window = coded([row.ticker for row in listed])
    columns = {name: floats([row.probabilities.get(name) for row in listed]) for name in models}
    return Table(
        assets,
        asset,
        window,
        np.array([row.close_ns for row in listed], np.int64),
        np.array([row.seconds_left for row in listed], np.int64),
        floats([mid(row) for row in listed]),
        np.array([row.outcome for row in listed], np.float64),
        floats([row.level_error for row in listed]),
        {name: column for name, column in columns.items() if not np.isnan(column).all()},
    )


def coded(words: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """The different words in order, and the number of each."""
    if not words:
        return (), np.empty(0, np.int64)
    different, number = np.unique(np.array(words), return_inverse=True)
    return tuple(str(word) for word in different), number.astype(np.int64)


def floats(values: Sequence[float | None]) -> Floats:
    """NaN for None."""
    return np.array(values, np.float64)
