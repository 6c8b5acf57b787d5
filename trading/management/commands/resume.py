"""`kalshi-bot resume`: want trading again after a halt, and say what that clears."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from trading import switches
from trading.core.events import Mode
from trading.management.commands.halt import terminal_user
from trading.services import UnusableError


class Command(BaseCommand):
    help = (
        "Trade again after a halt: takes the file HALT away and has latched breakers cleared where their cause is gone. "
        "Says what that is. Real orders have to be armed anew."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reduce", action="store_true", help="only orders that shrink exposure")
        parser.add_argument("--reason", default="", help="why; it is kept")
        parser.add_argument("--show", action="store_true", help="only say what would be cleared")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["show"]:
            for words in switches.to_clear() or ["Nothing that is latched keeps trading stopped."]:
                self.stdout.write(words)
            return
        try:
            mode: Mode = "REDUCING" if options["reduce"] else "ACTIVE"
            said = switches.resume(by=terminal_user(), reason=options["reason"], mode=mode)
        except UnusableError as error:
            raise CommandError("; ".join(error.problems)) from None
        except DatabaseError as error:
            first = str(error).splitlines()[0]
            raise CommandError(f"the database does not answer ({first}): nothing was changed") from None
        for sentence in said:
            self.stdout.write(sentence)
