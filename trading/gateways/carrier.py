"""Carrier: one request of a sender to the exchange, and what became of it back, whatever goes wrong on the way."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

from markets.core.units import SECOND_NS
from markets.kalshi.calls import MaySend
from markets.kalshi.errors import AlreadyExists, KalshiError, NotDone, NotFound, OutcomeUnknown
from markets.kalshi.messages_account import Amended, Cancelled, Created
from markets.kalshi.requests import AmendOrder, CancelOrder, CreateOrder
from trading.core.sender import Sender
from trading.core.tracked import AskOrder, AskOrders, Question, Request, Send, SendAmend, SendCancel, SendOrder
from trading.gateways.values import fill_of, order_of
from trading.gateways.wire import SendsAtOnce, Wire

R = TypeVar("R", bound=Awaitable[Created | Amended | Cancelled])
OLD_S = 0.5  # that an order which trades now or never may wait for its tokens: then its price is of an old book
BEFORE_S = 5  # a listing begins so much earlier: its times are whole seconds, and clocks differ


class Road(Protocol):
    """What a carrier has to know before anything leaves."""

    def refusal(self, request: SendOrder | SendAmend) -> str:
        """Why this may not be sent now: a code; "" when it may. A cancel always may. Asked before each attempt."""
        ...

    def shard(self, ticker: str, told: int | None) -> int | None:
        """The shard of a market; `told` is what the exchange said of an order in it."""
        ...

    def group(self, shard: int) -> str:
        """The order group of that shard; "" where there is none."""
        ...


class Carrier:
    """`tell` is called whenever the sender has heard something: what follows is to be drained."""

    def __init__(
        self, sender: Sender, wire: Wire, road: Road, clock: Callable[[], int], tell: Callable[[], None]
    ) -> None:
        self._sender, self._wire, self._road, self._clock, self._tell = sender, wire, road, clock, tell
        self._at_once = wire if isinstance(wire, SendsAtOnce) else None

    def begin(self, request: Request) -> Coroutine[Any, Any, None]:
        """Carry out one request; what is returned has to be awaited. Where the wire sends at once, the bytes of an order,
        amend or cancel have left by then: nothing is told before the first await, for the engine is in the middle of a step."""
        at_once = self._at_once
        if at_once is None or not isinstance(request, SendOrder | SendAmend | SendCancel):
            return self.carry(request)
        call = self._call(request, at_once.begin_create, at_once.begin_amend, at_once.begin_cancel)
        if call is None:
            return self._told()
        self._sender.leaving(request, self._clock())
        try:
            sent = call()
        except Exception as error:
            self._sender.lost(request, type(error).__name__, self._clock())
            raise
        return self._finish(request, sent)

    async def carry(self, request: Request) -> None:
        """Carry out one request. A question without an answer is asked again by the sender. Raises what is no fault of
        the exchange; then a request that had left counts as lost."""
        try:
            if isinstance(request, SendOrder | SendAmend | SendCancel):
                await self._send(request)
            else:
                with suppress(KalshiError):
                    await self._ask(request)
        finally:
            self._tell()

    async def _send(self, request: Send) -> None:
        """From `leaving` on it may have happened: that is written down before the bytes go."""
        wire = self._wire

        def cancel(wanted: CancelOrder) -> Awaitable[Cancelled]:
            return wire.cancel_order(wanted.order_id, wanted.shard)

        call = self._call(request, wire.create_order, wire.amend_order, cancel)
        if call is not None:
            self._sender.leaving(request, self._clock())
            self._tell()
            await self._finish(request, call())

    async def _told(self) -> None:
        self._tell()

    def _call(
        self,
        request: Send,
        create: Callable[[CreateOrder, MaySend], R],
        amend: Callable[[AmendOrder, MaySend], R],
        cancel: Callable[[CancelOrder], R],
    ) -> Callable[[], R] | None:
        """The call that a request makes; None where it may not be made: the sender has heard why."""
        ticker = request.order.ticker if isinstance(request, SendOrder) else _ticker_of(request)
        shard = self._road.shard(ticker, None if isinstance(request, SendOrder) else request.shard)
        code = "no_shard" if shard is None else ""
        if not isinstance(request, SendCancel):
            code = self._road.refusal(request) or code
        group = ""
        if isinstance(request, SendOrder) and shard is not None and not code:
            group = self._road.group(shard)
            code = "" if group else "no_order_group"
            if request.order.rests and not request.order.expires_ns:
                code = code or "no_expiry"
        if code or shard is None:
            self._sender.refused(request, code, self._clock())
            return None
        if isinstance(request, SendOrder):
            return partial(create, _create(request, shard, group), self._may_send(request))
        if isinstance(request, SendAmend):
            return partial(amend, _amend(request, shard), self._may_send(request))
        return partial(cancel, CancelOrder(request.order_id, shard))

    def _may_send(self, request: SendOrder | SendAmend) -> MaySend:
        """Asked before each attempt: what was allowed when it was wanted may be forbidden by now, or out of date."""
        time = asyncio.get_running_loop().time
        is_now_or_never = isinstance(request, SendOrder) and not request.order.rests
        old_at = time() + OLD_S if is_now_or_never else float("inf")
        return lambda: self._road.refusal(request) or ("too_old" if time() > old_at else "")

    async def _finish(self, request: Send, call: Awaitable[Created | Amended | Cancelled]) -> None:
        """Tell the sender what became of it."""
        sender = self._sender
        try:
            self._landed(request, await call)
        except AlreadyExists as error:
            if isinstance(request, SendOrder):
                sender.exists(request, self._clock())
            else:
                sender.refused(request, code_of(error), self._clock())
        except NotDone as error:
            sender.refused(request, code_of(error), self._clock())
        except OutcomeUnknown as error:
            sender.lost(request, code_of(error), self._clock(), error.sent_ns)
        except BaseException as error:
            sender.lost(request, type(error).__name__, self._clock())
            raise
        finally:
            self._tell()

    def _landed(self, request: Send, done: Created | Amended | Cancelled) -> None:
        sender, now_ns, venue_ns = self._sender, self._clock(), done.at_ns or 0
        if isinstance(request, SendOrder) and isinstance(done, Created):
            sender.created(
                request, done.order_id, filled=done.filled, remaining=done.remaining, venue_ns=venue_ns, now_ns=now_ns
            )
        elif isinstance(request, SendCancel) and isinstance(done, Cancelled):
            sender.cancelled(request, done.reduced_by, venue_ns, now_ns)
        elif isinstance(request, SendAmend):
            sender.amended(request, venue_ns, now_ns)

    async def _ask(self, question: Question) -> None:
        sender, wire, asked_ns = self._sender, self._wire, self._clock()
        if isinstance(question, AskOrder):
            try:
                told = order_of(await wire.order(question.order_id))
            except NotFound:
                return sender.missing(question.order_id, asked_ns, self._clock())
            if told is not None:
                sender.order(told, self._clock(), asked_ns)
        elif isinstance(question, AskOrders):
            rows = await wire.orders(min_ts=_seconds(question.since_ns))
            orders = [told for told in map(order_of, rows) if told is not None]
            sender.listed(orders, since_ns=question.since_ns, asked_ns=asked_ns, now_ns=self._clock())
        else:
            fills = await (
                wire.fills(order_id=question.order_id)
                if question.order_id
                else wire.fills(min_ts=_seconds(question.since_ns))
            )
            sender.fills_listed(map(fill_of, fills), question=question, now_ns=self._clock())
        return None


def _ticker_of(request: SendAmend | SendCancel) -> str:
    return request.amend.ticker if isinstance(request, SendAmend) else request.ticker


def _create(request: SendOrder, shard: int, group: str) -> CreateOrder:
    order = request.order
    return CreateOrder(
        ticker=order.ticker,
        client_order_id=request.client_id,
        is_bid=order.is_bid,
        price=order.price,
        count=order.count,
        shard=shard,
        time_in_force=order.time_in_force,
        self_trade="taker_at_cross",
        expires_s=order.expires_ns // SECOND_NS if order.rests else 0,
        is_post_only=order.is_post_only,
        is_reduce_only=order.is_reduce_only,
        is_cancelled_on_pause=order.rests,
        group_id=group,
    )


def _amend(request: SendAmend, shard: int) -> AmendOrder:
    amend = request.amend
    return AmendOrder(
        order_id=request.order_id,
        ticker=amend.ticker,
        is_bid=amend.is_bid,
        price=amend.price,
        count=amend.count,
        shard=shard,
        expires_s=amend.expires_ns // SECOND_NS or None,
    )


def code_of(error: KalshiError) -> str:
    """The exchange's word for it, or the kind of error."""
    return error.code or (f"http_{error.status}" if error.status else type(error).__name__)


def _seconds(at_ns: int) -> int:
    return max(0, at_ns // SECOND_NS - BEFORE_S)
