"""The tables of settled markets as rows to score: the market's quoted mid by minutes left, and models without the spot."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from pyarrow import ArrowException

from backtests.core.rows import Row, mid
from backtests.core.table import Table, table_of
from backtests.core.without_spot import Move, Sigma, ideal_brier, move_of, probabilities
from markets.core.units import PRICE_DOLLAR
from trading.core.parameters import Parameters
from trading.core.variants import VARIANTS

SETTLED, ENTRY, PATH = "kalshi_settled_15m", "kalshi_15m_entry_quote", "kalshi_15m_minute_path"
LIFE_NS = 900 * 10**9
DECIMALS = {"BTC": 2, "ETH": 2, "BNB": 2, "SOL": 4, "XRP": 4, "HYPE": 4, "NEAR": 4, "ZEC": 4, "DOGE": 7}
"""Of the settle value (section 1.1); a coin that is not here is not rounded."""
BLIND = " without spot"
NAIVE = f"digital{BLIND}"


class SettledError(ValueError):
    """The folder does not hold the tables of settled markets."""


class Outcome(NamedTuple):
    """One settled market."""

    ticker: str
    asset: str
    close_ns: int
    strike: float | None
    settle_value: float | None
    result: str


class Quoted(NamedTuple):
    """A quote table joined with its outcomes. `unknown` quotes are of markets whose result is not there."""

    name: str
    rows: list[Row]
    unknown: int


class Rung(NamedTuple):
    """The market's mid at one time to the close, scored three ways: where both sides were quoted, where there was at least a
    bid, and of every quote with an empty side taken as $0 or $1."""

    minutes: int
    two_sided: int
    brier: float
    with_bid: int
    brier_with_bid: float
    quotes: int
    brier_of_all: float
    ideal: float
    ideal_digital: float


def outcomes(folder: Path) -> dict[str, Outcome]:
    """Every settled market by ticker. Raises SettledError."""
    columns = ("ticker", "coin", "close_utc", "floor_strike", "settle_value", "result")
    table = _columns(folder, SETTLED, columns)
    return {values[0]: Outcome(*values) for values in zip(*table, strict=True)}


def entry_quotes(folder: Path, settled: dict[str, Outcome], since_ns: int = 0, until_ns: int = 2**63 - 1) -> Quoted:
    """`kalshi_15m_entry_quote`: one quote a market, nearly always 14 minutes before the close. Raises SettledError."""
    columns = _columns(folder, ENTRY, ("ticker", "minutes_left", "favourite_side", "fav_bid", "fav_ask"))
    quotes = (
        (ticker, minutes, *_yes(side, bid, ask)) for ticker, minutes, side, bid, ask in zip(*columns, strict=True)
    )
    return _quoted(ENTRY, quotes, settled, since_ns, until_ns)


def minute_paths(folder: Path, settled: dict[str, Outcome], since_ns: int = 0, until_ns: int = 2**63 - 1) -> Quoted:
    """`kalshi_15m_minute_path`: the quote at the end of each minute, of closes at :00 and :30. Raises SettledError."""
    columns = _columns(folder, PATH, ("ticker", "minutes_left", "yes_bid_close", "yes_ask_close"))
    quotes = (
        (ticker, minutes, _price(bid), _price(ask))
        for ticker, minutes, bid, ask in zip(*columns, strict=True)
        if minutes >= 1.0  # at the close itself nothing is forecast any more
    )
    return _quoted(PATH, quotes, settled, since_ns, until_ns)


def priced(quoted: Quoted, settled: dict[str, Outcome], parameters: Parameters | None = None) -> Table:
    """The rows with every model without the spot; sigma of windows that had closed when the quarter hour opened."""
    sigmas = {asset: Sigma(moves) for asset, moves in _moves(settled).items()}
    chosen = parameters or Parameters()
    rows = [row._replace(probabilities=_blind(row, settled[row.ticker], sigmas, chosen)) for row in quoted.rows]
    names = sorted({name for row in rows for name in row.probabilities}, key=_place)
    return table_of(rows, names)._replace(naive=NAIVE)


def ladder(rows: Sequence[Row]) -> list[Rung]:
    """The market's Brier score by whole minutes left, next to an ideal forecaster (section 5.3); longest first."""
    by_minute: dict[int, list[Row]] = {}
    for row in rows:
        by_minute.setdefault(row.seconds_left // 60, []).append(row)
    return [_rung(minutes, by_minute[minutes]) for minutes in sorted(by_minute, reverse=True)]


def _rung(minutes: int, rows: list[Row]) -> Rung:
    two_sided = [(middle, row.outcome) for row in rows if (middle := mid(row)) is not None]
    with_bid = [(_middle(row), row.outcome) for row in rows if row.bid > 0]
    every = [(_middle(row), row.outcome) for row in rows]
    return Rung(
        minutes, len(two_sided), _brier(two_sided), len(with_bid), _brier(with_bid), len(every), _brier(every),
        ideal_brier(60.0 * minutes, averaged=True), ideal_brier(60.0 * minutes, averaged=False),
    )  # fmt: skip


def _brier(said: list[tuple[float, int]]) -> float:
    return sum((p - outcome) ** 2 for p, outcome in said) / len(said) if said else float("nan")


def _middle(row: Row) -> float:
    return (row.bid + row.ask) / (2 * PRICE_DOLLAR)


def _blind(row: Row, of: Outcome, sigmas: dict[str, Sigma], parameters: Parameters) -> dict[str, float | None]:
    sigma = sigmas[row.asset].before(row.close_ns - LIFE_NS) if row.asset in sigmas else None
    if of.strike is None or sigma is None:
        return {}
    said = probabilities(of.strike, DECIMALS.get(row.asset), row.seconds_left, sigma, parameters)
    return {f"{name}{BLIND}": p for name, p in said._asdict().items() if p is not None}


def _moves(settled: dict[str, Outcome]) -> dict[str, list[Move]]:
    moves: dict[str, list[Move]] = {}
    for of in settled.values():
        if of.strike and of.settle_value:
            moves.setdefault(of.asset, []).append(move_of(of.close_ns, of.strike, of.settle_value))
    return moves


def _quoted(
    name: str, quotes: Iterator[tuple[str, float, int, int]], settled: dict[str, Outcome], since_ns: int, until_ns: int
) -> Quoted:
    rows: list[Row] = []
    unknown = 0
    for ticker, minutes, bid, ask in quotes:
        of = settled.get(ticker)
        if of is None or of.result not in {"yes", "no"}:
            unknown += 1
        elif since_ns <= of.close_ns < until_ns:
            outcome = int(of.result == "yes")
            # the age within the minute is not known; it was the quote when the minute ended
            rows.append(Row(of.asset, ticker, of.close_ns, round(60 * minutes), {}, bid, ask, 0, outcome))
    rows.sort(key=lambda row: (row.close_ns, row.ticker, -row.seconds_left))
    return Quoted(name, rows, unknown)


def _yes(side: str, bid: float, ask: float) -> tuple[int, int]:
    """YES prices of a quote for the favourite's side."""
    low, high = _price(bid), _price(ask)
    return (low, high) if side == "yes" else (PRICE_DOLLAR - high, PRICE_DOLLAR - low)


def _price(dollars: float) -> int:
    return round(dollars * PRICE_DOLLAR)


def _place(name: str) -> int:
    return VARIANTS.index(name.removesuffix(BLIND))


def _columns(folder: Path, name: str, columns: Sequence[str]) -> list[list[Any]]:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise SettledError(f"{path} is not there; name a folder that holds {SETTLED}, {ENTRY} and {PATH} (.parquet).")
    try:
        table = pq.read_table(path, columns=list(columns))
    except (ArrowException, OSError) as error:
        raise SettledError(f"{path} cannot be read: {error}") from error
    if missing := [column for column in columns if column not in table.column_names]:
        raise SettledError(f"{path} has no column {missing[0]}.")
    return [_listed(table[column]) for column in columns]


def _listed(column: Any) -> list[Any]:
    """Python values; times as nanoseconds."""
    if str(column.type).startswith("timestamp"):
        return [int(value) for value in column.to_numpy().astype("datetime64[ns]").astype("int64")]
    values: list[Any] = column.to_pylist()
    return values
