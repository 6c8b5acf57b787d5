"""Hold the compiled lane against the engine on any tapes, and measure how fast a sweep is."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backtests.knobs import InputError
from backtests.lane.proof import compared, spans_of, sweep_speed, swept
from backtests.shelf import Reel, reels_find


class Command(BaseCommand):
    """Exit code 1 when any trial differs."""

    help = "Prove that the compiled lane decides as the engine does, or measure how fast it sweeps."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """What to play, and what to do with it."""
        parser.add_argument("--tape", action="append", required=True, dest="tapes", metavar="F",
                            help="a tape's file, its name in the catalogue, or `all`; may be repeated")  # fmt: skip
        parser.add_argument("--prove", action="store_true", help="each day and each tape through lane and engine")
        parser.add_argument("--each", type=int, default=0, metavar="N",
                            help="how many of the settings of the proof a tape is played under, in turn (default: all)")  # fmt: skip
        parser.add_argument("--sets", type=int, default=1_000, metavar="N",
                            help="how many settings the sweep that is measured has (default: %(default)s)")  # fmt: skip
        parser.add_argument("--threads", type=int, default=0, metavar="N", help="threads (default: one a core)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 2 and one sentence for what cannot be played."""
        if options["sets"] < 1 or min(options["threads"], options["each"]) < 0:
            raise CommandError("A sweep has one setting or more; threads and --each are 0 or more.", returncode=2)
        try:
            reels = reels_find(options["tapes"], files=True)
            if options["prove"]:
                self._prove(reels, options["each"])
            else:
                self._measure(reels, options["sets"], options["threads"])
        except InputError as error:
            raise CommandError(str(error), returncode=2) from None

    def _prove(self, reels: list[Reel], settings: int) -> None:
        spans = {reel.name: [reel] for reel in reels}
        days = {day: tapes for day, tapes in spans_of(reels).items() if len(tapes) > 1}
        equal = left = differ = orders = 0
        for each in compared(spans | days, each=settings):
            equal += each.lane is not None and each.agrees
            left += each.lane is None
            differ += not each.agrees
            orders += each.engine.orders
            if not each.agrees:
                self.stdout.write(f"{each.span}, {each.setting}: lane {each.lane}, engine {each.engine}")
        self.stdout.write(f"{equal} trials equal, {differ} differ, {left} left to the engine; {orders} orders.")
        if differ:
            raise CommandError("The compiled lane does not decide as the engine does.", returncode=1)

    def _measure(self, reels: list[Reel], settings: int, threads: int) -> None:
        for day, tapes in spans_of(reels).items():
            speed = sweep_speed(tapes, swept(settings), threads)
            self.stdout.write(
                f"{day}: {speed.events:,} events x {speed.settings:,} settings in {speed.seconds:.2f} s on {speed.threads} "
                f"threads: {speed.rate / 1e6:,.1f} million parameter-events a second; {speed.orders:,} orders, "
                f"{speed.left} settings left to the engine"
            )
