"""What Bullish says, as Structs."""

import msgspec

from markets.feeds.shape import Fields, fields_of
from markets.feeds.venues.common import lax
from markets.feeds.venues.constituent import Taker


class Fault(msgspec.Struct, rename="camel", gc=False):
    """What went wrong, in the venue's words."""

    code: int | str = 0
    message: str = ""


class Head(msgspec.Struct, rename="camel", gc=False):
    """Every frame: data have a dataType, an answer has an id."""

    type: str = ""
    data_type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    id: str | int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: Fault | None = None


class Level2(msgspec.Struct, rename="camel", gc=False):
    """A whole book or a change of one; the sides are flat: price, size, price, size."""

    symbol: str
    bids: list[str]
    asks: list[str]
    sequence_number_range: tuple[int, int]
    datetime: str = ""
    timestamp: str | int = ""


class Level1(msgspec.Struct, rename="camel", gc=False):
    """Best bid and ask, price and size; zeros where there is none."""

    symbol: str
    bid: tuple[str, str]
    ask: tuple[str, str]
    datetime: str = ""
    timestamp: str | int = ""


class Trade(msgspec.Struct, rename="camel", gc=False):
    """One trade, told from the side of one of the two: `isTaker` says whether `side` took."""

    trade_id: str
    price: str
    quantity: str
    side: str
    is_taker: bool
    created_at_datetime: str = ""
    created_at_timestamp: str | int = ""


class Trades(msgspec.Struct, rename="camel", gc=False):
    """Trades of one symbol, possibly none."""

    symbol: str
    trades: list[Trade]


FIELDS: dict[str, Fields] = {
    "V1TALevel2": fields_of(Level2, "publishedAtTimestamp"),
    "V1TALevel1": fields_of(Level1, "publishedAtTimestamp", "sequenceNumber"),
    "V1TAAnonymousTradeUpdate": fields_of(Trades, "createdAtTimestamp", "publishedAtTimestamp"),
}
decode_head = msgspec.json.Decoder(Head).decode
decode_level2 = lax(Level2).decode  # the numbers of a range may come as text
decode_level1 = msgspec.json.Decoder(Level1).decode
decode_trades = msgspec.json.Decoder(Trades).decode


def taker_of_fill(trade: Trade) -> Taker:
    """Who took: `side`, or the other one when `side` was there before."""
    if trade.side not in {"BUY", "SELL"}:
        return ""
    return "buy" if (trade.side == "BUY") == trade.is_taker else "sell"
