"""The arithmetic of quotes: where they are centred, how far apart they must be, and where the grid and the book let them be.

The sections named are those of the pricing notes. Probabilities and distances are in dollars a contract.
"""

from math import floor

from markets.core.book import OrderBook
from markets.core.contract import Contract
from markets.core.units import PRICE_DOLLAR
from trading.core.tails import normal_cdf, normal_pdf

ROUNDS = 40  # of halving an interval: what is left of it is far below a tick
_FAR = 38.0  # standard deviations: beyond it a normal has nothing left
_DUST = 1e-3  # Price: what floats leave of one that is on the grid


def reservation(fair: float, inventory: float, skew: float) -> float:
    """p* less skew times inventory (as a share of what may be held, - for NO) times p* (1 - p*)."""
    return fair - skew * inventory * fair * (1.0 - fair)


def pick_off(distance: float, v: float) -> float:
    """What a resting contract is expected to lose to a faster taker when fair value moves N(0, v^2) before we react and
    the quote is `distance` away: v [phi(x) - x (1 - Phi(x))], x = distance / v."""
    if v <= 0.0 or distance > _FAR * v:
        return 0.0
    x = distance / v
    return v * max(normal_pdf(x) - x * (1.0 - normal_cdf(x)), 0.0)


def half_spread(v: float, dues: float, least: float) -> float:
    """The smallest half spread that pays for being picked off at it and for `dues`, and is not below `least`."""
    if least >= pick_off(least, v) + dues:
        return least
    low, high = least, pick_off(0.0, v) + dues  # further away it costs less: there is one such distance
    for _ in range(ROUNDS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if middle >= pick_off(middle, v) + dues else (middle, high)
    return high


def bid_price(contract: Contract, book: OrderBook, wanted: float, own: int = 0) -> int:
    """The YES price of a bid at `wanted` dollars or below: on the grid, below the ask, at most one tick above the best
    bid; not above it where all that rests there is our `own`. 0 where there is none."""
    price = floor(wanted * PRICE_DOLLAR + _DUST)
    if price <= 0:
        return 0
    inside = book.bid if book.count_at_bid() <= own else contract.ceil(book.bid + 1)
    most = min(price, inside, contract.floor(book.ask - 1))
    found = contract.floor(most)
    return found if found <= most and found < book.ask else 0


def ask_price(contract: Contract, book: OrderBook, wanted: float, own: int = 0) -> int:
    """The same for an ask at `wanted` dollars or above."""
    price = -floor(-wanted * PRICE_DOLLAR + _DUST)
    if price >= PRICE_DOLLAR:
        return 0
    inside = book.ask if book.count_at_ask() <= own else contract.floor(book.ask - 1)
    least = max(price, inside, contract.ceil(book.bid + 1))
    found = contract.ceil(least)
    return found if found >= least and found > book.bid else 0


def tick_at(contract: Contract, price: int) -> float:
    """The widest step of the grid beside a YES price, dollars."""
    below, above = contract.floor(price), contract.ceil(price)
    up = contract.ceil(min(above + 1, PRICE_DOLLAR)) - above
    down = below - contract.floor(max(below - 1, 0))
    return max(up, down) / PRICE_DOLLAR
