"""KalshiGateway: the exchange as the desk knows it, behind which our orders really go to the exchange and come back."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from markets.core.events import FeedStatus, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.commands import FILLS, GROUPS, ORDERS
from markets.feeds.kalshi.notes import FillNote, GroupNote, MissedNote, Note, OrderNote
from trading.core.decision import Command
from trading.core.events import (
    CheckTold,
    Event,
    Fill,
    LimitsSet,
    ModeSet,
    Opening,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
)
from trading.core.portfolio import Portfolio
from trading.core.sender import Sender
from trading.core.tracked import Request, SendAmend, SendCancel, SendOrder
from trading.core.venue import VenueFill
from trading.ending import end
from trading.gateways.carrier import Carrier
from trading.gateways.order_groups import OrderGroups
from trading.gateways.payer import Payer
from trading.gateways.shards import Shards
from trading.gateways.values import fill_of_note, order_of_note
from trading.gateways.wire import Wire
from trading.kill_file import check_of, is_killed

TICK_S = 0.02
CLOSE_S = 10.0  # that the end waits for the answers to its cancels
BEFORE_NS = 30 * SECOND_NS  # so much before the last good moment what may be missed begins
EXCHANGE = "kalshi"
OURS = frozenset({FILLS, ORDERS})
Observed = Fill | OrderAccepted | OrderAmended | OrderCancelled | OrderRejected
OF_CONCERN = frozenset({Opening, ModeSet, LimitsSet, FeedStatus, MarketListed, MarketStatus, *get_args(Observed)})

log = logging.getLogger(__name__)


class KalshiGateway:
    """`submit` and `hear` are the desk's side; `note` is told what the socket says of our account; `run` passes the time.

    `attach` says where the exchange is and who is told what follows. Every request is a task of its own: a slow answer
    delays nothing. `portfolio` is the engine's; `speed` how many times faster than ours `clock` runs.
    `foreign` and `surprises` grow: fills that are not of our orders, and what cannot be and was all the same.
    """

    def __init__(
        self,
        client_id: Callable[[int], str],
        *,
        portfolio: Portfolio,
        clock: Callable[[], int],
        kill_file: Path,
        speed: float = 1.0,
    ) -> None:
        self.sender = Sender(client_id, max(1.0, speed))
        self.shards = Shards()
        self.groups = OrderGroups(self._group_told)
        self.foreign: deque[VenueFill] = deque(maxlen=1_000)
        self.surprises: deque[str] = deque(maxlen=1_000)
        self.on_doubt: Callable[[], None] = lambda: None  # something happened that a reconciliation should look at
        self._clock, self._kill_file = clock, kill_file
        self._speed = max(1.0, speed)
        self._wire: Wire | None = None
        self._carrier: Carrier | None = None
        self._emit: Callable[[Event], None] | None = None
        self._payer = Payer(self.sender, portfolio, self.shards.pays_into)
        self._out: deque[Event] = deque()
        self._waiting: list[Request] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_telling = self._is_closing = self._is_brake_told = False
        self._good_ns = 0
        self._is_up = False
        self._failure: BaseException | None = None

    def attach(self, wire: Wire, shard_of: Callable[[str], int | None], emit: Callable[[Event], None]) -> None:
        """The exchange can be reached: what waits leaves now."""
        self._wire, self.shards.shard_of, self._emit = wire, shard_of, emit
        self._carrier = Carrier(self.sender, wire, self, self._clock, self._told)
        self._payer.is_ready = True
        waiting, self._waiting = self._waiting, []
        for request in waiting:
            self._start(request)
        self._told()

    # The desk's side ------------------------------------------------------------------------------------------

    def hear(self, event: Event) -> Iterable[Event]:
        """`event`, with what it causes here."""
        return self._hear(event) if type(event) in OF_CONCERN else (event,)

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        """Send orders, amends and cancels."""
        self.sender.submit(commands, now_ns)
        self._drain()
        if self._out or self._carrier is not None:  # what has left is told after this step
            asyncio.get_running_loop().call_soon(self._told)

    @property
    def owed_ns(self) -> int:
        """Who ends a session waits for the answers by the clock (see `close`)."""
        return 0

    def _hear(self, event: Event) -> Iterator[Event]:
        if isinstance(event, Opening):
            self.sender.open(event)
        elif isinstance(event, LimitsSet):
            self.groups.limit = event.limits.max_contracts_per_15s
        elif isinstance(event, ModeSet) and event.clears:
            self.groups.reset()
        elif isinstance(event, MarketListed):
            self.shards.listed(event.contract.ticker)
        elif isinstance(event, FeedStatus):
            self._feed_told(event)
        elif not self._is_telling and isinstance(event, Observed):
            self.sender.observe(event)  # a repair
        yield event
        if isinstance(event, MarketStatus) and event.status == "settled":
            yield from self._payer.settled(event)

    # What the exchange tells ----------------------------------------------------------------------------------

    def note(self, note: Note) -> None:
        """What the socket says; never raises what is no fault of its."""
        now_ns = self._clock()
        if isinstance(note, FillNote):
            self.sender.fill(fill_of_note(note), now_ns)
        elif isinstance(note, OrderNote):
            told = order_of_note(note)
            if told is not None:
                self.sender.order(told, now_ns)
        elif isinstance(note, GroupNote):
            self.groups.told(note)
        elif isinstance(note, MissedNote):
            if note.channel == GROUPS:
                self.groups.look_now()
            elif note.channel in OURS:
                self._missed(now_ns)
        self._told()

    def _feed_told(self, status: FeedStatus) -> None:
        if status.feed != EXCHANGE or status.subject:
            return
        was_up, self._is_up = self._is_up, status.state == "up"
        if self._is_up and not was_up:
            self._missed(status.received_ns)

    def _missed(self, now_ns: int) -> None:
        since_ns = (self._good_ns or now_ns) - round(BEFORE_NS * self._speed)
        self.sender.resync(since_ns, now_ns)
        self.groups.look_now()
        self.on_doubt()

    def _group_told(self) -> None:
        groups, was_told = self.groups, self._is_brake_told
        self._is_brake_told = bool(groups.triggered)
        if groups.triggered or (was_told and groups.is_ok):
            self._out.append(CheckTold(self._clock(), "ORDER_GROUP", groups.is_ok, groups.text))

    # What a carrier asks --------------------------------------------------------------------------------------

    def refusal(self, request: SendOrder | SendAmend) -> str:
        """Why it may not be sent now."""
        if is_killed(self._kill_file):
            self._out.append(check_of(self._kill_file, self._clock()))
            return "kill_file"
        if self._is_closing:
            return "closing"
        return "order_group" if self.groups.triggered else ""

    def shard(self, ticker: str, told: int | None) -> int | None:
        """The shard of a market."""
        return self.shards.of(ticker, told)

    def group(self, shard: int) -> str:
        """The order group of that shard."""
        return self.groups.made.get(shard, "")

    # Life -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. Raises what is a mistake of ours."""
        keeping = asyncio.create_task(self._keep_groups(), name="order groups")
        try:
            while True:
                self._look_at_failure()
                if keeping.done():
                    keeping.result()
                self._tick()
                await asyncio.sleep(TICK_S)
        finally:
            await end([keeping])

    async def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Cancel all that works, and wait for the answers. Whether all orders have ended; the order groups go either way,
        and with them at the exchange whatever is left. Nothing is sent after it."""
        self._is_closing = True
        if self._wire is None:
            return not self.sender.unfinished()
        wire, loop = self._wire, asyncio.get_running_loop()
        ends_at = loop.time() + timeout_s
        self.sender.cancel_all(self._clock(), anyway=True)
        self._tick()
        while self.sender.unfinished() and loop.time() < ends_at:
            await asyncio.sleep(TICK_S)
            self.sender.cancel_all(self._clock())
            self._tick()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(1.0, ends_at - loop.time())):
                await self.groups.end(wire)
        self._wire = self._carrier = None
        await end(self._tasks)
        self._told()
        return not self.sender.unfinished()

    async def _keep_groups(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._wire is not None:
                self.shards.learn()
                await self.groups.keep(self._wire, list(self.shards.found), loop.time())
                self._told()
            await asyncio.sleep(TICK_S)

    def _tick(self) -> None:
        now_ns = self._clock()
        if self._is_up:
            self._good_ns = now_ns
        self.sender.tick(now_ns)
        self._told()

    def _look_at_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    # What follows ---------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        said = self.sender.drain()
        for event in said.events:
            self.groups.heard(event)
            self._out.append(event)
        self.foreign += said.foreign
        self.surprises += said.surprises
        for text in said.surprises:
            log.error("%s", text)
        if said.foreign or said.surprises:
            self.on_doubt()
        for request in said.requests:
            self._start(request)

    def _start(self, request: Request) -> None:
        if self._carrier is None:
            if not self._is_closing and isinstance(request, SendOrder | SendAmend | SendCancel):
                self._waiting.append(request)
            return
        task = asyncio.get_running_loop().create_task(self._carrier.begin(request), name=type(request).__name__)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    def _is_due(self) -> bool:
        """Whether a payout is due: asked when all fills were told, for what is held decides what is paid."""
        self._out += self._payer.due()
        return bool(self._out)

    def _told(self) -> None:
        """Tell what there is to tell, in order; what that causes is told after it. What goes wrong in who listens ends
        `run`, and nothing is told any more."""
        self._drain()
        if self._is_telling or self._emit is None or self._failure is not None:
            return
        self._is_telling = True
        try:
            while self._out or self._is_due():
                self._emit(self._out.popleft())
                self._drain()
        except Exception as error:
            self._failure = error
        finally:
            self._is_telling = False
