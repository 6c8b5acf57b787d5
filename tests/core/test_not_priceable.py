"""Numbers that cannot be priced (section 3.9): a reason for the market they are of, never the end of the session."""

from math import inf, nan

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from markets.core.events import IndexValue, MarketListed
from tests.builders import EAGER, STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.core.pricing import price, side_by_side
from trading.core.reasons import REASONS

NUMBERS = st.floats() | st.sampled_from([inf, nan, 1.7e308, 1e15, 5e-324])


def opened(strike: float) -> Table:
    return Table(parameters=EAGER).hear(MarketListed(at(-3), contract(strike=strike)), status(0, "open"), snapshot(1))


@pytest.mark.parametrize("strike", [0.0, -1.0, nan, inf, -inf])
def test_a_strike_that_cannot_be_is_no_strike_yet(strike: float) -> None:
    table = opened(strike).hear(*[spot(second) for second in range(2, 20)])
    assert table.reasons()[-1] == "NO_STRIKE"
    table.hear(MarketListed(at(20), contract()), spot(21))
    assert table.engine.markets[TICKER].pricing is not None


def test_our_own_average_is_not_held_against_a_strike_that_cannot_be() -> None:
    table = Table(parameters=EAGER).hear(spot(-100), *[spot(second) for second in range(-99, 1)])
    table.hear(MarketListed(at(1), contract(strike=0.0)), spot(2))
    assert not table.engine.underlyings["BTC"].spot.is_anchored


def broken() -> Table:
    """An open market whose terms have become such that no model takes them."""
    table = opened(STRIKE).hear(spot(2))
    market = table.engine.markets[TICKER]
    market.contract = contract(strike=-1.0)
    market.forget_pricing()
    return table


def test_what_no_model_takes_has_a_reason_and_the_session_goes_on() -> None:
    table = broken().hear(*[spot(second) for second in range(5, 20)])
    assert table.reasons()[-1] == "NOT_PRICEABLE"
    assert "NOT_PRICEABLE" in REASONS
    market, underlying = table.engine.markets[TICKER], table.engine.underlyings["BTC"]
    assert price(market, underlying, EAGER, at(20)) is None
    assert side_by_side(market, underlying, EAGER, at(20)) is None
    table.hear(MarketListed(at(21), contract()), *[spot(second) for second in range(22, 30)])
    assert market.pricing is not None


def test_the_record_says_why_it_holds_no_probability() -> None:
    table = broken().hear(*[spot(second / 2) for second in range(110, 122)])
    (told,) = [each for decision in table.decisions for each in decision.forecasts]
    assert (told.reason, told.fair, told.gbm_avg) == ("NOT_PRICEABLE", None, None)


@settings(max_examples=25, deadline=None)
@example(strike=STRIKE, prices=[1.7e308] * 5, index=[1.7e308] * 5, start=850)
@given(
    strike=NUMBERS,
    prices=st.lists(NUMBERS, min_size=5, max_size=5),
    index=st.lists(NUMBERS, min_size=5, max_size=5),
    start=st.sampled_from([2, 300, 850, 893]),
)
def test_no_number_ends_the_session(strike: float, prices: list[float], index: list[float], start: int) -> None:
    table = opened(strike)
    for place, (price_said, value) in enumerate(zip(prices, index, strict=True)):
        table.hear(spot(start + place, price_said), IndexValue(at(start + place), "BTC", value, at(start + place)))
    table.hear(snapshot(start + 6), spot(start + 9))
    assert set(table.reasons()) <= set(REASONS)
