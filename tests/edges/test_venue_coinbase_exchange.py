"""Coinbase Exchange: no sequence in the books, tickers to compare with, lost trades by id, both ends of the wire."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from markets.core.events import FeedBeat, FeedStatus, SpotBook, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Unreadable
from markets.feeds.venues.coinbase_exchange import AWAY_TICKERS, ExchangeSocket
from markets.feeds.venues.common import Taker
from markets.loopback.register import LOOPBACK
from tests.round_trip import DIGITS, START_NS, STEPS, RoundTrip, begun, follow, same_top, survive, told

SYMBOLS = {"BTC": "BTC-USD"}
BOTH = {"BTC": "BTC-USD", "ETH": "ETH-USD"}
CHANNELS = ["level2_batch", "matches", "ticker", "heartbeat"]
NOW = "2026-09-21T14:13:20.050000Z"


def say(kind: str, **fields: Any) -> bytes:
    return msgspec.json.encode({"type": kind, "product_id": "BTC-USD", "time": NOW} | fields)


def opened() -> ExchangeSocket:
    socket = ExchangeSocket("coinbase", SYMBOLS, Endpoint("ws://ws"), Counts())
    socket.opened(START_NS)
    return socket


def standing() -> ExchangeSocket:
    socket = opened()
    channels = [{"name": name, "product_ids": ["BTC-USD"]} for name in CHANNELS]
    socket.hear(msgspec.json.encode({"type": "subscriptions", "channels": channels}), START_NS)
    socket.hear(say("snapshot", bids=[["100.00", "1.25"]], asks=[["101.00", "0.5"]]), START_NS)
    assert socket.is_synced
    socket.to_send.clear()
    return socket


def ticker(bid: str, ask: str = "101.00") -> bytes:
    return say("ticker", price="100", best_bid=bid, best_ask=ask, side="buy")


def match(number: int, side: str = "sell", kind: str = "match") -> bytes:
    return say(kind, trade_id=number, side=side, size="2", price="100.5")


def test_one_message_asks_for_everything() -> None:
    (text,) = opened().to_send
    assert msgspec.json.decode(text) == {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": CHANNELS}


def test_the_sides_of_the_book_are_the_books() -> None:
    socket = standing()
    changes = [["buy", "100.50", "2"], ["sell", "101.00", "0"], ["sell", "102", "3"]]
    socket.hear(say("l2update", changes=changes), START_NS)
    assert socket.books["BTC"].book.top_of_book() == (100.5, 2.0, 102.0, 3.0)


@pytest.mark.parametrize(("side", "taker"), [("sell", "buy"), ("buy", "sell")])
def test_the_side_of_a_match_is_the_makers(side: str, taker: Taker) -> None:
    (event,) = standing().hear(match(5, side), START_NS)
    at_ns = START_NS + 50_000_000
    assert event == SpotPrice(START_NS, "coinbase", "BTC", 100.5, 2.0, at_ns, taker, "5")


def test_the_last_match_before_us_is_history() -> None:
    socket = standing()
    assert socket.hear(match(4, kind="last_match"), START_NS) == []
    assert len(socket.hear(match(5), START_NS)) == 1
    assert socket.hear(match(5), START_NS) == []
    assert socket.counts.gaps == 0


def test_lost_trades_are_counted_by_the_next_one() -> None:
    socket = standing()
    socket.hear(match(5), START_NS)
    socket.hear(match(8), START_NS)
    assert socket.counts.gaps == 2


def test_a_trade_that_a_heartbeat_knows_of_has_until_the_next_one_to_come() -> None:
    socket = standing()
    socket.hear(match(5), START_NS)
    assert socket.hear(say("heartbeat", last_trade_id=6), START_NS) == [
        FeedBeat(START_NS, "coinbase", START_NS + 50_000_000)
    ]
    assert len(socket.hear(match(6), START_NS)) == 1
    socket.hear(say("heartbeat", last_trade_id=8), START_NS + SECOND_NS)
    assert socket.counts.gaps == 0
    socket.hear(say("heartbeat", last_trade_id=8), START_NS + 2 * SECOND_NS)
    assert socket.counts.gaps == 2


def test_a_book_that_never_has_the_best_prices_of_the_ticker_is_asked_for_again() -> None:
    socket = standing()
    events: list[Any] = []
    for number in range(AWAY_TICKERS + 1):
        now_ns = START_NS + number * SECOND_NS
        events += socket.hear(ticker(f"{100.2 + number / 100:.2f}"), now_ns)
    assert [event.state for event in events if isinstance(event, FeedStatus)] == ["lost"]
    assert [msgspec.json.decode(text)["channels"] for text in socket.to_send] == [["level2_batch"]] * 2
    socket.hear(say("snapshot", bids=[["100.00", "1.25"]], asks=[["101.00", "0.5"]]), START_NS)
    assert socket.is_synced


def test_a_ticker_may_be_ahead_of_the_book() -> None:
    socket = standing()
    for number in range(3 * AWAY_TICKERS):
        now_ns = START_NS + number * SECOND_NS
        price = f"{100.2 + number / 100:.2f}"
        (quote,) = socket.hear(ticker(price), now_ns)
        assert isinstance(quote, SpotQuote)
        if number % 6 == 0:
            socket.hear(say("l2update", changes=[["buy", price, "1"]]), now_ns)
    assert socket.books["BTC"].stands


def test_many_tickers_at_once_prove_nothing() -> None:
    socket = standing()
    for number in range(3 * AWAY_TICKERS):
        socket.hear(ticker(f"{100.2 + number / 100:.2f}"), START_NS)
    assert socket.books["BTC"].stands


def test_junk_sizes_and_times_of_the_year_one() -> None:
    socket = standing()
    frame = say("snapshot", bids=[["99.00", "0.020416"], ["98.00", "0.-10000"]], asks=[["101", "1"]],
                time="0001-01-01T00:00:00.000000Z")  # fmt: skip
    (whole,) = socket.hear(frame, START_NS)
    assert whole == SpotBook(START_NS, "coinbase", "BTC", ((99.0, 0.020416),), ((101.0, 1.0),), 0, 0)
    assert dict(socket.counts.missing) == {"snapshot.size": 1}
    changes = [["buy", "99.00", "0.-10000"], ["buy", "98.5", "1"]]
    socket.hear(say("l2update", changes=changes), START_NS)
    assert socket.books["BTC"].book.bids == {98.5: 1.0}


def test_a_ticker_without_prices_is_no_quote() -> None:
    (quote,) = standing().hear(ticker("", "0"), START_NS)
    assert isinstance(quote, SpotQuote)
    assert (quote.bid, quote.ask) == (0.0, 0.0)


def test_a_refused_product_is_named_and_the_others_are_asked_for_again() -> None:
    socket = ExchangeSocket("coinbase", SYMBOLS | {"FOO": "FOO-USD"}, Endpoint("ws://ws"), Counts())
    socket.opened(START_NS)
    socket.to_send.clear()
    reason = "FOO-USD is not a valid product"
    error = msgspec.json.encode({"type": "error", "message": "Failed to subscribe", "reason": reason})
    (status,) = socket.hear(error, START_NS)
    assert status == FeedStatus(START_NS, "coinbase", "unavailable", "FOO", f"Failed to subscribe: {reason}")
    socket.due(START_NS)
    assert msgspec.json.decode(socket.to_send[-1])["product_ids"] == ["BTC-USD"]


@pytest.mark.parametrize(
    "text",
    [
        say("l2update", changes=[["buy", 100.5, "1"]]),
        say("snapshot", bids=[["100", 1]], asks=[]),
        match(5).replace(b'"100.5"', b"7"),
        b"7",
        b'{"type":"l2update","product_id":"BTC-USD"}',
        b'{"type":"match","product_id":"BTC-USD","trade_id":"x"}',
    ],
)
def test_nonsense_is_unreadable(text: bytes) -> None:
    with pytest.raises(Unreadable):
        standing().hear(text, START_NS)


def test_other_messages_are_counted() -> None:
    socket = standing()
    socket.hear(say("received"), START_NS)
    socket.hear(say("match", trade_id=1, side="buy", size="1", price="1", product_id="SOL-USD"), START_NS)
    assert dict(socket.counts.unknown) == {"received": 1, "match of SOL-USD": 1}


# Both ends ------------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_client_has_what_is_true_after_every_message(steps: Any) -> None:
    trip, scene = begun(VENUES["coinbase_exchange"], LOOPBACK["coinbase_exchange"], BOTH)
    trades = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(trades)
    assert trip.troubles() == []


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_messages_heard_twice_change_nothing(steps: Any) -> None:
    trip, scene = begun(VENUES["coinbase_exchange"], LOOPBACK["coinbase_exchange"], BOTH)
    trip.spoil = lambda said: [saying for saying in said for _ in range(2)]
    trades = follow(trip, scene, steps)
    assert told(trip.listener.trades) == told(trades)
    assert trip.troubles() == []


@settings(max_examples=60, deadline=None)
@given(STEPS, st.integers(0, 30))
def test_a_message_that_cannot_be_read_begins_everything_anew(steps: Any, at: int) -> None:
    trip, scene = begun(VENUES["coinbase_exchange"], LOOPBACK["coinbase_exchange"], BOTH)
    survive(trip, scene, steps, ("mistyped", at))


def test_a_best_level_whose_removal_was_lost_shows_when_the_book_crosses() -> None:
    trip, scene = begun(VENUES["coinbase_exchange"], LOOPBACK["coinbase_exchange"], BOTH)
    trip.spoil = lambda said: []
    trip.tell(scene.events(("move", "BTC", True, 10, 0.0))[0])  # asks below the new middle are gone, unheard
    trip.spoil = None
    for size in (1.0, 2.0, 3.0, 4.0):
        trip.tell(scene.events(("level", "BTC", True, 1, size))[0])
    assert [status.state for status in trip.listener.losses] == ["lost"]
    trip.wait(1)
    assert same_top(trip.listener.books.get("BTC"), trip.truth.books["BTC"])


def test_symbols_that_the_venue_does_not_know_leave_the_others_alone() -> None:
    trip = RoundTrip(VENUES["coinbase_exchange"], LOOPBACK["coinbase_exchange"], BOTH, unknown={"FOO": "FOO-USD"})
    for asset in DIGITS:
        trip.truth.hear(SpotBook(START_NS, "coinbase", asset, ((99.0, 1.0),), ((101.0, 1.0),)))
    trip.connect()
    trip.wait(20)
    assert trip.is_synced
    assert [status.subject for status in trip.listener.losses] == ["FOO"]
    assert not LOOPBACK["coinbase_exchange"].detects_loss
