"""Control: what people want reaches the session quickly and once; the heartbeat says what is so."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ParamSpec, TypeVar

import msgspec
import pytest
from django.db import OperationalError, connections
from django.utils import timezone
from pytest_django import Settings

from markets.models import Series
from trading import control, selectors, services
from trading.artefacts import artefacts_add
from trading.control import Control, StatusReport, Wanted
from trading.core.events import FittedSet, LimitsSet, ModeSet, ParametersSet, SeriesOff
from trading.core.fitted import Fitted, PoolingWeight
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.models import TraderStatus, TradingSession
from trading.services import Progress

P = ParamSpec("P")
T = TypeVar("T")
Make = Callable[[float], Awaitable[Control]]
STARTED = timezone.now()


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Ask the database away from the loop, and leave no connection behind."""

    def asked() -> T:
        try:
            return work(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


class Session:
    """What control talks to: remembers what it was told, reports what it is given."""

    def __init__(self) -> None:
        self.told: list[Wanted] = []
        self.heard = asyncio.Event()
        self.report = StatusReport(None, "paper", "demo", "one", STARTED, "ACTIVE")
        self.error: Exception | None = None

    def changed(self, wanted: Wanted) -> None:
        self.told.append(wanted)
        self.heard.set()

    def say(self) -> StatusReport:
        if self.error is not None:
            raise self.error
        return self.report


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
async def make(session: Session, transactional_db: None) -> AsyncIterator[Make]:
    """Starts controls that are stopped at the end."""
    made: list[Control] = []

    async def start(interval_s: float) -> Control:
        known = await in_thread(control.wanted)
        loop = asyncio.get_running_loop()
        made.append(Control(loop, report=session.say, changed=session.changed, known=known, interval_s=interval_s))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        await asyncio.to_thread(one.stop)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for it; fail after five seconds."""
    for _ in range(250):
        if await in_thread(holds):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen within five seconds")


def beats() -> TraderStatus:
    return selectors.status().row


# What is wanted -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_any_version_the_defaults_are_wanted_as_version_0() -> None:
    wanted = control.wanted()
    assert (wanted.limits_version, wanted.limits) == (0, RiskLimits())
    assert (wanted.parameters_version, wanted.parameters, wanted.mode) == (0, Parameters(), "ACTIVE")


@pytest.mark.django_db
def test_the_newest_version_is_wanted() -> None:
    services.limits_set(RiskLimits(max_daily_loss=1), author=None, reason="first")
    newest = services.limits_set(RiskLimits(max_daily_loss=0), author=None, reason="second")
    wanted = control.wanted()
    assert (wanted.limits_version, wanted.limits.max_daily_loss) == (newest.version, 0)


@pytest.mark.django_db
def test_a_session_opens_with_all_that_is_wanted() -> None:
    services.mode_set("REDUCING", by="ada", reason="careful")
    assert control.wanted().events(7) == (
        LimitsSet(7, 0, RiskLimits()), ParametersSet(7, 0, Parameters()), ModeSet(7, "REDUCING", "careful", "ada"),
    )  # fmt: skip


@pytest.mark.django_db
def test_only_what_differs_is_a_change() -> None:
    before = control.wanted()
    assert before.changes(before, 7) == []
    row = services.parameters_set(Parameters(edge_threshold=0.05), author=None, reason="bolder")
    assert control.wanted().changes(before, 7) == [ParametersSet(7, row.version, row.parameters())]


@pytest.mark.django_db
def test_a_series_switched_off_is_a_change() -> None:
    before = control.wanted()
    Series.objects.create(ticker="KXBTC15M", asset="BTC", title="BTC", is_enabled=False)
    assert control.wanted().changes(before, 5) == [SeriesOff(5, ("KXBTC15M",))]


@pytest.mark.django_db
def test_the_same_mode_wanted_anew_is_a_change() -> None:
    """After the engine halted itself at the loss limit, a person who presses start means it."""
    before = control.wanted()
    services.mode_set("ACTIVE", by="ada", reason="start again")
    assert control.wanted().changes(before, 7) == [ModeSet(7, "ACTIVE", "start again", "ada", clears=True)]


@pytest.mark.django_db
def test_what_was_learnt_is_a_change_when_it_is_newer_and_is_read_only_then(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.ACCOUNT = "demo"
    before = control.wanted()
    assert before.others(5) == []
    learnt = PoolingWeight(group="BTC", windows=600, first_ns=1, through_ns=2, weight=0.3, standard_error=0.1)
    artefacts_add("other", [(learnt, {})])
    assert control.wanted(before).changes(before, 5) == []
    (row,) = artefacts_add("demo", [(learnt, {})])
    after = control.wanted(before)
    told = FittedSet(5, Fitted(pooling=(msgspec.structs.replace(learnt, version=row.version),)))
    assert after.changes(before, 5) == [told]
    assert after.others(5) == [told]
    monkeypatch.setattr(selectors, "fitted_in_force", None)  # not asked again while the version stays
    assert control.wanted(after).changes(after, 6) == []


# The thread -----------------------------------------------------------------------------------------------------


async def test_a_change_reaches_the_session_in_its_loop_without_a_nudge(make: Make, session: Session) -> None:
    await make(0.02)
    await in_thread(services.mode_set, "HALTED", by="ada", reason="lunch")
    await asyncio.wait_for(session.heard.wait(), 5)
    assert [(wanted.mode, wanted.mode_reason) for wanted in session.told] == [("HALTED", "lunch")]


async def test_a_nudge_makes_it_look_at_once(make: Make, session: Session) -> None:
    one = await make(60.0)
    await until(lambda: beats().heartbeat_at is not None)
    await in_thread(services.limits_set, RiskLimits(max_daily_loss=0), author=None, reason="stop")
    began = time.monotonic()
    one.nudge()
    await asyncio.wait_for(session.heard.wait(), 5)
    assert time.monotonic() - began < 2
    assert session.told[0].limits.max_daily_loss == 0


async def test_what_did_not_change_is_not_told_again(make: Make, session: Session) -> None:
    one = await make(0.01)
    await in_thread(services.mode_set, "HALTED", by="ada", reason="lunch")
    await asyncio.wait_for(session.heard.wait(), 5)
    one.nudge()
    await asyncio.sleep(0.2)
    assert len(session.told) == 1


async def test_the_heartbeat_says_what_is_so_and_leaves_what_is_wanted_alone(make: Make, session: Session) -> None:
    await in_thread(services.mode_set, "REDUCING", by="ada", reason="careful")
    session.report = session.report._replace(mode="HALTED", mode_reason="daily loss", message="all well")
    await make(0.02)
    await until(lambda: beats().message == "all well")
    row = await in_thread(beats)
    assert (row.actual_mode, row.actual_reason, row.account) == ("HALTED", "daily loss", "paper")
    assert (row.wanted_mode, row.wanted_by) == ("REDUCING", "ada")


async def test_the_heartbeat_is_young_while_it_runs(make: Make) -> None:
    await make(0.02)
    await until(lambda: selectors.status().is_alive)
    first = (await in_thread(beats)).heartbeat_at
    await until(lambda: beats().heartbeat_at != first)


async def test_the_session_row_says_how_far_it_came(make: Make, session: Session) -> None:
    row = await in_thread(services.session_start, account="paper", market_source="demo")
    session.report = session.report._replace(session_id=row.pk, progress=Progress(9, 4, "ab", 1, 2))
    await make(0.02)
    await until(lambda: TradingSession.objects.get().steps == 9)
    assert (await in_thread(TradingSession.objects.get)).digest == "ab"


async def test_stopping_says_that_the_trader_is_gone(make: Make) -> None:
    one = await make(0.02)
    await until(lambda: beats().actual_mode == "ACTIVE")
    await asyncio.to_thread(one.stop)
    row = await in_thread(beats)
    assert (row.actual_mode, row.message) == ("", "stopped")


async def test_a_database_that_is_away_for_a_moment_is_survived(make: Make, session: Session) -> None:
    session.error = OperationalError("away")
    one = await make(0.02)
    await asyncio.sleep(0.1)
    session.error = None
    await until(lambda: beats().heartbeat_at is not None)
    assert one.failure is None


async def test_any_other_error_ends_it_and_is_noticed(make: Make, session: Session) -> None:
    session.error = ZeroDivisionError("a mistake of ours")
    one = await make(0.02)
    await until(lambda: one.failure is not None)
    assert isinstance(one.failure, ZeroDivisionError)
