"""`kalshi-bot record`: hear venues and record all they say; those of the demo market too."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, cast

from django.conf import settings
from django.core.management.base import CommandError

from markets.loopback.server import LoopbackServer, SpotEvent, play, serve_venues
from markets.management.commands.record import Command as Record
from markets.management.commands.record import Heard, Market
from trading.playback import INVENTED
from trading.simulator.clock import WallClock
from trading.simulator.prices import ASSETS
from trading.simulator.spot_venues import VENUES
from trading.simulator.world import DemoWorld


@asynccontextmanager
async def demo(names: Sequence[str], assets: Sequence[str]) -> AsyncIterator[Heard]:
    """The demo market's venues, served on loopback. Those of the names that it does not have are not there."""
    told = [venue.name for venue in VENUES if venue.name in names]
    listed = [asset for asset in assets if asset in ASSETS]
    if not told or not listed:
        venues = ", ".join(venue.name for venue in VENUES)
        raise CommandError(f"the demo market has {', '.join(ASSETS)} at {venues}; name some of these", returncode=2)
    server = LoopbackServer(told, listed)
    async with serve_venues(server):
        playing = asyncio.create_task(_play(server, listed))
        try:
            yield Heard({name: server.endpoint(name) for name in names}, time.time_ns, INVENTED)
        finally:
            playing.cancel()
            with suppress(asyncio.CancelledError):
                await playing


async def _play(server: LoopbackServer, assets: Sequence[str]) -> None:
    world = DemoWorld(settings.DEMO_SEED, assets)
    await play(server, cast("list[SpotEvent]", world.spot_events(time.time_ns())), WallClock())


class Command(Record):
    """With one more market to listen to."""

    markets: ClassVar[dict[str, Market]] = {**Record.markets, "demo": demo}
