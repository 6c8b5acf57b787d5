"""The database of a trader in a process of its own: made with tables, and read from outside."""

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.utils import ConnectionHandler

from markets.core.units import DOLLAR
from trading.core.limits import RiskLimits
from trading.proving.stage import Everywhere, on_the_loop


@contextmanager
def rows_of(path: Path) -> Iterator[None]:
    """The database named "default" is this file, in this thread."""
    on_the_loop()
    before, connections._connections = connections._connections, Everywhere()  # type: ignore[attr-defined]  # noqa: SLF001
    handler = ConnectionHandler({"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(path)}})
    connections["default"] = handler["default"]
    try:
        yield
    finally:
        connections["default"].close()
        connections._connections = before  # type: ignore[attr-defined]  # noqa: SLF001


def template_made(path: Path) -> None:
    """A database with all tables and no rows."""
    environment = os.environ | {"BOT_HOME": str(path.parent), "DATABASE_URL": f"sqlite:///{path}"}
    words = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(words, cwd=settings.BASE_DIR, env=environment, check=True)


def tight_limits(rng: random.Random) -> RiskLimits:
    """Limits that matter in such a proof."""
    market = rng.choice((10, 40))
    return RiskLimits(
        max_daily_loss=300 * DOLLAR,
        max_market_exposure=market * DOLLAR,
        max_close_exposure=market * DOLLAR,
        max_total_exposure=2 * market * DOLLAR,
        max_market_share_bp=10_000,
        max_close_share_bp=10_000,
        max_total_share_bp=10_000,
        max_order_count=rng.choice((1_000, 5_000)),
        max_orders_per_minute=rng.choice((10, 60)),
        max_drawdown_bp=10_000,
        max_losing_streak=1_000,
        max_stale_ms=3_600_000,
        max_rejects_per_minute=1_000,
    )


def number_in(folder: Path, query: str) -> int:
    """What a query for one number finds in the database of that folder; -1 while it is locked."""
    with suppress(sqlite3.OperationalError):
        base = sqlite3.connect(f"file:{folder}/db.sqlite3?mode=ro", uri=True, timeout=2.0)
        try:
            return int(base.execute(query).fetchone()[0])
        finally:
            base.close()
    return -1


def mode_in(folder: Path) -> tuple[str, str]:
    """The mode that the trader says it is in, and why; empty where it says nothing."""
    base = sqlite3.connect(f"file:{folder}/db.sqlite3?mode=ro", uri=True, timeout=5.0)
    row: Any = None
    try:
        row = base.execute("SELECT actual_mode, actual_reason FROM trading_traderstatus").fetchone()
    finally:
        base.close()
    return (str(row[0]), str(row[1])) if row else ("", "")
