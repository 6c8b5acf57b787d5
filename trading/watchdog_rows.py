"""What the watchdog reads from the rows and writes into them, in a thread of its own: a database that is away or hangs holds
nothing up."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, close_old_connections, connections

from trading import services
from trading.models import TraderStatus
from trading.switches import WATCHDOG

logger = logging.getLogger(__name__)
Write = Callable[[], object]


class Rows:
    """`halted_policy` is what a halt is to do with what rests, "" while none is wanted; None while nobody can say."""

    def __init__(self, account: str, *, interval_s: float = 1.0) -> None:
        self.account = account
        self.halted_policy: str | None = None
        self._interval_s = interval_s
        self._writes: deque[Write] = deque(maxlen=50)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rows", daemon=True)
        self._is_away = False

    def start(self) -> None:
        """Begin to read, once a second."""
        self._thread.start()

    def stop(self, within_s: float = 2.0) -> None:
        """Write what is left, and end."""
        self._stopping.set()
        self._thread.join(within_s)

    def note(self, text: str) -> None:
        """A person has to see it: a discrepancy of the account is opened and real orders are disarmed, as soon as the
        database answers."""
        self._writes.append(lambda: services.discrepancy_open(WATCHDOG, self.account, text))
        self._writes.append(lambda: services.disarm(self.account, by=WATCHDOG, reason=text))

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            self._turn()
        self._turn()
        connections.close_all()

    def _turn(self) -> None:
        try:
            close_old_connections()
            while self._writes:
                self._writes[0]()
                self._writes.popleft()
            self.halted_policy = self._read()
            self._is_away = False
        except (DatabaseError, InterfaceError) as error:
            self.halted_policy = None
            if not self._is_away:
                logger.warning("the database is away (%s): file and beats are looked at all the same", error)
            self._is_away = True
            connections.close_all()

    @staticmethod
    def _read() -> str:
        row = TraderStatus.objects.filter(pk=1).values_list("wanted_mode", "wanted_policy").first()
        return str(row[1]) if row is not None and row[0] == "HALTED" else ""
