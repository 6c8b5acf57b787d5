"""Work that says nothing, for it compiles, keeps its part; work that hangs or is gone does not."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone
from pytest_django import Settings

from backtests.studies import claims, pulse
from backtests.study_models import Status, Study, StudyPart

pytestmark = pytest.mark.django_db(transaction=True)  # a thread says it, through a connection of its own
LONG_AGO = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _quick(settings: Settings) -> None:
    settings.STUDY_SILENT_S = 0.4


@pytest.fixture
def part() -> StudyPart:
    """The only part of a study, taken by a worker."""
    study = Study.objects.create(kind="sweep", inputs={}, status=Status.RUNNING)
    StudyPart.objects.create(study=study, number=0, round=0, span="2026-11-22", work={})
    claimed = claims.part_claim(study.pk)
    assert claimed is not None
    return claimed


def aged(part: StudyPart) -> None:
    StudyPart.objects.filter(pk=part.pk).update(heartbeat_at=timezone.now() - LONG_AGO)


def is_heard_of(part: StudyPart) -> bool:
    """Whether it is said within ten seconds that the part is being played."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if StudyPart.objects.filter(pk=part.pk, heartbeat_at__gt=timezone.now() - LONG_AGO / 2).exists():
            return True
        time.sleep(0.02)
    return False


def test_silent_work_keeps_its_part(part: StudyPart) -> None:
    with claims.Beat(part):
        aged(part)
        assert is_heard_of(part)
    aged(part)
    taken = claims.part_claim(part.study_id)  # its worker is gone
    assert taken is not None
    assert taken.attempts == 2


def test_who_lost_his_part_says_nothing_of_it(part: StudyPart) -> None:
    aged(part)
    other = claims.part_claim(part.study_id)
    assert other is not None
    aged(other)
    beat = claims.Beat(part)
    beat._say()
    other.refresh_from_db()
    assert other.heartbeat_at is not None
    assert other.heartbeat_at < timezone.now() - LONG_AGO / 2


def test_work_that_hangs_loses_its_part(part: StudyPart, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "MOST_QUIET_S", 0.0)
    said: list[int] = []
    with pulse.Pulse(lambda: said.append(1)) as beat:
        beat._thread.join(10)
        assert not beat._thread.is_alive()
    assert not said


def test_a_study_that_is_added_up_in_silence_is_heard_of(part: StudyPart) -> None:
    Study.objects.filter(pk=part.study_id).update(heartbeat_at=timezone.now() - LONG_AGO)
    until = time.monotonic() + 10
    with claims.Touch(part.study_id):
        while time.monotonic() < until:
            if Study.objects.filter(pk=part.study_id, heartbeat_at__gt=timezone.now() - LONG_AGO / 2).exists():
                return
            time.sleep(0.02)
    pytest.fail("nothing was heard of the study")


def test_a_database_that_is_away_ends_no_pulse() -> None:
    calls: list[int] = []

    def say() -> None:
        calls.append(1)
        raise OperationalError("away")

    until = time.monotonic() + 10
    with pulse.Pulse(say):
        while len(calls) < 2 and time.monotonic() < until:
            time.sleep(0.02)
    assert len(calls) >= 2
