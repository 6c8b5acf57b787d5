"""No single venue can hold or move the price past the bound: one that is frozen, lies, jumps, drifts, or sends no numbers.

The bound: 15 bp beyond what the honest venues say, give or take the largest basis of a venue in dollars, again 15 bp.
"""

import random
from collections.abc import Iterator
from math import inf, nan

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from markets.core.events import SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.composite import METHODS
from trading.core.parameters import Parameters, PriceMethod
from trading.core.spot import Spot, SpotEvent

START_NS = 1_778_680_000 * SECOND_NS
BP = 1e-4
BOUND = 30 * BP * 1.01  # of logs, not of prices
LIAR = "gemini"
TICK_NS = 100 * MILLISECOND_NS


def quote(now_ns: int, venue: str, price: float) -> SpotQuote:
    return SpotQuote(
        now_ns, venue, "BTC", price * (1 - BP / 10), 1.0, price * (1 + BP / 10), 1.0, now_ns - 50 * MILLISECOND_NS
    )


def book(now_ns: int, venue: str, price: float) -> SpotBook:
    bids = tuple((price * (1 - BP / 10 * step), 3.0) for step in range(1, 6))
    asks = tuple((price * (1 + BP / 10 * step), 3.0) for step in range(1, 6))
    return SpotBook(now_ns, venue, "BTC", bids, asks, 0, now_ns - 50 * MILLISECOND_NS)


def told(kind: str, now_ns: int, venue: str, price: float) -> SpotEvent:
    """The same price as one of the four kinds of news, without any care for whether it is one."""
    if kind == "trade":
        return SpotPrice(now_ns, venue, "BTC", price, 1.0, now_ns)
    if kind == "quote":
        return quote(now_ns, venue, price)
    if kind == "book":
        return book(now_ns, venue, price)
    return SpotLevels(now_ns, venue, "BTC", ((price, 1.0),), ((price * 1.00001, 1.0),), now_ns)


wild = st.one_of(st.sampled_from([nan, inf, -inf, 0.0, -5.0, 1e-300, 1e300]), st.floats(0.0, 1e6))
near = st.floats(-40.0, 40.0).map(lambda points: 100.0 * (1 + points * BP))
lies = st.tuples(st.sampled_from(["trade", "quote", "book", "levels"]), st.one_of(near, wild), st.integers(-5_000, 0))
moves = st.lists(st.tuples(st.floats(-3.0, 3.0), st.lists(lies, max_size=4)), min_size=1, max_size=60)


def attacked(
    steps: list[tuple[float, list[tuple[str, float, int]]]], honest: tuple[str, ...], method: PriceMethod
) -> Iterator[tuple[Spot, list[float], int]]:
    """(spot, what the honest venues say, now) after every step: the market moves by some basis points, the honest
    venues say so with up to 2 bp between them, the liar says whatever it likes, also from the past."""
    spot, level, now_ns = Spot("BTC", Parameters(price_method=method)), 100.0, START_NS
    spot.volatility(8e-5)
    for venue in honest:
        spot.hear(book(now_ns, venue, level))
    for points, said in steps:
        now_ns += TICK_NS
        level *= 1 + points * BP
        prices = [level * (1 + (place - 1) * BP) for place in range(len(honest))]
        for kind, price, earlier_ms in said:
            spot.hear(told(kind, now_ns + earlier_ms * MILLISECOND_NS, LIAR, price))
        spot.beat(LIAR, now_ns)
        for venue, price in zip(honest, prices, strict=True):
            spot.hear(book(now_ns, venue, price))
        yield spot, prices, now_ns


@given(moves, st.sampled_from(METHODS))
def test_one_liar_among_three_neither_stops_nor_moves_the_price_past_the_bound(
    steps: list[tuple[float, list[tuple[str, float, int]]]], method: PriceMethod
) -> None:
    for spot, prices, now_ns in attacked(steps, ("coinbase", "kraken"), method):
        estimate = spot.estimate(now_ns)
        if method != "vwap":  # nobody but the liar trades
            assert estimate is not None
        if estimate is not None:
            assert min(prices) * (1 - BOUND) <= estimate <= max(prices) * (1 + BOUND)
        for venue in spot.venues(now_ns):
            assert abs(venue.basis_bp or 0.0) <= 15.02


@given(moves, st.sampled_from(METHODS))
@example([(-2.0, []), (-3.0, []), (-3.0, [("trade", 101.0, 0), ("trade", 100.13, 0)])], "vwap")
def test_with_one_honest_venue_a_liar_can_stop_the_price_and_not_move_it_past_the_bound(
    steps: list[tuple[float, list[tuple[str, float, int]]]], method: PriceMethod
) -> None:
    for spot, prices, now_ns in attacked(steps, ("coinbase",), method):
        estimate = spot.estimate(now_ns)
        if estimate is not None and spot.fresh(now_ns) > 1:
            assert prices[0] * (1 - BOUND) <= estimate <= prices[0] * (1 + BOUND)


def market(seconds: float, drift_bp: float, seed: int) -> Iterator[tuple[int, float]]:
    rng, level = random.Random(seed), 85_000.0
    for step in range(round(seconds * 10)):
        level *= 1 + rng.gauss(0.0, 0.25 * BP) + drift_bp * BP / 10
        yield START_NS + step * TICK_NS, level


@pytest.mark.parametrize("drift", [-1.0, 1.0])
def test_a_frozen_book_that_keeps_beating_does_not_hold_the_price(drift: float) -> None:
    spot = Spot("BTC", Parameters())
    spot.volatility(8e-5)
    spot.hear(book(START_NS, LIAR, 85_000.0))
    worst = 0.0
    for now_ns, level in market(120, drift, 3):
        for venue in ("coinbase", "kraken"):
            spot.hear(book(now_ns, venue, level))
        spot.beat(LIAR, now_ns)
        estimate = spot.estimate(now_ns)
        assert estimate is not None
        worst = max(worst, abs(estimate / level - 1))
    assert worst < 5 * BP


def test_a_venue_that_creeps_away_inside_the_vote_moves_the_price_by_its_share() -> None:
    spot, level, estimate = Spot("BTC", Parameters()), 85_000.0, None
    for now_ns, level in market(1_800, 0.0, 4):
        passed = (now_ns - START_NS) / (1_800 * SECOND_NS)
        for venue in ("coinbase", "kraken", "bitstamp"):
            spot.hear(book(now_ns, venue, level))
        spot.hear(book(now_ns, LIAR, level * (1 + 14 * BP * passed)))
        estimate = spot.estimate(now_ns)
    assert estimate is not None
    assert abs(estimate / level - 1) < 14 * BP / 3


def test_a_sudden_lie_inside_the_vote_hardly_moves_the_price() -> None:
    spot, worst = Spot("BTC", Parameters()), 0.0
    for now_ns, level in market(60, 0.0, 5):
        for venue in ("coinbase", "kraken"):
            spot.hear(book(now_ns, venue, level))
        is_lying = now_ns > START_NS + 30 * SECOND_NS
        spot.hear(book(now_ns, LIAR, level * (1 + 12 * BP * is_lying)))
        estimate = spot.estimate(now_ns)
        if estimate is not None and now_ns > START_NS + SECOND_NS:
            worst = max(worst, abs(estimate / level - 1))
    assert worst < 2.5 * BP


def test_a_wrong_strike_moves_no_basis_past_its_bound() -> None:
    spot = Spot("BTC", msgspec.structs.replace(Parameters(), quorum=1))
    for step in range(200):
        now_ns = START_NS + step * SECOND_NS
        spot.hear(book(now_ns, "coinbase", 85_000.0))
        spot.hear(book(now_ns, "kraken", 85_000.0))
        spot.anchor(85_000.0, 85_000.0 * 1.0045)
    assert all(abs(venue.basis_bp or 0.0) <= 15.02 for venue in spot.venues(now_ns))
    estimate = spot.estimate(now_ns)
    assert estimate is not None
    assert abs(estimate / 85_000.0 - 1) <= BOUND
