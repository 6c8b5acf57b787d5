"""KalshiRest: the exchange's REST calls over one pool of kept connections."""

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import aiohttp
from yarl import URL

from markets.kalshi import calls_orders as writes
from markets.kalshi.auth import Signer
from markets.kalshi.budgets import AUTO, Budgets, TooLarge
from markets.kalshi.calls import Ask, MaySend, Pages
from markets.kalshi.hosts import Hosts
from markets.kalshi.messages_account import Amended, Created
from markets.kalshi.requests import AmendOrder, CreateOrder
from markets.kalshi.rest_account import AccountCalls, OrderCalls
from markets.kalshi.rest_attempts import Again, Attempts, Gathering, Lost, Reply
from markets.kalshi.rest_market import MAX_PAGES, MarketCalls
from markets.kalshi.rest_sending import LARGEST_BODY, USER_AGENT, Sending, proxy_for
from markets.kalshi.server_clock import ServerClock

T = TypeVar("T")

KEPT_S = 50.0  # an idle connection; hosts close theirs after a minute or more
READS_AT_ONCE = 32  # writes are never behind them
_NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)


class _Broken(aiohttp.ClientError):
    """A connection broke. Not a kind that aiohttp takes for a reason to send a request again by itself."""


class KalshiRest(MarketCalls, AccountCalls, OrderCalls):
    """Async: `async with KalshiRest(hosts, signer) as rest`. Without a signer only what is public can be asked.

    Each attempt has `timeout_s` from the moment its tokens are there. A task that is cancelled while its write is under
    way gets its CancelledError and nothing else: the write may have happened. Safe for many tasks of one event loop.
    """

    def __init__(
        self,
        hosts: Hosts,
        signer: Signer | None = None,
        *,
        budgets: Budgets | None = None,
        clock: Callable[[], int] = time.time_ns,
        timeout_s: float = 10.0,
        rng: random.Random | None = None,
    ) -> None:
        self.hosts, self.signer = hosts, signer
        self.server_clock = ServerClock(clock)
        self.budgets = budgets or (Budgets() if signer else Budgets.public())
        self._sending = Sending(hosts, signer, self.server_clock)
        self._clock, self._timeout_s = clock, timeout_s
        self._rng = rng or random.Random()
        self._reads = asyncio.Semaphore(READS_AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_S, ttl_dns_cache=300),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            proxy=proxy_for(self.hosts.rest),
            middlewares=(_once_only,),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. Requests under way end as if their connection had broken."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def learn(self) -> None:
        """The cost of calls and, with a key, the account's own budgets, from the exchange. Raises KalshiError."""
        self._sending.heed_costs(self.budgets, await self.endpoint_costs())
        if self.signer is not None:
            self._sending.heed_limits(self.budgets, await self.account_limits())

    async def create_order(self, order: CreateOrder, may_send: MaySend | None = None) -> Created:
        """A new order; see `one` for `may_send`. Raises AlreadyExists when its client order id was used before."""
        return await self.one(writes.create_order(order), may_send=may_send)

    async def amend_order(self, amend: AmendOrder, may_send: MaySend | None = None) -> Amended:
        """Another price or total size; see `one` for `may_send`. Raises NotFound."""
        return await self.one(writes.amend_order(amend), may_send=may_send)

    async def one(
        self,
        ask: Ask[T],
        sent: tuple[Awaitable[Reply | Lost], int] | None = None,
        may_send: MaySend | None = None,
    ) -> T:
        """The result of a request, after as many attempts as are safe. The first may have been `sent` already: its answer,
        and when that was (ns). `may_send` is asked before each other attempt, when its tokens are there: the code that it
        gives ends them. Raises KalshiError."""
        call = ask.call
        shard = AUTO if ask.shard is None else ask.shard
        attempts = Attempts(ask, self._rng, self._sending.explain, self._sending.can_stamp)
        self._sending.check(call)
        while True:
            if sent is None:
                sent_ns = await self._granted(ask, shard)
                code = may_send() if may_send is not None else ""
                if code:
                    raise attempts.held(code)
                outcome = await self._send(ask)
            else:
                answer, sent_ns = sent
                outcome, sent = await answer, None
            verdict = attempts.judge(outcome, sent_ns)
            if not isinstance(verdict, Again):
                return verdict.value
            if verdict.is_throttled:
                self.budgets.throttled(call.pays, shard)
            elif verdict.wait_s:
                await asyncio.sleep(verdict.wait_s)

    async def _granted(self, ask: Ask[T], shard: int) -> int:
        """Wait for the tokens of one attempt; the time at which they were there. Raises NotSent for what never fits."""
        call = ask.call
        try:
            cost = self.budgets.cost(call.method, call.path, ask.items)
            await self.budgets.take(call.pays, cost, call.is_urgent, shard=shard)
        except TooLarge as error:
            raise self._sending.unsent(ask, str(error)) from None
        return self._clock()

    async def all(self, pages: Pages[T], limit: int | None = None, max_pages: int = MAX_PAGES) -> list[T]:
        """All rows of a list, each once. Raises KalshiError."""
        gathering = Gathering(pages, limit, max_pages)
        while (ask := gathering.ask()) is not None:
            gathering.take(await self.one(ask))
        return gathering.rows

    async def _send(self, ask: Ask[T]) -> Reply | Lost:
        if ask.call.is_write:
            return await self._exchange(ask)
        async with self._reads:
            return await self._exchange(ask)

    async def _exchange(self, ask: Ask[T]) -> Reply | Lost:
        """One attempt. What goes wrong is said in words only: aiohttp's exceptions carry the headers that were sent."""
        session = self._session
        if session is None:
            raise self._sending.unsent(ask, "the client is closed")
        status, sent_ns = 0, self._clock()
        try:
            async with session.request(
                ask.call.method,
                URL(self.hosts.rest + ask.target, encoded=True),
                data=ask.body,
                headers=self._sending.headers(ask),
                allow_redirects=False,
            ) as answer:
                status = answer.status
                self.server_clock.note(answer.headers.get("Date"), sent_ns, self._clock())
                return Reply(status, await _whole(answer))
        except _NEVER_SENT as error:
            return Lost(_words(error), was_sent=False)
        except TimeoutError:
            return Lost(f"no whole answer within {self._timeout_s:g} s", True, status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Lost(_words(error), True, status)


async def _once_only(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keeps aiohttp from repeating PUT and DELETE (a cancel!) when a kept connection turns out to be dead: the first
    may have arrived."""
    words = ""
    try:
        return await send(request)
    except _NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        words = _words(error)
    raise _Broken(words)


async def _whole(answer: aiohttp.ClientResponse) -> bytes:
    """The body. Raises ValueError for one that no call of ours can have."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > LARGEST_BODY:
            raise ValueError(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientResponseError):
        return f"{type(error).__name__}: {error.message}"
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        number, words = error.os_error.errno or 0, error.os_error.strerror  # its own text is of sockets and TLS objects
        return f"no connection to {error.host}:{error.port}: {os.strerror(number) if number > 0 else words}"
    return str(error) or type(error).__name__
