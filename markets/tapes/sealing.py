"""Sealing: a plain tape becomes a compressed one, whole or not at all."""

import os
from pathlib import Path

import zstandard

from markets.tapes.words import TapeError

LEVEL = 6
QUICK = 1  # while something is recorded: four times as fast, a twentieth larger; 3 is slower and larger than 1


def sealed_path(path: Path) -> Path:
    """What a plain tape will be called."""
    return path.with_name(path.name + ".zst")


def seal_tape(path: Path, *, level: int = LEVEL) -> Path:
    """Compress a plain tape. The sealed one appears whole or not at all; only then does the plain one go.
    It keeps the time at which the plain one was last written. Raises TapeError; then the plain one is still there."""
    sealed = sealed_path(path)
    part = sealed.with_name(sealed.name + ".part")
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    try:
        found = path.stat()
        with path.open("rb") as source, part.open("wb") as target:
            compressor.copy_stream(source, target, size=found.st_size)
            target.flush()
            os.fsync(target.fileno())
        os.utime(part, ns=(found.st_atime_ns, found.st_mtime_ns))
        part.replace(sealed)
        sync_folder(path.parent)
        path.unlink()
    except (OSError, zstandard.ZstdError) as error:
        part.unlink(missing_ok=True)
        words = getattr(error, "strerror", None) or error
        raise TapeError(f"{path}: cannot be sealed ({words}); the plain tape is kept, seal it again.") from error
    return sealed


def sync_folder(folder: Path) -> None:
    """Make a rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
