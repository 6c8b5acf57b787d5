"""Write a stretch of the demo market as a tape: something to back-test on before there are recordings."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from markets.services import tape_register
from markets.tape import TapeError
from trading.simulator.taping import tape_demo

MOST_HOURS = 24 * 31


class Command(BaseCommand):
    help = "Write some hours of the demo market as a tape, to back-test on. The same seed gives the same bytes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--hours", type=int, default=1, help="of simulated time (1); about 5 MB each")
        parser.add_argument("--seed", type=int, help="of the demo market (DEMO_SEED)")

    def handle(self, *args: Any, **options: Any) -> None:
        hours, seed = options["hours"], settings.DEMO_SEED if options["seed"] is None else options["seed"]
        if not 1 <= hours <= MOST_HOURS or seed < 0:
            raise CommandError(f"--hours is 1 to {MOST_HOURS} and --seed not negative", returncode=2)
        try:
            path = tape_demo(Path(settings.TAPES_DIR), seed=seed, hours=hours)
            row = tape_register(path)
        except TapeError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{row.name}: {row.events:,} events, {row.markets} markets, {row.size_bytes / 1e6:.1f} MB")
