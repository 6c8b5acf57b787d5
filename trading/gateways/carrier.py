"""Carrier: one request of a sender to the exchange, and what became of it back, whatever goes wrong on the way."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from markets.core.units import SECOND_NS
from markets.kalshi import requests as wire_requests
from markets.kalshi.errors import AlreadyExists, KalshiError, NotDone, NotFound, OutcomeUnknown
from trading.core.sender import Sender
from trading.core.tracked import AskOrder, AskOrders, Question, Request, Send, SendAmend, SendCancel, SendOrder
from trading.gateways.values import fill_of, order_of
from trading.gateways.wire import Wire

T = TypeVar("T")
BEFORE_S = 5  # a listing begins so much earlier: its times are whole seconds, and clocks differ


class Road(Protocol):
    """What a carrier has to know before anything leaves."""

    def refusal(self, request: SendOrder | SendAmend) -> str:
        """Why this may not be sent now: a code; "" when it may. A cancel always may."""
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

    async def carry(self, request: Request) -> None:
        """Carry out one request. A question without an answer is asked again by the sender. Raises what is no fault of
        the exchange; then a request that had left counts as lost."""
        try:
            if isinstance(request, SendOrder):
                await self._place(request)
            elif isinstance(request, SendCancel):
                await self._cancel(request)
            elif isinstance(request, SendAmend):
                await self._amend(request)
            else:
                with suppress(KalshiError):
                    await self._ask(request)
        finally:
            self._tell()

    async def _place(self, request: SendOrder) -> None:
        order, wire, shard = request.order, self._wire, self._road.shard(request.order.ticker, None)
        code = self._road.refusal(request)
        group = "" if shard is None else self._road.group(shard)
        if shard is None or not group or code:
            return self._sender.refused(
                request, code or ("no_shard" if shard is None else "no_order_group"), self._clock()
            )
        if order.rests and not order.expires_ns:
            return self._sender.refused(request, "no_expiry", self._clock())
        new = wire_requests.CreateOrder(
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
        made = await self._attempt(request, lambda: wire.create_order(new))
        if made is not None:
            self._sender.created(
                request,
                made.order_id,
                filled=made.filled,
                remaining=made.remaining,
                venue_ns=made.at_ns or 0,
                now_ns=self._clock(),
            )
        return None

    async def _cancel(self, request: SendCancel) -> None:
        wire, shard = self._wire, self._road.shard(request.ticker, request.shard)
        if shard is None:
            return self._sender.refused(request, "no_shard", self._clock())
        done = await self._attempt(request, lambda: wire.cancel_order(request.order_id, shard))
        if done is not None:
            self._sender.cancelled(request, done.reduced_by, done.at_ns or 0, self._clock())
        return None

    async def _amend(self, request: SendAmend) -> None:
        amend, wire, shard = request.amend, self._wire, self._road.shard(request.amend.ticker, request.shard)
        code = "no_shard" if shard is None else self._road.refusal(request)
        if code or shard is None:
            return self._sender.refused(request, code, self._clock())
        wanted = wire_requests.AmendOrder(
            order_id=request.order_id,
            ticker=amend.ticker,
            is_bid=amend.is_bid,
            price=amend.price,
            count=amend.count,
            shard=shard,
            expires_s=amend.expires_ns // SECOND_NS or None,
        )
        done = await self._attempt(request, lambda: wire.amend_order(wanted))
        if done is not None:
            self._sender.amended(request, done.at_ns or 0, self._clock())
        return None

    async def _attempt(self, request: Send, call: Callable[[], Awaitable[T]]) -> T | None:
        """None when it was not done, or nobody knows; the sender has heard it. From `leaving` on it may have happened:
        that is written down before the bytes go."""
        sender = self._sender
        sender.leaving(request, self._clock())
        self._tell()
        try:
            return await call()
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
        return None

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


def code_of(error: KalshiError) -> str:
    """The exchange's word for it, or the kind of error."""
    return error.code or (f"http_{error.status}" if error.status else type(error).__name__)


def _seconds(at_ns: int) -> int:
    return max(0, at_ns // SECOND_NS - BEFORE_S)
