"""When the watchdog takes back what rests: rules over what it sees, without I/O. Times are seconds of a steady clock."""

from typing import Literal, NamedTuple

from trading.beats import Beat, State
from trading.kill_file import Killed

SILENT_S = 10.0  # a trader that has not shown itself for so long hangs
STOPPED_S = 1.0  # a debugger may hold it for a moment
FILE_S = 3.0  # that the trader has for taking back what rests, once the file is there
HALTED_S = 5.0  # and once it is told to halt

Code = Literal["dead", "stopped", "silent", "left", "file", "mode"]


class Seen(NamedTuple):
    """What was seen at one look. `silent_s` counts from the last beat, or from when the watchdog began where there never
    was one; the others from when it was first seen so, None where it is not so."""

    beat: Beat | None
    state: State
    silent_s: float
    stopped_s: float | None = None
    killed: Killed | None = None
    killed_s: float | None = None
    halted_policy: str = ""
    halted_s: float | None = None


class Why(NamedTuple):
    """Why everything that rests is taken back. `is_lost`: the trader may come back to life and must not send then.
    `is_flat`: it lives and is to close what is held, for which it must be able to send."""

    code: Code
    text: str
    is_lost: bool = False
    is_flat: bool = False


def why_cancel(seen: Seen) -> Why | None:
    """None while all is well, or while the trader still has time to do it itself."""
    return _lost(seen) or _asked(seen)


def is_watched_closely(seen: Seen) -> bool:
    """Whether the exchange is asked every second: something is not as it should be, or a halt is wanted."""
    is_quiet = seen.silent_s > SILENT_S / 3 or seen.state in {"dead", "stopped"}
    return is_quiet or seen.killed is not None or seen.halted_s is not None


def _lost(seen: Seen) -> Why | None:
    left_in_order = seen.beat is not None and seen.beat.is_over
    if left_in_order:
        return Why("left", "the trader has left, and orders rest that nobody looks after") if _is_silent(seen) else None
    if seen.beat is not None and seen.state == "dead":
        return Why("dead", f"the trader (process {seen.beat.process.pid}) is dead", is_lost=True)
    if seen.beat is not None and seen.stopped_s is not None and seen.stopped_s >= STOPPED_S:
        return Why("stopped", f"the trader (process {seen.beat.process.pid}) is stopped", is_lost=True)
    if _is_silent(seen):
        how = "has never shown itself" if seen.beat is None else f"has not shown itself for {seen.silent_s:.0f} s"
        return Why("silent", f"the trader {how}", is_lost=True)
    return None


def _is_silent(seen: Seen) -> bool:
    return seen.silent_s >= SILENT_S


def _asked(seen: Seen) -> Why | None:
    if seen.killed is not None and seen.killed.policy != "hold" and _past(seen.killed_s, FILE_S):
        return Why("file", f"the file HALT lies there: {seen.killed.sentence}")
    if seen.halted_policy not in {"", "hold"} and _past(seen.halted_s, HALTED_S):
        text = f"trading is to be halted ({seen.halted_policy}), and orders still rest"
        return Why("mode", text, is_flat=seen.halted_policy == "flatten")
    return None


def _past(since_s: float | None, patience_s: float) -> bool:
    return since_s is not None and since_s >= patience_s
