"""What can be said without the spot: about one half; and how the ideal forecaster of the pricing notes would score."""

from math import log

import pytest

from backtests.core.without_spot import LEAST_MOVES, Move, Sigma, ideal_brier, move_of, probabilities
from markets.core.units import SECOND_NS
from trading.core.parameters import Parameters

QUARTER_NS = 900 * SECOND_NS


@pytest.mark.parametrize(
    ("minutes", "averaged", "digital"),
    [  # section 5.3
        (14, 0.235, 0.239), (12, 0.213, 0.218), (10, 0.191, 0.196), (8, 0.167, 0.173), (6, 0.140, 0.148),
        (5, 0.125, 0.134), (4, 0.109, 0.119), (3, 0.091, 0.102), (2, 0.068, 0.083), (1, 0.034, 0.058),
    ],
)  # fmt: skip
def test_the_ideal_forecasters_ladder(minutes: int, averaged: float, digital: float) -> None:
    assert ideal_brier(60.0 * minutes, averaged=True) == pytest.approx(averaged, abs=0.0006)
    assert ideal_brier(60.0 * minutes, averaged=False) == pytest.approx(digital, abs=0.0006)


def test_inside_the_last_minute_there_is_no_such_form() -> None:
    with pytest.raises(ValueError, match="last minute"):
        ideal_brier(59.0, averaged=True)


def test_every_model_says_about_one_half_and_ties_are_worth_what_they_are() -> None:
    said = probabilities(100_000.0, 2, 840.0, 4e-5, Parameters())
    assert all(p == pytest.approx(0.5, abs=0.001) for p in said if p is not None)
    coarse = probabilities(2.1234, 4, 840.0, 4e-5, Parameters())
    assert coarse.abm_avg - said.abm_avg == pytest.approx(0.008, abs=0.002)  # half a unit of 4 decimals at 2.12


def test_sigma_is_that_of_windows_that_had_closed_and_of_no_others() -> None:
    moves = [Move(number * QUARTER_NS, 0.001 * (1 + number % 3)) for number in range(1, 60)]
    known = Sigma(moves)
    at_ns = 40 * QUARTER_NS
    future = [move if move.close_ns <= at_ns else Move(move.close_ns, 0.5) for move in moves]
    assert Sigma(future).before(at_ns) == known.before(at_ns)
    assert Sigma(future).before(at_ns + QUARTER_NS) != known.before(at_ns + QUARTER_NS)
    assert known.before(at_ns) == pytest.approx(0.002 / 880.0056**0.5, rel=0.2)


def test_sigma_is_not_known_before_enough_windows_have_closed_or_while_nothing_moved() -> None:
    moves = [Move(number * QUARTER_NS, 0.001) for number in range(1, LEAST_MOVES + 1)]
    assert Sigma(moves).before((LEAST_MOVES - 1) * QUARTER_NS) is None
    assert Sigma(moves).before(LEAST_MOVES * QUARTER_NS) is not None
    assert Sigma([Move(move.close_ns, 0.0) for move in moves]).before(LEAST_MOVES * QUARTER_NS) is None
    assert Sigma([]).before(0) is None


def test_a_move_is_a_logarithm() -> None:
    assert move_of(5, 100.0, 101.0) == Move(5, log(1.01))
