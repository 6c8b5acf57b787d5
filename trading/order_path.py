"""From a frame in hand to the bytes of the order on the socket, with everything on.

A recorded tape is played through a session as it trades with real orders: each change of the book is made a frame of the
exchange's WebSocket again, decoded, put on the tape, decided on by engine and risk with all limits and checks in force,
its order's intent written and flushed, signed and written to a kept connection; the journal writes rows to the database
from its thread meanwhile. The clock is read before the frame is decoded and after the write to the socket has returned.
Who answers is a plain server in another process, and fills nothing. The strategy looks at all that the taker looks at, and
orders a contract at every change of the best prices: or there would be too few orders to measure.
"""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from markets.core.events import BookDelta, BookSnapshot, MarketEvent, TickerQuote
from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.budgets import Budgets
from markets.kalshi.hosts import hosts_at
from markets.kalshi.order_bench import PLENTY, signer
from markets.kalshi.rest_lane import LaneRest
from markets.recorder import Recorder
from markets.tape import TapeHeader
from trading.control import Wanted
from trading.core.breakers import FOR_REAL_ORDERS
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import ChecksRequired, CheckTold, Event, Opening
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.strategies import STRATEGIES
from trading.gateways.kalshi import KalshiGateway
from trading.journal import Journal
from trading.order_ids import client_order_id
from trading.order_path_frames import Always, Frames
from trading.pace import settle_down
from trading.playback import market_events
from trading.records import Subject
from trading.services import account_open, session_start
from trading.session import Session
from trading.snapshot import Place, Recent
from trading.source import Source

SHARD = 2
WARM = 300
GIVE_WAY = 100
MOST_ROUNDS = 40
CAPITAL = 100_000 * DOLLAR
CHECK_NS = 2 * SECOND_NS
SHARES = {"p50": 0.5, "p99": 0.99, "p99_9": 0.999}
ACCOUNT = "bench"
SALT = "6f3c1f6e-52c4-4b11-9c3b-1f5a44f0a001"
ALWAYS = Parameters(strategy="always", order_interval_ns=0)
WIDE_LIMITS = RiskLimits(max_orders_per_minute=10**9, max_rejects_per_minute=10**9, max_stale_ms=10**9)
WANTED = Wanted(1, WIDE_LIMITS, 1, ALWAYS, "ACTIVE", "", "bench", datetime(2026, 11, 26, tzinfo=UTC))


class Timed(LaneRest):
    """Notes when the bytes of each order were written, and which had to go the ordinary way."""

    written: list[int]
    slow: int = 0

    def _write(self, ask: Any) -> Any:
        answer = super()._write(ask)
        if answer is not None:
            self.written.append(time.perf_counter_ns())
        else:
            self.slow += 1
        return answer


class Road:
    """A session that trades on the frames of a tape; `spent` are nanoseconds from frame to bytes, one an order."""

    def __init__(self, session: Session, rest: Timed, frames: Frames) -> None:
        self.session, self.rest, self.frames = session, rest, frames
        self.spent: list[int] = []
        self.now_ns = 0
        self._checked_ns = 0

    def hear(self, event: MarketEvent) -> bool:
        """One event, as the frame that it was where it is of a book. Whether an order left."""
        self.now_ns = event.received_ns
        if self.now_ns - self._checked_ns >= CHECK_NS:
            self._check()
        written = self.rest.written
        written.clear()
        hear = self.session.hear
        if not isinstance(event, BookDelta | BookSnapshot):
            hear(event)
            return bool(written)
        frame = self.frames.of(event)
        began = time.perf_counter_ns()
        for heard in self.frames.socket.hear(frame, event.received_ns):
            hear(heard)
        self.spent += [at - began for at in written]
        return bool(written)

    async def settle(self) -> None:
        """Until every order has its answer, and the next signature lies ready."""
        gateway: Any = self.session.desk.exchange
        while gateway.sender.unfinished() or not self.rest.is_ready:
            await asyncio.sleep(0)

    def _check(self) -> None:
        self._checked_ns = self.now_ns
        for code in FOR_REAL_ORDERS:
            self.session.hear(CheckTold(self.now_ns, code, is_ok=True))


class Found(NamedTuple):
    """Nanoseconds from frame to bytes in quiet and within bursts, and how long each burst took in ms."""

    quiet: list[int]
    burst: list[int]
    took_ms: list[float]


def measure(tape: Path, folder: Path, orders: int, burst: int) -> dict[str, Any]:
    """Trade on the tape, again and again, until so many orders have left in quiet: blocks of `burst` events, in turn one
    event after the other, each order answered before the next, and all of them without a rest."""
    STRATEGIES["always"] = Always  # in this process, which does nothing else
    account_open(ACCOUNT, CAPITAL)
    rows = [session_start(account=ACCOUNT, market_source="tape", tape_name="bench").pk for _ in range(MOST_ROUNDS)]
    return asyncio.run(_measure(tape, folder, rows, orders, burst))


async def _measure(tape: Path, folder: Path, rows: Sequence[int], orders: int, burst: int) -> dict[str, Any]:
    events: list[MarketEvent] = [event for event in market_events(tape) if not isinstance(event, TickerQuote)]
    found, warm = Found([], [], []), min(WARM, orders)  # the first are not counted
    with answering() as root:
        async with reached(root) as rest:
            for row in rows:
                session = _opened(folder / str(row), row, rest, events[0].received_ns)
                await _round(session, rest, events, burst, found)
                if len(found.quiet) >= warm + orders:
                    break
    took = sorted(found.took_ms)
    return {
        "quiet": percentiles(found.quiet[warm:]),
        "burst": percentiles(found.burst) | {"bursts": len(took), "events": burst, "median_ms": took[len(took) // 2]},
        "slow_way": rest.slow,
    }


async def _round(session: Session, rest: Timed, events: Sequence[MarketEvent], burst: int, found: Found) -> None:
    """The tape once, on a new session."""
    tickers = tuple(dict.fromkeys(event.ticker for event in events if isinstance(event, BookSnapshot)))
    road = Road(session, rest, Frames(tickers))
    collect()
    for number, first in enumerate(range(0, len(events), burst)):
        block = events[first : first + burst]
        if number % 2:
            found.took_ms.append(await _at_once(road, block) / 1e6)
            found.burst.extend(road.spent)
        else:
            await _quietly(road, block)
            found.quiet.extend(road.spent)
        road.spent.clear()
    await closed(session)


async def _quietly(road: Road, events: Sequence[MarketEvent]) -> None:
    for event in events:
        if road.hear(event):
            await road.settle()


async def _at_once(road: Road, events: Sequence[MarketEvent]) -> int:
    """How long it takes to work off the burst, in ns; between hundreds of events answers are let in."""
    began = time.perf_counter_ns()
    for number, event in enumerate(events):
        road.hear(event)
        if number % GIVE_WAY == 0:
            await asyncio.sleep(0)
    took = time.perf_counter_ns() - began
    await road.settle()
    return took


# What is around it -----------------------------------------------------------------------------------------------


def _opened(folder: Path, row: int, rest: Timed, now_ns: int) -> Session:
    """A session whose orders go to `rest`; everything that it writes is written."""
    folder.mkdir()
    engine = Engine()
    road_ns = [now_ns]
    gateway = KalshiGateway(
        lambda number: client_order_id(SALT, number),
        portfolio=engine.portfolio,
        clock=lambda: road_ns[0],
        kill_file=folder / "HALT",
    )
    session = Session(
        desk=Desk(engine, gateway),
        source=Source("tape", "bench", "PAPER", 0.0, now_ns),
        place=Place("tape", "PAPER", ACCOUNT, "bench", 0.0),
        journal=Journal(Subject(row, ACCOUNT, is_simulated=True, salt=SALT)),
        tape=Recorder(folder, TapeHeader(1, folder.name, "session", "", 0)),
        recent=Recent(),
    )
    session.journal.start()
    session.open(Opening(now_ns, CAPITAL), WANTED)
    session.hear(ChecksRequired(now_ns, FOR_REAL_ORDERS))
    gateway.groups.made[SHARD] = "brake"
    gateway.attach(rest, lambda _: SHARD, session.hear)
    session.state = "running"

    def follow(event: Event) -> Iterable[Event]:
        road_ns[0] = max(road_ns[0], event.received_ns)
        return hear(event)

    hear = gateway.hear
    gateway.hear = follow  # type: ignore[method-assign]  # the clock of the tape
    return session


async def closed(session: Session) -> None:
    """The last rows are written."""
    await asyncio.to_thread(session.journal.close)
    session.tape.close(seal=False)


@asynccontextmanager
async def reached(root: str) -> AsyncIterator[Timed]:
    """The client with its lane, to an exchange that never says that it is too much."""
    budgets = Budgets()
    budgets.set_limits(PLENTY, PLENTY, PLENTY, PLENTY)
    rest = Timed(hosts_at(root, root.replace("http", "ws")), signer("ed25519"), budgets=budgets)
    rest.written = []
    async with rest:
        while not rest.is_ready:
            await asyncio.sleep(0.01)
        yield rest


@contextmanager
def answering() -> Iterator[str]:
    """A server in another process that takes every order and fills nothing of it."""
    words = [sys.executable, "-m", "markets.kalshi.order_bench", "serve"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/trade-api/v2"
        finally:
            process.kill()


def collect() -> None:
    """As the trader has it: what is there by now is not looked at again."""
    gc.collect()
    settle_down()


def percentiles(values: list[int]) -> dict[str, float]:
    """Microseconds, nearest rank."""
    ordered = sorted(values) or [0]
    last = len(ordered) - 1
    found = {name: ordered[min(int(share * len(ordered)), last)] / 1_000 for name, share in SHARES.items()}
    return {"orders": len(values), **found, "max": ordered[-1] / 1_000}
