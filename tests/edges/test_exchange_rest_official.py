"""The simulated exchange against the official OpenAPI file: every call it serves is in there, every answer is valid by it."""

import json
from typing import Any
from uuid import uuid4

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

from markets.core.events import TradePrint
from markets.core.units import SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, at, snapshot
from tests.exchange_official import SERVER, served_spec
from tests.exchange_rest import (
    ORDERS,
    Member,
    Said,
    Time,
    new_house,
    opened,
    order_body,
)
from trading.simulator.exchange.app import DOORS, ROOT, Terms
from trading.simulator.exchange.doors import Door
from trading.simulator.exchange.house_rows import FeeChange
from trading.simulator.exchange.routes_orders import DEAD

pytestmark = pytest.mark.recorded
IOC = {"time_in_force": "immediate_or_cancel"}
EVENT = "KXBTC15M-26NOV221200"
SPAN = {"start_ts": OPEN_NS // SECOND_NS, "end_ts": CLOSE_NS // SECOND_NS, "period_interval": 1}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return served_spec()


@pytest.fixture(scope="module")
def official(spec: dict[str, Any]) -> OpenAPI:
    return OpenAPI.from_dict(spec)


def test_every_door_is_in_the_official_file(spec: dict[str, Any]) -> None:
    for door in DOORS:
        if (door.method, door.path) in DEAD:
            continue
        operation = spec["paths"][door.path][door.method.lower()]
        assert bool(operation.get("security")) == bool(door.scope), door


class Checked(Member):
    """A member whose every answer is validated. `seen` is (method, path, status) of each."""

    official: OpenAPI
    seen: set[tuple[str, str, int]]

    async def ask(self, method: str, path: str, body: object = None, *, headers_: Any = None, **query: object) -> Said:
        said = await super().ask(method, path, body, headers_=headers_, **query)
        validate(self.official, method, path, said)
        self.seen.add((method, path, said.status))
        return said


def validate(official: OpenAPI, method: str, path: str, said: Said) -> None:
    request = MockRequest(SERVER, method.lower(), f"{ROOT}{path}")
    raw = b"" if said.body is None else json.dumps(said.body).encode()
    official.validate_response(request, MockResponse(raw, said.status))


def checked(member: Member, official: OpenAPI) -> Checked:
    made = Checked(member.session, member.rest, member.signer)
    made.official, made.seen = official, set()
    return made


async def test_every_answer_is_valid(official: OpenAPI) -> None:
    time = Time()
    house = new_house(time)
    house.accounts[1].tier = "premier"
    house.fee_changes += [
        FeeChange(1, "KXBTC15M", "quadratic", 0.5, at(900)),
        FeeChange(2, "KXBTC15M", None, None, at(1), EVENT),
    ]
    async with opened(house, terms=Terms(is_limited=False, live_ns=3_600 * SECOND_NS)) as exchange:
        me, nobody = checked(exchange.me, official), checked(exchange.nobody, official)
        house.take(TradePrint(at(61), TICKER, 5_100, 1_234, True))
        house.take(snapshot(62, bid=4_800))
        await write_orders(me, checked(exchange.other, official))
        await move_money(me)
        await keep_keys(me)
        time.pass_s(70)
        await read_markets(nobody)
        await read_account(me, "/portfolio")
        time.now_ns = CLOSE_NS
        house.tick(CLOSE_NS)
        house.determine(TICKER, "yes", 10_000, "85000.00")
        time.pass_s(3)
        await read_markets(nobody)
        await read_account(me, "/portfolio")
        assert (await me.get("/portfolio/settlements")).body["settlements"]
        time.pass_s(3_700)
        await read_history(me)
        done = {(method, path) for method, path, status in me.seen | nobody.seen if status < 300}
        assert not untried(done)


def untried(done: set[tuple[str, str]]) -> list[str]:
    """The doors through which nothing came out well."""
    missing = {f"{door.method} {door.path}" for door in DOORS if not any(fits(door, *one) for one in done)}
    return sorted(missing - {" ".join(one) for one in DEAD})


def fits(door: Door, method: str, path: str) -> bool:
    parts, said = door.path.split("/"), path.split("/")
    alike = all(mine.startswith("{") or mine == theirs for mine, theirs in zip(parts, said, strict=False))
    return door.method == method and len(parts) == len(said) and alike


async def write_orders(me: Checked, other: Checked) -> None:
    first = (await me.place("bid", "0.4000", expiration_time=OPEN_NS // SECOND_NS + 800)).body["order_id"]
    await me.place("bid", "0.5200", "7.00", **IOC)
    second = (await me.place("ask", "0.5000")).body["order_id"]
    await other.place("bid", "0.5000", "2.00", **IOC)
    body = {"ticker": TICKER, "side": "ask", "count": "9.00", "exchange_index": 2}
    for change in ({"price": "0.5000"}, {"price": "0.5000"}, {"price": "0.6000"}, {"price": "0.4800"}):
        await me.ask("POST", f"{ORDERS}/{second}/amend", body | change)
    await me.ask("POST", f"{ORDERS}/{first}/decrease", {"reduce_by": "1.00", "exchange_index": 2})
    await me.get(f"/portfolio/orders/{first}")
    await me.get(f"/portfolio/orders/{first}/queue_position")
    await me.get("/portfolio/orders/queue_positions", market_tickers=TICKER)
    batch = await me.ask(
        "POST",
        f"{ORDERS}/batched",
        {"orders": [order_body(), order_body(price="0.405"), order_body(**IOC, price="0.52")]},
    )
    cancels = [{"order_id": one.get("order_id", "none"), "exchange_index": 2} for one in batch.body["orders"]]
    await me.ask("DELETE", f"{ORDERS}/batched", {"orders": cancels})
    groups = "/portfolio/order_groups"
    group = (await me.ask("POST", f"{groups}/create", {"contracts_limit": 100, "exchange_index": 2})).body[
        "order_group_id"
    ]
    await me.place("bid", "0.3000", order_group_id=group)
    await me.get(groups)
    await me.get(f"{groups}/{group}")
    for what, sent in (("trigger", None), ("reset", None), ("limit", {"contracts_limit_fp": "5.00"})):
        await me.ask("PUT", f"{groups}/{group}/{what}", sent, exchange_index=2)
    await me.ask("DELETE", f"{groups}/{group}", exchange_index=2)
    await me.cancel(first)
    await me.ask("POST", ORDERS, order_body(price="0.405"))
    await me.ask("POST", ORDERS, {})
    await me.ask("DELETE", ORDERS)


async def move_money(me: Checked) -> None:
    await me.ask("POST", "/portfolio/subaccounts")
    moves = "/portfolio/intra_exchange_instance_transfer"
    both = {"source": "event_contract", "destination": "event_contract"}
    body = both | {"amount": 10_000, "destination_exchange_shard": 2}
    moved = (await me.ask("POST", moves, body | {"client_transfer_id": str(uuid4())})).body["transfer_id"]
    await me.ask("POST", moves, body)
    await me.get(f"{moves}s", limit=1)
    await me.get(f"{moves}s/{moved}")
    within = {"client_transfer_id": str(uuid4()), "from_subaccount": 0, "to_subaccount": 1, "amount_cents": 100}
    await me.ask("POST", "/portfolio/subaccounts/transfer", within)
    for path in ("balances", "transfers", "netting"):
        await me.get(f"/portfolio/subaccounts/{path}")
    await me.ask("PUT", "/portfolio/subaccounts/netting", {"subaccount_number": 1, "enabled": True})
    await me.ask(
        "POST", "/portfolio/target_balance_allocation", {"allocations": [{"exchange_index": 2, "percent": 100}]}
    )
    await me.get("/portfolio/target_balance_allocation")


async def keep_keys(me: Checked) -> None:
    made = (await me.ask("POST", "/api_keys/generate", {"name": "one", "key_type": "ed25519", "subaccount": 1})).body
    await me.get("/api_keys")
    await me.ask("DELETE", f"/api_keys/{made['api_key_id']}")
    public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n-----END PUBLIC KEY-----\n"
    await me.ask("POST", "/api_keys", {"name": "two", "public_key": public})
    await me.ask("POST", "/account/api_usage_level/upgrade")
    for path in ("limits", "endpoint_costs", "api_usage_level/volume_progress"):
        await me.get(f"/account/{path}")


async def read_markets(nobody: Checked) -> None:
    for path in (
        "/exchange/status",
        "/exchange/schedule",
        "/exchange/user_data_timestamp",
        "/series/fee_changes",
        "/events/fee_changes",
    ):
        await nobody.get(path)
    await nobody.get("/series", include_volume="true")
    await nobody.get("/series/KXBTC15M")
    await nobody.get("/events", with_nested_markets="true")
    for path in ("", "/metadata"):
        await nobody.get(f"/events/{EVENT}{path}")
    await nobody.get("/events/multivariate")
    await nobody.get("/markets", limit=1)
    await nobody.get(f"/markets/{TICKER}")
    await nobody.get(f"/markets/{TICKER}/orderbook")
    await nobody.get("/markets/orderbooks", tickers=[TICKER, "NONE"])
    await nobody.get("/markets/trades", limit=1)
    latest = SPAN | {"include_latest_before_start": "true"}
    assert (await nobody.get(f"/series/KXBTC15M/markets/{TICKER}/candlesticks", **latest)).body["candlesticks"]
    await nobody.get("/markets/candlesticks", market_tickers=TICKER, **SPAN)
    await nobody.get(f"/series/KXBTC15M/events/{EVENT}/candlesticks", **SPAN)
    await nobody.get("/markets/NONE")


async def read_account(me: Checked, root: str) -> None:
    for path in ("orders", "fills", "positions", "settlements", "deposits", "withdrawals", "balance"):
        await me.get(f"{root}/{path}")
    await me.get(f"{root}/summary/total_resting_order_value")
    await me.get(f"{root}/orders", status="nonsense")


async def read_history(me: Checked) -> None:
    await me.get("/historical/cutoff")
    for name, key in (
        ("markets", "markets"),
        ("trades", "trades"),
        ("fills", "fills"),
        ("orders", "orders"),
        ("positions", "market_positions"),
    ):
        assert (await me.get(f"/historical/{name}")).body[key], name
    await me.get(f"/historical/markets/{TICKER}")
    assert (await me.get(f"/historical/markets/{TICKER}/candlesticks", **SPAN)).body["candlesticks"]


def test_the_validation_can_fail(official: OpenAPI) -> None:
    right = {"orderbook_fp": {"yes_dollars": [["0.4", "1.00"]], "no_dollars": []}}
    path = f"/markets/{TICKER}/orderbook"
    validate(official, "GET", path, Said(200, right, {}))
    for wrong in (
        {},
        {"orderbook_fp": {"yes_dollars": [["0.4"]], "no_dollars": []}},
        {"orderbook_fp": {"yes_dollars": [[0.4, 1]], "no_dollars": []}},
    ):
        with pytest.raises(OpenAPIError):
            validate(official, "GET", path, Said(200, wrong, {}))
