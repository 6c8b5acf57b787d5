"""One measurement in one fresh process: `python -m backtests.speed WHAT TAPE`, the answer as JSON on stdout.

Nothing of Django is loaded here: what is measured is the engine, with the collector as the trader has it.
"""

import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from backtests.core.simulate import simulate
from backtests.speed_pricing import compiled, pricing
from markets.core.events import MarketEvent
from markets.core.units import DOLLAR
from trading.core.decision import Decision
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Opening, Timer
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters
from trading.playback import market_events

CAPITAL = 10_000 * DOLLAR
MOST_LINES = 400_000
MILLION = 1_000_000
SHARES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}


def throughput(tape: Path) -> dict[str, Any]:
    """The tape streamed through a back-test: engine steps and events a CPU second."""
    gc.freeze()
    cpu, wall = time.process_time(), time.perf_counter()
    result = simulate(market_events(tape), Opening(0, CAPITAL), RiskLimits(), Parameters())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {
        "events": result.events,
        "steps": result.steps,
        "cpu_s": cpu,
        "wall_s": wall,
        "steps_a_cpu_second": result.steps / cpu,
        "events_a_cpu_second": result.events / cpu,
        "fills": len(result.fills),
        "digest": result.digest,
    }


def memory(tape: Path) -> dict[str, Any]:
    """Peak of resident memory while a million events are streamed, the tape again and again where it is shorter;
    what the later replays add to the peak of the first is what a leak would add."""
    gc.freeze()
    before, events, first_peak = _resident_mb(), 0, 0.0
    while events < MILLION:
        events += simulate(market_events(tape), Opening(0, CAPITAL), RiskLimits(), Parameters()).events
        first_peak = first_peak or peak_mb()
    return {
        "events": events,
        "before_mb": before,
        "peak_mb": peak_mb(),
        "peak_growth_mb": peak_mb() - before,
        "later_replays_add_mb": peak_mb() - first_peak,
    }


def latency(tape: Path) -> dict[str, Any]:
    """From the bytes of an event in hand to the decision on it, by kind of event, in microseconds.

    The timers due before an event are heard first and timed by themselves, as they are where time passes live.
    """
    lines = list(islice(_lines(tape), MOST_LINES))
    decode = msgspec.json.Decoder(MarketEvent).decode
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    first_ns = decode(lines[0]).received_ns
    _drain(desk.open(*opening_events(Opening(first_ns, CAPITAL), RiskLimits(), Parameters())))
    spent: dict[str, list[int]] = {}
    clock = time.perf_counter_ns
    gc.collect()
    gc.freeze()
    for line in lines:
        due = Timer(decode(line).received_ns)
        for step in _timed_timers(desk, due, clock):
            spent.setdefault("Timer", []).append(step)
        began = clock()
        event = decode(line)
        for _ in desk.hear(event):
            pass
        spent.setdefault(type(event).__name__, []).append(clock() - began)
    kinds = {kind: _percentiles(values) for kind, values in sorted(spent.items())}
    ticks = [value for kind, values in spent.items() if kind != "Timer" for value in values]
    return {"all": _percentiles(ticks), "kinds": kinds, "collections": [stat["collections"] for stat in gc.get_stats()]}


def _lines(tape: Path) -> Iterator[bytes]:
    """The events of a tape as the bytes they are on it."""
    encode = msgspec.json.Encoder(order="deterministic").encode
    return (encode(event) for event in market_events(tape))


def _timed_timers(desk: Desk, due: Timer, clock: Callable[[], int]) -> Iterator[int]:
    """Nanoseconds of each timer that is due."""
    began = clock()
    for _ in desk.hear(due):
        now = clock()
        yield now - began
        began = clock()


def _drain(steps: Iterator[tuple[Event, Decision]]) -> None:
    for _ in steps:
        pass


def _percentiles(values: list[int]) -> dict[str, float]:
    """Microseconds, nearest rank."""
    ordered = sorted(values)
    last = len(ordered) - 1
    found = {name: ordered[min(int(share * len(ordered)), last)] / 1_000 for name, share in SHARES.items()}
    return {"count": len(ordered), **found, "max": ordered[-1] / 1_000}


def _resident_mb() -> float:
    return _status_mb("VmRSS")


def peak_mb() -> float:
    """The most memory this process ever held, in 10^6 bytes; nan where Linux does not tell."""
    return _status_mb("VmHWM")  # getrusage would tell the peak of the process that started us, if that was higher


def _status_mb(name: str) -> float:
    """A line of Linux' own account of this process; nan elsewhere."""
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{name}:")), float("nan"))


MEASUREMENTS = {
    "throughput": throughput,
    "memory": memory,
    "latency": latency,
    "pricing": pricing,
    "compiled": compiled,
}

if __name__ == "__main__":
    print(json.dumps(MEASUREMENTS[sys.argv[1]](Path(sys.argv[2]))))  # noqa: T201
