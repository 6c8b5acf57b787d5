"""Market events: what is listed, quoted, printed and settled, at the exchange and at spot venues; and which feed is lost."""

from typing import Literal

import msgspec

from markets.core.contract import Contract

Level = tuple[int, int]  # (price, count)
SpotLevel = tuple[float, float]  # (price, size)


class Message(msgspec.Struct, frozen=True, gc=False, tag=True, array_like=True):
    """One immutable fact. On a tape it is a JSON array that starts with the name of its type."""


class MarketListed(Message, frozen=True):
    """The terms of a market as known now; sent again when the strike becomes known."""

    received_ns: int
    contract: Contract


class BookSnapshot(Message, frozen=True):
    """All resting bids of one market: YES bids and NO bids, each in its own price terms."""

    received_ns: int
    ticker: str
    yes: tuple[Level, ...]
    no: tuple[Level, ...]
    seq: int = 0
    venue_ns: int = 0


class BookDelta(Message, frozen=True):
    """The resting count at one price of one side changed by `change` (signed)."""

    received_ns: int
    ticker: str
    is_yes: bool
    price: int
    change: int
    seq: int = 0
    venue_ns: int = 0


class TickerQuote(Message, frozen=True):
    """The exchange's own summary of a market, in YES terms. A bid of 0 or an ask of 10000 means none."""

    received_ns: int
    ticker: str
    bid: int
    ask: int
    bid_count: int = 0
    ask_count: int = 0
    last: int = 0
    volume: int = 0
    open_interest: int = 0
    venue_ns: int = 0


class TradePrint(Message, frozen=True):
    """A public trade of one market, at its YES price."""

    received_ns: int
    ticker: str
    price: int
    count: int
    taker_yes: bool
    venue_ns: int = 0


class SpotPrice(Message, frozen=True):
    """A trade of the underlying at a spot venue. `size` 0 means the recording kept no size; `taker` is the side of
    who crossed the spread, where the venue tells it."""

    received_ns: int
    venue: str
    asset: str
    price: float
    size: float = 0.0
    venue_ns: int = 0
    taker: Literal["", "buy", "sell"] = ""
    trade_id: str = ""


class SpotQuote(Message, frozen=True):
    """The best bid and ask of a spot venue, as the venue itself sums them up. A price of 0 means none on that side."""

    received_ns: int
    venue: str
    asset: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    venue_ns: int = 0


class SpotBook(Message, frozen=True):
    """The whole book of a spot venue, best levels first; it replaces what was known. `depth` is how many levels a
    side the venue keeps us told of, 0 for all: what is pushed out of them is not told."""

    received_ns: int
    venue: str
    asset: str
    bids: tuple[SpotLevel, ...]
    asks: tuple[SpotLevel, ...]
    depth: int = 0
    venue_ns: int = 0
    seq: int = 0


class SpotLevels(Message, frozen=True):
    """Some levels of a spot venue's book have changed: each with its new size, 0 when it is gone. In this order."""

    received_ns: int
    venue: str
    asset: str
    bids: tuple[SpotLevel, ...]
    asks: tuple[SpotLevel, ...]
    venue_ns: int = 0
    seq: int = 0


class MarketStatus(Message, frozen=True):
    """Where a market is in its life. `result` and `settle_value` come with "settled".

    "paused": the exchange takes no orders in it for now. "disputed": it is closed, and its result is being looked into.
    A result of "scalar" pays `yes_pays` (a Price) for each YES contract, and a dollar less that for each NO: that is how
    a market is voided.
    """

    received_ns: int
    ticker: str
    status: Literal["open", "paused", "closed", "disputed", "settled"]
    result: Literal["", "yes", "no", "scalar"] = ""
    settle_value: str = ""
    yes_pays: int | None = None


class ExchangeStatus(Message, frozen=True):
    """Whether the exchange trades now, on the shard where our markets are; why not, in its words."""

    received_ns: int
    shard: int
    is_trading: bool
    reason: str = ""


class SeriesDrift(Message, frozen=True):
    """What the exchange says of a series is not what this code assumes, each difference in a sentence; none: it is again."""

    received_ns: int
    series: str
    changes: tuple[str, ...]


class IndexValue(Message, frozen=True):
    """The index that settles a coin's markets, published by the exchange. `average` is over the trailing minute;
    `window_average` of the first `window_samples` values of the last minute of a window, only during that minute."""

    received_ns: int
    asset: str
    value: float
    venue_ns: int = 0
    average: float | None = None
    window_average: float | None = None
    window_samples: int = 0


class FeedBeat(Message, frozen=True):
    """A feed lives: its venue's heartbeat, or its answer to our ping. At most one a second is told."""

    received_ns: int
    feed: str
    venue_ns: int = 0


class FeedStatus(Message, frozen=True):
    """A feed is expected, up again, lost for now, or unavailable (refused: `reason` has the venue's words).

    `feed` is the exchange, a venue ("kraken"), or one part of a venue ("coinbase/trades"). `subject` is the market or
    asset whose book is concerned, empty for the whole feed: what was lost is believed again with its next snapshot.
    """

    received_ns: int
    feed: str
    state: Literal["expected", "up", "lost", "unavailable"]
    subject: str = ""
    reason: str = ""


MarketEvent = (
    MarketListed
    | BookSnapshot
    | BookDelta
    | TickerQuote
    | TradePrint
    | SpotPrice
    | SpotQuote
    | SpotBook
    | SpotLevels
    | MarketStatus
    | ExchangeStatus
    | SeriesDrift
    | IndexValue
    | FeedBeat
    | FeedStatus
)
