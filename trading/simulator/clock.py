"""DemoClock: simulated time, some times as fast as the wall clock, that never runs backwards, not even over a restart;
and WallClock, for a market that has the time of everybody."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec

SAVED_EVERY_NS = 2_000_000_000  # of wall time


class ClockError(RuntimeError):
    """The file that holds the clock cannot be read; to begin a new life of the demo market, delete it."""


class Anchor(msgspec.Struct, frozen=True):
    """At `wall_ns` it was `sim_ns` in the demo market, and went on at `speed`."""

    sim_ns: int
    wall_ns: int
    speed: float
    seed: int


class WallClock:
    """A market at the pace of the clock on the wall."""

    def now_ns(self) -> int:
        """What time it is."""
        return time.time_ns()

    def reached(self, at_ns: int) -> None:
        """Nothing to keep."""


class DemoClock:
    """Time goes on while we are down, as it does at an exchange, at the speed that was last set.

    At speed 0 (as fast as it can be heard) it is the time of the last event told, and stands still while down.
    `wall` and `steady` are readings in ns; the steady one is not moved by anybody who sets the wall clock.
    """

    def __init__(
        self,
        path: Path,
        *,
        speed: float,
        seed: int,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        if not 0 <= speed <= 10_000:
            raise ValueError(f"a speed is 0 (as fast as possible) to 10000, not {speed}")
        self.path, self.speed, self.seed = path, speed, seed
        self._wall, self._steady = wall, steady
        self._steady_ns = steady()
        self._sim_ns = self._resumed()
        self._saved_ns = 0
        self.save()

    def now_ns(self) -> int:
        """The time in the demo market."""
        if self.speed:
            steady_ns = self._steady()
            self._sim_ns += int((steady_ns - self._steady_ns) * self.speed)
            self._steady_ns = steady_ns
        return self._sim_ns

    def reached(self, at_ns: int) -> None:
        """Events up to `at_ns` were told: a restart goes on from there or later."""
        self._sim_ns = max(self._sim_ns, at_ns)
        if self._steady() - self._saved_ns >= SAVED_EVERY_NS:
            self.save()

    def save(self) -> None:
        """Write the clock down, whole or not at all."""
        anchor = Anchor(self.now_ns(), self._wall(), self.speed, self.seed)
        beside = self.path.with_suffix(".new")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.encode(anchor))
        beside.replace(self.path)
        self._saved_ns = self._steady()

    def _resumed(self) -> int:
        wall_ns = self._wall()
        try:
            anchor = msgspec.json.decode(self.path.read_bytes(), type=Anchor)
        except FileNotFoundError:
            return wall_ns
        except msgspec.DecodeError as error:
            raise ClockError(f"{self.path} is not a clock: {error}. Delete it to begin anew.") from error
        away_ns = max(wall_ns - anchor.wall_ns, 0)
        return anchor.sim_ns + int(away_ns * anchor.speed)


class PlaybackClock:
    """Plays a recording: its first event is due at once, the others `speed` times as fast as they were recorded."""

    def __init__(self, first_ns: int, *, speed: float, steady: Callable[[], int] = time.monotonic_ns) -> None:
        self._first_ns, self._speed, self._steady = first_ns, speed, steady
        self._start_ns = steady()

    def now_ns(self) -> int:
        """The moment in the recording that has come."""
        return self._first_ns + int((self._steady() - self._start_ns) * self._speed)

    def reached(self, at_ns: int) -> None:
        """Nothing to keep: a recording is played from its beginning."""
