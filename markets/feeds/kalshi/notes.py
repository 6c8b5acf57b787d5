"""Notes: what the exchange's WebSocket says that is no market event: our fills, orders and positions, the life of a market,
fees, order groups, and which indices there are. In our units: Price, Count, Money, ns since 1970, YES terms.
"""

import msgspec

from markets.core.contract import PriceBand


class _Note(msgspec.Struct, frozen=True, gc=False, kw_only=True, tag=True):
    """`received_ns`: when the frame came. `venue_ns`: the exchange's own time, 0 where it tells none."""

    received_ns: int
    venue_ns: int = 0


class FillNote(_Note, frozen=True):
    """One of our fills. The same fill may come twice, here and over REST: `trade_id` tells."""

    trade_id: str
    order_id: str
    ticker: str
    is_bid: bool  # whether YES was bought
    price: int  # of YES
    count: int
    is_taker: bool
    fee: int  # Money
    client_order_id: str = ""
    position: int | None = None  # signed, after this fill
    shard: int = 0
    subaccount: int = 0


class OrderNote(_Note, frozen=True):
    """One of our orders as it is now. `status` is the exchange's word: resting, canceled, executed, unknown, or a new one.
    `reason` of the last change: Trade, Amend, Decrease, ExpiryCancel, CloseCancel … or empty."""

    order_id: str
    ticker: str
    status: str
    is_bid: bool
    price: int
    filled: int
    remaining: int
    initial: int
    taker_cost: int = 0  # Money, as the three that follow
    maker_cost: int = 0
    taker_fees: int = 0
    maker_fees: int = 0
    reason: str = ""
    client_order_id: str = ""
    group_id: str = ""
    shard: int = 0
    subaccount: int = 0
    created_ns: int = 0
    expires_ns: int = 0


class PositionNote(_Note, frozen=True):
    """Our position in one market; everything but the counts is Money."""

    ticker: str
    position: int  # Count, signed: YES above zero
    cost: int
    realized: int
    fees: int
    open_fees: int  # paid for what is still held
    volume: int
    subaccount: int = 0


class LifecycleNote(_Note, frozen=True):
    """Something happened to a market; what is not told is None, or empty.

    `event_type` is the exchange's word: created, activated, deactivated, close_date_updated, determined, settled,
    price_level_structure_updated, metadata_updated, or a new one. Nothing is said when a market opens or closes.
    """

    event_type: str
    ticker: str
    event_ticker: str = ""
    shard: int | None = None
    open_ns: int | None = None
    close_ns: int | None = None
    determined_ns: int | None = None
    settled_ns: int | None = None
    result: str = ""
    yes_pays: int | None = None  # a Price: what a YES contract is worth
    is_deactivated: bool | None = None
    strike: float | None = None  # floor_strike
    strike_type: str = ""
    round_digits: str = ""  # of custom_strike
    subtitle: str = ""  # "Target Price: $95,012.34"
    rules: str = ""  # rules_primary
    grid_name: str = ""  # price_level_structure
    grid: tuple[PriceBand, ...] = ()


class EventNote(_Note, frozen=True):
    """A new event (the parent of a market) is there."""

    event_ticker: str
    series: str
    shard: int | None = None
    title: str = ""


class FeeNote(_Note, frozen=True):
    """The fees of one event were overridden; None and None: they are the series' own again."""

    event_ticker: str
    fee_type: str | None
    multiplier: float | None


class GroupNote(_Note, frozen=True):
    """An order group was created, triggered, reset, deleted, or limited anew (`limit` is a Count, where told)."""

    event_type: str
    group_id: str
    limit: int | None = None


class IndexList(_Note, frozen=True):
    """Which indices the exchange's channel has; `missing` are those of ours that it has not. Empty `available` with a
    `reason`: the channel is not for us, and everything else goes on without it."""

    available: tuple[str, ...]
    missing: tuple[str, ...] = ()
    reason: str = ""


class MissedNote(_Note, frozen=True):
    """Something of this channel was, or may have been, missed: what it is about is to be read anew over REST."""

    channel: str
    reason: str


Note = FillNote | OrderNote | PositionNote | LifecycleNote | EventNote | FeeNote | GroupNote | IndexList | MissedNote
