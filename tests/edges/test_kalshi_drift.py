"""What the exchange says of series, fees and markets against what the code assumes: each difference in a sentence."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
import yaml
from django.conf import settings
from msgspec.structs import replace

from markets.core.events import SeriesDrift
from markets.core.units import DAY_NS, DOLLAR, SECOND_NS
from markets.feeds.kalshi.drift_guard import DriftGuard
from markets.feeds.kalshi.notes import FeeNote
from markets.kalshi.drift import (
    KNOWN_MARKET,
    KNOWN_SERIES,
    Drift,
    event_fees_drift,
    fee_changes_drift,
    fields_drift,
    fields_of,
    grid_trouble,
    market_drift,
    series_drift,
)
from markets.kalshi.messages_market import EventFeeChange, FeeChange, PriceRange, WireMarket, WireSeries
from tests.kalshi_floor import ns

BTC, EVENT = "KXBTC15M", "KXBTC15M-26NOV221200"
FROM = "from 2026-11-22 16:55 UTC"
SPEC = settings.RECORDED_DATA.parent / "reference" / "specs" / "openapi.yaml"
NOW = ns("2026-11-22T16:50:00Z")
SERIES = WireSeries(BTC, "quadratic", Decimal(1), settlement_sources=({"name": "CF Benchmarks"},), shard=2)
TAPERED = (
    PriceRange("0.0000", "0.1000", "0.0010"),
    PriceRange("0.1000", "0.9000", "0.0100"),
    PriceRange("0.9000", "1.0000", "0.0010"),
)
RULES = "If the average of the 60 seconds before 12:00 PM EST is at least 63,441.03, the market resolves to Yes."
MARKET = WireMarket(
    "KXBTC15M-26NOV221200-00",
    "KXBTC15M-26NOV221200",
    "active",
    ns("2026-11-22T16:45:00Z"),
    ns("2026-11-22T17:00:00Z"),
    market_type="binary",
    settlement_timer_s=1,
    notional=DOLLAR,
    settlement_bounds="default",
    strike_type="greater_or_equal",
    strike=Decimal("63441.03"),
    custom_strike={"round_digits": "2"},
    rules_primary=RULES,
    price_level_structure="tapered_deci_cent",
    price_ranges=TAPERED,
    shard=2,
)


def fee(at: str, multiplier: str = "2", kind: str = "quadratic", series: str = BTC) -> FeeChange:
    return FeeChange(series, kind, Decimal(multiplier), ns(at))


def override(
    at: str, multiplier: str | None = "3", kind: str | None = None, event: str = "KXBTC15M-26NOV221200"
) -> EventFeeChange:
    return EventFeeChange(event, ns(at), BTC, kind, None if multiplier is None else Decimal(multiplier))


# Sentences -----------------------------------------------------------------------------------------------------


def test_what_is_as_assumed_is_no_drift() -> None:
    assert series_drift(SERIES) == Drift()
    assert market_drift(BTC, MARKET) == Drift()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fee_multiplier": Decimal(2)}, "KXBTC15M: fee_multiplier is 2, the code assumes 1"),
        ({"fee_multiplier": Decimal("0.50")}, "KXBTC15M: fee_multiplier is 0.5, the code assumes 1"),
        ({"fee_type": "flat"}, "KXBTC15M: fee_type is flat, the code assumes quadratic"),
        (
            {"fee_type": "quadratic_with_maker_fees"},
            "KXBTC15M: fee_type is quadratic_with_maker_fees, the code assumes quadratic",
        ),
    ],
)
def test_a_series_that_charges_otherwise_stops(changes: dict[str, Any], sentence: str) -> None:
    assert series_drift(replace(SERIES, **changes)) == Drift((sentence,))


def test_an_index_of_somebody_else_is_shown() -> None:
    drift = series_drift(replace(SERIES, settlement_sources=({"name": "Pyth", "url": "https://pyth.example"},)))
    assert drift == Drift((), ("KXBTC15M: it settles on Pyth https://pyth.example, the code assumes CF Benchmarks",))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"strike_type": "greater"}, "KXBTC15M: strike_type is greater, the code assumes greater_or_equal"),
        ({"strike_type": ""}, "KXBTC15M: strike_type is missing, the code assumes greater_or_equal"),
        ({"settlement_timer_s": 300}, "KXBTC15M: settlement_timer_seconds is 300, the code assumes 1"),
        ({"settlement_timer_s": None}, "KXBTC15M: settlement_timer_seconds is missing, the code assumes 1"),
        ({"market_type": "scalar"}, "KXBTC15M: market_type is scalar, the code assumes binary"),
        ({"settlement_bounds": "floor"}, "KXBTC15M: settlement_bounds_type is floor, the code assumes default"),
        ({"notional": 10_000_000}, "KXBTC15M: notional_value_dollars is 10, the code assumes 1"),
        (
            {"custom_strike": {"round_digits": "two"}},
            "KXBTC15M: custom_strike.round_digits is two, the code assumes a whole number",
        ),
        ({"custom_strike": None}, "KXBTC15M: custom_strike.round_digits is missing, the code assumes a whole number"),
        (
            {"rules_primary": "If the average is greater than the target, the market resolves to Yes."},
            'KXBTC15M: rules_primary does not say "at least", the code assumes that a tie pays YES',
        ),
        ({"price_ranges": None}, "KXBTC15M: price_ranges is missing, the code needs the price grid"),
        (
            {"price_ranges": (PriceRange("0", "0.5", "0.01"), PriceRange("0.6", "1", "0.01"))},
            "KXBTC15M: price_ranges has 0.6 to 1 by 0.01, the code assumes whole steps from 0 to 1 without a hole",
        ),
        (
            {"price_ranges": (PriceRange("0", "0.9", "0.01"),)},
            "KXBTC15M: price_ranges ends at 0.9, the code assumes whole steps from 0 to 1 without a hole",
        ),
    ],
)
def test_a_market_that_is_another_contract_stops(changes: dict[str, Any], sentence: str) -> None:
    assert market_drift(BTC, replace(MARKET, **changes)) == Drift((sentence,))


def test_before_its_strike_a_market_owes_neither_it_nor_what_it_means() -> None:
    assert (
        market_drift(BTC, replace(MARKET, strike=None, strike_type="", custom_strike=None, status="initialized"))
        == Drift()
    )


def test_a_grid_of_another_name_is_followed_and_shown() -> None:
    drift = market_drift(
        BTC, replace(MARKET, price_level_structure="banded_centi_cent", price_ranges=(PriceRange("0", "1", "0.0001"),))
    )
    assert drift == Drift(
        (), ("KXBTC15M: price_level_structure is banded_centi_cent: its own price_ranges are followed",)
    )


def test_a_grid_that_is_finer_than_we_can_count_stops() -> None:
    assert "0.00001" in grid_trouble((PriceRange("0", "1", "0.00001"),))[0]


def test_a_fee_waiver_is_shown() -> None:
    drift = market_drift(BTC, replace(MARKET, fee_waiver_ends_ns=ns("2026-12-01T00:00Z")))
    assert drift == Drift((), ("KXBTC15M: trades before 2026-12-01 00:00 UTC are free, the code counts a fee",))


# Fees to come --------------------------------------------------------------------------------------------------


def test_a_fee_to_come_is_named_with_its_date_and_stops_nothing_yet() -> None:
    drift = fee_changes_drift(BTC, (fee("2026-12-01T05:00Z"),), NOW, NOW)
    assert drift == Drift(
        (),
        (
            "KXBTC15M: fee_multiplier will be, from 2026-12-01 05:00 UTC on, 2, the code assumes 1: no new orders from then on",
        ),
    )


def test_a_fee_that_has_come_stops_until_the_series_is_read_again() -> None:
    changes = (fee("2026-11-22T16:55Z"),)
    later = NOW + 600 * SECOND_NS
    assert fee_changes_drift(BTC, changes, NOW, later).stops == (
        "KXBTC15M: fee_multiplier is, since 2026-11-22 16:55 UTC, 2, the code assumes 1",
    )
    assert fee_changes_drift(BTC, changes, later - SECOND_NS, later) == Drift()


def test_of_several_changes_the_last_that_has_come_counts() -> None:
    changes = (fee("2026-11-22T16:58Z", "1"), fee("2026-11-22T16:55Z", "2"))
    assert fee_changes_drift(BTC, changes, NOW, NOW + 360 * SECOND_NS).stops != ()
    assert fee_changes_drift(BTC, changes, NOW, NOW + 540 * SECOND_NS) == Drift()


def test_changes_to_what_is_assumed_and_of_other_series_are_none() -> None:
    assert (
        fee_changes_drift(BTC, (fee("2026-12-01T05:00Z", "1"), fee("2026-12-01T05:00Z", series="KXETH15M")), NOW, NOW)
        == Drift()
    )


def test_the_fee_of_one_event_stops_the_series_while_it_is_in_force() -> None:
    changes = (override("2026-11-22T16:00Z"), override("2026-11-22T16:55Z", None))
    assert event_fees_drift(BTC, changes, NOW).stops == (
        "KXBTC15M: fee_multiplier of KXBTC15M-26NOV221200 is 3, the code assumes 1",
    )
    assert event_fees_drift(BTC, changes, NOW + 600 * SECOND_NS) == Drift()
    assert event_fees_drift("KXETH15M", changes, NOW) == Drift()


def test_the_fee_of_an_event_to_come_is_named() -> None:
    assert event_fees_drift(BTC, (override("2026-11-22T16:55Z", "3", "flat"),), NOW).notices == (
        f"{BTC}: fee_type of {EVENT} will be, {FROM} on, flat, the code assumes quadratic: no new orders from then on",
        f"{BTC}: fee_multiplier of {EVENT} will be, {FROM} on, 3, the code assumes 1: no new orders from then on",
    )


# Fields --------------------------------------------------------------------------------------------------------


def test_a_needed_field_that_is_gone_stops_and_a_new_one_is_shown() -> None:
    fields = {"ticker": BTC, "fee_type": "quadratic", "maker_fee": 1, "colour": 2}
    assert fields_drift(BTC, "series", fields) == Drift(
        ("KXBTC15M: its series object has no fee_multiplier, which the code needs",),
        ("KXBTC15M: its series object has new fields: colour, maker_fee",),
    )


@pytest.mark.parametrize("body", [b"", b"[]", b'{"market": 3}', b'{"markets": []}', b"\xff"])
def test_an_answer_without_the_object_has_no_fields(body: bytes) -> None:
    assert fields_of(body, "market") == {}


# The guard -----------------------------------------------------------------------------------------------------


def guarded(series: WireSeries = SERIES) -> DriftGuard:
    guard = DriftGuard((BTC, "KXETH15M"))
    guard.series_read(series, NOW)
    guard.series_read(replace(series, ticker="KXETH15M"), NOW)
    return guard


def test_a_series_is_held_back_until_it_was_compared() -> None:
    guard = DriftGuard((BTC,))
    assert guard.events(NOW) == [
        SeriesDrift(NOW, BTC, ("KXBTC15M: it was not compared with what the code assumes yet",))
    ]
    guard.series_read(SERIES, NOW)
    assert guard.events(NOW + 1) == [SeriesDrift(NOW + 1, BTC, ())]
    assert guard.events(NOW + 2) == []


def test_what_was_never_wrong_is_not_told_of() -> None:
    assert guarded().events(NOW) == []


def test_drift_is_told_once_and_once_more_when_it_is_over() -> None:
    guard = guarded()
    guard.market_read(BTC, replace(MARKET, strike_type="less"))
    told = guard.events(NOW)
    assert told == [SeriesDrift(NOW, BTC, ("KXBTC15M: strike_type is less, the code assumes greater_or_equal",))]
    assert guard.events(NOW + 1) == []
    assert guard.stops == told[0].changes
    guard.market_read(BTC, MARKET)
    assert guard.events(NOW + 2) == [SeriesDrift(NOW + 2, BTC, ())]


def test_the_next_market_does_not_hide_what_is_wrong_with_this_one() -> None:
    guard = guarded()
    guard.market_read(BTC, replace(MARKET, strike_type="less"))
    guard.market_read(BTC, replace(MARKET, ticker="KXBTC15M-26NOV221215-15"))
    assert guard.events(NOW)[0].changes
    guard.keep({"KXBTC15M-26NOV221215-15"})
    assert guard.events(NOW + 1) == [SeriesDrift(NOW + 1, BTC, ())]


def test_what_a_market_says_after_its_end_does_not_matter() -> None:
    guard = guarded()
    guard.market_read(BTC, replace(MARKET, status="finalized", price_ranges=None))
    assert guard.events(NOW) == []


def test_a_scheduled_fee_stops_at_its_minute_without_any_reading() -> None:
    guard = guarded()
    guard.fee_changes_read(BTC, [fee("2026-11-22T17:00:00Z")])
    at = ns("2026-11-22T17:00:00Z")
    assert guard.events(NOW) == guard.events(at - 1) == []
    assert "from 2026-11-22 17:00 UTC on" in guard.notices[0]
    assert guard.events(at)[0].changes == (
        "KXBTC15M: fee_multiplier is, since 2026-11-22 17:00 UTC, 2, the code assumes 1",
    )
    guard.series_read(replace(SERIES, fee_multiplier=Decimal(2)), at + SECOND_NS)
    assert guard.events(at + SECOND_NS)[0].changes == ("KXBTC15M: fee_multiplier is 2, the code assumes 1",)


def test_a_scheduled_return_to_the_usual_fee_ends_the_stop() -> None:
    guard = guarded(replace(SERIES, fee_multiplier=Decimal(2)))
    guard.fee_changes_read(BTC, [fee("2026-11-22T17:00:00Z", "1")])
    assert guard.events(NOW) != []
    at = ns("2026-11-22T17:00:00Z")
    assert guard.events(at)[0] == SeriesDrift(at, BTC, ())


def test_news_of_an_events_fee_stops_until_the_event_is_over() -> None:
    guard = guarded()
    guard.noted(FeeNote(received_ns=NOW, event_ticker="KXBTC15M-26NOV221200", fee_type=None, multiplier=2.5))
    assert guard.events(NOW)[0].changes == (
        "KXBTC15M: fee_multiplier of KXBTC15M-26NOV221200 is 2.5, the code assumes 1",
    )
    over = ns("2026-11-22T17:00:00Z")
    assert guard.events(over) == [SeriesDrift(over, BTC, ())]


def test_news_that_an_events_fee_is_the_series_own_again_end_the_stop() -> None:
    guard = guarded()
    guard.overrides_read([override("2026-11-22T16:46Z")], NOW)
    assert guard.events(NOW)[0].changes
    guard.noted(FeeNote(received_ns=NOW + 1, event_ticker="KXBTC15M-26NOV221200", fee_type=None, multiplier=None))
    assert guard.events(NOW + 1) == [SeriesDrift(NOW + 1, BTC, ())]


def test_an_object_that_cannot_be_read_stops_its_series_alone_until_it_can() -> None:
    guard = guarded()
    guard.not_read(BTC, "market", "close_time is missing")
    assert guard.events(NOW) == [SeriesDrift(NOW, BTC, ("KXBTC15M: its market cannot be read: close_time is missing",))]
    guard.market_read(BTC, MARKET)
    assert guard.events(NOW + 1) == [SeriesDrift(NOW + 1, BTC, ())]


def test_new_fields_are_shown_and_stop_nothing() -> None:
    guard = guarded()
    known = dict.fromkeys(("ticker", "fee_type", "fee_multiplier", "additional_note"))
    guard.fields_read(BTC, "series", known)
    assert guard.events(NOW) == []
    assert guard.notices == ("KXBTC15M: its series object has new fields: additional_note",)


def test_rules_in_other_words_are_shown_and_other_numbers_are_not() -> None:
    guard = guarded()
    guard.market_read(BTC, MARKET)
    guard.market_read(
        BTC, replace(MARKET, rules_primary=RULES.replace("63,441.03", "91.2").replace("12:00 PM", "1:15 AM"))
    )
    guard.events(NOW)
    assert not guard.notices
    guard.market_read(BTC, replace(MARKET, rules_primary=RULES.replace("60 seconds", "60 minutes")))
    guard.events(NOW)
    assert "worded otherwise" in guard.notices[0]


def test_a_year_of_overrides_is_forgotten() -> None:
    guard = guarded()
    for day in range(2_000):
        note = FeeNote(received_ns=NOW + day * DAY_NS, event_ticker=f"KXBTC15M-ODD{day}", fee_type=None, multiplier=2.0)
        guard.noted(note)
    assert len(guard._overrides) <= 2


def test_every_field_that_we_read_is_known() -> None:
    assert {field.encode_name for field in msgspec.structs.fields(WireMarket)} <= KNOWN_MARKET
    assert {field.encode_name for field in msgspec.structs.fields(WireSeries)} <= KNOWN_SERIES


@pytest.mark.recorded
def test_the_known_fields_are_those_of_the_official_description() -> None:
    schemas = yaml.safe_load(SPEC.read_text())["components"]["schemas"]
    assert set(schemas["Market"]["properties"]) == KNOWN_MARKET
    assert set(schemas["Series"]["properties"]) <= KNOWN_SERIES
