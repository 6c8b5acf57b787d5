"""Every gate of an evaluation: none failed where an order was sent, each can stand alone, and what was wanted is what is
taken when it is opened."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.core.events import ExchangeStatus, FeedStatus, MarketStatus
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import EAGER, STRIKE, TICKER, Table, at, opening, snapshot
from tests.core.test_edge_taker import POOLED, learnt, steady
from trading.core.decision import Decision, PlaceOrder, Signal
from trading.core.events import Event, HeldPosition, LimitsSet, ModeSet, SeriesOff
from trading.core.kept import Kept
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.reasons import REASONS, TRADED
from trading.core.strategies.edge_taker import EdgeTaker

ABOVE = STRIKE * 1.004


def table(parameters: Parameters, *events: Event, position: int = 0, **changes: object) -> Table:
    held = (HeldPosition(TICKER, position, abs(position) * 5_000, 0, 0, at(900)),) if position else ()
    start = opening(10_000 * DOLLAR, positions=held)
    return Table(parameters=parameters, start=start, **changes).hear(*events)  # type: ignore[arg-type]


def signals(heard: Table) -> list[Signal]:
    return [each for decision in heard.decisions for each in decision.signals]


def assert_consistent(decision: Decision) -> None:
    ordered = {order.ticker for order in decision.commands if isinstance(order, PlaceOrder)}
    for said in decision.signals:
        assert (said.failed == ()) == (said.ticker in ordered) == (said.reason == TRADED)
        assert said.failed == () or said.failed[0] == said.reason
        assert len(set(said.failed)) == len(said.failed)
        assert {said.reason, *said.failed} <= REASONS.keys()
        assert (said.count > 0) <= (said.price > 0 and said.cost is not None and said.side != "")


parameters = st.builds(
    lambda **changes: replace(EAGER, **changes),
    edge_threshold=st.sampled_from([0.0, 0.03, 0.2, 0.99]),
    min_confidence=st.sampled_from([0.0, 20.0, 100.0]),
    pooling=st.sampled_from(["off", "fitted"]),
    quiet_open_ns=st.sampled_from([0, 10 * SECOND_NS]),
    quiet_close_ns=st.sampled_from([0, 880 * SECOND_NS]),
    order_interval_ns=st.sampled_from([0, 5 * SECOND_NS]),
    top_up_share=st.sampled_from([0.0, 0.2, 5.0]),
    exit_margin=st.sampled_from([0.0, 0.9]),
)
limits = st.builds(
    lambda dollars, rate, count: RiskLimits(
        max_market_exposure=dollars * DOLLAR // 10, max_orders_per_minute=rate, max_order_count=count
    ),
    st.sampled_from([0, 3, 50, 2_000]),
    st.sampled_from([0, 1, 100]),
    st.sampled_from([0, 100, 50_000]),
)
interruptions = st.lists(
    st.sampled_from(
        [
            ModeSet(at(4.2), "HALTED"), ModeSet(at(6.2), "REDUCING"), ModeSet(at(9.2), "ACTIVE"), SeriesOff(at(5.2), ("KXBTC15M",)),
            SeriesOff(at(7.2), ()), MarketStatus(at(8.2), TICKER, "paused"), ExchangeStatus(at(3.2), 0, False, "a rest"),
            FeedStatus(at(10.2), "kalshi", "lost", TICKER, "a gap"), snapshot(11.2, 0, 5_100), snapshot(12.2, 5_200, 5_100),
            snapshot(2.2, count=300), snapshot(3.4, 0, 10_000),
        ]
    ),
    max_size=4,
    unique=True,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    parameters,
    limits,
    interruptions,
    st.sampled_from([0.996, 0.9995, 1.0, 1.0005, 1.004]),
    st.sampled_from([0, 5_000, -5_000]),
)
def test_nothing_failed_where_an_order_was_sent_and_something_where_none_was(
    settings_of: Parameters, bounds: RiskLimits, between: list[Event], share: float, position: int
) -> None:
    events = sorted([*steady(STRIKE * share, 14.0), *between], key=lambda event: event.received_ns)
    for decision in table(settings_of, *events, position=position, limits=bounds).decisions:
        assert_consistent(decision)


ALONE: dict[str, Callable[[], Table]] = {
    "CONFIDENCE_LOW": lambda: table(replace(EAGER, min_confidence=100.0), *steady(ABOVE)),
    "EDGE_BELOW_THRESHOLD": lambda: table(replace(EAGER, edge_threshold=0.99), *steady(ABOVE)),
    "NO_MEASURABLE_EDGE": lambda: table(POOLED, learnt(0.15, 0.1), *steady(ABOVE)),
    "BOOK_ONE_SIDED": lambda: table(POOLED, *steady(ABOVE, 30.0, snapshot(0.1, 0, 5_100))),
    "OPENING": lambda: table(replace(EAGER, quiet_open_ns=60 * SECOND_NS), *steady(ABOVE)),
    "CLOSING": lambda: table(replace(EAGER, quiet_close_ns=900 * SECOND_NS), *steady(ABOVE)),
    "HALTED": lambda: table(EAGER, ModeSet(at(-4), "HALTED"), *steady(ABOVE)),
    "REDUCING_ONLY": lambda: table(EAGER, ModeSet(at(-4), "REDUCING"), *steady(ABOVE)),
    "SERIES_OFF": lambda: table(EAGER, SeriesOff(at(-4), ("KXBTC15M",)), *steady(ABOVE)),
    "ORDER_RATE": lambda: table(EAGER, *steady(ABOVE), limits=RiskLimits(max_orders_per_minute=0)),
    "TOTAL_EXPOSURE": lambda: table(EAGER, *steady(ABOVE), limits=RiskLimits(max_total_exposure=0)),
    "POSITION_FULL": lambda: table(replace(EAGER, top_up_share=5.0), *steady(ABOVE), position=500),
    "HELD": lambda: table(replace(EAGER, exit_margin=0.9), *steady(STRIKE * 0.996), position=5_000),
}


@pytest.mark.parametrize("code", ALONE)
def test_each_gate_can_stand_alone_before_something_wanted(code: str) -> None:
    heard = ALONE[code]()
    alone = [said for said in signals(heard) if said.failed == (code,)]
    assert alone
    last = alone[-1]
    assert last.count > 0
    assert last.price in {4_900, 5_100}
    assert last.cost is not None
    own = last.price if last.side == "yes" else 10_000 - last.price
    assert own / 10_000 < last.cost < own / 10_000 + 0.02
    assert [order for order in heard.orders if order.count == 0] == []


@pytest.mark.parametrize(
    "shut", [{"min_confidence": 100.0}, {"edge_threshold": 0.99}, {"quiet_open_ns": 20 * SECOND_NS}]
)
def test_what_was_wanted_is_what_is_taken_where_the_gate_is_open(shut: dict[str, float]) -> None:
    first = table(EAGER, *steady(STRIKE * 1.0005)).decisions
    at_ns, order = next((each.received_ns, each.commands[0]) for each in first if each.commands)
    assert isinstance(order, PlaceOrder)
    kept_out = signals(table(replace(EAGER, **shut), *steady(STRIKE * 1.0005)))
    said = next(each for each in kept_out if each.received_ns == at_ns)
    assert len(said.failed) == 1
    assert (said.side == "yes", said.price, said.count) == (order.is_bid, order.price, order.count)


def test_two_gates_are_both_said_in_their_order() -> None:
    shut = replace(EAGER, edge_threshold=0.99, min_confidence=100.0)
    said = signals(table(shut, ModeSet(at(-4), "HALTED"), *steady(ABOVE)))[-1]
    assert said.failed == ("HALTED", "EDGE_BELOW_THRESHOLD", "CONFIDENCE_LOW")


def test_no_more_is_wanted_than_one_market_may_have_nor_than_is_displayed() -> None:
    shut = replace(EAGER, min_confidence=100.0)
    said = signals(table(shut, *steady(ABOVE), limits=RiskLimits(max_market_exposure=10 * DOLLAR)))[-1]
    assert said.count == 1_900  # 19 contracts at 51 cents are $9.69
    thin = signals(table(shut, *steady(ABOVE, 30.0, snapshot(0.1, count=2_000))))[-1]
    assert thin.count == 500  # a quarter of twenty
    none = signals(table(shut, *steady(ABOVE), limits=RiskLimits(max_market_exposure=0)))[-1]
    assert none.count == 0
    assert none.price == 5_100


@pytest.mark.parametrize(
    "told", [FeedStatus(at(20), "kalshi", "lost", TICKER, "a gap"), snapshot(20, 5_200, 5_100)], ids=["lost", "crossed"]
)
def test_nothing_is_wanted_of_a_book_that_cannot_be_believed(told: Event) -> None:
    events = sorted([*steady(ABOVE), told], key=lambda event: event.received_ns)
    blind = [
        said
        for said in signals(table(replace(EAGER, min_confidence=100.0), *events))
        if {"FEED_LOST", "BOOK_CROSSED"} & {*said.failed}
    ]
    assert blind
    assert all(said.count == 0 for said in blind if said.received_ns >= at(20))


def test_without_an_edge_nothing_is_wanted_and_the_size_is_a_gate_too() -> None:
    said = signals(table(EAGER, *steady(STRIKE)))[-1]
    assert said.failed == ("EDGE_BELOW_THRESHOLD", "SIZE_ZERO")
    assert (said.count, said.cost, said.confidence) == (0, None, None)


def test_a_sale_that_is_too_soon_is_wanted_on_the_side_that_would_be_bought() -> None:
    early = replace(EAGER, quiet_open_ns=60 * SECOND_NS)
    said = signals(table(early, *steady(STRIKE * 0.9995), position=5_000))[-1]
    assert said.failed == ("OPENING",)
    assert (said.side, said.price, said.count) == ("no", 4_900, 5_000)


def test_an_order_working_and_limits_used_up_are_said_of_the_same_market() -> None:
    heard = table(EAGER, *steady(ABOVE), limits=RiskLimits(max_market_exposure=30 * DOLLAR))
    assert {"ORDER_WORKING", "MARKET_EXPOSURE"} <= {code for said in signals(heard) for code in said.failed}


def test_a_strategy_that_stops_at_the_first_gate_has_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    decide = EdgeTaker.decide
    monkeypatch.setattr(EdgeTaker, "decide", lambda self, view: replace(decide(self, view), failed=(), wanted=None))
    for said in signals(table(replace(EAGER, min_confidence=100.0), *steady(ABOVE))):
        assert said.failed == (said.reason,)


def test_what_is_kept_turns_with_every_gate_and_at_most_ten_times_a_second() -> None:
    kept = Kept()

    def keeps(milliseconds: int, *failed: str) -> bool:
        return kept.keeps(Signal(at(1) + milliseconds * 1_000_000, TICKER, failed[0], failed=failed))

    assert keeps(0, "CONFIDENCE_LOW")
    assert not keeps(150, "CONFIDENCE_LOW")
    assert keeps(200, "CONFIDENCE_LOW", "TOO_SOON")
    assert not keeps(250, "CONFIDENCE_LOW")
    assert keeps(300, "CONFIDENCE_LOW")
    assert not keeps(1_299, "CONFIDENCE_LOW")
    assert keeps(1_300, "CONFIDENCE_LOW")


def test_limits_that_are_set_again_open_what_they_shut() -> None:
    events = [
        *steady(ABOVE, 10.0),
        LimitsSet(at(11), 2, RiskLimits()),
        *[e for e in steady(ABOVE, 20.0) if e.received_ns > at(11)],
    ]
    heard = table(EAGER, *events, limits=RiskLimits(max_total_exposure=0))
    assert heard.orders
    assert min(order_at.received_ns for order_at in heard.decisions if order_at.commands) > at(11)
