"""Measure how long our own orders took on their way to an exchange and back, and write it down for paper trading."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import InputError
from backtests.latency import measure
from backtests.report import settings_of


class Command(BaseCommand):
    """The newest orders at the real market, or of rehearsals where there are too few of those."""

    help = "Measure how long our own orders took on their way to an exchange and back."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose orders, and where to write."""
        parser.add_argument(
            "--account", default="", metavar="NAME", help="orders of this account alone (default: of all)"
        )
        parser.add_argument("--json", action="store_true", help="the numbers as JSON, times in ns")
        parser.add_argument(
            "--to", metavar="FILE", help="write it as a treatment of orders: PAPER_REALISM=FILE trades by it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence where there is too little to measure."""
        try:
            found = measure(options["account"])
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None
        if options["to"]:
            self._write(Path(options["to"]), settings_of(found.found.realism()))
        lines = [json.dumps(found.json(), indent=1)] if options["json"] else found.words()
        self.stdout.write("\n".join(lines))

    def _write(self, path: Path, settings: dict[str, Any]) -> None:
        try:
            path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise CommandError(
                f"{path} cannot be written ({error.strerror}); name another file.", returncode=2
            ) from None
