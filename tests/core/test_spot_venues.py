"""Many venues, three kinds of news: who speaks for a venue, who is left out and why, when there is no price, and what is shown."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.composite import METHODS
from trading.core.parameters import Parameters, PriceMethod
from trading.core.spot import Spot, SpotEvent

START_NS = 1_778_680_000 * SECOND_NS
ALONE = Parameters(quorum=1)


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


def trade(seconds: float, price: float, venue: str = "coinbase", lag: float | None = None) -> SpotPrice:
    return SpotPrice(at(seconds), venue, "BTC", price, 1.0, 0 if lag is None else at(seconds - lag))


def quote(seconds: float, price: float, venue: str = "coinbase", spread: float = 0.02) -> SpotQuote:
    return SpotQuote(at(seconds), venue, "BTC", price - spread / 2, 1.0, price + spread / 2, 1.0)


def book(seconds: float, price: float, venue: str = "coinbase", spread: float = 0.02) -> SpotBook:
    bids = tuple((price - spread / 2 - step / 100, 2.0) for step in range(5))
    asks = tuple((price + spread / 2 + step / 100, 2.0) for step in range(5))
    return SpotBook(at(seconds), venue, "BTC", bids, asks)


def heard(*events: SpotEvent, parameters: Parameters = ALONE) -> Spot:
    spot = Spot("BTC", parameters)
    for event in events:
        spot.hear(event)
    return spot


def spoken(spot: Spot, seconds: float, venue: str = "coinbase") -> tuple[str, str]:
    """(who speaks for a venue, its state)"""
    found = {each.venue: (each.source, each.state) for each in spot.venues(at(seconds))}
    return found[venue]


def codes(spot: Spot, seconds: float) -> dict[str, str]:
    return {each.venue: each.code for each in spot.left_out(at(seconds))}


def test_a_book_goes_before_a_quote_and_a_quote_before_trades() -> None:
    spot = heard(trade(0, 100.0))
    assert spoken(spot, 0) == ("trades", "fresh")
    spot.hear(quote(0.1, 100.01))
    assert spoken(spot, 0.1) == ("quote", "fresh")
    spot.hear(book(0.2, 100.02))
    assert spoken(spot, 0.2) == ("book", "fresh")
    assert spot.venues(at(0.2))[0].price == pytest.approx(100.02)


def test_a_crossed_or_one_sided_book_is_not_quoted_and_something_else_may_speak() -> None:
    spot = heard(trade(0, 100.0), book(0.1, 100.02))
    spot.hear(SpotLevels(at(0.2), "coinbase", "BTC", ((100.5, 1.0),), ()))
    assert spoken(spot, 0.2) == ("trades", "fresh")
    crossed = heard(SpotBook(at(0), "coinbase", "BTC", ((100.1, 1.0),), ((100.0, 1.0),)))
    assert (crossed.estimate(at(0)), codes(crossed, 0)) == (None, {"coinbase": "crossed"})
    one_sided = heard(SpotBook(at(0), "coinbase", "BTC", ((100.1, 1.0),), ()))
    assert codes(one_sided, 0) == {"coinbase": "one_sided"}
    empty = heard(SpotQuote(at(0), "coinbase", "BTC", 100.0, 1.0, 0.0, 0.0))
    assert codes(empty, 0) == {"coinbase": "one_sided"}


def test_what_was_lost_is_believed_again_with_its_own_next_news() -> None:
    spot = heard(trade(0, 100.0), quote(0, 100.0), book(0, 100.0))
    spot.lost("coinbase", "sequence gap")
    assert spot.left_out(at(0.1)) == [("coinbase", "lost", "sequence gap")]
    spot.hear(SpotLevels(at(0.2), "coinbase", "BTC", ((100.0, 3.0),), ()))
    assert spot.estimate(at(0.2)) is None
    spot.hear(trade(0.3, 100.0))
    assert spoken(spot, 0.3) == ("trades", "fresh")
    spot.hear(quote(0.4, 100.0))
    assert spoken(spot, 0.4) == ("quote", "fresh")
    spot.hear(book(0.5, 100.0))
    assert spoken(spot, 0.5) == ("book", "fresh")


def test_losing_the_trades_of_a_venue_leaves_its_book() -> None:
    spot = heard(trade(0, 100.0), book(0, 100.02))
    spot.lost("coinbase/trades", "closed")
    assert spoken(spot, 0.1) == ("book", "fresh")
    assert heard(trade(0, 100.0)).estimate(at(0)) is not None
    alone = heard(trade(0, 100.0))
    alone.lost("coinbase/trades")
    assert codes(alone, 0) == {"coinbase": "lost"}


def test_a_heartbeat_keeps_a_quiet_book_and_not_a_quiet_trade() -> None:
    spot = heard(book(0, 100.0), trade(0, 100.0, "kraken"))
    for second in range(1, 9):
        spot.beat("coinbase", at(second))
        spot.beat("kraken/trades", at(second))
    assert codes(spot, 8) == {"kraken": "stale"}
    assert codes(spot, 13.1) == {"coinbase": "stale", "kraken": "stale"}


def test_after_a_silence_a_book_is_believed_with_its_own_next_word_alone() -> None:
    """What comes first after a silence may be what was held back in it."""
    spot = heard(*[msgspec.structs.replace(book(second, 100.0), venue_ns=at(second - 0.05)) for second in range(3)])
    spot.beat("coinbase", at(33))
    spot.beat("coinbase/trades", at(33))
    spot.hear(trade(33, 100.0, lag=30.0))
    assert codes(spot, 33) == {"coinbase": "stale"}
    spot.hear(SpotLevels(at(33.1), "coinbase", "BTC", ((99.98, 3.0),), ()))
    assert spoken(spot, 33.1) == ("book", "fresh")


def test_heartbeats_of_trades_keep_no_book_and_late_ones_keep_nothing() -> None:
    spot = heard(*[msgspec.structs.replace(book(second, 100.0), venue_ns=at(second - 0.05)) for second in range(3)])
    for second in range(3, 9):
        spot.beat("coinbase/trades", at(second))
        spot.beat("coinbase", at(second), at(second - 10))
    assert codes(spot, 9) == {"coinbase": "stale"}


def test_a_book_without_any_change_for_a_minute_is_frozen_whatever_beats() -> None:
    spot = heard(book(0, 100.0))
    for second in range(1, 62):
        spot.beat("coinbase", at(second))
    assert spot.estimate(at(60)) is not None
    assert codes(spot, 60.1) == {"coinbase": "stale"}


@pytest.mark.parametrize("offset", [-1.5, 0.0, 1.5, 3_600.0])
def test_a_clock_that_is_wrong_by_always_the_same_does_not_matter_and_a_backlog_does(offset: float) -> None:
    spot = heard(*[trade(second / 10, 100.0, lag=offset + 0.05) for second in range(50)])
    assert spot.estimate(at(5)) is not None
    spot.hear(trade(5.1, 100.0, lag=offset + 3.0))
    assert spot.estimate(at(5.1)) is not None
    spot.hear(trade(5.2, 101.0, lag=offset + 3.2))
    assert codes(spot, 5.2) == {"coinbase": "late"}
    spot.hear(trade(5.3, 100.0, lag=offset + 0.1))
    assert spot.estimate(at(5.3)) == pytest.approx(100.0)


def test_one_time_stamp_from_the_future_is_forgotten_after_an_hour() -> None:
    spot = heard(trade(0, 100.0, lag=-50.0), trade(1, 100.0, lag=0.0))
    assert codes(spot, 1) == {"coinbase": "late"}
    for second in range(2, 3_700):
        spot.hear(trade(second, 100.0, lag=0.0))
    assert codes(spot, 3_700) == {}


def test_the_quorum_is_asked_of_a_source_that_has_as_many_venues() -> None:
    spot = heard(trade(0, 100.0), parameters=Parameters())
    assert spot.needed == 1
    assert spot.estimate(at(0)) == pytest.approx(100.0)
    spot.expect("kraken")
    assert (spot.needed, spot.estimate(at(0))) == (2, None)
    assert spot.problem(at(0)) == "NO_QUORUM"
    assert spot.left_out(at(0)) == [("kraken", "not_heard", "nothing was heard of it yet")]
    spot.hear(trade(0.1, 100.01, "kraken"))
    assert spot.problem(at(0.1)) == ""
    assert spot.fresh(at(0.1)) == 2


def test_a_refused_venue_is_left_out_in_its_own_words_and_still_counts_as_one_of_the_source() -> None:
    spot = heard(trade(0, 100.0), parameters=Parameters())
    spot.lost("binance", "not offered in your country", is_unavailable=True)
    assert spot.left_out(at(0)) == [("binance", "unavailable", "not offered in your country")]
    assert spot.problem(at(0)) == "NO_QUORUM"
    spot.expect("binance")
    assert codes(spot, 0) == {"binance": "not_heard"}


def test_nobody_fresh_is_another_reason_than_too_few() -> None:
    spot = heard(trade(0, 100.0), trade(0, 100.0, "kraken"), parameters=Parameters())
    assert spot.problem(at(6)) == "NO_SPOT"


def test_of_two_who_disagree_neither_is_believed_and_a_third_decides() -> None:
    spot = heard(quote(0, 100.0), quote(0, 100.5, "kraken"))
    assert (spot.estimate(at(0)), spot.fresh(at(0)), spot.problem(at(0))) == (None, 0, "VENUES_DISAGREE")
    assert codes(spot, 0) == {"coinbase": "outlier", "kraken": "outlier"}
    spot.hear(quote(0.1, 100.01, "gemini"))
    assert spot.estimate(at(0.1)) == pytest.approx(100.005, rel=2e-4)
    assert spot.left_out(at(0.1))[0][:2] == ("kraken", "outlier")
    assert "bp from the others" in spot.left_out(at(0.1))[0].text


def test_a_usual_basis_of_a_tether_venue_is_learnt_though_it_starts_further_off_than_the_vote_allows() -> None:
    spot = heard(
        *[event for step in range(20) for event in (quote(step / 10, 100.0), quote(step / 10, 100.2, "binance"))]
    )
    assert spot.problem(at(2)) == ""
    basis = {venue.venue: venue.basis_bp for venue in spot.venues(at(2))}
    assert basis["binance"] is not None
    assert basis["coinbase"] is not None
    assert basis["binance"] - basis["coinbase"] == pytest.approx(20.0, abs=1.0)


def test_every_method_stands_beside_the_others_with_its_age_its_error_and_its_venues() -> None:
    names = ("coinbase", "kraken", "bitstamp")
    spot = heard(
        *[book(0, 100.0 + place / 100, name) for place, name in enumerate(names)],
        trade(0.5, 100.0),
        trade(0.5, 100.0, "binance"),
    )
    spot.lost("bitstamp", "checksum")
    found = {price.method: price for price in spot.methods(at(1))}
    assert list(found) == list(METHODS)
    assert all(price.value == pytest.approx(100.0, rel=2e-4) for price in found.values())
    assert all(price.sigma and price.sigma > 1e-4 for price in found.values())
    assert found["replica"].venues_in == ("coinbase", "kraken")
    assert found["replica"].note == "books of the index's constituents"
    assert [each[:2] for each in found["replica"].left_out] == [("bitstamp", "lost"), ("binance", "no_book")]
    assert found["vwap"].venues_in == ("coinbase", "binance")
    assert [each[:2] for each in found["vwap"].left_out] == [("bitstamp", "lost"), ("kraken", "no_trades")]
    assert found["fusion"].age_ns == 500 * MILLISECOND_NS
    assert found["replica"].age_ns == SECOND_NS


def test_a_method_without_a_price_says_why() -> None:
    spot = heard(trade(0, 100.0))
    found = {price.method: price for price in spot.methods(at(0))}
    assert (found["replica"].value, found["replica"].reason) == (None, "NO_SPOT")
    assert found["replica"].left_out == (("coinbase", "no_book", "no book for this method"),)


def test_without_enough_constituents_the_replica_takes_all_books_in_dollars() -> None:
    spot = heard(book(0, 100.0), book(0, 100.0, "elsewhere"), book(0, 100.0, "binance"), parameters=Parameters())
    found = spot.methods(at(0))[METHODS.index("replica")]
    assert (found.venues_in, found.note) == (("coinbase", "elsewhere"), "all books in dollars")


def test_the_replica_in_force_is_made_at_most_five_times_a_second() -> None:
    spot = heard(book(0, 100.0), parameters=msgspec.structs.replace(ALONE, price_method="replica"))
    first = spot.estimate(at(0))
    assert not spot.hear(SpotLevels(at(0.05), "coinbase", "BTC", (), ((100.02, 9.0),)))
    assert spot.estimate(at(0.05)) == first
    assert spot.hear(SpotLevels(at(0.25), "coinbase", "BTC", (), ((100.02, 8.0),)))
    assert spot.estimate(at(0.25)) != first


def test_a_price_method_may_be_changed_while_it_runs() -> None:
    spot = heard(trade(0, 100.0), trade(1, 100.1))
    for method in ("vwap", "median", "fusion"):
        spot.configure(msgspec.structs.replace(ALONE, price_method=method))
        assert spot.method == method
        assert spot.estimate(at(1)) == pytest.approx(100.05, rel=1e-3)


def test_the_index_itself_can_be_an_anchor() -> None:
    spot = heard(trade(0, 100.0), book(0, 100.0))
    before = spot.sigma if spot.estimate(at(0)) else 0.0
    assert spot.anchor_level(99.95, 1e-6)
    assert spot.estimate(at(0)) == pytest.approx(99.95, rel=1e-5)
    assert spot.sigma < 0.01 * before
    assert not spot.anchor_level(90.0, 1e-6)
    assert not heard().anchor_level(99.95, 1e-6)


news = st.tuples(
    st.integers(0, 1_500),
    st.sampled_from(["trade", "quote", "book", "levels", "lost", "beat", "expected", "second"]),
    st.sampled_from(["coinbase", "kraken", "binance"]),
    st.floats(99.9, 100.1),
)


@given(st.lists(news, min_size=1, max_size=40), st.sampled_from(METHODS))
def test_asking_changes_nothing_that_is_said_later(
    steps: list[tuple[int, str, str, float]], method: PriceMethod
) -> None:
    parameters = Parameters(price_method=method)
    asked, quiet = Spot("BTC", parameters), Spot("BTC", parameters)
    seconds = 0.0
    for wait, kind, venue, price in steps:
        seconds += wait / 1_000
        for moment in (seconds - wait / 2_000, seconds):
            asked.estimate(at(moment))
            asked.methods(at(moment))
            asked.venues(at(moment))
            asked.problem(at(moment))
        told = [tell(spot, kind, venue, price, seconds) for spot in (asked, quiet)]
        assert told[0] == told[1]
        assert asked.estimate(at(seconds)) == quiet.estimate(at(seconds))
        assert (asked.source_ns, asked.sigma) == (quiet.source_ns, quiet.sigma)
        assert asked.fresh(at(seconds)) == quiet.fresh(at(seconds))


def tell(spot: Spot, kind: str, venue: str, price: float, seconds: float) -> bool:
    if kind == "trade":
        return spot.hear(trade(seconds, price, venue, 5.0 * (price > 100.08)))
    if kind == "quote":
        return spot.hear(quote(seconds, price, venue))
    if kind == "book":
        return spot.hear(book(seconds, price, venue))
    if kind == "levels":
        return spot.hear(SpotLevels(at(seconds), venue, "BTC", ((price - 0.3, 1.0),), ((price + 0.3, 1.0),)))
    if kind == "lost":
        spot.lost(venue, is_unavailable=price > 100.05)
    elif kind == "beat":
        spot.beat(venue, at(seconds))
    elif kind == "expected":
        spot.expect(venue)
    else:
        spot.sample(at(seconds))
    return False
