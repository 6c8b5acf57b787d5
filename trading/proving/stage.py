"""Stage: the database of one proving process, in memory: made once, put back before each schedule, faulty on demand."""

import os
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.core.management import call_command
from django.db import OperationalError, connections
from django.db.utils import ConnectionHandler
from django.utils import timezone

from markets.core.units import SECOND_NS
from trading import services


def _nobody() -> bool:
    return False


DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
COMMIT = "_commit"  # there is no other way to be between two transactions
WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class _VirtualDatetime(datetime):
    """What Django takes the time from: that of the proof, where there is one."""

    clock: Callable[[], int] | None = None

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time."""
        if cls.clock is None:
            return datetime.now(tz)
        seconds, rest = divmod(cls.clock(), SECOND_NS)
        return datetime.fromtimestamp(seconds, tz) + timedelta(microseconds=rest // 1_000)


class Everywhere:
    """Where connections are kept that are the same in all tasks."""


def on_the_loop() -> None:
    """Rows are read and written on the loop of this process, and nobody is nudged: Redis counts as gone."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    services.nudge = _nobody


class Stage:
    """For the thread that makes it, the database named "default" is another one from then on.

    `passes` is told of each statement that writes ("rows") and of each commit ("rows_done"); `is_locked` says whether
    the database takes nothing now; `is_dead` whether who asks was killed.
    """

    def __init__(self) -> None:
        on_the_loop()
        self.passes: Callable[[str], None] = lambda _: None
        self.is_locked: Callable[[], bool] = lambda: False
        self.refused = 0
        handler = ConnectionHandler({"default": DATABASE})
        self._connection: Any = handler["default"]
        connections._connections = Everywhere()  # type: ignore[attr-defined]  # noqa: SLF001 - or each task has its own
        connections["default"] = self._connection
        setattr(timezone, "datetime", _VirtualDatetime)  # noqa: B010 - it is no export
        call_command("migrate", verbosity=0, interactive=False)
        self._template = sqlite3.connect(":memory:")
        self._connection.connection.backup(self._template)
        self._connection.execute_wrappers.append(self._execute)
        self._commit: Callable[[], None] = getattr(self._connection, COMMIT)
        setattr(self._connection, COMMIT, self._committing)

    def keep_time(self, clock: Callable[[], int] | None) -> None:
        """What rows are stamped by from now on (ns); None: the wall."""
        _VirtualDatetime.clock = clock

    def clear(self) -> None:
        """As it was in the beginning: tables without rows."""
        if self._connection.in_atomic_block:
            raise RuntimeError("a transaction was left open")
        self._template.backup(self._connection.connection)

    def _execute(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self._refuse()
        if sql.startswith(WRITES):
            self.passes("rows")
        return execute(sql, params, many, context)

    def _committing(self) -> None:
        self._refuse()
        self._commit()
        self.passes("rows_done")

    def _refuse(self) -> None:
        if self.is_locked():
            self.refused += 1
            raise OperationalError("database is locked")
