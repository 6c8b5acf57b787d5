"""Venue times: RFC 3339 text, or whole numbers of whatever unit, to nanoseconds; what cannot be true is 0."""

from datetime import UTC, datetime
from functools import lru_cache

from markets.core.units import DAY_NS, SECOND_NS

_WHOLE = len("2026-09-30T02:39:53")
_FRACTION = 9  # digits of a nanosecond
# A number of this many digits or fewer counts seconds, milliseconds, microseconds; of more, nanoseconds.
_UNITS = ((10**11, SECOND_NS), (10**14, 1_000_000), (10**17, 1_000))


def venue_ns(stamp: str | int | None, received_ns: int) -> int:
    """When a venue says it was, in ns since 1970: from RFC 3339 text ("2026-09-30T02:39:53.670986313Z", all nine digits
    are kept) or from a whole number, as a number or as text, in s, ms, us or ns as its length says.

    0 when there is none, when it makes no sense, and when it is more than a day from the receipt.
    """
    if not stamp:
        return 0
    if isinstance(stamp, int):
        at_ns = _from_number(stamp)
    elif stamp[4:5] == "-":
        at_ns = _from_text(stamp)
    elif stamp.isascii() and stamp.isdecimal():
        at_ns = _from_number(int(stamp)) if len(stamp) < 2 * _WHOLE else 0
    else:
        return 0
    return at_ns if abs(at_ns - received_ns) <= DAY_NS else 0


def _from_number(number: int) -> int:
    for below, unit_ns in _UNITS:
        if number < below:
            return number * unit_ns
    return number


def _from_text(text: str) -> int:
    fraction = text[_WHOLE + 1 : -1]
    try:
        if text[-1] == "Z" and (text[_WHOLE] == "." or not fraction):
            whole_ns = _second(text[:_WHOLE]) * SECOND_NS
            return whole_ns + int(fraction[:_FRACTION].ljust(_FRACTION, "0")) if fraction else whole_ns
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.replace(microsecond=0).timestamp()) * SECOND_NS + moment.microsecond * 1_000
    except (ValueError, OverflowError):
        return 0


@lru_cache(maxsize=256)
def _second(text: str) -> int:
    """Seconds since 1970; most messages share their second with the one before."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
