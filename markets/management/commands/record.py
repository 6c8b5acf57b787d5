"""Hear venues and record all they say, without trading."""

import asyncio
import logging
import signal
import time
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from markets import catalogue
from markets.core.events import MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.feeds import Feeds, UnknownVenue
from markets.feeds.venue import Endpoint
from markets.listening import AllRefused, Listening
from markets.recorder import Recorder
from markets.services import tapes_mend
from markets.tape import VERSION, TapeError, TapeHeader, files_of

ASSETS = "BTC,ETH,SOL,XRP,DOGE"
LIVE, SOURCE = "live", "recorder"
REFUSED = 3  # the exit code when no venue serves us


class Heard(NamedTuple):
    """What is listened to: other addresses than the venues' own, the clock of the market, and the grade of its tape."""

    endpoints: Mapping[str, Endpoint]
    clock: Callable[[], int]
    grade: str


@asynccontextmanager
async def live(names: Sequence[str], assets: Sequence[str]) -> AsyncIterator[Heard]:
    """The venues themselves."""
    yield Heard({}, time.time_ns, "")


Market = Callable[[Sequence[str], Sequence[str]], AbstractAsyncContextManager[Heard]]


class Command(BaseCommand):
    help = "Record what venues say: trades, quotes, books. Ends in order on Ctrl-C or SIGTERM."
    markets: ClassVar[dict[str, Market]] = {LIVE: live}  # a command further up may know more of them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--venues", default=settings.VENUES, help="comma-separated (VENUES)")
        parser.add_argument("--assets", default=ASSETS, help=f"comma-separated ({ASSETS})")
        parser.add_argument("--hours", type=float, help="stop after so many hours")
        parser.add_argument("--market", default=LIVE, choices=sorted(self.markets), help="what to listen to (live)")
        parser.add_argument("--name", help="of the recording (record-DATE)")

    def handle(self, *args: Any, **options: Any) -> None:
        names, assets = _words(options["venues"]), [asset.upper() for asset in _words(options["assets"])]
        if not names or not assets or (options["hours"] is not None and options["hours"] <= 0):
            raise CommandError("name a venue and an asset; --hours is more than 0", returncode=2)
        seconds = options["hours"] * 3_600 if options["hours"] else None
        logging.getLogger("websockets").setLevel(logging.CRITICAL)
        try:
            Feeds(names, assets, _nobody)  # before anything is begun: whether these can be heard at all
            call_command("migrate", verbosity=0, interactive=False)
            tapes_mend(Path(settings.TAPES_DIR))
            asyncio.run(self._record(names, assets, options["market"], options["name"], seconds))
        except AllRefused as error:
            raise CommandError(str(error), returncode=REFUSED) from error
        except UnknownVenue as error:
            raise CommandError(str(error), returncode=2) from error
        except TapeError as error:
            raise CommandError(str(error)) from error

    async def _record(
        self, names: list[str], assets: list[str], market: str, name: str | None, seconds: float | None
    ) -> None:
        async with self.markets[market](names, assets) as heard:
            recorder = _recorder(name, heard.grade, f"{', '.join(names)}: {', '.join(assets)}")
            try:
                listening = Listening(recorder, self.stdout.write)
                loop = asyncio.get_running_loop()
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, listening.stop)
                feeds = Feeds(names, assets, listening.hear, clock=heard.clock, endpoints=heard.endpoints)
                await listening.run(feeds, seconds=seconds)
            finally:
                path = recorder.close()
        size = sum(file.stat().st_size for file in files_of(path))
        self.stdout.write(f"{recorder.name}: {recorder.events:,} events, {size / 1e6:.1f} MB")


def _recorder(name: str | None, grade: str, note: str) -> Recorder:
    now_ns = time.time_ns()
    name = name or f"record-{datetime.fromtimestamp(now_ns // SECOND_NS, UTC):%Y%m%dT%H%M%S}"
    return Recorder(
        Path(settings.TAPES_DIR),
        TapeHeader(VERSION, name, SOURCE, grade, now_ns, note),
        max_bytes=int(settings.TAPES_MAX_GB * 1e9),
        protected=catalogue.in_use,
        sealed=catalogue.part_sealed,
        removed=catalogue.part_removed,
    )


async def _nobody(events: list[MarketEvent]) -> None:
    """Nobody listens."""


def _words(text: str | Sequence[str]) -> list[str]:
    """Comma-separated words, each once."""
    words = text.split(",") if isinstance(text, str) else text
    return list(dict.fromkeys(word.strip() for word in words if word.strip()))
