"""TapeWriter: append events to one file."""

import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from markets.core.events import BookSnapshot, FeedStatus, MarketEvent, MarketListed, Message, SpotBook, SpotPrice
from markets.core.gaps import GapIndex
from markets.tapes.facts import FileFacts, fingerprint
from markets.tapes.sealing import LEVEL, seal_tape, sealed_path
from markets.tapes.words import MARKET_KINDS, PLAIN, TapeEnd, TapeError, TapeHeader

BUFFER = 1 << 18
NOTED = frozenset({BookSnapshot, FeedStatus, MarketListed, SpotBook, SpotPrice})


class TapeWriter:
    """Writes `NAME.tape`; closing it seals it as `NAME.tape.zst`. An existing tape is never overwritten
    unless `replace` says so, and then only by a complete new one. As long as it is open the plain file is locked:
    so everybody can see that its writer lives."""

    def __init__(
        self,
        path: Path,
        header: TapeHeader,
        *,
        replace: bool = False,
        preface: Iterable[MarketEvent] = (),
        gaps: GapIndex | None = None,
    ) -> None:
        """`preface` are the events that `header.preface` counts; `gaps` knows of them already."""
        if path.suffix != PLAIN:
            raise TapeError(f"{path}: a tape being written ends in {PLAIN}; give it such a name.")
        self.path = path
        self.header = header
        self.sealed_path = sealed_path(path)
        if not replace and self.sealed_path.exists():
            raise TapeError(
                f"{self.sealed_path} exists already; give the new tape another name, or move the old one away."
            )
        self.events = 0
        self.bytes = 0  # handed to the operating system
        self._gaps = GapIndex() if gaps is None else gaps
        self._first_ns = self._last_ns = 0
        self._has_end = False
        self._losses = 0
        self._listed: set[str] = set()
        self._sha256 = hashlib.sha256()
        self._encode_into = msgspec.json.Encoder().encode_into
        self._buffer = bytearray()
        self._file = claimed(path, replace=replace)
        self._line(header)
        carried: set[str] = set()
        for event in preface:  # which `gaps` has heard when it was news
            self._first_ns = self._last_ns = event.received_ns
            if type(event) is MarketListed:
                carried.add(event.contract.ticker)
            self._line(event)
        self._carried = frozenset(carried)
        self.flush()  # from now on it is a tape, whatever happens to who writes it

    def append(self, message: Message) -> None:
        """Add one event. It is in the file after `flush`, or once enough has gathered."""
        self.events += 1
        kind = type(message)
        if kind in MARKET_KINDS:
            self._last_ns = message.received_ns  # type: ignore[attr-defined]  # as all of these have
            if kind in NOTED or self._gaps.pending or not self._first_ns:
                self._note(message)  # type: ignore[arg-type]
        buffer = self._buffer
        self._encode_into(message, buffer, -1)
        buffer += b"\n"
        if len(buffer) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Hand everything to the operating system: it survives the end of this process. Raises TapeError, and keeps
        what could not be written for the next try."""
        view = memoryview(self._buffer)
        written = 0
        try:
            while written < len(view):
                with view[written:] as rest:
                    written += self._file.write(rest)
        except OSError as error:
            raise TapeError(f"{self.path}: cannot be written ({error.strerror}); free space on that disk.") from error
        finally:
            self._sha256.update(view[:written])
            view.release()
            del self._buffer[:written]
            self.bytes += written

    @property
    def is_open(self) -> bool:
        """Whether the file is still ours."""
        return not self._file.closed

    def end(self) -> None:
        """Write the end; nothing can be appended after it. Raises TapeError; then it may be tried again."""
        self.flush()
        if not self._has_end:
            self._has_end = True
            gaps, self._losses = self._gaps.told(self._last_ns), self._gaps.losses
            self._line(TapeEnd(self.events, self._sha256.hexdigest(), self._first_ns, self._last_ns, gaps))
            self.flush()

    def settle(self, *, seal: bool, level: int = LEVEL) -> Path:
        """After `end`: wait until it is on the disk, `seal` it, and let go of it; returns what is there then.
        This takes its time, and may be done by another thread. Raises TapeError."""
        with self._file as file:
            try:
                os.fsync(file.fileno())
            except OSError as error:
                raise TapeError(
                    f"{self.path}: cannot be written ({error.strerror}); free space on that disk."
                ) from error
            return seal_tape(self.path, level=level) if seal else self.path

    def facts(self, path: Path) -> FileFacts:
        """What is in the file that it has become. Raises TapeError."""
        try:
            size = path.stat().st_size
        except OSError as error:
            raise TapeError(f"{path} is gone ({error.strerror}).") from error
        return FileFacts(
            path.name,
            self.events,
            self._first_ns,
            self._last_ns,
            len(self._listed - self._carried),
            len(self._carried),
            self._losses,
            size,
            fingerprint(path),
        )

    def drop(self) -> None:
        """Let go of the file as it is."""
        self._file.close()

    def close(self, seal: bool = True) -> Path:
        """Write the end and, to `seal`, compress. Returns the path of what is there then. Closing twice is fine."""
        if self.is_open:
            try:
                self.end()
            except TapeError:
                self.drop()
                raise
            return self.settle(seal=seal)
        return self.sealed_path if self.sealed_path.exists() and not self.path.exists() else self.path

    def _note(self, event: MarketEvent) -> None:
        self._first_ns = self._first_ns or event.received_ns
        self._last_ns = event.received_ns
        self._gaps.hear(event)
        if type(event) is MarketListed:
            self._listed.add(event.contract.ticker)

    def _line(self, message: Message) -> None:
        self._encode_into(message, self._buffer, -1)
        self._buffer += b"\n"


def claimed(path: Path, *, replace: bool) -> BinaryIO:
    """The file, open for writing, empty, and ours alone for as long as it is open. Raises TapeError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file: BinaryIO = path.open("ab" if replace else "xb", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (fcntl.LOCK_NB if replace else 0))
                if is_still(file, path):
                    os.truncate(file.fileno(), 0)
                    return file
            except OSError:
                file.close()
                raise
            file.close()  # somebody took it for a dead writer's before it was locked
    except FileExistsError as error:
        raise TapeError(f"{path} exists already; it may be a session's only record: move it away first.") from error
    except BlockingIOError as error:
        raise TapeError(f"{path} is being written by another process; wait for it, or stop it.") from error
    except OSError as error:
        raise TapeError(f"{path}: cannot be written ({error.strerror}); check the folder and its rights.") from error


def is_still(file: BinaryIO, path: Path) -> bool:
    """Whether the name still leads to this open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
