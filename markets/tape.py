"""Append events to a file, read them back in order; one line an event."""

import logging
import os
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any, BinaryIO, Union, cast

import msgspec
import zstandard

from markets.core.events import Message

VERSION = 1
PLAIN, SEALED = ".tape", ".tape.zst"
BLOCK = 1 << 20
BUFFER = 1 << 18
LEVEL = 6

log = logging.getLogger(__name__)


class TapeError(Exception):
    """A tape cannot be read or written; the text says which, why, and what to do."""


class TapeHeader(Message, frozen=True):
    """The first line: what this is, where it comes from, and how far to trust it (grade A, B, C)."""

    version: int
    name: str
    source: str
    grade: str
    created_ns: int
    note: str = ""


class TapeEnd(Message, frozen=True):
    """The last line of a tape that was closed cleanly: how many events it holds."""

    events: int


class TapeWriter:
    """Writes `NAME.tape`; closing it seals it as `NAME.tape.zst`. An existing tape is never overwritten
    unless `replace` says so, and then only by a complete new one."""

    def __init__(self, path: Path, header: TapeHeader, *, replace: bool = False) -> None:
        if path.suffix != PLAIN:
            raise TapeError(f"{path}: a tape being written ends in {PLAIN}; give it such a name.")
        self.path = path
        self.sealed_path = path.with_name(path.name + ".zst")
        if not replace and self.sealed_path.exists():
            raise TapeError(
                f"{self.sealed_path} exists already; give the new tape another name, or move the old one away."
            )
        self.events = 0
        self._encode = msgspec.json.Encoder().encode
        self._buffer = bytearray()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = path.open("wb" if replace else "xb", buffering=0)
        except FileExistsError as error:
            raise TapeError(f"{path} exists already; it may be a session's only record: move it away first.") from error
        except OSError as error:
            raise TapeError(
                f"{path}: cannot be written ({error.strerror}); check the folder and its rights."
            ) from error
        self._line(header)
        self.flush()  # from now on it is a tape, whatever happens to who writes it

    def append(self, message: Message) -> None:
        """Add one event. It is in the file after `flush`, or once enough has gathered."""
        self.events += 1
        self._line(message)

    def flush(self) -> None:
        """Hand everything to the operating system: it survives the end of this process."""
        view = memoryview(self._buffer)
        written = 0
        try:
            while written < len(view):
                written += self._file.write(view[written:])
        except OSError as error:
            raise TapeError(f"{self.path}: cannot be written ({error.strerror}); free space on that disk.") from error
        finally:
            view.release()
            del self._buffer[:written]

    def close(self, seal: bool = True) -> Path:
        """Write the end and, to `seal`, compress. Returns the path of what is there then. Closing twice is fine."""
        if not self._file.closed:
            self._line(TapeEnd(self.events))
            self.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if seal:
                seal_tape(self.path)
        return self.sealed_path if self.sealed_path.exists() and not self.path.exists() else self.path

    def _line(self, message: Message) -> None:
        self._buffer += self._encode(message)
        self._buffer += b"\n"
        if len(self._buffer) >= BUFFER:
            self.flush()


def seal_tape(path: Path) -> Path:
    """Compress a plain tape. The sealed one appears whole or not at all; only then does the plain one go."""
    sealed = path.with_name(path.name + ".zst")
    part = sealed.with_name(sealed.name + ".part")
    compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
    try:
        with path.open("rb") as source, part.open("wb") as target:
            compressor.copy_stream(source, target, size=path.stat().st_size)
            target.flush()
            os.fsync(target.fileno())
        part.replace(sealed)
        _sync_folder(path.parent)
        path.unlink()
    except OSError as error:
        part.unlink(missing_ok=True)
        raise TapeError(
            f"{path}: cannot be sealed ({error.strerror}); the plain tape is kept, seal it again."
        ) from error
    return sealed


def read_header(path: Path) -> TapeHeader:
    """The first line of a tape. Raises TapeError."""
    with _opened(path) as source:
        line, newline, _ = _read(source, path).partition(b"\n")
    if not newline:
        raise TapeError(f"{path} has no header; it is not a tape, or nothing was written to it: delete it.")
    return _header(path, line)


def read_tape(path: Path, kind: Any) -> Iterator[Any]:
    """The events of a tape in order, without header and end; `kind` is their union type.

    A last line that a crash cut off (plain tapes alone can have one) is left out, and logged. Raises TapeError
    when something cannot be read, when a sealed tape has no end, or when its end counts other than is there.
    """
    decoder = msgspec.json.Decoder(Union[kind, TapeEnd])  # noqa: UP007 - `kind` is only known at run time
    return _read_events(path, decoder, lambda item: item.events if type(item) is TapeEnd else None)


def read_rows(path: Path) -> Iterator[list[Any]]:
    """The events of any tape as they are written: lists that begin with the name of the type. Raises TapeError."""
    decoder = msgspec.json.Decoder(list[Any])
    return _read_events(path, decoder, lambda row: row[1] if row[0] == TapeEnd.__name__ else None)


def _read_events(path: Path, decoder: Any, end_of: Callable[[Any], int | None]) -> Iterator[Any]:
    events, end, line = 0, None, 1
    for block in _blocks(path):
        if end is not None:
            raise TapeError(f"{path}: something follows the end in line {line}; two tapes were joined: split them.")
        batch = _decode(path, decoder, block, line)
        line += len(batch)
        if batch and (end := end_of(batch[-1])) is not None:
            batch.pop()
        events += len(batch)
        yield from batch
    if end is None and path.name.endswith(SEALED):
        raise TapeError(f"{path} ends too early: it was cut off after {events} events. Make or copy it again.")
    if end is not None and end != events:
        raise TapeError(f"{path} holds {events} events but its end says {end}. Make or copy it again.")


def is_complete(path: Path) -> bool:
    """Whether the tape was closed cleanly and is readable up to its end. Raises TapeError if it is no tape."""
    last, header = b"", read_header(path)
    try:
        for block in _blocks(path):
            last = block
        line = last[last.rfind(b"\n", 0, -1) + 1 :]
        return header.version == VERSION and type(msgspec.json.decode(line, type=TapeEnd)) is TapeEnd
    except (TapeError, msgspec.DecodeError):
        return False


def _blocks(path: Path) -> Iterator[bytes]:
    """Whole lines in blocks of about a megabyte, the header checked and left out."""
    with _opened(path) as source:
        rest = b""
        first = True
        while block := _read(source, path):
            lines, newline, rest = (rest + block).rpartition(b"\n")
            if first and newline:
                first = False
                head, _, lines = lines.partition(b"\n")
                _header(path, head)
            if lines:
                yield lines + b"\n"
    if first:
        raise TapeError(f"{path} has no header; it is not a tape, or nothing was written to it: delete it.")
    if rest and path.name.endswith(SEALED):
        raise TapeError(f"{path} ends inside a line: it was cut off. Make or copy it again.")
    if rest:
        log.warning("%s: the last line was cut off by a crash; its %d bytes are left out", path, len(rest))


def _opened(path: Path) -> BufferedIOBase:
    if not path.name.endswith((PLAIN, SEALED)):
        raise TapeError(f"{path} is not a tape; name a file that ends in {PLAIN} or {SEALED}.")
    try:
        file = path.open("rb")
    except OSError as error:
        raise TapeError(
            f"{path} cannot be opened ({error.strerror}); `manage.py tapes` lists what is there."
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


def _decode(path: Path, decoder: Any, block: bytes, line: int) -> list[Any]:
    try:
        return cast(list[Any], decoder.decode_lines(block))
    except msgspec.DecodeError as error:
        for number, text in enumerate(block.splitlines(), line + 1):
            try:
                decoder.decode(text)
            except msgspec.DecodeError as exact:
                raise TapeError(
                    f"{path}, line {number}: {exact}. It was damaged, or is not for this reader."
                ) from exact
        raise TapeError(f"{path}: {error}. It was damaged, or is not for this reader.") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
