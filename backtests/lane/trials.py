"""Trials: what the loop wrote down of one setting, as the result of a trial."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from backtests.core.trial import TradedWindow, TrialResult, digest_of_tables
from backtests.lane.columns import Longs, Ticker, Told
from backtests.lane.state import CASH, CURVE_PEAK, DEEPEST, EXPOSURE
from markets.core.payout import yes_pays_of


class Span(NamedTuple):
    """What is known of the tickers of a span: their names, by number; what was said of each; and what each ended at."""

    names: Sequence[str]
    tickers: Mapping[str, Ticker]
    results: Mapping[str, Told]


class Written(NamedTuple):
    """What one setting did on one span: orders (sent_ns, number, ticker, is_bid, price, count), fills (received_ns, number,
    ticker, is_bid, price, count, fee), settlements (received_ns, ticker, count, payout, what a YES contract paid)."""

    orders: Longs
    fills: Longs
    settlements: Longs
    number: Longs


def trial_of(trial: int, capital: int, span: Span, written: Written) -> TrialResult:
    """As `backtests.core.trial.trial_of` of the same run by the engine."""
    orders, fills, settlements, number = written
    return TrialResult(
        trial,
        _digest(span.names, written),
        len(orders),
        capital,
        int(number[CASH] + number[EXPOSURE]),
        int(number[DEEPEST]),
        _windows(span, fills, settlements),
    )


def _digest(names: Sequence[str], written: Written) -> str:
    orders, fills, settlements, number = written
    used = np.unique(np.concatenate((orders[:, 2], fills[:, 2], settlements[:, 1])))
    traded = sorted((names[ticker], ticker) for ticker in used)
    ranks = np.zeros(len(names), np.int64)
    for rank, (_, ticker) in enumerate(traded):
        ranks[ticker] = rank
    tables = (
        _ranked(ranks, orders, 2, (0, 1, 3, 4, 5)),
        _ranked(ranks, fills, 2, (0, 1, 3, 4, 5, 6)),
        _ranked(ranks, settlements, 1, (0, 2, 3, 4)),
    )
    return digest_of_tables([name for name, _ in traded], tables, int(number[CASH]))


def _ranked(ranks: Longs, rows: Longs, ticker: int, others: tuple[int, ...]) -> bytes:
    return np.column_stack((ranks[rows[:, ticker]], rows[:, others])).astype("<i8").tobytes()


def _windows(span: Span, fills: Longs, settlements: Longs) -> tuple[TradedWindow, ...]:
    """The markets that were traded and have their result, by close."""
    paid = dict(zip(settlements[:, 1].tolist(), settlements[:, 4].tolist(), strict=True))
    found = []
    for ticker in np.unique(fills[:, 2]).tolist():
        name = span.names[ticker]
        told = span.results.get(name)
        if told is None and ticker not in paid:
            continue
        worth = yes_pays_of(told.result, told.yes_pays) if told is not None else paid[ticker]
        mine = fills[fills[:, 2] == ticker]
        signs = np.where(mine[:, 3] != 0, 1, -1)
        gross = int(np.sum(signs * (worth - mine[:, 4]) * mine[:, 5]))
        fees, known = int(np.sum(mine[:, 6])), span.tickers[name]
        found.append(
            TradedWindow(name, known.asset, known.close_ns, gross - fees, fees, int(np.sum(mine[:, 5])), len(mine))
        )
    return tuple(sorted(found, key=lambda window: (window.close_ns, window.ticker)))


def opened(capital: int) -> dict[int, int]:
    """What the numbers of the books begin with."""
    return {CASH: capital, CURVE_PEAK: capital}
