"""The tables of docs/risk.md, made of the limits and the rules themselves: print them with `python -m trading.risk_words`."""

import sys
from collections.abc import Iterable

from trading.admin_words import LIMITS as WORDS
from trading.core.breakers import RULES, Rule
from trading.core.limits import LIMITS, Named, RiskLimits, Unit

SHOWN: dict[Unit, tuple[int, str]] = {
    "money": (1_000_000, "dollars"),
    "share": (100, "%"),
    "count": (100, "contracts"),
    "number": (1, ""),
    "ms": (1, "ms"),
}
SECOND_NS = 1_000_000_000


def limits_table() -> str:
    """Every field of RiskLimits: what it is called, its default, the code that speaks, what it does."""
    built_in = RiskLimits()
    rows = (
        (named.name, _default(named, getattr(built_in, field)), f"`{named.code}`", WORDS[field].help, f"`{field}`")
        for field, named in LIMITS.items()
    )
    return _table(("limit", "default", "code", "what it does", "field"), rows)


def breakers_table() -> str:
    """Every rule, gravest first."""
    return _table(("breaker", "code", "trips when", "ends", "evaluated by", "oldest"), (_row(rule) for rule in RULES))


def _row(rule: Rule) -> tuple[str, ...]:
    ends = f"**latched**: {rule.clears}" if rule.is_latched else f"by itself: {rule.clears}"
    who = "the trader around it" if rule.is_told else "the engine"
    return rule.name, f"`{rule.code}`", rule.trips, ends, who, f"{rule.max_age_ns // SECOND_NS} s"


def _default(named: Named, value: int) -> str:
    scale, unit = SHOWN[named.unit]
    return f"{value / scale:g} {unit}".strip()


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(f"{limits_table()}\n\n{breakers_table()}\n")
