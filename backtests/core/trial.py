"""TrialResult: what one setting made on one span of tapes, small enough that thousands can be kept."""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from backtests.core.metrics import account_value, account_value_at_open, drawdown, windows
from backtests.core.record import Result
from trading.core.events import Fill, Settled

_encode = msgspec.msgpack.Encoder().encode
Row = tuple[int | str | bool | None, ...]


class TradedWindow(NamedTuple):
    """One market traded to its result; money in micro-dollars, `contracts` in hundredths."""

    ticker: str
    asset: str
    close_ns: int
    net: int
    fees: int
    contracts: int
    fills: int


class TrialResult(msgspec.Struct, frozen=True):
    """`digest` is a SHA-256 over orders, fills and settlements: the compiled lane and the engine agree on it. `end` is the
    equity at the end (cash and open contracts at cost), `start` that at the beginning."""

    trial: int
    digest: str
    orders: int
    start: int
    end: int
    drawdown: int
    windows: tuple[TradedWindow, ...] = ()

    @property
    def net(self) -> int:
        """What was made, Money."""
        return self.end - self.start


def trial_of(number: int, result: Result) -> TrialResult:
    """A finished run of the engine (one span: `joined` where it is several tapes) as the result of trial `number`."""
    start = account_value_at_open(result)
    orders = (
        (order.sent_ns, order.number, order.ticker, order.is_bid, order.price, order.count) for order in result.orders
    )
    return TrialResult(
        number,
        digest_of(orders, map(fill_row, result.fills), map(settled_row, result.settlements), result.closing.cash),
        len(result.orders),
        start,
        account_value(result),
        drawdown(start, result.equity).money,
        tuple(
            TradedWindow(each.ticker, each.asset, each.close_ns, each.net, each.fees, each.count, each.fills)
            for each in windows(result)
        ),
    )


def fill_row(fill: Fill) -> Row:
    """What the digest takes of a fill."""
    return (fill.received_ns, fill.number, fill.ticker, fill.is_bid, fill.price, fill.count, fill.fee)


def settled_row(settled: Settled) -> Row:
    """What the digest takes of a settlement."""
    return (settled.received_ns, settled.ticker, settled.result, settled.count, settled.payout, settled.yes_pays)


def digest_of(orders: Iterable[Row], fills: Iterable[Row], settlements: Iterable[Row], cash: int) -> str:
    """SHA-256 (hex) over orders (sent_ns, number, ticker, is_bid, price, count), fills, settlements, each in the order of
    time, and the cash at the end."""
    sha256 = hashlib.sha256()
    for rows in (orders, fills, settlements):
        for row in rows:
            sha256.update(_encode(row))
        sha256.update(b"\n")
    sha256.update(str(cash).encode())
    return sha256.hexdigest()
