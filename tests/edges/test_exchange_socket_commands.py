"""What the simulated exchange answers to each command of its WebSocket, frame by frame, without a socket."""

import json
from typing import Any

import pytest

from markets.core.events import BookDelta, IndexValue, MarketListed, TradePrint
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, Hand, at, contract
from tests.exchange_builders import KEY_ID, order, place, settle, small_house
from trading.simulator.exchange import sessions
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_rows import KeyRow
from trading.simulator.exchange.ws_board import Switchboard

OTHER = "KXETH15M-26NOV221200-00"


class Line:
    """One client without a socket: says commands, and reads the frames that it was sent since."""

    def __init__(self, board: Switchboard, account: int = 1) -> None:
        key = board.house.keys[KEY_ID]
        self.session = board.open(KeyRow(key.key_id, account, key.kind, secret=key.secret))

    def says(self, command: Any) -> list[dict[str, Any]]:
        self.session.hear(command if isinstance(command, str) else json.dumps(command))
        return self.hears()

    def hears(self) -> list[dict[str, Any]]:
        frames = [json.loads(frame) for frame in self.session.take(1 << 30)]
        for frame in frames:
            assert at(0) // 1_000_000 < frame.pop("sending_ts_ms") <= self.session.board.house.now_ns() // 1_000_000
        return frames

    def subscribes(self, *channels: str, **params: Any) -> list[dict[str, Any]]:
        return self.says({"id": 1, "cmd": "subscribe", "params": {"channels": list(channels), **params}})

    def updates(self, **params: Any) -> list[dict[str, Any]]:
        return self.says({"id": 2, "cmd": "update_subscription", "params": params})


def connected(seconds: float = 60) -> tuple[House, Hand, Line]:
    house, clock = small_house(seconds)
    return house, clock, Line(Switchboard(house, FaultPlan()))


def complaint(code: int, words: str, **rest: Any) -> list[dict[str, Any]]:
    return [{**rest, "type": "error", "msg": {"code": code, "msg": words}}]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("{nonsense", complaint(1, "Unable to process message")),
        ("[1]", complaint(1, "Unable to process message")),
        ({"id": "one", "cmd": "subscribe"}, complaint(11, "Invalid parameter")),
        ({"id": 3}, complaint(5, "Unknown command", id=3)),
        ({"id": 3, "cmd": "dance"}, complaint(5, "Unknown command", id=3)),
        ({"id": 3, "cmd": "subscribe"}, complaint(2, "Params required", id=3)),
        ({"id": 0, "cmd": "subscribe"}, complaint(2, "Params required")),
        ({"cmd": "unsubscribe"}, complaint(2, "Params required")),
        ({"id": 3, "cmd": "update_subscription"}, complaint(2, "Params required", id=3)),
        ({"id": 3, "cmd": "subscribe", "params": {}}, complaint(3, "Channels required", id=3)),
        ({"id": 3, "cmd": "subscribe", "params": {"channels": []}}, complaint(3, "Channels required", id=3)),
        ({"id": 3, "cmd": "subscribe", "params": {"channels": "fill"}}, complaint(11, "Invalid parameter", id=3)),
        ({"id": 3, "cmd": "subscribe", "params": {"channels": ["news"]}}, complaint(8, "Unknown channel name", id=3)),
        (
            {"id": 3, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"]}},
            complaint(14, "Market Ticker required", id=3),
        ),
        (
            {"id": 3, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_ids": ["x"]}},
            complaint(14, "Market Ticker required", id=3),
        ),
        (
            {"id": 3, "cmd": "subscribe", "params": {"channels": ["trade"], "market_ticker": "A", "market_tickers": ["B"]}},
            complaint(11, "Invalid parameter", id=3),
        ),
        ({"id": 3, "cmd": "unsubscribe", "params": {}}, complaint(4, "Subscription IDs required", id=3)),
        ({"id": 3, "cmd": "unsubscribe", "params": {"sids": [9]}}, complaint(7, "Unknown subscription ID", id=3)),
        (
            {"id": 3, "cmd": "update_subscription", "params": {"action": "add_markets"}},
            complaint(12, "Exactly one subscription ID is required", id=3),
        ),
        (
            {"id": 3, "cmd": "update_subscription", "params": {"sids": [1, 2], "action": "add_markets"}},
            complaint(12, "Exactly one subscription ID is required", id=3),
        ),
        (
            {"id": 3, "cmd": "update_subscription", "params": {"sid": 1, "action": "add_markets"}},
            complaint(7, "Unknown subscription ID", id=3),
        ),
    ],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_answered_with_its_number(command: Any, answer: list[dict[str, Any]]) -> None:
    _, _, line = connected()
    assert line.says(command) == answer


def test_updates_that_make_no_sense_are_numbered_on_their_subscription() -> None:
    _, _, line = connected()
    line.subscribes("trade", "fill", "cfbenchmarks_value", "market_lifecycle_v2")
    for params, code, words, seq in (
        ({"sid": 1}, 15, "Action required", None),
        ({"sid": 1, "action": "get_snapshot"}, 13, "Unsupported action", 1),
        ({"sid": 1, "action": "add_markets"}, 14, "Market Ticker required", 2),
        ({"sid": 3, "action": "subscribe_indices"}, 24, "Index IDs required", 1),
        ({"sid": 3, "action": "add_markets", "market_ticker": TICKER}, 13, "Unsupported action", 2),
        ({"sid": 4, "action": "add_markets", "market_ticker": TICKER}, 13, "Unsupported action", 1),
    ):
        scope = {} if seq is None else {"sid": params["sid"], "seq": seq}
        assert line.updates(**params) == complaint(code, words, id=2, **scope)
    assert line.updates(sid=2, action="dance") == complaint(13, "Unsupported action", id=2, sid=2)


def test_each_channel_has_its_own_subscription_and_may_be_heard_twice() -> None:
    _, _, line = connected()
    assert line.subscribes("ticker", "nothing", "fill") == [
        {"id": 1, "type": "subscribed", "msg": {"channel": "ticker", "sid": 1}},
        *complaint(8, "Unknown channel name", id=1),
        {"id": 1, "type": "subscribed", "msg": {"channel": "fill", "sid": 2}},
    ]
    assert line.subscribes("fill")[0]["msg"]["sid"] == 3
    listed = line.says({"id": 7, "cmd": "list_subscriptions"})
    rows = [("ticker", 1), ("fill", 2), ("fill", 3)]
    assert listed == [{"id": 7, "type": "ok", "msg": [{"channel": name, "sid": sid} for name, sid in rows]}]


def test_books_come_whole_and_then_by_changes_numbered_over_all_markets_of_the_subscription() -> None:
    house, _, line = connected()
    house.take(MarketListed(at(60), contract(OTHER, asset="ETH")))
    subscribed, first = line.subscribes("orderbook_delta", market_tickers=[TICKER])
    assert subscribed["type"] == "subscribed"
    assert first == {
        "type": "orderbook_snapshot",
        "sid": 1,
        "seq": 1,
        "msg": {
            "market_ticker": TICKER,
            "market_id": house.markets[TICKER].market_id,
            "clock": 1,
            "yes_dollars_fp": [["0.4900", "1000.00"]],
            "no_dollars_fp": [["0.4900", "1000.00"]],
        },
    }
    house.take(BookDelta(at(61), TICKER, False, 4_900, -5_400))
    (delta,) = line.hears()
    assert (delta["type"], delta["seq"], delta["msg"]["clock"]) == ("orderbook_delta", 2, 2)
    assert (delta["msg"]["side"], delta["msg"]["price_dollars"], delta["msg"]["delta_fp"]) == ("no", "0.4900", "-54.00")
    assert delta["msg"]["ts_ms"] == at(61) // 1_000_000
    added, empty = line.updates(sids=[1], action="add_markets", market_ticker=OTHER)
    assert added == {"id": 2, "type": "ok", "sid": 1, "seq": 3, "msg": {"market_tickers": [TICKER, OTHER]}}
    assert empty["seq"] == 4
    assert set(empty["msg"]) == {"market_ticker", "market_id", "clock"}  # an empty side has no key
    house.take(BookDelta(at(62), OTHER, True, 3_000, 100))
    assert [(frame["seq"], frame["msg"]["market_ticker"]) for frame in line.hears()] == [(5, OTHER)]
    deleted = line.updates(sid=1, action="delete_markets", market_tickers=[TICKER])
    assert deleted == [{"id": 2, "type": "ok", "sid": 1, "seq": 6, "msg": {"market_tickers": [OTHER]}}]
    house.take(BookDelta(at(63), TICKER, False, 4_900, -100))
    assert line.hears() == []
    last = line.says({"id": 9, "cmd": "unsubscribe", "params": {"sids": [1]}})
    assert last == [{"id": 9, "type": "unsubscribed", "sid": 1, "seq": 7}]
    assert line.says({"id": 7, "cmd": "list_subscriptions"}) == [{"id": 7, "type": "ok", "msg": []}]


def test_a_snapshot_can_be_asked_for_and_answers_with_the_commands_id() -> None:
    house, _, line = connected()
    line.subscribes("orderbook_delta", market_ticker=TICKER)
    (again,) = line.updates(sid=1, action="get_snapshot", market_tickers=[TICKER])
    assert (again["id"], again["seq"], again["type"]) == (2, 2, "orderbook_snapshot")
    assert again["msg"]["clock"] == house.markets[TICKER].clock
    (unknown,) = line.updates(sid=1, action="get_snapshot", market_tickers=[OTHER])
    assert unknown["msg"]["clock"] == 0
    house.take(BookDelta(at(61), TICKER, True, 4_900, 100))
    assert line.hears()[0]["seq"] == 4


def test_no_levels_carry_the_price_that_was_asked_for() -> None:
    house, _ = small_house(bid=4_900, ask=5_300)
    board = Switchboard(house)
    plain, in_yes = Line(board), Line(board)
    assert plain.subscribes("orderbook_delta", market_ticker=TICKER)[1]["msg"]["no_dollars_fp"][0][0] == "0.4700"
    snapshot = in_yes.subscribes("orderbook_delta", market_ticker=TICKER, use_yes_price=True)[1]["msg"]
    assert (snapshot["yes_dollars_fp"][0][0], snapshot["no_dollars_fp"][0][0]) == ("0.4900", "0.5300")
    house.take(BookDelta(at(61), TICKER, False, 4_500, 100))
    house.take(BookDelta(at(61), TICKER, True, 4_500, 100))
    assert [frame["msg"]["price_dollars"] for frame in plain.hears()] == ["0.4500", "0.4500"]
    assert [frame["msg"]["price_dollars"] for frame in in_yes.hears()] == ["0.5500", "0.4500"]
    levels = in_yes.updates(sid=1, action="get_snapshot", market_ticker=TICKER)[0]["msg"]["no_dollars_fp"]
    assert levels == [["0.5300", "1000.00"], ["0.5500", "1.00"]]


def test_only_who_caused_a_change_reads_its_own_order_in_it() -> None:
    house, _ = small_house()
    house.open_account({2: 10**9})
    board = Switchboard(house)
    mine, others = Line(board), Line(board, account=2)
    for line in (mine, others):
        line.subscribes("orderbook_delta", market_ticker=TICKER)
    place(house, order("mine", price=4_800))
    assert [frame["msg"].get("client_order_id") for frame in mine.hears()] == ["mine"]
    assert [frame["msg"].get("client_order_id", "-") for frame in others.hears()] == ["-"]
    house.take(BookDelta(at(61), TICKER, True, 4_800, 100))
    assert "client_order_id" not in mine.hears()[0]["msg"]


def test_an_order_is_heard_by_its_owner_alone_as_order_fill_position_and_print() -> None:
    house, _ = small_house()
    house.open_account({2: 10**9})
    board = Switchboard(house)
    mine, others = Line(board), Line(board, account=2)
    for line in (mine, others):
        line.subscribes("fill", "user_orders", "market_positions", "trade")
    state = place(house, order("mine", price=5_100, count=278))
    frames = mine.hears()
    by_type = {frame["type"]: frame for frame in frames}
    assert set(by_type) == {"user_order", "fill", "market_position", "trade"}
    assert [frame["type"] for frame in others.hears()] == ["trade"]
    filled, ordered = by_type["fill"]["msg"], [f["msg"] for f in frames if f["type"] == "user_order"][-1]
    assert "seq" not in by_type["fill"]
    assert by_type["trade"]["seq"] == 1
    assert filled["trade_id"] == by_type["trade"]["msg"]["trade_id"]
    assert filled["order_id"] == ordered["order_id"] == house.ids.text("order", state.number)
    assert filled["fee_cost"] == "0.048700"
    assert (filled["count_fp"], filled["post_position_fp"], filled["client_order_id"]) == ("2.78", "2.78", "mine")
    assert (ordered["status"], ordered["last_update_reason"], ordered["ticker"]) == ("executed", "Trade", TICKER)
    held = by_type["market_position"]["msg"]
    assert (held["position_fp"], held["position_cost_dollars"]) == ("2.78", "1.417800")


def test_a_settlement_is_heard_as_lifecycle_and_as_a_position_that_is_gone() -> None:
    house, clock, line = connected()
    line.subscribes("market_positions", "market_lifecycle_v2")
    place(house, order("mine", price=5_100, count=1_000))
    line.hears()
    settle(house, clock, "yes")
    clock.now_ns = house.now_ns()
    gone, determined, settled = sorted(line.hears(), key=lambda frame: (frame["sid"], frame.get("seq", 0)))
    assert (gone["msg"]["position_fp"], gone["msg"]["realized_pnl_dollars"]) == ("0.00", "4.900000")
    assert determined["msg"] == {
        "market_ticker": TICKER,
        "event_type": "determined",
        "determination_ts": CLOSE_NS // SECOND_NS + 20,
        "result": "yes",
        "settlement_value": "1.0000",
    }
    assert settled["msg"] == {
        "market_ticker": TICKER,
        "event_type": "settled",
        "settled_ts": CLOSE_NS // SECOND_NS + 21,
    }


def test_the_life_of_a_market_is_told_to_all_and_its_opening_to_nobody() -> None:
    house, clock, line = connected()
    line.subscribes("market_lifecycle_v2", market_ticker="ignored")
    house.take(MarketListed(at(60), contract(OTHER, asset="ETH", strike=None)))
    event, created = line.hears()
    assert (event["type"], event["seq"], event["msg"]["series_ticker"]) == ("event_lifecycle", 1, "KXETH15M")
    assert (created["seq"], created["msg"]["event_type"], created["msg"]["exchange_index"]) == (2, "created", 2)
    assert created["msg"]["open_ts"] == OPEN_NS // SECOND_NS
    assert created["msg"]["price_ranges"][1] == {"start": "0.1000", "end": "0.9000", "step": "0.0100"}
    assert "floor_strike" not in created["msg"]["additional_metadata"]
    house.take(MarketListed(at(61), contract(OTHER, asset="ETH", strike=2_900.5)))
    clock.now_ns = house.now_ns()
    (strike,) = line.hears()
    assert strike["msg"]["event_type"] == "metadata_updated"
    assert (strike["msg"]["floor_strike"], strike["msg"]["yes_sub_title"]) == (2_900.5, "Target Price: $2,900.50")
    house.pause_market(TICKER)
    house.resume_market(TICKER)
    assert [(f["msg"]["event_type"], f["msg"]["is_deactivated"]) for f in line.hears()] == [
        ("deactivated", True),
        ("activated", False),
    ]


def test_summaries_come_by_ticker_or_by_id_and_at_once_when_that_is_asked_for() -> None:
    house, clock, line = connected()
    market_id = house.markets[TICKER].market_id
    _, first = line.subscribes("ticker", market_ids=[market_id], send_initial_snapshot=True)
    assert (first["type"], first["msg"]["yes_bid_dollars"], first["msg"]["yes_ask_size_fp"]) == (
        "ticker",
        "0.4900",
        "1000.00",
    )
    assert "seq" not in first
    house.take(TradePrint(at(61), TICKER, 5_100, 2_500, taker_yes=True))
    clock.now_ns = at(62)
    house.tick(clock.now_ns)
    (changed,) = line.hears()
    said = changed["msg"]
    assert (said["price_dollars"], said["last_trade_size_fp"], said["volume_fp"]) == ("0.5100", "25.00", "25.00")
    assert said["dollar_volume"] == 12
    quiet = Line(line.session.board)
    quiet.subscribes("ticker", market_ticker=TICKER, skip_ticker_ack=True)
    assert quiet.updates(sid=1, action="add_markets", market_ticker=OTHER) == [
        {"id": 2, "type": "ok", "sid": 1, "msg": {}}
    ]


def test_indices_flow_only_when_they_are_named() -> None:
    house, clock, line = connected()
    line.subscribes("cfbenchmarks_value")
    tell(house, clock, 100)
    assert line.hears() == []
    (listed,) = line.updates(sid=1, action="indexlist")
    assert (listed["type"], listed["id"], listed["seq"]) == ("cfbenchmarks_value_indexlist", 2, 1)
    assert listed["msg"] == {"index_ids": ["BRTI", "ETHUSD_RTI"]}
    (ok,) = line.updates(sid=1, action="subscribe_indices", index_ids=["BRTI"])
    assert ok == {"id": 2, "type": "ok", "sid": 1, "seq": 2, "msg": {"index_ids": ["BRTI"]}}
    tell(house, clock, 101)
    (value,) = line.hears()
    assert (value["seq"], value["msg"]["index_id"]) == (3, "BRTI")
    assert json.loads(value["msg"]["data"]) == {
        "type": "value",
        "id": "BRTI",
        "time": at(101) // 1_000_000,
        "value": "85000.12",
    }
    assert value["msg"]["avg_60s_data"]["window_size"] == 1
    assert "last_60s_windowed_average_15min" not in value["msg"]
    assert line.updates(sid=1, action="subscribe_indices", index_ids=["all"])[0]["msg"] == {"index_ids": ["all"]}
    tell(house, clock, 102)
    assert len(line.hears()) == 2
    assert line.updates(sid=1, action="unsubscribe_indices", index_ids=["all"])[0]["msg"] == {"index_ids": ["BRTI"]}
    assert line.updates(sid=1, action="unsubscribe_indices", index_ids=["BRTI"])[0]["msg"] == {"index_ids": []}


def test_the_minute_before_a_close_is_counted_from_one_to_sixty_the_close_included() -> None:
    house, clock, line = connected()
    line.subscribes("cfbenchmarks_value", index_ids=["BRTI"])
    counted = []
    for second in range(838, 902):
        tell(house, clock, second)
        for frame in line.hears():
            window = frame["msg"].get("last_60s_windowed_average_15min")
            counted.append(window and window["window_size"])
    assert counted == [None, None, None, *range(1, 61), None]


def tell(house: House, clock: Hand, second: int) -> None:
    for asset in ("BTC", "ETH"):
        house.take(IndexValue(at(second), asset, 85_000.12, at(second)))
    clock.now_ns = house.now_ns()


# Slow readers and faults ------------------------------------------------------------------------------------


def test_who_does_not_read_loses_the_subscription_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "WAITING_FRAMES", 50)
    house, _, line = connected()
    line.subscribes("orderbook_delta", "trade", market_ticker=TICKER)
    for number in range(200):
        house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
        if not number % 50:
            house.take(TradePrint(at(61), TICKER, 5_100, 100, taker_yes=True))
        assert len(line.session.out) <= 60
    frames = line.hears()
    assert [frame["seq"] for frame in frames if frame["type"] == "trade"] == [1, 2, 3, 4]
    assert [(f["sid"], f["msg"]["code"]) for f in frames if f["type"] == "error"] == [(1, 25)]
    assert not [frame for frame in frames if frame["type"] == "orderbook_delta"]
    assert line.says({"id": 7, "cmd": "list_subscriptions"})[0]["msg"] == [{"channel": "trade", "sid": 2}]


def test_all_that_waits_for_a_connection_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "WAITING_BYTES", 20_000)
    house, _, line = connected()
    line.subscribes("orderbook_delta", market_ticker=TICKER)
    for _ in range(500):
        house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
        assert line.session.out_bytes < 21_000
    assert line.session.out_bytes == sum(len(frame) for _, frame in line.session.out)
    assert line.hears()[-1]["msg"]["code"] == 25


def test_commands_beyond_ten_thousand_a_second_are_too_many() -> None:
    house, _ = small_house()
    line = Line(Switchboard(house, wall_ns=lambda: 1_000 * SECOND_NS))
    for _ in range(10_000):
        line.session.hear('{"id":1,"cmd":"list_subscriptions"}')
    line.hears()
    assert line.says({"id": 4, "cmd": "list_subscriptions"})[0]["msg"]["code"] == 27


def test_markets_of_a_connection_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_MARKETS", 3)
    _, _, line = connected()
    line.subscribes("trade", market_tickers=["A", "B"])
    assert line.updates(sid=1, action="add_markets", market_tickers=["C", "D"])[0]["msg"]["code"] == 26
    line.updates(sid=1, action="delete_markets", market_tickers=["A"])
    added = line.updates(sid=1, action="add_markets", market_tickers=["C", "D"])
    assert added[0]["msg"] == {"market_tickers": ["B", "C", "D"]}


def with_faults(*faults: Fault) -> tuple[House, Hand, Line]:
    house, clock = small_house()
    return house, clock, Line(Switchboard(house, FaultPlan(faults)))


def test_a_gap_swallows_a_frame_but_not_its_number() -> None:
    house, _, line = with_faults(Fault(kind="seq_gap", channel="orderbook_delta", nth=3))
    line.subscribes("orderbook_delta", "trade", market_ticker=TICKER)
    for _ in range(4):
        house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
    house.take(TradePrint(at(61), TICKER, 5_100, 100, taker_yes=True))
    frames = line.hears()
    assert [frame["seq"] for frame in frames if frame["sid"] == 1] == [2, 4, 5]
    assert [frame["seq"] for frame in frames if frame["sid"] == 2] == [1]


def test_a_fill_may_be_said_twice_or_late() -> None:
    house, clock, line = with_faults(
        Fault(kind="fill_twice", channel="fill"), Fault(kind="fill_late", nth=2, seconds=3.0)
    )
    line.subscribes("fill", "user_orders")
    place(house, order("a", count=100))
    fills = [frame["msg"]["trade_id"] for frame in line.hears() if frame["type"] == "fill"]
    assert len(fills) == 2
    assert len(set(fills)) == 1
    clock.now_ns = at(61)
    place(house, order("b", count=100))
    assert {frame["type"] for frame in line.hears()} == {"user_order"}
    clock.now_ns = at(64)
    house.tick(clock.now_ns)
    assert [frame["type"] for frame in line.hears()] == ["fill"]


def test_a_socket_may_be_cut_in_the_middle() -> None:
    house, _, line = with_faults(Fault(kind="socket_drop", channel="trade", nth=2))
    dropped = []
    line.session.drop = lambda: dropped.append(True)
    line.subscribes("trade")
    for _ in range(3):
        house.take(TradePrint(at(61), TICKER, 5_100, 100, taker_yes=True))
    assert dropped == [True]
    assert [frame["seq"] for frame in line.hears() if frame["type"] == "trade"] == [1, 2]


def test_who_has_gone_is_told_nothing_and_forgotten() -> None:
    house, _, line = connected()
    board = line.session.board
    line.subscribes("orderbook_delta", "trade", market_ticker=TICKER)
    board.gone(line.session)
    house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
    assert not line.session.out
    assert not board.sessions
    board.close()
    house.take(BookDelta(at(61), TICKER, True, 4_000, 100))
