"""What a tape holds, counted by reading all of it."""

import hashlib
from pathlib import Path
from typing import Any, get_args

import msgspec

from markets.core.events import FeedStatus, MarketEvent, MarketListed, MarketStatus
from markets.tape import TapeError, TapeHeader, read_header, read_rows

MARKET_EVENTS = frozenset(kind.__name__ for kind in get_args(MarketEvent))
QUIET = frozenset({FeedStatus.__name__, MarketListed.__name__, MarketStatus.__name__})
CHUNK = 1 << 20


class TapeCount(msgspec.Struct):
    """`gaps` counts the losses of a feed after which something else was still quoted: a recording's own end is none."""

    header: TapeHeader
    sha256: str
    size_bytes: int
    events: int = 0
    first_ns: int = 0
    last_ns: int = 0
    markets: int = 0
    gaps: int = 0


def tape_count(path: Path) -> TapeCount:
    """Read a tape to its end. Raises TapeError when it is damaged or its market events are out of order."""
    header = read_header(path)
    count = TapeCount(header, tape_sha256(path), path.stat().st_size)
    tickers: set[str] = set()
    losses = 0
    for row in read_rows(path):
        count.events += 1
        kind = row[0]
        if kind not in MARKET_EVENTS:
            continue  # a session's own: orders, decisions
        _time(path, count, row)
        if kind not in QUIET:
            count.gaps += losses
            losses = 0
        elif kind == MarketListed.__name__:
            tickers.add(row[2][0])
        elif kind == FeedStatus.__name__:
            losses += row[3] == "lost"
    count.markets = len(tickers)
    return count


def tape_sha256(path: Path) -> str:
    """The fingerprint of a file, in hex. Raises TapeError."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise TapeError(f"{path} cannot be read ({error.strerror}); `manage.py tapes` lists what is there.") from error
    return digest.hexdigest()


def _time(path: Path, count: TapeCount, row: list[Any]) -> None:
    received_ns = row[1]
    if received_ns < count.last_ns:
        raise TapeError(
            f"{path}: event {count.events} is {count.last_ns - received_ns} ns older than the one before it."
        )
    count.last_ns = received_ns
    count.first_ns = count.first_ns or received_ns
