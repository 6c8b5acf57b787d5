"""Market tickers: closes in New York's time, through both clock changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import WINDOW_NS
from markets.core.units import SECOND_NS
from markets.kalshi.ticker import TickerError, asset_of, close_ns, event_ticker, market_ticker, open_ns, series_of


def ns(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * SECOND_NS


@pytest.mark.parametrize(
    ("close", "ticker"),
    [
        ("2026-09-29T00:45Z", "KXBTC15M-26SEP282045-45"),  # summer time, the day before
        ("2026-11-22T17:00Z", "KXBTC15M-26NOV221200-00"),  # winter time
        ("2026-05-13T15:30Z", "KXBTC15M-26MAY131130-30"),
        ("2027-01-01T05:00Z", "KXBTC15M-27JAN010000-00"),  # the year turns in New York
        ("2026-03-08T06:45Z", "KXBTC15M-26MAR080145-45"),  # the last quarter of winter time
        ("2026-03-08T07:00Z", "KXBTC15M-26MAR080300-00"),  # two o'clock does not exist
    ],
)
def test_a_ticker_is_the_close_in_new_york_and_back(close: str, ticker: str) -> None:
    assert market_ticker("KXBTC15M", ns(close)) == ticker
    assert close_ns(ticker) == ns(close)


def test_the_hour_that_comes_twice_in_autumn_has_one_label_for_two_windows() -> None:
    first, second = ns("2026-11-01T05:30Z"), ns("2026-11-01T06:30Z")
    label = "KXETH15M-26NOV010130-30"
    assert market_ticker("KXETH15M", first) == market_ticker("KXETH15M", second) == label
    assert (close_ns(label), close_ns(label, second_pass=True)) == (first, second)


def test_the_second_pass_changes_nothing_on_other_days() -> None:
    assert close_ns("KXBTC15M-26MAY131130-30", second_pass=True) == close_ns("KXBTC15M-26MAY131130-30")


QUARTERS = st.integers(0, 4 * 24 * 365 * 30).map(lambda quarter: ns("2020-01-01T00:00Z") + quarter * WINDOW_NS)


@given(QUARTERS)
def test_every_close_comes_back_from_its_ticker_in_one_of_two_passes(close: int) -> None:
    ticker = market_ticker("KXBTC15M", close)
    assert close in {close_ns(ticker), close_ns(ticker, second_pass=True)}


@given(QUARTERS)
def test_only_an_hour_a_year_is_ambiguous(close: int) -> None:
    ticker = market_ticker("KXBTC15M", close)
    gap = close_ns(ticker, second_pass=True) - close_ns(ticker)
    assert gap in {0, 4 * WINDOW_NS}
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=close // SECOND_NS)
    assert gap == 0 or moment.month in {10, 11}


def test_a_window_opens_a_quarter_of_an_hour_before_it_closes() -> None:
    assert open_ns(ns("2026-03-08T07:00Z")) == ns("2026-03-08T06:45Z")


def test_the_parts_of_a_ticker() -> None:
    assert event_ticker("KXDOGE15M", ns("2026-11-22T17:00Z")) == "KXDOGE15M-26NOV221200"
    assert series_of("KXDOGE15M-26NOV221200-00") == "KXDOGE15M"
    assert asset_of("KXDOGE15M") == "DOGE"


@pytest.mark.parametrize(
    "ticker",
    [
        "",
        "KXBTC15M",
        "KXBTCD-26NOV2212-T80000",
        "KXBTC15M-26NOV221200-15",  # the minute repeated wrongly
        "KXBTC15M-26NOV221210-10",  # no quarter hour
        "KXBTC15M-26NOV311200-00",  # no such day
        "KXBTC15M-26XYZ221200-00",  # no such month
        "KXBTC15M-26NOV222400-00",  # no such hour
        "KXBTC15M-26MAR080230-30",  # skipped in spring
        "kxbtc15m-26nov221200-00",
        "KXBTC15M-26NOV221200-00 ",
        "KXBTC15M-२६NOV221200-00",  # digits of another script
    ],
)
def test_what_is_no_ticker_is_refused(ticker: str) -> None:
    with pytest.raises(TickerError):
        close_ns(ticker)


@pytest.mark.parametrize("series", ["KXBTCD", "BTC15M", "KX15M", "KXBTC15M-26NOV221200-00"])
def test_what_is_no_series_is_refused(series: str) -> None:
    with pytest.raises(TickerError):
        asset_of(series)


def test_a_close_off_the_quarter_hour_has_no_ticker() -> None:
    with pytest.raises(TickerError, match="on the quarter hour"):
        market_ticker("KXBTC15M", ns("2026-11-22T17:00Z") + 1)
