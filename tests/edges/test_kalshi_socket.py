"""The exchange's WebSocket without a socket: what is asked, what is believed, and what each kind of trouble leads to."""

from collections.abc import Callable
from typing import Any

import pytest

from markets.core.events import BookDelta, BookSnapshot, FeedStatus, TradePrint
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.commands import BY_MARKET, INDEX, LIFE, PRIVATE
from markets.feeds.kalshi.notes import FillNote, IndexList, LifecycleNote, MissedNote
from markets.feeds.kalshi.wanted import Wanted, asset_of_index, index_of
from markets.feeds.venue import Reconnect, Refused, SlowDown, Unreadable
from tests.kalshi_wire import BTC, ETH, NOON_NS, SOL, Client, encoded


def client(*markets: str, **options: Any) -> Client:
    """Connected, everything granted, one level on each side of the first market."""
    made = Client(markets or (BTC,), **options)
    made.exchange.change(BTC, True, 4_000, 10_000)
    made.exchange.change(BTC, False, 5_500, 20_000)
    made.settle()
    made.events.clear()
    return made


def of_channel(made: Client, channel: str) -> int:
    (stream,) = made.exchange.streams_of(channel)
    return stream.sid


def asked(made: Client, kind: str) -> list[dict[str, Any]]:
    return [c.get("params", {}) for c in made.said if kind in (c["cmd"], c.get("params", {}).get("action"))]


def acts(command: dict[str, Any], action: str) -> bool:
    return bool(command.get("params", {}).get("action") == action)


def names(command: dict[str, Any], ticker: str) -> bool:
    return ticker in command.get("params", {}).get("market_tickers", [])


# Subscribing --------------------------------------------------------------------------------------------------


def test_each_channel_is_asked_for_once_and_the_book_at_yes_prices() -> None:
    made = client(is_private=True)
    asks = asked(made, "subscribe")
    assert [ask["channels"] for ask in asks] == [[one] for one in (*BY_MARKET, LIFE, INDEX, *PRIVATE)]
    assert asks[0] == {"channels": ["orderbook_delta"], "market_tickers": [BTC], "use_yes_price": True}
    assert [command["id"] for command in made.said] == list(range(1, len(made.said) + 1))
    assert made.is_synced()
    assert made.notes == [IndexList(received_ns=NOON_NS, available=("BRTI", "ETHUSD_RTI"))]


def test_without_markets_only_what_needs_none_is_subscribed_to() -> None:
    made = Client([], [])
    made.settle()
    assert [ask["channels"] for ask in asked(made, "subscribe")] == [[LIFE]]
    assert made.is_synced()


def test_a_market_that_is_added_before_the_answer_came_follows_it() -> None:
    made = Client([BTC])
    made.wanted.add(ETH)
    made.hear(made.socket.due(made.now_ns))
    assert len(made.socket.to_send) == 5  # nothing more yet
    made.settle()
    assert [ask["market_tickers"] for ask in asked(made, "add_markets")] == [[ETH]] * 3
    assert set(made.believed) == {BTC, ETH}
    assert made.is_synced()


def test_no_levels_are_turned_into_bids_on_no() -> None:
    made = Client([BTC])
    made.exchange.change(BTC, True, 4_000, 100)
    made.exchange.change(BTC, False, 5_600, 14_600)
    made.exchange.change(BTC, False, 5_400, 2_000)
    made.settle()
    (book,) = [event for event in made.events if isinstance(event, BookSnapshot)]
    assert (book.yes, book.no) == (((4_000, 100),), ((5_400, 2_000), (5_600, 14_600)))
    made.exchange.change(BTC, False, 5_700, 300)
    made.settle()
    assert made.events[-1] == BookDelta(NOON_NS, BTC, False, 5_700, 300, 2, NOON_NS)
    assert made.believed[BTC].ask == 4_300


# Markets come and go -----------------------------------------------------------------------------------------


def test_what_still_comes_of_a_deleted_market_is_ignored() -> None:
    made = client(BTC, ETH)
    made.wanted.drop(BTC)
    made.hear(made.socket.due(made.now_ns))
    made.exchange.change(BTC, True, 4_100, 100)
    made.exchange.change(ETH, True, 4_100, 100)
    made.receive()  # the changes are on their way before the deletion arrives there
    assert [event.ticker for event in made.events if isinstance(event, BookDelta)] == [ETH]
    made.settle()
    assert [ask["market_tickers"] for ask in asked(made, "delete_markets")] == [[BTC]] * 3
    assert (made.counts.gaps, made.counts.unreadable, made.counts.unknown.total()) == (0, 0, 0)
    made.exchange.change(ETH, True, 4_100, 100)
    made.settle()
    assert made.is_true(ETH)
    assert made.statuses() == []


def test_a_window_is_followed_by_the_next_without_a_new_connection() -> None:
    made = client(BTC)
    made.wanted.add(SOL)
    made.wanted.drop(BTC)
    made.wait(1.0)
    updates = [c["params"] for c in made.said if c["cmd"] == "update_subscription" and "market_tickers" in c["params"]]
    actions = [(update["action"], update["market_tickers"]) for update in updates]
    assert actions == [("add_markets", [SOL])] * 3 + [("delete_markets", [BTC])] * 3
    assert set(made.socket.books.kept) == {SOL}


def test_the_last_market_is_not_deleted_but_its_subscriptions_ended() -> None:
    """A ticker subscription without markets would be one to all markets of the exchange."""
    made = client(BTC)
    made.wanted.drop(BTC)
    made.wait(1.0)
    assert asked(made, "delete_markets") == []
    assert {stream.channel for stream in made.exchange.streams.values()} == {LIFE, INDEX}
    made.wanted.add(ETH)
    made.wait(1.0)
    assert made.is_true(ETH)
    assert made.is_synced()


def test_a_market_dropped_and_wanted_again_at_once_has_its_book_back() -> None:
    made = client(BTC, ETH)
    made.wanted.drop(BTC)
    made.hear(made.socket.due(made.now_ns))
    made.wanted.add(BTC)
    made.hear(made.socket.due(made.now_ns))
    made.exchange.change(BTC, True, 4_100, 100)
    made.settle()
    made.exchange.change(BTC, True, 4_100, 100)
    made.wait(1.0)
    assert made.is_true(BTC)
    assert made.is_synced()


def test_indices_come_and_go_too() -> None:
    made = client()
    made.wanted.want_indices("ETHUSD_RTI", "SOLUSD_RTI")
    made.wait(1.0)
    assert asked(made, "subscribe_indices") == [
        {"sid": of_channel(made, INDEX), "action": "subscribe_indices", "index_ids": ["ETHUSD_RTI", "SOLUSD_RTI"]}
    ]
    assert asked(made, "unsubscribe_indices")[0]["index_ids"] == ["BRTI"]
    last = made.notes[-1]
    assert isinstance(last, IndexList)
    assert (last.missing, last.reason) == (("SOLUSD_RTI",), "the exchange has no index SOLUSD_RTI")


# Losses -------------------------------------------------------------------------------------------------------


def test_a_gap_makes_the_books_of_that_subscription_fall_until_their_snapshots() -> None:
    made = client(BTC, ETH)
    made.exchange.lose = 2
    for _ in range(3):
        made.exchange.change(BTC, True, 4_100, 100)
    made.receive()
    assert made.statuses() == [("lost", BTC, "sequence gap: 5 after 2"), ("lost", ETH, "sequence gap: 5 after 2")]
    assert (made.counts.gaps, made.counts.resyncs) == (2, 2)
    made.exchange.change(BTC, True, 4_200, 100)
    made.receive()
    assert not any(isinstance(event, BookDelta) for event in made.events)
    made.settle()
    assert asked(made, "get_snapshot") == [
        {"sid": of_channel(made, "orderbook_delta"), "action": "get_snapshot", "market_tickers": [BTC, ETH]}
    ]
    assert made.is_true(BTC)
    assert made.is_true(ETH)


def test_answers_are_numbered_too() -> None:
    made = client(BTC)
    made.wanted.add(ETH)
    made.wait(1.0)
    made.exchange.change(BTC, True, 4_100, 100)
    made.settle()
    assert made.counts.gaps == 0
    assert made.is_true(BTC)


def test_a_gap_elsewhere_leaves_the_books_alone_and_is_told() -> None:
    made = client(is_private=True)
    (life,) = made.exchange.streams_of(LIFE)
    made.exchange.say(life, LIFE, {"event_type": "activated", "market_ticker": BTC})
    made.exchange.lose = 1
    made.exchange.say(life, LIFE, {"event_type": "activated", "market_ticker": BTC})
    made.exchange.say(life, LIFE, {"event_type": "activated", "market_ticker": ETH})
    made.settle()
    assert made.statuses() == []
    first, second, third = made.notes[-3:]
    assert isinstance(first, LifecycleNote)
    assert second == MissedNote(received_ns=NOON_NS, channel=LIFE, reason="sequence gap: 3 after 1")
    assert isinstance(third, LifecycleNote)


def test_a_size_below_zero_makes_one_book_fall() -> None:
    made = client(BTC, ETH)
    made.exchange.say(*book_delta(made, BTC, price_dollars="0.4000", delta_fp="-100.01"))
    made.receive()
    assert made.statuses() == [("lost", BTC, "level 4000 would hold -1")]
    made.settle()
    assert made.is_true(BTC)
    assert asked(made, "get_snapshot")[0]["market_tickers"] == [BTC]


def book_delta(made: Client, ticker: str, **changes: Any) -> tuple[Any, str, dict[str, Any]]:
    (stream,) = made.exchange.streams_of("orderbook_delta")
    made.exchange.clocks[ticker] = made.exchange.clocks.get(ticker, 0) + 1
    return stream, "orderbook_delta", made.exchange.delta(ticker, True, 4_000, 100) | changes


def test_within_one_action_a_book_may_be_crossed() -> None:
    """The real exchange tells the rest of an order before it tells what it took."""
    made = client(BTC)
    made.exchange.change(BTC, False, 6_000, 1_000, clock=50)
    made.exchange.change(BTC, True, 4_000, -10_000, clock=50)
    made.exchange.change(BTC, True, 3_900, 500, clock=51)
    made.settle()
    assert made.statuses() == []
    assert made.is_true(BTC)


@pytest.mark.parametrize("is_quiet", [False, True])
def test_a_book_that_stays_crossed_falls(is_quiet: bool) -> None:
    made = client(BTC)
    made.exchange.change(BTC, False, 6_100, 1_000, clock=50)
    made.settle()
    assert made.statuses() == []
    if is_quiet:
        made.wait(1.5)
    else:
        made.exchange.change(BTC, True, 3_900, 500, clock=51)
        made.receive()
    assert made.statuses()[0] == ("lost", BTC, "crossed: 0.4000 is bid and 0.3900 is asked")


def test_a_clock_that_goes_down_makes_the_book_fall_and_the_next_snapshot_sets_it() -> None:
    made = client(BTC)
    made.exchange.change(BTC, True, 3_900, 500, clock=500)
    made.now_ns += 2 * SECOND_NS
    made.exchange.change(BTC, True, 3_900, 500, clock=7)
    made.settle()
    assert made.statuses() == [("lost", BTC, "its clock went down from 500 to 7")]
    made.exchange.change(BTC, True, 3_900, 500, clock=8)
    made.settle()
    assert made.is_true(BTC)
    assert len(made.statuses()) == 1


def test_a_change_that_its_snapshot_had_is_not_counted_twice() -> None:
    made = client(BTC)
    stream, kind, msg = book_delta(made, BTC)
    made.exchange.say(stream, kind, msg | {"clock": 2})
    made.settle()
    assert made.is_true(BTC)
    assert made.counts.unknown["orderbook_delta that its snapshot had"] == 1


def test_a_book_that_does_not_come_again_is_a_reason_to_connect_anew() -> None:
    made = client(BTC)
    made.exchange.snapshot = lambda stream, ticker, number=0: None  # type: ignore[method-assign]
    made.exchange.lose = 1
    made.exchange.change(BTC, True, 4_100, 100)
    made.exchange.change(BTC, True, 4_100, 100)
    with pytest.raises(Reconnect, match="its book did not come, asked 3 times"):
        made.wait(60.0)
    assert len(asked(made, "get_snapshot")) == 3


def test_a_book_that_falls_again_and_again_too() -> None:
    made = client(BTC)

    def fall() -> None:
        made.exchange.lose = 1
        made.exchange.change(BTC, True, 4_100, 100)
        made.exchange.change(BTC, True, 4_100, 100)
        made.settle()

    for _ in range(5):
        fall()
        assert made.is_true(BTC)
    with pytest.raises(Reconnect, match="again and again"):
        fall()


def test_a_market_without_a_book_is_said_to_be_and_the_others_go_on() -> None:
    made = client(BTC)
    snapshot = made.exchange.snapshot
    made.exchange.snapshot = lambda stream, ticker, number=0: (  # type: ignore[method-assign]
        None if ticker == ETH else snapshot(stream, ticker, number)
    )
    made.wanted.add(ETH)
    made.wait(1.0)
    assert not made.is_synced()
    made.wait(60.0)
    assert [(state, ticker) for state, ticker, _ in made.statuses()] == [("unavailable", ETH)]
    assert made.is_synced()
    made.exchange.snapshot = snapshot  # type: ignore[method-assign]
    made.wait(31.0)
    assert made.is_true(ETH)


def test_no_prices_where_yes_prices_were_asked_for_are_refused() -> None:
    made = Client([BTC])
    made.exchange.use_yes_price = False
    made.exchange.change(BTC, True, 4_000, 100)
    made.exchange.change(BTC, False, 5_500, 100)
    made.exchange.change(BTC, False, 100, 100)
    with pytest.raises(SlowDown, match="use_yes_price"):
        made.wait(30.0)
    assert made.believed == {}


# Subscriptions that end ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [10, 25])
def test_a_book_subscription_that_ends_is_made_again_and_nothing_else(code: int) -> None:
    made = client(BTC, ETH, is_private=True)
    sids = {stream.channel: stream.sid for stream in made.exchange.streams.values()}
    made.exchange.end("orderbook_delta", code)
    made.settle()
    assert [state for state, *_ in made.statuses()] == ["lost", "lost"]
    assert not made.is_synced()
    made.wait(2.0)
    assert made.is_true(BTC)
    assert made.is_synced()
    again = {stream.channel: stream.sid for stream in made.exchange.streams.values()}
    assert {channel for channel in again if again[channel] != sids[channel]} == {"orderbook_delta"}


def test_it_is_made_again_later_each_time_and_not_for_ever() -> None:
    made = client(BTC)
    waits = []
    for _ in range(5):
        made.exchange.end("orderbook_delta")
        made.settle()
        since_ns = made.now_ns
        while not made.is_synced():
            made.wait(0.25)
        waits.append((made.now_ns - since_ns) / SECOND_NS)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    made.exchange.end("orderbook_delta")
    with pytest.raises(Reconnect, match="orderbook_delta: it ends again and again"):
        made.settle()


def test_a_private_subscription_that_ends_is_told_because_something_was_missed() -> None:
    made = client(is_private=True)
    made.exchange.end("fill")
    made.wait(2.0)
    missed = [(note.channel, note.reason) for note in made.notes if isinstance(note, MissedNote)]
    assert missed == [("fill", "Subscription buffer overflow (code 25)")]
    assert len(made.exchange.streams_of("fill")) == 1


def test_a_subscription_that_the_exchange_has_forgotten_is_made_again() -> None:
    made = client(BTC)
    del made.exchange.streams[of_channel(made, "orderbook_delta")]
    made.wait(70.0)
    assert ("lost", BTC, "the exchange does not list it any more") in made.statuses()
    assert made.is_true(BTC)


def test_a_second_stream_of_a_channel_is_ended() -> None:
    made = client(BTC)
    made.exchange._subscribe(99, {"channels": ["ticker"], "market_tickers": [BTC]})
    made.settle()
    made.wait(1.0)
    assert len(made.exchange.streams_of("ticker")) == 1
    assert len(asked(made, "unsubscribe")) == 1


# Errors -------------------------------------------------------------------------------------------------------


def refusing(code: int, when: Callable[[dict[str, Any]], bool]) -> Callable[[dict[str, Any]], int | None]:
    return lambda command: code if when(command) else None


def to(channel: str) -> Callable[[dict[str, Any]], bool]:
    return lambda command: command.get("params", {}).get("channels") == [channel]


def test_without_a_right_to_a_channel_the_connection_is_refused_in_plain_words() -> None:
    made = Client(is_private=True)
    made.exchange.refuse = refusing(9, to("fill"))
    with pytest.raises(Refused, match=r"fill needs a key that may read it: refused \(code 9\)"):
        made.settle()


@pytest.mark.parametrize("code", [8, 9, 10, 11])
def test_without_the_index_everything_else_goes_on(code: int) -> None:
    made = Client([BTC])
    made.exchange.refuse = refusing(code, to(INDEX))
    made.wait(120.0)
    assert made.is_synced()
    assert made.statuses() == []
    note = next(note for note in made.notes if isinstance(note, IndexList))
    assert (note.available, note.missing, note.reason) == ((), ("BRTI",), f"refused (code {code})")
    made.exchange.refuse = lambda command: None
    made.wait(600.0)
    assert made.notes[-1] == IndexList(received_ns=made.notes[-1].received_ns, available=("BRTI", "ETHUSD_RTI"))


def test_an_unknown_channel_that_is_needed_is_refused() -> None:
    made = Client([BTC])
    made.exchange.refuse = refusing(8, to("trade"))
    with pytest.raises(Refused, match="does not know the channel trade"):
        made.settle()


def test_one_market_that_is_refused_does_not_keep_out_the_others() -> None:
    made = Client([BTC, ETH, SOL])
    made.exchange.refuse = lambda command: 11 if names(command, ETH) else None
    made.wait(10.0)
    assert set(made.believed) == {BTC, SOL}
    assert made.statuses() == [("unavailable", ETH, "refused (code 11)")]
    assert made.is_synced()
    made.exchange.refuse = lambda command: None
    made.wait(40.0)
    assert made.is_true(ETH)


def test_a_market_that_the_error_names_is_left_out_at_once() -> None:
    made = client(BTC)
    error = {"code": 26, "msg": "Subscription market limit exceeded", "market_ticker": SOL}
    made.exchange.refuse = lambda command: error if names(command, SOL) else None
    made.wanted.add(ETH, SOL)
    made.wait(2.0)
    assert set(made.believed) == {BTC, ETH}
    assert ("unavailable", SOL, "Subscription market limit exceeded (code 26)") in made.statuses()


@pytest.mark.parametrize(("code", "reason"), [(1, "code 1"), (18, "code 18"), (99, "code 99")])
def test_a_passing_error_is_tried_again_a_few_times(code: int, reason: str) -> None:
    made = Client([BTC])
    made.exchange.refuse = refusing(code, to("ticker"))
    made.wait(0.5)
    made.exchange.refuse = lambda command: None
    made.wait(2.0)
    assert made.is_synced()
    made.exchange.refuse = refusing(code, lambda command: acts(command, "add_markets"))
    made.wanted.add(ETH)
    with pytest.raises(Reconnect, match=reason):
        made.wait(60.0)


def test_who_is_asked_to_ask_less_often_does() -> None:
    made = Client([BTC])
    made.exchange.refuse = refusing(27, to("ticker"))
    made.wait(60.0)
    assert 5 <= len([ask for ask in asked(made, "subscribe") if ask["channels"] == ["ticker"]]) <= 7
    made.exchange.refuse = lambda command: None
    made.wait(40.0)
    assert made.is_synced()


def test_a_command_that_is_not_answered_is_repeated_and_then_the_connection_given_up() -> None:
    made = client(BTC)
    made.exchange.is_deaf = True
    made.wanted.add(ETH)
    with pytest.raises(Reconnect, match="was not answered"):
        made.wait(60.0)
    adds = [ask for ask in asked(made, "add_markets") if ask["sid"] == of_channel(made, "orderbook_delta")]
    assert 2 <= len(adds) <= 3
    ids = [command["id"] for command in made.said]
    assert len(ids) == len(set(ids))


def test_an_answer_that_comes_late_makes_no_second_stream() -> None:
    made = Client([BTC])
    first = list(made.socket.to_send)
    made.socket.to_send.clear()
    made.now_ns += 6 * SECOND_NS
    made.hear(made.socket.due(made.now_ns))  # asked again in a second
    for text in first:
        made.exchange.take(text)
    made.wait(10.0)
    channels = [stream.channel for stream in made.exchange.streams.values()]
    assert len(channels) == len(set(channels))
    assert made.is_true(BTC)
    assert made.is_synced()


# Signs of life ------------------------------------------------------------------------------------------------


def test_silence_is_asked_about() -> None:
    made = client()
    made.wait(1.5)
    assert asked(made, "list_subscriptions") == []
    made.wait(1.0)
    assert len(asked(made, "list_subscriptions")) == 1
    made.exchange.is_deaf = True
    with pytest.raises(Reconnect, match="list_subscriptions was not answered"):
        made.wait(60.0)


def test_how_long_a_frame_was_on_its_way_is_noted() -> None:
    made = client()
    made.counts.lags_ns.clear()
    made.now_ns += 40_000_000
    made.exchange.change(BTC, True, 4_100, 100)
    made.settle()
    assert list(made.counts.lags_ns) == [40_000_000]


def test_frames_may_end_with_a_newline() -> None:
    made = client()
    made.exchange.change(BTC, True, 4_100, 100)
    (frame,) = made.exchange.out
    made.exchange.out.clear()
    assert len(made.frame(frame.data + b"\n")) == 1


# What cannot be read ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("junk", [b"", b"{", b"[]", b'{"type":"orderbook_delta","sid":"x"}', b"\xff\xfe", b"null"])
def test_what_is_no_frame_is_unreadable(junk: bytes) -> None:
    with pytest.raises(Unreadable):
        client().frame(junk)


def test_a_change_that_cannot_be_read_makes_the_books_fall_at_once() -> None:
    made = client(BTC, ETH)
    stream, kind, msg = book_delta(made, BTC)
    made.exchange.say(stream, kind, msg | {"side": "maybe"})
    with pytest.raises(Unreadable):
        made.receive()
    made.hear(made.socket.due(made.now_ns))
    assert [state for state, *_ in made.statuses()] == ["lost", "lost"]


@pytest.mark.parametrize("price", ["0.40005", "1.0000", "0.0000", "-0.1000", "forty"])
def test_a_price_that_is_none_makes_its_book_fall(price: str) -> None:
    made = client(BTC, ETH)
    stream, kind, msg = book_delta(made, BTC)
    made.exchange.say(stream, kind, msg | {"price_dollars": price})
    made.receive()
    ((state, ticker, _),) = made.statuses()
    assert (state, ticker) == ("lost", BTC)


def test_what_was_lost_before_a_frame_that_cannot_be_read_is_told() -> None:
    made = client(BTC)
    (stream,) = made.exchange.streams_of("orderbook_delta")
    stream.seq += 3
    made.exchange.say(stream, "orderbook_snapshot", {"market_ticker": BTC, "yes_dollars_fp": [["x", "y"]]})
    with pytest.raises(Unreadable):
        made.receive()
    made.hear(made.socket.due(made.now_ns))
    assert made.statuses() == [("lost", BTC, "sequence gap: 5 after 1")]


def test_a_fill_that_cannot_be_read_is_missed() -> None:
    made = client(is_private=True)
    with pytest.raises(Unreadable):
        made.frame({"type": "fill", "sid": of_channel(made, "fill"), "msg": {"trade_id": "t"}})
    last = made.notes[-1]
    assert isinstance(last, MissedNote)
    assert last.channel == "fill"


def test_what_is_new_is_counted_and_harms_nothing() -> None:
    made = client(BTC)
    (stream,) = made.exchange.streams_of("orderbook_delta")
    made.exchange.say(stream, "orderbook_weather", {"rain": True})
    made.exchange.tell({"type": "greeting", "msg": "hello"})
    stream, kind, msg = book_delta(made, ETH)
    made.exchange.say(stream, kind, msg)
    made.exchange.change(BTC, True, 4_100, 100)
    made.settle()
    assert made.is_true(BTC)
    assert made.counts.unknown == {"orderbook_weather": 1, "greeting": 1}


def test_a_fill_is_told_as_often_as_it_comes() -> None:
    made = client(is_private=True)
    msg = {
        "trade_id": "t1", "order_id": "o1", "market_ticker": BTC, "is_taker": True, "yes_price_dollars": "0.7500",
        "count_fp": "0.01", "fee_cost": "0.000190", "outcome_side": "no", "book_side": "ask", "post_position_fp": "-0.01",
    }  # fmt: skip
    for _ in range(2):
        made.frame({"type": "fill", "sid": of_channel(made, "fill"), "msg": msg})
    one, two = made.notes[-2:]
    assert one == two
    assert isinstance(one, FillNote)
    assert (one.is_bid, one.price, one.count, one.fee, one.position) == (False, 7_500, 1, 190, -1)


def test_trades_of_others_and_off_the_book_are_left_out() -> None:
    made = client(BTC)
    trade = {"market_ticker": BTC, "yes_price_dollars": "0.3600", "count_fp": "136.00", "taker_outcome_side": "no"}
    sid = of_channel(made, "trade")
    others: list[dict[str, Any]] = [{}, {"is_block_trade": True}, {"market_ticker": ETH}]
    for seq, changes in enumerate(others, 1):
        made.frame(encoded({"type": "trade", "sid": sid, "seq": seq, "msg": trade | changes}))
    assert made.events == [TradePrint(NOON_NS, BTC, 3_600, 13_600, False)]


# What is wanted -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asset", "index"), [("BTC", "BRTI"), ("ETH", "ETHUSD_RTI"), ("DOGE", "DOGEUSD_RTI")])
def test_each_asset_has_its_index(asset: str, index: str) -> None:
    assert (index_of(asset), asset_of_index(index)) == (index, asset)
    assert asset_of_index("BRTI_OTHER") == ""


def test_changes_of_what_is_wanted_are_counted() -> None:
    wanted = Wanted([BTC])
    wanted.add(BTC)
    wanted.drop(ETH)
    assert wanted.changes == 0
    wanted.add(ETH, SOL)
    wanted.drop(BTC)
    assert (list(wanted.markets), wanted.changes) == ([ETH, SOL], 2)


def test_only_markets_of_our_series_are_told_of() -> None:
    made = client(series=["KXBTC15M"])
    sid = of_channel(made, LIFE)
    for seq, ticker in enumerate([ETH, BTC], 1):
        msg = {"event_type": "settled", "market_ticker": ticker, "settled_ts": 1_795_366_803}
        made.frame({"type": LIFE, "sid": sid, "seq": seq, "msg": msg})
    told = [note for note in made.notes if isinstance(note, LifecycleNote)]
    assert [(note.ticker, note.settled_ns) for note in told] == [(BTC, 1_795_366_803 * SECOND_NS)]
    assert not any(isinstance(event, FeedStatus) for event in made.events)
