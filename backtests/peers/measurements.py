"""What is measured of ours: the engine of record, the compiled lane, what an order costs, a sweep. Each in its own process."""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from backtests.core.simulate import simulate
from backtests.core.trial import TrialResult
from backtests.lane.runner import Setting, by_lane, problem
from backtests.peers.work import CAPITAL, eager, equivalent, sweep_settings
from backtests.shelf import Reel
from backtests.speed import peak_mb
from markets.core.events import MarketEvent
from markets.core.units import Money
from markets.tape import read_header
from trading.core.decision import Decision
from trading.core.events import Event, Opening
from trading.core.realism import FIXED
from trading.playback import market_events

SEVERAL = 64  # settings, to tell what one more costs


def engine(tapes: Sequence[Path]) -> dict[str, Any]:
    """The tapes as one stream through a back-test, from the files to the result."""
    limits, parameters = equivalent()
    gc.freeze()
    spent = Spent()
    result = simulate(_events(tapes), Opening(0, CAPITAL), limits, parameters)
    return spent.told() | {
        "events": result.events,
        "steps": result.steps,
        "evaluations": sum(result.funnel.values()),
        "orders": len(result.orders),
        "positions": len({fill.ticker for fill in result.fills}),
        "made": (result.closing.cash - CAPITAL + sum(fill.fee for fill in result.fills)) / 1e6,
        "digest": result.digest,
        "peak_mb": peak_mb(),
    }


def columns(tapes: Sequence[Path]) -> dict[str, Any]:
    """Makes the lane's columns of the tapes, which are kept: what preparing them costs, once for all settings."""
    _, spent = _timed([_reel(tape) for tape in tapes[1:]], [equivalent()])
    return spent | {"peak_mb": peak_mb()}


def lane(tapes: Sequence[Path]) -> dict[str, Any]:
    """One setting from the columns on disk to its result, after the first, tiny tape was played to load what is compiled;
    then several settings over the columns in memory, to tell what one more costs."""
    setting = equivalent()
    _, loaded = _timed([_reel(tapes[0])], [setting])
    reels = [_reel(tape) for tape in tapes[1:]]
    alone, spent = _timed(reels, [setting])
    found: dict[str, Any] = spent | {"start_s": loaded["wall_s"], "peak_mb": peak_mb()}
    found |= {"orders": alone[0].orders, "positions": len(alone[0].windows), "digest": alone[0].digest}
    again, once = _timed(reels, [setting])
    many, several = _timed(reels, [setting] * SEVERAL)
    if {each.digest for each in (*again, *many)} != {alone[0].digest}:
        raise SystemExit("the same setting did not give the same result")
    found["one_more"] = {name: (several[name] - once[name]) / (SEVERAL - 1) for name in once}
    return found | {"peak_several_mb": peak_mb()}


def sweep(tapes: Sequence[Path], part: int, parts: int) -> dict[str, Any]:
    """One part of the sweep's settings over the columns in memory; what loading them took is told apart."""
    settings = sweep_settings()[part::parts]
    _, loaded = _timed([_reel(tapes[0])], settings[:1])
    reels = [_reel(tape) for tape in tapes[1:]]
    _, shared = _timed(reels, settings[:1])
    began = time.time()
    trials, spent = _timed(reels, settings)
    return spent | {
        "sets": len(settings),
        "start_s": loaded["wall_s"],
        "columns": shared,
        "began": began,
        "ended": time.time(),
        "orders": sum(trial.orders for trial in trials),
        "made": sum(trial.net for trial in trials) / 1e6,
        "peak_mb": peak_mb(),
    }


def orders(tapes: Sequence[Path]) -> dict[str, Any]:
    """The engine with an eager setting over tapes that are each other's repetition: the CPU time and the orders of each."""
    limits, parameters = eager()
    marks: list[tuple[int, float]] = []
    sent = 0

    def hear(_event: Event, decision: Decision) -> None:
        nonlocal sent
        sent += len(decision.commands)

    def stream() -> Iterator[MarketEvent]:
        for tape in tapes:
            marks.append((sent, time.process_time()))
            yield from market_events(tape)
        marks.append((sent, time.process_time()))

    gc.freeze()
    result = simulate(stream(), Opening(0, Money(10_000 * CAPITAL)), limits, parameters, hear=hear)
    steps = [(later[0] - earlier[0], later[1] - earlier[1]) for earlier, later in pairwise(marks)]
    return {
        "events": result.events,
        "orders": len(result.orders),
        "of_each": [{"orders": count, "cpu_s": cpu_s} for count, cpu_s in steps],
        "peak_mb": peak_mb(),
    }


class Spent:
    """CPU and wall time since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def told(self) -> dict[str, float]:
        """Seconds of both."""
        return {"cpu_s": time.process_time() - self._cpu, "wall_s": time.perf_counter() - self._wall}


def _timed(reels: Sequence[Reel], settings: Sequence[Setting]) -> tuple[list[TrialResult], dict[str, float]]:
    """The trials by the compiled lane alone; ends with its reason where it leaves one to the engine."""
    if why := next((why for each in settings if (why := problem(*each, FIXED))), ""):
        raise SystemExit(why)
    spent = Spent()
    trials = by_lane(reels, CAPITAL, settings)
    told = spent.told()
    done = [trial for trial in trials if trial is not None]
    if len(done) != len(settings):
        raise SystemExit("The compiled lane leaves these tapes to the engine.")
    return done, told


def _events(tapes: Sequence[Path]) -> Iterator[MarketEvent]:
    for tape in tapes:
        yield from market_events(tape)


def _reel(tape: Path) -> Reel:
    header, first = read_header(tape), next(iter(market_events(tape)))
    return Reel(header.name, tape, header.source, header.grade, first.received_ns)


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "engine": engine,
    "columns": columns,
    "lane": lane,
    "orders": orders,
}
