"""What real venues may say and the loopback venues do not: each of these once left a feed unreadable or dead."""

from typing import Any
from zlib import crc32

import msgspec
import pytest

from markets.core.events import FeedBeat, FeedStatus, SpotBook
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Page, Reconnect, Refused, VenueSocket
from tests.round_trip import START_NS

ENDPOINT = Endpoint("ws://ws", "http://rest")
STAMP = "2026-09-21T14:13:19.670986313Z"
CHANNELS = ("matches", "ticker", "heartbeat")


def opened(venue: str, *assets: str, part: int = 0) -> VenueSocket:
    symbols = {asset: VENUES[venue].symbols[asset] for asset in assets or ("BTC",)}
    socket = VENUES[venue].sockets(symbols, ENDPOINT, lambda _: Counts())[part]
    socket.opened(START_NS)
    socket.to_send.clear()
    return socket


def say(socket: VenueSocket, at_s: float = 0.0, **message: Any) -> list[Any]:
    return socket.hear(msgspec.json.encode(message), START_NS + int(at_s * SECOND_NS))


def granted_exchange(name: str) -> dict[str, Any]:
    names = (name, *CHANNELS)
    return {
        "type": "subscriptions",
        "channels": [{"name": each, "product_ids": ["BTC-USD"], "account_ids": None} for each in names],
    }


@pytest.mark.parametrize("name", ["level2_50", "level2_batch", "level2"])
def test_the_batched_books_of_coinbase_exchange_are_granted_under_another_name(name: str) -> None:
    socket = opened("coinbase_exchange")
    say(socket, **granted_exchange(name))
    say(socket, type="snapshot", product_id="BTC-USD", bids=[["100", "1"]], asks=[["101", "1"]])
    assert socket.is_synced
    assert say(socket, type="subscriptions", channels=[{"name": "ticker", "product_ids": None}]) == []


def advanced(number: int, channel: str, *events: Any) -> dict[str, Any]:
    return {"channel": channel, "timestamp": STAMP, "sequence_num": number, "events": list(events)}


def test_an_error_of_coinbase_that_is_counted_is_no_gap_and_one_that_is_not_counted_neither() -> None:
    for number in (1, 0, None):
        socket = opened("coinbase")
        say(socket, **advanced(0, "heartbeats"))
        error = {"type": "error", "message": "something else"}
        say(socket, **(error if number is None else error | {"sequence_num": number}))
        say(socket, **advanced(2 if number == 1 else 1, "heartbeats"))


def test_numbers_of_coinbase_that_begin_anew_on_one_connection_end_it() -> None:
    socket = opened("coinbase")
    say(socket, **advanced(5_000, "heartbeats"))
    for number in range(20):
        assert say(socket, **advanced(number, "heartbeats")) == []
    with pytest.raises(Reconnect, match="numbered 20 after 5000"):
        say(socket, **advanced(20, "heartbeats"))


def test_a_list_of_coinbase_that_has_nothing_may_be_null() -> None:
    socket = opened("coinbase")
    say(socket, **advanced(0, "subscriptions", {"subscriptions": {"level2": None, "heartbeats": ["heartbeats"]}}))
    say(socket, **advanced(1, "l2_data", {"type": "update", "product_id": "BTC-USD", "updates": None}))
    trades = opened("coinbase", part=1)
    assert say(trades, **advanced(0, "market_trades", {"type": "update", "trades": None})) == []


def kraken_book(kind: str, price: str, size: str, digits: str, at_s: float = 0.0) -> bytes:
    side = f'[{{"price":{price},"qty":{size}}}]'
    asks, bids = (side, "[]") if kind == "update" else (side, '[{"price":0.00001990,"qty":1.00}]')
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"BTC/USD","bids":{bids},"asks":{asks},'
        f'"checksum":{crc32(digits.encode())},"timestamp":"{STAMP}"}}]}}'
    ).encode()


def test_the_checksum_of_kraken_takes_numbers_with_an_exponent_and_without_a_point() -> None:
    socket = opened("kraken")
    (book,) = socket.hear(kraken_book("snapshot", "0.00002000", "1e-08", "20001" + "1990100"), START_NS)
    assert isinstance(book, SpotBook)
    assert socket.hear(kraken_book("update", "0.00002000", "3", "20003" + "1990100"), START_NS)
    assert socket.counts.resyncs == 0


def status(system: str) -> dict[str, Any]:
    return {"channel": "status", "type": "update", "data": [{"system": system, "version": "2.0.10"}]}


def test_no_book_of_kraken_is_believed_while_it_is_closed() -> None:
    socket = opened("kraken")
    whole = kraken_book("snapshot", "0.00002000", "1.00", "2000100" + "1990100")
    socket.hear(whole, START_NS)
    (lost,) = say(socket, **status("maintenance"))
    assert (lost.state, lost.subject, lost.reason) == ("lost", "BTC", "the exchange says: maintenance")
    assert socket.hear(whole, START_NS) == []
    assert say(socket, **status("online")) == []
    (text,) = socket.to_send
    assert msgspec.json.decode(text)["method"] == "unsubscribe"
    (book,) = socket.hear(whole, START_NS)
    assert isinstance(book, SpotBook)


def test_what_kraken_cannot_do_just_now_is_tried_again_soon() -> None:
    for words in ("EService:Unavailable", "Exceeded msg rate"):
        with pytest.raises(Reconnect, match=words):
            say(opened("kraken"), method="subscribe", success=False, error=words, symbol=None)
    with pytest.raises(Refused):
        say(opened("kraken"), method="subscribe", success=False, error="Subscription depth not supported")


def crypto_book(channel: str, orders: Any, **more: Any) -> dict[str, Any]:
    sides = {"bids": [["100.0", "1", orders]], "asks": [["101.0", "1", orders]]}
    data = {"update": sides} if channel == "book.update" else sides
    result = {
        "channel": channel,
        "instrument_name": "BTC_USD",
        "subscription": "book.BTC_USD.50",
        "data": [data | more],
    }
    return {"id": -1, "method": "subscribe", "code": 0, "result": result}


def test_how_many_orders_make_a_level_of_crypto_com_is_not_our_business() -> None:
    socket = opened("crypto_com")
    assert say(socket, **crypto_book("book", 3, t=1, u=7))
    assert say(socket, **crypto_book("book.update", None, t=2, u=8, pu=7))
    assert say(socket, id=1, method="subscribe", code=0, result={}) == []
    assert socket.is_synced


def test_bullish_may_write_numbers_as_text_and_names_as_numbers() -> None:
    socket = opened("bullish")
    say(socket, type="response", id=1, result={"message": "Successfully subscribed"})
    data = {
        "symbol": "BTCUSDC", "bids": ["100.0", "1"], "asks": ["101.0", "1"], "sequenceNumberRange": ["7", "7"],
        "timestamp": 1777035859490, "datetime": STAMP,
    }  # fmt: skip
    (book,) = say(socket, type="snapshot", dataType="V1TALevel2", data=data)
    assert isinstance(book, SpotBook)
    assert socket.is_synced


def test_a_quiet_book_of_lmax_that_keeps_its_time_is_alive() -> None:
    socket = opened("lmax")
    level = {"price": "100.0", "quantity": "1"}
    book: dict[str, Any] = {
        "type": "ORDER_BOOK", "instrument_id": "btc-usd", "timestamp": STAMP, "bids": [level],
        "asks": [level | {"price": "101.0"}],
    }  # fmt: skip
    instruments = [{"name": name, "instruments": ["btc-usd"]} for name in ("ORDER_BOOK", "TICKER")]
    say(socket, type="SUBSCRIPTIONS", channels=instruments)
    say(socket, **book)
    for second in range(1, 20):
        assert say(socket, second, **book) == [FeedBeat(START_NS + second * SECOND_NS, "lmax")]
        assert socket.due(START_NS + second * SECOND_NS + 1) == []


def bitstamp_diff(at_us: int) -> dict[str, Any]:
    data = {"timestamp": "1", "microtimestamp": str(START_NS // 1_000 + at_us), "bids": [["999.0", "1"]], "asks": []}
    return {"data": data, "channel": "diff_order_book_btcusd", "event": "data"}


def bitstamp_page(at_us: int, depth: int = 3) -> bytes:
    bids = [[f"{1_000 - level}.0", "1"] for level in range(depth)]
    asks = [[f"{1_001 + level}.0", "1"] for level in range(depth)]
    stamp = str(START_NS // 1_000 + at_us)
    return msgspec.json.encode({"timestamp": "1", "microtimestamp": stamp, "bids": bids, "asks": asks})


def test_a_page_of_bitstamp_from_before_the_first_difference_may_lack_what_came_between() -> None:
    socket = opened("bitstamp")
    say(socket, **bitstamp_diff(1_000))
    (page,) = socket.to_fetch
    socket.to_fetch.clear()
    assert socket.fetched(page, bitstamp_page(900), START_NS) == []
    socket.due(START_NS + 2 * SECOND_NS)
    assert socket.to_fetch == [page]
    assert socket.fetched(page, bitstamp_page(1_000), START_NS + 2 * SECOND_NS)


def test_a_page_of_bitstamp_that_is_cut_off_agrees_with_a_book_that_is_not() -> None:
    socket = opened("bitstamp")
    say(socket, **bitstamp_diff(1_000))
    (page,) = socket.to_fetch
    socket.to_fetch.clear()
    socket.fetched(page, bitstamp_page(1_000, depth=300), START_NS)
    say(socket, event="bts:subscription_succeeded", channel="live_trades_btcusd", data={})
    later_ns = START_NS + 181 * SECOND_NS
    socket.due(later_ns)
    assert socket.fetched(page, bitstamp_page(1_000, depth=200), later_ns) == []
    assert socket.due(later_ns + 2 * SECOND_NS) == []
    assert socket.counts.gaps == 0


def test_a_book_that_bitstamp_does_not_have_costs_the_others_nothing() -> None:
    socket = opened("bitstamp", "BTC", "DOGE")
    told = socket.not_fetched(Page("http://rest/x", "DOGE"), "HTTP 404: Not found", START_NS)
    assert told == [FeedStatus(START_NS, "bitstamp", "unavailable", "DOGE", "dogeusd: HTTP 404: Not found")]


def test_a_clock_that_is_put_back_does_not_silence_heartbeats() -> None:
    socket = opened("bitstamp")
    for at_s in (100, 99, 50):
        assert say(socket, at_s, event="bts:heartbeat", data={"status": "success"})


def test_data_are_a_grant_and_an_answer_may_have_its_number_as_text() -> None:
    gemini = opened("gemini")
    say(gemini, id="1", status=200)
    assert not gemini.ungranted  # type: ignore[attr-defined]
    gemini = opened("gemini")
    whole: dict[str, Any] = {
        "e": "depthUpdate",
        "E": START_NS,
        "s": "btcusd",
        "U": 7,
        "u": 7,
        "b": [["100", "1"]],
        "a": [["101", "1"]],
    }
    say(gemini, **whole)
    assert gemini.is_synced
    crypto_com = opened("crypto_com")
    say(crypto_com, **crypto_book("book", "1", t=1, u=7))
    assert crypto_com.is_synced
    coinbase = opened("coinbase")
    level = {"side": "bid", "price_level": "100", "new_quantity": "1"}
    event = {
        "type": "snapshot",
        "product_id": "BTC-USD",
        "updates": [level, level | {"side": "offer", "price_level": "101"}],
    }
    say(coinbase, **advanced(0, "l2_data", event))
    assert coinbase.is_synced
