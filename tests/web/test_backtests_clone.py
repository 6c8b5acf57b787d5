"""Runs that are begun as another, annotated, and kept by their links."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from backtests import services
from backtests.knobs import InputError
from backtests.models import BacktestRun, RunChange
from backtests.run_inputs import changes_between, columns_of, inputs_of, values_of
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import BOLD, MINIMUM, finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


def sent_form(client: Client, run: BacktestRun, **changes: str) -> BacktestRun:
    """The form as it is opened from a run, with some of it changed, sent."""
    form = client.get(f"/backtests/new/?like={run.pk}").context["form"]
    fields = {name: form[name].value() for name in form.fields}
    body = {name: value for name, value in fields.items() if value not in (None, False, "")} | changes
    response = client.post("/backtests/new/", body)
    assert response.status_code == 302, response.content.decode()
    clone = BacktestRun.objects.get(pk=int(response["Location"].split("/")[-2]))
    services.run_execute(clone.pk)
    clone.refresh_from_db()
    return clone


EVERYTHING = {
    "capital": "2500.5", "max_daily_loss": "77.25", "edge": "4.5", "latency": "250", "realism": "stated",
    "reject_rate": "3", "allow_gaps": True, "bounds": True, "needs_assets": "btc", "spot_shift": "-12.5",
}  # fmt: skip


def test_all_that_a_run_asks_for_survives_its_row_and_the_form(tape: Tape) -> None:
    inputs = services.inputs_from(MINIMUM | EVERYTHING)
    row = BacktestRun(**columns_of(inputs))
    assert inputs_of(row) == inputs
    assert services.inputs_from(values_of(inputs)) == inputs
    assert (inputs.needs_assets, inputs.spot_shift_ns, inputs.realism.reject_rate) == (("BTC",), -12_500_000, 0.03)


def test_an_old_row_is_read_with_what_is_built_in() -> None:
    row = BacktestRun(tapes=["a"], capital=1, max_daily_loss=0, limits_json={"gone": 1}, parameters_json={"gone": 2},
                      realism_json={}, options_json={"gone": 3})  # fmt: skip
    inputs = inputs_of(row)
    assert (inputs.tapes, inputs.bounds, inputs.parameters.strategy) == (("a",), False, "edge_taker")


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"spot_shift": "soon"}, "spot_shift", "'soon' is not a number"),
        ({"spot_shift": "60001"}, "spot_shift", "more than a minute"),
        ({"realism": "lucky"}, "realism", "'lucky' is unknown"),
        ({"reject_rate": "200"}, "realism", "share"),
    ],
)
def test_what_cannot_be_is_said_of_its_field(tape: Tape, values: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        services.inputs_from(MINIMUM | values)
    assert list(caught.value.problems) == [field]
    assert words in caught.value.problems[field]


def test_a_run_that_is_repeated_says_that_the_digest_is_equal(as_ada: Client, tape: Tape) -> None:
    run = finished()
    clone = sent_form(as_ada, run)
    assert clone.cloned_from == run
    assert clone.digest == run.digest != ""
    page = as_ada.get(f"/backtests/{clone.pk}/").content.decode()
    assert f"The digest is equal to that of #{run.pk}: the run can be repeated." in page
    assert "nothing is different" in page
    assert f'The same decisions, by their digest: <a href="/backtests/{run.pk}/">' in page


def test_a_clone_says_what_was_changed(as_ada: Client, tape: Tape) -> None:
    run = finished()
    clone = sent_form(as_ada, run, capital="5000", kelly="10", label="second")
    assert [(each.name, each.before, each.after) for each in changes_between(inputs_of(run), inputs_of(clone))] == [
        ("capital", "$10000", "$5000"),
        ("kelly", "25 %", "10 %"),
    ]
    page = as_ada.get(f"/backtests/{clone.pk}/").content.decode()
    assert "<li>Kelly fraction: <s>25 %</s> <b>10 %</b></li>" in page
    assert f"The digest differs from that of #{run.pk}, as other inputs may." in page
    assert f"/backtests/compare/?ids={run.pk},{clone.pk}" in page


def test_a_repetition_with_other_decisions_is_an_alarm(as_ada: Client, tape: Tape) -> None:
    run = finished()
    clone = sent_form(as_ada, run)
    BacktestRun.objects.filter(pk=clone.pk).update(digest="0" * 64)
    assert "Nothing was changed, and yet the digest differs" in as_ada.get(f"/backtests/{clone.pk}/").content.decode()


def test_a_form_that_is_sent_twice_queues_one_run(as_ada: Client, tape: Tape, sent: list[int]) -> None:
    key = as_ada.get("/backtests/new/").context["form"]["key"].value()
    assert len(key) == 32
    body = MINIMUM | BOLD | {"key": key}
    places = {as_ada.post("/backtests/new/", body)["Location"] for _ in range(2)}
    assert (len(places), BacktestRun.objects.count()) == (1, 1)
    other = as_ada.post("/backtests/new/", body | {"edge": "9"})
    assert other.status_code == 422
    assert "This form has queued a run already" in other.content.decode()


def test_what_is_not_covered_is_said_before_anything_is_queued(as_ada: Client, tape: Tape) -> None:
    body = MINIMUM | {"check": "1", "date_from": "2026-11-22", "date_to": "2026-11-23", "needs_assets": "ETH"}
    page = as_ada.post("/backtests/new/", body)
    assert page.status_code == 200
    words = page.content.decode()
    assert "1 tape with" in words
    assert "2026-11-23 has no tape." in words
    assert "2026-11-22 has no ETH." in words
    assert "allow gaps" in words
    assert not BacktestRun.objects.exists()
    refused = as_ada.post("/backtests/new/", MINIMUM | {"needs_assets": "ETH"})
    assert (refused.status_code, BacktestRun.objects.count()) == (422, 0)
    assert as_ada.post("/backtests/new/", MINIMUM | {"needs_assets": "ETH", "allow_gaps": "on"}).status_code == 302


def test_the_form_folds_all_but_the_strategy_and_says_what_is_turned(as_ada: Client, tape: Tape) -> None:
    run = queued(edge="4.5", reject_rate="2")
    form = as_ada.get(f"/backtests/new/?like={run.pk}").context["form"]
    groups = {group.name: group.turned for group in form.groups()}
    assert "Strategy" not in groups
    assert "Least edge" in groups["Signal"]
    assert groups["Realism"] == ["Orders refused at random"]
    assert groups["Timing"] == []
    page = as_ada.get("/backtests/new/").content.decode()
    assert "Built in: 3." in page
    assert page.count('<details class="group">') == len(groups)


# Label and note ---------------------------------------------------------------------------------------------------


def test_who_changes_label_and_note_is_kept(as_ada: Client, ada: User, bob: User, tape: Tape) -> None:
    run = queued()
    as_ada.post(f"/backtests/{run.pk}/annotate/", {"label": " wide gate ", "note": "<b>why</b>"})
    services.run_annotate(run.pk, by=bob, label="wide gate", note="because")
    rows = list(RunChange.objects.values_list("field", "before", "after", "by__username"))
    assert rows == [
        ("label", "", "wide gate", "ada"),
        ("note", "", "<b>why</b>", "ada"),
        ("note", "<b>why</b>", "because", "bob"),
    ]
    page = as_ada.get(f"/backtests/{run.pk}/").content.decode()
    assert "<s>&lt;b&gt;why&lt;/b&gt;</s> <b>because</b>" in page
    assert "changed 3 times" in page
    assert "wide gate" in as_ada.get("/backtests/").content.decode()


def test_a_label_that_is_too_long_is_refused_in_words(as_ada: Client, tape: Tape) -> None:
    run = queued()
    page = as_ada.post(f"/backtests/{run.pk}/annotate/", {"label": "x" * 121, "note": ""}, follow=True)
    assert "A label has at most 120 characters; this one has 121." in page.content.decode()
    run.refresh_from_db()
    assert (run.label, RunChange.objects.count()) == ("", 0)


def test_a_change_of_label_touches_nothing_else(tape: Tape) -> None:
    run = finished()
    before: dict[str, Any] = dict(BacktestRun.objects.filter(pk=run.pk).values().get())
    services.run_annotate(run.pk, by=None, label="new")
    after: dict[str, Any] = dict(BacktestRun.objects.filter(pk=run.pk).values().get())
    assert {name for name in before if before[name] != after[name]} == {"label"}


# Links ------------------------------------------------------------------------------------------------------------


def test_a_run_is_found_by_its_digest(as_bob: Client, tape: Tape) -> None:
    run = finished()
    for text in (run.digest, run.digest[:10], run.digest.upper()):
        assert as_bob.get(f"/backtests/by-digest/{text}/")["Location"] == f"/backtests/{run.pk}/"
    twin = finished()
    place = as_bob.get(f"/backtests/by-digest/{run.digest}/")["Location"]
    assert {row.pk for row in as_bob.get(place).context["runs"]} == {run.pk, twin.pk}
    assert as_bob.get("/backtests/by-digest/abc/").status_code == 404


# The API ----------------------------------------------------------------------------------------------------------


def post(client: Client, path: str, body: Any, **headers: str) -> Any:
    return client.post(f"/api/v1/backtests/{path}", body, content_type="application/json", headers=headers)


def test_the_same_key_gives_the_same_run(as_ada: Client, as_bob: Client, tape: Tape, sent: list[int]) -> None:
    body = {"tapes": ["rising"], "label": "once"}
    first = post(as_ada, "", body, **{"Idempotency-Key": "k-1"})
    again = post(as_ada, "", body, **{"Idempotency-Key": "k-1"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    other = post(as_ada, "", body | {"capital": "5"}, **{"Idempotency-Key": "k-1"})
    assert other.status_code == 409
    assert f"stands for run {first.json()['id']}" in other.json()["detail"]
    assert post(as_ada, "", body, **{"Idempotency-Key": "x" * 81}).json()["idempotency_key"] == [
        "An idempotency key has at most 80 characters."
    ]
    assert post(as_ada, "", body).json()["id"] != first.json()["id"]
    assert BacktestRun.objects.count() == 2


def test_the_api_clones_with_changes_and_says_what_they_are(as_ada: Client, tape: Tape) -> None:
    run = finished()
    services.run_annotate(run.pk, by=None, label="first")
    answer = post(as_ada, f"{run.pk}/clone/", {"settings": {"kelly": "10"}, "note": "half"})
    assert answer.status_code == 201
    clone = answer.json()
    assert (clone["cloned_from"], clone["label"], clone["note"]) == (run.pk, "first", "half")
    assert (clone["settings"]["kelly"], clone["settings"]["edge"]) == ("10", "1")
    told = as_ada.get(f"/api/v1/backtests/{clone['id']}/").json()
    assert [(each["name"], each["before"], each["after"]) for each in told["changed"]] == [("kelly", "25 %", "10 %")]
    assert (told["ahead"], told["result"]) == (0, None)
    wrong = post(as_ada, f"{run.pk}/clone/", {"capitol": "3"})
    assert (wrong.status_code, list(wrong.json())) == (400, ["capitol"])
    assert list(post(as_ada, f"{run.pk}/clone/", {"settings": {"kely": "3"}}).json()) == ["settings"]
    assert post(as_ada, "99999/clone/", {}).status_code == 404


def test_the_api_annotates_and_tells_the_history(as_ada: Client, tape: Tape) -> None:
    run = queued()
    path = f"/api/v1/backtests/{run.pk}/"
    answer = as_ada.patch(path, {"label": "wide"}, content_type="application/json")
    assert (answer.status_code, answer.json()["label"], answer.json()["note"]) == (200, "wide", "")
    history = as_ada.get(path).json()["history"]
    assert [(each["by"], each["field"], each["before"], each["after"]) for each in history] == [
        ("ada", "label", "", "wide")
    ]
    for body, field in (({"label": "x" * 121}, "label"), ({"status": "done"}, "status")):
        refused = as_ada.patch(path, body, content_type="application/json")
        assert (refused.status_code, list(refused.json())) == (400, [field])


def test_the_api_takes_all_that_the_form_does(as_ada: Client, tape: Tape) -> None:
    body = {"tapes": ["rising"], "bounds": True, "needs_assets": ["BTC"], "spot_shift": "40",
            "settings": {"realism": "stated", "reject_rate": "1"}}  # fmt: skip
    told = post(as_ada, "", body).json()
    assert told["options"] == {"bounds": True, "needs_assets": ["BTC"], "spot_shift_ns": 40_000_000}
    assert told["settings"]["reject_rate"] == "1"


def test_the_schema_has_examples_of_each(as_ada: Client) -> None:
    schema = as_ada.get("/api/v1/schema/?format=json").json()
    paths = schema["paths"]
    queue = paths["/api/v1/backtests/"]["post"]
    assert {"OneTape", "AllOfTwoDays"} <= set(queue["requestBody"]["content"]["application/json"]["examples"])
    assert "Idempotency-Key" in [each["name"] for each in queue["parameters"]]
    clone = paths["/api/v1/backtests/{id}/clone/"]["post"]
    assert "OtherEdge" in clone["requestBody"]["content"]["application/json"]["examples"]
    assert {"q", "net_from", "sort"} <= {each["name"] for each in paths["/api/v1/backtests/"]["get"]["parameters"]}
    assert "/api/v1/backtests/compare/" in paths
