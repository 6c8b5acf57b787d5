"""`manage.py bench` measures in fresh processes and says what, on which tape and machine. Nothing here judges a speed."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from backtests import speed, speed_pricing
from kalshi_site import bench_tape
from kalshi_site.management.commands import bench
from tests.rising import rising, write_tape
from trading.core.variants import VARIANTS


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return write_tape(tmp_path / "rising.tape")


def test_the_throughput_is_that_of_a_whole_backtest(tape: Path) -> None:
    found = speed.throughput(tape)
    assert found["events"] == len(rising())
    assert found["steps"] > found["events"]
    assert found["steps_a_cpu_second"] > 0


def test_the_latency_counts_every_event_once_and_timers_apart(tape: Path) -> None:
    found = speed.latency(tape)
    events = sum(row["count"] for kind, row in found["kinds"].items() if kind != "Timer")
    assert found["all"]["count"] == events == len(rising())
    assert found["kinds"]["Timer"]["count"] == pytest.approx(9_400, abs=20)  # ten a second, over 940 s


def test_percentiles_are_nearest_ranks_in_microseconds() -> None:
    found = speed._percentiles([number * 1_000 for number in range(1, 1_001)])
    assert found == {"count": 1_000, "p50": 501.0, "p99": 991.0, "p99_9": 1_000.0, "max": 1_000.0}


@pytest.mark.slow
def test_it_measures_the_named_tape_in_fresh_processes(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    monkeypatch.setattr(bench, "MEMORY", "pricing")  # a million events take too long for a test
    call_command("bench", "--tape", str(tape), "--runs", "1", "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["tape"] == "rising.tape.zst"
    assert report["throughput"]["events"] == len(rising())
    assert set(report["pricing_ns"]) == set(speed_pricing.MODELS)
    assert all(ns["scalar"] > 0 and ns["compiled"] > 0 for ns in report["pricing_ns"].values())
    assert (report["reprice_us"]["assets"], report["reprice_us"]["models"]) == (5, 5)
    assert report["compiler"]["differs_by"] < 1e-15
    assert report["compiler"]["compile_s"] > 0
    words = "\n".join(bench.pricing_lines(report))
    assert "All 5 models of 5 assets" in words
    assert all(model in words for model in report["pricing_ns"])


def test_every_model_that_is_shown_is_measured() -> None:
    assert set(VARIANTS) <= set(speed_pricing.MODELS)


def test_the_demo_market_can_stand_in_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_tape, "DEMO_EVENTS", 500)
    monkeypatch.setattr(bench_tape, "RECORDING", "there is none of that name")
    path, words = bench_tape.bench_tape(tmp_path)
    assert speed.throughput(path)["events"] == 500
    assert "demo market" in words


def test_a_recorded_tape_is_preferred_and_an_invented_one_never_taken_for_it(
    tmp_path: Path, settings: Settings
) -> None:
    settings.TAPES_DIR = tmp_path
    bench_tape.demo_tape(tmp_path)
    recorded = write_tape(tmp_path / "rising.tape")
    assert bench_tape.bench_tape(tmp_path / "new")[0] == recorded


@pytest.mark.recorded
def test_recorded_data_is_imported_when_there_is_no_tape_yet(tmp_path: Path, settings: Settings) -> None:
    settings.TAPES_DIR = tmp_path / "none"
    path, words = bench_tape.bench_tape(tmp_path)
    assert path.is_file()
    assert "recorded" in words


def test_a_tape_that_is_not_there_is_one_clear_sentence() -> None:
    with pytest.raises(CommandError, match=r"There is no tape at nowhere\.tape"):
        call_command("bench", "--tape", "nowhere.tape")
