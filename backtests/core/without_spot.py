"""What can be said of a quarter hour without hearing the spot: from the strike, and from how far earlier windows moved.

The level is the strike, with its known error: at the open the index already stands sqrt(20.5) one-second moves from its own
average (section 3.3), and it has moved since. So every model says close to one half. Their scores show what hearing the spot
is worth, not what the models are worth.
"""

from bisect import bisect_right
from collections.abc import Sequence
from math import acos, log, pi, sqrt
from typing import NamedTuple

from markets.core.units import SECOND_NS
from trading.core.model import FLAT, Seen, Terms, effective_seconds, effective_strike, half_unit
from trading.core.parameters import Parameters
from trading.core.variants import SideBySide, every_variant, shapes_of

WINDOW_S = 900
SAMPLES = 60
AT_OPEN_S = 20.5028  # Var[S(T0) - K] in one-second moves squared, the index against its own average of a minute
ACROSS_S = 880.0056  # and Var[A(T) - A(T0)]
HALF_LIFE = 16  # windows, of the moving mean of squared moves: four hours
LEAST_MOVES = 16


class Move(NamedTuple):
    """What a settled window moved by, settle value over strike as a logarithm, known from its close on."""

    close_ns: int
    log_return: float


class Sigma:
    """The volatility of a second, from windows that had closed: exponentially weighted squared moves of one asset."""

    def __init__(self, moves: Sequence[Move]) -> None:
        listed = sorted(moves)
        self._closes = [move.close_ns for move in listed]
        self._variances: list[float] = []
        weight, total, kept = 0.0, 0.0, 0.5 ** (1.0 / HALF_LIFE)
        for move in listed:
            total = kept * total + move.log_return * move.log_return
            weight = kept * weight + 1.0
            self._variances.append(total / weight / ACROSS_S)

    def before(self, open_ns: int) -> float | None:
        """Per sqrt(second), by windows that closed at `open_ns` or earlier; None where there were too few, or none moved."""
        count = bisect_right(self._closes, open_ns)
        if count < LEAST_MOVES or self._variances[count - 1] <= 0.0:
            return None
        return sqrt(self._variances[count - 1])


def move_of(close_ns: int, strike: float, settle_value: float) -> Move:
    """The move of a window. Raises ValueError for values that are no prices."""
    return Move(close_ns, log(settle_value / strike))


def probabilities(
    strike: float, decimals: int | None, seconds_left: float, sigma: float, parameters: Parameters
) -> SideBySide:
    """Every model with the level at the strike and the error that it has by now. Raises PricingError."""
    tau_ns = max(round(seconds_left * SECOND_NS), SAMPLES * SECOND_NS + 1)  # no sample of the average was heard
    elapsed_s = max(WINDOW_S - seconds_left, 0.0)
    terms = Terms(effective_strike(strike, half_unit(decimals)), SAMPLES, SECOND_NS, SECOND_NS)
    seen = Seen(strike, tau_ns, level_error=sigma * sqrt(AT_OPEN_S + elapsed_s))
    return every_variant(terms, seen, (sigma, 0.0), FLAT, shapes_of(parameters, tau_ns))


def ideal_brier(seconds_left: float, *, averaged: bool) -> float:
    """The Brier score of who knows the index exactly in a world of constant volatility and normal moves: what the market is
    held against in section 5.3: arccos(share of the variance that is known) / (2 pi). Averaged: the contract as it is; else
    one that pays on the spot at the close against the spot at the open. Raises ValueError inside the last minute."""
    elapsed = WINDOW_S - seconds_left
    if not averaged:
        return acos(elapsed / WINDOW_S) / (2.0 * pi)
    if seconds_left < SAMPLES:
        raise ValueError("inside the last minute a part of the average is known, which this does not count")
    known = AT_OPEN_S + elapsed
    left = effective_seconds(SAMPLES, seconds_left - SAMPLES, 1.0)
    return acos(known / (known + left)) / (2.0 * pi)
