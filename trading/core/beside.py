"""What is held, or under way, in the other windows that close together with one."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from markets.core.contract import Contract
from markets.core.units import PRICE_DOLLAR
from trading.core.joint import Bet, Held, loading_of
from trading.core.market import MarketState
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio

LEAST, MOST = 0.001, 0.999


class Stake(NamedTuple):
    """`spent` (Money) on so many `contracts` (Count) of one side of a market."""

    ticker: str
    is_yes: bool
    spent: int
    contracts: int


def held_beside(
    contract: Contract, portfolio: Portfolio, orders: Orders, markets: Mapping[str, MarketState], floor: float
) -> list[Held]:
    """The bets with the close of `contract` in other markets: positions at what they cost, working orders at their worst.
    Shares are of the equity; a probability is that of the market's last signal, else what was paid."""
    equity = portfolio.equity
    if equity <= 0:
        return []
    stakes = _positions(contract, portfolio)
    if orders.working:
        stakes += _working(contract, orders)
    return [Held(_bet(stake, markets.get(stake.ticker), floor), stake.spent / equity) for stake in stakes]


def _positions(contract: Contract, portfolio: Portfolio) -> list[Stake]:
    ticker, close_ns = contract.ticker, contract.close_ns
    return [
        Stake(position.ticker, position.count > 0, position.cost, abs(position.count))
        for position in portfolio.positions.values()
        if position.close_ns == close_ns and position.ticker != ticker and position.count
    ]


def _working(contract: Contract, orders: Orders) -> Iterator[Stake]:
    for order in orders.working.values():
        if order.close_ns == contract.close_ns and order.ticker != contract.ticker:
            own, left, fee = order.part()
            if left:
                yield Stake(order.ticker, order.is_bid, own * left + fee, left)


def _bet(stake: Stake, market: MarketState | None, floor: float) -> Bet:
    cost = min(max(stake.spent / (stake.contracts * PRICE_DOLLAR), LEAST), MOST)
    signal = market.signal if market else None
    yes = signal.fair if signal and signal.pooled is None else signal.pooled if signal else None
    p = cost if yes is None else yes if stake.is_yes else 1.0 - yes
    return Bet(p, cost, loading_of(market.contract.asset if market else "", floor), stake.is_yes)
