"""How good our probabilities are: next to the market's mid, the naive N(d2) and a coin, with what chance alone can do."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import InputError
from backtests.settled import SettledError
from backtests.skill import Bounds, SettledTold, Told, of_account, of_settled, of_tapes
from backtests.skill_text import settled_text, text_of
from trading.accounts import UnknownAccount, account_asked


class Command(BaseCommand):
    """The forecast record, recorded tapes, or the tables of settled markets."""

    help = "Score our probabilities next to the market's, with intervals; says plainly when the market is better."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One source, and which windows."""
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--tapes", metavar="all|NAME", help="play recorded tapes through the engine: all, a name or a file"
        )
        source.add_argument("--settled", metavar="DIR", type=Path, help="the tables of settled markets in this folder")
        parser.add_argument("--account", metavar="NAME", help="whose forecast record (default: the account shown)")
        parser.add_argument(
            "--since", metavar="DAY", help="from this UTC day on, like 2026-05-13; tapes by when they begin"
        )
        parser.add_argument("--until", metavar="DAY", help="up to this UTC day, included")
        parser.add_argument("--asset", metavar="BTC", default="", help="one asset alone")
        parser.add_argument(
            "--one-sided", action="store_true", help="compare quotes with one side alone too: an empty side is $0 or $1"
        )
        parser.add_argument(
            "--without-hours", action="store_true", help="with --tapes: price as if all hours of the day were alike"
        )
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be scored."""
        try:
            bounds = Bounds(_day(options["since"]), _day(options["until"]), options["asset"].upper())
            if bounds.since and bounds.until and bounds.since > bounds.until:
                raise InputError({"since": f"--since {bounds.since} is after --until {bounds.until}."})
            told = self._told(options, bounds)
        except (InputError, SettledError, UnknownAccount) as error:
            raise CommandError(str(error), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(msgspec.to_builtins(told), indent=1))
        else:
            self.stdout.write(settled_text(told) if isinstance(told, SettledTold) else text_of(told))

    def _told(self, options: dict[str, Any], bounds: Bounds) -> Told | SettledTold:
        if options["account"] and (options["tapes"] or options["settled"]):
            raise InputError({"account": "--account is for the forecast record, not for --tapes or --settled."})
        one_sided, with_hours = options["one_sided"], not options["without_hours"]
        if not with_hours and not options["tapes"]:
            raise InputError({"hours": "--without-hours is for --tapes alone: other forecasts were made long ago."})
        if options["settled"]:
            if one_sided:
                raise InputError({"one_sided": "--one-sided is not for --settled, whose ladder has it anyway."})
            return of_settled(options["settled"], bounds)
        if options["tapes"]:
            bar = self._bar if sys.stderr.isatty() else None
            return of_tapes([options["tapes"]], bounds, bar, one_sided=one_sided, with_hours=with_hours)
        return of_account(account_asked(options["account"]), bounds, forward=True, one_sided=one_sided)

    def _bar(self, share: float, note: str) -> None:
        self.stderr.write(f"\r{share:4.0%} {note[:60]:60}\r", ending="")
        self.stderr.flush()


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError({"day": f"{text!r} is not a day; write it like 2026-05-13."}) from None
