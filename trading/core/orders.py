"""Our orders that have not ended: sent, working, unknown, changing; and what they may still cost while nobody knows."""

from collections.abc import Callable, Iterable

from markets.core.contract import Contract, FeeTerms
from markets.core.units import SECOND_NS
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    Fill,
    HeldOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderUnknown,
)
from trading.core.working import Part, WorkingOrder, crosses, part, part_at, worst_of

RETRY_NS = SECOND_NS  # after a refusal


class _InMarket:
    """Our orders in one market."""

    __slots__ = ("close_ns", "exposure", "orders")

    def __init__(self, close_ns: int) -> None:
        self.close_ns = close_ns
        self.orders: list[WorkingOrder] = []
        self.exposure = 0


class Orders:
    """Our orders that have not ended, by number; whatever may still trade counts in full, on both sides of a market.

    Who speaks to the exchange tells each answer to a change once. All else may be told twice, late and in any order.
    `position` says what is held in a market (signed count). The sums are kept as things change: asking is cheap.
    """

    def __init__(self, position: Callable[[str], int] = lambda ticker: 0) -> None:
        self._position = position
        self.sent = 0
        self._clear()

    def _clear(self) -> None:
        self.working: dict[int, WorkingOrder] = {}
        self.resting = 0  # how many of them are such that rest
        self._markets: dict[str, _InMarket] = {}
        self._by_close: dict[int, int] = {}
        self._rejected_ns: dict[str, int] = {}
        self._exposure = 0

    # What is out ------------------------------------------------------------------------------------------

    def next_number(self) -> int:
        """The number the next order will have: it runs on over all sessions of the account."""
        return self.sent + 1

    def in_market(self, ticker: str) -> list[WorkingOrder]:
        """Our orders in this market, oldest first."""
        market = self._markets.get(ticker)
        return market.orders if market is not None else []

    def is_working(self, ticker: str) -> bool:
        """Whether an order of ours in this market has no end yet that will come by itself, or is in flight: all but
        those that rest quietly."""
        market = self._markets.get(ticker)
        return market is not None and not all(order.rests and order.is_quiet for order in market.orders)

    def is_in_the_way(self, order: PlaceOrder | AmendOrder) -> bool:
        """Whether this one has to wait for others of this market: there is at most one on each side, none trades with
        another of ours, and nothing is sent while an immediate one, or any on its side, has no answer."""
        market = self._markets.get(order.ticker)
        if market is None:
            return False
        others = market.orders
        if isinstance(order, AmendOrder):
            others = [other for other in others if other.number != order.number]
        waits = isinstance(order, PlaceOrder) and not order.rests
        return any(
            other.is_bid == order.is_bid
            or not other.rests
            or (waits and not other.is_quiet)
            or crosses(order.is_bid, order.price, other)
            for other in others
        )

    def exposure(self) -> int:
        """What all of them may still add to the worst case, Money."""
        return self._exposure

    def exposure_in(self, ticker: str) -> int:
        """The same for one market."""
        market = self._markets.get(ticker)
        return market.exposure if market is not None else 0

    def exposure_at(self, close_ns: int) -> int:
        """The same for all markets that close at one moment. What closes nobody knows when (0) counts at each."""
        unknown = self._by_close.get(0, 0) if close_ns else 0
        return self._by_close.get(close_ns, 0) + unknown

    def close_of(self, ticker: str) -> int:
        """When a market with orders of ours closes; 0: nobody knows."""
        market = self._markets.get(ticker)
        return market.close_ns if market is not None else 0

    def adds(self, order: PlaceOrder | AmendOrder, fees: FeeTerms) -> tuple[int, int]:
        """(Money, contracts) that this order or change would add to the exposure, and to the contracts that open."""
        market = self._markets.get(order.ticker)
        if market is None and isinstance(order, PlaceOrder):  # by far the most
            alone = part_at(order.is_bid, order.price, order.count, fees, is_taker=not order.is_post_only)
            return worst_of(self._position(order.ticker), order.is_bid, [alone])
        side = [other for other in market.orders if other.is_bid == order.is_bid] if market is not None else []
        was = [other.part() for other in side]
        if isinstance(order, AmendOrder):
            now = [_amended(other, order) if other.number == order.number else other.part() for other in side]
        else:
            now = [*was, part(order.is_bid, (order.price,), order.count, fees, is_taker=not order.is_post_only)]
        position = self._position(order.ticker)
        money_before, opens_before = worst_of(position, order.is_bid, was)
        money, opens = worst_of(position, order.is_bid, now)
        return money - money_before, opens - opens_before

    def opens(self, order: WorkingOrder) -> int:
        """How many contracts of a working order may add to what is open."""
        return worst_of(self._position(order.ticker), order.is_bid, [order.part()])[1]

    # What we ask ------------------------------------------------------------------------------------------

    def open(self, sent: int, held: Iterable[HeldOrder], fees: Callable[[str], FeeTerms]) -> None:
        """A session begins: so many orders were sent before, and what became of these only the exchange knows."""
        self._clear()
        self.sent = sent
        for order in held:
            self.hold(order, fees(order.ticker))

    def place(self, order: PlaceOrder, close_ns: int, fees: FeeTerms, now_ns: int = 0) -> None:
        """The order is on its way."""
        self.sent = max(self.sent, order.number)
        self._add(WorkingOrder(order, close_ns, fees, now_ns))

    def hold(self, held: HeldOrder, fees: FeeTerms) -> None:
        """An order of an earlier session: unknown until the exchange says what became of it."""
        self.sent = max(self.sent, held.number)
        order = WorkingOrder(held, held.close_ns, fees, held.sent_ns)
        order.filled, order.venue_order_id, order.state = held.filled, held.venue_order_id, "unknown"
        self._add(order)

    def amend(self, change: AmendOrder, now_ns: int) -> None:
        """A change is on its way."""
        order = self.working[change.number]
        order.amend, order.asked_ns = change, now_ns
        self.refresh(order.ticker)

    def cancel(self, change: CancelOrder, now_ns: int) -> None:
        """A cancel is on its way: until it is answered the order counts as before."""
        order = self.working[change.number]
        order.is_cancelling, order.asked_ns = True, now_ns

    # What the exchange says -------------------------------------------------------------------------------

    def accepted(self, event: OrderAccepted) -> None:
        """The exchange has the order."""
        self.sent = max(self.sent, event.number)
        order = self.working.get(event.number)
        if order is not None:
            order.state, order.venue_order_id = "working", event.venue_order_id

    def lost(self, event: OrderUnknown) -> None:
        """An answer is lost. Of a change it stays in flight, as it is, until what became of it is known."""
        order = self.working.get(event.number)
        if order is not None and event.what == "place" and order.state == "sent":
            order.state = "unknown"

    def amended(self, event: OrderAmended) -> None:
        """The order has this price, count and (where it is told) expiry now. A change that is in flight is answered by
        what it asked for alone: anything else was said before it arrived."""
        order = self.working.get(event.number)
        if order is None:
            return
        order.price, order.count, order.state = event.price, event.count, "working"
        expires_ns, asked = event.expires_ns, order.amend
        if asked is not None and (asked.price, asked.count) == (event.price, event.count):
            expires_ns, order.amend = expires_ns or asked.expires_ns, None
        order.expires_ns = expires_ns or order.expires_ns
        self._changed(order)

    def refused(self, event: ChangeRefused) -> None:
        """A change did not happen: the order is as it was."""
        order = self.working.get(event.number)
        if order is None:
            return
        if event.what == "cancel":
            order.is_cancelling = False
        else:
            order.amend = None
        order.retry_ns = event.received_ns + RETRY_NS
        self._changed(order)

    def filled(self, event: Fill) -> None:
        """Part or all of an order traded, after the position was booked: also of one that is not known here."""
        order = self.working.get(event.number)
        if order is None:
            self.refresh(event.ticker)
            return
        order.filled += event.count
        self._changed(order)

    def gone(self, event: OrderRejected | OrderCancelled) -> None:
        """Nothing more can come of the order."""
        order = self.working.get(event.number)
        if order is None:
            return
        if order.rests and isinstance(event, OrderRejected):
            self._rejected_ns[order.ticker] = event.received_ns
        self._finish(order)

    def is_refused(self, ticker: str, now_ns: int) -> bool:
        """Whether a quote was refused in this market a moment ago: the next waits, or refusals would come in a row."""
        return now_ns < self._rejected_ns.get(ticker, -RETRY_NS) + RETRY_NS

    def listed(self, contract: Contract) -> None:
        """The terms of a market: what was carried over is counted by them from now on."""
        market = self._markets.get(contract.ticker)
        if market is None:
            return
        for order in market.orders:
            order.fees = contract.fees
        self._close_at(market, contract.close_ns)
        self.refresh(contract.ticker)

    def refresh(self, ticker: str) -> None:
        """Count one market again: an order, or what is held there, has changed."""
        market = self._markets.get(ticker)
        if market is None:
            return
        position = self._position(ticker)
        worst = 0
        for is_bid in (True, False):
            parts = [order.part() for order in market.orders if order.is_bid is is_bid]
            if parts:
                worst += worst_of(position, is_bid, parts)[0]
        self._book(market, worst)

    # Within -----------------------------------------------------------------------------------------------

    def _add(self, order: WorkingOrder) -> None:
        self.working[order.number] = order
        self.resting += order.rests
        market = self._markets.get(order.ticker)
        if market is None:
            market = self._markets[order.ticker] = _InMarket(order.close_ns)
        market.orders.append(order)
        if order.close_ns != market.close_ns:
            self._close_at(market, order.close_ns or market.close_ns)
        self.refresh(order.ticker)

    def _close_at(self, market: _InMarket, close_ns: int) -> None:
        """All of them close then."""
        for order in market.orders:
            order.close_ns = close_ns
        if market.close_ns != close_ns:
            worst = market.exposure
            self._book(market, 0)
            market.close_ns = close_ns
            self._book(market, worst)

    def _changed(self, order: WorkingOrder) -> None:
        if order.left:
            self.refresh(order.ticker)
        else:
            self._finish(order)

    def _finish(self, order: WorkingOrder) -> None:
        del self.working[order.number]
        self.resting -= order.rests
        market = self._markets[order.ticker]
        market.orders.remove(order)
        if market.orders:
            self.refresh(order.ticker)
        else:
            self._book(market, 0)
            del self._markets[order.ticker]

    def _book(self, market: _InMarket, worst: int) -> None:
        more, market.exposure = worst - market.exposure, worst
        self._exposure += more
        at_close = self._by_close.get(market.close_ns, 0) + more
        if at_close:
            self._by_close[market.close_ns] = at_close
        else:
            self._by_close.pop(market.close_ns, None)


def _amended(order: WorkingOrder, change: AmendOrder) -> Part:
    prices, count = (order.price, change.price), max(order.count, change.count)
    left = max(count - order.filled, 0)
    return part(order.is_bid, prices, left, order.fees, is_taker=not order.is_post_only)
