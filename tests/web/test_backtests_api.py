"""Back-tests over the API: what is taken, what is refused and in which words."""

from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIRequestFactory, force_authenticate

from backtests import services
from backtests.api import BacktestRunViewSet
from backtests.models import BacktestRun
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import MINIMUM, finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


def api(method: str, user: User, action: str, data: Any = None, pk: int | None = None) -> Any:
    request = getattr(APIRequestFactory(), method)("/api/v1/backtests/", data, format="json")
    force_authenticate(request, user)
    extra = {} if pk is None else {"pk": pk}
    return BacktestRunViewSet.as_view({method: action})(request, **extra)


def test_the_api_queues_a_run(ada: User, tape: Tape, sent: list[int]) -> None:
    answer = api("post", ada, "create", {"tapes": ["rising"], "capital": "2500.5", "settings": {"edge": "2"}})
    assert answer.status_code == 201
    assert (answer.data["capital"], answer.data["max_daily_loss"]) == ("2500.5", "1000")
    assert answer.data["settings"]["edge"] == "2"
    assert BacktestRun.objects.get(pk=answer.data["id"]).parameters().edge_threshold == 0.02


def test_the_api_says_which_field_is_wrong(ada: User, tape: Tape) -> None:
    answer = api("post", ada, "create", {"tapes": ["gone"], "capital": "1000"})
    assert answer.status_code == 400
    assert list(answer.data) == ["tapes"]
    answer = api("post", ada, "create", {"tapes": ["rising"], "settings": {"egde": "2"}})
    assert "egde" in str(answer.data["settings"])


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({}, "tapes", "/api/v1/tapes/"),
        ({"tapes": []}, "tapes", "/api/v1/tapes/"),
        ({"tapes": "all"}, "tapes", "/api/v1/tapes/"),
        ({"tapes": ["rising"], "capital": "lots"}, "capital", "is not an amount in dollars"),
        ({"tapes": ["rising"], "capitol": "5"}, "capitol", "known are label, note, tapes, capital, max_daily_loss"),
        ({"tapes": ["rising"], "date_from": "13.5."}, "date_from", "YYYY-MM-DD"),
        ({"tapes": ["rising"], "settings": {"kelly": "200"}}, "settings", "The Kelly fraction must be 0 to 1."),
    ],
)
def test_the_api_says_what_to_do_about_a_wrong_field(
    ada: User, tape: Tape, asked: dict[str, Any], field: str, words: str
) -> None:
    answer = api("post", ada, "create", asked)
    assert answer.status_code == 400
    assert list(answer.data) == [field]
    assert words in str(answer.data[field])
    assert not BacktestRun.objects.exists()


def test_a_wrong_setting_is_named_where_it_was_given(ada: User, tape: Tape) -> None:
    answer = api("post", ada, "create", {"tapes": ["rising"], "capital": "x", "settings": {"edge": "x"}})
    assert answer.data == {
        "capital": ["Capital: 'x' is not an amount in dollars with at most six decimals."],
        "settings": {"edge": ["Least edge: 'x' is not a number."]},
    }


def test_the_api_lists_the_tapes_that_can_be_named(as_bob: Client, tape: Tape) -> None:
    rows = as_bob.get("/api/v1/tapes/").json()["results"]
    assert [(row["name"], row["grade"], row["events"]) for row in rows] == [("rising", "A", tape.events)]
    assert "path" not in rows[0]
    assert as_bob.get("/api/v1/tapes/rising/").json() == rows[0]


def test_the_api_lets_bob_read_and_nothing_else(bob: User, tape: Tape, sent: list[int]) -> None:
    run = finished()
    assert api("get", bob, "list").data["count"] == 1
    assert "result" not in api("get", bob, "list").data["results"][0]
    assert api("get", bob, "retrieve", pk=run.pk).data["result"] == run.result
    assert api("post", bob, "create", MINIMUM).status_code == 403
    assert api("post", bob, "cancel", pk=run.pk).status_code == 403


def test_the_api_cancels(ada: User, tape: Tape, sent: list[int]) -> None:
    run = queued()
    assert api("post", ada, "cancel", pk=run.pk).status_code == 200
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_the_beat_sweeps_every_minute() -> None:
    schedule = current_app.conf.beat_schedule
    assert any(entry["task"] == "backtests.tasks.sweep_stuck" for entry in schedule.values())
    assert settings.CELERY_TASK_ACKS_LATE
