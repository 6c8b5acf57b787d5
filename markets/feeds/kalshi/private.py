"""What the exchange's WebSocket says of our own account: frames to notes."""

import msgspec

from markets.core.units import MILLISECOND_NS, count_from_text, money_from_text
from markets.feeds.kalshi.commands import FILLS, GROUPS, ORDERS, POSITIONS
from markets.feeds.kalshi.frames import COUNTS, PRICES, BookSide, Side
from markets.feeds.kalshi.notes import FillNote, GroupNote, Note, OrderNote, PositionNote
from markets.feeds.shape import Fields, fields_of

CHANNEL_OF = {
    "fill": FILLS,
    "user_order": ORDERS,
    "market_position": POSITIONS,
    "order_group_updates": GROUPS,
}


class FillMsg(msgspec.Struct, gc=False):
    """One of our fills. Only the YES price is told, whichever side it was."""

    trade_id: str
    order_id: str
    market_ticker: str
    is_taker: bool
    yes_price_dollars: str
    count_fp: str
    fee_cost: str
    outcome_side: Side | None = None
    book_side: BookSide | None = None
    client_order_id: str | None = None
    post_position_fp: str | None = None
    exchange_index: int | None = 0
    subaccount: int | None = 0
    ts_ms: int | None = 0


class OrderMsg(msgspec.Struct, gc=False):
    """One of our orders. The market is called `ticker` here, and nowhere else."""

    order_id: str
    ticker: str
    status: str
    yes_price_dollars: str
    fill_count_fp: str
    remaining_count_fp: str
    initial_count_fp: str
    outcome_side: Side | None = None
    book_side: BookSide | None = None
    taker_fill_cost_dollars: str = "0"
    maker_fill_cost_dollars: str = "0"
    taker_fees_dollars: str = "0"
    maker_fees_dollars: str = "0"
    client_order_id: str | None = None
    order_group_id: str | None = None
    last_update_reason: str | None = None
    exchange_index: int | None = 0
    subaccount_number: int | None = 0
    created_ts_ms: int | None = 0
    last_updated_ts_ms: int | None = 0
    expiration_ts_ms: int | None = 0


class PositionMsg(msgspec.Struct, gc=False):
    """Our position in one market."""

    market_ticker: str
    position_fp: str
    position_cost_dollars: str
    realized_pnl_dollars: str
    fees_paid_dollars: str
    position_fee_cost_dollars: str
    volume_fp: str
    subaccount: int | None = 0


class GroupMsg(msgspec.Struct, gc=False):
    """Something happened to one of our order groups."""

    event_type: str
    order_group_id: str
    contracts_limit_fp: str | None = None
    ts_ms: int | None = 0


FIELDS: dict[str, Fields] = {
    "fill": fields_of(FillMsg, "side", "action", "purchased_side", "ts"),
    "user_order": fields_of(
        OrderMsg,
        *("user_id", "side", "is_yes", "self_trade_prevention_type"),
        *("created_time", "last_update_time", "expiration_time"),
    ),
    "market_position": fields_of(PositionMsg, "user_id"),
    "order_group_updates": fields_of(GroupMsg),
}
_decode_fill = msgspec.json.Decoder(FillMsg).decode
_decode_order = msgspec.json.Decoder(OrderMsg).decode
_decode_position = msgspec.json.Decoder(PositionMsg).decode
_decode_group = msgspec.json.Decoder(GroupMsg).decode


def read_private(kind: str, msg: msgspec.Raw, now_ns: int) -> Note:
    """A frame of this type (a key of CHANNEL_OF) as a note. Raises ValueError, of which msgspec's errors are some."""
    if kind == "fill":
        return _fill(_decode_fill(msg), now_ns)
    if kind == "user_order":
        return _order(_decode_order(msg), now_ns)
    if kind == "market_position":
        return _position(_decode_position(msg), now_ns)
    return _group(_decode_group(msg), now_ns)


def _fill(msg: FillMsg, now_ns: int) -> FillNote:
    return FillNote(
        received_ns=now_ns,
        venue_ns=_ns(msg.ts_ms),
        trade_id=msg.trade_id,
        order_id=msg.order_id,
        ticker=msg.market_ticker,
        is_bid=_is_bid(msg.book_side, msg.outcome_side),
        price=PRICES[msg.yes_price_dollars],
        count=COUNTS[msg.count_fp],
        is_taker=msg.is_taker,
        fee=money_from_text(msg.fee_cost),
        client_order_id=msg.client_order_id or "",
        position=count_from_text(msg.post_position_fp) if msg.post_position_fp else None,
        shard=msg.exchange_index or 0,
        subaccount=msg.subaccount or 0,
    )


def _order(msg: OrderMsg, now_ns: int) -> OrderNote:
    return OrderNote(
        received_ns=now_ns,
        venue_ns=_ns(msg.last_updated_ts_ms or msg.created_ts_ms),
        order_id=msg.order_id,
        ticker=msg.ticker,
        status=msg.status,
        is_bid=_is_bid(msg.book_side, msg.outcome_side),
        price=PRICES[msg.yes_price_dollars],
        filled=COUNTS[msg.fill_count_fp],
        remaining=COUNTS[msg.remaining_count_fp],
        initial=COUNTS[msg.initial_count_fp],
        taker_cost=money_from_text(msg.taker_fill_cost_dollars),
        maker_cost=money_from_text(msg.maker_fill_cost_dollars),
        taker_fees=money_from_text(msg.taker_fees_dollars),
        maker_fees=money_from_text(msg.maker_fees_dollars),
        reason=msg.last_update_reason or "",
        client_order_id=msg.client_order_id or "",
        group_id=msg.order_group_id or "",
        shard=msg.exchange_index or 0,
        subaccount=msg.subaccount_number or 0,
        created_ns=_ns(msg.created_ts_ms),
        expires_ns=_ns(msg.expiration_ts_ms),
    )


def _position(msg: PositionMsg, now_ns: int) -> PositionNote:
    return PositionNote(
        received_ns=now_ns,
        ticker=msg.market_ticker,
        position=count_from_text(msg.position_fp),
        cost=money_from_text(msg.position_cost_dollars),
        realized=money_from_text(msg.realized_pnl_dollars),
        fees=money_from_text(msg.fees_paid_dollars),
        open_fees=money_from_text(msg.position_fee_cost_dollars),
        volume=count_from_text(msg.volume_fp),
        subaccount=msg.subaccount or 0,
    )


def _group(msg: GroupMsg, now_ns: int) -> GroupNote:
    return GroupNote(
        received_ns=now_ns,
        venue_ns=_ns(msg.ts_ms),
        event_type=msg.event_type,
        group_id=msg.order_group_id,
        limit=count_from_text(msg.contracts_limit_fp) if msg.contracts_limit_fp else None,
    )


def _is_bid(book_side: BookSide | None, outcome_side: Side | None) -> bool:
    """Whether YES is bought; both words say the same."""
    if book_side is None and outcome_side is None:
        raise ValueError("neither book_side nor outcome_side says which way it went")
    if book_side is not None and outcome_side is not None and (book_side == "bid") != (outcome_side == "yes"):
        raise ValueError(f"book_side {book_side} and outcome_side {outcome_side} do not fit")
    return book_side == "bid" if book_side is not None else outcome_side == "yes"


def _ns(ms: int | None) -> int:
    return (ms or 0) * MILLISECOND_NS
