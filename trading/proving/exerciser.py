"""Exerciser: a strategy that has no opinion and uses every path of an order: take, rest, move, pull, reduce, let expire.

It is registered in proofs only. What it wants is made of the time, the market and its salt: the same again in a replay.
"""

from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.strategy import Idea, Quote, View

NAME = "exerciser"
PHASE_NS = 1_700 * 1_000_000
SIZES = (100, 300, 700, 1_500, 6_000, 20_000)
QUIET_CLOSE_NS = 2 * SECOND_NS


class Exerciser:
    """`salt` tells one schedule from another."""

    salt = 0

    def decide(self, view: View) -> Idea:
        """What this phase wants in this market."""
        market = view.market
        contract, book = market.contract, market.book
        if market.status != "open" or not contract.open_ns <= view.now_ns < contract.close_ns - QUIET_CLOSE_NS:
            return Idea("NOT_OPEN", resting=())
        if market.lost:
            return Idea("FEED_LOST", resting=())
        dice = _mixed(
            self.salt, view.now_ns // PHASE_NS, contract.close_ns, len(contract.asset) + ord(contract.asset[0])
        )
        size = SIZES[dice % 6]
        if dice % 7:  # else it may be more than is allowed
            size = min(size, view.risk.limits.max_order_count)
        is_bid, dice = bool(dice // 6 % 2), dice // 12
        act, dice = dice % 10, dice // 10
        if not 0 < book.bid < book.ask < PRICE_DOLLAR:
            return Idea("EDGE_BELOW_THRESHOLD", resting=())
        if act < 3:
            return self._take(view, is_bid, size)
        if act < 8:
            return self._rest(view, is_bid, size, dice)
        if act == 8:
            return Idea("EDGE_BELOW_THRESHOLD")  # whatever rests stays
        return Idea("EDGE_BELOW_THRESHOLD", resting=())

    def _take(self, view: View, is_bid: bool, size: int) -> Idea:
        """Take at the best price, half of the times to close what is held."""
        book, held = view.market.book, view.position
        if held and size % 200 == 100:
            is_bid, size = held < 0, min(size, abs(held))
        quote = Quote(is_bid, book.ask if is_bid else book.bid, size)
        return Idea("", side="yes" if is_bid else "no", quote=quote)

    def _rest(self, view: View, is_bid: bool, size: int, dice: int) -> Idea:
        """Rest at the best price or behind it, on one side or on both."""
        book, grid = view.market.book, view.market.contract
        behind = 100 * (dice % 3)
        bid, ask = grid.floor(max(100, book.bid - behind)), grid.ceil(min(9_900, book.ask + behind))
        quotes = [Quote(True, bid, size), Quote(False, ask, size)]
        if dice // 3 % 2:
            quotes = [quotes[0 if is_bid else 1]]
        return Idea("EDGE_BELOW_THRESHOLD", resting=tuple(quotes))


def _mixed(*parts: int) -> int:
    """A number that looks random and is made of these."""
    state = 0x9E3779B97F4A7C15
    for part in parts:
        state = (state ^ (part & (1 << 64) - 1)) * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
        state ^= state >> 31
    return state
