"""The trader process: a Channels worker that dies when any part of it dies."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from markets.tape import TapeError
from trading.simulator.clock import ClockError
from trading.source import SourceError
from trading.trader import TraderError, run_trader


class Command(BaseCommand):
    help = "Trade on paper: MARKET=demo (a simulated market) or MARKET=tape TAPE=FILE (a recorded one)."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_trader()
        except (TraderError, SourceError, TapeError, ClockError) as error:
            raise CommandError(str(error)) from error
