"""Calls that write orders: create, cancel, amend, decrease, batches, cancel-all; and the first version's, which is dead."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from trading.core.matching.messages import OrderState
from trading.simulator.exchange.doors import TRADE, Answer, Ask, Door
from trading.simulator.exchange.doors_billing import by_batch, by_body, by_query
from trading.simulator.exchange.doors_orders import (
    AmendBody,
    CancelBatch,
    CancelItem,
    CreateBatch,
    CreateBody,
    DecreaseBody,
    client_id_of,
    count_of,
    expiry_of,
    needed,
    new_order,
    price_of,
    shard_routed,
    side_of,
)
from trading.simulator.exchange.errors import ApiError, broken, invalid, missing, not_found
from trading.simulator.exchange.shapes_portfolio import amended_shape, cancelled_shape, created_shape, decreased_shape

T = TypeVar("T")
Shape = dict[str, object]
MOST_ITEMS = 10_000


def create(ask: Ask) -> Answer:
    """A new order, and what became of it at once."""
    return Answer(_created(ask, ask.read(CreateBody)), 201)


def create_batch(ask: Ask) -> Answer:
    """New orders one after the other; each is answered by itself, in order."""
    items = _items(ask.read(CreateBatch).orders)

    def one(body: CreateBody) -> Shape:
        return _created(ask, body)

    def failed(body: CreateBody, error: ApiError) -> Shape:
        return {"client_order_id": body.client_order_id, "error": error.said}

    return Answer({"orders": _each(ask, items, one, failed)}, 201)


def cancel(ask: Ask) -> Answer:
    """What rests of an order is taken back."""
    query = ask.query
    index, ticker = query.number("exchange_index"), query.text("market_ticker")
    item = CancelItem(ask.parts["order_id"], query.number("subaccount", 0, 63), index, ticker)
    return Answer(_cancelled(ask, item))


def cancel_batch(ask: Ask) -> Answer:
    """The same for several."""
    items = _items(ask.read(CancelBatch).orders)

    def one(item: CancelItem) -> Shape:
        return _cancelled(ask, item)

    def failed(item: CancelItem, error: ApiError) -> Shape:
        return {"order_id": item.order_id or "", "reduced_by": "0.00", "error": error.said}

    return Answer({"orders": _each(ask, items, one, failed)})


def cancel_all(ask: Ask) -> Answer:
    """Everything on every shard, and what is placed in the next minute."""
    pocket = ask.asked_subaccount(None)
    account = ask.row.account
    ask.act(lambda: ask.house.do(lambda matching, now_ns: matching.cancel_all(account, pocket, now_ns)))
    return Answer(None, 204)


def amend(ask: Ask) -> Answer:
    """Another price, total count or expiry."""
    body = ask.read(AmendBody)
    ticker, is_bid = needed("ticker", body.ticker), side_of(body.side)
    price, count = price_of("price", body.price), count_of("count", body.count)
    expires_ns = expiry_of(body.expiration_time, "")
    client_id = client_id_of("updated_client_order_id", body.updated_client_order_id)
    state = _order(ask, ask.parts["order_id"], shard_routed(ask, body.exchange_index, ticker), ask.asked_subaccount())
    if (state.order.ticker, state.order.is_bid) != (ticker, is_bid):
        raise invalid("ticker and side are not those of the order")
    if body.client_order_id and body.client_order_id != (state.client_id or state.order.client_id):
        raise invalid("client_order_id is not that of the order")
    account = ask.row.account
    amended = ask.act(
        lambda: ask.house.do(
            lambda matching, now_ns: matching.amend(
                account, state.number, now_ns, price=price, count=count, expires_ns=expires_ns, client_id=client_id
            )
        )
    )
    return Answer(amended_shape(ask.house.ids, amended, ask.now_ns))


def decrease(ask: Ask) -> Answer:
    """Less of what rests."""
    body = ask.read(DecreaseBody)
    if (body.reduce_by is None) == (body.reduce_to is None):
        raise invalid("exactly one of reduce_by and reduce_to")
    by = count_of("reduce_by", body.reduce_by) if body.reduce_by is not None else None
    to = count_of("reduce_to", body.reduce_to) if body.reduce_to is not None else None
    shard = shard_routed(ask, body.exchange_index, body.market_ticker)
    state = _order(ask, ask.parts["order_id"], shard, ask.asked_subaccount())
    account = ask.row.account
    after = ask.act(
        lambda: ask.house.do(lambda matching, now_ns: matching.decrease(account, state.number, now_ns, by=by, to=to))
    )
    return Answer(decreased_shape(ask.house.ids, after))


def dead(_: Ask) -> Answer:
    """The first version of this call."""
    raise ApiError(410, "deprecated_v1_order_endpoint", "use /portfolio/events/orders")


def _created(ask: Ask, body: CreateBody) -> Shape:
    order = new_order(ask, body)
    state = ask.act(lambda: ask.house.do(lambda matching, now_ns: matching.place(order, now_ns)))
    return created_shape(ask.house.ids, state)


def _cancelled(ask: Ask, item: CancelItem) -> Shape:
    order_id = needed("order_id", item.order_id)
    shard = shard_routed(ask, item.exchange_index, item.market_ticker)
    state = _order(ask, order_id, shard, ask.subaccount(item.subaccount))
    account = ask.row.account
    after, reduced_by = ask.act(
        lambda: ask.house.do(lambda matching, now_ns: matching.cancel(account, state.number, now_ns))
    )
    return cancelled_shape(ask.house.ids, after, reduced_by)


def _order(ask: Ask, order_id: str, shard: int, pocket: int | None) -> OrderState:
    """The order as it is now, when it is one of who asks, in that pocket, on that shard. Raises ApiError (404)."""
    number = ask.house.ids.number("order", order_id)
    if number is None:
        raise not_found("order")
    state = ask.act(lambda: ask.house.matching.order(number))
    order = state.order
    if (order.account, order.subaccount, state.shard) != (ask.row.account, pocket, shard):
        raise not_found("order")
    return state


def _items(orders: list[T] | None) -> list[T]:
    if not orders:
        raise missing("orders")
    if len(orders) > MOST_ITEMS:
        raise invalid(f"orders: at most {MOST_ITEMS}")
    return orders


def _each(
    ask: Ask, items: Sequence[T], one: Callable[[T], Shape], failed: Callable[[T, ApiError], Shape]
) -> list[Shape]:
    """Each item's answer; under a fault of batches every second one is not carried out."""
    is_partial = ask.faults.take("batch_partial", method=ask.method, path=ask.path) is not None
    answers = []
    for number, item in enumerate(items):
        try:
            if is_partial and number % 2:
                raise broken(500)
            answers.append(one(item))
        except ApiError as error:
            answers.append(failed(item, error))
    return answers


DEAD = (
    ("POST", "/portfolio/orders"),
    ("POST", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/batched"),
    ("DELETE", "/portfolio/orders/{order_id}"),
    ("POST", "/portfolio/orders/{order_id}/amend"),
    ("POST", "/portfolio/orders/{order_id}/decrease"),
)
DOORS = (
    Door("POST", "/portfolio/events/orders", create, TRADE, billed=by_body),
    Door("DELETE", "/portfolio/events/orders", cancel_all, TRADE, 2),
    Door("POST", "/portfolio/events/orders/batched", create_batch, TRADE, billed=by_batch),
    Door("DELETE", "/portfolio/events/orders/batched", cancel_batch, TRADE, 2, billed=by_batch),
    Door("DELETE", "/portfolio/events/orders/{order_id}", cancel, TRADE, 2, billed=by_query),
    Door("POST", "/portfolio/events/orders/{order_id}/amend", amend, TRADE, billed=by_body),
    Door("POST", "/portfolio/events/orders/{order_id}/decrease", decrease, TRADE, billed=by_body),
    *(Door(method, path, dead, TRADE) for method, path in DEAD),
)
