"""A report as tables: trades, windows, equity, daily. Money, prices and counts stay the decimal text that they are."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from backtests.report import TRADE_COLUMNS, time_text
from markets.core.units import MILLISECOND_NS

Kind = Literal["text", "integer", "ratio"]
Row = Mapping[str, Any]
FORMULA = re.compile(r"\s*[=+\-@]|[\t\r\n]")
NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
STAMP = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the same report gives the same bytes."""

COLUMNS: dict[str, dict[str, Kind]] = {
    "trades": {
        name: "ratio" if name in {"fair", "edge", "confidence"} else "integer" if name == "order" else "text"
        for name in TRADE_COLUMNS
    },
    "windows": {
        "ticker": "text", "asset": "text", "close": "text", "result": "text", "yes_pays": "text", "fills": "integer",
        "contracts": "text", "fees": "text", "net": "text", "fair": "ratio", "mid": "ratio",
    },
    "equity": {"time": "text", "unix_ms": "integer", "equity": "text"},
    "daily": {"day": "text", "net": "text", "fees": "text", "fills": "integer", "settled": "integer"},
}  # fmt: skip
"""The tables and the columns that each has at least; a report that says more of its rows has more behind them."""


class Table(NamedTuple):
    """Columns with the kind of their values, and the rows."""

    name: str
    columns: dict[str, Kind]
    rows: list[Row]


def tables_of(report: Mapping[str, Any]) -> list[Table]:
    """All of them, in a fixed order."""
    return [table_of(report, name) for name in COLUMNS]


def table_of(report: Mapping[str, Any], name: str) -> Table:
    """One of them. Raises KeyError for a name that is none."""
    rows = _equity(report["equity"]) if name == "equity" else [_flat(row) for row in report[name]]
    columns = dict(COLUMNS[name])
    for column in sorted({column for row in rows for column in row}):  # not every database keeps the order of a row
        if column not in columns:
            columns[column] = _kind(each.get(column) for each in rows)
    return Table(name, columns, rows)


def csv_of(table: Table) -> str:
    """With a head; what is unknown is an empty cell. A text that a spreadsheet would take for a formula begins with an
    apostrophe: names of markets come from tapes, and tapes from anybody."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(table.columns), restval="")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in table.rows)
    return text.getvalue()


def archive_of(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Several files as one; the same bytes for the same files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, STAMP), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _plain(value: Any) -> Any:
    is_formula = isinstance(value, str) and FORMULA.match(value) is not None and NUMBER.fullmatch(value) is None
    return f"'{value}" if is_formula else value


def _equity(points: Iterable[Sequence[Any]]) -> list[Row]:
    return [
        {"time": time_text(int(point[0]) * MILLISECOND_NS), "unix_ms": int(point[0]), "equity": point[1]}
        for point in points
    ]


def _flat(row: Row) -> Row:
    """A cell holds no list: that is its JSON."""
    return {name: json.dumps(value) if isinstance(value, list | dict) else value for name, value in row.items()}


def _kind(values: Iterable[Any]) -> Kind:
    """What a column of values is."""
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        return "integer"
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)
    return "ratio" if known and numbers else "text"
