"""Run the trader through seeded schedules of faults and kills against a simulated exchange, and compare what both know."""

import tempfile
import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from trading.proving.breaking import BREAKS
from trading.proving.faults import KINDS, POINTS
from trading.proving.outcome import Outcome, Report
from trading.proving.processes import KILLS
from trading.proving.proving import CHUNK, prove, prove_processes, trace
from trading.proving.spoiling_processes import FAULTS

SHOWN_FAILURES = 20
USAGE = 2
LEAST_ORDERS = 3  # of a schedule on average, at the exchange


class Command(BaseCommand):
    help = (
        "Prove that orders are never lost, never doubled and never over a limit: schedules of faults and kills against "
        "a simulated exchange. Each has a seed, and a seed that fails can be had again alone, with --trace."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--schedules", type=int, default=5000, help="in virtual time (5000)")
        parser.add_argument("--processes", type=int, default=0, help="with real processes that are killed, besides (0)")
        parser.add_argument("--seed", type=int, default=1, help="the first seed (1)")
        parser.add_argument("--jobs", type=int, default=2, help="processes that prove (2)")
        parser.add_argument("--trace", action="store_true", help="tell all that happens; for a few of them")
        parser.add_argument(
            "--break", dest="broken", choices=sorted(BREAKS), default="",
            help="break a part of the trader on purpose: then it is a failure when no schedule finds it",
        )  # fmt: skip
        parser.add_argument("--keep", type=Path, help="a folder for what schedules with real processes leave behind")

    def handle(self, *args: Any, **options: Any) -> None:
        first, count, processes = options["seed"], options["schedules"], options["processes"]
        if count < 0 or processes < 0 or count + processes < 1 or first < 0 or options["jobs"] < 1:
            raise CommandError("--schedules, --processes and --seed are 0 or more, --jobs 1 or more", returncode=USAGE)
        failed = 0
        seeds = range(first, first + count)
        if options["trace"]:
            failed += self._trace(seeds, options["broken"])
        elif seeds:
            failed += self._prove(seeds, options["jobs"], options["broken"])
        if processes:
            failed += self._processes(range(first, first + processes), options["keep"])
        if options["broken"]:
            if not failed:
                raise CommandError(f"{options['broken']}: no schedule has found it ({BREAKS[options['broken']]})")
            self.stdout.write(f"{options['broken']} was found by {failed} schedules: {BREAKS[options['broken']]}")
        elif failed:
            raise CommandError(f"{failed} schedules failed")

    def _prove(self, seeds: range, jobs: int, broken: str) -> int:
        began = time.monotonic()
        step = max(100, len(seeds) // 20)

        def told(so_far: Report) -> None:
            if so_far.schedules // step > (so_far.schedules - CHUNK) // step:
                seeds_failed = sorted(one.seed for one in so_far.failed)
                self.stdout.write(f"  {so_far.schedules:,} schedules, failed: {seeds_failed or 'none'}")
                self.stdout.flush()

        report = prove(seeds, jobs, broken, told)
        self.stdout.write("\n".join(report_lines(report, "in virtual time", seeds, time.monotonic() - began)))
        if broken:
            self._failures(report, f"--break {broken} ", shown=3)
        else:
            self._kinds(report, list(KINDS), list(POINTS))
            self._failures(report)
        if not broken and report.orders < LEAST_ORDERS * report.schedules:
            self.stdout.write("too few orders came to the exchange: this proves nothing")
            return max(1, len(report.failed))
        return len(report.failed)

    def _trace(self, seeds: range, broken: str) -> int:
        failed = 0
        for seed in seeds:
            outcome, lines = trace(seed, broken)
            self.stdout.write("\n".join(lines))
            self.stdout.write(f"{outcome.orders} orders, {outcome.fills} fills, {outcome.lives} lives, {outcome.ended}")
            for problem in outcome.problems or ["all well"]:
                self.stdout.write(f"  {problem}")
            failed += bool(outcome.problems)
        return failed

    def _processes(self, seeds: range, keep: Path | None) -> int:
        folder = keep or Path(tempfile.mkdtemp(prefix="prove-orders-"))
        folder.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        report = prove_processes(seeds, folder, self._told)
        self.stdout.write("\n".join(report_lines(report, "with real processes", seeds, time.monotonic() - began)))
        self._kinds(report, [*FAULTS, "database_locked", "disk_full"], list(KILLS))
        for outcome in sorted(report.failed, key=lambda one: one.seed)[:SHOWN_FAILURES]:
            self.stdout.write(f"\nseed {outcome.seed} failed; its files are in {folder / str(outcome.seed)}")
            self._problems(outcome)
        return len(report.failed)

    def _told(self, outcome: Outcome) -> None:
        words = "all well" if not outcome.problems else f"{len(outcome.problems)} problems"
        self.stdout.write(
            f"  seed {outcome.seed}: {outcome.orders} orders, {outcome.fills} fills, {outcome.lives} lives, {words}"
        )
        self.stdout.flush()

    def _kinds(self, report: Report, faults: list[str], points: list[str]) -> None:
        self.stdout.write("faults: " + _counted(report.faults, faults))
        self.stdout.write("killed: " + _counted(report.kills, points))
        self.stdout.write("ended by itself: " + (_counted(report.endings, sorted(report.endings)) or "never"))
        self.stdout.write("in the end: " + _counted(report.ended, sorted(report.ended)))
        used = ", ".join(f"{name} {share:.1%}" for name, share in sorted(report.most.items()))
        if used:
            self.stdout.write(f"the most that was ever used of a limit: {used}")

    def _failures(self, report: Report, words: str = "", shown: int = SHOWN_FAILURES) -> None:
        for outcome in sorted(report.failed, key=lambda one: one.seed)[:shown]:
            again = f"{words}--seed {outcome.seed} --schedules 1 --trace"
            self.stdout.write(f"\nseed {outcome.seed} failed; again: kalshi-bot prove_orders {again}")
            self._problems(outcome)

    def _problems(self, outcome: Outcome) -> None:
        for problem in outcome.problems:
            self.stdout.write(f"  {problem}")


def report_lines(report: Report, way: str, seeds: range, seconds: float) -> list[str]:
    """A small table; what is not counted that way is left out."""
    columns = {
        "schedules": report.schedules,
        "orders": report.orders,
        "fills": report.fills,
        "lives": report.lives,
        "requests": report.requests,
        "lost": report.lost_answers,
        "amends": report.amends,
        "cancels": report.cancels,
        "halts": report.halts,
        "failed": len(report.failed),
    }
    columns = {name: number for name, number in columns.items() if number or name == "failed"}
    return [
        f"\nseeds {seeds.start} to {seeds.stop - 1}, {way}: {seconds:.0f} s, for {report.seconds / 3600:.1f} h of trading",
        " ".join(f"{name:>10}" for name in columns),
        " ".join(f"{number:>10,}" for number in columns.values()),
    ]


def _counted(found: Counter[str], names: list[str]) -> str:
    return ", ".join(f"{name} {found[name]}" for name in names)
