"""Measure the whole way of an order: from a frame in hand to its bytes on the socket, with tape, risk and journal on."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kalshi_site.bench_tape import bench_tape
from kalshi_site.management.commands.bench import machine

LEAST_ORDERS, LEAST_BURST = 100, 100


class Command(BaseCommand):
    """In a process of its own, with a database of its own."""

    help = (
        "Measure the way of an order: frame in hand to bytes on the socket, tape, risk and journal on; and in bursts."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which tape, and how many."""
        parser.add_argument("--tape", type=Path, metavar="FILE", help="a tape's file (as `bench` chooses)")
        parser.add_argument("--orders", type=int, default=10_000, help="orders to measure (default: %(default)s)")
        parser.add_argument("--burst", type=int, default=10_000, help="events of a burst (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, then print."""
        if options["orders"] < LEAST_ORDERS or options["burst"] < LEAST_BURST:
            raise CommandError(f"--orders is {LEAST_ORDERS} or more, --burst {LEAST_BURST} or more.", returncode=2)
        if options["tape"] is not None and not options["tape"].is_file():
            raise CommandError(f"There is no tape at {options['tape']}.", returncode=2)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            tape, words = (options["tape"], options["tape"].name) if options["tape"] else bench_tape(Path(folder))
            found = _measured(tape, options["orders"], options["burst"])
        report = {"machine": machine(), "tape": words} | found
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))


def _measured(tape: Path, orders: int, burst: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "trading.order_path_bench", str(tape), str(orders), str(burst)],
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CommandError(f"measuring failed: {last}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text_of(report: dict[str, Any]) -> str:
    """The table."""
    box, burst = report["machine"], report["burst"]
    lines = [
        f"Machine   {box['processor']}, {box['cores']} cores, load {box['load_a_minute']}; Python {box['python']}, {box['system']}",
        f"Tape      {report['tape']}",
        "Method    frame of the book in hand to the write of the order to a kept connection on loopback; decoding, tape, engine,",
        "          all limits and checks, journal to SQLite; Ed25519, the next signature lies ready",
        "",
        f"{'Frame to order on the socket, µs':<36} {'orders':>8} {'p50':>8} {'p99':>8} {'p99.9':>9} {'worst':>9}",
        *(
            f"{words:<36} {row['orders']:>8,} {row['p50']:>8.0f} {row['p99']:>8.0f} {row['p99_9']:>9.0f} {row['max']:>9.0f}"
            for words, row in (("one event after the other", report["quiet"]), (f"in bursts of {burst['events']:,}", burst))
        ),
        "",
        f"A burst of {burst['events']:,} events is worked off in {burst['median_ms']:.0f} ms (median of {burst['bursts']}): {burst['events'] / max(burst['median_ms'], 1e-9) * 1e3:,.0f} events/s",
    ]  # fmt: skip
    if report["slow_way"]:
        lines.append(f"{report['slow_way']} requests found no free connection and went the ordinary way")
    return "\n".join(lines)
