"""The distributions behind every probability, against scipy and against each other."""

from math import inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from trading.core.tails import mixture_cdf, normal_cdf, normal_pdf, student_cdf

scores = st.floats(-60.0, 60.0)
freedoms = st.floats(2.01, 300.0)


def scipy_student(z: float, freedom: float) -> float:
    return float(stats.t.cdf(z * sqrt(freedom / (freedom - 2.0)), freedom))


@given(scores)
def test_the_normal_is_scipys(z: float) -> None:
    assert normal_cdf(z) == pytest.approx(float(stats.norm.cdf(z)), rel=1e-12, abs=1e-300)
    assert normal_pdf(z) == pytest.approx(float(stats.norm.pdf(z)), rel=1e-12, abs=1e-300)


@given(scores, freedoms)
def test_the_student_is_scipys_at_variance_one(z: float, freedom: float) -> None:
    assert student_cdf(z, freedom) == pytest.approx(scipy_student(z, freedom), abs=1e-12)


@pytest.mark.parametrize("freedom", [2.1, 3.0, 3.5, 3.9999, 4.0, 4.0001, 5.0, 8.0, 30.0, 79.0, 81.0, 1e3, 1e5])
@pytest.mark.parametrize("z", [-40.0, -6.0, -2.5, -1.0, -1e-3, -1e-9, 0.0, 1e-6, 0.3, 0.999, 1.7, 3.0, 12.0])
def test_the_student_is_exact_where_its_formula_changes(z: float, freedom: float) -> None:
    assert student_cdf(z, freedom) == pytest.approx(scipy_student(z, freedom), abs=1e-12)


@given(scores)
def test_four_degrees_of_freedom_are_the_limit_of_almost_four(z: float) -> None:
    assert student_cdf(z, 4.0) == pytest.approx(student_cdf(z, 4.0 + 1e-9), abs=1e-9)


@given(scores)
def test_infinitely_many_degrees_of_freedom_are_the_normal(z: float) -> None:
    assert student_cdf(z, inf) == normal_cdf(z)


@given(scores, scores, freedoms)
def test_a_higher_score_is_never_less_likely(one: float, other: float, freedom: float) -> None:
    low, high = sorted((one, other))
    assert student_cdf(low, freedom) <= student_cdf(high, freedom) + 1e-14


@given(scores, freedoms)
def test_both_tails_add_up_to_one(z: float, freedom: float) -> None:
    assert student_cdf(z, freedom) + student_cdf(-z, freedom) == pytest.approx(1.0, abs=1e-14)


@pytest.mark.parametrize("freedom", [2.5, 4.0, 7.0, inf])
@pytest.mark.parametrize(("z", "expected"), [(-inf, 0.0), (-1e300, 0.0), (1e300, 1.0), (inf, 1.0)])
def test_far_out_everything_is_certain(z: float, expected: float, freedom: float) -> None:
    assert student_cdf(z, freedom) == expected


@pytest.mark.parametrize(
    ("z", "normal", "eight", "five", "three_and_a_half"),
    [
        (0.25, 0.5987, 0.6099, 0.6200, 0.6377),
        (0.5, 0.6915, 0.7102, 0.7265, 0.7534),
        (1.0, 0.8413, 0.8592, 0.8734, 0.8944),
        (1.5, 0.9332, 0.9392, 0.9447, 0.9534),
        (2.0, 0.9772, 0.9751, 0.9753, 0.9774),
        (2.5, 0.9938, 0.9898, 0.9884, 0.9880),
        (3.0, 0.9987, 0.9957, 0.9941, 0.9931),
    ],
)
def test_fat_tails_favour_the_favourite_near_the_strike_and_not_far_out(
    z: float, normal: float, eight: float, five: float, three_and_a_half: float
) -> None:
    found = [student_cdf(z, freedom) for freedom in (inf, 8.0, 5.0, 3.5)]
    assert found == pytest.approx([normal, eight, five, three_and_a_half], abs=5.1e-5)


@given(scores, st.floats(0.05, 0.95), st.floats(0.2, 1.0))
def test_a_mixture_lies_between_its_two_normals(z: float, weight: float, narrow: float) -> None:
    wide = sqrt((1.0 - weight * narrow * narrow) / (1.0 - weight))
    low, high = sorted((normal_cdf(z / narrow), normal_cdf(z / wide)))
    assert low - 1e-15 <= mixture_cdf(z, weight, narrow, wide) <= high + 1e-15
