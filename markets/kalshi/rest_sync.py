"""KalshiRestSync: the same calls for code without an event loop (commands, Celery), over requests."""

import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import requests
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError, NewConnectionError

from markets.kalshi.auth import Signer
from markets.kalshi.budgets import AUTO, Budgets, TooLarge
from markets.kalshi.calls import Ask, Pages
from markets.kalshi.hosts import Hosts
from markets.kalshi.rest_attempts import Again, Attempts, Gathering, Lost, Reply
from markets.kalshi.rest_market import MAX_PAGES
from markets.kalshi.rest_sending import LARGEST_BODY, USER_AGENT, Sending, is_here
from markets.kalshi.rest_sync_account import AccountCallsSync, OrderCallsSync
from markets.kalshi.rest_sync_market import MarketCallsSync
from markets.kalshi.server_clock import ServerClock

T = TypeVar("T")

PART = 1 << 16


class KalshiRestSync(MarketCallsSync, AccountCallsSync, OrderCallsSync):
    """`with KalshiRestSync(hosts, signer) as rest`. Names, results and errors are those of KalshiRest. For one thread.

    `timeout_s` is how long to wait for a connection, for the answer, and for each next part of it.
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
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.hosts, self.signer = hosts, signer
        self.server_clock = ServerClock(clock)
        self.budgets = budgets or (Budgets() if signer else Budgets.public())
        self._sending = Sending(hosts, signer, self.server_clock)
        self._clock, self._timeout_s, self._sleep = clock, timeout_s, sleep
        self._rng = rng or random.Random()
        self._session: requests.Session | None = None

    def __enter__(self) -> Self:
        session = requests.Session()
        session.trust_env = not is_here(self.hosts.rest)
        session.auth = _as_it_is  # else a .netrc would add its own
        session.headers = CaseInsensitiveDict({"User-Agent": USER_AGENT, "Accept": "application/json"})
        self._session = session
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def learn(self) -> None:
        """The cost of calls and, with a key, the account's own budgets, from the exchange. Raises KalshiError."""
        self._sending.heed_costs(self.budgets, self.endpoint_costs())
        if self.signer is not None:
            self._sending.heed_limits(self.budgets, self.account_limits())

    def one(self, ask: Ask[T]) -> T:
        """The result of a request, after as many attempts as are safe. Raises KalshiError."""
        call = ask.call
        shard = AUTO if ask.shard is None else ask.shard
        attempts = Attempts(ask, self._rng, self._sending.explain, self._sending.can_stamp)
        self._sending.check(call)
        while True:
            cost = self.budgets.cost(call.method, call.path, ask.items)
            try:
                self.budgets.take_blocking(call.pays, cost, call.is_urgent, shard=shard, sleep=self._sleep)
            except TooLarge as error:
                raise self._sending.unsent(ask, str(error)) from None
            sent_ns = self._clock()
            verdict = attempts.judge(self._exchange(ask), sent_ns)
            if not isinstance(verdict, Again):
                return verdict.value
            if verdict.is_throttled:
                self.budgets.throttled(call.pays, shard)
            elif verdict.wait_s:
                self._sleep(verdict.wait_s)

    def all(self, pages: Pages[T], limit: int | None = None, max_pages: int = MAX_PAGES) -> list[T]:
        """All rows of a list, each once. Raises KalshiError."""
        gathering = Gathering(pages, limit, max_pages)
        while (ask := gathering.ask()) is not None:
            gathering.take(self.one(ask))
        return gathering.rows

    def _exchange(self, ask: Ask[T]) -> Reply | Lost:
        """One attempt. What goes wrong is said in words only: the exceptions of requests carry what was sent."""
        if self._session is None:
            raise self._sending.unsent(ask, "the client is closed")
        status, sent_ns = 0, self._clock()
        try:
            with self._session.request(
                ask.call.method,
                self.hosts.rest + ask.target,
                data=ask.body,
                headers=self._sending.headers(ask),
                timeout=(self._timeout_s, self._timeout_s),
                allow_redirects=False,
                stream=True,
            ) as answer:
                status = answer.status_code
                self.server_clock.note(answer.headers.get("Date"), sent_ns, self._clock())
                return Reply(status, _whole(answer))
        except requests.Timeout as error:
            words, was_sent = f"no whole answer within {self._timeout_s:g} s", not _never_sent(error)
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            words, was_sent = _words(error), not _never_sent(error)
        return Lost(words, was_sent, status)


def _whole(answer: requests.Response) -> bytes:
    """The body. Raises ValueError for one that no call of ours can have."""
    body = bytearray()
    for part in answer.iter_content(PART):
        body += part
        if len(body) > LARGEST_BODY:
            raise ValueError(f"the answer is larger than {LARGEST_BODY >> 20} MiB")
    return bytes(body)


def _never_sent(error: Exception) -> bool:
    """Whether it was the connecting that failed."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(reason, NewConnectionError)


def _words(error: Exception) -> str:
    """The innermost reason: the outer layers only repeat the address."""
    seen: BaseException = error
    while (inner := _inner(seen)) is not None:
        seen = inner
    return str(getattr(seen, "strerror", None) or seen) or type(seen).__name__


def _inner(error: BaseException) -> BaseException | None:
    inside = (getattr(error, "reason", None), *reversed(error.args))
    return next((part for part in inside if isinstance(part, BaseException)), None)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
