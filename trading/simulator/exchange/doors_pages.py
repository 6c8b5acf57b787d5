"""Pages: a cursor says after which row the next page begins, and only fits the call, the account and the filters it came from."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import TypeVar

import msgspec

from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import invalid

T = TypeVar("T")
Key = tuple[int | str, ...]
_OUTSIDE = ("cursor", "limit")


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """What a cursor holds: a fingerprint of what was asked, and the key of the last row that was given."""

    asked: str
    key: tuple[int | str, ...]


def page(
    query: Query, rows: Iterable[T], key: Callable[[T], Key], whose: str, *, usual: int = 100, least: int = 1,
    most: int = 1000,
) -> tuple[list[T], str]:  # fmt: skip
    """(the rows of this page, the cursor of the next one or ""). `rows` come with the first part of their `key` falling
    (where it is equal they may come in any order), all keys are different, and no more of them are looked at than needed.
    `whose` names the call and the account. Raises ApiError (400) on a cursor of other filters."""
    limit = query.number("limit", least, most) or usual
    asked = _fingerprint(query, whose)
    cursor = query.text("cursor")
    try:
        found = _found(rows, key, limit, _read(cursor, asked) if cursor else None)
    except TypeError as error:
        raise invalid("cursor is not one of ours") from error
    more = len(found) > limit
    return found[:limit], _write(Mark(asked, key(found[limit - 1]))) if more else ""


def _found(rows: Iterable[T], key: Callable[[T], Key], limit: int, after: Key | None) -> list[T]:
    """At least one row more than the limit, if there are so many, in order."""
    found: list[tuple[Key, T]] = []
    for row in rows:
        own = key(row)
        if len(found) > limit and own[0] != found[-1][0][0]:
            break
        if after is None or own < after:
            found.append((own, row))
    found.sort(key=itemgetter(0), reverse=True)
    return [row for _, row in found]


def _fingerprint(query: Query, whose: str) -> str:
    filters = sorted((name, value) for name, value in query.values.items() if name not in _OUTSIDE and value)
    said = repr((whose, filters)).encode(errors="replace")
    return hashlib.blake2b(said, digest_size=9).hexdigest()


def _write(mark: Mark) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(mark)).decode().rstrip("=")


def _read(cursor: str, asked: str) -> Key:
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        mark = msgspec.msgpack.decode(raw, type=Mark)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise invalid("cursor is not one of ours") from error
    if mark.asked != asked:
        raise invalid("cursor belongs to other filters")
    return mark.key
