"""Coinbase Advanced Trade: one number for all messages, the maker's side, history, refusals, both ends of the wire."""

from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings

from markets.core.events import FeedBeat, FeedStatus, SpotBook, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Reconnect, Unreadable
from markets.feeds.venues.coinbase import AdvancedSocket, BooksSocket, TradesSocket
from markets.feeds.venues.common import Taker
from markets.loopback.register import LOOPBACK
from tests.round_trip import DIGITS, FAULTS, START_NS, STEPS, RoundTrip, begun, follow, survive, told

Opened = TypeVar("Opened", bound=AdvancedSocket)
SYMBOLS = {"BTC": "BTC-USD", "ETH": "ETH-USD"}
NOW = "2026-09-21T14:13:19.670986313Z"
NOW_NS = START_NS - SECOND_NS + 670_986_313


def books() -> BooksSocket:
    return _opened(BooksSocket("coinbase", SYMBOLS, Endpoint("ws://ws"), Counts()))


def trades() -> TradesSocket:
    return _opened(TradesSocket("coinbase/trades", SYMBOLS, Endpoint("ws://ws"), Counts()))


def _opened(socket: Opened) -> Opened:
    socket.opened(START_NS)
    return socket


def frame(number: int, channel: str, *events: Any) -> bytes:
    document = {"channel": channel, "timestamp": NOW, "sequence_num": number, "events": events}
    return msgspec.json.encode(document)


def book(kind: str, *levels: tuple[str, str, str], product: str = "BTC-USD") -> dict[str, Any]:
    updates = [
        {"side": side, "event_time": "1970-01-01T00:00:00Z", "price_level": price, "new_quantity": size}
        for side, price, size in levels
    ]
    return {"type": kind, "product_id": product, "updates": updates}


def trade(number: int, side: str, price: str = "83285") -> dict[str, str]:
    return {"product_id": "BTC-USD", "trade_id": str(number), "price": price, "size": "0.0000003", "time": NOW,
            "side": side}  # fmt: skip


WHOLE = book("snapshot", ("bid", "83277.25", "0.00715626"), ("bid", "83261", "1"), ("offer", "83285", "0.5"))


def standing() -> BooksSocket:
    socket = books()
    socket.hear(frame(0, "l2_data", WHOLE), START_NS)
    socket.hear(
        frame(1, "l2_data", book("snapshot", ("bid", "9", "1"), ("offer", "10", "1"), product="ETH-USD")), START_NS
    )
    socket.hear(frame(2, "subscriptions", {"subscriptions": {"level2": ["BTC-USD", "ETH-USD"]}}), START_NS)
    assert socket.is_synced
    return socket


def test_each_channel_is_asked_for_in_a_message_of_its_own_and_books_apart_from_trades() -> None:
    for socket, channel in ((books(), "level2"), (trades(), "market_trades")):
        assert [msgspec.json.decode(text) for text in socket.to_send] == [
            {"type": "subscribe", "channel": "heartbeats"},
            {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channel": channel},
        ]


def test_a_book_by_absolute_sizes_at_the_time_of_the_message() -> None:
    socket = books()
    (whole,) = socket.hear(frame(0, "l2_data", WHOLE), START_NS)
    assert whole == SpotBook(
        START_NS, "coinbase", "BTC", ((83277.25, 0.00715626), (83261.0, 1.0)), ((83285.0, 0.5),), 0, NOW_NS, 0
    )
    change = book("update", ("bid", "83261", "0"), ("offer", "83284.99", "0.25"))
    (levels,) = socket.hear(frame(1, "l2_data", change), START_NS)
    assert levels == SpotLevels(START_NS, "coinbase", "BTC", ((83261.0, 0.0),), ((83284.99, 0.25),), NOW_NS, 1)


def test_a_second_snapshot_replaces_the_book() -> None:
    socket = standing()
    again = book("snapshot", ("bid", "83270", "1"), ("offer", "83290", "2"))
    (whole,) = socket.hear(frame(3, "l2_data", again), START_NS)
    assert isinstance(whole, SpotBook)
    assert socket.books["BTC"].book.top_of_book() == (83270.0, 1.0, 83290.0, 2.0)


def test_a_missing_number_ends_the_connection_of_the_books_whatever_it_was() -> None:
    socket = standing()
    with pytest.raises(Reconnect, match="1 messages are missing"):
        socket.hear(frame(4, "heartbeats", {"heartbeat_counter": 1}), START_NS)
    assert (socket.counts.gaps, socket.counts.resyncs) == (1, 2)


def test_a_number_heard_before_changes_nothing() -> None:
    socket = standing()
    change = frame(3, "l2_data", book("update", ("offer", "83285", "0.7")))
    assert len(socket.hear(change, START_NS)) == 1
    assert socket.hear(change, START_NS) == []
    assert socket.hear(frame(2, "l2_data", book("update", ("offer", "83285", "0.1"))), START_NS) == []
    assert socket.books["BTC"].book.asks == {83285.0: 0.7}


def test_a_book_message_that_cannot_be_read_is_a_missing_one() -> None:
    socket = standing()
    with pytest.raises(Unreadable):
        socket.hear(frame(3, "l2_data", {"type": "update", "product_id": "BTC-USD", "updates": 7}), START_NS)
    with pytest.raises(Reconnect):
        socket.hear(frame(4, "l2_data", book("update", ("offer", "83285", "0.7"))), START_NS)


@pytest.mark.parametrize("number", [7, 83285, None, "83285"])
def test_a_number_is_written_as_text(number: Any) -> None:
    socket = standing()
    change = frame(3, "l2_data", book("update", ("offer", number, "0.7"), ("offer", "83286", "1")))
    sold = frame(0, "market_trades", {"type": "update", "trades": [trade(5, "SELL", number)]})
    for it, text in ((socket, change), (trades(), sold)):
        if isinstance(number, str):
            assert len(it.hear(text, START_NS)) == 1
        else:
            with pytest.raises(Unreadable):
                it.hear(text, START_NS)


def test_a_level_that_is_junk_is_gone_and_the_rest_of_the_message_counts() -> None:
    socket = standing()
    change = book("update", ("offer", "83285", "0.-10000"), ("offer", "83286", "1"), ("bid", "", "1"))
    socket.hear(frame(3, "l2_data", change), START_NS)
    assert socket.books["BTC"].book.asks == {83286.0: 1.0}
    assert dict(socket.counts.missing) == {"l2_data.size": 1, "l2_data.price": 1}


def test_a_book_that_stays_crossed_is_asked_for_again() -> None:
    socket = standing()
    socket.to_send.clear()
    events: list[Any] = []
    for number in (3, 4, 5):
        events += socket.hear(frame(number, "l2_data", book("update", ("bid", "83300", str(number)))), START_NS)
    assert [type(event) for event in events] == [SpotLevels, SpotLevels, FeedStatus]
    assert [msgspec.json.decode(text)["type"] for text in socket.to_send] == ["unsubscribe", "subscribe"]
    assert not socket.is_synced
    assert socket.books["ETH"].stands
    socket.hear(frame(6, "l2_data", WHOLE), START_NS)
    assert socket.is_synced


@pytest.mark.parametrize(("side", "taker"), [("SELL", "buy"), ("BUY", "sell"), ("UNKNOWN_ORDER_SIDE", "")])
def test_the_side_on_the_wire_is_the_makers(side: str, taker: Taker) -> None:
    update = {"type": "update", "trades": [trade(5, side)]}
    (told_trade,) = trades().hear(frame(0, "market_trades", update), START_NS)
    assert told_trade == SpotPrice(START_NS, "coinbase", "BTC", 83285.0, 3e-7, NOW_NS, taker, "5")


def test_trades_of_before_are_history_and_the_newest_first_are_told_last() -> None:
    socket = trades()
    history = {"type": "snapshot", "trades": [trade(7, "BUY"), trade(6, "SELL")]}
    assert socket.hear(frame(0, "market_trades", history), START_NS) == []
    update = {"type": "update", "trades": [trade(9, "BUY"), trade(8, "SELL"), trade(7, "BUY")]}
    events = socket.hear(frame(1, "market_trades", update), START_NS)
    assert [event.trade_id for event in events if isinstance(event, SpotPrice)] == ["8", "9"]
    assert socket.counts.gaps == 0


def test_missing_trades_are_counted_by_their_ids_and_nothing_reconnects() -> None:
    socket = trades()
    for number, trade_id in ((0, 5), (2, 8)):
        assert len(socket.hear(frame(number, "market_trades", {"type": "update", "trades": [trade(trade_id, "BUY")]}), START_NS)) == 1  # fmt: skip
    assert socket.counts.gaps == 2
    assert list(socket.counts.words) == ["1 messages are missing"]


@pytest.mark.parametrize("counter", [3049, "3049"])
def test_heartbeats(counter: Any) -> None:
    beat = {"current_time": "2026-09-30 01:41:25.121 +0000 UTC m=+21697.19", "heartbeat_counter": counter}
    assert books().hear(frame(0, "heartbeats", beat), START_NS) == [FeedBeat(START_NS, "coinbase", NOW_NS)]


def test_a_refusal_without_a_name_is_looked_for_one_by_one() -> None:
    socket = _opened(BooksSocket("coinbase", {"BTC": "BTC-USD", "FOO": "FOO-USD"}, Endpoint("ws://ws"), Counts()))
    socket.to_send.clear()
    assert socket.hear(b'{"type":"error","message":"failure to subscribe"}', START_NS) == []
    socket.due(START_NS)
    assert msgspec.json.decode(socket.to_send[-1])["product_ids"] == ["BTC-USD"]
    socket.due(START_NS)
    assert len(socket.to_send) == 1
    socket.hear(frame(0, "l2_data", WHOLE), START_NS)
    socket.hear(frame(1, "subscriptions", {"subscriptions": {"level2": ["BTC-USD"]}}), START_NS)
    socket.due(START_NS)
    assert msgspec.json.decode(socket.to_send[-1])["product_ids"] == ["FOO-USD"]
    events = socket.hear(b'{"type":"error","message":"failure to subscribe"}', START_NS)
    assert events == [FeedStatus(START_NS, "coinbase", "unavailable", "FOO", "failure to subscribe")]
    assert socket.is_synced


def test_silence_ends_the_connection() -> None:
    with pytest.raises(Reconnect, match="not granted"):
        books().due(START_NS + 11 * SECOND_NS)


@pytest.mark.parametrize("text", [b"", b"7", b"{}", b'{"channel":"l2_data","events":[]}', b'{"sequence_num":"x"}'])
def test_nonsense_is_unreadable(text: bytes) -> None:
    with pytest.raises(Unreadable):
        standing().hear(text, START_NS)


def test_other_channels_and_products_are_counted() -> None:
    socket: AdvancedSocket = standing()
    socket.hear(frame(3, "candles", {}), START_NS)
    socket.hear(frame(4, "l2_data", book("update", product="SOL-USD")), START_NS)
    assert dict(socket.counts.unknown) == {"candles": 1, "l2_data of SOL-USD": 1}


# Both ends ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_client_has_what_is_true_after_every_message(steps: Any) -> None:
    trip, scene = begun(VENUES["coinbase"], LOOPBACK["coinbase"], SYMBOLS)
    made = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(made)
    assert trip.troubles() == []


@settings(max_examples=80, deadline=None)
@given(STEPS, FAULTS)
def test_a_message_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(VENUES["coinbase"], LOOPBACK["coinbase"], SYMBOLS)
    survive(trip, scene, steps, fault)


def test_symbols_that_the_venue_does_not_know_leave_the_others_alone() -> None:
    trip = RoundTrip(VENUES["coinbase"], LOOPBACK["coinbase"], SYMBOLS, unknown={"FOO": "FOO-USD"})
    for asset in DIGITS:
        trip.truth.hear(SpotBook(START_NS, "coinbase", asset, ((99.0, 1.0),), ((101.0, 1.0),)))
    trip.connect()
    trip.wait(20)
    assert trip.is_synced
    assert {(it.feed, it.state, it.subject) for it in trip.listener.losses} == {
        ("coinbase", "unavailable", "FOO"), ("coinbase/trades", "unavailable", "FOO")
    }  # fmt: skip
    assert set(trip.listener.books) == set(DIGITS)
