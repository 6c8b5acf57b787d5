"""The forecast record of an account as columns: half a million forecasts without as many objects."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backtests.core.rows import MODELS
from backtests.core.scores import Floats, Ints
from backtests.core.table import Table, floats
from backtests.forecast_rows import COLUMNS, YES_NO, LeftOut, Unsettled, asked, settled_between
from markets.core.units import PRICE_DOLLAR
from trading.core.forecasts import MARKS_S

AT_ONCE = 20_000


class Part(NamedTuple):
    """Some thousands of forecasts with their outcomes."""

    asset: Ints
    window: Ints
    close_ns: Ints
    seconds_left: Ints
    mid: Floats
    outcome: Floats
    level: Floats
    said: NDArray[np.float64]  # (rows, models)


class Numbers(dict[str, int]):
    """Words and their numbers, in the order in which they came."""

    def of(self, words: Iterable[str]) -> Ints:
        """The number of each."""
        return np.array([self.setdefault(word, len(self)) for word in words], np.int64)


def table_of_account(
    account: str, since_ns: int | None = None, until_ns: int | None = None, asset: str = ""
) -> tuple[Table, tuple[LeftOut, ...]]:
    """The settled forecasts of an account, as `table_of` has them of its rows, and what was left out."""
    results = dict(settled_between(since_ns, until_ns).values_list("ticker", "result"))
    assets, tickers, left = Numbers(), Numbers(), Unsettled()
    query = asked(account, since_ns, until_ns, asset).values_list(*COLUMNS[:-1])
    parts = [
        part for chunk in _chunks(query.iterator(AT_ONCE)) for part in _parts(chunk, results, assets, tickers, left)
    ]
    if not parts:
        return _empty(), left.told(0, 0, 0)
    whole = Part(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    columns = zip(MODELS, whole.said.T, strict=True)
    said = {name: np.ascontiguousarray(column) for name, column in columns if not np.isnan(column).all()}
    names, place = np.unique(np.array(list(assets)), return_inverse=True)
    table = Table(tuple(str(name) for name in names), place[whole.asset], *whole[1:7], said)
    return table, left.told(len(MARKS_S), int(whole.close_ns.size), len(tickers))


def _parts(
    chunk: list[tuple[Any, ...]], results: Mapping[str, str], assets: Numbers, tickers: Numbers, left: Unsettled
) -> Iterator[Part]:
    """The settled ones of a chunk, if any; the others are counted."""
    settled = []
    outcomes = []
    for values in chunk:
        outcome = YES_NO.get(results.get(values[1], ""))
        if outcome is None:
            left.unsettled(values[1], results.get(values[1], ""))
        else:
            settled.append(values)
            outcomes.append(outcome)
    if not settled:
        return
    asset, ticker, close_ns, seconds_left, *said, bid, ask, age, level = zip(*settled, strict=True)
    yield Part(
        assets.of(asset),
        tickers.of(ticker),
        np.array(close_ns, np.int64),
        np.array(seconds_left, np.int64),
        _mids(floats(bid), floats(ask), floats(age)),
        np.array(outcomes, np.float64),
        floats(level),
        np.stack([floats(column) for column in said], axis=1),
    )


def _mids(bid: Floats, ask: Floats, age: Floats) -> Floats:
    """backtests.core.rows.mid of each."""
    quoted = ~np.isnan(age) & (bid > 0) & (ask < PRICE_DOLLAR) & (bid < ask)
    return np.where(quoted, (bid + ask) / (2 * PRICE_DOLLAR), np.nan)


def _chunks(values: Iterable[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    rest = iter(values)
    while chunk := list(islice(rest, AT_ONCE)):
        yield chunk


def _empty() -> Table:
    none = np.empty(0, np.int64)
    return Table((), none, none, none, none, np.empty(0), np.empty(0), np.empty(0), {})
