"""What the exchange's messages and notes say, as plain values of the core."""

from typing import cast

from markets.feeds.kalshi.notes import FillNote, OrderNote
from markets.kalshi.messages_account import WireFill, WireOrder, WirePosition, WireSettlement
from trading.core.venue import VenueFill, VenueOrder, VenuePosition, VenueSettlement, VenueStatus

STATUSES = frozenset({"resting", "canceled", "executed"})


def order_of(told: WireOrder) -> VenueOrder | None:
    """None for a status that nobody has heard of: it says nothing that can be relied on."""
    if told.status not in STATUSES:
        return None
    return VenueOrder(
        told.order_id,
        told.client_order_id,
        told.ticker,
        told.is_bid,
        told.price,
        cast(VenueStatus, told.status),
        told.filled,
        told.remaining,
        told.initial,
        told.created_ns or 0,
        told.updated_ns or 0,
        told.expires_ns or 0,
        "",
        told.group_id,
        told.shard or 0,
    )


def order_of_note(told: OrderNote) -> VenueOrder | None:
    """The same of what the socket says."""
    if told.status not in STATUSES:
        return None
    return VenueOrder(
        told.order_id,
        told.client_order_id,
        told.ticker,
        told.is_bid,
        told.price,
        cast(VenueStatus, told.status),
        told.filled,
        told.remaining,
        told.initial,
        told.created_ns,
        told.venue_ns,
        told.expires_ns,
        told.reason,
        told.group_id,
        told.shard,
    )


def fill_of(told: WireFill) -> VenueFill:
    """A fill over REST: it names its order by the exchange's id only."""
    return VenueFill(
        told.trade_id,
        told.order_id,
        told.ticker,
        told.is_bid,
        told.price,
        told.count,
        told.fee,
        told.is_taker,
        told.created_ns or told.at_ns or 0,
        "",
        told.shard or 0,
    )


def fill_of_note(told: FillNote) -> VenueFill:
    """The same of what the socket says."""
    return VenueFill(
        told.trade_id,
        told.order_id,
        told.ticker,
        told.is_bid,
        told.price,
        told.count,
        told.fee,
        told.is_taker,
        told.venue_ns or told.received_ns,
        told.client_order_id,
        told.shard,
    )


def position_of(told: WirePosition) -> VenuePosition:
    """A position."""
    return VenuePosition(told.ticker, told.count, told.realised, told.fees, told.exposure, told.shard or 0)


def settlement_of(told: WireSettlement) -> VenueSettlement:
    """A settlement. Its payout is in whole cents."""
    count = told.yes_count - told.no_count
    return VenueSettlement(
        told.ticker, told.result, told.yes_pays, count, told.revenue, told.settled_ns or 0, told.shard or 0
    )
