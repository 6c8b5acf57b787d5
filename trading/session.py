"""One trading session: the market in, the desk, the tape, the rows and the pages, in one task group."""

import asyncio
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import get_args

import msgspec

from markets.core.events import MarketEvent, MarketStatus
from markets.core.units import DAY_NS
from markets.feeds.stream import StreamFeed
from markets.recorder import Recorder
from trading.broadcast import Broadcast
from trading.control import Control, StatusReport, Wanted
from trading.core.decision import Decision
from trading.core.desk import TIMER_NS, Desk
from trading.core.events import AccountEvent, Event, Opening, RealismSet, Timer
from trading.core.realism import FIXED
from trading.core.reasons import REASONS
from trading.dispatch import Dispatch
from trading.ending import until_over
from trading.inflow import Inflow, inflow
from trading.journal import Journal
from trading.orders_standing import PAPER, standing
from trading.pace import Pace
from trading.services import Progress
from trading.sight import Sight
from trading.snapshot import Place, Recent
from trading.source import Source

FLUSH_S = 0.25
GIVE_WAY_EVERY = 2_000  # events, while catching up
CATCHING_UP, ENDED = "catching up", "ended"
DEAF = frozenset({CATCHING_UP, ENDED})  # states in which what people want is kept, not heard
ACCOUNT_EVENTS = frozenset(get_args(AccountEvent))

log = logging.getLogger(__name__)


class SessionError(Exception):
    """A part of the session died, so all of it ends; the text says which and why."""


class Session:
    """Feeds the desk, writes everything to the tape before anything leaves, and tells rows and pages afterwards.

    Any part that dies ends the session with its error: a trader that looks alive and is half dead is worse.
    """

    def __init__(
        self, *, desk: Desk, source: Source, place: Place, journal: Journal, tape: Recorder, recent: Recent
    ) -> None:
        self.desk = desk
        self.source = source
        self.place = place
        self.journal = journal
        self.tape = tape
        self.recent = recent
        self.dispatch: Dispatch | None = None  # where orders go to an exchange
        self.realism = FIXED  # where they go to paper
        self.state = "starting"
        self.message = ""
        self.ends_with_source = False
        self.pace = Pace()
        self.inflow: Inflow | None = None
        self.sight = Sight(desk, place, recent, journal, tape)
        self.wanted: Wanted | None = None
        self._told: Wanted | None = None  # what the desk has heard of it
        self.first_ns: int | None = None
        self._day = 0
        self._stopping = asyncio.Event()

    # Life ---------------------------------------------------------------------------------------------------

    def open(self, opening: Opening, wanted: Wanted) -> None:
        """Take up the account and what people want; in silence first, where a tape was traded on before."""
        self.wanted = self._told = wanted
        limits, parameters, mode = wanted.events(self.source.opened_ns)
        if self.source.resumed_ns:
            mode = msgspec.structs.replace(mode, mode="HALTED", reason="catching up")
            opening = Opening(self.source.opened_ns, opening.cash, orders_sent=opening.orders_sent)
        self._note_all(self.desk.open(opening, limits, parameters, mode))
        if self.realism != FIXED and self.dispatch is None:
            self._note_all(self.desk.hear(RealismSet(self.desk.now_ns, self.realism)))
        required = self.dispatch.required(self.desk.now_ns) if self.dispatch else ()
        for event in (*required, *wanted.others(self.desk.now_ns)):
            self._note_all(self.desk.hear(event))

    async def run(self, *, broadcast: Broadcast, control: Control, opening: Opening) -> None:
        """Trade until stopped or until a part dies."""
        source = self.source
        events = source.events
        if source.resumed_ns and events is not None and not callable(events):
            events = await self._catch_up(events, opening)
        if not self._stopping.is_set():
            async with inflow(replace(source, events=events), self._take, self._tick) as self.inflow:
                await self._trade(self.inflow, broadcast, control)
        self._end()
        await broadcast.publish()

    async def _trade(self, flow: Inflow, broadcast: Broadcast, control: Control) -> None:
        """Until it is stopped, or a part dies; then whatever still works at an exchange is cancelled, in either case."""
        parts = [
            *flow.tasks,
            asyncio.create_task(self._listen(flow.stream), name="feed"),
            asyncio.create_task(broadcast.run(), name="broadcast"),
            asyncio.create_task(self._flush(), name="tape"),
            asyncio.create_task(self._watch(control), name="watch"),
        ]
        if self.dispatch is not None:
            dispatching = self.dispatch.run(flow, self.hear, self.journal, self.tape)
            parts.append(asyncio.create_task(dispatching, name="orders"))
        try:
            await until_over(self._stopping, parts)
        finally:
            if self.dispatch is not None:
                await self.dispatch.close()

    def stop(self) -> None:
        """Ask the session to end in order."""
        self._stopping.set()

    # The road of one event ----------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """One event through the desk; noted step by step, each decision before its orders leave."""
        began = time.perf_counter_ns()
        self._note_all(self.desk.hear(event))
        self.pace.note(time.perf_counter_ns() - began)

    def change(self, wanted: Wanted) -> None:
        """Limits, parameters or mode were changed by a person: heard now, on the clock of the market. What was
        traded on before stays as it was, and an ended market is not traded again: then it is only kept."""
        self.wanted = wanted
        if self.state not in DEAF:
            self._tell(wanted)

    def _tell(self, wanted: Wanted) -> None:
        told, self._told = self._told, wanted
        if told is None:
            return
        for event in wanted.changes(told, self.desk.now_ns):
            log.info("heard %s", type(event).__name__)
            self.hear(event)

    def _note_all(self, steps: Iterator[tuple[Event, Decision]]) -> None:
        for event, decision in steps:
            self._write(event, decision)
            self.journal.put(event, decision)
            self.recent.note(event, decision)
            if self.dispatch is not None:
                self.dispatch.noted(event, decision)
        self._new_day()

    def _write(self, event: Event, decision: Decision) -> None:
        """To the tape; and out of our hands before an order leaves, or the rows hear of money."""
        tape = self.tape
        tape.append(event)  # a decision is read back with the event before it
        if decision.has_effect:
            tape.append(decision)
        if decision.commands or type(event) in ACCOUNT_EVENTS:
            tape.flush()

    async def _listen(self, feed: StreamFeed | None) -> None:
        self.state = "running"
        if feed is None:  # the market has a clock of its own, and no end
            return
        async for batch in feed.batches():
            await self._take(batch)
        self._note_all(self.desk.finish())
        self.state = ENDED
        self.message = self.message or f"{self.source.name} has ended"
        if self.ends_with_source:
            self.stop()
        log.info("%s after %d steps", self.message, self.desk.steps)

    async def _take(self, batch: list[MarketEvent]) -> None:
        """What one feed has heard at once."""
        for event in batch:
            self.hear(event)
        self.first_ns = self.first_ns or batch[0].received_ns
        await self._give_way()

    def _tick(self, now_ns: int) -> None:
        """It is `now_ns` in the market, and perhaps nobody has said anything."""
        if self.state not in DEAF and now_ns - self.desk.now_ns >= TIMER_NS:
            self.hear(Timer(now_ns))

    async def _give_way(self) -> None:
        """Let the others run; when the rows are too far behind, wait for them: nothing is ever dropped."""
        await asyncio.sleep(0)
        while self.journal.is_behind:
            self._look(None)
            await asyncio.sleep(0.02)

    async def _catch_up(self, events: Iterator[MarketEvent], opening: Opening) -> Iterator[MarketEvent]:
        """Hear in silence what was traded on before; returns what is left to trade on.

        A market that settled at the last moment may not have been heard of, or its payout not written down:
        what the account still holds there is paid out now.
        """
        self.state = CATCHING_UP
        held = {position.ticker for position in opening.positions}
        unpaid: list[MarketStatus] = []
        for number, event in enumerate(events):
            if event.received_ns > self.source.resumed_ns or self._stopping.is_set():
                events = chain([event], events)
                break
            for heard, decision in self.desk.hear(event):
                self._write(heard, decision)
            if type(event) is MarketStatus and event.status == "settled" and event.ticker in held:
                unpaid.append(event)
            if number % GIVE_WAY_EVERY == 0:
                await asyncio.sleep(0)
        else:
            self.message = f"{self.source.name} was traded to its end before; another ACCOUNT can trade it anew"
        self._resume(opening, unpaid)
        return events

    def _resume(self, opening: Opening, unpaid: list[MarketStatus]) -> None:
        now_ns = max(self.desk.now_ns, self.source.resumed_ns)
        self.state = "starting"
        self._day = now_ns // DAY_NS  # what was counted of this day is not counted anew
        self._note_all(self.desk.hear(msgspec.structs.replace(opening, received_ns=now_ns)))
        for status in unpaid:
            self._note_all(self.desk.hear(msgspec.structs.replace(status, received_ns=now_ns)))
        if self.wanted is not None:
            self._tell(self.wanted)
            self._note_all(self.desk.hear(self.wanted.events(now_ns)[2]))

    # The others ---------------------------------------------------------------------------------------------

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self.tape.flush()

    async def _watch(self, control: Control) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            self._look(control)

    def _look(self, control: Control | None) -> None:
        failed = {"journal": self.journal.failure, "control": control.failure if control else None}
        for name, failure in failed.items():
            if failure is not None:
                raise SessionError(f"the {name} died: {failure!r}") from failure

    def _end(self) -> None:
        if self.state != ENDED:
            self._note_all(self.desk.finish())
        self.state = "stopped"
        self.tape.flush()

    def _new_day(self) -> None:
        day = self.desk.engine.portfolio.day
        if day != self._day:
            if self._day:
                self.recent.new_day()
            self._day = day

    # What others see ----------------------------------------------------------------------------------------

    def report(self, *, session_id: int, started_at: datetime) -> StatusReport:
        """What control writes once a second. Called from its thread: reads only."""
        engine = self.desk.engine
        return StatusReport(
            session_id=session_id,
            account=self.place.account,
            market_source=self.place.market,
            tape_name=self.tape.name,
            started_at=started_at,
            mode=engine.mode,
            mode_reason=self._mode_reason(),
            message=self.message or f"{self.source.name} {self.state}",
            progress=self.progress()._replace(last_event_ns=self.journal.written_ns),
            orders=standing(engine, self.dispatch.order_group) if self.dispatch else PAPER,
        )

    def progress(self) -> Progress:
        """How far the session has come. What it reports while it runs is how far the rows have."""
        desk = self.desk
        return Progress(desk.steps, desk.decisions, desk.digest, self.first_ns, desk.now_ns)

    def snapshot(self) -> bytes:
        """The whole state for the pages, as JSON."""
        views = self.inflow.views() if self.inflow else []
        exchange = self.inflow.exchange_view() if self.inflow else None
        return self.sight.snapshot(self.state, self._mode_reason(), self.pace, views, exchange)

    def _mode_reason(self) -> str:
        halt = self.desk.engine.risk.halt
        return REASONS[halt] if halt else self.wanted.mode_reason if self.wanted else ""
