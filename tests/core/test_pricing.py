"""What the engine makes of spot, samples and volatility for one market, against the pricing of the same numbers alone."""

import pytest

from markets.core.events import MarketListed
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.core.fair_value import Pricer, digital
from trading.core.parameters import Parameters

UNANCHORED = 5e-4  # of a level that was never held against a strike


def near_the_close(parameters: Parameters, until: float, price: float = STRIKE * 1.0001) -> Table:
    path = [spot(second / 2, price) for second in range(1_600, int(until * 2) + 1)]
    return Table(parameters=parameters).hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), *path)


def test_the_samples_already_taken_are_our_own_and_as_uncertain_as_the_level() -> None:
    table = near_the_close(Parameters(), 880)
    price = STRIKE * 1.0001
    pricing = table.engine.markets[TICKER].pricing
    assert pricing is not None
    sigma = table.engine.underlyings["BTC"].volatility.sigma
    noise = table.engine.underlyings["BTC"].spot.sigma
    assert noise == pytest.approx(UNANCHORED, rel=0.01)
    pricer = Pricer(contract(), Parameters())
    known = 41  # from 840 to 880
    fair, z, s = pricer.price(price, sigma, at(880), known * price, noise, level_error=noise)
    assert (pricing.fair, pricing.z) == pytest.approx((fair, z), rel=1e-9)
    assert pricing.level_error == pytest.approx(noise * (1 + (known / 19) ** 2) ** 0.5 / s, rel=1e-9)
    assert pricing.fair < pricer.price(price, sigma, at(880), known * price)[0] - 0.03


def test_time_runs_from_the_last_price_and_not_from_now() -> None:
    table = near_the_close(Parameters(), 820)
    table.hear(snapshot(822.5))
    pricing = table.engine.markets[TICKER].pricing
    sigma = table.engine.underlyings["BTC"].volatility.sigma
    assert pricing is not None
    pricer, noise = Pricer(contract(), Parameters()), table.engine.underlyings["BTC"].spot.sigma
    assert pricing.fair == pytest.approx(pricer.price(STRIKE * 1.0001, sigma, at(820), level_error=noise)[0])


def test_a_second_is_sampled_with_what_was_known_when_it_began() -> None:
    table = near_the_close(Parameters(price_method="vwap"), 820).hear(spot(821, STRIKE * 2), spot(825, STRIKE))
    second = at(821) // SECOND_NS
    samples = table.engine.underlyings["BTC"].samples
    assert samples.at(second) == pytest.approx(STRIKE * 1.0001)
    assert samples.at(second + 1) == pytest.approx((STRIKE * 2 + STRIKE * 1.0001) / 2)


def test_the_digital_model_is_plain_black_scholes_whatever_tails_are_set() -> None:
    parameters = Parameters(model="digital", tails="student_t")
    pricer = Pricer(contract(), parameters)
    p, _, _ = pricer.price(STRIKE * 1.001, 8e-5, CLOSE_NS - 300 * SECOND_NS)
    assert p == pytest.approx(digital(STRIKE * 1.001, STRIKE - 0.005, 8e-5, 300.0), abs=1e-12)
