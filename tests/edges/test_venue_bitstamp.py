"""Bitstamp: differences beside a page, ordered by microseconds; what nothing tells is found by the next page."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from markets.core.events import FeedBeat, FeedStatus, MarketEvent, SpotBook, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, Page, Reconnect, Refused, Unreadable
from markets.feeds.venues.bitstamp import BITSTAMP, IN_FLIGHT_S, REFRESH_S, STAGGER_S, BitstampSocket
from markets.loopback.venues.bitstamp import BITSTAMP as LOOPBACK
from tests.round_trip import DIGITS, FAULTS, STEPS, Fault, RoundTrip, Scene, Spoiler, begun, follow, same_top, told

NOW_NS = 1_641_343_700 * SECOND_NS
NOW_US = NOW_NS // 1_000
SYMBOLS = {"BTC": "btcusd", "ETH": "ethusd"}
ENDPOINT = Endpoint("wss://ws.bitstamp.net", "https://www.bitstamp.net")
TRADE = b'{"data":{"id":216000477,"timestamp":"1641343699","amount":0.0792,"amount_str":"0.07920000","price":3805.44,"price_str":"3805.44","type":0,"microtimestamp":"1641343699596000","buy_order_id":1443875737346049,"sell_order_id":1443875731320832},"channel":"live_trades_ethusd","event":"trade"}'
DIFF = b'{"data":{"timestamp":"1641343691","microtimestamp":"1641343691244908","bids":[["1.15979","993.02588113"],["1.14866","7758.51900928"]],"asks":[["1.16601","1200.00000000"]]},"channel":"diff_order_book_bateur","event":"data"}'
HEARTBEAT = b'{"event":"bts:heartbeat","channel":"","data":{"status":"success"}}'
ERROR = b'{"event":"bts:error","channel":"","data":{"code":null,"message":"Bad subscription string."}}'
PAGE = Page("https://www.bitstamp.net/api/v2/order_book/btcusd/?group=1", "BTC")


def opened(symbols: dict[str, str] | None = None) -> BitstampSocket:
    socket = BitstampSocket("bitstamp", symbols or {"BTC": "btcusd"}, ENDPOINT, Counts())
    socket.opened(NOW_NS)
    return socket


def granted(channel: str) -> bytes:
    return msgspec.json.encode({"event": "bts:subscription_succeeded", "channel": channel, "data": {}})


def started() -> BitstampSocket:
    """Granted, and its page is asked for."""
    socket = opened()
    socket.hear(granted("diff_order_book_btcusd"), NOW_NS)
    socket.hear(granted("live_trades_btcusd"), NOW_NS)
    assert socket.to_fetch == [PAGE]
    socket.to_fetch.clear()
    return socket


def diff(at_us: int, *bids: tuple[str, str]) -> bytes:
    data = {"timestamp": "1", "microtimestamp": str(NOW_US + at_us), "bids": bids, "asks": []}
    return msgspec.json.encode({"data": data, "channel": "diff_order_book_btcusd", "event": "data"})


def page(at_us: int, *bids: tuple[str, str]) -> bytes:
    return msgspec.json.encode(
        {"timestamp": "1", "microtimestamp": str(NOW_US + at_us), "bids": bids, "asks": [("8.3", "1")]}
    )


def bids_of(socket: BitstampSocket) -> dict[float, float]:
    return socket.books["BTC"].book.bids


def kinds(events: list[MarketEvent]) -> list[str]:
    return [event.state if isinstance(event, FeedStatus) else type(event).__name__ for event in events]


def test_one_channel_a_message_and_all_of_them_short() -> None:
    socket = opened(SYMBOLS)
    assert socket.url == "wss://ws.bitstamp.net"
    assert [msgspec.json.decode(text) for text in socket.to_send] == [
        {"event": "bts:subscribe", "data": {"channel": channel}}
        for channel in ("diff_order_book_btcusd", "diff_order_book_ethusd", "live_trades_btcusd", "live_trades_ethusd")
    ]
    assert all(len(text) < 512 for text in socket.to_send)


def test_differences_wait_for_the_page_and_older_ones_are_dropped() -> None:
    socket = started()
    for frame in (diff(10, ("8.0", "5")), diff(20, ("8.1", "5")), diff(30, ("8.2", "5"))):
        assert socket.hear(frame, NOW_NS) == []
    [book] = socket.fetched(PAGE, page(20, ("8.0", "7"), ("8.1", "7")), NOW_NS)
    assert book == SpotBook(
        NOW_NS, "bitstamp", "BTC", ((8.2, 5.0), (8.1, 7.0), (8.0, 7.0)), ((8.3, 1.0),), 0,
        (NOW_US + 30) * 1_000, NOW_US + 30,
    )  # fmt: skip
    assert socket.is_synced
    assert socket.hear(diff(15, ("8.0", "0")), NOW_NS) == []
    [levels] = socket.hear(diff(40, ("8.1", "1")), NOW_NS)
    assert levels == SpotLevels(NOW_NS, "bitstamp", "BTC", ((8.1, 1.0),), (), (NOW_US + 40) * 1_000, NOW_US + 40)


def test_data_without_a_grant_are_a_grant() -> None:
    socket = opened()
    socket.hear(diff(10, ("1", "5")), NOW_NS)
    assert socket.to_fetch == [PAGE]


def test_a_page_that_lacks_what_we_heard_before_asking_is_not_taken() -> None:
    socket = started()
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    socket.hear(diff(50, ("8", "2")), NOW_NS)
    socket.hear(diff(50, ("8", "2")), NOW_NS)  # twice
    assert kinds(socket.hear(diff(40, ("8", "3")), NOW_NS)) == ["lost"]
    assert socket.to_fetch == [PAGE]
    assert socket.fetched(PAGE, page(45, ("8", "9")), NOW_NS) == []
    socket.to_fetch.clear()
    socket.due(NOW_NS + 2 * SECOND_NS)
    assert socket.to_fetch == [PAGE]
    assert kinds(socket.fetched(PAGE, page(50, ("8", "2")), NOW_NS + 2 * SECOND_NS)) == ["SpotBook"]


def test_a_refresh_that_agrees_says_nothing_and_one_that_differs_is_a_loss() -> None:
    socket = started()
    socket.fetched(PAGE, page(0, ("8", "1"), ("7", "1")), NOW_NS)
    now_ns = NOW_NS + REFRESH_S * SECOND_NS
    assert socket.due(now_ns) == []
    assert socket.to_fetch == [PAGE]
    socket.hear(diff(60, ("8", "2")), now_ns)
    assert socket.fetched(PAGE, page(60, ("8", "2"), ("7", "1")), now_ns) == []
    assert socket.counts.resyncs == 0
    now_ns += REFRESH_S * SECOND_NS
    socket.to_fetch.clear()
    socket.due(now_ns)
    assert kinds(socket.fetched(PAGE, page(60, ("8", "3"), ("6", "1")), now_ns)) == ["lost", "SpotBook"]
    assert bids_of(socket) == {8.0: 3.0, 6.0: 1.0}
    assert (socket.counts.gaps, list(socket.counts.words)) == (1, ["BTC: 3 levels are not those of a new page"])


def test_a_refresh_waits_for_what_is_in_flight() -> None:
    socket = started()
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    now_ns = NOW_NS + REFRESH_S * SECOND_NS
    socket.due(now_ns)
    assert socket.fetched(PAGE, page(70, ("8", "4")), now_ns) == []
    assert kinds(socket.hear(diff(60, ("8", "3")), now_ns)) == ["SpotLevels"]
    assert kinds(socket.hear(diff(70, ("8", "4")), now_ns)) == ["SpotLevels"]
    assert kinds(socket.hear(diff(80, ("8", "5")), now_ns)) == ["SpotLevels"]
    assert socket.due(now_ns) == []
    assert (bids_of(socket), socket.counts.resyncs) == ({8.0: 5.0}, 0)


def test_what_never_comes_was_lost() -> None:
    socket = started()
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    now_ns = NOW_NS + REFRESH_S * SECOND_NS
    socket.due(now_ns)
    socket.fetched(PAGE, page(70, ("8", "4")), now_ns)
    assert kinds(socket.due(now_ns + IN_FLIGHT_S * SECOND_NS)) == ["lost", "SpotBook"]
    assert bids_of(socket) == {8.0: 4.0}


@pytest.mark.parametrize("frame", [b'{"data":{"microtimestamp":"1', b"\x00\xff", b"7"])
def test_an_unreadable_frame_may_have_been_any_change(frame: bytes) -> None:
    socket = started()
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    with pytest.raises(Unreadable):
        socket.hear(frame, NOW_NS)
    assert kinds(socket.due(NOW_NS)) == ["lost"]
    assert socket.to_fetch == [PAGE]


def test_an_unreadable_change_names_its_book_and_spoils_a_page_on_its_way() -> None:
    socket = opened(SYMBOLS)
    for symbol in SYMBOLS.values():
        socket.hear(granted(f"diff_order_book_{symbol}"), NOW_NS)
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    with pytest.raises(Unreadable):
        socket.hear(diff(1, ("8", "x")).replace(b"btcusd", b"ethusd"), NOW_NS)
    assert socket.due(NOW_NS) == []  # the first book stands, the second had none to lose
    assert socket.fetched(PAGE._replace(subject="ETH"), page(2, ("8", "1")), NOW_NS) == []
    socket.to_fetch.clear()
    socket.due(NOW_NS + 2 * SECOND_NS)
    assert [it.subject for it in socket.to_fetch] == ["ETH"]
    with pytest.raises(Unreadable):
        socket.hear(TRADE.replace(b'"3805.44"', b"7"), NOW_NS)
    assert socket.due(NOW_NS) == []  # a trade is no change of a book


def test_a_page_that_cannot_be_had_is_asked_for_again() -> None:
    socket = started()
    assert socket.not_fetched(PAGE, "HTTP 503", NOW_NS) == []
    socket.due(NOW_NS + 2 * SECOND_NS)
    assert socket.to_fetch == [PAGE]
    with pytest.raises(Unreadable):
        socket.fetched(PAGE, b"<html>", NOW_NS)
    with pytest.raises(Reconnect, match="no snapshot"):
        socket.due(NOW_NS + 16 * SECOND_NS)


@pytest.mark.parametrize(("kind", "taker"), [(b"0", "buy"), (b"1", "sell"), (b"2", "")])
def test_a_trade_has_the_takers_side(kind: bytes, taker: str) -> None:
    socket = opened({"ETH": "ethusd"})
    frame = TRADE.replace(b'"type":0', b'"type":' + kind)
    assert socket.hear(frame, NOW_NS) == [
        SpotPrice(NOW_NS, "bitstamp", "ETH", 3805.44, 0.0792, 1641343699596000000, taker, "216000477")  # type: ignore[arg-type]
    ]
    assert socket.hear(frame, NOW_NS) == []


def test_signs_of_life_and_the_wish_for_a_new_connection() -> None:
    socket = opened()
    socket.due(NOW_NS + 10 * SECOND_NS - 1)
    assert '{"event":"bts:heartbeat"}' not in socket.to_send
    with pytest.raises(Reconnect, match="not granted"):
        socket.due(NOW_NS + 11 * SECOND_NS)
    assert socket.to_send[-1] == '{"event":"bts:heartbeat"}'
    assert socket.hear(HEARTBEAT, NOW_NS) == [FeedBeat(NOW_NS, "bitstamp")]
    assert socket.hear(b'{"event":"bts:unsubscription_succeeded","channel":"x","data":{}}', NOW_NS) == []
    assert socket.hear(b'{"event":"bts:request_reconnect","channel":"","data":""}', NOW_NS) == []
    assert socket.renewal_asked


def test_a_refusal_is_laid_at_the_door_of_what_was_not_granted() -> None:
    socket = opened(SYMBOLS)
    for channel in ("diff_order_book_btcusd", "live_trades_btcusd"):
        socket.hear(granted(channel), NOW_NS)
    socket.fetched(PAGE, page(0, ("8", "1")), NOW_NS)
    socket.hear(ERROR, NOW_NS)
    assert socket.due(NOW_NS + 7 * SECOND_NS) == []
    assert socket.due(NOW_NS + 9 * SECOND_NS) == [
        FeedStatus(NOW_NS + 9 * SECOND_NS, "bitstamp", "unavailable", "ETH", "Bad subscription string.")
    ]
    assert socket.is_synced
    with pytest.raises(Refused):
        opened().hear(ERROR.replace(b'"channel":""', b'"channel":"diff_order_book_btcusd"'), NOW_NS)


def test_the_documented_difference_is_of_a_stranger_here() -> None:
    socket = opened()
    assert socket.hear(DIFF, NOW_NS) == []
    assert list(socket.counts.unknown) == ["data of diff_order_book_bate"]


@given(STEPS)
def test_books_and_trades_are_the_truth_after_every_message(steps: Any) -> None:
    trip, scene = begun(BITSTAMP, LOOPBACK, SYMBOLS)
    assert trip.is_synced
    trades = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(trades)
    assert not trip.listener.losses


@given(STEPS, FAULTS)
def test_one_frame_that_goes_wrong_is_mended_by_the_next_page(steps: Any, fault: tuple[Fault, int]) -> None:
    trip, scene = begun(BITSTAMP, LOOPBACK, SYMBOLS)
    spoiler = play_spoiled(trip, scene, steps, fault)
    trip.wait(REFRESH_S + 2 * STAGGER_S)
    for asset in DIGITS:
        assert same_top(trip.listener.books.get(asset), trip.truth.books[asset]), (asset, spoiler.kind)
    assert trip.is_synced
    assert trip.reconnects == 0


def play_spoiled(trip: RoundTrip, scene: Scene, steps: Any, fault: tuple[Fault, int]) -> Spoiler:
    """Doubled frames never matter; swapped ones are noticed at once."""
    spoiler = Spoiler(*fault)
    trip.spoil = spoiler
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
        if spoiler.kind == "double":
            assert same_top(trip.listener.books.get(step[1]), trip.truth.books[step[1]])
    trip.spoil = None
    if spoiler.held is not None:
        trip.deliver(*spoiler.held)
    scene.now_ns = trip.now_ns
    return spoiler
