"""What recording costs: `python -m markets.tapes.speed [TAPE]`, the answer as JSON on stdout.

Without a tape on made-up spot events of six venues. Nothing of Django is loaded.
"""

import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import zstandard

from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.recorder import Recorder
from markets.tapes.parts import files_of, read_whole
from markets.tapes.reading import read_rows
from markets.tapes.sealing import QUICK
from markets.tapes.words import MARKET_KINDS, VERSION, TapeHeader

MOST_EVENTS = 400_000
LEVELS = (1, 3, 6, 9)
VENUES = ("coinbase", "kraken", "bitstamp", "gemini", "bullish", "crypto_com")
BOOK_LEVELS = 1_000
START_NS = 1_795_366_800 * SECOND_NS
MILLION = 1_000_000
NAMES = frozenset(kind.__name__ for kind in MARKET_KINDS)


def measure(path: Path | None) -> dict[str, Any]:
    """Record the events of a tape (its first 400,000), in memory before, and read them back. All times are of the CPU."""
    events = list(islice(_events(path), MOST_EVENTS))
    with tempfile.TemporaryDirectory() as folder:
        return _figures(events, Path(folder)) | {"events": len(events)}


def _figures(events: list[MarketEvent], folder: Path) -> dict[str, Any]:
    gc.freeze()
    recorder = Recorder(folder, TapeHeader(VERSION, "speed", "speed", "", 0))
    append, flush = recorder.append, recorder.flush
    began = time.thread_time()
    for number, event in enumerate(events):
        append(event)
        if number % 256 == 0:
            flush()
    flush()
    append_s = time.thread_time() - began
    began = time.thread_time()
    recorder._begin_next(events[-1].received_ns)  # noqa: SLF001 - the longest that recording ever takes at once
    turn_s = time.thread_time() - began
    path = recorder.close()
    plain, sealed = _sizes(path)
    began = time.thread_time()
    read = sum(1 for _ in read_whole(path, MarketEvent))
    read_s = time.thread_time() - began
    return {
        "append_us": append_s / len(events) * MILLION,
        "turn_ms": turn_s * 1e3,
        "bytes_plain": plain / len(events),
        "bytes_sealed": sealed / len(events),
        "read_events_s": read / read_s,
        **_sealing(path),
    }


def _sizes(path: Path) -> tuple[int, int]:
    first = files_of(path)[0]
    return len(_plain(first)), first.stat().st_size


def _plain(path: Path) -> bytes:
    with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
        return reader.read()


def _sealing(path: Path) -> dict[str, Any]:
    """Megabytes a second and share of the plain size, by level of compression."""
    data = _plain(files_of(path)[0])
    levels = {}
    for level in LEVELS:
        began = time.thread_time()
        size = len(zstandard.ZstdCompressor(level=level, write_checksum=True).compress(data))
        took = time.thread_time() - began
        levels[str(level)] = {"MB_s": len(data) / took / 1e6, "share": size / len(data)}
    return {"seal_MB_s": levels[str(QUICK)]["MB_s"], "levels": levels}


def _events(path: Path | None) -> Iterator[MarketEvent]:
    if path is None:
        return _made_up(random.Random(1))
    if any(row[0] not in NAMES for row in islice(read_rows(files_of(path)[0]), 10_000)):
        raise SystemExit(f"{path} is a session's own tape; name one of a market, or none")
    return read_whole(path, MarketEvent)


def _made_up(rng: random.Random) -> Iterator[MarketEvent]:
    """Books of six venues whose levels change, and trades in between."""
    now_ns = START_NS
    for venue in VENUES:
        bids, asks = _side(rng, -1), _side(rng, 1)
        yield SpotBook(now_ns, venue, "BTC", bids, asks, 0, now_ns)
    number = 0
    while True:
        number += 1
        now_ns += rng.randrange(50_000, 900_000)
        venue, price = rng.choice(VENUES), round(85_000 + rng.gauss(0, 30), 2)
        venue_ns = now_ns - rng.randrange(2 * MILLION, 90 * MILLION)
        if number % 5 == 0:
            size = round(rng.expovariate(20), 8)
            yield SpotPrice(now_ns, venue, "BTC", price, size, venue_ns, "buy", str(900_000_000 + number))
        else:
            size = round(rng.expovariate(2), 8) if rng.random() < 0.6 else 0.0
            level = ((round(price - 40, 2), size),)
            yield SpotLevels(now_ns, venue, "BTC", level, (), venue_ns, number)


def _side(rng: random.Random, sign: int) -> tuple[SpotLevel, ...]:
    return tuple(
        (round(85_000 + sign * (step + 1) * 0.5, 2), round(rng.expovariate(2), 8)) for step in range(BOOK_LEVELS)
    )


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))  # noqa: T201
