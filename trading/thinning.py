"""Thinning: what the rows keep of a step, and which signals become rows."""

from typing import cast

from msgspec.structs import replace

from trading import records
from trading.core.decision import NOTHING, Decision
from trading.core.events import Event, ParametersSet
from trading.core.kept import Kept
from trading.records import Entry


class Thinning(Kept):
    """Which signals become rows. `parameters_version` is that of the parameters heard last: the engine decides alike
    whatever their number."""

    def __init__(self, parameters_version: int = 0) -> None:
        super().__init__()
        self.parameters_version = parameters_version


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
