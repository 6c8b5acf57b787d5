"""Ids: UUIDs made from our numbers and a salt, and back; they look random and are the same in every run with that salt."""

import hashlib
from functools import lru_cache
from typing import Literal
from uuid import UUID

Kind = Literal["order", "trade", "market", "user", "group", "transfer"]
LOW_BITS = 62  # of a UUID below its variant
MASK = (1 << LOW_BITS) - 1
FACTOR = 0x1B873593CC9E2D51 & MASK | 1
BACK = pow(FACTOR, -1, 1 << LOW_BITS)
VERSION_4, VARIANT = 0x4000, 0b10


class Ids:
    """The ids of one life of the exchange: another life, another salt, so that its trades are never taken for old ones."""

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._high = lru_cache(maxsize=32)(self._high_of)
        self._shift = lru_cache(maxsize=32)(self._shift_of)

    def text(self, kind: Kind, number: int) -> str:
        """The id of our thing number `number`, which is 0 or more."""
        low = (number + self._shift(kind)) * FACTOR & MASK
        return str(UUID(int=self._high(kind) << 64 | VARIANT << LOW_BITS | low))

    def number(self, kind: Kind, text: str) -> int | None:
        """The number of the thing with this id; None for what is no id of this kind and life."""
        try:
            value = UUID(text).int
        except ValueError:
            return None
        low = value & (1 << 64) - 1
        if value >> 64 != self._high(kind) or low >> LOW_BITS != VARIANT:
            return None
        return ((low & MASK) * BACK - self._shift(kind)) & MASK

    def named(self, kind: Kind, name: str) -> str:
        """The id of something that has a name instead of a number."""
        digest = hashlib.sha256(f"{kind}:{name}".encode()).digest()
        return str(UUID(bytes=digest[:16], version=4))

    def _high_of(self, kind: Kind) -> int:
        high = int.from_bytes(hashlib.sha256(f"{self._salt}:{kind}".encode()).digest()[:8], "big")
        return high & 0xFFFF_FFFF_FFFF_0FFF | VERSION_4

    def _shift_of(self, kind: Kind) -> int:
        digest = hashlib.sha256(f"{self._salt}:{kind}:shift".encode()).digest()
        return int.from_bytes(digest[:7], "big")
