"""What a session must survive at the exchange: a key that is taken away, markets that move to another shard and back,
frames that get lost. No book is believed that is wrong, no log runs full, nothing waits for ever."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from markets.core.events import ExchangeStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.exchange_watch import NOT_OURS, ExchangeWatch
from markets.feeds.kalshi.repeats import A_MINUTE, AGAIN_S, MOST, Repeats
from markets.feeds.kalshi.timetable import Timetable
from markets.kalshi.messages_market import ExchangeState, ShardState
from trading import exchange_side
from trading.core.market import MarketState
from trading.core.parameters import Parameters
from trading.core.watch import Watch
from trading.inflow import Inflow, inflow
from trading.simulator.exchange.faults import Fault
from trading.simulator.exchange.serving import Exchange, serve_exchange
from trading.source import demo_source

NOW = 1_795_366_800 * SECOND_NS
SPEED = 30.0


class Floor:
    """A demo exchange, and what a session would know of it."""

    def __init__(self) -> None:
        self.watch = Watch(Parameters())
        self.told: list[MarketEvent] = []
        self.held: set[str] = set()
        self.exchange: Exchange
        self.flow: Inflow

    async def hear(self, events: list[MarketEvent]) -> None:
        for event in events:
            self.told.append(event)
            self.watch.hears[type(event)](event)

    def tradable(self) -> list[MarketState]:
        """Those that orders would be sent in."""
        markets = self.watch.markets.values()
        return [one for one in markets if one.status == "open" and not one.lost and not self.watch.refused(one)]

    def is_well(self) -> bool:
        return len(self.tradable()) >= 3

    async def wrong_books(self) -> list[str]:
        """Markets whose book is believed, and is not the exchange's, once nothing is on its way."""
        house = self.exchange.house
        waiting: list[MarketEvent] = []
        take = house.take
        house.take = waiting.append  # type: ignore[method-assign,assignment]
        await asyncio.sleep(0.3)
        wrong = []
        for market in self.tradable():
            yes, no = house.book(market.contract.ticker)
            if (dict(market.book.yes), dict(market.book.no)) != (dict(yes), dict(no)):
                wrong.append(market.contract.ticker)
        house.take = take  # type: ignore[method-assign]
        for event in waiting:
            take(event)
        return wrong


@pytest.fixture
async def floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Floor]:
    made, served = Floor(), []

    @contextlib.asynccontextmanager
    async def kept(*words: Any, **more: Any) -> AsyncIterator[Exchange]:
        async with serve_exchange(*words, **more) as exchange:
            served.append(exchange)
            yield exchange

    monkeypatch.setattr(exchange_side, "serve_exchange", kept)
    source = demo_source(seed=11, speed=SPEED, clock_file=tmp_path / "clock.json", held=lambda: list(made.held))
    async with inflow(replace(source, spot=None), made.hear, lambda _: None) as flow:
        made.flow, made.exchange = flow, served[0]
        try:
            await until(made.is_well)
            yield made
            assert not [task.get_name() for task in flow.tasks if task.done()]
        finally:
            for task in flow.tasks:
                task.cancel()
            await asyncio.gather(*flow.tasks, return_exceptions=True)


async def until(holds: Callable[[], bool], within_s: float = 40.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def state(*shards: int, halted: Sequence[int] = ()) -> ExchangeState:
    each = tuple(ShardState(shard, True, shard not in halted) for shard in shards)
    return ExchangeState(exchange_active=True, trading_active=True, shards=each)


def test_nothing_waits_any_more_for_a_shard_that_our_markets_have_left() -> None:
    watch = ExchangeWatch(Timetable())
    watch.read(state(2, 4, halted=[2]), NOW)
    [stopped] = watch.events([2], NOW)
    assert not stopped.is_trading
    assert watch.events([], NOW) == []  # between two windows nobody is anywhere: it is not forgotten
    there, left = watch.events([4], NOW + 1)
    assert (there.shard, there.is_trading) == (4, True)
    assert left == ExchangeStatus(NOW + 1, 2, True, NOT_OURS)
    assert watch.events([4], NOW + 2) == []
    [again] = watch.events([2, 4], NOW + 3)
    assert (again.shard, again.is_trading) == (2, False)


def test_a_shard_that_traded_is_left_without_a_word() -> None:
    watch = ExchangeWatch(Timetable())
    watch.read(state(2, 4), NOW)
    watch.events([2], NOW)
    assert [one.shard for one in watch.events([4], NOW)] == [4]


def test_the_same_text_is_written_down_once_in_a_while() -> None:
    repeats = Repeats()
    texts = [f"KX{number}: HTTP 401" for number in range(18)]
    assert all(repeats.is_news(text, 0.0) for text in texts)
    assert not any(repeats.is_news(text, second) for second in range(1, 500, 3) for text in texts)
    assert all(repeats.is_news(text, AGAIN_S) for text in texts)


def test_however_many_texts_there_are_few_are_written_down_and_few_remembered() -> None:
    repeats = Repeats()
    assert sum(repeats.is_news(f"took {number} ms", 1.0) for number in range(10_000)) == A_MINUTE
    assert sum(repeats.is_news(f"took {number} ms", 61.0) for number in range(10_000, 20_000)) == A_MINUTE
    for minute in range(2, 100):
        for number in range(A_MINUTE):
            repeats.is_news(f"{minute}: {number}", minute * 60.0)
    assert len(repeats._said) <= MOST


async def test_a_revoked_key_fills_no_log_names_no_secret_and_given_back_all_is_well(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    keys = floor.exchange.house.keys
    [key_id], kept = keys, dict(keys)
    with caplog.at_level(logging.INFO):
        keys.clear()
        await until(lambda: "exchange_status" in caplog.text and "market - HTTP 401" in caplog.text)
        await asyncio.sleep(2.0)  # a minute of the exchange's
        lines = [record.getMessage() for record in caplog.records if record.name.startswith("markets.")]
        keys.update(kept)
        await until(floor.is_well)
    assert await floor.wrong_books() == []
    assert len(lines) == len(set(lines)) < 30
    assert key_id not in caplog.text + repr(floor.flow.exchange_view())


async def test_markets_that_move_to_a_shard_nobody_knows_wait_and_back_again_they_trade(floor: Floor) -> None:
    faults = floor.exchange.faults
    moved = faults.add(Fault(kind="wrong_shard", shard=7))
    await until(lambda: not floor.tradable())
    assert 7 in floor.watch.paused
    faults.remove(moved)
    await until(floor.is_well)
    assert not floor.watch.paused
    assert await floor.wrong_books() == []


async def test_while_frames_get_lost_no_wrong_book_is_believed(floor: Floor) -> None:
    lost = floor.exchange.faults.add(Fault(kind="seq_gap", times=0, probability=0.002))
    for _ in range(3):
        await asyncio.sleep(0.7)
        floor.exchange.faults.add(Fault(kind="seq_gap"))
        assert await floor.wrong_books() == []
    floor.exchange.faults.remove(lost)
    await until(floor.is_well)
    assert floor.exchange.faults.done["seq_gap"] > 0
    assert await floor.wrong_books() == []
