"""Calls that change something: orders, order groups, transfers of cash.

Where the shard goes: into the body of a new, amended or decreased order and of a new group, into the query of a cancel
and of what is done to a group, into each item of a batch of cancels.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from markets.kalshi.calls import CALLS, Ask, target
from markets.kalshi.errors import said_of
from markets.kalshi.messages_account import (
    Amended,
    Cancelled,
    Created,
    Decreased,
    GroupMade,
    ItemRefused,
    TransferMade,
)
from markets.kalshi.requests import (
    AmendOrder,
    CancelOrder,
    CreateOrder,
    DecreaseOrder,
    Transfer,
    encode,
    encode_cancels,
    encode_group,
    encode_orders,
)
from markets.kalshi.wire.numbers import CountText, Millis, MoneyText, Text, decoder

UNSCOPED = 0  # batches are charged to the account's first bucket, whatever shards they name
UNSURE_CODES = ("EXCHANGE_UNAVAILABLE", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE", "TIMEOUT")


class _Item(msgspec.Struct, frozen=True, gc=False):
    """One of a batch: a result, or an error beside what is left of a result."""

    order_id: Text = ""
    client_order_id: Text = ""
    fill_count: CountText | None = None
    remaining_count: CountText | None = None
    reduced_by: CountText | None = None
    average_fill_price: MoneyText | None = None
    average_fee_paid: MoneyText | None = None
    ts_ms: Millis | None = None
    error: Any = None


class _Batch(msgspec.Struct, frozen=True, gc=False):
    orders: tuple[_Item, ...]


_created = decoder(Created)
_cancelled = decoder(Cancelled)
_amended = decoder(Amended)
_decreased = decoder(Decreased)
_batch = decoder(_Batch)
_group_made = decoder(GroupMade)
_transfer_made = decoder(TransferMade)


def create_order(order: CreateOrder) -> Ask[Created]:
    call = CALLS["create_order"]
    ids = (order.client_order_id,)
    return Ask(call, call.path, _created, encode(order), shard=order.shard, client_order_ids=ids)


def create_orders(orders: Sequence[CreateOrder]) -> Ask[list[Created | ItemRefused]]:
    call = CALLS["create_orders"]
    asked = tuple(order.client_order_id for order in orders)

    def read(body: bytes) -> list[Created | ItemRefused]:
        return [_made(item, client_id) for item, client_id in zip(_items(body, len(asked)), asked, strict=True)]

    return Ask(call, call.path, read, encode_orders(orders), len(orders), UNSCOPED, asked)


def cancel_order(cancel: CancelOrder) -> Ask[Cancelled]:
    call = CALLS["cancel_order"]
    query = {"subaccount": cancel.subaccount, "exchange_index": cancel.shard}
    where = target(call, query, order_id=cancel.order_id)
    return Ask(call, where, _cancelled, shard=cancel.shard, order_ids=(cancel.order_id,))


def cancel_orders(cancels: Sequence[CancelOrder]) -> Ask[list[Cancelled | ItemRefused]]:
    call = CALLS["cancel_orders"]
    asked = tuple(cancel.order_id for cancel in cancels)

    def read(body: bytes) -> list[Cancelled | ItemRefused]:
        return [_taken_back(item, order_id) for item, order_id in zip(_items(body, len(asked)), asked, strict=True)]

    return Ask(call, call.path, read, encode_cancels(cancels), len(cancels), UNSCOPED, order_ids=asked)


def cancel_all(subaccount: int | None) -> Ask[None]:
    call = CALLS["cancel_all"]
    return Ask(call, target(call, {"subaccount": subaccount}), _nothing)


def amend_order(amend: AmendOrder) -> Ask[Amended]:
    call = CALLS["amend_order"]
    where = target(call, {"subaccount": amend.subaccount}, order_id=amend.order_id)
    ids = tuple(one for one in (amend.new_client_order_id, amend.client_order_id) if one)
    return Ask(call, where, _amended, encode(amend), 1, amend.shard, ids, (amend.order_id,))


def decrease_order(decrease: DecreaseOrder) -> Ask[Decreased]:
    call = CALLS["decrease_order"]
    where = target(call, {"subaccount": decrease.subaccount}, order_id=decrease.order_id)
    return Ask(call, where, _decreased, encode(decrease), 1, decrease.shard, order_ids=(decrease.order_id,))


def create_group(limit: int, shard: int, subaccount: int | None) -> Ask[GroupMade]:
    call = CALLS["create_group"]
    return Ask(call, call.path, _group_made, encode_group(limit, shard, subaccount), shard=shard)


def delete_group(group_id: str, shard: int, subaccount: int | None) -> Ask[None]:
    return _of_group("delete_group", group_id, shard, subaccount)


def reset_group(group_id: str, shard: int, subaccount: int | None) -> Ask[None]:
    return _of_group("reset_group", group_id, shard, subaccount)


def trigger_group(group_id: str, shard: int, subaccount: int | None) -> Ask[None]:
    return _of_group("trigger_group", group_id, shard, subaccount)


def set_group_limit(group_id: str, limit: int, shard: int, subaccount: int | None) -> Ask[None]:
    return _of_group("set_group_limit", group_id, shard, subaccount, encode_group(limit))


def transfer(wanted: Transfer) -> Ask[TransferMade]:
    call = CALLS["transfer"]
    return Ask(call, call.path, _transfer_made, encode(wanted), client_order_ids=(wanted.client_transfer_id,))


def _of_group(name: str, group_id: str, shard: int, subaccount: int | None, body: bytes | None = None) -> Ask[None]:
    call = CALLS[name]
    query = {"subaccount": subaccount, "exchange_index": shard}
    return Ask(call, target(call, query, order_group_id=group_id), _nothing, body, shard=shard)


def _nothing(body: bytes) -> None:
    """That it was answered well is all there is to know."""


def _items(body: bytes, asked: int) -> tuple[_Item, ...]:
    items = _batch(body).orders
    if len(items) != asked:
        raise msgspec.ValidationError(f"{len(items)} items answer a batch of {asked} - at `$.orders`")
    return items


def _made(item: _Item, client_id: str) -> Created | ItemRefused:
    if item.error is not None:
        return _refused(item, client_order_id=client_id)
    if not item.order_id or item.fill_count is None or item.remaining_count is None:
        raise msgspec.ValidationError(
            "neither an error nor `order_id`, `fill_count`, `remaining_count` - at `$.orders`"
        )
    return Created(
        item.order_id,
        item.fill_count,
        item.remaining_count,
        item.client_order_id or client_id,
        item.average_fill_price,
        item.average_fee_paid,
        item.ts_ms,
    )


def _taken_back(item: _Item, order_id: str) -> Cancelled | ItemRefused:
    if item.error is not None:
        return _refused(item, order_id=order_id)
    if item.reduced_by is None:
        raise msgspec.ValidationError("neither an error nor `reduced_by` - at `$.orders`")
    return Cancelled(item.order_id or order_id, item.reduced_by, item.client_order_id, item.ts_ms)


def _refused(item: _Item, order_id: str = "", client_order_id: str = "") -> ItemRefused:
    said = said_of(item.error)
    return ItemRefused(
        said.code,
        said.message,
        said.details,
        order_id or item.order_id,
        client_order_id or item.client_order_id,
        said.code.upper() in UNSURE_CODES,
    )
