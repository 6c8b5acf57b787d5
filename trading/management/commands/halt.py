"""`kalshi-bot halt`: the kill switch of the terminal; it works with database and Redis gone."""

import getpass
from argparse import ArgumentParser
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError

from trading import switches
from trading.core.events import Policy


class Command(BaseCommand):
    help = (
        "Stop trading now. The rows say so, the trader is nudged; where the database does not answer, a file named HALT is "
        "written that trader and watchdog heed. Says what it did. `kalshi-bot resume` is the way back."
    )
    requires_system_checks = ()  # whatever is wrong with the settings, this must work

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--policy",
            choices=get_args(Policy),
            default="cancel",
            help="cancel: take back what rests (the default); hold: leave it; flatten: take it back and close what is held",
        )
        parser.add_argument("--reason", default="", help="why; it is kept")
        parser.add_argument("--file", action="store_true", help="write the file HALT as well")

    def handle(self, *args: Any, **options: Any) -> None:
        done = switches.halt(
            by=terminal_user(), reason=options["reason"], policy=options["policy"], by_file=options["file"]
        )
        for sentence in done.said:
            self.stdout.write(sentence)
        self.stdout.flush()
        if not done.is_told:
            raise CommandError("nothing could be written: end the trader by its process (Ctrl-C, or kill -TERM)")


def terminal_user() -> str:
    """Who sits at the terminal, for the record."""
    try:
        return f"{getpass.getuser()} at a terminal"
    except (KeyError, OSError, ImportError):
        return "a terminal"
