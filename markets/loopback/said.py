"""What some loopback venues share: levels in text, and numbers and times of trades."""

from collections.abc import Iterable

from markets.core.events import SpotBook, SpotLevel, SpotLevels, SpotPrice, SpotQuote
from markets.core.venue_book import VenueBook
from markets.loopback.speaker import Truth

FIRST_NUMBER = 10**9  # of trades that bear no number of their own


def whole(book: VenueBook, depth: int = 0) -> tuple[list[SpotLevel], list[SpotLevel]]:
    """Bids and asks, best first, `depth` levels of each, 0 for all."""
    return book.top_bids(depth), book.top_asks(depth)


def pairs(truth: Truth, asset: str, levels: Iterable[SpotLevel]) -> list[tuple[str, str]]:
    """Levels in text."""
    return [(truth.price(asset, price), truth.size(size)) for price, size in levels]


def number_of(truth: Truth, trade: SpotPrice, back: int = 0) -> int:
    """A whole number for a trade, the same to every client; `back`: how many trades of the asset came after it."""
    own = trade.trade_id
    return int(own) if own.isdecimal() else FIRST_NUMBER + truth.traded.get(trade.asset, 0) - back


def at_ns(event: SpotBook | SpotLevels | SpotPrice | SpotQuote) -> int:
    """When an event happened at the venue."""
    return event.venue_ns or event.received_ns
