"""What Binance says: the fields we use of each message, and their decoders."""

from typing import Any

import msgspec

from markets.feeds.shape import Fields, fields_of
from markets.feeds.venues.common import Price, Size, lax


class Wrapped(msgspec.Struct, gc=False):
    """Every frame: data of a stream, or an answer to a request."""

    stream: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")
    result: list[str] | None = None
    id: int | str | None = None
    error: dict[str, Any] | None = None
    msg: str = ""
    e: str = ""


class Depth(msgspec.Struct, gc=False):
    """Absolute sizes of levels after the updates `U` to `u`."""

    E: int
    s: str
    U: int
    u: int
    b: list[tuple[Price, Size]]
    a: list[tuple[Price, Size]]


class BookTicker(msgspec.Struct, gc=False):
    """The best bid and ask after update `u`; no time."""

    u: int
    s: str
    b: Size
    B: Size
    a: Size
    A: Size


class TornTicker(msgspec.Struct, gc=False):
    """The same where a side is empty and says so with an empty text."""

    u: int
    s: str
    b: str
    B: str
    a: str
    A: str


class Trade(msgspec.Struct, gc=False):
    """A trade; `m`: the buyer was the maker."""

    E: int
    s: str
    t: int
    p: Price
    q: Size
    T: int
    m: bool


class DepthPage(msgspec.Struct, gc=False):
    """The REST snapshot, after update `lastUpdateId`."""

    lastUpdateId: int  # noqa: N815
    bids: list[tuple[Price, Size]]
    asks: list[tuple[Price, Size]]


FIELDS: dict[str, Fields] = {
    "depth@100ms": fields_of(Depth, "e"),
    "bookTicker": fields_of(BookTicker),
    "trade": fields_of(Trade, "e", "M", "a", "b"),  # a, b: the orders' ids, until 2024-06
}
read_wrapped = msgspec.json.Decoder(Wrapped).decode
read_depth = lax(Depth).decode
read_ticker = lax(BookTicker).decode
read_torn = msgspec.json.Decoder(TornTicker).decode
read_trade = lax(Trade).decode
read_page = lax(DepthPage).decode
