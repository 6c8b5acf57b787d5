"""Rows as the venues' documents show them, to the letter, and a recorded answer: what of them is kept, and as what."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
import zstandard
from django.conf import settings

from markets.core.contract import CENT_GRID
from markets.download.binance import BinanceCandles, BinanceTrades
from markets.download.coinbase import CoinbaseCandles, CoinbaseTrades
from markets.download.errors import BadRequest, Refused, Unreadable
from markets.download.kalshi import KalshiMarkets
from markets.download.kalshi_each import KalshiTrades
from markets.download.kraken import KrakenCandles, KrakenTrades
from markets.download.source import KalshiMarket, Mark, Page, SpotCandle, SpotTrade
from markets.download.times import MINUTE_NS, Span, moment_ns, number_ns, seconds_ns, span_from, stamp_ns
from markets.download.web import Web
from tests.histories import NOW_NS, START_NS, Answer, HandClock, InMemory, document

CANDLE_NS = 1_787_602_740 * 1_000_000_000
AROUND = Span(CANDLE_NS, CANDLE_NS + MINUTE_NS)
BINANCE_KLINE = """[[1787602740000,"78730.00000000","78740.00000000","78720.10000000","78732.15000000","12.30500000",1787602799999,"968790.12000000",679,"6.10000000","480260.00000000","0"]]"""
BINANCE_TRADE = (
    """[{"a":26129,"p":"78732.15000000","q":"4.70443515","f":27781,"l":27781,"T":1787602773714,"m":true,"M":true}]"""
)
COINBASE_CANDLE = "[[1787602740,78720.1,78740.0,78730.0,78732.15,12.305]]"
COINBASE_TRADE = (
    """[{"trade_id":74,"side":"sell","size":"0.01000000","price":"10.00000000","time":"2014-11-07T22:19:28.578544Z"}]"""
)
KRAKEN_TRADES = """{"error":[],"result":{"XXBTZUSD":[["62802.60000","0.00100000",1786923425.3764191,"b","l","",90123456]],"last":"1786923425376419100"}}"""
KRAKEN_CANDLES = """{"error":[],"result":{"XXBTZUSD":[[1786923420,"62800.0","62810.0","62795.0","62802.6","62803.1","1.23456789",42],
    [1786923480,"62802.6","62802.6","62802.6","62802.6","62802.6","0.1",1]],"last":1786923420}}"""


def answering(text: str | bytes | Answer) -> tuple[Web, InMemory]:
    """A web whose every answer is this."""
    answer = text if isinstance(text, tuple) else (200, {}, text.encode() if isinstance(text, str) else text)
    ask = InMemory(lambda path, params: answer)
    return Web("http://venue.test", rate=1e9, burst=1e9, ask=ask, clock=HandClock()), ask


def test_a_candle_of_binance() -> None:
    web, ask = answering(BINANCE_KLINE)
    page = BinanceCandles(web, "BTC", AROUND).fetch(Mark("at", 0, "1787602740000"))
    assert page.rows == (SpotCandle(CANDLE_NS, 78730.0, 78740.0, 78720.1, 78732.15, 12.305, 679, 968790.12, 6.1, None),)
    assert page.next is None
    assert ask.asked == [
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m", "limit": "1000", "startTime": "1787602740000", "endTime": "1787602799999"})
    ]  # fmt: skip


def test_candles_of_binance_go_on_a_minute_after_the_last() -> None:
    web, _ = answering(BINANCE_KLINE)
    source = BinanceCandles(web, "BTC", Span(CANDLE_NS, CANDLE_NS + 5 * MINUTE_NS))
    assert source.fetch(source.first()).next == Mark("at", 0, "1787602800000")


def test_a_trade_of_binance_whose_buyer_was_the_maker_was_sold() -> None:
    web, ask = answering(BINANCE_TRADE)
    source = BinanceTrades(web, "BTC", AROUND)
    page = source.fetch(source.first())
    assert page.rows == (SpotTrade(26129, 1_787_602_773_714_000_000, 78732.15, 4.70443515, "sell"),)
    assert page.next == Mark("from", 0, "26130")
    assert ask.asked[0] == ("/api/v3/aggTrades", {"symbol": "BTCUSDT", "startTime": "1787602740000", "limit": "1000"})
    assert source.fetch(Mark("from", 0, "26130")).mark.cursor == "26130"
    assert ask.asked[1][1] == {"symbol": "BTCUSDT", "fromId": "26130", "limit": "1000"}


def test_a_candle_of_coinbase_has_low_and_high_first() -> None:
    web, ask = answering(COINBASE_CANDLE)
    page = CoinbaseCandles(web, "BTC", AROUND).fetch(Mark("window"))
    assert page.rows == (SpotCandle(CANDLE_NS, 78730.0, 78740.0, 78720.1, 78732.15, 12.305),)
    assert ask.asked == [
        ("/products/BTC-USD/candles", {"granularity": "60", "start": "2026-08-24T20:19:00Z", "end": "2026-08-24T20:19:00Z"})
    ]  # fmt: skip


def test_windows_of_coinbase_hold_three_hundred_minutes_and_do_not_overlap() -> None:
    web, ask = answering("[]")
    source = CoinbaseCandles(web, "BTC", Span(START_NS, START_NS + 700 * MINUTE_NS))
    mark: Mark | None = source.first()
    while mark is not None:
        mark = source.fetch(mark).next
    asked = [(params["start"][11:16], params["end"][11:16]) for _, params in ask.asked]
    assert asked == [("00:00", "04:59"), ("05:00", "09:59"), ("10:00", "11:39")]


def test_a_trade_of_coinbase_tells_the_makers_side_so_the_taker_is_the_other() -> None:
    web, _ = answering(COINBASE_TRADE)
    page = CoinbaseTrades(web, "BTC", AROUND).fetch(Mark("trades", 0, "75"))
    assert page.rows == (SpotTrade(74, stamp_ns("2014-11-07T22:19:28.578544Z"), 10.0, 0.01, "buy"),)


def test_a_trade_of_kraken_keeps_every_digit_of_its_time() -> None:
    web, ask = answering(KRAKEN_TRADES)
    source = KrakenTrades(web, "BTC", Span(1_786_923_000 * 10**9, 1_786_924_000 * 10**9))
    page = source.fetch(source.first())
    assert page.rows == (SpotTrade(90123456, 1_786_923_425_376_419_100, 62802.6, 0.001, "buy"),)
    assert page.next == Mark("trades", 0, "1786923425376419100")
    assert ask.asked == [("/0/public/Trades", {"pair": "XBTUSD", "since": "1786922999999999999", "count": "1000"})]


def test_candles_of_kraken_end_with_the_last_that_is_finished() -> None:
    first_ns = 1_786_923_420 * 10**9
    web, _ = answering(KRAKEN_CANDLES)
    source = KrakenCandles(web, "BTC", Span(first_ns, first_ns + 2 * MINUTE_NS), now_ns=first_ns + 2 * MINUTE_NS)
    page = source.fetch(source.first())
    assert page.rows == (SpotCandle(first_ns, 62800.0, 62810.0, 62795.0, 62802.6, 1.23456789, 42, vwap=62803.1),)
    assert page.skipped == {"not finished": 1}


def test_candles_that_kraken_no_longer_has_are_refused_before_it_is_asked() -> None:
    web, ask = answering(KRAKEN_CANDLES)
    with pytest.raises(BadRequest, match="keeps the last 720 minute candles only, from 2026-05-30T12:01:00Z on"):
        KrakenCandles(web, "BTC", Span(START_NS, START_NS + MINUTE_NS), now_ns=NOW_NS)
    assert ask.asked == []


def test_an_error_of_kraken_comes_with_http_200() -> None:
    web, _ = answering('{"error":["EQuery:Unknown asset pair"]}')
    source = KrakenTrades(web, "HYPE", AROUND)
    with pytest.raises(Refused, match="kraken does not know what we ask for: EQuery:Unknown asset pair") as caught:
        source.fetch(source.first())
    assert caught.value.code == 2


def test_kraken_asking_for_patience_is_asked_again() -> None:
    ask = InMemory(
        lambda path, params: (200, {}, KRAKEN_TRADES.encode()),
        lambda number: document({"error": ["EGeneral:Too many requests"]}) if number < 3 else None,
    )
    clock = HandClock()
    source = KrakenTrades(Web("http://venue.test", rate=1e9, burst=1e9, ask=ask, clock=clock), "BTC", AROUND)
    assert len(source.fetch(source.first()).rows) == 1
    assert [second for second in clock.slept if second > 1e-6] == [5.0, 5.0]


@pytest.mark.recorded
def test_the_recorded_answer_of_kraken_is_read_whole() -> None:
    path = settings.RECORDED_DATA / "raw" / "exchange_ws" / "kraken_rest_trades_xbtusdt_20251110.json.zst"
    with path.open("rb") as file:
        body = zstandard.ZstdDecompressor().stream_reader(file).read()
    web, _ = answering(body)
    source = KrakenTrades(web, "BTC", Span(1_762_790_000 * 10**9, 1_762_900_000 * 10**9))
    page = source.fetch(source.first())
    told = json.loads(body, parse_float=Decimal)["result"]
    assert len(page.rows) == len(told["XBTUSDT"]) == 1000
    assert page.skipped == {}
    assert page.next == Mark("trades", 0, told["last"]) == Mark("trades", 0, "1762820035982277754")
    numbers = [row.trade_id for row in page.rows if isinstance(row, SpotTrade)]
    assert numbers == list(range(10218208, 10219208))
    for row, (price, size, at, side, *_) in zip(page.rows, told["XBTUSDT"], strict=True):
        assert isinstance(row, SpotTrade)
        assert (row.price, row.size, row.taker[0]) == (float(price), float(size), side)
        assert Decimal(row.venue_ns).scaleb(-9) == at


@pytest.mark.parametrize("junk", ['"price":"0.00000000"', '"price":""', '"price":"NaN"', '"price":"0.-10000"'])
def test_junk_is_counted_not_kept(junk: str) -> None:
    web, _ = answering(COINBASE_TRADE.replace('"price":"10.00000000"', junk))
    page = CoinbaseTrades(web, "BTC", AROUND).fetch(Mark("trades", 0, "75"))
    assert (page.rows, page.skipped) == ((), {"without a price or size": 1})


def test_a_time_that_is_none_is_counted() -> None:
    web, _ = answering(COINBASE_TRADE.replace("2014-11-07T22:19:28.578544Z", "0001-01-01T00:00:00.000000Z"))
    assert CoinbaseTrades(web, "BTC", AROUND).fetch(Mark("trades", 0, "75")).skipped == {"without a time": 1}


def test_a_missing_field_is_named_with_its_page() -> None:
    web, _ = answering(BINANCE_TRADE.replace('"p":"78732.15000000",', ""))
    with pytest.raises(Unreadable, match=r"missing required field `p` .*page /api/v3/aggTrades\?symbol=BTCUSDT"):
        BinanceTrades(web, "BTC", AROUND).fetch(Mark("from", 0, "7"))


def test_a_row_of_too_few_columns_is_named_with_its_page() -> None:
    web, _ = answering(KRAKEN_TRADES.replace(',"",90123456', ""))
    with pytest.raises(Unreadable, match=r"at least length 7, got 5 .*page /0/public/Trades"):
        KrakenTrades(web, "BTC", AROUND).fetch(Mark("trades", 0, "7"))


def test_a_field_that_we_do_not_know_is_no_reason_to_stop() -> None:
    web, _ = answering(BINANCE_TRADE.replace('"M":true', '"M":true,"new":[1]'))
    assert len(BinanceTrades(web, "BTC", AROUND).fetch(Mark("from", 0, "7")).rows) == 1


MARKET: Mapping[str, Any] = {
    "ticker": "KXBTC15M-26AUG170100-00", "event_ticker": "KXBTC15M-26AUG170100", "market_type": "binary",
    "title": "BTC price up in next 15 mins?", "yes_sub_title": "Target Price: $63,441.03", "no_sub_title": "Target price: TBD",
    "open_time": "2026-08-17T04:45:00Z", "close_time": "2026-08-17T05:00:00Z", "expected_expiration_time": "2026-08-17T05:05:00Z",
    "latest_expiration_time": "2026-08-24T05:00:00Z", "updated_time": "2026-08-17T04:45:00.7Z", "settlement_timer_seconds": 1,
    "can_close_early": True, "strike_type": "greater_or_equal", "floor_strike": 63441.03, "custom_strike": {"round_digits": "2"},
    "price_level_structure": "tapered_deci_cent", "yes_bid_dollars": "0.9520", "yes_ask_dollars": "0.9530",
    "yes_bid_size_fp": "8.00", "yes_ask_size_fp": "813.44", "volume_fp": "1575916.05", "status": "active", "result": "",
    "expiration_value": "", "exchange_index": 0,
    "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"volume_fp": "1.2345"},
            r"'1.2345' is not a decimal number with at most 2 decimals - at `\$.market.volume_fp`",
        ),
        ({"volume_fp": None}, "`volume_fp`: KXBTC15M-26AUG170100-00 has none"),
        ({"open_time": "soon"}, r"'soon' is not a time such as .* - at `\$.market.open_time`"),
        ({"close_time": None}, r"a time is expected here, not None - at `\$.market.close_time`"),
        ({"floor_strike": [63441.03]}, r"Expected `decimal \| null`, got `array` - at `\$.market.floor_strike`"),
        ({"cap_strike": 70000}, "KXBTC15M-26AUG170100-00: it has a second strike, 70000"),
        ({"price_ranges": []}, "KXBTC15M-26AUG170100-00: the price ranges do not reach from 0 to a dollar"),
    ],
)
def test_a_market_that_cannot_be_read_names_its_field(change: dict[str, Any], said: str) -> None:
    web, _ = answering(document({"market": {**MARKET, **change}}))
    with pytest.raises(Unreadable, match=f"{said}.*page /markets/KXBTC15M"):
        KalshiMarkets(web, ticker=str(MARKET["ticker"])).fetch(Mark("ticker"))


def test_a_market_as_it_was_captured() -> None:
    web, _ = answering(document({"market": MARKET}))
    (row,) = KalshiMarkets(web, ticker=str(MARKET["ticker"])).fetch(Mark("ticker")).rows
    assert isinstance(row, KalshiMarket)
    assert (row.series, row.strike, row.decimals, row.volume) == ("KXBTC15M", 63441.03, 2, 157_591_605)
    assert row.grid == CENT_GRID


TRADE: Mapping[str, Any] = {
    "trade_id": "t1", "ticker": MARKET["ticker"], "count_fp": "1.00", "yes_price_dollars": "0.3600", "taker_outcome_side": "no",
    "created_time": "2026-08-17T04:46:00.123456Z", "is_block_trade": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"yes_price_dollars": "0.36001"}, r"'0.36001' is not a decimal .* - at `\$.trades\[0\].yes_price_dollars`"),
        ({"taker_outcome_side": "both"}, "`taker_outcome_side`: 'both' is none of yes, no"),
        ({"created_time": "0001-01-01T00:00:00Z"}, "`created_time`: trade t1 has none"),
        ({"is_block_trade": None}, "`is_block_trade`: trade t1 does not say"),
    ],
)
def test_a_trade_that_cannot_be_read_names_its_field(change: dict[str, Any], said: str) -> None:
    web, ask = answering(document({"market": MARKET}))
    source = KalshiTrades(web, ticker=str(MARKET["ticker"]))
    source.learn(source.fetch(Mark("ticker")))
    source.learn(Page(Mark("plan"), None))
    ask.host = lambda path, params: document({"trades": [{**TRADE, **change}], "cursor": ""})
    with pytest.raises(Unreadable, match=f"{said}.*page /markets/trades"):
        source.fetch(Mark("each live"))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1787602773, 1787602773 * 10**9), (1787602773714, 1787602773714 * 10**6), (1787602773714123, 1787602773714123000),
     (1787602773714123456, 1787602773714123456), (0, 0), (-5, 0), (10**21, 0)],
)  # fmt: skip
def test_a_number_tells_its_unit_by_its_length(number: int, expected: int) -> None:
    assert number_ns(number) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2026-05-01T00:00:00Z", START_NS), ("2026-05-01T00:00:00.5Z", START_NS + 5 * 10**8),
     ("2026-05-01T00:00:00.123456789Z", START_NS + 123_456_789), ("2026-05-01T00:00:00+00:00", START_NS),
     ("0001-01-01T00:00:00.000000Z", 0), ("2026-05-01T25:00:00Z", 0), ("2026-05-01", 0), ("", 0)],
)  # fmt: skip
def test_stamps_are_exact(text: str, expected: int) -> None:
    assert stamp_ns(text) == expected


def test_seconds_with_decimals_are_exact() -> None:
    assert seconds_ns(Decimal("1762795433.9717445")) == 1_762_795_433_971_744_500
    assert seconds_ns(Decimal("NaN")) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("2026-05-08", "2026-05-01"), "is not before --to"),
        (("2026-05-01", "2026-05-01"), "is not before --to"),
        (("2026-05-01", "2027-05-01"), "is in the future"),
        (("yesterday", "2026-05-01"), "'yesterday' is not a day or a time"),
        (("2026-13-01", "2026-05-01"), "'2026-13-01' is not a day or a time"),
        (("20260501", "2026-05-01"), "'20260501' is not a day or a time"),
        ((None, "2026-05-01"), "--from and --to are needed"),
        (("1969-05-01", "2026-05-01"), "before 1970"),
    ],
)
def test_times_that_cannot_be_asked_for(words: tuple[str | None, str | None], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        span_from(*words, now_ns=NOW_NS)


def test_a_moment_may_have_a_zone() -> None:
    assert moment_ns("2026-05-01T02:00+02:00") == moment_ns("2026-05-01") == START_NS
