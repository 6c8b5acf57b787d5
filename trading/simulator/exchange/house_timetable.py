"""What the exchange will do by itself, and when."""

import heapq
from collections.abc import Callable

Act = Callable[[int], None]  # is told the moment that it was due
NEVER = 1 << 62


class Timetable:
    """Acts by the moment they are due; those of one moment in the order they were put down."""

    def __init__(self) -> None:
        self._acts: list[tuple[int, int, Act]] = []
        self._number = 0
        self.next_ns = NEVER

    def at(self, due_ns: int, act: Act) -> None:
        """Do this at that moment, or as soon as time passes when it is over."""
        self._number += 1
        heapq.heappush(self._acts, (due_ns, self._number, act))
        self.next_ns = self._acts[0][0]

    def pop(self) -> tuple[int, Act]:
        """The next act and when it is due. Raises IndexError when there is none."""
        due_ns, _, act = heapq.heappop(self._acts)
        self.next_ns = self._acts[0][0] if self._acts else NEVER
        return due_ns, act
