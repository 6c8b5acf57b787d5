"""An order as the pages show it, and what each event makes of it."""

from typing import Any

from markets.core.units import MILLISECOND_NS
from trading.core import events
from trading.core.decision import PlaceOrder

Json = dict[str, Any]
ENDED = frozenset({"filled", "cancelled", "rejected"})
BEFORE_ACCEPTED = frozenset({"intent", "sent", "unknown"})


def placed(order: PlaceOrder, at_ns: int) -> Json:
    """A new order: written down, and not sent yet. Times in ms, None where they are not known."""
    return {
        "number": order.number,
        "ticker": order.ticker,
        "is_bid": order.is_bid,
        "price": order.price,
        "count": order.count,
        "filled": 0,
        "status": "intent",
        "reason": "",
        "sent_ms": at_ns // MILLISECOND_NS,
        "expires_ms": order.expires_ns // MILLISECOND_NS or None,
        "left_ms": None,
        "answered_ms": None,
    }


def hear(order: Json, event: events.OrderEvent) -> None:
    """What `event` makes of that order: forward only, as its row goes."""
    if isinstance(event, events.OrderSent):
        if event.what == "place":
            order["left_ms"] = order.get("left_ms") or event.received_ns // MILLISECOND_NS
            _turn(order, "sent", {"intent"})
        return
    if isinstance(event, events.OrderUnknown):
        if event.what == "place":
            _turn(order, "unknown", {"intent", "sent"}, event.reason)
        return
    order["answered_ms"] = order.get("answered_ms") or event.received_ns // MILLISECOND_NS
    if isinstance(event, events.Fill):
        order["filled"] += event.count
    elif isinstance(event, events.OrderRejected):
        _turn(order, "rejected", None, event.code)
    elif isinstance(event, events.OrderCancelled):
        _turn(order, "cancelled", None, event.reason)
    elif isinstance(event, events.OrderAmended):
        order["price"], order["count"] = event.price, event.count
        order["expires_ms"] = event.expires_ns // MILLISECOND_NS or order.get("expires_ms")
    if not isinstance(event, events.ChangeRefused):
        _turn(order, "accepted", BEFORE_ACCEPTED)
    _count(order)


def _turn(order: Json, status: str, out_of: frozenset[str] | set[str] | None, reason: str = "") -> None:
    is_open = order["status"] not in ENDED if out_of is None else order["status"] in out_of
    if is_open:
        order["status"], order["reason"] = status, reason


def _count(order: Json) -> None:
    if order["filled"] >= order["count"]:
        order["status"] = "filled"
    elif order["status"] == "filled" or (order["filled"] and order["status"] not in ENDED):
        order["status"] = "partly_filled"
