"""`kalshi-bot backtest`: the numbers of the page, from a terminal; and one sentence for what cannot be run."""

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from backtests import services
from backtests.models import BacktestRun
from markets.recording.importing import import_run
from markets.recording.parquet import Recording
from markets.services import tape_register
from tests.rising import write_tape
from trading.playback import INVENTED

ROOT = Path(__file__).resolve().parents[2]
BOLD = ("--edge", "1", "--confidence", "0", "--margin", "0", "--pooling", "off")


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write_tape(tmp_path / "rising.tape")


def printed(*words: str) -> str:
    out = StringIO()
    call_command("backtest", *words, stdout=out)
    return out.getvalue()


def run_of_the_form(**values: Any) -> BacktestRun:
    asked = {
        "tapes": ["rising"],
        "capital": "10000",
        "max_daily_loss": "1000",
        "edge": "1",
        "confidence": "0",
        "pooling": "off",
        "margin": "0",
    }
    run = services.run_queue(services.inputs_from(asked | values), by=None)
    services.run_execute(run.pk)
    run.refresh_from_db()
    return run


@pytest.mark.django_db
def test_it_prints_exactly_what_the_run_of_the_form_found(tape: Path) -> None:
    tape_register(tape)
    report = json.loads(printed("--tape", str(tape), "--json", "--capital", "10000", "--max-loss", "1000", *BOLD))
    assert report["fills"] > 0
    assert report == run_of_the_form().result


@pytest.mark.django_db
def test_a_tape_may_be_named_as_in_the_catalogue(tape: Path) -> None:
    tape_register(tape)
    assert (
        printed("--tape", "rising", "--json")
        == printed("--tape", str(tape), "--json")
        == printed("--tape", "all", "--json")
    )


@pytest.mark.django_db
def test_the_text_carries_the_numbers_of_the_report(tape: Path) -> None:
    report = json.loads(printed("--tape", str(tape), "--json", *BOLD))
    text = printed("--tape", str(tape), *BOLD)
    assert report["digest"] in text
    assert "1 of 1 window;" in text
    assert f"{report['orders']} orders, {report['orders_filled']} of them filled in {report['fills']} fills" in text
    assert [row["evidence"] for row in report["markouts"]] == ["one_snapshot"]
    assert "the price was in the snapshot before" in text


@pytest.mark.django_db
def test_the_maker_is_a_choice_like_any_other_setting(tape: Path) -> None:
    words = ("--strategy", "edge_maker", "--maker-stale", "2000", "--pooling", "off", "--margin", "0")
    report = json.loads(printed("--tape", str(tape), "--json", *words))
    assert report["parameters"]["strategy"] == "edge_maker"
    assert report["orders"] > 0
    assert {entry["code"] for entry in report["funnel"]} >= {"QUOTING", "TRADED", "CLOSING"}
    assert sum(row["fills"] for row in report["markouts"][:1]) == report["fills"]
    assert (report["fills"] > 0) == any("rested stood behind" in each for each in report["caveats"])
    assert "usage" not in printed("--tape", str(tape), *words)


def test_a_strategy_that_does_not_exist_is_refused(tape: Path) -> None:
    with pytest.raises(CommandError, match="edge_maker"):
        printed("--tape", str(tape), "--strategy", "luck")


@pytest.mark.django_db
def test_several_tapes_are_one_account(tmp_path: Path, tape: Path) -> None:
    later = write_tape(tmp_path / "later.tape", shift_s=3_600)
    report = json.loads(printed("--tape", str(later), "--tape", str(tape), "--json", *BOLD))
    assert [part["name"] for part in report["tapes"]] == ["rising", "later"]
    assert report["capital"] == "10000.000000"
    assert float(report["net"]) == pytest.approx(sum(float(part["net"]) for part in report["tapes"]))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--capital", "much"), "Capital: 'much' is not an amount in dollars with at most six decimals."),
        (("--max-loss", "-5"), "Maximum daily loss: -5 is outside 0 to 1000000000 dollars."),
        (("--edge", "nan"), "Least edge: nan is not a usable number."),
        (("--kelly", "200"), "The Kelly fraction must be 0 to 1."),
        (("--from", "yesterday"), "'yesterday' is not a day; write it like 2026-05-13."),
        (("--from", "2026-05-14", "--to", "2026-05-13"), "The last day is before the first."),
        (("--from", "2031-01-01"), "No chosen tape begins between these dates."),
    ],
)
def test_a_bad_number_is_one_clear_sentence(tape: Path, words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError) as caught:
        printed("--tape", str(tape), *words)
    assert (str(caught.value), caught.value.returncode) == (sentence, 2)


@pytest.mark.django_db
def test_a_file_that_is_no_tape_is_one_clear_sentence(tmp_path: Path) -> None:
    wrong = tmp_path / "notes.tape"
    wrong.write_text("hello\n")
    with pytest.raises(CommandError) as caught:
        printed("--tape", str(wrong))
    assert "does not begin with a tape's header" in str(caught.value)
    assert caught.value.returncode == 2


@pytest.mark.django_db
def test_an_unknown_tape_is_one_clear_sentence() -> None:
    with pytest.raises(CommandError, match="There is no tape 'nowhere', neither in the catalogue nor as a file"):
        printed("--tape", "nowhere")


@pytest.mark.django_db
def test_an_invented_market_is_called_that(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "invented.tape", grade=INVENTED)
    assert "A tape of this run is simulated: it says nothing about the real market." in printed("--tape", str(tape))


@pytest.mark.slow
def test_it_needs_no_tables_no_redis_and_no_web_server(tape: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "BOT_HOME": str(tmp_path / "home"),
        "DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    words = [sys.executable, "manage.py", "backtest", "--tape", str(tape), "--json", *BOLD]
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["win"]["wins"] == 1


@pytest.mark.slow
def test_a_bad_tape_ends_the_process_with_code_two(tmp_path: Path) -> None:
    words = [sys.executable, "manage.py", "backtest", "--tape", str(tmp_path / "gone.tape")]
    done = subprocess.run(words, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1


@pytest.mark.recorded
@pytest.mark.django_db
def test_recorded_runs_give_the_same_numbers_on_both_roads_and_twice(tmp_path: Path) -> None:
    recording = Recording(settings.RECORDED_DATA / "kalshi_ws_btc15m_2026-05")
    names = [run for run in recording.runs() if run.startswith(("20260513T1522Z", "20260513T1541Z"))]
    tapes = [import_run(recording, name, tmp_path).path for name in names]
    for tape in tapes:
        tape_register(Path(tape))
    words = [word for tape in tapes for word in ("--tape", str(tape))]
    report = json.loads(printed(*words, "--json", "--confidence", "20", "--pooling", "off"))
    assert report["fills"] > 0
    assert report == run_of_the_form(tapes=["all"], edge="", confidence="20", margin="").result
    assert report["left_out"] == []
