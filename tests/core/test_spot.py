"""The volume-weighted price over many venues: who speaks, who is stale, who is wrong, and how a strike sets it right."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import SpotPrice
from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.parameters import Parameters
from trading.core.spot import Spot

START_NS = 1_778_680_000 * SECOND_NS
PARAMETERS = Parameters(price_method="vwap", vwap_window_ns=2 * SECOND_NS, stale_spot_ns=5 * SECOND_NS, quorum=1)


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def trade(seconds: float, price: float, *, venue: str = "coinbase", size: float = 1.0) -> SpotPrice:
    return SpotPrice(at(seconds), venue, "BTC", price, size)


def spot(*trades: SpotPrice) -> Spot:
    heard = Spot("BTC", PARAMETERS)
    for event in trades:
        heard.hear(event)
    return heard


def test_it_knows_nothing_before_the_first_trade() -> None:
    silent = spot()
    assert silent.estimate(at(0)) is None
    assert (silent.fresh(at(0)), silent.age_ns(at(0)), silent.venues(at(0))) == (0, at(0), [])


def test_it_weighs_trades_and_venues_by_volume() -> None:
    heard = spot(
        trade(0.0, 100.0, size=3.0), trade(0.1, 100.1, venue="kraken", size=2.0), trade(0.2, 100.04, venue="kraken")
    )
    assert heard.estimate(at(0.2)) == pytest.approx((300.0 + 200.2 + 100.04) / 6.0)


def test_the_known_volume_weighted_price_comes_out() -> None:
    heard = spot(trade(0, 100.0, size=5.0), trade(0, 101.0, size=2.0), trade(0, 103.0, size=1.0))
    assert heard.estimate(at(0)) == pytest.approx(100.625, rel=1e-12)


def test_a_trade_leaves_when_the_window_has_passed_without_anything_being_heard() -> None:
    heard = spot(trade(0.0, 100.0), trade(1.5, 102.0))
    assert heard.estimate(at(2.0)) == pytest.approx(101.0)
    assert heard.estimate(at(2.0) + 1) == pytest.approx(102.0)


def test_a_venue_that_did_not_trade_inside_the_window_is_silent_while_another_did() -> None:
    heard = spot(trade(0.0, 100.0, size=50.0), trade(2.5, 100.1, venue="kraken", size=0.1))
    assert heard.estimate(at(2.5)) == pytest.approx(100.1)
    assert heard.fresh(at(2.5)) == 2


def test_last_trades_count_when_nobody_traded_inside_the_window() -> None:
    heard = spot(trade(0.0, 100.0, size=3.0), trade(0.5, 100.1, venue="kraken", size=1.0))
    assert heard.estimate(at(4.0)) == pytest.approx(100.025)
    assert heard.source_ns == at(0.5)


def test_it_has_no_price_once_every_venue_is_stale() -> None:
    heard = spot(trade(0.0, 100.0))
    assert heard.estimate(at(5.0)) == pytest.approx(100.0)
    assert heard.estimate(at(5.0) + 1) is None
    assert heard.fresh(at(5.0) + 1) == 0


def test_it_comes_back_with_the_next_trade() -> None:
    heard = spot(trade(0.0, 100.0))
    assert heard.estimate(at(60.0)) is None
    heard.hear(trade(61.0, 105.0))
    assert heard.estimate(at(61.0)) == pytest.approx(105.0)


def test_a_lost_venue_says_nothing_until_its_next_trade() -> None:
    heard = spot(trade(0.0, 100.0), trade(0.1, 100.1, venue="kraken"))
    heard.lost("kraken")
    assert heard.estimate(at(0.2)) == pytest.approx(100.0)
    assert (heard.fresh(at(0.2)), heard.age_ns(at(0.2))) == (1, 200 * MILLISECOND_NS)
    heard.hear(trade(0.3, 100.1, venue="kraken"))
    assert heard.fresh(at(0.3)) == 2


def test_a_feed_that_is_no_venue_of_ours_can_be_lost_without_harm() -> None:
    heard = spot(trade(0.0, 100.0))
    heard.lost("kalshi")
    assert heard.estimate(at(0.0)) == pytest.approx(100.0)


@pytest.mark.parametrize("price", [0.0, -5.0, float("nan"), float("inf")])
def test_a_price_that_is_no_price_is_counted_and_changes_nothing(price: float) -> None:
    heard = spot(trade(0.0, 100.0), trade(0.1, price), trade(0.1, price, venue="kraken"))
    assert heard.estimate(at(0.2)) == pytest.approx(100.0)
    assert [(venue.venue, venue.messages) for venue in heard.venues(at(0.2))] == [("coinbase", 2)]


def test_a_venue_far_from_the_others_is_left_out() -> None:
    heard = spot(
        trade(0.0, 100.00, size=1.0),
        trade(0.0, 100.02, venue="kraken", size=1.0),
        trade(0.0, 101.00, venue="gemini", size=50.0),
    )
    assert heard.estimate(at(0.0)) == pytest.approx(100.01)


def test_two_venues_that_disagree_leave_no_price() -> None:
    heard = spot(trade(0.0, 100.0), trade(0.0, 110.0, venue="kraken"))
    assert heard.estimate(at(0.0)) is None
    assert heard.problem(at(0.0)) == "VENUES_DISAGREE"


@given(
    st.lists(st.tuples(st.integers(0, 900), st.floats(99.95, 100.05), st.sampled_from("abc")), min_size=1, max_size=40)
)
def test_asking_often_and_asking_once_give_the_same(steps: list[tuple[int, float, str]]) -> None:
    asked, quiet, now_ns = spot(), spot(), START_NS
    for wait, price, venue in steps:
        now_ns += wait * MILLISECOND_NS
        asked.estimate(now_ns)
        for one in (asked, quiet):
            one.hear(SpotPrice(now_ns, venue, "BTC", price, 1.0))
        asked.estimate(now_ns)
    for later in (0, 1, 2 * SECOND_NS, 2 * SECOND_NS + 1, 5 * SECOND_NS + 1):
        fresh = spot()
        replayed_ns = START_NS
        for wait, price, venue in steps:
            replayed_ns += wait * MILLISECOND_NS
            fresh.hear(SpotPrice(replayed_ns, venue, "BTC", price, 1.0))
        assert asked.estimate(now_ns + later) == pytest.approx(fresh.estimate(now_ns + later))


@given(st.lists(st.floats(99.95, 100.05), min_size=1, max_size=20))
def test_the_estimate_lies_between_the_lowest_and_the_highest_trade(prices: list[float]) -> None:
    heard = spot(*(trade(place / 100, price, venue="abc"[place % 3]) for place, price in enumerate(prices)))
    estimate = heard.estimate(at(len(prices) / 100))
    assert estimate is not None
    assert min(prices) - 1e-9 <= estimate <= max(prices) + 1e-9


def test_the_first_strike_is_nearly_believed_and_later_ones_less() -> None:
    heard = spot(trade(0.0, 85_008.5))
    assert heard.anchor(85_000.0, 85_008.5)
    assert heard.basis == pytest.approx(1e-4 * 25 / 25.25)  # variances: 5 bp before, 0.5 bp of the comparison
    assert heard.estimate(at(0.0)) == pytest.approx(85_008.5 / (1 + heard.basis))
    before = heard.basis
    heard.anchor(85_000.0, 85_004.25)
    assert 0.4e-4 * 0.5 < heard.basis - before < 0.5e-4 * 0.6
    assert heard.is_anchored


def test_anchoring_again_and_again_finds_the_basis() -> None:
    heard = spot(trade(0.0, 84_950.0))
    for _ in range(40):
        level = heard.estimate(at(0.0))
        assert level is not None
        heard.anchor(85_000.0, level)
    assert heard.estimate(at(0.0)) == pytest.approx(85_000.0, abs=0.05)


def test_what_is_measured_of_the_error_is_the_spread_of_the_last_five_hundred_distances() -> None:
    """Section 2.2: nu is the standard deviation of the last 500 innovations. One alone has none; what is no level counts not."""

    def nu(heard: Spot, method: str) -> float | None:
        return {each.method: each.nu for each in heard.methods(at(0.0))}[method]  # type: ignore[index]

    heard = spot(trade(0.0, 100.0))
    heard.anchor(100.0, 100.01)
    heard.anchor(100.0, 150.0)
    assert nu(heard, "vwap") is None
    heard.anchor(100.0, 100.03)
    assert nu(heard, "vwap") == pytest.approx(1e-4 * 2**0.5)
    assert nu(heard, "median") is None
    for number in range(500):
        heard.anchor(100.0, 100.02 if number % 2 else 100.0)
    assert nu(heard, "vwap") == pytest.approx(1e-4, rel=2e-3)


def test_a_strike_far_from_our_level_is_not_believed() -> None:
    heard = spot(trade(0.0, 85_000.0))
    assert not heard.anchor(80_000.0, 85_000.0)
    assert not heard.is_anchored
    assert heard.estimate(at(0.0)) == pytest.approx(85_000.0)


def test_new_parameters_count_at_once() -> None:
    heard = spot(trade(0.0, 100.0), trade(1.5, 102.0))
    heard.configure(Parameters(price_method="vwap", vwap_window_ns=SECOND_NS, stale_spot_ns=2 * SECOND_NS))
    assert heard.estimate(at(1.5)) == pytest.approx(102.0)
    assert heard.estimate(at(3.6)) is None


def test_a_page_sees_price_age_state_and_messages_of_every_venue() -> None:
    heard = spot(
        trade(0.0, 100.0), trade(0.0, 100.1, venue="kraken"), trade(3.0, 100.2), trade(4.0, 100.3, venue="gemini")
    )
    heard.lost("gemini")
    assert [tuple(venue)[:5] for venue in heard.venues(at(6.0))] == [
        ("coinbase", 100.2, 3 * SECOND_NS, "fresh", 2),
        ("kraken", 100.1, 6 * SECOND_NS, "stale", 1),
        ("gemini", 100.3, 2 * SECOND_NS, "lost", 1),
    ]
