"""The breakers: what stops trading as a whole, each latched or self-clearing by a stated rule."""

from typing import NamedTuple

from markets.core.contract import FeeTerms
from markets.core.units import SECOND_NS
from trading.core.decision import BreakerChange
from trading.core.events import ArmedSet, ChecksRequired, CheckTold, Fill, Opening
from trading.core.limits import RiskLimits
from trading.core.portfolio import Portfolio


class Rule(NamedTuple):
    """What a breaker is for, how it ends, and how old its last evaluation may be before it counts as tripped itself.

    A latched one stays until a person sets the mode again, over restarts too, and can only be cleared once its cause is
    gone; the others clear themselves. `is_told`: the trader's shell measures it and says so by CheckTold; the others the
    engine evaluates with every second and every event of money.
    """

    code: str
    is_latched: bool
    is_told: bool
    max_age_ns: int
    trips: str
    clears: str


_ENGINE_NS = 2 * SECOND_NS
RULES: tuple[Rule, ...] = (
    Rule(
        "DAILY_LOSS",
        False,
        False,
        _ENGINE_NS,
        "the realised loss of the day with its fees leaves less than a contract's worth of the daily limit",
        "at the next UTC day, or when a person raises the limit",
    ),
    Rule(
        "DRAWDOWN",
        True,
        False,
        _ENGINE_NS,
        "the equity is further below its peak than the limit",
        "when a person sets the mode again; the peak is then counted from there",
    ),
    Rule(
        "LOSING_STREAK",
        True,
        False,
        _ENGINE_NS,
        "so many settled markets in a row have lost",
        "when a person sets the mode again; the streak is then counted from zero",
    ),
    Rule(
        "FEE_MISMATCH",
        True,
        False,
        _ENGINE_NS,
        "a fill was charged another fee than the fee terms say",
        "when a person sets the mode again",
    ),
    Rule(
        "REJECTS",
        False,
        False,
        _ENGINE_NS,
        "the exchange has refused too many orders within a minute",
        "a minute later",
    ),
    Rule(
        "STALE",
        False,
        False,
        _ENGINE_NS,
        "books or spot of all open markets have been silent for too long",
        "when they are heard again for ten seconds",
    ),
    Rule(
        "PARSE_RATE",
        False,
        True,
        15 * SECOND_NS,
        "too many frames of a feed cannot be read",
        "when they can be read again",
    ),
    Rule(
        "CLOCK_SKEW",
        False,
        True,
        60 * SECOND_NS,
        "our clock and the exchange's are too far apart",
        "when they agree again",
    ),
    Rule(
        "RECONCILED",
        True,
        True,
        60 * SECOND_NS,
        "what we have written down is not what the exchange says",
        "when a reconciliation finds nothing left, and a person sets the mode again",
    ),
    Rule(
        "ORDER_GROUP",
        True,
        True,
        60 * SECOND_NS,
        "the exchange's own brake on our orders has triggered",
        "when a person sets the mode again: then it is reset",
    ),
    Rule(
        "DRIFT",
        False,
        True,
        600 * SECOND_NS,
        "what the exchange says of every series traded is not what is assumed of it",
        "when it is again",
    ),
    Rule(
        "WATCHDOG",
        False,
        True,
        15 * SECOND_NS,
        "the process that cancels orders when this one is stuck does not answer",
        "when it does again",
    ),
    Rule(
        "KILL_FILE",
        False,
        True,
        15 * SECOND_NS,
        "a file named HALT lies in the folder of the bot",
        "when it is taken away",
    ),
    Rule(
        "JOURNAL",
        False,
        True,
        15 * SECOND_NS,
        "what happens cannot be written down: tape or rows are behind, or the disk is full",
        "when all is written",
    ),
)
BREAKERS = {rule.code: rule for rule in RULES}
FOR_REAL_ORDERS = tuple(rule.code for rule in RULES if rule.is_told)


class State(NamedTuple):
    """How one breaker stands. `evaluated_ns` 0: never yet. `use` against `limit`, where it has numbers."""

    code: str
    is_tripped: bool
    since_ns: int
    evaluated_ns: int
    text: str
    use: float | None
    limit: float | None


class Breakers:
    """All breakers of one engine. It is told what happens; `halt` is the code of the first that stops trading, "" when
    none does. A breaker that was not evaluated within its age stops trading too (UNEVALUATED)."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio = portfolio
        self.limits = RiskLimits()
        self.halt = ""

    def opened(self, opening: Opening) -> None:
        """A session begins: go on counting, and keep what is latched."""

    def required(self, event: ChecksRequired) -> None:
        """These checks of the shell must be told, freshly and well."""

    def told(self, event: CheckTold) -> None:
        """The shell has made a check."""

    def armed(self, event: ArmedSet) -> None:
        """A person has armed or disarmed real orders."""

    def filled(self, fill: Fill, terms: FeeTerms | None) -> None:
        """A fill was booked; `terms` are those of its market, None where it is not known any more."""

    def settled(self, profit: int) -> None:
        """A market that was traded settled: what it made in all, fees included."""

    def rejected(self, now_ns: int) -> None:
        """The exchange refused an order."""

    def heard(self, now_ns: int, *, books_ns: int, spot_ns: int) -> None:
        """When the books of the open markets, and their spot prices, were heard last (the youngest of each; 0: never, and
        nothing is open)."""

    def clear(self, now_ns: int, by: str) -> None:
        """A person wants trading again: clear what is latched, where its cause is gone."""

    def evaluate(self, now_ns: int) -> None:
        """Look at everything that the engine itself measures."""

    def drain(self) -> tuple[BreakerChange, ...]:
        """What tripped or was cleared since it was asked last."""
        return ()

    def states(self, now_ns: int) -> tuple[State, ...]:
        """Every breaker, for a person to see."""
        return ()
