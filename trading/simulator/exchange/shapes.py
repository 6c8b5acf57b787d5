"""How our numbers read on the exchange's wire: ids, times, dollars, contracts."""

import hashlib
import uuid
from datetime import UTC, datetime
from typing import Literal

from markets.core.units import MILLISECOND_NS, SECOND_NS

IdKind = Literal["order", "trade", "group", "transfer", "user", "market", "event", "change"]
_KINDS: tuple[IdKind, ...] = ("order", "trade", "group", "transfer", "user", "market", "event", "change")
_MIX = 0x9E3779B97F4A7C15  # odd: multiplying by it is a bijection of 64-bit numbers
_BACK = pow(_MIX, -1, 1 << 64)
_LOW = (1 << 64) - 1


def id_of(kind: IdKind, number: int) -> str:
    """A UUID for one of our numbers, always the same; `number_of` reads it back."""
    mixed = (number * _MIX) & _LOW
    tag = int.from_bytes(hashlib.blake2b(f"{kind}{mixed & 0xFFFF}".encode(), digest_size=6).digest())
    # The 62 bits that a version 4 UUID leaves free in its lower half would be two short of 64: those go above.
    high = (tag << 16) | 0x4000 | (_KINDS.index(kind) << 2) | (mixed >> 62)
    low = (0b10 << 62) | (mixed & ((1 << 62) - 1))
    return str(uuid.UUID(int=(high << 64) | low))


def number_of(kind: IdKind, text: str) -> int | None:
    """The number that `id_of` made this id of; None when it is not such an id."""
    try:
        value = uuid.UUID(text).int
    except ValueError:
        return None
    mixed = (value & ((1 << 62) - 1)) | (((value >> 64) & 0b11) << 62)
    number = (mixed * _BACK) & _LOW
    return number if text == id_of(kind, number) else None


def id_of_text(kind: str, text: str) -> str:
    """A UUID for a name (a market's ticker, a change), always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}:{text}"))


def iso(at_ns: int) -> str:
    """2026-11-22T16:50:00.123456Z; whole seconds without a fraction."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    micros = rest // 1_000
    return f"{text}.{micros:06d}Z" if micros else f"{text}Z"


def millis(at_ns: int) -> int:
    """Unix milliseconds."""
    return at_ns // MILLISECOND_NS


def seconds(at_ns: int) -> int:
    """Unix seconds."""
    return at_ns // SECOND_NS
