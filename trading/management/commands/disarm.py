"""`kalshi-bot disarm`: real orders go no more; what rests is taken back by the trader."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from trading import services
from trading.management.commands.halt import terminal_user


class Command(BaseCommand):
    help = "Real orders go no more, within two seconds. To stop trading at once, in any case: `kalshi-bot halt`."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", help="whose; of all accounts unless named")
        parser.add_argument("--reason", default="", help="why; it is kept")

    def handle(self, *args: Any, **options: Any) -> None:
        by = terminal_user()
        ended = services.disarm(options["account"], by=by, reason=options["reason"] or f"disarmed by {by}")
        for row in ended:
            self.stdout.write(f"Disarmed: {row.account}, which was armed by {row.armed_by}.")
        if not ended:
            self.stdout.write("Nothing was armed.")
