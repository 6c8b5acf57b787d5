"""Money as the ledger has it: to the micro-dollar where it takes that."""

from django import template

register = template.Library()
DASH, MINUS = "\N{EN DASH}", "\N{MINUS SIGN}"


@register.filter
def micro_dollars(money: int | None) -> str:
    """15047200 -> "$15.0472", 7 -> "$0.000007": four decimals, or six."""
    if money is None:
        return DASH
    whole, rest = divmod(abs(money), 1_000_000)
    decimals = f"{rest:06}" if rest % 100 else f"{rest // 100:04}"
    return f"{MINUS if money < 0 else ''}${whole:,}.{decimals}"
