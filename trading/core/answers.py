"""Answers: what the paper exchange says of our orders, kept until we hear it."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from trading.core.decision import PlaceOrder
from trading.core.events import Event, Fill, Opening, OrderAccepted, OrderCancelled, OrderRejected, OrderUnknown
from trading.core.evidence import evidence_of
from trading.core.hops import Hops
from trading.core.matching.messages import Cause, Filled, Happening, OrderChanged, OrderState

WHY: dict[Cause, str] = {
    "Cancel": "cancelled",
    "Decrease": "cancelled",
    "ExpiryCancel": "expired",
    "CloseCancel": "market closed",
    "HaltCancel": "market paused",
    "SelfTradeCancel": "would have traded with our own order",
}
"""Why an order that rested is gone."""

Reply = tuple[int, int, Event]


class Ours(NamedTuple):
    """An order of ours at the exchange: as it was sent, how many fills of it were told, and by what it took."""

    order: PlaceOrder
    fills: int = 0
    taken: str = "book"


class Answers:
    """`waiting` is a heap: what will be heard, first what is heard first. `ours` are the orders that are not finished, by
    their number at the exchange, `numbers` that number by ours; `ended` is told of the market of each that ends."""

    def __init__(self, hops: Hops, ended: Callable[[str], None]) -> None:
        self.waiting: list[Reply] = []
        self.ours: dict[int, Ours] = {}
        self.numbers: dict[int, int] = {}
        self._hops = hops
        self._ended = ended
        self._count = 0

    def add(self, event: Event) -> None:
        """This will be heard at its time."""
        self._count += 1
        heapq.heappush(self.waiting, (event.received_ns, self._count, event))

    def next(self) -> Event:
        """What is heard first."""
        return heapq.heappop(self.waiting)[2]

    def taken_of(self, ticker: str) -> list[Event]:
        """All that is waiting of one market, in its order; it waits no longer."""
        of_it = [reply for reply in self.waiting if getattr(reply[2], "ticker", "") == ticker]
        if of_it:
            self.waiting = [reply for reply in self.waiting if getattr(reply[2], "ticker", "") != ticker]
            heapq.heapify(self.waiting)
        return [event for _, _, event in sorted(of_it, key=lambda reply: reply[:2])]

    def lost(self, order: PlaceOrder, now_ns: int, truth_ns: int) -> None:
        """The answer to an order is lost: that is heard in its place, and all that is said of it not before `truth_ns`."""
        heard_ns = self._hops.heard_ns(order.number, now_ns)
        self.add(OrderUnknown(heard_ns, order.ticker, order.number, "place", "no answer"))
        self._hops.withhold(order.number, truth_ns)

    def refused(self, order: PlaceOrder, code: str, now_ns: int) -> None:
        """It never existed."""
        self.add(OrderRejected(self._hops.heard_ns(order.number, now_ns), order.ticker, order.number, code))

    def accepted(self, order: PlaceOrder, state: OrderState, now_ns: int, taken: str) -> None:
        """It exists, under that number there."""
        heard_ns = self._hops.heard_ns(order.number, now_ns)
        self.add(OrderAccepted(heard_ns, order.ticker, order.number, f"paper-{order.number}"))
        self.ours[state.number] = Ours(order, 0, taken)
        self.numbers[order.number] = state.number

    def hear(self, happened: Iterable[Happening], event: Event | None) -> None:
        """What has happened to our orders at the exchange; `event` is what the market did, where that was it."""
        for each in happened:
            if type(each) is Filled and each.order in self.ours:
                self._fill(each, event)
            elif type(each) is OrderChanged and each.state.status != "resting" and each.state.number in self.ours:
                self._end(each)

    def _fill(self, fill: Filled, event: Event | None) -> None:
        order, fills, taken = self.ours[fill.order]
        self.ours[fill.order] = Ours(order, fills + 1, taken)
        self.add(
            Fill(
                self._hops.heard_ns(order.number, fill.at_ns),
                f"{order.ticker}-{order.number}-{fills + 1}",
                order.ticker,
                order.number,
                order.is_bid,
                fill.price,
                fill.count,
                fill.fee,
                fill.is_taker,
                evidence_of(fill, event, taken),
            )
        )

    def _end(self, changed: OrderChanged) -> None:
        state = changed.state
        order = self.ours.pop(state.number).order
        del self.numbers[order.number]
        left = state.initial - state.filled
        if left:
            why = WHY.get(state.cause, state.cause) if order.rests else order.time_in_force
            heard_ns = self._hops.heard_ns(order.number, changed.at_ns)
            self.add(OrderCancelled(heard_ns, order.ticker, order.number, left, why))
        self._ended(order.ticker)


def forgotten(opening: Opening) -> Iterator[Event]:
    """A paper order does not outlive its session: what was left of the last one's is gone."""
    for held in opening.orders:
        yield OrderCancelled(opening.received_ns, held.ticker, held.number, held.count - held.filled, "session ended")
