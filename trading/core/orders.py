"""The life of our orders: sent, working, unknown, changing, ended; and what they may still cost while nobody knows."""

from collections.abc import Callable, Iterable
from typing import Literal

from markets.core.contract import FeeTerms
from markets.core.units import PRICE_DOLLAR, SECOND_NS
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
from trading.core.fees import worst_fee

State = Literal["sent", "working", "unknown"]
RETRY_NS = SECOND_NS
Part = tuple[int, int, int]  # what a contract of its own side costs, how many may still trade, their fees at worst


class WorkingOrder:
    """One order that may still trade. `amend` and `is_cancelling` are what is in flight for it, or without an answer:
    until that is answered the order counts at the worse of what it was and what it may have become."""

    __slots__ = (
        *("amend", "asked_ns", "close_ns", "count", "expires_ns", "fees", "filled", "is_bid", "is_cancelling"),
        *("is_disowned", "is_post_only", "number", "price", "rests", "retry_ns", "state", "ticker", "venue_order_id"),
    )

    def __init__(self, order: PlaceOrder | HeldOrder, close_ns: int, fees: FeeTerms, now_ns: int) -> None:
        self.number = order.number
        self.ticker = order.ticker
        self.is_bid = order.is_bid
        self.price = order.price
        self.count = order.count
        self.expires_ns = order.expires_ns
        self.rests = order.rests
        self.is_post_only = isinstance(order, PlaceOrder) and order.is_post_only
        self.filled = 0
        self.state: State = "sent"
        self.venue_order_id = ""
        self.amend: AmendOrder | None = None
        self.is_cancelling = False
        self.is_disowned = False  # nobody wants it any more
        self.retry_ns = 0  # nothing is asked before this: something was refused
        self.asked_ns = now_ns  # when anything was asked of the exchange for it last
        self.close_ns = close_ns
        self.fees = fees

    @property
    def left(self) -> int:
        """How many contracts may still trade, at worst."""
        count = self.count if self.amend is None else max(self.count, self.amend.count)
        return max(count - self.filled, 0)

    @property
    def is_quiet(self) -> bool:
        """It works, and nothing is in flight for it: something may be asked."""
        return self.state == "working" and self.amend is None and not self.is_cancelling

    def prices(self) -> tuple[int, ...]:
        """The YES prices that it may have now."""
        return (self.price,) if self.amend is None else (self.price, self.amend.price)

    def part(self) -> Part:
        """What it may still cost: at the worst of its prices, with all that may be left."""
        return part(self.is_bid, self.prices(), self.left, self.fees, is_taker=not self.is_post_only)


def part(is_bid: bool, prices: tuple[int, ...], left: int, fees: FeeTerms, *, is_taker: bool) -> Part:
    """What `left` contracts at one of these YES prices may cost: of their own side, at worst, with all fees."""
    own = [price if is_bid else PRICE_DOLLAR - price for price in prices]
    return max(own), left, max(worst_fee(fees, price, left, is_taker) for price in own) if left else 0


def worst_of(position: int, is_bid: bool, parts: list[Part]) -> tuple[int, int]:
    """(Money, contracts) that the orders of one side may add to what `position` may lose, and to the contracts that are
    open. What closes the position adds its fee alone; several orders share what is there to close, and the dearest are
    the ones that open."""
    closing = abs(position) if position and (position < 0) == is_bid else 0
    money = opens = 0
    for own, left, fee in sorted(parts) if len(parts) > 1 else parts:
        closes = min(left, closing)
        closing -= closes
        money += own * (left - closes) + fee
        opens += left - closes
    return money, opens


class _InMarket:
    """Our orders in one market."""

    __slots__ = ("close_ns", "exposure", "orders")

    def __init__(self, close_ns: int) -> None:
        self.close_ns = close_ns
        self.orders: list[WorkingOrder] = []
        self.exposure = 0


class Orders:
    """Our orders that have not ended, by number; whatever may still trade counts in full, on both sides of a market.

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
        others = market.orders if market is not None else []
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
        """The same for all markets that close at one moment."""
        return self._by_close.get(close_ns, 0)

    def adds(self, order: PlaceOrder | AmendOrder, fees: FeeTerms) -> tuple[int, int]:
        """(Money, contracts) that this order or change would add to the exposure, and to the contracts that open."""
        market = self._markets.get(order.ticker)
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
        """An answer is lost. Whatever was asked may have happened, and stays in flight until that is known."""
        order = self.working.get(event.number)
        if order is None:
            return
        if event.what == "cancel":
            order.is_cancelling = True
        elif event.what == "place" and order.state == "sent":
            order.state = "unknown"

    def amended(self, event: OrderAmended) -> None:
        """The order has this price, count and (where it is told) expiry now."""
        order = self.working.get(event.number)
        if order is None:
            return
        asked, order.amend = order.amend, None
        order.price, order.count = event.price, event.count
        order.expires_ns = event.expires_ns or (asked.expires_ns if asked else 0) or order.expires_ns
        order.state = "working"
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
        if order is not None:
            self._finish(order)

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
        self.refresh(order.ticker)

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


def crosses(is_bid: bool, price: int, other: WorkingOrder) -> bool:
    """Whether an order at this YES price would trade with that order of ours, at any price that it may have now."""
    if other.is_bid == is_bid:
        return False
    return price >= min(other.prices()) if is_bid else price <= max(other.prices())


def _amended(order: WorkingOrder, change: AmendOrder) -> Part:
    prices, count = (order.price, change.price), max(order.count, change.count)
    left = max(count - order.filled, 0)
    return part(order.is_bid, prices, left, order.fees, is_taker=not order.is_post_only)
