"""The running signature: the same as in one go, level where prices move freely, and the rows of prices it asks."""

import random
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import YEAR_S
from trading.core.realised import STEPS, signature
from trading.core.returns import Returns
from trading.core.signature import Signature


def walk(seed: int, seconds: int, noise: float = 0.0) -> list[float]:
    source, level, prices = random.Random(seed), 0.0, []
    for _ in range(seconds):
        level += 8e-5 * source.gauss(0.0, 1.0)
        prices.append(100.0 * exp(level + noise * source.gauss(0.0, 1.0)))
    return prices


def running(prices: list[float | None], half_life_s: float = 1e12) -> Signature:
    returns, found = Returns(), Signature(half_life_s)
    for second, price in enumerate(prices):
        if returns.take(second, price):
            found.learn(returns, second)
    return found


@given(seed=st.integers(0, 1_000), seconds=st.integers(61, 200))
def test_with_an_endless_memory_it_is_the_plot_in_one_go(seed: int, seconds: int) -> None:
    prices = walk(seed, seconds)
    assert running([*prices]).variances == pytest.approx(signature(prices), rel=1e-8)


def test_it_is_level_for_a_free_walk_and_falls_where_prices_bounce() -> None:
    free = [point.annualised for point in running([*walk(1, 20_000)]).points()]
    assert free == pytest.approx([8e-5 * YEAR_S**0.5] * 7, rel=0.1)
    bouncing = [point.annualised for point in running([*walk(1, 20_000, noise=1e-4)]).points()]
    assert bouncing[0] > 1.8 * bouncing[-1]
    assert bouncing == sorted(bouncing, reverse=True)


def test_half_an_hour_ago_counts_half() -> None:
    """After returns of one size, as many of none: with a half-life so long, a third of all the weight is on the first."""
    loud = [100.0 * exp(1e-4 * (second % 2)) for second in range(1_801)]
    found = running([*loud, *[loud[-1]] * 1_800], half_life_s=1_800.0).variances[0]
    assert found == pytest.approx(1e-8 / 3, rel=1e-3)


def test_a_gap_costs_the_returns_across_it() -> None:
    prices: list[float | None] = [*walk(1, 100)]
    prices[50] = None
    points = {point.step_s: point.seconds for point in running(prices).points()}
    assert points == {1: 97, 2: 95, 5: 89, 10: 79, 15: 69, 30: 39}
    assert running([None, 100.0]).points() == []


@given(prices=st.lists(st.one_of(st.none(), st.floats(1.0, 9.0)), max_size=60), step_s=st.integers(1, 12))
def test_a_return_is_there_when_every_second_of_it_is(prices: list[float | None], step_s: int) -> None:
    returns = Returns(12, late_s=3)
    for second, price in enumerate(prices):
        returns.take(second, price)
        then = second - 3
        known = then - step_s >= 0 and None not in prices[then - step_s : then + 1]
        found = returns.over(then, step_s) if then >= 0 else None
        assert (found is not None) == known
        if found is not None:
            assert exp(found) == pytest.approx((prices[then] or 0) / (prices[then - step_s] or 1))


@pytest.mark.parametrize("price", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_a_gap(price: float | None) -> None:
    returns = Returns()
    assert returns.take(7, 2.0)
    assert not returns.take(8, price)
    assert not returns.take(7, 3.0)
    assert returns.take(9, 2.0)
    assert (returns.over(9, 1), returns.over(9, 2), returns.over(9, 9_999)) == (None, None, None)
    assert len(STEPS) == 7
