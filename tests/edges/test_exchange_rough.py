"""The simulated exchange under rough hands: half requests, lying headers, odd paths, broken frames, crowds of connections.
It answers with what is wrong, or not at all, never with a failure of its own, and forgets who has gone."""

import asyncio
import gc
import logging
import re
import struct
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import msgspec
import pytest
import yarl

from markets.kalshi.auth import headers
from tests.builders import TICKER, snapshot
from tests.exchange_rest import ORDERS, Member, Open, new_house, opened, wall_ms
from trading.simulator.exchange import app
from trading.simulator.exchange.app import ROOT
from trading.simulator.exchange.ws import PATH

PATIENCE_S = 10.0
POST = f"POST {ROOT}{ORDERS} HTTP/1.1\r\nHost: here\r\n"
BALANCE = "/portfolio/balance"
KEY, STAMP, SIGNATURE = "KALSHI-ACCESS-KEY", "KALSHI-ACCESS-TIMESTAMP", "KALSHI-ACCESS-SIGNATURE"


def port_of(exchange: Open) -> int:
    return urlsplit(exchange.me.rest).port or 0


async def say(exchange: Open, said: str | bytes, *, hangs_up: bool = False) -> tuple[int, bytes]:
    """(the status, everything that came back) of bytes as they are; status 0 when there was no answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(exchange))
    try:
        writer.write(said.encode("latin-1") if isinstance(said, str) else said)
        if hangs_up:
            writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        answer = b""
    finally:
        writer.close()
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0, answer


def get(path: str, more: str = "") -> str:
    return f"GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n{more}\r\n"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/{ROOT}/exchange/status", 404),
        (f"{ROOT}//exchange/status", 404),
        (f"{ROOT}/exchange/status/", 404),
        (f"{ROOT}/exchange/../exchange/status", 404),
        (f"{ROOT}/exchange/..;/status", 404),
        (f"{ROOT}/markets/%2e%2e%2fexchange%2fstatus", 404),
        (f"{ROOT}/markets/%00", 404),
        (f"{ROOT}/markets/%ff%fe", 404),
        (f"{ROOT}/markets/%zz%", 404),
        (f"{ROOT}/markets/{'A' * 8_000}", 404),
        (f"{ROOT}/markets/\xff\xfe", 400),
        (f"{ROOT}/markets?limit=%D9%A1", 400),
        (f"{ROOT}/markets?limit=1_0", 400),
        (f"{ROOT}/markets?limit=1e3", 400),
        (f"{ROOT}/markets?{'&x=' * 2_000}", 200),
        ("*", 400),
        ("", 400),
    ],
)
async def test_odd_paths(path: str, status: int) -> None:
    async with opened() as exchange:
        assert (await say(exchange, get(path)))[0] == status


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{}%00", 404),
        ("{}%2Famend", 404),
        ("{}/", 404),
        ("%7B{}%7D", 404),
        ("%20{}", 404),
        ("..;/{}", 404),
        ("%2e%2e%2f{}", 404),
        ("{}%0a", 404),
        ("%F0%9F%98%80", 404),
        ("%D9%A1", 404),
        ("a" * 6_000, 404),
        ("{}", 200),
    ],
)
async def test_odd_order_ids(form: str, status: int) -> None:
    async with opened() as exchange:
        order_id = (await exchange.me.place()).body["order_id"]
        url = yarl.URL(f"{exchange.me.rest}/portfolio/orders/{form.format(order_id)}", encoded=True)
        assert exchange.me.signer is not None
        signed = headers(exchange.me.signer, "GET", url.raw_path, wall_ms())
        async with exchange.me.session.get(url, headers=signed) as answer:
            assert answer.status == status


@pytest.mark.parametrize(
    "stamp", [" {}", "+{}", "-{}", "{}.0", "{}1e20", "1e20", "0x{}", "{} {}", "{}\u0661", "9" * 400]
)
async def test_odd_stamps_that_are_signed_for(stamp: str) -> None:
    """Signed as they stand, so that only their form is wrong; the blank before one is no part of a header."""
    async with opened() as exchange:
        now = str(wall_ms())
        said = stamp.replace("{}", now)
        assert exchange.me.signer is not None
        signature = exchange.me.signer.sign(f"{said}GET{ROOT}{BALANCE}".encode())
        lines = f"{KEY}: {exchange.me.signer.key_id}\r\n{STAMP}: {said}\r\n{SIGNATURE}: {signature}\r\n"
        status, answer = await say(exchange, get(f"{ROOT}{BALANCE}", lines).encode())
        assert status == 401
        assert (b"header_timestamp_expired" in answer) != (stamp == " {}")


async def test_of_headers_said_twice_the_first_counts() -> None:
    async with opened() as exchange:
        good = "".join(f"{name}: {value}\r\n" for name, value in exchange.me.signed("GET", BALANCE).items())
        assert (await say(exchange, get(f"{ROOT}{BALANCE}", good + good)))[0] == 200
        assert (await say(exchange, get(f"{ROOT}{BALANCE}", good + f"{KEY}: other\r\n")))[0] == 200
        assert (await say(exchange, get(f"{ROOT}{BALANCE}", f"{KEY}: other\r\n{good}")))[0] == 401
        assert (await say(exchange, get(f"{ROOT}{BALANCE}", good.lower())))[0] == 401  # the signature, too
        assert (await say(exchange, get(f"{ROOT}{BALANCE}", good.replace(KEY, KEY.lower()))))[0] == 200


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (POST + "Content-Length: -5\r\n\r\n{}", 400),
        (POST + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400),
        (POST + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n\r\n", 400),
        (POST + "Content-Encoding: gzip\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (POST + "Content-Encoding: br\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd", 400),
        (POST + "Content-Type: text/x; charset=none\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 401),
        (POST + "Expect: wonders\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", 417),
        (get(f"{ROOT}/exchange/status", f"X: {'a' * 100_000}\r\n"), 400),
        (get(f"{ROOT}/exchange/status", "".join(f"X{number}: a\r\n" for number in range(5_000))), 400),
        ("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        ("SSH-2.0-client\r\n\r\n", 400),
        (f"BREW {ROOT}/exchange/status HTTP/1.1\r\n\r\n", 400),
        (f"TRACE {ROOT}/exchange/status HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", 405),
        (f"CONNECT {ROOT}/exchange/status HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n", 404),
    ],
)
async def test_lying_requests(said: str, status: int) -> None:
    async with opened() as exchange:
        assert (await say(exchange, said))[0] == status
        assert (await exchange.nobody.get("/exchange/status")).status == 200


@pytest.mark.parametrize(
    "said",
    [f"GET {ROOT}/exch", f"GET {ROOT}/exchange/status HTTP/1.1\r\nHos", POST + 'Content-Length: 100\r\n\r\n{"a"'],
)
async def test_who_leaves_in_the_middle_is_no_failure(said: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        async with opened() as exchange:
            assert (await say(exchange, said, hangs_up=True))[0] == 0
            assert (await exchange.nobody.get("/exchange/status")).status == 200
    assert not caplog.records


async def test_a_body_that_does_not_come_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "PATIENCE_S", 0.05)
    async with opened() as exchange:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(exchange))
        writer.write((POST + 'Content-Length: 100\r\n\r\n{"a"').encode())
        answer = await asyncio.wait_for(reader.readuntil(b"}"), PATIENCE_S)
        writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"request_timeout" in answer


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"ticker":"' + b"a" * 1_000_000 + b'"}', 400),
        (b'{"ticker":"' + b"a" * 5_000_000 + b'"}', 413),
        (b"[" * 200_000, 400),
        (b'{"a":' * 100_000, 400),
        (b'{"expiration_time":' + b"9" * 100_000 + b"}", 400),
        (b'{"exchange_index":1e400}', 400),
        (b'{"ticker":"\\ud800"}', 400),
        (b'{"ticker":"\xff"}', 400),
        (b'{"ticker":"\\u0000"}', 400),
        (b"\xef\xbb\xbf{}", 400),
        (b"null", 400),
    ],
)
async def test_odd_bodies(body: bytes, status: int) -> None:
    async with opened() as exchange:
        assert (await exchange.me.ask("POST", ORDERS, BytesIO(body))).status == status


async def test_many_at_once_are_all_answered_and_forgotten() -> None:
    async with opened() as exchange:
        assert (await exchange.me.get(BALANCE)).status == 200  # whose connection is kept
        before = descriptors()
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            mine = Member(session, exchange.me.rest, exchange.me.signer)
            asked = [mine.place(price="0.2000", count="1.00") for _ in range(100)]
            asked += [mine.get("/portfolio/orders", limit=1000) for _ in range(50)]
            asked += [Member(session, exchange.me.rest).get("/markets") for _ in range(50)]
            assert Counter([said.status for said in await asyncio.gather(*asked)]) == {201: 100, 200: 100}
        idle = [await asyncio.open_connection("127.0.0.1", port_of(exchange)) for _ in range(200)]
        for number, (_, writer) in enumerate(idle):
            writer.write(f"GET {ROOT}/exchange"[: number % 20].encode())
        assert len((await exchange.me.get("/portfolio/orders", limit=1000)).body["orders"]) == 100
        for _, writer in idle:
            writer.close()
        await settled(before)


async def test_requests_in_one_go_are_answered_in_order() -> None:
    async with opened() as exchange:
        paths = [f"{ROOT}/exchange/status", f"{ROOT}/markets/NONE"] * 50
        one = "".join(f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n" for path in paths) + get("/")
        _, answer = await say(exchange, one)
        found = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]
        assert found == [200, 404] * 50 + [404]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def settled(most: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while descriptors() > most:
            gc.collect()
            await asyncio.sleep(0.05)


# The socket --------------------------------------------------------------------------------------------------------------


def frame(code: int, payload: bytes, *, first: int = 0x80, mask: int = 0x80) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((first | code, mask | size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", first | code, mask | 126, size)
    else:
        head = struct.pack("!BBQ", first | code, mask | 127, size)
    return head + (bytes(4) if mask else b"") + payload


@asynccontextmanager
async def connected(exchange: Open, more: str = "") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A socket whose frames we make ourselves."""
    assert exchange.me.signer is not None
    signed = headers(exchange.me.signer, "GET", PATH, wall_ms())
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port_of(exchange), limit=1 << 24)
    try:
        writer.write(
            f"GET {PATH} HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{lines}{more}\r\n".encode()
        )
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        yield reader, writer
    finally:
        writer.close()


LIST = b'{"id":1,"cmd":"list_subscriptions"}'
CLOSED_WITH = {"protocol": 1002, "text": 1007, "size": 1009}


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (frame(1, b"\xff\xfe"), "text"),
        (frame(1, b"{}", first=0xC0), "protocol"),
        (frame(3, b""), "protocol"),
        (frame(9, b"x", first=0), "protocol"),
        (frame(9, b"x" * 126), "protocol"),
        (frame(0, b"x"), "protocol"),
        (frame(1, b" " * (17 << 20))[: 1 << 20], "size"),
        (frame(8, b"\x00\x01"), "protocol"),
    ],
)
async def test_broken_frames_end_the_socket(sent: bytes, why: str) -> None:
    async with opened() as exchange, connected(exchange) as (reader, writer):
        writer.write(sent)
        head = await asyncio.wait_for(reader.readexactly(4), PATIENCE_S)
        assert (head[0], int.from_bytes(head[2:4], "big")) == (0x88, CLOSED_WITH[why])


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (frame(1, LIST[:9], first=0) + frame(0, LIST[9:]), b'"msg":[]'),
        (frame(2, LIST), b'"msg":[]'),
        (frame(1, b""), b'"code":1,'),
        (frame(1, b"[" * 100_000), b'"code":1,'),
        (frame(1, b'{"id":NaN}'), b'"code":1,'),
        (frame(1, b'{"id":1.5,"cmd":"x"}'), b'"code":11,'),
        (frame(1, b'{"id":99999999999999999999999,"cmd":"x"}'), b'"code":5,'),
        (
            frame(1, b'{"id":1,"cmd":"subscribe","params":{"channels":' + b"[" * 100 + b"]" * 100 + b"}}"),
            b'"code":11,',
        ),
    ],
)
async def test_odd_commands_are_answered(sent: bytes, answer: bytes) -> None:
    async with opened() as exchange, connected(exchange) as (reader, writer):
        writer.write(sent)
        assert answer in await asyncio.wait_for(reader.read(4_096), PATIENCE_S)


async def test_pings_without_end_and_readers_that_do_not_read_hold_nobody_up() -> None:
    house = new_house()
    params = {"channels": ["orderbook_delta", "ticker"], "market_tickers": [TICKER], "use_yes_price": True}
    subscribe = frame(1, msgspec.json.encode({"id": 1, "cmd": "subscribe", "params": params}))
    async with opened(house) as exchange:
        assert (await exchange.me.get(BALANCE)).status == 200  # whose connection is kept
        before = descriptors()
        async with AsyncExitStack() as stack:
            for number in range(50):
                reader, writer = await stack.enter_async_context(connected(exchange))
                reader._transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(subscribe if number else frame(9, b"x") * 20_000)
            reader, writer = await stack.enter_async_context(connected(exchange))
            writer.write(subscribe)
            await asyncio.wait_for(reader.readuntil(b"orderbook_snapshot"), PATIENCE_S)
            for size in range(2_000):
                house.take(snapshot(60.0, count=100_000 + size))
            assert (await exchange.me.place()).status == 201
            await asyncio.wait_for(reader.readuntil(b'"price_dollars":"0.4000","delta_fp":"10.00"'), PATIENCE_S)
        await settled(before)
