"""Mending: what a writer that died has left is given its end and sealed; all that was flushed is kept."""

import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from markets.core.events import MarketEvent
from markets.core.gaps import GapIndex
from markets.tapes.reading import Reading, read_end, rows_reading
from markets.tapes.sealing import QUICK, seal_tape, sealed_path
from markets.tapes.words import MARKET_KINDS, PLAIN, SEALED, TapeEnd, TapeError
from markets.tapes.writing import is_still

MARKET_NAMES = frozenset(kind.__name__ for kind in MARKET_KINDS)
INDEXED = frozenset({"BookSnapshot", "FeedStatus", "SpotBook", "SpotPrice"})

log = logging.getLogger(__name__)


def mend_tapes(folder: Path) -> list[Path]:
    """End and seal every plain tape in the folder that no living writer holds; returns the sealed ones. One that
    cannot be mended is logged and left as it is. Files that were left half sealed are removed."""
    mended = []
    for path in sorted(folder.glob(f"*{PLAIN}")):
        try:
            sealed = mend_tape(path)
        except TapeError as error:
            log.error("%s", error)
            continue
        if sealed is not None:
            mended.append(sealed)
    for path in folder.glob(f"*{SEALED}.part"):
        if not path.with_name(path.name.removesuffix(".zst.part")).exists():
            path.unlink(missing_ok=True)
    return mended


def mend_tape(path: Path) -> Path | None:
    """Give one plain tape its end, marked as cut if it had none, and seal it. None when a living writer holds it, or
    it was removed because nothing was ever written to it. Raises TapeError when it cannot be read or written."""
    try:
        with path.open("r+b") as file:
            if not _is_left(file, path):
                return None
            if not _has_header(file):
                path.unlink()
                log.warning("%s was removed: its writer died before it had written anything", path)
                return None
            sealed = sealed_path(path)
            if sealed.is_file() and read_end(sealed) is not None:  # only the last step was missing
                path.unlink()
                return sealed
            if read_end(path) is None and not _ended(file, path):
                path.unlink()
                log.warning("%s was removed: its writer died before anything was heard in it", path)
                return None
            return seal_tape(path, level=QUICK)
    except FileNotFoundError:
        return None  # its writer lives, and has just sealed it
    except OSError as error:
        raise TapeError(f"{path} cannot be mended ({error.strerror}); check the disk and its rights.") from error


def _is_left(file: BinaryIO, path: Path) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return is_still(file, path)


def _has_header(file: BinaryIO) -> bool:
    return file.readline().endswith(b"\n")


def _ended(file: BinaryIO, path: Path) -> bool:
    """Cut off the half line at the end, if there is one, and write the end. False when the part does not even hold
    what it should begin with: then it holds no news."""
    reading = rows_reading(path)
    gaps, first_ns, last_ns = GapIndex(), 0, 0
    for row in _market_rows(reading):
        first_ns, last_ns = first_ns or row[1], row[1]
        if row[0] in INDEXED:
            gaps.hear(msgspec.convert(row, MarketEvent))
    if reading.preface_left:
        return False
    end = TapeEnd(reading.events, reading.sha256.hexdigest(), first_ns, last_ns, gaps.told(last_ns), cut=True)
    file.seek(reading.size)
    file.truncate()
    file.write(msgspec.json.encode(end) + b"\n")
    file.flush()
    os.fsync(file.fileno())
    log.warning("%s: its writer died; it holds %d events, and was ended", path, reading.events)
    return True


def _market_rows(reading: Reading) -> Iterator[list[Any]]:
    return (row for row in reading if row[0] in MARKET_NAMES)
