"""A derivation is the engine's own price, step by step: no number of it may differ from the Pricer's."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import Averaging, Contract
from markets.core.units import SECOND_NS
from tests.builders import contract
from trading.core.fair_value import Pricer
from trading.core.parameters import ModelName, Parameters, TailName
from trading.core.variants import chosen, shapes_of
from trading.derivation import Inputs, derive, probability, side_by_side, tie_probability
from trading.derivation_steps import Step, steps_of
from trading.reference import samples_known

MILLISECOND_NS = 1_000_000
PLAIN = Inputs(85_000.0, 85_000.0, 8.0133e-5, 900 * SECOND_NS, decimals=None)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Inputs, Parameters, Contract]:
    models: list[ModelName] = ["gbm_avg", "abm_avg", "digital"]
    tails: list[TailName] = ["student_t", "normal", "mixture"]
    parameters = Parameters(
        model=draw(st.sampled_from(models)),
        tails=draw(st.sampled_from(tails)),
        degrees_of_freedom=draw(st.sampled_from([4.0, 8.0])),
        level_noise_bp=draw(st.sampled_from([0.0, 0.8, 5.0])),
        drift=draw(st.sampled_from([0.0, 1.0, -3.0])),
        settlement_window=draw(st.sampled_from(["open_right", "closed_right"])),
    )
    tau_ns = draw(st.integers(0, 900_000)) * MILLISECOND_NS
    averaging = Averaging(window=parameters.settlement_window)
    strike, decimals = 85_000.0, draw(st.integers(0, 7))
    inputs = Inputs(
        spot=strike * (1.0 + draw(st.floats(-0.01, 0.01))),
        strike=strike,
        sigma=draw(st.sampled_from([0.0, 2e-5, 8e-5, 4e-4])),
        tau_ns=tau_ns,
        decimals=decimals,
        averaging=averaging,
        known_sum=samples_known(averaging, tau_ns) * strike * (1.0 + draw(st.floats(-0.001, 0.001))),
        model=parameters.model,
        tails=chosen(parameters, shapes_of(parameters, tau_ns)),
        drift=parameters.drift / 31_536_000,
        level_error=parameters.level_noise_bp * 1e-4,
        pieces=draw(st.sampled_from([(), ((0.0, 300.0, 1.0), (300.0, 900.0, 2.25))])),
    )
    return inputs, parameters, contract(strike=strike, decimals=decimals, averaging=averaging)


@given(questions())
def test_every_number_is_the_pricers(question: tuple[Inputs, Parameters, Contract]) -> None:
    inputs, parameters, terms = question
    pricer, found = Pricer(terms, parameters), derive(inputs)
    assert (found.p_yes, found.z, found.s) == pricer.price(inputs.seen, inputs.sigma, inputs.pieces)
    assert found.tie == max(pricer.tie(inputs.seen, inputs.sigma, inputs.pieces), 0.0)
    assert found.p_yes == probability(inputs)
    models = side_by_side(inputs, shapes_of(parameters, inputs.tau_ns))
    assert models == pricer.side_by_side(inputs.seen, inputs.sigma, inputs.pieces)
    assert bool(found.certain) == (found.s == 0.0)


@given(questions())
def test_the_parts_make_up_the_whole(question: tuple[Inputs, Parameters, Contract]) -> None:
    inputs, _, _ = question
    found = derive(inputs)
    if inputs.model != "digital":
        assert found.remaining + found.known == 60
    if found.mean_seconds is not None and not found.certain and not inputs.drift:
        noise = inputs.level_error
        assert found.s == pytest.approx(sqrt(inputs.sigma**2 * found.mean_seconds + noise**2), rel=1e-9)
        assert found.seconds == pytest.approx((found.remaining / 60) ** 2 * found.mean_seconds)


@given(questions())
def test_every_derivation_can_be_told(question: tuple[Inputs, Parameters, Contract]) -> None:
    inputs, _, _ = question
    steps = steps_of(inputs, derive(inputs))
    assert [step for step in steps if step.name == "probability of YES"]
    assert all(part for step in steps for part in step)


def test_section_3_the_naive_root_overstates_the_deviation_by_the_known_shares() -> None:
    """2.3 % at 900 s, 7.5 % at 300 s, 23 % at 120 s, 72 % at 61 s, 3.6 times at 30 s and 11 at 10 s."""
    expected = {900: 1.023, 300: 1.075, 120: 1.23, 61: 1.72, 30: 3.6, 10: 11.0}
    for seconds, times in expected.items():
        known = samples_known(Averaging(), seconds * SECOND_NS)
        found = derive(PLAIN._replace(tau_ns=seconds * SECOND_NS, known_sum=known * 85_000.0))
        assert sqrt(found.naive_seconds / found.seconds) == pytest.approx(times, rel=0.04 if times > 2 else 0.003)


@pytest.mark.parametrize(("seconds", "cents"), [(900, 1.4), (300, 2.5), (120, 4.5), (61, 8.8), (31, 12.3), (11, 20.0)])
def test_section_3_what_one_second_moves_at_the_money(seconds: int, cents: float) -> None:
    known = samples_known(Averaging(), seconds * SECOND_NS)
    found = derive(PLAIN._replace(tau_ns=seconds * SECOND_NS, known_sum=known * 85_000.0))
    assert found.second_cents == pytest.approx(cents, abs=0.06 if cents < 20 else 0.5)
    assert found.normal_second_cents == pytest.approx(found.second_cents, rel=1e-3)


def test_section_0_five_cents_are_lost_by_the_digital_one_deviation_out_at_two_minutes() -> None:
    """And 12 cents at one minute, 30 at ten seconds."""
    parameters = Parameters(tails="normal")
    for seconds, cents in ((120, 5), (60, 12), (10, 30)):
        tau_ns = seconds * SECOND_NS
        known = samples_known(Averaging(), tau_ns)
        level = 85_000.0 + derive(PLAIN._replace(tau_ns=tau_ns, known_sum=known * 85_000.0)).deviation
        one_out = PLAIN._replace(spot=level, tau_ns=tau_ns, known_sum=known * level)
        models = side_by_side(one_out, shapes_of(parameters, tau_ns))
        assert 100 * (models.gbm_avg - models.digital) == pytest.approx(cents, abs=1.0)


def test_a_volatility_error_of_twelve_percent_is_three_cents_at_one_deviation() -> None:
    one_out = PLAIN._replace(spot=85_000.0 * (1.0 + derive(PLAIN).s))
    assert -12 * derive(one_out).volatility_cents == pytest.approx(2.9, abs=0.05)


def test_without_rounding_nobody_can_say_how_likely_a_tie_is() -> None:
    assert tie_probability(PLAIN) is None
    assert derive(PLAIN).strike == 85_000.0


def test_section_3_a_tie_of_a_coarsely_rounded_coin_is_half_a_cent() -> None:
    coarse = Inputs(0.21345, 0.21360, 1.3e-4, 240 * SECOND_NS, decimals=5)
    fine = derive(coarse._replace(decimals=None))
    assert 100 * (derive(coarse).p_yes - fine.p_yes) == pytest.approx(0.47, abs=0.01)
    assert 100 * (derive(coarse).tie or 0.0) == pytest.approx(0.94, abs=0.01)


def named(steps: tuple[Step, ...]) -> list[str]:
    return [step.name for step in steps]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tau_ns": SECOND_NS, "known_sum": 60 * 84_999.0}, "all 60 samples are known"),
        ({"tau_ns": 20 * SECOND_NS, "known_sum": 5_330_000.0}, "the known samples alone are enough"),
        ({"sigma": 0.0}, "nothing is left to chance"),
        ({"model": "digital", "tau_ns": 0}, "the market closes now"),
    ],
)
def test_a_certain_outcome_says_why(changes: dict[str, object], words: str) -> None:
    inputs = PLAIN._replace(**changes)  # type: ignore[arg-type]
    found = derive(inputs)
    last = steps_of(inputs, found)[-1]
    assert words in found.certain
    assert (last.name, last.section, last.working) == ("probability of YES", "3.9", found.certain)
    assert found.p_yes in (0.0, 1.0)


def test_the_steps_of_an_average_come_in_order() -> None:
    inputs = PLAIN._replace(decimals=2)
    assert named(steps_of(inputs, derive(inputs))) == [
        "effective strike", "samples", "required mean", "effective seconds", "standard deviation", "distance",
        "probability of YES", "exact tie", "one second", "one percent of volatility",
    ]  # fmt: skip


def test_the_plain_digital_has_no_samples() -> None:
    inputs = PLAIN._replace(model="digital")
    assert "samples" not in named(steps_of(inputs, derive(inputs)))
