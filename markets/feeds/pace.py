"""Pace: how often a venue is tried again, within what it allows and never in step with others."""

import random
from collections import deque
from typing import NamedTuple


class Pace(NamedTuple):
    """The defaults are within what every venue that we know allows; proofs over loopback are in more of a hurry."""

    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    healthy_s: float = 60.0  # of being up, after which the next wait is the first again
    refused_wait_s: float = 3_600.0
    attempts: int = 100  # to connect to one venue, in any `window_s`
    window_s: float = 600.0
    apart_s: float = 0.25  # between two attempts
    patience: float = 1.0  # how many times longer answers are waited for: where the clock runs faster than the sockets
    tick_s: float = 0.25  # between two looks at the clock for pings and watchdogs


class Waits:
    """The waits of one connection: doubling from the first to the longest, each half to one and a half times as long."""

    def __init__(self, pace: Pace, rng: random.Random) -> None:
        self._pace, self._rng = pace, rng
        self._next_s = pace.first_wait_s

    def next_s(self) -> float:
        """How long to wait now; the next wait is twice as long."""
        wait_s = self._next_s * self._rng.uniform(0.5, 1.5)
        self._next_s = min(2.0 * self._next_s, self._pace.longest_wait_s)
        return wait_s

    def reset(self) -> None:
        """It has been healthy."""
        self._next_s = self._pace.first_wait_s


class Attempts:
    """The attempts to connect of all connections of one venue, kept under its cap."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._times: deque[float] = deque(maxlen=pace.attempts)

    def take(self, now: float) -> float:
        """Take the next place in the queue: seconds from `now` until it is this attempt's turn."""
        times, pace = self._times, self._pace
        turn = now
        if times:
            turn = max(turn, times[-1] + pace.apart_s)
        if len(times) == pace.attempts:
            turn = max(turn, times[0] + pace.window_s)
        times.append(turn)
        return turn - now
