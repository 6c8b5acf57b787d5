"""Orders that rest at the paper exchange: behind the queue, never before their time, and every contract accounted for."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import BookDelta, BookSnapshot, ExchangeStatus, TradePrint
from markets.core.units import DOLLAR, MILLISECOND_NS, SECOND_NS
from tests.builders import TICKER, at, contract, opening, snapshot, status
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    Event,
    Fill,
    HeldOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    ParametersSet,
    Settled,
    Timer,
)
from trading.core.market import MarketState
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters

EXPIRES = at(800)


def resting(number: int = 1, price: int = 4_900, count: int = 1_000, **changes: object) -> PlaceOrder:
    """A post-only bid by default."""
    values: dict[str, object] = {"is_bid": True, "expires_ns": EXPIRES, "is_post_only": True} | changes
    values |= {"price": price, "count": count, "time_in_force": "good_till_canceled"}
    return PlaceOrder(number, TICKER, **values)  # type: ignore[arg-type]


class Venue:
    """A paper exchange with one open market. The book is told to the exchange first and kept up afterwards, as a desk does."""

    def __init__(self, cash: int = 1_000 * DOLLAR, book: BookSnapshot | None = None) -> None:
        self.market = MarketState(contract())
        self.market.status = "open"
        self.exchange = PaperExchange({TICKER: self.market})
        self.heard: list[Event] = []
        self.now = 9.0
        self.hear(opening(cash), ParametersSet(at(-5), 0, Parameters()), book or snapshot(9))

    def hear(self, *events: Event) -> "Venue":
        for event in events:
            for each in self.exchange.hear(event):
                if each is not event:
                    self.heard.append(each)
                elif isinstance(event, BookSnapshot):
                    self.market.book.replace(event.yes, event.no)
                    self.market.lost = ""
                elif isinstance(event, BookDelta):
                    self.market.book.change(event.is_yes, event.price, event.change)
        return self

    def send(self, *commands: Command) -> "Venue":
        """Commands leave, arrive, and are answered."""
        self.exchange.submit(commands, at(self.now))
        return self.wait(0.2)

    def wait(self, seconds: float) -> "Venue":
        self.now += seconds
        return self.hear(Timer(at(self.now)))

    def sold(self, count: int, price: int = 4_900) -> "Venue":
        """Somebody sells YES at that price: what bids there trades."""
        self.hear(TradePrint(at(self.now), TICKER, price, count, False))
        return self.wait(0.1)

    def displayed(self, change: int, price: int = 4_900, *, is_yes: bool = True) -> "Venue":
        self.hear(BookDelta(at(self.now), TICKER, is_yes, price, change))
        return self.wait(0.1)

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.heard if isinstance(event, kind)]

    @property
    def fills(self) -> list[tuple[int, int, str]]:
        return [(fill.price, fill.count, fill.evidence) for fill in self.heard if isinstance(fill, Fill)]

    @property
    def ended(self) -> list[tuple[int, str]]:
        return [(event.left, event.reason) for event in self.heard if isinstance(event, OrderCancelled)]


def test_an_order_rests_and_nothing_comes_of_it_while_nothing_happens() -> None:
    venue = Venue().send(resting()).wait(60)
    assert [type(event) for event in venue.heard] == [OrderAccepted]
    assert [state.remaining for state in venue.exchange.resting] == [1_000]


def test_it_stands_behind_what_was_displayed_when_it_came() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.sold(2_000)
    assert venue.fills == []
    venue.sold(300).sold(5_000)
    assert venue.fills == [(4_900, 300, "queue"), (4_900, 700, "queue")]


def test_what_was_printed_before_it_arrived_does_not_reach_it() -> None:
    venue = Venue(book=snapshot(9, count=2_000))
    venue.exchange.submit([resting()], at(venue.now))
    venue.sold(5_000)
    venue.wait(1)
    assert venue.fills == []


def test_who_leaves_was_behind_it_as_far_as_there_is_anybody() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.displayed(3_000).displayed(-3_000).wait(2)
    venue.sold(2_000)
    assert venue.fills == []
    venue.sold(100)
    assert venue.fills == [(4_900, 100, "queue")]


def test_a_print_through_its_price_fills_it_whatever_stood_before_it() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.sold(400, price=4_800)
    assert venue.fills == [(4_900, 400, "trade_through")]


def test_a_print_on_the_other_side_is_none_of_its_business() -> None:
    venue = Venue().send(resting())
    venue.hear(TradePrint(at(venue.now), TICKER, 5_100, 10**6, True)).wait(1)
    assert venue.fills == []


def test_who_displays_what_crosses_it_trades_with_it_at_its_price() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting(price=5_000))
    venue.displayed(600, price=5_200, is_yes=False)  # somebody asks 0.48
    assert venue.fills == [(5_000, 600, "crossed")]


def test_a_crossing_quote_trades_with_it_only_when_nobody_stands_before_it() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.displayed(600, price=5_200, is_yes=False)
    assert venue.fills == []
    venue.displayed(-2_000)
    assert venue.fills == [(4_900, 600, "crossed")]


def test_one_print_and_its_delta_are_counted_once() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.sold(1_500).displayed(-1_500)
    venue.sold(500)
    assert venue.fills == []
    venue.sold(200)
    assert venue.fills == [(4_900, 200, "queue")]


def test_a_maker_pays_no_fee_where_makers_pay_none() -> None:
    venue = Venue().send(resting(price=5_000)).sold(5_000, price=5_000)
    (fill,) = venue.of(Fill)
    assert isinstance(fill, Fill)
    assert (fill.fee, fill.is_taker, fill.trade_id) == (0, False, f"{TICKER}-1-1")


def test_an_order_that_would_trade_on_arrival_is_refused_where_it_must_not() -> None:
    venue = Venue().send(resting(price=5_100))
    assert [type(event) for event in venue.heard] == [OrderRejected]


def test_one_that_may_trade_takes_what_is_displayed_and_rests_with_what_is_left() -> None:
    venue = Venue(book=snapshot(9, count=400)).send(resting(price=5_100, is_post_only=False))
    assert venue.fills == [(5_100, 400, "book")]
    assert [state.remaining for state in venue.exchange.resting] == [600]


def test_a_cancel_takes_back_what_is_left_after_both_ways() -> None:
    venue = Venue().send(resting())
    sent = at(venue.now)
    venue.send(CancelOrder(1, TICKER)).wait(1)
    (gone,) = venue.of(OrderCancelled)
    assert isinstance(gone, OrderCancelled)
    assert (gone.left, gone.received_ns) == (1_000, sent + 140 * MILLISECOND_NS)
    assert venue.exchange.resting == []


def test_a_cancel_that_comes_too_late_is_refused_and_the_fill_is_told() -> None:
    venue = Venue().send(resting())
    venue.exchange.submit([CancelOrder(1, TICKER)], at(venue.now))
    venue.sold(1_000, price=4_800).wait(1)
    assert venue.fills == [(4_900, 1_000, "trade_through")]
    refused = [(event.what, event.code) for event in venue.heard if isinstance(event, ChangeRefused)]
    assert refused == [("cancel", "not_found")]
    assert venue.ended == []


def test_a_smaller_count_or_a_later_expiry_keeps_its_place() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.displayed(4_000)
    venue.send(AmendOrder(1, TICKER, True, 4_900, 600, EXPIRES + SECOND_NS)).wait(2)
    venue.sold(2_100)
    assert venue.fills == [(4_900, 100, "queue")]
    (told,) = venue.of(OrderAmended)
    assert isinstance(told, OrderAmended)
    assert (told.price, told.count, told.expires_ns) == (4_900, 600, EXPIRES + SECOND_NS)


def test_more_contracts_or_another_price_go_to_the_back() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.displayed(4_000)
    venue.send(AmendOrder(1, TICKER, True, 4_900, 1_200, EXPIRES)).wait(2)
    venue.sold(6_000)
    assert venue.fills == []
    venue.sold(100)
    assert venue.fills == [(4_900, 100, "queue")]


def test_an_amend_that_would_cross_is_refused_and_the_order_stays() -> None:
    venue = Venue().send(resting())
    venue.send(AmendOrder(1, TICKER, True, 5_100, 1_000, EXPIRES)).wait(1)
    assert [event.code for event in venue.heard if isinstance(event, ChangeRefused)] == ["invalid_order"]
    assert [state.price for state in venue.exchange.resting] == [4_900]


def test_it_expires_by_itself_at_its_time() -> None:
    venue = Venue().send(resting(expires_ns=at(15)))
    venue.hear(Timer(at(60)))
    (gone,) = venue.of(OrderCancelled)
    assert isinstance(gone, OrderCancelled)
    assert (gone.left, gone.reason, gone.received_ns) == (1_000, "expired", at(15) + 40 * MILLISECOND_NS)


def test_what_would_have_traded_after_its_expiry_does_not() -> None:
    venue = Venue().send(resting(expires_ns=at(15)))
    venue.now = 15.001
    venue.sold(1_000, price=4_800).wait(1)
    assert venue.fills == []


def test_a_pause_and_the_close_cancel_it() -> None:
    paused = Venue().send(resting()).hear(status(20, "paused")).wait(20)
    assert paused.ended == [(1_000, "market paused")]
    halted = Venue().send(resting()).hear(ExchangeStatus(at(20), 2, False, "maintenance")).wait(20)
    assert halted.ended == [(1_000, "market paused")]
    closed = Venue().send(resting()).hear(status(20, "closed")).wait(20)
    assert closed.ended == [(1_000, "market closed")]


def test_a_market_that_was_paused_takes_orders_again() -> None:
    venue = Venue().send(resting()).hear(status(20, "paused")).wait(20)
    venue.hear(status(40, "open"))
    venue.now = 41
    venue.send(resting(2)).wait(1)
    assert [state.order.count for state in venue.exchange.resting] == [1_000]


def test_cash_is_checked_with_all_that_rests_already() -> None:
    venue = Venue(cash=8 * DOLLAR).send(resting(1), resting(2, price=4_800))
    assert [(event.number, event.code) for event in venue.heard if isinstance(event, OrderRejected)] == [
        (2, "insufficient_balance")
    ]
    venue.send(CancelOrder(1, TICKER)).wait(1)
    venue.send(resting(3, price=4_800)).wait(1)
    assert [state.price for state in venue.exchange.resting] == [4_800]


def test_two_quotes_reserve_both_but_what_closes_a_position_costs_nothing() -> None:
    venue = Venue(cash=5 * DOLLAR).send(resting(1)).sold(10**6, price=4_800)
    venue.send(resting(2, price=5_100, is_bid=False)).wait(1)
    assert [(state.order.is_bid, state.remaining) for state in venue.exchange.resting] == [(False, 1_000)]


def test_orders_of_an_earlier_session_are_gone() -> None:
    venue = Venue()
    venue.heard.clear()
    venue.hear(opening(orders=(HeldOrder(7, TICKER, True, 4_900, 1_000, 200, rests=True),)))
    assert venue.ended == [(800, "session ended")]


def test_an_immediate_order_beside_one_that_rests_meets_the_same_book() -> None:
    plain, beside = Venue(book=snapshot(9, count=700)), Venue(book=snapshot(9, count=700)).send(resting(1))
    for venue in (plain, beside):
        venue.now = 12
        venue.displayed(-300, is_yes=False)
        venue.send(PlaceOrder(2, TICKER, True, 5_100, 1_000)).wait(1)
    assert plain.fills == beside.fills == [(5_100, 400, "book")]


def test_what_we_took_stays_taken_when_an_order_of_ours_comes_to_rest() -> None:
    venue = Venue(book=snapshot(9, count=700)).send(PlaceOrder(1, TICKER, True, 5_100, 700))
    venue.send(resting(2)).send(PlaceOrder(3, TICKER, True, 5_100, 700))
    assert venue.fills == [(5_100, 700, "book")]


def test_while_messages_are_missing_deltas_are_not_believed() -> None:
    venue = Venue(book=snapshot(9, count=2_000)).send(resting())
    venue.market.lost = "sequence gap"
    venue.hear(BookDelta(at(venue.now), TICKER, False, 5_200, 600)).wait(1)
    assert venue.fills == []


def test_a_market_without_orders_of_ours_is_only_looked_at() -> None:
    venue = Venue().send(resting()).send(CancelOrder(1, TICKER)).wait(1)
    event = BookDelta(at(venue.now), TICKER, True, 4_900, 5)
    assert venue.exchange.hear(event) == (event,)


cents = st.integers(45, 55).map(lambda number: number * 100)
counts = st.integers(1, 3_000)
steps = st.one_of(
    st.tuples(st.just("place"), st.booleans(), cents, counts),
    st.tuples(st.just("take"), st.booleans(), cents, counts),
    st.tuples(st.just("cancel"), st.integers(1, 12)),
    st.tuples(st.just("amend"), st.integers(1, 12), cents, counts),
    st.tuples(st.just("print"), st.booleans(), cents, counts),
    st.tuples(st.just("display"), st.booleans(), cents, st.integers(0, 3_000)),
    st.tuples(st.just("pass"), st.integers(0, 2_000)),
)


class Played(Venue):
    """A venue, and what was sent to it move by move."""

    def __init__(self, cash: int, book: BookSnapshot) -> None:
        super().__init__(cash, book)
        self.placed: dict[int, PlaceOrder] = {}

    def play(self, kind: str, *what: int) -> None:
        self.now += 0.001
        getattr(self, f"_{kind}")(*what)

    def _place(self, is_bid: int, price: int, count: int) -> None:
        self._sent(resting(len(self.placed) + 1, price, count, is_bid=bool(is_bid), is_post_only=bool(count % 2)))

    def _take(self, is_bid: int, price: int, count: int) -> None:
        self._sent(PlaceOrder(len(self.placed) + 1, TICKER, bool(is_bid), price, count))

    def _cancel(self, number: int) -> None:
        self.exchange.submit([CancelOrder(number, TICKER)], at(self.now))

    def _amend(self, number: int, price: int, count: int) -> None:
        if number in self.placed:
            amend = AmendOrder(number, TICKER, self.placed[number].is_bid, price, count)
            self.exchange.submit([amend], at(self.now))

    def _print(self, is_taker_yes: int, price: int, count: int) -> None:
        self.hear(TradePrint(at(self.now), TICKER, price, count, bool(is_taker_yes)))

    def _display(self, is_yes: int, price: int, count: int) -> None:
        shown = (self.market.book.yes if is_yes else self.market.book.no).get(price, 0)
        self.hear(BookDelta(at(self.now), TICKER, bool(is_yes), price, count - shown))

    def _pass(self, milliseconds: int) -> None:
        self.wait(milliseconds / 1_000)

    def _sent(self, order: PlaceOrder) -> None:
        self.placed[order.number] = order
        self.exchange.submit([order], at(self.now))


@given(st.lists(steps, max_size=40), st.sampled_from(["yes", "no"]))
def test_every_contract_and_every_micro_dollar_is_accounted_for(moves: list[tuple[str, int]], result: str) -> None:
    cash = 50 * DOLLAR
    venue = Played(cash, snapshot(9, 4_900, 5_100, count=1_000))
    for kind, *what in moves:
        venue.play(kind, *what)
        assert venue.exchange.cash >= 0
    venue.wait(2).hear(status(850, "closed"), Timer(at(860)), status(930, "settled", result))
    assert venue.exchange.resting == []
    ended, money = Counter[int](), 0
    totals = {number: order.count for number, order in venue.placed.items()}
    for event in venue.heard:
        if isinstance(event, Fill):
            ended[event.number] += event.count
            pays = 10_000 if result == "yes" else 0
            money += (pays - event.price) * event.count * (1 if event.is_bid else -1) - event.fee
        elif isinstance(event, OrderCancelled):
            ended[event.number] += event.left
        elif isinstance(event, OrderAmended):
            totals[event.number] = event.count
        elif isinstance(event, OrderRejected):
            totals[event.number] = 0
    assert {number: ended[number] for number in venue.placed} == totals
    assert venue.exchange.cash == cash + money
    assert sum(isinstance(event, Settled) for event in venue.heard) <= 1
    assert len({event.trade_id for event in venue.heard if isinstance(event, Fill)}) == len(venue.fills)


@given(
    st.integers(0, 3_000), st.lists(st.tuples(st.booleans(), st.integers(1, 2_000)), max_size=12), st.integers(1, 2_000)
)
def test_it_never_trades_before_all_that_was_displayed_before_it(
    ahead: int, prints: list[tuple[bool, int]], count: int
) -> None:
    venue = Venue(book=snapshot(9, count=max(ahead, 1))).send(resting(count=count))
    printed = joined = 0
    for is_print, size in prints:
        venue.now += 1.5
        if is_print:
            venue.sold(size)
            printed += size
        else:
            joined += size
            venue.displayed(size)
    filled = sum(size for _, size, _ in venue.fills)
    assert filled <= min(count, max(printed - max(ahead, 1), 0))
