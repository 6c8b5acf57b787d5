"""Measure the engine: events a second, memory, time from event to decision. It reports; it judges nothing."""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from kalshi_site.bench_tape import bench_tape

MEMORY = "memory"
ROOT = Path(settings.BASE_DIR)


class Command(BaseCommand):
    """Every measurement runs in a fresh process; of several runs the median counts."""

    help = "Measure the engine: steps a second, memory, time from event to decision."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Which tape, and how often."""
        parser.add_argument("--tape", type=Path, metavar="FILE",
                            help="a tape's file (default: BENCH_TAPE, else the largest recorded tape, else one made of RECORDED_DATA, else the demo market)")  # fmt: skip
        parser.add_argument("--runs", type=int, default=3, help="fresh processes a measurement (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure, then print one table."""
        if options["runs"] < 1:
            raise CommandError("--runs must be 1 or more.", returncode=2)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            tape, words = self._tape(options["tape"], Path(folder))
            found = {what: self._runs(what, tape, options["runs"]) for what in ("throughput", "latency", "pricing")}
            found |= {"memory": self._runs(MEMORY, tape, 1), "compiled": self._runs("compiled", tape, 1)}
        report = {"machine": machine(), "tape": words, "runs": options["runs"]} | summary(found)
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))

    def _tape(self, asked: Path | None, folder: Path) -> tuple[Path, str]:
        """The tape, and what it is in words."""
        named = asked or (Path(os.environ["BENCH_TAPE"]) if os.environ.get("BENCH_TAPE") else None)
        if named is not None:
            if not named.is_file():
                raise CommandError(f"There is no tape at {named}.", returncode=2)
            return named, named.name
        return bench_tape(folder)

    def _runs(self, what: str, tape: Path, runs: int) -> list[dict[str, Any]]:
        words = [sys.executable, "-m", "backtests.speed", what, str(tape)]
        answers = []
        for number in range(runs):
            if sys.stderr.isatty():
                self.stderr.write(f"\r{what} {number + 1}/{runs} ", ending="\r")
            done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
            if done.returncode:
                raise CommandError(f"measuring {what} failed: {done.stderr.strip().splitlines()[-1]}")
            answers.append(json.loads(done.stdout))
        return answers


def machine() -> dict[str, Any]:
    """What it ran on, and how busy that was: compare only what was measured alike."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load_a_minute": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
    }


def processor() -> str:
    """Its name, where Linux tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def summary(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians over the runs."""
    runs = found["throughput"]
    kinds = found["latency"][0]["kinds"]
    pricing, compiled = found["pricing"], found["compiled"][0]
    return {
        "throughput": {
            "events": runs[0]["events"],
            "steps": runs[0]["steps"],
            "fills": runs[0]["fills"],
            "steps_a_cpu_second": median(run["steps_a_cpu_second"] for run in runs),
            "events_a_cpu_second": median(run["events_a_cpu_second"] for run in runs),
            "least": min(run["steps_a_cpu_second"] for run in runs),
            "most": max(run["steps_a_cpu_second"] for run in runs),
        },
        "latency_us": {
            kind: {
                name: median(
                    run["all"][name] if kind == "all" else run["kinds"][kind][name] for run in found["latency"]
                )
                for name in ("count", "p50", "p99", "p99_9", "max")
            }
            for kind in ("all", *kinds)
        },
        "pricing_ns": {
            model: {
                "scalar": median(run["ns_a_probability"][model] for run in pricing),
                "compiled": compiled["ns_a_probability"][model],
            }
            for model in pricing[0]["ns_a_probability"]
        },
        "compiler": {name: compiled[name] for name in ("load_s", "compile_s", "differs_by")},
        "reprice_us": {name: median(run["reprice_us"][name] for run in pricing) for name in pricing[0]["reprice_us"]},
        "memory": found["memory"][0],
    }


def text_of(report: dict[str, Any]) -> str:
    """The tables."""
    speed, memory = report["throughput"], report["memory"]
    box = report["machine"]
    busy = f"{box['cores']} cores, load {box['load_a_minute']}; Python {box['python']}, {box['system']}"
    counted = f"({speed['events']:,} events, {speed['steps']:,} steps, {speed['fills']:,} fills)"
    lines = [
        f"Tape      {report['tape']}",
        f"Machine   {box['processor']}, {busy}",
        f"Method    median of {report['runs']} fresh processes; garbage collector as in the trader",
        "",
        f"Engine steps a second a core   {speed['steps_a_cpu_second']:>12,.0f}   ({speed['least']:,.0f} to {speed['most']:,.0f})",
        f"Market events a second a core  {speed['events_a_cpu_second']:>12,.0f}   {counted}",
        "",
        f"Memory before a replay         {memory['before_mb']:>12.1f} MB",
        f"Peak over a million events     {memory['peak_mb']:>12.1f} MB   (+{memory['peak_growth_mb']:.1f}; {memory['events']:,} streamed)",
        f"Later replays add to the peak  {memory['later_replays_add_mb']:>12.1f} MB",
        "",
        f"{'Bytes in hand to decision, µs':<30} {'count':>9} {'p50':>8} {'p99':>8} {'p99.9':>8} {'max':>9}",
    ]  # fmt: skip
    for kind, row in report["latency_us"].items():
        name = "all market events" if kind == "all" else f"  {kind}"
        lines.append(
            f"{name:<30} {row['count']:>9,.0f} {row['p50']:>8.1f} {row['p99']:>8.1f} {row['p99_9']:>8.1f} {row['max']:>9.1f}"
        )
    return "\n".join([*lines, "", *pricing_lines(report)])


def pricing_lines(report: dict[str, Any]) -> list[str]:
    """What a probability costs, and a re-price."""
    compiler, reprice = report["compiler"], report["reprice_us"]
    every = f"All {reprice['models']:.0f} models of {reprice['assets']:.0f} assets, µs"
    return [
        f"{'Nanoseconds a probability':<30} {'scalar':>9} {'compiled':>9}",
        *(f"  {model:<28} {ns['scalar']:>9,.0f} {ns['compiled']:>9,.0f}" for model, ns in report["pricing_ns"].items()),
        f"{'Compiling them, fresh process':<30} {compiler['compile_s']:>8.1f}s  (the compiler itself loads in {compiler['load_s']:.1f} s)",
        f"{'Compiled differ from scalar by':<30} {compiler['differs_by']:>9.1g}  at most",
        f"{every:<30} {reprice['all_models']:>9.1f}",
        f"{'What is traded on alone, µs':<30} {reprice['traded']:>9.1f}",
    ]
