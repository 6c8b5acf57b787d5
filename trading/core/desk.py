"""Desk: one engine with its exchange and its clock, in lock-step; the same one wherever the events come from."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from markets.core.units import MILLISECOND_NS
from trading.core.decision import NOTHING, Command, Decision
from trading.core.engine import Engine
from trading.core.events import Event, LimitsSet, ModeSet, Opening, ParametersSet, Timer
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

TIMER_NS = 100 * MILLISECOND_NS
LAST_WAIT_NS = 1_000 * MILLISECOND_NS
LONGEST_QUIET_NS = 3_600_000 * MILLISECOND_NS


class Exchange(Protocol):
    """Where commands go and account events come from."""

    def hear(self, event: Event) -> Iterable[Event]:
        """The account events due before `event`, then `event`, then what it causes."""
        ...

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        """Send orders, amends and cancels at `now_ns`."""
        ...

    @property
    def owed_ns(self) -> int:
        """When the last of what is on its way now is there, where that can take longer than the parameters say; else 0."""
        ...


class Desk:
    """Feed it events in the order of time; it yields each event the engine heard with the decision taken on it.

    Timers are made here, from the time of the events, so that they fall alike wherever the events come from.
    A decision is yielded before its commands leave: who listens can write it down first.
    `digest` is a SHA-256 over every decision that said something: two runs decided alike if it is equal.
    """

    def __init__(self, engine: Engine, exchange: Exchange) -> None:
        self.engine = engine
        self.exchange = exchange
        self.steps = 0
        self.decisions = 0
        self.now_ns = 0
        self._next_timer_ns = 0
        self._sha256 = hashlib.sha256()
        self._encode = msgspec.json.Encoder().encode

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all decisions so far."""
        return self._sha256.hexdigest()

    def open(
        self, opening: Opening, limits: LimitsSet, parameters: ParametersSet, mode: ModeSet
    ) -> Iterator[tuple[Event, Decision]]:
        """Begin a session: what is held, what may be risked, how to trade, whether to trade."""
        self.now_ns = opening.received_ns
        self._next_timer_ns = _grid_at_or_after(self.now_ns)
        for event in (opening, limits, parameters, mode):
            yield from self._hear(event)

    def hear(self, event: Event) -> Iterator[tuple[Event, Decision]]:
        """Let time pass up to `event`, then hear it. Time never runs backwards: a late event is heard now."""
        now_ns = event.received_ns
        if self.now_ns <= now_ns < self._next_timer_ns and type(event) is not Timer:
            self.now_ns = now_ns
            return self._hear(event)
        return self._hear_late(event)

    def _hear_late(self, event: Event) -> Iterator[tuple[Event, Decision]]:
        """Hear the timers that are due before an event, then the event."""
        now_ns = event.received_ns
        if now_ns >= self._next_timer_ns:
            for timer_ns in self._timers(now_ns):
                yield from self._hear(Timer(timer_ns))
        if now_ns < self.now_ns:
            event = msgspec.structs.replace(event, received_ns=self.now_ns)
        else:
            self.now_ns = now_ns
        if type(event) is not Timer:
            yield from self._hear(event)

    def finish(self) -> Iterator[tuple[Event, Decision]]:
        """The events have ended: nothing new is sent, and what is on its way still arrives: in a last second,
        or as long as an order and its answer take."""
        yield from self._hear(ModeSet(self.now_ns, "HALTED", "the market has ended", "desk"))
        parameters = self.engine.parameters
        last_ns = self.now_ns + max(LAST_WAIT_NS, parameters.order_latency_ns + parameters.reply_latency_ns)
        yield from self._hear(Timer(last_ns))
        while (owed_ns := self.exchange.owed_ns) > last_ns:
            last_ns = owed_ns
            yield from self._hear(Timer(last_ns))

    def _hear(self, event: Event) -> Iterator[tuple[Event, Decision]]:
        for heard in self.exchange.hear(event):
            decision = self.engine.step(heard)
            self.steps += 1
            if decision is not NOTHING:
                self.decisions += 1
                self._sha256.update(self._encode(decision))
            yield heard, decision
            if decision.commands:
                self.exchange.submit(decision.commands, heard.received_ns)

    def _timers(self, now_ns: int) -> range:
        """The timers on the 100 ms grid that are due; after a very long quiet only the last ones."""
        first_ns = max(self._next_timer_ns, _grid_at_or_after(now_ns - LONGEST_QUIET_NS))
        self._next_timer_ns = _grid_at_or_after(now_ns + 1)
        return range(first_ns, now_ns + 1, TIMER_NS)


def _grid_at_or_after(now_ns: int) -> int:
    return -(-now_ns // TIMER_NS) * TIMER_NS


def opening_events(
    opening: Opening, limits: RiskLimits, parameters: Parameters
) -> tuple[Opening, LimitsSet, ParametersSet, ModeSet]:
    """The four events every run opens with, all at the time of the opening."""
    now_ns = opening.received_ns
    return (
        opening,
        LimitsSet(now_ns, 0, limits),
        ParametersSet(now_ns, 0, parameters),
        ModeSet(now_ns, "ACTIVE"),
    )
