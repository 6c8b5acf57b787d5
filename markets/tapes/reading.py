"""Read the events of one tape back in order, and believe only what is whole."""

import hashlib
import logging
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, Union, cast

import msgspec
import zstandard

from markets.tapes.words import PLAIN, SEALED, VERSION, TapeEnd, TapeError, TapeHeader

BLOCK = 1 << 20
LONGEST_END = 4 * BLOCK  # its gaps make it long
NO_HEADER = "has no header; it is not a tape, or nothing was written to it: delete it."

log = logging.getLogger(__name__)


def read_header(path: Path) -> TapeHeader:
    """The first line of a tape. Raises TapeError."""
    head = b""
    with _opened(path) as source:
        while b"\n" not in head and (block := _read(source, path)):
            head += block
    line, newline, _ = head.partition(b"\n")
    if not newline:
        raise TapeError(f"{path} {NO_HEADER}")
    return _header(path, line)


def read_tape(path: Path, kind: Any, *, skip_preface: bool = False) -> Iterator[Any]:
    """The events of one file in order, without header and end; `kind` is their union type. A part of a recording is
    read by itself, and begins with what was true then, unless `skip_preface` says otherwise.

    A last line that a crash cut off (plain tapes alone can have one) is left out, and logged. Raises TapeError
    when something cannot be read, when a sealed tape has no end, or when its end counts other than is there or has
    the fingerprint of something else.
    """
    decoder = msgspec.json.Decoder(Union[kind, TapeEnd])  # noqa: UP007 - `kind` is only known at run time
    reading = Reading(path, decoder, lambda item: item if type(item) is TapeEnd else None, skip_preface=skip_preface)
    return iter(reading)


def read_rows(path: Path) -> Iterator[list[Any]]:
    """The events of any tape as they are written: lists that begin with the name of the type. Raises TapeError."""
    return iter(rows_reading(path))


def rows_reading(path: Path) -> "Reading":
    """Reads rows, and knows header and end as soon as it has come to them."""
    return Reading(path, msgspec.json.Decoder(list[Any]), _end_row)


def _end_row(row: list[Any]) -> TapeEnd | None:
    return msgspec.convert(row, TapeEnd) if row and row[0] == TapeEnd.__name__ else None


class Reading:
    """One pass over a tape. `header` is there from the first event on, `end` after the last one, if there is an end;
    `size` counts the bytes of whole lines, without the end's."""

    def __init__(
        self,
        path: Path,
        decoder: "msgspec.json.Decoder[Any]",
        end_of: Callable[[Any], TapeEnd | None],
        *,
        skip_preface: bool = False,
    ) -> None:
        self.path = path
        self.header: TapeHeader | None = None
        self.end: TapeEnd | None = None
        self.size = 0
        self.events = 0
        self.preface_left = 0  # events of the preface that were not there
        self.sha256 = hashlib.sha256()
        self._decoder = decoder
        self._end_of = end_of
        self.skips_preface = skip_preface

    def __iter__(self) -> Iterator[Any]:
        path, line = self.path, 1
        for block in self._blocks():
            if self.header is None:
                self._hash(block)
                self.header = _header(path, block[:-1])
                self.preface_left = self.header.preface
                continue
            if self.end is not None:
                raise TapeError(f"{path}: something follows the end in line {line}; two tapes were joined: split them.")
            batch = _decode(path, self._decoder, block, line)
            line += len(batch)
            self._take_end(batch, block)
            preface = min(self.preface_left, len(batch))
            self.preface_left -= preface
            self.events += len(batch) - preface
            yield from batch[preface:] if preface and self.skips_preface else batch
        self._judge()

    def _take_end(self, batch: list[Any], block: bytes) -> None:
        self.end = self._end_of(batch[-1])
        if self.end is None:
            self._hash(block)
            return
        batch.pop()
        self._hash(memoryview(block)[: block.rfind(b"\n", 0, -1) + 1])

    def _hash(self, block: bytes | memoryview) -> None:
        self.sha256.update(block)
        self.size += len(block)

    def _judge(self) -> None:
        """Whether all is there that should be."""
        path, end = self.path, self.end
        if end is None:
            if path.name.endswith(SEALED):
                raise TapeError(
                    f"{path} ends too early: it was cut off after {self.events} events. Make or copy it again."
                )
            return
        if end.events != self.events or self.preface_left:
            raise TapeError(f"{path} holds {self.events} events but its end says {end.events}. Make or copy it again.")
        if end.sha256 and end.sha256 != self.sha256.hexdigest():
            raise TapeError(f"{path} is not what was written: its fingerprint is another. Make or copy it again.")

    def _blocks(self) -> Iterator[bytes]:
        """The header's line, then whole lines in blocks of about a megabyte."""
        path, rest, is_first = self.path, b"", True
        with _opened(path) as source:
            while block := _read(source, path):
                lines, newline, rest = (rest + block).rpartition(b"\n")
                if is_first and newline:
                    is_first = False
                    head, _, lines = lines.partition(b"\n")
                    yield head + b"\n"
                if lines:
                    yield lines + b"\n"
        if is_first:
            raise TapeError(f"{path} {NO_HEADER}")
        if rest and path.name.endswith(SEALED):
            raise TapeError(f"{path} ends inside a line: it was cut off. Make or copy it again.")
        if rest:
            log.warning("%s: the last line was cut off by a crash; its %d bytes are left out", path, len(rest))


def is_complete(path: Path) -> bool:
    """Whether the tape was closed cleanly and is readable up to its end. Raises TapeError if it is no tape."""
    read_header(path)
    return read_end(path) is not None


def read_end(path: Path) -> TapeEnd | None:
    """The last line of a tape, if that is its end, without a look at what lies between; None if it has none, or is
    damaged. Raises TapeError if there is no such file."""
    tail = b""
    try:
        with _opened(path) as source:
            if path.name.endswith(PLAIN):
                tail = _tail(source)
            else:
                while block := _read(source, path):
                    tail = (tail + block)[-LONGEST_END:]
    except TapeError:
        if not path.is_file():
            raise
        return None
    line = tail[tail.rfind(b"\n", 0, -1) + 1 :]
    try:
        return msgspec.json.decode(line, type=TapeEnd) if line.endswith(b"\n") else None
    except msgspec.DecodeError:
        return None


def _tail(source: BufferedIOBase) -> bytes:
    """Enough of the end of a plain tape for its last line."""
    size = source.seek(0, 2)
    source.seek(max(0, size - LONGEST_END))
    return source.read()


def _opened(path: Path) -> BufferedIOBase:
    if not path.name.endswith((PLAIN, SEALED)):
        raise TapeError(f"{path} is not a tape; name a file that ends in {PLAIN} or {SEALED}.")
    try:
        file = path.open("rb")
    except OSError as error:
        raise TapeError(
            f"{path} cannot be opened ({error.strerror}); `kalshi-bot tapes` lists what is there."
        ) from error
    if path.name.endswith(PLAIN):
        return file
    return cast(BufferedIOBase, zstandard.ZstdDecompressor().stream_reader(file, closefd=True))


def _read(source: BufferedIOBase, path: Path) -> bytes:
    try:
        return source.read(BLOCK)
    except (OSError, zstandard.ZstdError) as error:
        raise TapeError(f"{path} is damaged ({error}). Make or copy it again.") from error


def _header(path: Path, line: bytes) -> TapeHeader:
    try:
        header = msgspec.json.decode(line, type=TapeHeader)
    except msgspec.DecodeError as error:
        raise TapeError(f"{path} does not begin with a tape's header; it is not a tape.") from error
    if header.version != VERSION:
        raise TapeError(f"{path} has version {header.version}, this program reads {VERSION}; make the tape again.")
    return header


def _decode(path: Path, decoder: "msgspec.json.Decoder[Any]", block: bytes, line: int) -> list[Any]:
    try:
        return decoder.decode_lines(block)
    except msgspec.DecodeError as error:
        for number, text in enumerate(block.splitlines(), line + 1):
            try:
                decoder.decode(text)
            except msgspec.DecodeError as exact:
                raise TapeError(
                    f"{path}, line {number}: {exact}. It was damaged, or is not for this reader."
                ) from exact
        raise TapeError(f"{path}: {error}. It was damaged, or is not for this reader.") from error
