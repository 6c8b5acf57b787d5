"""PBO: how often the configuration that was best on one half of a record was no better than the middle on the other half.

CSCV, combinatorially symmetric cross-validation (Bailey, Borwein, López de Prado and Zhu; pricing notes, section 10.1): the
record is cut into S blocks in order of time; of every choice of S / 2 of them the best configuration by Sharpe ratio is taken,
and looked up in the other half. w is its rank there, between 0 (worst) and 1 (best); PBO is the share of choices with
logit(w) <= 0, that is w <= 1/2. Configurations without any edge give one half on average, one that is truly better gives 0.
"""

from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np

from backtests.core.scores import Floats, Ints

SPLITS = 16
LEAST_SPLITS = 4
MOST = 0.5  # above it nothing is recommended
AT_ONCE = 4_000_000  # cells of a matrix held at a time


class Overfit(msgspec.Struct, frozen=True):
    """`probability` is the PBO, None with the words that say why there is none. `loss` is the share of choices whose best
    configuration lost money on the other half; `logit` the median of logit(w)."""

    probability: float | None
    words: str
    configurations: int
    rows: int
    splits: int = 0
    choices: int = 0
    loss: float | None = None
    logit: float | None = None

    @property
    def may_recommend(self) -> bool:
        """Whether the best configuration may be recommended at all: not above one half, and not without a number."""
        return self.probability is not None and self.probability <= MOST


class _Chosen(NamedTuple):
    """Of each choice: the share of its best configurations with w <= 1/2, their mean w, and the share that lost."""

    low: Floats
    rank: Floats
    lost: Floats


def overfit(made: Floats, splits: int = SPLITS) -> Overfit:
    """The PBO of `made` (rows, configurations): the P&L of every configuration in each row, rows in order of time and the
    same for all: UTC days, or closes where there are fewer days than splits. What was not traded is 0. Fewer rows than
    `splits` are cut into as many blocks as there are rows, an even number.

    Raises ValueError for what is no matrix of finite numbers, and for an odd number of splits or fewer than 4 of them."""
    if made.ndim != 2 or not np.isfinite(made).all():
        raise ValueError("a PBO needs a matrix (rows, configurations) of finite numbers")
    if splits % 2 or splits < LEAST_SPLITS:
        raise ValueError(f"{splits} splits: an even number of at least {LEAST_SPLITS} is needed")
    rows, configurations = made.shape
    used = min(splits, rows - rows % 2)
    if configurations < 2:
        return Overfit(None, "there is nothing to choose from: one configuration", configurations, rows)
    if used < LEAST_SPLITS:
        return Overfit(None, f"not enough data: {rows} rows, {LEAST_SPLITS} are the least", configurations, rows)
    if not np.any(made != made[:, :1]):
        return Overfit(None, "every configuration made the same", configurations, rows)
    found = _chosen(made.astype(np.float64), used)
    probability, logits = float(found.low.mean()), np.log(found.rank / (1.0 - found.rank))
    return Overfit(
        probability, _said(probability), configurations, rows, used, found.low.size, float(found.lost.mean()),
        float(np.median(logits)),
    )  # fmt: skip


def _said(probability: float) -> str:
    if probability > MOST:
        return (
            f"The best of them was no better than the middle in {probability:.0%} of the halves it was not chosen on: "
            "none is recommended."
        )
    return f"The best of them was no better than the middle in {probability:.0%} of the halves it was not chosen on."


def _chosen(made: Floats, splits: int) -> _Chosen:
    """Every choice of half the blocks, some at a time. Equal configurations share their rank, and the best are all looked
    up where several are: their order changes nothing."""
    counts, sums, squares = _blocks(made, splits)
    halves = np.array(list(combinations(range(splits), splits // 2)), np.int64)
    step = max(AT_ONCE // made.shape[1], 1)
    parts = [_part(halves[start : start + step], counts, sums, squares) for start in range(0, len(halves), step)]
    return _Chosen(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _blocks(made: Floats, splits: int) -> tuple[Floats, Floats, Floats]:
    """Of each block: its rows (splits,), and of each configuration the sum and the sum of squares (splits, configurations).
    P&L is taken in units of each configuration's largest: a ratio has no unit, and who trades a millionth of what another
    does has a spread all the same."""
    largest = np.abs(made).max(axis=0)
    scaled = made / np.where(largest > 0.0, largest, 1.0)
    parts = np.array_split(scaled, splits)
    counts = np.array([len(part) for part in parts], np.float64)
    return (
        counts,
        np.stack([part.sum(axis=0) for part in parts]),
        np.stack([(part * part).sum(axis=0) for part in parts]),
    )


def _part(halves: Ints, counts: Floats, sums: Floats, squares: Floats) -> _Chosen:
    inside = np.zeros((len(halves), counts.size))
    np.put_along_axis(inside, halves, 1.0, axis=1)
    seen = _sharpes(inside, counts, sums, squares)
    unseen = _sharpes(1.0 - inside, counts, sums, squares)
    best = seen == seen.max(axis=1, keepdims=True)
    low, rank, lost = np.zeros(len(halves)), np.zeros(len(halves)), np.zeros(len(halves))
    size = unseen.shape[1]
    for number, (chosen, other) in enumerate(zip(best, unseen, strict=True)):
        values = other[chosen]
        ordered = np.sort(other)
        below, upto = np.searchsorted(ordered, values), np.searchsorted(ordered, values, "right")
        w = ((below + upto + 1) / 2.0) / (size + 1.0)
        low[number], rank[number], lost[number] = (w <= 0.5).mean(), w.mean(), (values < 0.0).mean()
    return _Chosen(low, rank, lost)


def _sharpes(inside: Floats, counts: Floats, sums: Floats, squares: Floats) -> Floats:
    """(choices, configurations): mean over standard deviation; 0 where nothing was made. Rounded to 12 digits, so that the
    order in which blocks are added tells nothing apart."""
    rows = (inside @ counts)[:, None]
    mean = (inside @ sums) / rows
    variance = np.maximum((inside @ squares) / rows - mean * mean, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(variance > 1e-18, mean / np.sqrt(variance), np.sign(mean) * 1e9)
    rounded: Floats = np.round(np.where(np.abs(mean) > 1e-15, ratio, 0.0), 12).astype(np.float64)
    return rounded
