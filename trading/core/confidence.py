"""How far an edge is to be trusted: the error of the probability, and a score from 0 to 100."""

from math import exp

from trading.core.tails import normal_cdf, normal_pdf

OFFICIAL, ANCHORED, UNANCHORED = 1.0, 0.8, 0.5  # index quality: held against the index itself as it is published, and
# of an estimate of our own
_FRESH_NS = 1_000_000_000
_FADING_NS = 2_000_000_000


def probability_error(z: float, sigma_error: float, level_error: float, calibration_error: float) -> float:
    """The standard error of a probability whose strike is `z` standard deviations away.

    `sigma_error` is that of ln sigma; `level_error` that of the spot, in standard deviations of the outcome.
    """
    density = normal_pdf(z)
    by_sigma = z * density * sigma_error if density else 0.0
    by_level = density * level_error if density else 0.0
    return float((by_sigma * by_sigma + by_level * by_level + calibration_error * calibration_error) ** 0.5)


def confidence(edge: float, error: float, q_feed: float, q_index: float, q_book: float) -> float:
    """0 to 100: the chance that the edge is above zero, scaled by the quality of each source."""
    certain = normal_cdf(edge / error) if error > 0.0 else 1.0 if edge > 0.0 else 0.0
    return 100.0 * certain * q_feed * q_index * q_book


def feed_quality(fresh: int, quorum: int, age_ns: int) -> float:
    """0 to 1: one venue more than the quorum is full marks, and a price fades after its first second."""
    breadth = 1.0 if fresh > quorum else fresh / (quorum + 1)
    return breadth if age_ns <= _FRESH_NS else breadth * exp((_FRESH_NS - age_ns) / _FADING_NS)


def book_quality(displayed: int, intended: int) -> float:
    """0 to 1: the share of the intended count that is on display."""
    return min(1.0, displayed / intended) if intended > 0 else 0.0
