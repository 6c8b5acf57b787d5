"""Whatever happens, in whatever order: a book that is believed is the exchange's, and when all is quiet each is believed."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from markets.core.units import PRICE_DOLLAR
from markets.feeds.venue import Reconnect, Refused, SlowDown, Unreadable
from tests.edges.test_kalshi_socket_frames import EVENTS, NOTES
from tests.kalshi_wire import BTC, ETH, SOL, Client

ANSWERS = [
    '{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":1}}',
    '{"id":4,"sid":1,"seq":222,"type":"ok","msg":{"market_tickers":["A","B"]}}',
    '{"id":7,"type":"ok","msg":[{"channel":"orderbook_delta","sid":1},{"channel":"fill","sid":2}]}',
    '{"id":8,"sid":1,"seq":310,"type":"unsubscribed"}',
    '{"id":9,"sid":1,"type":"error","msg":{"code":8,"msg":"Unknown channel name"}}',
]
TICKERS = (BTC, ETH, SOL)
tickers = st.sampled_from(TICKERS)
STEPS = st.one_of(
    st.tuples(st.just("change"), tickers, st.booleans(), st.integers(1, 8), st.integers(-3, 5)),
    st.tuples(st.just("add"), tickers),
    st.tuples(st.just("drop"), tickers),
    st.tuples(st.just("lose"), st.integers(1, 2)),
    st.tuples(st.just("send"), st.integers(1, 4)),
    st.tuples(st.just("receive"), st.integers(1, 4)),
    st.tuples(st.just("time"), st.sampled_from([0.25, 0.5, 2.0])),
    st.tuples(st.just("end"), st.sampled_from([10, 25])),
    st.tuples(st.just("refuse"), st.sampled_from([1, 11, 18, 27])),
)


class Play:
    """A client and an exchange with everything between them on its way, step by step."""

    def __init__(self) -> None:
        self.client = Client([BTC, ETH])
        self.ended = 0
        self.compared = 0

    def take(self, step: tuple[Any, ...]) -> None:
        name, *rest = step
        getattr(self, name)(*rest)

    def change(self, ticker: str, is_yes: bool, cents: int, contracts: int) -> None:
        """YES bids from 1 to 8 cents, NO bids likewise: never crossed, never below zero."""
        book = self.client.exchange.book(ticker)
        price = cents * 100
        there = (book.yes if is_yes else book.no).get(price, 0)
        change = max(contracts * 100, -there)
        if change:
            self.client.exchange.change(ticker, is_yes, price, change)

    def add(self, ticker: str) -> None:
        self.client.wanted.add(ticker)

    def drop(self, ticker: str) -> None:
        self.client.wanted.drop(ticker)

    def lose(self, frames: int) -> None:
        self.client.exchange.lose = frames

    def send(self, most: int) -> None:
        self.client.send(most)

    def receive(self, most: int) -> None:
        client = self.client
        for _ in range(min(most, len(client.exchange.out))):
            frame = client.exchange.out.popleft()
            client.frame(frame.data)
            if frame.truth and json.loads(frame.data).get("type") != "error":
                self.compare(frame.sid, frame.truth)

    def compare(self, sid: int, truth: Any) -> None:
        """After a frame of the books' own subscription what is believed is what was so when that frame left."""
        client = self.client
        if sid != client.socket._book_subscription.sid:
            return
        for ticker, kept in client.socket.books.kept.items():
            if kept.stands:
                believed = client.believed[ticker]
                assert (believed.yes, believed.no) == truth[ticker]
                self.compared += 1

    def time(self, seconds: float) -> None:
        client = self.client
        client.now_ns += round(seconds * 1e9)
        client.hear(client.socket.due(client.now_ns))

    def end(self, code: int) -> None:
        if self.ended < 2:  # more often in a minute is a reason to connect anew
            self.ended += 1
            self.client.exchange.end("orderbook_delta", code)

    def refuse(self, code: int) -> None:
        """The next change of a subscription is refused, once."""

        def refuse(command: dict[str, Any]) -> int | None:
            if command["cmd"] == "list_subscriptions":
                return None
            self.client.exchange.refuse = lambda command: None
            return code

        self.client.exchange.refuse = refuse


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=15, max_size=80))
def test_what_is_believed_is_so(steps: list[tuple[Any, ...]]) -> None:
    play = Play()
    client = play.client
    try:
        for step in steps:
            play.take(step)
    except ConnectionError:
        return  # a new connection begins with nothing
    client.exchange.lose = 0
    client.exchange.refuse = lambda command: None
    try:
        client.wait(120.0, 1.0)
    except ConnectionError:
        return
    for ticker in TICKERS:
        client.exchange.change(ticker, True, 500, 100)
    client.settle()
    assert client.socket.is_synced
    assert set(client.socket.books.kept) == set(client.wanted.markets)
    for ticker in client.wanted.markets:
        assert client.is_true(ticker)
        assert max(client.believed[ticker].yes) < PRICE_DOLLAR


def test_the_play_compares() -> None:
    play = Play()
    for step in [("send", 4), ("receive", 4), ("change", BTC, True, 3, 2), ("receive", 4), ("lose", 1)]:
        play.take(step)
    before = play.compared
    assert before >= 4
    for step in [("change", BTC, True, 3, 2), ("change", ETH, True, 3, 2), ("receive", 4)]:
        play.take(step)
    assert play.compared == before  # both books have fallen
    assert [state for state, *_ in play.client.statuses()] == ["lost", "lost"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**25) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([frame for _, frame, _ in (*EVENTS, *NOTES)] + ANSWERS), st.data())
def test_a_frame_with_junk_in_it_is_read_or_is_unreadable(frame: str, data: st.DataObject) -> None:
    """Whatever one field of a documented frame holds, nothing else than a trouble with a name comes of it."""
    client = Client([BTC], is_private=True)
    client.settle()
    message = json.loads(frame)
    sids = [stream.sid for stream in client.exchange.streams.values()]
    message["sid"] = data.draw(st.sampled_from(sids))
    where = data.draw(st.sampled_from([message, message["msg"]] if isinstance(message.get("msg"), dict) else [message]))
    if where:
        where[data.draw(st.sampled_from(sorted(where)))] = data.draw(JUNK)
    try:
        client.socket.hear(json.dumps(message).encode(), client.now_ns)
    except (Unreadable, Reconnect, Refused, SlowDown):
        return
    client.socket.due(client.now_ns + 10**9)
