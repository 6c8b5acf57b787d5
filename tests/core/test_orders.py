"""The life of an order: every state, what it costs at worst in it, and what may be asked while it is in it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from tests.builders import CLOSE_NS, TICKER, at, fill
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    HeldOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderUnknown,
)
from trading.core.fees import worst_fee
from trading.core.orders import Orders
from trading.core.working import part, worst_of

FREE = FeeTerms(0, 0, 1, 0)
OTHER = "KXETH15M-26NOV221200-00"
EXPIRES_NS = at(90)


def quote(
    number: int = 1, price: int = 4_000, count: int = 300, *, is_bid: bool = True, ticker: str = TICKER
) -> PlaceOrder:
    return PlaceOrder(
        number, ticker, is_bid, price, count, "good_till_canceled", expires_ns=EXPIRES_NS, is_post_only=True
    )


def resting(position: int = 0, fees: FeeTerms = FREE, **changes: object) -> Orders:
    """Orders with one quote at rest."""
    orders = Orders(lambda ticker: position)
    orders.place(quote(**changes), CLOSE_NS, fees, at(60))  # type: ignore[arg-type]
    orders.accepted(OrderAccepted(at(60), TICKER, 1, "v1"))
    return orders


def amend(price: int = 4_000, count: int = 300, number: int = 1) -> AmendOrder:
    return AmendOrder(number, TICKER, True, price, count, at(120))


Told = Callable[[Orders], None]
STEPS: dict[str, Told] = {
    "accepted": lambda orders: orders.accepted(OrderAccepted(at(61), TICKER, 1, "v1")),
    "rejected": lambda orders: orders.gone(OrderRejected(at(61), TICKER, 1, "never_landed")),
    "unknown": lambda orders: orders.lost(OrderUnknown(at(61), TICKER, 1)),
    "cancelled": lambda orders: orders.gone(OrderCancelled(at(61), TICKER, 1, 300, "expired")),
    "filled 100": lambda orders: orders.filled(fill(100)),
    "filled 300": lambda orders: orders.filled(fill(300)),
    "amend up": lambda orders: orders.amend(amend(4_500, 500), at(61)),
    "amend down": lambda orders: orders.amend(amend(3_500, 200), at(61)),
    "amended up": lambda orders: orders.amended(OrderAmended(at(62), TICKER, 1, 4_500, 500)),
    "amended down": lambda orders: orders.amended(OrderAmended(at(62), TICKER, 1, 3_500, 200)),
    "amend unknown": lambda orders: orders.lost(OrderUnknown(at(62), TICKER, 1, "amend")),
    "amend refused": lambda orders: orders.refused(ChangeRefused(at(62), TICKER, 1, "amend", "not_found")),
    "cancel": lambda orders: orders.cancel(CancelOrder(1, TICKER), at(61)),
    "cancel unknown": lambda orders: orders.lost(OrderUnknown(at(62), TICKER, 1, "cancel")),
    "cancel refused": lambda orders: orders.refused(ChangeRefused(at(62), TICKER, 1, "cancel", "not_found")),
}
GONE = ("", 0, False)
LIVES: list[tuple[str, tuple[str, int, bool]]] = [
    ("", ("sent", 3 * 400_000, False)),
    ("accepted", ("working", 3 * 400_000, True)),
    ("unknown", ("unknown", 3 * 400_000, False)),
    ("unknown, accepted", ("working", 3 * 400_000, True)),
    ("unknown, rejected", GONE),
    ("accepted, unknown", ("working", 3 * 400_000, True)),
    ("rejected", GONE),
    ("rejected, accepted", GONE),
    ("rejected, unknown", GONE),
    ("cancelled, filled 100", GONE),
    ("filled 100", ("sent", 2 * 400_000, False)),
    ("filled 100, accepted", ("working", 2 * 400_000, True)),
    ("filled 300", GONE),
    ("filled 300, accepted", GONE),
    ("filled 300, cancelled", GONE),
    ("accepted, cancelled", GONE),
    ("accepted, cancelled, cancelled", GONE),
    ("accepted, cancel", ("working", 3 * 400_000, False)),
    ("accepted, cancel, cancel unknown", ("working", 3 * 400_000, False)),
    ("accepted, cancel, cancel refused", ("working", 3 * 400_000, True)),
    ("accepted, cancel, filled 100", ("working", 2 * 400_000, False)),
    ("accepted, cancel, cancelled", GONE),
    ("accepted, cancel unknown", ("working", 3 * 400_000, True)),
    ("accepted, amend up", ("working", 5 * 450_000, False)),
    ("accepted, amend down", ("working", 3 * 400_000, False)),
    ("accepted, amend up, amend unknown", ("working", 5 * 450_000, False)),
    ("accepted, amend down, amend unknown", ("working", 3 * 400_000, False)),
    ("accepted, amend up, amend refused", ("working", 3 * 400_000, True)),
    ("accepted, amend down, amend refused", ("working", 3 * 400_000, True)),
    ("accepted, amend up, amended up", ("working", 5 * 450_000, True)),
    ("accepted, amend down, amended down", ("working", 2 * 350_000, True)),
    ("accepted, amend up, filled 300", ("working", 2 * 450_000, False)),
    ("accepted, amend up, filled 300, amended up", ("working", 2 * 450_000, True)),
    ("accepted, amend up, filled 300, amend refused", GONE),
    ("accepted, filled 100, amend down, amended down", ("working", 350_000, True)),
    ("accepted, amend down, filled 300", GONE),
    ("accepted, amended up", ("working", 5 * 450_000, True)),
    ("accepted, amend up, amended down", ("working", 5 * 450_000, False)),
    ("accepted, cancelled, amended up", GONE),
]


@pytest.mark.parametrize(("life", "expected"), LIVES, ids=[life or "placed" for life, _ in LIVES])
def test_the_life_of_an_order(life: str, expected: tuple[str, int, bool]) -> None:
    orders = Orders()
    orders.place(quote(), CLOSE_NS, FREE, at(60))
    for step in filter(None, life.split(", ")):
        STEPS[step](orders)
    order = orders.working.get(1)
    exposure = orders.exposure()
    assert ((order.state, exposure, order.is_quiet) if order else ("", exposure, False)) == expected
    assert orders.exposure_in(TICKER) == orders.exposure_at(CLOSE_NS) == exposure
    assert orders.resting == len(orders.working) == len(orders.in_market(TICKER))
    assert orders.sent == 1


def test_an_amended_order_keeps_the_expiry_that_was_asked_for() -> None:
    orders = resting()
    orders.amend(amend(), at(61))
    orders.amended(OrderAmended(at(62), TICKER, 1, 4_000, 300))
    assert orders.working[1].expires_ns == at(120)
    orders.amended(OrderAmended(at(63), TICKER, 1, 4_000, 300, at(150)))
    assert orders.working[1].expires_ns == at(150)


def test_after_a_refusal_nothing_is_asked_for_a_second() -> None:
    orders = resting()
    STEPS["cancel"](orders)
    STEPS["cancel refused"](orders)
    assert orders.working[1].retry_ns == at(63)


@pytest.mark.parametrize(
    ("position", "exposure"), [(0, 1_200_000), (100, 1_200_000), (-100, 800_000), (-300, 0), (-500, 0)]
)
def test_what_closes_the_position_costs_nothing_more(position: int, exposure: int) -> None:
    assert resting(position).exposure() == exposure


def test_what_is_there_to_close_is_promised_once() -> None:
    """An immediate order beside a quote of the same side: together they may open on the other side of the position."""
    orders = resting(-300)
    orders.place(PlaceOrder(2, TICKER, True, 9_000, 200), CLOSE_NS, FREE, at(61))
    assert orders.exposure() == 2 * 900_000  # the dearest are the ones that open
    assert orders.opens(orders.working[1]) == 0


def test_both_sides_count_in_full() -> None:
    orders = resting()
    orders.place(quote(2, 6_000, is_bid=False), CLOSE_NS, FREE, at(61))
    assert orders.exposure() == 2 * 3 * 400_000


def test_each_market_and_each_close_has_its_own_sum() -> None:
    orders = resting()
    orders.place(quote(2, ticker=OTHER, count=100), CLOSE_NS + 1, FREE, at(61))
    assert (orders.exposure_in(TICKER), orders.exposure_in(OTHER), orders.exposure()) == (1_200_000, 400_000, 1_600_000)
    assert (orders.exposure_at(CLOSE_NS), orders.exposure_at(CLOSE_NS + 1)) == (1_200_000, 400_000)
    orders.gone(OrderCancelled(at(62), TICKER, 1, 300, "expired"))
    assert (orders.exposure_in(TICKER), orders.exposure_at(CLOSE_NS), orders.exposure()) == (0, 0, 400_000)


def test_a_quote_reserves_the_fee_of_the_side_that_rests_and_any_other_order_that_of_the_taker() -> None:
    fees = FeeTerms()
    assert resting(fees=fees).exposure() == 1_200_000 + worst_fee(fees, 4_000, 300, is_taker=False)
    orders = Orders()
    orders.place(PlaceOrder(1, TICKER, True, 4_000, 300), CLOSE_NS, fees)
    assert orders.exposure() == 1_200_000 + worst_fee(fees, 4_000, 300)


def test_an_order_of_an_earlier_session_counts_until_the_exchange_has_said_what_became_of_it() -> None:
    orders = Orders()
    held = HeldOrder(7, TICKER, True, 4_000, 300, 100, CLOSE_NS, "v7", rests=True, expires_ns=at(70), sent_ns=at(50))
    orders.open(9, (held,), lambda ticker: FREE)
    assert (orders.exposure(), orders.working[7].state, orders.next_number()) == (800_000, "unknown", 10)
    orders.accepted(OrderAccepted(at(61), TICKER, 7, "v7"))
    assert orders.working[7].is_quiet
    orders.filled(fill(200, number=7))
    assert orders.exposure() == 0


def test_numbers_go_on_after_any_that_the_exchange_knows() -> None:
    orders = Orders()
    orders.open(9, (HeldOrder(12, TICKER, True, 4_000, 300),), lambda ticker: FREE)
    assert orders.next_number() == 13
    orders.accepted(OrderAccepted(at(61), TICKER, 20, "v20"))
    assert orders.next_number() == 21


IOC = PlaceOrder(2, TICKER, True, 5_000, 100)
WAITS: list[tuple[str, Orders, PlaceOrder | AmendOrder, bool]] = [
    ("nothing is out", Orders(), IOC, False),
    ("a quote on its side", resting(), IOC, True),
    ("a quote on the other side", resting(is_bid=False, price=6_000), IOC, False),
    ("a quote it would trade with", resting(is_bid=False, price=5_000), IOC, True),
    ("a second quote on a side", resting(), quote(2), True),
    ("a quote on either side", resting(), quote(2, 6_000, is_bid=False), False),
    ("quotes that would trade with each other", resting(), quote(2, 4_000, is_bid=False), True),
    ("its own change", resting(), amend(5_000), False),
]


@pytest.mark.parametrize(("orders", "order", "waits"), [row[1:] for row in WAITS], ids=[row[0] for row in WAITS])
def test_an_order_waits_for_what_is_in_its_way(orders: Orders, order: PlaceOrder | AmendOrder, waits: bool) -> None:
    assert orders.is_in_the_way(order) is waits


def test_an_immediate_order_waits_for_the_answer_to_any_other() -> None:
    orders = resting(is_bid=False, price=6_000)
    orders.amend(AmendOrder(1, TICKER, False, 7_000, 300), at(61))
    assert orders.is_in_the_way(IOC)
    orders = Orders()
    orders.place(PlaceOrder(1, TICKER, False, 6_000, 100), CLOSE_NS, FREE)
    assert orders.is_in_the_way(IOC)
    assert orders.is_in_the_way(quote(2))


SIDES = st.lists(
    st.tuples(st.integers(1, 9_999), st.integers(0, 2_000), st.integers(0, 10_000)), min_size=1, max_size=3
)


@given(st.integers(-3_000, 3_000), st.booleans(), SIDES)
def test_the_worst_of_one_side_is_the_worst_way_to_share_what_there_is_to_close(
    position: int, is_bid: bool, parts: list[tuple[int, int, int]]
) -> None:
    """By trying every order in which they may trade."""
    closing = abs(position) if (position < 0) == is_bid else 0
    worst = 0
    for order in _orders_of(parts):
        left, cost = closing, 0
        for own, count, fee in order:
            closes = min(left, count)
            left -= closes
            cost += own * (count - closes) + fee
        worst = max(worst, cost)
    money, opens = worst_of(position, is_bid, parts)
    assert (money, opens) == (worst, max(sum(count for _, count, _ in parts) - closing, 0))


def _orders_of(parts: list[tuple[int, int, int]]) -> list[list[tuple[int, int, int]]]:
    if len(parts) <= 1:
        return [parts]
    return [
        [first, *rest]
        for number, first in enumerate(parts)
        for rest in _orders_of(parts[:number] + parts[number + 1 :])
    ]


@given(st.booleans(), st.integers(1, 9_999), st.integers(1, 9_999), st.integers(1, 5_000))
def test_a_change_adds_what_it_makes_worse_and_no_less_than_nothing(
    is_bid: bool, before: int, after: int, count: int
) -> None:
    orders = resting(price=before, is_bid=is_bid)
    change = AmendOrder(1, TICKER, is_bid, after, count)
    was = orders.exposure()
    added, opens = orders.adds(change, FREE)
    assert added >= 0
    assert opens == max(count - 300, 0)
    orders.amend(change, at(61))
    assert orders.exposure() == was + added


def test_the_fee_of_nothing_is_nothing() -> None:
    assert part(True, (5_000,), 0, FeeTerms(), is_taker=True) == (5_000, 0, 0)
