"""The tapes: list, inspect, verify, export, keep, and mend what a dead writer has left."""

from argparse import ArgumentParser
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.core.units import SECOND_NS
from markets.models import Tape
from markets.selectors import tapes
from markets.services import tape_register, tapes_mend
from markets.sheets import tape_verify
from markets.tape import TapeError, tape_find
from markets.tapes.export import export_tape
from markets.tapes.inspecting import TapeReport, inspect_tape
from markets.tapes.room import keep, kept_names, usage

NAME_WIDTH = 28
HEAD = (
    f"{'tape':<{NAME_WIDTH}} {'source':<10} {'grade':<8} {'first event (UTC)':<20} {'minutes':>7} {'events':>10} "
    f"{'markets':>7} {'gaps':>4} {'MB':>8} {'parts':>5}"
)
ALL = "all"
ACTIONS = {
    "list": "what the catalogue knows (also without a word)",
    "inspect": "what is in NAME: kinds, feeds, rates, lags, gaps",
    "verify": "read NAME, or all, to the end: fingerprint, end, order of time, counts, books",
    "export": "write NAME as Parquet files into the folder --to",
    "keep": "never remove NAME to make room",
    "release": "let NAME be removed again when room is needed",
    "mend": "end, seal and register what writers that died have left",
}
MOST_GAPS = 40


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
    parts: int
    is_cut: bool
    is_kept: bool = False
    problem: str | None = None


class Command(BaseCommand):
    help = "List the tapes of the catalogue; inspect, verify, export, keep or mend them. " + "; ".join(
        f"{name}: {words}" for name, words in ACTIONS.items()
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", default="list", choices=ACTIONS, help="what to do (list)")
        parser.add_argument("name", nargs="?", default="", help="a tape: its name, or a file")
        parser.add_argument("--to", type=Path, metavar="DIR", help="where an export goes")
        parser.add_argument("--verify", action="store_true", help="the same as `verify all`")
        parser.add_argument(
            "--register", action="append", type=Path, metavar="FILE", help="count FILE into the catalogue"
        )
        parser.add_argument("--json", action="store_true", help="print as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        action, name, as_json = options["action"], options["name"], options["json"]
        try:
            for path in options["register"] or ():
                tape_register(path)
            if options["verify"] or action == "verify":
                self._list(_rows(name or ALL), verify=True, as_json=as_json)
            elif action == "list":
                self._list(_rows(name or ALL), verify=False, as_json=as_json)
            elif action == "mend":
                self._mend()
            elif not name:
                raise CommandError(f"`tapes {action}` needs the name of a tape", returncode=2)
            else:
                self._one(action, name, options["to"], as_json=as_json)
        except TapeError as error:
            raise CommandError(str(error)) from error

    def _one(self, action: str, name: str, to: Path | None, *, as_json: bool) -> None:
        if action == "inspect":
            self._inspect(inspect_tape(_path(name)), as_json=as_json)
        elif action == "export":
            if to is None:
                raise CommandError("`tapes export` needs a folder: --to DIR", returncode=2)
            for kind, rows in export_tape(_path(name), to).items():
                self.stdout.write(f"{to / kind}.parquet: {rows:,}")
        else:
            row = _row(name)
            keep(Path(row.path).parent, row.name, is_kept=action == "keep")
            self.stdout.write(f"{row.name} is {'kept' if action == 'keep' else 'not kept any more'}")

    def _mend(self) -> None:
        folder = Path(settings.TAPES_DIR)
        mended = tapes_mend(folder)
        for path in mended:
            self.stdout.write(f"{path.name} was ended and sealed")
        if not mended:
            self.stdout.write(f"There is nothing to mend in {folder}.")

    def _list(self, rows: Iterable[Tape], *, verify: bool, as_json: bool) -> None:
        lines = [_line(row, verify=verify) for row in rows]
        if as_json:
            self.stdout.write(_json(lines))
        else:
            self._print(lines)
        bad = [line.name for line in lines if line.problem]
        if bad:
            raise CommandError(f"{len(bad)} of {len(lines)} tapes are not sound: {', '.join(bad)}")

    def _print(self, lines: list[TapeLine]) -> None:
        if not lines:
            self.stdout.write("There are no tapes yet; `kalshi-bot import-recording` makes them from a recording.")
            return
        self.stdout.write(HEAD)
        for line in lines:
            minutes = (line.last_ns - line.first_ns) / (60 * SECOND_NS)
            verdict = "" if line.problem is None else f"  {line.problem or 'sound'}"
            marks = ("  cut" if line.is_cut else "") + ("  kept" if line.is_kept else "")
            self.stdout.write(
                f"{line.name:<{NAME_WIDTH}} {line.source[:10]:<10} {line.grade:<8} {_moment(line.first_ns)}  "
                f"{minutes:>7.1f} {line.events:>10} {line.markets:>7} {line.gaps:>4} {line.size_bytes / 1e6:>8.2f} "
                f"{line.parts:>5}{marks}{verdict}"
            )
        used = usage(Path(settings.TAPES_DIR), int(settings.TAPES_MAX_GB * 1e9))
        if used.parts:
            self.stdout.write(
                f"Sessions and recorders: {used.parts} parts, {used.bytes / 1e9:.3f} of {settings.TAPES_MAX_GB:g} GB."
            )

    def _inspect(self, report: TapeReport, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(_json(report))
            return
        header, events = report.header, max(report.events, 1)
        say = self.stdout.write
        say(f"{header.name}: {header.source}, grade {header.grade or 'none'}. {header.note}".rstrip())
        say(f"from {_moment(report.first_ns)} to {_moment(report.last_ns)}, {len(report.files)} files")
        say(
            f"{report.events:,} events, {report.events / max(report.seconds, 1e-9):,.1f} a second, "
            f"{report.plain_bytes / events:.1f} bytes each, {report.size_bytes / events:.1f} on the disk"
            + (", cut: its writer died" if report.cut else "")
        )
        for kind, count in report.kinds.items():
            say(f"  {kind:<16} {count:>12,}")
        for name, feed in report.feeds.items():
            lags = "  ".join(f"{share} {value:.1f} ms" for share, value in feed.lag_ms.items())
            say(f"  {name:<20} {feed.events:>12,} {feed.events_a_second:>10,.1f}/s  {lags}".rstrip())
        say(f"{len(report.gaps)} gaps")
        for gap in report.gaps[:MOST_GAPS]:
            seconds = (gap.to_ns - gap.from_ns) / SECOND_NS
            say(f"  {_moment(gap.from_ns)} {seconds:>9.3f} s  {gap.feed} {gap.subject}: {gap.reason}")
        if len(report.gaps) > MOST_GAPS:
            say(f"  and {len(report.gaps) - MOST_GAPS} more; --json tells all")


def _json(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def _moment(at_ns: int) -> str:
    return f"{datetime.fromtimestamp(at_ns // SECOND_NS, UTC):%Y-%m-%d %H:%M:%S}"


def _rows(name: str) -> Iterable[Tape]:
    return tapes() if name == ALL else [_row(name)]


def _row(name: str) -> Tape:
    row = Tape.objects.filter(name=name).first()
    if row is None:
        raise CommandError(f"there is no tape {name!r} in the catalogue; `kalshi-bot tapes` lists them")
    return row


def _path(name: str) -> Path:
    """Where a tape is: by its name in the catalogue, by its name in the folder, or a file."""
    row = Tape.objects.filter(name=name).first()
    path = Path(row.path) if row is not None else tape_find(Path(settings.TAPES_DIR), name)
    if path is None:
        raise CommandError(f"there is no tape {name!r}; `kalshi-bot tapes` lists them")
    return path


def _line(row: Tape, *, verify: bool) -> TapeLine:
    values = {name: getattr(row, name) for name in TapeLine.__struct_fields__ if name not in ("problem", "is_kept")}
    line = TapeLine(**values, is_kept=row.name in kept_names(Path(row.path).parent))
    if verify:
        line.problem = tape_verify(row)
    return line
