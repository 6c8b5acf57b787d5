"""What can be wrong with a frame: bytes that are no JSON, and fields of another type than the venue's."""

import random
from math import isfinite
from typing import Any

import msgspec

_ENDINGS = (b"", b"}", b"]]", b'"', b"\x00")


def garbage(frame: bytes, rng: random.Random) -> bytes:
    """Something in the place of a frame: random bytes, half of a frame, or good JSON that says nothing."""
    choice = rng.randrange(4)
    if choice == 0:
        return rng.randbytes(rng.randint(1, 200))
    if choice == 1:
        return frame[: rng.randint(0, max(0, len(frame) - 1))] + rng.choice(_ENDINGS)
    if choice == 2:
        return rng.choice((b"null", b"[]", b"{}", b"7", b'"word"', b"[1,2,3]", b'{"no":"sense"}'))
    return bytes(frame).replace(b'"', b"'", 3)


def mistyped(frame: bytes, rng: random.Random) -> bytes:
    """The same frame with one of its fields of another type: a number for a string, a string for a number.

    A number in text stays the same number: to take it all the same is no mistake.
    """
    try:
        document = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return b"7" + frame
    places = list(_leaves(document))
    if not places:
        return b"7"
    holder, key = rng.choice(places)
    value = holder[key]
    holder[key] = _number(value) if isinstance(value, str) else f"x{value}"
    return msgspec.json.encode(document)


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 7
    return value if isfinite(value) else 7


def _leaves(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a document that holds a string or a number."""
    if isinstance(value, dict):
        items: list[tuple[Any, Any]] = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    else:
        return []
    found = []
    for key, inner in items:
        if isinstance(inner, dict | list):
            found += _leaves(inner)
        elif inner is not None:
            found.append((value, key))
    return found
