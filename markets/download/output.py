"""The result as a file: written beside the pages, then given its place at once; a tape or a Parquet table."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from markets.core.events import MarketEvent
from markets.download.errors import DownloadError
from markets.download.job import Job, publish
from markets.download.report import Report
from markets.tape import PLAIN, VERSION, TapeHeader, TapeWriter

GRADE = "C"
NOTE = "downloaded: venue times only (received_ns is the venue's time), no receive times, no books"
ROWS_A_GROUP = 50_000

_INT, _REAL, _TEXT = pa.int64(), pa.float64(), pa.string()
_MINUTE_PRICES = [
    (f"{side}_{name}", pa.int32()) for side in ("bid", "ask", "price") for name in ("open", "high", "low", "close")
]
SCHEMAS = {
    "spot candles": [
        ("open_ns", _INT), ("open", _REAL), ("high", _REAL), ("low", _REAL), ("close", _REAL), ("volume", _REAL),
        ("trades", _INT), ("quote_volume", _REAL), ("taker_buy_volume", _REAL), ("vwap", _REAL),
    ],
    "kalshi markets": [
        ("ticker", _TEXT), ("series", _TEXT), ("asset", _TEXT), ("open_ns", _INT), ("close_ns", _INT),
        ("settled_ns", _INT), ("strike", _REAL), ("decimals", pa.int16()), ("status", _TEXT), ("result", _TEXT),
        ("settle_value", _TEXT), ("yes_pays", pa.int32()), ("volume", _INT), ("price_bands", _TEXT), ("archived", pa.bool_()),
    ],
    "kalshi candles": [
        ("ticker", _TEXT), ("end_ns", _INT), *_MINUTE_PRICES, ("price_mean_micros", _INT), ("volume", _INT),
        ("open_interest", _INT),
    ],
}  # fmt: skip
UNITS = {
    "spot candles": "open_ns: ns UTC, start of the minute; prices in the quote currency; volumes in the asset",
    "kalshi markets": "*_ns: ns UTC; strike, settle_value: index level; volume: 1/100 contract; yes_pays, price_bands: 1/10 000 dollar",
    "kalshi candles": (
        "end_ns: ns UTC, end of the minute (inside); prices: 1/10 000 dollar, a bid of 0 and an ask of 10000 mean none; "
        "price_mean_micros: 1/1 000 000 dollar; volume, open_interest: 1/100 contract"
    ),
}


def write_tape(
    job: Job, folder: Path, events: Iterable[MarketEvent], report: Report, *, source: str, note: str
) -> Path:
    """The events as a sealed tape in `folder`. The same pages give the same bytes. Raises DownloadError, TapeError."""
    rest = iter(events)
    first = next(rest, None)
    if first is None:
        raise DownloadError(f"{job.spec.name}: nothing was traded in that time; there is no tape to write.")
    header = TapeHeader(VERSION, job.spec.name, source, GRADE, first.received_ns, f"{NOTE}; {note}")
    writer = TapeWriter(job.folder / f"{job.spec.name}{PLAIN}", header, replace=True)
    for event in chain([first], rest):
        writer.append(event)
    sealed = writer.close()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / sealed.name
    publish(sealed, path)
    report.events, report.grade = writer.events, GRADE
    report.path, report.size_bytes = str(path), path.stat().st_size
    return path


def write_table(job: Job, path: Path, kind: str, rows: Iterable[dict[str, Any]], report: Report) -> Path:
    """The rows as a Parquet table at `path`; its schema says where it is from and how far to trust it. Raises DownloadError."""
    schema = pa.schema(SCHEMAS[kind])
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = job.folder / path.name
    try:
        tables = [pa.Table.from_pylist(group, schema=schema) for group in _groups(rows)]
        if not tables:
            raise DownloadError(f"{job.spec.name}: there is nothing in that time; there is no table to write.")
        schema = schema.with_metadata(_metadata(job, kind, report))
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table.replace_schema_metadata(schema.metadata))
    except (OSError, pa.ArrowException) as error:
        raise DownloadError(f"{part} cannot be written ({error}); the pages are kept.") from error
    publish(part, path)
    report.grade = GRADE
    report.path, report.size_bytes = str(path), path.stat().st_size
    return path


def _metadata(job: Job, kind: str, report: Report) -> dict[str, str]:
    counts = {"kept": report.kept, "left_out": dict(sorted(report.left_out.items())), "notes": dict(+report.notes)}
    return {
        "name": job.spec.name,
        "kind": kind,
        "source": job.spec.base,
        "request": job.spec.words,
        "grade": GRADE,
        "note": "downloaded",
        "units": UNITS[kind],
        "created_ns": str(job.spec.started_ns),
        "first_ns": str(report.first_ns),
        "last_ns": str(report.last_ns),
        "counts": msgspec.json.encode(counts).decode(),
    }


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in handfuls: a table of columns is far smaller than its rows."""
    rest = iter(rows)
    while group := list(islice(rest, ROWS_A_GROUP)):
        yield group
