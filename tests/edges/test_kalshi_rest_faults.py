"""The REST client when connections break: reads are repeated, a lost write is unknown, what never left is said to have never
left; nothing leaks when a task is cancelled or the client closed; and no error or log line holds a signature or a key."""

import asyncio
import contextlib
import gc
import json
import logging
import random
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import CALLS
from markets.kalshi.calls_orders import create_order
from markets.kalshi.errors import (
    BadAnswer,
    KalshiError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from markets.kalshi.hosts import hosts_at
from markets.kalshi.limits import TIERS
from markets.kalshi.requests import CreateOrder
from markets.kalshi.rest import KalshiRest
from markets.kalshi.rest_attempts import (
    ORDER_THROTTLED_TRIES,
    THROTTLED_TRIES,
    TRIES,
    Again,
    Attempts,
    Lost,
    Reply,
)
from markets.kalshi.rest_lane import LaneRest
from markets.kalshi.rest_sync import KalshiRestSync
from tests.kalshi_rest_calls import EVERY_CALL, OTHER_CLIENT_ID, an_order
from tests.kalshi_rest_documents import CLIENT_ID, DOCUMENTED, GROUP_ID, ORDER_ID, TICKER
from tests.kalshi_rest_fakes import FakeExchange, NoPause, a_signer, ample, too_many

Ways = Callable[[KalshiRest | KalshiRestSync, str], Awaitable[Any]]
TROUBLE = (503, {"error": {"code": "service_unavailable", "message": "try later"}})
WRITES = [name for name, call in CALLS.items() if call.is_write]
ONE_SHOT_WRITES = [name for name in WRITES if not CALLS[name].repeats]


@contextlib.asynccontextmanager
async def client(exchange: FakeExchange, kind: str, timeout_s: float = 10.0) -> AsyncIterator[Callable[..., Any]]:
    """`call(name)` makes a call over the async or the sync face, or over the async one with a lane for orders."""
    options: dict[str, Any] = {"budgets": ample(), "rng": NoPause(), "timeout_s": timeout_s}
    if kind != "sync":
        face = KalshiRest if kind == "async" else LaneRest
        async with face(exchange.hosts, a_signer(), **options) as rest:
            yield lambda name: EVERY_CALL[name](rest)
        return
    with KalshiRestSync(exchange.hosts, a_signer(), sleep=lambda seconds: None, **options) as sync:
        yield lambda name: asyncio.to_thread(EVERY_CALL[name], sync)


faces = pytest.mark.parametrize("face", ["async", "sync", "lane"])
one_connection = pytest.mark.parametrize("face", ["async", "sync"])


@faces
@pytest.mark.parametrize("fault", ["cut", "half", "garbage", "html", "trouble", "timeout"])
async def test_a_read_is_repeated_until_it_is_whole(face: str, fault: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script["market"] = [fault_of(exchange, "market", fault)] * (TRIES - 1)
        assert (await call("market")).status == "active"
    assert exchange.names() == ["market"] * TRIES


@faces
@pytest.mark.parametrize("fault", ["cut", "half", "garbage", "trouble"])
async def test_a_read_that_stays_lost_is_unavailable(face: str, fault: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script["market"] = [fault_of(exchange, "market", fault)] * (TRIES + 1)
        with pytest.raises(Unavailable) as caught:
            await call("market")
    assert caught.value.call == "market"
    assert exchange.names() == ["market"] * TRIES


@faces
async def test_an_answer_of_another_shape_names_call_and_field_and_is_not_asked_for_again(face: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script["market"] = [(200, {"market": {"ticker": TICKER, "event_ticker": "", "status": "active"}})]
        with pytest.raises(BadAnswer, match=r"market - HTTP 200 - .*missing required field `open_time`.*\$.market"):
            await call("market")
    assert exchange.names() == ["market"]


@faces
@pytest.mark.parametrize("fault", ["cut", "half", "garbage", "html", "odd", "trouble", "timeout", "unsure"])
async def test_an_order_whose_answer_is_lost_is_unknown_and_never_repeated(face: str, fault: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script["create_order"] = [fault_of(exchange, "create_order", fault)]
        with pytest.raises(OutcomeUnknown) as caught:
            await call("create_order")
    assert (caught.value.client_order_id, caught.value.call) == (CLIENT_ID, "create_order")
    assert caught.value.sent_ns > 0
    assert exchange.names() == ["create_order"]


def test_what_is_lost_after_other_attempts_says_when_it_left_for_the_last_time() -> None:
    order = CreateOrder(ticker=TICKER, client_order_id=CLIENT_ID, is_bid=True, price=5_000, count=100, shard=2)
    attempts = Attempts(create_order(order), random.Random(1), lambda code, details: "", lambda: True)
    assert attempts.judge(Reply(429, b"{}"), 100) == Again(is_throttled=True)
    with pytest.raises(OutcomeUnknown) as caught:
        attempts.judge(Lost("broken off", was_sent=True), 112)
    assert caught.value.sent_ns == 112


@faces
@pytest.mark.parametrize("name", ONE_SHOT_WRITES)
async def test_no_write_is_repeated_after_a_dead_connection(face: str, name: str) -> None:
    """The first call leaves a kept connection behind, on which the second is cut: HTTP libraries like to repeat then."""
    async with FakeExchange() as exchange, client(exchange, face) as call:
        await call("market")
        exchange.script[name] = [exchange.cut]
        with pytest.raises(OutcomeUnknown) as caught:
            await call(name)
    assert exchange.names() == ["market", name]
    ids = (*caught.value.client_order_ids, *caught.value.order_ids)
    assert bool(ids) == (name not in ("cancel_all", "create_group", "delete_group", "reset_group"))


async def test_a_batch_that_is_lost_names_all_its_orders() -> None:
    async with FakeExchange() as exchange, client(exchange, "async") as call:
        exchange.script["create_orders"] = [TROUBLE, (201, {"orders": [DOCUMENTED["create_order"][1]]})]
        for words in ("service_unavailable", "1 items answer a batch of 2"):
            with pytest.raises(OutcomeUnknown, match=words) as caught:
                await call("create_orders")
            assert caught.value.client_order_ids == (CLIENT_ID, OTHER_CLIENT_ID)


@faces
async def test_what_may_be_repeated_without_harm_is(face: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script["trigger_group"] = [exchange.cut, TROUBLE]
        assert await call("trigger_group") is None
        exchange.script["trigger_group"] = [exchange.cut, (404, {"code": "not_found"})]
        with pytest.raises(OutcomeUnknown):  # the first may have been carried out, whatever is said of the second
            await call("trigger_group")
    assert exchange.names() == ["trigger_group"] * 5


@faces
async def test_a_hanging_exchange_is_left_after_the_timeout(face: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face, timeout_s=0.2) as call:
        exchange.script["create_order"] = [exchange.hang]
        exchange.script["market"] = [exchange.hang]
        with pytest.raises(OutcomeUnknown, match=r"no whole answer within 0\.2 s"):
            await call("create_order")
        exchange.released.set()
        assert (await call("market")).status == "active"


@faces
async def test_an_answer_that_stops_half_way_is_left_after_the_timeout(face: str) -> None:
    async with FakeExchange() as exchange, client(exchange, face, timeout_s=0.2) as call:

        async def stop(request: web.Request) -> web.StreamResponse:
            answer = web.StreamResponse(status=201, headers={"Content-Length": "100"})
            await answer.prepare(request)
            await answer.write(b'{"order_id"')
            await exchange.released.wait()
            return answer

        exchange.script["create_order"] = [stop]
        with pytest.raises(OutcomeUnknown) as caught:
            await call("create_order")
        exchange.released.set()
    assert caught.value.status == 201


@faces
@pytest.mark.parametrize(
    ("name", "tries"),
    [("create_order", ORDER_THROTTLED_TRIES), ("cancel_order", THROTTLED_TRIES), ("market", THROTTLED_TRIES)],
)
async def test_429_in_the_end_is_said(face: str, name: str, tries: int) -> None:
    async with FakeExchange() as exchange, client(exchange, face) as call:
        exchange.script[name] = [too_many()] * THROTTLED_TRIES
        with pytest.raises(RateLimited, match="too many requests"):
            await call(name)
    assert exchange.names() == [name] * tries


async def test_a_batch_that_no_bucket_holds_is_never_sent() -> None:
    async with FakeExchange() as exchange, exchange.rest(budgets=Budgets(TIERS["basic"])) as rest:
        with pytest.raises(NotSent, match="smaller batches"):
            await rest.create_orders([an_order(client_order_id=str(number)) for number in range(11)])
    assert exchange.asked == []


# Before the request is read ----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def resetting() -> AsyncIterator[tuple[int, list[int]]]:
    """A port where each connection is reset as soon as a request has come, without reading it; how many there were."""
    met = [0]
    loop = asyncio.get_running_loop()

    async def meet(listener: socket.socket) -> None:
        while True:
            raw, _ = await loop.sock_accept(listener)
            raw.settimeout(5)
            await asyncio.to_thread(raw.recv, 1, socket.MSG_PEEK)
            met[0] += 1
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        meeting = asyncio.create_task(meet(listener))
        yield listener.getsockname()[1], met
        meeting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await meeting


@contextlib.contextmanager
def closed_port() -> Any:
    """A port where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@faces
async def test_where_nobody_listens_nothing_was_sent(face: str) -> None:
    with closed_port() as port:
        exchange = FakeExchange()
        exchange_at = type("At", (), {"hosts": hosts_at(f"http://127.0.0.1:{port}")})
        async with client(exchange_at, face) as call:  # type: ignore[arg-type]
            with pytest.raises(NotSent) as caught:
                await call("create_order")
            assert caught.value.status == 0
            with pytest.raises(Unavailable):
                await call("market")
        assert exchange.asked == []


@one_connection
async def test_what_was_sent_into_a_reset_is_unknown(face: str) -> None:
    async with resetting() as (port, met):
        exchange_at = type("At", (), {"hosts": hosts_at(f"http://127.0.0.1:{port}")})
        async with client(exchange_at, face) as call:  # type: ignore[arg-type]
            with pytest.raises(OutcomeUnknown):
                await call("create_order")
            assert met == [1]
            with pytest.raises(Unavailable):
                await call("market")
            assert met == [1 + TRIES]


async def test_an_exchange_that_comes_up_between_two_attempts_gets_the_order() -> None:
    """The same order, byte for byte; nothing of the first attempt had left."""
    exchange = FakeExchange()
    with closed_port() as port:
        pass

    class ThenUp(NoPause):
        def uniform(self, a: float, b: float) -> float:
            starting.append(asyncio.create_task(up()))
            return 1.0

    async def up() -> None:
        exchange._server.port = port
        await exchange._server.start_server()

    starting: list[asyncio.Task[None]] = []
    async with KalshiRest(hosts_at(f"http://127.0.0.1:{port}"), a_signer(), budgets=ample(), rng=ThenUp()) as rest:
        assert (await rest.create_order(an_order())).order_id == ORDER_ID
    await asyncio.gather(*starting)
    await exchange.__aexit__(None, None, None)
    assert exchange.names() == ["create_order"]


# Cancelling and closing --------------------------------------------------------------------------------------------


async def test_a_cancelled_write_ends_as_cancelled_and_leaves_nothing() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["create_order"] = [exchange.hang]
        task = asyncio.create_task(rest.create_order(an_order()))
        await arrived(exchange, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert rest._session is not None
        assert rest._session.connector is not None
        assert not rest._session.connector._acquired
        exchange.released.set()
        await rest.create_order(an_order(client_order_id=OTHER_CLIENT_ID))
    assert exchange.names() == ["create_order"] * 2
    assert len([task for task in asyncio.all_tasks() if task is not asyncio.current_task()]) == 0


async def test_a_write_that_is_cancelled_while_it_waits_for_tokens_never_leaves() -> None:
    async with FakeExchange() as exchange:
        budgets = Budgets(TIERS["basic"], clock=lambda: 0.0)
        async with exchange.rest(budgets=budgets) as rest:
            for number in range(9):
                await rest.create_order(an_order(client_order_id=str(number)))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await rest.create_order(an_order())
            assert sum(lane.waiting for lane in budgets.view().lanes) == 0
    assert len(exchange.asked) == 9


async def test_closing_ends_what_is_under_way() -> None:
    async with FakeExchange() as exchange:
        rest = exchange.rest()
        async with rest:
            exchange.script["create_order"], exchange.script["market"] = [exchange.hang], [exchange.hang]
            write = asyncio.create_task(rest.create_order(an_order()))
            read = asyncio.create_task(rest.market(TICKER))
            await arrived(exchange, 2)
        with pytest.raises(OutcomeUnknown):
            await write
        with pytest.raises(Unavailable):
            await read
        with pytest.raises(NotSent, match="closed"):
            await rest.create_order(an_order())
        with pytest.raises(Unavailable, match="closed"):
            await rest.market(TICKER)
        exchange.released.set()
        gc.collect()  # an unclosed session or connection would warn, and a warning fails
    assert len(exchange.asked) == 2


async def test_reads_that_hang_do_not_hold_up_a_cancel() -> None:
    async with FakeExchange() as exchange, exchange.rest() as rest:
        exchange.script["market"] = [exchange.hang] * 40
        reads = [asyncio.create_task(rest.market(TICKER)) for _ in range(40)]
        await arrived(exchange, 32)
        await rest.cancel_order(ORDER_ID, 2)
        assert exchange.names().count("market") == 32
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)


# Secrets -----------------------------------------------------------------------------------------------------------


@faces
async def test_no_error_and_no_log_line_has_a_signature_or_a_secret(
    face: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The server repeats everything that it was sent, in its errors and bodies."""
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    async with FakeExchange() as exchange, client(exchange, face) as call:

        async def echo(request: web.Request) -> web.StreamResponse:
            heard = dict(request.headers)
            return web.json_response({"error": {"code": "bad_request", "message": str(heard)}}, status=400)

        async def echo_page(request: web.Request) -> web.StreamResponse:
            return web.Response(text=f"<html>{dict(request.headers)}</html>", status=502)

        async def echo_field(request: web.Request) -> web.StreamResponse:
            signature = request.headers["KALSHI-ACCESS-SIGNATURE"]
            order = DOCUMENTED["order"][1]["order"] | {"yes_price_dollars": signature}
            return web.json_response({"order": order})

        async def broken_head(request: web.Request) -> web.StreamResponse:
            assert request.transport is not None
            request.transport.write(
                b"HTTP/1.1 BAD\r\n" + request.headers["KALSHI-ACCESS-SIGNATURE"].encode() + b"\r\n\r\n"
            )
            request.transport.close()
            return web.Response()

        for act in (echo, echo_page, broken_head, exchange.cut, exchange.half):
            exchange.script["create_order"] = [act]
            told.append(await failure(call("create_order")))
        for act in (echo, echo_page, echo_field, broken_head):
            exchange.script["order"] = [act] * TRIES
            told.append(await failure(call("order")))
        exchange.script["balance"] = [(401, {"error": {"code": "authentication_error"}})]
        told.append(await failure(call("balance")))
    signatures = [asked.headers["KALSHI-ACCESS-SIGNATURE"] for asked in exchange.asked]
    assert len(signatures) > 10
    everything = "\n".join([*told, caplog.text, *(str(record.__dict__) for record in caplog.records)])
    assert "bad_request" in everything
    for secret in (*signatures, *(one.rstrip("=")[:40] for one in signatures), "the secret of the tests"):
        assert secret not in everything


async def failure(call: Awaitable[Any]) -> str:
    """All that a failed call leaves in reports: text, representation, attributes, traceback with its causes."""
    try:
        await call
    except KalshiError as error:
        seen: BaseException | None = error
        told = []
        while seen is not None:
            told += [str(seen), repr(seen), str(vars(seen)), *traceback.format_exception(seen, chain=False)]
            seen = seen.__cause__ or seen.__context__
        return "\n".join(told)
    raise AssertionError("the call did not fail")


def fault_of(exchange: FakeExchange, name: str, fault: str) -> Any:
    """What a script holds to make this fault."""
    return {
        "cut": exchange.cut,
        "half": exchange.half,
        "garbage": (DOCUMENTED[name][0], json.dumps(DOCUMENTED[name][1]).encode()[:-9]),
        "html": (200, b"<html>welcome</html>"),
        "odd": (201, {"order_id": ORDER_ID}),
        "trouble": TROUBLE,
        "timeout": (408, b""),
        "unsure": (400, {"error": {"code": "EXCHANGE_UNAVAILABLE", "message": GROUP_ID}}),
    }[fault]


async def arrived(exchange: FakeExchange, count: int) -> None:
    while len(exchange.asked) < count:
        await asyncio.sleep(0.001)
