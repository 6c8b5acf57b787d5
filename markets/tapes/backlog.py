"""Backlog: the parts that wait to be synced and sealed, and the thread that does it."""

import contextlib
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from markets.tapes.facts import FileFacts
from markets.tapes.room import Room
from markets.tapes.sealing import QUICK
from markets.tapes.words import TapeError, TapeHeader
from markets.tapes.writing import TapeWriter

MOST_WAITING = 2
NICENESS = 10

Sealed = Callable[[Path, TapeHeader, FileFacts], None]

log = logging.getLogger(__name__)


class Backlog:
    """A thread of low priority that settles parts and makes room. `failure` is why nothing more may be recorded.

    A part that cannot be sealed stays plain, which loses nothing: that is only said. `close` waits for all of it.
    """

    def __init__(self, room: Room, sealed: Sealed | None) -> None:
        self.failure: TapeError | None = None
        self._room = room
        self._sealed = sealed
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._free = threading.BoundedSemaphore(MOST_WAITING)
        self._thread = threading.Thread(target=self._work, name="tape parts", daemon=True)
        self._thread.start()

    def settle(self, writer: TapeWriter, *, seal: bool, wanted: int = 0) -> None:
        """Take over a part that has its end, and see afterwards that `wanted` more bytes fit. Waits when too many
        wait already, which happens only to what is recorded much faster than it happened: disk taken by plain parts
        would outgrow its bound."""
        self._free.acquire()
        self._jobs.put(lambda: self._settle(writer, seal, wanted))

    def make_room(self, wanted: int) -> None:
        """See that so many more bytes fit."""
        self._jobs.put(lambda: self._make_room(wanted))

    def close(self) -> None:
        """Do what is left to do, and end."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # the next part wants to be sealed all the same
                log.exception("a part of a recording could not be looked after")

    def _settle(self, writer: TapeWriter, seal: bool, wanted: int) -> None:
        try:
            path = writer.settle(seal=seal, level=QUICK)
            if seal and self._sealed is not None:
                self._sealed(path, writer.header, writer.facts(path))
        except TapeError as error:
            log.error("%s", error)
        finally:
            self._make_room(wanted)
            self._free.release()

    def _make_room(self, wanted: int) -> None:
        try:
            self._room.make(wanted)
        except TapeError as error:
            self.failure = error
