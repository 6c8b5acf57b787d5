"""Binance: the chain of a book and its start, the cross-check with bookTicker, sides, silence, both ends of the wire."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings

from markets.core.events import FeedStatus, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Page, Reconnect, Refused, Unreadable
from markets.feeds.venues.binance import BinanceSocket
from markets.loopback.register import LOOPBACK
from tests.round_trip import FAULTS, START_NS, STEPS, RoundTrip, begun, follow, survive, told

SYMBOLS = {"BTC": "BTCUSDT", "ETH": "ETHUSDT"}
PAGE = Page("http://rest/api/v3/depth?symbol=BTCUSDT&limit=1000", "BTC")
DOORS = pytest.mark.parametrize("name", ["binance", "binance_data", "binance_us"])


def symbols_of(name: str) -> dict[str, str]:
    return {asset: VENUES[name].symbols[asset] for asset in SYMBOLS}


def opened(symbols: dict[str, str] | None = None) -> BinanceSocket:
    """Subscribed, with nothing heard but the acknowledgement; the first pages are asked for."""
    socket = BinanceSocket("binance", symbols or {"BTC": "BTCUSDT"}, Endpoint("ws://ws", "http://rest"), Counts())
    socket.opened(START_NS)
    socket.hear(b'{"result":null,"id":1}', START_NS)
    socket.due(START_NS)
    return socket


def depth(first: int, last: int, bids: Any = (), asks: Any = ()) -> bytes:
    data = {"e": "depthUpdate", "E": START_NS // 10**6, "s": "BTCUSDT", "U": first, "u": last, "b": bids, "a": asks}
    return msgspec.json.encode({"stream": "btcusdt@depth@100ms", "data": data})


def ticker(update: int, bid: str = "100.0", ask: str = "101.0", size: str = "1") -> bytes:
    data = {"u": update, "s": "BTCUSDT", "b": bid, "B": size, "a": ask, "A": "1"}
    return msgspec.json.encode({"stream": "btcusdt@bookTicker", "data": data})


def page(last: int) -> bytes:
    return msgspec.json.encode({"lastUpdateId": last, "bids": [["100.00", "1"]], "asks": [["101.00", "1"]]})


def standing(last: int = 10) -> BinanceSocket:
    socket = opened()
    socket.fetched(PAGE, page(last), START_NS)
    assert socket.is_synced
    return socket


def test_one_message_subscribes_all_streams_in_lower_case() -> None:
    socket = BinanceSocket("binance", SYMBOLS, Endpoint("wss://stream.binance.com:9443"), Counts())
    socket.opened(START_NS)
    assert socket.url == "wss://stream.binance.com:9443/stream"
    (text,) = socket.to_send
    streams = [f"{pair}@{kind}" for pair in ("btcusdt", "ethusdt") for kind in ("trade", "bookTicker", "depth@100ms")]
    assert sorted(msgspec.json.decode(text)["params"]) == sorted(streams)


def test_pages_are_asked_for_one_after_the_other() -> None:
    socket = opened(SYMBOLS)
    assert [wanted.subject for wanted in socket.to_fetch] == ["BTC"]
    assert socket.to_fetch[0].url == PAGE.url
    socket.due(START_NS + SECOND_NS // 10)
    assert len(socket.to_fetch) == 1
    socket.due(START_NS + SECOND_NS // 2)
    assert [wanted.subject for wanted in socket.to_fetch] == ["BTC", "ETH"]


@pytest.mark.parametrize(("first", "last"), [(11, 12), (9, 11), (5, 30), (11, 11)])
def test_the_first_event_that_is_used_holds_the_update_after_the_page(first: int, last: int) -> None:
    socket = opened()
    socket.hear(depth(first, last, [["100.5", "2"]]), START_NS)
    whole, levels = socket.fetched(PAGE, page(10), START_NS)
    assert isinstance(whole, SpotBook)
    assert isinstance(levels, SpotLevels)
    assert (whole.seq, levels.seq, levels.bids) == (10, last, ((100.5, 2.0),))


def test_what_the_page_already_has_is_dropped_also_when_it_ends_right_there() -> None:
    socket = opened()
    for first, last in ((7, 8), (9, 10), (11, 12)):
        socket.hear(depth(first, last, [["100.5", str(last)]]), START_NS)
    events = socket.fetched(PAGE, page(10), START_NS)
    assert [event.seq for event in events if isinstance(event, SpotBook | SpotLevels)] == [10, 12]


def test_a_page_older_than_what_was_heard_is_asked_for_again() -> None:
    socket = opened()
    socket.hear(depth(20, 22), START_NS)
    assert socket.fetched(PAGE, page(10), START_NS) == []
    assert not socket.is_synced
    socket.to_fetch.clear()
    socket.due(START_NS + 3 * SECOND_NS)
    assert len(socket.to_fetch) == 1
    assert len(socket.fetched(PAGE, page(20), START_NS)) == 2 - 1  # nothing changed within 21 and 22
    assert socket.is_synced


def test_a_hole_while_waiting_for_the_page_needs_a_page_from_behind_it() -> None:
    socket = opened()
    socket.hear(depth(11, 12), START_NS)
    socket.hear(depth(14, 15, [["100.5", "2"]]), START_NS)
    assert socket.fetched(PAGE, page(10), START_NS) == []
    assert [type(event) for event in socket.fetched(PAGE, page(14), START_NS)] == [SpotBook, SpotLevels]


def test_a_gap_loses_the_book_once_and_a_new_page_mends_it() -> None:
    socket = standing()
    (lost,) = socket.hear(depth(12, 13, [["100.5", "2"]]), START_NS)
    assert lost == FeedStatus(START_NS, "binance", "lost", "BTC", "updates 11 to 11 are missing")
    assert socket.hear(depth(14, 14, [["100.6", "2"]]), START_NS) == []
    assert (socket.counts.gaps, socket.counts.resyncs, socket.is_synced) == (1, 1, False)
    events = socket.fetched(PAGE, page(12), START_NS)
    assert [type(event) for event in events] == [SpotBook, SpotLevels, SpotLevels]


def test_old_and_repeated_events_change_nothing() -> None:
    socket = standing()
    frame = depth(11, 12, [["100.5", "2"]])
    assert len(socket.hear(frame, START_NS)) == 1
    assert socket.hear(frame, START_NS) == []
    assert socket.hear(depth(9, 10, [["100.9", "2"]]), START_NS) == []


@pytest.mark.parametrize("is_ticker_first", [True, False])
def test_the_top_must_be_what_book_ticker_says_of_the_same_update(is_ticker_first: bool) -> None:
    frames = [depth(11, 12, [["100.5", "2"]]), ticker(12, "100.5", size="2")]
    for size, is_right in (("2", True), ("3", False)):
        socket = standing()
        frames[1] = ticker(12, "100.5", size=size)
        events = [event for frame in frames[:: -1 if is_ticker_first else 1] for event in socket.hear(frame, START_NS)]
        assert any(isinstance(event, FeedStatus) for event in events) is not is_right
        assert socket.books["BTC"].stands is is_right


def test_book_ticker_of_other_updates_is_not_compared() -> None:
    socket = standing()
    socket.hear(ticker(11, "99.0"), START_NS)
    socket.hear(depth(11, 12, [["100.5", "2"]]), START_NS)
    assert socket.hear(ticker(13, "99.0"), START_NS) == [SpotQuote(START_NS, "binance", "BTC", 99.0, 1.0, 101.0, 1.0)]
    assert socket.hear(ticker(12, "98.0"), START_NS) == []  # older than the one before
    assert socket.books["BTC"].stands


def test_an_empty_side_of_book_ticker_is_no_price() -> None:
    socket = opened()
    assert socket.hear(ticker(5, ""), START_NS) == [SpotQuote(START_NS, "binance", "BTC", 0.0, 1.0, 101.0, 1.0)]
    assert socket.hear(ticker(6, "0.00000000"), START_NS) == [
        SpotQuote(START_NS, "binance", "BTC", 0.0, 1.0, 101.0, 1.0)
    ]


@pytest.mark.parametrize(("is_buyer_maker", "taker"), [(True, "sell"), (False, "buy")])
def test_the_taker_sells_when_the_buyer_was_the_maker(is_buyer_maker: bool, taker: str) -> None:
    at_ms = START_NS // 10**6 - 3
    data = {"e": "trade", "E": at_ms + 1, "s": "BTCUSDT", "t": 5, "p": "100.50000000", "q": "0.25", "T": at_ms,
            "m": is_buyer_maker, "M": True}  # fmt: skip
    (trade,) = opened().hear(msgspec.json.encode({"stream": "btcusdt@trade", "data": data}), START_NS)
    assert isinstance(trade, SpotPrice)
    assert (trade.price, trade.size, trade.taker, trade.trade_id) == (100.5, 0.25, taker, "5")
    assert trade.venue_ns == at_ms * 10**6


def test_a_symbol_that_is_granted_and_silent_is_unavailable_after_15_s() -> None:
    socket = opened(SYMBOLS)
    socket.fetched(PAGE, page(10), START_NS)
    assert socket.due(START_NS + 15 * SECOND_NS) == []
    (status,) = socket.due(START_NS + 16 * SECOND_NS)
    assert status == FeedStatus(
        START_NS + 16 * SECOND_NS, "binance", "unavailable", "ETH", "ETHUSDT: nothing was heard within 15 s"
    )
    assert socket.is_synced


def test_without_its_page_a_symbol_that_is_heard_is_waited_for() -> None:
    socket = opened()
    socket.hear(depth(11, 12), START_NS)
    assert socket.not_fetched(PAGE, "HTTP 500: upstream", START_NS) == []
    assert socket.due(START_NS + 16 * SECOND_NS) == []
    assert list(socket.counts.words) == ["BTC: no snapshot: HTTP 500: upstream", "BTC: no snapshot within 15 s"]
    assert len(socket.to_fetch) == 2


def test_a_symbol_that_has_no_page_is_unavailable_in_the_words_of_the_venue() -> None:
    words = 'HTTP 400: {"code":-1121,"msg":"Invalid symbol."}'
    (status,) = opened().not_fetched(PAGE, words, START_NS)
    assert status == FeedStatus(START_NS, "binance", "unavailable", "BTC", f"BTCUSDT: {words}")


def test_a_missing_acknowledgement_ends_the_connection() -> None:
    socket = BinanceSocket("binance", SYMBOLS, Endpoint("ws://ws", "http://rest"), Counts())
    socket.opened(START_NS)
    socket.due(START_NS + 9 * SECOND_NS)
    with pytest.raises(Reconnect, match="not granted"):
        socket.due(START_NS + 11 * SECOND_NS)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"error":{"code":2,"msg":"Invalid request: too many"},"id":1}',
        b'{"code":2,"msg":"Invalid request: too many","id":1}',
    ],
)
def test_a_refused_subscription_is_refused_in_either_form(frame: bytes) -> None:
    with pytest.raises(Refused, match="too many"):
        opened().hear(frame, START_NS)


@pytest.mark.parametrize(
    "frame",
    [
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1787602773714}}',
        b'{"e":"serverShutdown","E":1787602773714}',
    ],
)
def test_a_server_that_goes_down_asks_for_a_new_connection(frame: bytes) -> None:
    socket = standing()
    assert socket.hear(frame, START_NS) == []
    assert socket.renewal_asked


def test_the_list_of_subscriptions_is_our_heartbeat() -> None:
    socket = standing()
    socket.due(START_NS + 11 * SECOND_NS)
    assert msgspec.json.decode(socket.to_send[-1])["method"] == "LIST_SUBSCRIPTIONS"
    assert len(socket.hear(b'{"result":["btcusdt@trade"],"id":2}', START_NS + 11 * SECOND_NS)) == 1


@pytest.mark.parametrize(
    "frame",
    [
        b"nonsense",
        b'{"stream":"btcusdt@depth@100ms","data":{"E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["nan","1"]],"a":[]}}',
        b'{"stream":"btcusdt@depth@100ms","data":{"E":1,"s":"BTCUSDT","U":1,"u":2,"b":[["0","1"]],"a":[]}}',
        b'{"stream":"btcusdt@trade","data":{"E":1,"s":"BTCUSDT","t":1,"p":"","q":"1","T":1,"m":true}}',
        b'{"stream":"btcusdt@trade","data":{"E":1,"s":"BTCUSDT","t":1,"p":7,"q":"1","T":1,"m":true}}',
        depth(11, 12, [["100.5", 7]]),
        depth(11, 12, [], [["101", "1"], [7, "1"]]),
        ticker(12).replace(b'"101.0"', b"7"),
    ],
)
def test_junk_is_unreadable_and_never_a_price(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        standing().hear(frame, START_NS)


def test_other_streams_are_counted() -> None:
    socket = standing()
    socket.hear(b'{"stream":"btcusdt@kline_1m","data":{"e":"kline"}}', START_NS)
    assert dict(socket.counts.unknown) == {"kline_1m": 1}


# Both ends ------------------------------------------------------------------------------------------------------


@DOORS
@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_a_client_has_what_is_true_after_every_message(name: str, steps: Any) -> None:
    trip, scene = begun(VENUES[name], LOOPBACK[name], symbols_of(name))
    trades = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(trades)
    assert trip.troubles() == []
    quotes = {quote.asset: quote for quote in trip.listener.quotes}
    for asset, quote in quotes.items():
        assert (quote.bid, quote.bid_size, quote.ask, quote.ask_size) == trip.truth.books[asset].top_of_book()


@settings(max_examples=60, deadline=None)
@given(STEPS, FAULTS)
def test_a_message_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(VENUES["binance"], LOOPBACK["binance"], symbols_of("binance"))
    survive(trip, scene, steps, fault)
    assert trip.reconnects == 0


def test_symbols_that_the_venue_does_not_know_leave_the_others_alone() -> None:
    venue, loopback = VENUES["binance"], LOOPBACK["binance"]
    trip = RoundTrip(venue, loopback, SYMBOLS, unknown={"ZEC": "FOOUSDT"})
    trip.connect()
    trip.wait(2)
    assert trip.is_synced
    assert [(status.state, status.subject) for status in trip.listener.losses] == [("unavailable", "ZEC")]
    assert "Invalid symbol." in trip.listener.losses[0].reason
