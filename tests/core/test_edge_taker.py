"""The strategy at its gates: each has a market that it lets through and one, barely different, that it does not."""

import msgspec
import pytest

from markets.core.contract import FeeTerms
from markets.core.events import MarketListed
from markets.core.units import DOLLAR
from tests.builders import EAGER, OPEN_NS, STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from trading.core.confidence import probability_error
from trading.core.decision import Signal
from trading.core.events import Event, Fill, FittedSet, HeldPosition, ModeSet
from trading.core.fees import fee_per_contract
from trading.core.fitted import CalibrationMap, Fitted, PoolingWeight
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.reasons import REASONS

ABOVE = STRIKE * 1.004
POOLED = msgspec.structs.replace(EAGER, pooling="fitted")
CENTS = FeeTerms(precision=10_000)


def steady(price: float = STRIKE, until: float = 30.0, *book: Event, **terms: object) -> list[Event]:
    """An open market with a spot price every half second, and a book: 49 bid, 51 asked unless another is given."""
    path = [spot(second / 2, price) for second in range(-4, int(until * 2) + 1)]
    quotes = book or (snapshot(0.1),)
    events: list[Event] = [MarketListed(at(-3), contract(**terms)), status(0, "open"), *quotes, *path]  # type: ignore[arg-type]
    return sorted(events, key=lambda event: event.received_ns)


def table(parameters: Parameters, *events: Event, position: int = 0, **changes: object) -> Table:
    held = (HeldPosition(TICKER, position, abs(position) * 5_000, 0, 0, at(900)),) if position else ()
    start = opening(10_000 * DOLLAR, positions=held)
    return Table(parameters=parameters, start=start, **changes).hear(*events)  # type: ignore[arg-type]


def learnt(weight: float, error: float, **changes: object) -> FittedSet:
    known: dict[str, object] = {"windows": 500, "through_ns": OPEN_NS - 1, "version": 3}
    found = PoolingWeight(weight=weight, standard_error=error, **(known | changes))  # type: ignore[arg-type]
    return FittedSet(at(-4), Fitted(pooling=(found,)))


def last(heard: Table) -> Signal:
    signal = heard.engine.markets[TICKER].signal
    assert signal is not None
    return signal


# What is traded on --------------------------------------------------------------------------------------------


def test_what_past_windows_show_to_be_worth_nothing_is_not_traded_on() -> None:
    heard = table(POOLED, learnt(0.15, 0.1), *steady(ABOVE))
    assert heard.orders == []
    assert heard.reasons()[-1] == "NO_MEASURABLE_EDGE"
    assert "no measurable edge" in REASONS["NO_MEASURABLE_EDGE"]


def test_the_same_market_is_traded_once_the_weight_is_above_nothing_by_more_than_chance() -> None:
    assert table(POOLED, learnt(0.9, 0.1), *steady(ABOVE)).orders
    assert table(POOLED, *steady(ABOVE)).orders  # and before any weight was fitted


def test_a_weight_from_too_few_windows_stops_nothing() -> None:
    assert table(POOLED, learnt(0.15, 0.1, windows=499), *steady(ABOVE)).orders


def test_without_pooling_the_weight_is_not_asked() -> None:
    assert table(EAGER, learnt(-1.0, 0.1), *steady(ABOVE)).orders


def test_nothing_is_sold_either_while_no_edge_can_be_measured() -> None:
    below = steady(STRIKE * 0.996)
    assert table(POOLED, learnt(0.15, 0.1), *below, position=5_000).orders == []
    assert table(POOLED, learnt(0.9, 0.1), *below, position=5_000).orders


def test_edges_and_gates_are_of_what_is_believed_and_the_signal_says_of_what() -> None:
    said = last(table(POOLED, *steady(STRIKE * 1.0005)))
    assert said.fair is not None
    assert said.pooled is not None
    assert said.edge_yes is not None
    assert said.weight == 0.25
    assert 0.5 < said.pooled < said.fair
    fee = fee_per_contract(contract().fees, 5_100, 25_000)
    assert said.edge_yes == pytest.approx(said.pooled - 0.51 - fee)
    alone = last(table(EAGER, *steady(STRIKE * 1.0005)))
    assert (alone.pooled, alone.weight) == (alone.fair, 1.0)


def test_what_is_believed_is_pooled_after_the_calibration_map() -> None:
    shrinking = CalibrationMap(coefficients=(0.0, 0.5), windows=300, through_ns=OPEN_NS - 1)
    said = last(table(EAGER, FittedSet(at(-4), Fitted(calibration=(shrinking,))), *steady(STRIKE * 1.001)))
    assert said.fair is not None
    assert said.calibrated is not None
    assert 0.5 < said.calibrated < said.fair
    assert said.pooled == said.calibrated


def test_our_opinion_against_the_market_s_is_traded_alone_and_not_when_three_quarters_of_it_are_the_market_s() -> None:
    events = steady(STRIKE * 1.0005)
    assert table(EAGER, *events).orders
    cautious = table(POOLED, *events)
    assert cautious.orders == []
    assert cautious.reasons()[-1] == "EDGE_BELOW_THRESHOLD"


def test_the_built_in_gates_trade_nothing_on_one_venue_and_no_published_index() -> None:
    heard = table(Parameters(quorum=1), *steady(ABOVE))
    assert heard.orders == []
    assert heard.reasons()[-1] == "CONFIDENCE_LOW"


# A book with one side -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("book", "price"), [(snapshot(0.1, 0, 5_100), ABOVE), (snapshot(0.1, 4_900, 10_000), STRIKE * 0.996)])  # fmt: skip
def test_where_the_market_says_no_probability_nothing_is_opened(book: Event, price: float) -> None:
    heard = table(POOLED, *steady(price, 30.0, book))
    assert heard.orders == []
    assert heard.reasons()[-1] == "BOOK_ONE_SIDED"
    assert table(EAGER, *steady(price, 30.0, book)).orders


def test_what_is_held_may_still_be_sold_to_the_one_side_there_is() -> None:
    heard = table(POOLED, *steady(STRIKE * 0.996, 30.0, snapshot(0.1, 4_900, 10_000)), position=5_000)
    assert {order.is_bid for order in heard.orders} == {False}
    assert heard.engine.portfolio.count(TICKER) == 0


# The gates ----------------------------------------------------------------------------------------------------


def test_an_edge_just_below_the_threshold_is_left_and_one_just_above_taken() -> None:
    events = steady(STRIKE * 1.0005)
    edge = last(table(msgspec.structs.replace(EAGER, edge_threshold=0.99), *events)).edge_yes
    assert edge is not None
    for threshold, is_traded in ((edge + 1e-6, False), (edge - 1e-6, True)):
        heard = table(msgspec.structs.replace(EAGER, edge_threshold=threshold), *events)
        assert (last(heard).reason == "EDGE_BELOW_THRESHOLD") is not is_traded
        assert bool(heard.orders) is is_traded


def test_a_gross_edge_counts_no_fee_and_no_slippage() -> None:
    events = steady(STRIKE * 1.0005)
    said = last(table(msgspec.structs.replace(EAGER, edge_threshold=0.99), *events))
    assert said.edge_yes is not None
    between = said.edge_yes + 0.01
    strict = msgspec.structs.replace(EAGER, edge_threshold=between)
    assert table(strict, *events).orders == []
    gross = table(msgspec.structs.replace(strict, edge_basis="gross"), *events)
    assert gross.orders
    assert last(gross).edge_yes == pytest.approx(said.edge_yes)  # what is shown stays net


def test_slippage_comes_off_every_edge() -> None:
    events = steady(STRIKE)
    plain, wary = (last(table(msgspec.structs.replace(EAGER, slippage=each), *events)) for each in (0.0, 0.02))
    assert plain.edge_yes is not None
    assert plain.edge_no is not None
    assert wary.edge_yes == pytest.approx(plain.edge_yes - 0.02)
    assert wary.edge_no == pytest.approx(plain.edge_no - 0.02)


def test_a_confidence_just_below_the_gate_is_left_and_one_at_the_gate_taken() -> None:
    events = steady(ABOVE)
    score = last(table(msgspec.structs.replace(EAGER, min_confidence=100.0), *events)).confidence
    assert score is not None
    for gate, is_traded in ((score + 0.01, False), (score - 0.01, True)):
        heard = table(msgspec.structs.replace(EAGER, min_confidence=gate), *events)
        assert bool(heard.orders) is is_traded
        assert ("CONFIDENCE_LOW" in heard.reasons()[-3:]) is not is_traded


def test_a_book_that_shows_less_than_is_wanted_is_trusted_less() -> None:
    shut = msgspec.structs.replace(EAGER, min_confidence=100.0)
    deep, half, thin = (
        last(table(shut, *steady(ABOVE, 30.0, snapshot(0.1, count=count)))).confidence
        for count in (100_000, 20_000, 1_000)
    )
    assert deep is not None
    assert half is not None
    assert thin is not None
    assert deep > half > thin > 0
    assert half == pytest.approx(20 * thin)


def test_a_book_is_trusted_in_full_when_it_shows_what_the_limits_let_us_want() -> None:
    shut = msgspec.structs.replace(EAGER, min_confidence=100.0)
    limits = RiskLimits(max_market_exposure=5 * DOLLAR)
    small, large = (
        last(table(shut, *steady(ABOVE, 30.0, snapshot(0.1, count=count)), limits=limits)).confidence
        for count in (1_000, 100_000)
    )
    assert small == large


def test_confidence_and_size_take_the_errors_of_the_pricing_not_only_those_that_were_set() -> None:
    """A volatility that is cold has a larger error: section 7.3 with sigma_error and calibration_error."""
    events = steady(STRIKE * 1.0005)
    cold = table(msgspec.structs.replace(EAGER, min_confidence=100.0), *events)
    surer = table(msgspec.structs.replace(EAGER, min_confidence=100.0, cold_volatility_error=0.12), *events)
    pricing = cold.engine.markets[TICKER].pricing
    assert pricing is not None
    assert pricing.sigma_error == pytest.approx(0.35)
    worse, better = last(cold).confidence, last(surer).confidence
    assert worse is not None
    assert better is not None
    assert worse < better
    assert probability_error(pricing.z, 0.35, pricing.level_error, 0.015) > 0.015


def test_a_margin_of_caution_makes_the_order_smaller() -> None:
    events = steady(STRIKE * 1.0005)
    limits = RiskLimits(max_market_exposure=9_000 * DOLLAR, max_market_share_bp=10_000, max_close_exposure=9_000 * DOLLAR,
                        max_close_share_bp=10_000, max_total_exposure=9_000 * DOLLAR, max_total_share_bp=10_000,
                        max_daily_loss=9_000 * DOLLAR, max_order_count=10_000_000)  # fmt: skip
    events = steady(STRIKE * 1.0005, 30.0, snapshot(0.1, count=10_000_000))
    bold, careful = (
        table(msgspec.structs.replace(EAGER, probability_margin=margin), *events, limits=limits).orders[0].count
        for margin in (0.0, 1.0)
    )
    assert 0 < careful < bold


def test_a_size_that_was_cut_to_one_contract_must_still_pay_its_fee() -> None:
    """Rounded to cents a single contract pays a quarter of a cent more than a hundred: between the two it is not sent."""
    events = steady(STRIKE * 1.0005, fees=CENTS)
    edge = last(table(msgspec.structs.replace(EAGER, edge_threshold=0.99), *events)).edge_yes
    assert edge is not None
    limits = RiskLimits(max_market_exposure=DOLLAR * 6 // 10)  # room for one
    for threshold, count in ((edge - 0.0001, 0), (edge - 0.01, 100)):
        heard = table(msgspec.structs.replace(EAGER, edge_threshold=threshold), *events, limits=limits)
        assert [order.count for order in heard.orders[:1]] == ([count] if count else [])
        if not count:
            assert heard.reasons()[-1] == "EDGE_BELOW_THRESHOLD"
            assert table(msgspec.structs.replace(EAGER, edge_threshold=threshold), *events).orders


# Exits --------------------------------------------------------------------------------------------------------


def leaving(price: float, position: int, **changes: object) -> Table:
    """A position in a market whose spot stands at `price`; nothing new is opened."""
    parameters = msgspec.structs.replace(EAGER, edge_threshold=0.99, **changes)
    return table(parameters, *steady(price), position=position)


@pytest.mark.parametrize(("price", "position", "is_bid"), [(STRIKE * 0.9995, 5_000, False), (STRIKE * 1.0005, -5_000, True)])  # fmt: skip
def test_what_brings_more_than_it_is_worth_is_sold_and_what_does_not_is_held(
    price: float, position: int, is_bid: bool
) -> None:
    sold = leaving(price, position)
    assert [(order.is_bid, order.price, order.count) for order in sold.orders] == [
        (is_bid, 5_100 if is_bid else 4_900, 5_000)
    ]
    assert sold.engine.portfolio.count(TICKER) == 0
    assert leaving(2 * STRIKE - price, position).orders == []
    assert leaving(STRIKE, position).orders == []  # at its worth the spread and the fee are not paid for nothing


def test_selling_is_held_against_what_is_believed_after_the_fee_to_the_last_hundredth_of_a_cent() -> None:
    held = leaving(STRIKE * 0.9995, 5_000, exit_margin=0.5)
    said = last(held)
    assert held.orders == []
    assert said.edge_no is not None  # without slippage it is what selling brings above the worth
    assert said.pooled is not None
    brings = 0.49 - fee_per_contract(contract().fees, 5_100, 5_000)
    margin = brings - said.pooled
    assert margin == pytest.approx(said.edge_no, abs=1e-5)
    assert leaving(STRIKE * 0.9995, 5_000, exit_margin=margin + 1e-4).orders == []
    assert leaving(STRIKE * 0.9995, 5_000, exit_margin=margin - 1e-4).orders


def test_neither_threshold_nor_confidence_holds_an_exit_back_but_the_quiet_times_do() -> None:
    assert leaving(STRIKE * 0.9995, 5_000, min_confidence=100.0).orders
    early = leaving(STRIKE * 0.9995, 5_000, quiet_open_ns=60_000_000_000)
    assert early.orders == []
    assert early.reasons()[-1] == "OPENING"


def test_the_other_side_is_not_bought_while_what_is_held_is_kept_for_its_margin() -> None:
    parameters = msgspec.structs.replace(EAGER, exit_margin=0.9)
    heard = table(parameters, *steady(STRIKE * 0.996), position=5_000)
    assert heard.orders == []
    assert heard.reasons()[-1] == "HELD"


def test_what_is_held_goes_first_and_then_the_other_side_is_opened() -> None:
    heard = table(EAGER, *steady(STRIKE * 0.996), position=5_000)
    first, second = heard.orders[:2]
    assert (first.is_bid, first.count) == (False, 5_000)
    assert not second.is_bid
    assert heard.engine.portfolio.count(TICKER) < 0


def test_no_more_is_sold_at_once_than_a_share_of_what_is_displayed() -> None:
    heard = table(
        msgspec.structs.replace(EAGER, edge_threshold=0.99),
        *steady(STRIKE * 0.9995, 30.0, snapshot(0.1, count=4_000)),
        position=5_000,
    )
    assert heard.orders[0].count == 1_000
    assert max(order.count for order in heard.orders) == 1_000


def test_reducing_lets_an_exit_through() -> None:
    heard = table(EAGER, ModeSet(at(-4), "REDUCING"), *steady(STRIKE * 0.996), position=5_000)
    assert heard.engine.portfolio.count(TICKER) == 0
    assert [fill.count for fill in heard.heard_of(Fill)] == [5_000]
