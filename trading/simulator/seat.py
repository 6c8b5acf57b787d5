"""Seat: an account of the simulated exchange that goes on where it left off: its cash and positions come from its owner."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from markets.core.payout import is_awaited
from trading.core.events import HeldPosition
from trading.core.matching.engine import Matching
from trading.core.matching.messages import PositionChanged
from trading.core.matching.pockets import Holding
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_rows import Account, HouseMarket


class Seat(NamedTuple):
    """What an account has: Money by shard, and what it holds."""

    cash: Mapping[int, int]
    positions: Sequence[HeldPosition] = ()


def take_seat(house: House, seat: Seat) -> Account:
    """A member of the house that has this; what has settled meanwhile is paid at once."""
    account = house.open_account(seat.cash, tier="prestige")
    for held in seat.positions:
        house.do(partial(_hold, account.number, held, house.shard))
    pay_past(house, account.number)
    return account


def pay_past(house: House, account: int) -> None:
    """Pay what an account still holds in markets that settled before this house had them."""
    for ticker, holding in list(house.matching.floor.pocket(account).holdings.items()):
        if ticker in house.markets or not holding.count:
            continue
        market = house.recall(ticker)
        if market is None or market.status != "finalized" or is_awaited(market.result, market.yes_pays):
            continue
        house.add_market(market)
        house.do(partial(_settle, ticker, market))


def _settle(ticker: str, market: HouseMarket, matching: Matching, now_ns: int) -> None:
    if market.result != "":
        yes_pays = market.yes_pays if market.result == "scalar" else None
        matching.settle(ticker, market.result, yes_pays, now_ns)


def _hold(account: int, held: HeldPosition, shard: int, matching: Matching, now_ns: int) -> None:
    holding = Holding(held.ticker, held.close_ns, shard)
    holding.count, holding.cost, holding.realised, holding.fees = held.count, held.cost, held.realised, held.fees
    holding.traded = abs(held.count)
    matching.hold(account, holding)
    matching.floor.happened.append(
        PositionChanged(
            now_ns, account, 0, held.ticker, held.count, held.cost, held.realised, held.fees, holding.traded
        )
    )
