"""Recordings in several files: `NAME.p0001.tape.zst`, `NAME.p0002.tape.zst`, … of which the last may still be plain.

A path stands for the whole recording when it is a tape without parts, when it is the first part that is left, or when
it is `NAME`, `NAME.tape` or `NAME.tape.zst` and no such file exists, but parts of it do. Any other part stands for itself.
"""

import glob
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from markets.tapes.reading import read_end, read_tape, rows_reading
from markets.tapes.words import PLAIN, SEALED, TapeError, without_suffix

log = logging.getLogger(__name__)

_PART = re.compile(r"(?P<name>.+)\.p(?P<number>\d{4,})\.tape(?:\.zst)?")


class PartName(NamedTuple):
    """What the name of a part's file says."""

    name: str
    number: int


def part_name(file_name: str) -> PartName | None:
    """Whose part this is, None when it is no part."""
    found = _PART.fullmatch(file_name)
    return PartName(found["name"], int(found["number"])) if found else None


def part_path(folder: Path, name: str, number: int) -> Path:
    """Where a part is written."""
    return folder / f"{name}.p{number:04}{PLAIN}"


def whole_name(path: Path) -> str:
    """The name of the recording that a file belongs to, by the file's name."""
    part = part_name(path.name)
    return part.name if part else without_suffix(path.name)


def parts_left(folder: Path, name: str) -> list[Path]:
    """The files of a recording in parts, in order; of one that is just being sealed only the sealed one.
    Raises TapeError when one is missing between them."""
    found: dict[int, Path] = {}
    for path in folder.glob(f"{glob.escape(name)}.p*{PLAIN}*"):
        part = part_name(path.name)
        if part is not None and part.name == name and (part.number not in found or path.name.endswith(SEALED)):
            found[part.number] = path
    numbers = sorted(found)
    for number in range(numbers[0], numbers[-1]) if numbers else ():
        if number not in found:
            raise TapeError(f"{part_path(folder, name, number)} is missing between its neighbours; put it back.")
    return [found[number] for number in numbers]


def wholes_in(folder: Path) -> list[Path]:
    """The first part that is left of each recording in parts. One with a hole is logged and left out."""
    names = {part.name for path in folder.glob(f"*.p*{PLAIN}*") if (part := part_name(path.name)) is not None}
    wholes = []
    for name in sorted(names):
        try:
            wholes += parts_left(folder, name)[:1]
        except TapeError as error:
            log.error("%s", error)
    return wholes


def files_of(path: Path) -> list[Path]:
    """The files that `path` stands for, in order; just itself when nothing is there. Raises TapeError."""
    part = part_name(path.name)
    if part is None:
        return [path] if path.is_file() else parts_left(path.parent, whole_name(path)) or [path]
    parts = parts_left(path.parent, part.name)
    is_first = bool(parts) and part_name(parts[0].name) == part
    return parts if is_first else [_as_it_is_now(path)]


def tape_find(folder: Path, name: str) -> Path | None:
    """A tape by its path, or by its name in `folder`; of a recording in parts the first that is left."""
    for path in (Path(name), *(folder / f"{name}{suffix}" for suffix in ("", SEALED, PLAIN))):
        if path.is_file():
            return path
    parts = [part for place in (folder / name, Path(name)) for part in parts_left(place.parent, whole_name(place))]
    return parts[0] if parts else None


def read_whole(path: Path, kind: Any) -> Iterator[Any]:
    """The events of all that `path` stands for, each once, as they were heard. What a part repeats at its beginning is
    left out, except of the first one left, when earlier ones are gone. Raises TapeError as `read_tape` does, and when
    a part other than the last has no end."""
    files = files_of(path)
    for number, file in enumerate(files):
        now = _as_it_is_now(file)
        if number + 1 < len(files) and now.name.endswith(PLAIN) and read_end(now) is None:
            raise TapeError(f"{now} has no end, though the recording goes on after it: some of it was lost.")
        yield from read_tape(now, kind, skip_preface=number > 0)


def whole_rows(path: Path) -> Iterator[list[Any]]:
    """The rows of all that `path` stands for, each once; the first file with what it begins with. Raises TapeError."""
    for place, file in enumerate(files_of(path)):
        reading = rows_reading(file)
        reading.skips_preface = place > 0
        yield from reading


def _as_it_is_now(path: Path) -> Path:
    """A plain part may have been sealed since somebody looked."""
    if path.name.endswith(PLAIN) and not path.is_file():
        sealed = path.with_name(path.name + ".zst")
        return sealed if sealed.is_file() else path
    return path
