"""Services: they write, they refuse, and they wake the trader once the write is certain."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from channels.layers import channel_layers, get_channel_layer
from django.contrib.auth.models import User
from django.db import transaction
from django.test import TestCase, override_settings
from msgspec.structs import replace

from trading import services
from trading.core.limits import RiskLimits as CoreLimits
from trading.core.parameters import Parameters
from trading.models import Account, Discrepancy, Heartbeat, RiskLimits, StrategyParameters, TraderStatus, TradingSession
from trading.services import Progress, UnusableError

pytestmark = pytest.mark.django_db


@pytest.fixture
def nudges(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry a nudge that was sent."""
    sent: list[str] = []
    monkeypatch.setattr(services, "nudge", lambda: sent.append("nudge"))
    return sent


@pytest.fixture
def dead_redis() -> Iterator[None]:
    """A channel layer whose Redis is not there."""
    layer = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": ["unix:///nonexistent/redis.sock"]},
    }
    with override_settings(CHANNEL_LAYERS={"default": layer}):
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


def test_setting_limits_adds_a_version_with_its_author_and_reason(ada: User) -> None:
    row = services.limits_set(CoreLimits(max_daily_loss=7), author=ada, reason=" a calm day ")
    assert (row.max_daily_loss, row.author, row.reason) == (7, ada, "a calm day")


def test_limits_that_risk_could_not_use_are_refused_with_the_reason_why() -> None:
    with pytest.raises(UnusableError, match="max_daily_loss is -1: a limit cannot be negative"):
        services.limits_set(CoreLimits(max_daily_loss=-1), author=None, reason="a test")
    assert not RiskLimits.objects.exists()


def test_parameters_that_the_engine_could_not_use_are_refused() -> None:
    with pytest.raises(UnusableError) as refusal:
        services.parameters_set(Parameters(kelly_fraction=2, quorum=0), author=None, reason=" ")
    assert len(refusal.value.problems) == 3
    assert not StrategyParameters.objects.exists()


def test_a_zero_limit_stays_a_zero() -> None:
    row = services.limits_set(CoreLimits(max_daily_loss=0), author=None, reason="nothing at all")
    assert RiskLimits.objects.get(pk=row.pk).limits().max_daily_loss == 0


def test_the_first_versions_are_the_defaults_and_are_made_once() -> None:
    services.versions_open()
    services.versions_open()
    assert [row.limits() for row in RiskLimits.objects.all()] == [CoreLimits()]
    assert [row.parameters() for row in StrategyParameters.objects.all()] == [Parameters()]


def in_force() -> tuple[str, Parameters]:
    row = StrategyParameters.objects.latest("version")
    return row.reason, row.parameters()


def test_the_demo_market_has_defaults_of_its_own_and_every_other_those_that_are_built_in() -> None:
    services.versions_open("demo")
    services.versions_open("demo")
    assert StrategyParameters.objects.count() == 1
    reason, parameters = in_force()
    assert reason == "the defaults of the demo market"
    assert (parameters.pooling, parameters.min_confidence) == ("off", 20.0)
    assert parameters == replace(Parameters(), pooling="off", min_confidence=20.0)


@pytest.mark.parametrize("market", ["real", "tape"])
def test_what_no_person_set_follows_the_market(market: str) -> None:
    services.versions_open("demo")
    services.versions_open(market)
    assert in_force() == ("the defaults", Parameters())
    services.versions_open("demo")
    assert in_force() == ("the defaults of the demo market", services.DEMO_DEFAULTS)
    assert StrategyParameters.objects.count() == 3


def test_what_was_built_in_once_gives_way_to_what_is_built_in_now() -> None:
    services.parameters_set(Parameters(min_confidence=20.0), author=None, reason="the defaults")
    services.versions_open("real")
    assert in_force() == ("the defaults", Parameters())


def test_what_a_person_set_stays_whatever_the_market(ada: User) -> None:
    services.versions_open("demo")
    services.parameters_set(services.DEMO_DEFAULTS, author=ada, reason="the defaults of the demo market")
    services.versions_open("real")
    services.versions_open("demo")
    assert StrategyParameters.objects.count() == 2
    assert StrategyParameters.objects.latest("version").author == ada


def test_what_a_program_set_for_a_reason_of_its_own_stays_too() -> None:
    services.parameters_set(Parameters(edge_threshold=0.05), author=None, reason="bolder")
    services.versions_open("demo")
    assert in_force() == ("bolder", Parameters(edge_threshold=0.05))


def test_setting_the_mode_leaves_the_half_of_the_trader_alone() -> None:
    TraderStatus.objects.create(actual_mode="ACTIVE", message="well")
    row = services.mode_set("HALTED", by="ada", reason="lunch")
    assert (row.wanted_mode, row.wanted_by, row.wanted_reason) == ("HALTED", "ada", "lunch")
    assert (row.actual_mode, row.message) == ("ACTIVE", "well")


def test_wanting_the_same_mode_again_is_a_new_wish() -> None:
    first = services.mode_set("ACTIVE", by="ada", reason="start")
    assert services.mode_set("ACTIVE", by="ada", reason="start again").wanted_at > first.wanted_at


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnusableError, match="YOLO"):
        services.mode_set("YOLO", by="ada", reason="")  # type: ignore[arg-type]


def test_the_trader_is_nudged_once_the_write_is_committed_and_not_before(nudges: list[str]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True):
        services.limits_set(CoreLimits(), author=None, reason="a test")
        services.parameters_set(Parameters(), author=None, reason="a test")
        services.mode_set("HALTED", by="ada", reason="a test")
        assert nudges == []
    assert len(nudges) == 3


def test_a_write_that_is_rolled_back_nudges_nobody(nudges: list[str]) -> None:
    with TestCase.captureOnCommitCallbacks(execute=True) as callbacks, transaction.atomic():
        services.mode_set("HALTED", by="ada", reason="a test")
        transaction.set_rollback(True)
    assert (callbacks, nudges) == ([], [])


async def test_a_nudge_arrives_on_the_channel_of_the_trader() -> None:
    layer = get_channel_layer()
    assert layer is not None
    receiving = asyncio.create_task(layer.receive(services.CONTROL_CHANNEL))
    for _ in range(20):  # a message before the subscription stands is lost, as the layer promises
        await asyncio.to_thread(services.nudge)
        done, _ = await asyncio.wait([receiving], timeout=0.25)
        if done:
            break
    assert (await receiving)["type"] == "control.nudge"


def test_a_dead_redis_does_not_make_the_write_fail(dead_redis: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), TestCase.captureOnCommitCallbacks(execute=True):
        services.mode_set("HALTED", by="ada", reason="Redis is gone")
    assert TraderStatus.objects.get().wanted_mode == "HALTED"
    assert "the trader was not nudged" in caplog.text


def test_an_account_keeps_what_it_began_with() -> None:
    services.account_open("demo", 10_000)
    assert services.account_open("demo", 99).opening_cash == 10_000
    assert Account.objects.count() == 1


def test_a_session_ends_once() -> None:
    session = services.session_start(account="a", market_source="demo", tape_name="one")
    services.session_finish(session.pk, Progress(5, 2, "ab", 1, 9), is_clean=True)
    services.session_finish(session.pk, is_clean=False)
    row = TradingSession.objects.get()
    assert (row.is_clean, row.steps, row.decisions, row.digest, row.last_event_ns) == (True, 5, 2, "ab", 9)


def test_a_discrepancy_said_again_renews_its_text() -> None:
    services.discrepancy_open("ledger", "a", "off by 1")
    services.discrepancy_open("ledger", "a", "off by 2")
    assert [row.text for row in Discrepancy.objects.all()] == ["off by 2"]


def test_a_discrepancy_that_returns_is_a_new_one() -> None:
    services.discrepancy_open("ledger", "a", "off by 1")
    assert services.discrepancy_close("ledger", "a")
    assert not services.discrepancy_close("ledger", "a")
    services.discrepancy_open("ledger", "a", "off by 3")
    assert Discrepancy.objects.filter(closed_at=None).count() == 1
    assert Discrepancy.objects.count() == 2


def test_a_heartbeat_is_the_time_of_the_last_one() -> None:
    services.heartbeat_note("worker")
    first = Heartbeat.objects.get().beat_at
    services.heartbeat_note("worker")
    assert Heartbeat.objects.get().beat_at > first
