"""The tape of a session: a recording in parts, listed in the catalogue as they are sealed, within the disk's bound."""

import logging
import threading
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections

from markets import catalogue, services
from markets.recorder import Recorder
from markets.tape import VERSION, TapeError, TapeHeader
from trading.playback import INVENTED, SESSION
from trading.source import Source

log = logging.getLogger(__name__)


def session_tape(account: str, source: Source, started_at: datetime) -> Recorder:
    """Begin the tape of a session. Raises TapeError when there is no room for it."""
    name = f"session-{account}-{started_at:%Y%m%dT%H%M%S%f}"
    grade = INVENTED if source.is_simulated else ""
    created_ns = int(started_at.timestamp()) * 1_000_000_000
    header = TapeHeader(VERSION, name, SESSION, grade, created_ns, f"paper session on {source.name}")
    return Recorder(
        Path(settings.TAPES_DIR),
        header,
        max_bytes=int(settings.TAPES_MAX_GB * 1e9),
        protected=catalogue.in_use,
        sealed=catalogue.part_sealed,
        removed=catalogue.part_removed,
    )


def mend_in_background() -> threading.Thread:
    """What sessions that died have left is ended, sealed and listed, beside the session that begins."""
    thread = threading.Thread(target=_mend, name="mend", daemon=True)
    thread.start()
    return thread


def _mend() -> None:
    """A database that is away costs rows, never a tape: `kalshi-bot tapes mend` makes up for it."""
    try:
        services.tapes_mend(Path(settings.TAPES_DIR))
    except (DatabaseError, TapeError):
        log.exception("the catalogue of tapes could not be written")
    finally:
        connections.close_all()
