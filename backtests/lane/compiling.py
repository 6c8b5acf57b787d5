"""The loop of the lane, compiled once a machine: kept in the home folder under a name made of all sources it depends on."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from django.conf import settings

from backtests import compiled
from backtests.compiled import copied
from backtests.lane import account, columns, deciding, exchange, loop, state

ROOT = Path(__file__).parents[2]
SOURCES = ("markets/core", "markets", "markets/tapes", "trading/core", "trading", "backtests/core", "backtests/lane")


@cache
def sources_hash() -> str:
    """SHA-256 (hex) of every file that a feature or a decision depends on, and of what compiles it."""
    sha256 = hashlib.sha256(f"numba {version('numba')} numpy {version('numpy')}".encode())
    for folder in SOURCES:
        for path in sorted((ROOT / folder).glob("*.py")) + sorted((ROOT / folder).glob("[ms]*/*.py")):
            sha256.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return sha256.hexdigest()


@cache
def code_hash() -> str:
    """SHA-256 (hex) of the files whose code is compiled, and of what compiles it."""
    sha256 = hashlib.sha256(f"numba {version('numba')} numpy {version('numpy')}".encode())
    for module in (compiled, account, columns, deciding, exchange, loop, state, *compiled.SOURCES):
        sha256.update(Path(str(module.__file__)).read_bytes())
    return sha256.hexdigest()


@cache
def compiled_loop(name: str) -> Callable[..., Any]:
    """`play_many` or `believe` of the loop as compiled code that holds no lock: it may run in threads."""
    from numba import config, njit  # noqa: PLC0415  # it takes a second, and a live trader must never load it

    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]  # it is made when numba is loaded
    plain = cast("FunctionType", getattr(loop, name))
    return cast("Callable[..., Any]", njit(cache=True, nogil=True)(copied(plain, is_lean=True)))


def is_compiled() -> bool:
    """Whether the loop was compiled on this machine before."""
    return any(_folder().glob("*/loop.play_many*.nbi"))


def _folder() -> Path:
    return Path(settings.BOT_HOME) / "lane" / "compiled" / code_hash()[:16]
