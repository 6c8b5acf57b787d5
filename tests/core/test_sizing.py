"""Kelly: the formula, the growth it maximises, and rounding down to whole contracts."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import CONTRACT, DOLLAR
from trading.core.sizing import contracts, kelly_fraction, shrunk

probabilities = st.floats(0.0, 1.0)
costs = st.floats(0.01, 0.99)


def growth(p: float, cost: float, share: float) -> float:
    return p * log(1.0 - share + share / cost) + (1.0 - p) * log(1.0 - share)


@pytest.mark.parametrize(
    ("p", "cost", "expected"),
    [(0.55, 0.5175, 0.067358), (0.60, 0.5175, 0.170984), (0.95, 0.9063, 0.466382), (0.30, 0.263125, 0.050042)],
)
def test_the_fraction_has_the_known_value(p: float, cost: float, expected: float) -> None:
    assert kelly_fraction(p, cost) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("p", "cost"), [(0.55, 0.5175), (0.60, 0.5175), (0.95, 0.9063), (0.30, 0.263125)])
def test_section_9_a_grid_search_finds_the_same_fraction(p: float, cost: float) -> None:
    grid = [place / 100_000 for place in range(99_999)]
    assert max(grid, key=lambda share: growth(p, cost, share)) == pytest.approx(kelly_fraction(p, cost), abs=1.01e-5)


def test_section_9_a_quarter_of_the_stake_keeps_forty_four_percent_of_the_growth() -> None:
    best = kelly_fraction(0.55, 0.5175)
    assert growth(0.55, 0.5175, 0.25 * best) / growth(0.55, 0.5175, best) == pytest.approx(0.44, abs=0.005)


@given(st.floats(0.01, 0.99), costs)
def test_no_other_share_of_the_bankroll_grows_faster(p: float, cost: float) -> None:
    best = kelly_fraction(p, cost)
    grid = [place / 200 for place in range(200)]
    assert growth(p, cost, best) >= max(growth(p, cost, share) for share in grid) - 1e-12


@given(probabilities, costs)
def test_without_an_edge_nothing_is_staked(p: float, cost: float) -> None:
    assert (kelly_fraction(p, cost) > 0.0) == (p > cost)


@given(probabilities, costs)
def test_never_more_than_everything_is_staked(p: float, cost: float) -> None:
    assert 0.0 <= kelly_fraction(p, cost) <= 1.0


def test_a_cost_of_a_dollar_or_more_is_never_worth_it() -> None:
    assert [kelly_fraction(1.0, cost) for cost in (1.0, 1.01, 5.0)] == [0.0, 0.0, 0.0]


def test_a_probability_that_a_margin_took_below_zero_is_no_edge() -> None:
    assert kelly_fraction(-0.02, 0.01) == 0.0


@pytest.mark.parametrize(
    ("p", "cost"), [(1.01, 0.5), (0.5, 0.0), (0.5, -0.1), (float("nan"), 0.5), (0.5, float("nan"))]
)
def test_it_refuses_what_cannot_be_true(p: float, cost: float) -> None:
    with pytest.raises(ValueError, match="probability"):
        kelly_fraction(p, cost)


def test_a_quarter_of_kelly_on_ten_thousand_dollars() -> None:
    """0.25 x 0.170984 x $10 000 = $427.46, at 51.75 cents each: 826 and a bit."""
    assert contracts(0.60, 0.5175, 10_000 * DOLLAR, 0.25) == 826 * CONTRACT


@given(probabilities, costs, st.integers(0, 10**12), st.floats(0.0, 1.0))
def test_it_buys_whole_contracts_within_the_stake_and_not_one_less(
    p: float, cost: float, bankroll: int, fraction: float
) -> None:
    count = contracts(p, cost, bankroll, fraction)
    stake = fraction * kelly_fraction(p, cost) * bankroll
    assert count % CONTRACT == 0
    assert count // CONTRACT * cost * DOLLAR <= stake * (1 + 1e-9)
    assert (count // CONTRACT + 1) * cost * DOLLAR >= stake * (1 - 1e-9)


def test_an_account_in_debt_buys_nothing() -> None:
    assert contracts(0.9, 0.5, -100 * DOLLAR, 0.25) == 0


@pytest.mark.parametrize(
    ("p", "market", "expected"), [(0.60, 0.50, 0.585), (0.40, 0.50, 0.415), (0.51, 0.50, 0.50), (0.50, 0.50, 0.50)]
)
def test_half_an_error_is_taken_off_towards_the_market(p: float, market: float, expected: float) -> None:
    assert shrunk(p, market, 0.03, 0.5) == pytest.approx(expected)


@given(probabilities, probabilities, st.floats(0.0, 1.0), st.floats(0.0, 3.0))
def test_shrinking_never_passes_the_market_nor_moves_away_from_it(
    p: float, market: float, error: float, margin: float
) -> None:
    low, high = sorted((p, market))
    assert low <= shrunk(p, market, error, margin) <= high
