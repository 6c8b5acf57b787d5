"""What Coinbase Exchange says: the fields we use of each message, and their decoders."""

from typing import Literal

import msgspec

from markets.feeds.shape import Fields, fields_of
from markets.feeds.venues.common import Price, Size, lax, quotes

Pair = tuple[Price, Size]


class Snapshot(msgspec.Struct, gc=False, tag="snapshot"):
    """All levels of a product."""

    product_id: str
    bids: list[Pair]
    asks: list[Pair]
    time: str = ""


class Update(msgspec.Struct, gc=False, tag="l2update"):
    """New sizes; the side is that of the book."""

    product_id: str
    changes: list[tuple[Literal["buy", "sell"], Price, Size]]
    time: str = ""


class Match(msgspec.Struct, gc=False, tag="match"):
    """A trade; `side` is the maker's."""

    product_id: str
    trade_id: int
    side: str
    price: str
    size: str
    time: str = ""


class LastMatch(msgspec.Struct, gc=False, tag="last_match"):
    """The last trade before we came."""

    product_id: str
    trade_id: int


class Ticker(msgspec.Struct, gc=False, tag="ticker"):
    """The best prices, told with each trade; sizes since 2022."""

    product_id: str
    best_bid: str
    best_ask: str
    best_bid_size: str = ""
    best_ask_size: str = ""
    time: str = ""


class Heartbeat(msgspec.Struct, gc=False, tag="heartbeat"):
    """Once a second for each product."""

    product_id: str
    last_trade_id: int
    time: str = ""


class Channel(msgspec.Struct, gc=False):
    """One channel that we are subscribed to."""

    name: str
    product_ids: list[str] | None = None


class Subscriptions(msgspec.Struct, gc=False, tag="subscriptions"):
    """All that we are subscribed to."""

    channels: list[Channel]


class Failure(msgspec.Struct, gc=False, tag="error"):
    """A refusal."""

    message: str = ""
    reason: str = ""


class TornUpdate(msgspec.Struct, gc=False, tag="l2update"):
    """New sizes, not yet numbers."""

    product_id: str
    changes: list[tuple[Literal["buy", "sell"], str, str]]
    time: str = ""


class TornSnapshot(msgspec.Struct, gc=False, tag="snapshot"):
    """All levels, not yet numbers."""

    product_id: str
    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]
    time: str = ""


class Kind(msgspec.Struct, gc=False):
    """Only what kind of message it is."""

    type: str = ""


_ORDER_IDS = ("type", "sequence", "maker_order_id", "taker_order_id")
FIELDS: dict[str, Fields] = {
    "snapshot": fields_of(Snapshot, "type"),
    "l2update": fields_of(Update, "type"),
    "match": fields_of(Match, *_ORDER_IDS),
    "ticker": fields_of(
        Ticker, *_ORDER_IDS, "price", "open_24h", "volume_24h", "low_24h", "high_24h", "volume_30d", "side", "trade_id",
        "last_size",
    ),
    "heartbeat": fields_of(Heartbeat, *_ORDER_IDS),
}  # fmt: skip
Message = Snapshot | Update | Match | LastMatch | Ticker | Heartbeat | Subscriptions | Failure
_QUOTES, _QUOTES_A_CHANGE = 14, 6  # of an update without its changes, and of each of them
_read = lax(Message).decode
read_torn = msgspec.json.Decoder(TornUpdate | TornSnapshot).decode


def read(frame: bytes) -> Message:
    """A message. Raises DecodeError, also when a number is not text."""
    message: Message = _read(frame)
    is_usual = not isinstance(message, Snapshot)
    if isinstance(message, Update):
        is_usual = quotes(frame) == _QUOTES + _QUOTES_A_CHANGE * len(message.changes)
    if not is_usual:
        read_torn(frame)
    return message


read_kind = msgspec.json.Decoder(Kind).decode
