"""What the exchange says of itself, its series, events and markets. Only what is needed must be there; the rest may be
missing or null, unknown fields and words are let through. Prices, counts and money are exact integers, times UTC ns."""

from decimal import Decimal
from typing import Any

import msgspec

from markets.kalshi.wire.numbers import CountText, Iso, Ladder, MoneyText, PriceText, Text


class ShardState(msgspec.Struct, frozen=True, gc=False):
    """What one shard of the exchange does now."""

    shard: int = msgspec.field(name="exchange_index")
    exchange_active: bool
    trading_active: bool
    transfers_active: bool = msgspec.field(name="intra_exchange_transfers_active", default=True)
    description: Text = ""


class ExchangeState(msgspec.Struct, frozen=True, gc=False):
    """Whether the exchange is open: the fields here are those of shard 0, `of(shard)` of any."""

    exchange_active: bool
    trading_active: bool
    transfers_active: bool = msgspec.field(name="intra_exchange_transfers_active", default=True)
    resumes_ns: Iso | None = msgspec.field(name="exchange_estimated_resume_time", default=None)
    shards: tuple[ShardState, ...] | None = msgspec.field(name="exchange_index_statuses", default=None)

    def of(self, shard: int) -> ShardState | None:
        """The state of one shard; None when the exchange does not name it."""
        for state in self.shards or ():
            if state.shard == shard:
                return state
        if shard == 0:
            return ShardState(0, self.exchange_active, self.trading_active, self.transfers_active)
        return None


class Session(msgspec.Struct, frozen=True, gc=False):
    """Trading hours of a day, "HH:MM" in New York."""

    opens: str = msgspec.field(name="open_time")
    closes: str = msgspec.field(name="close_time")


class Week(msgspec.Struct, frozen=True, gc=False):
    """The hours of each day, while this week is in force."""

    start_ns: Iso = msgspec.field(name="start_time")
    end_ns: Iso = msgspec.field(name="end_time")
    monday: tuple[Session, ...] | None = None
    tuesday: tuple[Session, ...] | None = None
    wednesday: tuple[Session, ...] | None = None
    thursday: tuple[Session, ...] | None = None
    friday: tuple[Session, ...] | None = None
    saturday: tuple[Session, ...] | None = None
    sunday: tuple[Session, ...] | None = None


class Maintenance(msgspec.Struct, frozen=True, gc=False):
    """A time without trading."""

    start_ns: Iso = msgspec.field(name="start_datetime")
    end_ns: Iso = msgspec.field(name="end_datetime")


class Schedule(msgspec.Struct, frozen=True, gc=False):
    """When the exchange is open."""

    weeks: tuple[Week, ...] | None = msgspec.field(name="standard_hours", default=None)
    maintenance: tuple[Maintenance, ...] | None = msgspec.field(name="maintenance_windows", default=None)


class WireSeries(msgspec.Struct, frozen=True, gc=False):
    """A series. `fee_multiplier` is relative: 1 is the usual rate."""

    ticker: str
    fee_type: str
    fee_multiplier: Decimal
    title: Text = ""
    frequency: Text = ""
    category: Text = ""
    categories: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    settlement_sources: tuple[dict[str, Any], ...] | None = None
    contract_url: Text = ""
    contract_terms_url: Text = ""
    volume: CountText | None = msgspec.field(name="volume_fp", default=None)
    updated_ns: Iso | None = msgspec.field(name="last_updated_ts", default=None)
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class FeeChange(msgspec.Struct, frozen=True, gc=False):
    """The fee of a series from a time on."""

    series_ticker: str
    fee_type: str
    fee_multiplier: Decimal
    at_ns: Iso = msgspec.field(name="scheduled_ts")
    id: Text = ""


class EventFeeChange(msgspec.Struct, frozen=True, gc=False):
    """The fee of one event from a time on; None is that of its series."""

    event_ticker: str
    at_ns: Iso = msgspec.field(name="scheduled_ts")
    series_ticker: Text = ""
    fee_type: str | None = msgspec.field(name="fee_type_override", default=None)
    fee_multiplier: Decimal | None = msgspec.field(name="fee_multiplier_override", default=None)
    id: Text = ""


class PriceRange(msgspec.Struct, frozen=True, gc=False):
    """Between two prices they move by `step`; all in dollars, as written."""

    start: str
    end: str
    step: str


class WireMarket(msgspec.Struct, frozen=True, gc=False):
    """A market. A `yes_bid` of 0 or a `yes_ask` of 10000 means none; `strike` is None until the exchange has written it.

    `status` is the exchange's word: initialized, active, inactive, closed, determined, disputed, amended, finalized.
    `yes_pays` is what one YES contract is paid, known with the `result`. `expected_expiration_ns` is not the close.
    """

    ticker: str
    event_ticker: str
    status: str
    open_ns: Iso = msgspec.field(name="open_time")
    close_ns: Iso = msgspec.field(name="close_time")
    market_type: Text = ""
    title: Text = ""
    yes_sub_title: Text = ""
    no_sub_title: Text = ""
    created_ns: Iso | None = msgspec.field(name="created_time", default=None)
    updated_ns: Iso | None = msgspec.field(name="updated_time", default=None)
    expected_expiration_ns: Iso | None = msgspec.field(name="expected_expiration_time", default=None)
    settlement_timer_s: int | None = msgspec.field(name="settlement_timer_seconds", default=None)
    can_close_early: bool | None = None
    yes_bid: PriceText | None = msgspec.field(name="yes_bid_dollars", default=None)
    yes_ask: PriceText | None = msgspec.field(name="yes_ask_dollars", default=None)
    yes_bid_count: CountText | None = msgspec.field(name="yes_bid_size_fp", default=None)
    yes_ask_count: CountText | None = msgspec.field(name="yes_ask_size_fp", default=None)
    last_price: PriceText | None = msgspec.field(name="last_price_dollars", default=None)
    volume: CountText | None = msgspec.field(name="volume_fp", default=None)
    open_interest: CountText | None = msgspec.field(name="open_interest_fp", default=None)
    notional: MoneyText | None = msgspec.field(name="notional_value_dollars", default=None)
    result: Text = ""
    yes_pays: PriceText | None = msgspec.field(name="settlement_value_dollars", default=None)
    settled_ns: Iso | None = msgspec.field(name="settlement_ts", default=None)
    settlement_bounds: Text = msgspec.field(name="settlement_bounds_type", default="")
    expiration_value: Text = ""
    strike_type: Text = ""
    strike: Decimal | None = msgspec.field(name="floor_strike", default=None)
    cap_strike: Decimal | None = None
    custom_strike: dict[str, Any] | None = None
    rules_primary: Text = ""
    rules_secondary: Text = ""
    price_level_structure: Text = ""
    price_ranges: tuple[PriceRange, ...] | None = None
    fee_waiver_ends_ns: Iso | None = msgspec.field(name="fee_waiver_expiration_time", default=None)
    is_provisional: bool | None = None
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class WireEvent(msgspec.Struct, frozen=True, gc=False):
    """An event: for our series, the frame of exactly one market. `markets` only where they were asked for."""

    event_ticker: str
    series_ticker: str
    title: Text = ""
    sub_title: Text = ""
    collateral_return_type: Text = ""
    mutually_exclusive: bool | None = None
    strike_ns: Iso | None = msgspec.field(name="strike_date", default=None)
    fee_type_override: str | None = None
    fee_multiplier_override: Decimal | None = None
    markets: tuple[WireMarket, ...] | None = None
    shard: int | None = msgspec.field(name="exchange_index", default=None)


class BookPage(msgspec.Struct, frozen=True, gc=False):
    """All resting bids of a market, (price, count), each side in its own price terms, the best last.

    A ticker that is unknown or over gives an empty book: that a market trades is not to be read from here.
    """

    yes: Ladder = msgspec.field(name="yes_dollars", default=())
    no: Ladder = msgspec.field(name="no_dollars", default=())


class Quotes(msgspec.Struct, frozen=True, gc=False):
    """How a quote moved within a candle."""

    open: PriceText
    low: PriceText
    high: PriceText
    close: PriceText


class Prices(msgspec.Struct, frozen=True, gc=False):
    """What was traded within a candle; None without trades. `mean` has as many digits as the exchange gives."""

    open: PriceText | None = None
    low: PriceText | None = None
    high: PriceText | None = None
    close: PriceText | None = None
    mean: Decimal | None = None
    previous: PriceText | None = None


class Candle(msgspec.Struct, frozen=True, gc=False):
    """One candlestick. `end_ns` is its last moment, and belongs to it."""

    end_ns: int
    yes_bid: Quotes
    yes_ask: Quotes
    price: Prices
    volume: int
    open_interest: int


class WireTrade(msgspec.Struct, frozen=True, gc=False):
    """A public trade at its YES price. `taker_side` is the outcome that the taker bought: "yes" or "no"."""

    trade_id: str
    ticker: str
    price: PriceText = msgspec.field(name="yes_price_dollars")
    count: CountText = msgspec.field(name="count_fp")
    taker_side: str = msgspec.field(name="taker_outcome_side")
    created_ns: Iso = msgspec.field(name="created_time")
    is_block_trade: bool | None = None


class Cutoff(msgspec.Struct, frozen=True, gc=False):
    """Where the live pages end: what is older is only in the historical ones."""

    market_settled_ns: Iso = msgspec.field(name="market_settled_ts")
    trades_created_ns: Iso = msgspec.field(name="trades_created_ts")
    orders_updated_ns: Iso = msgspec.field(name="orders_updated_ts")
    positions_updated_ns: Iso | None = msgspec.field(name="market_positions_last_updated_ts", default=None)


class Freshness(msgspec.Struct, frozen=True, gc=False):
    """Up to when reads of balance, orders, fills and positions are complete."""

    as_of_ns: Iso = msgspec.field(name="as_of_time")
