"""Scheduled news: people enter and withdraw it in the admin, the trader hears of it, and what is over is told no more."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from trading import announcements, control
from trading.core import fitted
from trading.core.events import AnnouncementsSet
from trading.models import Announcement

pytestmark = pytest.mark.django_db
ADD, LIST = "admin:trading_announcement_add", "admin:trading_announcement_changelist"
NOON = (timezone.now() + timedelta(days=2)).replace(hour=12, minute=30, second=0, microsecond=0)


def typed(starts_at: datetime = NOON, ends_at: datetime | None = None, **different: str) -> dict[str, str]:
    until = ends_at or starts_at + timedelta(minutes=45)
    times = {
        f"{name}_{part}": text
        for name, when in (("starts_at", starts_at), ("ends_at", until))
        for part, text in enumerate((f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"))
    }
    return times | {"name": "US consumer prices", "multiplier": "4", "assets": ""} | different


def stored(starts_at: datetime = NOON, *, lasts_s: int = 1_800, **different: object) -> Announcement:
    row: Announcement = Announcement.objects.create(
        **{
            "name": "news", "starts_at": starts_at, "ends_at": starts_at + timedelta(seconds=lasts_s), "multiplier": 4.0,
        } | different
    )  # fmt: skip
    return row


def test_an_operator_enters_news_and_the_trader_hears_of_it(as_ada: Client, ada: User) -> None:
    before = control.wanted()
    assert as_ada.post(reverse(ADD), typed(assets="btc;eth btc")).status_code == 302
    row = Announcement.objects.get()
    assert (row.starts_at, row.assets, row.author) == (NOON, "BTC, ETH", ada)
    after = control.wanted(before)
    [event] = after.changes(before, 7)
    start_ns = int(NOON.timestamp()) * 10**9
    news = fitted.Announcement(start_ns, start_ns + 2_700 * 10**9, 4.0, "US consumer prices", ("BTC", "ETH"))
    assert event == AnnouncementsSet(7, (news,))
    assert event in after.others(7)  # a session that begins is told
    assert not any(type(each) is AnnouncementsSet for each in before.others(7))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (typed(multiplier="0"), "The multiplier must be above 0"),
        (typed(multiplier="-4"), "The multiplier must be above 0"),
        (typed(multiplier="1001"), "at most 1000"),
        (typed(multiplier="nan"), "Enter a number"),
        (typed(assets="BTC, PEPE"), "Not known: PEPE. Take of"),
        (typed(ends_at=NOON), "It must end after it starts."),
        (typed(ends_at=NOON - timedelta(minutes=1)), "It must end after it starts."),
        (typed(timezone.now() - timedelta(hours=3), timezone.now() - timedelta(hours=2)), "It is over already"),
        (typed(name=""), "This field is required"),
    ],
)
def test_what_the_engine_could_not_use_is_refused_in_words(as_ada: Client, wrong: dict[str, str], words: str) -> None:
    answer = as_ada.post(reverse(ADD), wrong)
    assert words in answer.content.decode()
    assert not Announcement.objects.exists()


def test_what_was_withdrawn_or_is_over_is_told_no_more(as_ada: Client) -> None:
    now = datetime(2027, 1, 13, 12, tzinfo=UTC)
    over, on, later = (stored(now + timedelta(minutes=minutes), name=str(minutes)) for minutes in (-30, -29, 90))
    assert [each.name for each in announcements.ahead(now)] == [on.name, later.name]
    action = {"action": "withdraw", "_selected_action": [str(on.pk), str(over.pk)]}
    assert as_ada.post(reverse(LIST), action).status_code == 302
    assert [each.name for each in announcements.ahead(now)] == [later.name]
    assert Announcement.objects.filter(is_withdrawn=True).count() == 2
    assert announcements.withdraw([on.pk]) == 0


def test_what_was_entered_is_never_changed_or_deleted(as_ada: Client) -> None:
    row = stored()
    change = reverse("admin:trading_announcement_change", args=[row.pk])
    assert as_ada.get(change).status_code == 200
    assert as_ada.post(change, typed(name="other")).status_code == 403
    assert as_ada.post(reverse("admin:trading_announcement_delete", args=[row.pk]), {"post": "yes"}).status_code == 403
    assert Announcement.objects.get().name == "news"


def test_only_who_may_can_enter_or_withdraw(as_bob: Client, bob: User) -> None:
    row = stored()
    assert as_bob.get(reverse(ADD)).status_code == 302  # to the login of the admin: bob is no operator
    bob.is_staff = True
    bob.save()
    bob.user_permissions.add(Permission.objects.get(codename="view_announcement"))
    assert as_bob.get(reverse(LIST)).status_code == 200
    assert as_bob.get(reverse(ADD)).status_code == 403
    as_bob.post(reverse(LIST), {"action": "withdraw", "_selected_action": [str(row.pk)]})
    row.refresh_from_db()
    assert not row.is_withdrawn
