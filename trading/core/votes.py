"""Votes: who, and what, is too far off to be believed; medians, the weighted median and the micro-price."""

from collections.abc import Sequence
from math import sqrt

OUTLIER_SHARE = 0.0015  # 15 bp of the price; together with
OUTLIER_MAD = 6.0  # median absolute deviations
OUTLIER_VENUES = 3  # with fewer nobody can say who is wrong
SURPRISE = 5.0  # standard deviations: what is further off than expected is not believed,
PATIENCE = 3  # but so many in a row are
LEAST_DOUBT = 15e-4  # a published level that is nearer is never doubted: our own error is not known so well
_ENOUGH = 1.0 - 1e-12  # of half the weight: sums of floats are that exact


def median(values: Sequence[float]) -> float:
    """The middle one, or the mean of the middle two. Ask only with at least one."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def largest_distance(values: Sequence[float], middle: float, share: float = OUTLIER_SHARE) -> float:
    """How far from the median a value may be: `share`, or six median absolute deviations, whichever is more.

    `values` are logarithms of prices, so that `share` is one of the price.
    """
    if max(values) - min(values) <= share:
        return share  # nearly always; nobody can be further off than that
    return max(share, OUTLIER_MAD * median([abs(value - middle) for value in values]))


def is_too_far(surprise: float, variance: float) -> bool:
    """Whether a published level is too far from our own to be believed at once."""
    return abs(surprise) > max(LEAST_DOUBT, SURPRISE * sqrt(variance))


def weighted_median(prices: Sequence[float], weights: Sequence[float]) -> float:
    """The first price, from below, with at least half of the weight up to it; where that is exactly half, the mean
    of it and the next. Weights are above zero. Ask only with at least one price."""
    ordered = sorted(zip(prices, weights, strict=True))
    half = 0.5 * sum(weights)
    reached = 0.0
    for place, (price, weight) in enumerate(ordered):
        reached += weight
        if reached >= half * _ENOUGH:
            is_exact = reached <= half / _ENOUGH and place + 1 < len(ordered)
            return 0.5 * (price + ordered[place + 1][0]) if is_exact else price
    return ordered[-1][0]


def micro_price(bid: float, bid_size: float, ask: float, ask_size: float) -> float:
    """The best bid and ask, each weighed with the size on the other side: where the next trade is likelier to be."""
    return (ask * bid_size + bid * ask_size) / (bid_size + ask_size)
