"""What can be taken away of a run, by the name of its file: the same for page, API and command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast

from django.utils.module_loading import import_string

from backtests.export_html import html_of
from backtests.export_tables import COLUMNS, Table, archive_of, csv_of, table_of, tables_of
from backtests.models import BacktestRun

Report = dict[str, Any]


class Made(NamedTuple):
    """A file as it leaves: its name, what it is, its bytes."""

    name: str
    kind: str
    content: bytes


PARQUET_OF = (
    "backtests.export_parquet.parquet_of"  # by name: Arrow is loaded when it is asked for, not by who plays a tape
)
CSV, PARQUET, ZIP = "text/csv; charset=utf-8", "application/vnd.apache.parquet", "application/zip"
WORDS = {
    "result.json": "the whole report",
    "report.html": "the whole page in one file that needs nothing else",
    **{f"{name}.csv": f"{name} as a table" for name in COLUMNS},
    **{f"{name}.parquet": f"{name} as a table with types" for name in COLUMNS},
    "csv.zip": "all tables as CSV",
    "parquet.zip": "all tables as Parquet",
}
"""Every file there is."""


def export_of(run: BacktestRun, what: str) -> Made:
    """The file called `what` of a run with a result. Raises KeyError for a name that is no file of a run."""
    kind, make = MAKERS[what]
    return Made(file_name(run, what), kind, make(run, run.result or {}))


def file_name(run: BacktestRun, what: str) -> str:
    """What it is called where it is kept."""
    return f"backtest-{run.pk}.json" if what == "result.json" else f"backtest-{run.pk}-{what}"


def tables_write(report: Report, folder: Path, form: str) -> list[Path]:
    """All tables as files in a folder, which is made; `form` is csv or parquet. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables_of(report):
        path = folder / f"{table.name}.{form}"
        path.write_bytes(csv_of(table).encode() if form == "csv" else _parquet(table))
        written.append(path)
    return written


def _table(name: str, form: str) -> Callable[[BacktestRun, Report], bytes]:
    def made(_: BacktestRun, report: Report) -> bytes:
        table = table_of(report, name)
        return csv_of(table).encode() if form == "csv" else _parquet(table)

    return made


def _parquet(table: Table) -> bytes:
    write = cast(Callable[[Table], bytes], import_string(PARQUET_OF))
    return write(table)


def _csv_zip(_: BacktestRun, report: Report) -> bytes:
    return archive_of([(f"{table.name}.csv", csv_of(table).encode()) for table in tables_of(report)])


def _parquet_zip(_: BacktestRun, report: Report) -> bytes:
    return archive_of([(f"{table.name}.parquet", _parquet(table)) for table in tables_of(report)])


MAKERS: dict[str, tuple[str, Callable[[BacktestRun, Report], bytes]]] = {
    "result.json": ("application/json", lambda _, report: json.dumps(report, indent=1).encode()),
    "report.html": ("text/html; charset=utf-8", lambda run, _: html_of(run).encode()),
    **{f"{name}.csv": (CSV, _table(name, "csv")) for name in COLUMNS},
    **{f"{name}.parquet": (PARQUET, _table(name, "parquet")) for name in COLUMNS},
    "csv.zip": (ZIP, _csv_zip),
    "parquet.zip": (ZIP, _parquet_zip),
}
