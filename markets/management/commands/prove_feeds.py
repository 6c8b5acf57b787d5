"""Run the venue feeds through seeded fault schedules, in virtual time and over real sockets, and check every rule."""

import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.loopback.faults import KINDS
from markets.loopback.proving import SOCKET_SPEED, Memory, Report, Way, prove, run_one, told_schedule

SHOWN_FAILURES = 20
COLUMNS = (
    "schedules", "frames", "events", "trades", "levels", "reconnects", "resyncs", "unreadable", "pages", "failed",
)  # fmt: skip


class Command(BaseCommand):
    help = "Prove the venue feeds by fault schedules; each has a seed, and a seed that fails can be repeated alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--schedules", type=int, default=2000, help="in all")
        parser.add_argument("--sockets", type=int, default=200, help="of them over real sockets, the last seeds")
        parser.add_argument("--seed", type=int, default=1, help="the first seed")
        parser.add_argument("--jobs", type=int, default=2, help="processes")
        parser.add_argument("--show", action="store_true", help="print the schedules too; for a few of them")

    def handle(self, *args: Any, **options: Any) -> None:
        first, count = options["seed"], options["schedules"]
        if count < 1 or options["sockets"] < 0 or options["jobs"] < 1:
            raise CommandError("--schedules and --jobs are 1 or more, --sockets 0 or more", returncode=2)
        sockets = min(options["sockets"], count)
        middle, end = first + count - sockets, first + count
        failed = 0
        ways: tuple[tuple[Way, range], ...] = (("virtual", range(first, middle)), ("sockets", range(middle, end)))
        for way, seeds in ways:
            if options["show"]:
                self._show(way, seeds)
            elif seeds:
                failed += self._prove(way, seeds, options["jobs"])
        if failed:
            raise CommandError(f"{failed} schedules failed")

    def _prove(self, way: Way, seeds: range, jobs: int) -> int:
        began = time.monotonic()
        report, memory = prove(way, seeds, jobs)
        self.stdout.write("\n".join(report_lines(report, memory, seeds, time.monotonic() - began)))
        for outcome in sorted(report.failed, key=lambda one: one.seed)[:SHOWN_FAILURES]:
            again = f"--seed {outcome.seed} --schedules 1 --sockets {int(way == 'sockets')} --show"
            self.stdout.write(f"\nseed {outcome.seed} failed; again: python manage.py prove_feeds {again}")
            for problem in outcome.problems:
                self.stdout.write(f"  {problem}")
        return len(report.failed)

    def _show(self, way: Way, seeds: range) -> None:
        for seed in seeds:
            logging.disable(logging.CRITICAL)
            outcome = run_one(way, seed)
            logging.disable(logging.NOTSET)
            self.stdout.write(told_schedule(way, seed))
            self.stdout.write(f"  {outcome.frames} frames, {outcome.reconnects} reconnects, {outcome.resyncs} resyncs")
            for problem in outcome.problems or ["all well"]:
                self.stdout.write(f"  {problem}")


def report_lines(report: Report, memory: Memory, seeds: range, seconds: float) -> list[str]:
    """One way of running them, as a small table."""
    way = "in virtual time" if report.way == "virtual" else f"over real sockets, {SOCKET_SPEED:g} times as fast"
    numbers = [len(report.failed) if name == "failed" else getattr(report, name) for name in COLUMNS]
    lines = [
        f"\nseeds {seeds.start} to {seeds.stop - 1}, {way}: {seconds:.0f} s, for {report.seconds / 3600:.1f} h of venues",
        " ".join(f"{name:>10}" for name in COLUMNS),
        " ".join(f"{number:>10,}" for number in numbers),
        "faults: " + ", ".join(f"{kind} {report.faults[kind]}" for kind in KINDS),
        f"the longest recovery took {report.longest_recovery_s:.0f} s of the venues' time after the last fault",
    ]
    for chunks, early, late, most in memory.told():
        lines.append(
            f"memory of one process after {chunks} chunks: {early:.1f} MB early, {late:.1f} MB late, {most:.1f} at most"
        )
    return lines
