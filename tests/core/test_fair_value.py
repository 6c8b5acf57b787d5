"""The probability of YES: known values, the corners, and what must hold for any market."""

import csv
import os
from collections.abc import Iterator
from math import hypot, inf
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from markets.core.contract import Averaging, Contract
from markets.core.units import SECOND_NS
from trading.core.average import FLAT, Profile, abm_moments, gbm_moments, sample_times
from trading.core.fair_value import (
    Estimate,
    Pricer,
    PricingError,
    abm_estimate,
    digital,
    effective_seconds,
    effective_strike,
    gbm_estimate,
    samples_left,
)
from trading.core.parameters import Parameters
from trading.core.tails import mixture_cdf, student_cdf

REFERENCE = Path(os.environ.get("REFERENCE_DATA", "../shared/reference")) / "pricing-reference-values.csv"
CLOSE_NS = 1_778_686_200 * SECOND_NS
NORMAL = Parameters(tails="normal", level_noise_bp=0.0)


def contract(strike: float | None = 85_000.0, *, decimals: int = 12, window: str = "open_right") -> Contract:
    averaging = Averaging(window="closed_right" if window == "closed_right" else "open_right")
    return Contract(
        "KXBTC15M-T", "KXBTC15M", "BTC", CLOSE_NS - 900 * SECOND_NS, CLOSE_NS, strike, decimals, averaging=averaging
    )


def ago(tau_s: float) -> int:
    return CLOSE_NS - round(tau_s * SECOND_NS)


def known_after(tau_s: float, window: str = "open_right") -> int:
    return 60 - samples_left(Averaging(window=window), CLOSE_NS, ago(tau_s))[0]  # type: ignore[arg-type]


class Case(NamedTuple):
    """One line of the reference table; everything it leaves empty has the value of a plain market."""

    name: str
    model: str
    spot: float
    strike: float
    sigma: float
    tau: float
    expected: float
    known: int = 0
    known_sum: float = 0.0
    window: str = "open_right"
    drift: float = 0.0
    decimals: int | None = None
    noise: float = 0.0
    freedom: float = inf
    mixture: tuple[float, float, float] | None = None
    profile: Profile = FLAT
    tolerance: float = 1e-6


TABLE = [
    Case("D02", "digital", 85_100, 85_000, 8e-5, 900, 0.687475764026),
    Case("D05", "digital", 85_000, 85_000, 8e-5, 0, 1.0),
    Case("D06", "digital", 84_999.99, 85_000, 8e-5, 0, 0.0),
    Case("D07", "digital", 85_000.01, 85_000, 0, 300, 1.0),
    Case("D08", "digital", 1850, 1852, 1e-4, 420, 0.305811039543, drift=1e-7),
    Case("A01", "abm_avg", 85_000, 85_000, 6.8, 900, 0.5),
    Case("A05", "abm_avg", 85_050, 85_000, 6.8, 120, 0.795214986293),
    Case("A07", "abm_avg", 85_050, 85_000, 6.8, 61, 0.943593319807, window="closed_right"),
    Case("A08", "abm_avg", 85_050, 85_000, 6.8, 90.25, 0.851396890250),
    Case("A10", "abm_avg", 85_000, 85_000, 6.8, 900, 0.586314887968, drift=0.05),
    Case("I04", "abm_avg", 85_010, 85_000, 6.8, 30, 0.526620595234, 31, 2_634_752),
    Case("I05", "abm_avg", 85_010, 85_000, 6.8, 30, 0.536151469083, 30, 2_549_760, "closed_right"),
    Case("I06", "abm_avg", 85_012.5, 85_000, 6.8, 10.4, 0.580797421634, 50, 4_249_900),
    Case("I09", "abm_avg", 85_100, 85_000, 6.8, 1, 0.0, 60, 5_099_999.940),
    Case("I10", "abm_avg", 84_000, 85_000, 6.8, 0, 1.0, 60, 5_100_000),
    Case("I11", "abm_avg", 85_100, 85_000, 6.8, 1, 0.954598448258, 59, 5_014_911.5, "closed_right"),
    Case("L02", "gbm_avg", 85_100, 85_000, 8e-5, 900, 0.691513131718),
    Case("L05", "gbm_avg", 0.21345, 0.21360, 1.3e-4, 240, 0.355411184008, decimals=5),
    Case("L09", "gbm_avg", 85_010, 85_000, 8e-5, 30, 0.522891691520, 31, 2_634_752, noise=1.5e-4),
    Case("L10", "gbm_avg", 85_010, 85_000, 0, 30, 1.0, 31, 2_634_752),
    Case("L11", "gbm_avg", 10, 85_000, 8e-5, 20, 1.0, 41, 5_330_000),
    Case("L12", "gbm_avg", 85_120, 85_000, 8e-5, 900, 0.671862729749, profile=((0, 300, 1), (300, 900, 2.25))),
    Case("X03", "gbm_exact", 85_000, 85_005, 8e-5, 60, 0.4335818362, 1, 84_999, tolerance=3e-5),
    Case("T03", "gbm_avg_t", 85_050, 85_000, 8e-5, 120, 0.845690490280, freedom=4),
    Case("T04", "gbm_avg_t", 85_012.5, 85_000, 8e-5, 10.4, 0.613414497015, 50, 4_249_900, freedom=3.5),
    Case(
        "M01", "gbm_avg_mix", 85_100, 85_000, 8e-5, 900, 0.710256394422,
        mixture=(0.9, 0.8498365855987975, 1.8708286933869707),
    ),
]  # fmt: skip


def recorded_cases() -> Iterator[Case]:
    if not REFERENCE.exists():
        return
    with REFERENCE.open() as lines:
        for row in csv.DictReader(lines):
            number = {name: float(value) for name, value in row.items() if value and _is_number(value)}
            spans = (part.split(":") for part in row["var_profile"].split(";") if part)
            mixture = tuple(number[name] for name in ("mix_w", "mix_a", "mix_b") if name in number)
            yield Case(
                row["case_id"], row["model"], number["spot"], number["strike"], number["sigma"], number["tau_s"],
                number["expected_p_yes"], int(number.get("n_known", 0)), number.get("known_sum", 0.0),
                row["window"] or "open_right", number["drift"], int(row["round_decimals"]) if row["round_decimals"] else None,
                number["level_noise_sd"], number.get("dof", inf), mixture if len(mixture) == 3 else None,
                tuple((float(start), float(end), float(times)) for start, end, times in spans), number["tol"],
            )  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def general(case: Case) -> float:
    """The probability by the general road: sample by sample, with drift, profile, noise and any tail."""
    strike = effective_strike(case.strike, case.decimals)
    if case.model == "digital":
        return digital(case.spot, strike, case.sigma, case.tau, case.drift)
    remaining, until = samples_left(Averaging(window=case.window), CLOSE_NS, ago(case.tau))  # type: ignore[arg-type]
    assert remaining == 60 - case.known
    if remaining == 0:
        return float(case.known_sum >= 60 * strike)
    p, z, _ = _estimate(case, (60 * strike - case.known_sum) / remaining, sample_times(remaining, until, 1.0))
    return mixture_cdf(z, *case.mixture) if case.mixture else p


def _estimate(case: Case, required: float, times: tuple[float, ...]) -> Estimate:
    if case.model == "abm_avg":
        move, seconds = abm_moments(times, case.drift, case.profile)
        level = case.spot + move
        variance = (case.sigma**2 * seconds + case.noise**2) / level**2
        return abm_estimate(level, required, variance, case.freedom)
    growth, variance = gbm_moments(case.sigma, times, case.drift, case.profile)
    return gbm_estimate(case.spot * growth, required, variance + case.noise**2, case.freedom)


def is_plain(case: Case) -> bool:
    return case.drift == 0.0 and not case.profile and case.mixture is None


def by_pricer(case: Case) -> float:
    """The probability by the road the engine takes."""
    model = "gbm_avg" if case.model.startswith("gbm") else case.model
    scale = case.spot if case.model == "abm_avg" else 1.0
    parameters = Parameters(
        model=model,  # type: ignore[arg-type]
        tails="normal" if case.freedom == inf else "student_t",
        degrees_of_freedom=case.freedom,
        short_degrees_of_freedom=case.freedom,
        level_noise_bp=case.noise / scale * 1e4,
    )
    terms = contract(case.strike, decimals=12 if case.decimals is None else case.decimals, window=case.window)
    p, _, _ = Pricer(terms, parameters).price(case.spot, case.sigma / scale, ago(case.tau), case.known_sum)
    return p


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_it_has_the_known_value(case: Case) -> None:
    assert general(case) == pytest.approx(case.expected, abs=case.tolerance)


@pytest.mark.parametrize("case", [case for case in TABLE if is_plain(case)], ids=lambda case: case.name)
def test_the_pricer_has_the_known_value(case: Case) -> None:
    assert by_pricer(case) == pytest.approx(case.expected, abs=case.tolerance)


@pytest.mark.recorded
def test_all_reference_rows_agree_on_both_roads() -> None:
    cases = list(recorded_cases())
    if not cases:
        pytest.skip(f"no reference values at {REFERENCE}")
    wrong = [case.name for case in cases if abs(general(case) - case.expected) > case.tolerance]
    plain = [case for case in cases if is_plain(case)]
    wrong += [case.name for case in plain if abs(by_pricer(case) - case.expected) > case.tolerance]
    assert (len(cases), len(plain) > 40, wrong) == (54, True, [])


# Which samples are to come -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("window", "tau_s", "expected"),
    [
        ("open_right", 900.0, (60, 840.0)),
        ("open_right", 60.000000001, (60, 1e-9)),
        ("open_right", 60.0, (59, 1.0)),
        ("open_right", 45.5, (45, 0.5)),
        ("open_right", 1.000000001, (1, 1e-9)),
        ("open_right", 1.0, (0, 0.0)),
        ("open_right", 0.0, (0, 0.0)),
        ("closed_right", 900.0, (60, 841.0)),
        ("closed_right", 60.0, (60, 1.0)),
        ("closed_right", 59.0, (59, 1.0)),
        ("closed_right", 1.0, (1, 1.0)),
        ("closed_right", 0.25, (1, 0.25)),
        ("closed_right", 0.0, (0, 0.0)),
        ("closed_right", -5.0, (0, 0.0)),
    ],
)
def test_a_sample_that_falls_exactly_now_is_known(window: str, tau_s: float, expected: tuple[int, float]) -> None:
    remaining, until = samples_left(Averaging(window=window), CLOSE_NS, ago(tau_s))  # type: ignore[arg-type]
    assert (remaining, until) == pytest.approx(expected)


@given(st.integers(-3 * SECOND_NS, 70 * SECOND_NS), st.sampled_from(["open_right", "closed_right"]))
def test_the_samples_left_are_those_strictly_after_now(tau_ns: int, window: str) -> None:
    averaging = Averaging(window=window)  # type: ignore[arg-type]
    first_ns = averaging.first_ns(CLOSE_NS)
    coming = [at for at in range(first_ns, first_ns + 60 * SECOND_NS, SECOND_NS) if at > CLOSE_NS - tau_ns]
    remaining, until = samples_left(averaging, CLOSE_NS, CLOSE_NS - tau_ns)
    assert remaining == len(coming)
    assert until == pytest.approx((coming[0] - CLOSE_NS + tau_ns) / SECOND_NS if coming else 0.0)


# What must hold for any market ---------------------------------------------------------------------------

spots = st.floats(84_000.0, 86_000.0)
sigmas = st.floats(1e-5, 1e-3)
taus = st.floats(1.001, 900.0)
parameter_sets = st.builds(
    Parameters,
    model=st.sampled_from(["gbm_avg", "abm_avg", "digital"]),
    tails=st.sampled_from(["student_t", "normal"]),
    degrees_of_freedom=st.floats(2.2, 50.0),
    short_degrees_of_freedom=st.floats(2.2, 50.0),
    level_noise_bp=st.floats(0.0, 5.0),
)


@given(spots, sigmas, taus, parameter_sets)
def test_it_is_a_probability_with_a_finite_score(spot: float, sigma: float, tau: float, parameters: Parameters) -> None:
    p, z, s = Pricer(contract(), parameters).price(spot, sigma, ago(tau), 85_000.0 * known_after(tau))
    assert 0.0 <= p <= 1.0
    assert abs(z) < inf
    assert s > 0.0


@given(spots, spots, sigmas, taus, parameter_sets)
def test_a_higher_spot_never_lowers_it(
    one: float, other: float, sigma: float, tau: float, parameters: Parameters
) -> None:
    pricer, known_sum = Pricer(contract(), parameters), 85_000.0 * known_after(tau)
    low, high = (pricer.price(spot, sigma, ago(tau), known_sum)[0] for spot in sorted((one, other)))
    assert low <= high + 1e-12


@given(spots, spots, sigmas, taus, parameter_sets)
def test_a_higher_strike_never_raises_it(
    one: float, other: float, sigma: float, tau: float, parameters: Parameters
) -> None:
    known_sum = 85_000.0 * known_after(tau)
    low, high = sorted((one, other))
    easy, hard = (
        Pricer(contract(strike), parameters).price(85_000.0, sigma, ago(tau), known_sum)[0] for strike in (low, high)
    )
    assert hard <= easy + 1e-12


@given(spots, sigmas, st.integers(1, 59), st.sampled_from(["gbm_avg", "abm_avg"]))
def test_taking_a_sample_at_the_spot_itself_changes_nothing(spot: float, sigma: float, second: int, model: str) -> None:
    """Just before a sample it is as good as known; at the sample it is."""
    pricer = Pricer(contract(), Parameters(model=model, level_noise_bp=0.0))  # type: ignore[arg-type]
    known_sum = 85_000.0 * (59 - second)
    before = pricer.price(spot, sigma, ago(second + 1) - 1, known_sum)
    after = pricer.price(spot, sigma, ago(second + 1), known_sum + spot)
    assert after[0] == pytest.approx(before[0], abs=1e-4)


@given(st.floats(60.0, 900.0), sigmas)
def test_the_arithmetic_model_is_even_at_the_money(tau: float, sigma: float) -> None:
    pricer = Pricer(contract(), Parameters(model="abm_avg"))
    assert pricer.price(85_000.0, sigma, ago(tau), 85_000.0 * known_after(tau))[0] == pytest.approx(0.5, abs=1e-6)


@given(spots, sigmas, st.floats(30.0, 900.0))
def test_yes_and_no_share_the_dollar_in_the_arithmetic_model(spot: float, sigma: float, tau: float) -> None:
    """Mirrored around the strike, YES is worth what NO was."""
    pricer, known_sum = Pricer(contract(), Parameters(model="abm_avg", level_noise_bp=0.0)), 85_000.0 * known_after(tau)
    here, _, _ = pricer.price(spot, sigma, ago(tau), known_sum)
    mirrored = 170_000.0 - spot
    there = pricer.price(mirrored, sigma * spot / mirrored, ago(tau), known_sum)[0]
    assert here + there == pytest.approx(1.0, abs=1e-6)


@given(spots, st.floats(1e-5, 3e-4), st.floats(2.0, 900.0))
def test_the_two_averages_agree_closely(spot: float, sigma: float, tau: float) -> None:
    known_sum = 85_000.0 * known_after(tau)
    lognormal, arithmetic = (
        Pricer(contract(), Parameters(model=model, tails="normal", level_noise_bp=0.0)).price(
            spot, sigma, ago(tau), known_sum
        )[0]
        for model in ("gbm_avg", "abm_avg")
    )  # fmt: skip
    assert lognormal == pytest.approx(arithmetic, abs=0.01)


@given(spots, sigmas, st.floats(30.0, 900.0))
def test_the_engines_road_is_the_general_road(spot: float, sigma: float, tau: float) -> None:
    known = known_after(tau)
    remaining, until = samples_left(Averaging(), CLOSE_NS, ago(tau))
    growth, variance = gbm_moments(sigma, sample_times(remaining, until, 1.0))
    required = (60 * 85_000.0 - known * 85_001.0) / remaining
    slow, _, _ = gbm_estimate(spot * growth, required, variance, 4.0)
    fast, _, _ = Pricer(contract(), Parameters(level_noise_bp=0.0)).price(spot, sigma, ago(tau), known * 85_001.0)
    assert fast == pytest.approx(slow, abs=1e-5)


def test_its_score_and_deviation_give_back_the_probability() -> None:
    p, z, s = Pricer(contract(), Parameters()).price(85_040.0, 8e-5, ago(300.0))
    assert p == student_cdf(z, 4.0)
    assert s == pytest.approx((8e-5**2 * effective_seconds(60, 240.0, 1.0) + 0.8e-4**2) ** 0.5)


def test_the_tails_are_fatter_in_the_last_half_minute() -> None:
    pricer = Pricer(contract(), Parameters(degrees_of_freedom=8.0, short_degrees_of_freedom=3.0))
    for tau, freedom in ((30.0, 8.0), (29.999, 3.0)):
        p, z, _ = pricer.price(85_001.0, 8e-5, ago(tau), 85_000.0 * known_after(tau))
        assert p == student_cdf(z, freedom)


# The corners ---------------------------------------------------------------------------------------------


def test_the_strike_is_lowered_by_half_a_unit_of_the_rounded_average() -> None:
    assert effective_strike(85_000.0, 2) == pytest.approx(84_999.995)
    assert effective_strike(0.2136, 5) == pytest.approx(0.213595)
    assert effective_strike(85_000.0, None) == 85_000.0


@pytest.mark.parametrize(("total", "expected"), [(60 * 84_999.995, 1.0), (60 * 84_999.994, 0.0)])
def test_a_known_average_that_rounds_to_the_strike_pays_yes(total: float, expected: float) -> None:
    p, z, s = Pricer(contract(decimals=2), Parameters()).price(80_000.0, 8e-5, ago(0.5), total)
    assert (p, abs(z), s) == (expected, inf, 0.0)


@pytest.mark.parametrize(("spot", "expected"), [(85_000.0, 1.0), (84_999.0, 0.0)])
@pytest.mark.parametrize("model", ["gbm_avg", "abm_avg", "digital"])
def test_without_any_variance_it_is_certain(model: str, spot: float, expected: float) -> None:
    parameters = Parameters(model=model, level_noise_bp=0.0)  # type: ignore[arg-type]
    assert Pricer(contract(), parameters).price(spot, 0.0, ago(300.0))[0] == expected


def test_it_is_yes_when_even_a_price_of_zero_would_reach_the_strike() -> None:
    p, z, s = Pricer(contract(), Parameters()).price(10.0, 8e-5, ago(20.0), 5_330_000.0)
    assert (p, z, s) == (1.0, inf, 0.0)


@pytest.mark.parametrize(
    ("spot", "sigma", "tau", "known_sum"),
    [
        (float("nan"), 8e-5, 300.0, 0.0),
        (inf, 8e-5, 300.0, 0.0),
        (0.0, 8e-5, 300.0, 0.0),
        (-1.0, 8e-5, 300.0, 0.0),
        (85_000.0, -1e-9, 300.0, 0.0),
        (85_000.0, float("nan"), 300.0, 0.0),
        (85_000.0, 8e-5, -0.001, 0.0),
        (85_000.0, 8e-5, 30.0, float("nan")),
        (85_000.0, 8e-5, 30.0, -85_000.0),
    ],
)
@pytest.mark.parametrize("model", ["gbm_avg", "abm_avg", "digital"])
def test_it_refuses_what_cannot_be_true(model: str, spot: float, sigma: float, tau: float, known_sum: float) -> None:
    with pytest.raises(PricingError):
        Pricer(contract(), Parameters(model=model)).price(spot, sigma, ago(tau), known_sum)  # type: ignore[arg-type]


@pytest.mark.parametrize("strike", [None, 0.0, -5.0, float("nan"), inf])
def test_it_refuses_a_market_without_a_usable_strike(strike: float | None) -> None:
    with pytest.raises(PricingError):
        Pricer(contract(strike), Parameters())


@pytest.mark.parametrize(
    "wrong",
    [{"spot": 0.0}, {"strike": -1.0}, {"strike": inf}, {"sigma": -1e-9}, {"sigma": float("nan")}, {"tau_s": -1.0}],
)
def test_the_digital_refuses_it_too(wrong: dict[str, float]) -> None:
    with pytest.raises(PricingError):
        digital(**{"spot": 85_000.0, "strike": 85_000.0, "sigma": 8e-5, "tau_s": 300.0, **wrong})


@given(spots, sigmas, st.floats(0.0, 900.0))
def test_the_digital_is_shown_beside_every_model(spot: float, sigma: float, tau: float) -> None:
    assume(tau == 0.0 or tau > 1e-6)
    pricer = Pricer(contract(), NORMAL)
    tau = round(tau * SECOND_NS) / SECOND_NS
    assert pricer.digital(spot, sigma, ago(tau)) == pytest.approx(digital(spot, 85_000.0, sigma, tau), abs=1e-6)


@pytest.mark.parametrize(("tau", "known"), [(900, 0), (60.5, 0), (31, 30), (16, 45), (2, 59)])
def test_samples_that_are_our_own_are_as_uncertain_as_the_level_itself(tau: float, known: int) -> None:
    """Known ones are of no more worth than what they were measured with: together they make the whole average."""
    noise = 8e-5
    pricer = Pricer(contract(), Parameters(level_noise_bp=noise * 1e4, tails="normal"))
    _, _, s = pricer.price(85_000.0, 0.0, ago(tau), 85_000.0 * known, noise)
    of_the_average = s * (60 - known) / 60
    assert of_the_average == pytest.approx(noise * hypot(60 - known, known) / 60)


def test_an_average_that_is_known_from_our_own_samples_alone_is_not_certain() -> None:
    pricer = Pricer(contract(), Parameters(tails="normal"))
    total = 60 * 85_000.0 * (1 + 8e-5)
    assert pricer.price(85_000.0, 8e-5, ago(0.5), total)[0] == 1.0
    assert pricer.price(85_000.0, 8e-5, ago(0.5), total, 8e-5)[0] == pytest.approx(0.8413, abs=1e-3)
    assert pricer.price(85_000.0, 8e-5, ago(0.5), 0.0, 8e-5)[0] == 0.0
