"""News of the simulated exchange: what its listeners hear beside the happenings of the matching exchange."""

from typing import Literal

import msgspec

from trading.core.matching.messages import Happening
from trading.simulator.exchange.house_rows import TradeRow

LifecycleType = Literal[
    "created",
    "activated",
    "deactivated",
    "close_date_updated",
    "determined",
    "settled",
    "price_level_structure_updated",
    "metadata_updated",
]


class Lifecycle(msgspec.Struct, frozen=True, gc=False):
    """A market's life went on; the market itself says how it is now."""

    at_ns: int
    ticker: str
    event_type: LifecycleType


class FeeOverride(msgspec.Struct, frozen=True, gc=False):
    """The fees of one event differ from its series' from now on; None: no more."""

    at_ns: int
    event_ticker: str
    fee_type: str | None
    fee_multiplier: float | None


class Printed(msgspec.Struct, frozen=True, gc=False):
    """A public trade."""

    at_ns: int
    trade: TradeRow


class TickerChanged(msgspec.Struct, frozen=True, gc=False):
    """Something of what the ticker channel says of this market has changed."""

    at_ns: int
    ticker: str


class Average(msgspec.Struct, frozen=True, gc=False):
    """The mean of `samples` index values, as the exchange writes it."""

    value: str
    samples: int
    start_ms: int
    end_ms: int


class IndexTick(msgspec.Struct, frozen=True, gc=False):
    """One value of an index. `last_minute` only in the minute before a quarter hour."""

    at_ns: int
    index_id: str
    source_ms: int
    value: str
    trailing: Average
    last_minute: Average | None


News = Happening | Lifecycle | FeeOverride | Printed | TickerChanged | IndexTick
