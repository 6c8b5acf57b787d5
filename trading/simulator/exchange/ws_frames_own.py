"""What the WebSocket says to a member alone: fills, orders, positions, order groups."""

from markets.core.units import count_text, money_text
from trading.core.matching.messages import Filled, GroupChanged, OrderState, PositionChanged
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_rows import Account, PositionRow
from trading.simulator.exchange.shapes import millis, seconds
from trading.simulator.exchange.ws_frames import PRICES, Body, encode, iso_ms

REASONS = frozenset(
    {
        "Decrease",
        "Amend",
        "SelfTradeCancel",
        "ExpiryCancel",
        "CloseCancel",
        "HaltCancel",
        "Trade",
        "PostOnlyCrossCancel",
        "ReduceOnlyCancel",
    }
)  # the others are no words of the channel's


def fill(ids: Ids, one: Filled, client_id: str, shard: int) -> bytes:
    """One side of a trade, for its owner. What was sold is said as the other side bought, as at the real exchange."""
    side = "yes" if one.is_bid else "no"
    body: Body = {
        "trade_id": ids.text("trade", one.trade),
        "order_id": ids.text("order", one.order),
        "market_ticker": one.ticker,
        "exchange_index": shard,
        "is_taker": one.is_taker,
        "side": side,
        "outcome_side": side,
        "purchased_side": side,
        "book_side": "bid" if one.is_bid else "ask",
        "action": "buy" if one.is_bid else "sell",
        "yes_price_dollars": PRICES[one.price],
        "count_fp": count_text(one.count),
        "fee_cost": money_text(one.fee),
        "post_position_fp": count_text(one.position_after),
        "ts": seconds(one.at_ns),
        "ts_ms": millis(one.at_ns),
        "subaccount": one.subaccount,
    }
    if client_id:
        body["client_order_id"] = client_id
    return encode(body)


def user_order(ids: Ids, account: Account, state: OrderState) -> bytes:
    """An order as it is now, for its owner."""
    order = state.order
    side = "yes" if order.is_bid else "no"
    body: Body = {
        "order_id": ids.text("order", state.number),
        "user_id": account.user_id,
        "ticker": order.ticker,
        "exchange_index": state.shard,
        "status": state.status,
        "side": side,
        "outcome_side": side,
        "is_yes": order.is_bid,
        "book_side": "bid" if order.is_bid else "ask",
        "yes_price_dollars": PRICES[state.price],
        "fill_count_fp": count_text(state.filled),
        "remaining_count_fp": count_text(state.remaining),
        "initial_count_fp": count_text(state.initial),
        "taker_fill_cost_dollars": money_text(state.taker_cost),
        "maker_fill_cost_dollars": money_text(state.maker_cost),
        "taker_fees_dollars": money_text(state.taker_fees),
        "maker_fees_dollars": money_text(state.maker_fees),
        "client_order_id": state.client_id or order.client_id,
        "self_trade_prevention_type": order.self_trade,
        "created_time": iso_ms(state.created_ns),
        "created_ts_ms": millis(state.created_ns),
        "last_update_time": iso_ms(state.updated_ns),
        "last_updated_ts_ms": millis(state.updated_ns),
        "subaccount_number": order.subaccount,
    }
    if order.group:
        body["order_group_id"] = ids.text("group", order.group)
    if state.expires_ns:
        body |= {"expiration_time": iso_ms(state.expires_ns), "expiration_ts_ms": millis(state.expires_ns)}
    if state.cause in REASONS:
        body["last_update_reason"] = state.cause
    return encode(body)


def position(account: Account, one: PositionChanged | PositionRow) -> bytes:
    """What is held in a market, for its owner."""
    return encode(
        {
            "user_id": account.user_id,
            "market_ticker": one.ticker,
            "position_fp": count_text(one.count),
            "position_cost_dollars": money_text(one.cost),
            "realized_pnl_dollars": money_text(one.realised),
            "fees_paid_dollars": money_text(one.fees),
            "position_fee_cost_dollars": money_text(one.fees if one.count else 0),
            "volume_fp": count_text(one.traded),
            "subaccount": one.subaccount,
        }
    )


def group(ids: Ids, one: GroupChanged) -> bytes:
    """An order group's news."""
    body: Body = {"event_type": one.what, "order_group_id": ids.text("group", one.group), "ts_ms": millis(one.at_ns)}
    if one.what in ("created", "limit_updated"):
        body["contracts_limit_fp"] = count_text(one.limit)
    return encode(body)
