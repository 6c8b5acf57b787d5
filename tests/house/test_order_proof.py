"""A sample of the schedules of orders (`kalshi-bot prove_orders` runs thousands), and proof that the proof notices mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.whole_system import own_environment
from trading.proving.breaking import BREAKS
from trading.proving.faults import KINDS, POINTS
from trading.proving.history import Lot, rate_problem
from trading.proving.schedule import STRATEGIES, schedule_of

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLE = 30
FOUND_WITHIN = {
    "fills_twice": 4,
    "ends_early": 4,
    "new_id": 4,
    "no_limit": 10,
    "unknown_is_free": 200,
    "unflushed": 0,
}  # 0: not found


def proved(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """What the command says."""
    return subprocess.run(
        [sys.executable, "manage.py", "prove_orders", *words],
        cwd=ROOT, env=own_environment(home), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def test_no_schedule_of_the_sample_fails_in_virtual_time(tmp_path: Path) -> None:
    done = proved(tmp_path, "--schedules", str(SAMPLE), "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seeds 1 to {SAMPLE}, in virtual time" in done.stdout


def test_no_schedule_of_the_sample_fails_with_real_processes(tmp_path: Path) -> None:
    done = proved(tmp_path, "--schedules", "0", "--processes", "1", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["fills_twice", "no_limit", "ends_early"])
def test_a_part_that_is_broken_on_purpose_is_found(tmp_path: Path, name: str) -> None:
    done = proved(tmp_path, "--break", name, "--schedules", str(FOUND_WITHIN[name]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name} was found by" in done.stdout


def test_a_failing_schedule_is_a_failure_of_the_command(tmp_path: Path) -> None:
    done = proved(tmp_path, "--break", "new_id", "--schedules", "0", "--processes", "0")
    assert done.returncode == 2


def test_every_fault_every_place_to_die_and_every_strategy_is_in_the_schedules() -> None:
    schedules = [schedule_of(seed) for seed in range(400)]
    assert {fault.kind for schedule in schedules for fault in schedule.faults} == set(KINDS)
    assert {kill.point for schedule in schedules for kill in schedule.kills} == set(POINTS)
    assert {schedule.strategy for schedule in schedules} == set(STRATEGIES)
    assert set(FOUND_WITHIN) == set(BREAKS)


def test_the_same_seed_makes_the_same_schedule() -> None:
    assert schedule_of(7) == schedule_of(7)
    assert schedule_of(7) != schedule_of(8)


def test_the_history_counts_what_is_held_and_what_was_made_of_it() -> None:
    lot = Lot(0)
    lot.fill(True, 4_000, 1_000, 100)
    assert (lot.count, lot.cost, lot.profit, lot.fees) == (1_000, 4_000_000, 0, 100)
    lot.fill(False, 5_000, 400, 100)
    assert (lot.count, lot.cost, lot.profit) == (600, 2_400_000, 400_000)
    lot.fill(False, 3_000, 1_000, 0)
    assert (lot.count, lot.cost, lot.profit) == (-400, 2_800_000, -200_000)


def test_orders_that_leave_faster_than_allowed_are_seen() -> None:
    seconds = [0, 10, 20, 30]
    sent = [at * 1_000_000_000 for at in seconds]
    assert rate_problem(sent, 4, 0) == ""
    assert rate_problem(sent, 3, 0) == "4 orders within a minute, allowed are 3"
    assert rate_problem(sent, 3, 31 * 1_000_000_000) == ""
