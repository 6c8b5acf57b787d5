"""Kraken: checksums over the digits on the wire, the window, acknowledgements symbol by symbol, both ends of the wire."""

from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.events import FeedBeat, FeedStatus, SpotBook, SpotLevels, SpotPrice
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Reconnect, Refused, Unreadable, VenueSocket
from markets.feeds.venues.kraken import DEPTH, KRAKEN, KrakenSocket
from markets.loopback.register import LOOPBACK
from tests.round_trip import DIGITS, FAULTS, START_NS, STEPS, RoundTrip, begun, follow, same_top, survive, told

SYMBOLS = {"BTC": "BTC/USD", "ETH": "ETH/USD"}
SNAPSHOT = (
    '{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":62802.5,"qty":0.02987767}],'
    '"asks":[{"price":62802.6,"qty":1.09074000}],"checksum":%d,"timestamp":"2026-09-21T14:13:20.316445Z"}]}'
)
UPDATE = (
    '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":62802.6,"qty":%s}],'
    '"checksum":%d,"timestamp":"2026-09-21T14:13:20.376419Z"}]}'
)


class Ten(KrakenSocket):
    """A window that the checksum covers to its last level."""

    depth = 10


def ten(symbols: dict[str, str], endpoint: Endpoint, counts_of: Callable[[str], Counts]) -> Sequence[VenueSocket]:
    return [Ten("kraken", symbols, endpoint, counts_of("kraken"))]


def crc(text: str) -> int:
    return crc32(text.encode())


FIRST = crc("6280261090740006280252987767")


def opened(symbols: dict[str, str] | None = None) -> KrakenSocket:
    socket = KrakenSocket("kraken", symbols or {"BTC": "BTC/USD"}, Endpoint("wss://ws.kraken.com/v2"), Counts())
    socket.opened(START_NS)
    return socket


def granted(channel: str, symbol: str = "BTC/USD", method: str = "subscribe") -> bytes:
    result = {"channel": channel, "symbol": symbol}
    return msgspec.json.encode({"method": method, "result": result, "success": True})


def standing() -> KrakenSocket:
    socket = opened()
    for channel in ("book", "trade"):
        socket.hear(granted(channel), START_NS)
    assert len(socket.hear((SNAPSHOT % FIRST).encode(), START_NS)) == 1
    assert socket.is_synced
    socket.to_send.clear()
    return socket


def test_all_books_and_all_trades_are_asked_for_in_two_messages() -> None:
    requests = [msgspec.json.decode(text) for text in opened(SYMBOLS).to_send]
    assert [request["params"] for request in requests] == [
        {"channel": "book", "symbol": ["BTC/USD", "ETH/USD"], "depth": DEPTH, "snapshot": True},
        {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": False},
    ]


def test_zeros_at_the_end_count_in_the_checksum() -> None:
    socket = opened()
    (book,) = socket.hear((SNAPSHOT % FIRST).encode(), START_NS)
    assert isinstance(book, SpotBook)
    assert (book.bids, book.asks, book.depth) == (((62802.5, 0.02987767),), ((62802.6, 1.09074),), DEPTH)
    socket = opened()
    socket.hear((SNAPSHOT % crc("62802610907462802529877670")).encode(), START_NS)
    assert not socket.books["BTC"].stands


def test_a_wrong_checksum_loses_the_book_and_asks_again_when_leaving_was_acknowledged() -> None:
    socket = standing()
    (lost,) = socket.hear((UPDATE % ("2.00000000", 1)).encode(), START_NS)
    assert lost == FeedStatus(START_NS, "kraken", "lost", "BTC", "the checksum does not fit")
    (text,) = socket.to_send
    assert msgspec.json.decode(text)["method"] == "unsubscribe"
    right = (UPDATE % ("2.00000000", crc("6280262000000006280252987767"))).encode()
    assert socket.hear(right, START_NS) == []
    socket.to_send.clear()
    socket.hear(granted("book", method="unsubscribe"), START_NS)
    (text,) = socket.to_send
    assert msgspec.json.decode(text)["params"]["symbol"] == ["BTC/USD"]
    socket.hear(granted("book"), START_NS)
    assert not socket.is_synced
    assert isinstance(socket.hear((SNAPSHOT % FIRST).encode(), START_NS)[0], SpotBook)
    assert (socket.is_synced, socket.counts.resyncs) == (True, 1)


def test_a_right_checksum_lets_the_change_through() -> None:
    (levels,) = standing().hear((UPDATE % ("2.00000000", crc("6280262000000006280252987767"))).encode(), START_NS)
    assert isinstance(levels, SpotLevels)
    assert levels.asks == ((62802.6, 2.0),)


def test_trades_are_the_takers_and_each_is_told_once() -> None:
    trade = (
        '{"symbol":"BTC/USD","side":"%s","price":105944.2,"qty":0.5,"ord_type":"limit","trade_id":%d,'
        '"timestamp":"2026-09-21T14:13:20.440295Z"}'
    )
    data = trade % ("buy", 5) + "," + trade % ("sell", 6)
    frame = '{"channel":"trade","type":"update","data":[' + data + "]}"
    socket = standing()
    events = socket.hear(frame.encode(), START_NS)
    assert [(it.taker, it.trade_id) for it in events if isinstance(it, SpotPrice)] == [("buy", "5"), ("sell", "6")]
    assert socket.hear(frame.encode(), START_NS) == []
    history = frame.replace("update", "snapshot").replace(":5,", ":9,")
    assert socket.hear(history.encode(), START_NS) == []


def test_heartbeats_and_pongs_are_beats_and_pings_are_sent() -> None:
    socket = standing()
    assert socket.hear(b'{"channel":"heartbeat"}', START_NS) == [FeedBeat(START_NS, "kraken")]
    socket.due(START_NS + 29 * SECOND_NS)
    assert socket.to_send == []
    socket.due(START_NS + 30 * SECOND_NS)
    assert msgspec.json.decode(socket.to_send[0])["method"] == "ping"
    assert len(socket.hear(b'{"method":"pong","req_id":101}', START_NS + 30 * SECOND_NS)) == 1


def test_a_refused_symbol_is_unavailable_in_the_words_of_the_venue_and_the_rest_goes_on() -> None:
    socket = opened({"BTC": "BTC/USD", "FOO": "FOO/USD"})
    words = "Currency pair not supported FOO/USD"
    refusal = msgspec.json.encode({"error": words, "method": "subscribe", "success": False, "symbol": "FOO/USD"})
    assert socket.hear(refusal, START_NS) == [FeedStatus(START_NS, "kraken", "unavailable", "FOO", words)]
    assert socket.hear(refusal, START_NS) == []  # of the other channel
    for channel in ("book", "trade"):
        socket.hear(granted(channel), START_NS)
    socket.hear((SNAPSHOT % FIRST).encode(), START_NS)
    assert socket.is_synced
    socket.due(START_NS + 20 * SECOND_NS)


def test_what_is_refused_as_a_whole_ends_the_connection() -> None:
    refusal = b'{"error":"%s","method":"subscribe","success":false}'
    with pytest.raises(Refused, match="depth not supported"):
        opened().hear(refusal % b"Subscription depth not supported", START_NS)
    with pytest.raises(Reconnect, match="rate"):
        opened().hear(refusal % b"Exceeded msg rate", START_NS)


def test_silence_instead_of_an_acknowledgement_or_a_snapshot_ends_the_connection() -> None:
    with pytest.raises(Reconnect, match="book of BTC/USD was not granted"):
        opened().due(START_NS + 11 * SECOND_NS)
    socket = opened()
    for channel in ("book", "trade"):
        socket.hear(granted(channel), START_NS)
    socket.due(START_NS + 14 * SECOND_NS)
    with pytest.raises(Reconnect, match="BTC: no snapshot"):
        socket.due(START_NS + 16 * SECOND_NS)


def test_maintenance_is_said_and_other_channels_are_counted() -> None:
    socket = opened()
    socket.hear(b'{"channel":"status","type":"update","data":[{"system":"maintenance"}]}', START_NS)
    socket.hear(b'{"channel":"ohlc","type":"update","data":[]}', START_NS)
    assert list(socket.counts.words) == ["the exchange says: maintenance"]
    assert dict(socket.counts.unknown) == {"ohlc": 1}


@pytest.mark.parametrize("size", ['"1.0"', "-1.0", "null", "{}"])
def test_junk_is_unreadable(size: str) -> None:
    with pytest.raises(Unreadable):
        standing().hear((UPDATE % (size, 1)).encode(), START_NS)


# Both ends ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_client_has_what_is_true_after_every_message(steps: Any) -> None:
    trip, scene = begun(VENUES["kraken"], LOOPBACK["kraken"], SYMBOLS)
    trades = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(trades)
    assert trip.troubles() == []


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_window_of_ten_is_the_best_ten_after_every_message(steps: Any) -> None:
    trip, scene = begun(KRAKEN._replace(sockets=ten), LOOPBACK["kraken"], SYMBOLS)
    trades = follow(trip, scene, steps, levels=10)
    assert told(trip.listener.trades) == told(trades)
    assert trip.troubles() == []


def test_what_is_pushed_out_of_the_window_is_not_said_and_what_comes_into_it_is() -> None:
    trip, scene = begun(KRAKEN._replace(sockets=ten), LOOPBACK["kraken"], SYMBOLS)
    said: list[list[float]] = []

    def overhear(frames: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        said.extend(sizes_of(frame) for _, frame in frames)
        return frames

    trip.spoil = overhear
    trip.tell(scene.events(("level", "BTC", True, 1, 5.0))[0])
    trip.tell(scene.events(("level", "BTC", True, 1, 0.0))[0])
    trip.tell(scene.events(("level", "BTC", True, 40, 5.0))[0])
    assert said == [[5.0], [0.0, 6.0]]
    assert trip.troubles() == []


def sizes_of(frame: bytes) -> list[float]:
    """The sizes of the bids of an update."""
    return [level["qty"] for level in msgspec.json.decode(frame)["data"][0]["bids"]]


@settings(max_examples=80, deadline=None)
@given(STEPS, FAULTS)
def test_a_message_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(KRAKEN._replace(sockets=ten), LOOPBACK["kraken"], SYMBOLS)
    survive(trip, scene, steps, fault, levels=10)
    assert trip.reconnects == 0


@settings(max_examples=20, deadline=None)
@given(STEPS, st.integers(0, 10))
def test_a_spoiled_checksum_is_noticed_and_mended(steps: Any, at: int) -> None:
    trip, scene = begun(VENUES["kraken"], LOOPBACK["kraken"], SYMBOLS)
    spoiled = 0

    def spoil(said: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
        nonlocal spoiled
        worse = [(number, trip.ends[number][1].spoil_checksum(frame)) for number, frame in said]
        spoiled += sum(frame is not None for _, frame in worse)
        return [(number, frame) for number, frame in worse if frame is not None] if spoiled == at + 1 else said

    trip.spoil = spoil
    for step in steps:
        for event in scene.events(step):
            trip.tell(event)
    assert len(trip.listener.losses) == (spoiled > at)
    trip.spoil = None
    trip.wait(1)
    assert trip.is_synced
    assert all(same_top(trip.listener.books.get(asset), trip.truth.books[asset]) for asset in DIGITS)


def test_symbols_that_the_venue_does_not_know_leave_the_others_alone() -> None:
    trip = RoundTrip(VENUES["kraken"], LOOPBACK["kraken"], SYMBOLS, unknown={"FOO": "FOO/USD"})
    for asset in DIGITS:
        trip.truth.hear(SpotBook(START_NS, "kraken", asset, ((99.0, 1.0),), ((101.0, 1.0),)))
    trip.connect()
    trip.wait(20)
    assert trip.is_synced
    assert [status.reason for status in trip.listener.losses] == ["Currency pair not supported FOO/USD"]
