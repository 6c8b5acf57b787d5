"""Integers to dollars, cents, contracts and percent on a page; what is unknown is a dash, never 0."""

from datetime import UTC, datetime

from django import template

from trading.core.breakers import BREAKERS
from trading.core.reasons import REASONS

register = template.Library()
DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"


def _signed(value: float, text: str, *, plus: bool) -> str:
    if value < 0:
        return MINUS + text
    return "+" + text if plus and value > 0 else text


@register.filter
def dollars(money: int | None, signed: str = "") -> str:
    """15047200 -> "$15.05"; with the argument "signed" a plus before gains."""
    if money is None:
        return DASH
    cents = (abs(money) + 5_000) // 10_000
    return _signed(money if cents else 0, f"${cents // 100:,}.{cents % 100:02}", plus=bool(signed))


@register.filter
def exact_dollars(money: int | None) -> str:
    """15047200 -> "$15.0472": for fees, where a cent is coarse."""
    if money is None:
        return DASH
    return _signed(money, f"${abs(money) // 1_000_000:,}.{abs(money) % 1_000_000 // 100:04}", plus=False)


@register.filter
def cents(price: int | None) -> str:
    """5625 -> "56.3": a price in cents."""
    return DASH if price is None else f"{price / 100:.1f}"


@register.filter
def probability_cents(probability: float | None) -> str:
    """0.5621 -> "56.2": a probability as the price it is worth."""
    return DASH if probability is None else f"{probability * 100:.1f}"


@register.filter
def squared(error: float | None) -> str:
    """0.0625 -> "0.0625": a squared error, or the mean of some."""
    return DASH if error is None else f"{error:.4f}"


@register.filter
def edge_cents(edge: float | None) -> str:
    """0.0312 -> "+3.1": an edge in cents a contract."""
    return DASH if edge is None else _signed(edge, f"{abs(edge) * 100:.1f}", plus=True)


@register.filter
def contracts(count: int | None) -> str:
    """2687 -> "26.87", 500 -> "5"."""
    if count is None:
        return DASH
    whole, part = divmod(abs(count), 100)
    return _signed(count, f"{whole:,}.{part:02}" if part else f"{whole:,}", plus=False)


@register.filter
def number(value: float | None, decimals: int = 2) -> str:
    """64120.5 -> "64,120.50"."""
    return DASH if value is None else _signed(value, f"{abs(value):,.{decimals}f}", plus=False)


@register.filter
def written(value: str | None) -> str:
    """ "64120.50" -> "64,120.50": a number that the exchange wrote, with every digit it wrote; other words as they are."""
    if not value:
        return DASH
    whole, point, part = value.partition(".")
    return f"{int(whole):,}{point}{part}" if whole.isascii() and whole.isdecimal() else value


@register.filter
def signed(value: float | None, decimals: int = 2) -> str:
    """0.0031 -> "+0.0031" with 4 decimals: a difference."""
    return DASH if value is None else _signed(value, f"{abs(value):,.{decimals}f}", plus=True)


@register.filter
def utc(time_ns: int | None) -> str:
    """Nanoseconds to "2026-05-11 14:30:05": the date and second, UTC."""
    return DASH if not time_ns else datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


@register.filter
def clock(time_ns: int | None) -> str:
    """Nanoseconds to "14:30:05", UTC."""
    return DASH if not time_ns else datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%H:%M:%S")


@register.filter
def reason(code: str) -> str:
    """A reason code as its sentence; an unknown code as it is."""
    return REASONS.get(code, code.replace("_", " ").lower())


@register.filter
def breaker(code: str) -> str:
    """A breaker's code as its name; an unknown code as it is."""
    return BREAKERS[code].name if code in BREAKERS else code


@register.filter
def tone(value: float | None) -> str:
    """The class of a gain or a loss."""
    return "" if not value else "good" if value > 0 else "bad"


@register.filter
def gain_tone(value: float | None) -> str:
    """The class of a gain alone: an edge below zero is the normal state, not an alarm."""
    return "good" if value is not None and value > 0 else ""


@register.filter
def abs_contracts(count: int | None) -> str:
    """-2687 -> "26.87": for a count whose side is said in words."""
    return DASH if count is None else contracts(abs(count))
