"""SimulatedWire: the real client of the exchange with another transport: latency, loss, repetition, errors, late arrival."""

import asyncio
import random
from collections import Counter as Count
from collections.abc import Awaitable, Callable
from contextvars import Context
from email.utils import formatdate
from typing import Self

from markets.core.units import SECOND_NS
from markets.kalshi.auth import hmac_signer
from markets.kalshi.budgets import Budgets
from markets.kalshi.calls import Ask
from markets.kalshi.hosts import hosts_at
from markets.kalshi.limits import TIERS
from markets.kalshi.rest_attempts import Lost, Reply
from markets.kalshi.rest_lane import AtOnce
from trading.proving.counter import Counter, Said
from trading.proving.faults import WIRE, Fault
from trading.proving.mortal import Mortal

HOSTS = hosts_at("http://127.0.0.1:1/trade-api/v2", "ws://127.0.0.1:1/trade-api/ws/v2")
SIGNER = hmac_signer("4d2c9a86-0f0f-4c9a-9d3e-000000000002", b"proof")
THROTTLED = Said(429, b'{"error":"too many requests"}')
BROKEN = Said(503, b'{"error":{"code":"service_unavailable","message":"service unavailable"}}')
TIMEOUT_S = 10.0
SHARE_AT_ONCE = 0.5


class Network:
    """All that lies between a trader and the exchange; it outlives the trader. `seen` hears of each order that arrives."""

    def __init__(self, counter: Counter, rng: random.Random, delay_s: float) -> None:
        self.counter, self.delay_s = counter, delay_s
        self.faults: dict[Fault, None] = {}  # in force
        self.done: dict[str, int] = {}
        self.made_ns: dict[str, int] = {}  # when the first attempt at an order left, by its id
        self.requests = self.lost = 0
        self.asked: Count[str] = Count()  # calls by name
        self.under_way: set[asyncio.Task[None]] = set()
        self.log: Callable[[str], None] = lambda _: None
        self._rng = rng

    def fault(self, is_write: bool) -> Fault | None:
        """What happens to the next request."""
        for fault in self.faults:
            if fault.kind not in WIRE or fault.kind in ("slow", "stale"):
                continue
            if fault.kind in ("late", "twice") and not is_write:
                continue
            if self._rng.random() < fault.probability:
                self.count(fault.kind)
                return fault
        return None

    def count(self, kind: str) -> None:
        """It happened once more."""
        self.done[kind] = self.done.get(kind, 0) + 1

    def way_s(self) -> float:
        """How long one way takes now."""
        slow = sum(fault.size for fault in self.faults if fault.kind == "slow")
        return self.delay_s * self._rng.uniform(0.5, 2.0) + slow * self._rng.uniform(0.2, 1.0)

    def carry(self, request: "Request") -> None:
        """Take a request over: whatever happens to who sent it."""
        self.requests += 1
        self.asked[request.ask.call.name] += 1
        if request.ask.call.name == "create_order":
            for client_id in request.ask.client_order_ids:
                self.made_ns.setdefault(client_id, self.counter.clock())
        task = asyncio.get_running_loop().create_task(self._carry(request), name="network", context=Context())
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def _carry(self, request: "Request") -> None:
        fault = request.fault
        await asyncio.sleep(self.way_s() + (fault.size if fault is not None and fault.kind == "late" else 0.0))
        kind = fault.kind if fault is not None else ""
        if kind == "lost_before":
            return request.heard(None)
        if kind in ("throttled", "error_before"):
            await asyncio.sleep(self.way_s())
            return request.heard(THROTTLED if kind == "throttled" else BROKEN)
        said = self._ask(request)
        if kind == "twice":
            await asyncio.sleep(self.way_s())
            said = self._ask(request)
        request.accepted()
        await asyncio.sleep(self.way_s())
        if kind in ("lost_after", "late"):
            self.lost += 1
            return request.heard(None)
        return request.heard(BROKEN if kind == "error_after" and said.status < 400 else said)

    def _ask(self, request: "Request") -> Said:
        ask = request.ask
        said = self.counter.ask(ask.call.method, ask.target, ask.body, request.stamp_ms)
        if ask.call.is_write:
            self.log(
                f"exchange: {ask.call.name} {_short(ask.body or ask.target.encode())} -> {said.status} {_short(said.body)}"
            )
        return said


class Request:
    """One attempt under way."""

    def __init__(self, ask: "Ask[object]", stamp_ms: int, fault: Fault | None, accepted: Callable[[], None]) -> None:
        self.ask, self.stamp_ms, self.fault, self.accepted = ask, stamp_ms, fault, accepted
        self.answer: asyncio.Future[Said | None] = asyncio.get_running_loop().create_future()

    def heard(self, said: Said | None) -> None:
        """The answer is there, or the connection broke (None)."""
        if not self.answer.done():
            self.answer.set_result(said)


class SimulatedWire(AtOnce):
    """`life` passes where a request is: it may end there. `clock` is that of the trader's machine."""

    def __init__(self, network: Network, clock: Callable[[], int], life: Mortal, rng: random.Random) -> None:
        super().__init__(HOSTS, SIGNER, budgets=Budgets(TIERS["prestige"], rng=rng), clock=clock, rng=rng)
        self._network, self._life, self._passes = network, life, life.passes
        self._is_free = rng.random  # whether a kept connection is free, when an order wants to leave

    async def __aenter__(self) -> Self:
        return self

    async def aclose(self) -> None:
        """Nothing is open."""

    def _write(self, ask: "Ask[object]") -> "Awaitable[Reply | Lost] | None":  # type: ignore[override]
        """Half of the time a connection is free, and the request leaves within the step that decided it."""
        call, shard = ask.call, -1 if ask.shard is None else ask.shard
        cost = self.budgets.cost(call.method, call.path, ask.items)
        if self._is_free() > SHARE_AT_ONCE or self.budgets.try_take(call.pays, cost, call.is_urgent, shard=shard):
            return None
        return self._left(ask)

    async def _exchange(self, ask: "Ask[object]") -> Reply | Lost:  # type: ignore[override]
        return await self._left(ask)

    def _left(self, ask: "Ask[object]") -> "Awaitable[Reply | Lost]":
        """One attempt: it has left when this returns, and what it returns is the answer."""
        network, is_write = self._network, ask.call.is_write
        self._passes("leaving" if is_write else "reading")
        fault = network.fault(is_write)
        if fault is not None and fault.kind == "refused":
            return self._not_reached()
        sent_ns = self._clock()
        request = Request(
            ask, self.server_clock.now_ms(), fault, lambda: self._life.touched("accepted" if is_write else "reading")
        )
        network.carry(request)
        if is_write:
            self._passes("sent")
        return self._answered(request, sent_ns, is_write)

    async def _not_reached(self) -> Lost:
        await asyncio.sleep(self._network.delay_s)
        return Lost("no connection", was_sent=False)

    async def _answered(self, request: Request, sent_ns: int, is_write: bool) -> Reply | Lost:
        done, _ = await asyncio.wait({request.answer}, timeout=TIMEOUT_S)
        said = request.answer.result() if done else None
        self._passes("answered" if is_write else "reading")
        if said is None:
            return Lost("no whole answer" if not done else "the connection broke", was_sent=True)
        date = formatdate(self._network.counter.clock() / SECOND_NS, usegmt=True)
        self.server_clock.note(date, sent_ns, self._clock())
        return Reply(said.status, said.body)


def _short(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:220]
