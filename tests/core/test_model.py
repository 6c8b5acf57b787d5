"""The models as scalar functions: known values, closed forms against double sums, the corners, what must always hold."""

from itertools import pairwise
from math import exp, hypot, inf, nan, sqrt

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.double_sums import Profile, lognormal_moments, mean_seconds, sample_times
from tests.reference_rows import TABLE, Case, recorded_cases, reference_table
from trading.core import model
from trading.core.model import (
    FLAT,
    NO,
    YES,
    PricingError,
    Score,
    Seen,
    Terms,
    abm_score,
    bridge_seconds,
    clocked_seconds,
    digital,
    digital_score,
    effective_seconds,
    effective_strike,
    gbm_score,
    half_unit,
    level_noise,
    required_mean,
    samples_left,
    seconds_within,
    sensitivities,
)
from trading.core.tails import NORMAL, Tails, normal_cdf, tail_cdf
from trading.core.variants import SCORES

SECOND_NS = 1_000_000_000
STRIKE = 85_000.0
WINDOWS = ("open_right", "closed_right")
MODELS = ("digital", "abm_avg", "gbm_avg")


def terms(strike: float = STRIKE, window: str = "open_right") -> Terms:
    return Terms(strike, 60, SECOND_NS, SECOND_NS if window == "open_right" else 0)


def seen(
    spot: float, tau_s: float, known_sum: float | None = None, window: str = "open_right", **errors: float
) -> Seen:
    """Known samples were at the strike, where nothing else is said."""
    tau_ns = round(tau_s * SECOND_NS)
    if known_sum is None:
        known_sum = (60 - samples_left(terms(window=window), tau_ns)[0]) * STRIKE
    return Seen(spot, tau_ns, known_sum)._replace(**errors)  # type: ignore[arg-type]


def scored(name: str, *arguments: object) -> Score:
    return SCORES[name](*arguments)  # type: ignore[index, arg-type]


# Known values --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_it_has_the_known_value(case: Case) -> None:
    assert case.probability == pytest.approx(case.expected, abs=case.tolerance)


@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_as_many_samples_are_known_as_the_table_says(case: Case) -> None:
    if case.model != "digital":
        assert 60 - samples_left(case.terms, case.seen.tau_ns)[0] == case.known


@pytest.mark.recorded
def test_all_reference_rows_agree() -> None:
    if not reference_table().exists():
        pytest.skip(f"no reference values at {reference_table()}")
    cases = list(recorded_cases())
    errors = {case.name: abs(case.probability - case.expected) for case in cases}
    wrong = [case.name for case in cases if errors[case.name] > case.tolerance]
    # the closed forms to nine digits but for the approximation of the lognormal average by its first two moments
    loose = [case.name for case in cases if case.model != "gbm_exact" and errors[case.name] > 1e-9]
    assert (len(cases), wrong, loose) == (54, [], [])


@pytest.mark.parametrize(
    ("window", "tau_s", "expected"),
    [
        ("open_right", 900.0, 900.0 - 60.0 + 19.502778),
        ("open_right", 120.0, 120.0 - 40.4972),
        ("closed_right", 900.0, 900.0 - 39.4972),
        ("open_right", 31.0, 30 * 31 * 61 / 21_600),
        ("closed_right", 30.0, 30 * 31 * 61 / 21_600),
        ("open_right", 11.0, 10 * 11 * 21 / 21_600),
    ],
)
def test_the_average_has_the_printed_effective_seconds(window: str, tau_s: float, expected: float) -> None:
    remaining, until_s = samples_left(terms(window=window), round(tau_s * SECOND_NS))
    found = (remaining / 60) ** 2 * effective_seconds(remaining, until_s, 1.0)
    assert found == pytest.approx(expected, abs=6e-5)


@pytest.mark.parametrize(
    ("tau_s", "times"), [(900, 1.023), (300, 1.075), (120, 1.23), (61, 1.72), (30, 3.6), (10, 11.0)]
)
def test_the_root_of_time_overstates_the_deviation_by_as_much_as_printed(tau_s: int, times: float) -> None:
    remaining, until_s = samples_left(terms(), tau_s * SECOND_NS)
    assert sqrt(tau_s / effective_seconds(remaining, until_s, 1.0)) * 60 / remaining == pytest.approx(times, rel=0.04)


@pytest.mark.parametrize(
    ("tau_s", "cents"), [(900.0, 1.4), (300.0, 2.5), (120.0, 4.5), (61.0, 8.8), (31.0, 12.3), (11.0, 20.3)]
)
def test_a_second_moves_the_price_at_the_money_by_as_much_as_printed(tau_s: float, cents: float) -> None:
    score = abm_score(terms(), seen(STRIKE, tau_s), 8e-5, 0.0, FLAT)
    assert 100 * sensitivities(score, 8e-5, STRIKE)[2] == pytest.approx(cents, abs=0.06)


# Closed forms against double sums ------------------------------------------------------------------------

remainings = st.integers(1, 60)
delays = st.floats(0.001, 900.0)
steps = st.floats(0.2, 5.0)
cuts = st.lists(st.floats(0.0, 1_000.0), min_size=2, max_size=6, unique=True).map(sorted)
profiles = st.builds(
    lambda edges, times: [(a, b, m) for (a, b), m in zip(pairwise(edges), times, strict=False)],
    cuts,
    st.lists(st.floats(0.0, 6.0), min_size=6, max_size=6),
)


@given(remainings, delays, steps)
def test_the_closed_form_is_the_double_sum_over_samples(remaining: int, until: float, step: float) -> None:
    pairs = mean_seconds(sample_times(remaining, until, step))
    assert effective_seconds(remaining, until, step) == pytest.approx(pairs, rel=1e-12)


@given(remainings, delays, steps, profiles)
def test_with_a_clock_of_its_own_it_still_is(remaining: int, until: float, step: float, profile: Profile) -> None:
    pairs = mean_seconds(sample_times(remaining, until, step), profile)
    assert clocked_seconds(remaining, until, step, profile) == pytest.approx(pairs, rel=1e-9, abs=1e-9)


@given(remainings, delays, steps, st.lists(st.floats(-10.0, 1_300.0), max_size=5))
def test_pieces_of_one_change_nothing_however_they_are_cut(
    remaining: int, until: float, step: float, edges: list[float]
) -> None:
    profile = [(a, b, 1.0) for a, b in pairwise(sorted(edges))]
    assert clocked_seconds(remaining, until, step, profile) == effective_seconds(remaining, until, step)


@given(remainings, delays, steps, st.floats(0.0, 6.0))
def test_a_multiplier_for_all_of_it_multiplies_it(remaining: int, until: float, step: float, times: float) -> None:
    whole = effective_seconds(remaining, until, step)
    assert clocked_seconds(remaining, until, step, ((0.0, inf, times),)) == pytest.approx(times * whole, abs=1e-9)


@given(remainings, delays, steps, st.floats(-5.0, 1_300.0), st.floats(-5.0, 1_300.0))
def test_what_passes_before_a_time_grows_with_it_up_to_all(
    remaining: int, until: float, step: float, one: float, other: float
) -> None:
    low, high = (seconds_within(each, remaining, until, step) for each in sorted((one, other)))
    assert 0.0 <= low <= high + 1e-9 <= effective_seconds(remaining, until, step) + 2e-9
    assert high - low <= abs(one - other) + 1e-9  # a second counts for a second at most


@given(remainings, delays, st.floats(1e-6, 2e-3), st.floats(-1e-5, 1e-5), st.one_of(st.just([]), profiles))
def test_the_lognormal_moments_are_the_double_sum_over_samples(
    remaining: int, until: float, sigma: float, drift: float, profile: Profile
) -> None:
    mean, variance = lognormal_moments(sigma, sample_times(remaining, until), drift, profile)
    found = model.lognormal_moments(remaining, until, 1.0, (sigma, drift), profile)
    assert found == pytest.approx((mean, variance), rel=1e-9, abs=1e-16)


@given(remainings, delays, profiles)
def test_without_drift_the_fast_form_is_close_enough_to_the_exact_moments(
    remaining: int, until: float, profile: Profile
) -> None:
    sigma = 3e-4  # about 170 percent a year
    _, variance = model.lognormal_moments(remaining, until, 1.0, (sigma, 0.0), profile)
    fast = sigma**2 * clocked_seconds(remaining, until, 1.0, profile)
    assert fast == pytest.approx(variance, rel=3e-4, abs=1e-16)


@given(delays, st.floats(1e-5, 1e-3), profiles, st.floats(84_000.0, 86_000.0))
def test_a_drift_of_almost_nothing_is_none(until: float, sigma: float, profile: Profile, spot: float) -> None:
    now = seen(spot, until + 60.0)
    assume(clocked_seconds(60, until, 1.0, profile) > 1.0)
    for name in MODELS:
        still, moving = (scored(name, terms(), now, sigma, drift, profile)[0] for drift in (0.0, 1e-16))
        assert normal_cdf(moving) == pytest.approx(normal_cdf(still), abs=2e-4)


@pytest.mark.parametrize(("missing", "remaining", "seconds"), [(0, 60, 0.0), (3, 30, 0.01), (1, 1, 0.5), (3, 3, 1.0)])
def test_a_line_over_missing_samples_adds_the_bound_of_a_bridge(missing: int, remaining: int, seconds: float) -> None:
    assert bridge_seconds(missing, remaining, 1.0) == pytest.approx(seconds)


@pytest.mark.parametrize("name", ["abm_avg", "gbm_avg"])
def test_the_bridge_is_added_to_the_variance_and_counts_for_the_average(name: str) -> None:
    _, whole = scored(name, terms(), seen(STRIKE, 31.0), 8e-5, 0.0, FLAT)
    _, bridged = scored(name, terms(), seen(STRIKE, 31.0, missing=6), 8e-5, 0.0, FLAT)
    of_the_average = (bridged**2 - whole**2) * (30 / 60) ** 2
    assert of_the_average == pytest.approx((6 / 60) ** 2 * (8e-5) ** 2 * 7 / 4)


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
    assert samples_left(terms(window=window), round(tau_s * SECOND_NS)) == pytest.approx(expected)


@given(st.integers(-3 * SECOND_NS, 70 * SECOND_NS), st.sampled_from(WINDOWS))
def test_the_samples_left_are_those_strictly_after_now(tau_ns: int, window: str) -> None:
    last_ns = terms(window=window).last_ns
    offsets = [last_ns + SECOND_NS * place for place in range(60)]
    coming = [tau_ns - offset for offset in offsets if offset < tau_ns]
    remaining, until_s = samples_left(terms(window=window), tau_ns)
    assert remaining == len(coming)
    assert until_s == pytest.approx(min(coming) / SECOND_NS if coming else 0.0)


# The strike ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strike", "decimals", "expected"),
    [
        (85_000.0, 2, 84_999.995),
        (2.304, 4, 2.30395),
        (0.2136, 5, 0.213595),
        (0.2134567, 7, 0.21345665),
        (85_000.0, 0, 84_999.5),
        (85_000.0, None, 85_000.0),
    ],
)
def test_the_strike_is_lowered_by_half_a_unit_of_the_rounded_average(
    strike: float, decimals: int | None, expected: float
) -> None:
    assert effective_strike(strike, half_unit(decimals)) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("strike", [0.0, -5.0, nan, inf])
def test_a_strike_that_cannot_be_one_is_refused(strike: float) -> None:
    with pytest.raises(PricingError, match="strike"):
        effective_strike(strike, 0.0)


@given(st.floats(-3.0, 3.0), st.integers(0, 6))
def test_rounding_is_worth_less_than_a_tie(units: float, decimals: int) -> None:
    """A known average pays YES exactly when it rounds half up to the strike or more."""
    unit, strike = 10.0**-decimals, 12.0
    assume(abs(units % 1.0 - 0.5) > 1e-6)
    mean = strike + units * unit
    score = gbm_score(terms(effective_strike(strike, half_unit(decimals))), Seen(12.0, 0, 60 * mean), 8e-5, 0.0, FLAT)
    assert score == (YES if round(units) >= 0 else NO)


# What must hold for any market ---------------------------------------------------------------------------

spots = st.floats(84_000.0, 86_000.0)
sigmas = st.floats(1e-5, 1e-3)
taus = st.floats(1.001, 900.0)
windows = st.sampled_from(WINDOWS)
names = st.sampled_from(MODELS)
averages = st.sampled_from(["abm_avg", "gbm_avg"])
clocks = st.one_of(st.just([]), profiles)


@given(names, spots, spots, sigmas, taus, windows, clocks)
def test_a_higher_spot_never_lowers_it(
    name: str, one: float, other: float, sigma: float, tau: float, window: str, clock: Profile
) -> None:
    low, high = (
        scored(name, terms(window=window), seen(spot, tau, None, window), sigma, 0.0, clock)[0]
        for spot in sorted((one, other))
    )
    assert normal_cdf(low) <= normal_cdf(high) + 1e-12


@given(names, spots, spots, sigmas, taus, windows, clocks)
def test_a_higher_strike_never_raises_it(
    name: str, one: float, other: float, sigma: float, tau: float, window: str, clock: Profile
) -> None:
    now = seen(STRIKE, tau, None, window)
    easy, hard = (scored(name, terms(strike, window), now, sigma, 0.0, clock)[0] for strike in sorted((one, other)))
    assert normal_cdf(hard) <= normal_cdf(easy) + 1e-12


@given(spots, sigmas, taus, windows, clocks, st.floats(0.0, 5e-4))
def test_yes_and_no_share_the_dollar_in_the_arithmetic_model(
    spot: float, sigma: float, tau: float, window: str, clock: Profile, noise: float
) -> None:
    """Mirrored around the strike, YES is worth what NO was."""
    mirrored = 2 * STRIKE - spot
    here = abm_score(terms(window=window), seen(spot, tau, None, window, level_error=noise), sigma, 0.0, clock)
    scale = spot / mirrored  # the same deviation in currency
    there = abm_score(
        terms(window=window), seen(mirrored, tau, None, window, level_error=noise * scale), sigma * scale, 0.0, clock
    )
    assume(0.0 < abs(here[0]) < inf)
    assert normal_cdf(here[0]) + normal_cdf(there[0]) == pytest.approx(1.0, abs=1e-9)
    assert here[0] == pytest.approx(-there[0], rel=1e-6, abs=1e-9)


@given(averages, sigmas, windows, st.floats(-30.0, 30.0))
def test_it_is_continuous_where_the_averaging_begins(name: str, sigma: float, window: str, ahead: float) -> None:
    """A first sample that is as good as known moves the price by no more than it may still move itself."""
    spot, first_s = STRIKE + ahead, 60 if window == "open_right" else 59
    first_ns = first_s * SECOND_NS
    outside = scored(name, terms(window=window), Seen(spot, first_ns + 1, 0.0), sigma, 0.0, FLAT)[0]
    inside = scored(name, terms(window=window), Seen(spot, first_ns, spot), sigma, 0.0, FLAT)[0]
    assert normal_cdf(inside) == pytest.approx(normal_cdf(outside), abs=1e-4)


@given(averages, spots, sigmas, st.integers(1, 59), windows)
def test_taking_a_sample_at_the_spot_itself_changes_nothing(
    name: str, spot: float, sigma: float, left: int, window: str
) -> None:
    """Just before a sample it is as good as known; at the sample it is."""
    at_ns = left * SECOND_NS + terms(window=window).last_ns
    known_sum = STRIKE * (59 - left)
    before = scored(name, terms(window=window), Seen(spot, at_ns + 1, known_sum), sigma, 0.0, FLAT)[0]
    after = scored(name, terms(window=window), Seen(spot, at_ns, known_sum + spot), sigma, 0.0, FLAT)[0]
    assert normal_cdf(after) == pytest.approx(normal_cdf(before), abs=1e-4)


@given(spots, st.floats(1e-5, 3e-4), st.floats(2.0, 900.0), windows, clocks)
def test_the_two_averages_agree_closely(spot: float, sigma: float, tau: float, window: str, clock: Profile) -> None:
    now = seen(spot, tau, None, window)
    lognormal, arithmetic = (
        scored(name, terms(window=window), now, sigma, 0.0, clock)[0] for name in ("gbm_avg", "abm_avg")
    )
    assert normal_cdf(lognormal) == pytest.approx(normal_cdf(arithmetic), abs=0.01)


@given(names, sigmas, st.floats(61.0, 900.0))
def test_far_strikes_are_certain_but_for_what_nobody_can_see(name: str, sigma: float, tau: float) -> None:
    assert normal_cdf(scored(name, terms(STRIKE / 4), seen(STRIKE, tau, 0.0), sigma, 0.0, FLAT)[0]) == pytest.approx(
        1.0
    )
    assert normal_cdf(scored(name, terms(STRIKE * 4), seen(STRIKE, tau, 0.0), sigma, 0.0, FLAT)[0]) == pytest.approx(
        0.0
    )


@given(names, st.floats(-500.0, 500.0), st.floats(61.0, 900.0))
def test_less_and_less_volatility_makes_it_certain(name: str, ahead: float, tau: float) -> None:
    assume(abs(ahead) > 0.01)
    for sigma in (1e-10, 1e-100, 1e-200, 0.0):
        z, _ = scored(name, terms(), seen(STRIKE + ahead, tau, 0.0), sigma, 0.0, FLAT)
        assert normal_cdf(z) == (1.0 if ahead > 0 else 0.0)


@given(st.floats(-500.0, 500.0), sigmas)
def test_less_and_less_time_makes_the_digital_certain(ahead: float, sigma: float) -> None:
    assume(abs(ahead) > 0.01)
    for tau_s in (1e-12, 1e-100, 0.0):
        assert digital(STRIKE + ahead, STRIKE, sigma, tau_s) == (1.0 if ahead > 0 else 0.0)


@given(names, spots, sigmas, taus, windows, clocks)
def test_a_score_is_finite_with_a_deviation_or_certain_with_none(
    name: str, spot: float, sigma: float, tau: float, window: str, clock: Profile
) -> None:
    z, s = scored(name, terms(window=window), seen(spot, tau, None, window), sigma, 0.0, clock)
    assert (s > 0.0 and abs(z) < inf) or (z, s) in {YES, NO}


@given(spots, sigmas, st.integers(0, 900 * SECOND_NS), st.floats(-1e-7, 1e-7))
def test_the_digital_by_numbers_alone_is_that_of_a_contract(
    spot: float, sigma: float, tau_ns: int, drift: float
) -> None:
    z, _ = digital_score(terms(), Seen(spot, tau_ns), sigma, drift, FLAT)
    assert digital(spot, STRIKE, sigma, tau_ns / SECOND_NS, drift) == pytest.approx(normal_cdf(z), abs=1e-9)


# Errors of the level and of what is known ----------------------------------------------------------------


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("tau", "known"), [(900.0, 0), (60.5, 0), (31.0, 29), (16.5, 44), (2.5, 58)])
def test_samples_that_are_our_own_are_as_uncertain_as_the_level_itself(tau: float, known: int, window: str) -> None:
    """Known ones are of no more worth than what they were measured with: together they make the whole average."""
    noise = 8e-5
    known = 60 - samples_left(terms(window=window), round(tau * SECOND_NS))[0]
    now = seen(STRIKE, tau, None, window, level_error=noise, known_error=noise)
    for score in (gbm_score, abm_score):
        _, s = score(terms(window=window), now, 0.0, 0.0, FLAT)
        assert s * (60 - known) / 60 == pytest.approx(noise * hypot(60 - known, known) / 60)


def test_before_the_first_sample_the_error_of_the_known_ones_is_not_asked() -> None:
    assert level_noise(1e-4, 5e-4, 60, 60) == 1e-4


def test_an_average_that_is_known_from_our_own_samples_alone_is_not_certain() -> None:
    total = 60 * STRIKE * (1 + 8e-5)
    assert gbm_score(terms(), Seen(STRIKE, 0, total), 8e-5, 0.0, FLAT) == YES
    z, s = gbm_score(terms(), Seen(STRIKE, 0, total, 8e-5), 8e-5, 0.0, FLAT)
    assert (z, s) == pytest.approx((1.0, 8e-5), rel=1e-3)
    assert gbm_score(terms(), Seen(STRIKE, 0, 0.0, 8e-5), 8e-5, 0.0, FLAT) == NO


def test_nor_one_with_missing_samples() -> None:
    z, s = gbm_score(terms(), Seen(STRIKE, 0, 60 * STRIKE * 1.00001, 0.0, 0.0, 6), 8e-5, 0.0, FLAT)
    assert s == pytest.approx(8e-5 * 6 / 60 * sqrt(7 / 4))
    assert z == pytest.approx(1e-5 / s, rel=1e-3)


# Sensitivities -------------------------------------------------------------------------------------------


@given(st.floats(84_900.0, 85_100.0), st.floats(3e-5, 3e-4), st.floats(2.0, 900.0))
def test_the_sensitivities_are_the_slopes_of_the_price(spot: float, sigma: float, tau: float) -> None:
    def chance(at: float, volatility: float) -> float:
        scale = at / spot  # in currency a standard deviation does not depend on the spot
        return normal_cdf(abm_score(terms(), seen(at, tau), volatility / scale, 0.0, FLAT)[0])

    score = abm_score(terms(), seen(spot, tau), sigma, 0.0, FLAT)
    by_spot, by_sigma, by_second = sensitivities(score, sigma, spot)
    bump = 1e-3 * spot * score[1]
    assert by_spot * bump == pytest.approx((chance(spot + bump, sigma) - chance(spot - bump, sigma)) / 2, abs=1e-8)
    assert by_sigma * 1e-4 == pytest.approx(
        (chance(spot, sigma * exp(1e-4)) - chance(spot, sigma * exp(-1e-4))) / 2, abs=1e-8
    )
    assert by_second == pytest.approx(by_spot * sigma * spot)


@pytest.mark.parametrize("certain", [YES, NO])
def test_what_is_certain_does_not_move(certain: Score) -> None:
    assert sensitivities(certain, 8e-5, STRIKE) == (0.0, 0.0, 0.0)


# The corners ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("spot", "expected"), [(85_000.0, YES), (84_999.99, NO)])
def test_without_any_variance_it_is_certain(name: str, spot: float, expected: Score) -> None:
    assert scored(name, terms(), seen(spot, 300.0), 0.0, 0.0, FLAT) == expected
    assert scored(name, terms(), seen(spot, 300.0), 8e-5, 0.0, ((0.0, 900.0, 0.0),)) == expected


@pytest.mark.parametrize(("spot", "expected"), [(85_000.0, YES), (84_999.99, NO)])
def test_at_the_close_the_digital_compares(spot: float, expected: Score) -> None:
    assert digital_score(terms(), Seen(spot, 0), 8e-5, 0.0, FLAT) == expected


@pytest.mark.parametrize("name", ["abm_avg", "gbm_avg"])
@pytest.mark.parametrize("spot", [1.0, 1e9])
def test_when_all_samples_are_known_the_spot_is_not_asked(name: str, spot: float) -> None:
    for total, expected in ((60 * STRIKE, YES), (60 * STRIKE - 0.01, NO)):
        assert scored(name, terms(), Seen(spot, SECOND_NS, total), 8e-5, 1e-6, FLAT) == expected


def test_it_is_yes_when_even_a_price_of_zero_would_reach_the_strike() -> None:
    assert required_mean(terms(), 5_330_000.0, 19) < 0.0
    assert gbm_score(terms(), Seen(10.0, 20 * SECOND_NS, 5_330_000.0), 8e-5, 0.0, FLAT) == YES


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"spot": nan}, "spot"),
        ({"spot": inf}, "spot"),
        ({"spot": 0.0}, "spot"),
        ({"spot": -1.0}, "spot"),
        ({"tau_ns": -1}, "closed"),
        ({"known_sum": nan}, "known samples"),
        ({"known_sum": -85_000.0}, "known samples"),
        ({"known_sum": inf}, "known samples"),
        ({"known_error": nan}, "error"),
        ({"level_error": -1e-9}, "error"),
        ({"level_error": inf}, "error"),
        ({"missing": 61}, "missing"),
        ({"missing": -1}, "missing"),
        ({"sigma": -1e-9}, "sigma"),
        ({"sigma": nan}, "sigma"),
        ({"sigma": inf}, "sigma"),
        ({"sigma": 1e200}, "variance"),
        ({"drift": nan}, "drift"),
        ({"drift": 10.0}, "drift"),
        ({"strike": nan}, "strike"),
        ({"strike": inf}, "strike"),
        ({"pieces": ((0.0, 900.0, -3.0),)}, "variance"),
        ({"pieces": ((0.0, 900.0, nan),)}, "variance"),
    ],
)
def test_it_refuses_what_cannot_be_true_and_says_what(name: str, wrong: dict[str, float], words: str) -> None:
    given_ = {"strike": STRIKE, "sigma": 8e-5, "drift": 0.0, "pieces": FLAT, **wrong}
    numbers = {key: value for key, value in wrong.items() if key in Seen._fields}
    now = Seen(STRIKE, 300 * SECOND_NS)._replace(**numbers)  # type: ignore[arg-type]
    contract = terms(given_["strike"])  # type: ignore[arg-type]
    with pytest.raises(PricingError, match=words):
        scored(name, contract, now, given_["sigma"], given_["drift"], given_["pieces"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"spot": 0.0}, {"spot": nan}, {"strike": -1.0}, {"strike": inf}, {"strike": nan}, {"sigma": -1e-9},
        {"sigma": nan}, {"sigma": 1e200}, {"tau_s": -1.0}, {"tau_s": nan}, {"tau_s": inf}, {"drift": nan}, {"drift": 1e9},
    ],
)  # fmt: skip
def test_the_digital_refuses_it_too(wrong: dict[str, float]) -> None:
    with pytest.raises(PricingError):
        digital(**{"spot": 85_000.0, "strike": 85_000.0, "sigma": 8e-5, "tau_s": 300.0, **wrong})


def test_a_price_beyond_all_numbers_is_certain_and_no_error() -> None:
    assert gbm_score(terms(1e300), Seen(5e-324, 300 * SECOND_NS), 8e-5, 0.0, FLAT) == NO
    assert (
        tail_cdf(abm_score(terms(1e-300), Seen(1e-300, 300 * SECOND_NS), 1e-30, 0.0, FLAT)[0], Tails(NORMAL), ()) == 1.0
    )
