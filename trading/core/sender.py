"""Sender: our orders between the engine and an exchange: commands in, requests out; answers and notes in, events out."""

from collections.abc import Sequence
from typing import Literal

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.events import ChangeRefused, Opening, OrderSent, OrderUnknown
from trading.core.order_states import Said
from trading.core.tracked import (
    Send,
    SendAmend,
    SendCancel,
    SendOrder,
    Tracked,
    tracked_from_held,
    tracked_from_order,
)
from trading.core.tracking import Tracking

__all__ = ["Said", "Sender"]

LONG_AGO_NS = 86_400 * SECOND_NS
_WHAT: dict[type, Literal["place", "cancel", "amend"]] = {
    SendOrder: "place",
    SendCancel: "cancel",
    SendAmend: "amend",
}


class Sender(Tracking):
    """The life of every order: intent, sent, working, unknown, over, ended; see Tracking for what is heard of them.

    Each request that `drain` gives out is carried out once: `leaving` just before its bytes leave, then exactly one of
    `created`, `cancelled`, `amended`, `exists`, `refused`, `lost`. A question is answered by `order`, `listed`,
    `fills_listed` or `missing`, or not at all: then it is asked again.
    """

    # From the engine ------------------------------------------------------------------------------------------

    def open(self, opening: Opening) -> None:
        """Orders of earlier sessions are asked for at once."""
        for _, trade_ids in opening.trade_ids:
            self._trade_ids.update(dict.fromkeys(trade_ids))
        for held in opening.orders:
            if held.number not in self.orders:
                one = tracked_from_held(held, self._client_id(held.number), opening.received_ns)
                one.next_ask_ns = one.ask_from_ns = opening.received_ns
                self._track(one)

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        """What the engine wants."""
        for command in commands:
            if isinstance(command, PlaceOrder):
                self._place(command, now_ns)
            elif isinstance(command, CancelOrder):
                self._cancel(self.orders.get(command.number), command, now_ns)
            else:
                self._amend(self.orders.get(command.number), command, now_ns)

    def cancel_all(self, now_ns: int, *, anyway: bool = False) -> None:
        """Cancel whatever may still work; where it is just being asked how an order is, only `anyway`."""
        for one in self.unfinished():
            if anyway or one.state != "working" or not one.is_puzzling:
                self._cancel(one, CancelOrder(one.number, one.ticker), now_ns)

    def _place(self, order: PlaceOrder, now_ns: int) -> None:
        if order.number in self.orders:
            self._surprises.append(f"order {order.number} was to be placed twice")
            return
        one = tracked_from_order(order, self._client_id(order.number), now_ns)
        self._track(one)
        self._requests.append(SendOrder(one.number, one.client_id, order))

    def _cancel(self, one: Tracked | None, command: CancelOrder, now_ns: int) -> None:
        if one is None:
            self._events.append(ChangeRefused(now_ns, command.ticker, command.number, "cancel", "unknown_order"))
        elif one.state in ("intent", "sent", "unknown"):
            one.cancel_wanted = True  # as soon as it is known by an id
        elif one.state == "working" and not one.is_cancelling:
            self._send_cancel(one)

    def _amend(self, one: Tracked | None, command: AmendOrder, now_ns: int) -> None:
        if one is not None and one.is_ended:
            return
        if one is None or one.state != "working" or one.is_cancelling or one.cancel_lost or one.pending is not None:
            code = "unknown_order" if one is None else "busy"
            self._events.append(ChangeRefused(now_ns, command.ticker, command.number, "amend", code))
            return
        one.is_amending, one.pending = True, command
        self._requests.append(SendAmend(one.number, one.order_id, one.client_id, command, one.shard))

    # What became of a request ---------------------------------------------------------------------------------

    def leaving(self, request: Send, now_ns: int) -> None:
        """The bytes of a request are about to leave: from now on it may have happened."""
        one = self.orders[request.number]
        if isinstance(request, SendOrder):
            one.state = "sent" if one.state == "intent" else one.state
            one.sent_ns = max(one.sent_ns, now_ns)
        elif isinstance(request, SendAmend):
            one.amend_sent_ns = now_ns
        self._events.append(OrderSent(now_ns, one.ticker, one.number, _WHAT[type(request)]))

    def created(
        self, request: SendOrder, order_id: str, *, filled: int, remaining: int, venue_ns: int, now_ns: int
    ) -> None:
        """The exchange took our order; so much of it traded at once, and so much rests."""
        one = self.orders[request.number]
        one.stamp = max(one.stamp, venue_ns // MILLISECOND_NS)
        self._learn(one, order_id, now_ns)
        if one.state == "working":
            one.expected = max(one.expected, filled)
            if not remaining:
                self._over(one, filled, request.order.time_in_force if not one.rests else "", now_ns)
        elif one.is_late and remaining:
            self._send_cancel(one)  # nobody counts on it any more
        one.watch(now_ns, self.patience)

    def exists(self, request: SendOrder, now_ns: int) -> None:
        """The id is taken: an earlier request with it has landed, which is looked for."""
        one = self.orders[request.number]
        if not one.order_id and not one.is_ended:
            one.since_ns = min(one.since_ns, now_ns - LONG_AGO_NS)
            self._lost_sight(one, "already_exists", now_ns)

    def refused(self, request: Send, code: str, now_ns: int) -> None:
        """The exchange said no, or nothing was sent: surely nothing has happened. A change that is refused may mean
        that the order is gone: it is asked for."""
        one = self.orders[request.number]
        if isinstance(request, SendOrder):
            if not one.order_id and not one.is_ended:
                self._reject(one, code, now_ns)
            return
        what = _answered(one, request)
        if one.is_ended or (what == "amend" and one.pending != request.amend):  # type: ignore[union-attr]
            return
        if what == "amend":
            one.pending = None
        self._events.append(ChangeRefused(now_ns, one.ticker, one.number, what, code))
        self._doubt(one, now_ns)

    def lost(self, request: Send, reason: str, now_ns: int, sent_ns: int = 0) -> None:
        """Its answer is lost: it may have happened. `sent_ns`: when it left for the last time, where that is known."""
        one = self.orders[request.number]
        if isinstance(request, SendOrder):
            one.sent_ns = max(one.sent_ns, _at_most(sent_ns, now_ns))
            if not one.order_id and not one.is_ended:
                self._lost_sight(one, reason, now_ns)
            else:
                self._doubt(one, now_ns)
            return
        what = _answered(one, request)
        if one.is_ended or (what == "amend" and one.pending != request.amend):  # type: ignore[union-attr]
            return
        if what == "cancel":
            one.cancel_lost = True
        else:
            one.amend_sent_ns = _at_most(sent_ns, now_ns)
        self._events.append(OrderUnknown(now_ns, one.ticker, one.number, what, reason))
        one.watch(now_ns, self.patience)

    def cancelled(self, request: SendCancel, reduced_by: int, venue_ns: int, now_ns: int) -> None:
        """The exchange cancelled: so much was still resting."""
        one = self.orders[request.number]
        is_sure = one.pending is None
        _answered(one, request)
        if one.state != "working":
            return
        one.stamp = max(one.stamp, venue_ns // MILLISECOND_NS)
        if is_sure:
            self._over(one, max(one.count - reduced_by, 0), "cancelled", now_ns)
            one.watch(now_ns, self.patience)
        else:
            self._doubt(one, now_ns)

    def amended(self, request: SendAmend, venue_ns: int, now_ns: int) -> None:
        """The exchange amended."""
        one = self.orders[request.number]
        _answered(one, request)
        one.stamp = max(one.stamp, venue_ns // MILLISECOND_NS)
        if one.state != "working":
            return
        if one.pending == request.amend:
            self._now_is(one, request.amend.price, request.amend.count, now_ns)
        if one.filled >= one.count:
            self._doubt(one, now_ns)  # it was made as small as what had filled, or has filled while it was amended
        one.watch(now_ns, self.patience)

    def _lost_sight(self, one: Tracked, reason: str, now_ns: int) -> None:
        one.state, one.looks = "unknown", 0
        self._events.append(OrderUnknown(now_ns, one.ticker, one.number, "place", reason))
        one.watch(now_ns, self.patience)

    def _doubt(self, one: Tracked, now_ns: int) -> None:
        if one.state == "working":
            one.doubt_ns = one.doubt_ns or now_ns
            one.watch(now_ns, self.patience)


def _answered(one: Tracked, request: SendCancel | SendAmend) -> Literal["cancel", "amend"]:
    what: Literal["cancel", "amend"] = "cancel" if isinstance(request, SendCancel) else "amend"
    if what == "cancel":
        one.is_cancelling = False
    else:
        one.is_amending = False
    return what


def _at_most(sent_ns: int, now_ns: int) -> int:
    """When a request left, as far as that is known: now at the latest, whatever another clock says."""
    return sent_ns if 0 < sent_ns < now_ns else now_ns
