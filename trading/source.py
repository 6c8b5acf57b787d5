"""Where a session's market comes from: the demo market of a seed, or a tape; both from where the account left off."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

import msgspec

from markets.core.events import MarketEvent
from markets.loopback.server import Clock, SpotEvent
from markets.tape import read_header
from trading.playback import INVENTED, market_events
from trading.simulator.clock import DemoClock
from trading.simulator.spot_venues import VENUES
from trading.simulator.world import DemoWorld

DEMO, TAPE = "demo", "tape"


class SourceError(Exception):
    """The market cannot be played; the text says why and what to do."""


@dataclass(frozen=True)
class SpotSide:
    """The simulated spot venues of a market: served on loopback in their own wire formats, and heard by the clients
    that hear real ones. `events` begins where the market's clock is."""

    venues: Sequence[str]
    assets: Sequence[str]
    speed: float
    events: Callable[[], Iterator[SpotEvent]]


@dataclass(frozen=True)
class Source:
    """A stream of market events and its pace, and the spot venues where these are heard by themselves.

    `opened_ns` is the time a session opens at. Events up to `resumed_ns` were traded on by an earlier session
    of the account: they are only listened to, to know the market again. A function instead of an iterator
    begins anew where the clock is, for every listener.
    """

    kind: str
    name: str
    label: str
    speed: float
    opened_ns: int
    events: Iterator[MarketEvent] | Callable[[], Iterator[MarketEvent]]
    clock: Clock | None = None
    resumed_ns: int = 0
    is_simulated: bool = False
    spot: SpotSide | None = None


def demo_source(*, seed: int, speed: float, clock_file: Path, held: Callable[[], list[str]]) -> Source:
    """The demo market from this moment of its own clock on. Markets that are still `held`, and that settled
    while nobody listened, are settled first. Raises ClockError."""
    clock = DemoClock(clock_file, speed=speed, seed=seed)
    opened_ns = clock.now_ns()
    world = DemoWorld(seed)

    def events() -> Iterator[MarketEvent]:
        now_ns = clock.now_ns()
        settled = (world.settlement(ticker, now_ns=now_ns) for ticker in held())
        missed = [msgspec.structs.replace(status, received_ns=now_ns) for status in settled if status is not None]
        return chain(missed, world.exchange_events(now_ns))

    def spot() -> Iterator[SpotEvent]:
        return cast(Iterator[SpotEvent], world.spot_events(clock.now_ns()))

    return Source(
        DEMO,
        f"demo market, seed {seed}",
        "DEMO",
        speed,
        opened_ns,
        events,
        clock,
        is_simulated=True,
        spot=SpotSide([venue.name for venue in VENUES], world.assets, speed, spot),
    )


def tape_source(path: Path, *, speed: float, resumed_ns: int) -> Source:
    """A tape; what is up to `resumed_ns` was traded on before. Raises TapeError, SourceError."""
    events = market_events(path)
    first = next(events, None)
    if first is None:
        raise SourceError(f"the tape {path.name} holds no market events; choose another with TAPE")
    name = path.name.removesuffix(".zst").removesuffix(".tape")
    is_simulated = read_header(path).grade == INVENTED
    label = "DEMO" if is_simulated else "PAPER"
    events = chain([first], events)
    return Source(TAPE, name, label, speed, first.received_ns, events, resumed_ns=resumed_ns, is_simulated=is_simulated)
