"""What the exchange says of our account: limits, cash, orders, fills, positions, settlements, and what became of a write.

Money, counts and prices are exact integers, times UTC ns; what is missing or unknown is None or ""."""

from typing import NamedTuple

import msgspec

from markets.kalshi.wire.numbers import CentPrice, Cents, CountText, Iso, Millis, MoneyText, PriceText, Seconds, Text


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """Tokens a second, and how many lie ready at most."""

    refill_rate: int
    bucket_capacity: int


class Grant(msgspec.Struct, frozen=True, gc=False):
    """Why the account has the limits that it has."""

    level: Text = ""
    exchange_instance: Text = ""
    source: Text = ""
    expires_ns: Seconds | None = msgspec.field(name="expires_ts", default=None)


class AccountLimits(msgspec.Struct, frozen=True, gc=False):
    """How often the account may call."""

    read: Bucket
    write: Bucket
    usage_tier: Text = ""
    grants: tuple[Grant, ...] | None = None


class EndpointCost(msgspec.Struct, frozen=True, gc=False):
    """What a call costs that does not cost the default."""

    method: str
    path: str
    cost: int


class EndpointCosts(msgspec.Struct, frozen=True, gc=False):
    """What calls cost, in tokens."""

    default_cost: int
    endpoint_costs: tuple[EndpointCost, ...] | None


class Balance(msgspec.Struct, frozen=True, gc=False):
    """Money: `cash` over all shards (or of the one asked for), and what lies on each: an order needs it on its own."""

    cash: int
    portfolio_value: int
    by_shard: dict[int, int]
    updated_ns: int = 0


class WirePosition(msgspec.Struct, frozen=True, gc=False):
    """What is held in a market: + YES, - NO. Reads lag fills by about a second."""

    ticker: str
    count: CountText = msgspec.field(name="position_fp")
    traded: MoneyText | None = msgspec.field(name="total_traded_dollars", default=None)
    exposure: MoneyText | None = msgspec.field(name="market_exposure_dollars", default=None)
    realised: MoneyText | None = msgspec.field(name="realized_pnl_dollars", default=None)
    fees: MoneyText | None = msgspec.field(name="fees_paid_dollars", default=None)
    updated_ns: Iso | None = msgspec.field(name="last_updated_ts", default=None)
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class WireFill(msgspec.Struct, frozen=True, gc=False):
    """One fill at its YES price; `trade_id` tells it from all others. `book_side` "bid" bought YES, "ask" sold YES.
    Which order of ours it belongs to is known by `order_id` only."""

    trade_id: str
    order_id: str
    ticker: str
    book_side: str
    price: PriceText = msgspec.field(name="yes_price_dollars")
    count: CountText = msgspec.field(name="count_fp")
    is_taker: bool
    fee: MoneyText = msgspec.field(name="fee_cost")
    created_ns: Iso | None = msgspec.field(name="created_time", default=None)
    at_ns: Seconds | None = msgspec.field(name="ts", default=None)
    outcome_side: Text = ""
    shard: int | None = msgspec.field(name="exchange_index", default=None)
    subaccount: int | None = msgspec.field(name="subaccount_number", default=None)

    @property
    def is_bid(self) -> bool:
        """Whether YES was bought."""
        return self.book_side == "bid"


class WireSettlement(msgspec.Struct, frozen=True, gc=False):
    """How a market was settled for us. `revenue` is the payout in whole cents: with fractional holdings only
    count x `yes_pays` is exact. `fees` repeats the fees of the fills."""

    ticker: str
    result: str = msgspec.field(name="market_result")
    yes_count: CountText = msgspec.field(name="yes_count_fp")
    no_count: CountText = msgspec.field(name="no_count_fp")
    revenue: Cents
    yes_cost: MoneyText | None = msgspec.field(name="yes_total_cost_dollars", default=None)
    no_cost: MoneyText | None = msgspec.field(name="no_total_cost_dollars", default=None)
    yes_pays: CentPrice | None = msgspec.field(name="value", default=None)
    fees: MoneyText | None = msgspec.field(name="fee_cost", default=None)
    settled_ns: Iso | None = msgspec.field(name="settled_time", default=None)
    event_ticker: Text = ""
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class WireOrder(msgspec.Struct, frozen=True, gc=False):
    """An order. `status`: resting (may be partly filled), canceled (may have fills: see `filled`), executed (all filled)."""

    order_id: str
    ticker: str
    status: str
    book_side: str
    price: PriceText = msgspec.field(name="yes_price_dollars")
    filled: CountText = msgspec.field(name="fill_count_fp")
    remaining: CountText = msgspec.field(name="remaining_count_fp")
    initial: CountText = msgspec.field(name="initial_count_fp")
    client_order_id: Text = ""
    outcome_side: Text = ""
    taker_cost: MoneyText | None = msgspec.field(name="taker_fill_cost_dollars", default=None)
    maker_cost: MoneyText | None = msgspec.field(name="maker_fill_cost_dollars", default=None)
    taker_fees: MoneyText | None = msgspec.field(name="taker_fees_dollars", default=None)
    maker_fees: MoneyText | None = msgspec.field(name="maker_fees_dollars", default=None)
    expires_ns: Iso | None = msgspec.field(name="expiration_time", default=None)
    created_ns: Iso | None = msgspec.field(name="created_time", default=None)
    updated_ns: Iso | None = msgspec.field(name="last_update_time", default=None)
    self_trade: Text = msgspec.field(name="self_trade_prevention_type", default="")
    group_id: Text = msgspec.field(name="order_group_id", default="")
    is_cancelled_on_pause: bool | None = msgspec.field(name="cancel_order_on_pause", default=None)
    subaccount: int | None = msgspec.field(name="subaccount_number", default=None)
    shard: int | None = msgspec.field(name="exchange_index", default=None)

    @property
    def is_bid(self) -> bool:
        """Whether it buys YES."""
        return self.book_side == "bid"


class QueuePosition(msgspec.Struct, frozen=True, gc=False):
    """How many contracts wait before the order."""

    order_id: str
    ahead: CountText = msgspec.field(name="queue_position_fp")
    ticker: Text = msgspec.field(name="market_ticker", default="")


class Group(msgspec.Struct, frozen=True, gc=False):
    """An order group: at most `limit` contracts within 15 seconds, None where the exchange does not tell."""

    group_id: str
    is_enabled: bool
    limit: int | None = None
    shard: int | None = None
    orders: tuple[str, ...] = ()


class GroupMade(msgspec.Struct, frozen=True, gc=False):
    """An order group that was made."""

    group_id: str = msgspec.field(name="order_group_id")
    subaccount: int | None = None
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class TransferMade(msgspec.Struct, frozen=True, gc=False):
    """A transfer that was accepted; it is done later."""

    transfer_id: str


class TransferState(msgspec.Struct, frozen=True, gc=False):
    """How far a transfer is: "pending" or "complete"."""

    transfer_id: str
    status: str
    from_shard: int = msgspec.field(name="source_exchange_shard")
    to_shard: int = msgspec.field(name="destination_exchange_shard")
    amount: MoneyText
    client_transfer_id: Text = ""
    created_ns: Seconds | None = msgspec.field(name="created_ts", default=None)


class Created(msgspec.Struct, frozen=True, gc=False):
    """An order that was accepted: what of it was filled at once, and what rests. The averages are of one contract, in
    Money, and only there with fills; what was paid is told by the fills."""

    order_id: str
    filled: CountText = msgspec.field(name="fill_count")
    remaining: CountText = msgspec.field(name="remaining_count")
    client_order_id: Text = ""
    average_price: MoneyText | None = msgspec.field(name="average_fill_price", default=None)
    average_fee: MoneyText | None = msgspec.field(name="average_fee_paid", default=None)
    at_ns: Millis | None = msgspec.field(name="ts_ms", default=None)


class Cancelled(msgspec.Struct, frozen=True, gc=False):
    """An order that was taken back: `reduced_by` was still resting. Less than expected means that fills came first."""

    order_id: str
    reduced_by: CountText
    client_order_id: Text = ""
    at_ns: Millis | None = msgspec.field(name="ts_ms", default=None)


class Amended(msgspec.Struct, frozen=True, gc=False):
    """An order that was amended. None means that this did not change, not that it is 0."""

    order_id: str
    client_order_id: Text = ""
    remaining: CountText | None = msgspec.field(name="remaining_count", default=None)
    filled: CountText | None = msgspec.field(name="fill_count", default=None)
    average_price: MoneyText | None = msgspec.field(name="average_fill_price", default=None)
    average_fee: MoneyText | None = msgspec.field(name="average_fee_paid", default=None)
    at_ns: Millis | None = msgspec.field(name="ts_ms", default=None)


class Decreased(msgspec.Struct, frozen=True, gc=False):
    """An order that was made smaller, and what of it rests."""

    order_id: str
    remaining: CountText = msgspec.field(name="remaining_count")
    client_order_id: Text = ""
    at_ns: Millis | None = msgspec.field(name="ts_ms", default=None)


class ItemRefused(NamedTuple):
    """One of a batch that was not done. `is_unknown`: the exchange does not know whether it was."""

    code: str
    message: str
    details: str = ""
    order_id: str = ""
    client_order_id: str = ""
    is_unknown: bool = False
