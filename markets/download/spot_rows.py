"""Rows of spot venues from the venues' own numbers: what is no price is counted, not kept."""

from collections import Counter
from collections.abc import Iterable
from math import isfinite
from typing import TypeVar

from markets.download.source import SpotCandle, SpotTrade

R = TypeVar("R", bound=SpotTrade | SpotCandle)


def number(text: str | float) -> float:
    """A price or a size; 0 for junk such as "0.-10000", "" or "NaN"."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if isfinite(value) and value > 0 else 0.0


def sound(rows: Iterable[R]) -> tuple[tuple[R, ...], Counter[str]]:
    """The rows that say something, the oldest first, and how many of the others there were."""
    kept: list[R] = []
    skipped: Counter[str] = Counter()
    for row in rows:
        reason = _trade_fault(row) if isinstance(row, SpotTrade) else _candle_fault(row)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(row)
    kept.sort(key=_order)
    return tuple(kept), skipped


def _order(row: SpotTrade | SpotCandle) -> int:
    return row.trade_id if isinstance(row, SpotTrade) else row.open_ns


def _trade_fault(row: SpotTrade) -> str:
    if row.price <= 0 or row.size <= 0:
        return "without a price or size"
    return "" if row.venue_ns > 0 else "without a time"


def _candle_fault(row: SpotCandle) -> str:
    if min(row.open, row.high, row.low, row.close) <= 0:
        return "without a price"
    if row.high < max(row.open, row.close, row.low) or row.low > min(row.open, row.close):
        return "with prices that cannot be"
    return "" if row.open_ns > 0 else "without a time"
