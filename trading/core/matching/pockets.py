"""Pocket: what one subaccount has: cash by shard, positions, and what its resting orders hold back."""

from math import gcd
from typing import TYPE_CHECKING

from msgspec.structs import replace

from markets.core.contract import FeeTerms
from markets.core.units import CONTRACT
from trading.core.fees import trade_fee
from trading.core.matching.messages import HeldState
from trading.core.portfolio import Position

if TYPE_CHECKING:
    from trading.core.matching.ladder import Order

FINEST = 100  # Money: the exchange's own rounding of a balance


class Holding(Position):
    """A position on one shard; `traded` is how many contracts were bought and sold."""

    __slots__ = ("shard", "traded", "updated_ns")

    def __init__(self, ticker: str, close_ns: int, shard: int) -> None:
        super().__init__(ticker, close_ns)
        self.shard = shard
        self.traded = 0
        self.updated_ns = 0


class Pocket:
    """Cash and positions of one subaccount. Each market's orders reserve what they may cost, all of them together."""

    def __init__(self, account: int, subaccount: int, precision: int | None = None) -> None:
        self.account = account
        self.subaccount = subaccount
        self.cash: dict[int, int] = {}
        self.reserved: dict[int, int] = {}
        self.holdings: dict[str, Holding] = {}
        self.orders: dict[str, list[Order]] = {}  # those that rest, by market
        self._precision = precision
        self._reserves: dict[str, int] = {}

    def free(self, shard: int) -> int:
        """Cash that nothing is reserved of."""
        return self.cash.get(shard, 0) - self.reserved.get(shard, 0)

    def pay_in(self, shard: int, money: int) -> None:
        """Add cash; the shard counts as funded from now on."""
        self.cash[shard] = self.cash.get(shard, 0) + money

    def all_orders(self) -> "list[Order]":
        """Its resting orders of all markets."""
        return [order for orders in self.orders.values() for order in orders]

    def terms(self, fees: FeeTerms) -> FeeTerms:
        """Fee terms as they are for this account."""
        return fees if self._precision is None else replace(fees, precision=self._precision)

    def holding(self, ticker: str, close_ns: int, shard: int) -> Holding:
        """The position in a market, made when there is none."""
        holding = self.holdings.get(ticker)
        if holding is None:
            holding = self.holdings[ticker] = Holding(ticker, close_ns, shard)
        return holding

    def count(self, ticker: str) -> int:
        """The signed count held."""
        holding = self.holdings.get(ticker)
        return holding.count if holding else 0

    def closing(self, ticker: str, is_yes: bool) -> int:
        """How many contracts bought on that side would close what is held."""
        count = self.count(ticker)
        return max(-count, 0) if is_yes else max(count, 0)

    def need(self, ticker: str, incoming: "Order | None" = None, fee: int = 0, without: "Order | None" = None) -> int:
        """What the orders in a market can cost at most, with `incoming` (and its fee) and without another.

        The best price trades first on either side, and what closes the position costs nothing but its fee.
        """
        orders = [order for order in self.orders.get(ticker, ()) if order is not without]
        total = fee
        for is_yes in (True, False):
            claims = [order for order in orders if order.is_yes == is_yes]
            if incoming is not None and incoming.is_yes == is_yes:
                claims.append(incoming)
            closing = self.closing(ticker, is_yes)
            for order in sorted(claims, key=_best_first):
                opening = max(order.remaining - closing, 0)
                closing -= order.remaining - opening
                total += order.own * opening
                if order is not incoming:
                    total += self.maker_fee(order, opening, order.remaining)
        return total

    def maker_fee(self, order: "Order", opening: int, count: int) -> int:
        """The most that resting contracts can be charged, in fills of any size, `opening` of them for what opens: a
        trade fee where makers pay one, and what each fill rounds away. What closes brings at least its own rounding.
        An account that is rounded more coarsely than the exchange is taken to be filled in whole contracts."""
        terms = self.terms(order.market.contract.fees)
        if not terms.maker_rate:
            return _fills(opening, terms) * (terms.precision - gcd(order.own, terms.precision))
        rounding = _fills(count, terms) * (terms.precision + terms.increment)
        return trade_fee(terms, order.own, count, is_taker=False) + rounding

    def is_closing(self, order: "Order") -> bool:
        """Whether an order that comes in can only close, whatever else of ours on its side trades too."""
        ticker = order.market.contract.ticker
        resting = sum(other.remaining for other in self.orders.get(ticker, ()) if other.is_yes == order.is_yes)
        return order.remaining + resting <= self.closing(ticker, order.is_yes)

    def covers(self, shard: int, ticker: str, need: int) -> bool:
        """Whether the cash on a shard is enough for everything reserved there, with `need` for one market."""
        return need - self._reserves.get(ticker, 0) <= self.free(shard)

    def reserve(self, ticker: str, shard: int) -> None:
        """Orders or the position in a market have changed: reserve anew."""
        before = self._reserves.pop(ticker, 0)
        after = self.need(ticker) if self.orders.get(ticker) else 0
        if after:
            self._reserves[ticker] = after
        if after != before:
            self.reserved[shard] = self.reserved.get(shard, 0) + after - before

    def held(self, holding: Holding) -> HeldState:
        """A position as a value."""
        return HeldState(
            self.account,
            self.subaccount,
            holding.ticker,
            holding.shard,
            holding.count,
            holding.cost,
            holding.realised,
            holding.fees,
            holding.traded,
            holding.updated_ns,
        )


def _best_first(order: "Order") -> int:
    return -order.own


def _fills(count: int, terms: FeeTerms) -> int:
    return count if terms.precision <= FINEST else -(-count // CONTRACT)
