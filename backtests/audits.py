"""Settlements of tapes held against the index as it was heard there: each tape through an engine of its own, in silence."""

from collections.abc import Callable, Iterable

from backtests.knobs import InputError
from backtests.shelf import reels_find
from markets.core.events import MarketEvent
from markets.tape import TapeError
from trading.core.decision import SettlementAudit
from trading.core.engine import Engine
from trading.core.events import ParametersSet
from trading.core.parameters import Parameters
from trading.playback import market_events

Tell = Callable[[str], None]  # the name of the tape that is played


def audits_of_tapes(names: Iterable[str], parameters: Parameters, tell: Tell | None = None) -> list[SettlementAudit]:
    """Every window that settled on these tapes, each once: as it was heard by the tape that knew most of its minute.
    Raises InputError for tapes that cannot be played."""
    found: dict[str, SettlementAudit] = {}
    for reel in reels_find(names, files=True):
        if tell is not None:
            tell(reel.name)
        try:
            for audit in audits_of(market_events(reel.path), parameters):
                known = found.get(audit.ticker)
                if known is None or _known(audit) > _known(known):
                    found[audit.ticker] = audit
        except (TapeError, OSError) as error:
            raise InputError({"tapes": f"Tape {reel.name!r} cannot be played: {error}"}) from error
    return sorted(found.values(), key=lambda audit: (audit.close_ns, audit.ticker))


def audits_of(events: Iterable[MarketEvent], parameters: Parameters) -> list[SettlementAudit]:
    """The audits of one stretch of market events, in order of time. Nothing is traded."""
    engine = Engine()
    engine.step(ParametersSet(0, 0, parameters))
    return [audit for event in events for audit in engine.step(event).audits]


def _known(audit: SettlementAudit) -> tuple[bool, int, bool]:
    return audit.open_right is not None, -audit.own, audit.estimate is not None
