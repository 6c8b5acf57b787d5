"""The same run under other conditions: its bounds, and how it changes with time; beside the run of record."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace as changed

from backtests.core.metrics import measure
from backtests.core.record import Result
from backtests.core.sensitivity import LATENCIES_MS, SHIFTS_MS, Point, verdict
from backtests.report import settings_of
from markets.core.units import MILLISECOND_NS, count_text, money_text
from trading.core.evidence import grade_of, words_of
from trading.core.realism import optimistic, pessimistic

if TYPE_CHECKING:
    from backtests.replay import Inputs

Play = Callable[["Inputs", str], Result]
"""Plays the whole run anew with other inputs; the words say which."""

OPTIMISTIC, PESSIMISTIC = "optimistic", "pessimistic"
BOUNDS_SAY = (
    "optimistic: every hop takes its median (or the stated one, where that is shorter), queues shrink in proportion, the last "
    "snapshot is believed, nothing goes wrong. pessimistic: every hop takes its 95th percentile (or the stated one, where that "
    "is longer), who cancels stood behind us, a trade fills no more than was printed, a price must be in two snapshots. They "
    "bound how much is filled and how late, not what is made: of a losing strategy fewer fills cost less."
)


def plays_of(inputs: "Inputs") -> int:
    """How often the tapes are played in all."""
    times = len(LATENCIES_MS) - 1 + len(SHIFTS_MS) - 1
    return 1 + 2 * inputs.bounds + times * inputs.sensitivity


def bounds_of(inputs: "Inputs", record: Result, play: Play) -> dict[str, Any]:
    """The run of record between its optimistic and its pessimistic bound."""
    realisms = {
        OPTIMISTIC: optimistic(inputs.realism, inputs.parameters),
        PESSIMISTIC: pessimistic(inputs.realism, inputs.parameters),
    }
    found = {
        name: summary_of(play(replace(inputs, realism=realism), f"{name} bound")) | {"realism": settings_of(realism)}
        for name, realism in realisms.items()
    }
    return {**found, "record": summary_of(record) | {"realism": settings_of(inputs.realism)}, "words": BOUNDS_SAY}


def sensitivity_of(inputs: "Inputs", record: Result, play: Play) -> dict[str, Any]:
    """What is made against latency added to every order and cancel, and against shifts of the spot clock (ms)."""
    realism = inputs.realism
    latency = [
        (more, record if not more else play(replace(inputs, realism=changed(realism, added_ns=realism.added_ns + more * MILLISECOND_NS)), f"{more} ms more latency"))
        for more in LATENCIES_MS
    ]  # fmt: skip
    spot = [
        (more, record if not more else play(replace(inputs, spot_shift_ns=inputs.spot_shift_ns + more * MILLISECOND_NS), f"spot {more:+} ms"))
        for more in SHIFTS_MS
    ]  # fmt: skip
    said = verdict(*([Point(more, measure(result).net) for more, result in curve] for curve in (latency, spot)))
    return {
        "latency": [{"ms": more} | summary_of(result) for more, result in latency],
        "spot": [{"ms": more} | summary_of(result) for more, result in spot],
        "is_latency_edge": said.is_latency_edge,
        "verdict": said.text,
    }


def summary_of(result: Result) -> dict[str, Any]:
    """The few numbers of a run that are held against another's."""
    metrics = measure(result)
    win = metrics.win_rate
    return {
        "digest": result.digest,
        "net": money_text(metrics.net),
        "gross": money_text(metrics.gross),
        "fees": money_text(metrics.fees),
        "orders": len(result.orders),
        "orders_filled": sum(order.filled > 0 for order in result.orders),
        "fills": metrics.fills,
        "contracts": count_text(metrics.contracts),
        "windows": len(metrics.windows),
        "win": {"wins": win.wins, "windows": win.windows, "rate": win.rate.value, "low": win.low, "high": win.high},
    }


def graded(trades: Sequence[dict[str, Any]], played: Iterable[tuple[str, Result]]) -> dict[str, Any]:
    """Give every trade of a report its `grade` and `grade_words`, and sum them up. `played` are the grades of the tapes with
    what was made on them, in the order of the trades."""
    fills = [(fill, tape_grade) for tape_grade, result in played for fill in result.fills]
    sums: dict[str, list[int]] = {}
    for trade, (fill, tape_grade) in zip(trades, fills, strict=True):
        grade = trade["grade"] = grade_of(fill.evidence, tape_grade)
        trade["grade_words"] = words_of(fill.evidence, tape_grade)
        counts = sums.setdefault(grade, [0, 0])
        counts[0] += 1
        counts[1] += fill.count
    rows = [
        {"grade": grade, "fills": sums[grade][0], "contracts": count_text(sums[grade][1])} for grade in sorted(sums)
    ]
    return {"grades": rows}
