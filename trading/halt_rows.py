"""Halts as rows: each time a breaker trips, open until it is cleared; twice is harmless."""

from collections.abc import Iterable

from trading.core import events
from trading.core.decision import BreakerChange
from trading.models import Halt


def write(session_id: int, account: str, changes: Iterable[tuple[int, BreakerChange]]) -> None:
    """What tripped and what was cleared, each with its time, in the order of time."""
    for at_ns, change in changes:
        if change.is_tripped:
            _open(session_id, account, change, at_ns)
        else:
            still_open = Halt.objects.filter(account=account, code=change.code, cleared_ns=None, event_ns__lte=at_ns)
            still_open.update(cleared_ns=at_ns, cleared_by=change.by)


def carry(account: str, openings: Iterable[events.Opening]) -> None:
    """A session begins: of what is open from before it only what is latched stays; the rest is looked at anew."""
    for opening in openings:
        before = Halt.objects.filter(account=account, cleared_ns=None, event_ns__lt=opening.received_ns)
        before.filter(is_latched=False).update(cleared_ns=opening.received_ns)


def latched(account: str) -> tuple[events.Tripped, ...]:
    """The latched breakers that nobody has cleared, oldest first."""
    rows = Halt.objects.filter(account=account, cleared_ns=None, is_latched=True).order_by("event_ns", "id")
    return tuple(events.Tripped(row.code, row.text, row.event_ns) for row in rows)


def _open(session_id: int, account: str, change: BreakerChange, at_ns: int) -> None:
    mine = Halt.objects.filter(account=account, code=change.code)
    if mine.filter(event_ns=at_ns).exists() or mine.filter(cleared_ns=None).exists():
        return
    Halt.objects.create(
        account=account, session_id=session_id, code=change.code, text=change.text, use=change.use, limit=change.limit,
        is_latched=change.is_latched, event_ns=at_ns,
    )  # fmt: skip
