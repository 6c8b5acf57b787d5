"""Life: one life of the real trader in virtual time: its session, desk, gateway, reconciliation, tape and rows are the
product's own; simulated are the wire below the client, the feed of the markets, the disk, the database's moods, and the clock.
"""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

from django.conf import settings
from django.db import InterfaceError, OperationalError

from markets.core.events import MarketEvent
from markets.tape import VERSION, TapeHeader
from trading import control, restore, services
from trading.core.decision import Decision
from trading.core.desk import TIMER_NS, Desk
from trading.core.engine import Engine
from trading.core.events import AccountEvent, ArmedSet, CheckTold, Event, ModeSet
from trading.gateways.kalshi import KalshiGateway
from trading.journal import BATCH, Journal
from trading.models import Account
from trading.order_ids import client_order_id
from trading.playback import SESSION
from trading.proving.mortal import MINE, Mortal
from trading.proving.taping import MortalRecorder
from trading.proving.wire import SimulatedWire
from trading.proving.world import World
from trading.records import Entry, Subject
from trading.session import Session
from trading.snapshot import Place, Recent
from trading.source import Source

PUMP_S = 0.25
TOLD = (*get_args(AccountEvent), ModeSet, CheckTold, ArmedSet)


class SimulatedFeed:
    """In the place of the client that hears the markets: the same face, the world of the proof behind it."""

    def __init__(self, rest: Any, series: Any, emit: Any, *, notes: Any = None, **_: Any) -> None:
        life = MINE.get()
        if life is None:
            raise RuntimeError("there is no life to hear for")
        self._life, self._emit, self._notes = life, emit, notes
        self._world: World = life.belongings["world"]
        self._queue: asyncio.Queue[MarketEvent] = asyncio.Queue()

    async def run(self) -> None:
        """Until cancelled."""
        world, life = self._world, self._life
        for event in world.standing():
            await self._emit([event])
        world.hear = lambda event: life.tell(self._queue.put_nowait, event)
        world.notes.listen(self._note, world.clock)
        while True:
            await self._emit([await self._queue.get()])

    def _note(self, note: Any) -> None:
        self._life.tell(self._heard, note)

    def _heard(self, note: Any) -> None:
        self._life.passes("note")
        if self._notes is not None:
            self._notes(note)

    def shard_of(self, ticker: str) -> int | None:
        """The shard of a market."""
        market = self._world.house.markets.get(ticker)
        return market.shard if market else None

    def view(self) -> None:
        """Nobody looks."""


def simulated_rest(hosts: Any, signer: Any, *, clock: Any, **_: Any) -> SimulatedWire:
    """In the place of the exchange's client: the same, with another transport."""
    life = MINE.get()
    if life is None:
        raise RuntimeError("there is no life to ask for")
    world: World = life.belongings["world"]
    number = life.belongings["number"]
    return SimulatedWire(world.network, world.clock, life, random.Random(f"wire {world.schedule.seed} {number}"))


class PumpedJournal(Journal):
    """The real journal without its thread: it writes when it is pumped, and tries again at the next time."""

    def __init__(self, subject: Subject) -> None:
        super().__init__(subject)
        self._left: list[Entry] = []
        self._failing_at: float | None = None

    def start(self) -> None:
        """Who has it pumps it."""

    @property
    def backlog(self) -> int:
        """How many entries are not in the database yet."""
        return len(self._queue) + len(self._left)

    @property
    def is_behind(self) -> bool:
        """Whether the rows are too far behind to go on trading."""
        now = asyncio.get_running_loop().time()
        is_failing = self._failing_at is not None and now - self._failing_at > self._patience_s
        return self.failure is not None or is_failing or self.backlog > self._bound

    def pump(self) -> None:
        """Write what waits."""
        put_ns = self._put_ns
        while self._queue or self._left:
            self._left = self._left or [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                self._write(self.subject, self._left)
            except (OperationalError, InterfaceError):
                self._failing_at = self._failing_at or asyncio.get_running_loop().time()
                return
            except Exception as error:
                self.failure = error
                return
            self._left, self._failing_at = [], None
        self.written_ns = put_ns

    def close(self, timeout_s: float = 30.0) -> bool:
        """Write all that waits; False when it cannot be written."""
        self.pump()
        return self.failure is None and not self.backlog


class Witness(Recent):
    """What a session has heard of its orders and what it has decided, told to `say`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def note(self, event: Event, decision: Decision) -> None:
        """As for the pages."""
        super().note(event, decision)
        if isinstance(event, TOLD):
            self._say(f"heard: {event}")
        for word in (*decision.commands, *decision.breakers, *([decision.mode] if decision.mode else [])):
            self._say(f"decided: {word}")


class TraderLife:
    """Everything that one start of the trader makes. `prepare` may raise as a start may; `run` ends as a session does."""

    def __init__(self, world: World, mortal: Mortal, account: str, folder: Path, number: int) -> None:
        self.say: Callable[[str], None] | None = None
        self.world, self.mortal, self.account, self.folder, self.number = world, mortal, account, folder, number
        mortal.belongings |= {"world": world, "number": number}
        self.is_ready = False
        self.tape: MortalRecorder | None = None
        self.repairs = 0

    def look(self) -> None:
        """Read what people want, at once."""
        wanted = control.wanted(self.wanted)
        if wanted.changes(self.wanted, 0):
            self.wanted = wanted
            self.session.change(wanted)

    def is_quiet(self, world: World) -> bool:
        """Nothing of ours is open, here or there."""
        return self.is_ready and not self.trouble(world)

    def trouble(self, world: World) -> str:
        """What is still open; "" for nothing."""
        if not self.is_ready:
            return "it is not ready"
        history = world.history
        if history.resting:
            return f"{len(history.resting)} orders rest"
        if any(lot.count for lot in history.lots.values()):
            return "something is held there"
        left = self.gateway.sender.unfinished()
        if left:
            return f"orders {[(one.number, one.state) for one in left][:5]} have not ended"
        held = {ticker: one.count for ticker, one in self.engine.portfolio.positions.items() if one.count}
        if held:
            return f"we hold {held}"
        return ""

    def prepare(self) -> None:
        """What `run_trader` does before a session begins."""
        mortal, world = self.mortal, self.world
        mortal.passes("starting")
        restore.recover_all(self.account)
        mortal.passes("starting")
        engine = Engine()
        self.engine = engine
        self.wanted = control.wanted()
        opening = restore.opening(self.account, world.clock())
        self.opening = opening
        mortal.passes("starting")
        name = f"session-{self.account}-{world.schedule.seed}-{self.number}"
        header = TapeHeader(VERSION, name, SESSION, "", 0, "a proof")
        self.tape = MortalRecorder(Path(settings.TAPES_DIR), header, mortal, world.is_disk_full)
        self.row = services.session_start(account=self.account, market_source="real", tape_name=name)
        mortal.passes("starting")
        salt = Account.objects.get(pk=self.account).order_salt
        self.gateway = KalshiGateway(
            lambda number: client_order_id(salt, number),
            portfolio=engine.portfolio,
            clock=world.clock,
            kill_file=self.folder / "HALT",
        )
        source = Source("real", "a proof", "PROOF", 1.0, world.clock(), clock=_Clock(world))
        self.session = Session(
            desk=Desk(engine, self.gateway),
            source=source,
            place=Place("real", "PROOF", self.account, "a proof", 1.0),
            journal=PumpedJournal(Subject(self.row.pk, self.account, False)),
            tape=self.tape,
            recent=Witness(self.say) if self.say else Recent(),
        )
        self.is_ready = True

    async def run(self) -> None:
        session, gateway = self.session, self.gateway
        session.open(self.opening, self.wanted)
        wire = simulated_rest(None, None, clock=self.world.clock)
        feed = SimulatedFeed(wire, (), session._take, notes=gateway.note)
        gateway.attach(wire, feed.shard_of, session.hear)
        parts = [
            asyncio.create_task(feed.run(), name="feed"),
            asyncio.create_task(gateway.run(), name="gateway"),
            asyncio.create_task(self._tick(), name="time"),
            asyncio.create_task(session._flush(), name="tape"),
            asyncio.create_task(self._pump(), name="journal"),
        ]
        session.state = "running"
        await session._until_over(*parts)
        await gateway.close()
        session._end()
        self.close()

    def close(self) -> None:
        session = self.session
        is_written = session.journal.close()
        session.tape.close(seal=True)
        if is_written:
            services.session_finish(self.row.pk, session.progress(), is_clean=True)

    async def _tick(self) -> None:
        while True:
            self.session._tick(self.world.clock() // TIMER_NS * TIMER_NS)
            await asyncio.sleep(0.05)

    async def _pump(self) -> None:
        while True:
            await asyncio.sleep(PUMP_S)
            self.session.journal.pump()


class _Clock:
    def __init__(self, world: World) -> None:
        self._world = world

    def now_ns(self) -> int:
        return self._world.clock()

    def reached(self, at_ns: int) -> None:
        pass
