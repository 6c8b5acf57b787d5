"""Columns of the admin: integers of the rows as dollars, contracts, percent, seconds and UTC times."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin

from markets.core.units import SECOND_NS, price_text
from trading.forms import BILLION, HUNDRED, MILLION, format_scaled

Column = Callable[[Any], str]
UNKNOWN = "-"


def dollars(name: str, title: str = "") -> Column:
    """Money as dollars, with at least the cents."""
    return _column(name, title, dollars_text)


def contracts(name: str, title: str = "") -> Column:
    """A Count as contracts."""
    return _column(name, title, lambda value: format_scaled(value, HUNDRED))


def price(name: str, title: str = "") -> Column:
    """A Price as dollars a contract."""
    return _column(name, title, price_text)


def percent(name: str, title: str = "") -> Column:
    """Basis points as percent."""
    return _column(name, title, lambda value: f"{format_scaled(value, HUNDRED)} %")


def seconds(name: str, title: str = "") -> Column:
    """Nanoseconds as seconds."""
    return _column(name, title, lambda value: f"{format_scaled(value, BILLION)} s")


def moment(name: str, title: str = "") -> Column:
    """Nanoseconds since 1970 as a UTC time to the millisecond."""
    return _column(name, title, moment_text)


def decimals(name: str, places: int, title: str = "") -> Column:
    """An estimate, to so many places."""
    return _column(name, title, lambda value: f"{value:.{places}f}")


@admin.display(description="side", ordering="is_bid")
def side(row: Any) -> str:
    """Which side of the market an order or fill is on."""
    return "buys YES" if row.is_bid else "sells YES"


def dollars_text(value: int) -> str:
    """-1_234_567_890 -> "-1,234.56789"; 1_500_000 -> "1.50"."""
    whole, fraction = divmod(abs(value), 10**MILLION)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if value < 0 else ''}{whole:,}.{digits}"


def moment_text(value: int) -> str:
    """Unix nanoseconds -> "2026-05-12 14:15:00.250"; 0 is no time at all."""
    if not value:
        return UNKNOWN
    at = datetime.fromtimestamp(value // SECOND_NS, tz=UTC)
    return f"{at:%Y-%m-%d %H:%M:%S}.{value % SECOND_NS // 1_000_000:03d}"


def _column(name: str, title: str, text: Callable[[Any], str]) -> Column:
    """A column that shows one field; what is not known is a dash, never a zero."""

    @admin.display(description=title or name.replace("_", " ").removesuffix(" ns"), ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return UNKNOWN if value is None else text(value)

    column.__name__ = name  # the admin gives it to the style sheet
    return column
