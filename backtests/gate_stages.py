"""One evaluation as a row of gates: which passed, which did not, and which were not asked."""

from typing import NamedTuple

from trading.core.breakers import BREAKERS
from trading.core.reasons import REASONS
from trading.models import Signal

STAGES: dict[str, tuple[str, ...]] = {
    "Data": ("FEED_LOST", "NO_SPOT", "NO_QUORUM", "VENUES_DISAGREE", "NOT_PRICEABLE", "SAMPLES_MISSING", "BOOK_CROSSED",
             "BOOK_EMPTY", "BOOK_ONE_SIDED", "STALE"),
    "Market": ("NOT_OPEN", "NO_STRIKE", "OPENING", "CLOSING", "SERIES_OFF", "EXCHANGE_PAUSED", "MARKET_PAUSED",
               "CONTRACT_CHANGED", "DISPUTED"),
    "Edge": ("NO_MEASURABLE_EDGE", "EDGE_BELOW_THRESHOLD"),
    "Trust": ("CONFIDENCE_LOW",),
    "Pace": ("ORDER_WORKING", "TOO_SOON", "ORDER_RATE", "CONTRACT_RATE", "ORDER_UNKNOWN"),
    "Size": ("SIZE_ZERO", "POSITION_FULL", "HELD", "ORDER_COUNT", "VOLUME"),
    "Limits": ("MARKET_EXPOSURE", "CLOSE_EXPOSURE", "TOTAL_EXPOSURE", "DAILY_LOSS", "CASH", "SHARD_CASH",
               "WORST_CASE_GROUP"),
}  # fmt: skip
STATE = "State"  # of the trader: halted, reducing, a breaker; and whatever else a strategy may say
BLIND = {"FEED_LOST", "BOOK_CROSSED", "BOOK_EMPTY"}
BEHIND = 2  # gates that did not pass: behind so many the limits are not asked


class Stage(NamedTuple):
    """Gates that belong together. `failed` are the codes of those that did not pass."""

    name: str
    failed: tuple[str, ...]
    is_asked: bool

    @property
    def state(self) -> str:
        """Failed, passed, or not asked."""
        return "failed" if self.failed else "passed" if self.is_asked else "not asked"

    @property
    def words(self) -> str:
        """What stands in the way, for a person."""
        return "; ".join(REASONS.get(code, code) for code in self.failed) or self.state


def stage_of(code: str) -> str:
    """Where a gate belongs."""
    return next((name for name, codes in STAGES.items() if code in codes), STATE)


def stages_of(signal: Signal) -> list[Stage]:
    """All stages of one evaluation, in the order in which they are asked."""
    failed = tuple(signal.failed)
    asked = _asked(signal, failed)
    return [
        Stage(name, tuple(code for code in failed if stage_of(code) == name), name in asked)
        for name in (STATE, *STAGES)
    ]


def gates() -> list[tuple[str, str]]:
    """Every code that can stand in the way, with its stage."""
    known = [(code, name) for name, codes in STAGES.items() for code in codes]
    return [*known, *((code, STATE) for code in BREAKERS if stage_of(code) == STATE)]


def _asked(signal: Signal, failed: tuple[str, ...]) -> set[str]:
    asked = {STATE, "Data", "Market"}
    if signal.fair is None or BLIND & set(failed):
        return asked
    asked |= {"Edge", "Size"}
    if signal.confidence is None:  # there is no edge, so nothing that could be trusted or be too soon
        return asked
    asked |= {"Trust", "Pace"}
    behind = [code for code in failed if stage_of(code) not in {STATE, "Limits"}]
    return asked | {"Limits"} if len(behind) < BEHIND else asked
