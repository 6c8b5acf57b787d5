"""What Kraken says: the fields we use of each message, their decoders, and the checksum of a book."""

from decimal import Decimal
from zlib import crc32

import msgspec

from markets.core.events import SpotLevel
from markets.core.venue_book import VenueBook
from markets.feeds.shape import Fields, fields_of
from markets.feeds.venue import Unreadable
from markets.feeds.venues.common import Price, Size
from markets.feeds.venues.constituent import MOST_PRICE, MOST_SIZE

CHECKED = 10  # levels a side in the checksum, whatever the depth
Digits = dict[float, bytes]


class Head(msgspec.Struct, gc=False):
    """Every frame: data of a channel, or the answer to a method."""

    channel: str = ""
    type: str = ""
    method: str = ""
    success: bool = True
    error: str | None = ""
    symbol: str | None = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    result: msgspec.Raw = msgspec.Raw(b"{}")


class Granted(msgspec.Struct, gc=False):
    """What an acknowledgement is about."""

    channel: str = ""
    symbol: str = ""


class LevelText(msgspec.Struct, gc=False):
    """One level, its digits as written."""

    price: msgspec.Raw
    qty: msgspec.Raw


class BookData(msgspec.Struct, gc=False):
    """Levels of one symbol, and the checksum after them."""

    symbol: str
    bids: list[LevelText]
    asks: list[LevelText]
    checksum: int
    timestamp: str = ""


class TradeData(msgspec.Struct, gc=False):
    """One trade; `side` is the taker's."""

    symbol: str
    side: str
    price: Price
    qty: Size
    trade_id: int
    timestamp: str = ""


class StatusData(msgspec.Struct, gc=False):
    """How the exchange is: online, maintenance, cancel_only, post_only."""

    system: str = ""


FIELDS: dict[str, Fields] = {
    "book": fields_of(BookData, "timestamp"),
    "trade": fields_of(TradeData, "ord_type"),
    "status": fields_of(StatusData, "version", "api_version", "connection_id"),
}
decode_head = msgspec.json.Decoder(Head).decode
decode_granted = msgspec.json.Decoder(Granted).decode
decode_books = msgspec.json.Decoder(list[BookData]).decode
decode_trades = msgspec.json.Decoder(list[TradeData]).decode
decode_status = msgspec.json.Decoder(list[StatusData]).decode


def read_levels(levels: list[LevelText], digits: Digits) -> list[SpotLevel]:
    """Levels as numbers, in their order; what the checksum needs of each goes to `digits`, by its price."""
    found = []
    for level in levels:
        price_text, size_text = bytes(level.price), bytes(level.qty)
        price, size = float(price_text), float(size_text)
        if not (0.0 < price < MOST_PRICE and 0.0 <= size < MOST_SIZE):
            raise Unreadable(f"a level of {size_text!r} at {price_text!r}")
        digits[price] = _digits(price_text) + _digits(size_text) if size else b""
        found.append((price, size))
    return found


def _digits(text: bytes) -> bytes:
    """What the checksum takes of a number: "1e-08" stands for 0.00000001."""
    if b"e" in text or b"E" in text:
        text = format(Decimal(text.decode()), "f").encode()
    return text.replace(b".", b"").lstrip(b"0")


def checksum(book: VenueBook, bid_digits: Digits, ask_digits: Digits) -> int:
    """CRC-32 over the digits of the best ten asks, then of the best ten bids, best first."""
    digits = [ask_digits[price] for price, _ in book.top_asks(CHECKED)]
    digits += [bid_digits[price] for price, _ in book.top_bids(CHECKED)]
    return crc32(b"".join(digits))


def only(digits: Digits, sizes: dict[float, float]) -> Digits:
    """The digits of these levels."""
    return {price: digits[price] for price in sizes}
