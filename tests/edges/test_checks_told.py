"""What a trader checks around its engine before real orders may go: each check says well or ill, and why."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from markets.core.events import MarketListed, SeriesDrift
from markets.recorder import Recorder
from tests.builders import at, contract, opening
from trading.beats import WATCHDOG, Beater
from trading.checks_told import Around, Checks, Parsing
from trading.core.engine import Engine
from trading.core.events import CheckTold, LimitsSet
from trading.core.limits import RiskLimits
from trading.gateways.kalshi import KalshiGateway
from trading.inflow import Inflow
from trading.journal import Journal

NOW = at(60)


class World:
    """An engine with one market, and everything around it as a test sets it."""

    def __init__(self, home: Path, *, needs_watchdog: bool = True) -> None:
        self.engine = Engine()
        for event in (opening(), LimitsSet(NOW, 1, RiskLimits()), MarketListed(NOW, contract())):
            self.engine.step(event)
        self.gateway = SimpleNamespace(groups=SimpleNamespace(is_ok=True, triggered={}, text=""))
        self.journal = SimpleNamespace(is_behind=False, failure=None, backlog=3, bound=20_000)
        self.clock = SimpleNamespace(offset_ms=12.0)
        self.views: list[Any] = []
        self.connection: Any = None
        around = Around(
            self.engine,
            cast(KalshiGateway, self.gateway),
            cast(Journal, self.journal),
            cast(Recorder, None),
            home,
            needs_watchdog,
        )
        self.checks = Checks(around)

    def told(self) -> dict[str, CheckTold]:
        flow = SimpleNamespace(
            rest=SimpleNamespace(server_clock=SimpleNamespace(view=lambda: self.clock)),
            views=lambda: self.views,
            exchange_view=lambda: SimpleNamespace(connection=self.connection),
        )
        return {told.code: told for told in self.checks.told(NOW, cast(Inflow, flow))}


def beat(home: Path, **more: Any) -> None:
    Beater(home / WATCHDOG).beat(**more)


def test_all_is_well(tmp_path: Path) -> None:
    beat(tmp_path)
    world = World(tmp_path)
    world.views = [view(1_000, 0)]
    told = world.told()
    assert {code: one.is_ok for code, one in told.items()} == {
        "KILL_FILE": True,
        "JOURNAL": True,
        "ORDER_GROUP": True,
        "CLOCK_SKEW": True,
        "PARSE_RATE": True,
        "DRIFT": True,
        "WATCHDOG": True,
    }
    assert (told["CLOCK_SKEW"].use, told["CLOCK_SKEW"].limit) == (12.0, 2_000.0)
    assert all(not one.text for one in told.values())


def test_the_kill_file_is_told_with_its_words(tmp_path: Path) -> None:
    (tmp_path / "HALT").write_text("reason: lunch")
    assert (World(tmp_path).told()["KILL_FILE"].is_ok, World(tmp_path).told()["KILL_FILE"].text) == (False, "lunch")


@pytest.mark.parametrize(
    ("text", "policy"), [("policy: hold", "hold"), ("policy: cancel", "cancel"), ("lunch", "cancel")]
)
def test_the_kill_file_is_told_with_its_policy(tmp_path: Path, text: str, policy: str) -> None:
    (tmp_path / "HALT").write_text(text)
    assert World(tmp_path).told()["KILL_FILE"].policy == policy


def test_a_kill_file_that_leads_nowhere_halts_too(tmp_path: Path) -> None:
    (tmp_path / "HALT").symlink_to(tmp_path / "gone")
    assert not World(tmp_path).told()["KILL_FILE"].is_ok


@pytest.mark.parametrize(("name", "value"), [("is_behind", True), ("failure", OSError("full"))], ids=["behind", "dead"])
def test_rows_that_are_behind_or_not_written_at_all(tmp_path: Path, name: str, value: Any) -> None:
    world = World(tmp_path)
    setattr(world.journal, name, value)
    assert not world.told()["JOURNAL"].is_ok


@pytest.mark.parametrize("offset_ms", [None, 2_001.0, -2_001.0], ids=["unknown", "ahead", "behind"])
def test_clocks_that_are_apart_or_not_known(tmp_path: Path, offset_ms: float | None) -> None:
    world = World(tmp_path)
    world.clock.offset_ms = offset_ms
    assert not world.told()["CLOCK_SKEW"].is_ok


def test_a_group_that_is_not_made_yet_is_not_told_at_all_for_it_latches(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.gateway.groups.is_ok = False
    assert "ORDER_GROUP" not in world.told()
    world.gateway.groups.triggered = {"group": None}
    assert not world.told()["ORDER_GROUP"].is_ok


def view(frames: int, unreadable: int, feed: str = "kraken", state: str = "up") -> Any:
    return SimpleNamespace(feed=feed, title=feed.title(), state=state, frames=frames, unreadable=unreadable)


def test_frames_that_cannot_be_read(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.views = [view(1_000, 0)]
    assert world.told()["PARSE_RATE"].is_ok
    world.views = [view(2_000, 10)]
    assert world.told()["PARSE_RATE"].use == 9_950.0
    world.views = [view(2_100, 30)]
    told = world.told()["PARSE_RATE"]
    assert (told.is_ok, told.limit) == (False, 9_900.0)
    assert "Kraken" in told.text


def test_few_frames_say_nothing_and_a_feed_that_counts_anew_begins_anew() -> None:
    parsing, rates = Parsing(), []
    for frames, unreadable in ((0, 0), (19, 19), (20, 20), (200, 100), (50, 0), (52, 26), (3, 3)):
        parsing.look(frames, unreadable)
        rates.append(parsing.rate_bp)
    assert rates == [None, None, 0.0, 5_000.0, 10_000.0, 5_000.0, None]


@pytest.mark.parametrize(
    ("views", "told"),
    [
        ([], None),
        ([view(0, 0)], None),
        ([view(19, 19)], None),
        ([view(99, 99)], False),
        ([view(500, 0), view(0, 0, "gemini")], None),
        ([view(500, 0), view(0, 0, "gemini", "lost")], True),
        ([view(500, 0), view(3, 0, "gemini")], True),
        ([view(500, 0), view(99, 99, "gemini", "connecting"), view(0, 0, "bitstamp")], False),
    ],
    ids=["no feed", "nothing", "too few", "none readable", "one is silent", "one is lost", "one is slow", "one is odd"],
)
def test_of_what_is_not_heard_nothing_is_said(tmp_path: Path, views: list[Any], told: bool | None) -> None:
    world = World(tmp_path)
    world.views = views
    check = world.told().get("PARSE_RATE")
    assert (check.is_ok if check is not None else None) == told


def test_only_when_every_series_is_not_what_is_assumed_nothing_can_be_traded(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.engine.step(SeriesDrift(NOW, "KXBTC15M", ("the fee is another one",)))
    assert not world.told()["DRIFT"].is_ok
    world.engine.step(MarketListed(NOW, contract("KXETH15M-26NOV221200-00", asset="ETH", series="KXETH15M")))
    assert world.told()["DRIFT"].is_ok
    fresh = World(tmp_path)
    fresh.engine.markets.clear()
    assert not fresh.told()["DRIFT"].is_ok


@pytest.mark.parametrize("needs", [True, False], ids=["real", "rehearsal"])
def test_without_a_watchdog_no_real_order_goes(tmp_path: Path, needs: bool) -> None:
    world = World(tmp_path, needs_watchdog=needs)
    assert ("WATCHDOG" in world.told()) == needs
    beat(tmp_path, is_over=True)
    assert ("WATCHDOG" in world.told()) == needs
    beat(tmp_path)
    assert world.told()["WATCHDOG"].is_ok
