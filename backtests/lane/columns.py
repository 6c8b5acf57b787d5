"""Tape columns: all that a decision, an order and a settlement need of one tape, as arrays that every setting shares."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Shorts = NDArray[np.int16]
Records = NDArray[np.void]

ON_BID_GRID, ON_ASK_GRID = 1, 2
OPEN, LOST, PAUSED, GONE = 1, 2, 4, 8


ROW = np.dtype([(n, np.int32) for n in ("state", "market", "bid", "ask", "bid_count", "ask_count", "grid")])
"""An evaluation that could lead to an order under some setting; `grid` is ON_BID_GRID and ON_ASK_GRID."""

THIN = np.dtype([("row", np.int64), ("yes", np.int64), ("size", np.int64), ("price", np.float64), ("fee", np.float64)])
"""What one contract costs by walking the book of a row (ascending), where the best price displays less than one."""

STATE = np.dtype(
    [(n, np.float64) for n in ("calibrated", "z", "level_error", "sigma_error", "index_quality")]
    + [(n, np.int64) for n in ("source_ns", "fresh", "needed", "volume")]
)
"""What is known of the price of a market; `volume` -1: nothing was heard of its trades."""

MARKET = np.dtype(
    [("loading", np.float64)]
    + [(n, np.int64) for n in ("ticker", "open_ns", "close_ns", "taker_rate", "maker_rate", "increment", "precision")]
    + [(n, np.int64) for n in ("fact_first", "fact_end", "thought_first", "thought_end")]
)
"""One listing of a ticker."""

FACT = np.dtype([("ns", np.int64), ("said", np.int64)])
"""What the exchange would say of a market from then on: OPEN, LOST, PAUSED, GONE."""

SIDE = np.dtype([(n, np.int64) for n in ("top_first", "top_end", "level_first", "level_end")])
"""One side of one market, 2 market + is_yes: where its best prices are, and its levels, the best price first."""

TOP = np.dtype([("ns", np.int64), ("level", np.int64)])
"""The best level of a side from then on; -1: nobody is there."""

LEVEL = np.dtype([(n, np.int64) for n in ("price", "first", "end")])
"""A price of its own ladder (YES bids in YES prices, NO bids in NO prices), and where its changes are."""

CHANGE = np.dtype([("ns", np.int64), ("count", np.int32)])
"""What a level displays from then on."""

THOUGHT = np.dtype([(n, np.int64) for n in ("row", "state", "bid", "ask")])
"""What the belief of a market is made of from that row on; state -1: there is no price."""

REVIEW = np.dtype([(n, np.int64) for n in ("ns", "oldest_ns", "is_open")])
"""Each second: when the limits are looked at, and since when what is silent longer has been silent."""

SETTLEMENT = np.dtype([(n, np.int64) for n in ("row", "ns", "ticker", "worth")])
"""A market pays out, after the rows before `row`."""


class Tape(NamedTuple):
    """One tape under one set of pricing parameters. Times in ns, prices, counts and money as everywhere, fees of a contract
    in dollars. All that is in order of time is."""

    time: Longs  # of each row
    rows: Records  # ROW
    thins: Records  # THIN
    states: Records  # STATE
    markets: Records  # MARKET
    facts: Records  # FACT
    sides: Records  # SIDE
    tops: Records  # TOP
    levels: Records  # LEVEL
    changes: Records  # CHANGE
    thoughts: Records  # THOUGHT
    reviews: Records  # REVIEW
    settlements: Records  # SETTLEMENT
    span: Longs  # when it begins, when its last event is heard, and what that one says itself


class Ticker(NamedTuple):
    """What is said of a ticker of a tape; `close_ns` is 0 where only its result is known."""

    name: str
    asset: str
    close_ns: int


class Told(NamedTuple):
    """A result as the exchange told it, payable or not in this account: what a report says of a market."""

    ticker: str
    result: str
    yes_pays: int | None


class Features(NamedTuple):
    """The columns of a tape with the names behind its numbers. `unfit` says why only the engine can play it, "" when the lane
    can; `events` is how many market events it has, `overlapped` how many of the tapes behind it quote the same time, `late`
    what it knows of later (encoded market events)."""

    tape: Tape
    tickers: tuple[Ticker, ...]
    settled: tuple[Told, ...]  # of each settlement
    results: tuple[Told, ...]  # the last of each ticker
    events: int
    overlapped: int
    late: tuple[bytes, ...]
    unfit: str = ""


def records(kind: np.dtype[np.void], columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> Records:
    """Columns of one length as records. Raises OverflowError for a number that does not fit."""
    length = len(next(iter(columns.values())))
    laid: Records = np.zeros(length, kind)
    for name, values in columns.items():
        if length:
            laid[name] = np.asarray(values)
    return laid
