"""Scheduled news: what people have entered and not withdrawn, as the engine takes it, and its withdrawal."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from trading.core import fitted as core
from trading.models import Announcement
from trading.services import nudge

MOST = 200  # sent to the engine, the soonest first
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ahead(now: datetime | None = None) -> tuple[core.Announcement, ...]:
    """What is still to come or not over, soonest first."""
    rows = Announcement.objects.filter(is_withdrawn=False, ends_at__gt=now or timezone.now())
    return tuple(_core(row) for row in rows.order_by("starts_at", "pk")[:MOST])


def withdraw(keys: Iterable[int]) -> int:
    """The trader expects these no more, within two seconds; they stay as rows. Returns how many there were."""
    with transaction.atomic():
        changed = Announcement.objects.filter(pk__in=list(keys), is_withdrawn=False).update(is_withdrawn=True)
        transaction.on_commit(nudge)
    return changed


def named(assets: str) -> tuple[str, ...]:
    """Assets as people type them, "btc, ETH", each once and in capitals."""
    return tuple(dict.fromkeys(assets.replace(",", " ").replace(";", " ").upper().split()))


def _core(row: Announcement) -> core.Announcement:
    return core.Announcement(_ns(row.starts_at), _ns(row.ends_at), row.multiplier, row.name, named(row.assets))


def _ns(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1_000
