"""Orders, fills, positions, settlements and money of an account, as they read on the wire."""

from collections.abc import Iterable

from markets.core.units import PRICE_DOLLAR, count_text, money_text, price_text
from trading.core.matching.messages import Amended, GroupState, OrderState
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_rows import Account, FillRow, HouseMarket, PositionRow, SettlementRow, Transfer
from trading.simulator.exchange.shapes import cents, dollars, iso, mean_price, millis, seconds

Shape = dict[str, object]
PRICE_CENT = 100


def order_shape(ids: Ids, account: Account, state: OrderState) -> Shape:
    """An order as it is read."""
    order = state.order
    return {
        "order_id": ids.text("order", state.number),
        "user_id": account.user_id,
        "client_order_id": state.client_id or order.client_id,
        "ticker": order.ticker,
        "side": "yes" if order.is_bid else "no",
        "action": "buy" if order.is_bid else "sell",
        "outcome_side": "yes" if order.is_bid else "no",
        "book_side": "bid" if order.is_bid else "ask",
        "type": "limit",
        "status": state.status,
        "yes_price_dollars": price_text(state.price),
        "no_price_dollars": price_text(PRICE_DOLLAR - state.price),
        "fill_count_fp": count_text(state.filled),
        "remaining_count_fp": count_text(state.remaining),
        "initial_count_fp": count_text(state.initial),
        "taker_fill_cost_dollars": money_text(state.taker_cost),
        "maker_fill_cost_dollars": money_text(state.maker_cost),
        "taker_fees_dollars": money_text(state.taker_fees),
        "maker_fees_dollars": money_text(state.maker_fees),
        "expiration_time": iso(state.expires_ns) if state.expires_ns else None,
        "created_time": iso(state.created_ns),
        "last_update_time": iso(state.updated_ns),
        "self_trade_prevention_type": order.self_trade,
        "order_group_id": ids.text("group", order.group) if order.group else None,
        "cancel_order_on_pause": order.is_cancelled_on_pause,
        "subaccount_number": order.subaccount,
        "exchange_index": state.shard,
    }


def created_shape(ids: Ids, state: OrderState) -> Shape:
    """The answer to a new order."""
    shape: Shape = {
        "order_id": ids.text("order", state.number),
        "client_order_id": state.order.client_id,
        "fill_count": count_text(state.filled),
        "remaining_count": count_text(state.remaining),
        "ts_ms": millis(state.updated_ns),
    }
    if state.filled:
        cost, fees = state.taker_cost + state.maker_cost, state.taker_fees + state.maker_fees
        shape |= _averages(state.order.is_bid, cost, fees, state.filled)
    return shape


def cancelled_shape(ids: Ids, state: OrderState, reduced_by: int) -> Shape:
    """The answer to a cancel."""
    return {
        "order_id": ids.text("order", state.number),
        "client_order_id": state.client_id or state.order.client_id,
        "reduced_by": count_text(reduced_by),
        "ts_ms": millis(state.updated_ns),
    }


def amended_shape(ids: Ids, amended: Amended, now_ns: int) -> Shape:
    """The answer to an amend: null where it changed nothing."""
    state = amended.state
    shape: Shape = {
        "order_id": ids.text("order", state.number),
        "client_order_id": state.client_id or state.order.client_id,
        "remaining_count": None if amended.remaining is None else count_text(amended.remaining),
        "fill_count": None if amended.filled is None else count_text(amended.filled),
        "average_fill_price": None,
        "average_fee_paid": None,
        "ts_ms": millis(now_ns),
    }
    if amended.filled:
        shape |= _averages(state.order.is_bid, amended.cost, amended.fees, amended.filled)
    return shape


def decreased_shape(ids: Ids, state: OrderState) -> Shape:
    """The answer to a decrease."""
    return {
        "order_id": ids.text("order", state.number),
        "client_order_id": state.client_id or state.order.client_id,
        "remaining_count": count_text(state.remaining),
        "ts_ms": millis(state.updated_ns),
    }


def _averages(is_bid: bool, cost: int, fees: int, filled: int) -> Shape:
    in_yes = cost if is_bid else PRICE_DOLLAR * filled - cost
    return {"average_fill_price": mean_price(in_yes, filled), "average_fee_paid": mean_price(fees, filled)}


def fill_shape(ids: Ids, fill: FillRow) -> Shape:
    """A fill. The old pair of `action` and `side` says "sell no" of a NO that was bought, as at the real exchange."""
    return {
        "fill_id": fill.trade_id,
        "trade_id": fill.trade_id,
        "order_id": ids.text("order", fill.order),
        "ticker": fill.ticker,
        "market_ticker": fill.ticker,
        "exchange_index": fill.shard,
        "outcome_side": "yes" if fill.is_bid else "no",
        "book_side": "bid" if fill.is_bid else "ask",
        "action": "buy" if fill.is_bid else "sell",
        "side": "yes" if fill.is_bid else "no",
        "count_fp": count_text(fill.count),
        "yes_price_dollars": price_text(fill.price),
        "no_price_dollars": price_text(PRICE_DOLLAR - fill.price),
        "is_taker": fill.is_taker,
        "fee_cost": money_text(fill.fee),
        "created_time": iso(fill.at_ns),
        "ts": seconds(fill.at_ns),
        "subaccount_number": fill.subaccount,
    }


def position_shape(row: PositionRow) -> Shape:
    """What is held in one market."""
    return {
        "ticker": row.ticker,
        "exchange_index": row.shard,
        "position_fp": count_text(row.count),
        "total_traded_dollars": dollars(row.turnover),
        "market_exposure_dollars": dollars(row.cost),
        "realized_pnl_dollars": dollars(row.realised),
        "fees_paid_dollars": dollars(row.fees),
        "last_updated_ts": iso(row.updated_ns),
    }


def event_position_shape(event_ticker: str, rows: Iterable[PositionRow]) -> Shape:
    """What is held in one event: the sum over its markets."""
    held = list(rows)
    return {
        "event_ticker": event_ticker,
        "total_cost_dollars": dollars(sum(row.turnover for row in held)),
        "total_cost_shares_fp": count_text(sum(row.traded for row in held)),
        "event_exposure_dollars": dollars(sum(row.cost for row in held)),
        "realized_pnl_dollars": dollars(sum(row.realised for row in held)),
        "fees_paid_dollars": dollars(sum(row.fees for row in held)),
    }


def settlement_shape(row: SettlementRow, market: HouseMarket | None) -> Shape:
    """What a settlement paid. Cents are whole, so fractions of a contract may not show in them."""
    yes, no = max(row.count, 0), max(-row.count, 0)
    return {
        "ticker": row.ticker,
        "exchange_index": row.shard,
        "event_ticker": market.event_ticker if market else row.ticker.rpartition("-")[0],
        "market_result": row.result,
        "yes_count_fp": count_text(yes),
        "yes_total_cost_dollars": dollars(row.cost if yes else 0),
        "no_count_fp": count_text(no),
        "no_total_cost_dollars": dollars(row.cost if no else 0),
        "revenue": cents(row.payout),
        "value": row.yes_pays // PRICE_CENT,
        "fee_cost": dollars(row.fees),
        "settled_time": iso(row.at_ns),
    }


def transfer_shape(transfer: Transfer) -> Shape:
    """Money between shards. One that failed stays pending here: the exchange knows no other word for it."""
    shape: Shape = {
        "transfer_id": transfer.transfer_id,
        "source": "event_contract",
        "destination": "event_contract",
        "source_exchange_shard": transfer.source,
        "destination_exchange_shard": transfer.destination,
        "amount": dollars(transfer.money),
        "status": "complete" if transfer.status == "completed" else "pending",
        "created_ts": seconds(transfer.created_ns),
    }
    return shape | {"client_transfer_id": transfer.client_id} if transfer.client_id else shape


def subaccount_transfer_shape(transfer: Transfer) -> Shape:
    """Money between pockets."""
    return {
        "transfer_id": transfer.transfer_id,
        "from_subaccount": transfer.source,
        "to_subaccount": transfer.destination,
        "amount_cents": cents(transfer.money),
        "created_ts": seconds(transfer.created_ns),
        "exchange_index": transfer.shard,
    }


def group_shape(ids: Ids, group: GroupState, *, with_orders: bool = False) -> Shape:
    """An order group, in a list or alone."""
    shape: Shape = {
        "contracts_limit_fp": count_text(group.limit),
        "is_auto_cancel_enabled": True,
        "exchange_index": group.shard,
    }
    if with_orders:
        return shape | {"orders": [ids.text("order", number) for number in group.orders]}
    return shape | {"id": ids.text("group", group.group)}
