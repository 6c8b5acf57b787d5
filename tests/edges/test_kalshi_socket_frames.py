"""The frames of the reference, word for word, and what becomes of each; our commands and the official description."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml
from django.conf import settings

from markets.core.contract import TAPERED_GRID
from markets.core.events import BookDelta, BookSnapshot, IndexValue, TickerQuote, TradePrint
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.kalshi import life, private
from markets.feeds.kalshi.commands import BOOKS, INDEX, LIFE, TICKER, TRADES
from markets.feeds.kalshi.frames import FIELDS
from markets.feeds.kalshi.notes import (
    EventNote,
    FeeNote,
    FillNote,
    GroupNote,
    IndexList,
    LifecycleNote,
    Note,
    OrderNote,
    PositionNote,
)
from markets.feeds.kalshi.socket import CHANNEL_OF, REPLIES, KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.venue import Endpoint
from tests.kalshi_wire import BTC, ETH, SOL, Client

MARKET = "KXBTC15M-26NOV221200-00"
NOW_NS = 1_795_366_001 * SECOND_NS
SPECS = settings.RECORDED_DATA.parent / "reference" / "specs"


def heard(frame: str, channel: str) -> tuple[list[Any], list[Note], Counts]:
    """Events and notes of one frame of a channel, on a connection that has subscribed to it."""
    message = json.loads(frame)
    counts, notes = Counts(), list[Note]()
    wanted = Wanted([MARKET], ["BRTI"], is_private=True)
    socket = KalshiSocket(wanted, Endpoint("ws://127.0.0.1:1/"), counts, note=notes.append)
    socket.opened(NOW_NS)
    ids = {command["params"]["channels"][0]: command["id"] for command in map(json.loads, socket.to_send)}
    granted = {"id": ids[channel], "type": "subscribed", "msg": {"channel": channel, "sid": message["sid"]}}
    socket.hear(msgspec.json.encode(granted), NOW_NS)
    if message["type"] == "orderbook_delta":
        book = {"type": "orderbook_snapshot", "sid": message["sid"], "seq": message["seq"] - 1}
        levels = {"market_ticker": MARKET, "clock": 1, "yes_dollars_fp": [["0.2200", "333.00"]]}
        socket.hear(msgspec.json.encode(book | {"msg": levels}), NOW_NS)
    return socket.hear(frame.encode(), NOW_NS), notes, counts


def clean(counts: Counts) -> bool:
    return not (counts.gaps or counts.unknown or counts.missing or counts.words)


# Of the reference ----------------------------------------------------------------------------------------------

EVENTS = [
    (
        BOOKS,
        """{"type":"orderbook_snapshot","sid":1,"seq":1,"sending_ts_ms":1795366000010,
 "msg":{"market_ticker":"KXBTC15M-26NOV221200-00","market_id":"9b0f6b43-5b68-4f9f-9f02-9a2d1b8ac1a1","clock":4182057,
        "yes_dollars_fp":[["0.0800","300.00"],["0.2200","333.00"]],"no_dollars_fp":[["0.5400","20.00"],["0.5600","146.00"]]}}""",
        BookSnapshot(
            NOW_NS,
            MARKET,
            ((800, 30_000), (2_200, 33_300)),
            ((4_400, 14_600), (4_600, 2_000)),
            1,
            1_795_366_000_010 * MILLISECOND_NS,
        ),
    ),
    (
        BOOKS,
        """{"type":"orderbook_delta","sid":1,"seq":2,"sending_ts_ms":1795366000100,
 "msg":{"market_ticker":"KXBTC15M-26NOV221200-00","market_id":"9b0f6b43-...","clock":4182061,
        "price_dollars":"0.2200","delta_fp":"-54.00","side":"yes","ts":"2026-11-22T16:46:40.05Z","ts_ms":1795366000050}}""",
        BookDelta(NOW_NS, MARKET, True, 2_200, -5_400, 2, 1_795_366_000_050 * MILLISECOND_NS),
    ),
    (
        TICKER,
        """{"type":"ticker","sid":11,"sending_ts_ms":1795366000123,"msg":{"market_ticker":"KXBTC15M-26NOV221200-00","market_id":"9b0f6b43-...",
 "price_dollars":"0.4800","yes_bid_dollars":"0.4500","yes_ask_dollars":"0.5300","yes_bid_size_fp":"300.00","yes_ask_size_fp":"150.00",
 "last_trade_size_fp":"25.00","volume_fp":"33896.00","open_interest_fp":"20422.00","dollar_volume":16948,"dollar_open_interest":10211,
 "ts":1795366000,"ts_ms":1795366000000,"time":"2026-11-22T16:46:40Z"}}""",
        TickerQuote(
            NOW_NS, MARKET, 4_500, 5_300, 30_000, 15_000, 4_800, 3_389_600, 2_042_200, 1_795_366_000 * SECOND_NS
        ),
    ),
    (
        TRADES,
        """{"type":"trade","sid":12,"seq":2,"msg":{"trade_id":"d91bc706-...","market_ticker":"KXBTC15M-26NOV221200-00",
 "yes_price_dollars":"0.3600","no_price_dollars":"0.6400","count_fp":"136.00","taker_outcome_side":"no","taker_book_side":"ask",
 "taker_side":"no","is_block_trade":false,"ts":1795366000,"ts_ms":1795366000000}}""",
        TradePrint(NOW_NS, MARKET, 3_600, 13_600, False, 1_795_366_000 * SECOND_NS),
    ),
    (
        INDEX,
        r"""{"type":"cfbenchmarks_value","sid":3,"seq":42,"msg":{"index_id":"BRTI","received_at":1795366754123,
 "data":"{\"type\":\"value\",\"id\":\"BRTI\",\"time\":1795366754000,\"value\":\"95010.12\"}",
 "avg_60s_data":{"value":"95008.77000000","window_size":60,"window_start_ts_ms":1795366694000,"window_end_ts_exclusive":1795366754000},
 "last_60s_windowed_average_15min":{"value":"95009.31000000","window_size":14,"window_start_ts_ms":1795366740000,"window_end_ts_exclusive":1795366754000}}}""",
        IndexValue(NOW_NS, "BTC", 95_010.12, 1_795_366_754 * SECOND_NS, 95_008.77, 95_009.31, 14),
    ),
]


@pytest.mark.parametrize(("channel", "frame", "event"), EVENTS)
def test_a_documented_frame_is_told_as_an_event(channel: str, frame: str, event: Any) -> None:
    events, notes, counts = heard(frame, channel)
    assert (events, notes) == ([event], [])
    assert clean(counts)


NOTES = [
    (
        "fill",
        """{"type":"fill","sid":13,"msg":{"trade_id":"d91bc706-...","order_id":"ee587a1c-...","client_order_id":"8c35ecb3-...",
 "market_ticker":"KXBTC15M-26NOV221200-00","exchange_index":2,"is_taker":true,"outcome_side":"yes","book_side":"bid",
 "yes_price_dollars":"0.7500","count_fp":"278.00","fee_cost":"3.648800","post_position_fp":"500.00",
 "side":"yes","action":"buy","purchased_side":"yes","ts":1795366000,"ts_ms":1795366000000,"subaccount":0}}""",
        FillNote(
            received_ns=NOW_NS,
            venue_ns=1_795_366_000 * SECOND_NS,
            trade_id="d91bc706-...",
            order_id="ee587a1c-...",
            ticker=MARKET,
            is_bid=True,
            price=7_500,
            count=27_800,
            is_taker=True,
            fee=3_648_800,
            client_order_id="8c35ecb3-...",
            position=50_000,
            shard=2,
        ),
    ),
    (
        "user_orders",
        """{"type":"user_order","sid":22,"msg":{"order_id":"ee587a1c-...","user_id":"...","ticker":"KXBTC15M-26NOV221200-00","exchange_index":2,
 "status":"resting","outcome_side":"yes","book_side":"bid","side":"yes","is_yes":true,"yes_price_dollars":"0.3500",
 "fill_count_fp":"0.00","remaining_count_fp":"10.00","initial_count_fp":"10.00","taker_fill_cost_dollars":"0.000000",
 "maker_fill_cost_dollars":"0.000000","taker_fees_dollars":"0.000000","maker_fees_dollars":"0.000000","client_order_id":"8c35ecb3-...",
 "self_trade_prevention_type":"taker_at_cross","created_time":"2026-11-22T16:46:40Z","created_ts_ms":1795366000000,
 "expiration_ts_ms":1795366740000,"last_updated_ts_ms":1795366000000,"subaccount_number":0}}""",
        OrderNote(
            received_ns=NOW_NS,
            venue_ns=1_795_366_000 * SECOND_NS,
            order_id="ee587a1c-...",
            ticker=MARKET,
            status="resting",
            is_bid=True,
            price=3_500,
            filled=0,
            remaining=1_000,
            initial=1_000,
            client_order_id="8c35ecb3-...",
            shard=2,
            created_ns=1_795_366_000 * SECOND_NS,
            expires_ns=1_795_366_740 * SECOND_NS,
        ),
    ),
    (
        "market_positions",
        """{"type":"market_position","sid":14,"msg":{"user_id":"...","market_ticker":"KXBTC15M-26NOV221200-00","position_fp":"100.00",
 "position_cost_dollars":"50.0000","realized_pnl_dollars":"10.0000","fees_paid_dollars":"1.0000","position_fee_cost_dollars":"0.5000",
 "volume_fp":"15.00","subaccount":0}}""",
        PositionNote(
            received_ns=NOW_NS,
            ticker=MARKET,
            position=10_000,
            cost=50_000_000,
            realized=10_000_000,
            fees=1_000_000,
            open_fees=500_000,
            volume=1_500,
        ),
    ),
    (
        LIFE,
        """{"type":"market_lifecycle_v2","sid":13,"seq":6,"msg":{"event_type":"metadata_updated","market_ticker":"KXBTC15M-26NOV221200-00","floor_strike":95012.34,"yes_sub_title":"Target Price: $95,012.34"}}""",
        LifecycleNote(
            received_ns=NOW_NS,
            event_type="metadata_updated",
            ticker=MARKET,
            strike=95_012.34,
            subtitle="Target Price: $95,012.34",
        ),
    ),
    (
        LIFE,
        """{"type":"market_lifecycle_v2","sid":13,"seq":9,"msg":{"event_type":"determined","market_ticker":"KXBTC15M-26NOV221200-00","determination_ts":1795366803,"result":"no","settlement_value":"0.0000"}}""",
        LifecycleNote(
            received_ns=NOW_NS,
            event_type="determined",
            ticker=MARKET,
            determined_ns=1_795_366_803 * SECOND_NS,
            result="no",
            yes_pays=0,
        ),
    ),
    (
        LIFE,
        """{"type":"market_lifecycle_v2","sid":13,"seq":3,"msg":{"event_type":"created","market_ticker":"KXBTC15M-26NOV221200-00",
 "exchange_index":2,"open_ts":1795365900,"close_ts":1795366800,"price_level_structure":"tapered_deci_cent",
 "price_ranges":[{"start":"0.0000","end":"0.1000","step":"0.0010"},{"start":"0.1000","end":"0.9000","step":"0.0100"}],
 "additional_metadata":{"name":"n","title":"t","yes_sub_title":"Target price: TBD","no_sub_title":"Target price: TBD",
 "rules_primary":"is at least","rules_secondary":"","can_close_early":true,"event_ticker":"KXBTC15M-26NOV221200",
 "expected_expiration_ts":1795367100,"strike_type":"greater_or_equal","custom_strike":{"round_digits":"2"}}}}""",
        LifecycleNote(
            received_ns=NOW_NS,
            event_type="created",
            ticker=MARKET,
            event_ticker="KXBTC15M-26NOV221200",
            shard=2,
            open_ns=1_795_365_900 * SECOND_NS,
            close_ns=1_795_366_800 * SECOND_NS,
            strike_type="greater_or_equal",
            round_digits="2",
            subtitle="Target price: TBD",
            rules="is at least",
            grid_name="tapered_deci_cent",
            grid=(TAPERED_GRID[0], TAPERED_GRID[1]),
        ),
    ),
    (
        LIFE,
        """{"type":"event_fee_update","sid":13,"seq":4,"msg":{"event_ticker":"KXBTC15M-26NOV221200","fee_type_override":null,"fee_multiplier_override":null}}""",
        FeeNote(received_ns=NOW_NS, event_ticker="KXBTC15M-26NOV221200", fee_type=None, multiplier=None),
    ),
    (
        LIFE,
        """{"type":"event_lifecycle","sid":13,"seq":4,"msg":{"event_ticker":"KXBTC15M-26NOV221200","exchange_index":2,"title":"BTC","subtitle":"",
 "collateral_return_type":"","series_ticker":"KXBTC15M","strike_date":1795366800}}""",
        EventNote(received_ns=NOW_NS, event_ticker="KXBTC15M-26NOV221200", series="KXBTC15M", shard=2, title="BTC"),
    ),
    (
        "order_group_updates",
        """{"type":"order_group_updates","sid":21,"seq":7,"msg":{"event_type":"triggered","order_group_id":"g","ts_ms":1795366000000}}""",
        GroupNote(
            received_ns=NOW_NS, venue_ns=1_795_366_000 * SECOND_NS, event_type="triggered", group_id="g", limit=None
        ),
    ),
    (
        INDEX,
        """{"id":5,"type":"cfbenchmarks_value_indexlist","sid":3,"seq":1,"msg":{"index_ids":["BRTI","ETHUSD_RTI"]}}""",
        IndexList(received_ns=NOW_NS, available=("BRTI", "ETHUSD_RTI")),
    ),
]


@pytest.mark.parametrize(("channel", "frame", "note"), NOTES)
def test_a_documented_frame_is_passed_on_as_a_note(channel: str, frame: str, note: Note) -> None:
    events, notes, counts = heard(frame, channel)
    assert (events, notes) == ([], [note])
    assert clean(counts)


# Of the official description -----------------------------------------------------------------------------------


@cache
def description() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SPECS / "asyncapi.yaml").read_text())
    return found


def validator(payload: str) -> jsonschema.Draft202012Validator:
    """For one of the payloads; unlike the description itself, no field more than it names is allowed in `params`."""
    components = description()["components"]
    schema = {"components": components, "$ref": f"#/components/schemas/{payload}"}
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def our_commands() -> list[dict[str, Any]]:
    """Everything that we ever say."""
    made = Client([BTC, ETH], is_private=True)
    made.exchange.change(BTC, True, 4_000, 100)
    made.settle()
    made.exchange.lose = 1
    made.exchange.change(BTC, True, 4_000, 100)
    made.exchange.change(BTC, True, 4_000, 100)
    made.wanted.add(SOL)
    made.wanted.drop(ETH)
    made.wait(1.0)
    made.wanted.want_indices("ETHUSD_RTI")
    made.wait(70.0)
    made.wanted.drop(BTC, SOL)
    made.wait(1.0)
    return made.said


def payload_of(command: dict[str, Any]) -> str:
    if command["cmd"] == "list_subscriptions":
        return "listSubscriptionsCommandPayload"
    if command["cmd"] == "update_subscription":
        is_index = command["params"]["action"] in {"subscribe_indices", "unsubscribe_indices", "indexlist"}
        return ("cfbenchmarksUpdate" if is_index else "update") + "SubscriptionCommandPayload"
    return f"{command['cmd']}CommandPayload"


@pytest.mark.recorded
def test_all_that_we_say_is_as_the_exchange_describes_it() -> None:
    kinds = set()
    for command in our_commands():
        payload = payload_of(command)
        validator(payload).validate(command)
        schema = description()["components"]["schemas"][payload]
        assert set(command) <= set(schema["properties"])
        if "params" in command:
            assert set(command["params"]) <= set(schema["properties"]["params"]["properties"])
        kinds.add(command.get("params", {}).get("action", command["cmd"]))
    assert kinds == {
        *("subscribe", "unsubscribe", "list_subscriptions", "add_markets", "delete_markets", "get_snapshot"),
        *("subscribe_indices", "unsubscribe_indices", "indexlist"),
    }


@pytest.mark.recorded
def test_the_validation_would_notice() -> None:
    command = our_commands()[0]
    command["params"]["channels"] = ["weather"]
    with pytest.raises(jsonschema.ValidationError):
        validator("subscribeCommandPayload").validate(command)


def examples() -> Iterator[tuple[str, dict[str, Any]]]:
    """The described frames of our channels, and the answers."""
    for name, message in description()["components"]["messages"].items():
        for example in message.get("examples", []):
            payload = example.get("payload")
            if isinstance(payload, dict) and payload.get("type") in CHANNEL_OF.keys() | REPLIES:
                yield name, payload


@pytest.mark.recorded
def test_every_described_frame_of_our_channels_is_read() -> None:
    seen = set()
    for name, example in examples():
        kind = example["type"]
        seen.add(kind)
        if kind in REPLIES:
            counts = Counts()
            socket = KalshiSocket(Wanted(["A-B"], ["BRTI"], is_private=True), Endpoint("ws://127.0.0.1:1/"), counts)
            socket.hear(json.dumps(example).encode(), NOW_NS)
            assert not counts.missing, name
            continue
        # for every market that the description speaks of, as long as it is ours
        frame = json.dumps(example).replace(str(example["msg"].get("market_ticker", "none at all")), MARKET)
        events, notes, counts = heard(frame, CHANNEL_OF[kind])
        assert len(events) + len(notes) == 1, name
        assert not counts.unknown, name
        assert not counts.missing, name
    assert seen >= set(CHANNEL_OF) | {"subscribed", "unsubscribed", "ok", "error"}


PAYLOADS = {
    "orderbook_snapshot": ["orderbookSnapshotPayload"],
    "orderbook_delta": ["orderbookDeltaPayload"],
    "ticker": ["tickerPayload"],
    "trade": ["tradePayload"],
    "cfbenchmarks_value": ["cfbenchmarksValuePayload"],
    "fill": ["fillPayload"],
    "user_order": ["userOrderPayload"],
    "market_position": ["marketPositionPayload"],
    "order_group_updates": ["orderGroupUpdatesPayload"],
    "market_lifecycle_v2": ["marketLifecycleV2Payload", "marketMetadataUpdatedPayload"],
    "event_lifecycle": ["eventLifecyclePayload"],
    "event_fee_update": ["eventFeeUpdatePayload"],
}


@pytest.mark.recorded
def test_we_know_every_described_field_and_need_none_that_is_optional() -> None:
    fields = FIELDS | private.FIELDS | life.FIELDS
    assert set(fields) == set(PAYLOADS)
    for kind, payloads in PAYLOADS.items():
        bodies = [description()["components"]["schemas"][name]["properties"]["msg"] for name in payloads]
        described = {name for body in bodies for name in body["properties"]}
        required = set.intersection(*[set(body["required"]) for body in bodies])
        assert fields[kind].known == described, kind
        assert fields[kind].needed <= required, kind
