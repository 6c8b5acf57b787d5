"""The exchange's WebSocket over a real socket: the signed handshake, being turned away, silence, a lost connection."""

import asyncio
import base64
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from markets.core.events import BookSnapshot, FeedBeat
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.fetching import fetch_page
from markets.feeds.kalshi.notes import FillNote, Note
from markets.feeds.kalshi.socket import KalshiSocket
from markets.feeds.kalshi.wanted import Wanted
from markets.feeds.means import Means
from markets.feeds.pace import Attempts, Pace
from markets.feeds.part import FeedPart
from markets.feeds.venue import Endpoint
from markets.kalshi.auth import KEY_HEADER, SIGNATURE_HEADER, TIME_HEADER, load_signer
from markets.kalshi.server_clock import ServerClock
from tests.feed_fakes import HASTY, Listener, the_loop, virtual
from tests.kalshi_wire import BTC, ETH, TinyExchange

PATH = "/trade-api/ws/v2"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = load_signer("8c35ecb3-328f", KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
Check = Callable[[Request], str]


def signed(request: Request) -> str:
    """The code of the refusal, empty when the signature is right."""
    headers = request.headers
    if SIGNATURE_HEADER not in headers:
        return "signature_is_missing_from_headers"
    assert headers[KEY_HEADER] == SIGNER.key_id
    text = f"{headers[TIME_HEADER]}GET{PATH}"
    KEY.public_key().verify(base64.b64decode(headers[SIGNATURE_HEADER]), text.encode())
    return ""


class Served:
    """A server of which each connection has a TinyExchange of its own."""

    def __init__(self, check: Check = signed, clock: Callable[[], float] = time.time) -> None:
        self.check, self.clock = check, clock
        self.attempts = 0
        self.exchanges: list[TinyExchange] = []
        self.connections: list[ServerConnection] = []
        self.is_silent = False
        self.server: Server

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(f"ws://127.0.0.1:{self.server.sockets[0].getsockname()[1]}{PATH}")

    @property
    def exchange(self) -> TinyExchange:
        return self.exchanges[-1]

    def request(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts += 1
        assert request.path == PATH
        code = self.check(request)
        if not code:
            return None
        body = json.dumps({"error": {"code": code, "message": "no"}}).encode()
        date = formatdate(self.clock(), usegmt=True)
        return Response(401, "Unauthorized", Headers({"Content-Length": str(len(body)), "Date": date}), body)

    async def talk(self, connection: ServerConnection) -> None:
        exchange = TinyExchange()
        exchange.change(BTC, True, 4_000, 100)
        exchange.change(BTC, False, 5_500, 100)
        self.exchanges.append(exchange)
        self.connections.append(connection)
        with suppress(ConnectionClosed):
            async for text in connection:
                exchange.take(str(text))
                await self.flush(connection, exchange)

    async def flush(self, connection: ServerConnection, exchange: TinyExchange) -> None:
        while exchange.out and not self.is_silent:
            await connection.send(exchange.out.popleft().data.decode() + "\n")

    async def tell(self) -> None:
        await self.flush(self.connections[-1], self.exchange)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Served"]:
        options = {"ping_interval": None, "close_timeout": 0.2, "compression": None}
        async with serve(self.talk, "127.0.0.1", 0, process_request=self.request, **options) as self.server:  # type: ignore[arg-type]
            yield self


class Heard:
    """A feed of the exchange while it lasts: what it tells, and what it notes."""

    def __init__(self, served: Served, *, clock: Callable[[], int] = time.time_ns, pace: Pace = HASTY) -> None:
        self.listener = Listener()
        self.notes: list[Note] = []
        self.wanted = Wanted([BTC], ["BRTI"], is_private=True)
        self.counts = Counts()
        self.server_clock = ServerClock(clock)
        means = Means(clock, fetch_page, random.Random(7), pace, Attempts(pace))

        def make() -> KalshiSocket:
            return KalshiSocket(
                self.wanted,
                served.endpoint,
                self.counts,
                SIGNER,
                note=self.notes.append,
                server_clock=self.server_clock,
            )

        self.part = FeedPart("kalshi", self.counts, make, self.listener, means)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Heard"]:
        task = asyncio.create_task(self.part.run())
        try:
            yield self
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait([task])

    def books(self, ticker: str = BTC) -> list[BookSnapshot]:
        return [event for event in self.listener.events if isinstance(event, BookSnapshot) and event.ticker == ticker]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20.0):
        while not condition():
            await asyncio.sleep(0.01)


def played(test: Callable[[Served, Heard], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """On real sockets, with a server that checks signatures."""

    async def run() -> None:
        async with Served().running() as served, Heard(served).running() as heard:
            await test(served, heard)

    run.__name__ = test.__name__
    return run


@played
async def test_signed_in_everything_is_heard_and_followed(served: Served, heard: Heard) -> None:
    await until(lambda: heard.part.state == "up")
    assert heard.listener.states == ["expected", "up"]
    assert heard.books()[0].no == ((5_500, 100),)
    heard.wanted.add(ETH)
    await until(lambda: heard.books(ETH))
    (fills,) = served.exchange.streams_of("fill")
    fill = {
        "trade_id": "t1", "order_id": "o1", "market_ticker": BTC, "is_taker": True, "yes_price_dollars": "0.4000",
        "count_fp": "1.00", "fee_cost": "0.016800", "outcome_side": "yes", "book_side": "bid",
    }  # fmt: skip
    served.exchange.say(fills, "fill", fill)
    served.exchange.change(BTC, True, 4_100, 100)
    await served.connections[-1].ping("heartbeat")
    await served.tell()
    await until(lambda: any(isinstance(note, FillNote) for note in heard.notes))
    await until(lambda: any(isinstance(event, FeedBeat) for event in heard.listener.events))
    assert (heard.counts.unreadable, heard.counts.gaps, served.attempts) == (0, 0, 1)
    assert heard.counts.books >= 3


@played
async def test_a_new_connection_begins_with_new_books_and_a_new_signature(served: Served, heard: Heard) -> None:
    await until(lambda: heard.part.state == "up")
    served.connections[-1].transport.abort()
    await until(lambda: heard.listener.states == ["expected", "up", "lost", "up"])
    assert len(heard.books()) == 2
    assert served.attempts == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("signature_is_missing_from_headers", "takes headers away"),
        ("header_timestamp_expired", "the clock of this machine is wrong"),
        ("something_new", "something_new"),
    ],
)
def test_who_is_turned_away_is_told_why_and_waits(code: str, words: str) -> None:
    @virtual
    async def test() -> None:
        clock = the_loop().now_ns
        served = Served(lambda request: code, lambda: clock() / SECOND_NS)
        async with served.running(), Heard(served, clock=clock, pace=Pace()).running() as heard:
            await asyncio.sleep(3_000.0)
            assert served.attempts == 1
            assert heard.listener.states == ["expected", "unavailable"]
            (reason,) = heard.listener.reasons
            assert reason.startswith("HTTP 401: ")
            assert words in reason
            await asyncio.sleep(2_000.0)
            assert served.attempts == 2

    test()


@virtual
async def test_a_wrong_clock_is_put_right_by_the_exchanges_own() -> None:
    """Five minutes behind: a few refusals tell by how much, then we sign with the exchange's time."""
    clock = the_loop().now_ns

    def check(request: Request) -> str:
        is_near = abs(int(request.headers[TIME_HEADER]) * MILLISECOND_NS - clock() - 300 * SECOND_NS) < 5 * SECOND_NS
        return "" if is_near else "header_timestamp_expired"

    served = Served(check, lambda: clock() / SECOND_NS + 300.0)
    async with served.running(), Heard(served, clock=clock, pace=Pace()).running() as heard:
        await asyncio.sleep(60.0)
        assert heard.listener.states == ["expected", "lost", "up"]
        assert "clock" in heard.listener.reasons[0]
        assert 2 <= served.attempts <= 4


@virtual
async def test_pings_are_no_sign_of_life() -> None:
    clock = the_loop().now_ns
    served = Served()
    async with served.running(), Heard(served, clock=clock, pace=Pace()).running() as heard:
        await asyncio.sleep(120.0)
        assert heard.listener.states == ["expected", "up"]  # nothing happens in the market, but the exchange answers
        served.is_silent = True
        for _ in range(3):
            await served.connections[-1].ping("heartbeat")
            await asyncio.sleep(10.0)
        assert heard.listener.states[:3] == ["expected", "up", "lost"]


async def test_what_is_sent_with_the_handshake_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signatures: list[str] = []

    def check(request: Request) -> str:
        signatures.append(request.headers[SIGNATURE_HEADER])
        return ""

    async with Served(check).running() as served, Heard(served).running() as heard:
        await until(lambda: heard.part.state == "up")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("websockets.server")]
    assert signatures
    assert not any(signatures[0] in text or SIGNER.key_id in text for text in ours)
