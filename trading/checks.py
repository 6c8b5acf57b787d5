"""Django system checks: a market we have, a tape that is there, a folder we can write to."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error

from markets.tape import TapeError, read_header

MARKETS = ("demo", "tape", "real")


def market(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """MARKET names a source of the market that exists."""
    if settings.MARKET in MARKETS:
        return []
    if settings.MARKET == "live":
        return [Error("MARKET=live: trading real money is not available yet", hint=_one_of(), id="trading.E001")]
    return [Error(f"MARKET={settings.MARKET}: there is no such market", hint=_one_of(), id="trading.E002")]


def tape(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """With MARKET=tape, TAPE is a tape: a path, or a name in BOT_HOME/tapes."""
    if settings.MARKET != "tape":
        return []
    if not settings.TAPE:
        return [
            Error("MARKET=tape needs a tape", hint="Set TAPE to a file, or to a name in tapes/.", id="trading.E003")
        ]
    found = next((path for path in _places(settings.TAPE) if path.is_file()), None)
    if found is not None:
        return _unreadable(found)
    hint = f"Looked for {', '.join(str(path) for path in _places(settings.TAPE))}."
    return [Error(f"TAPE={settings.TAPE}: there is no such tape", hint=hint, id="trading.E004")]


def _unreadable(path: Path) -> list[CheckMessage]:
    """A file that is no tape is said now, not by a trader that dies again and again."""
    try:
        read_header(path)
    except (TapeError, OSError) as error:
        return [Error(f"TAPE cannot be played: {str(error).rstrip('.')}", id="trading.E006")]
    return []


def bot_home(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Everything we write goes to BOT_HOME, so we must be able to."""
    folder = Path(settings.BOT_HOME)
    if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
        return []
    hint = "Set BOT_HOME to a folder that this user can write to."
    return [Error(f"BOT_HOME={folder} is not a folder we can write to", hint=hint, id="trading.E005")]


def _places(name: str) -> list[Path]:
    folder = Path(settings.TAPES_DIR)
    return [Path(name), *(folder / f"{name}{suffix}" for suffix in ("", ".tape.zst", ".tape"))]


def _one_of() -> str:
    return f"Set MARKET to one of {', '.join(MARKETS)}."
