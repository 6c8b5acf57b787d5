"""`kalshi-bot fit`: learn from the settled windows of an account, show what is in force, or measure on settled tables."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.fitting import Refit, refit
from backtests.fitting_settled import settled_json, settled_report, settled_text
from backtests.fitting_tapes import tapes_json, tapes_text, weights_of_models
from backtests.forecast_rows import rows_of_tapes
from backtests.knobs import InputError
from backtests.settled import SettledError
from trading import selectors
from trading.accounts import UnknownAccount, account_asked
from trading.core.parameters import Parameters
from trading.fitted_words import KIND_WORDS, effect_words, reach, sentence, use_words
from trading.models import FittedArtefact


class Command(BaseCommand):
    help = (
        "Fit calibration maps, the weight of our opinion, tails, weights of the volatility and the hours of the week on the "
        "settled windows of an account, and add what is new. The trader takes it up within two seconds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """One account, or the tables of settled markets."""
        parser.add_argument("--account", metavar="NAME", help="whose forecast record (default: the account shown)")
        parser.add_argument("--show", action="store_true", help="fit nothing: show what is in force")
        parser.add_argument(
            "--settled", metavar="DIR", type=Path,
            help="fit nothing for the trader: measure maps of the market's own mid and the tails on the tables of settled "
            "markets in this folder, walk-forward",
        )  # fmt: skip
        parser.add_argument(
            "--tapes",
            metavar="all|NAME",
            help="fit nothing for the trader: look at each model's weight on recorded tapes",
        )
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be done."""
        if options["settled"] or options["tapes"]:
            self.stdout.write(_measured(options))
            return
        try:
            account = account_asked(options["account"])
        except UnknownAccount as error:
            raise CommandError(str(error), returncode=2) from None
        done = None if options["show"] else refit(account)
        rows = selectors.artefacts_in_force(account)
        self.stdout.write(_json(rows) if options["json"] else _text(account, rows, done))


def _measured(options: dict[str, Any]) -> str:
    """On recorded data alone; nothing is kept."""
    if options["account"] or options["show"] or (options["settled"] and options["tapes"]):
        raise CommandError("--settled goes without --account and --show, and so does --tapes; take one of the two.",
                           returncode=2)  # fmt: skip
    try:
        if options["settled"]:
            report = settled_report(options["settled"])
            return json.dumps(settled_json(report), indent=1) if options["json"] else settled_text(report)
        found = weights_of_models(rows_of_tapes([options["tapes"]]).rows)
    except (SettledError, InputError) as error:
        raise CommandError(str(error), returncode=2) from None
    return json.dumps(tapes_json(found), indent=1) if options["json"] else tapes_text(found)


def _text(account: str, rows: list[FittedArtefact], done: Refit | None) -> str:
    newest = selectors.parameters_newest()
    parameters = newest.parameters() if newest else Parameters()
    lines = []
    if done is not None:
        lines.append(
            f"{account}: {done.windows:,} settled windows, {len(done.new)} new artefacts. {done.words}".rstrip()
        )
    if not rows:
        lines.append(f"{account}: nothing is in force; until {parameters.pooling_windows} windows exist the weight of our "
                     f"opinion is {parameters.pooling_weight:g}.")  # fmt: skip
    for row in sorted(rows, key=lambda row: (list(KIND_WORDS).index(row.kind), row.variety, row.group, row.least_s)):
        kind = f"{KIND_WORDS[row.kind]}{f', {row.variety}' if row.variety else ''}"
        lines.append(f"{kind}, {row.group}, {reach(row)} (version {row.version}, {row.windows:,} windows)")
        lines.append(f"    {sentence(row)}")
        if row.kind == "pooling":
            lines.append(f"    {use_words(row, parameters.pooling_windows, parameters.pooling_weight)}")
        lines.append(f"    {effect_words(row)}")
    return "\n".join(lines)


def _json(rows: list[FittedArtefact]) -> str:
    return json.dumps(
        [
            {
                "version": row.version, "kind": row.kind, "variety": row.variety, "group": row.group, "least_s": row.least_s,
                "most_s": row.most_s, "windows": row.windows, "first_ns": row.first_ns, "through_ns": row.through_ns,
                "in_words": sentence(row), "effect": effect_words(row), "payload": row.payload, "report": row.report,
            }
            for row in rows
        ],
        indent=1,
    )  # fmt: skip
