"""The trader: prepares a session from settings and rows, runs it inside a Channels worker, and ends it in order."""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from channels.layers import get_channel_layer
from channels.worker import Worker
from django.conf import settings
from django.utils import timezone

from markets.kalshi.auth import KeyProblem
from markets.kalshi.hosts import HostsError
from markets.kalshi.keys import signer_from
from markets.tape import TapeError
from markets.tapes.parts import tape_find
from trading import alone, control, orders_go, records, restore, services
from trading.broadcast import Broadcast
from trading.console import Say, standing, tell
from trading.control import Control
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import Opening
from trading.core.paper import PaperExchange
from trading.dispatch import Dispatch, Seal
from trading.ending import Ending, end, exit_for_sure
from trading.journal import Journal
from trading.models import TradingSession
from trading.our_rows import start_of
from trading.pace import settle_down
from trading.recent_rows import recent_of
from trading.records import Subject
from trading.seats import seat_of
from trading.services import CONTROL_CHANNEL
from trading.session import Session
from trading.session_tape import mend_in_background, session_tape
from trading.snapshot import Place
from trading.source import DEMO, REAL, Source, demo_source, real_source, tape_source

NUDGE_AGAIN_S = 1.0
MENDING_S = 3.0  # is waited for at the end; what is not done by then is done at the next start

log = logging.getLogger(__name__)


class TraderError(Exception):
    """The trader cannot start; the text says why and what to do."""


def run_trader(say: Say | None = None, *, until_end: bool = False) -> None:
    """Trade until SIGTERM or SIGINT, or `until_end` of the tape; `say` hears every few seconds how it stands.
    Raises TraderError, and whatever ends a session."""
    with _alone(Path(settings.BOT_HOME) / "trader.lock"), Ending() as ending:
        services.versions_open(settings.MARKET)
        _open_account()
        restore.recover_all(settings.ACCOUNT)
        ending.hold()  # a session that is half made cannot be closed
        trader = Trader(say)
        mending = mend_in_background()
        trader.session.ends_with_source = until_end
        try:
            trader.run(ending.let_go)
        finally:
            mending.join(MENDING_S)


class Trader:
    """One life of the trader: everything that a session is made of."""

    def __init__(self, say: Say | None = None) -> None:
        self.say = say
        self.account: str = settings.ACCOUNT
        engine = Engine()
        self.source = _source(self.account, engine)
        self.wanted = control.wanted()
        self.opening = restore.opening(self.account, max(self.source.opened_ns, self.source.resumed_ns))
        self.started_at = timezone.now()
        tape = session_tape(self.account, self.source, self.started_at)  # before the row that names it
        self.row = services.session_start(
            account=self.account, market_source=self.source.kind, tape_name=tape.name, venue=orders_go.market_venue()
        )
        subject = Subject(self.row.pk, self.account, self.source.is_simulated)
        dispatch = self._dispatch(engine)
        self.session = Session(
            desk=Desk(engine, dispatch.gateway if dispatch else PaperExchange(engine.markets)),
            source=self.source,
            place=Place(self.source.kind, self.source.label, self.account, self.source.name, self.source.speed),
            journal=Journal(subject),
            tape=tape,
            recent=recent_of(self.account, self.opening),
        )
        self.session.dispatch, self.session.realism = dispatch, settings.PAPER_REALISM

    def _dispatch(self, engine: Engine) -> Dispatch | None:
        """Where orders go to an exchange: the way there, and who is told there what becomes of them."""
        if not orders_go.to_exchange() or self.source.exchange is None or self.source.clock is None:
            return None
        seal = Seal(start_of(self.account), self.row.pk, is_real=self.source.kind == REAL)
        home = Path(settings.BOT_HOME)
        dispatch = Dispatch(seal, engine, self.source.clock, home=home, speed=self.source.speed)
        heard = replace(self.source.exchange, notes=dispatch.gateway.note)
        self.source = replace(self.source, exchange=heard)
        return dispatch

    def run(self, made: Callable[[], None]) -> None:
        """From the opening to the last row written. A clean end is noted only when nothing is missing.
        `made` is called as soon as whatever ends this is sure to close the session."""
        session = self.session
        runner = asyncio.Runner()
        is_clean = False
        try:
            made()
            session.journal.start()
            session.open(self.opening, self.wanted)
            runner.run(self._work())
            is_clean = True
        except Exception:
            log.exception("the session ended with an error")
            raise
        finally:
            try:
                self._close(is_clean=is_clean)
            finally:
                last_way_out = exit_for_sure(0 if is_clean else 1)
                runner.close()
                last_way_out.cancel()

    def _close(self, *, is_clean: bool) -> None:
        """The last rows and the end of the tape; what nobody will answer any more is ended."""
        session = self.session
        is_written = session.journal.close()
        try:
            session.tape.close(seal=is_clean)
        except TapeError:
            is_clean = False
            raise
        finally:
            if is_written and not is_clean and session.dispatch is None:
                records.end_orders(session.journal.subject, session.desk.now_ns)
            if is_written:
                services.session_finish(self.row.pk, session.progress(), is_clean=is_clean)

    async def _work(self) -> None:
        """Run as a Channels worker: it listens for nudges, and its session is what it works at."""
        loop = asyncio.get_running_loop()
        overseer = Control(
            loop,
            report=lambda: self.session.report(session_id=self.row.pk, started_at=self.started_at),
            changed=self.session.change,
            known=self.wanted,
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.session.stop)
        settle_down()
        overseer.start()
        try:
            async with _telling(self.session, self.say):
                await TraderWorker(self.session, overseer, self.opening).handle()
        finally:
            await asyncio.to_thread(overseer.stop)


class TraderWorker(Worker):
    """Channels' own worker, except that it works at one session and ends when that ends.

    The stock worker lives on when its consumer has died; here any part that dies takes all others with it.
    """

    def __init__(self, session: Session, overseer: Control, opening: Opening) -> None:
        layer = get_channel_layer()
        if layer is None:
            raise TraderError("there is no channel layer; set CHANNEL_LAYERS")
        super().__init__(_no_application, [CONTROL_CHANNEL], layer)
        self.session = session
        self.overseer = overseer
        self.opening = opening

    async def handle(self) -> None:
        """Listen and trade until the session ends."""
        broadcast = Broadcast(settings.REDIS_URL, self.session.snapshot)
        listeners = [asyncio.create_task(self.listener(channel), name=channel) for channel in self.channels]
        try:
            await self.session.run(broadcast=broadcast, control=self.overseer, opening=self.opening)
        finally:
            await end(listeners)

    async def listener(self, channel: str) -> None:
        """A message is only a hint to look at the rows now: a layer that is away costs up to a second."""
        while True:
            try:
                await self.channel_layer.receive(channel)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # whatever ails the layer, the rows are read every second all the same
                log.warning("no nudges: the channel layer is away (%s)", type(error).__name__)
                await asyncio.sleep(NUDGE_AGAIN_S)
                continue
            self.overseer.nudge()


@contextlib.asynccontextmanager
async def _telling(session: Session, say: Say | None) -> AsyncIterator[None]:
    """Say how it stands while the session runs, and once more at its end."""
    teller = asyncio.create_task(tell(session.desk, say)) if say else None
    try:
        yield
    finally:
        if say and teller:
            teller.cancel()
            for line in standing(session.desk):
                say(line)


async def _no_application(scope: Any, receive: Any, send: Any) -> None:
    """The worker has no consumers to run: its own listener takes the messages."""


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock of this BOT_HOME. Raises TraderError when another trader does."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise TraderError(
                f"another trader runs on {path.parent}; stop it, or set BOT_HOME to another folder"
            ) from None
        yield


def _open_account() -> None:
    """The account that trades; nothing is made where the trader cannot start. Raises TraderError."""
    try:
        if orders_go.to_exchange() and settings.MARKET == REAL and signer_from(os.environ) is None:
            raise TraderError("orders go to an exchange with a key only; see `kalshi-bot live --check`")
        alone.refuse_another(settings.ACCOUNT)
        orders_go.open_account()
    except (KeyProblem, HostsError, orders_go.WrongVenueError, alone.AnotherTraderError) as error:
        raise TraderError(str(error)) from None


def _source(account: str, engine: Engine) -> Source:
    """Where the market comes from. Raises TraderError when the account has traded on another kind of it."""
    if TradingSession.objects.filter(account=account).exclude(market_source=settings.MARKET).exists():
        raise TraderError(
            f"the account {account!r} has traded on another kind of market than {settings.MARKET}, and their money "
            "must not be added up; set ACCOUNT to another name"
        )
    if settings.MARKET == DEMO:
        return demo_source(
            seed=settings.DEMO_SEED,
            speed=settings.SPEED,
            clock_file=Path(settings.BOT_HOME) / "demo_clock.json",
            held=lambda: list(engine.portfolio.positions),
            seat=seat_of(account) if orders_go.to_exchange() else None,
        )
    if settings.MARKET == REAL:
        return _real_source(engine)
    last = TradingSession.objects.filter(account=account, last_event_ns__isnull=False).order_by("-last_event_ns")
    left_off = last.values_list("last_event_ns", flat=True).first()
    return tape_source(_tape_file(settings.TAPE), speed=settings.SPEED, resumed_ns=left_off or 0)


def _real_source(engine: Engine) -> Source:
    """The real market; the key is read here and nowhere else."""
    try:
        return real_source(
            series=settings.SERIES,
            venues=settings.VENUES,
            held=lambda: list(engine.portfolio.positions),
            environment=settings.KALSHI_ENV,
            rest_url=settings.KALSHI_REST_URL,
            ws_url=settings.KALSHI_WS_URL,
            variables=os.environ,
            label=orders_go.label(),
        )
    except KeyProblem as error:
        raise TraderError(str(error)) from None


def _tape_file(name: str) -> Path:
    """A path, or the name of a tape in TAPES_DIR."""
    folder = Path(settings.TAPES_DIR)
    path = tape_find(folder, name)
    if path is None:
        raise TraderError(f"there is no tape {name!r}, neither as a file nor in {folder}; see `kalshi-bot tapes`")
    return path
