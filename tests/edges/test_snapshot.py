"""What the pages are told of pauses, changed contracts and the index: codes with sentences, and the exchange's words."""

from typing import Any

import msgspec
import pytest

from markets.core.events import ExchangeStatus, FeedStatus, IndexValue, MarketListed, SeriesDrift
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, EAGER, STRIKE, TICKER, Table, at, contract, snapshot, spot, status
from trading.core.calibration import pooled
from trading.core.events import AnnouncementsSet, Event, Timer
from trading.core.fitted import Announcement
from trading.core.parameters import PoolingName
from trading.core.reasons import REASONS
from trading.core.seasonality import VarianceClock
from trading.core.variants import VARIANTS
from trading.price_rows import prices
from trading.snapshot import windows


def after(*events: Event, pooling: PoolingName = EAGER.pooling) -> Table:
    table = Table(parameters=msgspec.structs.replace(EAGER, pooling=pooling)).hear(
        MarketListed(at(-3), contract()), status(0, "open")
    )
    return table.hear(snapshot(0.1), *[spot(second, STRIKE * 1.004) for second in range(1, 30)], *events)


def window(*events: Event, pooling: PoolingName = EAGER.pooling) -> dict[str, Any]:
    [told] = windows(after(*events, pooling=pooling).desk)
    return told


@pytest.mark.parametrize(
    ("event", "state", "reason", "text"),
    [
        (ExchangeStatus(at(30), 2, False, "back at noon"), "open", "EXCHANGE_PAUSED", "back at noon"),
        (ExchangeStatus(at(30), 2, False), "open", "EXCHANGE_PAUSED", REASONS["EXCHANGE_PAUSED"]),
        (status(30, "paused"), "paused", "MARKET_PAUSED", REASONS["MARKET_PAUSED"]),
        (SeriesDrift(at(30), "KXBTC15M", ("A.", "B.")), "open", "CONTRACT_CHANGED", "A. B."),
        (
            FeedStatus(at(30), "kalshi", "lost", reason="is 9.1 s behind"),
            "open",
            "FEED_LOST",
            f"{REASONS['FEED_LOST']} (is 9.1 s behind)",
        ),
        (status(30, "disputed"), "disputed", "DISPUTED", REASONS["DISPUTED"]),
        (status(30, "closed"), "closed", "NOT_OPEN", REASONS["NOT_OPEN"]),
    ],
)
def test_a_window_says_why_nothing_is_traded(event: Event, state: str, reason: str, text: str) -> None:
    told = window(event)
    assert (told["status"], told["reason"], told["reason_text"]) == (state, reason, text)


def test_a_window_says_what_every_model_says_and_what_is_believed_beside_the_market() -> None:
    told = window()
    assert list(told["models"]) == list(VARIANTS)
    assert told["models"]["digital"] == pytest.approx(told["digital"], abs=1e-5)
    assert told["models"]["gbm_avg_t"] == pytest.approx(told["fair"], abs=1e-5)
    assert told["models"]["gbm_avg_emp"] is None
    assert told["calibrated"] == pytest.approx(told["fair"], abs=1e-5)
    middle = (told["bid"] + told["ask"]) / 20_000
    assert told["pooled"] == pytest.approx(pooled(told["fair"], middle, told["pooling_weight"]), abs=1e-5)


def test_a_book_that_is_lost_has_no_weight_beside_us() -> None:
    lost = FeedStatus(at(30), "kalshi", "lost", reason="is 9.1 s behind")
    told = window(lost, spot(31, STRIKE * 1.004), pooling="fitted")
    assert told["bid"] > 0  # what was heard last
    assert (told["pooled"], told["pooling_weight"]) == (told["calibrated"], 1.0)
    assert 0.0 < window(pooling="fitted")["pooling_weight"] < 1.0


def test_a_window_without_a_price_says_nothing_of_models() -> None:
    told = window(status(30, "closed"))
    assert (told["models"], told["calibrated"], told["pooled"]) == ({}, None, None)
    silent = window(Timer(at(60)))
    assert (silent["fair"], silent["models"], silent["pooled"]) == (None, {}, None)


def test_looking_changes_no_decision() -> None:
    looked, alone = after(), after()
    for second in range(30, 60):
        windows(looked.desk)
        for table in (looked, alone):
            table.hear(spot(second + 0.25, STRIKE * (1.004 - second * 1e-5)))
        windows(looked.desk)
    assert looked.desk.digest == alone.desk.digest


def test_what_is_held_keeps_its_price_in_a_pause_and_has_none_when_trading_is_over() -> None:
    held, paused, closed = window(), window(status(30, "paused")), window(status(30, "closed"))
    assert held["position"] > 0
    assert held["open_pnl"] == paused["open_pnl"] is not None
    assert closed["open_pnl"] is None


def test_the_index_stands_beside_our_price_with_its_age() -> None:
    [row] = prices(after().desk)
    assert row["index"] is None
    heard = IndexValue(at(30.1), "BTC", STRIKE, at(30), STRIKE - 1.0)
    [row] = prices(after(heard, spot(32.1)).desk)
    assert row["index"] == {
        "value": STRIKE, "age_ms": 2_000, "is_fresh": True, "average": STRIKE - 1.0, "window_average": None,
        "window_samples": 0, "next_open_ms": 0, "next_strike": None,
    }  # fmt: skip


def test_the_error_that_was_measured_stands_beside_the_one_that_is_supposed() -> None:
    heard = [IndexValue(at(30.1 + second), "BTC", STRIKE * (1 + 1e-4 * second), at(30 + second)) for second in range(3)]
    [row] = prices(after(*heard).desk)
    fusion = row["methods"][0]
    assert fusion["method"] == row["method"] == "fusion"
    assert fusion["nu_bp"] > 0.1
    [row] = prices(after().desk)
    assert row["methods"][0]["nu_bp"] is None


def test_the_volatility_stands_beside_the_price_with_its_signature_and_the_news_that_is_not_over() -> None:
    news = [
        Announcement(at(since), at(until), 4.0, f"until {until}") for since, until in ((0, 31), (20, 300), (600, 900))
    ]
    path = [spot(second, STRIKE * (1 + 1e-5 * second)) for second in range(31, 39)]
    table = after(*path, AnnouncementsSet(at(40), tuple(news)))
    [row] = prices(table.desk)
    found = row["volatility"]
    assert [(each["name"], each["is_on"]) for each in found["news"]] == [("until 300", True), ("until 900", False)]
    assert found["multiplier"] == pytest.approx(4 * VarianceClock().multiplier(at(39)), rel=1e-4)
    assert found["now"] == pytest.approx(2 * 0.45 * VarianceClock().multiplier(at(39)) ** 0.5, rel=0.05)
    assert (found["error"], found["is_warm"], found["index_signature"]) == (0.35, False, [])
    assert found["signature"][0]["step_s"] == 1


def test_the_next_strike_is_shown_as_soon_as_it_is_known() -> None:
    whole = IndexValue(CLOSE_NS + SECOND_NS // 10, "BTC", STRIKE, CLOSE_NS, None, STRIKE + 7.0, 60)
    [row] = prices(after(whole).desk)
    assert (row["index"]["next_open_ms"], row["index"]["next_strike"]) == (CLOSE_NS // 1_000_000, STRIKE + 7.0)
    assert TICKER in after(whole).engine.markets
