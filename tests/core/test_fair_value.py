"""The Pricer: one contract under one set of parameters, by the model and the tails that are configured."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import Averaging, Contract
from markets.core.units import SECOND_NS, YEAR_S
from tests.reference_rows import TABLE, Case, recorded_cases, reference_table
from trading.core.fair_value import Pricer, averaging_of, terms_of
from trading.core.fitted import FittedTails
from trading.core.model import FLAT, PricingError, Seen, digital, gbm_score, samples_left
from trading.core.parameters import Parameters
from trading.core.tails import normal_cdf, student_cdf, wide_of
from trading.core.variants import SHORT_NS

CLOSE_NS = 1_778_686_200 * SECOND_NS
STRIKE = 85_000.0
NORMAL = Parameters(tails="normal")


def contract(strike: float | None = STRIKE, *, decimals: int = 12) -> Contract:
    return Contract("KXBTC15M-T", "KXBTC15M", "BTC", CLOSE_NS - 900 * SECOND_NS, CLOSE_NS, strike, decimals)


def seen(spot: float, tau_s: float, noise: float = 0.0) -> Seen:
    tau_ns = round(tau_s * SECOND_NS)
    known = 60 - samples_left(terms_of(STRIKE, 0.0, Averaging()), tau_ns)[0]
    return Seen(spot, tau_ns, known * STRIKE, 0.0, noise)


# Known values by the road the engine takes ----------------------------------------------------------------


def by_pricer(case: Case) -> float:
    parameters = Parameters(
        model="gbm_avg" if case.model.startswith("gbm") else case.model,  # type: ignore[arg-type]
        tails="mixture" if case.mixture else "normal" if case.freedom == inf else "student_t",
        degrees_of_freedom=case.freedom,
        short_degrees_of_freedom=case.freedom,
        drift=case.drift / case.scale * YEAR_S,
        mixture_weight=case.mixture[0] if case.mixture else 0.9,
        mixture_narrow=case.mixture[1] if case.mixture else 0.85,
        settlement_window=case.window,  # type: ignore[arg-type]
    )
    decimals = 12 if case.decimals is None else case.decimals
    return Pricer(contract(case.strike, decimals=decimals), parameters).price(
        case.seen, case.sigma / case.scale, case.profile
    )[0]


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_it_has_the_known_value(case: Case) -> None:
    assert by_pricer(case) == pytest.approx(case.expected, abs=case.tolerance)


@pytest.mark.recorded
def test_all_reference_rows_agree() -> None:
    if not reference_table().exists():
        pytest.skip(f"no reference values at {reference_table()}")
    cases = list(recorded_cases())
    wrong = [case.name for case in cases if abs(by_pricer(case) - case.expected) > case.tolerance]
    assert (len(cases), wrong) == (54, [])


# What is configured --------------------------------------------------------------------------------------

NOW = seen(85_040.0, 300.0)
Z, S = gbm_score(terms_of(STRIKE, 0.5e-12, Averaging()), NOW, 8e-5, 0.0, FLAT)
FOUND = FittedTails(windows=900, freedom=3.0, start=-2.0, step=1.0, values=(0.03, 0.1, 0.5, 0.9, 0.97))
BARE = FittedTails(windows=900, freedom=3.0)


@pytest.mark.parametrize(
    ("parameters", "learnt", "expected"),
    [
        (Parameters(), None, student_cdf(Z, 4.0)),
        (Parameters(degrees_of_freedom=7.0), None, student_cdf(Z, 7.0)),
        (Parameters(degrees_of_freedom=7.0), FOUND, student_cdf(Z, 3.0)),
        (NORMAL, FOUND, normal_cdf(Z)),
        (Parameters(tails="mixture"), FOUND, 0.9 * normal_cdf(Z / 0.85) + 0.1 * normal_cdf(Z / wide_of(0.9, 0.85))),
        (Parameters(tails="empirical"), None, student_cdf(Z, 4.0)),
        (Parameters(tails="empirical"), BARE, student_cdf(Z, 3.0)),
        (Parameters(tails="empirical"), FOUND, 0.5 + 0.4 * Z),
        (Parameters(settlement_failure=0.01), None, 0.99 * student_cdf(Z, 4.0)),
        (Parameters(model="digital"), FOUND, digital(85_040.0, STRIKE, 8e-5, 300.0)),
        (Parameters(model="digital", drift=40.0), None, digital(85_040.0, STRIKE, 8e-5, 300.0, 40.0 / YEAR_S)),
    ],
)
def test_the_tails_are_those_that_are_configured(
    parameters: Parameters, learnt: FittedTails | None, expected: float
) -> None:
    assert 0.0 < Z < 1.0
    assert Pricer(contract(), parameters).price(NOW, 8e-5, FLAT, learnt)[0] == pytest.approx(expected, abs=1e-12)


def test_its_score_and_deviation_give_back_the_probability() -> None:
    p, z, s = Pricer(contract(), Parameters()).price(NOW, 8e-5)
    assert (p, z, s) == (student_cdf(z, 4.0), Z, S)


def test_what_was_fitted_is_forgotten_when_it_no_longer_applies() -> None:
    pricer = Pricer(contract(), Parameters(tails="empirical"))
    before = pricer.price(NOW, 8e-5)
    learnt = pricer.price(NOW, 8e-5, FLAT, FOUND)
    assert learnt[0] != before[0]
    assert pricer.price(NOW, 8e-5) == before
    assert pricer.price(NOW, 8e-5, FLAT, FOUND) == learnt


def test_the_tails_are_fatter_in_the_last_half_minute() -> None:
    pricer = Pricer(contract(), Parameters(degrees_of_freedom=8.0, short_degrees_of_freedom=3.0))
    for tau, freedom in ((30.0, 8.0), (29.999, 3.0), (SHORT_NS / SECOND_NS, 8.0), (5.0, 3.0), (300.0, 8.0)):
        p, z, _ = pricer.price(seen(85_001.0, tau), 8e-5)
        assert p == student_cdf(z, freedom)


@pytest.mark.parametrize("window", ["open_right", "closed_right"])
@pytest.mark.parametrize("listed", ["open_right", "closed_right"])
def test_the_window_is_the_one_that_is_configured_whatever_was_listed(window: str, listed: str) -> None:
    terms = Contract("T", "S", "BTC", 0, CLOSE_NS, STRIKE, averaging=Averaging(window=listed))  # type: ignore[arg-type]
    pricer = Pricer(terms, Parameters(settlement_window=window))  # type: ignore[arg-type]
    assert pricer.averaging == averaging_of(terms, window) == Averaging(window=window)  # type: ignore[arg-type]
    assert pricer.terms.last_ns == CLOSE_NS - pricer.averaging.last_ns(CLOSE_NS)


def test_the_drift_is_by_the_year_and_carries_the_price() -> None:
    """A hundred percent a year is half a cent at 15 minutes and 45 % (section 0 of the notes)."""
    still, moving = (
        Pricer(contract(), Parameters(model="digital", drift=drift)).price(seen(STRIKE, 900.0), 0.45 / YEAR_S**0.5)[0]
        for drift in (0.0, 1.0)
    )
    assert moving - still == pytest.approx(0.005, abs=5e-4)


# Ties ----------------------------------------------------------------------------------------------------


def tie(strike: float, decimals: int, annualised: float, tau_s: float) -> float:
    pricer = Pricer(contract(strike, decimals=decimals), NORMAL)
    return pricer.tie(Seen(strike, round(tau_s * SECOND_NS)), annualised / YEAR_S**0.5)


def test_a_printed_tie_is_as_likely_as_the_reference_says() -> None:
    assert tie(85_000.0, 2, 0.45, 900.0) == pytest.approx(0.00002, abs=3e-6)
    assert 0.007 < tie(1.4, 4, 0.58, 900.0) < 0.014  # XRP: 56 of 4815 windows
    assert tie(0.2134567, 7, 0.62, 900.0) < 2e-4  # DOGE: 1 of 4814
    assert tie(600.0, 2, 0.49, 900.0) == pytest.approx(22 / 4814, rel=0.5)  # BNB


@given(st.floats(2.2, 2.4), st.floats(2e-5, 3e-4), st.floats(1.001, 900.0), st.sampled_from(["gbm_avg", "abm_avg"]))
def test_a_tie_is_what_yes_is_worth_more_than_a_unit_higher(spot: float, sigma: float, tau: float, model: str) -> None:
    """YES at K pays from K - h, YES at K + 2h from K + h: between them is the tie."""
    parameters = Parameters(model=model)  # type: ignore[arg-type]
    now = Seen(spot, round(tau * SECOND_NS), 0.0)._replace(
        known_sum=2.3 * (60 - samples_left(terms_of(2.3, 0.0, Averaging()), round(tau * SECOND_NS))[0])
    )
    here, above = (Pricer(contract(strike, decimals=4), parameters) for strike in (2.3, 2.3001))
    between = here.price(now, sigma)[0] - above.price(now, sigma)[0]
    assert here.tie(now, sigma) == pytest.approx(between, abs=1e-9)
    assert -1e-15 <= here.tie(now, sigma) <= 1.0


@pytest.mark.parametrize(("total", "expected"), [(60 * 84_999.995, 1.0), (60 * 84_999.994, 0.0)])
def test_a_known_average_that_rounds_to_the_strike_pays_yes(total: float, expected: float) -> None:
    p, z, s = Pricer(contract(decimals=2), Parameters()).price(Seen(80_000.0, 0, total), 8e-5)
    assert (p, abs(z), s) == (expected, inf, 0.0)


@pytest.mark.parametrize(("units", "expected"), [(-1, 0.0), (0, 1.0), (1, 1.0)])
def test_the_seventh_decimal_of_a_cheap_coin_decides(units: int, expected: float) -> None:
    """The exchange compares with all seven decimals of the settle value, not with the six of a listed strike."""
    pricer = Pricer(contract(0.2134567, decimals=7), Parameters())
    assert pricer.price(Seen(0.2, 0, 60 * (0.2134567 + units * 1e-7)), 8e-5)[0] == expected


# The corners ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gbm_avg", "abm_avg", "digital"])
@pytest.mark.parametrize(("spot", "expected"), [(85_000.0, 1.0), (84_999.0, 0.0)])
def test_without_any_variance_it_is_certain(model: str, spot: float, expected: float) -> None:
    assert Pricer(contract(), Parameters(model=model)).price(seen(spot, 300.0), 0.0)[0] == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["gbm_avg", "abm_avg", "digital"])
def test_it_refuses_what_cannot_be_true(model: str) -> None:
    pricer = Pricer(contract(), Parameters(model=model))  # type: ignore[arg-type]
    for wrong in (Seen(0.0, SECOND_NS), Seen(STRIKE, -1), Seen(STRIKE, 1, float("nan"))):
        for ask in (pricer.price, pricer.tie, pricer.side_by_side, pricer.digital):
            with pytest.raises(PricingError):
                ask(wrong, 8e-5)


@pytest.mark.parametrize("strike", [None, 0.0, -5.0, float("nan"), inf])
def test_it_refuses_a_market_without_a_usable_strike(strike: float | None) -> None:
    with pytest.raises(PricingError, match="strike"):
        Pricer(contract(strike), Parameters())


# Every model beside it -----------------------------------------------------------------------------------


@given(st.floats(84_900.0, 85_100.0), st.floats(1e-5, 3e-4), st.floats(1.001, 900.0), st.floats(0.0, 0.2))
def test_side_by_side_every_model_is_what_it_is_alone(spot: float, sigma: float, tau: float, failure: float) -> None:
    now = seen(spot, tau, 5e-5)
    clock = ((0.0, 200.0, 1.5), (200.0, 900.0, 0.7))
    found = Pricer(contract(), Parameters(settlement_failure=failure)).side_by_side(now, sigma, clock, FOUND)
    alone = {
        (model, shape): Pricer(
            contract(), Parameters(model=model, tails=shape, settlement_failure=failure)  # type: ignore[arg-type]
        ).price(now, sigma, clock, FOUND)[0]
        for model, shape in (
            ("digital", "normal"), ("abm_avg", "normal"), ("gbm_avg", "normal"),
            ("gbm_avg", "student_t"), ("gbm_avg", "mixture"), ("gbm_avg", "empirical"),
        )
    }  # fmt: skip
    assert found == tuple(alone.values())
    assert found.digital == Pricer(contract(), Parameters(settlement_failure=failure)).digital(now, sigma, clock)


def test_tails_that_nobody_fitted_are_not_there() -> None:
    pricer = Pricer(contract(), Parameters())
    assert pricer.side_by_side(NOW, 8e-5).gbm_avg_emp is None
    assert pricer.side_by_side(NOW, 8e-5, FLAT, BARE).gbm_avg_emp is None
    assert pricer.side_by_side(NOW, 8e-5, FLAT, FOUND).gbm_avg_emp == pytest.approx(0.5 + 0.4 * Z)
