"""What Binance says: the fields we use of each message, and their decoders."""

from typing import Any

import msgspec

from markets.feeds.shape import Fields, fields_of
from markets.feeds.venues.common import Price, Size, lax, quotes


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


class TextDepth(msgspec.Struct, gc=False):
    """The same as it is written: every number of a level is text."""

    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


class BookTicker(msgspec.Struct, gc=False):
    """The best bid and ask after update `u`; no time."""

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
    p: str
    q: str
    T: int
    m: bool


class TextPage(msgspec.Struct, gc=False):
    """The levels of a page as they are written."""

    bids: list[tuple[str, str]]
    asks: list[tuple[str, str]]


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
_QUOTES, _QUOTES_A_LEVEL = 18, 4  # of the names, the kind and the symbol; of a level
_depth, _text_depth = lax(Depth).decode, msgspec.json.Decoder(TextDepth).decode
_page, _text_page = lax(DepthPage).decode, msgspec.json.Decoder(TextPage).decode
read_wrapped = msgspec.json.Decoder(Wrapped).decode
read_ticker = msgspec.json.Decoder(BookTicker).decode
read_trade = msgspec.json.Decoder(Trade).decode


def read_depth(data: msgspec.Raw) -> Depth:
    """A depth event. Raises DecodeError, also when a number is not text."""
    depth: Depth = _depth(data)
    if quotes(data) != _QUOTES + _QUOTES_A_LEVEL * (len(depth.b) + len(depth.a)):
        _text_depth(data)
    return depth


def read_page(body: bytes) -> DepthPage:
    """The page. Raises DecodeError, also when a number is not text."""
    _text_page(body)
    page: DepthPage = _page(body)
    return page
