"""The pages and the API of studies: queue, watch, cancel, resume, look; every door makes the same."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from backtests.models import BacktestRun
from backtests.studies import parts
from backtests.study_models import Study, StudyPart
from tests.builders_studies import BOLD, played, queued, register_days, told, without_workers

pytestmark = pytest.mark.django_db
FORM: dict[str, Any] = {
    "tapes": ["all"], "capital": "10000", "max_daily_loss": "1000", "settings": "\n".join(f"{n}={v}" for n, v in BOLD.items()),
    "space": "edge=1,60", "objective": "lower", "search": "grid", "engine": "on", "label": "a small one",
}  # fmt: skip
BODY = {"kind": "sweep", "tapes": ["all"], "settings": BOLD, "space": ["edge=1,60"], "engine": True}
API = "/api/v1/studies/"


@pytest.fixture(autouse=True)
def days(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    register_days(tmp_path, days=2, windows=3)
    without_workers(tmp_path / "artefacts", settings, monkeypatch)


def new(kind: str) -> str:
    return reverse("backtests:study_new", args=[kind])


def test_all_doors_make_the_same(as_ada: Client) -> None:
    by_form = as_ada.post(new("sweep"), FORM)
    assert by_form.status_code == 302
    by_api = as_ada.post(API, json.dumps(BODY), content_type="application/json")
    assert by_api.status_code == 201, by_api.content
    out = StringIO()
    turned = [f"--set={name}={value}" for name, value in BOLD.items()]
    call_command("sweep", "--tape", "all", *turned, "--try", "edge=1,60", "--engine", "--json", stdout=out)
    first, second, third = Study.objects.order_by("id")
    for study in (first, second):
        played(study)
    assert first.digest == second.digest == third.digest != ""
    assert {**first.inputs, "files": False} == {**second.inputs, "files": False} == {**third.inputs, "files": False}
    assert json.loads(out.getvalue()) == told(third)
    assert {**told(first), "tried": 2} == {**told(second), "tried": 2} == {**told(third), "tried": 2}


def test_the_page_shows_trials_map_and_verdict(as_ada: Client) -> None:
    study = played(queued(space=["edge=1,2,60", "kelly=10,25"]))
    page = as_ada.get(study.get_absolute_url()).content.decode()
    assert "Nothing is recommended" in page
    assert '<svg class="heat"' in page
    assert page.count("Run alone") == 6
    assert study.digest in page
    assert "PBO" in page
    assert "style=" not in page
    sorted_page = as_ada.get(study.get_absolute_url(), {"sort": "number", "x": "kelly", "y": "edge"}).content.decode()
    assert 'aria-sort="ascending"' in sorted_page


def test_a_trial_is_queued_as_a_single_run(as_ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backtests.services._hand_over", lambda *_, **__: None)
    study = queued()
    answer = as_ada.post(reverse("backtests:study_trial_run", args=[study.pk, 1]))
    run = BacktestRun.objects.get()
    assert answer["Location"] == run.get_absolute_url()
    assert run.parameters().edge_threshold == 0.6
    assert run.label == f"{study}, trial 1"


def test_a_walk_forward_and_a_head_to_head_have_pages(as_ada: Client) -> None:
    forward = played(queued("walkforward", train="1", test="1", embargo="0", objective="net"))
    assert 'id="folds"' in as_ada.get(forward.get_absolute_url()).content.decode()
    heads = played(queued("versus", a={"edge": "1"}, b={"edge": "60"}))
    page = as_ada.get(heads.get_absolute_url()).content.decode()
    assert "Not enough data" in page
    assert 'id="differences"' in page
    for study in (forward, heads):
        form = as_ada.get(f"{new(study.kind)}?like={study.pk}").content.decode()
        assert "confidence=0" in form


def test_the_form_says_what_is_wrong_and_what_it_costs(as_ada: Client) -> None:
    wrong = as_ada.post(new("sweep"), FORM | {"space": "edges=1,2"})
    assert wrong.status_code == 422
    assert "did you mean edge?" in wrong.content.decode()
    cost = as_ada.post(new("sweep"), FORM | {"check": "1"})
    assert cost.status_code == 200
    assert "2 settings on 2 days: 2 parts" in cost.content.decode()
    assert not Study.objects.exists()
    assert as_ada.get(new("guess")).status_code == 404


def test_form_and_api_refuse_what_is_on_no_tape_unless_gaps_are_allowed(as_ada: Client) -> None:
    wish = {"date_to": "2026-11-25", "needs_assets": "ETH"}
    refused = as_ada.post(new("sweep"), FORM | wish | {"check": "1"})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "2026-11-22, 2026-11-23 have no ETH. 2026-11-24, 2026-11-25 have no tape." in page
    assert 'id="not-covered"' in page
    told_only = as_ada.post(new("sweep"), FORM | wish | {"allow_gaps": "on", "check": "1"})
    assert told_only.status_code == 200
    assert 'id="not-covered"' in told_only.content.decode()
    body = BODY | wish | {"needs_assets": ["ETH"]}
    by_api = as_ada.post(API, json.dumps(body), content_type="application/json")
    assert by_api.status_code == 400
    assert "have no ETH." in by_api.json()["date_from"][0]
    assert not Study.objects.exists()
    by_api = as_ada.post(API, json.dumps(body | {"allow_gaps": True}), content_type="application/json")
    assert by_api.status_code == 201
    study = Study.objects.get()
    assert (study.inputs["allow_gaps"], study.inputs["needs_assets"]) == (True, ["ETH"])
    again = as_ada.get(f"{new('sweep')}?like={study.pk}").content.decode()
    assert 'value="ETH"' in again
    assert " checked" in again.split('name="allow_gaps"')[1].split(">")[0]
    assert "allowed" in as_ada.get(study.get_absolute_url()).content.decode()


def test_cancel_resume_and_annotate_by_page(as_ada: Client) -> None:
    study = queued()
    as_ada.post(reverse("backtests:study_cancel", args=[study.pk]))
    study.refresh_from_db()
    assert study.status == "cancelled"
    assert ">Resume</button>" in as_ada.get(study.get_absolute_url()).content.decode()
    as_ada.post(reverse("backtests:study_resume", args=[study.pk]))
    as_ada.post(reverse("backtests:study_annotate", args=[study.pk]), {"label": "mine", "note": "why"})
    study.refresh_from_db()
    assert (study.status, study.label, study.note) == ("queued", "mine", "why")
    state = as_ada.get(reverse("backtests:study_state", args=[study.pk])).json()
    assert state == {"status": "queued", "progress": 0.0, "note": "", "over": False, "cancel_wanted": False}


def test_the_api_pages_trials_and_hands_out_artefacts(as_ada: Client, ada: User) -> None:
    study = played(queued(space=["edge=1,2,60"]))
    read = as_ada.get(f"{API}{study.pk}/").json()
    assert read["result"]["digest"] == read["digest"] == study.digest
    assert "result" not in as_ada.get(API).json()["results"][0]
    page = as_ada.get(f"{API}{study.pk}/trials/", {"limit": "1", "sort": "net"}).json()
    assert (page["count"], len(page["results"])) == (3, 1)
    assert as_ada.get(f"{API}{study.pk}/parts/").json()["count"] == 2
    row = StudyPart.objects.filter(study=study).first()
    assert row is not None
    file = as_ada.get(f"{API}{study.pk}/parts/{row.number}/artefact/")
    assert file.content == parts.packed(row.artefact)
    assert as_ada.get(f"{API}{study.pk}/parts/9/artefact/").status_code == 404
    assert as_ada.post(f"{API}{study.pk}/cancel/").json() == {"detail": "The study is already over."}
    assert as_ada.post(f"{API}{study.pk}/resume/").json() == {"detail": "A study that is done does not go on."}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"space": ["edge=1..6"]}, "space", "edge=1..6/STEP"),
        ({"tapes": ["nowhere"]}, "tapes", "There is no tape"),
        ({"captial": "1"}, "captial", "no field"),
        ({"kind": "guess"}, "kind", "not a valid choice"),
        ({"settings": {"edge": "1"}}, "space", "both tried and set"),
    ],
)
def test_what_the_api_refuses(as_ada: Client, change: dict[str, object], field: str, words: str) -> None:
    answer = as_ada.post(API, json.dumps(BODY | change), content_type="application/json")
    assert answer.status_code == 400
    assert words in " ".join(answer.json()[field])
