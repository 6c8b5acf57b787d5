"""Studies in one process: parts that are claimed, kept and taken over; what is done stays, nothing is done twice."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils import timezone
from pytest_django import Settings

from backtests.knobs import InputError
from backtests.studies import claims, parts, services, working
from backtests.studies.inputs import inputs_from
from backtests.study_models import Study, StudyPart, StudyTrial
from markets.core.units import money_from_text
from tests.builders_studies import EDGES, MINIMUM, played, queued, register_days, told

pytestmark = pytest.mark.django_db


@pytest.fixture
def artefacts(tmp_path: Path, settings: Settings) -> Path:
    """A storage of its own."""
    folder = tmp_path / "artefacts"
    settings.STORAGES = django_settings.STORAGES | {
        "artefacts": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(folder)}}
    }
    return folder


@pytest.fixture
def days(tmp_path: Path, artefacts: Path) -> None:
    register_days(tmp_path)


@pytest.fixture(autouse=True)
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What workers were told, instead of a broker."""
    found: list[tuple[int, int]] = []
    for module in (services, working):
        monkeypatch.setattr(module, "nudge", lambda study_id, count: found.append((study_id, count)))
    return found


def silence(part: StudyPart) -> None:
    long_ago = timezone.now() - timedelta(seconds=2 * django_settings.STUDY_SILENT_S)
    StudyPart.objects.filter(pk=part.pk).update(heartbeat_at=long_ago)


def test_a_sweep_is_played_scored_and_counted(days: None) -> None:
    study = played(queued())
    assert (study.status, study.progress, study.error) == ("done", 1.0, "")
    trials = list(StudyTrial.objects.filter(study=study))
    assert [trial.values for trial in trials] == [{"edge": "1"}, {"edge": "60"}]
    assert [trial.windows for trial in trials] == [6, 0]
    assert trials[0].objective is not None
    assert trials[1].objective is None  # it never traded: there is nothing to judge
    assert trials[0].net == money_from_text(trials[0].summary["net"])
    assert told(study)["tried"] == told(study)["trials"] == 2
    assert len(study.digest) == 64
    assert told(study)["digest"] == study.digest


def test_the_same_study_makes_the_same_bytes(days: None, artefacts: Path) -> None:
    first, second = played(queued()), played(queued())
    assert first.digest == second.digest
    kept = [
        [parts.packed(row.artefact) for row in StudyPart.objects.filter(study=study).order_by("number")]
        for study in (first, second)
    ]
    assert kept[0] == kept[1]
    assert told(second)["tried"] == 2  # the same settings on the same tapes are no new tries


def test_settings_tried_before_on_these_tapes_count(days: None) -> None:
    played(queued(space=["edge=2,3"]))
    assert told(played(queued()))["tried"] == 4


def test_a_claimed_part_is_not_given_to_another(days: None) -> None:
    study = queued(block="2")
    first, second = claims.part_claim(study.pk), claims.part_claim(study.pk)
    assert first is not None
    assert second is not None
    assert (first.number, second.number) == (0, 1)
    assert claims.part_claim(study.pk) is None


def test_the_part_of_a_silent_worker_is_taken_over_and_its_late_answer_is_not_heard(days: None) -> None:
    study = queued(block="2")
    lost = claims.part_claim(study.pk)
    assert lost is not None
    silence(lost)
    again = claims.part_claim(study.pk)
    assert again is not None
    assert (again.pk, again.attempts) == (lost.pk, 2)
    assert not claims.part_release(lost, status="done", digest="of the late one", artefact="nowhere")
    silence(again)
    done = played(study)
    assert done.status == "done"
    assert StudyPart.objects.filter(study=study, status="done").count() == 2
    assert not StudyPart.objects.filter(artefact="nowhere").exists()


def test_a_part_that_five_workers_were_lost_on_fails_the_study(days: None) -> None:
    study = queued(block="2")
    for _ in range(claims.MOST_ATTEMPTS):
        part = claims.part_claim(study.pk)
        assert part is not None
        assert part.number == 0
        silence(part)
    done = played(study)
    assert done.status == "failed"
    assert "The worker was lost 5 times" in done.error
    assert services.study_resume(study.pk)
    assert played(study).status == "done"


def test_who_is_told_to_stop_hears_it_with_the_next_beat(days: None, monkeypatch: pytest.MonkeyPatch) -> None:
    study = queued()
    part = claims.part_claim(study.pk)
    assert part is not None
    beat = claims.Beat(part)
    monkeypatch.setattr(claims, "PACE_S", 0.0)
    beat()
    assert services.study_cancel(study.pk).startswith("The study was ")
    with pytest.raises(claims.Stopped):
        beat()


def test_cancelled_and_resumed_it_makes_the_same_and_plays_nothing_twice(days: None) -> None:
    whole = played(queued(block="1"))
    study = queued(block="1")
    assert working.work_once(study.pk)
    assert "what was played is kept" in services.study_cancel(study.pk)
    assert played(study).status == "cancelled"
    assert services.study_cancel(study.pk) == "The study is already over."
    before = dict(StudyPart.objects.filter(study=study, status="done").values_list("number", "attempts"))
    assert before == {0: 1}
    assert services.study_resume(study.pk)
    done = played(study)
    assert (done.status, done.digest) == ("done", whole.digest)
    assert set(StudyPart.objects.filter(study=study).values_list("attempts", flat=True)) == {1}
    assert not services.study_resume(study.pk)


def test_what_a_worker_left_half_written_is_written_anew(days: None, artefacts: Path) -> None:
    whole = played(queued())
    row = StudyPart.objects.get(study=whole, number=0)
    file = artefacts / row.artefact
    file.write_bytes(file.read_bytes()[:40])
    assert not parts.is_kept(row.artefact, row.digest)
    content = b'{"a": 1}'
    name = parts.name_of(99, 0, parts.digest_of(content))
    storages["artefacts"].save(name, ContentFile(file.read_bytes()))  # torn
    assert parts.keep(name, content) == name
    assert parts.is_kept(name, parts.digest_of(content))
    assert parts.keep(name, content) == name  # once


def test_a_lost_artefact_is_said_and_made_again_on_resume(days: None, artefacts: Path) -> None:
    whole = played(queued(block="1"))
    study = queued(block="1")
    for _ in range(3):
        assert working.work_once(study.pk)
    row = StudyPart.objects.filter(study=study, status="done").latest("number")
    (artefacts / row.artefact).unlink()
    done = played(study)
    assert done.status == "failed"
    assert "resume the study" in done.error
    assert services.study_resume(study.pk)
    again = played(study)
    assert (again.status, again.digest) == ("done", whole.digest)


def test_the_schedule_tells_workers_of_what_nobody_plays(days: None, nudges: list[tuple[int, int]]) -> None:
    study = queued(block="1")
    nudges.clear()
    assert working.look() == 1
    assert nudges == [(study.pk, 4)]
    nudges.clear()
    assert working.look() == 0  # it was told just now
    part = claims.part_claim(study.pk)
    assert part is not None
    silence(part)
    assert working.look() == 1
    assert nudges == [(study.pk, 4)]


def test_a_cancelled_study_whose_worker_is_gone_ends(days: None) -> None:
    study = queued()
    part = claims.part_claim(study.pk)
    assert part is not None
    services.study_cancel(study.pk)
    study.refresh_from_db()
    assert study.status == "queued"
    silence(part)
    assert working.look() == 1
    study.refresh_from_db()
    assert study.status == "cancelled"


def test_a_study_whose_command_was_killed_goes_on(days: None) -> None:
    study = services.study_queue(inputs_from("sweep", MINIMUM | {"space": EDGES}), by=None, is_here=True)
    part = claims.part_claim(study.pk)
    assert part is not None
    assert not services.study_resume(study.pk, is_here=True)  # it is being played
    silence(part)
    assert services.study_resume(study.pk, is_here=True)
    assert played(study).status == "done"


def test_a_search_asks_in_batches_and_forgets_no_trial(days: None) -> None:
    asked: dict[str, Any] = {"space": ["edge=1..20"], "search": "optuna", "trials": "6", "batch": "3", "seed": "5"}
    first, second = played(queued(**asked)), played(queued(**asked))
    assert (first.status, first.error) == ("done", "")
    assert first.digest == second.digest
    tried = [list(StudyTrial.objects.filter(study=study).values_list("round", "key")) for study in (first, second)]
    assert tried[0] == tried[1]
    assert [number for number, _ in tried[0]] == [0, 0, 0, 1, 1, 1]
    assert len({key for _, key in tried[0]}) == 6


def test_settings_that_do_not_go_together_are_left_out_and_told(days: None) -> None:
    study = played(queued(space=["half_life=200,1800", "edge=1,4"]))
    assert study.status == "done"
    assert told(study)["left_out_count"] == 2
    assert "half-lives" in told(study)["left_out"][0]["why"]
    assert told(study)["trials"] == told(study)["tried"] == 2


def test_a_walk_forward_judges_days_that_it_did_not_choose_by(tmp_path: Path, artefacts: Path) -> None:
    register_days(tmp_path, days=4, windows=5)
    study = played(queued("walkforward", space=["edge=1,4"], train="1", test="1", embargo="1", objective="net"))
    assert (study.status, study.error) == ("done", "")
    folds = told(study)["folds"]
    assert [(fold["train"], fold["test"]) for fold in folds] == [
        (["2026-11-22"], ["2026-11-24"]),
        (["2026-11-23"], ["2026-11-25"]),
    ]
    assert all(fold["trial"] in {0, 1} and fold["rank"] in {1, 2} for fold in folds)
    chosen = StudyTrial.objects.get(study=study, number=folds[0]["trial"])
    assert folds[0]["values"] == chosen.values
    assert told(study)["outside"]["windows"] == sum(fold["windows"] for fold in folds)
    assert told(study)["equity"][0][1] == "10000.000000"
    assert told(study)["decay"]["folds"] == 2


def test_a_walk_forward_by_search_has_a_search_for_each_fold(tmp_path: Path, artefacts: Path) -> None:
    register_days(tmp_path, days=3, windows=5)
    study = played(
        queued(
            "walkforward", space=["edge=1..9/1"], search="optuna", trials="2", batch="2",
            train="1", test="1", embargo="0",
        )
    )  # fmt: skip
    assert (study.status, study.error) == ("done", "")
    rows = list(StudyTrial.objects.filter(study=study).values_list("number", "round"))
    assert rows == [(0, 0), (1, 0), (2, 1), (3, 1)]
    assert [fold["trial"] in own for fold, own in zip(told(study)["folds"], ({0, 1}, {2, 3}), strict=True)] == [
        True
    ] * 2
    days = {part.span for part in StudyPart.objects.filter(study=study, round=0)}
    assert days == {"2026-11-22", "2026-11-23"}  # the first fold never sees the last day


def test_a_head_to_head_is_paired_on_the_same_windows(days: None) -> None:
    study = played(queued("versus", a={"edge": "1"}, b={"edge": "60"}))
    assert (study.status, study.error) == ("done", "")
    result = told(study)
    assert result["windows"] == {"both": 0, "only_a": 6, "only_b": 0, "same": 0}
    assert result["difference"]["closes"] == 6
    assert result["difference"]["total"] == pytest.approx(float(result["sides"][0]["net"]))
    assert result["difference"]["sentence"].startswith("Not enough data")
    assert [side["name"] for side in result["sides"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("kind", "changes", "field", "words"),
    [
        ("sweep", {"space": ["edges=1"]}, "space", "did you mean edge?"),
        ("sweep", {"space": ["edge"]}, "space", "write it like edge=1,2,3"),
        ("sweep", {"space": ["edge=1..6"]}, "space", "edge=1..6/STEP"),
        ("sweep", {"space": ["edge=6..1/1"]}, "space", "has to rise"),
        ("sweep", {"space": ["edge=1..6/0"]}, "space", "above 0"),
        ("sweep", {"space": ["edge=1,x"]}, "space", "'x' is not a number"),
        ("sweep", {"space": ["edge=1,1"]}, "space", "told twice"),
        ("sweep", {"space": ["edge=1", "edge=2"]}, "space", "told twice"),
        ("sweep", {"space": ["model=black"]}, "space", "choose one of"),
        ("sweep", {"space": ["model=gbm_avg..digital"]}, "space", "names, not numbers"),
        ("sweep", {"space": ["edge=0..90/0.05"]}, "space", "1,001 are the most"),
        ("sweep", {"space": ["edge=0..10/0.1", "kelly=0..100/0.5", "slippage=0..1/0.1"]}, "space", "20,000 are the most"),
        ("sweep", {"space": []}, "space", "Say what to try"),
        ("sweep", {"space": ["edge=1..6"], "search": "optuna"}, "trials", "needs a budget"),
        ("sweep", {"space": ["edge=1,2"], "settings": {"edge": "3"}}, "space", "both tried and set"),
        ("sweep", {"objective": "fame"}, "objective", "choose one of lower, net"),
        ("sweep", {"capital": "lots"}, "capital", "not an amount"),
        ("sweep", {"settings": {"edgy": "3"}}, "settings", "There is no setting"),
        ("sweep", {"block": "many"}, "block", "no whole number"),
        ("walkforward", {"train": "9"}, "train", "need 11"),
        ("walkforward", {"step": "1", "test": "2"}, "step", "judged twice"),
        ("versus", {"a": {}, "b": {}}, "b", "Both sides are the same"),
        ("versus", {"a": "edge", "b": ""}, "a", "write it like edge=3"),
        ("versus", {"a": {"edge": "x"}}, "a", "'x' is not a number"),
        ("sweep", {"tapes": ["nowhere"]}, "tapes", "There is no tape 'nowhere'"),
        ("sweep", {"fits": "nobody"}, "fits", "Nothing was fitted"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_said_under_its_field(
    tmp_path: Path, kind: str, changes: dict[str, object], field: str, words: str
) -> None:
    register_days(tmp_path, days=1, windows=1)
    asked = MINIMUM | ({} if kind == "versus" else {"space": EDGES}) | changes
    with pytest.raises(InputError) as caught:
        services.study_queue(inputs_from(kind, asked), by=None)  # type: ignore[arg-type]
    assert words in caught.value.problems[field]
    assert not Study.objects.exists()
