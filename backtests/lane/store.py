"""Features on disk: one file a tape and pricing parameters, in the storage that studies share, and the last ones in memory."""

import hashlib
import io
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import zstandard
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from backtests.lane.columns import Features, Tape, Ticker, Told
from backtests.lane.compiling import sources_hash
from backtests.lane.features import features_of
from markets.tape import files_of
from trading.core.parameters import Parameters

FOLDER = "features"
MOST_IN_MEMORY = 1_500_000_000  # bytes of columns
DECISIONS = (
    *("edge_threshold", "slippage", "min_confidence", "kelly_fraction", "probability_margin", "calibration_error"),
    *("depth_share", "top_up_share", "quiet_open_ns", "quiet_close_ns", "order_interval_ns", "order_latency_ns"),
    *("reply_latency_ns", "pooling", "pooling_weight", "pooling_windows", "edge_basis", "exit_margin", "joint_kelly"),
    *("correlation_floor", "fractional", "volume_share"),
    *(name for name in Parameters.__struct_fields__ if name.startswith(("maker_", "quote_"))),
)
"""What features do not depend on: it is looked at when it is decided. Every other parameter makes features of its own."""

_memory: OrderedDict[str, Features] = OrderedDict()


class Names(msgspec.Struct):
    """What a file of features holds besides its columns."""

    tickers: tuple[Ticker, ...]
    settled: tuple[Told, ...]
    results: tuple[Told, ...]
    events: int
    overlapped: int
    late: tuple[bytes, ...]
    unfit: str


def pricing_of(parameters: Parameters) -> Parameters:
    """The same with everything built in that features do not depend on."""
    built_in = Parameters()
    return msgspec.structs.replace(parameters, **{name: getattr(built_in, name) for name in DECISIONS})


def features_for(path: Path, starts: Sequence[int], late: Sequence[bytes], parameters: Parameters) -> Features:
    """The features of a tape, from memory, from the storage, or made now and kept. Raises as `features_of` does."""
    pricing = pricing_of(parameters)
    key = _key(path, starts, late, pricing)
    found = _memory.get(key)
    if found is None:
        found = _read(key)
        if found is None:
            found = features_of(path, starts, late, pricing)
            _write(key, found)
        _memory[key] = found
        while len(_memory) > 1 and sum(_size(each) for each in _memory.values()) > MOST_IN_MEMORY:
            _memory.popitem(last=False)
    _memory.move_to_end(key)
    return found


def forget() -> None:
    """Nothing is in memory any more."""
    _memory.clear()


def _key(path: Path, starts: Sequence[int], late: Sequence[bytes], pricing: Parameters) -> str:
    sha256 = hashlib.sha256(sources_hash().encode())
    for file in files_of(path):
        sha256.update(hashlib.sha256(file.read_bytes()).digest())
    sha256.update(msgspec.json.encode((tuple(starts), tuple(late), pricing)))
    return sha256.hexdigest()


def _size(features: Features) -> int:
    return sum(column.nbytes for column in features.tape)


def _read(key: str) -> Features | None:
    storage, name = storages["artefacts"], f"{FOLDER}/{key}"
    if not storage.exists(name):
        return None
    with storage.open(name) as file:
        plain = zstandard.ZstdDecompressor().decompress(file.read())
    with np.load(io.BytesIO(plain)) as columns:
        tape = Tape(**{name: columns[name] for name in Tape._fields})
        names = msgspec.msgpack.decode(columns["names"].tobytes(), type=Names)
    return Features(tape, **msgspec.structs.asdict(names))


def _write(key: str, features: Features) -> None:
    """Under its own name at once: whoever wrote it first wrote the same."""
    others: dict[str, Any] = {name: getattr(features, name) for name in Names.__struct_fields__}
    names = np.frombuffer(msgspec.msgpack.encode(Names(**others)), np.uint8)
    plain = io.BytesIO()
    np.savez(plain, names=names, **features.tape._asdict())
    storage, name = storages["artefacts"], f"{FOLDER}/{key}"
    if not storage.exists(name):
        storage.save(name, ContentFile(zstandard.ZstdCompressor(level=1).compress(plain.getvalue())))
