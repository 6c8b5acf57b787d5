"""OrderStates: where each order of ours stands, and what has to be said when that changes: each thing once, in order."""

from collections.abc import Callable
from typing import NamedTuple

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.events import (
    ChangeRefused,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderRejected,
)
from trading.core.tracked import AskOrders, Request, SendCancel, Tracked
from trading.core.venue import VenueFill, VenueOrder

GONE_S = 35.0  # a request older than that is refused by the exchange: its stamps may be 30 s old
EXPIRED_S = 1.0  # after its expiry an order is asked for, if it was not told to have ended
SETTLED_NS = 3 * SECOND_NS  # so long after it was updated what is read of an order is the newest for sure
KEPT_ENDED = 5_000
NEVER_LANDED = "never_landed"


class Said(NamedTuple):
    """What follows from what was heard: `events` for the engine, in this order; `requests` for the exchange; fills of
    orders that are not ours; and, as sentences, what cannot be and was all the same."""

    events: tuple[OrderEvent, ...] = ()
    requests: tuple[Request, ...] = ()
    foreign: tuple[VenueFill, ...] = ()
    surprises: tuple[str, ...] = ()


class OrderStates:
    """Every order of ours by its number. `patience` stretches all waits, for a market whose time runs faster than ours.
    After every call `drain` has what follows."""

    def __init__(self, client_id: Callable[[int], str], patience: float = 1.0) -> None:
        self.patience = patience
        self.orders: dict[int, Tracked] = {}
        self._open: dict[int, Tracked] = {}  # those of them that may not have ended
        self._client_id = client_id
        self._by_client: dict[str, Tracked] = {}
        self._by_id: dict[str, Tracked] = {}
        self._trade_ids: dict[str, None] = {}
        self._booked: dict[int, int] = {}  # by number: fills of orders that are not known here
        self._strays: dict[str, list[tuple[int, VenueFill]]] = {}  # by the exchange's id of their order
        self._missed_ns = self._missed_ask_ns = 0  # fills since then may be missed; when to ask for them
        self._events: list[OrderEvent] = []
        self._requests: list[Request] = []
        self._foreign: list[VenueFill] = []
        self._surprises: list[str] = []

    def drain(self) -> Said:
        """What followed since it was asked last. One listing answers for all orders that are looked for."""
        since = [one.since_ns for one in self._requests if isinstance(one, AskOrders)]
        requests: list[Request] = [one for one in self._requests if not isinstance(one, AskOrders)]
        if since:
            requests.append(AskOrders(min(since)))
        said = Said(tuple(self._events), tuple(requests), tuple(self._foreign), tuple(self._surprises))
        self._events.clear()
        self._requests.clear()
        self._foreign.clear()
        self._surprises.clear()
        return said

    def unfinished(self, ticker: str = "") -> list[Tracked]:
        """The orders (of a market) that have not ended."""
        for one in [one for one in self._open.values() if one.is_ended]:
            del self._open[one.number]
        return [one for one in self._open.values() if ticker in ("", one.ticker)]

    def _expiry_ns(self, one: Tracked) -> int:
        return one.expires_ns + self._wait_ns(EXPIRED_S) if one.expires_ns and one.state == "working" else 0

    def _gone_ns(self, sent_ns: int) -> int:
        return sent_ns + self._wait_ns(GONE_S)

    def _wait_ns(self, seconds: float) -> int:
        return round(seconds * self.patience * SECOND_NS)

    def _track(self, one: Tracked) -> None:
        self.orders[one.number] = self._open[one.number] = one
        one.filled += self._booked.pop(one.number, 0)
        self._by_client[one.client_id] = one
        if one.order_id:
            self._by_id[one.order_id] = one
        if len(self.orders) > 2 * KEPT_ENDED:
            self._forget()

    def _forget(self) -> None:
        ended = [one for one in self.orders.values() if one.is_ended]
        for one in ended[: len(ended) - KEPT_ENDED]:
            del self.orders[one.number], self._by_client[one.client_id]
            self._by_id.pop(one.order_id, None)

    def _learn(self, one: Tracked, order_id: str, now_ns: int) -> None:
        """The exchange has it, under this id."""
        if one.order_id or not order_id:
            return
        if not one.is_ended:
            self._events.append(OrderAccepted(now_ns, one.ticker, one.number, order_id))
        elif one.refusal:
            one.is_late = True
            self._surprises.append(
                f"order {one.number} was given up as {one.refusal}, and is at the exchange all the same"
            )
        self._identify(one, order_id, now_ns)

    def _identify(self, one: Tracked, order_id: str, now_ns: int) -> None:
        """It is known by an id from now on: what waited for that happens."""
        one.order_id, self._by_id[order_id] = order_id, one
        if not one.is_ended:
            one.state = "working"
        for _, fill in self._strays.pop(order_id, ()):
            self._book(one, fill, now_ns)
        self._end_if_whole(one, now_ns)
        if one.cancel_wanted and one.state == "working":
            self._send_cancel(one)

    def _reject(self, one: Tracked, code: str, now_ns: int) -> None:
        """It was never taken."""
        one.state, one.refusal = "ended", code
        self._events.append(OrderRejected(now_ns, one.ticker, one.number, code))

    def _send_cancel(self, one: Tracked) -> None:
        one.cancel_wanted, one.is_cancelling = False, True
        self._requests.append(SendCancel(one.number, one.order_id, one.ticker, one.shard))

    def _resting(self, one: Tracked, told: VenueOrder, now_ns: int, asked_ns: int) -> None:
        if one.is_ended or one.state == "over":
            if one.is_late and not one.is_cancelling:
                self._send_cancel(one)  # nobody counts on it any more
            return
        stamp = told.updated_ns // MILLISECOND_NS
        if stamp < one.stamp:
            return  # as it was before
        is_newer, one.stamp = stamp > one.stamp or asked_ns >= told.updated_ns + SETTLED_NS, stamp
        one.expected = max(one.expected, told.filled)
        terms = (told.price, told.filled + told.remaining)
        if one.rests and terms != (one.price, one.count):
            if is_newer or (one.pending is not None and terms == (one.pending.price, one.pending.count)):
                self._now_is(one, *terms, now_ns)
            else:
                one.doubt_ns = now_ns  # of two words of one millisecond nobody knows which is the later one
                return
        if asked_ns:
            self._settle_doubts(one, asked_ns, now_ns)

    def _settle_doubts(self, one: Tracked, asked_ns: int, now_ns: int) -> None:
        """It was asked for, and rests."""
        if asked_ns >= one.doubt_ns and not 0 < self._expiry_ns(one) <= now_ns:
            one.doubt_ns = 0
        if one.cancel_lost:
            one.cancel_lost = False
            self._send_cancel(one)  # to cancel twice does no harm
        if one.is_amend_lost and asked_ns >= self._gone_ns(one.amend_sent_ns):
            one.pending = None
            self._events.append(ChangeRefused(now_ns, one.ticker, one.number, "amend", NEVER_LANDED))

    def _now_is(self, one: Tracked, price: int, count: int, now_ns: int) -> None:
        """The order has this price and total count; where that is what an amend wanted, it is in force."""
        one.price, one.count = price, count
        expires_ns = 0
        if one.pending is not None and (one.pending.price, one.pending.count) == (price, count):
            expires_ns = one.pending.expires_ns
            one.expires_ns = expires_ns or one.expires_ns
            one.pending = None
        self._events.append(OrderAmended(now_ns, one.ticker, one.number, price, count, expires_ns))

    def _over(self, one: Tracked, filled: int, reason: str, now_ns: int, *, is_sure: bool = False) -> None:
        """Nothing of it works any more: it ends as soon as all its fills are known."""
        if one.is_ended or (one.state == "over" and not is_sure):
            return
        one.state = "over"
        one.expected = max(filled, one.filled) if is_sure else max(filled, one.filled, one.expected)
        one.reason = one.reason or reason
        one.doubt_ns, one.cancel_lost = 0, False
        self._end(one, now_ns)

    def _book(self, one: Tracked, told: VenueFill, now_ns: int) -> None:
        if told.trade_id in self._trade_ids:
            return
        self._trade_ids[told.trade_id] = None
        if one.filled + told.count > one.count and one.pending is not None and not one.is_ended:
            self._now_is(one, one.pending.price, one.pending.count, now_ns)  # it has landed, or this could not be
        one.filled += told.count
        if one.is_ended:
            self._surprises.append(f"order {one.number} had ended, and has the fill {told.trade_id} all the same")
        self._events.append(
            Fill(
                now_ns,
                told.trade_id,
                one.ticker,
                one.number,
                told.is_bid,
                told.price,
                told.count,
                told.fee,
                told.is_taker,
                "venue",
                told.shard,
            )
        )
        self._end_if_whole(one, now_ns)

    def _end_if_whole(self, one: Tracked, now_ns: int) -> None:
        """What has filled as a whole is over."""
        if one.state == "working" and one.filled >= one.count and one.pending is None:
            one.state, one.expected = "over", max(one.expected, one.filled)
        self._end(one, now_ns)

    def _end(self, one: Tracked, now_ns: int) -> None:
        if one.state != "over" or one.filled < one.expected:
            return
        one.state = "ended"
        if one.left or one.pending is not None:  # whoever waits for an amend has to hear that nothing will come of it
            self._events.append(
                OrderCancelled(now_ns, one.ticker, one.number, one.left, one.reason or why(one, now_ns))
            )

    def _mistaken(self, one: Tracked, told: VenueOrder, now_ns: int) -> None:
        """The id of ours is that of another order: ours was never taken."""
        if not one.order_id and not one.is_ended:
            self._reject(one, "id_taken", now_ns)
            self._surprises.append(f"the id of order {one.number} is that of an order in {told.ticker}")

    def _not_ours(self, told: VenueFill) -> None:
        self._trade_ids[told.trade_id] = None
        self._foreign.append(told)


def why(one: Tracked, now_ns: int) -> str:
    """What ended an order, where the exchange does not say."""
    if not one.rests:
        return "immediate_or_cancel"
    return "expired" if 0 < one.expires_ns <= now_ns else "cancelled"
