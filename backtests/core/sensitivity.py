"""How much of a run's profit hangs on time: on the way of orders, and on how the spot clock stands to the exchange's."""

from collections.abc import Sequence
from typing import NamedTuple

LATENCIES_MS = (0, 50, 100, 250, 500, 1_000)
SHIFTS_MS = (-1_000, -250, 0, 250, 1_000)
DEADLY_MS = 250  # pricing notes, section 10.3, trap 7


class Point(NamedTuple):
    """What the run makes (Money, after fees) with so much more on the way, or with spot heard so much later."""

    shift_ms: int
    net: int


class Verdict(NamedTuple):
    """Whether what is made is an edge in speed, and the sentence."""

    is_latency_edge: bool
    text: str


def verdict(latency: Sequence[Point], spot: Sequence[Point]) -> Verdict:
    """What both curves say; each has a point at 0 and at +250 ms."""
    made = _at(latency, 0)
    if made <= 0:
        return Verdict(False, "There is no edge to lose: at 0 ms the run makes nothing.")
    late, behind = _at(latency, DEADLY_MS), _at(spot, DEADLY_MS)
    gone = [
        words
        for net, words in (
            (late, f"with {DEADLY_MS} ms more on the way of orders"),
            (behind, f"when spot is heard {DEADLY_MS} ms later"),
        )
        if net <= 0
    ]
    if gone:
        return Verdict(True, f"A latency edge: what is made is gone {' and '.join(gone)}.")
    least = min(late, behind)
    return Verdict(
        False,
        f"No latency edge by these tapes: of what is made at 0 ms, {100 * late / made:.0f} % is left with {DEADLY_MS} ms "
        f"more on the way, {100 * behind / made:.0f} % with spot heard {DEADLY_MS} ms later"
        + (", though half or more is gone." if 2 * least < made else "."),
    )


def _at(points: Sequence[Point], shift_ms: int) -> int:
    return next(point.net for point in points if point.shift_ms == shift_ms)
