"""The life of a market and of the exchange: listed, open, paused, closed, settled; and accounts with their money."""

from collections.abc import Mapping
from typing import Literal

from markets.core.book import OrderBook
from markets.core.contract import Contract
from markets.core.payout import payout_of, yes_pays_of
from trading.core.matching.floor import Floor
from trading.core.matching.ladder import Market
from trading.core.matching.matches import uncross
from trading.core.matching.messages import PaidOut, Refusal
from trading.core.matching.pockets import Holding, Pocket


def list_market(floor: Floor, contract: Contract, shard: int, book: OrderBook | None) -> None:
    """A new market."""
    if contract.ticker in floor.markets:
        raise ValueError(f"{contract.ticker} is listed already")
    floor.markets[contract.ticker] = Market(contract, shard, book)


def relist(floor: Floor, contract: Contract) -> None:
    """Other terms; what they do not allow any more is cancelled, and what they reserve is counted anew."""
    market = floor.market(contract.ticker)
    market.contract = contract
    orders = market.resting_orders()
    floor.remove_all((order for order in orders if not contract.is_on_grid(order.price)), "Cancel")
    for pocket in floor.pockets.values():
        pocket.reserve(contract.ticker, market.shard)


def set_status(floor: Floor, market: Market, status: Literal["listed", "open", "paused", "closed"]) -> None:
    """What a market's new state does to its orders."""
    before, market.status = market.status, status
    orders = market.resting_orders()
    if status == "closed":
        floor.remove_all(orders, "CloseCancel")
    elif status == "paused":
        floor.remove_all((order for order in orders if order.new.is_cancelled_on_pause), "HaltCancel")
    elif before == "paused" and status == "open":
        floor.remove_all(orders, "HaltCancel")


def set_exchange(floor: Floor, state: str, shards: list[int]) -> None:
    """What a pause of whole shards does to the orders on them."""
    for shard in shards:
        if state == "trading":
            floor.halts.pop(shard, None)
        else:
            floor.halts[shard] = state
    for market in floor.markets.values():
        if market.shard not in shards:
            continue
        if state == "trading":
            uncross(floor, market)
        else:
            orders = market.resting_orders()
            floor.remove_all((order for order in orders if order.new.is_cancelled_on_pause), "HaltCancel")


def settle(floor: Floor, ticker: str, result: Literal["yes", "no", "scalar"], yes_pays: int | None) -> None:
    """Pay out what is held and forget the market. Raises ValueError for what cannot be paid."""
    worth = yes_pays_of(result, yes_pays)
    forget(floor, ticker)
    for pocket in (*floor.pockets.values(), floor.crowd):
        holding = pocket.holdings.pop(ticker, None)
        if holding is None:
            continue
        payout = payout_of(holding.count, worth)
        pocket.pay_in(holding.shard, payout)
        if pocket is not floor.crowd:
            who = (pocket.account, pocket.subaccount, ticker)
            what = (holding.count, holding.cost, holding.fees, payout)
            floor.happened.append(PaidOut(floor.now_ns, *who, result, worth, *what))


def forget(floor: Floor, ticker: str) -> None:
    """Drop a market, if it is listed, with its orders and the client ids used in it."""
    market = floor.markets.pop(ticker, None)
    if market is None:
        return
    floor.remove_all(market.resting_orders(), "CloseCancel")
    for number in market.orders:
        del floor.orders[number]
    for account, client_id in market.client_ids:
        floor.client_ids[account].pop(client_id, None)


def hold(floor: Floor, pocket: Pocket, holding: Holding) -> None:
    """A position comes in from elsewhere; the crowd holds the other side of it."""
    if holding.ticker in pocket.holdings:
        raise ValueError(f"{holding.ticker} is held already")
    pocket.holdings[holding.ticker] = holding
    other = floor.crowd.holding(holding.ticker, holding.close_ns, holding.shard)
    floor.crowd.pay_in(holding.shard, other.trade(holding.count < 0, 0, abs(holding.count)))


def open_account(floor: Floor, account: int, cash: Mapping[int, int], precision: int | None) -> None:
    """A new account with its primary pocket."""
    if account in floor.precisions:
        raise ValueError(f"account {account} is open already")
    floor.precisions[account] = precision
    floor.client_ids[account] = {}
    pocket = floor.opened_pocket(account, 0)
    for shard, money in cash.items():
        pocket.pay_in(shard, money)


def deposit(floor: Floor, account: int, shard: int, money: int, subaccount: int) -> None:
    """Pay in or out."""
    pocket = floor.opened_pocket(account, subaccount)
    if money < 0 and pocket.free(shard) < -money:
        raise Refusal("insufficient_balance")
    pocket.pay_in(shard, money)


def move(source: Pocket, from_shard: int, target: Pocket, to_shard: int, money: int) -> None:
    """Free cash goes from one place to another. Refuses invalid_parameters, user_not_found, insufficient_balance."""
    if money <= 0 or (source is target and from_shard == to_shard):
        raise Refusal("invalid_parameters", "an amount above 0, between two places")
    if from_shard not in source.cash:
        raise Refusal("user_not_found", "never funded on this shard")
    if source.free(from_shard) < money:
        raise Refusal("insufficient_balance")
    source.pay_in(from_shard, -money)
    target.pay_in(to_shard, money)
