"""What a price meets in a long run: assets that a venue does not serve, wrong strikes, books in other currencies."""

import pytest
from msgspec.structs import replace

from markets.core.events import FeedStatus
from tests.core.test_spot_venues import at, book, heard
from trading.core.bias import Bias
from trading.core.fusion import Fusion
from trading.core.parameters import Parameters
from trading.core.spot import Spot
from trading.core.watch import Watch

BP = 1e-4
ALL = ("coinbase", "kraken", "bitstamp")


def told(*statuses: tuple[str, str, str]) -> Spot:
    """What feeds say at their start of an asset, as (feed, state, subject)."""
    watch = Watch(Parameters(quorum=2))
    watch.hears[type(book(0, 100.0))](book(0, 100.0))
    for feed, state, subject in statuses:
        event = FeedStatus(at(0), feed, state, subject, "not listed" if subject else "")  # type: ignore[arg-type]
        watch.hears[FeedStatus](event)
    return watch.underlyings["BTC"].spot


def test_a_venue_that_does_not_serve_an_asset_is_no_part_of_its_quorum() -> None:
    spot = told(("kraken", "unavailable", "BTC"), ("kraken", "expected", ""), ("kraken", "up", ""))
    assert spot.needed == 1
    assert spot.estimate(at(0.1)) == pytest.approx(100.0)
    assert [(each.venue, each.code, each.text) for each in spot.left_out(at(0.1))] == [
        ("kraken", "unavailable", "not listed")
    ]
    spot.hear(book(0.2, 100.0, "kraken"))
    assert spot.needed == 2


def test_a_venue_that_is_away_or_does_not_serve_another_asset_or_serves_all_but_its_trades_counts() -> None:
    for status in (
        ("kraken", "unavailable", ""),
        ("kraken", "lost", ""),
        ("kraken", "lost", "BTC"),
        ("kraken/trades", "unavailable", "BTC"),
    ):
        assert told(("kraken", "expected", ""), status).needed == 2, status


def test_one_wrong_strike_moves_no_price_and_is_no_anchor() -> None:
    for method in ("fusion", "vwap", "median", "replica"):
        parameters = Parameters(quorum=2, price_method=method)
        spot = heard(*[book(0, 100.0, venue) for venue in ALL], parameters=parameters)
        for minute in (1, 2):
            assert spot.anchor(100.0, 100.0), minute
        before = spot.basis
        assert not spot.anchor(100.0, 100.0 * (1.0 + 40 * BP))
        assert not spot.anchor(100.0, 100.0 * (1.0 - 40 * BP))
        assert (spot.basis, spot.anchors) == (before, 2)
        assert spot.anchor(100.0, 100.0 * (1.0 + 40 * BP))  # the third in a row


def test_before_the_first_price_nothing_can_be_anchored() -> None:
    assert not Fusion().anchor(1 * BP, BP * BP)
    assert Bias().learn(at(0), 10 * BP)


def test_a_replica_is_of_books_in_dollars_unless_nobody_quotes_in_dollars() -> None:
    parameters = Parameters(quorum=2, price_method="replica")
    books = [book(0, 100.0, "coinbase"), book(0, 100.0, "kraken"), book(0, 100.1, "bullish")]
    spot = heard(*books, parameters=parameters)
    (shown,) = [each for each in spot.methods(at(0.3)) if each.method == "replica"]
    assert shown.venues_in == ("coinbase", "kraken")
    alone = heard(replace(books[0], venue="binance"), books[2], parameters=parameters)
    (shown,) = [each for each in alone.methods(at(0.3)) if each.method == "replica"]
    assert shown.venues_in == ("binance", "bullish")
    assert "none of them in dollars" in shown.note


def test_a_replica_that_comes_into_force_is_not_what_it_was_minutes_ago() -> None:
    parameters = Parameters(quorum=2)
    spot = heard(*[book(0, 100.0, venue) for venue in ALL], parameters=parameters)
    spot.sample(at(0))
    for second in range(1, 61):
        for venue in ALL:
            spot.hear(book(second, 100.0 + second / 100.0, venue))
    spot.configure(replace(parameters, price_method="replica"))
    assert spot.estimate(at(60)) is None
    spot.hear(book(60.1, 100.6))
    assert spot.estimate(at(60.1)) == pytest.approx(100.6, abs=0.02)
    spot.configure(replace(parameters, price_method="replica", late_spot_ns=1))
    assert spot.estimate(at(60.1)) is not None


def test_a_quorum_is_one_of_venues_in_dollars_where_there_are_such() -> None:
    parameters = Parameters(quorum=2)
    spot = heard(*[book(0, 100.0, venue) for venue in ("coinbase", "kraken", "binance")], parameters=parameters)
    assert spot.estimate(at(0)) == pytest.approx(100.0)
    spot.lost("kraken")
    assert (spot.estimate(at(0.1)), spot.problem(at(0.1))) == (None, "NO_QUORUM")
    few = heard(*[book(0, 100.0, venue) for venue in ("coinbase", "binance")], parameters=parameters)
    assert few.estimate(at(0)) == pytest.approx(100.0)
    none = heard(*[book(0, 100.0, venue) for venue in ("bullish", "binance")], parameters=parameters)
    assert none.estimate(at(0)) == pytest.approx(100.0)
