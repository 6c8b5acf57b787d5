"""What chance alone does to the numbers of a record: its closes drawn anew, many times (pricing notes, section 10.1).

The stationary bootstrap draws runs of neighbouring closes, 8 on average; from 30 days on whole days are drawn instead, those
without a trade too. The order within what is drawn stays, so that drawdowns and curves can be told as well as means. Seeded:
the same record gives the same intervals.
"""

from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec
import numpy as np

from backtests.core.closes import Closes
from backtests.core.paired import DAYS_FOR_DAYS
from backtests.core.scores import DRAWS, MEAN_BLOCK, Floats, Ints, interval, stationary_path
from markets.core.units import DAY_NS

SEED = 20_261_126
LEAST_CLOSES = 30  # fewer have no interval
BAND_POINTS = 120
Kind = TypeVar("Kind")


class Interval(NamedTuple):
    """95 % of the resamples lie between the two."""

    low: float
    high: float


class BandPoint(NamedTuple):
    """Of the profit made up to a close (dollars): where 95 % of the resampled curves are by then."""

    time_ns: int
    low: float
    high: float


class Resampled(msgspec.Struct, frozen=True):
    """Intervals of a record's numbers. Money in dollars; the drawdown in dollars and as a share of the peak before it."""

    by: str  # "closes" or "days"
    blocks: int
    draws: int
    net: Interval
    net_per_contract: Interval
    net_per_window: Interval
    return_on_cost: Interval
    win_rate: Interval
    window_sharpe: Interval | None  # None where all windows made the same
    close_sharpe: Interval | None
    drawdown: Interval
    drawdown_share: Interval
    band: tuple[BandPoint, ...]

    @property
    def method(self) -> str:
        """How it was made, in words."""
        if self.by == "days":
            return f"95 % intervals by {self.draws:,} resamples of whole days ({self.blocks:,} of them)"
        return (
            f"95 % intervals by {self.draws:,} resamples of {self.blocks:,} closes, in runs of {MEAN_BLOCK} on average"
        )


class _Draw(NamedTuple, Generic[Kind]):
    """The numbers of one resample, or of all of them."""

    net: Kind
    net_per_contract: Kind
    net_per_window: Kind
    return_on_cost: Kind
    win_rate: Kind
    window_sharpe: Kind
    close_sharpe: Kind
    drawdown: Kind
    drawdown_share: Kind


def resample(
    closes: Closes, capital: float, days: Iterable[int] = (), draws: int = DRAWS, seed: int = SEED
) -> Resampled | None:
    """The intervals of a record that began with `capital` dollars; `days` are the UTC days it covers, traded or not. None for
    fewer than 30 closes."""
    if closes.size < LEAST_CLOSES:
        return None
    covered = np.unique(np.concatenate([np.fromiter(days, np.int64), closes.times // DAY_NS]))
    by_day = covered.size >= DAYS_FOR_DAYS
    random = np.random.default_rng(seed)
    paths = _day_paths(random, closes, covered, draws) if by_day else _close_paths(random, closes.size, draws)
    looked_at = np.unique(np.linspace(0, closes.size - 1, min(BAND_POINTS, closes.size)).astype(np.int64))
    found, curves = np.empty((draws, len(_Draw._fields))), np.empty((draws, looked_at.size))
    table = np.stack(closes[1:7], axis=1)  # net, squares, windows, wins, contracts, spent
    for number, path in enumerate(paths):
        curve = np.cumsum(closes.net[path]) if path.size else np.zeros(1)
        found[number] = _draw(table, path, curve, capital)
        curves[number] = curve[np.minimum(looked_at, curve.size - 1)]
    numbers = _Draw(*found.T)
    low, high = np.percentile(curves, [2.5, 97.5], axis=0)
    band = tuple(
        BandPoint(int(closes.times[at]), float(down), float(up))
        for at, down, up in zip(looked_at, low, high, strict=True)
    )
    return Resampled(
        "days" if by_day else "closes", covered.size if by_day else closes.size, draws, _span(numbers.net),
        _span(numbers.net_per_contract), _span(numbers.net_per_window), _span(numbers.return_on_cost),
        _span(numbers.win_rate), _ratio_span(numbers.window_sharpe), _ratio_span(numbers.close_sharpe),
        _span(numbers.drawdown), _span(numbers.drawdown_share), band,
    )  # fmt: skip


def falls(curve: Floats, capital: float) -> tuple[float, float]:
    """The deepest fall of `capital` plus a curve of profit below its peak: in money, and as a share of the peak."""
    equity = np.concatenate([[capital], capital + curve])
    peak = np.maximum.accumulate(equity)
    fall = peak - equity
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(peak > 0.0, fall / peak, 0.0)
    return float(fall.max()), float(share.max())


def _draw(table: Floats, path: Ints, curve: Floats, capital: float) -> _Draw[float]:
    drawn = np.bincount(path, minlength=len(table))
    net, squares, windows, wins, contracts, spent = (float(value) for value in drawn @ table)
    closes = float(path.size)
    money, share = falls(curve, capital)
    return _Draw(
        net, _over(net, contracts), _over(net, windows), _over(net, spent), _over(wins, windows),
        _sharpe(net, squares, windows), _sharpe(net, float(drawn @ (table[:, 0] ** 2)), closes), money, share,
    )  # fmt: skip


def _span(values: Floats) -> Interval:
    return Interval(*interval(values))


def _ratio_span(values: Floats) -> Interval | None:
    return None if np.isnan(values).all() else _span(values)


def _over(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def _sharpe(total: float, squares: float, count: float) -> float:
    """Mean over sample standard deviation of `count` values with this sum and sum of squares; NaN where they are alike."""
    if count < 2.0:
        return float("nan")
    mean = total / count
    variance = (squares - total * mean) / (count - 1.0)
    return mean / float(np.sqrt(variance)) if variance > 1e-12 * max(squares, 1e-12) else float("nan")


def _close_paths(random: np.random.Generator, size: int, draws: int) -> Iterator[Ints]:
    return (stationary_path(random, size) for _ in range(draws))


def _day_paths(random: np.random.Generator, closes: Closes, covered: Ints, draws: int) -> Iterator[Ints]:
    """Whole days with replacement, their closes in order."""
    first = np.searchsorted(closes.times, covered * DAY_NS)
    length = np.searchsorted(closes.times, (covered + 1) * DAY_NS) - first
    for _ in range(draws):
        day = random.integers(0, covered.size, covered.size)
        long = length[day]
        begin = np.cumsum(long) - long
        path: Ints = np.repeat(first[day] - begin, long) + np.arange(long.sum())
        yield path
