"""The running variance: what it converges to, what it refuses to learn from, what it expects, and that it cannot see ahead."""

import random
from math import exp, log, sqrt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import SECOND_NS, YEAR_S
from trading.core.fitted import Announcement, Fitted, SeasonalProfile, VolatilityWeights
from trading.core.parameters import Parameters
from trading.core.realised import ewma_variance, log_returns
from trading.core.seasonality import USUAL, slot_of
from trading.core.volatility import FAR, LATE_S, NEAR, PRIORS, ROOT_YEAR, WARM_S, Volatility, prior, weights

START = 1_800_000_000 // 900 * 900  # a quarter hour begins
SINGLE = Parameters(volatility_forecast="single")
FLAT = Parameters(seasonality=False)
PRICES = (100.00, 100.02, 100.01, 100.05, 100.03, 100.04, 100.10, 100.07, 100.09, 100.08, 100.12, 100.11, 100.15)


def walk(sigma: float, seconds: int, seed: int = 1) -> list[float]:
    """Prices with `sigma` per sqrt(second), one a second."""
    source, level, prices = random.Random(seed), 85_000.0, []
    for _ in range(seconds):
        level *= 1.0 + sigma * source.gauss(0.0, 1.0)
        prices.append(level)
    return prices


def feed(volatility: Volatility, prices: list[float], start: int = START) -> Volatility:
    """Each price a second later; then LATE_S seconds without one, so that the last is learnt from too."""
    for second, price in enumerate(prices, start=start):
        volatility.sample(second, price)
    for second in range(start + len(prices), start + len(prices) + LATE_S):
        volatility.sample(second, None)
    return volatility


def fed(prices: list[float], parameters: Parameters = SINGLE, *, asset: str = "BTC", jump: float = 4.0) -> Volatility:
    return feed(Volatility(asset, parameters, jump=jump), prices)


def single(half_life_s: float = 600.0, step_s: int = 5) -> Parameters:
    return msgspec.structs.replace(SINGLE, volatility_half_life_s=half_life_s, volatility_step_s=step_s)


# The same as in one go -----------------------------------------------------------------------------------


def test_it_is_the_weighted_mean_of_prior_and_returns_while_it_is_young() -> None:
    """With an endless half-life and no jumps, the prior counts as 600 returns: of one over three prices each."""
    volatility = fed(list(PRICES), single(1e12, 3), jump=1e6)
    rates = [move**2 / 3 for move in log_returns(PRICES, 3)]
    expected = (WARM_S * 0.45**2 / YEAR_S + sum(rates)) / (WARM_S + len(rates))
    assert volatility.sigma == pytest.approx(sqrt(expected), rel=1e-9)
    assert volatility.count == len(rates)


@given(seed=st.integers(0, 1_000), half_life_s=st.floats(5.0, 400.0))
def test_once_the_prior_is_gone_it_is_the_plain_exponential_mean(seed: int, half_life_s: float) -> None:
    """A half-life under 400 s is shorter than the prior's 600 returns, so from the beginning it decays at its own pace."""
    prices = walk(0.5 / ROOT_YEAR, 300, seed)
    volatility = fed(prices, single(half_life_s, 1), jump=1e6)
    seeded = [prices[0] * exp(-0.45 / ROOT_YEAR), *prices]  # a first return of the size of the prior
    assert volatility.rates[1] == pytest.approx(ewma_variance(seeded, half_life_s), rel=1e-9)


@given(seed=st.integers(0, 1_000), step_s=st.integers(1, 20))
def test_each_half_life_is_what_it_would_be_alone(seed: int, step_s: int) -> None:
    prices = walk(0.5 / ROOT_YEAR, 200, seed)
    parameters = msgspec.structs.replace(
        FLAT, volatility_fast_s=50.0, volatility_half_life_s=200.0, volatility_slow_s=9_000.0, volatility_step_s=step_s
    )
    together = fed(prices, parameters, jump=1e6)
    alone = [fed(prices, single(half_life_s, step_s), jump=1e6).rates[1] for half_life_s in (50.0, 200.0, 9_000.0)]
    assert together.rates == pytest.approx(alone, rel=1e-12)


# What it converges to ------------------------------------------------------------------------------------


@pytest.mark.parametrize("forecast", ["single", "blend"])
@pytest.mark.parametrize("step_s", [1, 5, 15])
@pytest.mark.parametrize("truth", [0.2, 0.45, 2.0])
def test_it_finds_the_volatility_of_a_random_walk(truth: float, step_s: int, forecast: str) -> None:
    parameters = msgspec.structs.replace(FLAT, volatility_forecast=forecast, volatility_step_s=step_s)
    volatility = fed(walk(truth / ROOT_YEAR, 14_000), parameters)
    assert volatility.annualised == pytest.approx(truth, rel=0.15)


def test_it_starts_from_the_prior_and_leaves_it_smoothly() -> None:
    volatility = Volatility("BTC", SINGLE)
    assert volatility.annualised == pytest.approx(0.45)
    for second, price in enumerate(walk(0.9 / ROOT_YEAR, 100), start=START):
        before = volatility.annualised
        volatility.sample(second, price)
        assert volatility.annualised == pytest.approx(before, rel=0.02)


def test_it_is_cold_for_ten_minutes_of_returns_and_after_ten_of_silence() -> None:
    parameters = Parameters()
    volatility = feed(Volatility("BTC", parameters), walk(8e-5, WARM_S + 14))
    assert volatility.error == parameters.cold_volatility_error
    after = START + WARM_S + 14 + LATE_S
    feed(volatility, [85_000.0] * 15, start=after)
    assert volatility.error == parameters.cold_volatility_error  # a gap of three seconds costs fifteen returns
    feed(volatility, [85_000.0] * 16, start=after + 15 + LATE_S)
    assert volatility.error == parameters.volatility_error
    feed(volatility, [85_000.0] * 16, start=after + 2_000)
    assert (volatility.is_warm, volatility.error) == (False, parameters.cold_volatility_error)


def test_it_follows_a_lasting_change() -> None:
    volatility = fed(walk(0.3 / ROOT_YEAR, 4_000) + walk(1.5 / ROOT_YEAR, 4_000, seed=2), single(600.0))
    assert volatility.annualised == pytest.approx(1.5, rel=0.25)


def test_after_a_half_life_of_stillness_half_of_the_variance_is_left() -> None:
    volatility = fed([85_000.0] * 101, single(100.0, 1), asset="BTC")
    assert volatility.annualised**2 == pytest.approx(0.45**2 / 2.0)


def test_a_market_that_stood_still_for_days_is_heard_again() -> None:
    volatility = fed([85_000.0] * 200 + walk(0.8 / ROOT_YEAR, 3_000), single(10.0, 1))
    assert volatility.annualised == pytest.approx(0.8, rel=0.4)


# What it does not learn from -----------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [single(1_800.0), FLAT])
def test_a_lone_jump_moves_it_little(parameters: Parameters) -> None:
    calm = walk(0.45 / ROOT_YEAR, 8_000)
    jumped = calm[:7_000] + [price * 1.03 for price in calm[7_000:]]
    quiet, shaken = fed(calm, parameters), fed(jumped, parameters)
    assert shaken.annualised == pytest.approx(quiet.annualised, rel=0.06)


def test_a_return_over_a_gap_is_not_learnt_from() -> None:
    volatility = Volatility("BTC", single())
    feed(volatility, [85_000.0] * 10)
    learnt, rates = volatility.count, volatility.rates
    assert learnt == 5
    feed(volatility, [99_000.0] * 5, start=START + 10 + LATE_S)
    assert (volatility.count, volatility.rates) == (learnt, rates)
    feed(volatility, [99_000.0] * 6, start=START + 100)
    assert volatility.count == learnt + 1


def test_a_second_counts_once() -> None:
    once, twice = Volatility("BTC", single(600.0, 1)), Volatility("BTC", single(600.0, 1))
    for second, price in enumerate(walk(8e-5, 50), start=START):
        once.sample(second, price)
        twice.sample(second, price)
        twice.sample(second, 1.0)
        twice.sample(second - 5, 1.0)
    assert (once.sigma, once.count) == (twice.sigma, twice.count)


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=60), st.integers(1, 7), st.floats(0.01, 50.0))
def test_it_never_leaves_what_is_believable(prices: list[float], step_s: int, hours: float) -> None:
    parameters = Parameters(
        volatility_fast_s=1.0, volatility_half_life_s=2.0, volatility_step_s=step_s, least_volatility=0.2,
        most_volatility=3.0,
    )  # fmt: skip
    volatility = fed(prices, parameters)
    close_ns = round(START + hours * 3_600) * SECOND_NS
    for annualised in (volatility.annualised, volatility.outlook(START * SECOND_NS, close_ns).annualised):
        assert 0.2 * 0.999999 <= annualised <= 3.0 * 1.000001


@given(st.integers(1, 20), st.integers(30, 120))
def test_the_step_is_the_distance_of_the_prices_compared(step_s: int, seconds: int) -> None:
    """On a straight line in logs every return over m seconds is m times as long: the rate is m g^2."""
    prices = [100.0 * 1.00002**second for second in range(seconds)]
    volatility = fed(prices, single(1e-3, step_s), jump=1e9)
    assert volatility.rates[1] == pytest.approx(step_s * log(1.00002) ** 2, rel=1e-6)


@given(unit=st.sampled_from([1e-5, 0.3, 1e6]), seed=st.integers(0, 50))
def test_the_unit_of_the_price_does_not_matter(unit: float, seed: int) -> None:
    prices = walk(0.7 / ROOT_YEAR, 100, seed)
    scaled = fed([price * unit for price in prices], Parameters())
    assert scaled.rates == pytest.approx(fed(prices, Parameters()).rates, rel=1e-6)


# The published index -------------------------------------------------------------------------------------


def test_of_each_second_one_return_is_learnt_from_whoever_tells_it() -> None:
    """For 100 s nobody publishes the index, then somebody does for 100 s, then nobody: our estimate stands still, the
    index moves. After five seconds of it the returns are its own, and again ours as soon as one is missing."""
    volatility = Volatility("BTC", msgspec.structs.replace(FLAT, volatility_step_s=15, index_step_s=5))
    learnt: dict[int, bool] = {}
    for second in range(300):
        then = second - LATE_S
        index = 85_000.0 * exp(1e-4 * then) if 100 <= then < 200 else None
        before, rate = volatility.count, volatility.rates[0]
        volatility.sample(START + second, 85_000.0, index)
        assert volatility.count - before == (then >= 15)
        if volatility.count > before:
            learnt[then] = volatility.rates[0] < rate
    still = [then for then, is_still in learnt.items() if is_still]
    assert still == [then for then in learnt if not 105 <= then < 200]


def test_the_index_alone_is_enough() -> None:
    volatility = Volatility("BTC", FLAT)
    for second, price in enumerate(walk(0.9 / ROOT_YEAR, 8_000), start=START):
        volatility.sample(second, None, price)
    assert volatility.annualised == pytest.approx(0.9, rel=0.15)
    assert volatility.is_warm
    assert volatility.own_signature.points() == []
    assert len(volatility.index_signature.points()) == 7


# What it expects -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds_left", "expected"), [(0.0, NEAR), (60.0, NEAR), (180.0, (0.3, 0.4, 0.3)), (300.0, FAR), (9_000.0, FAR)]
)
def test_the_weights_change_with_what_is_left(seconds_left: float, expected: tuple[float, float, float]) -> None:
    assert weights(seconds_left) == pytest.approx(expected, rel=1e-12)
    assert sum(weights(seconds_left)) == pytest.approx(1.0)


def test_the_outlook_is_the_blend_for_what_is_left() -> None:
    volatility = fed(walk(0.3 / ROOT_YEAR, 3_000) + walk(1.2 / ROOT_YEAR, 200, seed=2), FLAT)
    fast, middle, slow = volatility.rates
    assert fast > middle > slow
    now_ns = (START + 3_200) * SECOND_NS
    soon, later = (volatility.outlook(now_ns, now_ns + left * SECOND_NS) for left in (30, 900))
    assert soon.sigma**2 == pytest.approx(0.4 * fast + 0.4 * middle + 0.2 * slow)
    assert later.sigma**2 == pytest.approx(0.2 * fast + 0.4 * middle + 0.4 * slow)
    assert (soon.pieces, later.pieces) == ((), ())
    assert later.annualised == pytest.approx(later.sigma * ROOT_YEAR)
    assert volatility.outlook(now_ns, now_ns - SECOND_NS).sigma == soon.sigma == volatility.sigma


def test_single_is_one_half_life_whatever_is_left_and_whatever_the_hour() -> None:
    volatility = fed(walk(0.6 / ROOT_YEAR, 2_000))
    for hour in range(24):
        now_ns = (START + 3_600 * hour) * SECOND_NS
        for left in (30, 900):
            outlook = volatility.outlook(now_ns, now_ns + left * SECOND_NS)
            assert (outlook.sigma, outlook.pieces) == (sqrt(volatility.rates[1]), ())


def test_the_hours_are_taken_off_and_laid_on_again() -> None:
    """Of the same prices in a lively and in a quiet hour, the same is expected for an hour as the one they were heard in."""
    prices = walk(0.6 / ROOT_YEAR, 1_000)
    monday = 1_799_625_600  # 2027-01-11 00:00 UTC
    lively, quiet = monday + 15 * 3_600, monday + 10 * 3_600
    heard = {at: feed(Volatility("BTC", Parameters()), prices, start=at) for at in (lively, quiet)}
    ratio = USUAL[slot_of(lively * SECOND_NS)] / USUAL[slot_of(quiet * SECOND_NS)]
    assert ratio == pytest.approx(1.77 / 0.72)
    for at, other in ((lively, quiet), (quiet, lively)):
        now_ns, then_ns = (at + 1_200) * SECOND_NS, (other + 86_400 + 1_200) * SECOND_NS
        here = heard[at].outlook(now_ns, now_ns + 300 * SECOND_NS).sigma ** 2
        there = heard[at].outlook(then_ns, then_ns + 300 * SECOND_NS).sigma ** 2
        assert there / here == pytest.approx(ratio if at == quiet else 1 / ratio)
    assert heard[quiet].rates[2] > heard[lively].rates[2]


def test_a_window_across_two_hours_is_expected_in_pieces_whose_mean_it_is() -> None:
    volatility = Volatility("BTC", Parameters())
    hour_ns = (1_799_625_600 + 12 * 3_600) * SECOND_NS
    outlook = volatility.outlook(hour_ns - 300 * SECOND_NS, hour_ns + 600 * SECOND_NS)
    assert [piece[:2] for piece in outlook.pieces] == [(0.0, 300.0), (300.0, 900.0)]
    assert outlook.pieces[1][2] / outlook.pieces[0][2] == pytest.approx(1.22 / 0.85)
    area = sum((until - since) * multiplier for since, until, multiplier in outlook.pieces)
    assert outlook.sigma**2 * area / 900 * YEAR_S == pytest.approx(outlook.annualised**2)
    assert outlook.sigma * ROOT_YEAR == pytest.approx(0.45)


def test_news_is_expected_when_it_comes_and_taken_off_what_is_learnt() -> None:
    news = Announcement((START + 600) * SECOND_NS, (START + 700) * SECOND_NS, 9.0, "CPI")
    volatility = Volatility("BTC", FLAT)
    volatility.announce((news,))
    now_ns = (START + 500) * SECOND_NS
    outlook = volatility.outlook(now_ns, now_ns + 400 * SECOND_NS)
    assert outlook.pieces == ((0.0, 100.0, 1.0), (100.0, 200.0, 9.0), (200.0, 400.0, 1.0))
    assert outlook.annualised**2 == pytest.approx(0.45**2 * (300 + 9 * 100) / 400)
    inside_ns = (START + 650) * SECOND_NS
    assert volatility.outlook(inside_ns, inside_ns + 20 * SECOND_NS).annualised == pytest.approx(3 * 0.45)
    prices = walk(0.45 / ROOT_YEAR, 601)
    shaken = [price * exp(3 * log(later / price)) for price, later in zip(prices[-100:], prices[-99:], strict=False)]
    feed(volatility, prices)
    before = volatility.rates[0]
    feed(volatility, shaken, start=START + 601 + LATE_S)
    assert volatility.rates[0] < 2 * before


def test_what_is_believed_at_most_holds_of_the_mean_with_its_news() -> None:
    volatility = Volatility("BTC", msgspec.structs.replace(FLAT, most_volatility=0.9))
    volatility.announce((Announcement((START + 450) * SECOND_NS, (START + 900) * SECOND_NS, 100.0),))
    outlook = volatility.outlook(START * SECOND_NS, (START + 900) * SECOND_NS)
    assert outlook.annualised == pytest.approx(0.9)
    assert outlook.pieces[1][2] == 100.0
    assert outlook.sigma**2 * 50.5 * YEAR_S == pytest.approx(0.81)


# What past windows have taught ---------------------------------------------------------------------------


def test_fitted_weights_take_the_place_of_the_usual_ones_once_they_are_of_the_past() -> None:
    volatility = fed(walk(0.3 / ROOT_YEAR, 3_000) + walk(1.2 / ROOT_YEAR, 200, seed=2), FLAT)
    now_ns = (START + 3_300) * SECOND_NS
    usual = volatility.outlook(now_ns, now_ns + 900 * SECOND_NS)
    har = VolatilityWeights(coefficients=(-2.0, 0.1, 0.3, 0.5), residual_variance=0.2, through_ns=now_ns)
    volatility.learn(Fitted(volatility=(har,)))
    assert volatility.outlook(now_ns, now_ns + 900 * SECOND_NS) == usual
    fast, middle, slow = volatility.rates
    expected = exp(-2.0 + 0.1 * log(fast) + 0.3 * log(middle) + 0.5 * log(slow) + 0.1)
    later = volatility.outlook(now_ns + 1, now_ns + 900 * SECOND_NS)
    assert later.sigma == pytest.approx(min(max(sqrt(expected), 0.1 / ROOT_YEAR), 4.0 / ROOT_YEAR))


@pytest.mark.parametrize("coefficients", [(-500.0, 0.2, 0.4, 0.4), (500.0, 0.2, 0.4, 0.4), (0.0, -50.0, 0.0, 0.0)])
def test_wild_weights_stay_within_what_is_believed(coefficients: tuple[float, float, float, float]) -> None:
    volatility = Volatility("BTC", FLAT)
    volatility.learn(Fitted(volatility=(VolatilityWeights(coefficients=coefficients),)))
    assert 0.0999 < volatility.outlook(START * SECOND_NS, (START + 900) * SECOND_NS).annualised < 4.0001


def test_fitted_hours_take_the_place_of_the_usual_ones_and_now_stays_as_it_is() -> None:
    volatility = fed(walk(0.5 / ROOT_YEAR, 1_000), Parameters())
    now_ns = (START + 1_003) // 900 * 900 * SECOND_NS
    before = volatility.outlook(now_ns, now_ns + 600 * SECOND_NS)
    profile = SeasonalProfile(weekday=(1.0, 3.0) * 48, weekend=(1.0, 3.0) * 48, through_ns=now_ns - 1)
    volatility.learn(Fitted(seasonality=(profile,)))
    assert volatility.outlook(now_ns, now_ns + 600 * SECOND_NS).sigma == pytest.approx(before.sigma)
    next_ns = now_ns + 900 * SECOND_NS
    ratio = volatility.outlook(next_ns, next_ns + 600 * SECOND_NS).sigma ** 2 / before.sigma**2
    assert ratio in (pytest.approx(3.0), pytest.approx(1 / 3))


# The future ----------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 100), cut=st.integers(50, 150))
def test_what_comes_later_does_not_change_what_was_expected(seed: int, cut: int) -> None:
    """Two histories that part at one second, with hours and weights fitted on what came after it in force."""
    one, other = walk(0.5 / ROOT_YEAR, 200, seed), walk(0.5 / ROOT_YEAR, 200, seed)
    other[cut:] = [price * 1.01 for price in walk(2.0 / ROOT_YEAR, 200 - cut, seed + 1)]
    ahead_ns = (START + cut) * SECOND_NS
    learnt = Fitted(
        volatility=(VolatilityWeights(coefficients=(-3.0, 0.5, 0.0, 0.0), through_ns=ahead_ns),),
        seasonality=(SeasonalProfile(weekday=(2.0, 1.0) * 48, weekend=(1.0, 2.0) * 48, through_ns=ahead_ns),),
    )
    expected = []
    for prices, fitted in ((one, Fitted()), (other, learnt)):
        volatility = Volatility("BTC", Parameters())
        volatility.learn(fitted)
        said = []
        for second, price in enumerate(prices[:cut], start=START):
            volatility.sample(second, price)
            said.append(volatility.outlook(second * SECOND_NS, (START + 900) * SECOND_NS))
        expected.append(said)
    assert expected[0] == expected[1]


# Settings ------------------------------------------------------------------------------------------------


def test_other_settings_keep_what_was_learnt() -> None:
    volatility = fed(walk(0.9 / ROOT_YEAR, 4_000))
    known = volatility.sigma
    volatility.configure(single(60.0, 10))
    assert volatility.sigma == known
    volatility.configure(msgspec.structs.replace(SINGLE, volatility_forecast="blend"))
    now_ns = START * SECOND_NS + 4_000 * SECOND_NS
    assert volatility.outlook(now_ns, now_ns + 900 * SECOND_NS).sigma == pytest.approx(known, rel=0.1)


def test_another_step_goes_on_with_the_prices_heard() -> None:
    volatility = fed(walk(0.9 / ROOT_YEAR, 100), single(600.0, 5))
    volatility.configure(single(600.0, 30))
    before = volatility.count
    feed(volatility, walk(0.9 / ROOT_YEAR, 40), start=START + 103)
    assert volatility.count == before + 10


@pytest.mark.parametrize(("half_life_s", "step_s"), [(0.0, 5), (-1.0, 5), (float("nan"), 5), (600.0, 0), (600.0, 301)])
def test_it_refuses_settings_without_meaning(half_life_s: float, step_s: int) -> None:
    with pytest.raises(ValueError, match="half-lives"):
        Volatility("BTC", single(half_life_s, step_s))


@pytest.mark.parametrize(("asset", "expected"), [("BTC", 0.45), ("ETH", 0.60), ("DOGE", 1.00), ("PEPE", 0.80)])
def test_each_asset_has_a_prior(asset: str, expected: float) -> None:
    assert prior(asset) == expected
    assert Volatility(asset, FLAT).annualised == pytest.approx(expected)
    assert all(0.1 < each < 4.0 for each in PRIORS.values())
