"""The list of runs: found, sorted, paged, watched; also with very many."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backtests import services
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.run_list import FILTERS, runs_wanted
from markets.models import Tape
from markets.services import tape_register
from tests.builders_backtests import finished, queued
from tests.rising import write_tape

pytestmark = pytest.mark.django_db
Status = BacktestRun.Status


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The runs that were handed to a worker, instead of a worker."""
    handed: list[int] = []
    monkeypatch.setattr(services, "_hand_over", handed.append)
    return handed


def run_row(**columns: Any) -> BacktestRun:
    """A finished run without having been played."""
    defaults = {
        "status": Status.DONE, "progress": 1.0, "tapes": ["rising"], "capital": 10_000_000_000, "max_daily_loss": 0,
        "limits_json": {}, "parameters_json": {}, "strategy": "edge_taker", "result": {"net": "0"}, "net_money": 0,
    }  # fmt: skip
    return BacktestRun.objects.create(**defaults | columns)


@pytest.fixture
def several() -> dict[str, BacktestRun]:
    """Runs that differ in all that can be asked for."""
    rows = {
        "lost": run_row(label="Wide gate", net_money=-5_500_000, windows_traded=4, fills=9, digest="aa" * 32),
        "made": run_row(note="after the FEE change", net_money=12_000_000, windows_traded=2, fills=30, digest="ab" * 32,
                        strategy="edge_maker", tapes=["btc-2026-05-13", "eth"]),
        "all": run_row(label="gate", net_money=0, tapes=["all"], digest="aa" * 32),
        "waiting": run_row(status=Status.QUEUED, result=None, net_money=None),
    }  # fmt: skip
    BacktestRun.objects.filter(pk=rows["made"].pk).update(created_at=datetime(2026, 5, 13, 23, 59, tzinfo=UTC))
    return rows


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"lost", "made", "all", "waiting"}),
        ({"q": "GATE"}, {"lost", "all"}),
        ({"q": "fee"}, {"made"}),
        ({"status": "queued"}, {"waiting"}),
        ({"strategy": "edge_maker"}, {"made"}),
        ({"tape": "btc-2026"}, {"made"}),
        ({"tape": "all"}, {"all"}),
        ({"net_from": "0"}, {"made", "all"}),
        ({"net_from": "-5.50", "net_to": "-1"}, {"lost"}),
        ({"net_to": "$11.999999"}, {"lost", "all"}),
        ({"until": "2026-05-13"}, {"made"}),
        ({"since": "2026-05-14"}, {"lost", "all", "waiting"}),
        ({"digest": "AAAAAAAA"}, {"lost", "all"}),
        ({"digest": "ab" * 32, "status": "done"}, {"made"}),
        ({"by": "nobody"}, set()),
    ],
    ids=lambda value: "-".join(f"{name}={text[:9]}" for name, text in value.items()) if isinstance(value, dict) else "",
)
def test_runs_are_found(several: dict[str, BacktestRun], asked: dict[str, str], found: set[str]) -> None:
    names = {run.pk: name for name, run in several.items()}
    assert {names[run.pk] for run in runs_wanted(asked)} == found


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("-run", ["waiting", "all", "made", "lost"]),
        ("run", ["lost", "made", "all", "waiting"]),
        ("-net", ["made", "all", "lost", "waiting"]),
        ("net", ["lost", "all", "made", "waiting"]),
        ("windows", ["made", "lost", "all", "waiting"]),
        ("-trades", ["made", "lost", "waiting", "all"]),
        ("queued", ["made", "lost", "all", "waiting"]),
    ],
)
def test_runs_are_sorted_and_what_is_unknown_comes_last(
    several: dict[str, BacktestRun], sort: str, order: list[str]
) -> None:
    names = {run.pk: name for name, run in several.items()}
    assert [names[run.pk] for run in runs_wanted({"sort": sort})] == order


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"colour": "red"}, "'colour' is no filter of runs; known are q, status, tape"),
        ({"status": "finished"}, "'finished' is no state of a run"),
        ({"strategy": "luck"}, "'luck' is no strategy; it is one of edge_taker, edge_maker"),
        ({"net_from": "much"}, "'much' is not an amount in dollars"),
        ({"since": "May"}, "'May' is not a day; write it like 2026-05-13."),
        ({"digest": "abc"}, "write at least 8 characters"),
        ({"digest": "xyzxyzxyz"}, "is no digest"),
        ({"sort": "luck"}, "'luck' is no order; sort by run, net"),
        ({"until": "9999-12-31"}, "is the last day there is"),
        ({"q": "a\0b"}, "holds a character that no text has"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_the_same_words_by_page_and_api(
    as_bob: Client, asked: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=words.rsplit("'", maxsplit=1)[-1][:12]):
        runs_wanted(asked)
    page = as_bob.get("/backtests/", asked)
    assert page.status_code == 422
    assert words in page.content.decode().replace("&#x27;", "'")
    answer = as_bob.get("/api/v1/backtests/", asked)
    assert answer.status_code == 400
    assert words in answer.json()[next(iter(asked))][0]


def test_the_api_finds_and_sorts_as_the_page_does(as_bob: Client, several: dict[str, BacktestRun]) -> None:
    rows = as_bob.get("/api/v1/backtests/", {"q": "gate", "sort": "net", "limit": "1"}).json()
    assert (rows["count"], [row["id"] for row in rows["results"]]) == (2, [several["lost"].pk])
    assert (rows["results"][0]["net"], rows["results"][0]["windows_traded"]) == ("-5.5", 4)
    page = as_bob.get("/backtests/", {"q": "gate", "sort": "net"})
    assert [run.pk for run in page.context["runs"]] == [several["lost"].pk, several["all"].pk]


def test_every_filter_is_a_field_of_the_page_or_a_link(as_bob: Client, several: dict[str, BacktestRun]) -> None:
    page = as_bob.get("/backtests/").content.decode()
    fields = {name for name in FILTERS if f'name="{name}"' in page}
    assert set(FILTERS) - fields == {"by", "sort"}
    assert "sort=-net" in page


def test_an_order_keeps_what_was_asked_for_and_is_turned_round(as_bob: Client, several: dict[str, BacktestRun]) -> None:
    page = as_bob.get("/backtests/", {"q": "gate", "sort": "-net", "page": "1"})
    heads = {head["title"]: head for head in page.context["columns"]}
    assert (heads["P&L"]["query"], heads["P&L"]["mark"]) == ("q=gate&sort=net", "descending")
    assert heads["Run"]["query"] == "q=gate&sort=-run"


def test_the_list_reads_no_result_and_asks_two_questions_however_many_there_are(as_bob: Client, ada: User) -> None:
    """Each run with a long report behind it; no query may read the table once per row."""
    long = {"net": "1", "trades": ["x" * 5_000]}
    day = datetime(2026, 1, 1, tzinfo=UTC)
    for start in range(0, 3_000, 1_000):
        BacktestRun.objects.bulk_create(
            BacktestRun(
                status=Status.DONE, tapes=["rising"], capital=1, max_daily_loss=0, limits_json={}, parameters_json={},
                result=long if number % 10 == 0 else {"net": "1"}, label=f"run {number}", net_money=number * 7_919 % 10_007,
                created_by=ada, strategy="edge_taker",
            )
            for number in range(start, start + 1_000)
        )  # fmt: skip
    newest = BacktestRun.objects.order_by("-id").values_list("pk", flat=True)[0]
    BacktestRun.objects.filter(pk=newest).update(created_at=day)
    for asked in (
        {"sort": "-net", "page": "80"},
        {"q": "run 1", "sort": "label"},
        {"net_from": "0.009", "page": "2"},
    ):
        with CaptureQueriesContext(
            connection,
        ) as made:
            page = as_bob.get("/backtests/", asked)
        assert page.status_code == 200
        assert len(page.context["runs"]) == 30
        assert len([query for query in made if "backtests_backtestrun" in query["sql"]]) == 2  # how many, and the page
        assert not any('"result"' in query["sql"] for query in made)
    nets = [run.net_money for run in as_bob.get("/backtests/", {"sort": "-net", "page": "100"}).context["runs"]]
    assert nets == sorted(nets, reverse=True)
    assert [run.pk for run in as_bob.get("/backtests/", {"until": f"{day:%Y-%m-%d}"}).context["runs"]] == [newest]


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    return tape_register(write_tape(tmp_path / "rising.tape"))


def test_a_run_that_ends_writes_what_lists_are_sorted_by(tape: Tape) -> None:
    run = finished()
    assert run.result is not None
    assert run.net_money == round(float(run.result["net"]) * 1_000_000)
    assert (run.digest, run.windows_traded) == (run.result["digest"], run.result["win"]["windows"])
    assert (run.fills, run.events, run.strategy) == (run.result["fills"], run.result["events"], "edge_taker")


# Watching -------------------------------------------------------------------------------------------------------


def test_the_state_is_told_once_and_then_304_until_it_changes(as_bob: Client, tape: Tape) -> None:
    run = queued()
    first = as_bob.get(f"/backtests/{run.pk}/state/")
    again = as_bob.get(f"/backtests/{run.pk}/state/", headers={"If-None-Match": first["ETag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    services.run_cancel(run.pk)
    other = as_bob.get(f"/backtests/{run.pk}/state/", headers={"If-None-Match": first["ETag"]})
    assert (other.status_code, other.json()["over"]) == (200, True)


def test_a_waiting_run_is_told_its_place_and_when_it_will_probably_be_done(as_bob: Client, tape: Tape) -> None:
    ended = finished()
    began = datetime(2026, 5, 13, tzinfo=UTC)
    BacktestRun.objects.filter(pk=ended.pk).update(
        started_at=began, finished_at=began + timedelta(seconds=10), events=tape.events
    )
    runs = [queued() for _ in range(4)]
    state = as_bob.get(f"/backtests/{runs[3].pk}/state/").json()
    # two workers: the first two runs take ten seconds, then the other two
    assert (state["ahead"], state["seconds"]) == (3, 20)
    assert state["words"] == "Waiting; 3 runs before it. About 20 s until it is done."
    BacktestRun.objects.filter(pk=runs[3].pk).update(options_json={"bounds": True})  # plays three times
    assert as_bob.get(f"/backtests/{runs[3].pk}/state/").json()["seconds"] == 40
    services.run_cancel(runs[0].pk)
    assert as_bob.get(f"/backtests/{runs[3].pk}/state/").json()["ahead"] == 2


def test_nothing_is_guessed_before_any_run_was_played(as_bob: Client, tape: Tape) -> None:
    run = queued()
    assert as_bob.get(f"/backtests/{run.pk}/state/").json()["seconds"] is None


def test_a_running_run_is_told_by_its_own_pace(as_bob: Client, tape: Tape) -> None:
    run = queued()
    services.run_claim(run.pk)
    began = datetime.now(UTC) - timedelta(seconds=30)
    BacktestRun.objects.filter(pk=run.pk).update(progress=0.5, started_at=began, progress_note="rising")
    state = as_bob.get(f"/backtests/{run.pk}/state/").json()
    assert (state["ahead"], state["seconds"]) == (None, 30)
    assert state["words"].startswith("50 % played, at rising. About 30 s")


def test_the_list_is_told_of_its_runs_at_once(as_bob: Client, tape: Tape) -> None:
    done, waiting = finished(), queued()
    told = as_bob.get(f"/backtests/states.json?id={done.pk}&id={waiting.pk}&id=99999&id=x").json()
    assert set(told) == {str(done.pk), str(waiting.pk)}
    assert (told[str(done.pk)]["status"], told[str(waiting.pk)]["ahead"]) == ("done", 0)
    assert told[str(done.pk)]["net"].startswith(("+$", "\N{MINUS SIGN}$"))
    page = as_bob.get("/backtests/").content.decode()
    assert f'data-run="{waiting.pk}"' in page
    assert f'data-run="{done.pk}"' not in page


def test_without_script_the_page_of_a_waiting_run_loads_itself_again(as_bob: Client, tape: Tape) -> None:
    waiting, done = queued(), finished()
    meta = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    assert meta in as_bob.get(f"/backtests/{waiting.pk}/").content.decode()
    assert meta not in as_bob.get(f"/backtests/{done.pk}/").content.decode()
