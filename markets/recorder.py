"""Recorder: everything that is heard, as a recording in parts of an hour; each is a tape of its own."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from markets.core.events import Message
from markets.core.gaps import GapIndex
from markets.core.standing import Standing
from markets.core.units import SECOND_NS
from markets.tapes.backlog import Backlog, Sealed
from markets.tapes.parts import part_path, parts_left
from markets.tapes.room import Room, TapeUsage
from markets.tapes.words import MARKET_KINDS, TapeError, TapeHeader
from markets.tapes.writing import TapeWriter

HOUR_NS = 3_600 * SECOND_NS
TURN_NS = 450 * SECOND_NS  # after the hour: in the middle of a quarter, when nothing opens, closes or settles
PART_BYTES = 256 << 20  # plain
PARTS_IN_BOUND = 16  # a part is at most that share of what all may take
PARTS_AHEAD = 3  # what may be written before room is made again: this part, the next, one more while it is sealed
LOOKS = 8  # at the room while a part grows


class Recorder:
    """Writes NAME.p0001.tape, NAME.p0002.tape, … and seals each as soon as the next has begun, in another thread.

    A part ends with the hour of the events' own clock, or when it has grown large. The next one begins with what was
    true at that moment, so that it can be played alone; who reads all of them leaves that out. `append` and `flush`
    are as quick as a buffer and a write; what takes its time (sync, compression, making room) is done elsewhere.
    When the recording can no longer be kept, `flush` and the next event of the market raise TapeError: end what must
    not go on unrecorded.
    """

    def __init__(
        self,
        folder: Path,
        header: TapeHeader,
        *,
        max_bytes: int | None = None,
        part_bytes: int = PART_BYTES,
        protected: Callable[[], set[str]] | None = None,
        sealed: Sealed | None = None,
        removed: Callable[[Path], None] | None = None,
    ) -> None:
        """`header.name` is the name of the whole. `max_bytes` is what all recordings in `folder` may take, None for no
        bound; the names in `protected()` stay whatever happens; `sealed` and `removed` hear, in the other thread,
        of each file that is whole and of each that went. Raises TapeError when there is no room, or the name is taken."""
        if parts_left(folder, header.name):
            raise TapeError(f"{folder}: a recording {header.name!r} exists already; give the new one another name.")
        self.folder = folder
        self.name = header.name
        self.room = Room(folder, max_bytes, protected=protected, removed=removed)
        self._header = header
        self._part_bytes = part_bytes if max_bytes is None else min(part_bytes, max_bytes // PARTS_IN_BOUND)
        self.room.make(PARTS_AHEAD * self._part_bytes)
        self._gaps = GapIndex()
        self._standing = Standing()
        self._hears = self._standing.hears
        self._turn_ns = 0
        self._ended_events = 0
        self._looked_at = 0  # bytes of this part when the room was last looked at
        self._writer = self._next_part(1, 0)
        self._backlog = Backlog(self.room, sealed)
        self._is_closed = self._is_broken = False

    @property
    def path(self) -> Path:
        """The file that is being written."""
        return self._writer.path

    @property
    def events(self) -> int:
        """How many messages were appended."""
        return self._ended_events + self._writer.events

    @property
    def parts(self) -> int:
        """How many parts were begun."""
        return self._number

    def append(self, message: Message) -> None:
        """Add one message. It is in the file after `flush`, or once enough has gathered. Only before an event of the
        market may a new part begin: what a session says of an event stays in the same part. Raises TapeError."""
        kind = type(message)
        writer = self._writer
        if kind in MARKET_KINDS:
            now_ns: int = message.received_ns  # type: ignore[attr-defined]  # as all of these have
            if now_ns >= self._turn_ns or writer.bytes >= self._part_bytes:
                writer = self._turn(now_ns)
            take = self._hears.get(kind)
            if take is not None:
                take(message)
        writer.append(message)

    def flush(self) -> None:
        """Hand everything to the operating system: it survives the end of this process. Raises TapeError."""
        if self._backlog.failure is not None:
            raise self._backlog.failure
        self._writer.flush()
        if self._writer.bytes - self._looked_at >= self._part_bytes // LOOKS:
            self._looked_at = self._writer.bytes
            self._backlog.make_room(0)

    def close(self, seal: bool = True) -> Path:
        """Write the end and, to `seal`, compress what is left to compress; waits for it. Returns the path that stands
        for the whole recording. Closing twice is fine. Raises TapeError when the end cannot be written."""
        if not self._is_closed:
            self._is_closed = True
            try:
                if not self._is_broken:
                    self._writer.end()
                    self._backlog.settle(self._writer, seal=seal)
            finally:
                self._backlog.close()
                self._writer.drop()
        return next(iter(parts_left(self.folder, self.name)), self._writer.path)

    def usage(self) -> TapeUsage:
        """What recordings take of the disk now."""
        return self.room.usage()

    def _turn(self, now_ns: int) -> TapeWriter:
        """The writer for an event of this time: the next part's, if it has come to that."""
        if self._backlog.failure is not None:
            self._turn_ns = -1
            raise self._backlog.failure
        if self._turn_ns:
            self._begin_next(now_ns)
        self._turn_ns = ((now_ns - TURN_NS) // HOUR_NS + 1) * HOUR_NS + TURN_NS
        return self._writer

    def _begin_next(self, now_ns: int) -> None:
        last = self._writer
        try:
            last.end()
            self._writer = self._next_part(self._number + 1, now_ns)
        except TapeError as error:
            self._turn_ns = -1  # every further event comes here, and is refused
            self._backlog.failure = error
            self._is_broken = True
            raise
        self._ended_events += last.events
        self._looked_at = 0
        self._backlog.settle(last, seal=True, wanted=PARTS_AHEAD * self._part_bytes)

    def _next_part(self, number: int, now_ns: int) -> TapeWriter:
        """Begin a part; any but the first with what stands."""
        preface = []
        if number > 1:
            with _uncollected():
                preface = list(self._standing.told(now_ns, self._gaps.open_ones))
            self._gaps.begin_part(now_ns, self._standing.venue_books)
        self._number = number
        header = msgspec.structs.replace(self._header, part=number, preface=len(preface))
        path = part_path(self.folder, self.name, number)
        return TapeWriter(path, header, preface=preface, gaps=self._gaps)


@contextmanager
def _uncollected() -> Iterator[None]:
    """So many levels are made at once that the garbage collector would look through everything, several times."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
