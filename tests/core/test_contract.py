"""The price grid, the averaging window and the quarter hours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import (
    CENT_GRID,
    TAPERED_GRID,
    WINDOW_NS,
    Averaging,
    Contract,
    PriceBand,
    window_close_ns,
)
from markets.core.units import PRICE_DOLLAR, SECOND_NS

CLOSE_NS = 1_778_686_200 * SECOND_NS
prices = st.integers(0, PRICE_DOLLAR)
grids = st.sampled_from([CENT_GRID, TAPERED_GRID])


def contract(grid: tuple[PriceBand, ...] = TAPERED_GRID) -> Contract:
    return Contract("KXBTC15M-T", "KXBTC15M", "BTC", CLOSE_NS - WINDOW_NS, CLOSE_NS, grid=grid)


def on_grid(grid: tuple[PriceBand, ...]) -> list[int]:
    """Every price an order may have, found by trying."""
    found = {price for band in grid for price in range(band.start, band.end + 1, band.step)}
    return sorted(found - {0, PRICE_DOLLAR})


# The grid ------------------------------------------------------------------------------------------------


@given(prices, grids)
def test_floor_is_the_highest_price_on_the_grid_not_above(price: int, grid: tuple[PriceBand, ...]) -> None:
    below = [step for step in on_grid(grid) if step <= price]
    assert contract(grid).floor(price) == (below[-1] if below else on_grid(grid)[0])


@given(prices, grids)
def test_ceil_is_the_lowest_price_on_the_grid_not_below(price: int, grid: tuple[PriceBand, ...]) -> None:
    above = [step for step in on_grid(grid) if step >= price]
    assert contract(grid).ceil(price) == (above[0] if above else on_grid(grid)[-1])


@given(prices, grids)
def test_only_prices_of_the_grid_are_on_it(price: int, grid: tuple[PriceBand, ...]) -> None:
    assert contract(grid).is_on_grid(price) == (price in on_grid(grid))


@given(prices, grids)
def test_snapping_twice_is_snapping_once(price: int, grid: tuple[PriceBand, ...]) -> None:
    terms = contract(grid)
    assert terms.floor(terms.floor(price)) == terms.floor(price) == terms.ceil(terms.floor(price))
    assert terms.ceil(terms.ceil(price)) == terms.ceil(price) == terms.floor(terms.ceil(price))


@given(prices, prices, grids)
def test_snapping_keeps_the_order_of_prices(one: int, other: int, grid: tuple[PriceBand, ...]) -> None:
    low, high = sorted((one, other))
    terms = contract(grid)
    assert terms.floor(low) <= terms.floor(high)
    assert terms.ceil(low) <= terms.ceil(high)


@pytest.mark.parametrize(
    ("price", "floor", "ceil"),
    [
        (0, 10, 10),
        (9, 10, 10),
        (995, 990, 1_000),
        (1_000, 1_000, 1_000),
        (1_001, 1_000, 1_100),
        (5_650, 5_600, 5_700),
        (8_999, 8_900, 9_000),
        (9_001, 9_000, 9_010),
        (9_999, 9_990, 9_990),
        (10_000, 9_990, 9_990),
    ],
)
def test_the_tapered_grid_is_fine_at_both_ends(price: int, floor: int, ceil: int) -> None:
    assert (contract().floor(price), contract().ceil(price)) == (floor, ceil)


@pytest.mark.parametrize("price", [-1, 10_001])
def test_a_price_no_market_can_have_is_refused(price: int) -> None:
    with pytest.raises(ValueError, match="outside the price grid"):
        contract().floor(price)


@pytest.mark.parametrize("price", [-100, 0, 10_000, 20_000])
def test_nothing_and_a_dollar_are_no_prices_for_an_order(price: int) -> None:
    assert not contract().is_on_grid(price)


# The window ----------------------------------------------------------------------------------------------


def test_the_average_ends_one_second_before_the_close() -> None:
    averaging = Averaging()
    assert (averaging.first_ns(CLOSE_NS), averaging.last_ns(CLOSE_NS)) == (
        CLOSE_NS - 60 * SECOND_NS,
        CLOSE_NS - SECOND_NS,
    )


def test_the_other_convention_ends_at_the_close() -> None:
    averaging = Averaging(window="closed_right")
    assert (averaging.first_ns(CLOSE_NS), averaging.last_ns(CLOSE_NS)) == (CLOSE_NS - 59 * SECOND_NS, CLOSE_NS)


@given(st.integers(0, 4 * 10**18))
def test_every_moment_is_in_one_quarter_hour(now_ns: int) -> None:
    close_ns = window_close_ns(now_ns)
    assert close_ns % WINDOW_NS == 0
    assert close_ns - WINDOW_NS <= now_ns < close_ns


def test_a_close_belongs_to_the_next_quarter_hour() -> None:
    assert window_close_ns(CLOSE_NS) == CLOSE_NS + WINDOW_NS
    assert window_close_ns(CLOSE_NS - 1) == CLOSE_NS
