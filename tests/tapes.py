"""Events for tapes: a small market and two venues, told for as long as is wanted."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from markets.core.contract import Contract
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    FeedBeat,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotBook,
    SpotLevels,
    SpotPrice,
)
from markets.core.units import SECOND_NS
from markets.tape import VERSION, TapeHeader

TICKER = "KXBTC15M-26NOV221200-00"
NOON_NS = 1_795_366_800 * SECOND_NS
HOUR_NS = 3_600 * SECOND_NS
HEADER = TapeHeader(VERSION, "whole", "recorder", "", 1, "a note")


def told(count: int, *, start_ns: int = NOON_NS, step_ns: int = SECOND_NS) -> Iterator[MarketEvent]:
    """So many events, one every `step_ns`: a market with its book, a venue with a whole book and one cut to a depth,
    trades, and a book that is lost now and then."""
    yield MarketListed(start_ns, Contract(TICKER, "KXBTC15M", "BTC", start_ns, start_ns + 900 * SECOND_NS, 85_000.0))
    yield MarketStatus(start_ns, TICKER, "open")
    yield BookSnapshot(start_ns, TICKER, ((4_900, 100), (4_800, 50)), ((5_000, 70),), 1, start_ns)
    yield FeedStatus(start_ns, "kraken", "up")
    yield SpotBook(start_ns, "kraken", "BTC", ((85_000.0, 1.0), (84_999.5, 2.0)), ((85_001.0, 0.5),), 2)
    yield SpotBook(start_ns, "coinbase", "BTC", ((85_000.0, 1.0),), ((85_001.0, 0.5),), 0, start_ns, 7)
    for number in range(6, count):
        yield _one(number, start_ns + number * step_ns)


def _one(number: int, now_ns: int) -> MarketEvent:
    price = 84_990.0 + number % 10
    levels = (((price, number % 3 / 2),), ((price + 12.5, number % 4 / 4),))
    lost = FeedStatus(now_ns, "kraken", "lost", "BTC", "a checksum"), FeedBeat(now_ns, "coinbase", now_ns - 1)
    kinds: list[MarketEvent] = [
        SpotLevels(now_ns, "coinbase", "BTC", *levels, now_ns - 2, number),
        SpotLevels(now_ns, "kraken", "BTC", *levels, now_ns - 2, number),
        BookDelta(now_ns, TICKER, True, 4_900, 10, number, now_ns - 3),
        SpotPrice(now_ns, "coinbase", "BTC", price, 0.25, now_ns - 1, "buy", str(number)),
        lost[number % 50 != 4],
        SpotBook(now_ns, "kraken", "BTC", *levels, 2, now_ns),
    ]
    return kinds[number % 50 if number % 50 < 6 else number % 4]


def noise(count: int) -> Iterator[MarketEvent]:
    """The same with trades among it that nothing can compress."""
    for number, event in enumerate(told(count)):
        yield event
        digest = sha256(str(number).encode()).hexdigest()
        yield SpotPrice(event.received_ns, "bitstamp", "BTC", 85_000.0, trade_id=digest)


def sealed(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return sorted(path.name for path in folder.iterdir())
