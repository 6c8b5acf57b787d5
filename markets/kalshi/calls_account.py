"""Calls that read our account: what is asked, and how the answer is read."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Literal, TypedDict

import msgspec

from markets.kalshi.calls import CALLS, Ask, Pages, target
from markets.kalshi.calls_listed import page_reader, reader, rows_reader
from markets.kalshi.messages_account import (
    AccountLimits,
    Balance,
    EndpointCosts,
    Group,
    QueuePosition,
    TransferState,
    WireFill,
    WireOrder,
    WirePosition,
    WireSettlement,
)
from markets.kalshi.wire.numbers import Cents, CountText, MoneyText, Seconds, Text, decoder

TRANSFERS_A_PAGE = 500


class OrderFilters(TypedDict, total=False):
    """Which orders, of all shards unless one is named; times in Unix seconds. The exchange cannot look for a client
    order id."""

    ticker: str
    event_ticker: Sequence[str]
    status: Literal["resting", "canceled", "executed"]
    min_ts: int
    max_ts: int
    subaccount: int
    exchange_index: int


class FillFilters(TypedDict, total=False):
    """Which fills, of all shards unless one is named; times in Unix seconds."""

    ticker: Sequence[str]
    order_id: str
    min_ts: int
    max_ts: int
    subaccount: int
    exchange_index: int


class PositionFilters(TypedDict, total=False):
    """Which positions: those of markets that are not settled, unless asked otherwise."""

    ticker: str
    event_ticker: str
    count_filter: Sequence[Literal["position", "total_traded"]]
    settlement_status: Literal["unsettled", "settled", "all"]
    subaccount: int
    exchange_index: int


class SettlementFilters(TypedDict, total=False):
    """Which settlements; times in Unix seconds."""

    ticker: str
    event_ticker: str
    min_ts: int
    max_ts: int
    subaccount: int


class OldFilters(TypedDict, total=False):
    """Which fills or orders of the history; times in Unix seconds."""

    ticker: str
    min_ts: int
    max_ts: int
    subaccount: int


class OldPositionFilters(TypedDict, total=False):
    """Which positions of the history."""

    ticker: str
    event_ticker: str
    subaccount: int


class _Positions(msgspec.Struct, frozen=True, gc=False):
    market_positions: tuple[WirePosition, ...] | None
    cursor: Text = ""


class _Fills(msgspec.Struct, frozen=True, gc=False):
    fills: tuple[WireFill, ...] | None
    cursor: Text = ""


class _Settlements(msgspec.Struct, frozen=True, gc=False):
    settlements: tuple[WireSettlement, ...] | None
    cursor: Text = ""


class _Orders(msgspec.Struct, frozen=True, gc=False):
    orders: tuple[WireOrder, ...] | None
    cursor: Text = ""


class _Transfers(msgspec.Struct, frozen=True, gc=False):
    transfers: tuple[TransferState, ...] | None
    cursor: Text = ""


class _Order(msgspec.Struct, frozen=True, gc=False):
    order: WireOrder


class _Transfer(msgspec.Struct, frozen=True, gc=False):
    transfer: TransferState


class _Queue(msgspec.Struct, frozen=True, gc=False):
    queue_position_fp: CountText


class _Queues(msgspec.Struct, frozen=True, gc=False):
    queue_positions: tuple[QueuePosition, ...] | None


class _ShardCash(msgspec.Struct, frozen=True, gc=False):
    exchange_index: int
    balance: MoneyText


class _Balance(msgspec.Struct, frozen=True, gc=False):
    balance: Cents
    portfolio_value: Cents | None = None
    balance_dollars: MoneyText | None = None
    balance_breakdown: tuple[_ShardCash, ...] | None = None
    updated_ts: Seconds | None = None


class _Group(msgspec.Struct, frozen=True, gc=False):
    is_auto_cancel_enabled: bool
    id: Text = ""
    contracts_limit_fp: CountText | None = None
    exchange_index: int | None = None
    orders: tuple[str, ...] | None = None


class _Groups(msgspec.Struct, frozen=True, gc=False):
    order_groups: tuple[_Group, ...] | None = None


_limits = decoder(AccountLimits)
_costs = decoder(EndpointCosts)
_balance = decoder(_Balance)
_positions = page_reader(_Positions, "market_positions")
_fills = page_reader(_Fills, "fills")
_settlements = page_reader(_Settlements, "settlements")
_orders = page_reader(_Orders, "orders")
_order = reader(_Order, "order")
_queue = reader(_Queue, "queue_position_fp")
_queues = rows_reader(_Queues, "queue_positions")
_group = decoder(_Group)
_groups = decoder(_Groups)
_transfer = reader(_Transfer, "transfer")
_transfers = page_reader(_Transfers, "transfers")


def account_limits() -> Ask[AccountLimits]:
    call = CALLS["account_limits"]
    return Ask(call, call.path, _limits)


def endpoint_costs() -> Ask[EndpointCosts]:
    call = CALLS["endpoint_costs"]
    return Ask(call, call.path, _costs)


def balance(subaccount: int | None, shard: int | None) -> Ask[Balance]:
    call = CALLS["balance"]
    return Ask(call, target(call, {"subaccount": subaccount, "exchange_index": shard}), _read_balance)


def positions(filters: PositionFilters) -> Pages[WirePosition]:
    return Pages(CALLS["positions"], {**filters}, _positions, attrgetter("ticker", "shard"))


def fills(filters: FillFilters) -> Pages[WireFill]:
    return Pages(CALLS["fills"], {**filters}, _fills, attrgetter("trade_id", "order_id"))


def settlements(filters: SettlementFilters) -> Pages[WireSettlement]:
    """They have no id: of two subaccounts in one market only what they held tells them apart."""
    key = attrgetter("ticker", "settled_ns", "yes_count", "no_count", "revenue")
    return Pages(CALLS["settlements"], {**filters}, _settlements, key)


def orders(filters: OrderFilters) -> Pages[WireOrder]:
    return Pages(CALLS["orders"], {**filters}, _orders, attrgetter("order_id"))


def order(order_id: str) -> Ask[WireOrder]:
    call = CALLS["order"]
    return Ask(call, target(call, order_id=order_id), _order)


def queue_position(order_id: str) -> Ask[int]:
    call = CALLS["queue_position"]
    return Ask(call, target(call, order_id=order_id), _queue)


def queue_positions(
    tickers: Sequence[str], event_ticker: str | None, subaccount: int | None
) -> Ask[list[QueuePosition]]:
    """Raises ValueError when neither markets nor an event are named."""
    if not tickers and not event_ticker:
        raise ValueError("queue_positions: name markets or an event")
    call = CALLS["queue_positions"]
    query = {"market_tickers": tuple(tickers) or None, "event_ticker": event_ticker, "subaccount": subaccount}
    return Ask(call, target(call, query), _queues)


def historical_fills(filters: OldFilters) -> Pages[WireFill]:
    return Pages(CALLS["historical_fills"], {**filters}, _fills, attrgetter("trade_id", "order_id"))


def historical_orders(filters: OldFilters) -> Pages[WireOrder]:
    return Pages(CALLS["historical_orders"], {**filters}, _orders, attrgetter("order_id"))


def historical_positions(filters: OldPositionFilters) -> Pages[WirePosition]:
    return Pages(CALLS["historical_positions"], {**filters}, _positions, attrgetter("ticker", "shard"))


def groups(subaccount: int | None) -> Ask[list[Group]]:
    call = CALLS["groups"]
    return Ask(call, target(call, {"subaccount": subaccount}), _read_groups)


def group(group_id: str, subaccount: int | None) -> Ask[Group]:
    call = CALLS["group"]

    def read(body: bytes) -> Group:
        return _as_group(_group(body), group_id)

    return Ask(call, target(call, {"subaccount": subaccount}, order_group_id=group_id), read)


def transfer_state(transfer_id: str) -> Ask[TransferState]:
    call = CALLS["transfer_state"]
    return Ask(call, target(call, transfer_id=transfer_id), _transfer)


def transfers() -> Pages[TransferState]:
    return Pages(CALLS["transfers"], {}, _transfers, attrgetter("transfer_id"), TRANSFERS_A_PAGE)


def _read_balance(body: bytes) -> Balance:
    told = _balance(body)
    cash = told.balance if told.balance_dollars is None else told.balance_dollars
    by_shard = {row.exchange_index: int(row.balance) for row in told.balance_breakdown or ()}
    return Balance(cash, told.portfolio_value or 0, by_shard, told.updated_ts or 0)


def _read_groups(body: bytes) -> list[Group]:
    return [_as_group(row, row.id) for row in _groups(body).order_groups or ()]


def _as_group(row: _Group, group_id: str) -> Group:
    return Group(
        group_id, row.is_auto_cancel_enabled, row.contracts_limit_fp, row.exchange_index, tuple(row.orders or ())
    )
