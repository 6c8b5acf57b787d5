"""Section 9.3 of the pricing notes: what windows that move together are worth together."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.cases import Floats
from backtests.core.joint_kelly import (
    DRAWS,
    States,
    drawn_states,
    exact_states,
    floored,
    growth,
    joint_kelly,
    of_sides,
    repaired,
    shrunk,
    states_of,
)
from trading.core.sizing import kelly_fraction

THREE = (0.56, 0.56, 0.56)
PRICE = (0.5175, 0.5175, 0.5175)
MIXED = np.array([[1.0, 0.85, 0.75], [0.85, 1.0, 0.70], [0.75, 0.70, 1.0]])
IMPOSSIBLE = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])

chances = st.floats(0.02, 0.98)
costs = st.floats(0.02, 0.98)


def alike(count: int, correlation: float) -> Floats:
    matrix = np.full((count, count), correlation)
    np.fill_diagonal(matrix, 1.0)
    return matrix


@st.composite
def correlations(draw: st.DrawFn, count: int) -> Floats:
    """Of `count` moves that each load on three common ones and on one of their own."""
    loads = np.array([[draw(st.floats(-1.0, 1.0)) for _ in range(3)] for _ in range(count)])
    covariance = loads @ loads.T + draw(st.floats(0.05, 1.0)) * np.eye(count)
    spread = np.sqrt(np.diag(covariance))
    matrix: Floats = covariance / np.outer(spread, spread)
    np.fill_diagonal(matrix, 1.0)
    return (matrix + matrix.T) / 2.0


@st.composite
def bets(draw: st.DrawFn, most: int = 4) -> tuple[list[float], list[float], Floats]:
    count = draw(st.integers(1, most))
    p = draw(st.lists(chances, min_size=count, max_size=count))
    return p, draw(st.lists(costs, min_size=count, max_size=count)), draw(correlations(count))


def first_of(states: States, count: int) -> Floats:
    """The chances of the first `count` sides, whatever the others do, numbered like those of `exact_states`."""
    numbers = states.wins[:, :count] @ (2 ** np.arange(count))
    found: Floats = np.bincount(numbers, weights=states.chance, minlength=2**count).astype(np.float64)
    return found


@pytest.mark.parametrize(
    ("correlation", "outcomes", "joint", "if_alone"),
    [
        (0.0, 0.0, 0.0868, 0.0108),
        (0.5, 0.33, 0.0526, 0.0034),
        (0.8, 0.59, 0.0403, -0.0024),
        (0.95, 0.80, 0.0339, -0.0071),
    ],
)
def test_section_9_three_equal_bets(correlation: float, outcomes: float, joint: float, if_alone: float) -> None:
    states = states_of(THREE, alike(3, correlation))
    found = joint_kelly(THREE, PRICE, alike(3, correlation))
    alone = [kelly_fraction(0.56, 0.5175)] * 3
    assert alone[0] == pytest.approx(0.0881, abs=5e-5)
    assert states.correlation == pytest.approx(alike(3, outcomes), abs=5e-3)
    assert found.fractions == pytest.approx([joint] * 3, abs=5e-5)
    assert growth(alone, PRICE, states) == pytest.approx(if_alone, abs=5e-5)
    assert found.growth == growth(found.fractions, PRICE, states) > max(if_alone, 0.0)


def test_section_9_the_mixed_example() -> None:
    found = joint_kelly((0.56, 0.53, 0.40), (0.5175, 0.5175, 0.36), MIXED)
    assert found.fractions == pytest.approx([0.0595, 0.0, 0.0404], abs=5e-5)
    assert found.fractions[1] == 0.0


@given(chances, costs)
def test_one_side_is_the_formula_of_kelly(p: float, cost: float) -> None:
    found = joint_kelly([p], [cost], np.eye(1))
    assert found.fractions[0] == pytest.approx(kelly_fraction(p, cost), abs=2e-7)


@settings(max_examples=25, deadline=None)
@given(bets())
def test_no_other_shares_grow_faster(bet: tuple[list[float], list[float], Floats]) -> None:
    p, cost, correlation = bet
    states, found = states_of(p, correlation), joint_kelly(p, cost, correlation)
    assert found.fractions.min() >= 0.0
    assert found.fractions.sum() <= 1.0
    others = [
        np.zeros(len(p)),
        np.array([kelly_fraction(chance, price) for chance, price in zip(p, cost, strict=True)]),
    ]
    rng = np.random.default_rng(7)
    for size in (1e-4, 1e-2, 0.1):
        near = np.maximum(found.fractions + size * rng.normal(size=(50, len(p))), 0.0)
        others += [row for row in near if row.sum() <= 1.0]
    allowed = [other for other in others if other.sum() <= 1.0]
    assert found.growth >= max(growth(other, cost, states) for other in allowed) - 1e-10


@settings(max_examples=25, deadline=None)
@given(bets())
def test_at_the_shares_found_no_side_is_worth_more(bet: tuple[list[float], list[float], Floats]) -> None:
    """The slope towards any corner of what is allowed bounds what is missed: the growth is concave."""
    p, cost, correlation = bet
    states, found = states_of(p, correlation), joint_kelly(p, cost, correlation)
    returns = states.wins / np.array(cost) - 1.0
    slope = states.chance @ (returns / (1.0 + returns @ found.fractions)[:, None])
    assert max(float(slope.max()), 0.0) - float(slope @ found.fractions) < 1e-5


@settings(max_examples=25, deadline=None)
@given(bets())
def test_the_states_are_everything_that_may_happen(bet: tuple[list[float], list[float], Floats]) -> None:
    p, _, correlation = bet
    states = states_of(p, correlation)
    assert states.wins.shape == (2 ** len(p), len(p))
    assert len(np.unique(states.wins, axis=0)) == 2 ** len(p)
    assert states.chance.min() >= 0.0
    assert states.chance.sum() == pytest.approx(1.0, abs=1e-12)
    assert states.margins == pytest.approx(p, abs=2e-5)


def test_independent_sides_win_together_by_the_product() -> None:
    p = np.array([0.2, 0.5, 0.7, 0.9])
    states = states_of(p, np.eye(4))
    assert states.chance == pytest.approx(np.prod(np.where(states.wins, p, 1.0 - p), axis=1), abs=1e-6)


def test_all_even_sides_win_together_by_the_known_angles() -> None:
    """Three medians: 1/8 + (the three arcsines) / 4 pi."""
    states = states_of([0.5] * 3, MIXED)
    known = 0.125 + np.arcsin([0.85, 0.75, 0.70]).sum() / (4.0 * np.pi)
    assert states.chance[states.wins.all(axis=1)] == pytest.approx(known, abs=1e-6)
    assert states.chance[(~states.wins).any(axis=1) & (~states.wins).all(axis=1)] == pytest.approx(known, abs=1e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.8, 0.95])
def test_drawn_states_are_the_exact_ones_within_the_error_of_draws(correlation: float) -> None:
    p = np.array([0.56, 0.5, 0.3, 0.7, 0.9])
    exact = exact_states(p[:4], alike(4, correlation)).chance
    error = 3.0 * np.sqrt(exact * (1.0 - exact) / DRAWS) + 2.0 / DRAWS
    for drawn in (drawn_states(p[:4], alike(4, correlation)), states_of(p, alike(5, correlation))):
        assert drawn.chance.sum() == pytest.approx(1.0, abs=1e-9)
        assert drawn.margins == pytest.approx(p[: drawn.wins.shape[1]], abs=1e-6)
        assert np.all(np.abs(first_of(drawn, 4) - exact) <= error)


def test_five_equal_bets_by_draws_are_near_equal_and_less_than_four_each() -> None:
    four = joint_kelly([0.56] * 4, [0.5175] * 4, alike(4, 0.8))
    five = joint_kelly([0.56] * 5, [0.5175] * 5, alike(5, 0.8))
    assert five.fractions == pytest.approx([float(five.fractions.mean())] * 5, rel=0.05)
    assert five.fractions.max() < four.fractions.min()
    assert five.fractions.sum() > four.fractions.sum()
    assert five.growth > four.growth


def test_what_no_draw_showed_may_happen() -> None:
    """That five independent sides of 98 % all lose is rarer than a draw, and yet not everything is staked."""
    states = states_of([0.98] * 5, np.eye(5))
    nobody = ~states.wins.any(axis=1)
    assert 0.0 < states.chance[nobody] < 1e-4
    assert joint_kelly([0.98] * 5, [0.9] * 5, np.eye(5)).fractions.sum() < 1.0


@pytest.mark.parametrize("count", [3, 5])
def test_the_same_question_has_the_same_answer(count: int) -> None:
    first, second = (joint_kelly([0.6] * count, [0.5] * count, alike(count, 0.7)) for _ in range(2))
    assert first.fractions.tolist() == second.fractions.tolist()
    assert first.growth == second.growth


def test_opposite_sides_hedge_each_other() -> None:
    same = joint_kelly([0.56, 0.56], [0.5175, 0.5175], of_sides(alike(2, 0.8), [True, True]))
    opposite = joint_kelly([0.56, 0.56], [0.5175, 0.5175], of_sides(alike(2, 0.8), [True, False]))
    assert opposite.fractions.min() > kelly_fraction(0.56, 0.5175) > same.fractions.max()
    assert opposite.growth > same.growth


def test_of_opposite_sides_the_correlation_is_turned() -> None:
    turned = [[1.0, -0.85, 0.75], [-0.85, 1.0, -0.70], [0.75, -0.70, 1.0]]
    assert of_sides(MIXED, [True, False, True]).tolist() == turned
    assert of_sides(MIXED, [False] * 3).tolist() == MIXED.tolist()


def test_a_no_wins_where_the_yes_loses() -> None:
    yes = states_of([0.6, 0.3], alike(2, 0.7))
    mixed = states_of([0.6, 0.7], of_sides(alike(2, 0.7), [True, False]))
    for wins, chance in zip(yes.wins, yes.chance, strict=True):
        same = (mixed.wins == [wins[0], not wins[1]]).all(axis=1)
        assert mixed.chance[same] == pytest.approx(chance, abs=1e-9)


def test_sides_that_never_lose_together_may_take_the_whole_bankroll() -> None:
    found = joint_kelly([0.5, 0.5], [0.45, 0.45], alike(2, -1.0))
    assert found.fractions == pytest.approx([0.5, 0.5], abs=1e-6)
    assert found.growth == pytest.approx(np.log(0.5 / 0.45), abs=1e-6)


def test_a_state_that_takes_everything_has_no_growth() -> None:
    assert growth([0.5, 0.5], [0.5, 0.5], states_of([0.9, 0.9], alike(2, 0.5))) == -inf


def test_correlations_are_shrunk_a_fifth_of_the_way_to_their_mean() -> None:
    moved = shrunk(np.array([[1.0, 0.9, 0.6], [0.9, 1.0, 0.6], [0.6, 0.6, 1.0]]))
    assert moved == pytest.approx(np.array([[1.0, 0.86, 0.62], [0.86, 1.0, 0.62], [0.62, 0.62, 1.0]]))
    assert shrunk(np.eye(1)).tolist() == [[1.0]]


def test_correlations_are_at_least_one_half() -> None:
    assert floored(alike(3, 0.2)).tolist() == alike(3, 0.5).tolist()
    assert floored(MIXED).tolist() == MIXED.tolist()
    assert repaired(np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.3], [0.3, 0.3, 1.0]])) == pytest.approx(
        np.array([[1.0, 0.82, 0.5], [0.82, 1.0, 0.5], [0.5, 0.5, 1.0]])
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 6).flatmap(lambda count: st.lists(st.floats(-1.0, 1.0), min_size=count**2, max_size=count**2)))
def test_whatever_was_measured_is_repaired_to_what_moves_can_have(numbers: list[float]) -> None:
    square = np.array(numbers).reshape(round(len(numbers) ** 0.5), -1)
    measured = np.tril(square, -1) + np.tril(square, -1).T + np.eye(len(square))
    believed = repaired(measured)
    assert np.linalg.eigvalsh(believed)[0] > -1e-12
    assert np.all(believed >= 0.5 - 1e-12)
    assert np.all(np.diag(believed) == 1.0)


def test_a_repair_shrinks_on_until_moves_can_have_it() -> None:
    measured = np.array([[1, 1, 0.5, 1], [1, 1, 1, 0.5], [0.5, 1, 1, 1], [1, 0.5, 1, 1]])
    assert np.linalg.eigvalsh(floored(shrunk(measured)))[0] < -0.05
    assert np.linalg.eigvalsh(repaired(measured))[0] == pytest.approx(0.0, abs=1e-12)
    assert joint_kelly([0.56] * 4, [0.5175] * 4, repaired(measured)).fractions.min() > 0.0


@pytest.mark.parametrize("wrong", [0.0, 1.0, -0.1, 1.2, nan, inf])
def test_it_refuses_a_probability_or_a_cost_that_is_not_between_0_and_1(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"p of .*: it must be between 0 and 1"):
        joint_kelly([0.5, wrong], [0.4, 0.4], np.eye(2))
    with pytest.raises(ValueError, match=r"a cost of .*: it must be between 0 and 1"):
        joint_kelly([0.5, 0.5], [0.4, wrong], np.eye(2))


@pytest.mark.parametrize(
    ("correlation", "sentence"),
    [
        (np.eye(3), "2 sides need 2 x 2"),
        (np.array([[1.0, 0.5], [0.4, 1.0]]), "must be symmetric"),
        (np.array([[1.0, 0.5], [0.5, 0.9]]), "1 on the diagonal"),
        (np.array([[1.0, 1.5], [1.5, 1.0]]), "from -1 to 1"),
        (np.array([[1.0, nan], [nan, 1.0]]), "from -1 to 1"),
    ],
)
def test_it_refuses_what_is_no_correlation(correlation: Floats, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        joint_kelly([0.5, 0.5], [0.4, 0.4], correlation)


def test_it_refuses_correlations_that_no_moves_have() -> None:
    with pytest.raises(ValueError, match=r"eigenvalue -0\.8, and none may be below 0; see `repaired`"):
        states_of(THREE, IMPOSSIBLE)
    assert len(states_of(THREE, repaired(IMPOSSIBLE)).chance) == 8


def test_it_refuses_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="2 probabilities and 1 costs"):
        joint_kelly([0.5, 0.5], [0.4], np.eye(2))
    with pytest.raises(ValueError, match="at least one number"):
        joint_kelly([], [], np.eye(0))
    with pytest.raises(ValueError, match="leave that side out"):
        states_of([0.5, 0.5, 0.5, 0.5, 0.9999], np.eye(5))
    with pytest.raises(ValueError, match="a share of 2"):
        shrunk(MIXED, 2.0)
    with pytest.raises(ValueError, match="a floor of -2"):
        floored(MIXED, -2.0)
    with pytest.raises(ValueError, match="3 sides need 3 x 3"):
        of_sides(np.eye(2), [True, False, True])
