"""The tape of a session: a recording in parts, listed in the catalogue as they are sealed, within the disk's bound."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connections
from django.utils.module_loading import import_string

from markets import services
from markets.recorder import Recorder
from markets.tape import VERSION, TapeHeader
from markets.tapes.facts import FileFacts
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
        protected=_protected,
        sealed=_sealed,
        removed=_removed,
    )


def mend_in_background() -> threading.Thread:
    """What sessions that died have left is ended, sealed and listed, beside the session that begins."""
    thread = threading.Thread(target=lambda: _said(lambda: services.tapes_mend(Path(settings.TAPES_DIR))), daemon=True)
    thread.start()
    return thread


def _protected() -> set[str]:
    names: set[str] = set()
    _said(lambda: names.update(import_string(settings.PROTECTED_TAPES)()))
    return names


def _sealed(path: Path, header: TapeHeader, facts: FileFacts) -> None:
    _said(lambda: services.tape_part_sealed(path, header, facts))


def _removed(path: Path) -> None:
    _said(lambda: services.tape_part_removed(path))


def _said(write: Callable[[], object]) -> None:
    """Write to the catalogue from a thread of its own. A database that is away costs the row, never the tape."""
    try:
        write()
    except DatabaseError:
        log.exception("the catalogue of tapes could not be written; `kalshi-bot tapes mend` makes up for it")
    finally:
        if threading.current_thread() is not threading.main_thread():
            connections.close_all()
