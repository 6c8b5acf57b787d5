"""LaneRest: the client of the exchange whose orders, amends and cancels leave within the call that sends them."""

import asyncio
from collections.abc import Awaitable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from markets.kalshi import calls_orders as writes
from markets.kalshi.auth import Signer
from markets.kalshi.calls import CALLS, Ask, MaySend
from markets.kalshi.hosts import Hosts
from markets.kalshi.lane import Lane, Outcome
from markets.kalshi.messages_account import Amended, Cancelled, Created
from markets.kalshi.presigned import Presigned
from markets.kalshi.requests import AmendOrder, CancelOrder, CreateOrder
from markets.kalshi.rest import KalshiRest
from markets.kalshi.rest_sending import JSON, USER_AGENT, proxy_for

T = TypeVar("T")


class AtOnce(KalshiRest):
    """As KalshiRest; `begin_*` send at once where `_write` can, and go the ordinary way where it cannot."""

    def begin_create(self, order: CreateOrder, may_send: MaySend | None = None) -> Coroutine[Any, Any, Created]:
        """A new order: its bytes have left when this returns, and `may_send` is asked before whatever leaves later. What
        is returned has to be awaited, once."""
        return self._begin(writes.create_order(order), may_send)

    def begin_cancel(self, cancel: CancelOrder) -> Coroutine[Any, Any, Cancelled]:
        """The same for a cancel."""
        return self._begin(writes.cancel_order(cancel))

    def begin_amend(self, amend: AmendOrder, may_send: MaySend | None = None) -> Coroutine[Any, Any, Amended]:
        """The same for an amend."""
        return self._begin(writes.amend_order(amend), may_send)

    async def create_order(self, order: CreateOrder, may_send: MaySend | None = None) -> Created:
        """A new order. Raises AlreadyExists when its client order id was used before."""
        return await self.begin_create(order, may_send)

    async def cancel_order(self, order_id: str, shard: int, *, subaccount: int | None = None) -> Cancelled:
        """Take back what rests, before all that waits for tokens. Raises NotFound: it is gone, look at the fills."""
        return await self.begin_cancel(CancelOrder(order_id, shard, subaccount))

    async def amend_order(self, amend: AmendOrder, may_send: MaySend | None = None) -> Amended:
        """Another price or total size. Raises NotFound."""
        return await self.begin_amend(amend, may_send)

    def _begin(self, ask: Ask[T], may_send: MaySend | None = None) -> Coroutine[Any, Any, T]:
        answer = self._write(ask)
        return self.one(ask, None if answer is None else (answer, self._clock()), may_send)

    def _write(self, ask: Ask[T]) -> "Awaitable[Outcome] | None":
        """Send now; the answer. None where that cannot be, and nothing was sent."""
        raise NotImplementedError


class LaneRest(AtOnce):
    """Sends at once where a line is free and the tokens are there. Where a proxy stands between there is no lane."""

    def __init__(self, hosts: Hosts, signer: Signer | None = None, **options: Any) -> None:
        super().__init__(hosts, signer, **options)
        self._lane: Lane | None = None
        self._next: Presigned | None = None
        host = urlsplit(hosts.rest).netloc
        self._root = urlsplit(hosts.rest).path
        self._common = f"Host: {host}\r\nUser-Agent: {USER_AGENT}\r\nAccept: application/json\r\n"

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        if self.signer is not None and proxy_for(self.hosts.rest) is None:
            self._lane = Lane(self.hosts.rest, self._clock, self.server_clock.note)
            await self._lane.open()
            call = CALLS["create_order"]
            self._next = Presigned(self.signer, call.method, self._root + call.path, self.server_clock.now_ms)
            self._next.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.stop()
        if self._lane is not None:
            self._lane.close()
        await super().__aexit__(kind, error, trace)

    @property
    def is_ready(self) -> bool:
        """Whether the next order leaves at once, with a signature that lies ready."""
        line = None if self._lane is None else self._lane.free()
        return line is not None and self._next is not None and self._next.is_ready

    def _write(self, ask: Ask[T]) -> "asyncio.Future[Outcome] | None":
        line = None if self._lane is None else self._lane.free()
        if line is None:
            return None
        call = ask.call
        cost = self.budgets.cost(call.method, call.path, ask.items)
        if self.budgets.try_take(call.pays, cost, call.is_urgent, shard=-1 if ask.shard is None else ask.shard):
            return None  # the ordinary way waits for the tokens
        ready = self._next if call.name == "create_order" else None
        signed = {**JSON, **ready.take()} if ready else self._sending.headers(ask)
        told = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        body = ask.body or b""
        head = f"{call.method} {self._root}{ask.target} HTTP/1.1\r\n{self._common}{told}Content-Length: {len(body)}\r\n\r\n"
        return line.send(head.encode("ascii") + body, self._timeout_s)
