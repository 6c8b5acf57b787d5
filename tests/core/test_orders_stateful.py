"""Quotes and orders against an exchange that loses requests and answers and tells late, twice and in any order: what we
believe is never less than the truth, and in the end it is the truth."""

from itertools import product
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from markets.core.contract import FeeTerms
from markets.core.units import DOLLAR, MILLISECOND_NS, SECOND_NS
from tests.builders import CLOSE_NS, OPEN_NS, TICKER, contract, opening
from trading.core.account import Account
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderRejected,
    OrderUnknown,
)
from trading.core.fees import fill_fee
from trading.core.market import MarketState
from trading.core.parameters import Parameters
from trading.core.portfolio import Position
from trading.core.quoting import Frame, moves

CASH = 10_000 * DOLLAR
FEES = FeeTerms()
PARAMETERS = Parameters(maker_quiet_close_ns=0, quote_interval_ns=500 * MILLISECOND_NS)
PRICES = st.integers(5, 95).map(lambda cents: cents * 100)
COUNTS = st.integers(1, 6).map(lambda contracts: contracts * 100)
QUOTES = st.lists(st.tuples(st.booleans(), PRICES, COUNTS), max_size=2, unique_by=lambda quote: quote[0])
TWICE = (Fill, OrderAccepted, OrderRejected, OrderCancelled, OrderUnknown)  # answers to changes are told once


Way = tuple[bool, int, int, bool] | None  # is_bid, price, count, whether it takes


class There(msgspec.Struct):
    """An order as the exchange has it."""

    order: PlaceOrder
    price: int
    count: int
    filled: int = 0


class OrdersMachine(RuleBasedStateMachine):
    """`requests` are on their way to the exchange, `news` on its way to us."""

    def __init__(self) -> None:
        super().__init__()
        market = MarketState(contract())
        self.account = Account({TICKER: market})
        self.account.hears[type(opening())](opening(CASH))
        self.now_ns = OPEN_NS + 10 * SECOND_NS
        self.there: dict[int, There] = {}
        self.truth = Position(TICKER, CLOSE_NS)
        self.cash, self.trades = CASH, 0
        self.requests: list[Command] = []
        self.news: list[OrderEvent] = []
        self.told: list[OrderEvent] = []
        self.ended: set[int] = set()

    # Us ---------------------------------------------------------------------------------------------------

    @rule(quotes=QUOTES)
    def want(self, quotes: list[tuple[bool, int, int]]) -> None:
        frame = Frame(TICKER, CLOSE_NS, self.now_ns, PARAMETERS)
        for move in moves(quotes, self.account.orders.in_market(TICKER), frame):
            if isinstance(move, PlaceOrder):
                self.send(msgspec.structs.replace(move, number=self.account.orders.next_number()))
            else:
                self.send(move)

    @rule(is_bid=st.booleans(), price=PRICES, count=COUNTS)
    def take(self, is_bid: bool, price: int, count: int) -> None:
        self.send(PlaceOrder(self.account.orders.next_number(), TICKER, is_bid, price, count))

    def send(self, command: Command) -> None:
        orders = self.account.orders
        if isinstance(command, CancelOrder):
            orders.cancel(command, self.now_ns)
        elif orders.is_in_the_way(command):
            return
        else:
            before, (added, _) = self.bound(), orders.adds(command, FEES)
            if isinstance(command, PlaceOrder):
                orders.place(command, CLOSE_NS, FEES, self.now_ns)
            else:
                orders.amend(command, self.now_ns)
            assert self.bound() == before + added
        others = [other for other in self.requests if other.number == command.number]
        is_cancel = isinstance(command, CancelOrder)
        assert not any(isinstance(other, CancelOrder) or not is_cancel for other in others), (
            "a cancel alone joins another"
        )
        self.requests.append(command)

    @rule(seconds=st.sampled_from([0.1, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)

    # The road there ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), share=st.integers(0, 6), is_answer_lost=st.booleans())
    def arrive(self, data: st.DataObject, share: int, is_answer_lost: bool) -> None:
        request = self.leave(data)
        if is_answer_lost:
            self.tell(OrderUnknown, request.number, what=_what(request))
        if isinstance(request, PlaceOrder):
            self.there[request.number] = There(request, request.price, request.count)
            self.tell(OrderAccepted, request.number, venue_order_id=f"v{request.number}")
            if not request.rests:
                self.trade(request.number, min(share * 100, request.count))
                self.end(request.number, "immediate_or_cancel")
        elif request.number not in self.there:
            self.tell(ChangeRefused, request.number, what=_what(request), code="not_found")
        elif isinstance(request, CancelOrder):
            self.end(request.number, "cancelled")
        else:
            self.change(request)

    @precondition(lambda self: self.requests)
    @rule(data=st.data())
    def never_arrive(self, data: st.DataObject) -> None:
        request = self.leave(data)
        self.tell(OrderUnknown, request.number, what=_what(request))
        if isinstance(request, PlaceOrder):
            self.tell(OrderRejected, request.number, code="never_landed")
        else:
            self.tell(ChangeRefused, request.number, what=_what(request), code="never_landed")

    def leave(self, data: st.DataObject) -> Command:
        """Any of the requests; but to cancel an order takes the answer to it first."""
        placed = {request.number for request in self.requests if isinstance(request, PlaceOrder)}
        leaving = [
            n for n, each in enumerate(self.requests) if not isinstance(each, CancelOrder) or each.number not in placed
        ]
        return self.requests.pop(data.draw(st.sampled_from(leaving)))

    def change(self, request: AmendOrder) -> None:
        order = self.there[request.number]
        if request.count <= order.filled:
            self.end(request.number, "amended away")
            return
        order.price, order.count = request.price, request.count
        self.tell(OrderAmended, request.number, price=request.price, count=request.count)

    # The exchange -----------------------------------------------------------------------------------------

    @precondition(lambda self: self.there)
    @rule(data=st.data(), count=COUNTS)
    def somebody_trades(self, data: st.DataObject, count: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.there)))
        order = self.there[number]
        self.trade(number, min(count, order.count - order.filled))
        if order.filled == order.count:
            self.end(number, "executed")

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def expire(self, data: st.DataObject) -> None:
        self.end(data.draw(st.sampled_from(sorted(self.there))), "expired")

    def trade(self, number: int, count: int) -> None:
        if not count:
            return
        order = self.there[number]
        order.filled += count
        is_bid, is_taker = order.order.is_bid, not order.order.rests
        before = self.truth.count
        flow = self.truth.trade(is_bid, order.price, count)
        fee, _ = fill_fee(FEES, order.price, count, is_taker, flow)
        self.cash += flow - fee
        self.trades += 1
        assert self.truth.count != before
        self.tell(
            Fill, number, trade_id=f"t{self.trades}", is_bid=is_bid, price=order.price, count=count, fee=fee,
            is_taker=is_taker,
        )  # fmt: skip

    def end(self, number: int, reason: str) -> None:
        order = self.there.pop(number)
        self.tell(OrderCancelled, number, left=order.count - order.filled, reason=reason)

    def tell(self, kind: type[Any], number: int, **values: Any) -> None:
        """It is said, and will be heard at some time."""
        self.news.append(kind(received_ns=self.now_ns, ticker=TICKER, number=number, **values))

    # The road back ----------------------------------------------------------------------------------------

    @precondition(lambda self: self.news)
    @rule(data=st.data())
    def hear(self, data: st.DataObject) -> None:
        choices = [number for number, event in enumerate(self.news) if self.may_be_told(event)]
        self.listen(self.news.pop(data.draw(st.sampled_from(choices))))

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def hear_again(self, data: st.DataObject) -> None:
        self.listen(data.draw(st.sampled_from(self.told)))

    def may_be_told(self, event: OrderEvent) -> bool:
        """The end of an order is held back until all its fills are told."""
        is_end = isinstance(event, OrderCancelled)
        return not is_end or not any(isinstance(each, Fill) and each.number == event.number for each in self.news)

    def listen(self, event: OrderEvent) -> None:
        heard = msgspec.structs.replace(event, received_ns=self.now_ns)
        self.account.hears[type(event)](heard)
        if isinstance(event, TWICE):
            self.told.append(event)
        if isinstance(event, (OrderCancelled, OrderRejected)):
            self.ended.add(event.number)

    # What is always true ----------------------------------------------------------------------------------

    def bound(self) -> int:
        """What we say can be lost at most, of what we had."""
        portfolio = self.account.portfolio
        return portfolio.loss_today + portfolio.exposure + self.account.orders.exposure()

    @invariant()
    def what_we_say_can_be_lost_is_never_less_than_the_truth(self) -> None:
        assert self.bound() >= self.worst()

    def worst(self) -> int:
        """Every order that is there, or may yet arrive, trades wholly or not at all; and YES or NO wins."""
        return CASH - min(
            self.outcome(choice, is_yes)
            for choice in product(*(self.ways(number) for number in self.may_trade()))
            for is_yes in (True, False)
        )

    def outcome(self, choice: tuple[Way, ...], is_yes: bool) -> int:
        """The cash when these orders have traded and the market has settled."""
        held, cash = Position(TICKER), self.cash
        held.count, held.cost = self.truth.count, self.truth.cost
        for way in choice:
            if way is not None and way[2]:
                is_bid, price, count, is_taker = way
                flow = held.trade(is_bid, price, count)
                cash += flow - fill_fee(FEES, price, count, is_taker, flow)[0]
        return cash + held.settle("yes" if is_yes else "no")

    def may_trade(self) -> list[int]:
        return sorted({*self.there, *(request.number for request in self.requests)})

    def ways(self, number: int) -> list[Way]:
        """What may become of an order: nothing more, or a trade as it is there, or as it may have been asked to be."""
        order = self.there.get(number)
        states = [(order.order, order.price, order.count, order.filled)] if order else []
        for request in self.requests:
            if request.number != number:
                continue
            if isinstance(request, PlaceOrder):
                states.append((request, request.price, request.count, 0))
            elif isinstance(request, AmendOrder) and order:
                states.append((order.order, request.price, request.count, order.filled))
        trades = [(placed.is_bid, price, count - filled, not placed.rests) for placed, price, count, filled in states]
        return [None, *(trade for trade in trades if trade[2] > 0)]

    @invariant()
    def there_is_at_most_one_quote_on_each_side(self) -> None:
        for is_bid in (True, False):
            assert sum(order.order.is_bid is is_bid for order in self.there.values()) <= 1
            assert sum(order.is_bid is is_bid for order in self.account.orders.working.values()) <= 1

    @invariant()
    def what_has_ended_never_counts_again(self) -> None:
        assert not self.ended & self.account.orders.working.keys()

    @invariant()
    def the_sums_are_those_of_the_orders(self) -> None:
        orders = self.account.orders
        assert orders.exposure() == orders.exposure_in(TICKER) == orders.exposure_at(CLOSE_NS)
        was = orders.exposure()
        orders.refresh(TICKER)
        assert orders.exposure() == was
        if not orders.working:
            assert was == 0

    def teardown(self) -> None:
        """Once all is told, we have what the exchange has."""
        for request in list(self.requests):
            self.requests.remove(request)
            self.tell(OrderUnknown, request.number, what=_what(request))
            if isinstance(request, PlaceOrder):
                self.tell(OrderRejected, request.number, code="never_landed")
            else:
                self.tell(ChangeRefused, request.number, what=_what(request), code="never_landed")
        for number in list(self.there):
            self.end(number, "expired")
        while self.news:
            self.listen(self.news.pop(next(n for n, event in enumerate(self.news) if self.may_be_told(event))))
        portfolio = self.account.portfolio
        assert portfolio.cash == self.cash
        assert portfolio.count(TICKER) == self.truth.count
        # Which contracts were closed depends on the order in which fills were heard; what all of it comes to does not.
        assert portfolio.exposure - portfolio.realised_today == self.truth.cost - self.truth.realised
        assert self.account.orders.working == {}
        assert self.account.orders.exposure() == 0


def _what(request: Command) -> Any:
    return {PlaceOrder: "place", AmendOrder: "amend", CancelOrder: "cancel"}[type(request)]


TestOrders = OrdersMachine.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
