"""Takes away what nobody will look at again: old signals that led to nothing."""

from trading import models
from trading.core.reasons import TRADED

PRUNED_AT_ONCE = 500


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
