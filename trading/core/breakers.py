"""The breakers: what stops trading as a whole, each latched or self-clearing by a stated rule."""

from collections import deque
from typing import NamedTuple

from markets.core.contract import Contract, FeeTerms
from markets.core.units import SECOND_NS
from trading.core.breaker_facts import MEASURES, Facts, Reading
from trading.core.breaker_rules import BREAKERS, FOR_REAL_ORDERS, NOT_ARMED, RULES, UNEVALUATED, Rule
from trading.core.decision import BreakerChange
from trading.core.events import ArmedSet, ChecksRequired, CheckTold, Fill, Opening, Policy
from trading.core.fee_check import FeeCheck
from trading.core.limits import RiskLimits
from trading.core.portfolio import Portfolio

__all__ = ["BREAKERS", "FOR_REAL_ORDERS", "RULES", "Breakers", "Rule", "State"]

MATCHED_NS = 15 * SECOND_NS
WELL, DISARMED = Reading(is_bad=False), Reading(is_bad=True)


class State(NamedTuple):
    """How one breaker stands. `evaluated_ns` 0: never yet. `use` against `limit`, where it has numbers: Money, basis
    points, milliseconds or how many, as the limit has them."""

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
        self.facts = Facts(portfolio)
        self.halt = ""
        self.now_ns = 0
        self.needs_arming = False
        self.armed_until_ns = 0
        self._required: tuple[str, ...] = ()
        self._told: dict[str, CheckTold] = {}
        self._wants_clear: dict[str, str] = {}  # by code: who
        self._fees = FeeCheck()
        self._matched: deque[tuple[int, int]] = deque()
        self._matched_count = 0
        self._states = {rule.code: _Kept(rule, 0) for rule in RULES}
        self._changes: list[BreakerChange] = []
        self._aged = self._with_age()
        self._good_until_ns = 0  # until then all that has to be evaluated is young enough

    @property
    def limits(self) -> RiskLimits:
        """The limits in force."""
        return self.facts.limits

    @limits.setter
    def limits(self, limits: RiskLimits) -> None:
        self.facts.limits = limits

    @property
    def peak_equity(self) -> int:
        """The highest equity (Money) since a person last cleared the drawdown, deposits left out."""
        return self.facts.peak_equity

    @property
    def losing_streak(self) -> int:
        """How many settled markets in a row have lost."""
        return self.facts.losing_streak

    @property
    def file_policy(self) -> Policy | None:
        """What the kill file wants done with what rests; None while it does not lie there."""
        told = self._told.get("KILL_FILE")
        return None if told is None or told.is_ok else told.policy

    # What happens -----------------------------------------------------------------------------------------

    def opened(self, opening: Opening) -> None:
        """A session begins: go on counting, and keep what is latched."""
        now_ns, facts = opening.received_ns, self.facts
        facts.peak_equity = max(opening.peak_equity, self.portfolio.equity)
        facts.losing_streak, facts.fee_difference = opening.losing_streak, 0
        self._matched = deque(opening.matched)
        self._matched_count = sum(count for _, count in self._matched)
        self._fees.carried(frozenset(order.number for order in opening.orders))
        self._states = {rule.code: _Kept(rule, 0 if rule.is_told else now_ns) for rule in RULES}
        self._aged = self._with_age()
        for left in opening.tripped:
            if left.code in BREAKERS and BREAKERS[left.code].is_latched:
                kept = self._states[left.code]
                kept.is_tripped, kept.since_ns, kept.text = True, left.at_ns, left.text
        self.evaluate(now_ns)

    def required(self, event: ChecksRequired) -> None:
        """These checks of the shell must be told, freshly and well."""
        self._required, self.needs_arming = event.codes, event.needs_arming
        self._aged = self._with_age()
        self.evaluate(event.received_ns)

    def told(self, event: CheckTold) -> None:
        """The shell has made a check."""
        rule = BREAKERS.get(event.code)
        if rule is None or not rule.is_told:
            return
        self._told[event.code] = event
        self._note(event.code, Reading(not event.is_ok, event.use, event.limit, event.text), event.received_ns)
        if event.is_ok and event.code in self._wants_clear:
            self._clear(event.code, event.received_ns, self._wants_clear[event.code])
        self.evaluate(event.received_ns)

    def armed(self, event: ArmedSet) -> None:
        """A person has armed or disarmed real orders."""
        self.armed_until_ns = event.until_ns
        self.evaluate(event.received_ns)

    def moved(self, amount: int) -> None:
        """Cash came in or went out by no trade of ours, and the portfolio has it: neither a profit nor a loss."""
        self.facts.peak_equity += amount

    def filled(self, fill: Fill, terms: FeeTerms | None) -> None:
        """A fill was booked; `terms` are those of its market. None: it is not known yet, and the fee is checked when it is,
        or not known any more."""
        self._matched.append((fill.received_ns, fill.count))
        self._matched_count += fill.count
        self.facts.fee_difference = max(self.facts.fee_difference, self._fees.charged(fill, terms))

    def listed(self, contract: Contract) -> bool:
        """The terms of a market are known: whether fills of it were waiting for them."""
        difference = self._fees.known(contract)
        self.facts.fee_difference = max(self.facts.fee_difference, difference or 0)
        return difference is not None

    def ended(self, number: int) -> None:
        """All fills of an order are known: nothing more will come of it."""
        self.facts.fee_difference = max(self.facts.fee_difference, self._fees.ended(number))

    def settled(self, profit: int) -> None:
        """A market that was traded settled: what it made in all, fees included."""
        self.facts.losing_streak = self.facts.losing_streak + 1 if profit < 0 else 0

    def rejected(self, now_ns: int) -> None:
        """The exchange refused an order."""
        self.facts.rejected.append(now_ns)

    def heard(self, now_ns: int, *, books_ns: int, spot_ns: int) -> None:
        """When the books of the open markets, and their spot prices, were heard last (the youngest of each; 0: never, and
        nothing is open)."""
        self.facts.silence.heard(now_ns, books_ns, spot_ns)

    def clear(self, now_ns: int, by: str) -> None:
        """A person wants trading again: clear what is latched, where its cause is gone."""
        for rule in RULES:
            if not (rule.is_latched and self._states[rule.code].is_tripped):
                continue
            if self._is_gone(rule):
                self._clear(rule.code, now_ns, by)
            elif rule.code == "ORDER_GROUP":  # it is reset because a person wants it, and then told to be well
                self._wants_clear[rule.code] = by
        self.evaluate(now_ns)

    # What follows -----------------------------------------------------------------------------------------

    def evaluate(self, now_ns: int) -> None:
        """Look at everything that the engine itself measures."""
        self.now_ns = now_ns
        facts = self.facts
        facts.peak_equity = max(facts.peak_equity, self.portfolio.equity)
        for code, measure in MEASURES.items():
            reading = measure(facts, now_ns)
            if reading is not None:
                self._note(code, reading, now_ns)
        is_disarmed = self.needs_arming and now_ns >= self.armed_until_ns
        self._note(NOT_ARMED, DISARMED if is_disarmed else WELL, now_ns)
        self._good_until_ns = min([kept.evaluated_ns + kept.max_age_ns for kept in self._aged])
        late = self.late(now_ns)
        self._note(
            UNEVALUATED,
            Reading(is_bad=True, text=", ".join(BREAKERS[code].name for code in late)) if late else WELL,
            now_ns,
        )
        self.halt = ""
        for code, kept in self._states.items():
            if kept.is_tripped:
                self.halt = code
                break

    def late(self, now_ns: int) -> list[str]:
        """The codes of those that were not evaluated within their age, though they have to be."""
        if now_ns <= self._good_until_ns:
            return []
        return [kept.rule.code for kept in self._aged if now_ns - kept.evaluated_ns > kept.max_age_ns]

    def is_required(self, code: str) -> bool:
        """Whether it has to be told, or is one that the engine evaluates itself."""
        return code in self._required or not BREAKERS[code].is_told

    def matched(self, now_ns: int) -> int:
        """How many contracts (Count) of ours have traded in the last 15 seconds, by when we heard of it."""
        while self._matched and self._matched[0][0] <= now_ns - MATCHED_NS:
            self._matched_count -= self._matched.popleft()[1]
        return self._matched_count

    def drain(self) -> tuple[BreakerChange, ...]:
        """What tripped or was cleared since it was asked last."""
        if not self._changes:
            return ()
        changes, self._changes = tuple(self._changes), []
        return changes

    def states(self, now_ns: int) -> tuple[State, ...]:
        """Every breaker, for a person to see, gravest first."""
        return tuple(kept.state() for kept in self._states.values())

    def state(self, code: str) -> State:
        """One of them."""
        return self._states[code].state()

    # Within -----------------------------------------------------------------------------------------------

    def _note(self, code: str, reading: Reading, now_ns: int) -> None:
        kept, is_bad = self._states[code], reading.is_bad
        kept.evaluated_ns, kept.use, kept.limit = now_ns, reading.use, reading.limit
        is_tripped = is_bad or (kept.is_tripped and kept.rule.is_latched)
        if is_bad or not is_tripped:
            kept.text = reading.text
        if is_tripped != kept.is_tripped:
            kept.is_tripped, kept.since_ns = is_tripped, now_ns
            self._say(kept)

    def _clear(self, code: str, now_ns: int, by: str) -> None:
        """A person clears a latched one: what it counts is counted from here."""
        if code == "DRAWDOWN":
            self.facts.peak_equity = self.portfolio.equity
        elif code == "LOSING_STREAK":
            self.facts.losing_streak = 0
        elif code == "FEE_MISMATCH":
            self.facts.fee_difference = 0
        self._wants_clear.pop(code, None)
        kept = self._states[code]
        kept.is_tripped, kept.since_ns, kept.text = False, now_ns, ""
        self._say(kept, by)

    def _say(self, kept: "_Kept", by: str = "") -> None:
        rule = kept.rule
        self._changes.append(
            BreakerChange(rule.code, kept.is_tripped, rule.is_latched, kept.text, kept.use, kept.limit, by)
        )

    def _with_age(self) -> tuple["_Kept", ...]:
        """Those that have to be evaluated now and then."""
        states = self._states.items()
        return tuple(kept for code, kept in states if self.is_required(code) and code != UNEVALUATED)

    def _is_gone(self, rule: Rule) -> bool:
        """Whether the cause of a latched breaker is gone: what is told was told to be well, if it is told at all."""
        told = self._told.get(rule.code)
        return not rule.is_told or (told.is_ok if told else rule.code not in self._required)


class _Kept:
    """A breaker as it is kept: changed in place, each second."""

    __slots__ = ("evaluated_ns", "is_tripped", "limit", "max_age_ns", "rule", "since_ns", "text", "use")

    def __init__(self, rule: Rule, evaluated_ns: int) -> None:
        self.rule = rule
        self.max_age_ns = rule.max_age_ns
        self.is_tripped = False
        self.since_ns = 0
        self.evaluated_ns = evaluated_ns
        self.text = ""
        self.use: float | None = None
        self.limit: float | None = None

    def state(self) -> State:
        """As a value."""
        return State(self.rule.code, self.is_tripped, self.since_ns, self.evaluated_ns, self.text, self.use, self.limit)
