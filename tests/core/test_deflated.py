"""Section 10.1 of the pricing notes: Sharpe ratios that know their sample, against published and worked values."""

from math import exp, inf, lgamma, log, log1p, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.deflated import (
    Shape,
    best_of_luck,
    binary_at_cost,
    deflated_sharpe,
    least_record,
    probabilistic_sharpe,
    shape_of,
    trades_for_proof,
)

PUBLISHED = Shape(2.5 / sqrt(250), -3.0, 10.0)
VARIANCE = 0.5 / 250


def test_section_10_the_published_example_of_a_hundred_trials() -> None:
    assert best_of_luck(VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(PUBLISHED, 1250, VARIANCE, 100) == pytest.approx(0.9004, abs=5e-5)


def test_section_10_the_published_example_of_forty_six_trials() -> None:
    assert deflated_sharpe(PUBLISHED, 1250, VARIANCE, 46) == pytest.approx(0.9505, abs=5e-5)


def test_section_14_the_best_of_fifty_standard_normals() -> None:
    assert best_of_luck(1.0, 50) == pytest.approx(2.276, abs=5e-4)


@pytest.mark.parametrize(
    ("cost", "edge", "trades"),
    [
        (0.5175, 0.01, 9_970), (0.5175, 0.02, 2_486), (0.5175, 0.03, 1_102), (0.5175, 0.05, 393),
        (0.9063, 0.01, 3_068), (0.9063, 0.02, 683), (0.9063, 0.03, 266),
    ],
)  # fmt: skip
def test_section_10_trades_until_an_edge_shows(cost: float, edge: float, trades: int) -> None:
    assert trades_for_proof(cost + edge, cost) == trades


def test_without_an_edge_no_number_of_trades_proves_one() -> None:
    assert trades_for_proof(0.5, 0.5) is None
    assert trades_for_proof(0.4, 0.5) is None


def test_section_10_the_least_record_is_where_the_probability_reaches_its_mark() -> None:
    needed = least_record(PUBLISHED, 0.0, 0.05)
    assert needed is not None
    assert probabilistic_sharpe(PUBLISHED, int(needed)) < 0.95 < probabilistic_sharpe(PUBLISHED, int(needed) + 1)
    assert least_record(PUBLISHED, PUBLISHED.sharpe) is None


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98))
def test_section_10_a_binary_has_the_moments_of_its_two_outcomes(p: float, cost: float) -> None:
    shape = binary_at_cost(p, cost)
    outcomes = ((p, 1.0 - cost), (1.0 - p, -cost))
    mean = sum(chance * value for chance, value in outcomes)
    second, third, fourth = (sum(chance * (value - mean) ** power for chance, value in outcomes) for power in (2, 3, 4))
    expected = (mean / sqrt(second), third / second**1.5, fourth / second**2)
    assert tuple(shape) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_section_10_break_even_binaries_are_rarely_taken_for_an_edge() -> None:
    """The share of 1,500 fair bets whose record says "an edge, 95 % sure", summed over all numbers of wins."""
    count, cost, rejected = 1_500, 0.5175, 0.0
    for wins in range(1, count):
        share = wins / count
        if probabilistic_sharpe(binary_at_cost(share, cost), count) > 0.95:
            ways = lgamma(count + 1) - lgamma(wins + 1) - lgamma(count - wins + 1)
            rejected += exp(ways + wins * log(cost) + (count - wins) * log1p(-cost))
    assert 0.04 < rejected < 0.06


def test_the_shape_of_values_is_that_of_the_binary_they_are() -> None:
    shape = shape_of([0.4] * 30 + [-0.6] * 20)
    theory = binary_at_cost(0.6, 0.6)
    assert shape is not None
    assert (shape.skew, shape.kurtosis) == pytest.approx((theory.skew, theory.kurtosis))
    assert shape.sharpe == pytest.approx(0.0, abs=1e-12)


def test_the_sharpe_of_values_divides_by_one_less() -> None:
    shape = shape_of([0.0, 1.0, 2.0, 3.0, 4.0])
    assert shape is not None
    assert shape.sharpe == pytest.approx(2 / sqrt(2.5))


@pytest.mark.parametrize("values", [[], [1.0, 2.0], [7.0] * 9])
def test_what_has_no_shape_is_none(values: list[float]) -> None:
    assert shape_of(values) is None


def test_one_trial_needs_no_deflating() -> None:
    assert deflated_sharpe(PUBLISHED, 1250, VARIANCE, 1) == probabilistic_sharpe(PUBLISHED, 1250)


@given(st.integers(2, 10_000))
def test_the_more_was_tried_the_less_it_proves(trials: int) -> None:
    assert best_of_luck(VARIANCE, trials + 1) > best_of_luck(VARIANCE, trials)


@pytest.mark.parametrize("p", [0.0, 1.0, -0.1, float("nan"), inf])
def test_a_certain_outcome_has_no_sharpe(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        binary_at_cost(p, 0.5)


def test_it_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="at least two"):
        probabilistic_sharpe(PUBLISHED, 1)
    with pytest.raises(ValueError, match="0 trials"):
        best_of_luck(VARIANCE, 0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        least_record(PUBLISHED, 0.0, 1.0)
    with pytest.raises(ValueError, match="no distribution"):
        probabilistic_sharpe(Shape(1.0, 5.0, 3.0), 100)
