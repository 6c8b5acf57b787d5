"""Life: one life of the real trader in virtual time: its session, desk, gateway, reconciliation, tape and rows are the
product's own; simulated are the wire below the client, the feed of the markets, the disk, the database's moods, and the clock.
"""

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_args

from django.db import InterfaceError, OperationalError

from markets.core.events import MarketEvent
from trading import restore, trader
from trading.broadcast import NOWHERE, Broadcast
from trading.control import Control
from trading.core.decision import Decision
from trading.core.events import AccountEvent, ArmedSet, CheckTold, Event, ModeSet
from trading.journal import BATCH, Journal
from trading.proving.mortal import MINE, Mortal
from trading.proving.taping import MortalRecorder
from trading.proving.wire import SimulatedWire
from trading.proving.world import World
from trading.records import Entry, Subject
from trading.snapshot import Recent

ACCOUNT = "rehearsal"
PUMP_S = 1.0
FRAMES = 50  # of the exchange's socket, for one event here: a book, for instance, comes as many changes of it
GRAIN_S = 0.1  # of time as it is told: nobody waits for less
CONTROL_EVERY = 4
TOLD = (*get_args(AccountEvent), ModeSet, CheckTold, ArmedSet)


class SimulatedFeed:
    """In the place of the client that hears the markets: the same face, the world of the proof behind it."""

    def __init__(self, rest: Any, series: Any, emit: Any, *, notes: Any = None, **_: Any) -> None:
        life = the_life()
        self._life, self._emit, self._notes, self._world = life.mortal, emit, notes, life.world
        self._queue: asyncio.Queue[MarketEvent] = asyncio.Queue()
        self._frames = FRAMES

    async def run(self) -> None:
        """Until cancelled."""
        world, life = self._world, self._life
        for event in world.standing():
            await self._emit([event])
        world.hear = lambda event: life.tell(self._queue.put_nowait, event)
        world.notes.listen(self._note, world.clock)
        while True:
            await self._emit([await self._queue.get()])
            self._frames += FRAMES

    def _note(self, note: Any) -> None:
        self._life.tell(self._heard, note)

    def _heard(self, note: Any) -> None:
        self._life.passes("note")
        if self._notes is not None:
            self._notes(note)

    def shard_of(self, ticker: str) -> int | None:
        """The shard of a market, forgotten when it has settled."""
        market = self._world.house.markets.get(ticker)
        return market.shard if market and market.status != "finalized" else None

    def view(self) -> Any:
        """How it is: as much of it as checks look at."""
        state = "up" if self._world.is_up else "lost"
        connection = SimpleNamespace(feed="kalshi", title="Kalshi", state=state, frames=self._frames, unreadable=0)
        return SimpleNamespace(connection=connection)


def simulated_rest(hosts: Any, signer: Any, *, clock: Any, **_: Any) -> SimulatedWire:
    """In the place of the exchange's client: the same, with another transport."""
    life = the_life()
    world = life.world
    rng = random.Random(f"wire {world.schedule.seed} {life.number}")
    return SimulatedWire(world.network, world.clock, life.mortal, rng)


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
        return self.failure is not None or is_failing or self.backlog > self.bound

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
        if isinstance(event, TOLD) and not (isinstance(event, CheckTold) and event.is_ok):
            self._say(f"heard: {event}")
        for word in (*decision.commands, *decision.breakers, *([decision.mode] if decision.mode else [])):
            self._say(f"decided: {word}")


class PumpedControl(Control):
    """The real one without its thread."""

    def start(self) -> None:
        """Who has it pumps it."""

    def pump(self) -> None:
        """Read what is wanted, tell the session, beat. What its thread would die of is its failure."""
        try:
            self._attempt(self._turn)
        except Exception as error:
            self.failure = error


class TraderLife:
    """Everything that one start of the trader makes: `prepare` is its start, `run` the rest of it until it is over."""

    def __init__(self, world: World, mortal: Mortal, number: int) -> None:
        self.world, self.mortal, self.number = world, mortal, number
        self.say: Callable[[str], None] | None = None
        self.tape: MortalRecorder | None = None
        self.trader: trader.Trader | None = None
        mortal.belongings["life"] = self

    def prepare(self) -> None:
        """What `run_trader` does before a session begins."""
        passes = self.mortal.passes
        passes("starting")
        restore.recover_all(ACCOUNT)
        passes("starting")
        self.trader = made = trader.Trader()
        if self.say is not None:
            made.session.recent = Witness(self.say)
        passes("starting")

    async def run(self) -> None:
        """What `Trader.run` does, with its threads pumped."""
        made = self.trader
        if made is None:
            raise RuntimeError("it was not prepared")
        session, is_clean = made.session, False
        control = PumpedControl(
            asyncio.get_running_loop(),
            report=lambda: session.report(session_id=made.row.pk, started_at=made.started_at),
            changed=session.change,
            known=made.wanted,
        )
        pumping = [asyncio.create_task(self._pump(control), name="threads")]
        try:
            session.journal.start()
            session.open(made.opening, made.wanted)
            running = session.run(broadcast=Broadcast(NOWHERE, session.snapshot), control=control, opening=made.opening)
            await running
            is_clean = True
        finally:
            for task in pumping:
                task.cancel()
            if self.mortal.is_alive:
                made._close(is_clean=is_clean)  # noqa: SLF001 - it is what `Trader.run` ends with

    async def _pump(self, control: PumpedControl) -> None:
        """The threads of journal and control."""
        made, turn = self.trader, 0
        while made is not None:
            await asyncio.sleep(PUMP_S)
            journal = made.session.journal
            if isinstance(journal, PumpedJournal):
                journal.pump()
            turn += 1
            if turn % CONTROL_EVERY == 0:
                control.pump()

    @property
    def mode(self) -> str:
        """The mode in force, "" before there is one."""
        return self.trader.session.desk.engine.mode if self.trader else ""

    @property
    def halt(self) -> str:
        """Why it is halted."""
        return self.trader.session.desk.engine.risk.halt if self.trader else ""

    def stop(self) -> None:
        """Ask it to end in order."""
        if self.trader is not None:
            self.trader.session.stop()

    def trouble(self) -> str:
        """What is still open; "" for nothing."""
        made, history = self.trader, self.world.history
        if made is None or made.session.dispatch is None:
            return "it is not ready"
        if history.resting:
            return f"{len(history.resting)} orders rest"
        if any(lot.count for lot in history.lots.values()):
            return "something is held there"
        left = made.session.dispatch.gateway.sender.unfinished()
        if left:
            return f"orders {[(one.number, one.state) for one in left][:5]} have not ended"
        engine = made.session.desk.engine
        held = {ticker: one.count for ticker, one in engine.portfolio.positions.items() if one.count}
        if held:
            return f"we hold {held}"
        if engine.orders.working:
            return f"orders {list(engine.orders.working)[:5]} work for the engine"
        if engine.risk.halt == "UNEVALUATED":
            return "not all is checked yet"
        state = engine.risk.breakers.state("RECONCILED")
        if not state.evaluated_ns:
            return "the exchange's books were not looked at yet"
        return ""


def the_life() -> TraderLife:
    """The one that this code runs in."""
    mortal = MINE.get()
    if mortal is None:
        raise RuntimeError("there is no life")
    life: TraderLife = mortal.belongings["life"]
    return life
