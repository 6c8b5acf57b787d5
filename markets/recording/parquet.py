"""The Parquet files of a recording, read one recorder run at a time."""

from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Row = dict[str, Any]
FILES = {
    "control": "kalshi_control",
    "ticker": "kalshi_ticker",
    "snapshot": "kalshi_book_snapshot",
    "trade": "coinbase_btcusd_trade",
    "sample": "coinbase_btcusd_sampled",
    "markets": "markets",
}
DELTA_FILES = "kalshi_book_delta_*.parquet"


class RecordingError(Exception):
    """The folder is not a recording we can read; the text says what is missing."""


class Delta(NamedTuple):
    """One change of a book: times in microseconds, price in 1/1000 dollar, change in 1/100 contract."""

    seq: int
    recv_us: int
    exch_us: int
    is_yes: bool
    price_mil: int
    delta_centi: int


class RunRows(msgspec.Struct):
    """Everything one run recorded, each list in the order of its file."""

    run: str
    control: list[Row]
    snapshots: list[Row]
    deltas: dict[str, list[Delta]]
    tickers: list[Row]
    trades: list[Row]
    samples: list[Row]
    start_us: int
    end_us: int


class Recording:
    """A folder of Parquet files. Only one day's deltas are in memory at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        missing = [name for name in FILES.values() if not (folder / f"{name}.parquet").is_file()]
        if missing:
            raise RecordingError(f"{folder} lacks {', '.join(missing)} (.parquet); name the folder of a recording.")
        self._tables = {kind: _table(folder / f"{name}.parquet") for kind, name in FILES.items()}
        self.markets: dict[str, Row] = {row["ticker"]: row for row in self._tables["markets"].to_pylist()}
        self._delta_files = sorted(folder.glob(DELTA_FILES))
        self._delta_runs = {path: set(_table(path, ["run"])["run"].unique().to_pylist()) for path in self._delta_files}
        self._day: tuple[Path, pa.Table] | None = None

    def runs(self) -> list[str]:
        """The names of all runs, the earliest first."""
        starts: dict[str, int] = {}
        for kind in ("control", "ticker", "snapshot"):
            for row in self._tables[kind].group_by("run").aggregate([("recv_us", "min")]).to_pylist():
                starts[row["run"]] = min(starts.get(row["run"], row["recv_us_min"]), row["recv_us_min"])
        for run in set().union(*self._delta_runs.values()) - starts.keys():
            starts[run] = 0
        return sorted(starts, key=lambda run: (starts[run], run))

    def rows(self, run: str) -> RunRows:
        """All rows of one run; the spot rows are those received in its span of time. Raises RecordingError."""
        control, snapshots, tickers = (self._of_run(kind, run) for kind in ("control", "snapshot", "ticker"))
        deltas = self._deltas(run)
        times = [row["recv_us"] for rows in (control, snapshots, tickers) for row in rows]
        times += [row.recv_us for rows in deltas.values() for row in rows]
        if not times:
            raise RecordingError(f"{self.folder} has no run {run!r}; leave --run out to import them all.")
        start, end = min(times), max(times)
        trades, samples = (self._within(kind, start, end) for kind in ("trade", "sample"))
        return RunRows(run, control, snapshots, deltas, tickers, trades, samples, start, end)

    def row_counts(self) -> dict[str, int]:
        """How many rows the folder holds, by kind."""
        counts = {kind: self._tables[kind].num_rows for kind in FILES if kind != "markets"}
        return counts | {"delta": sum(pq.read_metadata(path).num_rows for path in self._delta_files)}

    def _of_run(self, kind: str, run: str) -> list[Row]:
        table = self._tables[kind]
        rows: list[Row] = table.filter(pc.equal(table["run"], run)).to_pylist()
        return rows

    def _within(self, kind: str, start_us: int, end_us: int) -> list[Row]:
        """Rows received within a span, in the order of the file."""
        table = self._tables[kind]
        inside = pc.and_(pc.greater_equal(table["recv_us"], start_us), pc.less_equal(table["recv_us"], end_us))
        rows: list[Row] = table.filter(inside).to_pylist()
        return rows

    def _deltas(self, run: str) -> dict[str, list[Delta]]:
        """The deltas of a run by market, each in the order of the files (a run may go on past midnight)."""
        found: dict[str, list[Delta]] = {}
        for path in self._delta_files:
            if run not in self._delta_runs[path]:
                continue
            if self._day is None or self._day[0] != path:
                self._day = None  # let go of the one before the next is read
                self._day = (path, _table(path))
            mine = self._day[1].filter(pc.equal(self._day[1]["run"], run))
            for ticker in mine["ticker"].unique().to_pylist():
                rows = mine.filter(pc.equal(mine["ticker"], ticker))
                columns = (rows[name].to_pylist() for name in Delta._fields)
                found.setdefault(ticker, []).extend(map(Delta, *columns))
        return found


def _table(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A file as a table; names repeat endlessly, so they are kept as a dictionary and cost little."""
    try:
        names = [name for name in ("run", "ticker", "capture", "origin") if name in pq.read_schema(path).names]
        return pq.read_table(path, columns=columns, read_dictionary=names)
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from error
