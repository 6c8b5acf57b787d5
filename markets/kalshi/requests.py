"""What is asked of the exchange when something is to change, in our units, and its bytes.

Sides and prices are those of the YES book: a bid buys YES, an ask sells YES (which is to buy NO at a dollar less the
price). `shard` is the market's own `exchange_index`, always given: what is routed by ticker is slower and charged to
every shard, and a cancel without it looks on shard 0. `subaccount` None leaves it out.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from markets.core.units import count_text, price_text

TimeInForce = Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]
SelfTrade = Literal["taker_at_cross", "maker"]

CENTICENT = 100  # in Money: what a transfer is counted in


class CreateOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A new order. `client_order_id` is never used twice: letters, digits and -_:+=/, 64 of them at most.

    `expires_s` (Unix seconds, 0 is never) only with good_till_canceled, `is_reduce_only` only with immediate_or_cancel.
    """

    ticker: str
    client_order_id: str
    is_bid: bool
    price: int
    count: int
    shard: int
    time_in_force: TimeInForce = "good_till_canceled"
    self_trade: SelfTrade = "taker_at_cross"
    expires_s: int = 0
    is_post_only: bool = False
    is_reduce_only: bool = False
    is_cancelled_on_pause: bool = False
    group_id: str = ""
    subaccount: int | None = None


class CancelOrder(msgspec.Struct, frozen=True, gc=False):
    """Take back what still rests of an order."""

    order_id: str
    shard: int
    subaccount: int | None = None


class AmendOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Another price or size for an order. `count` is the total, what has been filled included. `expires_s` None leaves
    the expiry, 0 removes it. The client's ids are left out when empty."""

    order_id: str
    ticker: str
    is_bid: bool
    price: int
    count: int
    shard: int
    client_order_id: str = ""
    new_client_order_id: str = ""
    expires_s: int | None = None
    subaccount: int | None = None


class DecreaseOrder(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Make an order smaller: by so much, or to so much resting; exactly one of the two."""

    order_id: str
    shard: int
    reduce_by: int | None = None
    reduce_to: int | None = None
    subaccount: int | None = None


class Transfer(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Move cash between shards. `amount` is Money, a multiple of $0.0001; `client_transfer_id` is a UUID, used once."""

    client_transfer_id: str
    from_shard: int
    to_shard: int
    amount: int
    from_subaccount: int | None = None
    to_subaccount: int | None = None


class _Create(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    ticker: str
    client_order_id: str
    side: str
    count: str
    price: str
    time_in_force: str
    self_trade_prevention_type: str
    exchange_index: int
    expiration_time: int = 0
    post_only: bool = False
    reduce_only: bool = False
    cancel_order_on_pause: bool = False
    order_group_id: str = ""
    subaccount: int | None = None


class _Cancel(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    order_id: str
    exchange_index: int
    subaccount: int | None = None


class _Amend(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    ticker: str
    side: str
    price: str
    count: str
    exchange_index: int
    client_order_id: str = ""
    updated_client_order_id: str = ""
    expiration_time: int | None = None


class _Decrease(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    exchange_index: int
    reduce_by: str | None = None
    reduce_to: str | None = None


class _Group(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    contracts_limit_fp: str
    exchange_index: int | None = None
    subaccount: int | None = None


class _Transfer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    client_transfer_id: str
    source: str
    destination: str
    amount: int
    source_exchange_shard: int
    destination_exchange_shard: int
    source_subaccount: int | None = None
    destination_subaccount: int | None = None


_encode = msgspec.json.Encoder().encode
_EVENTS = "event_contract"


def encode(request: CreateOrder | AmendOrder | DecreaseOrder | Transfer) -> bytes:
    """The body of the request. Raises ValueError when it cannot be said on the wire."""
    if isinstance(request, CreateOrder):
        return _encode(_creation(request))
    if isinstance(request, AmendOrder):
        return _encode(_amendment(request))
    if isinstance(request, DecreaseOrder):
        return _encode(_decrease(request))
    return _encode(_transfer(request))


def encode_orders(orders: Sequence[CreateOrder]) -> bytes:
    """The body of a batch of new orders."""
    return _encode({"orders": [_creation(order) for order in orders]})


def encode_cancels(cancels: Sequence[CancelOrder]) -> bytes:
    """The body of a batch of cancels: each item names its own shard."""
    return _encode({"orders": [_Cancel(one.order_id, one.shard, one.subaccount) for one in cancels]})


def encode_group(limit: int, shard: int | None = None, subaccount: int | None = None) -> bytes:
    """The body of a new order group (which names its shard) or of a new limit (whose shard is in the query)."""
    return _encode(_Group(count_text(limit), shard, subaccount))


def _creation(order: CreateOrder) -> _Create:
    return _Create(
        order.ticker,
        order.client_order_id,
        "bid" if order.is_bid else "ask",
        count_text(order.count),
        price_text(order.price),
        order.time_in_force,
        order.self_trade,
        order.shard,
        order.expires_s,
        order.is_post_only,
        order.is_reduce_only,
        order.is_cancelled_on_pause,
        order.group_id,
        order.subaccount,
    )


def _amendment(order: AmendOrder) -> _Amend:
    return _Amend(
        order.ticker,
        "bid" if order.is_bid else "ask",
        price_text(order.price),
        count_text(order.count),
        order.shard,
        order.client_order_id,
        order.new_client_order_id,
        order.expires_s,
    )


def _decrease(order: DecreaseOrder) -> _Decrease:
    by, to = order.reduce_by, order.reduce_to
    if (by is None) == (to is None):
        raise ValueError(f"{order.order_id}: reduce_by or reduce_to, exactly one of them")
    return _Decrease(order.shard, None if by is None else count_text(by), None if to is None else count_text(to))


def _transfer(transfer: Transfer) -> _Transfer:
    centicents, rest = divmod(transfer.amount, CENTICENT)
    if rest:
        raise ValueError(f"a transfer is counted in $0.0001, {transfer.amount} millionths are no multiple of it")
    return _Transfer(
        transfer.client_transfer_id,
        _EVENTS,
        _EVENTS,
        centicents,
        transfer.from_shard,
        transfer.to_shard,
        transfer.from_subaccount,
        transfer.to_subaccount,
    )
