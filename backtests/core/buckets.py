"""Profit by edge, by time left and by price: where it comes from, each window counted once, by its first order that filled."""

from bisect import bisect_right
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from backtests.core.metrics import Window
from backtests.core.scores import block_draws, interval, resampled
from markets.core.units import CONTRACT, DOLLAR, PRICE_DOLLAR

LEAST_CLOSES = 30  # of a bucket, before it has an interval
SEED = 20_261_128
EDGES = (0.0, 0.02, 0.03, 0.04, 0.05, 0.075, 0.10, 0.15)  # dollars a contract
SECONDS = (60.0, 120.0, 180.0, 300.0, 480.0, 660.0)
PRICES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # dollars


class Bucket(msgspec.Struct, frozen=True):
    """The windows between two values (None: no end). Money in micro-dollars, contracts in hundredths; `per_contract` in
    dollars with its 95 % interval, None below 30 closes."""

    low: float | None
    high: float | None
    windows: int
    wins: int
    contracts: int
    net: int
    per_contract: float | None
    interval: tuple[float, float] | None


class Buckets(msgspec.Struct, frozen=True):
    """By the net edge at the decision, the seconds that were left then, and what the first contract cost."""

    edge: tuple[Bucket, ...]
    seconds_left: tuple[Bucket, ...]
    price: tuple[Bucket, ...]


def buckets_of(windows: Sequence[Window]) -> Buckets:
    """All three; a window without the value is in none."""
    return Buckets(
        _buckets(windows, EDGES, lambda window: window.edge),
        _buckets(windows, SECONDS, lambda window: window.seconds_left),
        _buckets(windows, PRICES, lambda window: window.price / PRICE_DOLLAR),
    )


def _buckets(
    windows: Sequence[Window], bounds: tuple[float, ...], value: Callable[[Window], float | None]
) -> tuple[Bucket, ...]:
    parts: list[list[Window]] = [[] for _ in range(len(bounds) + 1)]
    for window in windows:
        found = value(window)
        if found is not None:
            parts[bisect_right(bounds, found)].append(window)
    ends = (None, *bounds, None)
    return tuple(_bucket(ends[place], ends[place + 1], part) for place, part in enumerate(parts))


def _bucket(low: float | None, high: float | None, part: list[Window]) -> Bucket:
    net, contracts = sum(window.net for window in part), sum(window.count for window in part)
    per = net * CONTRACT / (contracts * DOLLAR) if contracts else None
    return Bucket(low, high, len(part), sum(window.net > 0 for window in part), contracts, net, per, _interval(part))


def _interval(part: list[Window]) -> tuple[float, float] | None:
    times, code = np.unique(np.array([window.close_ns for window in part], np.int64), return_inverse=True)
    if times.size < LEAST_CLOSES:
        return None
    net = np.bincount(code, [window.net / DOLLAR for window in part]).astype(np.float64)
    contracts = np.bincount(code, [window.count / CONTRACT for window in part]).astype(np.float64)
    return interval(resampled(block_draws(times.size, SEED), net[:, None], contracts[:, None])[:, 0])
