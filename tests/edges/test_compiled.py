"""What is compiled says what the same code says live: to the last digit that counts, and with the same errors."""

import subprocess
import sys
from collections.abc import Callable
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.compiled import NO_PIECES, NO_TABLE, Columns, columns, compiled, probabilities
from markets.core.contract import Averaging
from tests.reference_rows import TABLE
from trading.core import model, tails
from trading.core.fair_value import terms_of
from trading.core.model import FLAT, PricingError, Seen, Terms, digital, sensitivities, settled_chance
from trading.core.tails import EMPIRICAL, MIXTURE, NORMAL, STUDENT, Tails, student_cdf, tail_cdf, uncertain_cdf, wide_of
from trading.core.variants import SCORES

SECOND_NS = 1_000_000_000
STRIKE = 85_000.0
CLOCK = ((0.0, 45.5, 1.3), (45.5, 400.0, 0.0), (400.0, inf, 2.25))
FOUND = tuple(0.3 * student_cdf(-3.0 + place * 0.25, 2.5) + 0.35 for place in range(25))
SHAPES = {
    "normal": Tails(NORMAL),
    "t 4": Tails(STUDENT, 4.0),
    "t 3.5": Tails(STUDENT, 3.5),
    "t 60": Tails(STUDENT, 60.0),
    "mixture": Tails(MIXTURE, 4.0, 0.9, 0.85, wide_of(0.9, 0.85)),
    "empirical": Tails(EMPIRICAL, 3.0, start=-3.0, step=0.25),
}


def says(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, or the words it refuses with."""
    try:
        return function(*arguments)
    except PricingError as error:
        return str(error)


def numbers(seen: Seen) -> Seen:
    """Each of the type that a compiled function was made for, so that it is compiled once."""
    known_sum, known_error, level_error = map(float, seen[2:5])
    return Seen(float(seen.spot), int(seen.tau_ns), known_sum, known_error, level_error, int(seen.missing))


def both(name: str, terms: Terms, seen: Seen, motion: tuple[float, float], clock: Any) -> tuple[Any, Any]:
    score, seen = SCORES[name], numbers(seen)  # type: ignore[index]
    table = np.array(clock) if clock else NO_PIECES
    return says(score, terms, seen, *motion, clock), says(compiled(score), terms, seen, *motion, table)


corner = st.sampled_from([0.0, -1.0, nan, inf, 1e300, 5e-324])
spots = st.one_of(st.floats(84_000.0, 86_000.0), corner)
sigmas = st.one_of(st.floats(1e-6, 1e-3), corner)
drifts = st.one_of(st.just(0.0), st.floats(-1e-5, 1e-5), corner)
errors = st.one_of(st.just(0.0), st.floats(0.0, 1e-3), corner)
moments = st.one_of(
    st.integers(0, 950 * SECOND_NS), st.integers(-1, 70).map(lambda second: second * SECOND_NS), st.just(-1)
)
sums = st.one_of(st.floats(0.0, 61 * STRIKE), corner)
strikes = st.one_of(st.floats(84_000.0, 86_000.0), corner)


@pytest.mark.parametrize("name", SCORES)
@settings(deadline=None)  # the first call compiles
@given(
    strike=strikes,
    seen=st.builds(Seen, spots, moments, sums, errors, errors, st.sampled_from([0, 0, 3, 60, 61, -1])),
    motion=st.tuples(sigmas, drifts),
    is_open=st.booleans(),
    clock=st.sampled_from([(), CLOCK]),
)
def test_every_model_scores_alike_and_refuses_alike(
    name: str, strike: float, seen: Seen, motion: tuple[float, float], *, is_open: bool, clock: Any
) -> None:
    plain, fast = both(name, Terms(strike, 60, SECOND_NS, SECOND_NS * is_open), seen, motion, clock)
    if isinstance(plain, str):
        assert fast == plain
    else:
        assert fast == pytest.approx(plain, rel=1e-13, abs=1e-300, nan_ok=True)
        assert tail_cdf(fast[0], SHAPES["t 4"], ()) == pytest.approx(
            tail_cdf(plain[0], SHAPES["t 4"], ()), abs=1e-15, nan_ok=True
        )


@pytest.mark.parametrize("shape", SHAPES)
@settings(deadline=None)  # the first call compiles
@given(z=st.one_of(st.floats(-60.0, 60.0), st.sampled_from([inf, -inf, 0.0, 1e300, -1e300])), error=st.floats(0.0, 0.5))
def test_every_shape_of_tails_is_the_same(shape: str, z: float, error: float) -> None:
    chosen, table = SHAPES[shape], np.array(FOUND)
    assert compiled(tail_cdf)(z, chosen, table) == pytest.approx(tail_cdf(z, chosen, FOUND), abs=1e-15)
    blurred = uncertain_cdf(z, error, chosen, FOUND)
    assert compiled(uncertain_cdf)(z, error, chosen, table) == pytest.approx(blurred, abs=1e-15)


@settings(deadline=None)  # the first call compiles
@given(spots, strikes, sigmas, st.one_of(st.floats(0.0, 900.0), corner), drifts)
def test_the_digital_is_the_same(spot: float, strike: float, sigma: float, tau_s: float, drift: float) -> None:
    plain = says(digital, spot, strike, sigma, tau_s, drift)
    fast = says(compiled(digital), spot, strike, sigma, tau_s, drift)
    assert fast == (plain if isinstance(plain, str) else pytest.approx(plain, abs=1e-15, nan_ok=True))


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_it_has_the_known_value(case: Any) -> None:
    name = "gbm_avg" if case.model.startswith("gbm") else case.model
    motion = (case.sigma / case.scale, case.drift / case.scale)
    clock = tuple(tuple(float(each) for each in piece) for piece in case.profile)
    terms = case.terms._replace(strike=float(case.terms.strike))
    plain, fast = both(name, terms, case.seen, motion, clock)
    assert fast == pytest.approx(plain, rel=1e-14)
    assert tail_cdf(fast[0], case.tails, ()) == pytest.approx(case.expected, abs=case.tolerance)


def test_what_follows_from_a_score_is_the_same() -> None:
    for score in ((0.3, 1e-3), (-2.0, 5e-4), (inf, 0.0)):
        assert compiled(sensitivities)(score, 8e-5, STRIKE) == pytest.approx(
            sensitivities(score, 8e-5, STRIKE), rel=1e-15
        )
    assert compiled(settled_chance)(0.7, 0.1) == settled_chance(0.7, 0.1)


def test_it_is_the_very_code_that_prices_live() -> None:
    functions: list[Callable[..., Any]] = [*SCORES.values(), tail_cdf]
    for function in functions:
        assert compiled(function).py_func.__code__ is function.__code__  # type: ignore[attr-defined]
        assert compiled(function) is compiled(function)
    called = compiled(model.gbm_score).py_func.__globals__  # type: ignore[attr-defined]
    assert called["effective_seconds"] is compiled(model.effective_seconds)
    assert compiled(tails.tail_cdf).py_func.__globals__["student_cdf"] is compiled(tails.student_cdf)  # type: ignore[attr-defined]


# Columns -------------------------------------------------------------------------------------------------


def rows(count: int = 300) -> Columns:
    random = np.random.default_rng(20260513)
    tau_ns = random.integers(0, 900 * SECOND_NS, count)
    tau_ns[::7] = tau_ns[::7] // SECOND_NS * SECOND_NS  # whole seconds: a sample falls exactly then
    known = [60 - model.samples_left(terms_of(STRIKE, 0.0, Averaging()), int(each))[0] for each in tau_ns]
    clocks = [((), CLOCK, ((0.0, 100.0, 0.5),))[place % 3] for place in range(count)]
    ends = np.cumsum([0, *map(len, clocks)])
    return columns(
        STRIKE + random.normal(0.0, 60.0, count),
        STRIKE + random.normal(0.0, 20.0, count),
        random.uniform(3e-5, 3e-4, count),
        tau_ns,
        drift=np.where(random.random(count) < 0.2, 1e-8, 0.0),
        known_sum=np.array(known) * STRIKE,
        known_error=np.full(count, 5e-5),
        level_error=random.uniform(0.0, 1e-4, count),
        missing=np.minimum(np.array(known), 2),
        first_piece=ends,
        pieces=np.array([piece for clock in clocks for piece in clock]),
    )


@pytest.mark.parametrize("window", ["open_right", "closed_right"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SCORES)
def test_a_column_is_priced_row_by_row_as_one_row_is(name: str, shape: str, window: str) -> None:
    table, averaging = rows(), Averaging(window=window)  # type: ignore[arg-type]
    found = probabilities(name, table, SHAPES[shape], np.array(FOUND), averaging=averaging, failure=0.01)
    expected = []
    for i in range(len(table.spot)):
        terms = terms_of(float(table.strike[i]), 0.0, averaging)
        seen = Seen(*(column[i].item() for column in (
            table.spot, table.tau_ns, table.known_sum, table.known_error, table.level_error, table.missing,
        )))  # fmt: skip
        clock = [tuple(piece) for piece in table.pieces[table.first_piece[i] : table.first_piece[i + 1]].tolist()]
        z, _ = SCORES[name](terms, seen, float(table.sigma[i]), float(table.drift[i]), clock)  # type: ignore[index]
        expected.append(settled_chance(tail_cdf(z, SHAPES[shape], FOUND), 0.01))
    assert found == pytest.approx(np.array(expected), abs=2e-15)
    assert found.std() > 0.05  # rows differ


def test_a_row_that_cannot_be_priced_is_refused() -> None:
    table = rows(3)
    table.spot[1] = nan
    with pytest.raises(PricingError, match="spot"):
        probabilities("gbm_avg", table, Tails())


def test_columns_of_unequal_length_are_refused() -> None:
    one, two = np.ones(1), np.ones(2)
    with pytest.raises(ValueError, match="sigma has 2 rows, spot has 1"):
        columns(one, one, two, np.ones(1, np.int64))
    with pytest.raises(ValueError, match="first_piece has 1 rows"):
        columns(one, one, one, np.ones(1, np.int64), first_piece=np.zeros(1, np.int64))


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="choose one of digital, abm_avg, gbm_avg"):
        probabilities("gbm", rows(2), Tails(), NO_TABLE)


@pytest.mark.slow
def test_a_live_trader_never_loads_the_compiler() -> None:
    words = "import sys, backtests.compiled, trading.core.engine; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


def test_a_flat_clock_is_no_clock() -> None:
    assert len(FLAT) == len(NO_PIECES) == 0
