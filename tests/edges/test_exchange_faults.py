"""Faults of the simulated exchange: what happened to the order, what the client hears; set by plan and through the door."""

import asyncio
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import SECOND_NS
from tests.builders import TICKER
from tests.exchange_rest import ORDERS, SECRET, UNLIMITED, Member, Open, Time, new_house, opened, order_body
from trading.simulator.exchange.app import Terms
from trading.simulator.exchange.faults import STANDING, Fault, FaultPlan, plan_from


async def resting(member: Member) -> int:
    return len((await member.get("/portfolio/orders")).body["orders"])


# What happens to a request -------------------------------------------------------------------------------------------


async def test_an_answer_is_lost_after_the_order_was_accepted() -> None:
    async with opened() as exchange:
        exchange.fault("answer_lost", method="POST", path="/portfolio/events/orders")
        body = order_body()
        with pytest.raises(aiohttp.ClientConnectionError):
            await exchange.me.ask("POST", ORDERS, body)
        assert await resting(exchange.me) == 1
        again = await exchange.me.ask("POST", ORDERS, body)
        assert (again.status, again.code) == (409, "order_already_exists")
        assert exchange.plan.done == {"answer_lost": 1}


async def test_a_5xx_before_and_after() -> None:
    async with opened() as exchange:
        exchange.fault("error_before", status=500)
        body = order_body()
        said = await exchange.me.ask("POST", ORDERS, body)
        assert (said.status, said.code) == (500, "internal_server_error")
        assert await resting(exchange.me) == 0
        exchange.fault("error_after", status=503)
        said = await exchange.me.ask("POST", ORDERS, body)
        assert (said.status, said.code) == (503, "service_unavailable")
        assert await resting(exchange.me) == 1


async def test_what_was_refused_uses_up_no_fault_of_what_is_accepted() -> None:
    async with opened() as exchange:
        exchange.fault("error_after", method="POST")
        assert (await exchange.me.place(price="0.4050")).status == 400
        assert (await exchange.me.place()).status == 503
        assert (await exchange.me.place()).status == 201


async def test_a_timeout() -> None:
    async with opened() as exchange:
        exchange.fault("timeout", method="POST", seconds=30.0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(exchange.me.place(), 0.2)
        assert await resting(exchange.me) == 1


async def test_a_429_on_demand() -> None:
    async with opened() as exchange:
        exchange.fault("rate_limit", times=2)
        answers = [await exchange.me.place() for _ in range(3)]
        assert [said.status for said in answers] == [429, 429, 201]
        assert answers[0].body == {"error": "too many requests"}


async def test_half_of_a_batch_fails() -> None:
    async with opened() as exchange:
        exchange.fault("batch_partial")
        items = {"orders": [order_body() for _ in range(4)]}
        said = await exchange.me.ask("POST", f"{ORDERS}/batched", items)
        assert said.status == 201
        assert ["error" in one for one in said.body["orders"]] == [False, True, False, True]
        assert await resting(exchange.me) == 2
        again = await exchange.me.ask("POST", f"{ORDERS}/batched", items)
        codes = [one.get("error", {}).get("code", "") for one in again.body["orders"]]
        assert codes == ["order_already_exists", "", "order_already_exists", ""]


async def test_reads_are_stale() -> None:
    time = Time()
    async with opened(new_house(time)) as exchange:
        number = exchange.fault("stale_read", seconds=10.0)
        assert (await exchange.me.place()).status == 201
        time.pass_s(5)
        assert await resting(exchange.me) == 0
        time.pass_s(6)
        assert await resting(exchange.me) == 1
        await exchange.me.place()
        assert await resting(exchange.me) == 1
        exchange.plan.remove(number)
        assert await resting(exchange.me) == 2


async def test_the_clock_is_off() -> None:
    async with opened() as exchange:
        number = exchange.fault("clock_skew", seconds=120.0)
        said = await exchange.me.get("/portfolio/balance")
        assert (said.status, said.code) == (401, "header_timestamp_expired")
        exchange.plan.remove(number)
        true = await exchange.me.get("/portfolio/balance")
        assert true.status == 200
        off_s = (
            parsedate_to_datetime(said.headers["Date"]) - parsedate_to_datetime(true.headers["Date"])
        ).total_seconds()
        assert 115 <= off_s <= 121


async def test_a_market_says_the_wrong_shard() -> None:
    async with opened() as exchange:
        number = exchange.fault("wrong_shard", shard=1)
        told = (await exchange.nobody.get(f"/markets/{TICKER}")).body["market"]["exchange_index"]
        assert told == 1
        said = await exchange.me.place(exchange_index=told)
        assert (said.status, said.code) == (404, "not_found")
        exchange.plan.remove(number)
        assert (await exchange.nobody.get(f"/markets/{TICKER}")).body["market"]["exchange_index"] == 2


async def test_faults_pick_method_and_path() -> None:
    async with opened() as exchange:
        exchange.fault("error_before", method="GET", path="/portfolio/fills", times=0)
        assert (await exchange.me.get("/portfolio/orders")).status == 200
        assert (await exchange.me.get("/portfolio/fills")).status == 503
        assert (await exchange.me.get("/portfolio/fills")).status == 503
        assert (await exchange.me.place()).status == 201


# The plan -------------------------------------------------------------------------------------------------------------


def times_done(fault: Fault, requests: int, step_s: float = 0.0, seed: int = 0) -> list[int]:
    """At which of some requests, `step_s` apart, the fault happens."""
    time = Time(0)
    plan = FaultPlan([fault], clock=time, seed=seed)
    done = []
    for number in range(requests):
        if plan.take(fault.kind, method="GET", path="/x") is not None:
            done.append(number)
        time.pass_s(step_s)
    assert plan.done[fault.kind] == len(done)
    return done


@pytest.mark.parametrize(
    ("change", "done"),
    [
        ({}, [0]),
        ({"nth": 3}, [2]),
        ({"nth": 3, "times": 2}, [2, 3]),
        ({"times": 0}, [0, 1, 2, 3, 4, 5]),
        ({"at_s": 2.0}, [2]),
        ({"at_s": 2.0, "for_s": 2.0, "times": 0}, [2, 3]),
        ({"probability": 0.0, "times": 0}, []),
        ({"method": "POST"}, []),
        ({"path": "/y"}, []),
        ({"channel": "fill"}, []),
        ({"method": "get", "path": "/", "times": 2}, [0, 1]),
    ],
)
def test_when_a_fault_happens(change: dict[str, Any], done: list[int]) -> None:
    assert times_done(msgspec.convert({"kind": "error_before"} | change, Fault), 6, 1.0) == done


@given(st.integers(0, 1_000), st.integers(0, 5), st.floats(0.1, 0.9))
def test_chance_is_the_same_with_the_same_seed(seed: int, times: int, probability: float) -> None:
    fault = Fault(kind="timeout", times=times, probability=probability)
    done = times_done(fault, 50, seed=seed)
    assert done == times_done(fault, 50, seed=seed)
    assert not times or len(done) <= times


def test_faults_that_stand_are_not_used_up() -> None:
    time = Time(0)
    for kind in STANDING:
        plan = FaultPlan(
            [Fault(kind=kind, seconds=1.0, for_s=10.0), Fault(kind=kind, seconds=2.0, at_s=5.0, for_s=1.0)], clock=time
        )
        time.now_ns = 0
        plan = FaultPlan([armed.fault for armed in plan.armed.values()], clock=time)
        stands = []
        for _ in range(12):
            fault = plan.standing(kind)
            stands.append(fault.seconds if fault else 0.0)
            time.pass_s(1)
        assert stands == [1.0] * 5 + [2.0] + [1.0] * 4 + [0.0] * 2


def test_a_plan_in_a_file() -> None:
    plan = plan_from(b'{"seed": 7, "faults": [{"kind": "seq_gap", "channel": "orderbook_delta", "nth": 5}]}')
    assert [armed.fault.channel for armed in plan.armed.values()] == ["orderbook_delta"]
    assert plan.take("seq_gap", channel="ticker") is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (b"", "not a plan"),
        (b"[]", "not a plan"),
        (b'{"faults": [{"kind": "flood"}]}', "flood"),
        (b'{"faults": [{"kind": "timeout", "when": 3}]}', "when"),
        (b'{"faults": [{"kind": "error_before", "status": 404}]}', "500 to 599"),
        (b'{"faults": [{"kind": "timeout", "probability": 2}]}', "between 0 and 1"),
        (b'{"faults": [{"kind": "timeout", "seconds": 1e9}]}', "a day"),
        (b'{"faults": [{"kind": "timeout", "nth": 0}]}', "nth"),
    ],
)
def test_what_is_no_plan_is_refused_in_a_sentence(document: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        plan_from(document)


# The door --------------------------------------------------------------------------------------------------------------


async def control(
    exchange: Open, method: str, path: str = "", body: object = None, secret: str = SECRET
) -> tuple[int, Any]:
    url = exchange.me.rest.replace("/trade-api/v2", "/sim/faults") + path
    data = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
    async with exchange.me.session.request(
        method, url, data=data, headers={"Authorization": f"Bearer {secret}"}
    ) as answer:
        raw = await answer.read()
        return answer.status, msgspec.json.decode(raw) if raw else None


async def test_faults_are_set_read_and_taken_away() -> None:
    async with opened() as exchange:
        fault = {"kind": "error_before", "path": "/markets", "status": 502, "times": 2}
        assert await control(exchange, "POST", body=[fault, fault | {"path": "/events"}]) == (201, {"numbers": [1, 2]})
        assert (await exchange.nobody.get("/markets")).status == 502
        status, said = await control(exchange, "GET")
        assert (status, said["done"]) == (200, {"error_before": 1})
        assert [(one["number"], one["done"], one["path"]) for one in said["faults"]] == [
            (1, 1, "/markets"),
            (2, 0, "/events"),
        ]
        assert (await control(exchange, "DELETE", "/1"))[0] == 204
        assert (await control(exchange, "DELETE", "/1"))[0] == 404
        assert (await control(exchange, "DELETE", "/x"))[0] == 404
        assert (await exchange.nobody.get("/markets")).status == 200
        assert (await control(exchange, "DELETE"))[0] == 204
        assert (await exchange.nobody.get("/events")).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"[" * 100_000, b'{"kind":"flood"}', b'{"kind":"timeout","status":200}', b'[{"kind":1}]', b"\xff"]
)  # fmt: skip
async def test_what_is_no_fault_is_refused(body: bytes) -> None:
    async with opened() as exchange:
        status, said = await control(exchange, "POST", body=body)
        assert (status, said["code"]) == (400, "bad_request")
        assert not exchange.plan.armed


async def test_the_door_wants_its_secret() -> None:
    async with opened() as exchange:
        for secret in ("", "open the doo", "öpen"):
            assert (await control(exchange, "GET", secret=secret))[0] == 401
        assert (await control(exchange, "POST", body={"kind": "timeout"}, secret="guess"))[0] == 401
        assert not exchange.plan.armed
    async with opened(terms=Terms(is_limited=False)) as exchange:
        assert (await control(exchange, "GET", secret=""))[0] == 404  # without a secret it stays shut


async def test_a_settlement_that_is_late() -> None:
    time = Time()
    async with opened(new_house(time), terms=UNLIMITED) as exchange:
        exchange.fault("settle_late", seconds=600.0)
        assert exchange.house.life.settle_delay() == 600 * SECOND_NS
        exchange.plan.clear()
        assert exchange.house.life.settle_delay() == 0
