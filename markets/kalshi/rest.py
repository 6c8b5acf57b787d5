"""KalshiRest: the exchange's REST calls over one pool of kept connections."""

import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

from markets.kalshi.auth import Signer
from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import Ask, Pages
from markets.kalshi.hosts import Hosts
from markets.kalshi.rest_account import AccountCalls, OrderCalls
from markets.kalshi.rest_market import MAX_PAGES, MarketCalls
from markets.kalshi.server_clock import ServerClock

T = TypeVar("T")


class KalshiRest(MarketCalls, AccountCalls, OrderCalls):
    """Async: `async with KalshiRest(hosts, signer) as rest`. Without a signer only what is public can be asked."""

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

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError

    async def learn(self) -> None:
        """The account's own budgets and the cost of calls, from the exchange."""
        raise NotImplementedError

    async def one(self, ask: Ask[T]) -> T:
        """The result of a request. Raises KalshiError."""
        raise NotImplementedError

    async def all(self, pages: Pages[T], limit: int | None = None, max_pages: int = MAX_PAGES) -> list[T]:
        """All rows of a list, each once. Raises KalshiError."""
        raise NotImplementedError
