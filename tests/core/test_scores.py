"""Scores against numbers found by hand, identities that must hold to the last bit, and intervals that cover what they say."""

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from backtests.core.scores import (
    Floats,
    block_draws,
    brier_losses,
    calibration_error,
    day_draws,
    diebold_mariano,
    interval,
    log_losses,
    long_run_variance,
    mean,
    murphy,
    reliability_diagram,
    resampled,
    skill,
    vote_weights,
)

P = np.array([0.1, 0.4, 0.8, 0.9])
Y = np.array([0.0, 1.0, 1.0, 0.0])
ONE = np.ones(4)


def test_brier_and_log_loss_by_hand() -> None:
    assert mean(brier_losses(P, Y), ONE) == pytest.approx((0.01 + 0.36 + 0.04 + 0.81) / 4)
    by_hand = -(log(0.9) + log(0.4) + log(0.8) + log(0.1)) / 4
    assert mean(log_losses(P, Y), ONE) == pytest.approx(by_hand)


def test_log_loss_is_clipped_at_a_millionth() -> None:
    assert log_losses(Y, Y) == pytest.approx(np.zeros(4), abs=2e-6)
    assert log_losses(np.array([0.0]), np.array([1.0]))[0] == pytest.approx(-log(1e-6))
    assert log_losses(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(-log(1e-6), rel=1e-9)


def test_a_window_has_one_vote_however_often_it_was_forecast() -> None:
    window = np.array([0, 0, 0, 1])
    w = vote_weights(window)
    assert w.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])
    losses = np.array([0.3, 0.3, 0.3, 0.1])
    assert mean(losses, w) == pytest.approx(0.2)  # and not 0.25


def test_skill_is_against_the_market_and_none_where_it_made_no_error() -> None:
    assert skill(0.139, 0.131) == pytest.approx(1 - 0.139 / 0.131)
    assert skill(0.1, 0.0) is None


def test_murphy_by_hand() -> None:
    p = np.array([0.1, 0.1, 0.1, 0.1, 0.7, 0.7])
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    parts = murphy(p, y, np.ones(6))
    assert parts.reliability == pytest.approx((4 * (0.1 - 0.25) ** 2 + 2 * (0.7 - 1.0) ** 2) / 6)
    assert parts.resolution == pytest.approx((4 * (0.25 - 0.5) ** 2 + 2 * (1.0 - 0.5) ** 2) / 6)
    assert parts.uncertainty == 0.25
    assert parts.remainder == pytest.approx(0.0, abs=1e-15)  # equal forecasts in a bin hide nothing


NUMBERS = arrays.arrays(np.float64, 30, elements=st.floats(0.0, 1.0))
COINS = arrays.arrays(np.float64, 30, elements=st.sampled_from([0.0, 1.0]))
VOTES = arrays.arrays(np.float64, 30, elements=st.floats(0.05, 1.0))


@given(p=NUMBERS, y=COINS, w=VOTES, bins=st.integers(1, 20))
@settings(max_examples=200)
def test_murphys_parts_add_up_to_brier_exactly_with_what_the_bins_hide(
    p: Floats, y: Floats, w: Floats, bins: int
) -> None:
    parts = murphy(p, y, w, bins)
    whole = parts.reliability - parts.resolution + parts.uncertainty + parts.remainder
    assert whole == pytest.approx(mean(brier_losses(p, y), w), abs=1e-12)


@given(p=NUMBERS, y=COINS, w=VOTES)
def test_the_diagram_counts_every_row_once(p: Floats, y: Floats, w: Floats) -> None:
    bins = reliability_diagram(p, y, w)
    assert sum(one.rows for one in bins) == 30
    assert sum(one.windows for one in bins) == pytest.approx(w.sum())
    told = sum(one.windows * one.forecast for one in bins if one.forecast is not None)
    assert told == pytest.approx(float(p @ w))
    assert all((one.forecast is None) == (one.rows == 0) for one in bins)


def test_calibration_error_of_a_perfect_forecaster_is_nought_and_of_a_liar_what_he_lies_by() -> None:
    p = np.repeat([0.2, 0.5, 0.8], 10)
    y = np.concatenate([np.repeat([1.0, 0.0], (2, 8)), np.repeat([1.0, 0.0], (5, 5)), np.repeat([1.0, 0.0], (8, 2))])
    w = np.ones(30)
    assert calibration_error(p, y, w).value == pytest.approx(0.0, abs=1e-15)
    assert calibration_error(p + 0.1, y, w).value == pytest.approx(0.1)


def test_calibration_error_has_bins_of_equal_count_and_does_not_depend_on_the_order_of_rows() -> None:
    random = np.random.default_rng(5)
    p, y = random.random(1_000), (random.random(1_000) < 0.5).astype(float)
    found = calibration_error(p, y, np.ones(1_000))
    assert found.counts == (50,) * 20
    order = random.permutation(1_000)
    assert calibration_error(p[order], y[order], np.ones(1_000)).value == pytest.approx(found.value, abs=1e-12)
    ordered = np.argsort(p)
    by_hand = sum(abs((p - y)[ordered][50 * k : 50 * k + 50].sum()) for k in range(20)) / 1_000
    assert found.value == pytest.approx(by_hand)


def test_a_forecaster_who_says_one_number_is_one_bin() -> None:
    found = calibration_error(np.full(40, 0.5), np.repeat([1.0, 0.0], (30, 10)), np.ones(40))
    assert found.value == pytest.approx(0.25)
    assert sorted(found.counts)[-1] == 40


def test_newey_west_by_hand() -> None:
    d = np.array([1.0, -2.0, 0.5, 0.5])
    gamma = [float(d[k:] @ d[: 4 - k]) / 4 for k in range(3)]
    assert long_run_variance(d, 2) == pytest.approx(gamma[0] + 2 * (2 / 3 * gamma[1] + 1 / 3 * gamma[2]))


def test_equal_forecasts_are_not_told_apart() -> None:
    tested = diebold_mariano(np.zeros(200), np.ones(200))
    assert (tested.mean, tested.t, tested.p) == (0.0, None, 1.0)


def test_diebold_mariano_by_hand_without_correlation() -> None:
    d = np.array([0.1, -0.05, 0.2, 0.0, 0.02, 0.11])
    tested = diebold_mariano(d, np.ones(6), lag=0)
    error = sqrt(float(np.square(d - d.mean()).mean()) / 6)
    assert tested.mean == pytest.approx(d.mean())
    assert tested.error == pytest.approx(error)
    assert tested.t == pytest.approx(d.mean() / error)


def test_windows_of_one_close_are_one_draw() -> None:
    """Four assets that say the same are as sure as one, not as four."""
    random = np.random.default_rng(9)
    d = random.normal(0.01, 0.1, 300)
    alone, fourfold = diebold_mariano(d, np.ones(300)), diebold_mariano(4 * d, np.full(300, 4.0))
    assert fourfold.t == pytest.approx(alone.t)
    assert fourfold.mean == pytest.approx(alone.mean)


def test_diebold_mariano_claims_a_difference_where_there_is_none_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(11)
    claims = sum(diebold_mariano(random.normal(0, 1, 400), np.ones(400)).p < 0.05 for _ in range(400))
    assert 8 <= claims <= 44  # 5 % of 400 is 20; Newey and West's is a little too sure


def test_draws_are_seeded_whole_and_in_runs() -> None:
    draws = block_draws(500, seed=1, draws=200)
    assert np.array_equal(draws, block_draws(500, seed=1, draws=200))
    assert not np.array_equal(draws, block_draws(500, seed=2, draws=200))
    assert (draws.sum(axis=1) == 500).all()
    together = np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]
    apart = np.corrcoef(draws[:, :-100].ravel(), draws[:, 100:].ravel())[0, 1]
    assert together == pytest.approx(1 - 1 / 8, abs=0.03)  # a neighbour is drawn with it seven times of eight
    assert abs(apart) < 0.03


def test_days_are_drawn_whole() -> None:
    draws = day_draws(np.array([0, 0, 0, 1, 1, 2]), seed=3, draws=50)
    assert (draws[:, 0] == draws[:, 1]).all()
    assert (draws[:, 1] == draws[:, 2]).all()
    assert (draws[:, 3] == draws[:, 4]).all()
    assert (draws[:, [0, 3, 5]].sum(axis=1) == 3).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say_also_when_neighbours_move_together() -> None:
    random = np.random.default_rng(17)
    draws = block_draws(400, seed=4, draws=600)
    noise = random.normal(0, 1, (120, 404))
    series = noise[:, 4:] + noise[:, 3:-1] + noise[:, 2:-2]  # moving average: three neighbours share their shocks
    means = resampled(draws, series.T, np.ones((400, 120)))
    bounds = [interval(means[:, number]) for number in range(120)]
    covered = sum(low <= 0.0 <= high for low, high in bounds)
    naive = sum(abs(row.mean()) < 1.96 * row.std() / 20 for row in series)
    assert 104 <= covered <= 120  # of 120; a naive interval covers far fewer
    assert naive < 96
