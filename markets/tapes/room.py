"""Room: what recordings in parts may take of the disk, and which part goes when it is used up."""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from markets.tapes.parts import PartName, part_name
from markets.tapes.words import PLAIN, SEALED, TapeError

KEEP = ".keep"  # `NAME.keep` beside it keeps all parts of NAME
TEMPORARY = ".part"

log = logging.getLogger(__name__)


class TapeUsage(msgspec.Struct, frozen=True):
    """What recordings take of the disk. `oldest_ns` is when the oldest part was last written, 0 without parts;
    `writing` is the file that is being written (or was, when its writer died), empty when there is none."""

    bytes: int
    bound: int | None
    parts: int
    oldest_ns: int
    writing: str


class _File(NamedTuple):
    written_ns: int
    part: PartName
    path: Path
    size: int

    @property
    def is_sealed(self) -> bool:
        return self.path.name.endswith(SEALED)


class Room:
    """Keeps the parts in a folder within `max_bytes` (None: without a bound), oldest sealed ones first to go.

    Parts of what is kept (`NAME.keep`) or `protected` stay, and so does every plain one; they count all the same.
    Tapes that are no parts (imported, downloaded, invented) are neither counted nor removed.
    `removed` hears of each file that went.
    """

    def __init__(
        self,
        folder: Path,
        max_bytes: int | None,
        *,
        protected: Callable[[], set[str]] | None = None,
        removed: Callable[[Path], None] | None = None,
    ) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._protected = protected
        self._removed = removed

    def make(self, wanted: int) -> None:
        """Remove what must go so that `wanted` more bytes fit. Raises TapeError when not even what is there fits."""
        if self.max_bytes is None:
            return
        files = _scan(self.folder)
        total = sum(file.size for file in files)
        if total + wanted > self.max_bytes:
            for file in self._removable(files):
                total -= self._remove(file)
                if total + wanted <= self.max_bytes:
                    return
        if total > self.max_bytes:
            raise TapeError(
                f"{self.folder}: recordings take {total / 1e9:.3f} GB and may take {self.max_bytes / 1e9:.3f} GB, and "
                "no part of them can be removed; raise TAPES_MAX_GB, or let go of what is kept: `kalshi-bot tapes`."
            )

    def usage(self) -> TapeUsage:
        """How it stands."""
        return usage(self.folder, self.max_bytes)

    def _removable(self, files: list[_File]) -> list[_File]:
        try:
            protected = self._protected() if self._protected is not None else set()
        except Exception:  # who knows what is being played then
            log.exception("nothing can be removed: nobody can say which tapes are being played")
            return []
        sealed = sorted(file for file in files if file.is_sealed)
        plain = {file.part for file in files if not file.is_sealed}
        kept = kept_names(self.folder) | protected
        return [file for file in sealed if file.part.name not in kept and file.part not in plain]

    def _remove(self, file: _File) -> int:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed (%s)", file.path, error.strerror)
            return 0
        log.info("%s was removed: recordings may take %.3f GB", file.path.name, (self.max_bytes or 0) / 1e9)
        if self._removed is not None:
            try:
                self._removed(file.path)
            except Exception:  # the room is made all the same
                log.exception("nobody could be told that %s was removed", file.path.name)
        return file.size


def usage(folder: Path, bound: int | None) -> TapeUsage:
    """What the recordings in a folder take; looks at names and sizes only."""
    files = _scan(folder)
    parts = {file.part for file in files}
    writing = max((file for file in files if file.path.name.endswith(PLAIN)), default=None)
    oldest_ns = min((file.written_ns for file in files), default=0)
    total = sum(file.size for file in files)
    return TapeUsage(total, bound, len(parts), oldest_ns, writing.path.name if writing else "")


def kept_names(folder: Path) -> set[str]:
    """The names of the recordings that are to be kept."""
    return {path.name.removesuffix(KEEP) for path in folder.glob(f"*{KEEP}")}


def keep(folder: Path, name: str, *, is_kept: bool) -> None:
    """Keep a recording from being removed, or let go of it again. Raises TapeError."""
    mark = folder / f"{name}{KEEP}"
    try:
        if is_kept:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)
    except OSError as error:
        raise TapeError(f"{mark}: cannot be written ({error.strerror}); check the folder and its rights.") from error


def _scan(folder: Path) -> list[_File]:
    """Every part in the folder, unfinished sealed ones too. One that goes while we look is not there."""
    files = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                part = part_name(entry.name.removesuffix(TEMPORARY))
                if part is None:
                    continue
                try:
                    found = entry.stat()
                except FileNotFoundError:
                    continue
                files.append(_File(found.st_mtime_ns, part, Path(entry.path), found.st_size))
    except FileNotFoundError:
        return []
    return files
