"""Every frame that the simulated exchange says is one that the official AsyncAPI document describes."""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest
import yaml
from django.conf import settings
from jsonschema import Draft202012Validator, FormatChecker

from markets.core.contract import CENT_GRID
from markets.core.events import MarketListed
from markets.core.units import SECOND_NS
from tests.exchange_builders import CASH, KEY_ID, Stretch, order, place
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house_news import FeeOverride
from trading.simulator.exchange.keys import new_key
from trading.simulator.exchange.sessions import Session
from trading.simulator.exchange.ws_board import Switchboard

pytestmark = pytest.mark.recorded
DOCUMENT = settings.RECORDED_DATA.parent / "reference" / "specs" / "asyncapi.yaml"
PAYLOADS = {
    "subscribed": "subscribedResponsePayload",
    "unsubscribed": "unsubscribedResponsePayload",
    "error": "errorResponsePayload",
    "ok": "okResponsePayload",
    "orderbook_snapshot": "orderbookSnapshotPayload",
    "orderbook_delta": "orderbookDeltaPayload",
    "ticker": "tickerPayload",
    "trade": "tradePayload",
    "fill": "fillPayload",
    "user_order": "userOrderPayload",
    "market_position": "marketPositionPayload",
    "market_lifecycle_v2": "marketLifecycleV2Payload",
    "event_lifecycle": "eventLifecyclePayload",
    "event_fee_update": "eventFeeUpdatePayload",
    "order_group_updates": "orderGroupUpdatesPayload",
    "cfbenchmarks_value": "cfbenchmarksValuePayload",
    "cfbenchmarks_value_indexlist": "cfbenchmarksIndexListPayload",
}
ENOUGH = 60  # of one kind


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(DOCUMENT.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


@cache
def validator(payload: str) -> Draft202012Validator:
    """Of one payload; fields that the document does not name are refused as well."""
    schema = {"$ref": f"#/components/schemas/{payload}", "components": document()["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def payload_of(frame: dict[str, Any]) -> str:
    if frame["type"] == "ok" and isinstance(frame.get("msg"), list):
        return "listSubscriptionsResponsePayload"
    if frame["type"] == "ok" and "index_ids" in frame["msg"]:
        return "subscribedIndicesResponsePayload"
    if frame["type"] == "market_lifecycle_v2" and frame["msg"]["event_type"] == "metadata_updated":
        return "marketMetadataUpdatedPayload"
    return PAYLOADS[frame["type"]]


def unnamed(frame: dict[str, Any], payload: str) -> set[str]:
    """The fields of a frame that the document does not have."""
    known = document()["components"]["schemas"][payload]["properties"]
    return set(frame) - set(known) | (
        set(frame["msg"]) - set(known["msg"]["properties"]) if isinstance(frame.get("msg"), dict) else set()
    )


def frames_of_everything() -> list[dict[str, Any]]:
    """A session that hears all channels while a window opens, closes and settles, with orders of all kinds."""
    stretch = Stretch(2, assets=("BTC", "ETH"))
    house, from_ns = stretch.house, stretch.clock.now_ns
    house.open_account({2: CASH})
    house.add_key(new_key("hmac", KEY_ID, 1, secret=b"x")[0])
    session = Switchboard(house, FaultPlan()).open(house.keys[KEY_ID])
    tickers = [market.ticker for market in house.markets.values()][:2]
    for line in commands(tickers):
        session.hear(json.dumps(line))
    stretch.until(from_ns + 60 * SECOND_NS)
    trade(stretch, tickers[0])
    ethereum = next(
        market for market in house.markets.values() if market.series == "KXETH15M" and market.status == "active"
    )
    house.take(MarketListed(house.now_ns(), type(ethereum.contract)(**terms(ethereum.contract) | {"grid": CENT_GRID})))
    house.pause_market(ethereum.ticker)
    house.resume_market(ethereum.ticker)
    house.say(FeeOverride(house.now_ns(), ethereum.event_ticker, "flat", None))
    stretch.until(from_ns + 960 * SECOND_NS)
    for number in range(1, 12):
        session.hear(json.dumps({"id": 90 + number, "cmd": "unsubscribe", "params": {"sids": [number]}}))
    return said(session)


def said(session: Session) -> list[dict[str, Any]]:
    return [json.loads(frame) for frame in session.take(1 << 30)]


def terms(contract: Any) -> dict[str, Any]:
    return {name: getattr(contract, name) for name in contract.__struct_fields__}


def commands(tickers: list[str]) -> list[dict[str, Any]]:
    own = ["fill", "user_orders", "market_positions", "market_lifecycle_v2", "order_group_updates", "trade"]
    return [
        {"id": 1, "cmd": "subscribe", "params": {"channels": ["orderbook_delta"], "market_tickers": tickers[:1]}},
        {"id": 2, "cmd": "subscribe", "params": {"channels": own}},
        {"id": 3, "cmd": "subscribe", "params": {"channels": ["ticker"], "market_tickers": tickers, "send_initial_snapshot": True}},
        {"id": 4, "cmd": "subscribe", "params": {"channels": ["cfbenchmarks_value"], "index_ids": ["BRTI"]}},
        {"id": 5, "cmd": "update_subscription", "params": {"sid": 1, "action": "add_markets", "market_tickers": tickers[1:]}},
        {"id": 6, "cmd": "update_subscription", "params": {"sids": [1], "action": "get_snapshot", "market_tickers": tickers}},
        {"id": 7, "cmd": "update_subscription", "params": {"sid": 9, "action": "indexlist"}},
        {"id": 8, "cmd": "update_subscription", "params": {"sid": 9, "action": "subscribe_indices", "index_ids": ["all"]}},
        {"id": 9, "cmd": "update_subscription", "params": {"sid": 9, "action": "subscribe_indices"}},
        {"id": 10, "cmd": "list_subscriptions"},
        {"id": 11, "cmd": "nonsense"},
    ]  # fmt: skip


def trade(stretch: Stretch, ticker: str) -> None:
    house, now_ns = stretch.house, stretch.clock.now_ns
    quote = house.quote(ticker)
    group = house.do(lambda matching, now_ns: matching.make_group(1, 5_000, now_ns, shard=2))
    place(house, order("taker", ticker=ticker, price=quote.ask, count=700))
    resting = place(house, order("maker", ticker=ticker, price=10, count=700, group=group, expires_ns=now_ns + 10**12))
    house.do(lambda matching, now_ns: matching.decrease(1, resting.number, now_ns, to=500))
    house.do(lambda matching, now_ns: matching.amend(1, resting.number, now_ns, price=20, count=500))
    house.do(lambda matching, now_ns: matching.limit_group(1, group, 6_000, now_ns))
    house.do(lambda matching, now_ns: matching.trigger_group(1, group, now_ns))


def test_every_frame_is_as_the_document_says() -> None:
    counted: Counter[str] = Counter()
    for frame in frames_of_everything():
        payload = payload_of(frame)
        counted[payload] += 1
        if counted[payload] <= ENOUGH:
            validator(payload).validate(frame)
            assert unnamed(frame, payload) == set(), frame
    wanted = set(PAYLOADS.values()) | {
        "listSubscriptionsResponsePayload",
        "subscribedIndicesResponsePayload",
        "marketMetadataUpdatedPayload",
    }
    assert set(counted) == wanted
    assert counted["orderbookDeltaPayload"] > 1_000


def test_what_is_understood_as_a_command_is_one_of_the_document() -> None:
    for command in commands(["KXBTC15M-26NOV221200-00", "KXETH15M-26NOV221200-00"])[:10]:
        if command["id"] == 9:
            continue  # left without indices on purpose
        name = command["cmd"].title().replace("_", "")
        payload = f"{name[0].lower()}{name[1:]}CommandPayload"
        if "ndic" in json.dumps(command.get("params", {}).get("action", "")) or "indexlist" in json.dumps(command):
            payload = "cfbenchmarksUpdateSubscriptionCommandPayload"
        validator(payload).validate(command)
