"""How far an edge is to be trusted: the known example, and what must lower the score."""

from math import exp, inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import SECOND_NS
from trading.core.confidence import ANCHORED, UNANCHORED, book_quality, confidence, feed_quality, probability_error

qualities = st.floats(0.0, 1.0)
scores = st.floats(-20.0, 20.0)


def test_a_three_cent_edge_one_deviation_out_is_about_one_standard_error() -> None:
    error = probability_error(1.0, 0.12, 0.0, 0.015)
    assert error == pytest.approx(0.033, abs=5e-4)
    assert confidence(0.03, error, 1.0, 1.0, 1.0) == pytest.approx(82.0, abs=0.5)
    assert confidence(0.03, error, 1.0, ANCHORED, 1.0) == pytest.approx(66.0, abs=0.5)
    assert confidence(0.03, error, 1.0, UNANCHORED, 1.0) == pytest.approx(41.0, abs=0.5)


def test_each_error_counts_by_itself() -> None:
    assert probability_error(0.0, 0.12, 0.0, 0.0) == 0.0
    assert probability_error(0.0, 0.0, 0.1, 0.0) == pytest.approx(0.039894, abs=1e-6)
    assert probability_error(1.0, 0.12, 0.0, 0.0) == pytest.approx(0.029036, abs=1e-6)
    assert probability_error(3.0, 0.0, 0.0, 0.015) == pytest.approx(0.015)


@pytest.mark.parametrize("z", [inf, -inf, 1e200, 60.0])
def test_a_certain_outcome_leaves_the_calibration_error(z: float) -> None:
    assert probability_error(z, 0.12, 0.3, 0.015) == 0.015


@given(scores, qualities, qualities, qualities)
def test_it_does_not_matter_on_which_side_the_strike_is(z: float, sigma: float, level: float, rest: float) -> None:
    assert probability_error(z, sigma, level, rest) == pytest.approx(probability_error(-z, sigma, level, rest))


@given(scores, qualities, qualities, qualities, qualities)
def test_no_error_makes_another_smaller(z: float, sigma: float, level: float, rest: float, more: float) -> None:
    plain = probability_error(z, sigma, level, rest)
    assert probability_error(z, sigma + more, level, rest) >= plain
    assert probability_error(z, sigma, level + more, rest) >= plain
    assert probability_error(z, sigma, level, rest + more) >= plain


@given(st.floats(-1.0, 1.0), st.floats(0.0, 1.0), qualities, qualities, qualities)
def test_it_is_between_zero_and_a_hundred(edge: float, error: float, feed: float, index: float, book: float) -> None:
    assert 0.0 <= confidence(edge, error, feed, index, book) <= 100.0


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0.001, 1.0), qualities)
def test_a_larger_edge_is_never_trusted_less(one: float, other: float, error: float, quality: float) -> None:
    low, high = sorted((one, other))
    assert confidence(low, error, quality, 1.0, 1.0) <= confidence(high, error, quality, 1.0, 1.0)


@pytest.mark.parametrize(("edge", "expected"), [(0.01, 100.0), (0.0, 0.0), (-0.01, 0.0)])
def test_without_any_error_the_sign_of_the_edge_decides(edge: float, expected: float) -> None:
    assert confidence(edge, 0.0, 1.0, 1.0, 1.0) == expected


@pytest.mark.parametrize(
    ("fresh", "quorum", "age_s", "expected"),
    [
        (0, 1, 0.0, 0.0),
        (1, 1, 0.0, 0.5),
        (2, 1, 1.0, 1.0),
        (5, 1, 0.2, 1.0),
        (2, 2, 0.0, 2.0 / 3.0),
        (2, 1, 3.0, exp(-1.0)),
        (2, 1, 1e9, 0.0),
    ],
)
def test_a_feed_is_trusted_by_breadth_and_freshness(fresh: int, quorum: int, age_s: float, expected: float) -> None:
    assert feed_quality(fresh, quorum, round(age_s * SECOND_NS)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("displayed", "intended", "expected"),
    [(0, 100, 0.0), (50, 100, 0.5), (100, 100, 1.0), (900, 100, 1.0), (5, 0, 0.0)],
)
def test_a_book_is_trusted_by_what_it_shows(displayed: int, intended: int, expected: float) -> None:
    assert book_quality(displayed, intended) == expected
