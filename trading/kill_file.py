"""The file HALT in the folder of the bot: while it lies there no order is sent, and what rests is taken back.

It needs no database, no Redis and no page: `touch HALT` is enough, and `kalshi-bot halt` writes one where the rows cannot
be written. Lines such as `policy: hold` in it are heeded; anything else in it is taken for the reason.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import msgspec

from trading.core.events import CheckTold, Policy

NAME = "HALT"
MOST_BYTES = 4_096


class Killed(msgspec.Struct, frozen=True):
    """What the file says. `by` and `at` are empty where a person made it by hand."""

    policy: Policy = "cancel"
    reason: str = ""
    by: str = ""
    at: str = ""

    @property
    def sentence(self) -> str:
        """For a log, a page, a breaker."""
        by = f" (by {self.by})" if self.by else ""
        return f"{self.reason or f'a file named {NAME} lies in the folder of the bot'}{by}"


def kill_path(home: Path) -> Path:
    """Where the file is looked for."""
    return home / NAME


def is_killed(path: Path) -> bool:
    """Whether the file is there; cheap enough to be asked before each order. What cannot be looked at counts as there."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def read_kill(path: Path) -> Killed | None:
    """What the file says; None when it is not there. Whatever is in it, it halts."""
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        return Killed(reason=f"{path.name} cannot be read: {error.strerror}")
    return _understood(text)


def check_of(path: Path, now_ns: int) -> CheckTold:
    """Whether it is there, and what it says, as the engine hears it."""
    if not is_killed(path):
        return CheckTold(now_ns, "KILL_FILE", is_ok=True)
    killed = read_kill(path) or Killed()
    return CheckTold(now_ns, "KILL_FILE", False, killed.sentence, policy=killed.policy)


def write_kill(path: Path, killed: Killed, *, replaces: bool = True) -> bool:
    """Lay the file down, on a full disk without its words; False where one lies there already and is left as it is.
    Raises OSError when not even that is possible."""
    flags = os.O_WRONLY | os.O_CREAT | (0 if replaces else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o644)
    except FileExistsError:
        return False
    at = killed.at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    words = f"policy: {killed.policy}\nby: {_line(killed.by)}\nat: {at}\nreason: {_line(killed.reason)}\n"
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.truncate(0)
            file.write(words.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return True  # it lies there: that is what counts
    return True


def take_away(path: Path) -> Killed | None:
    """Remove the file, and return what it said; None when there was none. Raises OSError."""
    said = read_kill(path)
    if said is not None:
        path.unlink(missing_ok=True)
    return said


def _understood(text: str) -> Killed:
    said: dict[str, str] = {}
    rest: list[str] = []
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        word = name.strip().lower()
        if colon and word in {"policy", "by", "at", "reason"}:
            said[word] = value.strip()
        elif line.strip():
            rest.append(line.strip())
    wanted = said.get("policy", "").lower()
    policy: Policy = next((each for each in get_args(Policy) if each == wanted), "cancel")
    reason = said.get("reason", "") or " ".join(rest)
    return Killed(policy, reason[:300], said.get("by", "")[:150], said.get("at", "")[:40])


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
