"""Calls about order groups: a brake that cancels all orders of a group when too much of them trades in 15 seconds."""

from collections.abc import Callable

import msgspec

from markets.core.units import CONTRACT
from trading.core.matching.engine import Matching
from trading.core.matching.messages import GroupState
from trading.simulator.exchange.doors import TRADE, Answer, Ask, Door
from trading.simulator.exchange.doors_billing import by_body, by_query
from trading.simulator.exchange.doors_orders import count_of
from trading.simulator.exchange.errors import invalid, missing, not_found
from trading.simulator.exchange.shapes_portfolio import group_shape

MOST_CONTRACTS = 1_000_000


class GroupBody(msgspec.Struct, frozen=True):
    """A limit, and for a new group where it works."""

    contracts_limit: int | None = None
    contracts_limit_fp: str | None = None
    subaccount: int | None = None
    exchange_index: int | None = None


def create(ask: Ask) -> Answer:
    """A new group. It works on one shard only."""
    body = ask.read(GroupBody)
    limit, pocket = _limit(body), ask.pocket(body.subaccount)
    shard = 0 if body.exchange_index is None else body.exchange_index
    if shard not in ask.house.shards:
        raise invalid("exchange_index is not a shard")
    account = ask.row.account
    number = ask.act(
        lambda: ask.house.do(
            lambda matching, now_ns: matching.make_group(account, limit, now_ns, shard=shard, subaccount=pocket)
        )
    )
    shape = {"order_group_id": ask.house.ids.text("group", number), "subaccount": pocket, "exchange_index": shard}
    return Answer(shape, 201)


def groups(ask: Ask) -> Answer:
    """All groups of the account."""
    found = ask.house.matching.groups(ask.row.account, ask.asked_subaccount(None))
    return Answer({"order_groups": [group_shape(ask.house.ids, one) for one in found]})


def group(ask: Ask) -> Answer:
    """One group, with the orders that rest in it."""
    found = _group(ask, ask.asked_subaccount(None), None)
    return Answer(group_shape(ask.house.ids, found, with_orders=True))


def delete(ask: Ask) -> Answer:
    """End a group, and cancel its orders."""
    return _do(ask, Matching.delete_group)


def reset(ask: Ask) -> Answer:
    """Count from zero again."""
    _nothing_said(ask)
    return _do(ask, Matching.reset_group)


def trigger(ask: Ask) -> Answer:
    """Cancel its orders and take no more."""
    _nothing_said(ask)
    return _do(ask, Matching.trigger_group)


def limit(ask: Ask) -> Answer:
    """Another limit."""
    most = _limit(ask.read(GroupBody))
    return _do(ask, lambda matching, account, number, now_ns: matching.limit_group(account, number, most, now_ns))


def _do(ask: Ask, action: Callable[[Matching, int, int, int], None]) -> Answer:
    shard = ask.query.number("exchange_index") or 0
    found = _group(ask, ask.asked_subaccount(), shard)
    account = ask.row.account
    ask.act(lambda: ask.house.do(lambda matching, now_ns: action(matching, account, found.group, now_ns)))
    return Answer({})


def _nothing_said(ask: Ask) -> None:
    """A body may be left out or be an object. Raises ApiError (400)."""
    if ask.body.strip():
        ask.read(dict)


def _group(ask: Ask, pocket: int | None, shard: int | None) -> GroupState:
    number = ask.house.ids.number("group", ask.parts["order_group_id"])
    for one in ask.house.matching.groups(ask.row.account, pocket):
        if one.group == number and shard in {None, one.shard}:
            return one
    raise not_found("order group")


def _limit(body: GroupBody) -> int:
    whole, text = body.contracts_limit, body.contracts_limit_fp
    if whole is None and not text:
        raise missing("contracts_limit or contracts_limit_fp")
    if whole is not None and not 1 <= whole <= MOST_CONTRACTS:
        raise invalid(f"contracts_limit is between 1 and {MOST_CONTRACTS}")
    if not text:
        return (whole or 0) * CONTRACT
    count = count_of("contracts_limit_fp", text)
    if whole is not None and count != whole * CONTRACT:
        raise invalid("contracts_limit and contracts_limit_fp differ")
    if not 0 < count <= MOST_CONTRACTS * CONTRACT:
        raise invalid(f"contracts_limit_fp is at most {MOST_CONTRACTS}")
    return count


ONE = "/portfolio/order_groups/{order_group_id}"
DOORS = (
    Door("GET", "/portfolio/order_groups", groups, "read"),
    Door("POST", "/portfolio/order_groups/create", create, TRADE, billed=by_body),
    Door("GET", ONE, group, "read"),
    Door("DELETE", ONE, delete, TRADE, billed=by_query),
    Door("PUT", f"{ONE}/reset", reset, TRADE, billed=by_query),
    Door("PUT", f"{ONE}/trigger", trigger, TRADE, billed=by_query),
    Door("PUT", f"{ONE}/limit", limit, TRADE, billed=by_query),
)
