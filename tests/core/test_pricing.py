"""What the engine makes of spot, samples and volatility for one market, against the pricing of the same numbers alone."""

from typing import Any

import pytest
from msgspec.structs import replace

from markets.core.events import MarketListed
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.core.events import ParametersSet
from trading.core.fair_value import Pricer
from trading.core.fitted import CalibrationMap, Fitted, FittedTails
from trading.core.market import MarketState
from trading.core.model import Seen, digital
from trading.core.parameters import Parameters, SettlementWindow
from trading.core.pricing import Underlying, price, side_by_side
from trading.core.tails import student_cdf
from trading.core.variants import VARIANTS

UNANCHORED = 5e-4  # of a level that was never held against a strike


def near_the_close(parameters: Parameters, until: float, price: float = STRIKE * 1.0001) -> Table:
    path = [spot(second / 2, price) for second in range(1_600, int(until * 2) + 1)]
    return Table(parameters=parameters).hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), *path)


def test_the_samples_already_taken_are_our_own_and_as_uncertain_as_the_level() -> None:
    table = near_the_close(Parameters(), 880)
    price = STRIKE * 1.0001
    pricing = table.engine.markets[TICKER].pricing
    assert pricing is not None
    outlook = table.engine.underlyings["BTC"].volatility.outlook(at(880), CLOSE_NS)
    noise = table.engine.underlyings["BTC"].spot.sigma
    assert noise == pytest.approx(UNANCHORED, rel=0.01)
    pricer = Pricer(contract(), Parameters())
    known = 41  # from 840 to 880
    fair, z, s = pricer.price(
        Seen(price, CLOSE_NS - at(880), known * price, noise, noise), outlook.sigma, outlook.pieces
    )
    assert (pricing.fair, pricing.z) == pytest.approx((fair, z), rel=1e-9)
    assert pricing.level_error == pytest.approx(noise * (1 + (known / 19) ** 2) ** 0.5 / s, rel=1e-9)
    assert pricing.fair < pricer.price(Seen(price, CLOSE_NS - at(880), known * price), outlook.sigma)[0] - 0.03


def test_time_runs_from_the_last_price_and_not_from_now() -> None:
    table = near_the_close(Parameters(), 820)
    table.hear(snapshot(822.5))
    pricing = table.engine.markets[TICKER].pricing
    outlook = table.engine.underlyings["BTC"].volatility.outlook(at(820), CLOSE_NS)
    assert pricing is not None
    pricer, noise = Pricer(contract(), Parameters()), table.engine.underlyings["BTC"].spot.sigma
    assert pricing.fair == pytest.approx(
        pricer.price(Seen(STRIKE * 1.0001, CLOSE_NS - at(820), 0.0, 0.0, noise), outlook.sigma, outlook.pieces)[0]
    )


def test_a_second_is_sampled_with_what_was_known_when_it_began() -> None:
    table = near_the_close(Parameters(price_method="vwap"), 820).hear(spot(821, STRIKE * 2), spot(825, STRIKE))
    second = at(821) // SECOND_NS
    samples = table.engine.underlyings["BTC"].samples
    assert samples.at(second) == pytest.approx(STRIKE * 1.0001)
    assert samples.at(second + 1) == pytest.approx((STRIKE * 2 + STRIKE * 1.0001) / 2)


def test_the_digital_model_is_plain_black_scholes_whatever_tails_are_set() -> None:
    parameters = Parameters(model="digital", tails="student_t")
    pricer = Pricer(contract(), parameters)
    p, _, _ = pricer.price(Seen(STRIKE * 1.001, 300 * SECOND_NS), 8e-5)
    assert p == pytest.approx(digital(STRIKE * 1.001, STRIKE - 0.005, 8e-5, 300.0), abs=1e-12)


# Every model on the same moment --------------------------------------------------------------------------


def moment(parameters: Parameters, until: float = 820, **learnt: object) -> tuple[MarketState, Underlying, int]:
    table = near_the_close(parameters, until)
    underlying = table.engine.underlyings["BTC"]
    underlying.learn(Fitted(**learnt))  # type: ignore[arg-type]
    return table.engine.markets[TICKER], underlying, at(until)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        (Parameters(model="digital"), "digital"),
        (Parameters(model="abm_avg", tails="normal"), "abm_avg"),
        (Parameters(tails="normal"), "gbm_avg"),
        (Parameters(), "gbm_avg_t"),
        (Parameters(tails="mixture"), "gbm_avg_mix"),
    ],
)
@pytest.mark.parametrize("until", [810, 835, 880])
def test_the_configured_model_is_one_of_those_side_by_side(parameters: Parameters, field: str, until: float) -> None:
    market, underlying, now_ns = moment(parameters, until)
    pricing = price(market, underlying, parameters, now_ns)
    models = side_by_side(market, underlying, parameters, now_ns)
    assert pricing is not None
    assert models is not None
    assert pricing.fair == getattr(models, field)
    assert pricing.digital == models.digital
    assert len(set(models)) == len(VARIANTS)


def test_without_a_strike_or_a_price_no_model_says_anything() -> None:
    market, underlying, now_ns = moment(Parameters())
    assert side_by_side(market, underlying, Parameters(), now_ns + 60 * SECOND_NS) is None  # the spot is stale
    market.contract = replace(market.contract, strike=None)
    assert side_by_side(market, underlying, Parameters(), now_ns) is None


def tails(through_ns: int, *, windows: int = 900, **others: Any) -> FittedTails:
    return FittedTails(windows=windows, freedom=2.5, through_ns=through_ns, **others)


@pytest.mark.parametrize(
    ("artefact", "is_used"),
    [
        (tails(at(819)), True),
        (tails(at(820)), False),  # not before now: it may have seen what is to be told
        (tails(at(819), windows=499), False),
        (tails(at(819), group="ETH"), False),
        (tails(at(819), group="BTC", most_s=60.0), False),
        (tails(at(819), group="BTC", least_s=60.0), True),
    ],
)
def test_fitted_tails_are_used_where_they_apply(artefact: FittedTails, is_used: bool) -> None:
    market, underlying, now_ns = moment(Parameters())
    plain = price(market, underlying, Parameters(), now_ns)
    market, underlying, now_ns = moment(Parameters(), tails=(artefact,))
    pricing = price(market, underlying, Parameters(), now_ns)
    assert plain is not None
    assert pricing is not None
    assert pricing.z == plain.z
    assert pricing.fair == (student_cdf(plain.z, 2.5) if is_used else plain.fair)


def test_tails_as_found_are_side_by_side_once_they_were_fitted() -> None:
    market, underlying, now_ns = moment(Parameters())
    assert side_by_side(market, underlying, Parameters(), now_ns)[-1] is None  # type: ignore[index]
    found = tails(at(819), start=-1.0, step=1.0, values=(0.1, 0.5, 0.9))
    market, underlying, now_ns = moment(Parameters(tails="empirical"), tails=(found,))
    pricing = price(market, underlying, Parameters(tails="empirical"), now_ns)
    models = side_by_side(market, underlying, Parameters(tails="empirical"), now_ns)
    assert pricing is not None
    assert models is not None
    assert pricing.fair == models.gbm_avg_emp == pytest.approx(0.5 + 0.4 * pricing.z)


def laid(under: tuple[str, ...] = (), **others: Any) -> CalibrationMap:
    return CalibrationMap(windows=400, through_ns=at(0), coefficients=(0.5, 1.0), under=under, **others)


def test_a_map_fitted_before_the_tails_came_into_force_is_not_laid_over_what_they_make() -> None:
    market, underlying, now_ns = moment(Parameters(), calibration=(laid(),))
    before = price(market, underlying, Parameters(), now_ns)
    assert before is not None
    assert (before.under, before.calibrated > before.fair) == ((), True)
    underlying.learn(Fitted(calibration=(laid(),), tails=(tails(at(819)),)))
    after = price(market, underlying, Parameters(), now_ns)
    assert after is not None
    assert (after.under, after.calibrated) == (("tails",), after.fair)
    assert after.calibration_error == Parameters().calibration_error


def test_a_map_fitted_under_what_is_in_force_stands_before_an_assets_own_of_another_time() -> None:
    both = (laid(group="BTC", version=1), laid(("tails",), error=0.02))
    market, underlying, now_ns = moment(Parameters(), calibration=both, tails=(tails(at(819)),))
    pricing = price(market, underlying, Parameters(), now_ns)
    assert pricing is not None
    assert pricing.calibrated > pricing.fair
    assert pricing.calibration_error == 0.02


def test_a_map_of_tails_is_not_laid_where_the_tails_no_longer_apply() -> None:
    fitted: dict[str, Any] = {"calibration": (laid(("tails",)),), "tails": (tails(at(0)),)}
    for parameters, is_laid in ((Parameters(), True), (Parameters(tails="normal"), False)):
        market, underlying, now_ns = moment(parameters, **fitted)
        pricing = price(market, underlying, parameters, now_ns)
        assert pricing is not None
        assert (pricing.calibrated != pricing.fair) == is_laid


@pytest.mark.parametrize(("window", "due"), [("open_right", 41), ("closed_right", 40)])
def test_the_samples_are_those_of_the_window_that_is_believed_in(window: SettlementWindow, due: int) -> None:
    parameters = Parameters(settlement_window=window)
    market, underlying, now_ns = moment(parameters, 880)
    assert underlying.known(market.contract, now_ns).samples == due


def test_a_change_of_the_window_is_taken_up_at_once() -> None:
    table = near_the_close(Parameters(), 880)
    underlying, market = table.engine.underlyings["BTC"], table.engine.markets[TICKER]
    before = market.pricing
    table.hear(ParametersSet(at(880), 2, Parameters(settlement_window="closed_right")), snapshot(880))
    assert underlying.known(market.contract, at(880)).samples == 40
    assert market.pricing != before


def test_when_none_of_the_samples_due_is_known_they_count_as_the_price_now_and_are_all_missing() -> None:
    table = near_the_close(Parameters(), 880)
    underlying, market = table.engine.underlyings["BTC"], table.engine.markets[TICKER]
    for second in range(840, 881):
        underlying.samples.take(at(second) // SECOND_NS, None)
    market.forget_pricing()
    pricing = price(market, underlying, Parameters(), at(880))
    assert pricing is not None
    assert pricing.missing == 41
    assert 0.5 < pricing.fair < 0.9


def test_what_was_fitted_changes_with_the_time_to_the_close() -> None:
    near = tails(at(0), most_s=60.0, start=-1.0, step=1.0, values=(0.1, 0.5, 0.9))
    market, underlying, _ = moment(Parameters(), 838, tails=(near,))
    found = [
        side_by_side(market, underlying, Parameters(), at(838 + after_s)) for after_s in (0.0, 1.999, 2.0, 2.001, 1.0)
    ]
    assert [models is not None and models.gbm_avg_emp is not None for models in found] == [
        False,
        False,
        False,
        True,
        False,
    ]
