"""Looking at the exchange's own books: at the start, every 15 seconds and when something was lost sight of."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from django.db import Error as DatabaseError
from django.db import connections

from markets.core.units import SECOND_NS
from markets.kalshi.errors import KalshiError
from markets.kalshi.ticker import TickerError, close_ns
from trading import discrepancies
from trading.core.decision import Command
from trading.core.events import CashMoved, CashTold, CheckTold, HeldOrder
from trading.core.looks import APART_NS, Awaited, Difference, Looks, Outcome, Repair
from trading.core.our_side import Ours
from trading.core.reconcile import compare
from trading.core.venue import VenueOrder, VenueState
from trading.gateways.wire import Wire
from trading.our_rows import Start
from trading.venue_reading import read_venue

logger = logging.getLogger(__name__)

T = TypeVar("T")
RECONCILED = "RECONCILED"
PERIOD_S = 15.0
SOON_S = APART_NS / SECOND_NS + 0.2  # when something waits for a second look
PATIENCE_S = 180.0
ROW_EVERY_NS = 60 * SECOND_NS
JUDGED_NS = 60 * SECOND_NS  # so old the last look may be that has shown nothing, for it to be told that all is well
EXACT_NS = 600 * SECOND_NS  # and the last of them at which nothing was in flight
MARGIN_NS = 60 * SECOND_NS  # a look goes back so far before the last clean one


class Pace(NamedTuple):
    """How often it is looked; `patience` stretches the waits for answers where `clock` runs faster than ours."""

    period_s: float = PERIOD_S
    patience: float = 1.0


class Rows(Protocol):
    """Where looks are written down and what people said is read. Every call may raise django.db.Error."""

    async def note(self, noted: discrepancies.Noted) -> None: ...
    async def accepted(self, now_ns: int) -> list[CashMoved]: ...
    async def dismissed(self) -> frozenset[str]: ...


class AccountRows:
    """The rows of an account, in a thread: they are never waited for on the loop."""

    def __init__(self, account: str, session_id: int | None = None) -> None:
        self._account, self._session_id = account, session_id

    async def note(self, noted: discrepancies.Noted) -> None:
        """Write a look down."""
        await _in_thread(partial(discrepancies.note, self._account, self._session_id, noted))

    async def accepted(self, now_ns: int) -> list[CashMoved]:
        """Changes of cash that a person has accepted."""
        return await _in_thread(partial(discrepancies.accepted_moves, self._account, now_ns))

    async def dismissed(self) -> frozenset[str]:
        """What a person has closed for good."""
        return await _in_thread(partial(discrepancies.dismissed, self._account))


async def _in_thread(call: Callable[[], T]) -> T:
    def called() -> T:
        try:
            return call()
        finally:
            connections.close_all()  # it belongs to this thread, which is not the next one's

    return await asyncio.to_thread(called)


async def lost_orders(wire: Wire, start: Start, *, clock: Callable[[], int] = time.time_ns) -> tuple[HeldOrder, ...]:
    """Orders at the exchange with ids of ours after the last one that we know: a power cut has cost their record. They
    belong into the Opening, and the numbering goes on after them. Raises KalshiError."""
    theirs, ours = await read_venue(wire, start.since_ns, clock=clock), start.side().ours()
    return tuple(_held(number, order) for number, order in _unrecorded(theirs, ours).items())


def _held(number: int, order: VenueOrder) -> HeldOrder:
    """As if nothing of it was filled: its fills are told as such."""
    return HeldOrder(
        number, order.ticker, order.is_bid, order.price, max(order.initial, order.filled + order.remaining),
        close_ns=_close_ns(order.ticker), venue_order_id=order.order_id, rests=order.status == "resting", expires_ns=order.expires_ns, sent_ns=order.created_ns,
    )  # fmt: skip


def _close_ns(ticker: str) -> int:
    """When its market closes; 0 for what is no quarter-hour market."""
    try:
        return close_ns(ticker)
    except TickerError:
        return 0


class UnrecordedOrdersError(Exception):
    """The exchange has orders by ids of ours that no record of ours knows, and they were not listed yet when the session
    began. It ends: the next one takes them over, as one does that begins after a power cut."""


def _unrecorded(theirs: VenueState, ours: Ours) -> dict[int, VenueOrder]:
    """By number, the orders at the exchange after the last one that we know."""
    numbered = {ours.numbers.get(order.client_id, 0): order for order in theirs.orders}
    return {number: numbered[number] for number in sorted(numbered) if number > ours.last_number}


def _is_of_totals(awaited: Awaited) -> bool:
    return isinstance(awaited.then, Difference) and awaited.then.kind in {"cash", "position"}


class Reconciler:
    """For the trader: tell it every account event (`hear`) and every command (`commanded`), in the order in which the
    engine has them. `emit` is given repairs, CashTold and CheckTold; what of them the engine gets comes back by `hear`.
    `cancel` cancels a stray. `traded` are the shards where orders go.
    """

    def __init__(
        self,
        wire: Wire,
        start: Start,
        *,
        emit: Callable[[Repair | CheckTold | CashTold], None],
        cancel: Callable[[VenueOrder], Awaitable[Any]],
        rows: Rows,
        traded: Callable[[], tuple[int, ...]] = lambda: (2,),
        clock: Callable[[], int] = time.time_ns,
        pace: Pace | None = None,
    ) -> None:
        self.side = start.side()
        self.standing: tuple[Difference, ...] = ()
        self._wire, self._emit, self._cancel, self._rows = wire, emit, cancel, rows
        self._traded, self._clock = traded, clock
        self._period_s, self._patience = pace or Pace()
        self._soon_s = SOON_S * self._period_s / PERIOD_S  # where time is faster there it is so here
        self._looks = Looks()
        self._asked = asyncio.Event()
        self._since_ns = start.since_ns
        self._clean_ns: list[int] = []  # of the clean looks in a row, the first and the last
        self._noted_ns = 0
        self._judged_ns = self._exact_ns = 0  # the last look that has shown nothing; and when nothing was in flight
        self._was_standing: tuple[Difference, ...] = ()
        self._is_open = False  # it has once been found clean: from then on it is told whether it still is
        self._moves: set[str] = set()
        self._dismissed: frozenset[str] = frozenset()
        self._waits = False

    def hear(self, event: object) -> None:
        """An account event, as the engine has it; any other is passed over."""
        self.side.hear(event)

    def commanded(self, command: Command, at_ns: int) -> None:
        """A command that is about to be sent, written down already."""
        self.side.commanded(command, at_ns)

    def ask(self) -> None:
        """Look at once: a socket was lost, an order is unknown."""
        self._asked.set()

    async def start(self, patience_s: float = PATIENCE_S) -> bool:
        """Before any order: repairs, and looks until two in a row, three seconds apart, are clean. False as soon as a
        difference stands, or when that has not come about within `patience_s`."""
        until_ns = self._clock() + round(patience_s * SECOND_NS)
        while self._clock() < until_ns:
            outcome = await self._try("start")
            if outcome is not None and self.standing:
                return False
            if self._is_open:
                return True
            await asyncio.sleep(self._soon_s)
        return False

    async def run(self) -> None:
        """From then on, until it is cancelled. A read that fails ends nothing: what was last told of RECONCILED gets old,
        and that alone stops orders."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._soon_s if self._waits else self._period_s):
                    await self._asked.wait()
            self._asked.clear()
            await self._try("running")

    async def look(self, kind: str = "running") -> Outcome:
        """One look and what follows from it. Raises KalshiError, and UnrecordedOrdersError."""
        if await self._accepted():
            return Outcome(is_judged=False)
        theirs = await read_venue(self._wire, self._since(), clock=self._clock)
        ours = self.side.ours()
        if unrecorded := _unrecorded(theirs, ours):
            for order in unrecorded.values():
                if order.remaining:
                    await self._cancel_stray(order)
            numbers = ", ".join(map(str, unrecorded))
            raise UnrecordedOrdersError(f"orders without a record: {numbers}; start again: they are taken over then.")
        look = compare(ours, theirs, self._clock(), patience=self._patience, is_watching=True)
        wanted = tuple(one for one in look.awaited if one.key not in self._dismissed)
        outcome = self._looks.see(look._replace(awaited=wanted), theirs.asked_ns)
        self._waits = bool(outcome.awaited or outcome.repairs) or not outcome.is_judged
        self._judge(outcome, theirs)
        for repair in outcome.repairs:
            logger.warning("put right: %s", discrepancies.repair_text(repair))
            self._emit(repair)
        traded = self._traded()
        self._emit(CashTold(self._clock(), theirs.cash, traded[0], traded))
        for stray in outcome.strays:
            await self._cancel_stray(stray)
        self._tell()
        await self._note(kind, outcome, theirs)
        return outcome

    async def _try(self, kind: str) -> Outcome | None:
        try:
            return await self.look(kind)
        except KalshiError as error:
            logger.warning("the exchange's books could not be read: %s", error)
            self._clean_ns.clear()
            return None

    def _since(self) -> int:
        sent = [order.sent_ns - MARGIN_NS for order in self.side.ours().orders.values() if order.sent_ns]
        return min([self._since_ns, *sent])

    def _judge(self, outcome: Outcome, theirs: VenueState) -> None:
        if outcome.differences or (outcome.is_judged and not outcome.awaited):
            self.standing = outcome.differences
        if not outcome.differences and not any(map(_is_of_totals, outcome.awaited)):
            self._judged_ns = theirs.asked_ns
            self._exact_ns = theirs.asked_ns if outcome.is_judged else self._exact_ns
        if not outcome.is_clean:
            self._clean_ns.clear()
            return
        self._since_ns = max(self._since_ns, theirs.asked_ns - MARGIN_NS)
        if not self._clean_ns or theirs.asked_ns - self._clean_ns[0] >= APART_NS:
            self._clean_ns = [*self._clean_ns[:1], theirs.asked_ns]

    def _tell(self) -> None:
        """Nothing before it is known, and nothing when it has not been known for too long: neither well nor ill."""
        self._is_open = self._is_open or len(self._clean_ns) > 1
        if self.standing or (self._is_open and self._is_known()):
            text = "; ".join(f"{one.kind} {one.subject}: {one.text}" for one in self.standing)
            self._emit(CheckTold(self._clock(), RECONCILED, not self.standing, text[:500]))

    def _is_known(self) -> bool:
        """Whether a look has shown, not too long ago, that all is well."""
        now_ns, patience = self._clock(), self._patience
        return now_ns - self._judged_ns < JUDGED_NS * patience and now_ns - self._exact_ns < EXACT_NS * patience

    async def _cancel_stray(self, stray: VenueOrder) -> None:
        logger.warning("cancelled: order %s in %s rested and was not known any more", stray.order_id, stray.ticker)
        try:
            await self._cancel(stray)
        except KalshiError as error:
            logger.warning("that order could not be cancelled, it is tried again: %s", error)

    async def _accepted(self) -> bool:
        """Cash that a person has accepted is booked before the next look; whether there was any."""
        try:
            moves = await self._rows.accepted(self._clock())
            self._dismissed = await self._rows.dismissed()
        except DatabaseError as error:
            logger.warning("what people said of discrepancies could not be read: %s", error)
            return False
        new = [move for move in moves if move.reference not in self._moves]
        for move in new:
            self._moves.add(move.reference)
            self._emit(move)
        return bool(new)

    async def _note(self, kind: str, outcome: Outcome, theirs: VenueState) -> None:
        """What was found at once, that nothing was found once a minute."""
        is_news = bool(outcome.repairs or outcome.strays) or self.standing != self._was_standing
        is_news = is_news or (kind == "start" and len(self._clean_ns) > 1)
        if not is_news and theirs.asked_ns - self._noted_ns < ROW_EVERY_NS:
            return
        try:
            await self._rows.note(discrepancies.Noted(kind, outcome, theirs, self.standing))
        except DatabaseError as error:
            logger.warning("a look at the exchange's books was not written down: %s", error)
            return
        self._noted_ns, self._was_standing = theirs.asked_ns, self.standing
