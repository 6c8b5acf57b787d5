"""Another future: the past as it was, nothing after it as it was, in the order of time; and chains of decisions compared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.perturb import CHANGES, Chain, Change, Comparing, Over, Rolls, altered, moments_of, perturbed
from markets.core.events import (
    ExchangeStatus,
    IndexValue,
    MarketEvent,
    MarketListed,
    SeriesDrift,
    SpotQuote,
    TickerQuote,
    TradePrint,
)
from tests.builders import TICKER, Table, at, contract, opening, status
from tests.rising import BOLD, rising
from tests.tapes import told

EVENTS = rising()
KINDS: list[MarketEvent] = [
    *list(told(60)),
    MarketListed(at(0), contract()),
    TickerQuote(at(0), TICKER, 4_900, 5_100, volume=5),
    TradePrint(at(0), TICKER, 4_900, 100, True),
    SpotQuote(at(0), "kraken", "BTC", 85_000.0, 1.0, 85_001.0, 1.0),
    status(0, "settled", "yes"),
    status(0, "open"),
    IndexValue(at(0), "BTC", 85_000.0, 1, 85_000.0, 85_000.0, 3),
    ExchangeStatus(at(0), 0, True),
    SeriesDrift(at(0), "KXBTC15M", ()),
]


@pytest.mark.parametrize("change", CHANGES)
@given(place=st.integers(1, len(EVENTS) - 2), seed=st.integers(0, 1 << 32))
def test_the_past_stays_and_the_future_is_another(change: Change, place: int, seed: int) -> None:
    at_ns = EVENTS[place].received_ns
    past = [event for event in EVENTS if event.received_ns <= at_ns]
    found = list(perturbed(EVENTS, at_ns, change, seed))
    assert found[: len(past)] == past
    future = found[len(past) :]
    assert bool(future) == (len(past) < len(EVENTS))
    assert all(event.received_ns > at_ns for event in future)
    assert [event.received_ns for event in future] == sorted(event.received_ns for event in future)
    assert future != EVENTS[len(past) :] or not future
    assert found == list(perturbed(EVENTS, at_ns, change, seed))


@pytest.mark.parametrize(
    "event", [event for event in KINDS if type(event).__name__ != "FeedBeat"], ids=lambda event: type(event).__name__
)
def test_each_kind_of_event_says_something_else(event: MarketEvent) -> None:
    assert altered(event, Rolls(1), event.received_ns) != event


def chain_of(events: list[MarketEvent]) -> tuple[Chain, Table]:
    table, chain = Table(parameters=BOLD, start=opening(seconds=-10)), Chain()
    for event in events:
        for heard, decision in table.desk.hear(event):
            chain.hear(heard, decision)
    return chain, table


def compared(true: Chain, events: list[MarketEvent], at_ns: int) -> Comparing:
    """A run over `events` held against the true one up to a moment."""
    comparing, table = Comparing(true, at_ns), Table(parameters=BOLD, start=opening(seconds=-10))
    try:
        for event in events:
            for heard, decision in table.desk.hear(event):
                comparing.hear(heard, decision)
        comparing.finish()
    except Over:
        pass
    return comparing


def test_equal_pasts_are_equal_and_the_first_difference_is_found() -> None:
    events = [event for event in EVENTS if event.received_ns < at(30)]
    true, _ = chain_of(events)
    assert true.at_ns
    assert compared(true, events, at(20)).difference is None
    earlier = [
        altered(event, Rolls(1), event.received_ns) if event.received_ns == at(10) else event for event in events
    ]
    assert compared(true, earlier, at(9)).difference is None
    found = compared(true, earlier, at(20)).difference
    assert found is not None
    assert found.at_ns >= at(10)
    assert found.said


def test_decisions_that_are_missing_are_a_difference() -> None:
    events = [event for event in EVENTS if event.received_ns < at(30)]
    true, _ = chain_of(events)
    found = compared(true, events[: len(events) // 2], at(25)).difference
    assert found is not None
    assert not found.is_there


@given(st.lists(st.integers(0, 1000), max_size=40), st.lists(st.integers(0, 1000), max_size=10), st.integers(0, 30))
def test_moments_are_different_ones_in_order_as_many_as_there_are(
    times: list[int], telling: list[int], count: int
) -> None:
    chosen = moments_of(times, telling, count, Rolls(7))
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= {*times, *telling}
    assert len(chosen) == min(count, len({*times, *telling}))
