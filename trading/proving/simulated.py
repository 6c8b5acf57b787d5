"""What is simulated below a trader of this process while a proof runs, and what it is then given as its source and tape."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from markets.tape import VERSION, TapeHeader
from trading import inflow, trader
from trading.exchange_side import ExchangeSide, Reached
from trading.gateways import kalshi
from trading.playback import INVENTED, SESSION
from trading.proving.life import ACCOUNT, GRAIN_S, PumpedJournal, SimulatedFeed, simulated_rest, the_life
from trading.proving.taping import MortalRecorder
from trading.proving.wire import HOSTS, SIGNER
from trading.proving.world import World
from trading.source import DEMO, Source


class _Clock:
    """That of the trader's machine."""

    def __init__(self, world: World) -> None:
        self.now_ns = world.clock

    def reached(self, at_ns: int) -> None:
        """Nobody waits for it."""


@contextmanager
def simulated() -> Iterator[None]:
    """For as long as this is open, traders of this process are simulated below: source, wire, feed, tape, threads."""
    puts = (
        (trader, "_source", _source),
        (trader, "session_tape", _tape),
        (trader, "Journal", PumpedJournal),
        (inflow, "TICK_S", GRAIN_S),
        (kalshi, "TICK_S", GRAIN_S),
        (inflow, "KalshiRest", simulated_rest),
        (inflow, "LaneRest", simulated_rest),
        (inflow, "KalshiFeed", SimulatedFeed),
    )
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in puts]
    for owner, name, value in puts:
        setattr(owner, name, value)
    settings.MARKET, settings.ORDERS, settings.ACCOUNT = DEMO, "exchange", ACCOUNT
    try:
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def _source(account: str, engine: Any) -> Source:
    world = the_life().world

    @asynccontextmanager
    async def reach() -> AsyncIterator[Reached]:
        yield Reached(HOSTS, SIGNER)

    side = ExchangeSide((), lambda: list(engine.portfolio.positions), reach)
    clock = _Clock(world)
    return Source(
        DEMO,
        "a proof",
        "PROOF",
        1.0,
        world.clock(),
        clock=clock,
        is_simulated=True,
        exchange=side,
    )


def _tape(account: str, source: Source, started_at: datetime) -> MortalRecorder:
    life = the_life()
    name = f"session-{account}-{life.world.schedule.seed}-{life.number}"
    header = TapeHeader(VERSION, name, SESSION, INVENTED, 0, "a proof")
    life.tape = MortalRecorder(Path(settings.TAPES_DIR), header, life.mortal, life.world.is_disk_full)
    return life.tape
