"""The crowd on the matching exchange: who is before us in the queue, what is taken stays taken, a print counts once."""

import pytest

from markets.core.book import OrderBook
from markets.core.units import MILLISECOND_NS
from tests.builders import TICKER, contract
from tests.builders_matching import SHARD, A, B, C, Hall
from trading.core.matching.messages import Filled, OrderChanged, Quoted, Traded

BID = 4_900


def test_an_order_waits_behind_what_was_displayed_when_it_came() -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    assert hall.matching.queue_ahead(number) == 500
    assert hall.prints(BID, 400, taker_yes=False) == 0
    assert hall.matching.queue_ahead(number) == 100
    assert hall.prints(BID, 150, taker_yes=False) == 50
    assert hall.fills(A) == [(BID, 50)]
    assert hall.matching.queue_ahead(number) == 0


def test_queue_ahead_counts_our_own_orders_too() -> None:
    hall = Hall().crowd(yes={BID: 500})
    hall.bid(A, BID, 100)
    hall.crowd(yes={BID: 700})
    last = hall.bid(B, BID, 100).number
    assert hall.matching.queue_ahead(last) == 800
    assert hall.prints(BID, 650, taker_yes=False) == 100
    assert hall.matching.queue_ahead(last) == 150


def test_who_leaves_was_behind_us_as_far_as_there_is_anyone() -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    hall.matching.crowd_change(TICKER, True, BID, 300, hall.at)
    hall.matching.crowd_change(TICKER, True, BID, -200, hall.at)
    assert hall.matching.queue_ahead(number) == 500
    hall.matching.crowd_change(TICKER, True, BID, -200, hall.at)
    assert hall.matching.queue_ahead(number) == 400


def test_who_comes_later_is_behind_us() -> None:
    hall = Hall()
    number = hall.bid(A, BID, 100).number
    hall.crowd(yes={BID: 900})
    assert hall.matching.queue_ahead(number) == 0
    assert hall.prints(BID, 150, taker_yes=False) == 100


@pytest.mark.parametrize("is_snapshot", [True, False])
def test_a_replaced_book_keeps_the_place_in_the_queue(is_snapshot: bool) -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    for displayed, ahead in ((900, 500), (700, 500), (300, 300), (800, 300), (0, 0)):
        if is_snapshot:
            hall.crowd(yes={BID: displayed} if displayed else {})
        else:
            now = dict(hall.matching.floor.market(TICKER).yes.displayed).get(BID, 0)
            hall.matching.crowd_change(TICKER, True, BID, displayed - now, hall.at)
        assert hall.matching.queue_ahead(number) == ahead


@pytest.mark.parametrize("print_first", [True, False])
def test_a_print_and_the_display_that_tells_of_it_count_once(print_first: bool) -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    if print_first:
        hall.prints(BID, 200, taker_yes=False)
    hall.matching.crowd_change(TICKER, True, BID, -200, hall.at)
    if not print_first:
        hall.prints(BID, 200, taker_yes=False)
    assert hall.matching.queue_ahead(number) == 300
    assert dict(hall.matching.book(TICKER)[0]) == {BID: 400}
    hall.wait(5)
    assert dict(hall.matching.book(TICKER)[0]) == {BID: 400}


def test_a_print_that_the_display_told_first_moves_the_queue_when_it_seemed_to_have_left_behind_us() -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    hall.crowd(yes={BID: 800})
    hall.crowd(yes={BID: 600})
    assert hall.matching.queue_ahead(number) == 500
    hall.prints(BID, 200, taker_yes=False)
    assert hall.matching.queue_ahead(number) == 300
    assert dict(hall.matching.book(TICKER)[0]) == {BID: 700}


def test_a_departure_long_ago_is_no_print_of_now() -> None:
    hall = Hall().crowd(yes={BID: 500})
    number = hall.bid(A, BID, 100).number
    hall.crowd(yes={BID: 400})
    hall.wait(2)
    hall.prints(BID, 100, taker_yes=False)
    assert hall.matching.queue_ahead(number) == 300


def test_one_who_comes_between_the_display_and_its_print_is_not_moved_by_it() -> None:
    hall = Hall().crowd(yes={BID: 500})
    hall.bid(A, BID, 100)
    hall.crowd(yes={BID: 300})
    later = hall.bid(B, BID, 100).number
    assert hall.matching.queue_ahead(later) == 400
    hall.prints(BID, 200, taker_yes=False)
    assert hall.matching.queue_ahead(later) == 400


def test_a_print_beyond_our_price_went_through_us_first() -> None:
    hall = Hall().crowd(yes={BID: 500})
    hall.bid(A, 5_000, 100)
    hall.bid(B, BID, 100)
    assert hall.prints(BID, 550, taker_yes=False) == 100
    assert hall.fills(A) == [(5_000, 100)]
    assert hall.matching.queue_ahead(hall.matching.orders(B)[0].number) == 50


def test_a_print_on_the_other_side_or_short_of_our_price_is_not_ours() -> None:
    hall = Hall()
    hall.bid(A, BID, 100)
    assert hall.prints(BID, 100, taker_yes=True) == 0
    assert hall.prints(5_000, 100, taker_yes=False) == 0


def test_the_crowd_that_comes_to_quote_through_us_trades_with_us_at_our_price() -> None:
    hall = Hall().crowd(yes={BID: 500})
    hall.bid(A, 5_000, 300)
    hall.crowd(yes={BID: 500}, no={5_100: 200})
    assert hall.fills(A) == [(5_000, 200)]
    (trade,) = hall.of(Traded)
    assert (trade.price, trade.count, trade.is_taker_bid) == (5_000, 200, False)
    assert hall.matching.book(TICKER) == ([(BID, 500), (5_000, 100)], [])


def test_while_the_crowd_is_before_us_at_that_price_its_source_is_crossed_and_we_wait() -> None:
    hall = Hall().crowd(yes={5_000: 100})
    hall.bid(A, 5_000, 300)
    hall.crowd(yes={5_000: 100}, no={5_000: 200})
    assert hall.fills(A) == []
    hall.crowd(yes={}, no={5_000: 200})
    assert hall.fills(A) == [(5_000, 200)]


def test_what_was_taken_of_the_crowd_is_gone_for_a_second_for_everyone() -> None:
    hall = Hall().crowd(no={4_900: 1_000})
    hall.bid(A, 5_100, 800, time_in_force="immediate_or_cancel")
    assert hall.bid(B, 5_100, 800, time_in_force="immediate_or_cancel").filled == 200
    hall.wait(0.999)
    assert hall.bid(C, 5_100, 100, time_in_force="immediate_or_cancel").filled == 0
    hall.wait(0.001)
    assert hall.bid(C, 5_100, 800, time_in_force="immediate_or_cancel").filled == 800


def test_a_change_of_the_display_meanwhile_only_adds_or_takes_that_change() -> None:
    hall = Hall().crowd(no={4_900: 1_000})
    hall.bid(A, 5_100, 800, time_in_force="immediate_or_cancel")
    hall.matching.crowd_change(TICKER, False, 4_900, 300, hall.at)
    assert hall.matching.book(TICKER)[1] == [(4_900, 500)]
    hall.matching.crowd_change(TICKER, False, 4_900, -900, hall.at)
    assert hall.matching.book(TICKER)[1] == []
    hall.wait(2)
    assert hall.matching.book(TICKER)[1] == [(4_900, 400)] == hall.told_book()[1]


def test_what_was_taken_does_not_come_back_to_trade_with_the_order_that_took_it() -> None:
    hall = Hall().crowd(no={4_900: 1_000})
    hall.bid(A, 5_100, 300)
    number = hall.bid(A, 5_100, 1_200).number
    for _ in range(30):
        hall.wait(1)
        assert len(hall.matching.floor._due) == 1
    assert hall.matching.order(number).filled == 700
    assert hall.matching.book(TICKER) == ([(5_100, 500)], [])
    hall.matching.cancel(A, number, hall.at)
    hall.wait(1)
    assert hall.matching.book(TICKER) == ([], [(4_900, 1_000)])


def test_a_taker_meets_the_crowd_and_our_orders_in_the_order_they_came() -> None:
    hall = Hall().crowd(yes={BID: 200})
    hall.bid(A, BID, 100)
    hall.crowd(yes={BID: 500})
    hall.ask(B, BID, 450)
    assert [(fill.account, fill.count) for fill in hall.of(Filled)] == [(B, 200), (B, 100), (A, 100), (B, 150)]
    assert [trade.count for trade in hall.of(Traded)] == [200, 100, 150]


def test_a_display_cannot_fall_below_nothing() -> None:
    hall = Hall().crowd(yes={BID: 200})
    hall.matching.crowd_change(TICKER, True, BID, -300, hall.at)
    assert hall.matching.book(TICKER) == ([], [])


def test_changes_say_whose_doing_they_are_and_add_up_to_the_book() -> None:
    hall = Hall().crowd(yes={BID: 200}, no={4_900: 300})
    maker = hall.bid(A, BID, 100)
    taker = hall.ask(B, BID, 250)
    hall.prints(BID, 50, taker_yes=False)
    hall.wait(3)
    assert hall.told_book() == hall.matching.book(TICKER)
    assert {quoted.order for quoted in hall.of(Quoted)} == {0, maker.number, taker.number}


def test_nothing_trades_while_the_market_does_not() -> None:
    hall = Hall()
    hall.bid(A, BID, 100)
    hall.matching.set_status(TICKER, "paused", hall.at)
    assert hall.prints(BID, 100, taker_yes=False) == 0
    hall.crowd(no={6_000: 100})
    assert hall.of(Filled) == []


def test_everything_is_told_at_the_time_it_is_due() -> None:
    hall = Hall().crowd(no={4_900: 1_000})
    hall.bid(A, 5_100, 100, time_in_force="immediate_or_cancel")
    hall.bid(B, 4_000, 100, expires_ns=hall.at + 500 * MILLISECOND_NS)
    taken = hall.at
    hall.drain()
    hall.wait(10)
    assert [(type(each), each.at_ns - taken) for each in hall.drain()] == [
        (Quoted, 500 * MILLISECOND_NS),
        (OrderChanged, 500 * MILLISECOND_NS),
        (Quoted, 1_000 * MILLISECOND_NS),
    ]


def test_a_borrowed_book_is_traded_with_as_it_is_and_never_told() -> None:
    hall, book = Hall(), OrderBook()
    terms = contract(ticker="KXETH15M-26NOV221200-00")
    hall.matching.list_market(terms, SHARD, book=book)
    hall.matching.set_status(terms.ticker, "open", hall.at)
    book.replace((), ((4_900, 300),))
    order = hall.order(A, True, 5_100, 500, ticker=terms.ticker, time_in_force="immediate_or_cancel")
    assert hall.matching.place(order, hall.at).filled == 300
    assert hall.of(Quoted) == []
