"""Prices, sizes and levels out of the text of a venue: junk is never a price."""

from collections.abc import Iterable, Sequence
from math import inf

from markets.core.events import SpotLevel
from markets.feeds.counts import Counts

NEAR = 0.05  # of the mid: what is further away is nobody's price


def positive(text: str | float | None) -> float | None:
    """A price or a size above 0; None for "", "0", "nan", "0.-10000", None and the like."""
    try:
        value = float(text or 0.0)
    except ValueError:
        return None
    return value if 0.0 < value < inf else None


def levels(pairs: Iterable[Sequence[str | float]], counts: Counts, kind: str = "book") -> list[SpotLevel]:
    """(price, size, whatever) in text to (price, size) in numbers, in the same order; size 0 says that a level is gone.

    A level without a price is left out, one without a size is taken as gone: we do not know that it is there. Both are
    counted as missing.
    """
    found: list[SpotLevel] = []
    for pair in pairs:
        try:
            price, size = float(pair[0]), float(pair[1])
        except ValueError:
            price, size = positive(pair[0]) or 0.0, -1.0
        if 0.0 <= size < inf and 0.0 < price < inf:
            found.append((price, size))
        elif 0.0 < price < inf:
            counts.missing[f"{kind}.size"] += 1
            found.append((price, 0.0))
        else:
            counts.missing[f"{kind}.price"] += 1
    return found


def flat(values: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Price, size, price, size, ... as pairs."""
    return zip(values[::2], values[1::2], strict=False)


def within(
    bids: Iterable[SpotLevel], asks: Iterable[SpotLevel], share: float = NEAR
) -> tuple[tuple[SpotLevel, ...], tuple[SpotLevel, ...]]:
    """The levels of a whole book that are no further from the mid than this share of it, best first.

    Of a book with one side only all levels are kept: nobody knows what is far.
    """
    some_bids = sorted((level for level in bids if level[1] > 0.0), reverse=True)
    some_asks = sorted(level for level in asks if level[1] > 0.0)
    low, high = span(some_bids[0][0] if some_bids else 0.0, some_asks[0][0] if some_asks else 0.0, share)
    return (
        tuple(level for level in some_bids if low <= level[0] <= high),
        tuple(level for level in some_asks if low <= level[0] <= high),
    )


def span(bid: float, ask: float, share: float = NEAR) -> tuple[float, float]:
    """The lowest and the highest price that are near these best prices; everything is, where one of them is 0."""
    if not bid or not ask:
        return 0.0, inf
    mid = (bid + ask) / 2.0
    return mid * (1.0 - share), mid * (1.0 + share)
