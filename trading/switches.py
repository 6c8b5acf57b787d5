"""The kill switch and its opposite, in layers: the row, the nudge, the file; each says what it did.

Page, admin, API and command go through here, so that they all do the same.
"""

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import DatabaseError, connections

from trading import beats, services
from trading.accounts import account_shown
from trading.core.breaker_rules import BREAKERS
from trading.core.events import Mode, Policy
from trading.kill_file import NAME, Killed, kill_path, read_kill, take_away, write_kill
from trading.models import Halt
from trading.services import UnusableError

logger = logging.getLogger(__name__)
POLICY_WORDS: dict[Policy, str] = {
    "cancel": "what rests is taken back; what is held stays and settles",
    "hold": "what rests stays at the exchange until it expires; nothing new is sent",
    "flatten": "what rests is taken back, and what is held is closed where somebody pays for it",
}
WATCHDOG = "watchdog"  # kind of the discrepancies it opens: who starts again has seen them
DATABASE_S = 3.0  # that a halt waits for the rows before it writes the file


class Halted(NamedTuple):
    """What a halt did, a sentence each. `is_told`: the rows or the file say it, so that the trader will."""

    is_told: bool
    said: list[str]


def halt(*, by: str, reason: str, policy: Policy = "cancel", by_file: bool = False) -> Halted:
    """Stop trading, by the rows; by the file too where `by_file` says so or the rows cannot be written within three
    seconds. Never raises for what is away; raises UnusableError on a policy that does not exist."""
    if policy not in POLICY_WORDS:
        raise UnusableError([f"{policy!r} is not a policy; take one of {', '.join(POLICY_WORDS)}"])
    reason = reason.strip() or f"halted by {by}"
    said: list[str] = []
    if by_file and policy == "flatten":
        policy = "cancel"
        said.append(
            f"While the file {NAME} lies there no order is sent, so nothing is closed either: what rests is taken back."
        )
    trouble = _within(DATABASE_S, lambda: services.mode_set("HALTED", by=by, reason=reason, policy=policy))
    is_told = not trouble
    if trouble:
        said.append(f"The rows could not be written: {trouble}")
    else:
        said.append(f"The rows say HALTED with the policy {policy}: {POLICY_WORDS[policy]}.")
        said.append(_nudged())
    if by_file or trouble:
        of_file: Policy = "hold" if policy == "hold" else "cancel"
        is_told = _file_laid(Killed(of_file, reason, by), said) or is_told
    said.extend(_who_is_there())
    return Halted(is_told, said)


def resume(*, by: str, reason: str, mode: Mode = "ACTIVE") -> list[str]:
    """Want trading again: the file goes, and what is latched is cleared where its cause is gone. Returns what was done,
    a sentence each. Raises UnusableError where that cannot be, DatabaseError where the rows cannot be written."""
    if mode == "HALTED":
        raise UnusableError(["HALTED is no way to trade again; take ACTIVE or REDUCING"])
    before = to_clear()
    services.mode_set(
        mode, by=by, reason=reason.strip() or f"started by {by}"
    )  # first: the file goes on halting until then
    try:
        killed = take_away(kill_path(Path(settings.BOT_HOME)))
    except OSError as error:
        raise UnusableError([f"the file {NAME} cannot be taken away: {error.strerror}"]) from None
    services.discrepancy_close(WATCHDOG, account_shown())
    said = [f"{mode} is wanted: the trader takes it up within two seconds."]
    if killed:
        said.append(f"The file {NAME} was taken away; it said: {killed.sentence}.")
    said.extend(f"To be cleared, if its cause is gone: {words}" for words in before if not words.startswith(NAME))
    return said


def to_clear(account: str = "") -> list[str]:
    """What keeps trading stopped until a person wants it again: the latched breakers, and the file; a sentence each."""
    rows = Halt.objects.filter(account=account or account_shown(), is_latched=True, cleared_ns__isnull=True)
    said = [f"{row.code}: {row.text or _trips(row.code)}; it is cleared {_clears(row.code)}" for row in rows]
    killed = read_kill(kill_path(Path(settings.BOT_HOME)))
    return [*said, *([f"{NAME}: {killed.sentence}"] if killed else [])]


def _trips(code: str) -> str:
    return BREAKERS[code].trips if code in BREAKERS else "tripped"


def _clears(code: str) -> str:
    return BREAKERS[code].clears if code in BREAKERS else "when a person sets the mode again"


def _nudged() -> str:
    if services.nudge():
        return "The trader was nudged."
    return "Redis does not answer, so the trader was not nudged: it reads the rows within a second."


def _file_laid(killed: Killed, said: list[str]) -> bool:
    path = kill_path(Path(settings.BOT_HOME))
    try:
        write_kill(path, killed)
    except OSError as error:
        said.append(f"The file {path} could not be written: {error.strerror}. End the trader: `kill -TERM`, or Ctrl-C.")
        return False
    said.append(
        f"The file {path} was written: no order is sent while it lies there. `kalshi-bot resume` takes it away."
    )
    return True


def _who_is_there() -> list[str]:
    """Who is there to heed it: by the files that trader and watchdog renew every second."""
    home, said = Path(settings.BOT_HOME), []
    for name, file in (("trader", beats.TRADER), ("watchdog", beats.WATCHDOG)):
        age = beats.age_s(home / file)
        if age is not None:
            said.append(f"The {name} showed itself {age:.0f} s ago.")
    return said


def _within(seconds: float, action: Callable[[], object]) -> str:
    """Do it in a thread of its own: a database that hangs holds no halt up. Returns why it failed, "" when it did not."""
    trouble: list[str] = []

    def run() -> None:
        try:
            action()
        except (DatabaseError, OSError) as error:
            trouble.append(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
        finally:
            connections.close_all()

    if _in_transaction():
        action()  # part of a larger whole, such as a request of the admin: it waits for that one
        return ""
    thread = threading.Thread(target=run, name="halt", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return f"the database has not answered within {seconds:g} s"
    return trouble[0] if trouble else ""


def _in_transaction() -> bool:
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
