"""The average still to come, sample by sample, against double sums written out."""

from math import exp, expm1, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core.average import abm_moments, gbm_moments, sample_times, variance_clock
from trading.core.fair_value import effective_seconds

remainings = st.integers(1, 60)
delays = st.floats(0.001, 900.0)
PROFILE = ((0.0, 300.0, 1.0), (300.0, 900.0, 2.25))


@given(remainings, delays, st.floats(0.2, 5.0))
def test_the_closed_form_is_the_double_sum_over_samples(remaining: int, until: float, step: float) -> None:
    times = sample_times(remaining, until, step)
    pairs = sum(min(one, other) for one in times for other in times) / remaining**2
    assert effective_seconds(remaining, until, step) == pytest.approx(pairs, rel=1e-12)
    assert abm_moments(times)[1] == pytest.approx(pairs, rel=1e-12)


@pytest.mark.parametrize(
    ("remaining", "until", "expected"),
    [(60, 840.0, 859.502778), (60, 841.0, 860.502778), (1, 0.5, 0.5), (30, 1.0, 30 * 31 * 61 / (6 * 30**2))],
)
def test_the_closed_form_has_the_known_values(remaining: int, until: float, expected: float) -> None:
    assert effective_seconds(remaining, until, 1.0) == pytest.approx(expected, abs=1e-6)


@given(remainings, delays, st.floats(1e-6, 2e-3), st.floats(-1e-5, 1e-5))
def test_the_lognormal_moments_are_the_double_sum_over_samples(
    remaining: int, until: float, sigma: float, drift: float
) -> None:
    times = sample_times(remaining, until, 1.0)
    growth = [exp(drift * seconds) for seconds in times]
    excess = sum(
        a * b * expm1(sigma**2 * min(one, other))
        for a, one in zip(growth, times, strict=True)
        for b, other in zip(growth, times, strict=True)
    )
    mean, variance = gbm_moments(sigma, times, drift)
    assert mean == pytest.approx(sum(growth) / remaining, rel=1e-12)
    assert variance == pytest.approx(log1p(excess / sum(growth) ** 2), rel=1e-10)


@given(remainings, delays)
def test_the_fast_closed_form_is_close_enough_to_the_lognormal_one(remaining: int, until: float) -> None:
    sigma = 3e-4  # about 170 percent a year
    _, variance = gbm_moments(sigma, sample_times(remaining, until, 1.0))
    assert sigma**2 * effective_seconds(remaining, until, 1.0) == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, 0.0), (100.0, 100.0), (300.0, 300.0), (400.0, 525.0), (900.0, 1650.0), (1000.0, 1750.0)],
)
def test_variance_passes_faster_where_the_profile_says_so(seconds: float, expected: float) -> None:
    assert variance_clock(seconds, PROFILE) == pytest.approx(expected)
