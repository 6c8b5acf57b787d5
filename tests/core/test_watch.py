"""What the watch keeps: strikes in full and what they teach; who the venues are, and which of them is heard."""

import msgspec
import pytest

from markets.core.events import FeedBeat, FeedStatus, MarketListed, SpotBook, SpotLevels, SpotPrice
from tests.builders import STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from trading.core.events import Event
from trading.core.parameters import Parameters


def test_a_strike_that_was_listed_cut_off_is_taken_in_full_from_the_settlement_of_the_window_before() -> None:
    """A DOGE strike has six decimals where the settlement it is compared with has seven."""
    later = "KXBTC15M-26NOV221215-15"
    terms = contract(later, open_ns=at(900), close_ns=at(1_800), strike=0.213456, decimals=7)
    table = Table().hear(MarketListed(at(-3), contract(strike=0.2134)), status(0, "open"))
    table.hear(MarketListed(at(899), terms), status(900, "closed"))
    table.hear(msgspec.structs.replace(status(930, "settled", "yes"), settle_value="0.2134568"))
    assert table.engine.markets[later].contract.strike == 0.2134568
    table.hear(MarketListed(at(940), terms))
    assert table.engine.markets[later].contract.strike == 0.2134568


@pytest.mark.parametrize(
    ("value", "opens"), [("0.2140000", 900), ("", 900), ("nan", 900), ("0.2134560", 900), ("0.2134568", 1_800)]
)
def test_a_strike_stays_as_it_was_listed_unless_the_settlement_before_it_says_the_same_in_more_digits(
    value: str, opens: int
) -> None:
    later = "KXBTC15M-26NOV221215-15"
    terms = contract(later, open_ns=at(opens), close_ns=at(opens + 900), strike=0.213456, decimals=7)
    table = Table().hear(MarketListed(at(-3), contract(strike=0.2134)), status(0, "open"))
    table.hear(MarketListed(at(899), terms), status(900, "closed"))
    table.hear(msgspec.structs.replace(status(930, "settled", "yes"), settle_value=value))
    assert table.engine.markets[later].contract.strike == 0.213456


def test_a_strike_that_is_told_again_teaches_nothing_more() -> None:
    """Who joins late, or again, is told what has just settled: a market that was dropped is listed once more."""
    table = Table(start=opening(seconds=-150)).hear(MarketListed(at(-120), contract(strike=None)))
    table.hear(*[spot(second, STRIKE * 1.0001) for second in range(-100, 1)], MarketListed(at(1), contract()))
    basis = table.engine.underlyings["BTC"].spot.basis
    table.hear(status(30, "settled", "yes"), MarketListed(at(40), contract()))
    assert table.engine.underlyings["BTC"].spot.basis == basis > 0
    assert table.engine.underlyings["BTC"].spot.anchors == 1


def test_a_window_that_is_first_heard_of_with_its_strike_teaches_too() -> None:
    table = Table(start=opening(seconds=-150)).hear(*[spot(second, STRIKE * 1.0001) for second in range(-100, 1)])
    table.hear(MarketListed(at(1), contract()))
    assert table.engine.underlyings["BTC"].spot.anchors == 1


def levels(seconds: float, price: float, venue: str = "kraken") -> SpotBook:
    return SpotBook(at(seconds), venue, "BTC", ((price - 1.0, 2.0), (price - 2.0, 2.0)), ((price + 1.0, 2.0),))


def watching(*events: Event) -> Table:
    return Table().hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), *events)


def test_a_price_is_also_made_of_books_and_only_a_new_best_price_is_thought_about() -> None:
    table = watching(levels(5, STRIKE))
    assert table.engine.underlyings["BTC"].spot.estimate(at(5)) == pytest.approx(STRIKE)
    thought = len(table.reasons())
    table.hear(SpotLevels(at(5.01), "kraken", "BTC", ((STRIKE - 2.0, 5.0),), ()))
    assert len(table.reasons()) == thought
    table.hear(SpotLevels(at(5.02), "kraken", "BTC", ((STRIKE - 0.5, 5.0),), ()))
    assert len(table.reasons()) == thought + 1


def test_a_heartbeat_of_a_feed_keeps_the_books_of_all_its_assets() -> None:
    table = watching(levels(5, STRIKE), *[FeedBeat(at(second), "kraken") for second in range(6, 15)])
    assert table.engine.underlyings["BTC"].spot.fresh(at(15)) == 1
    assert table.engine.underlyings["BTC"].spot.fresh(at(20)) == 0


def test_a_venue_that_was_announced_before_its_asset_was_heard_of_is_asked_for() -> None:
    table = Table().hear(
        FeedStatus(at(-4), "coinbase", "expected"),
        FeedStatus(at(-4), "kraken", "expected", "BTC"),
        FeedStatus(at(-4), "gemini", "expected", "ETH"),
        FeedStatus(at(-4), "binance", "unavailable", "", "not in your country"),
    )
    table.hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(1), spot(5))
    heard = table.engine.underlyings["BTC"].spot
    assert [tuple(each)[:2] for each in heard.left_out(at(5))] == [("kraken", "not_heard"), ("binance", "unavailable")]
    assert table.reasons()[-1] == "NO_QUORUM"
    table.hear(spot(5.1, venue="kraken"))
    assert table.reasons()[-1] not in {"NO_QUORUM", "NO_SPOT"}


def test_two_venues_that_disagree_are_a_reason_of_their_own() -> None:
    table = watching(spot(5), spot(5.1, STRIKE * 1.01, "kraken"))
    assert table.reasons()[-1] == "VENUES_DISAGREE"


def test_an_expected_exchange_does_not_make_books_unknown_and_a_refused_one_does() -> None:
    table = watching(FeedStatus(at(2), "kalshi", "expected"))
    assert table.engine.markets[TICKER].lost == ""
    table.hear(FeedStatus(at(3), "kalshi", "unavailable", "", "forbidden"))
    assert table.engine.markets[TICKER].lost == "forbidden"


def test_a_lost_asset_of_a_venue_leaves_its_others() -> None:
    table = watching(levels(5, STRIKE), SpotPrice(at(5), "kraken", "ETH", 3_000.0, 1.0))
    table.hear(FeedStatus(at(5.1), "kraken", "lost", "BTC", "sequence gap"))
    underlyings = table.engine.underlyings
    assert underlyings["BTC"].spot.left_out(at(5.1)) == [("kraken", "lost", "sequence gap")]
    assert underlyings["ETH"].spot.fresh(at(5.1)) == 1


def test_every_price_method_learns_from_a_strike_by_its_own_average() -> None:
    table = Table(start=opening(seconds=-150)).hear(*[spot(second, STRIKE * 1.0001) for second in range(-100, 1)])
    table.hear(MarketListed(at(1), contract()))
    heard = table.engine.underlyings["BTC"].spot
    for method in ("fusion", "vwap", "median"):
        heard.configure(Parameters(price_method=method))
        assert heard.basis == pytest.approx(1e-4, rel=0.03)
        assert heard.estimate(at(1)) == pytest.approx(STRIKE, rel=5e-6)
