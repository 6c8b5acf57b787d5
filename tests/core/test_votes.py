"""Medians, weighted medians, the micro-price, and how far from the others is too far."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core.votes import OUTLIER_SHARE, largest_distance, median, micro_price, weighted_median


def test_section_6_the_worked_examples() -> None:
    assert weighted_median([100.0, 101.0, 103.0], [5.0, 2.0, 1.0]) == 100.0
    assert weighted_median([100.0, 101.0, 103.0], [1.0, 1.0, 2.0]) == 102.0
    assert micro_price(100.0, 3.0, 100.1, 1.0) == pytest.approx(100.075, abs=1e-12)


def test_the_median_of_an_even_number_lies_between_the_middle_two() -> None:
    assert median([4.0, 1.0, 2.0, 9.0]) == 3.0
    assert median([7.0]) == 7.0


def test_half_of_the_weight_that_is_a_sum_of_fractions_is_still_half() -> None:
    assert weighted_median([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.1, 0.2]) == 2.5


def test_close_together_fifteen_basis_points_are_allowed_and_else_six_deviations() -> None:
    assert largest_distance([0.0, 0.0004, 0.001], 0.0004) == OUTLIER_SHARE
    assert largest_distance([0.0, 0.001, 0.003], 0.001) == pytest.approx(0.006)


prices = st.lists(st.tuples(st.floats(-1.0, 1.0), st.floats(0.1, 5.0)), min_size=1, max_size=9)


@given(prices)
def test_the_weighted_median_has_half_of_the_weight_on_either_side(pairs: list[tuple[float, float]]) -> None:
    values, weights = [price for price, _ in pairs], [weight for _, weight in pairs]
    found, half = weighted_median(values, weights), 0.5 * sum(weights) * (1.0 + 1e-9)
    assert sum(weight for price, weight in pairs if price < found) <= half
    assert sum(weight for price, weight in pairs if price > found) <= half


@given(st.lists(st.floats(-1.0, 1.0), min_size=3, max_size=9))
def test_at_least_half_are_never_too_far(values: list[float]) -> None:
    middle = median(values)
    limit = largest_distance(values, middle)
    assert 2 * sum(abs(value - middle) <= limit for value in values) >= len(values)
