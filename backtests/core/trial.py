"""TrialResult: what one setting made on one span of tapes, small enough that thousands can be kept."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from backtests.core.metrics import account_value, account_value_at_open, drawdown, windows
from backtests.core.record import Result
from markets.core.payout import yes_pays_of
from trading.core.events import Fill, Settled

Row = tuple[int, ...]
Named = tuple[str, Row]  # a ticker, and the rest of a row


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
    orders = [
        (order.ticker, (order.sent_ns, order.number, order.is_bid, order.price, order.count)) for order in result.orders
    ]
    fills = [(fill.ticker, fill_row(fill)) for fill in result.fills]
    settlements = [(settled.ticker, settled_row(settled)) for settled in result.settlements]
    return TrialResult(
        number,
        digest_of(orders, fills, settlements, result.closing.cash),
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
    """What the digest takes of a fill, its ticker apart."""
    return (fill.received_ns, fill.number, fill.is_bid, fill.price, fill.count, fill.fee)


def settled_row(settled: Settled) -> Row:
    """What the digest takes of a settlement, its ticker apart."""
    return (settled.received_ns, settled.count, settled.payout, yes_pays_of(settled.result, settled.yes_pays))


def digest_of(orders: Iterable[Named], fills: Iterable[Named], settlements: Iterable[Named], cash: int) -> str:
    """`digest_of_tables` of rows that name their tickers."""
    tables = [list(orders), list(fills), list(settlements)]
    names = sorted({ticker for table in tables for ticker, _ in table})
    numbers = {ticker: number for number, ticker in enumerate(names)}
    return digest_of_tables(
        names, [b"".join(_packed((numbers[ticker], *row)) for ticker, row in table) for table in tables], cash
    )


def digest_of_tables(names: Sequence[str], tables: Iterable[bytes], cash: int) -> str:
    """SHA-256 (hex) over the tickers in their order; the rows of orders (number of the ticker, sent_ns, number, is_bid, price,
    count), of fills (ticker, received_ns, number, is_bid, price, count, fee) and of settlements (ticker, received_ns, count,
    payout, what a YES contract paid), all as little-endian 64-bit integers in the order of time; and the cash at the end."""
    sha256 = hashlib.sha256("\n".join(names).encode())
    for table in tables:
        sha256.update(f"\n{len(table)}\n".encode())
        sha256.update(table)
    sha256.update(f"\n{cash}".encode())
    return sha256.hexdigest()


def _packed(row: Row) -> bytes:
    return b"".join(value.to_bytes(8, "little", signed=True) for value in row)
