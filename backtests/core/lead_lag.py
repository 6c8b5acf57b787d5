"""Who leads whom: covariance of two prices that are heard at different times (pricing notes, section 6)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Series(NamedTuple):
    """Logarithms of a price at rising times in seconds; both of the same length."""

    seconds: Array
    logs: Array


class Lead(NamedTuple):
    """By how many seconds the first series is ahead of the second (negative: behind), and how alike they are then."""

    seconds: float
    correlation: float


def series(seconds: Sequence[float], logs: Sequence[float]) -> Series:
    """Raises ValueError for fewer than two points, other lengths or times that do not rise."""
    taken = Series(np.asarray(seconds, dtype=np.float64), np.asarray(logs, dtype=np.float64))
    if taken.seconds.shape != taken.logs.shape or taken.seconds.ndim != 1 or taken.seconds.size < 2:
        raise ValueError("a series has two points or more, each with a time and a value")
    if not (np.isfinite(taken.logs).all() and (np.diff(taken.seconds) > 0.0).all()):
        raise ValueError("the times of a series rise, and its values are finite")
    return taken


def hayashi_yoshida(x: Series, y: Series) -> float:
    """The covariance: the sum of products of all changes of x and y whose intervals overlap. Nothing is interpolated
    and no grid is chosen, so different rhythms do not bias it to zero."""
    first = np.searchsorted(y.seconds[1:], x.seconds[:-1], side="right")  # the first change of y that ends later
    beyond = np.searchsorted(y.seconds[:-1], x.seconds[1:], side="left")  # the first that begins too late
    met = np.where(beyond > first, y.logs[beyond] - y.logs[np.minimum(first, beyond)], 0.0)
    return float(np.dot(np.diff(x.logs), met))


def contrast(x: Series, y: Series, ahead_s: float) -> float:
    """U: the covariance of x with y as y is `ahead_s` seconds later."""
    return hayashi_yoshida(x, Series(y.seconds - ahead_s, y.logs))


def lead(x: Series, y: Series, shifts_s: Sequence[float]) -> Lead | None:
    """The shift with the largest contrast in size; of equal ones the smallest. None where one of the two never moved.
    Raises ValueError without a shift."""
    if not shifts_s:
        raise ValueError("name at least one shift")
    spread = float(np.sqrt(np.sum(np.diff(x.logs) ** 2) * np.sum(np.diff(y.logs) ** 2)))
    if spread == 0.0:
        return None
    found = [(contrast(x, y, shift), shift) for shift in shifts_s]
    best, shift = max(found, key=lambda each: (abs(each[0]), -abs(each[1])))
    return Lead(shift, best / spread)
