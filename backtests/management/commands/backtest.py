"""Play tapes through the engine and print what would have happened: the same numbers as a run from the page; or show a kept run."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.export_html import html_of
from backtests.exports import tables_write
from backtests.future_command import add_future_options, future_found, refuse_changed
from backtests.knobs import InputError
from backtests.models import BacktestRun
from backtests.printout import text_of
from backtests.replay import Inputs, replay
from backtests.run_inputs import ALL_SETTINGS, NEEDS, SWITCHES, built_in, columns_of
from backtests.run_list import LEAST_DIGEST
from backtests.services import inputs_from
from backtests.trials import trials_known

BAR = 30
ASKED = {"capital": "10000", "max_daily_loss": "1000"}
"""What a run takes and is built in."""


class Command(BaseCommand):
    """Needs neither Redis nor a web server, and no database for a tape that is named by its file."""

    help = "Play tapes through the engine and print what would have happened."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One option a setting; each says its unit and what is built in."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--tape", action="append", dest="tapes", metavar="F",
                          help="a tape's file, its name in the catalogue, or `all`; may be repeated")  # fmt: skip
        what.add_argument(
            "--show", metavar="ID", help="a run that was kept, by its number or its digest; nothing is played"
        )
        parser.add_argument("--capital", metavar="$", help=f"opening cash (default: {ASKED['capital']})")
        parser.add_argument("--max-loss", dest="max_daily_loss", metavar="$",
                            help=f"trading stops for the UTC day at this loss (default: {ASKED['max_daily_loss']})")  # fmt: skip
        parser.add_argument(
            "--from", dest="date_from", metavar="DAY", help="only tapes that begin on this day or later"
        )
        parser.add_argument("--to", dest="date_to", metavar="DAY", help="only tapes that begin on this day or before")
        for name, (_, words) in SWITCHES.items():
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, action="store_true", help=words)
        for name, (_, words) in NEEDS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="NAMES", help=words)
        parser.add_argument(
            "--spot-shift", dest="spot_shift", metavar="MS", help="hear spot so much later (negative: earlier)"
        )
        parser.add_argument("--label", default="", help="a name for the report")
        add_future_options(parser)
        _add_outputs(parser)
        for knob in ALL_SETTINGS:
            # argparse reads a bare % as a format
            usual = built_in(knob) or "as the preset says"
            words = f"{knob.label} ({knob.unit or 'a name'}; built in: {usual})".replace("%", "%%")
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
            run = _kept(options) if options["show"] else self._played(options)
            report: dict[str, Any] = run.result or {}
            told = _written(run, report, options)
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        except OSError as error:
            words = f"{error.filename}: cannot be written ({error.strerror or error}); name another place."
            raise CommandError(words, returncode=2) from None
        self.stdout.write(json.dumps(report, indent=1) if options["json"] else text_of(report, trials_known(run)))
        for line in told:
            self.stderr.write(line)
        refuse_changed(report, self.stderr.write)

    def _played(self, options: dict[str, Any]) -> BacktestRun:
        """The run that the options ask for, played now and kept nowhere."""
        try:
            days = {name: _day(options[name]) for name in ("date_from", "date_to")}
            asked = {name: usual if options[name] is None else options[name] for name, usual in ASKED.items()}
            inputs = inputs_from(options | asked | days | {"files": True})
            tell = self._bar() if sys.stderr.isatty() else None
            report = replay(inputs, tell)
            if options["check_future"] is not None:
                report["future"] = future_found(inputs, options, report["digest"], tell)
        finally:
            if sys.stderr.isatty():
                self.stderr.write("\r" + " " * (BAR + 60) + "\r", ending="")
        return _unkept(inputs, report, options["label"])

    def _bar(self) -> Any:
        def tell(share: float, note: str) -> None:
            done = round(share * BAR)
            self.stderr.write(f"\r[{'#' * done}{'.' * (BAR - done)}] {share:4.0%} {note[:48]:48}", ending="")
            self.stderr.flush()

        return tell


def _add_outputs(parser: CommandParser) -> None:
    parser.add_argument("--json", action="store_true", help="the whole report as JSON")
    parser.add_argument("--html", metavar="FILE", help="also write the report as one HTML file that needs nothing else")
    parser.add_argument(
        "--csv", metavar="DIR", help="also write trades, windows, equity and daily as CSV into this folder"
    )
    parser.add_argument("--parquet", metavar="DIR", help="the same as Parquet")


def _kept(options: dict[str, Any]) -> BacktestRun:
    """The finished run that --show names. Raises InputError, also for settings beside it: they would change nothing."""
    beside = [
        f"--{name.replace('_', '-')}"
        for name in (
            *ASKED,
            *SWITCHES,
            *NEEDS,
            "date_from",
            "date_to",
            "spot_shift",
            *(knob.name for knob in ALL_SETTINGS),
        )
        if options[name] not in (None, False)
    ]
    if beside:
        raise InputError({"show": f"--show plays nothing: leave out {', '.join(beside)}."})
    named = str(options["show"]).strip().lower().removeprefix("#")
    rows = BacktestRun.objects.select_related("created_by")
    if named.isdecimal() and len(named) < LEAST_DIGEST:
        run = rows.filter(pk=int(named)).first()
    elif len(named) >= LEAST_DIGEST and set(named) <= set("0123456789abcdef"):
        run = rows.filter(digest__startswith=named).order_by("-id").first()
    else:
        raise InputError(
            {"show": f"{options['show']!r} is no run; give its number, or eight characters of its digest."}
        )
    if run is None:
        raise InputError({"show": f"There is no run {options['show']}; `/backtests/` lists them."})
    if run.result is None:
        raise InputError(
            {"show": f"Run {run.pk} is {run.status} and has no result{f': {run.error}' if run.error else '.'}"}
        )
    return run


def _unkept(inputs: Inputs, report: dict[str, Any], label: str) -> BacktestRun:
    """A run as a page shows it, that is in no database."""
    return BacktestRun(status=BacktestRun.Status.DONE, progress=1.0, result=report, label=label, **columns_of(inputs))


def _written(run: BacktestRun, report: dict[str, Any], options: dict[str, Any]) -> list[str]:
    """Write the files that were asked for; returns a line for each. Raises OSError."""
    told = []
    if options["html"]:
        path = Path(options["html"])
        path.write_text(html_of(run), encoding="utf-8")
        told.append(f"The report is in {path}.")
    for form in ("csv", "parquet"):
        if options[form]:
            written = tables_write(report, Path(options[form]), form)
            told.append(f"{', '.join(path.name for path in written)} are in {options[form]}.")
    return told


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError({"date_from": f"{text!r} is not a day; write it like 2026-05-13."}) from None
