"""Money over the REST side of the simulated exchange: balances by shard, transfers, subaccounts, settlements."""

from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import DOLLAR
from tests.builders import CLOSE_NS, TICKER
from tests.exchange_rest import ORDERS, Open, Time, new_house, opened
from trading.simulator.exchange.house_life import Result
from trading.simulator.exchange.routes_split import split

MOVE = "/portfolio/intra_exchange_instance_transfer"
MOVES = "/portfolio/intra_exchange_instance_transfers"
IOC = {"time_in_force": "immediate_or_cancel"}


def move(amount: object = 2_000_000, source: object = 0, to: object = 2, **more: object) -> dict[str, object]:
    body = {
        "source": "event_contract",
        "destination": "event_contract",
        "amount": amount,
        "source_exchange_shard": source,
        "destination_exchange_shard": to,
    }
    return body | more


async def shards(exchange: Open, **query: object) -> dict[int, str]:
    said = await exchange.me.get("/portfolio/balance", **query)
    return {one["exchange_index"]: one["balance"] for one in said.body["balance_breakdown"]}


async def test_the_balance_is_a_sum_and_the_shards_tell() -> None:
    async with opened() as exchange:
        said = (await exchange.me.get("/portfolio/balance")).body
        assert (said["balance"], said["balance_dollars"], said["portfolio_value"]) == (600_000, "6000.0000", 0)
        assert await shards(exchange) == {0: "1000.0000", 2: "5000.0000"}
        assert await shards(exchange, exchange_index=2) == {2: "5000.0000"}
        assert (await exchange.me.get("/portfolio/balance", exchange_index=2)).body["balance"] == 500_000
        assert await shards(exchange, exchange_index=77) == {}
        await exchange.me.place("bid", "0.5100", "10.00", **IOC)
        said = (await exchange.me.get("/portfolio/balance")).body
        assert (said["balance_dollars"], said["balance"]) == ("5994.7250", 599_472)
        assert said["portfolio_value"] == 490  # what they could be sold for
        assert (await exchange.me.get("/portfolio/balance", exchange_index="two")).status == 400


async def test_resting_orders_hold_money_back() -> None:
    async with opened() as exchange:
        await exchange.me.place("bid", "0.4000", "10.00")
        await exchange.me.place("ask", "0.9500", "2.00")
        said = (await exchange.me.get("/portfolio/summary/total_resting_order_value")).body
        assert said == {
            "total_resting_order_value": 410,
            "resting_order_value_breakdown": [{"exchange_index": 2, "balance": "4.1000"}],
        }
        assert (await exchange.me.get("/portfolio/balance")).body["balance"] < 600_000
        await exchange.me.ask("DELETE", ORDERS)
        assert (await exchange.me.get("/portfolio/balance")).body["balance"] == 600_000


async def test_a_transfer_takes_its_time() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        client_id = str(uuid4())
        said = await exchange.me.ask("POST", MOVE, move(client_transfer_id=client_id))
        assert said.status == 200
        path = f"{MOVES}/{said.body['transfer_id']}"
        pending = (await exchange.me.get(path)).body["transfer"]
        assert (pending["status"], pending["amount"], pending["client_transfer_id"]) == (
            "pending",
            "200.0000",
            client_id,
        )
        assert await shards(exchange) == {0: "800.0000", 2: "5000.0000"}
        time.pass_s(5)
        assert (await exchange.me.get(path)).body["transfer"]["status"] == "complete"
        assert await shards(exchange) == {0: "800.0000", 2: "5200.0000"}
        again = await exchange.me.ask("POST", MOVE, move(client_transfer_id=client_id))
        assert (again.status, again.code) == (409, "transfer_already_exists")
        assert [one["transfer_id"] for one in (await exchange.me.get(MOVES)).body["transfers"]] == [
            pending["transfer_id"]
        ]
        assert (await exchange.other.get(path)).status == 404
        assert (await exchange.me.get(f"{MOVES}/none")).status == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (move(amount=0), 400, "invalid_parameters"),
        (move(amount=-5), 400, "invalid_parameters"),
        (move(amount="200"), 400, "bad_request"),
        (move(amount=10**18), 400, "invalid_parameters"),
        (move(amount=10_000_001), 400, "insufficient_balance"),
        (move(to=0), 400, "invalid_parameters"),
        (move(to=9), 400, "invalid_parameters"),
        (move(source=3), 400, "insufficient_balance"),
        (move(source="event"), 400, "bad_request"),
        (move(destination="margined"), 400, "invalid_parameters"),
        (move(destination="moon"), 400, "invalid_parameters"),
        (move(client_transfer_id="mine"), 400, "invalid_parameters"),
        (move(source_subaccount=1), 400, "invalid_parameters"),
        ({"amount": 5}, 400, "missing_parameters"),
        (move(amount=None), 400, "missing_parameters"),
    ],
)
async def test_what_a_transfer_may_say(body: dict[str, Any], status: int, code: str) -> None:
    async with opened() as exchange:
        said = await exchange.me.ask("POST", MOVE, body)
        assert (said.status, said.code) == (status, code), said
        assert await shards(exchange) == {0: "1000.0000", 2: "5000.0000"}


async def test_no_transfers_while_the_exchange_is_paused() -> None:
    async with opened() as exchange:
        exchange.house.pause(2, is_active=False)
        said = await exchange.me.ask("POST", MOVE, move())
        assert (said.status, said.code) == (409, "exchange_is_paused")


async def test_subaccounts() -> None:
    async with opened() as exchange:
        me = exchange.me
        assert (await me.ask("POST", "/portfolio/subaccounts")).status == 403
        exchange.house.accounts[1].tier = "advanced"
        made = await me.ask("POST", "/portfolio/subaccounts", {})
        assert (made.status, made.body) == (201, {"subaccount_number": 1})
        body = {"client_transfer_id": str(uuid4()), "from_subaccount": 0, "to_subaccount": 1, "amount_cents": 12_345}
        assert (await me.ask("POST", "/portfolio/subaccounts/transfer", body)).body == {}
        assert (await me.ask("POST", "/portfolio/subaccounts/transfer", body)).status == 409
        balances = (await me.get("/portfolio/subaccounts/balances")).body["subaccount_balances"]
        found = {(one["subaccount_number"], one["exchange_index"]): one["balance"] for one in balances}
        assert found == {(0, 0): "876.5500", (0, 2): "5000.0000", (1, 0): "123.4500"}
        moved = (await me.get("/portfolio/subaccounts/transfers")).body["transfers"]
        assert [(one["from_subaccount"], one["to_subaccount"], one["amount_cents"]) for one in moved] == [
            (0, 1, 12_345)
        ]
        same_shard = move(10_000, 0, 0, source_subaccount=1, destination_subaccount=0)
        assert (await me.ask("POST", MOVE, same_shard)).status == 200
        assert len((await me.get("/portfolio/subaccounts/transfers")).body["transfers"]) == 2
        assert (await me.place(subaccount=1)).code in {"user_not_found", "insufficient_shard_balance"}
        assert (await me.get("/portfolio/balance", subaccount=1)).body["balance"] == 12_245
        assert (await me.get("/portfolio/balance", subaccount=64)).status == 400


@pytest.mark.parametrize(
    "change",
    [
        {"client_transfer_id": None},
        {"client_transfer_id": "x"},
        {"amount_cents": 0},
        {"amount_cents": 10**15},
        {"amount_cents": 100_001},
        {"to_subaccount": 5},
        {"to_subaccount": 0},
        {"from_subaccount": None},
        {"exchange_index": 9},
    ],
)
async def test_what_a_move_between_subaccounts_may_not_say(change: dict[str, Any]) -> None:
    house = new_house()
    house.make_subaccount(1)
    body: dict[str, Any] = {
        "client_transfer_id": str(uuid4()),
        "from_subaccount": 0,
        "to_subaccount": 1,
        "amount_cents": 5,
    }
    async with opened(house) as exchange:
        said = await exchange.me.ask("POST", "/portfolio/subaccounts/transfer", body | change)
        assert said.status == 400, said
        assert await shards(exchange) == {0: "1000.0000", 2: "5000.0000"}


async def test_netting_and_the_standing_split() -> None:
    async with opened() as exchange:
        me = exchange.me
        assert (
            await me.ask("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": 0, "enabled": True})
        ).status == 200
        configs = (await me.get("/portfolio/subaccounts/netting")).body["netting_configs"]
        assert configs == [{"subaccount_number": 0, "enabled": True, "exchange_index": 0}]
        assert (
            await me.ask("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": 9, "enabled": True})
        ).status == 400
        path = "/portfolio/target_balance_allocation"
        split = [{"exchange_index": 0, "percent": 10}, {"exchange_index": 2, "percent": 90}]
        assert (await me.ask("POST", path, {"allocations": split})).body == {}
        assert (await me.get(path)).body == {"allocations": split, "resting_margin_reservation": "sum"}
        for wrong in (
            [{"exchange_index": 0, "percent": 99}],
            [{"exchange_index": 0, "percent": 50}, {"exchange_index": 0, "percent": 50}],
            [{"exchange_index": 44, "percent": 100}],
            [{"percent": 100}],
        ):
            assert (await me.ask("POST", path, {"allocations": wrong})).status == 400, wrong
        off = {"allocations": [], "resting_margin_reservation": "none"}
        assert (await me.ask("POST", path, off)).status == 200
        assert (await me.get(path)).body == off


async def test_the_standing_split_moves_cash_also_away() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        me = exchange.me
        await me.place("bid", "0.4000", "100.00")  # 40 dollars stay where the order rests
        wanted = [{"exchange_index": 0, "percent": 75}, {"exchange_index": 2, "percent": 25}]
        path = "/portfolio/target_balance_allocation"
        for _ in range(2):
            assert (await me.ask("POST", path, {"allocations": wanted})).status == 200
        time.pass_s(11)
        assert await shards(exchange) == {0: "4470.0000", 2: "1490.0000"}
        await me.ask("DELETE", ORDERS)
        time.pass_s(11)
        assert (await shards(exchange))[2] == "1500.0000"
        await me.ask("POST", path, {"allocations": []})
        await me.ask("POST", MOVE, move(amount=1_000_000))
        time.pass_s(30)
        assert (await shards(exchange))[2] == "1600.0000"  # nothing moves it back
        assert (await me.get("/portfolio/balance")).body["balance"] == 600_000


@given(
    st.dictionaries(st.integers(0, 3), st.integers(0, 10**12)),
    st.lists(st.integers(0, 100), min_size=1, max_size=4).filter(lambda cuts: len(set(cuts)) == len(cuts)),
)
def test_a_split_makes_and_loses_nothing(free: dict[int, int], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts)[:-1], 100]
    percents = {shard: high - low for shard, (low, high) in enumerate(pairwise(edges))}
    changes = split(free, percents)
    assert sum(changes.values()) == 0
    total = sum(free.values())
    for shard, percent in percents.items():
        assert abs(free.get(shard, 0) + changes[shard] - total * percent / 100) < 1_000
    assert all(free.get(shard, 0) + change >= 0 for shard, change in changes.items())


@pytest.mark.parametrize(
    ("side", "result", "pays", "revenue", "value", "cash"),
    [
        ("bid", "yes", 10_000, 1_000, 100, "6004.7250"),
        ("bid", "no", 0, 0, 0, "5994.7250"),
        ("ask", "no", 0, 1_000, 0, "6004.7250"),
        ("bid", "scalar", 5_100, 510, 51, "5999.8250"),
    ],
)
async def test_a_settlement(side: str, result: Result, pays: int, revenue: int, value: int, cash: str) -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        me = exchange.me
        await me.place(side, "0.5100" if side == "bid" else "0.4900", "10.00", **IOC)
        assert len((await me.get("/portfolio/positions")).body["market_positions"]) == 1
        time.now_ns = CLOSE_NS
        exchange.house.tick(CLOSE_NS)
        exchange.house.determine(TICKER, result, pays, "85000.00")
        time.pass_s(2)
        row = (await me.get("/portfolio/settlements")).body["settlements"][0]
        assert (row["market_result"], row["revenue"], row["value"], row["fee_cost"]) == (
            result,
            revenue,
            value,
            "0.1750",
        )
        held = ("10.00", "0.00") if side == "bid" else ("0.00", "10.00")
        assert (row["yes_count_fp"], row["no_count_fp"]) == held
        assert row["yes_total_cost_dollars" if side == "bid" else "no_total_cost_dollars"] == "5.1000"
        assert row["settled_time"].startswith("2026-11-22T17:00:0")
        assert (await me.get("/portfolio/balance")).body["balance_dollars"] == cash
        assert (await me.get("/portfolio/positions")).body["market_positions"] == []
        settled = (await me.get("/portfolio/positions", settlement_status="settled")).body["market_positions"][0]
        assert settled["position_fp"] == "0.00"
        assert (await me.get("/portfolio/settlements", ticker="NONE")).body["settlements"] == []
        assert (await exchange.other.get("/portfolio/settlements")).body["settlements"] == []


async def test_positions_filters_and_events() -> None:
    async with opened() as exchange:
        me = exchange.me
        await me.place("bid", "0.5100", "3.00", **IOC)
        await me.place("ask", "0.4900", "3.00", **IOC)
        flat = (await me.get("/portfolio/positions")).body
        assert [one["position_fp"] for one in flat["market_positions"]] == ["0.00"]
        assert flat["event_positions"][0]["event_ticker"] == "KXBTC15M-26NOV221200"
        assert (await me.get("/portfolio/positions", count_filter="position")).body["market_positions"] == []
        assert (
            len((await me.get("/portfolio/positions", count_filter="position,total_traded")).body["market_positions"])
            == 1
        )
        for bad in ({"count_filter": "price"}, {"settlement_status": "gone"}, {"limit": 0}, {"cursor": "AAAA"}):
            assert (await me.get("/portfolio/positions", **bad)).status == 400, bad
        assert (await me.get("/portfolio/positions", event_ticker="NONE")).body["market_positions"] == []


async def test_there_are_no_deposits() -> None:
    house = new_house()
    house.open_account({2: 5 * DOLLAR})
    async with opened(house) as exchange:
        assert (await exchange.me.get("/portfolio/deposits")).body == {"deposits": [], "cursor": ""}
        assert (await exchange.me.get("/portfolio/withdrawals", limit=500)).body == {"withdrawals": [], "cursor": ""}
        assert (await exchange.me.get("/portfolio/deposits", limit=501)).status == 400
