"""From a market as listed to the contract that is traded: what is odd is refused in words, nothing is guessed."""

from typing import Any

import pytest

from markets.core.contract import TAPERED_GRID, FeeTerms, PriceBand
from markets.kalshi import calls_market
from markets.kalshi.messages_market import WireMarket
from markets.kalshi.terms import TermsError, contract_of
from tests.edges.test_kalshi_messages import body
from tests.kalshi_rest_documents import market

CENTS = [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}]


def listed(**changes: Any) -> WireMarket:
    return calls_market.market("X").read(body({"market": market(**changes)}))


def test_the_captured_market_is_a_contract() -> None:
    contract = contract_of(listed(), FeeTerms(maker_rate=5))
    assert (contract.ticker, contract.series, contract.asset) == ("KXBTC15M-26AUG170100-00", "KXBTC15M", "BTC")
    assert (contract.strike, contract.decimals, contract.grid) == (63_441.03, 2, TAPERED_GRID)
    assert contract.close_ns - contract.open_ns == 900 * 10**9
    assert contract.fees == FeeTerms(maker_rate=5)


def test_without_a_strike_there_is_none() -> None:
    early = contract_of(listed(floor_strike=..., strike_type=..., status="initialized"), FeeTerms())
    assert (early.strike, early.decimals) == (None, 2)
    assert contract_of(listed(floor_strike=None, strike_type=None, custom_strike=None), FeeTerms()).strike is None
    assert contract_of(listed(floor_strike=None, custom_strike={"round_digits": "7"}), FeeTerms()).decimals == 7


def test_the_grid_is_the_markets_own() -> None:
    assert contract_of(listed(price_ranges=CENTS), FeeTerms()).grid == (PriceBand(0, 10_000, 100),)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ticker": "KXBTCD-26AUG1701-T1"}, "not a quarter-hour market"),
        ({"market_type": "scalar"}, "scalar market"),
        ({"notional_value_dollars": "10.0000"}, "does not pay a dollar"),
        ({"close_time": "2026-08-17T05:15:00Z"}, "open for 1800 s"),
        ({"open_time": "2026-08-17T04:46:00Z", "close_time": "2026-08-17T05:01:00Z"}, "quarter hour"),
        ({"strike_type": "greater"}, "strike type is 'greater'"),
        ({"strike_type": None}, "strike type is ''"),
        ({"cap_strike": 70_000}, "second strike"),
        ({"custom_strike": None}, "round_digits is None"),
        ({"custom_strike": {"round_digits": "two"}}, "round_digits is 'two'"),
        ({"custom_strike": {"round_digits": "-1"}}, "round_digits is '-1'"),
        ({"custom_strike": {"round_digits": 99}}, "round_digits is 99"),
        ({"floor_strike": 63441.035}, "cannot be, with 2 decimals"),
        ({"floor_strike": 0}, "cannot be"),
        ({"floor_strike": -1}, "cannot be"),
        ({"floor_strike": "NaN"}, "cannot be"),
        ({"floor_strike": "9007199254740993"}, "more digits"),
        ({"price_ranges": None}, "do not reach"),
        ({"price_ranges": []}, "do not reach"),
        ({"price_ranges": CENTS * 2}, "hole or overlap"),
        ({"price_ranges": [CENTS[0] | {"end": "0.9000"}]}, "do not reach"),
        ({"price_ranges": [CENTS[0] | {"step": "0.0000"}]}, "hole or overlap"),
        ({"price_ranges": [CENTS[0] | {"step": "0.0300"}]}, "hole or overlap"),
        ({"price_ranges": [CENTS[0] | {"start": "0.0100"}]}, "hole or overlap"),
        ({"price_ranges": [CENTS[0] | {"step": "0.00001"}]}, "cannot be used"),
    ],
)
def test_what_is_odd_is_said(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TermsError, match=words) as caught:
        contract_of(listed(**changes), FeeTerms())
    assert str(caught.value).startswith((market()["ticker"], "'KX"))
