"""Cancel, decrease and amend: what they answer, what keeps its place in the queue, and the races with a fill."""

import pytest

from tests.builders import CLOSE_NS, TICKER, at
from tests.builders_matching import SHARD, A, B, C, Hall, refused
from trading.core.matching.messages import Amended, Filled, OrderChanged

PRICE = 4_900


def placed(hall: Hall, count: int = 1_000, **changes: object) -> int:
    """An order of A, with 500 of the crowd and then 100 of B behind it."""
    number = hall.bid(A, PRICE, count, **changes).number
    hall.crowd(yes={PRICE: 500})
    hall.bid(B, PRICE, 100)
    return number


def amended(hall: Hall, number: int, **changes: int | str | None) -> Amended:
    state = hall.matching.order(number)
    wanted = {"price": state.price, "count": state.initial} | changes
    return hall.matching.amend(A, number, hall.at, **wanted)  # type: ignore[arg-type]


def test_a_cancel_says_how_much_was_still_resting() -> None:
    hall = Hall()
    number = placed(hall)
    hall.prints(PRICE, 300, taker_yes=False)
    state, reduced_by = hall.matching.cancel(A, number, hall.at)
    assert (reduced_by, state.status, state.filled, state.remaining, state.cause) == (700, "canceled", 300, 0, "Cancel")
    with refused("not_found"):
        hall.matching.cancel(A, number, hall.at)


@pytest.mark.parametrize("way", ["cancel", "amend", "decrease"])
def test_what_comes_after_the_last_fill_is_not_found(way: str) -> None:
    hall = Hall()
    number = placed(hall)
    hall.prints(PRICE, 1_000, taker_yes=False)
    with refused("not_found"):
        if way == "cancel":
            hall.matching.cancel(A, number, hall.at)
        elif way == "amend":
            amended(hall, number, count=500)
        else:
            hall.matching.decrease(A, number, hall.at, by=1)
    assert hall.matching.order(number).status == "executed"


@pytest.mark.parametrize(
    ("changes", "ahead", "answer"),
    [
        ({"count": 400}, 0, (0, 400)),
        ({"expires_ns": at(60)}, 0, (None, None)),
        ({"count": 999, "expires_ns": at(60)}, 0, (0, 999)),
        ({"client_id": "new"}, 0, (None, None)),
        ({}, 0, (None, None)),
        ({"count": 1_001}, 600, (0, 1_001)),
        ({"price": 4_800}, 0, (None, None)),
        ({"price": 4_800, "count": 400}, 0, (0, 400)),
    ],
)
def test_only_a_smaller_count_or_another_expiry_keeps_the_place(
    changes: dict[str, int | str | None], ahead: int, answer: tuple[int | None, int | None]
) -> None:
    hall = Hall()
    number = placed(hall)
    result = amended(hall, number, **changes)
    assert hall.matching.queue_ahead(number) == ahead
    assert (result.filled, result.remaining) == answer
    assert (result.state.status, result.state.cause, result.fees) == ("resting", "Amend", 0)
    assert hall.told_book() == hall.matching.book(TICKER)
    if "price" in changes:  # who was behind it is first now
        assert hall.matching.queue_ahead(hall.matching.orders(B)[0].number) == 500


def test_the_count_of_an_amend_is_the_total_with_what_has_filled() -> None:
    hall = Hall()
    number = placed(hall)
    hall.prints(PRICE, 200, taker_yes=False)
    result = amended(hall, number, count=1_000)
    assert (result.filled, result.remaining) == (None, None)
    result = amended(hall, number, count=500)
    assert (result.state.filled, result.remaining, result.state.initial) == (200, 300, 500)
    for total in (200, 100):
        with refused("invalid_order", "filled"):
            amended(hall, number, count=total)
    assert hall.matching.order(number).remaining == 300


def test_an_amend_that_crosses_trades_and_says_at_what_cost() -> None:
    hall = Hall()
    number = placed(hall)
    hall.ask(C, 5_000, 300)
    hall.ask(C, 5_100, 200)
    result = amended(hall, number, price=5_100)
    assert (result.filled, result.remaining) == (500, 500)
    assert result.cost == 300 * 5_000 + 200 * 5_100
    assert result.fees == result.state.taker_fees == sum(fill.fee for fill in hall.of(Filled) if fill.account == A)
    assert hall.matching.book(TICKER)[0][-1] == (5_100, 500)


def test_an_amend_that_fills_the_rest_ends_the_order() -> None:
    hall = Hall()
    number = placed(hall)
    hall.ask(C, 5_000, 1_000)
    result = amended(hall, number, price=5_000)
    assert (result.state.status, result.state.cause, result.remaining) == ("executed", "Trade", 0)


def test_an_amend_meets_self_trade_prevention_as_a_new_order_does() -> None:
    hall = Hall()
    number = placed(hall)
    hall.ask(A, 5_000, 100)
    result = amended(hall, number, price=5_000)
    assert (result.state.status, result.state.cause, result.filled, result.remaining) == (
        "canceled",
        "SelfTradeCancel",
        0,
        0,
    )
    assert hall.matching.reserved(A, SHARD) == 100 * 5_000


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": 4_950}, "invalid_order"),
        ({"price": 0}, "invalid_order"),
        ({"count": 0}, "invalid_order"),
        ({"expires_ns": at(1)}, "invalid_parameters"),
        ({"client_id": "used"}, "order_already_exists"),
        ({"price": 5_000}, "invalid_order"),
        ({"count": 10**12}, "insufficient_balance"),
        ({"price": 4_800, "count": 10**12}, "insufficient_balance"),
    ],
)
def test_an_amend_that_is_refused_leaves_the_order_where_it_was(
    changes: dict[str, int | str | None], code: str
) -> None:
    hall = Hall()
    hall.bid(A, 4_000, 100, client_id="used")
    number = placed(hall, is_post_only=True)
    hall.ask(C, 5_000, 100)
    before = hall.matching.order(number)
    hall.drain()
    with refused(code):
        amended(hall, number, **changes)
    assert (hall.matching.order(number), hall.matching.queue_ahead(number), hall.drain()) == (before, 0, [])


def test_an_amended_id_is_used_up_beside_the_first() -> None:
    hall = Hall()
    number = placed(hall, client_id="first")
    assert amended(hall, number, client_id="second").state.client_id == "second"
    assert amended(hall, number, client_id="second", count=900).state.client_id == "second"
    for used in ("first", "second"):
        with refused("order_already_exists"):
            hall.bid(A, 4_000, 100, client_id=used)


@pytest.mark.parametrize(("expires_ns", "dies_at"), [(None, at(20)), (0, None), (at(10), at(10)), (at(30), at(30))])
def test_an_expiry_is_kept_removed_or_moved(expires_ns: int | None, dies_at: int | None) -> None:
    hall = Hall()
    number = placed(hall, expires_ns=at(20))
    amended(hall, number, expires_ns=expires_ns, count=900)
    hall.wait(100)
    ended = [each.at_ns for each in hall.of(OrderChanged) if each.state.cause == "ExpiryCancel"]
    assert ended == ([dies_at] if dies_at else [])


@pytest.mark.parametrize(
    ("by", "to", "left"),
    [(300, None, 700), (None, 300, 300), (None, 1_000, 1_000), (1_000, None, 0), (5_000, None, 0), (None, 0, 0)],
)
def test_a_decrease_keeps_the_place_and_ends_an_order_of_which_nothing_is_left(
    by: int | None, to: int | None, left: int
) -> None:
    hall = Hall()
    number = placed(hall)
    state = hall.matching.decrease(A, number, hall.at, by=by, to=to)
    assert (state.remaining, state.status, state.cause) == (left, "resting" if left else "canceled", "Decrease")
    assert hall.matching.queue_ahead(number) == 0
    assert hall.matching.reserved(A, SHARD) == left * PRICE
    assert hall.told_book() == hall.matching.book(TICKER)


@pytest.mark.parametrize(("by", "to"), [(None, None), (1, 1), (0, None), (-1, None), (None, 1_001), (None, -1)])
def test_a_decrease_is_by_or_to_and_never_a_growth(by: int | None, to: int | None) -> None:
    hall = Hall()
    number = placed(hall)
    with refused("invalid_parameters"):
        hall.matching.decrease(A, number, hall.at, by=by, to=to)
    assert hall.matching.order(number).remaining == 1_000


def test_cancel_all_reaches_a_minute_into_the_future_of_that_account_alone() -> None:
    hall = Hall()
    placed(hall)
    assert hall.matching.cancel_all(A, None, hall.at) == 1
    soon = hall.bid(A, PRICE, 100).number
    hall.wait(59.9)
    last = hall.bid(A, PRICE, 100).number
    hall.wait(0.2)
    later = hall.bid(A, PRICE, 100).number
    hall.wait(100)
    states = {number: hall.matching.order(number).status for number in (soon, last, later)}
    assert states == {soon: "canceled", last: "canceled", later: "resting"}
    assert hall.matching.orders(B)[0].status == "resting"


def test_cancel_all_of_one_pocket_leaves_the_others() -> None:
    hall = Hall()
    hall.matching.transfer_subaccount(A, 0, 1, SHARD, 10_000_000)
    first, second = hall.bid(A, PRICE, 100).number, hall.bid(A, PRICE, 100, subaccount=1).number
    assert hall.matching.cancel_all(A, 1, hall.at) == 1
    assert (hall.matching.order(first).status, hall.matching.order(second).status) == ("resting", "canceled")


@pytest.mark.parametrize("is_told", [True, False])
def test_after_the_close_nothing_is_taken_any_more_not_even_a_cancel(is_told: bool) -> None:
    hall = Hall()
    number = placed(hall)
    hall.now = 900
    if is_told:
        hall.matching.set_status(TICKER, "closed", hall.at)
        assert hall.matching.order(number).cause == "CloseCancel"
    assert hall.at == CLOSE_NS
    for call in (
        lambda: hall.bid(A, PRICE, 100),
        lambda: hall.matching.cancel(A, number, hall.at),
        lambda: amended(hall, number, count=10),
        lambda: hall.matching.decrease(A, number, hall.at, by=1),
    ):
        with refused("MARKET_INACTIVE"):
            call()
    assert hall.prints(PRICE, 100, taker_yes=False) == 0


def test_a_pause_cancels_who_asked_for_it_takes_cancels_only_and_its_end_cancels_the_rest() -> None:
    hall = Hall()
    asked = hall.bid(A, PRICE, 100, is_cancelled_on_pause=True).number
    stays, other = hall.bid(A, PRICE, 100).number, hall.bid(A, PRICE, 100).number
    hall.matching.set_status(TICKER, "paused", hall.at)
    assert (hall.matching.order(asked).cause, hall.matching.order(stays).status) == ("HaltCancel", "resting")
    with refused("MARKET_INACTIVE"):
        hall.bid(A, PRICE, 100)
    with refused("MARKET_INACTIVE"):
        amended(hall, stays, count=50)
    assert hall.matching.cancel(A, other, hall.at)[1] == 100
    hall.matching.set_status(TICKER, "open", hall.at)
    assert hall.matching.order(stays).cause == "HaltCancel"
    assert hall.bid(A, PRICE, 100).status == "resting"


def test_a_pause_of_the_exchange_keeps_what_rests_and_says_which_pause_it_is() -> None:
    hall = Hall()
    asked, stays = (hall.bid(A, PRICE, 100, is_cancelled_on_pause=asks).number for asks in (True, False))
    hall.matching.set_exchange("trading_paused", hall.at)
    assert [hall.matching.order(number).status for number in (asked, stays)] == ["canceled", "resting"]
    with refused("trading_is_paused"):
        hall.bid(A, PRICE, 100)
    with refused("trading_is_paused"):
        amended(hall, stays, count=50)
    assert hall.matching.decrease(A, stays, hall.at, by=10).remaining == 90
    hall.matching.set_exchange("exchange_paused", hall.at)
    with refused("exchange_is_paused"):
        hall.matching.cancel(A, stays, hall.at)
    hall.crowd(no={5_200: 40})
    assert hall.of(Filled) == []
    hall.matching.set_exchange("trading", hall.at)
    assert hall.fills(A) == [(PRICE, 40)]
    assert hall.matching.cancel(A, stays, hall.at)[1] == 50


def test_a_pause_of_another_shard_is_none_here() -> None:
    hall = Hall()
    hall.matching.set_exchange("exchange_paused", hall.at, shards=(0, 1))
    assert hall.bid(A, PRICE, 100).status == "resting"


def test_a_listed_market_takes_no_orders_before_it_is_open() -> None:
    hall = Hall()
    hall.matching.set_status(TICKER, "listed", hall.at)
    with refused("MARKET_INACTIVE"):
        hall.bid(A, PRICE, 100)


def test_a_settled_market_is_forgotten_with_all_that_was_known_of_it() -> None:
    hall = Hall()
    number = placed(hall, client_id="once")
    hall.matching.set_status(TICKER, "closed", hall.at)
    hall.matching.settle(TICKER, "yes", None, hall.at)
    with refused("not_found"):
        hall.matching.order(number)
    with refused("not_found"):
        hall.bid(A, PRICE, 100)
    floor = hall.matching.floor
    assert (floor.orders, floor.markets, floor.client_ids[A]) == ({}, {}, {})
