"""What the exchange writes as decimal text, cents, ISO times, becomes our integers while it is decoded.

A field of a wire message is declared as what it is on the wire (`PriceText`, `Iso`, …); what it holds is a plain int (or
tuple, or str), and that is what a type checker sees. Numbers are exact or refused: no float is made on the way.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from markets.core.events import Level
from markets.core.units import (
    MILLISECOND_NS,
    SECOND_NS,
    Count,
    Money,
    Price,
    count_from_text,
    money_from_text,
    price_from_text,
)

CENT = 10_000  # in Money
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:?\d\d)")
_NANOSECOND_DIGITS = 9
_LEVEL = 2  # price and count

T = TypeVar("T")

if TYPE_CHECKING:
    PriceText = Price
    CountText = Count
    MoneyText = Money
    Cents = Money
    CentPrice = Price
    Iso = int
    Seconds = int
    Millis = int
    Text = str
    Ladder = tuple[Level, ...]
else:

    class _Holds(type):
        """The type of a marker: its instances are those of the plain type that its fields hold."""

        def __instancecheck__(cls, value: object) -> bool:
            return type(value) is cls.plain

    class PriceText(metaclass=_Holds):
        """ "0.5600" (up to six decimals, the last two being 0) as a Price."""

        plain = int

    class CountText(metaclass=_Holds):
        """ "10.00" as a Count."""

        plain = int

    class MoneyText(metaclass=_Holds):
        """ "3.648800" dollars as Money."""

        plain = int

    class Cents(metaclass=_Holds):
        """1000 whole cents as Money."""

        plain = int

    class CentPrice(metaclass=_Holds):
        """56 whole cents as a Price."""

        plain = int

    class Iso(metaclass=_Holds):
        """ "2026-11-22T16:50:00.1Z" as nanoseconds of UTC."""

        plain = int

    class Seconds(metaclass=_Holds):
        """Unix seconds as nanoseconds."""

        plain = int

    class Millis(metaclass=_Holds):
        """Unix milliseconds as nanoseconds."""

        plain = int

    class Text(metaclass=_Holds):
        """Text that may be null, which is "" then."""

        plain = str

    class Ladder(metaclass=_Holds):
        """[["0.4100", "10.00"], …] or null as levels, the best bid last whatever order they came in."""

        plain = tuple


def decoder(kind: type[T]) -> Callable[[bytes], T]:
    """Reads a whole body as `kind`. Raises msgspec.DecodeError: cut, not JSON, a needed field missing or not what it is."""
    return msgspec.json.Decoder(kind, dec_hook=_of_wire, float_hook=Decimal).decode


def iso_ns(text: str) -> int:
    """ISO 8601 with an offset, to nanoseconds since 1970. Raises ValueError."""
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 2026-11-22T16:50:00.1Z")
    fraction = (match[2] or "")[:_NANOSECOND_DIGITS].ljust(_NANOSECOND_DIGITS, "0")
    return _second(match[1], match[3]) * SECOND_NS + int(fraction)


@lru_cache(maxsize=256)
def _second(whole: str, offset: str) -> int:
    moment = datetime.fromisoformat(whole + ("+00:00" if offset in "Zz" else offset))
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return since.days * 86_400 + since.seconds


def _digits(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"  # a JSON number, digit for digit
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"a decimal number is expected here, not {value!r}")


def _whole(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    raise ValueError(f"a whole number is expected here, not {value!r}")


def _iso(value: Any) -> int:
    if not isinstance(value, str):
        raise ValueError(f"a time is expected here, not {value!r}")
    return iso_ns(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"text is expected here, not {value!r}")
    return value


def _ladder(value: Any) -> tuple[Level, ...]:
    if value is None:
        return ()
    levels = []
    for level in value:
        if not isinstance(level, list) or len(level) < _LEVEL:
            raise ValueError(f"[price, count] is expected here, not {level!r}")
        count = count_from_text(_digits(level[1]))
        if count:
            levels.append((int(price_from_text(_digits(level[0]))), int(count)))
    levels.sort()
    return tuple(levels)


_READERS: dict[Any, Callable[[Any], Any]] = {
    PriceText: lambda value: price_from_text(_digits(value)),
    CountText: lambda value: count_from_text(_digits(value)),
    MoneyText: lambda value: money_from_text(_digits(value)),
    Cents: lambda value: _whole(value) * CENT,
    CentPrice: lambda value: _whole(value) * 100,
    Iso: _iso,
    Seconds: lambda value: _whole(value) * SECOND_NS,
    Millis: lambda value: _whole(value) * MILLISECOND_NS,
    Text: _text,
    Ladder: _ladder,
}


def _of_wire(kind: type, value: Any) -> Any:
    return _READERS[kind](value)
