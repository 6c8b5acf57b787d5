"""Scores of probabilities and how sure they are: Brier, log-loss, Murphy, ECE, Diebold-Mariano, block bootstrap (section 5.3).

Everything takes arrays of one length n: probabilities `p` in [0, 1], outcomes `y` (1 YES, 0 NO) and weights `w`. One window
is one vote: `vote_weights` gives each row of a window its share of it, so that weighted means are means over windows.
Blocks are closing times: windows that close at one instant move together and are drawn together.
"""

from math import erfc, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_P = 1e-6  # what the log-loss clips to
LAG = 8  # windows, of Newey and West
MEAN_BLOCK = 8  # windows, of the stationary bootstrap
ECE_BINS = 20
DIAGRAM_BINS = 10
DRAWS = 2_000


class Murphy(NamedTuple):
    """Brier = reliability - resolution + uncertainty + remainder, exactly. The remainder is what the bins hide: the variance
    of forecasts inside them, less twice their covariance with the outcome."""

    reliability: float
    resolution: float
    uncertainty: float
    remainder: float


class Bin(NamedTuple):
    """Forecasts between two probabilities: how many, their mean, and the share that came true."""

    low: float
    high: float
    rows: int
    windows: float  # votes; a window whose rows fall into two bins is shared between them
    forecast: float | None
    happened: float | None


class CalibrationError(NamedTuple):
    """The mean distance of forecast and outcome over bins of equal count, and the count of rows in each."""

    value: float
    counts: tuple[int, ...]


class Difference(NamedTuple):
    """The mean difference of two losses, its standard error, t and the two-sided p of no difference."""

    mean: float
    error: float
    t: float | None
    p: float


def brier_losses(p: Floats, y: Floats) -> Floats:
    """(p - y)^2 of each row."""
    return np.square(p - y)


def log_losses(p: Floats, y: Floats) -> Floats:
    """-[y ln p + (1 - y) ln(1 - p)] of each row, p clipped to 1e-6 from 0 and 1."""
    kept = np.clip(p, LEAST_P, 1.0 - LEAST_P)
    return -(y * np.log(kept) + (1.0 - y) * np.log1p(-kept))


def vote_weights(window: Ints) -> Floats:
    """1 / (rows of the same window) for each row; they add up to the number of windows."""
    if not window.size:
        return np.empty(0)
    weights: Floats = 1.0 / np.bincount(window)[window]
    return weights


def mean(values: Floats, w: Floats) -> float:
    """The weighted mean. Raises ZeroDivisionError where there is no weight."""
    return float(values @ w) / float(w.sum())


def skill(brier: float, brier_market: float) -> float | None:
    """1 - B / B_mid: above 0 is better than the market; None where the market made no error at all."""
    return 1.0 - brier / brier_market if brier_market > 0.0 else None


def murphy(p: Floats, y: Floats, w: Floats, bins: int = DIAGRAM_BINS) -> Murphy:
    """Murphy's parts over `bins` bins of equal width."""
    place = _places(p, bins)
    votes = np.bincount(place, w, bins)
    with np.errstate(invalid="ignore"):
        said = np.bincount(place, w * p, bins) / votes
        came = np.bincount(place, w * y, bins) / votes
    total, base = votes.sum(), mean(y, w)
    full = votes > 0
    reliability = float((votes[full] * np.square(said[full] - came[full])).sum() / total)
    resolution = float((votes[full] * np.square(came[full] - base)).sum() / total)
    off_p, off_y = p - said[place], y - came[place]
    remainder = mean(np.square(off_p) - 2.0 * off_p * off_y, w)
    return Murphy(reliability, resolution, base * (1.0 - base), remainder)


def reliability_diagram(p: Floats, y: Floats, w: Floats, bins: int = DIAGRAM_BINS) -> tuple[Bin, ...]:
    """Forecast against outcome in `bins` bins of equal width, the empty ones too."""
    place = _places(p, bins)
    rows, votes = np.bincount(place, minlength=bins), np.bincount(place, w, bins)
    said, came = np.bincount(place, w * p, bins), np.bincount(place, w * y, bins)
    return tuple(
        Bin(
            number / bins,
            (number + 1) / bins,
            int(rows[number]),
            float(votes[number]),
            float(said[number] / votes[number]) if rows[number] else None,
            float(came[number] / votes[number]) if rows[number] else None,
        )
        for number in range(bins)
    )


def calibration_error(p: Floats, y: Floats, w: Floats, bins: int = ECE_BINS) -> CalibrationError:
    """ECE: sum over bins of (votes / all votes) |mean p - mean y|. Bins hold equal votes in the order of p; equal forecasts
    are never parted, so that the order of rows changes nothing, and a bin can be larger or empty for it."""
    values, inverse = np.unique(p, return_inverse=True)
    votes = np.bincount(inverse, w, values.size)
    middle = np.cumsum(votes) - votes / 2.0
    of_value = np.minimum((bins * middle / votes.sum()).astype(np.int64), bins - 1)
    place = of_value[inverse]
    gaps = np.abs(np.bincount(place, w * (p - y), bins))
    counts = tuple(int(count) for count in np.bincount(place, minlength=bins))
    return CalibrationError(float(gaps.sum() / w.sum()), counts)


def diebold_mariano(sums: Floats, counts: Floats, lag: int = LAG) -> Difference:
    """Whether the mean loss difference is zero. `sums` holds, for each block in order of time, the sum over its windows of
    the window's mean loss difference, `counts` the number of windows. t = mean / sqrt(LRV / blocks), LRV by Newey and West."""
    used = counts > 0
    sums, counts = sums[used], counts[used]
    centre = float(sums.sum() / counts.sum())
    residual = (sums - counts * centre) / counts.mean()
    error = sqrt(max(long_run_variance(residual, lag), 0.0) / residual.size)
    if error < 1e-15:
        return Difference(centre, error, None, 1.0 if abs(centre) < 1e-15 else 0.0)
    t = centre / error
    return Difference(centre, error, t, erfc(abs(t) / sqrt(2.0)))


def long_run_variance(residual: Floats, lag: int = LAG) -> float:
    """Newey and West: gamma_0 + 2 sum over k up to `lag` of (1 - k / (lag + 1)) gamma_k, of residuals with mean 0."""
    count = residual.size
    total = float(residual @ residual)
    for k in range(1, min(lag, count - 1) + 1):
        total += 2.0 * (1.0 - k / (lag + 1)) * float(residual[k:] @ residual[:-k])
    return total / count


def block_draws(blocks: int, seed: int, draws: int = DRAWS, mean_block: float = MEAN_BLOCK) -> NDArray[np.float32]:
    """(draws, blocks): how often each block is in each resample of the stationary bootstrap. Runs of neighbours of geometric
    length with this mean, begun anywhere, going round at the end; the same seed gives the same draws."""
    random = np.random.default_rng(seed)
    drawn = np.empty((draws, blocks), np.float32)
    for number in range(draws):
        drawn[number] = np.bincount(stationary_path(random, blocks, mean_block), minlength=blocks)
    return drawn


def stationary_path(random: np.random.Generator, blocks: int, mean_block: float = MEAN_BLOCK) -> Ints:
    """The numbers of the blocks of one resample, in their order."""
    place = np.arange(blocks)
    begins = random.random(blocks) < 1.0 / mean_block
    begins[0] = True
    start = np.maximum.accumulate(np.where(begins, place, 0))
    origin = random.integers(0, blocks, blocks)
    path: Ints = (origin[start] + place - start) % blocks
    return path


def day_draws(day: Ints, seed: int, draws: int = DRAWS) -> NDArray[np.float32]:
    """The same with whole days: `day` is the number of the day of each block, from 0 with none left out."""
    random = np.random.default_rng(seed)
    days = int(day.max()) + 1
    drawn = random.multinomial(days, np.full(days, 1.0 / days), size=draws).astype(np.float32)
    return np.ascontiguousarray(drawn[:, day])


def resampled(draws: NDArray[np.float32], sums: Floats, counts: Floats) -> Floats:
    """The mean loss difference of each resample, for every column of `sums` and `counts` (blocks, columns). NaN where a
    resample has none of its windows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (draws @ sums.astype(np.float32)) / (draws @ counts.astype(np.float32))
    return means.astype(np.float64)


def interval(means: Floats, share: float = 0.95) -> tuple[float, float]:
    """The percentile interval of resampled means."""
    tail = 50.0 * (1.0 - share)
    low, high = np.nanpercentile(means, [tail, 100.0 - tail])
    return float(low), float(high)


def _places(p: Floats, bins: int) -> Ints:
    return np.clip((p * bins).astype(np.int64), 0, bins - 1)
