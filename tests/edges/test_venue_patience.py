"""How long a venue is waited for, and how often it is asked again: one asset never costs the others their books."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from markets.core.events import FeedStatus, MarketEvent
from markets.core.units import SECOND_NS
from markets.feeds.counts import MOST_NAMES, OTHERS, Counts
from markets.feeds.register import VENUES
from markets.feeds.venue import Endpoint, Reconnect, VenueSocket
from tests.round_trip import START_NS

ENDPOINT = Endpoint("ws://ws", "http://rest")
SYMBOLS = {"BTC": "BTC-USD", "ETH": "ETH-USD"}


def opened(counts: Counts, now_ns: int = START_NS, symbols: dict[str, str] | None = None) -> VenueSocket:
    socket = VENUES["coinbase"].sockets(symbols or SYMBOLS, ENDPOINT, lambda _: counts)[0]
    socket.opened(now_ns)
    say(socket, now_ns, 0, "subscriptions", {"subscriptions": {"level2": ["BTC-USD", "ETH-USD"]}})
    socket.to_send.clear()
    return socket


def say(socket: VenueSocket, now_ns: int, number: int, channel: str, event: Any) -> list[MarketEvent]:
    frame = {"channel": channel, "timestamp": "", "sequence_num": number, "events": [event]}
    return socket.hear(msgspec.json.encode(frame), now_ns)


def whole(bid: str = "100", ask: str = "101") -> dict[str, Any]:
    levels = [("bid", bid), ("offer", ask)]
    updates = [{"side": side, "price_level": price, "new_quantity": "1"} for side, price in levels]
    return {"type": "snapshot", "product_id": "BTC-USD", "updates": updates}


def test_a_book_that_never_comes_is_given_up_and_the_others_go_on() -> None:
    counts, now_ns = Counts(), START_NS
    for _ in range(2):
        socket = opened(counts, now_ns)
        say(socket, now_ns, 1, "l2_data", whole())
        now_ns += 16 * SECOND_NS
        with pytest.raises(Reconnect, match="ETH: no snapshot"):
            socket.due(now_ns)
    socket = opened(counts, now_ns)
    say(socket, now_ns, 1, "l2_data", whole())
    now_ns += 16 * SECOND_NS
    assert socket.due(now_ns) == [
        FeedStatus(now_ns, "coinbase", "unavailable", "ETH", "ETH: no snapshot within 15 s"),
    ]
    assert socket.is_synced
    assert socket.due(now_ns + 3_000 * SECOND_NS)[0].subject == "BTC"  # type: ignore[union-attr]  # silent for 5 min
    assert socket.renewal_asked == ""
    say(socket, now_ns + 3_001 * SECOND_NS, 2, "l2_data", whole())
    socket.due(now_ns + 3_600 * SECOND_NS)
    assert socket.renewal_asked  # a new connection asks for it again


def test_when_no_book_comes_it_is_the_connection_that_is_given_up() -> None:
    counts, now_ns = Counts(), START_NS
    for _ in range(10):
        socket = opened(counts, now_ns)
        now_ns += 16 * SECOND_NS
        with pytest.raises(Reconnect, match="no snapshot"):
            socket.due(now_ns)


def test_a_book_that_comes_crossed_every_time_is_asked_for_ever_more_rarely() -> None:
    socket = opened(Counts(), symbols={"BTC": "BTC-USD"})
    number, asked = 0, []
    for quarter in range(4 * 120):
        now_ns = START_NS + quarter * SECOND_NS // 4
        socket.due(now_ns)
        if socket.to_send or not quarter:
            asked.append(quarter / 4)
            socket.to_send.clear()
            number += 1
            say(socket, now_ns, number, "l2_data", whole("101", "100"))
    assert len(asked) <= 9
    assert asked[1] == 0.25
    assert max(later - before for before, later in pairwise(asked)) <= 31


def test_a_book_of_which_nothing_is_said_is_asked_for_again() -> None:
    socket = opened(Counts(), symbols={"BTC": "BTC-USD"})
    say(socket, START_NS, 1, "l2_data", whole())
    for second in range(0, 300, 10):
        say(socket, START_NS + second * SECOND_NS, 2 + second // 10, "heartbeats", {"heartbeat_counter": 1})
        assert socket.due(START_NS + second * SECOND_NS) == []
    (lost,) = socket.due(START_NS + 301 * SECOND_NS)
    assert isinstance(lost, FeedStatus)
    assert (lost.state, lost.subject) == ("lost", "BTC")
    assert [msgspec.json.decode(text)["type"] for text in socket.to_send] == ["unsubscribe", "subscribe"]


def test_names_from_outside_do_not_fill_the_memory() -> None:
    counts = Counts()
    for number in range(10_000):
        counts.unknown[f"kind {number}"] += 1
    assert len(counts.unknown) == MOST_NAMES + 1
    assert counts.unknown[OTHERS] == 10_000 - MOST_NAMES
    assert sum(counts.unknown.values()) == 10_000
