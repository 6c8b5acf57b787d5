"""The trader process: a Channels worker that dies when any part of it dies."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.tape import TapeError
from trading.alone import AnotherTraderError
from trading.simulator.clock import ClockError
from trading.source import SourceError
from trading.trader import TraderError, run_trader


class Command(BaseCommand):
    help = (
        "Trade MARKET=demo (a simulated market), MARKET=tape TAPE=FILE (a recorded one) or MARKET=real: on paper, or with "
        "ORDERS=exchange at the exchange itself, simulated or real; real orders also need to be armed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tell", action="store_true", help="say every five seconds how it stands")
        parser.add_argument("--until-end", action="store_true", help="stop when the tape has ended")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_trader(self.stdout.write if options["tell"] else None, until_end=options["until_end"])
        except (TraderError, AnotherTraderError, SourceError, TapeError, ClockError) as error:
            raise CommandError(str(error)) from error
