"""A server that speaks like the exchange's REST side, as it is documented: it keeps what it was asked and says what it is told."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import web
from aiohttp.test_utils import TestServer

from markets.kalshi.auth import Signer, hmac_signer
from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import CALLS
from markets.kalshi.hosts import REST_PATH, Hosts, hosts_at
from markets.kalshi.limits import TIERS
from markets.kalshi.rest import KalshiRest
from tests.kalshi_rest_documents import DOCUMENTED

Act = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Asked(NamedTuple):
    """One request as it arrived."""

    name: str
    method: str
    target: str  # path and query, as sent
    headers: dict[str, str]
    body: bytes
    port: int  # the client's: which connection it came by

    @property
    def said(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


class NoPause(random.Random):
    """Chance that never makes anybody wait."""

    def uniform(self, a: float, b: float) -> float:
        return 0.0


class FakeExchange:
    """`async with FakeExchange() as exchange`. Each call is answered with what is next in `script[name]`, else as
    documented. A script holds (status, JSON or bytes) or acts that take the request."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: dict[str, list[tuple[int, Any] | Act]] = {}
        self.headers: dict[str, str] = {}
        self.released = asyncio.Event()  # lets those go who hang
        app = web.Application()
        for call in sorted(CALLS.values(), key=lambda call: call.path.count("{")):
            app.router.add_route(call.method, REST_PATH + call.path, self._handler(call.name))
        self._server = TestServer(app, host="127.0.0.1")

    @property
    def hosts(self) -> Hosts:
        return hosts_at(f"http://127.0.0.1:{self._server.port}")

    def rest(self, signer: Signer | None = None, **options: Any) -> KalshiRest:
        """A client of it that does not dawdle."""
        options = {"rng": NoPause(), "budgets": ample(), **options}
        return KalshiRest(self.hosts, a_signer() if signer is None else signer, **options)

    def names(self) -> list[str]:
        return [asked.name for asked in self.asked]

    async def __aenter__(self) -> Self:
        await self._server.start_server()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        await self._server.close()

    # Acts -------------------------------------------------------------------------------------------------------

    async def cut(self, request: web.Request) -> web.StreamResponse:
        """The request is read, then the connection is reset."""
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def half(self, request: web.Request) -> web.StreamResponse:
        """A good answer breaks off in its middle."""
        status, body = DOCUMENTED[self.asked[-1].name]
        text = json.dumps(body).encode()
        answer = web.StreamResponse(status=status, headers={"Content-Length": str(len(text))})
        await answer.prepare(request)
        await answer.write(text[: len(text) // 2])
        assert request.transport is not None
        request.transport.close()
        return answer

    async def hang(self, request: web.Request) -> web.StreamResponse:
        """No answer until somebody lets go."""
        await self.released.wait()
        return web.Response(status=500)

    def _handler(self, name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            assert request.transport is not None
            port = request.transport.get_extra_info("peername")[1]
            self.asked.append(Asked(name, request.method, request.raw_path, dict(request.headers), body, port))
            script = self.script.get(name)
            step = script.pop(0) if script else DOCUMENTED[name]
            if callable(step):
                return await step(request)
            status, said = step
            raw = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
            return web.Response(status=status, body=raw, headers=self.headers)

        return handle


def a_signer() -> Signer:
    """Signs; nobody checks."""
    return hmac_signer("d3b07384-d9a0-4c9b-8f3e-5e3f7a1c2b4d", b"the secret of the tests")


def ample() -> Budgets:
    """More tokens than any test needs."""
    return Budgets(TIERS["prestige"], rng=NoPause())


def too_many() -> tuple[int, Any]:
    return 429, {"error": "too many requests"}
