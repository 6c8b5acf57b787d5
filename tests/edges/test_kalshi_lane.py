"""The lane of kept connections: orders leave within the call, each answer finds its order, and a line that breaks says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from markets.kalshi.errors import NotSent, OutcomeUnknown
from markets.kalshi.hosts import hosts_at
from markets.kalshi.lane import IDLE_S, LINES, Lane
from markets.kalshi.presigned import FRESH_MS, Presigned
from markets.kalshi.rest_attempts import Lost, Reply
from markets.kalshi.rest_lane import LaneRest
from tests.kalshi_rest_calls import an_order
from tests.kalshi_rest_fakes import FakeExchange, NoPause, a_signer, ample

GET = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 05:00:00 GMT\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of `answers`; None hangs, b"" closes."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while request := await reader.read(65_536):
            self.requests.append(request)
            answer = self.answers.pop(0) if self.answers else OK
            if answer is None:
                continue
            writer.write(answer)
            if not answer or b"Connection: close" in answer:
                break
        writer.close()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Server"]:
        server = await asyncio.start_server(self.meet, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self
            for writer in self._writers:
                writer.close()


@asynccontextmanager
async def lane_to(server: Server, lines: int = 1) -> AsyncIterator[Lane]:
    dates: list[str] = []
    lane = Lane(f"http://127.0.0.1:{server.port}", lambda: 0, lambda date, sent, heard: dates.append(date), lines)
    await lane.open()
    yield lane
    lane.close()


async def asked(lane: Lane, timeout_s: float = 5.0) -> Reply | Lost:
    async with asyncio.timeout(5):
        while (line := lane.free()) is None:
            await asyncio.sleep(0.01)
        return await line.send(GET, timeout_s)


async def test_the_bytes_leave_within_the_call() -> None:
    async with Server(None).open() as server, lane_to(server) as lane:
        line = lane.free()
        assert line is not None
        line.send(GET, 5.0)
        assert (line.is_free, lane.free()) == (False, None)
        while not server.requests:
            await asyncio.sleep(0)
        assert server.requests == [GET]


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["plain", "after a 100", "in chunks", "and closes"],
)
async def test_a_whole_answer_in_every_dress(answer: bytes) -> None:
    async with Server(answer).open() as server, lane_to(server) as lane:
        assert await asked(lane) == Reply(200, b"ok")
        assert await asked(lane) == Reply(200, b"ok")  # the same line again, or another in its place
        assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed before the answer"),
        (b"garbage\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 201 Created\r\nContent-Length: 10\r\nConnection: close\r\n\r\nha", "closed before the answer"),
        (None, "no whole answer within 0.2 s"),
    ],
    ids=["closed", "garbage", "half", "silence"],
)
async def test_what_breaks_is_lost_once_and_the_line_is_made_anew(answer: bytes | None, words: str) -> None:
    async with Server(answer).open() as server, lane_to(server) as lane:
        lost = await asked(lane, 0.2)
        assert isinstance(lost, Lost)
        assert (lost.was_sent, words in lost.words) == (True, True), lost.words
        assert len(server.requests) == 1
        assert await asked(lane) == Reply(200, b"ok")
        assert server.connections == 2


async def test_an_answer_that_nobody_asked_for_ends_the_line() -> None:
    async with Server(OK + OK).open() as server, lane_to(server) as lane:
        assert await asked(lane) == Reply(200, b"ok")
        assert await asked(lane) == Reply(200, b"ok")
        assert server.connections == 2


async def test_several_orders_at_once_have_a_line_each_and_one_more_goes_the_ordinary_way() -> None:
    async with FakeExchange() as exchange:
        rest = LaneRest(exchange.hosts, a_signer(), budgets=ample(), rng=NoPause())
        async with rest:
            while sum(line is not None and line.is_free for line in rest._lane._lines) < LINES:  # type: ignore[union-attr]
                await asyncio.sleep(0.01)
            exchange.script["create_order"] = [exchange.hang] * LINES
            under_way = [
                asyncio.ensure_future(rest.begin_create(an_order(client_order_id=str(number))))
                for number in range(LINES)
            ]
            assert not rest.is_ready
            assert (await rest.create_order(an_order())).order_id
            exchange.released.set()
            await asyncio.gather(*under_way, return_exceptions=True)
    assert exchange.names() == ["create_order"] * (LINES + 1)


async def test_what_has_to_wait_is_asked_again_before_it_leaves_and_what_leaves_at_once_is_not() -> None:
    asked: list[str] = []

    def may_send() -> str:
        asked.append("")
        return "kill_file"

    async with FakeExchange() as exchange, LaneRest(exchange.hosts, a_signer(), budgets=ample(), rng=NoPause()) as rest:
        while not rest.is_ready:
            await asyncio.sleep(0.01)
        assert (await rest.begin_create(an_order(), may_send)).order_id
        assert asked == []
        exchange.script["create_order"] = [(429, {"error": "too many requests"})]
        with pytest.raises(NotSent) as held:
            await rest.begin_create(an_order(client_order_id="another"), may_send)
        assert (held.value.code, len(asked)) == ("kill_file", 1)
    assert exchange.names() == ["create_order"] * 2


async def test_a_lost_order_is_unknown_and_not_sent_again() -> None:
    async with FakeExchange() as exchange, LaneRest(exchange.hosts, a_signer(), budgets=ample(), rng=NoPause()) as rest:
        exchange.script["create_order"] = [exchange.cut]
        with pytest.raises(OutcomeUnknown):
            await rest.begin_create(an_order())
        assert (await rest.create_order(an_order(client_order_id="another"))).order_id
    assert exchange.names() == ["create_order"] * 2


async def test_where_nobody_listens_it_is_not_ready() -> None:
    async with Server().open() as server:
        hosts = hosts_at(f"http://127.0.0.1:{server.port}", "ws://x")
    async with LaneRest(hosts, a_signer(), budgets=ample()) as rest:
        assert not rest.is_ready


async def test_an_idle_line_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("markets.kalshi.lane.IDLE_S", 0.3)
    monkeypatch.setattr("markets.kalshi.lane.LOOK_S", 0.05)
    async with Server().open() as server, lane_to(server) as lane:
        async with asyncio.timeout(5):
            while server.connections < 3:
                await asyncio.sleep(0.02)
        assert await asked(lane) == Reply(200, b"ok")
    assert IDLE_S < 60  # load balancers close after a minute


async def lies_ready(signature: Presigned) -> None:
    while not signature.is_ready:
        await asyncio.sleep(0.01)


async def test_a_signature_lies_ready_is_used_once_and_never_old() -> None:
    now = [1_000_000]
    signature = Presigned(a_signer(), "POST", "/trade-api/v2/portfolio/events/orders", lambda: now[0])
    signature.start()
    await lies_ready(signature)
    first, second = signature.take(), signature.take()
    assert (signature.taken, signature.missed, first is second) == (1, 1, False)
    await lies_ready(signature)
    now[0] += FRESH_MS + 1
    assert signature.take()["KALSHI-ACCESS-TIMESTAMP"] == str(now[0])
    signature.stop()
