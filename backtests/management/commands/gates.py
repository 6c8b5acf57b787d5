"""Why it does not trade: which gates stood in the way, and what each of them cost or saved."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.gate_report import report_json
from backtests.gate_text import RULES, gates_text, summary
from backtests.gates import of_account
from backtests.knobs import KNOBS, InputError
from backtests.printout import paragraphs
from backtests.replay import replay
from backtests.services import inputs_from
from backtests.skill import Bounds
from trading.accounts import UnknownAccount, account_asked


class Command(BaseCommand):
    """Of the kept evaluations of an account, or of tapes, which need no database when they are named by their files."""

    help = "Which gates stood in the way of trading, and after settlement what each of them cost or saved."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One source, which windows, and for tapes the settings."""
        parser.add_argument("--account", metavar="NAME", help="whose evaluations (default: the account shown)")
        parser.add_argument("--since", metavar="DAY", help="windows that close on this UTC day or later")
        parser.add_argument("--until", metavar="DAY", help="windows that close on this UTC day or before")
        parser.add_argument("--asset", metavar="BTC", default="", help="one asset alone")
        parser.add_argument("--tape", action="append", dest="tapes", metavar="F",
                            help="play this tape instead: a file, a name of the catalogue, or `all`; may be repeated")  # fmt: skip
        parser.add_argument("--set", action="append", dest="knobs", metavar="NAME=X", default=[],
                            help="with --tape: a setting of the backtest, like edge=4; may be repeated")  # fmt: skip
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be told."""
        try:
            told = self._of_tapes(options) if options["tapes"] else self._of_account(options)
        except (InputError, UnknownAccount) as error:
            raise CommandError(str(error), returncode=2) from None
        self.stdout.write(json.dumps(told, indent=1) if options["json"] else "\n".join(_text(told)))

    def _of_account(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["knobs"]:
            raise InputError({"set": "--set is for --tape: what an account thought was thought with its own settings."})
        bounds = Bounds(_day(options["since"]), _day(options["until"]), options["asset"].upper())
        if bounds.since and bounds.until and bounds.since > bounds.until:
            raise InputError({"since": f"--since {bounds.since} is after --until {bounds.until}."})
        return report_json(of_account(account_asked(options["account"]), bounds))

    def _of_tapes(self, options: dict[str, Any]) -> dict[str, Any]:
        for name in ("account", "since", "until", "asset"):
            if options[name]:
                raise InputError({name: f"--{name} is for the evaluations of an account, not for --tape."})
        settings = {"capital": "10000", "max_daily_loss": "1000"} | dict(_settings(options["knobs"]))
        gates: dict[str, Any] = replay(inputs_from(settings | {"tapes": options["tapes"], "files": True}))["gates"]
        return gates


def _text(told: dict[str, Any]) -> list[str]:
    return [*summary(told), "", *gates_text(told), "", *paragraphs(list(RULES))]


def _settings(words: list[str]) -> Iterator[tuple[str, str]]:
    known = {"capital", "max_daily_loss", *(knob.name for knob in KNOBS)}
    for word in words:
        name, is_given, value = word.partition("=")
        if not is_given or name.replace("-", "_") not in known:
            names = ", ".join(sorted(known))
            raise InputError({"set": f"--set {word!r} is no setting; write it like edge=4, with one of {names}."})
        yield name.replace("-", "_"), value


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError({"day": f"{text!r} is not a day; write it like 2026-05-13."}) from None
