"""Play tapes through the engine and print what would have happened: the same numbers as a run from the page."""

import json
import sys
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import KNOBS, InputError
from backtests.printout import text_of
from backtests.replay import replay
from backtests.services import inputs_from

BAR = 30


class Command(BaseCommand):
    """Needs neither Redis nor a web server, and no database for a tape that is named by its file."""

    help = "Play tapes through the engine and print what would have happened."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One option a setting; each says its unit and what is built in."""
        parser.add_argument("--tape", action="append", required=True, dest="tapes", metavar="F",
                            help="a tape's file, its name in the catalogue, or `all`; may be repeated")  # fmt: skip
        parser.add_argument("--capital", default="10000", metavar="$", help="opening cash (default: %(default)s)")
        parser.add_argument("--max-loss", default="1000", dest="max_daily_loss", metavar="$",
                            help="trading stops for the UTC day at this loss (default: %(default)s)")  # fmt: skip
        parser.add_argument(
            "--from", dest="date_from", metavar="DAY", help="only tapes that begin on this day or later"
        )
        parser.add_argument("--to", dest="date_to", metavar="DAY", help="only tapes that begin on this day or before")
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")
        for knob in KNOBS:
            # argparse reads a bare % as a format
            words = f"{knob.label} ({knob.unit or 'a name'}; built in: {knob.default()})".replace("%", "%%")
            parser.add_argument(
                f"--{knob.name.replace('_', '-')}",
                dest=knob.name,
                metavar="X",
                choices=knob.choices or None,
                help=words,
            )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be run."""
        try:
            days = {name: _day(options[name]) for name in ("date_from", "date_to")}
            report = replay(inputs_from(options | days | {"files": True}), self._bar() if sys.stderr.isatty() else None)
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        finally:
            if sys.stderr.isatty():
                self.stderr.write("\r" + " " * (BAR + 60) + "\r", ending="")
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report))

    def _bar(self) -> Any:
        def tell(share: float, note: str) -> None:
            done = round(share * BAR)
            self.stderr.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {share:4.0%} {note[:48]:48}", ending="")
            self.stderr.flush()

        return tell


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError({"date_from": f"{text!r} is not a day; write it like 2026-05-13."}) from None
