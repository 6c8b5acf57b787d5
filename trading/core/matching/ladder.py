"""One side of a market: the crowd's displayed bids, our orders in their queues, and who trades first."""

from collections.abc import Iterable, Iterator

from markets.core.book import OrderBook
from markets.core.contract import Contract
from markets.core.events import Level
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.matching.messages import Cause, NewOrder, OrderState, OrderStatus
from trading.core.matching.pockets import Pocket

REMEMBERED_NS = SECOND_NS  # how long what we took, and what was printed or gone, is held against what is displayed


class Order:
    """An order as the exchange keeps it. `own` is what it bids on its ladder: the YES price of a bid, a dollar less
    that of an ask; `ahead` how much of the crowd trades before it at its price, `early` how much of that has left the
    display lately and may be printed yet; `rounding` its rounding account."""

    __slots__ = (
        "ahead",
        "cause",
        "client_id",
        "created_ns",
        "early",
        "expires_ns",
        "filled",
        "initial",
        "is_yes",
        "maker_cost",
        "maker_fees",
        "market",
        "new",
        "number",
        "own",
        "pocket",
        "remaining",
        "rounding",
        "status",
        "taker_cost",
        "taker_fees",
        "updated_ns",
    )

    def __init__(self, new: NewOrder, market: "Market", pocket: Pocket, now_ns: int) -> None:
        self.new = new
        self.market = market
        self.pocket = pocket
        self.number = 0
        self.is_yes = new.is_bid
        self.own = own_price(new.is_bid, new.price)
        self.initial = self.remaining = new.count
        self.filled = self.ahead = self.early = self.rounding = 0
        self.taker_cost = self.maker_cost = self.taker_fees = self.maker_fees = 0
        self.expires_ns = new.expires_ns
        self.created_ns = self.updated_ns = now_ns
        self.client_id = new.client_id
        self.status: OrderStatus = "resting"
        self.cause: Cause = ""

    @property
    def price(self) -> int:
        """Its YES price."""
        return own_price(self.is_yes, self.own)

    def state(self) -> OrderState:
        """The order as a value."""
        return OrderState(
            self.number,
            self.new,
            self.market.shard,
            self.status,
            self.price,
            self.initial,
            self.filled,
            self.remaining,
            self.taker_cost,
            self.maker_cost,
            self.taker_fees,
            self.maker_fees,
            self.expires_ns,
            self.created_ns,
            self.updated_ns,
            self.cause,
            self.client_id,
        )


class Queue:
    """Our orders at one price, first come first, and what makes the crowd there smaller than displayed: `consumed` by
    us, `printed` as traded but still displayed. `gone` was taken off the display and may be printed yet."""

    __slots__ = ("consumed", "consumed_until_ns", "gone", "orders", "printed", "prints_until_ns")

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.consumed = self.printed = self.gone = 0
        self.consumed_until_ns = self.prints_until_ns = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return not (self.orders or self.consumed or self.printed or self.gone)

    def eat(self, count: int) -> None:
        """So much of the crowd at the front was taken."""
        for order in self.orders:
            order.ahead = max(order.ahead - count, 0)

    def eat_printed(self, count: int, until_ns: int) -> None:
        """So much of the crowd at the front was printed; the display may know of it already."""
        for order in self.orders:
            known = min(count, order.early)
            order.early -= known
            order.ahead = max(order.ahead - count + known, 0)
        shown = min(count, self.gone)
        self.gone -= shown
        self.printed += count - shown
        self.prints_until_ns = until_ns

    def is_due(self, now_ns: int) -> bool:
        """Whether something that was remembered until now is to be forgotten."""
        return bool(
            (self.consumed and self.consumed_until_ns <= now_ns)
            or ((self.printed or self.gone) and self.prints_until_ns <= now_ns)
        )

    def expire(self, now_ns: int) -> None:
        """Forget what was remembered until now."""
        if self.consumed_until_ns <= now_ns:
            self.consumed = 0
        if self.prints_until_ns <= now_ns:
            self.printed = self.gone = 0
            for order in self.orders:
                order.early = 0


class Ladder:
    """The YES bids or the NO bids, each at its own price. What the crowd displays lies in the book."""

    def __init__(self, book: OrderBook, is_yes: bool) -> None:
        self.book = book
        self.is_yes = is_yes
        self.queues: dict[int, Queue] = {}

    @property
    def displayed(self) -> dict[int, int]:
        """What the source of the crowd says there is, by price."""
        return self.book.yes if self.is_yes else self.book.no

    def queue(self, price: int) -> Queue:
        """The queue at a price, made when there is none."""
        queue = self.queues.get(price)
        if queue is None:
            queue = self.queues[price] = Queue()
        return queue

    def drop_idle(self, price: int) -> None:
        """Forget a queue that says nothing any more."""
        if price in self.queues and self.queues[price].is_idle:
            del self.queues[price]

    def crowd(self, price: int) -> int:
        """How much of the crowd can be traded with at a price."""
        displayed = self.displayed.get(price, 0)
        queue = self.queues.get(price)
        return max(displayed - queue.consumed - queue.printed, 0) if queue else displayed

    def prices(self, lowest: int) -> list[int]:
        """The prices at or above `lowest` where something may rest, best first."""
        found = [price for price in self.displayed if price >= lowest]
        found += [price for price in self.queues if price >= lowest and price not in self.displayed]
        return sorted(found, reverse=True)

    def segments(self, price: int) -> Iterator[tuple[Order | None, int]]:
        """Who trades at a price, in turn: an order of ours with what remains of it, or None for the crowd."""
        passed, queue = 0, self.queues.get(price)
        for order in queue.orders if queue else ():
            if order.ahead > passed:
                yield None, order.ahead - passed
                passed = order.ahead
            yield order, order.remaining
        crowd = self.crowd(price)
        if crowd > passed:
            yield None, crowd - passed

    def display(self, price: int, count: int, until_ns: int, is_proportional: bool = False) -> int:
        """The source displays `count` at a price from now on; returns what the tradable crowd changes by.

        Who leaves was behind our orders, as far as there is anyone, or before and behind them in proportion; what had
        been printed was expected to leave. If a print tells later that who left had traded, that is made good.
        """
        before, change = self.crowd(price), count - self.displayed.get(price, 0)
        if count > 0:
            self.displayed[price] = count
        else:
            self.displayed.pop(price, None)
        queue = self.queues.get(price)
        if queue is not None:
            if change < 0:
                expected = min(-change, queue.printed)
                queue.printed -= expected
                queue.gone += -change - expected
                queue.prints_until_ns = until_ns
            crowd = self.crowd(price)
            for order in queue.orders:
                left = -(-order.ahead * crowd // before) if is_proportional and crowd < before else order.ahead
                left = min(left, crowd)
                order.early += order.ahead - left
                order.ahead = left
        return self.crowd(price) - before

    def levels(self) -> list[Level]:
        """(price, count) with our orders in it, ascending."""
        sums = {price: self.crowd(price) for price in self.displayed}
        for price, queue in self.queues.items():
            sums[price] = sums.get(price, 0) + sum(order.remaining for order in queue.orders)
        return [(price, sums[price]) for price in sorted(sums) if sums[price] > 0]

    def best_order(self) -> int:
        """The best price at which an order of ours rests; 0 for none."""
        return max((price for price, queue in self.queues.items() if queue.orders), default=0)


class Market:
    """One market: its terms, its state, two ladders. A borrowed book is kept by someone else, who tells nothing here."""

    def __init__(self, contract: Contract, shard: int, book: OrderBook | None = None) -> None:
        self.contract = contract
        self.shard = shard
        self.status = "listed"
        self.is_borrowed = book is not None
        self.borrow(book or OrderBook())
        self.resting = 0
        self.orders: dict[int, Order] = {}
        self.client_ids: list[tuple[int, str]] = []

    def borrow(self, book: OrderBook) -> None:
        """Trade with what this book displays."""
        self.book = book
        self.yes, self.no = Ladder(book, True), Ladder(book, False)

    def go_on_with(self, book: OrderBook) -> None:
        """The same display, kept in another book: what rests, and what was taken, stay as they are."""
        self.book = self.yes.book = self.no.book = book

    def ladder(self, is_yes: bool) -> Ladder:
        """The YES bids, or the NO bids."""
        return self.yes if is_yes else self.no

    def resting_orders(self) -> list[Order]:
        """The orders in the book, oldest first."""
        return [order for order in self.orders.values() if order.status == "resting"] if self.resting else []


def own_price(is_yes: bool, price: int) -> int:
    """A YES price in the terms of a ladder, or back."""
    return price if is_yes else PRICE_DOLLAR - price


def ladder_levels(levels: Iterable[Level]) -> dict[int, int]:
    """Levels as price to count, without the empty ones."""
    return {price: count for price, count in levels if count > 0}
