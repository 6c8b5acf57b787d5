"""How good the forecast of the volatility is on recorded data, against simpler ones; walk-forward."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.settled import SettledError
from backtests.volatility import text_of, told_of


class Command(BaseCommand):
    """Needs no database."""

    help = "Score the forecast of the volatility on recorded data against simpler ones, each made before what it is held against."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the data is."""
        parser.add_argument(
            "--recorded", metavar="DIR", type=Path, required=True, help="the folder of the recorded data"
        )
        parser.add_argument("--json", action="store_true", help="the whole report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be read."""
        try:
            tables = told_of(options["recorded"])
        except SettledError as error:
            raise CommandError(str(error), returncode=2) from None
        if options["json"]:
            rows = [told._asdict() | {"scores": [each._asdict() for each in told.scores]} for told in tables]
            self.stdout.write(json.dumps(rows, indent=1))
        else:
            self.stdout.write(text_of(tables))
