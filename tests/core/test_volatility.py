"""The running variance: what it converges to, what it refuses to learn from, and a known sequence by hand."""

import random
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.core.realised import (
    bipower_variance,
    ewma_variance,
    noise_variance,
    realised_variance,
    subsampled_variance,
)
from trading.core.volatility import HIGHEST, LOWEST, ROOT_YEAR, WARM_S, Volatility, prior

PRICES = (100.00, 100.02, 100.01, 100.05, 100.03, 100.04, 100.10, 100.07, 100.09, 100.08, 100.12, 100.11, 100.15)


def walk(sigma: float, seconds: int, seed: int = 1) -> list[float]:
    """Prices with `sigma` per sqrt(second), one a second."""
    source, level, prices = random.Random(seed), 85_000.0, []
    for _ in range(seconds):
        level *= 1.0 + sigma * source.gauss(0.0, 1.0)
        prices.append(level)
    return prices


def fed(prices: list[float], *, half_life_s: float = 600.0, step_s: int = 5, start: float = 0.5) -> Volatility:
    volatility = Volatility(half_life_s, step_s, start)
    for second, price in enumerate(prices, start=1_000):
        volatility.sample(second, price)
    return volatility


# Known values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (realised_variance(PRICES), 1.0883592551258788e-06),
        (subsampled_variance(PRICES, 3), 6.090716150542209e-07),
        (bipower_variance(PRICES), 1.0267439123811164e-06),
        (noise_variance(PRICES), 4.357281026824829e-08),
        (ewma_variance(PRICES, 4.0), 8.868074458239897e-08),
    ],
    ids=["realised", "subsampled", "bipower", "noise", "ewma"],
)
def test_the_estimators_have_the_known_values(found: float, expected: float) -> None:
    assert found == pytest.approx(expected, rel=1e-9)


def test_it_is_the_weighted_mean_of_prior_and_returns_while_it_is_young() -> None:
    """With an endless half-life and no jumps, the prior counts as 600 returns."""
    volatility = fed(list(PRICES), half_life_s=1e12, step_s=3, start=4.0)
    rates = [log(later / sooner) ** 2 / 3 for sooner, later in zip(PRICES, PRICES[3:], strict=False)]
    expected = (WARM_S * 4.0**2 / ROOT_YEAR**2 + sum(rates)) / (WARM_S + len(rates))
    assert volatility.sigma == pytest.approx(sqrt(expected), rel=1e-9)
    assert volatility.count == len(rates)


# What it converges to ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step_s", [1, 5, 15])
@pytest.mark.parametrize("truth", [0.2, 0.45, 2.0])
def test_it_finds_the_volatility_of_a_random_walk(truth: float, step_s: int) -> None:
    volatility = fed(walk(truth / ROOT_YEAR, 8_000), half_life_s=1_800.0, step_s=step_s)
    assert volatility.annualised == pytest.approx(truth, rel=0.15)


def test_it_starts_from_the_prior_and_leaves_it_smoothly() -> None:
    volatility = Volatility(1_800.0, 5, 0.45)
    assert volatility.annualised == pytest.approx(0.45)
    for second, price in enumerate(walk(0.9 / ROOT_YEAR, 100)):
        before = volatility.annualised
        volatility.sample(second, price)
        assert volatility.annualised == pytest.approx(before, rel=0.02)


def test_it_is_warm_after_ten_minutes_of_returns() -> None:
    volatility = fed(walk(8e-5, WARM_S + 4))
    assert not volatility.is_warm
    volatility.sample(1_000 + WARM_S + 4, 85_000.0)
    assert volatility.is_warm


def test_it_follows_a_lasting_change() -> None:
    volatility = fed(walk(0.3 / ROOT_YEAR, 4_000) + walk(1.5 / ROOT_YEAR, 4_000, seed=2), half_life_s=600.0)
    assert volatility.annualised == pytest.approx(1.5, rel=0.25)


def test_after_a_half_life_of_stillness_half_of_the_variance_is_left() -> None:
    volatility = fed([85_000.0] * 101, half_life_s=100.0, step_s=1, start=0.9)
    assert volatility.annualised**2 == pytest.approx(0.9**2 / 2.0)


# What it does not learn from -----------------------------------------------------------------------------


def test_a_lone_jump_moves_it_little() -> None:
    calm = walk(0.45 / ROOT_YEAR, 4_000)
    jumped = calm[:3_900] + [price * 1.01 for price in calm[3_900:]]
    quiet, shaken = fed(calm, half_life_s=1_800.0), fed(jumped, half_life_s=1_800.0)
    assert shaken.annualised == pytest.approx(quiet.annualised, rel=0.03)


def test_a_return_over_a_gap_is_not_learnt_from() -> None:
    volatility = Volatility(600.0, 5, 0.45)
    for second in range(100, 110):
        volatility.sample(second, 85_000.0)
    learnt, sigma = volatility.count, volatility.sigma
    for second in range(111, 116):
        volatility.sample(second, 99_000.0)
    assert (volatility.count, volatility.sigma) == (learnt, sigma)
    volatility.sample(116, 99_000.0)
    assert volatility.count == learnt + 1


def test_a_second_counts_once() -> None:
    once, twice = Volatility(600.0, 1, 0.45), Volatility(600.0, 1, 0.45)
    for second, price in enumerate(walk(8e-5, 50)):
        once.sample(second, price)
        twice.sample(second, price)
        twice.sample(second, 1.0)
    assert (once.sigma, once.count) == (twice.sigma, twice.count)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60), st.integers(1, 7), st.floats(0.01, 50.0))
def test_it_never_leaves_what_is_believable(prices: list[float], step_s: int, start: float) -> None:
    volatility = fed(prices, half_life_s=1.0, step_s=step_s, start=start)
    assert LOWEST * 0.999999 <= volatility.annualised <= HIGHEST * 1.000001


@given(st.integers(1, 20), st.integers(30, 120))
def test_the_step_is_the_distance_of_the_prices_compared(step_s: int, seconds: int) -> None:
    """On a straight line in logs every return over m seconds is m times as long: the rate is m g^2."""
    prices = [100.0 * 1.00002**second for second in range(seconds)]
    volatility = Volatility(1e-3, step_s, 0.10, jump_limit=1e9)
    for second, price in enumerate(prices):
        volatility.sample(second, price)
    rate = step_s * log(1.00002) ** 2
    assert volatility.sigma == pytest.approx(max(sqrt(rate), LOWEST / ROOT_YEAR), rel=1e-6)


# Settings ------------------------------------------------------------------------------------------------


def test_retuning_keeps_what_was_learnt() -> None:
    volatility = fed(walk(0.9 / ROOT_YEAR, 4_000))
    known = volatility.sigma
    volatility.retune(60.0, 10)
    assert volatility.sigma == known
    volatility.sample(5_000, 85_000.0)
    assert volatility.sigma == known


@pytest.mark.parametrize(("half_life_s", "step_s"), [(0.0, 5), (-1.0, 5), (float("nan"), 5), (600.0, 0)])
def test_it_refuses_settings_without_meaning(half_life_s: float, step_s: int) -> None:
    with pytest.raises(ValueError, match="half-life"):
        Volatility(half_life_s, step_s, 0.45)


@pytest.mark.parametrize(("asset", "expected"), [("BTC", 0.45), ("ETH", 0.60), ("DOGE", 1.00), ("NEAR", 0.80)])
def test_each_asset_has_a_prior(asset: str, expected: float) -> None:
    assert prior(asset) == expected
