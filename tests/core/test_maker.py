"""The arithmetic of quotes, against the numbers of the pricing notes (section 8) and for every book there may be."""

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.book import OrderBook
from markets.core.contract import CENT_GRID, TAPERED_GRID, PriceBand
from markets.core.units import PRICE_DOLLAR
from tests.builders import contract
from trading.core.maker import ask_price, bid_price, half_spread, pick_off, reservation, tick_at


@pytest.mark.parametrize(
    ("distance", "v", "lost"),
    [
        (0.005, 0.0124, 0.0028),
        (0.01, 0.0124, 0.0015),
        (0.0, 0.0124, 0.0124 * 0.39894),
        (0.01, 0.0, 0.0),
        (0.05, 2.2e-313, 0.0),
    ],
    ids=["half a cent at 300 s", "a cent at 300 s", "at fair value", "nothing moves", "next to nothing moves"],
)
def test_being_picked_off_costs_what_the_notes_say(distance: float, v: float, lost: float) -> None:
    assert pick_off(distance, v) == pytest.approx(lost, abs=5e-5)


def test_the_reservation_price_leans_against_what_is_held() -> None:
    assert reservation(0.5, 0.0, 0.1) == 0.5
    assert reservation(0.5, 1.0, 0.1) == pytest.approx(0.475)
    assert reservation(0.5, -1.0, 0.1) == pytest.approx(0.525)
    assert 0.9 - reservation(0.9, 1.0, 0.1) < 0.5 - reservation(0.5, 1.0, 0.1)


def test_a_calm_market_is_quoted_at_the_least_half_spread() -> None:
    assert half_spread(0.001, 0.005, 0.01) == 0.01


@given(st.floats(0, 0.2), st.floats(0, 0.05), st.floats(0.001, 0.05))
def test_the_half_spread_pays_for_what_happens_at_it_and_is_not_wider_than_that(
    v: float, dues: float, least: float
) -> None:
    half = half_spread(v, dues, least)
    assert half >= least
    assert half + 1e-12 >= pick_off(half, v) + dues
    assert half == least or isclose(half, pick_off(half, v) + dues, abs_tol=1e-9)


@given(st.floats(0, 0.1), st.floats(0, 0.1))
def test_faster_markets_are_quoted_wider(one: float, other: float) -> None:
    slow, fast = sorted((one, other))
    assert half_spread(slow, 0.005, 0.001) <= half_spread(fast, 0.005, 0.001) + 1e-12


@pytest.mark.parametrize(("price", "tick"), [(5_000, 0.01), (1_000, 0.01), (500, 0.001), (9_500, 0.001), (1, 0.001)])
def test_the_tick_is_the_wider_of_both_sides(price: int, tick: float) -> None:
    assert tick_at(contract(), price) == tick


def book(bid: int = 4_700, ask: int = 5_300, count: int = 1_000) -> OrderBook:
    found = OrderBook()
    found.replace(((bid, count),) if bid else (), ((PRICE_DOLLAR - ask, count),) if ask < PRICE_DOLLAR else ())
    return found


@pytest.mark.parametrize(
    ("wanted", "bid", "ask", "own", "price"),
    [
        (0.4849, 4_800, 5_200, 0, 4_800),
        (0.49, 4_800, 5_200, 0, 4_900),
        (0.495, 4_600, 5_200, 0, 4_700),
        (0.55, 4_900, 5_000, 0, 4_900),
        (0.55, 4_800, 5_000, 0, 4_900),
        (0.45, 4_800, 5_200, 0, 4_500),
        (0.0951, 900, 5_200, 0, 910),
        (0.0005, 4_800, 5_200, 0, 0),
        (-0.2, 4_800, 5_200, 0, 0),
        (0.55, 4_800, 5_200, 1_000, 4_800),
        (0.55, 4_800, 5_200, 999, 4_900),
    ],
    ids=[
        "down to the grid",
        "a tick inside",
        "no more than a tick inside",
        "never at the ask",
        "never at the ask, with room",
        "behind the best",
        "on the fine grid",
        "below the grid",
        "below nothing",
        "not above itself",
        "above somebody else",
    ],
)
def test_where_a_bid_goes(wanted: float, bid: int, ask: int, own: int, price: int) -> None:
    assert bid_price(contract(), book(bid, ask), wanted, own) == price
    mirrored = ask_price(contract(), book(PRICE_DOLLAR - ask, PRICE_DOLLAR - bid), 1.0 - wanted, own)
    assert mirrored == (PRICE_DOLLAR - price if price else 0)


grids = st.sampled_from([TAPERED_GRID, CENT_GRID, (PriceBand(0, PRICE_DOLLAR, 10),)])  # type: ignore[arg-type]


@given(
    st.floats(-0.1, 1.1),
    st.floats(0, 0.2),
    st.integers(1, PRICE_DOLLAR - 2),
    st.integers(1, PRICE_DOLLAR),
    st.integers(0, 2_000),
    grids,
)
def test_quotes_are_on_the_grid_apart_and_never_cross(
    fair: float, half: float, bid: int, width: int, own: int, grid: tuple[PriceBand, ...]
) -> None:
    terms = contract(grid=grid)
    shown = book(bid, min(bid + width, PRICE_DOLLAR - 1))
    low = bid_price(terms, shown, fair - half, own)
    high = ask_price(terms, shown, fair + half, own)
    assert not low or (terms.is_on_grid(low) and low < shown.ask and low <= (fair - half) * PRICE_DOLLAR + 1e-2)
    assert not high or (terms.is_on_grid(high) and high > shown.bid and high >= (fair + half) * PRICE_DOLLAR - 1e-2)
    if low and high and half > 0:
        assert low < high
