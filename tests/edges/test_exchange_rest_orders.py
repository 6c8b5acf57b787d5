"""Orders over the REST side of the simulated exchange: written, changed, read; refused in the exchange's words; in batches and groups."""

from io import BytesIO
from typing import Any

import pytest

from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, at
from tests.exchange_rest import NEXT_TICKER, ORDERS, Member, Time, new_house, opened, order_body
from trading.simulator.exchange.routes_orders import DEAD
from trading.simulator.exchange.shapes import dollars, iso, mean_price

IOC, FOK = {"time_in_force": "immediate_or_cancel"}, {"time_in_force": "fill_or_kill"}
OPEN_S, CLOSE_S = OPEN_NS // SECOND_NS, CLOSE_NS // SECOND_NS


async def read(member: Member, order_id: str) -> Any:
    return (await member.get(f"/portfolio/orders/{order_id}")).body["order"]


async def test_an_order_that_rests() -> None:
    async with opened() as exchange:
        said = await exchange.me.place("bid", "0.4", "10", post_only=False, client_order_id="mine:1")
        assert said.status == 201
        order_id = said.body.pop("order_id")
        assert said.body == {
            "client_order_id": "mine:1", "fill_count": "0.00", "remaining_count": "10.00", "ts_ms": at(60) // 1_000_000,
        }  # fmt: skip
        order = await read(exchange.me, order_id)
        assert {name: order[name] for name in ("status", "outcome_side", "book_side", "yes_price_dollars")} == {
            "status": "resting", "outcome_side": "yes", "book_side": "bid", "yes_price_dollars": "0.4000",
        }  # fmt: skip
        assert (order["initial_count_fp"], order["exchange_index"], order["expiration_time"]) == ("10.00", 2, None)
        assert (await exchange.other.get(f"/portfolio/orders/{order_id}")).status == 404
        assert (await exchange.me.get("/portfolio/orders/nonsense")).status == 404


async def test_a_fill_is_told_alike_everywhere() -> None:
    async with opened() as exchange:
        said = await exchange.me.place("ask", "0.4900", "10.00", **IOC)
        order_id = said.body["order_id"]
        assert (said.body["fill_count"], said.body["remaining_count"]) == ("10.00", "0.00")
        assert (said.body["average_fill_price"], said.body["average_fee_paid"]) == ("0.4900", "0.0175")
        order = await read(exchange.me, order_id)
        assert (order["status"], order["outcome_side"], order["taker_fill_cost_dollars"]) == (
            "executed",
            "no",
            "5.100000",
        )
        fill = (await exchange.me.get("/portfolio/fills", order_id=order_id)).body["fills"][0]
        assert (
            fill["fill_id"]
            == fill["trade_id"]
            == (await exchange.nobody.get("/markets/trades")).body["trades"][0]["trade_id"]
        )
        assert (fill["action"], fill["side"], fill["outcome_side"], fill["book_side"]) == ("sell", "no", "no", "ask")
        assert (fill["yes_price_dollars"], fill["no_price_dollars"], fill["fee_cost"]) == (
            "0.4900",
            "0.5100",
            "0.175000",
        )
        position = (await exchange.me.get("/portfolio/positions")).body["market_positions"][0]
        assert (position["position_fp"], position["market_exposure_dollars"]) == ("-10.00", "5.1000")
        assert position["fees_paid_dollars"] == "0.1750"
        assert (await exchange.other.get("/portfolio/fills")).body["fills"] == []


async def test_members_trade_with_each_other() -> None:
    async with opened() as exchange:
        rests = await exchange.other.place("ask", "0.5000", "4.00")
        takes = await exchange.me.place("bid", "0.5200", "6.00", **IOC)
        assert takes.body["average_fill_price"] == "0.503333"  # 4 at 0.50, 2 at 0.51
        maker = (await exchange.other.get("/portfolio/fills")).body["fills"][0]
        assert (maker["is_taker"], maker["fee_cost"], maker["count_fp"]) == (False, "0.000000", "4.00")
        assert (await read(exchange.other, rests.body["order_id"]))["status"] == "executed"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"ticker": None}, 400, "missing_parameters"),
        ({"side": None}, 400, "missing_parameters"),
        ({"count": None}, 400, "missing_parameters"),
        ({"price": None}, 400, "missing_parameters"),
        ({"time_in_force": None}, 400, "missing_parameters"),
        ({"self_trade_prevention_type": None}, 400, "missing_parameters"),
        ({"side": "yes"}, 400, "invalid_parameters"),
        ({"time_in_force": "GTT"}, 400, "invalid_parameters"),
        ({"self_trade_prevention_type": "both"}, 400, "invalid_parameters"),
        ({"count": "0"}, 400, "invalid_order"),
        ({"count": "-1"}, 400, "invalid_parameters"),
        ({"count": "1.001"}, 400, "invalid_parameters"),
        ({"count": "1e3"}, 400, "invalid_parameters"),
        ({"count": "9" * 60}, 400, "invalid_parameters"),
        ({"count": 10}, 400, "bad_request"),
        ({"price": 0.4}, 400, "bad_request"),
        ({"price": "0.40001"}, 400, "invalid_parameters"),
        ({"price": "\u0660.\u0664"}, 400, "invalid_parameters"),
        ({"price": "0.4050"}, 400, "invalid_order"),
        ({"price": "0.105"}, 400, "invalid_order"),
        ({"price": "0.0000"}, 400, "invalid_order"),
        ({"price": "1.0000"}, 400, "invalid_order"),
        ({"price": "0.5100", "post_only": True}, 400, "invalid_order"),
        ({"reduce_only": True}, 400, "invalid_order"),
        ({"post_only": "yes"}, 400, "bad_request"),
        ({"client_order_id": "a.b"}, 400, "invalid_parameters"),
        ({"client_order_id": "x" * 65}, 400, "invalid_parameters"),
        ({"client_order_id": ""}, 201, ""),
        ({"client_order_id": None}, 201, ""),
        ({"expiration_time": OPEN_S + 30}, 400, "invalid_parameters"),
        ({"expiration_time": -1}, 400, "invalid_parameters"),
        ({"expiration_time": 2**62}, 400, "invalid_parameters"),
        ({"expiration_time": 10**400}, 400, "invalid_parameters"),
        ({"expiration_time": OPEN_S + 90, **IOC}, 400, "invalid_parameters"),
        ({"expiration_time": OPEN_S + 90}, 201, ""),
        ({"subaccount": 7}, 400, "invalid_parameters"),
        ({"subaccount": -1}, 400, "invalid_parameters"),
        ({"subaccount": None, "post_only": None, "exchange_index": -1}, 201, ""),
        ({"exchange_index": None}, 201, ""),
        ({"exchange_index": 0}, 404, "not_found"),
        ({"exchange_index": -2}, 400, "invalid_parameters"),
        ({"exchange_index": 10**30}, 404, "not_found"),
        ({"ticker": "KXNONE"}, 404, "not_found"),
        ({"ticker": NEXT_TICKER}, 409, "MARKET_INACTIVE"),
        ({"order_group_id": "none"}, 404, "not_found"),
        ({"count": "20000.00"}, 400, "insufficient_balance"),
        ({"count": "14000.00"}, 404, "insufficient_shard_balance"),
        ({"count": "5000.00", **FOK, "price": "0.5100"}, 409, "fill_or_kill_insufficient_resting_volume"),
        ({"surprise": {"a": [1]}}, 201, ""),
    ],
)
async def test_what_a_new_order_may_say(change: dict[str, Any], status: int, code: str) -> None:
    async with opened() as exchange:
        body = order_body()
        for name, value in change.items():
            if value is None:
                body.pop(name, None)
            else:
                body[name] = value
        raw = str(body).replace("'", '"').replace("True", "true").encode() if 10**400 in change.values() else body
        said = await exchange.me.ask("POST", ORDERS, raw)
        assert (said.status, said.code) == (status, code), said
        kept = (await exchange.me.get("/portfolio/orders")).body["orders"]
        assert len(kept) == (status == 201)


@pytest.mark.parametrize(
    "raw",
    [b"", b"   ", b"null", b"[]", b"1", b'"x"', b"{", b'{"ticker":}', b"\xff\xfe", b'{"ticker":"\\ud800"}', b"[" * 100_000, b"a=1&b=2", b'{"ticker":' * 5_000],
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ORDERS),
        ("POST", f"{ORDERS}/batched"),
        ("DELETE", f"{ORDERS}/batched"),
        ("POST", f"{ORDERS}/x/amend"),
        ("POST", f"{ORDERS}/x/decrease"),
        ("POST", "/portfolio/order_groups/create"),
        ("POST", "/portfolio/intra_exchange_instance_transfer"),
        ("POST", "/portfolio/target_balance_allocation"),
    ],
)
async def test_a_body_that_is_none(method: str, path: str, raw: bytes) -> None:
    async with opened() as exchange:
        said = await exchange.me.ask(method, path, raw)
        assert (said.status, said.body["code"]) == (400, "bad_request")  # the flat shape


async def test_a_body_is_read_whatever_it_is_called() -> None:
    async with opened() as exchange:
        for kind in ("text/plain", "application/x-www-form-urlencoded", "nonsense", "multipart/form-data"):
            sent = {"Content-Type": kind}
            assert (await exchange.me.ask("POST", ORDERS, order_body(), headers_=sent)).status == 201, kind
        huge = BytesIO(b'{"ticker":"' + b"x" * 5_000_000 + b'"}')
        said = await exchange.me.ask("POST", ORDERS, huge)
        assert (said.status, said.code) == (413, "request_too_large")


async def test_an_id_is_used_once() -> None:
    async with opened() as exchange:
        body = order_body()
        assert (await exchange.me.ask("POST", ORDERS, body)).status == 201
        again = await exchange.me.ask("POST", ORDERS, body)
        assert (again.status, again.code, "error" in again.body) == (409, "order_already_exists", True)
        assert (await exchange.other.ask("POST", ORDERS, body)).status == 201


async def test_who_was_never_funded_on_a_shard() -> None:
    house = new_house()
    house.open_account({0: 10 * DOLLAR})
    async with opened(house) as exchange:
        said = await exchange.key(account=3).place()
        assert (said.status, said.code) == (404, "user_not_found")


async def test_cancel_says_what_it_took_back() -> None:
    async with opened() as exchange:
        order_id = (await exchange.other.place("ask", "0.5000", "10.00", client_order_id="c1")).body["order_id"]
        await exchange.me.place("bid", "0.5000", "3.00", **IOC)
        said = await exchange.other.cancel(order_id)
        assert (said.status, said.body["reduced_by"], said.body["client_order_id"]) == (200, "7.00", "c1")
        assert (await exchange.other.cancel(order_id)).status == 404
        order = await read(exchange.other, order_id)
        assert (order["status"], order["fill_count_fp"], order["remaining_count_fp"]) == ("canceled", "3.00", "0.00")


async def test_a_cancel_looks_on_shard_0_when_nothing_else_is_said() -> None:
    async with opened() as exchange:
        path = f"{ORDERS}/{(await exchange.me.place()).body['order_id']}"
        assert (await exchange.me.ask("DELETE", path)).status == 404
        assert (await exchange.me.ask("DELETE", path, exchange_index=1)).status == 404
        assert (await exchange.me.ask("DELETE", path, exchange_index=-1)).status == 400
        assert (await exchange.me.ask("DELETE", path, market_ticker=NEXT_TICKER, exchange_index=0)).status == 404
        assert (await exchange.other.ask("DELETE", path, exchange_index=2)).status == 404
        assert (await exchange.me.ask("DELETE", path, market_ticker=TICKER, subaccount=1)).status == 404
        assert (await exchange.me.ask("DELETE", path, market_ticker=TICKER, exchange_index=-1)).status == 200
        assert (await exchange.me.cancel("nonsense")).status == 404


async def test_cancel_all_reaches_a_minute_ahead() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        ids = [(await exchange.me.place(price=price)).body["order_id"] for price in ("0.1000", "0.2000")]
        theirs = (await exchange.other.place()).body["order_id"]
        said = await exchange.me.ask("DELETE", ORDERS)
        assert (said.status, said.body) == (204, None)
        assert {(await read(exchange.me, order_id))["status"] for order_id in ids} == {"canceled"}
        assert (await read(exchange.other, theirs))["status"] == "resting"
        time.pass_s(30)
        late = (await exchange.me.place()).body["order_id"]
        time.pass_s(1)
        assert (await read(exchange.me, late))["status"] == "canceled"
        time.pass_s(60)
        later = (await exchange.me.place()).body["order_id"]
        time.pass_s(1)
        assert (await read(exchange.me, later))["status"] == "resting"


async def test_amend_counts_the_total_and_null_is_no_change() -> None:
    async with opened() as exchange:
        order_id = (await exchange.me.place("bid", "0.5000", "10.00", client_order_id="a1")).body["order_id"]
        await exchange.other.place("ask", "0.5000", "2.00", **IOC)
        path = f"{ORDERS}/{order_id}/amend"
        body = {"ticker": TICKER, "side": "bid", "price": "0.5000", "count": "8.00", "exchange_index": 2}
        said = await exchange.me.ask("POST", path, body | {"client_order_id": "a1", "updated_client_order_id": "a2"})
        assert (said.status, said.body["remaining_count"], said.body["fill_count"]) == (200, "6.00", "0.00")
        assert said.body["client_order_id"] == "a2"
        same = await exchange.me.ask("POST", path, body | {"expiration_time": OPEN_S + 600})
        assert (same.body["remaining_count"], same.body["fill_count"], same.body["average_fill_price"]) == (
            None,
            None,
            None,
        )
        assert (await read(exchange.me, order_id))["expiration_time"] == iso((OPEN_S + 600) * SECOND_NS)
        crossing = await exchange.me.ask("POST", path, body | {"price": "0.5100"})
        assert (crossing.body["fill_count"], crossing.body["average_fill_price"]) == ("6.00", "0.5100")
        assert (await exchange.me.ask("POST", path, body)).status == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"side": "ask"}, 400),
        ({"ticker": NEXT_TICKER}, 400),
        ({"ticker": "KXNONE"}, 404),
        ({"client_order_id": "another"}, 400),
        ({"price": "0.4050"}, 400),
        ({"count": None}, 400),
        ({"count": "0"}, 400),
        ({"exchange_index": 0}, 404),
        ({"expiration_time": OPEN_S}, 400),
        ({"updated_client_order_id": "a.b"}, 400),
        ({"expiration_time": 0}, 200),
        ({"exchange_index": None}, 200),
    ],
)
async def test_what_an_amend_may_say(change: dict[str, Any], status: int) -> None:
    async with opened() as exchange:
        order_id = (await exchange.me.place()).body["order_id"]
        body: dict[str, Any] = {
            "ticker": TICKER,
            "side": "bid",
            "price": "0.4000",
            "count": "5.00",
            "exchange_index": 2,
        }
        sent = {name: value for name, value in (body | change).items() if value is not None}
        assert (await exchange.me.ask("POST", f"{ORDERS}/{order_id}/amend", sent)).status == status


@pytest.mark.parametrize(
    ("body", "status", "left"),
    [
        ({"reduce_by": "3.00"}, 200, "7.00"),
        ({"reduce_to": "3.00"}, 200, "3.00"),
        ({"reduce_to": "0"}, 200, "0.00"),
        ({"reduce_by": "99"}, 200, "0.00"),
        ({"reduce_to": "11.00"}, 400, "10.00"),
        ({"reduce_by": "0"}, 400, "10.00"),
        ({"reduce_by": "1", "reduce_to": "1"}, 400, "10.00"),
        ({}, 400, "10.00"),
        ({"reduce_by": "x"}, 400, "10.00"),
        ({"reduce_by": 3}, 400, "10.00"),
    ],
)
async def test_decrease(body: dict[str, Any], status: int, left: str) -> None:
    async with opened() as exchange:
        order_id = (await exchange.me.place()).body["order_id"]
        said = await exchange.me.ask("POST", f"{ORDERS}/{order_id}/decrease", body | {"market_ticker": TICKER})
        assert said.status == status, said
        if status == 200:
            assert said.body["remaining_count"] == left
        assert (await read(exchange.me, order_id))["remaining_count_fp"] == left


async def test_a_batch_answers_each_item_by_itself() -> None:
    async with opened() as exchange:
        items = [order_body(), order_body(price="0.4050"), order_body(ticker=None), order_body(price="0.5100", **IOC)]
        said = await exchange.me.ask("POST", f"{ORDERS}/batched", {"orders": items})
        assert said.status == 201
        answers = said.body["orders"]
        assert [one.get("error", {}).get("code", "") for one in answers] == [
            "",
            "invalid_order",
            "missing_parameters",
            "",
        ]
        assert [one["client_order_id"] for one in answers] == [item["client_order_id"] for item in items]
        assert answers[3]["fill_count"] == "10.00"
        cancels = [
            {"order_id": answers[0]["order_id"]},
            {"order_id": answers[0]["order_id"], "market_ticker": TICKER},
            {"order_id": answers[0]["order_id"], "exchange_index": 2},
            {},
        ]
        said = await exchange.me.ask("DELETE", f"{ORDERS}/batched", {"orders": cancels})
        assert said.status == 200
        codes = [one.get("error", {}).get("code", "") for one in said.body["orders"]]
        assert codes == ["not_found", "", "not_found", "missing_parameters"]
        assert [one["reduced_by"] for one in said.body["orders"]] == ["0.00", "10.00", "0.00", "0.00"]
        assert (await exchange.me.ask("POST", f"{ORDERS}/batched", {"orders": []})).status == 400


async def test_the_first_version_is_dead() -> None:
    async with opened() as exchange:
        old = {"ticker": TICKER, "side": "yes", "action": "buy", "count": 1, "yes_price": 40, "type": "limit"}
        order_id = (await exchange.me.place()).body["order_id"]
        for method, path in DEAD:
            said = await exchange.me.ask(method, path.replace("{order_id}", order_id), old)
            assert (said.status, said.code) == (410, "deprecated_v1_order_endpoint")
        assert (await exchange.me.get(f"/portfolio/orders/{order_id}")).body["order"]["status"] == "resting"


async def test_self_trades() -> None:
    async with opened() as exchange:
        first = (await exchange.me.place("ask", "0.5000")).body["order_id"]
        stopped = await exchange.me.place("bid", "0.5000")
        assert (stopped.body["fill_count"], stopped.body["remaining_count"]) == ("0.00", "0.00")
        assert (await read(exchange.me, stopped.body["order_id"]))["status"] == "canceled"
        went_on = await exchange.me.place("bid", "0.5000", self_trade_prevention_type="maker")
        assert went_on.body["remaining_count"] == "10.00"
        assert (await read(exchange.me, first))["status"] == "canceled"


async def test_reduce_only_never_turns_a_position() -> None:
    async with opened() as exchange:
        await exchange.me.place("bid", "0.5100", "5.00", **IOC)
        said = await exchange.me.place("ask", "0.4900", "9.00", reduce_only=True, **IOC)
        assert said.body["fill_count"] == "5.00"
        positions = (await exchange.me.get("/portfolio/positions", count_filter="position")).body["market_positions"]
        assert positions == []


# Reading -----------------------------------------------------------------------------------------------------------


async def test_filters_of_orders_and_fills() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        me = exchange.me
        rests = (await me.place()).body["order_id"]
        time.pass_s(10)
        done = (await me.place("bid", "0.5100", "1.00", **IOC)).body["order_id"]
        time.pass_s(10)
        gone = (await me.place("bid", "0.4000", **IOC)).body["order_id"]
        ids = {"rests": rests, "done": done, "gone": gone}

        async def found(**query: object) -> list[str]:
            rows = await me.all("/portfolio/orders", "orders", **query)
            return [name for row in rows for name, order_id in ids.items() if row["order_id"] == order_id]

        assert await found() == ["gone", "done", "rests"]
        assert await found(limit=1) == ["gone", "done", "rests"]
        assert (await found(status="resting"), await found(status="executed")) == (["rests"], ["done"])
        assert await found(status="canceled") == ["gone"]
        assert await found(min_ts=OPEN_S + 70, max_ts=OPEN_S + 75) == ["done"]
        assert await found(ticker="NONE") == []
        assert await found(event_ticker="KXBTC15M-26NOV221200,OTHER") == ["gone", "done", "rests"]
        assert await found(exchange_index=0) == []
        assert await found(subaccount=1) == []
        for bad in ({"status": "open"}, {"limit": 0}, {"limit": 1001}, {"subaccount": 64}, {"exchange_index": -1}):
            assert (await me.get("/portfolio/orders", **bad)).status == 400, bad
        fills = (await me.get("/portfolio/fills", ticker=f"{TICKER},NONE")).body["fills"]
        assert [one["order_id"] for one in fills] == [done]
        assert (await me.get("/portfolio/fills", order_id=rests)).body["fills"] == []
        assert (await me.get("/portfolio/fills", min_ts=OPEN_S + 80)).body["fills"] == []
        many = ",".join(f"T{number}" for number in range(101))
        assert (await me.get("/portfolio/fills", ticker=many)).status == 400


async def test_places_in_the_queue() -> None:
    async with opened() as exchange:
        ahead = await exchange.other.place("bid", "0.4900", "7.00")
        mine = (await exchange.me.place("bid", "0.4900", "1.00")).body["order_id"]
        said = await exchange.me.get(f"/portfolio/orders/{mine}/queue_position")
        assert said.body == {"queue_position_fp": "1007.00"}
        await exchange.other.cancel(ahead.body["order_id"])
        said = await exchange.me.get("/portfolio/orders/queue_positions", market_tickers=f"{TICKER},NONE")
        assert said.body["queue_positions"] == [
            {"order_id": mine, "market_ticker": TICKER, "queue_position_fp": "1000.00"}
        ]
        by_event = await exchange.me.get("/portfolio/orders/queue_positions", event_ticker="KXBTC15M-26NOV221200")
        assert len(by_event.body["queue_positions"]) == 1
        assert (await exchange.me.get("/portfolio/orders/queue_positions")).status == 400
        await exchange.me.cancel(mine)
        assert (await exchange.me.get(f"/portfolio/orders/{mine}/queue_position")).status == 404


async def test_reads_lag_and_writes_do_not() -> None:
    time = Time()
    async with opened(new_house(time, read_lag_ns=SECOND_NS)) as exchange:
        me = exchange.me
        order_id = (await me.place("bid", "0.5100", "1.00", **IOC)).body["order_id"]
        assert (await me.get(f"/portfolio/orders/{order_id}")).status == 404
        assert (await me.get("/portfolio/positions")).body["market_positions"] == []
        assert (await me.get("/exchange/user_data_timestamp")).body["as_of_time"] == iso(at(59))
        time.pass_s(1.1)
        assert (await read(me, order_id))["status"] == "executed"
        assert len((await me.get("/portfolio/positions")).body["market_positions"]) == 1
        resting = (await me.place()).body["order_id"]
        time.pass_s(1.1)
        await me.cancel(resting)
        assert (await read(me, resting))["status"] == "resting"  # what was true a second ago
        time.pass_s(1.1)
        assert (await read(me, resting))["status"] == "canceled"


# Pauses and the end ------------------------------------------------------------------------------------------------


async def test_in_a_pause_orders_may_only_be_taken_back() -> None:
    async with opened() as exchange:
        me = exchange.me
        stays = [(await me.place(price=price)).body["order_id"] for price in ("0.1000", "0.2000")]
        goes = (await me.place(cancel_order_on_pause=True)).body["order_id"]
        exchange.house.pause(2)
        refused = await me.place()
        assert (refused.status, refused.code) == (409, "trading_is_paused")
        assert (await read(me, goes))["status"] == "canceled"
        assert (await me.cancel(stays[0])).status == 200
        exchange.house.pause(2, is_active=False)
        refused = await me.cancel(stays[1])
        assert (refused.status, refused.code) == (409, "exchange_is_paused")
        exchange.house.resume(2)
        assert (await me.cancel(stays[1])).status == 200


async def test_after_the_close_nothing_is_possible() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        order_id = (await exchange.me.place()).body["order_id"]
        time.now_ns = CLOSE_NS
        for said in (await exchange.me.place(), await exchange.me.cancel(order_id)):
            assert (said.status, said.code) == (409, "MARKET_INACTIVE")
        time.pass_s(1)
        assert (await read(exchange.me, order_id))["status"] == "canceled"


async def test_an_order_expires() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        order_id = (await exchange.me.place(expiration_time=OPEN_S + 100)).body["order_id"]
        time.now_ns = at(99)
        assert (await read(exchange.me, order_id))["status"] == "resting"
        time.now_ns = at(101)
        assert (await read(exchange.me, order_id))["status"] == "canceled"


# Order groups ------------------------------------------------------------------------------------------------------

GROUPS = "/portfolio/order_groups"


async def test_a_group_is_a_brake() -> None:
    async with opened() as exchange:
        me = exchange.me
        made = await me.ask("POST", f"{GROUPS}/create", {"contracts_limit": 5, "exchange_index": 2})
        assert (made.status, made.body["subaccount"], made.body["exchange_index"]) == (201, 0, 2)
        group = made.body["order_group_id"]
        rests = (await me.place("bid", "0.4000", order_group_id=group)).body["order_id"]
        assert (await me.get(f"{GROUPS}/{group}")).body["orders"] == [rests]
        assert (await read(me, rests))["order_group_id"] == group
        await me.place("bid", "0.5100", "6.00", order_group_id=group, **IOC)
        assert (await read(me, rests))["status"] == "canceled"
        refused = await me.place(order_group_id=group)
        assert (refused.status, refused.code) == (400, "EXCEEDED_ORDER_GROUP_RISK_LIMIT")
        assert (await me.ask("PUT", f"{GROUPS}/{group}/reset", exchange_index=2)).body == {}
        again = (await me.place(order_group_id=group)).body["order_id"]
        assert (await me.ask("PUT", f"{GROUPS}/{group}/trigger", exchange_index=2)).status == 200
        assert (await read(me, again))["status"] == "canceled"
        changed = await me.ask("PUT", f"{GROUPS}/{group}/limit", {"contracts_limit_fp": "7.50"}, exchange_index=2)
        assert changed.status == 200
        listed = (await me.get(GROUPS)).body["order_groups"]
        assert [(one["id"], one["contracts_limit_fp"], one["exchange_index"]) for one in listed] == [(group, "7.50", 2)]
        assert (await me.ask("DELETE", f"{GROUPS}/{group}", exchange_index=2)).status == 200
        assert (await me.get(f"{GROUPS}/{group}")).status == 404


async def test_a_group_is_looked_for_on_shard_0_and_belongs_to_its_owner() -> None:
    async with opened() as exchange:
        group = (await exchange.me.ask("POST", f"{GROUPS}/create", {"contracts_limit": 5, "exchange_index": 2})).body[
            "order_group_id"
        ]
        assert (await exchange.me.ask("PUT", f"{GROUPS}/{group}/reset")).status == 404
        assert (await exchange.other.ask("PUT", f"{GROUPS}/{group}/reset", exchange_index=2)).status == 404
        assert (await exchange.other.place(order_group_id=group)).status == 404
        elsewhere = (await exchange.me.ask("POST", f"{GROUPS}/create", {"contracts_limit": 5})).body["order_group_id"]
        said = await exchange.me.place(order_group_id=elsewhere)
        assert (said.status, said.code) == (404, "ORDER_GROUP_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"contracts_limit": 0}, 400),
        ({"contracts_limit": 1_000_001}, 400),
        ({"contracts_limit": 1_000_000}, 201),
        ({"contracts_limit": 5, "contracts_limit_fp": "5.00"}, 201),
        ({"contracts_limit": 5, "contracts_limit_fp": "6.00"}, 400),
        ({"contracts_limit_fp": "0.5"}, 201),
        ({"contracts_limit": "5"}, 400),
        ({"contracts_limit": 5, "exchange_index": 9}, 400),
        ({"contracts_limit": 5, "subaccount": 3}, 400),
    ],
)
async def test_what_a_group_may_say(body: dict[str, Any], status: int) -> None:
    async with opened() as exchange:
        assert (await exchange.me.ask("POST", f"{GROUPS}/create", body)).status == status


def test_how_numbers_read() -> None:
    assert (dollars(1_500_421_700), dollars(190), dollars(-4_000_000)) == ("1500.4217", "0.000190", "-4.0000")
    assert (mean_price(5_100_000, 1_000), mean_price(1, 300), mean_price(10_000, 3)) == ("0.5100", "0.0000", "0.333333")
    assert iso(at(60) + 123_456_789) == "2026-11-22T16:46:00.123456Z"
    assert iso(2**80) == "9999-12-31T23:59:59Z"
