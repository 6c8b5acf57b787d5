"""Joint Kelly in the engine: against the table of the pricing notes, and against the full solution."""

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.joint_kelly import joint_kelly
from trading.core.joint import LOADINGS, MOST_HELD, Bet, Held, joint_fraction, loading_of
from trading.core.sizing import contracts_for, kelly_fraction

MEASURED = {
    ("BTC", "ETH"): 0.90, ("BTC", "SOL"): 0.86, ("BTC", "XRP"): 0.84, ("BTC", "DOGE"): 0.84,
    ("BTC", "BNB"): 0.79, ("BTC", "HYPE"): 0.62, ("ETH", "SOL"): 0.88,
}  # fmt: skip

probabilities = st.floats(0.02, 0.98)
bets = st.builds(Bet, probabilities, st.floats(0.02, 0.98), st.floats(0.0, 0.95), st.booleans())
holdings = st.lists(st.builds(Held, bets, st.floats(0.0, 0.3)), max_size=MOST_HELD + 2)


def each_beside_the_others(wanted: list[Bet]) -> list[float]:
    """Every bet sized beside the others, again and again, until none changes: the joint solution."""
    shares = [0.0] * len(wanted)
    for _ in range(100):
        for mine, bet in enumerate(wanted):
            others = [Held(other, shares[at]) for at, other in enumerate(wanted) if at != mine]
            shares[mine] = joint_fraction(bet, others)
    return shares


@pytest.mark.parametrize(("correlation", "share"), [(0.0, 0.0868), (0.5, 0.0526), (0.8, 0.0403), (0.95, 0.0339)])
def test_the_table_of_the_notes(correlation: float, share: float) -> None:
    bet = Bet(0.56, 0.5175, sqrt(correlation), is_yes=True)
    assert each_beside_the_others([bet] * 3) == pytest.approx([share] * 3, abs=5e-5)


def test_it_is_the_full_solution_for_the_correlations_that_the_factor_makes() -> None:
    wanted = [Bet(0.56, 0.5175, 0.95, True), Bet(0.53, 0.5175, 0.95, True), Bet(0.40, 0.36, 0.91, True)]
    loadings = np.array([bet.loading for bet in wanted])
    correlation = np.outer(loadings, loadings)
    np.fill_diagonal(correlation, 1.0)
    full = joint_kelly([bet.p for bet in wanted], [bet.cost for bet in wanted], correlation)
    assert each_beside_the_others(wanted) == pytest.approx(list(full.fractions), abs=2e-5)


def test_opposite_sides_hedge() -> None:
    alone = joint_fraction(Bet(0.56, 0.5175, 0.95, True), [])
    with_the_same = joint_fraction(Bet(0.56, 0.5175, 0.95, True), [Held(Bet(0.56, 0.5175, 0.95, True), 0.05)])
    with_the_other = joint_fraction(Bet(0.56, 0.5175, 0.95, True), [Held(Bet(0.56, 0.5175, 0.95, False), 0.05)])
    assert with_the_same < alone < with_the_other


@pytest.mark.parametrize("pair", MEASURED, ids="-".join)
def test_loadings_make_the_measured_correlations(pair: tuple[str, str]) -> None:
    first, second = pair
    assert LOADINGS[first] * LOADINGS[second] == pytest.approx(MEASURED[pair], abs=0.02)


def test_no_two_coins_are_less_correlated_than_the_floor() -> None:
    loadings = [loading_of(asset, 0.5) for asset in (*LOADINGS, "NEW")]
    assert min(one * two for one in loadings for two in loadings) >= 0.5 - 1e-12


@given(bets)
def test_alone_it_is_plain_kelly(bet: Bet) -> None:
    assert joint_fraction(bet, []) == pytest.approx(kelly_fraction(bet.p, bet.cost), abs=1e-12)
    nothing = [Held(Bet(0.5, 0.5, 0.9, True), 0.0)]
    assert joint_fraction(bet, nothing) == pytest.approx(kelly_fraction(bet.p, bet.cost), abs=1e-4)


@given(bets, holdings)
def test_the_whole_never_costs_more_than_there_is(bet: Bet, held: list[Held]) -> None:
    share = joint_fraction(bet, held)
    assert 0.0 <= share <= max(0.0, 1.0 - sum(each.share for each in held)) + 1e-9


@given(probabilities, st.floats(0.02, 0.9), st.integers(1, 10**13))
def test_fractional_sizes_lose_less_than_a_hundredth_of_a_contract(share: float, cost: float, bankroll: int) -> None:
    whole, fine = contracts_for(share, cost, bankroll), contracts_for(share, cost, bankroll, 1)
    assert whole % 100 == 0
    assert whole - 1 <= fine < whole + 101  # either may be rounded at the edge
    assert fine * cost * 10_000 <= share * bankroll + 1e-6 * bankroll
    assert (fine + 1) * cost * 10_000 > share * bankroll * (1 - 1e-9)


@pytest.mark.parametrize("bet", [Bet(1.1, 0.5, 0.9, True), Bet(0.5, 0.0, 0.9, True)], ids=["p", "cost"])
def test_what_is_none_is_refused(bet: Bet) -> None:
    with pytest.raises(ValueError, match="a probability of"):
        joint_fraction(bet, [])
