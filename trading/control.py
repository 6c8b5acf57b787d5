"""Limits and mode from the database (polled, nudged) to the session, and the trader's heartbeat back; one thread."""

import asyncio
import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connections
from django.utils import timezone
from msgspec.structs import replace

from markets.core.units import SECOND_NS
from markets.selectors import series_disabled
from trading import announcements, arming, selectors, services
from trading.core.events import (
    AnnouncementsSet,
    ArmedSet,
    ControlEvent,
    FittedSet,
    LimitsSet,
    Mode,
    ModeSet,
    ParametersSet,
    Policy,
    SeriesOff,
)
from trading.core.fitted import Announcement, Fitted
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.models import TraderStatus
from trading.orders_standing import PAPER, OrdersStanding
from trading.services import Progress

logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """What people want of the trader now. Version 0 means the defaults: nobody ever set any."""

    limits_version: int
    limits: RiskLimits
    parameters_version: int
    parameters: Parameters
    mode: Mode
    mode_reason: str
    mode_by: str
    mode_at: datetime
    series_off: tuple[str, ...] = ()
    fitted_version: int = 0  # the newest of them; what was learnt from past windows is no wish, but goes the same way
    fitted: Fitted = Fitted()
    announcements: tuple[Announcement, ...] = ()
    policy: Policy = "cancel"
    armed_until_ns: int = 0
    armed_by: str = ""

    def events(self, received_ns: int) -> tuple[LimitsSet, ParametersSet, ModeSet]:
        """All of it, as the events a session opens with."""
        return (
            LimitsSet(received_ns, self.limits_version, self.limits),
            ParametersSet(received_ns, self.parameters_version, self.parameters),
            ModeSet(received_ns, self.mode, self.mode_reason, self.mode_by, self.policy),
        )

    def others(self, received_ns: int) -> list[ControlEvent]:
        """What a session hears besides, once it is open: nothing where nobody ever said anything."""
        nothing = self._replace(series_off=(), fitted_version=0, announcements=(), armed_until_ns=0)
        return self.changes(nothing, received_ns)

    def changes(self, since: "Wanted", received_ns: int) -> list[ControlEvent]:
        """What differs from `since`, as events. A mode that is wanted anew counts, even when it is the same one."""
        limits, parameters, mode = self.events(received_ns)
        changed: list[ControlEvent] = []
        if self.limits_version != since.limits_version:
            changed.append(limits)
        if self.parameters_version != since.parameters_version:
            changed.append(parameters)
        if self.mode_at != since.mode_at:
            changed.append(replace(mode, clears=self.mode != "HALTED"))
        if self.series_off != since.series_off:
            changed.append(SeriesOff(received_ns, self.series_off))
        if self.fitted_version != since.fitted_version:
            changed.append(FittedSet(received_ns, self.fitted))
        if self.announcements != since.announcements:
            changed.append(AnnouncementsSet(received_ns, self.announcements))
        if self.armed_until_ns != since.armed_until_ns:
            changed.append(ArmedSet(received_ns, self.armed_until_ns, self.armed_by))
        return changed


class StatusReport(NamedTuple):
    """What the trader says of itself, once a second."""

    session_id: int | None
    account: str
    market_source: str
    tape_name: str
    started_at: datetime
    mode: Mode
    mode_reason: str = ""
    message: str = ""
    progress: Progress = Progress()
    orders: OrdersStanding = PAPER


def wanted(known: Wanted | None = None) -> Wanted:
    """Read what people want now; blocks on the database. What was learnt is only read where it is newer than `known`."""
    limits, parameters, status = selectors.limits_newest(), selectors.parameters_newest(), services.status_open()
    account = str(settings.ACCOUNT)
    fitted_version = selectors.fitted_version(account)
    is_known = known is not None and known.fitted_version == fitted_version
    mode: Mode = status.wanted_mode  # type: ignore[assignment]  # a check of the table keeps it one of the three
    policy: Policy = status.wanted_policy  # type: ignore[assignment]  # and this
    armed = selectors.arming_in_force(account)
    return Wanted(
        limits.version if limits else 0,
        limits.limits() if limits else RiskLimits(),
        parameters.version if parameters else 0,
        parameters.parameters() if parameters else Parameters(),
        mode,
        status.wanted_reason,
        status.wanted_by,
        status.wanted_at,
        tuple(sorted(series_disabled())),
        fitted_version,
        known.fitted if known is not None and is_known else selectors.fitted_in_force(account),
        announcements.ahead(),
        policy,
        round(armed.until_at.timestamp()) * SECOND_NS if armed else 0,
        armed.armed_by if armed else "",
    )


def beat(report: StatusReport) -> None:
    """Write the heartbeat half of the trader's status, and how far the session has come."""
    services.status_open()
    TraderStatus.objects.filter(pk=1).update(
        heartbeat_at=timezone.now(),
        actual_mode=report.mode,
        actual_reason=report.mode_reason[:200],
        account=report.account,
        market_source=report.market_source,
        session_id=report.session_id,
        tape_name=report.tape_name[:200],
        started_at=report.started_at,
        message=report.message[:500],
        orders_go=report.orders.go,
        missing=list(report.orders.missing),
    )
    if report.orders.go == "exchange":
        arming.disarm_when_due(report.account, report.orders.halt)
    if report.session_id is not None:
        services.session_advance(report.session_id, report.progress, order_group=report.orders.group)


def stopped(message: str = "stopped") -> None:
    """The trader is gone, in order."""
    TraderStatus.objects.filter(pk=1).update(actual_mode="", actual_reason="", message=message[:500])


class Control:
    """Once a second, and at once on a nudge: read what is wanted, tell the session when it changed, beat.

    `report` is called in this thread and must be cheap; `changed` is called in the loop. A database that is
    away is asked again a second later; any other error ends the thread and is its `failure`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        report: Callable[[], StatusReport],
        changed: Callable[[Wanted], None],
        known: Wanted,
        interval_s: float = 1.0,
    ) -> None:
        self.failure: BaseException | None = None
        self._loop = loop
        self._report = report
        self._changed = changed
        self._known = known
        self._interval_s = interval_s
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """Look now. Safe from any thread."""
        self._wake.set()

    def stop(self, timeout_s: float = 10.0) -> None:
        """One last heartbeat, say that the trader is gone, end the thread. Blocks: not for the loop."""
        self._stopping = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wake.clear()
                self._attempt(self._turn)
                self._wake.wait(self._interval_s)
            self._attempt(self._leave)
        except BaseException as error:
            logger.exception("control ended")
            self.failure = error
        finally:
            connections.close_all()

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            close_old_connections()
            action()
        except (OperationalError, InterfaceError) as error:
            logger.warning("control could not reach the database (%s); again in %.1f s", error, self._interval_s)
            connections.close_all()

    def _turn(self) -> None:
        now = wanted(self._known)
        if now.changes(self._known, 0):
            self._known = now
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._changed, now)
        beat(self._report())

    def _leave(self) -> None:
        beat(self._report())
        stopped()
