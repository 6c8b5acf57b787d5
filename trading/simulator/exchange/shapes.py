"""How our numbers read on the exchange's wire: ids, times, dollars, contracts."""

import hashlib
import uuid
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from markets.core.units import MILLISECOND_NS, SECOND_NS

IdKind = Literal["order", "trade", "group", "transfer", "user", "market", "event", "change", "key"]
LOW_BITS = 62  # of a UUID below its variant
MASK = (1 << LOW_BITS) - 1
FACTOR = 0x1B873593CC9E2D51 & MASK | 1  # odd, so that multiplying by it can be undone
BACK = pow(FACTOR, -1, 1 << LOW_BITS)
VERSION_4, VARIANT = 0x4000, 0b10
LAST_NS = 253_402_300_799 * SECOND_NS  # the year 9999 ends
_SALT = [""]


def salt_ids(salt: str) -> None:
    """Ids are made with this from now on: another life of the exchange, other ids, so that no trade is taken for an old one."""
    _SALT[0] = salt
    _high_of.cache_clear()


def id_of(kind: IdKind, number: int) -> str:
    """A UUID for one of our numbers (0 or more), always the same; `number_of` reads it back."""
    high, shift = _high_of(kind)
    low = (number + shift) * FACTOR & MASK
    return str(uuid.UUID(int=high << 64 | VARIANT << LOW_BITS | low))


def number_of(kind: IdKind, text: str) -> int | None:
    """The number that this id was made of; None when it is no id of this kind."""
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return None
    high, shift = _high_of(kind)
    low = value & (1 << 64) - 1
    if value >> 64 != high or low >> LOW_BITS != VARIANT:
        return None
    return ((low & MASK) * BACK - shift) & MASK


def id_of_text(kind: IdKind, text: str) -> str:
    """The UUID of something that has a name instead of a number (a market), in every life the same."""
    return str(uuid.UUID(bytes=hashlib.sha256(f"{kind}:{text}".encode()).digest()[:16], version=4))


def iso(at_ns: int) -> str:
    """2026-11-22T16:50:00.123456Z; whole seconds without a fraction."""
    whole, rest = divmod(min(at_ns, LAST_NS), SECOND_NS)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    micros = rest // 1_000
    return f"{text}.{micros:06d}Z" if micros else f"{text}Z"


def millis(at_ns: int) -> int:
    """Unix milliseconds."""
    return at_ns // MILLISECOND_NS


def seconds(at_ns: int) -> int:
    """Unix seconds."""
    return at_ns // SECOND_NS


@lru_cache(maxsize=64)
def _high_of(kind: IdKind) -> tuple[int, int]:
    digest = hashlib.sha256(f"{_SALT[0]}:{kind}".encode()).digest()
    high = int.from_bytes(digest[:8], "big") & 0xFFFF_FFFF_FFFF_0FFF | VERSION_4
    return high, int.from_bytes(digest[8:15], "big")
