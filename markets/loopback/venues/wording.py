"""How venues word things: times, numbers, JSON, and what one client was told of one book."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from markets.core.events import SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.core.venue_book import VenueBook

NANOSECONDS = 9
encode = msgspec.json.encode

Levels = list[SpotLevel]


def stamp(at_ns: int, digits: int = 6) -> str:
    """RFC 3339 in UTC with so many digits of the second: "2026-09-30T02:39:53.670986Z"."""
    whole = datetime.fromtimestamp(at_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{at_ns % SECOND_NS:09d}"[: len(whole) + 1 + digits] + "Z"


def trimmed(text: str) -> str:
    """Without zeros at the end: "83261", "0.0000003"."""
    return text.rstrip("0").rstrip(".") if "." in text else text


def trade_number(trade: SpotPrice) -> int:
    """The venue's number of a trade, from its id; from its time where the truth has no ids."""
    return int(trade.trade_id) if trade.trade_id.isdecimal() else trade.received_ns


def request_of(frame: bytes) -> dict[str, Any] | None:
    """What a client sent, None when it is no JSON object."""
    try:
        request = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return request if isinstance(request, dict) else None


def names_in(value: Any) -> list[str]:
    """The strings of a list; nothing when it is none."""
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


class Told:
    """One book as one client was told of it, so that it can be told what changes.

    `depth` levels a side are told, 0 for all. Of a window those levels are told that changed or came into it; what is
    pushed out of it is not, for the client knows as much.
    """

    __slots__ = ("_asks", "_bids", "_depth")

    def __init__(self, book: VenueBook, depth: int = 0) -> None:
        self._depth = depth
        self._bids, self._asks = self._seen(book)

    def changes(self, book: VenueBook, event: SpotBook | SpotLevels) -> tuple[Levels, Levels]:
        """(bids, asks) to tell after an event that made `book` what it is."""
        if isinstance(event, SpotLevels) and not self._depth:
            _set(self._bids, event.bids)
            _set(self._asks, event.asks)
            return list(event.bids), list(event.asks)
        bids, asks = self._seen(book)
        told = _difference(self._bids, bids, book.bids), _difference(self._asks, asks, book.asks)
        self._bids, self._asks = bids, asks
        return told

    def _seen(self, book: VenueBook) -> tuple[dict[float, float], dict[float, float]]:
        if not self._depth:
            return dict(book.bids), dict(book.asks)
        return dict(book.top_bids(self._depth)), dict(book.top_asks(self._depth))


def _set(sizes: dict[float, float], levels: tuple[SpotLevel, ...]) -> None:
    for price, size in levels:
        if size > 0.0:
            sizes[price] = size
        else:
            sizes.pop(price, None)


def _difference(before: dict[float, float], after: dict[float, float], whole: dict[float, float]) -> Levels:
    gone = [(price, 0.0) for price in before if price not in whole]
    return gone + [(price, size) for price, size in after.items() if before.get(price) != size]
