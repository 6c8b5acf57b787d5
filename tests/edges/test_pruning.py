"""Old looks at an exchange's books: what found something stays, of the others one an hour; on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from kalshi_site.celery import app
from trading import our_rows, services, tasks
from trading.models import Reconciliation
from trading.pruning import prune_looks

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def looked(hours: float, **found: object) -> int:
    """A look so many hours ago."""
    values = {"account": "live", "kind": "running", "is_clean": True, "made_at": NOW - timedelta(hours=hours)}
    return Reconciliation.objects.create(**(values | found)).pk


def left() -> set[int]:
    return set(Reconciliation.objects.values_list("id", flat=True))


def test_of_looks_older_than_two_days_one_an_hour_stays_and_all_that_found_something() -> None:
    minutes = [looked(hours=50 + minute / 60) for minute in range(150, 0, -1)]  # 52:30 to 50:01 hours ago
    repaired = looked(50.5, repairs=["a fill that was not heard"], is_clean=False)
    differs = looked(50.5, differences=["cash shard 2"], is_clean=False)
    waits = [looked(50.4, is_clean=False), looked(50.3, is_clean=False)]
    others = [looked(50.5, account="practice"), looked(50.5, kind="task"), looked(50.5, kind="start")]
    young = [looked(47.9), looked(1), looked(0.5)]
    assert prune_looks(NOW) == 148
    [older, oldest, newest] = sorted(left() & set(minutes))
    assert (older, oldest, newest) == (minutes[29], minutes[89], minutes[-1])
    assert left() == {older, oldest, newest, repaired, differs, waits[1], *others, *young}
    assert prune_looks(NOW) == 0


def test_the_last_clean_look_stays_for_it_says_from_when_on_to_compare() -> None:
    account = services.account_open("live", 0, venue="simulated")
    clean = looked(1_000.5, looked_at={"asked_ns": 10**18})
    looked(1_000.4, is_clean=False)
    looked(1_000.3, kind="task")
    since_ns = our_rows.start_of(account.name).since_ns
    assert prune_looks(NOW) == 0
    assert clean in left()
    assert our_rows.start_of(account.name).since_ns == since_ns == 10**18 - our_rows.MARGIN_NS


def test_it_is_done_every_hour() -> None:
    assert app.conf.beat_schedule["old looks"]["task"] == tasks.looks_prune.name
    long_ago = timezone.now() - timedelta(days=3)
    for _ in range(2):
        looked(0, made_at=long_ago)
    assert tasks.looks_prune() == 1
