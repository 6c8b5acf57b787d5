"""Tapes as Parquet: one file a kind of event, columns typed as the events' own fields."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import inspect

from markets.core.events import MarketEvent
from markets.tapes.parts import whole_rows
from markets.tapes.words import MARKET_KINDS, TapeError

BATCH = 50_000
NUMBER = "number"  # the place of the event in the whole recording: by it all kinds can be put in order again
KINDS = {kind.__name__: kind for kind in MARKET_KINDS}
OTHER = pa.schema([(NUMBER, pa.int64()), ("received_ns", pa.int64()), ("json", pa.string())])


def export_tape(path: Path, folder: Path) -> dict[str, int]:
    """Write `KIND.parquet` into `folder` for each kind of event in all that `path` stands for; returns how many of
    each. Integers stay integers, levels are lists of structs; what a session wrote beside the market's events has its
    JSON. Raises TapeError when something cannot be read, written, or is there already."""
    tables: dict[str, _Table] = {}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.glob("*.parquet")):
            raise TapeError(f"{folder} holds Parquet files already; name another folder.")
        try:
            for number, row in enumerate(whole_rows(path)):
                table = tables.get(row[0])
                if table is None:
                    table = tables[row[0]] = _Table(folder / f"{row[0]}.parquet", KINDS.get(row[0]))
                table.add(number, row)
        finally:
            for table in tables.values():
                table.close()
    except OSError as error:
        raise TapeError(f"{folder}: cannot be written ({error.strerror or error}); free space on that disk.") from error
    return {name: table.rows for name, table in sorted(tables.items())}


def schema_of(kind: type) -> pa.Schema:
    """The columns of one kind of market event."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - all events are
    return pa.schema([(NUMBER, pa.int64()), *((field.name, _arrow(field.type)) for field in info.fields)])


def _arrow(kind: inspect.Type) -> pa.DataType:
    """The column type of a field's type."""
    if isinstance(kind, inspect.StructType):
        return pa.struct([(field.name, _arrow(field.type)) for field in kind.fields])
    if isinstance(kind, inspect.VarTupleType):
        return pa.list_(_arrow(kind.item_type))
    if isinstance(kind, inspect.TupleType):
        names = ("price", "count") if isinstance(kind.item_types[1], inspect.IntType) else ("price", "size")
        return pa.struct([(name, _arrow(item)) for name, item in zip(names, kind.item_types, strict=True)])
    if isinstance(kind, inspect.UnionType):
        return next(_arrow(item) for item in kind.types if not isinstance(item, inspect.NoneType))
    plain = {inspect.IntType: pa.int64(), inspect.FloatType: pa.float64(), inspect.BoolType: pa.bool_()}
    return plain.get(type(kind), pa.string())


class _Table:
    """One Parquet file, written in batches."""

    def __init__(self, path: Path, kind: type | None) -> None:
        self.rows = 0
        self._kind = kind
        self._schema = schema_of(kind) if kind is not None else OTHER
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._waiting: list[tuple[Any, ...]] = []

    def add(self, number: int, row: list[Any]) -> None:
        self.rows += 1
        if self._kind is None:
            received = row[1] if len(row) > 1 and isinstance(row[1], int) else 0
            self._waiting.append((number, received, msgspec.json.encode(row).decode()))
        else:
            event = msgspec.convert(row, MarketEvent)  # fills in what tapes of before did not have
            self._waiting.append((number, *_values(event)))
        if len(self._waiting) >= BATCH:
            self._write()

    def close(self) -> None:
        self._write()
        self._writer.close()

    def _write(self) -> None:
        if self._waiting:
            columns = zip(*self._waiting, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(columns, self._schema, strict=True)]
            self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
            self._waiting.clear()


def _values(struct: msgspec.Struct) -> tuple[Any, ...]:
    """The fields of an event; what is a struct itself as a tuple of its own."""
    return tuple(_plain(getattr(struct, name)) for name in struct.__struct_fields__)


def _plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _values(value)
    if isinstance(value, tuple) and value and isinstance(value[0], msgspec.Struct):
        return tuple(_values(item) for item in value)
    return value
