"""Risk as rows for pages and API: every limit and breaker with its use and age, and what to do to trade again."""

from typing import Any

from markets.core.units import MILLISECOND_NS
from trading.core.breakers import BREAKERS
from trading.core.meters import Meter
from trading.core.risk import Risk

Json = dict[str, Any]
FIRST = {
    "RECONCILED": "let a reconciliation find nothing left (the page Reconciliation says what differs)",
    "KILL_FILE": "take the file HALT out of the folder of the bot",
    "UNEVALUATED": "wait until every check is told again (below is which are not)",
    "DAILY_LOSS": "wait for the next UTC day, or raise the daily limit",
    "NOT_ARMED": "arm real orders",
}


def risk_rows(risk: Risk, now_ns: int) -> Json:
    """The section `risk` of the snapshot. Units as in RiskLimits: Money, 1/100 contract, basis points, ms; ages in ms by the
    time of the events, null for what was never evaluated."""
    meters = risk.meters(now_ns)
    return {
        "mode": risk.mode,
        "wanted": risk.wanted,
        "policy": risk.policy,
        "halt": risk.halt,
        "again": again(risk),
        "limits": [_limit(meter, now_ns) for meter in meters if meter.field],
        "breakers": [_breaker(meter, now_ns) for meter in meters if not meter.field],
    }


def again(risk: Risk) -> str:
    """One sentence: what has to happen before orders go out again."""
    tripped = [state.code for state in risk.breakers.states(risk.breakers.now_ns) if state.is_tripped]
    latched = [code for code in tripped if BREAKERS[code].is_latched]
    first = [FIRST[code] for code in tripped if code in FIRST]
    waits = [code for code in tripped if code not in latched and code not in FIRST]
    steps = [*first, *(f"wait ({BREAKERS[code].name} ends {BREAKERS[code].clears})" for code in waits)]
    if latched or (tripped and risk.wanted == "HALTED"):
        steps.append("set the mode to ACTIVE again (Start on the live page)")
    if steps:
        said = ", then ".join(steps)
        return f"{said[0].upper()}{said[1:]}."
    if risk.wanted == "HALTED":
        return "Set the mode to ACTIVE (Start on the live page): a person has halted."
    if risk.wanted == "REDUCING":
        return "Set the mode to ACTIVE (Start on the live page): only orders that close what is held go out now."
    return "Nothing: orders go out whenever a signal passes every limit."


def _limit(meter: Meter, now_ns: int) -> Json:
    return {
        "name": meter.field,
        "code": meter.code,
        "title": meter.name,
        "unit": meter.unit,
        "limit": meter.limit,
        "use": meter.use,
        "age_ms": _age_ms(meter, now_ns),
        "is_full": meter.is_tripped,
        "is_required": meter.is_required,
    }


def _breaker(meter: Meter, now_ns: int) -> Json:
    rule = BREAKERS[meter.code]
    return {
        "code": meter.code,
        "title": meter.name,
        "is_tripped": meter.is_tripped,
        "is_latched": rule.is_latched,
        "is_required": meter.is_required,
        "since_ms": meter.since_ns // MILLISECOND_NS if meter.is_tripped else None,
        "age_ms": _age_ms(meter, now_ns),
        "max_age_ms": rule.max_age_ns // MILLISECOND_NS,
        "text": meter.text,
        "unit": meter.unit,
        "limit": meter.limit,
        "use": meter.use,
    }


def _age_ms(meter: Meter, now_ns: int) -> int | None:
    return max(now_ns - meter.evaluated_ns, 0) // MILLISECOND_NS if meter.evaluated_ns else None
