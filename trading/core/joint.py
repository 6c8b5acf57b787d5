"""Joint Kelly: what one more bet is worth beside what is held in windows that close together (pricing notes, section 9.3).

The standardised index moves of the coins are jointly normal with one common factor: of two coins the correlation is the
product of their loadings. Given the factor all windows are independent, so the chances of all 2^m outcomes of what is held
are sums over values of the factor. The share of the bankroll for one more bet is where the expected growth of
its logarithm, what is held beside it, has its top: it is concave, so the top is found by halving.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from trading.core.tails import normal_cdf, normal_pdf

LOADINGS = {"BTC": 0.95, "ETH": 0.95, "SOL": 0.91, "XRP": 0.89, "DOGE": 0.89, "BNB": 0.84, "HYPE": 0.65}
"""Their products are the measured correlations of the notes (BTC-ETH 0.90, BTC-SOL 0.86, BTC-XRP 0.84, BTC-BNB 0.79,
BTC-HYPE 0.62) within 0.02."""
LOADING = 0.89  # of a coin that was not measured: as the majors
MOST_HELD = 6  # bets beside; the smallest of more are taken for lost
_HALVINGS = 40
_STEP, _STEPS = 0.3, 15
_NODES = tuple((_STEP * step, _STEP * normal_pdf(_STEP * step)) for step in range(-_STEPS, _STEPS + 1))
"""Values of the common factor with their weights: the trapezoidal rule, which is exact to 1e-5 for loadings to 0.95."""
_quantile = NormalDist().inv_cdf


class Bet(NamedTuple):
    """One side of a market: the probability that it wins, its cost in dollars per dollar of payout with fees, the loading
    of its coin, and whether it wins when the index rises."""

    p: float
    cost: float
    loading: float
    is_yes: bool


class Outcome(NamedTuple):
    """What is held may end like this: wealth after it as a share of the bankroll, and how likely that is together with
    the new bet winning, and with its losing."""

    wealth: float
    won: float
    lost: float


class Held(NamedTuple):
    """A bet that is there already, and the share of the bankroll that was spent on it."""

    bet: Bet
    share: float


def loading_of(asset: str, floor: float) -> float:
    """The loading of a coin; no two coins are less correlated than `floor`, for a shock moves them as one."""
    return max(LOADINGS.get(asset, LOADING), sqrt(floor))


def joint_fraction(bet: Bet, held: Sequence[Held]) -> float:
    """The share of the bankroll (0 to 1) to spend on `bet` beside what is held: that of greatest expected growth.

    Without anything held it is (p - c) / (1 - c). Raises ValueError on a probability or cost that is none."""
    if not (0.0 <= bet.p <= 1.0 and bet.cost > 0.0):
        raise ValueError(f"a probability of {bet.p} at a cost of {bet.cost}")
    if not held:
        return max(0.0, (bet.p - bet.cost) / (1.0 - bet.cost)) if bet.cost < 1.0 else 0.0
    outcomes = _outcomes(bet, held)
    high = min(each.wealth for each in outcomes)
    win = 1.0 / bet.cost - 1.0
    if high <= 0.0 or _slope(outcomes, win, 0.0) <= 0.0:
        return 0.0
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if _slope(outcomes, win, middle) > 0.0 else (low, middle)
    return low


def _outcomes(bet: Bet, held: Sequence[Held]) -> list[Outcome]:
    """All 2^m ends of what is held, the chances summed over the nodes of the factor."""
    ordered = sorted(held, key=lambda each: -each.share)
    counted, rest = ordered[:MOST_HELD], ordered[MOST_HELD:]
    wealth = [1.0 - sum(each.share for each in rest)]
    for each in counted:
        gain = each.share * (1.0 / each.bet.cost - 1.0)
        wealth = [value + gain for value in wealth] + [value - each.share for value in wealth]
    won, lost = [0.0] * len(wealth), [0.0] * len(wealth)
    at = [_given(each.bet) for each in (Held(bet, 0.0), *counted)]
    for node, weight in _NODES:
        wins, *others = [normal_cdf(level + slope * node) for level, slope in at]
        chances = [weight]
        for p in others:
            chances = [chance * p for chance in chances] + [chance * (1.0 - p) for chance in chances]
        for number, chance in enumerate(chances):
            won[number] += chance * wins
            lost[number] += chance * (1.0 - wins)
    return [Outcome(*each) for each in zip(wealth, won, lost, strict=True)]


def _given(bet: Bet) -> tuple[float, float]:
    """The chance that it wins when the factor is x is the normal distribution at level + slope x."""
    p = min(max(bet.p, 1e-12), 1.0 - 1e-12)
    loading = min(bet.loading, 0.999)
    own = sqrt(1.0 - loading * loading)
    return _quantile(p) / own, (loading if bet.is_yes else -loading) / own


def _slope(outcomes: Sequence[Outcome], win: float, share: float) -> float:
    """How fast the expected logarithm of wealth grows with the share."""
    total = 0.0
    for wealth, won, lost in outcomes:
        left = wealth - share
        if left <= 0.0:
            return -1.0
        total += won * win / (wealth + share * win) - lost / left
    return total
