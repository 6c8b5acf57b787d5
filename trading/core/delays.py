"""What is drawn for an order, as scalar functions: numbers in, numbers out; the same code in Python and compiled.

Nothing is drawn from a stream: what is drawn follows from (seed, order number, hop, turn) alone, so that one order more,
or one fewer, changes no other. All integers stay below 2**63.
"""

from math import exp, log, sqrt

ORDER, CANCEL, REPLY, COMPUTE, REJECT, UNKNOWN, FEED = 1, 2, 3, 4, 5, 6, 7
"""The hops, and what else is drawn once an order. A hop that is made several times for one order counts its turns."""

_WORD = 0xFFFFFFFF
_FIRST, _SECOND = 0x21F0AAAD, 0x735A2D97  # odd multipliers of C. Wellons' hash prospector, below 2**31
_GOLDEN = 0x9E3779B9
_Z95 = 1.6448536269514722  # the 95th percentile of the standard normal
_TAIL = 0.02425  # below it, and above 1 less it, the quantile is approximated in the tail


def _mixed(word: int) -> int:
    """A word of 32 bits, every bit of it spread over all of them."""
    word = ((word >> 16) ^ word) * _FIRST & _WORD
    word = ((word >> 15) ^ word) * _SECOND & _WORD
    return (word >> 15) ^ word


def uniform(seed: int, number: int, hop: int, turn: int = 0) -> float:
    """A number strictly between 0 and 1, one of 2**32. `seed` and `number` are 0 or more, below 2**63."""
    word = _mixed((seed & _WORD) ^ _GOLDEN)
    word = _mixed((word + (seed >> 32) + _GOLDEN) & _WORD)
    word = _mixed((word + (number & _WORD)) & _WORD)
    word = _mixed((word + (number >> 32) + _GOLDEN) & _WORD)
    word = _mixed((word + (hop << 20) + (turn & 0xFFFFF)) & _WORD)
    return (word + 0.5) / 4294967296.0


def normal_quantile(p: float) -> float:
    """The standard normal's quantile of 0 < p < 1, within 1e-8 of its value (P. J. Acklam's rational approximation)."""
    if p < _TAIL:
        return _tail(sqrt(-2.0 * log(p)))
    if p > 1.0 - _TAIL:
        return -_tail(sqrt(-2.0 * log(1.0 - p)))
    q = p - 0.5
    r = q * q
    above = -3.969683028665376e01 * r + 2.209460984245205e02
    above = (above * r - 2.759285104469687e02) * r + 1.383577518672690e02
    above = ((above * r - 3.066479806614716e01) * r + 2.506628277459239e00) * q
    below = -5.447609879822406e01 * r + 1.615858368580409e02
    below = (below * r - 1.556989798598866e02) * r + 6.680131188771972e01
    below = (below * r - 1.328068155288572e01) * r + 1.0
    return above / below


def _tail(q: float) -> float:
    above = -7.784894002430293e-03 * q - 3.223964580411365e-01
    above = (above * q - 2.400758277161838e00) * q - 2.549732539343734e00
    above = (above * q + 4.374664141464968e00) * q + 2.938163982698783e00
    below = 7.784695709041462e-03 * q + 3.224671290700398e-01
    below = (below * q + 2.445134137142996e00) * q + 3.754408661907416e00
    return above / (below * q + 1.0)


def delay_ns(u: float, median_ns: int, p95_ns: int) -> int:
    """The quantile `u` of the log-normal with that median and 95th percentile; just the median where both are equal."""
    if p95_ns <= median_ns or median_ns <= 0:
        return max(median_ns, 0)
    return int(median_ns * exp(log(p95_ns / median_ns) / _Z95 * normal_quantile(u)) + 0.5)


def happens(u: float, rate: float) -> bool:
    """Whether what happens at that rate happened."""
    return u < rate
