"""What stands at a moment, and what was missing before it: told to whoever joins, or to the next part of a recording."""

from collections.abc import Iterable

import pytest

from markets.core.events import (
    ExchangeStatus,
    FeedStatus,
    IndexValue,
    MarketEvent,
    MarketListed,
    SeriesDrift,
)
from markets.core.gaps import GapIndex
from markets.core.standing import Standing
from tests.builders import STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.simulator.standing import Standing as Newcomers

PAUSED = ExchangeStatus(at(1), 2, False, "maintenance")
DRIFT = SeriesDrift(at(2), "KXBTC15M", ("the taker fee is 0.14",))


def recorded(events: Iterable[MarketEvent]) -> list[MarketEvent]:
    """What the next part of a recording begins with."""
    standing = Standing()
    for event in events:
        standing.hear(event)
    return list(standing.told(at(10), frozenset()))


def joined(events: Iterable[MarketEvent]) -> list[MarketEvent]:
    """What a newcomer to the demo market is told."""
    standing = Newcomers()
    standing.hear(events)
    return list(standing.told(at(10)))


@pytest.mark.parametrize("told", [recorded, joined])
def test_a_pause_and_a_changed_contract_stand_until_they_are_over(told: object) -> None:
    assert callable(told)
    market: list[MarketEvent] = [MarketListed(at(0), contract()), status(0, "open"), snapshot(0.5)]
    events = told([*market, PAUSED, DRIFT])
    assert events[:2] == [
        ExchangeStatus(at(10), 2, False, "maintenance"),
        SeriesDrift(at(10), "KXBTC15M", DRIFT.changes),
    ]
    over = told([*market, PAUSED, DRIFT, ExchangeStatus(at(3), 2, True), SeriesDrift(at(3), "KXBTC15M", ())])
    table = Table().hear(*over)
    assert (table.engine.watch.paused, table.engine.watch.drifts) == ({}, {})


@pytest.mark.parametrize("told", [recorded, joined])
@pytest.mark.parametrize("state", ["paused", "disputed"])
def test_where_a_market_is_in_its_life_stands_too(told: object, state: str) -> None:
    assert callable(told)
    events = told([MarketListed(at(0), contract()), status(0, "open"), snapshot(0.5), status(1, state)])
    assert Table().hear(*events).engine.markets[TICKER].status == state


@pytest.mark.parametrize("told", [recorded, joined])
def test_the_index_does_not_stand_for_it_is_told_every_second(told: object) -> None:
    assert callable(told)
    assert told([IndexValue(at(1), "BTC", STRIKE, at(1))]) == []


@pytest.mark.parametrize(
    ("after", "losses"),
    [(PAUSED, 0), (DRIFT, 0), (status(5, "disputed"), 0), (IndexValue(at(5), "BTC", STRIKE), 1), (spot(5), 1)],
)
def test_only_what_was_quoted_after_a_loss_says_that_something_was_missed(after: MarketEvent, losses: int) -> None:
    gaps = GapIndex()
    gaps.hear(FeedStatus(at(4), "kalshi", "lost"))
    gaps.hear(after)
    assert gaps.losses == losses
