"""List the tapes of the catalogue; verify them against their files."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError

from markets.census import tape_count
from markets.core.units import SECOND_NS
from markets.models import Tape
from markets.selectors import tapes
from markets.services import tape_register
from markets.tape import TapeError

HEAD = f"{'tape':<28} {'grade':<8} {'first event (UTC)':<20} {'minutes':>7} {'events':>9} {'markets':>7} {'gaps':>4} {'MB':>7}"


class TapeLine(msgspec.Struct):
    """A tape of the catalogue as it is printed. `problem` is None when nobody verified it, empty when it is sound."""

    name: str
    path: str
    source: str
    grade: str
    first_ns: int
    last_ns: int
    events: int
    markets: int
    gaps: int
    size_bytes: int
    sha256: str
    problem: str | None = None


class Command(BaseCommand):
    help = "List the tapes of the catalogue. --verify reads each file: fingerprint, end, order of time, counts."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--verify", action="store_true", help="read each file to its end; fails if one is not sound"
        )
        parser.add_argument(
            "--register", action="append", type=Path, metavar="FILE", help="count FILE into the catalogue"
        )
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        for path in options["register"] or ():
            try:
                tape_register(path)
            except TapeError as error:
                raise CommandError(str(error)) from error
        lines = [_line(row, verify=options["verify"]) for row in tapes()]
        if options["json"]:
            self.stdout.write(msgspec.json.format(msgspec.json.encode(lines)).decode())
        else:
            self._print(lines)
        bad = [line.name for line in lines if line.problem]
        if bad:
            raise CommandError(f"{len(bad)} of {len(lines)} tapes are not sound: {', '.join(bad)}")

    def _print(self, lines: list[TapeLine]) -> None:
        if not lines:
            self.stdout.write("There are no tapes yet; `manage.py import_recording` makes them from a recording.")
            return
        self.stdout.write(HEAD)
        for line in lines:
            first = datetime.fromtimestamp(line.first_ns // SECOND_NS, UTC)
            minutes = (line.last_ns - line.first_ns) / (60 * SECOND_NS)
            verdict = "" if line.problem is None else f"  {line.problem or 'sound'}"
            self.stdout.write(
                f"{line.name:<28} {line.grade:<8} {first:%Y-%m-%d %H:%M:%S}  {minutes:>7.1f} {line.events:>9} "
                f"{line.markets:>7} {line.gaps:>4} {line.size_bytes / 1e6:>7.2f}{verdict}"
            )


def _line(row: Tape, *, verify: bool) -> TapeLine:
    line = TapeLine(**{name: getattr(row, name) for name in TapeLine.__struct_fields__ if name != "problem"})
    if verify:
        line.problem = tape_problem(row)
    return line


def tape_problem(row: Tape) -> str:
    """Why the file is not what the catalogue says; empty if it is."""
    path = Path(row.path)
    if not path.is_file():
        return f"{path} is gone"
    try:
        count = tape_count(path)
    except TapeError as error:
        return str(error)
    if count.sha256 != row.sha256:
        return f"{path} is not the file that was registered: its fingerprint differs"
    if (count.events, count.first_ns, count.last_ns) != (row.events, row.first_ns, row.last_ns):
        return f"{path} holds other events than were registered"
    return ""
