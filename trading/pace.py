"""How long the engine takes from an event in hand to its decision: percentiles over the last few thousand steps; and what
a process does before it trades so that it does not take longer."""

import gc
import sys
from array import array

KEPT = 4_096
HAND_OVER_S = 0.0002  # after so long a thread that computes lets another go on; Python's own 5 ms hold up an order


def settle_down() -> None:
    """What is loaded by now stays for good: the collector need not look at it again. And the threads that write rows and
    read wishes hand over to the loop much sooner than usual."""
    gc.freeze()
    sys.setswitchinterval(HAND_OVER_S)


class Pace:
    """A circular buffer of step times in nanoseconds."""

    def __init__(self) -> None:
        self._taken = array("q", bytes(8 * KEPT))
        self._count = 0

    def note(self, taken_ns: int) -> None:
        """One step took so long."""
        self._taken[self._count % KEPT] = taken_ns
        self._count += 1

    def percentiles_us(self) -> dict[str, float | None]:
        """{"p50": …, "p99": …} in microseconds; None before the first step."""
        kept = sorted(self._taken[: min(self._count, KEPT)])
        if not kept:
            return {"p50": None, "p99": None}
        return {"p50": kept[len(kept) // 2] / 1_000, "p99": kept[len(kept) * 99 // 100] / 1_000}
