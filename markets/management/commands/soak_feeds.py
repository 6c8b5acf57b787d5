"""Hear loopback venues over real sockets for long, at the pace of a market; say whether anything was lost or grew."""

import asyncio
import logging
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.loopback.soak import SoakReport, VenueLine, plan_of, soak

HEAD = (
    f"{'venue':<12} {'frames':>9} {'events':>9} {'trades':>8} {'lost':>5} {'twice':>5} {'levels':>7} {'renewed':>7} "
    f"{'losses':>6} {'resyncs':>7} {'unread':>6} {'lag ms: median':>14} {'99 %':>7} {'most':>8} {'oldest s':>8}"
)


class Command(BaseCommand):
    help = "A soak of the venue feeds: venues on loopback in one process, their feeds in another."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--minutes", type=float, default=20.0)
        parser.add_argument("--assets", type=int, default=5, help="1 to 5")
        parser.add_argument("--venues", type=int, default=6, help="1 to 9")
        parser.add_argument("--rate", type=float, default=1.0, help="1 is about six events a second an asset and venue")
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        if not (1 <= options["venues"] <= 9 and 1 <= options["assets"] <= 5):
            raise CommandError("--venues is 1 to 9, --assets 1 to 5", returncode=2)
        if options["minutes"] <= 0 or options["rate"] <= 0:
            raise CommandError("--minutes and --rate are more than 0: nothing is proved by nothing", returncode=2)
        logging.disable(logging.CRITICAL)
        plan = plan_of(
            options["venues"], options["assets"], options["minutes"] * 60.0, options["rate"], options["seed"]
        )
        try:
            report = asyncio.run(soak(plan))
        finally:
            logging.disable(logging.NOTSET)
        self.stdout.write("\n".join(lines_of(report)))
        if report.problems:
            raise CommandError(f"{len(report.problems)} problems")


def lines_of(report: SoakReport) -> list[str]:
    """The report as a table, what was wrong below it."""
    feeds, venues = (
        ", ".join(f"{mean:.1f}" for mean in report.quarters(values)) for values in (report.memory_mb, report.server_mb)
    )
    frames = sum(line.frames for line in report.venues)
    return [
        HEAD,
        *(venue_line(line) for line in report.venues),
        (
            f"{report.seconds / 60.0:.1f} minutes, {frames:,} frames, {frames / report.seconds:.0f} a second, "
            f"{report.cpu_s:.1f} s of CPU to hear them ({report.cpu_s / report.seconds:.1%} of one core)"
        ),
        f"memory in MB, by quarters of the time: of the feeds {feeds}; of the venues {venues}",
        *(report.problems or ["nothing was lost, nothing was told twice, every book is the venue's"]),
    ]


def venue_line(line: VenueLine) -> str:
    """One venue."""
    median, most, worst = line.lag_ms
    return (
        f"{line.venue:<12} {line.frames:>9,} {line.events:>9,} {line.trades:>8,} {line.lost_trades:>5} {line.twice:>5} "
        f"{line.levels:>7,} {line.renewals:>7} {line.losses:>6} {line.resyncs:>7} {line.unreadable:>6} {median:>14.2f} "
        f"{most:>7.2f} {worst:>8.1f} {line.oldest_ms / 1e3:>8.2f}"
    )
