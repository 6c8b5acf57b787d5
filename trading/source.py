"""Where a session's market comes from: the demo market of a seed, a tape, or the real market; each from where the
account left off."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from markets.core.events import MarketEvent
from markets.kalshi.ticker import asset_of
from markets.loopback.server import Clock, SpotEvent
from markets.tape import read_header
from trading.exchange_side import ExchangeSide, demo_exchange, real_exchange
from trading.playback import INVENTED, market_events
from trading.simulator.clock import DemoClock, WallClock
from trading.simulator.seat import Seat
from trading.simulator.spot_venues import VENUES
from trading.simulator.world import DemoWorld

DEMO, TAPE, REAL = "demo", "tape", "real"


class SourceError(Exception):
    """The market cannot be played; the text says why and what to do."""


@dataclass(frozen=True)
class SpotSide:
    """The spot venues of a market. With `events` they are simulated: served on loopback in their own wire formats, and
    heard by the clients that hear real ones; `events` begins where the market's clock is."""

    venues: Sequence[str]
    assets: Sequence[str]
    speed: float = 1.0
    events: Callable[[], Iterator[SpotEvent]] | None = None


@dataclass(frozen=True)
class Source:
    """A stream of market events and its pace; or, of a market with a clock of its own, its exchange and spot venues.

    `opened_ns` is the time a session opens at. Events up to `resumed_ns` were traded on by an earlier session
    of the account: they are only listened to, to know the market again. A function instead of an iterator
    begins anew where the clock is, for every listener.
    """

    kind: str
    name: str
    label: str
    speed: float
    opened_ns: int
    events: Iterator[MarketEvent] | Callable[[], Iterator[MarketEvent]] | None = None
    clock: Clock | None = None
    resumed_ns: int = 0
    is_simulated: bool = False
    exchange: ExchangeSide | None = None
    spot: SpotSide | None = None


def demo_source(
    *,
    seed: int,
    speed: float,
    clock_file: Path,
    held: Callable[[], Iterable[str]],
    seat: Seat | None = None,
) -> Source:
    """The demo market from this moment of its own clock on. Markets that are still `held`, and that settled
    while nobody listened, are looked after by the exchange's client. With a `seat` orders are sent to its simulated
    exchange, where our account begins with that. Raises ClockError."""
    clock = DemoClock(clock_file, speed=speed, seed=seed)
    world = DemoWorld(seed)

    def spot() -> Iterator[SpotEvent]:
        return cast(Iterator[SpotEvent], world.spot_events(clock.now_ns()))

    return Source(
        DEMO,
        f"demo market, seed {seed}",
        "REHEARSAL" if seat else "DEMO",
        speed,
        clock.now_ns(),
        clock=clock,
        is_simulated=True,
        exchange=demo_exchange(world, clock, held, speed, seat=seat, home=clock_file.parent if seat else None),
        spot=SpotSide([venue.name for venue in VENUES], world.assets, speed, spot),
    )


def real_source(
    *,
    series: Sequence[str],
    venues: Sequence[str],
    held: Callable[[], Iterable[str]],
    environment: str,
    rest_url: str = "",
    ws_url: str = "",
    variables: Mapping[str, str],
    label: str = "PAPER",
) -> Source:
    """The real markets of these series, and the spot venues of their coins. Raises KeyProblem."""
    exchange = real_exchange(
        series, held, environment=environment, rest_url=rest_url, ws_url=ws_url, variables=variables
    )
    clock = WallClock()
    where = rest_url or f"Kalshi {environment}"
    assets = [asset_of(name) for name in series]
    return Source(
        REAL,
        f"{where}: {', '.join(series)}",
        label,
        1.0,
        clock.now_ns(),
        clock=clock,
        exchange=exchange,
        spot=SpotSide(venues, assets),
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
