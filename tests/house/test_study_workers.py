"""Studies on real workers: the same bytes on one, two and four; nothing lost and nothing doubled, whatever is killed."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from backtests.studies import services, working
from backtests.study_models import Study, StudyPart, StudyTrial
from tests.builders_studies import played, queued, register_days, told
from tests.house.study_workers import Workers, pid_of, workers

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SPACE: dict[str, Any] = {"space": ["edge=1,2,60"], "block": "1"}
PARTS = 6


@pytest.fixture(autouse=True)
def days(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days of tapes; the storage that the workers have; nobody is told by the broker of the other tests."""
    register_days(tmp_path)
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "w" / "artefacts")},
        }
    }
    for module in (services, working):
        monkeypatch.setattr(module, "nudge", lambda _study_id, _count: None)


def reference() -> Study:
    """The same study, played in this process."""
    return played(queued(**SPACE))


def assert_whole(study: Study, same: Study, home: Path) -> None:
    """Each part done, once, with the bytes of the reference; each trial scored alike; no artefact that nobody points to."""
    assert (study.status, study.error) == ("done", "")
    assert study.digest == same.digest
    parts = StudyPart.objects.filter(study=study).order_by("number")
    assert [(part.number, part.status, part.digest) for part in parts] == [
        (part.number, "done", part.digest) for part in StudyPart.objects.filter(study=same).order_by("number")
    ]
    trials = [
        list(StudyTrial.objects.filter(study=each).order_by("number").values_list("values", "key", "objective", "net"))
        for each in (study, same)
    ]
    assert trials[0] == trials[1]
    kept = {
        str(path.relative_to(home / "artefacts")) for path in (home / "artefacts" / "studies" / str(study.pk)).iterdir()
    }
    assert kept == {part.artefact for part in parts}
    assert {**told(study), "tried": None} == {**told(same), "tried": None}


def begun(crew: Workers) -> Study:
    study = queued(**SPACE)
    crew.tell(study, PARTS)
    return study


@pytest.mark.parametrize("pools", [(1,), (2,), (2, 2)], ids=["one", "two", "four"])
def test_the_same_bytes_whoever_played_what(tmp_path: Path, pools: tuple[int, ...]) -> None:
    same = reference()
    with workers(tmp_path / "w", *pools) as crew:
        study = crew.wait_for(begun(crew), "done", "failed")
    assert_whole(study, same, tmp_path / "w")
    assert set(StudyPart.objects.filter(study=study).values_list("attempts", flat=True)) == {1}


def test_a_killed_process_of_the_pool_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    same = reference()
    with workers(tmp_path / "w", 2) as crew:
        study = begun(crew)
        part = crew.held(study)
        os.kill(pid_of(part), signal.SIGKILL)
        crew.wait_for(study, "done", "failed")
    assert_whole(study, same, tmp_path / "w")
    part.refresh_from_db()
    assert part.attempts == 2


def test_a_killed_worker_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    same = reference()
    with workers(tmp_path / "w", 2) as crew:
        study = begun(crew)
        part = crew.held(study)
        os.killpg(crew.processes[0].pid, signal.SIGKILL)  # with all its processes, as a machine that loses power
        crew.processes[0].wait()
        crew.start(1)
        crew.wait_for(study, "done", "failed")
    assert_whole(study, same, tmp_path / "w")
    part.refresh_from_db()
    assert part.attempts == 2


def test_a_broker_that_forgets_everything_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    same = reference()
    with workers(tmp_path / "w", 1) as crew:
        study = begun(crew)
        crew.wait(lambda: StudyPart.objects.filter(study=study, status="done").exists(), "no part was done")
        crew.broker.kill()
        crew.broker.start()
        crew.wait_for(study, "done", "failed")
    assert_whole(study, same, tmp_path / "w")


def test_cancelled_on_a_worker_and_resumed_it_is_the_same(tmp_path: Path) -> None:
    same = reference()
    with workers(tmp_path / "w", 1) as crew:
        study = begun(crew)
        crew.wait(lambda: StudyPart.objects.filter(study=study, status="done").exists(), "no part was done")
        services.study_cancel(study.pk)
        crew.wait_for(study, "cancelled", "done")
        before = dict(StudyPart.objects.filter(study=study, status="done").values_list("number", "digest"))
        assert 0 < len(before) < PARTS
        assert services.study_resume(study.pk)
        crew.wait_for(study, "done", "failed")
    assert_whole(study, same, tmp_path / "w")
    again = StudyPart.objects.filter(study=study, number__in=before).values_list("attempts", flat=True)
    assert set(again) == {1}
