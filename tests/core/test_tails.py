"""The distributions behind every probability, against scipy and against each other."""

from math import exp, inf, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from trading.core.tails import (
    EMPIRICAL,
    MIXTURE,
    NORMAL,
    STUDENT,
    Tails,
    mixture_cdf,
    normal_cdf,
    normal_pdf,
    student_cdf,
    tail_cdf,
    uncertain_cdf,
    wide_of,
)

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


# Any of them by its name ---------------------------------------------------------------------------------

FOUND = Tails(EMPIRICAL, 3.0, start=-3.0, step=0.25)
TABLE = tuple(
    0.4 * normal_cdf(-3.0 + place * 0.25) + 0.6 * student_cdf(-3.0 + place * 0.25, 2.5) for place in range(25)
)
MIXED = Tails(MIXTURE, 4.0, 0.9, 0.85, wide_of(0.9, 0.85))
EVERY = [Tails(NORMAL), Tails(STUDENT, 3.5), Tails(STUDENT, 4.0), MIXED, FOUND]


@pytest.mark.parametrize("tails", EVERY, ids=lambda tails: f"{tails.kind}-{tails.freedom}")
@given(scores, scores)
def test_every_shape_is_a_distribution(tails: Tails, one: float, other: float) -> None:
    low, high = (tail_cdf(z, tails, TABLE) for z in sorted((one, other)))
    assert 0.0 <= low <= high + 1e-14 <= 1.0 + 2e-14
    assert (tail_cdf(-inf, tails, TABLE), tail_cdf(inf, tails, TABLE)) == (0.0, 1.0)


@pytest.mark.parametrize("tails", EVERY[:4], ids=lambda tails: f"{tails.kind}-{tails.freedom}")
def test_every_shape_has_variance_one(tails: Tails) -> None:
    """E[Z^2] is the integral of 2 z (F(-z) + 1 - F(z)) from 0 on."""

    def both_tails(z: float) -> float:
        return 2.0 * z * 2.0 * tail_cdf(-z, tails, ())

    near, _ = integrate.quad(both_tails, 0.0, 20.0, limit=200)
    far, _ = integrate.quad(lambda u: both_tails(1.0 / u) / u**2, 1e-12, 1.0 / 20.0, limit=200)
    assert near + far == pytest.approx(1.0, abs=1e-4)


@given(scores, st.floats(0.05, 0.95), st.floats(0.05, 1.0))
def test_a_mixture_of_variance_one_is_symmetric(z: float, weight: float, narrow: float) -> None:
    tails = Tails(MIXTURE, 4.0, weight, narrow, wide_of(weight, narrow))
    assert weight * narrow**2 + (1 - weight) * tails.wide**2 == pytest.approx(1.0)
    assert tail_cdf(z, tails, ()) + tail_cdf(-z, tails, ()) == pytest.approx(1.0, abs=1e-15)


def test_the_wide_normal_of_the_reference_follows_from_the_narrow_one() -> None:
    assert wide_of(0.9, 0.8498365855987975) == pytest.approx(1.8708286933869707, rel=1e-15)


@pytest.mark.parametrize(("weight", "narrow"), [(0.9, 1.1), (1.0, 0.5), (0.0, 0.5), (0.5, 0.0), (0.5, float("nan"))])
def test_a_narrow_normal_that_leaves_nothing_is_refused(weight: float, narrow: float) -> None:
    with pytest.raises(ValueError, match="wide"):
        wide_of(weight, narrow)


# As it was found -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", range(25))
def test_the_table_is_met_at_its_points(place: int) -> None:
    assert tail_cdf(-3.0 + place * 0.25, FOUND, TABLE) == pytest.approx(TABLE[place], rel=1e-14)


@given(st.floats(-5.0, 5.0))
def test_it_has_no_steps(z: float) -> None:
    assert tail_cdf(z + 1e-9, FOUND, TABLE) - tail_cdf(z - 1e-9, FOUND, TABLE) == pytest.approx(0.0, abs=2e-9)


@pytest.mark.parametrize("times", [1.0, 1.5, 4.0, 50.0])
def test_outside_of_the_table_it_falls_like_students(times: float) -> None:
    low, high = tail_cdf(-3.0 * times, FOUND, TABLE), 1.0 - tail_cdf(3.0 * times, FOUND, TABLE)
    assert low / TABLE[0] == pytest.approx(student_cdf(-3.0 * times, 3.0) / student_cdf(-3.0, 3.0))
    assert high / (1.0 - TABLE[-1]) == pytest.approx(student_cdf(-3.0 * times, 3.0) / student_cdf(-3.0, 3.0))


# A volatility that is only roughly known -----------------------------------------------------------------


@pytest.mark.parametrize("tails", EVERY, ids=lambda tails: f"{tails.kind}-{tails.freedom}")
@pytest.mark.parametrize("error", [0.02, 0.12, 0.35])
@pytest.mark.parametrize("z", [-2.0, -0.3, 0.0, 0.7, 3.0])
def test_seven_points_are_the_integral(z: float, error: float, tails: Tails) -> None:
    whole, _ = integrate.quad(
        lambda e: normal_pdf(e) * tail_cdf(z / exp(e * error), tails, TABLE),
        -9.0,
        9.0,
        limit=200,
        epsabs=1e-7,
        epsrel=1e-6,
    )
    rough = 2e-3 if tails.kind == EMPIRICAL else 2e-5
    assert uncertain_cdf(z, error, tails, TABLE) == pytest.approx(whole, abs=rough)


@pytest.mark.parametrize("tails", EVERY, ids=lambda tails: f"{tails.kind}-{tails.freedom}")
@given(z=scores)
def test_a_volatility_that_is_known_changes_nothing(tails: Tails, z: float) -> None:
    assert uncertain_cdf(z, 0.0, tails, TABLE) == pytest.approx(tail_cdf(z, tails, TABLE), abs=1e-14)
    assert (uncertain_cdf(-inf, 0.3, tails, TABLE), uncertain_cdf(inf, 0.3, tails, TABLE)) == (0.0, 1.0)


def test_it_fattens_the_tails_of_a_normal() -> None:
    normal = Tails(NORMAL)
    assert uncertain_cdf(3.0, 0.3, normal, ()) < normal_cdf(3.0)
    assert uncertain_cdf(0.5, 0.3, normal, ()) == pytest.approx(normal_cdf(0.5), abs=0.01)
