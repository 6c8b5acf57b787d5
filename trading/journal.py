"""Write-behind: what happened, to the ORM, in batches, from one thread."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from django.db import InterfaceError, OperationalError, close_old_connections, connections

from trading import records
from trading.core.decision import Decision
from trading.core.events import Event
from trading.records import Entry, Subject
from trading.thinning import Thinning, entry

logger = logging.getLogger(__name__)

BATCH = 1_000
LONGEST_WAIT_S = 5.0

Write = Callable[[Subject, Sequence[Entry]], None]


class Journal:
    """A session hands it every step; its thread writes the rows a quarter of a second behind.

    `put` never waits. Facts about money and forecasts are always taken; past `bound` waiting entries signals are left
    out (the tape has them), and `is_behind` tells the session to halt. `failure` is what ended the thread, if anything.
    Whatever was put before a step of the time `written_ns` is in the database, and that step; None: nothing yet.
    """

    def __init__(
        self, subject: Subject, *, bound: int = 20_000, pause_s: float = 0.25, patience_s: float = 10.0,
        write: Write = records.write,
    ) -> None:  # fmt: skip
        self.subject = subject
        self.failure: BaseException | None = None
        self.left_out = 0
        self.written_ns: int | None = None
        self.bound = bound
        self._pause_s = pause_s
        self._patience_s = patience_s
        self._write = write
        self._queue: deque[Entry] = deque()
        self._writing = 0
        self._put_ns: int | None = None
        self._thinning = Thinning()
        self._failing_since: float | None = None
        self._closing = threading.Event()
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, event: Event, decision: Decision) -> None:
        """Take one step of the engine. Cheap, and never waits."""
        kept = entry(event, decision, self._thinning)
        if kept is not None:
            if len(self._queue) >= self.bound and kept.signals:
                self.left_out += len(kept.signals)
                kept = kept._replace(signals=())
            self._queue.append(kept)
        self._put_ns = event.received_ns

    @property
    def backlog(self) -> int:
        """How many entries are not in the database yet."""
        return len(self._queue) + self._writing

    @property
    def is_behind(self) -> bool:
        """Whether the rows are too far behind to go on trading: over the bound, failing for long, or dead."""
        failing_since = self._failing_since
        is_failing = failing_since is not None and time.monotonic() - failing_since > self._patience_s
        return self.failure is not None or is_failing or self.backlog > self.bound

    def close(self, timeout_s: float = 30.0) -> bool:
        """Write everything that waits, then end the thread. False when something could not be written in time."""
        self._give_up_at = time.monotonic() + timeout_s
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s + LONGEST_WAIT_S)
        return self.failure is None and not self.backlog and not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._closing.wait(self._pause_s):
                self._drain()
            self._drain()
        except BaseException as error:
            logger.exception("the journal ended: %d entries are not in the database", self.backlog)
            self.failure = error
        finally:
            connections.close_all()

    def _drain(self) -> None:
        close_old_connections()
        put_ns = self._put_ns  # asked before the queue is emptied: what was put by then is in it, or written
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._writing = len(batch)
            self._write_patiently(batch)
            self._writing = 0
        self.written_ns = put_ns

    def _write_patiently(self, batch: list[Entry]) -> None:
        """A database that is away or busy is asked again, later and later; any other error is final."""
        wait_s = self._pause_s
        while True:
            try:
                self._write(self.subject, batch)
            except (OperationalError, InterfaceError) as error:
                self._failing_since = self._failing_since or time.monotonic()
                if time.monotonic() + wait_s > self._give_up_at:
                    raise
                logger.warning("the journal could not write (%s); again in %.2f s", error, wait_s)
                connections.close_all()
                time.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                self._failing_since = None
                return
