"""A trial by the engine of record: what the lane is held against, and what plays the settings that it cannot."""

from collections.abc import Callable, Sequence

from backtests.core.simulate import joined
from backtests.core.trial import TrialResult, trial_of
from backtests.replay import Inputs, Played, Progress, play_all
from backtests.shelf import Reel
from markets.core.units import Money
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism


def play_by_engine(  # noqa: PLR0917  (a span, a setting, and the number of the trial)
    reels: Sequence[Reel],
    capital: int,
    limits: RiskLimits,
    parameters: Parameters,
    realism: Realism,
    number: int,
    watch: Callable[[], None] | None = None,
) -> TrialResult:
    """One setting on one span: its tapes end to end, the account carried over. Raises InputError for a tape that cannot
    be played, LedgerError if cash and fills disagree."""
    tapes = list(reels)
    inputs = Inputs(tuple(reel.name for reel in tapes), Money(capital), limits, parameters, realism=realism)
    played = Played(Opening(0, Money(capital)), Progress(tapes, None if watch is None else lambda *_: watch()))
    play_all(played, tapes, inputs)
    return trial_of(number, joined([part.result for part in played.parts]))
