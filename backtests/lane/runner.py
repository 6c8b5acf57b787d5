"""Many settings on one span of tapes: by the compiled lane where it can, by the engine of record where it cannot."""

from collections.abc import Callable, Sequence

import msgspec

from backtests.core.simulate import EmptyTape
from backtests.core.trial import TrialResult
from backtests.lane.by_engine import play_by_engine
from backtests.lane.compiling import is_compiled
from backtests.lane.player import Player, cores, tapes_of
from backtests.lane.store import pricing_of
from backtests.shelf import Reel
from markets.tape import TapeError
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, Realism, in_force

Setting = tuple[RiskLimits, Parameters]
MOST_MONEY = 10**13  # ten million dollars: sums of larger ones are left to the engine, which counts without bounds
MOST_SHARE_BP = 100_000
MOST_LIMIT = 10**15
LEAST_SETTINGS = 2
WORTH_COMPILING = 3_000_000  # events times settings: minutes of the engine
EVENTS_GUESSED = 50_000  # on a tape that nobody has counted


def problem(limits: RiskLimits, parameters: Parameters, realism: Realism) -> str:
    """Why the compiled lane cannot play this setting, in words; "" when it can."""
    if parameters.strategy != "edge_taker":
        return f"The compiled lane plays edge_taker; {parameters.strategy} is played by the engine."
    if realism != FIXED and (realism.reject_rate or realism.unknown_rate):
        return "The compiled lane plays an exchange that answers; refusals at random and lost answers are the engine's."
    if realism != FIXED and (realism.taker_delay_ns or realism.settle_delay_ns or realism.snapshots != "before"):
        return "The compiled lane plays orders that meet the book on arrival; what is held, or waits, is the engine's."
    if in_force(realism, parameters).order_median_ns <= 0:
        return "The compiled lane plays orders that take some time to arrive; others are played by the engine."
    for name in RiskLimits.__struct_fields__:
        most = MOST_SHARE_BP if name.endswith("_bp") else MOST_LIMIT
        if getattr(limits, name) > most:
            return f"The compiled lane counts {name} up to {most}; above it the engine plays."
    return ""


def play_span(
    reels: Sequence[Reel],
    capital: int,
    settings: Sequence[Setting],
    first_trial: int = 0,
    *,
    realism: Realism = FIXED,
    watch: Callable[[], None] | None = None,
) -> list[TrialResult]:
    """Every setting on one span, from `capital` (Money) afresh; the trials are numbered from `first_trial` on. Whoever
    plays it, the results are the same. `watch` is called every second or so, and may raise to stop. Raises InputError for a tape
    that cannot be played."""
    found: list[TrialResult | None] = [None] * len(settings)
    if is_worth_it(reels, len(settings)):
        found = by_lane(reels, capital, settings, first_trial, realism=realism, watch=watch)
    return [
        each or play_by_engine(reels, capital, *settings[number], realism, first_trial + number, watch)
        for number, each in enumerate(found)
    ]


def is_worth_it(reels: Sequence[Reel], settings: int) -> bool:
    """Whether features (a pass of the engine), and code that is not compiled on this machine yet (a minute), are sooner
    made than the settings are played by the engine."""
    if is_compiled():
        return settings >= LEAST_SETTINGS
    return settings * sum(reel.events or EVENTS_GUESSED for reel in reels) >= WORTH_COMPILING


def by_lane(
    reels: Sequence[Reel],
    capital: int,
    settings: Sequence[Setting],
    first_trial: int = 0,
    *,
    realism: Realism = FIXED,
    watch: Callable[[], None] | None = None,
    threads: int = 0,
) -> list[TrialResult | None]:
    """The same by the compiled lane alone: None where only the engine can play, or came to be the only one that can.
    `threads` 0: as many as there are cores."""
    results: list[TrialResult | None] = [None] * len(settings)
    if not 0 < capital <= MOST_MONEY:
        return results
    alike: dict[bytes, list[int]] = {}
    for number, (limits, parameters) in enumerate(settings):
        if not problem(limits, parameters, realism):
            alike.setdefault(msgspec.json.encode(pricing_of(parameters)), []).append(number)
    for numbers in alike.values():
        try:
            tapes = tapes_of(reels, settings[numbers[0]][1], watch)
        except (TapeError, OSError, EmptyTape):
            continue  # the engine says it better
        if tapes.unfit:
            continue
        player = Player(tapes, capital, [settings[number] for number in numbers], realism)
        player.play(watch, threads or cores())
        for number, result in zip(numbers, player.results(0), strict=True):
            results[number] = result and msgspec.structs.replace(result, trial=first_trial + number)
    return results
