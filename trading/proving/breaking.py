"""Parts of the trader that are broken on purpose: a proof that does not find them proves nothing."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from markets.feeds.kalshi.notes import FillNote
from trading.core import risk
from trading.core.decision import Denied
from trading.core.events import OrderUnknown
from trading.core.orders import Orders
from trading.core.sender import Sender
from trading.core.tracked import SendOrder, Tracked
from trading.core.venue import VenueFill
from trading.gateways import kalshi, values
from trading.proving.taping import MortalRecorder

Undo = Callable[[], None]
BREAKS: dict[str, str] = {
    "new_id": "an order without an answer is sent again under a new id",
    "fills_twice": "a fill that is heard from the socket and read over REST is booked twice",
    "ends_early": "an order ends before its fills are known",
    "unknown_is_free": "an order without an answer does not count as exposure",
    "unflushed": "the tape is not handed over before an order leaves",
    "no_limit": "the limits of exposure are not looked at",
}


@contextmanager
def broken_part(name: str) -> Iterator[None]:
    """This part is broken for as long as this is open; "" breaks nothing. Raises KeyError for a name nobody knows."""
    undo = _MAKE[name]() if name else lambda: None
    try:
        yield
    finally:
        undo()


def _put(owner: Any, name: str, value: Any) -> Undo:
    before = getattr(owner, name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, before)


def _new_id() -> Undo:
    lost = Sender.lost

    def again(self: Sender, request: Any, reason: str, now_ns: int, sent_ns: int = 0) -> None:
        lost(self, request, reason, now_ns, sent_ns)
        one = self.orders[request.number]
        if isinstance(request, SendOrder) and one.state == "unknown":
            one.client_id = str(uuid.uuid5(uuid.UUID(request.client_id), "again"))
            self._by_client[one.client_id] = one
            self._requests.append(SendOrder(one.number, one.client_id, request.order))

    return _put(Sender, "lost", again)


def _fills_twice() -> Undo:
    fill_of_note = values.fill_of_note

    def named_otherwise(note: FillNote) -> VenueFill:
        told = fill_of_note(note)
        return msgspec.structs.replace(told, trade_id=f"{told.trade_id}-socket")

    return _put(kalshi, "fill_of_note", named_otherwise)


def _ends_early() -> Undo:
    end = Sender._end  # noqa: SLF001

    def at_once(self: Sender, one: Tracked, now_ns: int) -> None:
        one.expected = min(one.expected, one.filled)
        end(self, one, now_ns)

    return _put(Sender, "_end", at_once)


def _unknown_is_free() -> Undo:
    lost = Orders.lost

    def forgotten(self: Orders, event: OrderUnknown) -> None:
        lost(self, event)
        order = self.working.get(event.number)
        if order is not None and event.what == "place":
            self._finish(order)

    return _put(Orders, "lost", forgotten)


def _unflushed() -> Undo:
    return _put(MortalRecorder, "flush", lambda self: None)


def _no_limit() -> Undo:
    check = risk.Risk.check

    def unlimited(self: risk.Risk, order: Any, **terms: Any) -> Denied | None:
        denied = check(self, order, **terms)
        return None if denied is not None and denied.code.endswith("_EXPOSURE") else denied

    return _put(risk.Risk, "check", unlimited)


_MAKE: dict[str, Callable[[], Undo]] = {
    "new_id": _new_id,
    "fills_twice": _fills_twice,
    "ends_early": _ends_early,
    "unknown_is_free": _unknown_is_free,
    "unflushed": _unflushed,
    "no_limit": _no_limit,
}
