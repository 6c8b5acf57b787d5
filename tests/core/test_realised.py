"""The estimators of realised variance: known values, what each is proof against, and what it refuses."""

import random
from collections.abc import Callable, Sequence
from math import exp, sqrt
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core.realised import (
    Bar,
    RealisedError,
    bipower_variance,
    ewma_variance,
    garman_klass,
    kernel_bandwidth,
    log_returns,
    median_variance,
    noise_variance,
    parkinson,
    preaveraged_variance,
    realised_kernel,
    realised_variance,
    rogers_satchell,
    sampling_correction,
    signature,
    subsampled_variance,
    truncated_variance,
    two_scale_step,
    two_scale_variance,
    yang_zhang,
)

PRICES = (100.00, 100.02, 100.01, 100.05, 100.03, 100.04, 100.10, 100.07, 100.09, 100.08, 100.12, 100.11, 100.15)
BAR = Bar(100.0, 100.4, 99.7, 100.1)
TICKS_A_SECOND, SECONDS, NOISE = 3, 900, 0.3e-4
Estimator = Callable[[Sequence[float]], float]

# Known values ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (realised_variance(PRICES), 1.0883592551258788e-06),
        (subsampled_variance(PRICES, 3), 6.090716150542209e-07),
        (bipower_variance(PRICES), 1.0267439123811164e-06),
        (median_variance(PRICES), 1.003254297442197e-06),
        (two_scale_variance(PRICES, 3, is_corrected=False), 4.2473021502666e-07),
        (two_scale_variance(PRICES, 3), 4.2473021502666e-07 * 12 / 9),
        (realised_kernel(PRICES, 2), 6.134822436783874e-07),
        (noise_variance(PRICES), 4.357281026824829e-08),
        (ewma_variance(PRICES, 4.0), 8.868074458239897e-08),
        (parkinson(BAR), 1.765549852523731e-05),
        (garman_klass(BAR), 2.4089809627756794e-05),
        (rogers_satchell(BAR), 2.397628944745727e-05),
    ],
    ids="RV subRV BPV MedRV TSRV TSRV-corrected kernel noise EWMA Parkinson Garman-Klass Rogers-Satchell".split(),
)
def test_the_estimators_have_the_known_values(found: float, expected: float) -> None:
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_rules_for_scale_and_bandwidth() -> None:
    noise, variance, count = 4e-8, 5e-6, 2_700  # 12 (0.008)^2 = 0.000768, of which the cube root is 0.0916
    assert two_scale_step(noise, variance, count) == round(0.0916 * 193.9) == 18
    assert two_scale_step(0.0, variance, count) == 2
    assert kernel_bandwidth(0.09e-8, 5.8e-6, count) == 13  # 3.5134 (1.552e-4)^0.4 114.5 = 12.05, and up
    assert kernel_bandwidth(0.0, variance, count) == 0


def test_yang_zhang_of_bars_without_a_move_is_their_range_alone() -> None:
    still = Bar(100.0, 100.4, 99.7, 100.0)
    share = 0.34 / (1.34 + 5 / 3)
    assert yang_zhang([still] * 4) == pytest.approx((1 - share) * rogers_satchell(still), rel=1e-12)
    assert yang_zhang([still] * 4, has_nights=True) == yang_zhang([still] * 4)
    risen = [still, Bar(101.0, 101.4, 100.7, 101.0), still]
    assert yang_zhang(risen, has_nights=True) > yang_zhang(risen) + 1e-4


# What each is proof against -------------------------------------------------------------------------------


def ticks(seed: int, noise: float = NOISE, jump: float = 0.0) -> list[float]:
    """A quarter hour of three prices a second, with the variance 1e-4 of the whole and a bounce on each price."""
    source, level, prices = random.Random(seed), 0.0, []
    count = TICKS_A_SECOND * SECONDS
    for place in range(count + 1):
        prices.append(85_000.0 * exp(level + noise * source.gauss(0.0, 1.0)))
        level += sqrt(TRUE / count) * source.gauss(0.0, 1.0) + (jump if place == count // 2 else 0.0)
    return prices


TRUE = 900 * (0.45 / sqrt(365 * 86_400)) ** 2
ROWS = [ticks(seed) for seed in range(24)]
JUMPED = [ticks(seed, jump=15e-4)[::TICKS_A_SECOND] for seed in range(24)]


def mean_of(estimator: Estimator, rows: Sequence[Sequence[float]]) -> float:
    return fmean(estimator(row) for row in rows) / TRUE


def each_second(row: Sequence[float]) -> Sequence[float]:
    return row[::TICKS_A_SECOND]


def kernel(row: Sequence[float]) -> float:
    variance = subsampled_variance(row, 15 * TICKS_A_SECOND)
    return realised_kernel(row, kernel_bandwidth(noise_variance(row), variance, len(row) - 1))


@pytest.mark.parametrize(
    ("estimator", "expected", "tolerance"),
    [
        (realised_variance, 1.84, 0.1),
        (lambda row: realised_variance(each_second(row)), 1.27, 0.06),
        (lambda row: subsampled_variance(each_second(row), 5), 1.05, 0.06),
        (lambda row: subsampled_variance(each_second(row), 15), 1.0, 0.08),
        (lambda row: two_scale_variance(row, 97), 1.0, 0.08),
        (lambda row: two_scale_variance(row, 97, is_corrected=False), 0.96, 0.08),
        (kernel, 1.03, 0.08),
        (preaveraged_variance, 1.0, 0.1),
    ],
    ids="ticks seconds sub-5 sub-15 two-scales uncorrected kernel pre-averaged".split(),
)
def test_noise_on_each_price(estimator: Estimator, expected: float, tolerance: float) -> None:
    assert mean_of(estimator, ROWS) == pytest.approx(expected, abs=tolerance)


def test_a_lone_jump_counts_in_some_and_not_in_others() -> None:
    """The variance of the jump itself is 2.25e-6, more than a third of what is looked for."""
    plain, bipower = mean_of(realised_variance, JUMPED), mean_of(bipower_variance, JUMPED)
    median, truncated = mean_of(median_variance, JUMPED), mean_of(truncated_variance, JUMPED)
    calm = mean_of(lambda row: realised_variance(each_second(row)), ROWS)
    assert plain - calm == pytest.approx(15e-4**2 / TRUE, abs=0.05)
    assert plain > bipower > median
    assert abs(truncated - calm) < 0.05
    assert abs(median - calm) < 0.12


def bars(row: Sequence[float], seconds: int = 60) -> list[Bar]:
    parts = [row[first : first + seconds + 1] for first in range(0, len(row) - 1, seconds)]
    return [Bar(part[0], max(part), min(part), part[-1]) for part in parts]


@pytest.mark.parametrize(
    ("estimator", "biased"),
    [(parkinson, 0.85), (garman_klass, 0.78), (rogers_satchell, 0.78)],
    ids=["Parkinson", "Garman-Klass", "Rogers-Satchell"],
)
def test_ranges_of_sampled_prices_are_too_small_without_the_correction(
    estimator: Callable[[Bar, float], float], biased: float
) -> None:
    every = [bar for seed in range(60) for bar in bars(each_second(ticks(seed, noise=0.0)))]
    correction = sampling_correction(sqrt(TRUE / SECONDS))
    assert fmean(estimator(bar, 0.0) for bar in every) * 15 / TRUE == pytest.approx(biased, abs=0.05)
    assert fmean(estimator(bar, correction) for bar in every) * 15 / TRUE == pytest.approx(1.0, abs=0.07)


def test_yang_zhang_of_sampled_prices() -> None:
    rows = [bars(each_second(ticks(seed, noise=0.0))) for seed in range(60)]
    correction = sampling_correction(sqrt(TRUE / SECONDS))
    assert fmean(yang_zhang(row, correction) for row in rows) * 15 / TRUE == pytest.approx(1.0, abs=0.07)


# What holds of any prices ---------------------------------------------------------------------------------

ALL: list[Estimator] = [
    realised_variance,
    lambda row: subsampled_variance(row, 3),
    noise_variance,
    lambda row: two_scale_variance(row, 3),
    lambda row: realised_kernel(row, 4),
    preaveraged_variance,
    bipower_variance,
    median_variance,
    truncated_variance,
    lambda row: ewma_variance(row, 5.0),
]
rows_of_prices = st.lists(st.floats(50.0, 200.0), min_size=12, max_size=40)


@pytest.mark.parametrize("estimator", ALL)
@given(row=rows_of_prices, unit=st.sampled_from([1e-6, 0.01, 7.0, 1e6]))
def test_the_unit_of_the_price_does_not_matter(estimator: Estimator, row: list[float], unit: float) -> None:
    assert estimator([price * unit for price in row]) == pytest.approx(estimator(row), rel=1e-6, abs=1e-10)


@given(row=rows_of_prices)
def test_sums_of_squares_are_never_negative_and_nothing_moves_in_a_still_market(row: list[float]) -> None:
    for estimator in (realised_variance, bipower_variance, median_variance, truncated_variance, noise_variance):
        assert estimator(row) >= 0.0
    assert [estimator([100.0] * 20) for estimator in ALL] == [0.0] * len(ALL)


@given(row=rows_of_prices, step=st.integers(1, 8))
def test_a_kernel_of_no_width_and_a_step_of_one_are_the_plain_sum(row: list[float], step: int) -> None:
    assert realised_kernel(row, 0) == realised_variance(row) == subsampled_variance(row, 1)
    parts = [_plain(row[first::step]) for first in range(step)]
    assert subsampled_variance(row, step) == pytest.approx(sum(parts) / step, rel=1e-9)


def _plain(row: Sequence[float]) -> float:
    return realised_variance(row) if len(row) > 1 else 0.0


def test_irregular_times_are_weighted_by_how_long_they_are() -> None:
    """Two returns a second apart, then one over two seconds."""
    prices, moves = PRICES[:4], log_returns(PRICES[:4])
    expected = 0.5 * moves[0] ** 2 + 0.5 * moves[1] ** 2
    expected = 0.25 * expected + 0.75 * moves[2] ** 2 / 2.0
    assert ewma_variance(prices, 1.0, [0.0, 1.0, 2.0, 4.0]) == pytest.approx(expected, rel=1e-12)
    assert ewma_variance(PRICES, 4.0, range(13)) == ewma_variance(PRICES, 4.0)


def test_the_signature_of_a_straight_line_grows_with_the_step() -> None:
    line = [100.0 * exp(1e-5 * place) for place in range(200)]
    assert signature(line, (1, 5, 60)) == pytest.approx([1e-10, 5e-10, 60e-10], rel=1e-6)


# What they refuse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: realised_variance([100.0]), "at least 2 are needed"),
        (lambda: realised_variance([100.0, 0.0]), "no price"),
        (lambda: realised_variance([100.0, -1.0]), "above 0"),
        (lambda: realised_variance([100.0, float("nan")]), "no price"),
        (lambda: realised_variance([100.0, float("inf")]), "no price"),
        (lambda: subsampled_variance(PRICES, 13), "at least 14 are needed"),
        (lambda: subsampled_variance(PRICES, 0), "at least one price"),
        (lambda: bipower_variance(PRICES[:2]), "at least 3 are needed"),
        (lambda: median_variance(PRICES[:3]), "at least 4 are needed"),
        (lambda: two_scale_variance(PRICES, 1), "at least 2 prices"),
        (lambda: two_scale_variance(PRICES, 12), "at least 14 are needed"),
        (lambda: realised_kernel(PRICES, -1), "0 or more"),
        (lambda: realised_kernel(PRICES, 12), "at least 14 are needed"),
        (lambda: preaveraged_variance([100.0]), "too few"),
        (lambda: preaveraged_variance(PRICES, 100.0), "too few"),
        (lambda: two_scale_step(1e-9, 0.0, 12), "above 0"),
        (lambda: kernel_bandwidth(-1e-9, 1e-6, 12), "above 0"),
        (lambda: parkinson(Bar(100.0, 99.0, 98.0, 98.5)), "no bar"),
        (lambda: rogers_satchell(Bar(100.0, 101.0, 0.0, 100.0)), "no bar"),
        (lambda: yang_zhang([BAR]), "at least 2 are needed"),
        (lambda: yang_zhang([BAR, BAR], has_nights=True), "at least 3 are needed"),
        (lambda: ewma_variance(PRICES, 0.0), "half-life"),
        (lambda: ewma_variance(PRICES, 4.0, [0.0, 1.0]), "a time of its own"),
        (lambda: ewma_variance(PRICES[:3], 4.0, [0.0, 1.0, 1.0]), "must ascend"),
    ],
)
def test_what_cannot_be_had_is_said_in_words(wrong: Callable[[], float], words: str) -> None:
    with pytest.raises(RealisedError, match=words):
        wrong()
