"""Bullish: flat sides, ranges of sequence numbers, two sockets, and whose side a trade was told from."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from markets.core.events import FeedBeat, FeedStatus, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Endpoint, SlowDown, Unreadable
from markets.feeds.venues.bullish import BULLISH, BullishBooks, BullishTrades
from markets.loopback.venues.bullish import BULLISH as LOOPBACK
from tests.round_trip import FAULTS, STEPS, begun, follow, survive

NOW_NS = 1_777_035_860 * SECOND_NS
SYMBOLS = {"BTC": "BTCUSDC", "ETH": "ETHUSDC"}
ENDPOINT = Endpoint("wss://api.exchange.bullish.com")
SNAPSHOT = b'{"type":"snapshot","dataType":"V1TALevel2","data":{"timestamp":"1777035859490","bids":["94.5190","56.33894018","94.4890","53.70000000"],"asks":["94.9730","6.08000000","94.9840","8.42081721"],"publishedAtTimestamp":"1777035860092","datetime":"2026-04-24T13:04:19.490Z","sequenceNumberRange":[428371450,428371450],"symbol":"AAVEUSDC"}}'
UPDATE = b'{"type":"update","dataType":"V1TALevel2","data":{"timestamp":"1777035859138","bids":["0.2507","11800.00000","0.2506","0.00000"],"asks":["0.2513","9800.00000"],"publishedAtTimestamp":"1777035860092","datetime":"2026-04-24T13:04:19.138Z","sequenceNumberRange":[24919768,24919769],"symbol":"ADAUSDC"}}'
QUOTE = b'{"type":"update","dataType":"V1TALevel1","data":{"timestamp":"1777035860138","bid":["6.4290","1.9840594"],"ask":["6.4310","59.9788953"],"publishedAtTimestamp":"1777035860223","datetime":"2026-04-24T13:04:20.138Z","sequenceNumber":"31788641","symbol":"BONK1MUSDC"}}'
TRADE = b'{"type":"update","dataType":"V1TAAnonymousTradeUpdate","data":{"symbol":"BTCUSD","createdAtTimestamp":"1777035860300","publishedAtTimestamp":"1777035860301","trades":[{"symbol":"BTCUSD","tradeId":"100118000001462723","price":"66250.5","quantity":"0.0042","side":"BUY","isTaker":true,"createdAtTimestamp":"1777035860258","createdAtDatetime":"2026-04-24T13:04:20.258Z"}]}}'
HEARTBEAT = b'{"type":"update","dataType":"V1TAHeartbeat","data":{"message":"heartbeat"}}'


def books(*symbols: str) -> BullishBooks:
    socket = BullishBooks("bullish", {symbol[:3]: symbol for symbol in symbols}, ENDPOINT, Counts())
    socket.opened(NOW_NS)
    return socket


def trades(*past: bytes) -> BullishTrades:
    socket = BullishTrades("bullish/trades", {"BTC": "BTCUSD"}, ENDPOINT, Counts())
    socket.opened(NOW_NS)
    for frame in past:
        assert socket.hear(frame, NOW_NS) == []
    return socket


def numbered(frame: bytes, first: int, end: int) -> bytes:
    message = msgspec.json.decode(frame)
    message["data"]["sequenceNumberRange"] = [first, end]
    return msgspec.json.encode(message)


def test_two_sockets_each_with_heartbeats() -> None:
    one, two = BULLISH.sockets({"BTC": "BTCUSDC"}, ENDPOINT, lambda _: Counts())
    assert one.url == "wss://api.exchange.bullish.com/trading-api/v1/market-data/orderbook"
    assert two.url == "wss://api.exchange.bullish.com/trading-api/v1/market-data/trades"
    assert (one.feed, two.feed, two.venue) == ("bullish", "bullish/trades", "bullish")
    one.opened(NOW_NS)
    assert [msgspec.json.decode(text) for text in one.to_send] == [
        {"jsonrpc": "2.0", "type": "command", "method": "subscribe", "params": params, "id": number}
        for number, params in (("1", {"topic": "l2Orderbook", "symbol": "BTCUSDC"}), ("2", {"topic": "heartbeat"}))
    ]


def test_a_snapshot_has_flat_sides() -> None:
    socket = books("AAVEUSDC")
    [book] = socket.hear(SNAPSHOT, NOW_NS)
    assert book == SpotBook(
        NOW_NS, "bullish", "AAV", ((94.519, 56.33894018), (94.489, 53.7)), ((94.973, 6.08), (94.984, 8.42081721)), 100,
        1777035859490000000, 428371450,
    )  # fmt: skip
    assert socket.is_synced  # what is told was granted


def test_changes_in_a_row_and_where_one_is_missing() -> None:
    socket = books("ADAUSDC")
    assert socket.hear(UPDATE, NOW_NS) == []
    whole = numbered(UPDATE.replace(b'"update"', b'"snapshot"'), 24919767, 24919767)
    [book] = socket.hear(whole, NOW_NS)
    assert isinstance(book, SpotBook)
    [change] = socket.hear(UPDATE, NOW_NS)
    assert isinstance(change, SpotLevels)
    assert socket.hear(UPDATE, NOW_NS) == []
    assert socket.hear(numbered(UPDATE, 24919760, 24919768), NOW_NS) == []
    [overlap] = socket.hear(numbered(UPDATE, 24919769, 24919771), NOW_NS)
    assert isinstance(overlap, SpotLevels)
    [loss] = socket.hear(numbered(UPDATE, 24919773, 24919773), NOW_NS)
    assert isinstance(loss, FeedStatus)
    assert (loss.state, loss.subject, socket.counts.gaps) == ("lost", "ADA", 1)
    assert [msgspec.json.decode(text)["method"] for text in socket.to_send[-2:]] == ["unsubscribe", "subscribe"]
    [book] = socket.hear(whole, NOW_NS)
    assert isinstance(book, SpotBook)


def test_a_snapshot_from_before_is_a_loss_and_not_silence_for_ever() -> None:
    socket = books("AAVEUSDC")
    socket.hear(SNAPSHOT, NOW_NS)
    assert socket.hear(SNAPSHOT, NOW_NS) == []
    [loss] = socket.hear(numbered(SNAPSHOT, 5, 5), NOW_NS)
    assert isinstance(loss, FeedStatus)
    [book] = socket.hear(numbered(SNAPSHOT, 6, 6), NOW_NS)
    assert isinstance(book, SpotBook)


def test_an_empty_book_and_an_empty_quote() -> None:
    socket = books("AAVEUSDC", "BONK1MUSDC")
    message = msgspec.json.decode(SNAPSHOT)
    message["data"] |= {"bids": [], "asks": []}
    [book] = socket.hear(msgspec.json.encode(message), NOW_NS)
    assert isinstance(book, SpotBook)
    assert (book.bids, book.asks) == ((), ())
    [quote] = socket.hear(QUOTE, NOW_NS)
    assert quote == SpotQuote(NOW_NS, "bullish", "BON", 6.429, 1.9840594, 6.431, 59.9788953, 1777035860138000000)
    [quote] = socket.hear(QUOTE.replace(b'"6.4290","1.9840594"', b'"0.00000000","0.00000000"'), NOW_NS)
    assert isinstance(quote, SpotQuote)
    assert (quote.bid, quote.bid_size) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("side", "is_taker", "taker"),
    [
        ("BUY", "true", "buy"),
        ("SELL", "false", "buy"),
        ("SELL", "true", "sell"),
        ("BUY", "false", "sell"),
        ("?", "true", ""),
    ],
)
def test_the_side_is_the_takers(side: str, is_taker: str, taker: str) -> None:
    frame = TRADE.replace(b'"BUY","isTaker":true', f'"{side}","isTaker":{is_taker}'.encode())
    [trade] = trades(TRADE.replace(b"462723", b"462722")).hear(frame, NOW_NS)
    assert isinstance(trade, SpotPrice)
    assert trade.taker == taker


def test_past_trades_are_not_told_and_times_prefer_the_text() -> None:
    socket = trades(TRADE.replace(b"462723", b"462722"), TRADE.replace(b'"update"', b'"snapshot"'))
    assert socket.hear(TRADE, NOW_NS) == []  # it was in the past
    strange = TRADE.replace(b"462723", b"462724").replace(b'"1777035860258"', b'"1784801"')
    [trade] = socket.hear(strange, NOW_NS)
    assert trade == SpotPrice(
        NOW_NS, "bullish", "BTC", 66250.5, 0.0042, 1777035860258000000, "buy", "100118000001462724"
    )
    message = msgspec.json.decode(TRADE)
    message["data"]["trades"] = []
    assert socket.hear(msgspec.json.encode(message), NOW_NS) == []


def test_heartbeats_keepalives_and_refusals() -> None:
    socket = books("AAVEUSDC", "ADAUSDC")
    [beat] = socket.hear(HEARTBEAT, NOW_NS)
    assert isinstance(beat, FeedBeat)
    socket.hear(SNAPSHOT, NOW_NS)
    assert socket.hear(
        b'{"jsonrpc":"2.0","id":"2","error":{"code":29013,"message":"INVALID_TOPIC_ERROR"}}', NOW_NS
    ) == [FeedStatus(NOW_NS, "bullish", "unavailable", "ADA", "INVALID_TOPIC_ERROR (29013)")]
    assert socket.is_synced
    socket.due(NOW_NS + 60 * SECOND_NS)
    assert '"method":"keepalivePing"' in socket.to_send[-1]
    with pytest.raises(SlowDown):
        socket.hear(b'{"jsonrpc":"2.0","error":{"code":"96000","message":"RATE_LIMIT_EXCEEDED"},"id":"9"}', NOW_NS)


@pytest.mark.parametrize(
    "frame",
    [b"", b"7", SNAPSHOT[:80], SNAPSHOT.replace(b'"94.5190"', b"7"), SNAPSHOT.replace(b'"94.5190",', b""),
     SNAPSHOT.replace(b'"snapshot"', b'"7"'), SNAPSHOT.replace(b"[428371450,428371450]", b"[428371451,428371450]"),
     SNAPSHOT.replace(b"56.33894018", b"0.-10000")],
)  # fmt: skip
def test_junk_is_unreadable(frame: bytes) -> None:
    with pytest.raises(Unreadable):
        books("AAVEUSDC").hear(frame, NOW_NS)


@given(STEPS)
def test_books_and_trades_are_the_truth_after_every_message(steps: Any) -> None:
    trip, scene = begun(BULLISH, LOOPBACK, SYMBOLS)
    assert trip.is_synced
    told = follow(trip, scene, steps, 100)
    assert trip.listener.trades == told
    assert not trip.listener.losses


@given(STEPS, FAULTS)
def test_one_frame_that_goes_wrong_is_noticed_and_mended(steps: Any, fault: Any) -> None:
    trip, scene = begun(BULLISH, LOOPBACK, SYMBOLS)
    survive(trip, scene, steps, fault, 100)


def test_an_hour_of_quiet_is_kept_alive() -> None:
    trip, _ = begun(BULLISH, LOOPBACK, SYMBOLS)
    trip.wait(3600)
    assert trip.reconnects == 0
    assert [speaker.goodbye for _, speaker in trip.ends] == ["", ""]


def test_the_loopback_says_goodbye_to_who_is_silent_and_refuses_what_is_not_there() -> None:
    trip, _ = begun(BULLISH, LOOPBACK, SYMBOLS)
    speaker = trip.ends[0][1]
    for _ in range(301):
        speaker.beat()
    assert speaker.goodbye
    trip.wanted = SYMBOLS | {"XXX": "XXXUSDC"}
    trip.connect()
    assert [(loss.feed, loss.state, loss.subject) for loss in trip.listener.losses] == [
        ("bullish", "unavailable", "XXX"), ("bullish/trades", "unavailable", "XXX"),
    ]  # fmt: skip
    assert trip.is_synced
