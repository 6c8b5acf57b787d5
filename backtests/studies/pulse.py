"""A thread that says beside long work that its process is there: compiling, or a pass over a large tape, says nothing for
minutes, and what is silent is given to another."""

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, connection

MOST_QUIET_S = 1_800.0  # work that says nothing for so long hangs: it may be taken over
OFTEN = 4  # times within STUDY_SILENT_S
log = logging.getLogger(__name__)


class Pulse:
    """`with Pulse(say) as pulse:` calls `say` four times within STUDY_SILENT_S while the work says nothing itself; the work
    calls `pulse.heard()` when it does. Ends after half an hour without a word, with the block, and with the process."""

    def __init__(self, say: Callable[[], object]) -> None:
        self._say = say
        self._heard_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="study-pulse", daemon=True)

    def heard(self) -> None:
        """The work has said by itself that it goes on."""
        self._heard_at = time.monotonic()

    def __enter__(self) -> "Pulse":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        pace_s = settings.STUDY_SILENT_S / OFTEN
        try:
            while not self._over.wait(pace_s):
                quiet_s = time.monotonic() - self._heard_at
                if quiet_s > MOST_QUIET_S:
                    log.error("a part of a study said nothing for %.0f s; another worker may take it", quiet_s)
                    return
                if quiet_s >= pace_s:
                    self._told()
        finally:
            connection.close()

    def _told(self) -> None:
        try:
            self._say()
        except DatabaseError as error:
            log.warning("the database did not hear that a study is played: %s", error)
