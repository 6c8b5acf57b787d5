"""The simulated exchange on one loopback port: REST and WebSocket; and a house of the demo world or of a tape, played in time."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from markets.core.events import MarketEvent
from markets.loopback.server import Clock
from trading.simulator.exchange.house import House
from trading.simulator.world import DemoWorld

if TYPE_CHECKING:
    from trading.simulator.exchange.faults import FaultPlan


class Exchange(NamedTuple):
    """An exchange that serves. `rest` and `ws` are its addresses, `control` that of the door where faults are set."""

    house: House
    port: int
    rest: str
    ws: str
    control: str


@asynccontextmanager
async def serve_exchange(house: House, *, port: int = 0, faults: "FaultPlan | None" = None) -> AsyncIterator[Exchange]:
    """Serve a house on 127.0.0.1, 0 for a free port; everything is closed at the end."""
    raise NotImplementedError
    yield


def demo_house(world: DemoWorld, clock: Callable[[], int], *, salt: str = "", read_lag_ns: int = 0) -> House:
    """A house with the markets of a demo world, listed ahead as at the real exchange."""
    raise NotImplementedError


def demo_events(world: DemoWorld, from_ns: int) -> Iterator[MarketEvent]:
    """What the world's exchange tells, and its indices once a second, by time."""
    raise NotImplementedError


def tape_house(events: Iterable[MarketEvent], clock: Callable[[], int], *, salt: str = "") -> House:
    """A house for the markets of a tape: they are listed as the tape lists them, and settle as it says."""
    raise NotImplementedError


async def play_house(house: House, events: Iterable[MarketEvent], clock: Clock) -> int:
    """Tell each event when it is due and pass time in between, until there are no more. Returns how many were told."""
    raise NotImplementedError
