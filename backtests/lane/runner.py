"""Many settings on one span of tapes: by the compiled lane where it can, by the engine of record where it cannot."""

from collections.abc import Callable, Sequence

from backtests.core.trial import TrialResult
from backtests.lane.by_engine import play_by_engine
from backtests.shelf import Reel
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism

Setting = tuple[RiskLimits, Parameters]


def problem(limits: RiskLimits, parameters: Parameters, realism: Realism) -> str:
    """Why the compiled lane cannot play this setting, in words; "" when it can."""
    if parameters.strategy != "edge_taker":
        return f"The compiled lane plays edge_taker; {parameters.strategy} is played by the engine."
    return "The compiled lane does not play this yet."


def play_span(
    reels: Sequence[Reel],
    capital: int,
    settings: Sequence[Setting],
    first_trial: int = 0,
    *,
    realism: Realism | None = None,
    watch: Callable[[], None] | None = None,
) -> list[TrialResult]:
    """Every setting on one span, from `capital` (Money) afresh; the trials are numbered from `first_trial` on. Whoever
    plays it, the results are the same. `watch` is called every second or so, and may raise to stop. Raises InputError for a tape
    that cannot be played."""
    real = realism or Realism()
    return [
        play_by_engine(reels, capital, limits, parameters, real, first_trial + number, watch)
        for number, (limits, parameters) in enumerate(settings)
    ]
