"""Whatever is drawn and whatever goes wrong: what the paper exchange may never do, and what its bounds are."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.core.contract import FeeTerms
from markets.core.events import BookDelta, BookSnapshot, FeedBeat
from markets.core.units import DOLLAR, MILLISECOND_NS, SECOND_NS
from tests.builders import CLOSE_NS, EAGER, TICKER, Table, at, contract, quarter_hour, snapshot, status
from tests.core.test_paper_resting import Played, Venue, resting, steps
from trading.core.decision import CancelOrder, PlaceOrder
from trading.core.delays import REJECT, UNKNOWN, uniform
from trading.core.door import REFUSED
from trading.core.events import (
    Event,
    Fill,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    OrderUnknown,
    RealismSet,
    Settled,
)
from trading.core.realism import FIXED, STATED, Realism

MS = MILLISECOND_NS
REPLY_NS = 30 * MS
DRAWN = replace(STATED, reply_median_ns=REPLY_NS, reply_p95_ns=REPLY_NS)
"""Orders are drawn; answers take just so long, so that a fill says when it was made."""
LAST_SNAPSHOT = replace(STATED, snapshots="before")
SPOTS = [(float(second), 85_000.0 + 40.0 * (second % 90 > 30)) for second in range(1, 890, 4)]


class Observed(Played):
    """A venue that remembers every book it displayed, and whose market is told as an engine does it."""

    def __init__(self, cash: int, book: BookSnapshot, realism: Realism, fees: FeeTerms | None = None) -> None:
        self.shown: list[tuple[int, dict[int, int], dict[int, int]]] = []
        self.amended: set[int] = set()
        super().__init__(cash, book)
        if fees is not None:
            self.market.contract = contract(fees=fees)
        self.hear(RealismSet(at(9), realism))

    def hear(self, *events: Event) -> "Observed":
        for event in events:
            super().hear(event)
            if isinstance(event, BookSnapshot | BookDelta):
                self.market.heard_ns = event.received_ns
                self.shown.append((event.received_ns, dict(self.market.book.yes), dict(self.market.book.no)))
        return self

    def displayed_at(self, time_ns: int, *, is_yes: bool) -> dict[int, int]:
        """What arrives at a time meets what was told before it."""
        book = next(book for book in reversed(self.shown) if book[0] < time_ns or book is self.shown[0])
        return book[1] if is_yes else book[2]

    def touched(self, order: PlaceOrder, fill: Fill) -> bool:
        """Whether the price is the limit or better; of what was amended only the exchange knows it."""
        if order.number in self.amended:
            return True
        return fill.price <= order.price if order.is_bid else fill.price >= order.price

    def made_after(self, time_ns: int) -> list[Fill]:
        """Fills that were made at a time or later, where no answer was lost."""
        return [fill for fill in all_fills(self) if fill.received_ns - REPLY_NS >= time_ns]

    def _amend(self, number: int, price: int, count: int) -> None:
        self.amended.add(number)
        super()._amend(number, price, count)


def all_fills(venue: Venue) -> list[Fill]:
    return [event for event in venue.heard if isinstance(event, Fill)]


def played(moves: list[tuple[str, int]], realism: Realism, fees: FeeTerms | None = None) -> Observed:
    venue = Observed(50 * DOLLAR, snapshot(9, 4_900, 5_100, count=1_000), realism, fees)
    for kind, *what in moves:
        venue.play(kind, *what)
        assert venue.exchange.cash >= 0
    venue.wait(5)
    return venue


moves_made = st.lists(steps, max_size=40)
rules = st.builds(
    lambda queue, through, rates: replace(
        DRAWN, queue=queue, trade_through=through, reject_rate=rates[0], unknown_rate=rates[1], unknown_ns=2 * SECOND_NS
    ),
    st.sampled_from(["pessimistic", "proportional"]),
    st.sampled_from(["printed", "full"]),
    st.sampled_from([(0.0, 0.0), (0.3, 0.3)]),
)


@given(moves_made, rules)
@settings(max_examples=60, deadline=None)
def test_what_an_order_takes_was_displayed_when_it_arrived_less_what_we_had_taken(
    moves: list[tuple[str, int]], realism: Realism
) -> None:
    venue = played(moves, replace(realism, unknown_rate=0.0))
    taken: dict[tuple[bool, int], list[tuple[int, int]]] = {}
    for fill in sorted((each for each in all_fills(venue) if each.is_taker), key=lambda each: each.received_ns):
        made_ns = fill.received_ns - REPLY_NS
        order = venue.placed[fill.number]
        price = 10_000 - fill.price if fill.is_bid else fill.price
        displayed = venue.displayed_at(made_ns, is_yes=not fill.is_bid).get(price, 0)
        before = taken.setdefault((fill.is_bid, price), [])
        lately = sum(count for at_ns, count in before if made_ns - at_ns < SECOND_NS)
        assert fill.count + lately <= displayed
        assert venue.touched(order, fill)
        before.append((made_ns, fill.count))


@given(moves_made, rules, st.sampled_from(["yes", "no"]))
@settings(max_examples=60, deadline=None)
def test_nothing_is_filled_after_the_close_and_every_contract_is_accounted_for(
    moves: list[tuple[str, int]], realism: Realism, result: str
) -> None:
    venue = Observed(50 * DOLLAR, snapshot(9, 4_900, 5_100, count=1_000), realism)
    venue.now = 899.0
    venue.hear(snapshot(899, 4_900, 5_100, count=1_000))
    for kind, *what in moves:
        venue.play(kind, *what)
        assert venue.exchange.cash >= 0
    venue.now = max(venue.now, 901.0)
    venue.hear(status(venue.now, "closed")).wait(60).hear(status(venue.now, "settled", result))
    venue.wait(5)
    pays = 10_000 if result == "yes" else 0
    money = 0
    for fill in all_fills(venue):
        money += (pays - fill.price) * fill.count * (1 if fill.is_bid else -1) - fill.fee
    assert venue.exchange.cash == 50 * DOLLAR + money
    assert venue.exchange.resting == []
    assert realism.unknown_rate or not venue.made_after(CLOSE_NS)
    ends = [each.number for each in venue.heard if isinstance(each, OrderRejected | OrderCancelled)]
    filled = {number: sum(f.count for f in all_fills(venue) if f.number == number) for number in venue.placed}
    for number in venue.placed:
        assert ends.count(number) == 1 or filled[number] > 0


def exact_fee(terms: FeeTerms, fill: Fill, held: int, rounding: Decimal) -> tuple[Decimal, Decimal]:
    """Section 7.1 of the pricing notes once more, in decimals: (the net fee, the order's accumulator)."""
    price, count = Decimal(fill.price) / 10_000, Decimal(fill.count) / 100
    rate = Decimal(terms.taker_rate if fill.is_taker else terms.maker_rate) / 10_000
    increment, precision = Decimal(terms.increment) / 1_000_000, Decimal(terms.precision) / 1_000_000
    trade = (rate * count * price * (1 - price) / increment).to_integral_value(ROUND_CEILING) * increment
    own = price if fill.is_bid else 1 - price
    closes = min(Decimal(max(-held if fill.is_bid else held, 0)) / 100, count)
    change = closes * (1 - own) - (count - closes) * own - trade
    rounded = change - (change / precision).to_integral_value(ROUND_FLOOR) * precision
    rounding += rounded
    cent = Decimal("0.01")
    rebate = (min(rounding, trade + rounded) / cent).to_integral_value(ROUND_FLOOR) * cent
    return trade + rounded - rebate, rounding - rebate


@given(moves_made, rules, st.sampled_from([0, 175]), st.sampled_from([1, 100]))
@settings(max_examples=60, deadline=None)
def test_fees_are_those_of_the_schedule_to_the_micro_dollar(
    moves: list[tuple[str, int]], realism: Realism, maker_rate: int, increment: int
) -> None:
    terms = FeeTerms(maker_rate=maker_rate, increment=increment)
    venue = played(moves, replace(realism, unknown_rate=0.0), terms)
    held, roundings = 0, dict.fromkeys(venue.placed, Decimal(0))
    for fill in all_fills(venue):
        fee, roundings[fill.number] = exact_fee(terms, fill, held, roundings[fill.number])
        assert Decimal(fill.fee) / 1_000_000 == fee
        held += fill.count if fill.is_bid else -fill.count


crowd = st.lists(
    st.one_of(
        st.tuples(st.just("print"), st.booleans(), st.sampled_from([4_800, 4_900, 5_000]), st.integers(1, 1_500)),
        st.tuples(
            st.just("display"), st.booleans(), st.sampled_from([4_800, 4_900, 5_000, 5_100]), st.integers(0, 3_000)
        ),
        st.tuples(st.just("pass"), st.integers(0, 1_500)),
    ),
    max_size=30,
)


@given(crowd, st.integers(1, 2_000), st.integers(1, 2_000))
@settings(max_examples=60, deadline=None)
def test_who_counts_cancels_in_proportion_is_never_filled_less(
    moves: list[tuple[str, int]], ahead: int, count: int
) -> None:
    filled: list[int] = []
    venues = []
    for queue in ("pessimistic", "proportional"):
        venue = Observed(500 * DOLLAR, snapshot(9, 4_900, 5_100, count=ahead), replace(FIXED, queue=queue))
        venue.send(resting(1, 4_900, count))
        venues.append(venue)
    for kind, *what in moves:
        for venue in venues:
            venue.play(kind, *what)
        filled = [sum(fill.count for fill in all_fills(venue)) for venue in venues]
        assert filled[0] <= filled[1]


@given(crowd, st.integers(1, 2_000))
@settings(max_examples=60, deadline=None)
def test_and_who_is_filled_in_full_by_a_trade_past_its_price_neither(moves: list[tuple[str, int]], count: int) -> None:
    venues = []
    for through in ("printed", "full"):
        venue = Observed(500 * DOLLAR, snapshot(9, 4_900, 5_100), replace(FIXED, trade_through=through))
        venue.send(resting(1, 4_900, count))
        venues.append(venue)
    for kind, *what in moves:
        for venue in venues:
            venue.play(kind, *what)
        one, other = (sum(fill.count for fill in all_fills(venue)) for venue in venues)
        assert one <= other


def test_a_cancel_in_proportion_moves_us_up_and_a_print_that_explains_it_is_not_counted_twice() -> None:
    venue = Observed(500 * DOLLAR, snapshot(9, count=600), replace(FIXED, queue="proportional")).send(
        resting(count=500)
    )
    venue.displayed(400).displayed(-500)  # 600 before us and 400 behind; half of them leave
    venue.wait(1.5).sold(300)
    assert venue.fills == []
    venue.sold(100)
    assert venue.fills == [(4_900, 100, "queue")]


def test_what_left_the_display_by_trading_moves_us_up_by_just_that() -> None:
    venue = Observed(500 * DOLLAR, snapshot(9, count=600), replace(FIXED, queue="proportional")).send(
        resting(count=500)
    )
    venue.displayed(400).displayed(-500)
    venue.sold(500)  # the print of what has left: 100 of the 600 are still before us
    assert venue.fills == []
    venue.sold(100)
    assert venue.fills == []
    venue.sold(50)
    assert venue.fills == [(4_900, 50, "queue")]


@pytest.mark.parametrize(("through", "fills"), [
    ("printed", [(4_900, 200, "trade_through")]),
    ("full", [(4_900, 1_000, "through_in_full")]),
])  # fmt: skip
def test_a_trade_past_our_price(through: str, fills: list[tuple[int, int, str]]) -> None:
    venue = Observed(500 * DOLLAR, snapshot(9), replace(FIXED, trade_through=through)).send(resting())
    venue.sold(200, 4_800)
    assert venue.fills == fills


@pytest.mark.parametrize("queue", ["pessimistic", "proportional"])
def test_a_touch_without_a_trade_fills_nothing(queue: str) -> None:
    venue = Observed(500 * DOLLAR, snapshot(9, count=500), replace(STATED, queue=queue)).send(resting()).wait(2)
    venue.displayed(-500).displayed(300, 5_000, is_yes=False).wait(5)
    assert venue.fills == []


def test_orders_are_refused_at_the_rate_that_was_asked_for_and_told_so() -> None:
    venue = Observed(10_000 * DOLLAR, snapshot(9, count=10**7), replace(DRAWN, reject_rate=0.2, seed=5))
    for number in range(1, 251):
        venue.send(PlaceOrder(number, TICKER, True, 5_100, 100)).wait(3)
        venue.hear(snapshot(venue.now, count=10**7))
    refused = [event.number for event in venue.heard if isinstance(event, OrderRejected)]
    assert {event.code for event in venue.heard if isinstance(event, OrderRejected)} == {REFUSED}
    assert refused == [number for number in range(1, 251) if uniform(5, number, REJECT) < 0.2]
    assert 25 < len(refused) < 75


def test_an_order_whose_answer_is_lost_is_unknown_first_and_the_truth_comes_later_in_its_order() -> None:
    venue = Observed(
        1_000 * DOLLAR, snapshot(9, count=700), replace(DRAWN, unknown_rate=1.0, unknown_ns=20 * SECOND_NS)
    )
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 1_000)).wait(10)
    assert [type(event) for event in venue.heard] == [OrderUnknown]
    venue.wait(20)
    assert [type(event) for event in venue.heard] == [OrderUnknown, OrderAccepted, Fill, OrderCancelled]
    assert venue.heard[1].received_ns - venue.heard[0].received_ns >= 19 * SECOND_NS


def test_the_truth_is_told_before_the_market_pays_out() -> None:
    venue = Observed(
        1_000 * DOLLAR, snapshot(9, count=700), replace(DRAWN, unknown_rate=1.0, unknown_ns=3_000 * SECOND_NS)
    )
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 700)).wait(10)
    venue.now = 930.0
    venue.hear(status(900, "closed"), status(930, "settled", "yes"))
    assert [type(event) for event in venue.heard] == [OrderUnknown, OrderAccepted, Fill, Settled]
    assert venue.heard[-1].payout == 700 * 10_000  # type: ignore[union-attr]


@pytest.mark.parametrize("seconds", [0, 45])
def test_the_money_comes_so_long_after_the_result(seconds: int) -> None:
    venue = Observed(1_000 * DOLLAR, snapshot(9, count=700), replace(DRAWN, settle_delay_ns=seconds * SECOND_NS))
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 700)).wait(10)
    venue.now = 930.0
    venue.hear(status(900, "closed"), status(930, "settled", "yes"))
    before = venue.exchange.cash
    venue.wait(100)
    [paid] = [event for event in venue.heard if isinstance(event, Settled)]
    assert paid.received_ns == at(930 + seconds)
    assert venue.exchange.cash - before == (700 * 10_000 if seconds else 0)


def test_an_order_that_would_take_is_held_and_meets_the_book_as_it_is_then() -> None:
    venue = Observed(1_000 * DOLLAR, snapshot(9, count=700), replace(FIXED, taker_delay_ns=500 * MS))
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 1_000), resting(2, 4_700, 300))
    assert [event.number for event in venue.heard if isinstance(event, OrderAccepted)] == [2]
    venue.displayed(-600, is_yes=False).wait(1)
    assert venue.fills == [(5_100, 100, "book")]


coarse = [(4_900, 800)], [(4_900, 500), (4_800, 900)]


def told(seconds: float, yes: list[tuple[int, int]], no: list[tuple[int, int]]) -> BookSnapshot:
    return BookSnapshot(at(seconds), TICKER, tuple(yes), tuple(no))


@pytest.mark.parametrize(("snapshots", "fills"), [
    ("before", [(5_100, 500, "one_snapshot"), (5_200, 500, "one_snapshot")]),
    ("both", [(5_100, 200, "two_snapshots")]),
])  # fmt: skip
def test_where_a_book_is_known_in_snapshots_a_price_must_be_in_both(
    snapshots: str, fills: list[tuple[int, int, str]]
) -> None:
    venue = Observed(1_000 * DOLLAR, told(6, *coarse), replace(FIXED, snapshots=snapshots))
    venue.hear(told(9, *coarse))
    venue.send(PlaceOrder(1, TICKER, True, 5_200, 1_000))
    venue.hear(told(12, [(4_800, 900)], [(4_900, 200), (4_700, 5_000)]))
    venue.now = 12.0
    venue.wait(1)
    assert venue.fills == fills


def test_a_book_that_is_told_change_by_change_is_known_at_any_time() -> None:
    venue = Observed(1_000 * DOLLAR, told(6, *coarse), replace(FIXED, snapshots="both"))
    venue.hear(BookDelta(at(7), TICKER, True, 4_800, 100))
    venue.now = 60.0
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 400)).wait(1)
    assert venue.fills == [(5_100, 400, "book")]


def test_without_a_snapshot_that_says_so_nothing_is_taken() -> None:
    venue = Observed(1_000 * DOLLAR, told(6, *coarse), replace(FIXED, snapshots="both"))
    venue.send(PlaceOrder(1, TICKER, True, 5_200, 1_000)).wait(5)
    assert venue.heard == []
    venue.wait(20)
    assert [type(event) for event in venue.heard] == [OrderAccepted, OrderCancelled]


def test_a_beat_of_the_feed_says_that_the_book_is_as_it_was() -> None:
    venue = Observed(1_000 * DOLLAR, told(6, *coarse), replace(FIXED, snapshots="both"))
    venue.send(PlaceOrder(1, TICKER, True, 5_100, 400))
    venue.hear(FeedBeat(at(11), "coinbase"))
    assert venue.fills == []
    venue.hear(FeedBeat(at(12), "kalshi"))
    venue.now = 12.0
    venue.wait(1)
    assert venue.fills == [(5_100, 400, "two_snapshots")]


def test_what_rests_of_an_order_that_waited_stands_behind_all_that_either_snapshot_shows() -> None:
    venue = Observed(1_000 * DOLLAR, told(6, *coarse), replace(FIXED, snapshots="both"))
    order = PlaceOrder(1, TICKER, True, 5_100, 1_000, "good_till_canceled", at(800))
    venue.send(order)
    venue.hear(told(12, [(5_100, 700)], [(4_900, 300)]))
    venue.now = 12.0
    venue.wait(1)
    assert sum(count for _, count, _ in venue.fills) <= 500
    assert [state.status for state in venue.exchange.resting] == ["resting"]


def desk(realism: Realism) -> Table:
    table = Table(parameters=EAGER)
    table.hear(RealismSet(at(-5), realism))
    for event in quarter_hour(SPOTS):
        table.hear(event)
    return table.finish()


def test_an_unknown_order_counts_as_open_until_the_truth_is_told() -> None:
    table = Table(parameters=EAGER)
    table.hear(RealismSet(at(-5), replace(LAST_SNAPSHOT, unknown_rate=1.0, unknown_ns=30 * SECOND_NS)))
    open_while_unknown = 0
    for event in quarter_hour(SPOTS):
        table.hear(event)
        if table.heard_of(OrderUnknown) and not table.heard_of(OrderAccepted):
            open_while_unknown += 1
            assert table.engine.orders.exposure() > 0
    table.finish()
    assert open_while_unknown > 0
    assert table.heard_of(Fill)
    assert table.engine.portfolio.cash == table.exchange.cash


@pytest.mark.parametrize("realism", [
    LAST_SNAPSHOT,
    replace(LAST_SNAPSHOT, queue="proportional", reject_rate=0.2, unknown_rate=0.2, settle_delay_ns=90 * SECOND_NS),
    replace(LAST_SNAPSHOT, unknown_rate=1.0, unknown_ns=3_000 * SECOND_NS, settle_delay_ns=4_000 * SECOND_NS),
], ids=["stated", "all at once", "long after the tape"])  # fmt: skip
def test_the_engine_and_the_exchange_agree_at_the_end_and_again_the_next_time(realism: Realism) -> None:
    one, other = desk(realism), desk(realism)
    assert one.desk.digest == other.desk.digest
    assert one.heard_of(Fill)
    assert one.engine.portfolio.cash == one.exchange.cash
    assert one.engine.orders.working == {}
    assert one.engine.portfolio.positions == {} or not any(p.count for p in one.engine.portfolio.positions.values())


def test_another_seed_draws_otherwise() -> None:
    assert desk(LAST_SNAPSHOT).heard_of(OrderAccepted) != desk(replace(LAST_SNAPSHOT, seed=2)).heard_of(OrderAccepted)


def test_the_default_said_aloud_changes_no_decision() -> None:
    spoken, unspoken = desk(FIXED), Table(parameters=EAGER)
    unspoken.hear(*quarter_hour(SPOTS)).finish()
    assert spoken.desk.digest == unspoken.desk.digest


def test_an_unknown_order_is_drawn_apart_from_a_refused_one() -> None:
    lost = {number for number in range(2_000) if uniform(1, number, UNKNOWN) < 0.1}
    refused = {number for number in range(2_000) if uniform(1, number, REJECT) < 0.1}
    assert len(lost & refused) < 50


def test_a_cancel_of_an_order_waits_for_the_order() -> None:
    slow = replace(DRAWN, cancel_median_ns=1, cancel_p95_ns=1)
    venue = Observed(1_000 * DOLLAR, snapshot(9), slow)
    venue.exchange.submit([resting(1), CancelOrder(1, TICKER)], at(venue.now))
    venue.wait(5)
    assert [type(event) for event in venue.heard] == [OrderAccepted, OrderCancelled]
