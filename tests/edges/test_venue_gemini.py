"""Gemini: what its documents show is understood, books follow the truth, and a lost change is noticed."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from markets.core.events import FeedBeat, FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Reconnect, Refused, Unreadable
from markets.feeds.venues.gemini import GEMINI, GeminiSocket
from markets.feeds.venues.gemini_v2 import GEMINI_V2, GeminiV2Socket
from markets.loopback.venues.gemini import GEMINI as LOOPBACK
from markets.loopback.venues.gemini_v2 import GEMINI_V2 as LOOPBACK_V2
from tests.round_trip import FAULTS, STEPS, begun, follow, survive

NOW_NS = 1_790_732_602 * SECOND_NS
SYMBOLS = {"BTC": "btcusd", "ETH": "ethusd"}
WHOLE = b'{"e":"depthUpdate","E":1790732601672464421,"s":"btcusd","U":1764528499302688,"u":1764528499302688,"b":[["83395.00","0.1440"],["83390.50","0.1211"]],"a":[["83423.00","0.1441"]]}'
TICKER = b'{"u":1764528499302470,"E":1790732601534707953,"s":"btcusd","b":"83395.00","B":"0.1440","a":"83423.00","A":"0.1441","c":"83838.00","C":"0.0001"}'
TRADE = b'{"E":1783981140085684200,"s":"btcusd","t":2840141014190422,"p":"62145.38","q":"0.0162522200","m":true}'


def opened(symbols: dict[str, str] | None = None) -> GeminiSocket:
    socket = GeminiSocket("gemini", symbols or {"BTC": "btcusd"}, Endpoint("wss://ws.gemini.com"), Counts())
    socket.opened(NOW_NS)
    return socket


def change(first: int, end: int, bids: list[Any] | None = None) -> bytes:
    return msgspec.json.encode(
        {"e": "depthUpdate", "E": NOW_NS, "s": "btcusd", "U": first, "u": end, "b": bids or [], "a": []}
    )


def test_it_asks_for_three_streams_an_asset_in_one_message_each() -> None:
    socket = opened(SYMBOLS)
    assert socket.url == "wss://ws.gemini.com?snapshot=-1"
    assert [msgspec.json.decode(text) for text in socket.to_send] == [
        {"id": 1, "method": "subscribe", "params": ["btcusd@depth@100ms", "btcusd@trade", "btcusd@bookTicker"]},
        {"id": 2, "method": "subscribe", "params": ["ethusd@depth@100ms", "ethusd@trade", "ethusd@bookTicker"]},
    ]


def test_the_first_change_is_the_snapshot_even_before_the_grant() -> None:
    socket = opened()
    [book] = socket.hear(WHOLE, NOW_NS)
    assert book == SpotBook(
        NOW_NS, "gemini", "BTC", ((83395.0, 0.144), (83390.5, 0.1211)), ((83423.0, 0.1441),), 0,
        1790732601672464421, 1764528499302688,
    )  # fmt: skip
    assert socket.is_synced
    socket.hear(b'{"id":1,"status":200}', NOW_NS)
    assert socket.is_synced


def test_a_trade_and_the_best_prices() -> None:
    socket = opened()
    assert socket.hear(TRADE, 1783981140 * SECOND_NS) == [
        SpotPrice(1783981140 * SECOND_NS, "gemini", "BTC", 62145.38, 0.01625222, 1783981140085684200, "sell", "2840141014190422")
    ]  # fmt: skip
    assert socket.hear(TRADE, 1783981140 * SECOND_NS) == []
    assert socket.hear(TICKER, NOW_NS) == [
        SpotQuote(NOW_NS, "gemini", "BTC", 83395.0, 0.144, 83423.0, 0.1441, 1790732601534707953)
    ]
    [quote] = socket.hear(TICKER.replace(b'"b":"83395.00","B":"0.1440"', b'"b":"","B":""'), NOW_NS)
    assert isinstance(quote, SpotQuote)
    assert (quote.bid, quote.bid_size, quote.ask) == (0.0, 0.0, 83423.0)


@pytest.mark.parametrize(("maker_bought", "taker"), [(b"true", "sell"), (b"false", "buy")])
def test_the_side_is_the_takers(maker_bought: bytes, taker: str) -> None:
    [trade] = opened().hear(TRADE.replace(b"true", maker_bought), NOW_NS)
    assert isinstance(trade, SpotPrice)
    assert trade.taker == taker


def test_ids_overlap_by_one_and_a_hole_is_a_loss() -> None:
    socket = opened()
    socket.hear(WHOLE, NOW_NS)
    last = 1764528499302688
    assert socket.hear(change(last - 9, last), NOW_NS) == []  # we have that
    [levels] = socket.hear(change(last, last + 40, [["83395.00", "0"]]), NOW_NS)
    assert isinstance(levels, SpotLevels)
    [loss] = socket.hear(change(last + 41, last + 50), NOW_NS)
    assert isinstance(loss, FeedStatus)
    assert (loss.state, loss.subject, socket.counts.gaps) == ("lost", "BTC", 1)
    assert [msgspec.json.decode(text)["method"] for text in socket.to_send[-2:]] == ["unsubscribe", "subscribe"]
    assert socket.hear(change(last + 50, last + 60), NOW_NS) == []
    [book] = socket.hear(change(last + 99, last + 99, [["83000.00", "1"]]), NOW_NS)
    assert isinstance(book, SpotBook)


def test_a_refusal_names_its_asset_and_the_rest_goes_on() -> None:
    socket = opened(SYMBOLS)
    [status] = socket.hear(b'{"id":2,"status":400,"error":{"code":-1121,"msg":"Invalid symbol"}}', NOW_NS)
    assert status == FeedStatus(NOW_NS, "gemini", "unavailable", "ETH", "Invalid symbol (-1121)")
    socket.hear(WHOLE, NOW_NS)
    socket.hear(b'{"id":1,"status":200}', NOW_NS)
    assert socket.is_synced
    with pytest.raises(Refused, match="Invalid symbol"):
        opened().hear(b'{"id":1,"status":400,"error":{"code":-1121,"msg":"Invalid symbol"}}', NOW_NS)


def test_it_pings_and_gives_up_when_nothing_is_granted() -> None:
    socket = opened()
    assert socket.due(NOW_NS + 9 * SECOND_NS) == []
    socket.due(NOW_NS + 10 * SECOND_NS)
    assert socket.to_send[-1] == '{"id":2,"method":"ping"}'
    [beat] = socket.hear(b'{"id":2,"status":200}', NOW_NS)
    assert isinstance(beat, FeedBeat)
    with pytest.raises(Reconnect, match="not granted"):
        socket.due(NOW_NS + 11 * SECOND_NS)


@pytest.mark.parametrize(
    "frame",
    [b"", b"7", b"null", WHOLE[:60], WHOLE.replace(b'"0.1440"', b"0.144"), WHOLE.replace(b'"83395.00"', b'"nan"'),
     WHOLE.replace(b'"U":1764528499302688', b'"U":1764528499302689'), TRADE.replace(b'"62145.38"', b'"0"'),
     TICKER.replace(b'"83395.00"', b'"-1"'), b"\xff\xfe"],
)  # fmt: skip
def test_junk_is_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        opened().hear(frame, NOW_NS)


def test_what_is_unknown_is_counted() -> None:
    socket = opened()
    for frame in (b'{"e":"auction"}', b'{"no":"sense"}', TRADE.replace(b"btcusd", b"btcgbp")):
        assert socket.hear(frame, NOW_NS) == []
    socket.hear(TRADE.replace(b'"m":true', b'"m":true,"x":1'), NOW_NS)
    assert dict(socket.counts.unknown) == {
        "auction": 1, "a frame without a kind": 1, "trade of btcgbp": 1, "trade.x": 1,
    }  # fmt: skip


@given(STEPS)
def test_books_and_trades_are_the_truth_after_every_message(steps: Any) -> None:
    trip, scene = begun(GEMINI, LOOPBACK, SYMBOLS)
    assert trip.is_synced
    trades = follow(trip, scene, steps)
    assert trip.listener.trades == trades
    assert not trip.listener.losses


@given(STEPS, FAULTS)
def test_one_frame_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(GEMINI, LOOPBACK, SYMBOLS)
    survive(trip, scene, steps, fault)


def test_an_unknown_symbol_is_refused_by_the_loopback_too() -> None:
    trip, _ = begun(GEMINI, LOOPBACK, SYMBOLS)
    trip.wanted = SYMBOLS | {"XXX": "xxxusd"}
    trip.connect()
    assert [(loss.state, loss.subject) for loss in trip.listener.losses] == [("unavailable", "XXX")]
    assert trip.is_synced


def test_a_quote_travels() -> None:
    trip, scene = begun(GEMINI, LOOPBACK, SYMBOLS)
    quote: MarketEvent = SpotQuote(scene.now_ns, "gemini", "BTC", 0.0, 0.0, 100.25, 2.0, scene.now_ns)
    trip.tell(quote)
    assert trip.listener.quotes == [quote]


# The older API -----------------------------------------------------------------------------------------------------


def test_the_older_api_as_documented() -> None:
    socket = GeminiV2Socket("gemini", {"BTC": "BTCUSD"}, Endpoint("wss://api.gemini.com"), Counts())
    socket.opened(NOW_NS)
    assert socket.url == "wss://api.gemini.com/v2/marketdata"
    assert msgspec.json.decode(socket.to_send[0]) == {
        "type": "subscribe", "subscriptions": [{"name": "l2", "symbols": ["BTCUSD"]}],
    }  # fmt: skip
    [book] = socket.hear(
        b'{"type":"l2_updates","symbol":"BTCUSD","changes":[["buy","8324.99","0.5"],["sell","8325.01","0"]],"trades":[],"auction_events":[]}',
        NOW_NS,
    )
    assert isinstance(book, SpotBook)
    assert (book.bids, book.asks) == (((8324.99, 0.5),), ())
    trade = b'{"type":"trade","symbol":"BTCUSD","event_id":8280715334,"timestamp":1569888020080,"price":"8325.00","quantity":"0.1","side":"buy"}'
    at_ns = 1569888020080 * 1_000_000
    assert socket.hear(trade, at_ns) == [SpotPrice(at_ns, "gemini", "BTC", 8325.0, 0.1, at_ns, "buy", "8280715334")]
    assert socket.hear(trade.replace(b'"buy"', b'"block"').replace(b"334", b"335"), at_ns) == []
    [beat] = socket.hear(b'{"type":"heartbeat","timestamp":1624493670000}', 1624493670 * SECOND_NS)
    assert beat == FeedBeat(1624493670 * SECOND_NS, "gemini", 1624493670 * SECOND_NS)


@given(STEPS)
def test_the_older_api_follows_the_truth(steps: Any) -> None:
    symbols = {"BTC": "BTCUSD", "ETH": "ETHUSD"}
    trip, scene = begun(GEMINI_V2, LOOPBACK_V2, symbols)
    trades = follow(trip, scene, steps)
    assert [(told.price, told.taker, told.trade_id) for told in trip.listener.trades] == [
        (trade.price, trade.taker, trade.trade_id) for trade in trades
    ]
