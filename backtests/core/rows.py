"""One forecast with its outcome as a row, and the windows that rows belong to: what skill is scored and maps are fitted on."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeVar

from markets.core.units import PRICE_DOLLAR

K = TypeVar("K")
VARIANTS = ("digital", "abm_avg", "gbm_avg", "gbm_avg_t", "gbm_avg_mix", "gbm_avg_emp")
MODELS = (*VARIANTS, "fair", "calibrated", "pooled")
"""Every probability that a forecast holds, by its name there."""


class Row(NamedTuple):
    """What was said of one market at one time before its close, and what it settled on (1 YES, 0 NO).

    `probabilities` are of YES by the model's name; None where there was none, with the `reason` it had. Bid and ask are YES
    prices: 0 and 10000 mean that nobody was there. `book_age_ns` is None where the book could not be believed. Only
    markets that settled YES or NO are rows: nobody was right about one that was voided.
    """

    asset: str
    ticker: str
    close_ns: int
    seconds_left: int
    probabilities: Mapping[str, float | None]
    bid: int
    ask: int
    book_age_ns: int | None
    outcome: int
    reason: str = ""
    level_error: float | None = None  # of the index level then: one standard deviation, relative


def mid(row: Row) -> float | None:
    """The market's probability, halfway between bid and ask; None where a side is missing, they cross or the book is not
    believed."""
    if row.book_age_ns is None:
        return None
    return mid_of(row.bid, row.ask)


def mid_of(bid: int, ask: int) -> float | None:
    """Halfway between two YES prices as a probability; None where nobody was on a side or they cross."""
    if bid <= 0 or ask >= PRICE_DOLLAR or bid >= ask:
        return None
    return (bid + ask) / (2 * PRICE_DOLLAR)


def any_mid(row: Row) -> float | None:
    """The same where a side is missing too: nobody bids is a bid of $0, nobody offers an offer of $1. None where both are
    missing, they cross or the book is not believed."""
    is_empty = row.bid <= 0 and row.ask >= PRICE_DOLLAR
    if row.book_age_ns is None or is_empty or row.bid >= row.ask:
        return None
    return (max(row.bid, 0) + min(row.ask, PRICE_DOLLAR)) / (2 * PRICE_DOLLAR)


def by_window(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each market: one window has one outcome, however often it was forecast."""
    return _grouped((row.ticker, row) for row in rows)


def by_close(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """The rows of each closing time, in order of time: windows that close at one instant move together and are one draw."""
    return dict(sorted(_grouped((row.close_ns, row) for row in rows).items()))


def _grouped(pairs: Iterable[tuple[K, Row]]) -> dict[K, list[Row]]:
    groups: dict[K, list[Row]] = {}
    for key, row in pairs:
        groups.setdefault(key, []).append(row)
    return groups
