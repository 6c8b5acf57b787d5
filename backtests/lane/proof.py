"""The lane held against the engine: the same tapes and settings through both, and how fast a sweep is."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple

from msgspec.structs import replace

from backtests.core.trial import TrialResult
from backtests.lane.by_engine import play_by_engine
from backtests.lane.player import Player, cores, tapes_of
from backtests.lane.runner import Setting, by_lane
from backtests.shelf import Reel
from markets.core.units import DOLLAR, SECOND_NS
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import FIXED

DAY_S = 86_400
CAPITAL = 10_000 * DOLLAR
OWN = Parameters(
    pooling="off", min_confidence=20.0
)  # trades on its own opinion: built in, it does not on the recordings
PROVEN: dict[str, Setting] = {
    "built in": (RiskLimits(), Parameters()),
    "own opinion": (RiskLimits(), OWN),
    "eager": (RiskLimits(), replace(OWN, min_confidence=0.0, edge_threshold=0.01, volume_share=1.0)),
    "hundredths": (
        RiskLimits(max_orders_per_minute=600),
        replace(OWN, min_confidence=0.0, edge_threshold=0.0, kelly_fraction=1.0, fractional=True, order_interval_ns=0),
    ),
    "tight limits": (
        RiskLimits(max_market_share_bp=20, max_drawdown_bp=30, max_losing_streak=2, max_stale_ms=2_000),
        replace(OWN, min_confidence=0.0, edge_basis="gross", exit_margin=0.02, depth_share=1.0),
    ),
    "late orders": (
        RiskLimits(max_contracts_per_15s=5_000),
        replace(OWN, order_latency_ns=1_250_000_000, reply_latency_ns=700_000_000, min_confidence=5.0, slippage=0.002),
    ),
}
"""Settings that between them reach every rule that the lane has to keep."""


class Compared(NamedTuple):
    """One span under one setting, by both. `lane` is None where the lane left it to the engine."""

    span: str
    setting: str
    lane: TrialResult | None
    engine: TrialResult

    @property
    def agrees(self) -> bool:
        """Whether both say the same, to the last field; what was left to the engine is no disagreement."""
        return self.lane is None or self.lane == self.engine


def spans_of(reels: Sequence[Reel]) -> dict[str, list[Reel]]:
    """The tapes by the UTC day that they begin on."""
    days: dict[str, list[Reel]] = {}
    for reel in reels:
        day = time.strftime("%Y-%m-%d", time.gmtime(reel.first_ns // SECOND_NS))
        days.setdefault(day, []).append(reel)
    return days


def compared(
    spans: dict[str, list[Reel]],
    settings: dict[str, Setting] = PROVEN,
    watch: Callable[[], None] | None = None,
    each: int = 0,
) -> Iterator[Compared]:
    """Each span under each setting through engine and lane; or under `each` of them, which take turns."""
    turns = cycle(settings)
    for span, reels in spans.items():
        names = list(islice(turns, each)) if each else list(settings)
        lane = by_lane(reels, CAPITAL, [settings[name] for name in names], watch=watch)
        for number, name in enumerate(names):
            engine = play_by_engine(reels, CAPITAL, *settings[name], FIXED, number, watch)
            yield Compared(span, name, lane[number], engine)


class Speed(NamedTuple):
    """How long a sweep took: `events` of the tapes times `settings` in `seconds`; the features were made before."""

    events: int
    settings: int
    seconds: float
    threads: int
    orders: int
    left: int  # settings that only the engine can play

    @property
    def rate(self) -> float:
        """Parameter-events a second."""
        return self.events * self.settings / self.seconds


def swept(count: int) -> list[Setting]:
    """A grid of so many settings over edge threshold, Kelly fraction, confidence, depth share and exit margin."""
    found = []
    for number in range(count):
        parameters = replace(
            OWN,
            edge_threshold=0.01 + 0.005 * (number % 10),
            kelly_fraction=0.05 * (1 + number // 10 % 5),
            min_confidence=10.0 * (1 + number // 50 % 5),
            depth_share=0.25 * (1 + number // 250 % 2),
            exit_margin=0.01 * (number // 500 % 2),
        )
        found.append((RiskLimits(), parameters))
    return found


def sweep_speed(reels: Sequence[Reel], settings: Sequence[Setting], threads: int = 0) -> Speed:
    """The time that a sweep takes once features are there and all is compiled, results included."""
    threads = threads or cores()
    tapes = tapes_of(reels, settings[0][1])
    warm = Player(tapes, CAPITAL, settings[:1])
    warm.play(None, 1)
    warm.results(0)
    began = time.perf_counter()
    player = Player(tapes, CAPITAL, settings)
    player.play(None, threads)
    results = player.results(0)
    seconds = time.perf_counter() - began
    orders = sum(result.orders for result in results if result)
    return Speed(tapes.events, len(settings), seconds, threads, orders, sum(result is None for result in results))
