"""Orders on the matching exchange: who trades with whom, what rests, what is refused and in which words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.core.contract import CENT_GRID
from markets.core.units import PRICE_DOLLAR
from tests.builders import CLOSE_NS, TICKER, at, contract
from tests.builders_matching import RICH, SHARD, A, B, C, Hall, refused
from trading.core.matching.messages import Filled, NewOrder, OrderChanged, Traded


def test_the_better_price_trades_first_and_at_one_price_who_came_first() -> None:
    hall = Hall()
    hall.ask(A, 5_200, 100)
    first, second = hall.ask(A, 5_100, 300), hall.ask(B, 5_100, 300)
    taker = hall.bid(C, 5_200, 700)
    fills = [(fill.order, fill.price, fill.count) for fill in hall.of(Filled) if not fill.is_taker]
    assert fills[:2] == [(first.number, 5_100, 300), (second.number, 5_100, 300)]
    assert fills[2][1:] == (5_200, 100)
    assert (taker.status, taker.filled, taker.taker_cost) == ("executed", 700, 600 * 5_100 + 100 * 5_200)


def test_what_is_left_of_a_limit_order_rests_at_its_price() -> None:
    hall = Hall()
    hall.ask(A, 5_100, 300)
    state = hall.bid(B, 5_100, 1_000)
    assert (state.status, state.filled, state.remaining) == ("resting", 300, 700)
    assert hall.matching.book(TICKER) == ([(5_100, 700)], [])


@pytest.mark.parametrize(
    ("kind", "limit", "count", "ends"),
    [
        ("immediate_or_cancel", 5_200, 1_000, ("canceled", 700, 0, "Cancel")),
        ("immediate_or_cancel", 5_100, 300, ("executed", 300, 0, "Trade")),
        ("immediate_or_cancel", 5_000, 300, ("canceled", 0, 0, "Cancel")),
        ("fill_or_kill", 5_200, 700, ("executed", 700, 0, "Trade")),
        ("good_till_canceled", 5_000, 300, ("resting", 0, 300, "")),
    ],
)
def test_how_an_order_ends_that_meets_three_contracts_and_then_four(
    kind: str, limit: int, count: int, ends: tuple[str, int, int, str]
) -> None:
    hall = Hall().crowd(no={4_900: 300, 4_800: 400})
    state = hall.bid(A, limit, count, time_in_force=kind)
    assert (state.status, state.filled, state.remaining, state.cause) == ends
    assert hall.of(OrderChanged)[-1].state == state


def test_a_fill_or_kill_order_trades_all_or_nothing_and_uses_up_its_id() -> None:
    hall = Hall().crowd(no={4_900: 300})
    order = hall.order(A, True, 5_100, 301, time_in_force="fill_or_kill")
    with refused("fill_or_kill_insufficient_resting_volume"):
        hall.matching.place(order, hall.at)
    assert (hall.of(Filled), hall.matching.orders(A)) == ([], [])
    with refused("order_already_exists"):
        hall.matching.place(replace(order, count=1), hall.at)


def test_an_id_is_used_up_by_an_order_for_its_account_alone_and_not_by_a_refusal() -> None:
    hall = Hall()
    hall.bid(A, 4_000, 100, client_id="mine")
    with refused("order_already_exists"):
        hall.bid(A, 4_100, 100, client_id="mine")
    assert hall.bid(B, 4_000, 100, client_id="mine").status == "resting"
    with refused("invalid_order"):
        hall.bid(A, 4_050, 100, client_id="other")
    assert hall.bid(A, 4_000, 100, client_id="other").status == "resting"


@pytest.mark.parametrize(
    ("changes", "code", "details"),
    [
        ({"price": 5_150}, "invalid_order", "grid"),
        ({"price": 1_050}, "invalid_order", "grid"),
        ({"price": 0}, "invalid_order", "grid"),
        ({"price": PRICE_DOLLAR}, "invalid_order", "grid"),
        ({"price": -100}, "invalid_order", "grid"),
        ({"count": 0}, "invalid_order", "count"),
        ({"count": -100}, "invalid_order", "count"),
        ({"ticker": "KXBTC15M-NONE"}, "not_found", "market"),
        ({"account": 99}, "user_not_found", ""),
        ({"subaccount": 7}, "user_not_found", ""),
        ({"is_reduce_only": True}, "invalid_order", "reduce_only"),
        ({"is_reduce_only": True, "time_in_force": "fill_or_kill"}, "invalid_order", "reduce_only"),
        ({"expires_ns": at(60), "time_in_force": "immediate_or_cancel"}, "invalid_parameters", "expiration_time"),
        ({"expires_ns": at(60), "time_in_force": "fill_or_kill"}, "invalid_parameters", "expiration_time"),
        ({"expires_ns": at(1)}, "invalid_parameters", "expiration_time"),
        ({"is_post_only": True, "time_in_force": "immediate_or_cancel"}, "invalid_parameters", "post_only"),
        ({"is_post_only": True, "price": 5_100}, "invalid_order", "post only cross"),
        ({"group": 77}, "ORDER_GROUP_NOT_FOUND", ""),
    ],
)
def test_what_the_exchange_does_not_take(changes: dict[str, object], code: str, details: str) -> None:
    hall = Hall().crowd(no={4_900: 300})
    hall.drain()
    with refused(code, details):
        hall.matching.place(replace(hall.order(A, True, 5_000, 100), **changes), hall.at)
    assert (hall.drain(), hall.matching.orders(A)) == ([], [])


@pytest.mark.parametrize("price", [950, 10, 9_990, 9_010, 1_000, 9_000])
def test_a_price_on_the_grid_is_taken_up_to_its_ends(price: int) -> None:
    assert Hall().bid(A, price, 1).price == price


def test_a_post_only_order_rests_where_it_does_not_cross_and_is_never_a_taker() -> None:
    hall = Hall().crowd(no={4_900: 300})
    assert hall.bid(A, 5_000, 100, is_post_only=True).status == "resting"
    hall.ask(B, 5_000, 100, time_in_force="immediate_or_cancel")
    assert [fill.is_taker for fill in hall.of(Filled) if fill.account == A] == [False]


def test_a_post_only_order_may_not_cross_an_order_of_its_own_account_either() -> None:
    hall = Hall()
    hall.ask(A, 5_000, 100)
    with refused("invalid_order", "post only cross"):
        hall.bid(A, 5_000, 100, is_post_only=True)


@pytest.mark.parametrize(
    ("held", "is_bid", "wanted", "filled", "cause"),
    [
        (500, False, 900, 500, "ReduceOnlyCancel"),
        (500, False, 500, 500, "Trade"),
        (500, False, 200, 200, "Trade"),
        (500, True, 200, 0, "ReduceOnlyCancel"),
        (0, False, 200, 0, "ReduceOnlyCancel"),
        (-500, True, 900, 500, "ReduceOnlyCancel"),
    ],
)
def test_reduce_only_trades_no_more_than_what_is_held(
    held: int, is_bid: bool, wanted: int, filled: int, cause: str
) -> None:
    hall = Hall().crowd(yes={4_900: 5_000}, no={4_900: 5_000})
    if held:
        (hall.bid if held > 0 else hall.ask)(A, 5_100 if held > 0 else 4_900, abs(held))
    place = hall.bid if is_bid else hall.ask
    state = place(A, 5_100 if is_bid else 4_900, wanted, is_reduce_only=True, time_in_force="immediate_or_cancel")
    assert (state.filled, state.remaining, state.cause) == (filled, 0, cause)
    assert state.status == ("executed" if cause == "Trade" else "canceled")
    assert hall.matching.position(A, TICKER) == held + (filled if is_bid else -filled)


def test_an_order_stops_before_one_of_its_own_account_and_keeps_what_it_traded() -> None:
    hall = Hall()
    hall.ask(B, 5_000, 100)
    own = hall.ask(A, 5_100, 100)
    hall.ask(C, 5_200, 100)
    state = hall.bid(A, 5_200, 300)
    assert (state.status, state.filled, state.cause) == ("canceled", 100, "SelfTradeCancel")
    assert hall.matching.order(own.number).status == "resting"


def test_or_the_resting_order_is_cancelled_and_matching_goes_on() -> None:
    hall = Hall()
    hall.ask(B, 5_000, 100)
    own = hall.ask(A, 5_100, 100)
    hall.ask(C, 5_200, 100)
    state = hall.bid(A, 5_200, 300, self_trade="maker")
    assert (state.status, state.filled, state.remaining) == ("resting", 200, 100)
    assert hall.matching.order(own.number).cause == "SelfTradeCancel"
    assert hall.matching.book(TICKER) == ([(5_200, 100)], [])


def test_a_fill_or_kill_order_that_its_own_account_stops_is_killed_and_cancels_nothing() -> None:
    hall = Hall()
    hall.ask(B, 5_000, 100)
    own = hall.ask(A, 5_100, 100)
    for self_trade in ("taker_at_cross", "maker"):
        with refused("fill_or_kill_insufficient_resting_volume"):
            hall.bid(A, 5_100, 200, time_in_force="fill_or_kill", self_trade=self_trade)
    assert (hall.of(Filled), hall.matching.order(own.number).status) == ([], "resting")


def test_the_pockets_of_one_account_do_not_trade_with_each_other() -> None:
    hall = Hall()
    hall.matching.deposit(A, SHARD, RICH, subaccount=1)
    hall.ask(A, 5_000, 100)
    assert hall.bid(A, 5_000, 100, subaccount=1).cause == "SelfTradeCancel"


def test_an_order_expires_at_its_second_not_before() -> None:
    hall = Hall()
    state = hall.bid(A, 4_000, 100, expires_ns=at(11))
    hall.wait(9.999)
    assert hall.matching.order(state.number).status == "resting"
    hall.wait(5)
    ended = hall.matching.order(state.number)
    assert (ended.status, ended.cause, ended.updated_ns) == ("canceled", "ExpiryCancel", at(11))
    assert hall.told_book() == ([], [])


def test_an_order_that_expired_is_not_there_for_the_one_that_comes_at_that_moment() -> None:
    hall = Hall()
    hall.bid(A, 4_000, 100, expires_ns=at(11))
    hall.now = 11
    assert hall.ask(B, 4_000, 100).filled == 0


def test_one_account_cannot_touch_nor_tell_apart_the_orders_of_another() -> None:
    hall = Hall()
    number = hall.bid(A, 4_000, 100).number
    for missing in (number, 999):
        with refused("not_found"):
            hall.matching.cancel(B, missing, hall.at)
        with refused("not_found"):
            hall.matching.amend(B, missing, hall.at, price=4_100, count=100)
        with refused("not_found"):
            hall.matching.decrease(B, missing, hall.at, by=1)
    assert hall.matching.orders(B) == []


def test_a_new_grid_cancels_what_lies_off_it() -> None:
    hall = Hall()
    off, on = hall.bid(A, 950, 100), hall.bid(A, 4_000, 100)
    hall.matching.relist(contract(grid=CENT_GRID), hall.at)
    assert hall.matching.order(off.number).status == "canceled"
    assert hall.matching.order(on.number).status == "resting"
    with refused("invalid_order", "grid"):
        hall.bid(A, 950, 100)


rows = st.lists(
    st.tuples(st.integers(1, 9), st.booleans(), st.integers(46, 54), st.integers(1, 500), st.booleans()), max_size=40
)


@given(rows)
def test_it_matches_as_the_plainest_book_would(wanted: list[tuple[int, bool, int, int, bool]]) -> None:
    """Against a list of orders that is sorted anew for each one that comes."""
    hall = Hall(accounts=tuple(range(1, 60)))
    resting: list[list[int]] = []  # number, is_bid, price, left
    expected: list[tuple[int, int, int, int]] = []
    for turn, (_, is_bid, cents, count, rests) in enumerate(wanted, start=1):
        price, left = cents * 100, count
        other = [row for row in resting if row[1] != is_bid and (row[2] <= price if is_bid else row[2] >= price)]
        for row in sorted(other, key=lambda row: ((row[2] if is_bid else -row[2]), row[0])):
            traded = min(left, row[3])
            if traded:
                expected.append((turn, row[0], row[2], traded))
                row[3] -= traded
                left -= traded
        if rests and left:
            resting.append([turn, is_bid, price, left])
        resting = [row for row in resting if row[3]]
        kind = "good_till_canceled" if rests else "immediate_or_cancel"
        hall.matching.place(hall.order(turn, is_bid, price, count, time_in_force=kind), hall.at)
    fills = hall.of(Filled)
    made = [
        (taker.order, maker.order, maker.price, maker.count)
        for taker, maker in zip(fills[::2], fills[1::2], strict=True)
    ]
    assert made == expected
    assert [(trade.price, trade.count) for trade in hall.of(Traded)] == [(row[2], row[3]) for row in expected]
    assert hall.matching.books_balance() == 59 * RICH


def test_nothing_depends_on_anything_but_what_was_asked() -> None:
    def run() -> list[object]:
        hall = Hall().crowd(yes={4_900: 300}, no={4_900: 300})
        for account, is_bid, price in ((A, True, 5_100), (B, False, 5_000), (C, True, 5_000), (A, False, 4_800)):
            hall.matching.place(hall.order(account, is_bid, price, 250), hall.at)
        hall.wait(3)
        return list(hall.drain())

    assert run() == run()


def test_orders_are_refused_before_the_open_and_from_the_close_on_whatever_the_status_says() -> None:
    hall = Hall()
    order = NewOrder(A, TICKER, "late", True, 5_000, 100)
    with refused("MARKET_INACTIVE"):
        hall.matching.place(order, CLOSE_NS)
