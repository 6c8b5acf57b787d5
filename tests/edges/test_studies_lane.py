"""A study that the compiled lane plays is the study that the engine plays: the same artefacts, digest, scores and result."""

from pathlib import Path
from typing import Any, NoReturn

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

from backtests.lane import loop, player, runner, store
from backtests.studies import parts, services, working
from backtests.studies.inputs import Kind
from backtests.study_models import Study, StudyPart, StudyTrial
from tests.builders_studies import BOLD, played, queued, register_days, told

pytestmark = pytest.mark.django_db
DRAWN = {"order_median": "60", "order_p95": "400", "answer_median": "50", "answer_p95": "250"}


@pytest.fixture(autouse=True)
def days(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two days with two tapes each. The loop is played as it is written, without waiting for a compiler."""
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "artefacts")},
        }
    }
    for module in (services, working):
        monkeypatch.setattr(module, "nudge", lambda *_: None)
    monkeypatch.setattr(runner, "is_compiled", lambda: True)
    monkeypatch.setattr(player, "compiled_loop", lambda name: getattr(loop, name))
    store.forget()
    register_days(tmp_path, windows=2)


def artefacts(study: Study) -> list[bytes]:
    return [parts.packed(row.artefact) for row in StudyPart.objects.filter(study=study).order_by("number")]


def scores(study: Study) -> list[Any]:
    rows = StudyTrial.objects.filter(study=study).order_by("number")
    return list(rows.values_list("number", "key", "values", "objective", "net", "windows", "summary"))


def refused(*_: Any, **__: Any) -> NoReturn:
    raise AssertionError("the engine was asked to play what is the lane's")


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("sweep", {"space": ["edge=1,60", "kelly=10,25"]}),
        ("sweep", {"space": ["edge=1,60"], "settings": BOLD | DRAWN}),
        ("walkforward", {"space": ["edge=1,4,60"], "train": "1", "embargo": "0", "objective": "net"}),
        ("versus", {"a": {"edge": "1"}, "b": {"edge": "4", "kelly": "10"}}),
    ],
    ids=["sweep", "drawn-latency", "walk-forward", "head-to-head"],
)
def test_lane_and_engine_make_the_same_study(
    kind: Kind, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_engine = played(queued(kind, **asked, engine=True, block="10"))
    monkeypatch.setattr(runner, "play_by_engine", refused)
    by_lane = played(queued(kind, **asked, engine=False, block="10"))
    assert (by_lane.status, by_lane.error) == ("done", "")
    assert by_lane.digest == by_engine.digest != ""
    assert artefacts(by_lane) == artefacts(by_engine)
    assert scores(by_lane) == scores(by_engine)
    assert told(by_lane) == told(by_engine)
    assert any(windows for *_, windows, _ in scores(by_lane))  # something was traded: there is something to compare


def test_a_study_of_both_is_the_engines_study_as_well() -> None:
    """What the lane cannot play is played beside it by the engine, in its place."""
    asked: dict[str, Any] = {"space": ["edge=1,60", "reject_rate=0,20"]}
    by_engine, mixed = (
        played(queued(**asked, engine=True, block="10")),
        played(queued(**asked, engine=False, block="10")),
    )
    assert (mixed.status, mixed.error) == ("done", "")
    assert mixed.digest == by_engine.digest
    assert artefacts(mixed) == artefacts(by_engine)
    assert told(mixed) == told(by_engine)
