"""How many contracts an edge is worth: fractional Kelly on a probability shrunk towards the market."""

from math import floor

from markets.core.units import CONTRACT, DOLLAR, Count


def kelly_fraction(p: float, cost: float) -> float:
    """(p - c) / (1 - c): the share of the bankroll to spend on a side that wins with probability `p` and costs
    `cost` dollars, fees included, per dollar of payout; 0 without an edge. A `p` that a margin took below zero
    is no edge either. Raises ValueError on a `p` above 1 or a cost that is not above 0."""
    if not (p <= 1.0 and cost > 0.0):
        raise ValueError("a probability above 1, or a cost that is not above 0")
    return (p - cost) / (1.0 - cost) if p > cost else 0.0


def contracts(p: float, cost: float, bankroll: int, fraction: float) -> Count:
    """Whole contracts for `fraction` of the Kelly stake of `bankroll` (Money), rounded down."""
    return contracts_for(fraction * kelly_fraction(p, cost), cost, bankroll)


def contracts_for(share: float, cost: float, bankroll: int, unit: int = CONTRACT) -> Count:
    """What a share of `bankroll` (Money) buys at `cost` dollars a contract, in multiples of `unit` (Count), rounded down."""
    return Count(max(floor(share * bankroll / (cost * DOLLAR) * (CONTRACT / unit)), 0) * unit)


def shrunk(p: float, market: float, error: float, margin: float) -> float:
    """`p` less `margin` standard errors, towards the market's own probability and never past it."""
    step = margin * error
    return max(p - step, market) if p > market else min(p + step, market)
