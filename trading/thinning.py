"""Thinning: what the rows keep of a step, and which signals become rows."""

from typing import cast

from msgspec.structs import replace

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading import records
from trading.core.decision import NOTHING, Decision, Signal
from trading.core.events import Event, ParametersSet
from trading.core.reasons import TRADED
from trading.records import Entry

TURN_NS = 100 * MILLISECOND_NS
MARKETS_KEPT = 1_000  # far more than are ever open at once: over months the first ones go


class Thinning:
    """Which signals become rows: all that led to an order; else when the reason turns (at most ten a second),
    and once a second, a market. Event time alone decides, so the same tape keeps the same signals.
    `parameters_version` is that of the parameters heard last: the engine decides alike whatever their number."""

    def __init__(self, parameters_version: int = 0) -> None:
        self.parameters_version = parameters_version
        self._last: dict[str, tuple[str, int]] = {}

    def keeps(self, signal: Signal) -> bool:
        """Whether this signal becomes a row."""
        reason, at_ns = self._last.get(signal.ticker, ("", 0))
        since_ns = abs(signal.received_ns - at_ns)  # a tape that starts again goes back in time
        wait_ns = TURN_NS if signal.reason != reason else SECOND_NS
        if since_ns < wait_ns and signal.reason != TRADED:
            return False
        if not at_ns and len(self._last) >= MARKETS_KEPT:
            del self._last[next(iter(self._last))]
        self._last[signal.ticker] = (signal.reason, signal.received_ns)
        return True


def entry(event: Event, decision: Decision, thinning: Thinning) -> Entry | None:
    """What the rows keep of one step; None when that is nothing."""
    kept = cast(records.KeptEvent, event) if type(event) in records.KEPT else None
    if isinstance(event, ParametersSet):
        thinning.parameters_version = event.version
    if decision is NOTHING:
        return Entry(event.received_ns, kept) if kept is not None else None
    signals = tuple(signal for signal in decision.signals if thinning.keeps(signal))
    if kept is None and not (signals or decision.has_effect):
        return None
    version = thinning.parameters_version
    forecasts = tuple(replace(each, parameters_version=version) for each in decision.forecasts)
    said = (decision.commands, decision.positions, forecasts, decision.audits, decision.breakers)
    return Entry(event.received_ns, kept, signals, *said)
