"""Measure the way in: what a venue's message costs from the socket to the event, and what the recorder adds."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kalshi_site.management.commands.bench import machine
from markets.loopback.register import LOOPBACK

ROOT = Path(settings.BASE_DIR)
MILLION = 1_000_000
LONG_VENUE = "coinbase"


class Command(BaseCommand):
    """Every measurement runs in a fresh process; of several runs the median counts."""

    help = "Measure the feeds (microseconds a message by venue, memory over a million) and the recorder."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which venues, how many messages, how often."""
        parser.add_argument("--venues", default=",".join(LOOPBACK), help="names of the register (default: all)")
        parser.add_argument("--frames", type=int, default=30_000, help="messages a run (default: %(default)s)")
        parser.add_argument("--long-frames", type=int, default=MILLION, help="messages for the memory, 0 for none")
        parser.add_argument("--runs", type=int, default=3, help="fresh processes a measurement (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, then print one table."""
        names = [name.strip() for name in options["venues"].split(",") if name.strip()]
        unknown = [name for name in names if name not in LOOPBACK]
        if unknown:
            raise CommandError(
                f"No venue is called {', '.join(unknown)}: there are {', '.join(LOOPBACK)}.", returncode=2
            )
        if options["runs"] < 1 or options["frames"] < 1:
            raise CommandError("--runs and --frames must be 1 or more.", returncode=2)
        venues = {name: self._venue(name, options["frames"], options["runs"]) for name in names}
        report: dict[str, Any] = {"machine": machine(), "runs": options["runs"], "venues": venues}
        if options["long_frames"]:
            report["memory"] = self._ask("markets.loopback.bench", "memory", LONG_VENUE, str(options["long_frames"]))
        report["recorder"] = self._ask("markets.tapes.speed")
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))

    def _venue(self, name: str, frames: int, runs: int) -> dict[str, float]:
        decoded = [self._ask("markets.loopback.bench", "decode", name, str(frames)) for _ in range(runs)]
        heard = [self._ask("markets.loopback.bench", "socket", name, str(frames)) for _ in range(runs)]
        return {
            "bytes_a_frame": decoded[0]["bytes_a_frame"],
            "decode_us": median(run["us_a_frame"] for run in decoded),
            "socket_us": median(run["cpu_us_a_frame"] for run in heard),
            "frames_a_cpu_second": median(run["frames_a_cpu_second"] for run in heard),
            "lost": sum(run["gaps"] + run["resyncs"] for run in heard) + sum(run["unreadable"] for run in decoded),
        }

    def _ask(self, module: str, *words: str) -> dict[str, Any]:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{' '.join(words):<60}", ending="\r")
        done = subprocess.run(
            [sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise CommandError(f"measuring {' '.join(words)} failed: {done.stderr.strip().splitlines()[-1]}")
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


def text_of(report: dict[str, Any]) -> str:
    """The tables."""
    box = report["machine"]
    lines = [
        f"Machine   {box['processor']}, {box['cores']} cores, load {box['load_a_minute']}; Python {box['python']}, {box['system']}",
        f"Method    CPU time, median of {report['runs']} fresh processes; venues on loopback, an invented market of two assets",
        "",
        f"{'Venue':<20} {'bytes':>7} {'its file, µs':>13} {'socket to event, µs':>20} {'messages a core second':>23} {'lost':>5}",
    ]  # fmt: skip
    for name, row in report["venues"].items():
        lines.append(
            f"{name:<20} {row['bytes_a_frame']:>7.0f} {row['decode_us']:>13.1f} {row['socket_us']:>20.1f} "
            f"{row['frames_a_cpu_second']:>23,.0f} {row['lost']:>5.0f}"
        )
    memory = report.get("memory")
    if memory:
        lines += [
            "",
            (
                f"Memory over {memory['frames']:,} messages of {LONG_VENUE}: {memory['before_mb']:.1f} MB before, "
                f"{memory['half_mb']:.1f} half way, {memory['after_mb']:.1f} after"
            ),
        ]
    tape = report["recorder"]
    lines += [
        "",
        (
            f"Recorder  {tape['append_us']:.2f} µs an event; {tape['bytes_plain']:.1f} bytes an event plain, "
            f"{tape['bytes_sealed']:.1f} sealed; sealing {tape['seal_MB_s']:.0f} MB/s; reading {tape['read_events_s']:,.0f} events a second"
        ),
    ]
    return "\n".join(lines)
