"""Signs of life in files: `trader.beat`, written by the trader's event loop, and `watchdog.beat`, written by the watchdog.

They work with database and Redis gone. Who reads one looks whether it changes, by its own steady clock: the clock on the
wall may jump.
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Literal

import msgspec

TRADER, WATCHDOG = "trader.beat", "watchdog.beat"
State = Literal["running", "stopped", "dead", "unknown"]


class Process(msgspec.Struct, frozen=True):
    """Which process: a number alone may have been given to another one since. `space` is where that number counts."""

    pid: int = 0
    began: str = ""
    space: str = ""


class Beat(msgspec.Struct, frozen=True):
    """One sign of life. `groups` are the order groups (id, shard) that are a brake on the trader's orders; `is_over`: it
    has left in order, and took back what rested. `text` says in words how it stands."""

    count: int
    at_ns: int
    process: Process = Process()
    account: str = ""
    groups: tuple[tuple[str, int], ...] = ()
    is_over: bool = False
    text: str = ""


class Beater:
    """Writes the beats of this process. Never raises: where nothing can be written, the beat stops."""

    def __init__(self, path: Path, *, account: str = "") -> None:
        self.path = path
        self._account = account
        self._process = this_process()
        self._count = 0

    def beat(self, *, groups: tuple[tuple[str, int], ...] = (), is_over: bool = False, text: str = "") -> None:
        """One sign of life; call it every second."""
        self._count += 1
        said = Beat(self._count, time.time_ns(), self._process, self._account, groups, is_over, text)
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            beside.write_bytes(msgspec.json.encode(said))
            beside.replace(self.path)
        except OSError:  # a full disk: the time of the file is all that can be renewed
            with contextlib.suppress(OSError):
                os.utime(self.path)


def read_beat(path: Path) -> Beat | None:
    """The newest beat; None where there is none, or none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Beat)
    except (OSError, msgspec.MsgspecError):
        return None


class Listener:
    """How long a beat has been silent, by our own steady clock (seconds)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark: object = None
        self._heard_s: float | None = None

    def look(self, now_s: float) -> Beat | None:
        """The newest beat; call it every second or so."""
        beat = read_beat(self.path)
        with contextlib.suppress(OSError):
            mark = (self.path.stat().st_mtime_ns, beat)
            if mark != self._mark:
                self._mark, self._heard_s = mark, now_s
        return beat

    def silent_s(self, now_s: float) -> float | None:
        """Seconds since it last changed, or since we began to look; None when there never was a beat."""
        return None if self._heard_s is None else now_s - self._heard_s


def age_s(path: Path) -> float | None:
    """How old the newest beat is, by the clock on the wall; None when there is none. For pages and checks."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except OSError:
        return None


def this_process() -> Process:
    """Ours."""
    pid = os.getpid()
    return Process(pid, _stat(pid)[1], _space())


def state_of(process: Process) -> State:
    """Whether it runs, as far as that can be seen from here: a process in another container is `unknown`."""
    if not process.pid or not process.space or process.space != _space():
        return "unknown"
    letter, began = _stat(process.pid)
    if not letter or began != process.began or letter in "ZXx":
        return "dead"
    return "stopped" if letter in "Tt" else "running"


def _stat(pid: int) -> tuple[str, str]:
    """The state of a process and when it began, in the kernel's words; empty when there is none."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", ""
    return (words[0], words[19]) if len(words) > 19 else ("", "")


def _space() -> str:
    """The kernel's boot and the space in which numbers of processes count; empty where that cannot be known."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"  # noqa: PTH115
    except OSError:
        return ""
