"""Replica: the index as its rules make it from the order books of its constituents (pricing notes, section 2.1)."""

from collections.abc import Iterable, Sequence
from math import exp, inf, sqrt
from typing import NamedTuple

from markets.core.events import SpotLevel
from markets.core.venue_book import VenueBook
from trading.core.votes import median

SPACING = {"BTC": 1.0}  # of the volumes the curves are read at, in coins; since June 2026 its rule is not public,
SPACING_WORTH = 50_000.0  # so other coins are read at steps worth so many dollars
DEPTH = 0.005  # how far the curves may part: D
ERRONEOUS = 0.05  # a mid further from the median one is left out: E; until it is nearer than half of that
CAP_REACH = 0.05  # the sizes that make the cap: so far from the best price,
CAP_LEVELS = 50  # but at least so many a side
CAP_TRIM = 0.01  # of the sizes, at either end
CAP_DEVIATIONS = 5.0
NEAR = 4.0 * DEPTH  # of the best price: twice as far as the curves can be apart, and venues differ a little
WEIGHT_SHARE = 0.3  # of the utilised depth: the mean volume of the weights
MOST_STEPS = 5_000  # of a curve: with more the sizes cannot be true
_ROUNDING = 1e-9  # sums of sizes are that exact

Ladder = list[SpotLevel]  # best first


class Book(NamedTuple):
    """One venue's levels, best first, each price once."""

    venue: str
    bids: Ladder
    asks: Ladder


class Replica(NamedTuple):
    """The index, and what it was made of. `excluded` is what to hand in the next time: who was left out as erroneous."""

    value: float
    depth: float  # utilised, in coins
    cap: float  # of the size of one level
    venues: tuple[str, ...]
    excluded: tuple[str, ...]


def spacing_of(asset: str, price: float) -> float:
    """The step of the volumes at which the curves of an asset are read, in coins."""
    return SPACING.get(asset) or SPACING_WORTH / price


def whole_book(venue: str, book: VenueBook) -> Book:
    """The levels of a kept book that can matter for the cap."""
    bids, asks = book.bids_from(book.bid * (1.0 - CAP_REACH)), book.asks_to(book.ask * (1.0 + CAP_REACH))
    bids = bids if len(bids) >= CAP_LEVELS else book.top_bids(CAP_LEVELS)
    return Book(venue, bids, asks if len(asks) >= CAP_LEVELS else book.top_asks(CAP_LEVELS))


def near_book(venue: str, book: VenueBook) -> Book:
    """The levels of a kept book that can matter when the cap is known: the curves part earlier than there."""
    return Book(venue, book.bids_from(book.bid * (1.0 - NEAR)), book.asks_to(book.ask * (1.0 + NEAR)))


def replica(
    books: Iterable[Book], spacing: float, was_excluded: Sequence[str] = (), cap: float | None = None
) -> Replica | None:
    """The index from these books, None when none is usable. Crossed and one-sided books are dropped. A cap that is
    handed in is not made anew."""
    usable = [book for book in map(_cleaned, books) if book.bids and book.asks and book.bids[0][0] < book.asks[0][0]]
    if not usable:
        return None
    excluded = erroneous(usable, was_excluded)
    usable = [book for book in usable if book.venue not in excluded]
    if not usable:
        return None
    bids = sorted((level for book in usable for level in book.bids), reverse=True)
    asks = sorted(level for book in usable for level in book.asks)
    if cap is None:
        cap = size_cap(bids, asks)
    depth, value = _index(bids, asks, cap, spacing)
    return Replica(value, depth, cap, tuple(book.venue for book in usable), excluded)


def erroneous(books: Sequence[Book], was_excluded: Sequence[str]) -> tuple[str, ...]:
    """The venues whose mid is too far from the median one; who was out stays out until it is half as far."""
    mids = [0.5 * (book.bids[0][0] + book.asks[0][0]) for book in books]
    middle = median(mids)
    return tuple(
        book.venue
        for book, mid in zip(books, mids, strict=True)
        if abs(mid - middle) / middle >= 0.5 * ERRONEOUS
        and (book.venue in was_excluded or abs(mid - middle) / middle > ERRONEOUS)
    )


def size_cap(bids: Ladder, asks: Ladder) -> float:
    """The largest size a level may count with: trimmed mean and five winsorised deviations of the sizes near the
    best prices. Merged ladders, best first."""
    near = [size for price, size in bids if price >= (1.0 - CAP_REACH) * bids[0][0]]
    sizes = near if len(near) >= CAP_LEVELS else [size for _, size in bids[:CAP_LEVELS]]
    near = [size for price, size in asks if price <= (1.0 + CAP_REACH) * asks[0][0]]
    sizes += near if len(near) >= CAP_LEVELS else [size for _, size in asks[:CAP_LEVELS]]
    sizes.sort()
    count = len(sizes)
    cut = int(CAP_TRIM * count)
    kept = sizes[cut : count - cut]
    mean = sum(kept) / len(kept)
    winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
    middle = sum(winsorised) / count
    squares = sum([(size - middle) ** 2 for size in winsorised])
    return mean + CAP_DEVIATIONS * sqrt(squares / (count - 1))


def _index(bids: Ladder, asks: Ladder, cap: float, spacing: float) -> tuple[float, float]:
    """(utilised depth, index): mid prices at growing volumes, the smaller ones weighing more. One step is always
    taken, from the last level when a side has less than that."""
    mids: list[float] = []
    bid_steps, ask_steps = _curve(bids, cap, spacing), _curve(asks, cap, spacing)
    for bid, ask in zip(bid_steps, ask_steps, strict=False):
        mid = 0.5 * (bid + ask)
        if mids and ask / mid - 1.0 > DEPTH:
            break
        mids.append(mid)
        if ask / mid - 1.0 > DEPTH:
            break
    depth = spacing * len(mids)
    rate = 1.0 / (WEIGHT_SHARE * depth)
    weights = [exp(-rate * spacing * step) for step in range(1, len(mids) + 1)]
    return depth, sum([weight * mid for weight, mid in zip(weights, mids, strict=True)]) / sum(weights)


def _curve(ladder: Ladder, cap: float, spacing: float) -> Iterable[float]:
    """The price at which the volume reaches one spacing, two, three and so on, as far as the ladder goes."""
    reached, step = 0.0, 1
    for price, size in ladder:
        reached += min(size, cap)
        while reached >= spacing * step * (1.0 - _ROUNDING):
            if step > MOST_STEPS:
                return
            yield price
            step += 1
    if step == 1:
        yield ladder[-1][0]


def _cleaned(book: Book) -> Book:
    """Without what is no level."""
    sides = (book.bids, book.asks)
    return Book(book.venue, *([level for level in side if 0.0 < level[0] < inf > level[1] > 0.0] for side in sides))
