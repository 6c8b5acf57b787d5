"""Takes away what nobody will look at again: old signals that led to nothing, old looks that found nothing."""

from datetime import datetime, timedelta

from trading import models
from trading.core.reasons import TRADED

PRUNED_AT_ONCE = 500
LOOKS_KEPT = timedelta(days=2)


def prune_signals(keep: int) -> int:
    """Delete all but the newest `keep` signals and those that led to an order; returns how many went.

    In small pieces, so that the journal never waits long for them. The tape, or the seed, has them all.
    """
    newest = models.Signal.objects.order_by("-id").values_list("id", flat=True).first()
    if newest is None:
        return 0
    old = models.Signal.objects.filter(id__lte=newest - keep).exclude(reason=TRADED).order_by("id")
    gone = 0
    while ids := list(old.values_list("id", flat=True)[:PRUNED_AT_ONCE]):
        gone += models.Signal.objects.filter(id__in=ids).delete()[0]
    return gone


def prune_looks(now: datetime) -> int:
    """Of the looks at an exchange's books that are older than two days keep those that put something right or found a
    difference, and the last of each hour: by account and kind, clean or not. Returns how many went."""
    quiet = models.Reconciliation.objects.filter(made_at__lt=now - LOOKS_KEPT, repairs=[], differences=[])
    rows = quiet.order_by("-id").values_list("id", "account", "kind", "is_clean", "made_at")
    seen: set[tuple[str, str, bool, datetime]] = set()
    gone: list[int] = []
    for pk, account, kind, is_clean, made_at in rows.iterator():
        hour = (account, kind, is_clean, made_at.replace(minute=0, second=0, microsecond=0))
        if hour in seen:
            gone.append(pk)
        seen.add(hour)
    for start in range(0, len(gone), PRUNED_AT_ONCE):
        models.Reconciliation.objects.filter(id__in=gone[start : start + PRUNED_AT_ONCE]).delete()
    return len(gone)
