"""Turn a recording into tapes, one a recorder run, and say what was read, kept and refused."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.core.units import SECOND_NS
from markets.recording.importing import import_run
from markets.recording.parquet import Recording, RecordingError
from markets.recording.summary import ImportSummary, RunSummary
from markets.recording_rows import take_up
from markets.tape import TapeError

DEFAULT = "kalshi_ws_btc15m_2026-05"
HEAD = f"{'tape':<24} {'run':<28} {'grade':<5} {'events':>8} {'markets':>7} {'books':>5} {'settled':>7} {'gaps':>4} "
HEAD += f"{'spot':<7} {'minutes':>7} {'quotes agree':>15} {'refused':>8} {'MB':>6}"


class Command(BaseCommand):
    help = "Turn a recording (a folder of Parquet files) into tapes and register them. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", type=Path, help=f"default: {DEFAULT} in RECORDED_DATA")
        parser.add_argument("--run", action="append", metavar="NAME", help="only this recorder run; may be repeated")
        parser.add_argument("--json", action="store_true", help="print the whole summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"] or settings.RECORDED_DATA / DEFAULT
        try:
            summary = self._import(Recording(folder), options["run"], quiet=options["json"])
        except (RecordingError, TapeError) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(summary_document(summary))).decode())
        else:
            self._print_total(summary)

    def _import(self, recording: Recording, only: list[str] | None, *, quiet: bool) -> ImportSummary:
        if not quiet:
            self.stdout.write(HEAD)
        runs: list[RunSummary] = []
        for run in only or recording.runs():
            summary = import_run(recording, run, settings.TAPES_DIR)
            if summary.tape and summary.tape in {one.tape for one in runs}:
                raise RecordingError(f"{run} began in the same second as another run; import it alone, elsewhere.")
            if not summary.problem:
                take_up(summary)
            if not quiet:
                self.stdout.write(run_line(summary))
            runs.append(summary)
        outside = recording.row_counts()
        for summary in runs:
            for kind, count in summary.read.items():
                outside[kind] -= count
        return ImportSummary(str(recording.folder), runs, {} if only else outside)

    def _print_total(self, summary: ImportSummary) -> None:
        total = summary.total()
        self.stdout.write(run_line(total))
        self.stdout.write(f"\n{'rows':<10} {'read':>10} {'kept':>10} {'refused':>10} {'outside':>10}")
        for kind, count in sorted(total.read.items()):
            refused = sum(number for reason, number in total.refused.items() if reason.startswith(f"{kind}:"))
            outside = summary.outside.get(kind, "-")
            self.stdout.write(f"{kind:<10} {count:>10,} {total.kept[kind]:>10,} {refused:>10,} {outside:>10}")
        self.stdout.write("\nrefused, by reason (outside: received in the time of no imported run)")
        for reason, number in sorted(total.refused.items()):
            self.stdout.write(f"{number:>10,}  {reason}")
        self.stdout.write(f"\nclock steps: {total.clock_steps}; tapes in {settings.TAPES_DIR}")
        agreement = total.agreement
        if agreement is not None:
            told = f"{total.quotes_agreed:,} of {total.quotes_compared:,} ({agreement:.4%})"
            self.stdout.write(f"the rebuilt best bid and ask equal the recorded ticker in {told}")


def summary_document(summary: ImportSummary) -> dict[str, Any]:
    """The summary with its total and the agreement of each run as a share."""
    runs = [msgspec.to_builtins(run) | {"agreement": run.agreement} for run in summary.runs]
    total = summary.total()
    whole = msgspec.to_builtins(total) | {"agreement": total.agreement}
    return {"folder": summary.folder, "total": whole, "outside": summary.outside, "runs": runs}


def run_line(run: RunSummary) -> str:
    """One run (or the total) as a line of the table."""
    if run.problem and not run.events:
        return f"{'-':<24} {run.run:<28} {run.problem}"
    minutes = (run.last_ns - run.first_ns) / (60 * SECOND_NS)
    agree = f"{run.quotes_agreed:,}/{run.quotes_compared:,}" if run.quotes_compared else "-"
    name = run.tape or f"{datetime.fromtimestamp(run.first_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M} on"
    return (
        f"{name:<24} {run.run:<28} {run.grade:<5} {run.events:>8} {run.markets:>7} {run.markets_with_book:>5} "
        f"{run.markets_settled:>7} {run.gaps:>4} {run.spot:<7} {minutes:>7.1f} {agree:>15} "
        f"{run.refused.total():>8} {run.size_bytes / 1e6:>6.2f}"
    )
