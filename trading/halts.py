"""Halt rows: when a breaker stopped trading and why, until when, and who cleared it."""

from collections.abc import Iterable

from trading.core.decision import BreakerChange
from trading.core.events import Tripped
from trading.models import Halt


def write(account: str, session_id: int, told: Iterable[tuple[int, BreakerChange]]) -> None:
    """Each trip a row, each clearing its end; `told` are (time, change) as they happened. Twice is harmless."""
    for at_ns, change in told:
        mine = Halt.objects.filter(account=account, code=change.code)
        if not change.is_tripped:
            mine.filter(cleared_ns__isnull=True, event_ns__lte=at_ns).update(
                cleared_ns=at_ns, cleared_by=change.by[:150]
            )
        elif not mine.filter(event_ns=at_ns).exists() and not mine.filter(cleared_ns__isnull=True).exists():
            Halt.objects.create(
                account=account, session_id=session_id, code=change.code, text=change.text, use=change.use,
                limit=change.limit, is_latched=change.is_latched, event_ns=at_ns,
            )  # fmt: skip


def begin(account: str, at_ns: int) -> int:
    """A session begins: what clears itself and was open when the last one ended begins anew. Returns how many ended."""
    left = Halt.objects.filter(account=account, is_latched=False, cleared_ns__isnull=True)
    return left.update(cleared_ns=at_ns, cleared_by="")


def latched(account: str) -> tuple[Tripped, ...]:
    """What a person has to clear, oldest first."""
    rows = Halt.objects.filter(account=account, is_latched=True, cleared_ns__isnull=True).order_by("event_ns", "id")
    return tuple(Tripped(row.code, row.text, row.event_ns) for row in rows)
