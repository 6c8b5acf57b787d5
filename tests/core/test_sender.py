"""The life of an order at an exchange, path by path: what is said, what is asked, and what changes nothing."""

import pytest

from markets.core.units import SECOND_NS
from tests.builders import TICKER, opening
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    Fill,
    HeldOrder,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderRejected,
    OrderSent,
    OrderUnknown,
)
from trading.core.sender import Sender
from trading.core.tracked import AskFills, AskOrder, AskOrders, Request, SendAmend, SendCancel, SendOrder
from trading.core.venue import VenueFill, VenueOrder, VenueStatus

NOW = 1_000 * SECOND_NS
IOC = PlaceOrder(1, TICKER, True, 5_000, 300)
GTC = PlaceOrder(1, TICKER, True, 5_000, 300, "good_till_canceled", NOW + 600 * SECOND_NS, is_post_only=True)
TAKE = SendOrder(1, "c1", IOC)
REST = SendOrder(1, "c1", GTC)
CANCEL = SendCancel(1, "x1", TICKER)


def sender() -> Sender:
    return Sender(lambda number: f"c{number}")


def said(one: Sender) -> tuple[tuple[OrderEvent, ...], tuple[Request, ...]]:
    told = one.drain()
    assert not told.surprises
    assert not told.foreign
    return told.events, told.requests


def sent(order: PlaceOrder = IOC) -> Sender:
    """One whose order has left."""
    one = sender()
    one.submit([order], NOW)
    _, [request] = said(one)
    assert isinstance(request, SendOrder)
    one.leaving(request, NOW)
    assert said(one) == ((OrderSent(NOW, TICKER, 1),), ())
    return one


def resting() -> Sender:
    one = sent(GTC)
    one.created(REST, "x1", filled=0, remaining=300, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED,), ())
    return one


def fill(trade_id: str = "t1", count: int = 300, client_id: str = "", order_id: str = "x1") -> VenueFill:
    return VenueFill(trade_id, order_id, TICKER, True, 5_000, count, 7, True, NOW, client_id, 2)


def booked(trade_id: str = "t1", count: int = 300, now_ns: int = NOW) -> Fill:
    return Fill(now_ns, trade_id, TICKER, 1, True, 5_000, count, 7, True, "venue", 2)


def theirs(
    status: VenueStatus = "resting",
    filled: int = 0,
    price: int = 5_000,
    total: int = 300,
    at_ns: int = NOW,
    reason: str = "",
) -> VenueOrder:
    left = total - filled if status == "resting" else 0
    return VenueOrder("x1", "c1", TICKER, True, price, status, filled, left, total, NOW, at_ns, 0, reason, "", 2)


ACCEPTED = OrderAccepted(NOW, TICKER, 1, "x1")


def gone(left: int, reason: str, now_ns: int = NOW) -> OrderCancelled:
    return OrderCancelled(now_ns, TICKER, 1, left, reason)


# Placing ---------------------------------------------------------------------------------------------------------------


def test_what_trades_at_once_ends_when_its_fills_are_told() -> None:
    one = sent()
    one.created(TAKE, "x1", filled=300, remaining=0, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED,), ())
    one.fill(fill("t1", 100), NOW)
    one.fill(fill("t2", 200), NOW)
    assert said(one) == ((booked("t1", 100), booked("t2", 200)), ())
    assert not one.unfinished()


def test_what_is_left_of_it_is_told_only_after_the_last_fill() -> None:
    one = sent()
    one.created(TAKE, "x1", filled=100, remaining=0, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED,), ())
    one.fill(fill("t1", 100), NOW)
    assert said(one) == ((booked("t1", 100), gone(200, "immediate_or_cancel")), ())


def test_nothing_there_to_take() -> None:
    one = sent()
    one.created(TAKE, "x1", filled=0, remaining=0, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED, gone(300, "immediate_or_cancel")), ())


def test_fills_that_do_not_come_are_asked_for() -> None:
    one = sent()
    one.created(TAKE, "x1", filled=300, remaining=0, venue_ns=NOW, now_ns=NOW)
    said(one)
    one.tick(NOW + SECOND_NS // 4)
    assert said(one) == ((), ())
    one.tick(one.next_ns)
    assert said(one) == ((), (AskFills("x1", 0, 1),))
    one.fills_listed([fill()], question=AskFills("x1", 0, 1), now_ns=NOW)
    assert said(one) == ((booked(),), ())
    assert one.next_ns == 0


def test_a_fill_that_comes_before_the_answer_says_that_the_order_was_taken() -> None:
    one = sent()
    one.fill(fill(client_id="c1"), NOW)
    assert said(one) == ((ACCEPTED, booked()), ())
    one.created(TAKE, "x1", filled=300, remaining=0, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((), ())


def test_a_fill_without_our_id_waits_for_the_answer() -> None:
    one = sent()
    one.fill(fill(), NOW)
    one.fill(fill(), NOW)
    assert said(one) == ((), ())
    one.created(TAKE, "x1", filled=300, remaining=0, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED, booked()), ())


def test_a_fill_of_an_order_that_is_not_ours_is_said_to_be_that_once() -> None:
    one = sender()
    one.fill(fill(), NOW)
    one.fill(fill(), NOW)
    assert [each.trade_id for each in one.drain().foreign] == ["t1"]
    other = sent()
    other.fill(fill(order_id="x9"), NOW)
    assert not other.drain().foreign
    other.tick(NOW + 61 * SECOND_NS)
    assert [each.trade_id for each in other.drain().foreign] == ["t1"]


def test_refused() -> None:
    one = sent()
    one.refused(TAKE, "insufficient_balance", NOW)
    assert said(one) == ((OrderRejected(NOW, TICKER, 1, "insufficient_balance"),), ())
    assert not one.unfinished()


def test_a_number_is_placed_once() -> None:
    one = sent()
    one.submit([IOC], NOW)
    told = one.drain()
    assert (told.events, told.requests, len(told.surprises)) == ((), (), 1)


# Lost answers ----------------------------------------------------------------------------------------------------------


def lost() -> Sender:
    one = sent()
    one.lost(TAKE, "timeout", NOW)
    assert said(one) == ((OrderUnknown(NOW, TICKER, 1, "place", "timeout"),), ())
    return one


def test_an_order_without_an_answer_is_asked_for_by_our_id_and_found() -> None:
    one = lost()
    one.tick(one.next_ns)
    assert said(one) == ((), (AskOrders(NOW - 5 * SECOND_NS),))
    one.listed([theirs("canceled", 100)], since_ns=0, asked_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED,), ())
    one.fill(fill("t1", 100), NOW)
    assert said(one) == ((booked("t1", 100), gone(200, "immediate_or_cancel")), ())


def test_it_is_asked_for_again_and_again_and_never_sent_twice() -> None:
    one, asked = lost(), []
    for _ in range(9):
        asked.append((one.next_ns - NOW) / SECOND_NS)
        one.tick(one.next_ns)
        events, requests = said(one)
        assert (events, len(requests)) == ((), 1)
        assert isinstance(requests[0], AskOrders)
    assert asked == [0.3, 1.0, 3.0, 8.0, 20.0, 40.0, 50.0, 60.0, 70.0]


def test_it_never_landed_when_two_listings_do_not_have_it_that_were_asked_for_long_enough_after() -> None:
    one = lost()
    for seconds, looks in ((1, 0), (34, 0), (36, 1)):
        at_ns = NOW + seconds * SECOND_NS
        one.listed([], since_ns=0, asked_ns=at_ns, now_ns=at_ns)
        assert (said(one), one.orders[1].looks) == (((), ()), looks)
    one.listed([], since_ns=NOW, asked_ns=NOW + 50 * SECOND_NS, now_ns=NOW)  # it does not go back far enough
    assert said(one) == ((), ())
    one.listed([], since_ns=0, asked_ns=NOW + 46 * SECOND_NS, now_ns=NOW)
    assert said(one) == ((OrderRejected(NOW, TICKER, 1, "never_landed"),), ())


def test_if_it_shows_up_all_the_same_its_fills_are_booked_and_what_rests_is_cancelled() -> None:
    one = sent(GTC)
    one.lost(REST, "timeout", NOW)
    for seconds in (36, 46):
        one.listed([], since_ns=0, asked_ns=NOW + seconds * SECOND_NS, now_ns=NOW)
    said(one)
    one.order(theirs(), NOW)
    told = one.drain()
    assert (told.events, told.requests) == ((), (SendCancel(1, "x1", TICKER, 2),))
    assert "given up" in told.surprises[0]
    one.fill(fill("t1", 100), NOW)
    told = one.drain()
    assert (told.events, len(told.surprises)) == ((booked("t1", 100),), 1)


def test_an_id_that_is_taken_means_that_it_has_landed() -> None:
    one = sent()
    one.exists(TAKE, NOW)
    assert said(one) == ((OrderUnknown(NOW, TICKER, 1, "place", "already_exists"),), ())
    one.tick(one.next_ns)
    [question] = said(one)[1]
    assert isinstance(question, AskOrders)
    assert question.since_ns < NOW - 86_000 * SECOND_NS
    one.order(theirs("executed", 300), NOW, NOW)
    assert said(one) == ((ACCEPTED,), ())


def test_an_id_that_is_taken_by_another_order_is_refused() -> None:
    one = sent()
    one.exists(TAKE, NOW)
    said(one)
    one.order(VenueOrder("x1", "c1", "OTHER", True, 5_000, "canceled", 0, 0, 300), NOW, NOW)
    told = one.drain()
    assert told.events == (OrderRejected(NOW, TICKER, 1, "id_taken"),)
    assert len(told.surprises) == 1


# Cancelling ------------------------------------------------------------------------------------------------------------


def test_cancelled() -> None:
    one = resting()
    one.submit([CancelOrder(1, TICKER)], NOW)
    assert said(one) == ((), (CANCEL,))
    one.submit([CancelOrder(1, TICKER)], NOW)
    assert said(one) == ((), ())  # one is under way
    one.cancelled(CANCEL, 300, NOW, NOW)
    assert said(one) == ((gone(300, "cancelled"),), ())
    one.order(theirs("canceled"), NOW)
    assert said(one) == ((), ())


def test_less_was_cancelled_than_was_left_so_fills_came_first() -> None:
    one = resting()
    one.submit([CancelOrder(1, TICKER)], NOW)
    said(one)
    one.cancelled(CANCEL, 200, NOW, NOW)
    assert said(one) == ((), ())
    one.fill(fill("t1", 100), NOW)
    assert said(one) == ((booked("t1", 100), gone(200, "cancelled")), ())


def test_cancelled_before_it_is_known_it_is_cancelled_as_soon_as_it_is() -> None:
    one = sent(GTC)
    one.submit([CancelOrder(1, TICKER)], NOW)
    assert said(one) == ((), ())
    one.created(REST, "x1", filled=0, remaining=300, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((ACCEPTED,), (CANCEL,))


def test_a_cancel_of_what_is_gone_has_the_order_looked_at() -> None:
    one = resting()
    one.submit([CancelOrder(1, TICKER)], NOW)
    said(one)
    one.refused(CANCEL, "not_found", NOW)
    assert said(one) == ((ChangeRefused(NOW, TICKER, 1, "cancel", "not_found"),), ())
    one.tick(one.next_ns)
    assert said(one) == ((), (AskOrder(1, "x1"),))
    one.order(theirs("executed", 300), NOW, NOW)
    one.fill(fill(), NOW)
    assert said(one) == ((booked(),), ())


def test_a_cancel_without_an_answer_is_sent_again_where_the_order_still_rests() -> None:
    one = resting()
    one.submit([CancelOrder(1, TICKER)], NOW)
    said(one)
    one.lost(CANCEL, "timeout", NOW)
    assert said(one) == ((OrderUnknown(NOW, TICKER, 1, "cancel", "timeout"),), ())
    one.tick(one.next_ns)
    assert said(one) == ((), (AskOrder(1, "x1"),))
    one.order(theirs(), NOW, NOW)
    assert said(one) == ((), (SendCancel(1, "x1", TICKER, 2),))


@pytest.mark.parametrize("reason", ["ExpiryCancel", "CloseCancel", "HaltCancel", "SelfTradeCancel"])
def test_what_the_exchange_cancels_ends_with_its_reason(reason: str) -> None:
    one = resting()
    one.order(theirs("canceled", reason=reason), NOW)
    assert said(one) == ((gone(300, reason),), ())


def test_an_expiry_that_nobody_told_of_is_asked_for() -> None:
    one = resting()
    assert one.next_ns == GTC.expires_ns + SECOND_NS
    one.tick(one.next_ns)
    one.tick(one.next_ns)
    assert said(one) == ((), (AskOrder(1, "x1"),))
    one.order(theirs("canceled"), GTC.expires_ns + 2 * SECOND_NS, NOW)
    assert said(one) == ((gone(300, "expired", GTC.expires_ns + 2 * SECOND_NS),), ())


# Amending --------------------------------------------------------------------------------------------------------------

CHANGE = AmendOrder(1, TICKER, True, 5_100, 400)
AMEND = SendAmend(1, "x1", "c1", CHANGE)
AMENDED = OrderAmended(NOW, TICKER, 1, 5_100, 400)


def amending() -> Sender:
    one = resting()
    one.submit([CHANGE], NOW)
    assert said(one) == ((), (AMEND,))
    one.leaving(AMEND, NOW)
    assert said(one) == ((OrderSent(NOW, TICKER, 1, "amend"),), ())
    return one


@pytest.mark.parametrize("note_first", [True, False], ids=["note first", "answer first"])
def test_amended_is_told_once(note_first: bool) -> None:
    one = amending()
    later_ns = NOW + SECOND_NS
    if not note_first:
        one.amended(AMEND, later_ns, NOW)
    one.order(theirs(price=5_100, total=400, at_ns=later_ns), NOW)
    if note_first:
        one.amended(AMEND, later_ns, NOW)
    assert said(one) == ((AMENDED,), ())
    one.order(theirs(), NOW)  # as it was before
    assert said(one) == ((), ())


def test_a_second_amend_has_to_wait() -> None:
    one = amending()
    one.submit([AmendOrder(1, TICKER, True, 5_200, 400)], NOW)
    assert said(one) == ((ChangeRefused(NOW, TICKER, 1, "amend", "busy"),), ())


def test_an_amend_without_an_answer_is_in_force_when_the_order_says_so() -> None:
    one = amending()
    one.lost(AMEND, "timeout", NOW)
    assert said(one) == ((OrderUnknown(NOW, TICKER, 1, "amend", "timeout"),), ())
    one.order(theirs(), NOW, NOW + SECOND_NS)
    assert said(one) == ((), ())  # it may still land
    one.order(theirs(price=5_100, total=400, at_ns=NOW + SECOND_NS), NOW, NOW + 2 * SECOND_NS)
    assert said(one) == ((AMENDED,), ())


def test_an_amend_that_cannot_land_any_more_is_refused() -> None:
    one = amending()
    one.lost(AMEND, "timeout", NOW)
    said(one)
    one.order(theirs(), NOW, NOW + 36 * SECOND_NS)
    assert said(one) == ((ChangeRefused(NOW, TICKER, 1, "amend", "never_landed"),), ())


def test_an_amend_of_an_order_that_nobody_knows_is_refused() -> None:
    one = sender()
    one.submit([CHANGE, CancelOrder(2, TICKER)], NOW)
    refused = (
        ChangeRefused(NOW, TICKER, 1, "amend", "unknown_order"),
        ChangeRefused(NOW, TICKER, 2, "cancel", "unknown_order"),
    )
    assert said(one) == (refused, ())


# Earlier sessions, missed notes, repairs -------------------------------------------------------------------------------


def test_orders_of_an_earlier_session_are_asked_for_at_once() -> None:
    one = sender()
    known = HeldOrder(1, TICKER, True, 5_000, 300, 100, venue_order_id="x1", rests=True)
    unknown = HeldOrder(2, TICKER, True, 5_000, 300, sent_ns=NOW - SECOND_NS)
    one.open(opening(received_ns=NOW, orders=(known, unknown), trade_ids=((TICKER, ("t1",)),)))
    one.tick(NOW)
    assert said(one) == ((), (AskOrder(1, "x1"), AskOrders(NOW - 6 * SECOND_NS)))
    one.fill(fill("t1", 100), NOW)
    assert said(one) == ((), ())
    one.order(theirs("canceled", 100), NOW, NOW)
    assert said(one) == ((gone(200, "cancelled"),), ())


def test_what_may_have_been_missed_is_asked_for_until_it_is_answered() -> None:
    one = resting()
    one.resync(NOW - SECOND_NS, NOW)
    one.tick(NOW)
    missed = AskFills(since_ns=NOW - SECOND_NS)
    assert said(one) == ((), (missed,))
    one.tick(NOW + 4 * SECOND_NS)
    assert said(one) == ((), (AskOrder(1, "x1"), missed))
    one.fills_listed([fill("t1", 100)], question=missed, now_ns=NOW)
    one.order(theirs(filled=100), NOW, NOW + SECOND_NS)
    assert said(one) == ((booked("t1", 100),), ())
    assert one.next_ns == GTC.expires_ns + SECOND_NS


def test_what_somebody_else_has_put_right_is_not_told_again() -> None:
    one = lost()
    for event in (ACCEPTED, booked("t1", 100), gone(200, "ended_unheard")):
        one.observe(event)
    one.listed([theirs("canceled", 100)], since_ns=0, asked_ns=NOW, now_ns=NOW)
    one.fill(fill("t1", 100), NOW)
    assert said(one) == ((), ())
    assert not one.unfinished()


def test_an_order_that_the_exchange_has_forgotten_is_over_when_it_says_so_twice() -> None:
    one = resting()
    for seconds in (10, 36, 46):
        one.missing("x1", NOW + seconds * SECOND_NS, NOW)
    events, requests = said(one)
    assert events == (gone(300, "not_found"),)
    assert requests == (AskFills("x1", 0, 1), AskFills("x1", 0, 1))


@pytest.mark.parametrize("is_answered", [True, False], ids=["answered", "lost"])
def test_a_cancel_that_waits_is_sent_when_somebody_else_says_that_the_order_was_taken(is_answered: bool) -> None:
    one = sent(GTC)
    one.submit([CancelOrder(1, TICKER)], NOW)
    if not is_answered:
        one.lost(REST, "timeout", NOW)
        assert said(one) == ((OrderUnknown(NOW, TICKER, 1, "place", "timeout"),), ())
    one.observe(ACCEPTED)
    assert said(one) == ((), (CANCEL,))
    one.created(REST, "x1", filled=0, remaining=300, venue_ns=NOW, now_ns=NOW)
    assert said(one) == ((), ())
    one.cancelled(CANCEL, 300, NOW, NOW)
    assert said(one) == ((gone(300, "cancelled"),), ())


def test_a_fill_that_waits_for_its_order_is_booked_when_somebody_else_says_that_it_was_taken() -> None:
    one = sent(GTC)
    one.fill(fill("t1", 100), NOW)
    one.observe(ACCEPTED)
    assert said(one) == ((booked("t1", 100),), ())
    one.tick(NOW + 61 * SECOND_NS)
    assert said(one) == ((), ())


def test_an_amend_that_somebody_else_says_is_in_force_waits_for_nothing() -> None:
    one = amending()
    one.lost(AMEND, "timeout", NOW)
    said(one)
    one.observe(AMENDED)
    assert one.next_ns == GTC.expires_ns + SECOND_NS
    one.submit([AmendOrder(1, TICKER, True, 5_200, 400)], NOW)
    [request] = said(one)[1]
    assert isinstance(request, SendAmend)


def test_fills_that_somebody_else_tells_end_what_they_fill_as_a_whole() -> None:
    one = resting()
    one.observe(booked("t1", 100))
    assert one.unfinished()
    one.observe(booked("t2", 200))
    assert not one.unfinished()
    assert (said(one), one.next_ns) == (((), ()), 0)
    early = sent(GTC)
    early.observe(booked())
    early.created(REST, "x1", filled=0, remaining=300, venue_ns=NOW, now_ns=NOW)
    assert said(early) == ((ACCEPTED,), ())
    assert not early.unfinished()


def test_an_order_that_somebody_else_knows_to_have_ended_is_no_surprise_and_one_that_was_given_up_is() -> None:
    for told, surprises in ((gone(300, "ended_unheard"), 0), (OrderRejected(NOW, TICKER, 1, "never_landed"), 1)):
        one = sent()
        one.observe(told)
        one.created(TAKE, "x1", filled=0, remaining=0, venue_ns=NOW, now_ns=NOW)
        heard = one.drain()
        assert (heard.events, len(heard.surprises)) == ((), surprises)
