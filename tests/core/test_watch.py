"""What the market says of the window before this one: the strike in full, and how far our own average was off."""

import msgspec
import pytest

from markets.core.events import MarketListed
from tests.builders import STRIKE, Table, at, contract, opening, spot, status


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
