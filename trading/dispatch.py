"""Dispatch: everything between a session's desk and an exchange that takes its orders: gateway, reconciliation, checks, beats."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from markets.kalshi.errors import KalshiError
from markets.kalshi.rest import KalshiRest
from markets.loopback.server import Clock
from markets.recorder import Recorder
from trading import beats, services
from trading.checks_told import PERIOD_S, Around, Checks
from trading.core.breakers import FOR_REAL_ORDERS
from trading.core.decision import Decision
from trading.core.engine import Engine
from trading.core.events import ChecksRequired, CheckTold, ControlEvent, Event, Opening
from trading.ending import end
from trading.gateways.kalshi import KalshiGateway
from trading.inflow import Inflow
from trading.journal import Journal
from trading.kill_file import kill_path
from trading.our_rows import Start
from trading.reconciling import AccountRows, Pace, Reconciler, lost_orders

RECONCILE_S = 15.0
WAIT_S = 0.02
BEAT_S = 1.0
AGAIN_S = 1.0
SHORTEST_S = 0.05
WATCHDOG = "WATCHDOG"

log = logging.getLogger(__name__)


class Seal(NamedTuple):
    """Whose orders these are: what the account starts from, the session, and whether real money may be at stake."""

    start: Start
    session_id: int
    is_real: bool


class Dispatch:
    """`gateway` is the desk's exchange. The session tells each step that it has noted (`noted`), runs `run` beside its
    feeds, and has it `close` while the exchange can still be reached."""

    def __init__(self, seal: Seal, engine: Engine, clock: Clock, *, home: Path, speed: float = 1.0) -> None:
        self.seal, self.engine, self.home = seal, engine, home
        self.gateway = KalshiGateway(
            seal.start.id_of,
            portfolio=engine.portfolio,
            clock=clock.now_ns,
            kill_file=kill_path(home),
            speed=speed,
        )
        self._clock = clock
        self._speed = max(1.0, speed)
        self._beater = beats.Beater(home / beats.TRADER, account=seal.start.account)
        self._reconciler: Reconciler | None = None
        self._noted: list[tuple[Event, Decision]] = []  # before there is a reconciler

    def required(self, now_ns: int) -> Iterator[ControlEvent]:
        """What has to be checked before any order leaves."""
        codes = FOR_REAL_ORDERS if self.seal.is_real else tuple(code for code in FOR_REAL_ORDERS if code != WATCHDOG)
        yield ChecksRequired(now_ns, codes, needs_arming=self.seal.is_real)

    def noted(self, event: Event, decision: Decision) -> None:
        """A step that is written down, its commands not sent yet."""
        if self._reconciler is None:
            self._noted.append((event, decision))
        else:
            _tell(self._reconciler, event, decision)

    async def run(self, flow: Inflow, hear: Callable[[Event], None], journal: Journal, tape: Recorder) -> None:
        """Until cancelled, or until a part of it dies."""
        await _together(
            asyncio.create_task(self._beat(), name="beat"),
            asyncio.create_task(self._dispatch(flow, hear, journal, tape), name="dispatch"),
        )

    async def _dispatch(self, flow: Inflow, hear: Callable[[Event], None], journal: Journal, tape: Recorder) -> None:
        rest, feed = flow.rest, flow.exchange
        if rest is None or feed is None:
            raise RuntimeError("orders need an exchange")
        await self._find_lost(rest, hear)
        self.gateway.attach(rest, feed.shard_of, hear)
        checks = Checks(Around(self.engine, self.gateway, journal, tape, self.home, self.seal.is_real))
        await _together(
            asyncio.create_task(self.gateway.run(), name="gateway"),
            asyncio.create_task(self._check(checks, flow, hear), name="checks"),
            asyncio.create_task(self._reconcile(rest, hear), name="reconciliation"),
        )

    async def close(self) -> None:
        """Cancel all that works and wait for the answers, for ten seconds at most."""
        is_all = await self.gateway.close()
        left = self.gateway.sender.unfinished()
        if left:
            log.error("orders without an end: %s", ", ".join(str(one.number) for one in left))
        self._beater.beat(is_over=is_all, text="ended" if is_all else "orders without an end")

    async def _find_lost(self, rest: KalshiRest, hear: Callable[[Event], None]) -> None:
        """Orders whose record a power cut has cost are taken over before anything is told: as if they had been known."""
        while True:
            try:
                lost = await lost_orders(rest, self.seal.start, clock=self._clock.now_ns)
                break
            except KalshiError as error:
                log.warning("the exchange's orders could not be read, and are asked for again: %s", error)
                await asyncio.sleep(AGAIN_S)
        opening = next((event for event, _ in self._noted if isinstance(event, Opening)), None)
        if lost and opening is not None:
            log.warning("orders without a record of ours: %s", ", ".join(str(held.number) for held in lost))
            last = max(opening.orders_sent, *(held.number for held in lost))
            orders = (*opening.orders, *lost)
            now_ns, sent_ns = self._clock.now_ns(), sorted([*opening.sent_ns, *(held.sent_ns for held in lost)])
            hear(
                msgspec.structs.replace(
                    opening, received_ns=now_ns, orders=orders, orders_sent=last, sent_ns=tuple(sent_ns)
                )
            )

    # Parts ----------------------------------------------------------------------------------------------------

    async def _check(self, checks: Checks, flow: Inflow, hear: Callable[[Event], None]) -> None:
        while True:
            for told in checks.told(self._clock.now_ns(), flow):
                hear(told)
            await self._tell_surprises(hear)
            await asyncio.sleep(max(SHORTEST_S, PERIOD_S / self._speed))

    async def _tell_surprises(self, hear: Callable[[Event], None]) -> None:
        """What cannot be and was all the same stops trading, and a person sees it."""
        surprises = self.gateway.surprises
        while surprises:
            text = surprises.popleft()
            hear(CheckTold(self._clock.now_ns(), "RECONCILED", False, text))
            await asyncio.to_thread(services.discrepancy_open, "order", f"{self.seal.start.account} {text}"[:120], text)

    async def _reconcile(self, rest: KalshiRest, hear: Callable[[Event], None]) -> None:
        """Before any order, and from then on; with a shard as soon as a market has one."""
        while not self.gateway.shards.found:
            await asyncio.sleep(WAIT_S)
        start = self.seal.start
        reconciler = Reconciler(
            rest,
            start,
            emit=hear,
            cancel=lambda stray: rest.cancel_order(stray.order_id, stray.shard),
            rows=AccountRows(start.account, self.seal.session_id),
            traded=lambda: tuple(self.gateway.shards.found),
            clock=self._clock.now_ns,
            pace=Pace(max(SHORTEST_S, RECONCILE_S / self._speed), self._speed),
        )
        for event, decision in self._noted:
            _tell(reconciler, event, decision)
        self._noted.clear()
        self._reconciler = reconciler
        self.gateway.on_doubt = reconciler.ask
        await reconciler.start()
        await reconciler.run()

    async def _beat(self) -> None:
        while True:
            groups = tuple((group_id, shard) for shard, group_id in self.gateway.groups.made.items())
            self._beater.beat(groups=groups, text=f"{len(self.gateway.sender.unfinished())} orders work")
            await asyncio.sleep(BEAT_S)

    # What others see ------------------------------------------------------------------------------------------

    @property
    def order_group(self) -> str:
        """The brake at the exchange."""
        return next(iter(self.gateway.groups.made.values()), "")


async def _together(*parts: "asyncio.Task[None]") -> None:
    """Until one of them has ended, or cancelled: then all are. Raises what it raised."""
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        for part in done:
            part.result()
    finally:
        await end(parts)


def _tell(reconciler: Reconciler, event: Event, decision: Decision) -> None:
    reconciler.hear(event)
    for command in decision.commands:
        reconciler.commanded(command, decision.received_ns)
