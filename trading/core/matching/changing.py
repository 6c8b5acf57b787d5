"""An order that rests is cancelled, made smaller, or amended; and what keeps its place in the queue."""

from typing import NamedTuple

from trading.core.matching.floor import Floor
from trading.core.matching.ladder import Order, own_price
from trading.core.matching.matches import plan
from trading.core.matching.messages import Amended, Refusal
from trading.core.matching.placing import (
    check_expiry,
    check_funds,
    check_id,
    check_post_only,
    check_price,
    check_trading,
    settle_in,
    use_id,
)


def resting(floor: Floor, account: int, number: int, *, is_reducing: bool) -> Order:
    """The account's order, if it rests. After the close MARKET_INACTIVE, else not_found for all that is gone."""
    order = floor.orders.get(number)
    if order is None or order.pocket.account != account:
        raise Refusal("not_found", "order not found")
    check_trading(floor, order.market, is_reducing=is_reducing)
    if order.status != "resting":
        raise Refusal("not_found", "order is not resting")
    return order


def decrease(floor: Floor, order: Order, by: int | None, to: int | None) -> None:
    """Exactly one of `by` and `to`; nothing left cancels the order. Refuses invalid_parameters."""
    if (by is None) == (to is None):
        raise Refusal("invalid_parameters", "exactly one of reduce_by and reduce_to")
    left = max(order.remaining - by, 0) if by is not None else to or 0
    if (by is not None and by <= 0) or not 0 <= left <= order.remaining:
        raise Refusal("invalid_parameters", "an order can only be made smaller")
    if not left:
        floor.remove(order, "Decrease")
        return
    if left != order.remaining:
        _shrink(floor, order, left)
    floor.tell_order(order, "Decrease")


class Amendment(NamedTuple):
    """What an order is to be: its YES price, its total count, its expiry (None: as it is), its client's id (or "")."""

    price: int
    total: int
    expires_ns: int | None = None
    client_id: str = ""


def amend(floor: Floor, order: Order, wanted: Amendment) -> Amended:
    """Only a smaller count or another expiry keeps the order's place."""
    check_price(order.market, wanted.price, wanted.total)
    check_expiry(floor, wanted.expires_ns or 0)
    if wanted.client_id != order.client_id:
        check_id(floor, order.pocket.account, wanted.client_id)
    left = wanted.total - order.filled
    if left <= 0:
        raise Refusal("invalid_order", "count is not above what has filled")
    before = (order.filled, order.remaining, order.taker_cost, order.taker_fees)
    if wanted.price == order.price and left <= order.remaining:
        if left < order.remaining:
            _shrink(floor, order, left)
        _describe(floor, order, wanted)
        floor.tell_order(order, "Amend")
    else:
        _enter_anew(floor, order, wanted)
    filled = order.filled - before[0]
    changed = bool(filled) or order.remaining != before[1]
    return Amended(
        order.state(),
        filled if changed else None,
        order.remaining if changed else None,
        order.taker_cost - before[2],
        order.taker_fees - before[3],
    )


def _enter_anew(floor: Floor, order: Order, wanted: Amendment) -> None:
    """Another price or more contracts: to the back of the queue, or into the other side of the book."""
    trial = Order(order.new, order.market, order.pocket, floor.now_ns)
    trial.own, trial.remaining = own_price(order.is_yes, wanted.price), wanted.total - order.filled
    meets = plan(floor, trial, trial.remaining)
    check_funds(floor, trial, meets, without=order)
    check_post_only(trial, meets)
    floor.quote(order.market, order.is_yes, order.own, -order.remaining, order.number)
    floor.unrest(order)
    order.own, order.remaining = trial.own, trial.remaining
    _describe(floor, order, wanted)
    settle_in(floor, order, meets, told="Amend")
    order.pocket.reserve(order.market.contract.ticker, order.market.shard)


def _describe(floor: Floor, order: Order, wanted: Amendment) -> None:
    order.initial = wanted.total
    if wanted.expires_ns is not None:
        order.expires_ns = wanted.expires_ns
        if wanted.expires_ns:
            floor.due(wanted.expires_ns, order=order)
    if wanted.client_id and wanted.client_id != order.client_id:
        order.client_id = wanted.client_id
        use_id(floor, order)


def _shrink(floor: Floor, order: Order, left: int) -> None:
    change = left - order.remaining
    order.remaining = left
    order.pocket.reserve(order.market.contract.ticker, order.market.shard)
    floor.quote(order.market, order.is_yes, order.own, change, order.number)
