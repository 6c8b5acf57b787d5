"""The tables of a report as Parquet: one file each, integers and ratios typed, money as the decimal text it is."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from backtests.export_tables import Kind, Table

TYPES: dict[Kind, pa.DataType] = {"text": pa.string(), "integer": pa.int64(), "ratio": pa.float64()}


def parquet_of(table: Table) -> bytes:
    """The bytes of one file; what is unknown is null."""
    schema = pa.schema([(name, TYPES[kind]) for name, kind in table.columns.items()])
    arrays = [
        pa.array([_value(row.get(name), kind) for row in table.rows], TYPES[kind])
        for name, kind in table.columns.items()
    ]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), content, compression="zstd")
    return content.getvalue()


def _value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    return float(value) if kind == "ratio" else int(value) if kind == "integer" else str(value)
