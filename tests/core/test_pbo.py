"""PBO by CSCV: noise, a truly better one, what may not matter, and refusals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.pbo import Overfit, overfit


def noise(seed: int, rows: int = 64, configurations: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(rows, configurations))


def test_noise_is_near_one_half() -> None:
    found = [overfit(noise(seed), 8).probability or 0.0 for seed in range(60)]
    assert abs(np.mean(found) - 0.5) < 0.08


def test_one_that_is_truly_better_is_near_zero() -> None:
    made = noise(1)
    made[:, 7] += 1.5
    found = overfit(made)
    assert found.probability is not None
    assert found.probability < 0.01
    assert found.may_recommend
    assert found.loss is not None
    assert found.loss < 0.01
    assert found.splits == 16
    assert found.choices == 12_870


def test_one_that_shines_in_one_half_only_is_refused() -> None:
    """Each configuration has one good block and loses elsewhere: the best of one half loses on the other."""
    made = np.full((64, 16), -0.1)
    for each in range(16):
        made[4 * each : 4 * each + 4, each] = 1.0
    made += noise(3, 64, 16) * 0.001
    found = overfit(made)
    assert found.probability is not None
    assert found.probability > 0.9
    assert not found.may_recommend
    assert "none is recommended" in found.words


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.001, 1e9))
def test_neither_the_order_of_configurations_nor_the_unit_of_money_matters(seed: int, unit: float) -> None:
    made = noise(seed, 24, 6)
    order = np.random.default_rng(seed).permutation(6)
    assert overfit(made[:, order] * unit, 8).probability == overfit(made, 8).probability


def test_copies_of_one_configuration_do_not_help_it() -> None:
    made = noise(5, 32, 2)
    twice = np.concatenate([made, made], axis=1)
    alone, both = overfit(made, 8), overfit(twice, 8)
    assert alone.probability is not None
    assert both.probability == pytest.approx(alone.probability)


def test_configurations_that_never_traded_have_a_place() -> None:
    made = np.zeros((32, 4))
    made[:, 0] = noise(2, 32, 1)[:, 0] * 0.1 + 1.0
    assert overfit(made, 8).probability == 0.0


def test_few_rows_make_fewer_blocks() -> None:
    assert overfit(noise(4, 7, 3)).splits == 6


@pytest.mark.parametrize(
    ("made", "words"),
    [
        pytest.param(np.ones((40, 1)), "nothing to choose", id="one"),
        pytest.param(np.ones((3, 5)), "not enough data: 3 rows", id="short"),
        pytest.param(np.ones((40, 5)), "made the same", id="same"),
    ],
)
def test_what_has_no_number_says_why(made: np.ndarray, words: str) -> None:
    found = overfit(made)
    assert found.probability is None
    assert words in found.words
    assert not found.may_recommend


@pytest.mark.parametrize(
    ("made", "splits"),
    [
        pytest.param(np.ones(5), 16, id="row"),
        pytest.param(np.array([[np.nan, 1.0]] * 20), 16, id="nan"),
        pytest.param(np.ones((20, 2)), 7, id="odd"),
        pytest.param(np.ones((20, 2)), 2, id="two"),
    ],
)
def test_what_is_no_matrix_is_refused(made: np.ndarray, splits: int) -> None:
    with pytest.raises(ValueError, match=r"needs a matrix|even number"):
        overfit(made, splits)


def test_the_verdict_above_one_half_is_no() -> None:
    assert not Overfit(0.51, "", 2, 16).may_recommend
    assert Overfit(0.5, "", 2, 16).may_recommend


def test_how_much_a_configuration_trades_changes_no_rank() -> None:
    made = np.random.default_rng(5).normal(0.0, 1.0, (40, 5))
    made[:, 4] = 0.0
    assert overfit(made * [1e10, 1.0, 1e-7, 1e3, 1.0], 8) == overfit(made, 8)
