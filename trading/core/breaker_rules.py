"""What each breaker is for, how it ends, and how old its last evaluation may be: the rules, gravest first."""

from typing import NamedTuple

from markets.core.units import SECOND_NS

ENGINE_AGE_NS = 2 * SECOND_NS
UNEVALUATED, NOT_ARMED = "UNEVALUATED", "NOT_ARMED"


class Rule(NamedTuple):
    """What a breaker is for, how it ends, and how old its last evaluation may be before it counts as tripped itself.

    A latched one stays until a person sets the mode again, over restarts too, and can only be cleared once its cause is
    gone; the others clear themselves. `is_told`: the trader's shell measures it and says so by CheckTold; the others the
    engine evaluates with every second and every event of money. `limit` is the field of RiskLimits that it goes by.
    """

    code: str
    is_latched: bool
    is_told: bool
    max_age_ns: int
    trips: str
    clears: str
    limit: str = ""
    name: str = ""


def _own(code: str, name: str, trips: str, clears: str, *, limit: str = "", is_latched: bool = False) -> Rule:
    return Rule(code, is_latched, False, ENGINE_AGE_NS, trips, clears, limit, name)


def _told(
    code: str, name: str, trips: str, clears: str, age_s: int, *, limit: str = "", is_latched: bool = False
) -> Rule:
    return Rule(code, is_latched, True, age_s * SECOND_NS, trips, clears, limit, name)


RULES: tuple[Rule, ...] = (
    _told("KILL_FILE", "Kill file", "a file named HALT lies in the folder of the bot", "when it is taken away", 15),
    _own(
        "DAILY_LOSS",
        "Daily loss",
        "the realised loss of the day with its fees leaves less than a contract's worth of the daily limit",
        "at the next UTC day, or when a person raises the limit",
        limit="max_daily_loss",
    ),
    _own(
        "DRAWDOWN",
        "Drawdown",
        "the equity is as far below its peak as the limit allows",
        "when a person sets the mode again; the peak is then counted from there",
        limit="max_drawdown_bp",
        is_latched=True,
    ),
    _own(
        "LOSING_STREAK",
        "Losing streak",
        "as many settled markets in a row have lost as the limit allows",
        "when a person sets the mode again; the streak is then counted from zero",
        limit="max_losing_streak",
        is_latched=True,
    ),
    _own(
        "FEE_MISMATCH",
        "Fee mismatch",
        "a fill was charged another fee than the fee terms say",
        "when a person sets the mode again",
        limit="max_fee_difference",
        is_latched=True,
    ),
    _told(
        "RECONCILED",
        "Reconciliation",
        "what we have written down is not what the exchange says",
        "when a reconciliation finds nothing left, and a person sets the mode again",
        60,
        is_latched=True,
    ),
    _told(
        "ORDER_GROUP",
        "Order group",
        "the exchange's own brake on our orders has triggered",
        "when a person sets the mode again: then it is reset",
        60,
        is_latched=True,
    ),
    _own(
        "REJECTS",
        "Rejected orders",
        "the exchange has refused as many orders within a minute as the limit allows",
        "a minute later",
        limit="max_rejects_per_minute",
    ),
    _own(
        "STALE",
        "Stale prices",
        "books or spot of all open markets have been silent for as long as the limit allows",
        "when they are heard again for ten seconds",
        limit="max_stale_ms",
    ),
    _told(
        "JOURNAL",
        "Written down",
        "what happens cannot be written down: tape or rows are behind, or the disk is full",
        "when all is written",
        15,
    ),
    _told(
        "WATCHDOG",
        "Watchdog",
        "the process that cancels orders when this one is stuck does not answer",
        "when it does again",
        15,
    ),
    _told(
        "CLOCK_SKEW",
        "Clock",
        "our clock and the exchange's are too far apart",
        "when they agree again",
        60,
        limit="max_clock_skew_ms",
    ),
    _told(
        "PARSE_RATE",
        "Readable frames",
        "too many frames of a feed cannot be read",
        "when they can be read again",
        15,
        limit="min_parse_rate_bp",
    ),
    _told(
        "DRIFT",
        "Contract terms",
        "what the exchange says of every series traded is not what is assumed of it",
        "when it is again",
        600,
    ),
    _own(
        UNEVALUATED,
        "All evaluated",
        "a limit or a breaker was not evaluated within its age",
        "when all are evaluated again",
    ),
    _own(
        NOT_ARMED,
        "Armed",
        "orders go to the exchange, and no person has armed them, or the time they were armed for is over",
        "when a person arms them; it trips again when that time is over",
    ),
)
BREAKERS = {rule.code: rule for rule in RULES}
FOR_REAL_ORDERS = tuple(rule.code for rule in RULES if rule.is_told)
