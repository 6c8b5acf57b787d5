"""The life of our orders: sent, accepted, filled or gone; what they may still cost while nobody knows."""

from trading.core.decision import PlaceOrder
from trading.core.events import Fill, OrderCancelled, OrderRejected


class WorkingOrder:
    """One order that may still trade. `worst` is the most it can add to what the account may lose,
    `opening` how many of its contracts do so: those that close what is held trade first."""

    __slots__ = ("close_ns", "count", "filled", "opening", "order", "worst")

    def __init__(self, order: PlaceOrder, worst: int, close_ns: int, opening: int) -> None:
        self.order = order
        self.count = order.count
        self.filled = 0
        self.worst = worst
        self.close_ns = close_ns
        self.opening = opening or order.count

    def worst_left(self) -> int:
        """The share of `worst` that has not become a fill yet, rounded up."""
        left = min(self.count - self.filled, self.opening)
        return -(-self.worst * left // self.opening)


class Orders:
    """Our orders that are not finished, by number. An order without an answer counts as exposure."""

    def __init__(self) -> None:
        self.working: dict[int, WorkingOrder] = {}
        self.sent = 0
        self._by_ticker: dict[str, int] = {}

    def next_number(self) -> int:
        """The number the next order will have: it runs on over all sessions of the account."""
        return self.sent + 1

    def place(self, order: PlaceOrder, worst: int, close_ns: int, opening: int = 0) -> None:
        """The order is on its way; `opening` of its contracts add to the position (0: it only closes)."""
        self.sent = order.number
        self.working[order.number] = WorkingOrder(order, worst, close_ns, opening)
        self._by_ticker[order.ticker] = self._by_ticker.get(order.ticker, 0) + 1

    def is_working(self, ticker: str) -> bool:
        """Whether an order of ours in this market is not finished."""
        return ticker in self._by_ticker

    def filled(self, event: Fill) -> None:
        """Part or all of an order traded."""
        order = self.working.get(event.number)
        if order is None:
            return
        order.filled += event.count
        if order.filled >= order.count:
            self._finish(event.number)

    def gone(self, event: OrderRejected | OrderCancelled) -> None:
        """Nothing more can come of the order."""
        if event.number in self.working:
            self._finish(event.number)

    def exposure(self) -> int:
        """What unfinished orders may still add to the worst case."""
        return sum(order.worst_left() for order in self.working.values())

    def exposure_in(self, ticker: str) -> int:
        """The same for one market."""
        if ticker not in self._by_ticker:
            return 0
        return sum(order.worst_left() for order in self.working.values() if order.order.ticker == ticker)

    def exposure_at(self, close_ns: int) -> int:
        """The same for all markets that close at one moment."""
        return sum(order.worst_left() for order in self.working.values() if order.close_ns == close_ns)

    def _finish(self, number: int) -> None:
        ticker = self.working.pop(number).order.ticker
        left = self._by_ticker[ticker] - 1
        if left:
            self._by_ticker[ticker] = left
        else:
            del self._by_ticker[ticker]
