"""What Coinbase (Advanced Trade) says: the fields we use of each message, and their decoders."""

from typing import Literal

import msgspec

from markets.feeds.shape import Fields, fields_of
from markets.feeds.venues.common import Price, Size, lax


class Envelope(msgspec.Struct, gc=False):
    """Every frame; an error has only its type and its words."""

    channel: str = ""
    timestamp: str = ""
    sequence_num: int = -1
    events: msgspec.Raw = msgspec.Raw(b"[]")
    type: str = ""
    message: str = ""


class Level(msgspec.Struct, gc=False):
    """The new size at a price."""

    side: Literal["bid", "offer"]
    price_level: Price
    new_quantity: Size


class TornLevel(msgspec.Struct, gc=False):
    """A level whose numbers are to be looked at one by one."""

    side: Literal["bid", "offer"]
    price_level: str
    new_quantity: str


class BookEvent(msgspec.Struct, gc=False):
    """Levels of one product: all of them, or those that changed."""

    type: str
    product_id: str
    updates: list[Level] | None = None


class TornBookEvent(msgspec.Struct, gc=False):
    """The same, not yet numbers."""

    type: str
    product_id: str
    updates: list[TornLevel] | None = None


class Trade(msgspec.Struct, gc=False):
    """A trade; `side` is the maker's."""

    product_id: str
    trade_id: str
    price: str
    size: str
    side: str
    time: str = ""


class TradesEvent(msgspec.Struct, gc=False):
    """Trades, newest first."""

    type: str
    trades: list[Trade] | None = None


class Subscriptions(msgspec.Struct, gc=False):
    """What we are subscribed to now, by channel."""

    subscriptions: dict[str, list[str] | None]


class Beat(msgspec.Struct, gc=False):
    """The venue's heartbeat; its `current_time` is not meant to be read."""

    heartbeat_counter: int


QUOTES, QUOTES_A_LEVEL = 10, 16  # of an event without its levels, and of each of them
FIELDS: dict[str, Fields] = {
    "l2_data": fields_of(BookEvent),
    "market_trades": fields_of(TradesEvent),
    "subscriptions": fields_of(Subscriptions),
    "heartbeats": fields_of(Beat, "current_time"),
}
decode_envelope = msgspec.json.Decoder(Envelope).decode
decode_books = lax(list[BookEvent]).decode
decode_torn_books = msgspec.json.Decoder(list[TornBookEvent]).decode
decode_trades = msgspec.json.Decoder(list[TradesEvent]).decode
decode_subscriptions = msgspec.json.Decoder(list[Subscriptions]).decode
decode_beats = lax(list[Beat]).decode
