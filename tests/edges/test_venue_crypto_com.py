"""Crypto.com: heartbeats are answered, chains hold or the book falls, trades are told once, old numbers are understood."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from markets.core.events import FeedBeat, FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, SlowDown, Unreadable
from markets.feeds.venues.crypto_com import CRYPTO_COM, CryptoComSocket
from markets.loopback.venues.crypto_com import CRYPTO_COM as LOOPBACK
from markets.loopback.venues.crypto_com import CryptoComSpeaker
from tests.round_trip import FAULTS, STEPS, begun, follow, survive

NOW_NS = 1_787_602_774 * SECOND_NS
SYMBOLS = {"BTC": "BTC_USD", "ETH": "ETH_USD"}
BOOK = b'{"id":-1,"method":"subscribe","code":0,"result":{"instrument_name":"BTC_USD","subscription":"book.BTC_USD.50","channel":"book","depth":50,"data":[{"bids":[["83284.99","0.71","3"]],"asks":[["83285.00","0.40","2"]],"t":1787602773714,"tt":1787602773701,"u":41261671840}]}}'
UPDATE = b'{"id":-1,"method":"subscribe","code":0,"result":{"channel":"book.update","subscription":"book.BTC_USD.50","instrument_name":"BTC_USD","depth":50,"data":[{"update":{"asks":[["83285.00","0","0"]],"bids":[["83284.50","0.12","1"]]},"t":1787602773772,"tt":1787602773761,"u":41261686400,"pu":41261671840}]}}'
TRADE = b'{"id":-1,"method":"subscribe","code":0,"result":{"channel":"trade","subscription":"trade.BTC_USD","instrument_name":"BTC_USD","data":[{"d":"4611686018428108636","t":1787602773700,"p":"83285.00","q":"0.01163","s":"BUY","i":"BTC_USD"}]}}'
TICKER = b'{"id":-1,"method":"subscribe","code":0,"result":{"channel":"ticker","instrument_name":"BTC_USD","subscription":"ticker.BTC_USD","data":[{"h":"83900.00","l":"82100.00","a":"83285.00","c":"0.0123","b":"83284.99","bs":"0.71","k":"83285.00","ks":"0.40","i":"BTC_USD","v":"1234.5","vv":"102500000.00","oi":"0","t":1787602773714}]}}'


def opened(symbols: dict[str, str] | None = None) -> CryptoComSocket:
    socket = CryptoComSocket("crypto_com", symbols or {"BTC": "BTC_USD"}, Endpoint("wss://stream.crypto.com"), Counts())
    socket.opened(NOW_NS)
    return socket


def trades(*rows: dict[str, Any]) -> bytes:
    data = [{"t": NOW_NS // 1_000_000, "i": "BTC_USD", "s": "BUY"} | row for row in rows]
    result = {"channel": "trade", "subscription": "trade.BTC_USD", "instrument_name": "BTC_USD", "data": data}
    return msgspec.json.encode({"id": -1, "method": "subscribe", "code": 0, "result": result})


def test_it_waits_a_second_and_asks_for_three_channels_an_asset() -> None:
    socket = opened(SYMBOLS)
    assert socket.url == "wss://stream.crypto.com/exchange/v1/market"
    assert socket.pause_after_open_s == 1.0
    assert [msgspec.json.decode(text) for text in socket.to_send] == [
        {
            "id": number, "method": "subscribe",
            "params": {
                "channels": [f"book.{symbol}.50", f"trade.{symbol}", f"ticker.{symbol}"],
                "book_subscription_type": "SNAPSHOT_AND_UPDATE", "book_update_frequency": 100,
            },
        }
        for number, symbol in ((1, "BTC_USD"), (2, "ETH_USD"))
    ]  # fmt: skip


def test_a_heartbeat_is_answered_at_once_with_its_number() -> None:
    socket = opened()
    [beat] = socket.hear(b'{"id":1787602800000,"method":"public/heartbeat","code":0}', NOW_NS)
    assert isinstance(beat, FeedBeat)
    assert msgspec.json.decode(socket.to_send[-1]) == {"id": 1787602800000, "method": "public/respond-heartbeat"}


def test_a_chain_of_changes_and_where_it_breaks() -> None:
    socket = opened()
    assert socket.hear(UPDATE, NOW_NS) == []  # nothing to fit behind
    [book] = socket.hear(BOOK, NOW_NS)
    assert book == SpotBook(
        NOW_NS, "crypto_com", "BTC", ((83284.99, 0.71),), ((83285.0, 0.4),), 50, 1787602773714000000, 41261671840
    )
    [change] = socket.hear(UPDATE, NOW_NS)
    assert isinstance(change, SpotBook | SpotLevels)
    assert socket.hear(UPDATE, NOW_NS) == []  # it came twice
    [loss] = socket.hear(UPDATE.replace(b'"u":41261686400', b'"u":41261699999'), NOW_NS)
    assert isinstance(loss, FeedStatus)
    assert (loss.state, loss.subject) == ("lost", "BTC")
    assert [msgspec.json.decode(text)["method"] for text in socket.to_send[-2:]] == ["unsubscribe", "subscribe"]
    [book] = socket.hear(BOOK, NOW_NS)
    assert isinstance(book, SpotBook)


def test_an_empty_change_moves_the_chain() -> None:
    socket = opened()
    socket.hear(BOOK, NOW_NS)
    empty = UPDATE.replace(b'[["83285.00","0","0"]]', b"[]").replace(b'[["83284.50","0.12","1"]]', b"[]")
    assert socket.hear(empty, NOW_NS) == []
    next_one = UPDATE.replace(b'"u":41261686400,"pu":41261671840', b'"u":41261699999,"pu":41261686400')
    assert [type(event) for event in socket.hear(next_one, NOW_NS)] != [FeedStatus]


def test_past_trades_are_not_told_and_new_ones_are_told_oldest_first() -> None:
    socket = opened()
    assert socket.hear(TRADE, NOW_NS) == []
    told = socket.hear(trades({"d": "3", "p": "3", "q": "1"}, {"d": "2", "p": "2", "q": "1", "s": "SELL"}), NOW_NS)
    assert [(trade.price, trade.taker) for trade in told if isinstance(trade, SpotPrice)] == [
        (2.0, "sell"),
        (3.0, "buy"),
    ]
    assert socket.hear(TRADE, NOW_NS) == []


def test_fills_that_share_a_number_are_all_told_once() -> None:
    socket = opened()
    socket.hear(trades(), NOW_NS)
    fills = [{"d": "9", "p": "20439.5", "q": size} for size in ("0.0050", "0.1000", "0.0050", "0.0244")]
    told = socket.hear(trades(*fills), NOW_NS)
    assert [trade.size for trade in told if isinstance(trade, SpotPrice)] == [0.0244, 0.005, 0.1, 0.005]
    assert len({trade.trade_id for trade in told if isinstance(trade, SpotPrice)}) == 4
    assert socket.hear(trades(*fills), NOW_NS) == []


@pytest.mark.parametrize(("side", "taker"), [(b"BUY", "buy"), (b"SELL", "sell"), (b"?", "")])
def test_the_side_is_the_takers(side: bytes, taker: str) -> None:
    socket = opened()
    socket.hear(trades(), NOW_NS)
    [trade] = socket.hear(TRADE.replace(b"BUY", side), NOW_NS)
    assert isinstance(trade, SpotPrice)
    assert trade.taker == taker


def test_a_ticker_has_the_ask_in_k() -> None:
    assert opened().hear(TICKER, NOW_NS) == [
        SpotQuote(NOW_NS, "crypto_com", "BTC", 83284.99, 0.71, 83285.0, 0.4, 1787602773714000000)
    ]


def test_a_refusal_names_its_asset_and_too_many_questions_slow_us_down() -> None:
    socket = opened(SYMBOLS)
    refusal = b'{"id":2,"method":"subscribe","code":40003,"message":"Unknown request","original":"{}"}'
    assert socket.hear(refusal, NOW_NS) == [
        FeedStatus(NOW_NS, "crypto_com", "unavailable", "ETH", "Unknown request (40003)")
    ]
    socket.hear(b'{"id":1,"method":"subscribe","code":0}', NOW_NS)
    socket.hear(BOOK, NOW_NS)
    assert socket.is_synced
    with pytest.raises(SlowDown):
        socket.hear(refusal.replace(b"40003", b"42901"), NOW_NS)


def test_the_numbers_of_old_are_understood_and_never_mixed_with_text() -> None:
    socket = opened()
    old = b'{"code":0,"method":"subscribe","result":{"instrument_name":"BTC_USD","subscription":"book.BTC_USD.150","channel":"book","depth":150,"data":[{"bids":[[97.44,7.5202,1]],"asks":[[97.685,9.8577,1]],"t":1659311999918,"s":702658069}]}}'
    [book] = socket.hear(old, NOW_NS)
    assert isinstance(book, SpotBook)
    assert book.bids == ((97.44, 7.5202),)
    for mixed in (
        BOOK.replace(b'"0.71"', b"7"),
        UPDATE.replace(b'"83284.50"', b"7"),
        TRADE.replace(b'"83285.00"', b"7"),
    ):
        with pytest.raises(Unreadable):
            opened().hear(mixed, NOW_NS)


@pytest.mark.parametrize(
    "frame",
    [b"", b"{}", b"[]", BOOK[:99], BOOK.replace(b"83284.99", b"x83284.99"), BOOK.replace(b"0.71", b"inf"),
     TRADE.replace(b"83285.00", b"0.00"), UPDATE.replace(b'"u":41261686400', b'"u":"x41261686400"')],
)  # fmt: skip
def test_junk_is_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        opened().hear(frame, NOW_NS)


@given(STEPS)
def test_books_and_trades_are_the_truth_after_every_message(steps: Any) -> None:
    trip, scene = begun(CRYPTO_COM, LOOPBACK, SYMBOLS)
    assert trip.is_synced
    told = follow(trip, scene, steps, 50)
    assert [(trade.asset, trade.price, trade.size, trade.taker, trade.venue_ns) for trade in trip.listener.trades] == [
        (trade.asset, trade.price, trade.size, trade.taker, trade.venue_ns) for trade in told
    ]
    assert not trip.listener.losses


@given(STEPS, FAULTS)
def test_one_frame_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(CRYPTO_COM, LOOPBACK, SYMBOLS)
    survive(trip, scene, steps, fault, 50)


def test_an_hour_of_heartbeats() -> None:
    trip, _ = begun(CRYPTO_COM, LOOPBACK, SYMBOLS)
    trip.wait(3600)
    assert (trip.reconnects, trip.ends[0][1].goodbye) == (0, "")
    assert not trip.listener.losses


def test_the_loopback_says_goodbye_when_a_heartbeat_is_not_answered() -> None:
    trip, _ = begun(CRYPTO_COM, LOOPBACK, SYMBOLS)
    speaker = CryptoComSpeaker(trip.truth, "/exchange/v1/market")
    for _ in range(30):
        frames = speaker.beat()
    assert b"public/heartbeat" in frames[-1]
    for _ in range(4):
        speaker.beat()
    assert not speaker.goodbye
    speaker.beat()
    assert speaker.goodbye


def test_an_unknown_symbol_is_refused_by_the_loopback_too() -> None:
    trip, scene = begun(CRYPTO_COM, LOOPBACK, SYMBOLS)
    trip.wanted = SYMBOLS | {"XXX": "XXX_USD"}
    trip.connect()
    assert [(loss.state, loss.subject) for loss in trip.listener.losses] == [("unavailable", "XXX")]
    quote: MarketEvent = SpotQuote(scene.now_ns, "crypto_com", "BTC", 0.0, 0.0, 100.25, 2.0, scene.now_ns)
    trip.tell(quote)
    assert trip.listener.quotes == [quote]
