"""Forecasts of a variance: by hand on few numbers, better where they should be, and blind to what comes later."""

import random
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.moves import Moves
from backtests.core.variance_forecasts import (
    WARM_MOVES,
    Judged,
    of_moves,
    of_seconds,
    scores,
    seconds_of,
)
from markets.core.units import YEAR_S
from trading.core.realised import subsampled_variance

START = 1_800_000_000 // 900 * 900
QUARTER_NS = 900 * 10**9


def walk(seconds: int, seed: int = 1, sigma: float = 8e-5) -> list[float]:
    source, level, prices = random.Random(seed), 85_000.0, []
    for _ in range(seconds):
        level *= 1.0 + sigma * source.gauss(0.0, 1.0)
        prices.append(level)
    return prices


def moves(count: int, seed: int = 1, sizes: tuple[float, ...] = (2e-3,)) -> Moves:
    source = random.Random(seed)
    found = [source.gauss(0.0, sizes[place * len(sizes) // count]) for place in range(count)]
    closes = np.array([(START + 900 * place) * 10**9 for place in range(count)])
    return Moves(np.array(["BTC"] * count), closes, np.array(found))


def test_the_loss_the_difference_and_its_error_by_blocks() -> None:
    judged = Judged(
        {"first": np.array([1.0, 1.0, 2.0, 2.0]), "other": np.array([2.0, 2.0, 2.0, 2.0])},
        np.array([1.0, 1.0, 2.0, 2.0]),
        np.array([1, 1, 2, 2]),
    )
    first, other = scores(judged)
    assert (first.name, first.worse, first.error, first.ratio) == ("first", 0.0, 0.0, 1.0)
    assert first.loss == pytest.approx((2 * 1.0 + 2 * (log(2.0) + 1.0)) / 4)
    gap = log(2.0) + 0.5 - 1.0  # of the first two; the block of the others has none
    assert other.worse == pytest.approx(gap / 2)
    assert other.error == pytest.approx(gap / 2)
    assert other.ratio == pytest.approx(0.75)


def test_seconds_are_the_last_price_before_each_and_a_long_silence_is_left_out() -> None:
    heard = [(10_200_000, 1.0), (10_900_000, 2.0), (13_000_000, 3.0), (50_500_000, 4.0), (51_000_001, 5.0)]
    seconds, prices = seconds_of(heard, stale_s=4)
    assert list(zip(seconds, prices, strict=True)) == [
        (11, 2.0), (12, 2.0), (14, 3.0), (15, 3.0), (16, 3.0), (17, 3.0), (51, 4.0),
    ]  # fmt: skip


def test_a_forecast_of_seconds_is_held_against_what_came_where_all_of_it_is_there() -> None:
    prices = walk(4_000)
    seconds = [START + place for place in range(4_000)]
    judged = of_seconds("BTC", seconds, prices, ahead_s=300)
    assert len(judged.came) == len(range(660, 3_700, 60))
    ahead = prices[660 : 660 + 301]
    assert judged.came[0] == pytest.approx(subsampled_variance(ahead, 15) / 286 * YEAR_S)
    without = of_seconds("BTC", seconds[:2_000] + seconds[2_001:], prices[:2_000] + prices[2_001:], ahead_s=300)
    assert len(without.came) == len(judged.came) - 5  # those in whose time the missing second is


def test_the_running_forecast_is_better_than_the_prior_where_that_is_wrong() -> None:
    prices, seconds = walk(6_000, sigma=3e-5), [START + place for place in range(6_000)]
    found = {each.name: each for each in scores(of_seconds("BTC", seconds, prices, ahead_s=300))}
    assert found["prior"].worse > 0.5
    assert found["prior"].ratio < 0.25
    assert found["prior"].ratio < 0.5 * found["blend without hours"].ratio < 0.5


def test_a_lasting_change_is_followed_by_the_half_lives_and_not_by_the_prior() -> None:
    found = {each.name: each for each in scores(of_moves(moves(2_000, sizes=(4e-4, 4e-3)), "BTC"))}
    assert found["4 h"].loss < found["mean so far"].loss - 0.3
    assert found["4 h"].loss < found["single 30 min"].loss


@given(seed=st.integers(0, 30), cut=st.integers(WARM_MOVES + 1, 199))
def test_what_comes_later_does_not_change_a_forecast(seed: int, cut: int) -> None:
    one, other = moves(200, seed), moves(200, seed)
    other.move[cut:] *= 30.0
    said, again = of_moves(one, "BTC").said, of_moves(other, "BTC").said
    for name, values in said.items():
        assert values[: cut - WARM_MOVES + 1].tolist() == again[name][: cut - WARM_MOVES + 1].tolist()
    if cut < 199:
        assert said["4 h"].tolist() != again["4 h"].tolist()


@pytest.mark.parametrize("cut", [1_500, 2_200])
def test_what_comes_later_does_not_change_a_forecast_of_seconds(cut: int) -> None:
    prices, seconds = walk(3_000), [START + place for place in range(3_000)]
    other = prices[:cut] + [price * 1.1 for price in walk(3_000 - cut, seed=2, sigma=1e-3)]
    said, again = (of_seconds("BTC", seconds, each, ahead_s=300).said for each in (prices, other))
    before = len(range(660, cut, 60))
    assert len(said["blend"]) > before
    for name in said:
        assert said[name][:before].tolist() == again[name][:before].tolist()
