"""Whatever part of what the exchange told was lost, repairs bring our side to the exchange's; what is not ours is never repaired."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.core.units import DOLLAR, SECOND_NS
from tests.toy_account import SHARD, ToyAccount, id_of
from trading.core import events
from trading.core.decision import PlaceOrder
from trading.core.looks import Awaited, Looks, Outcome, Repair
from trading.core.reconcile import NEVER_LANDED, compare
from trading.core.venue import VenuePosition, VenueSettlement

TICKERS = ("KXBTC15M-A", "KXETH15M-A")

steps = st.lists(
    st.tuples(
        st.sampled_from(("place", "place_lost", "fill", "fill", "cancel", "settle")),
        st.sampled_from(TICKERS),
        st.booleans(),  # bid
        st.integers(1, 99).map(lambda cents: cents * 100),
        st.integers(1, 500),
        st.integers(0, 20_000),  # fee
        st.booleans(),  # whether we hear of it
    ),
    max_size=30,
)


def play(account: ToyAccount, told: Iterable[tuple[str, str, bool, int, int, int, bool]]) -> None:
    """Do these steps at the exchange; what we do not hear is lost."""
    rests: dict[int, str] = {}
    settled = set()
    for what, ticker, is_bid, price, count, fee, is_lost in told:
        account.now_ns += 4 * SECOND_NS
        if ticker in settled:
            continue
        if what.startswith("place"):
            lands = what == "place"
            number = account.place(ticker, is_bid=is_bid, price=price, count=count, lands=lands, is_lost=is_lost)
            if lands:
                rests[number] = f"v-{id_of(number)}"
        elif what == "settle":
            settled.add(ticker)
            account.settle(ticker, "yes" if is_bid else "no", is_lost=is_lost)
        mine = [number for number, order_id in rests.items() if account.orders[order_id].status == "resting"]
        if mine and what in {"fill", "cancel"}:
            number = mine[count % len(mine)]
            if what == "fill":
                account.fill(rests[number], count, fee, number=number, is_lost=is_lost)
            else:
                account.cancel(rests[number], number=number, is_lost=is_lost)


def look(account: ToyAccount, looks: Looks, seconds: float = 4) -> Outcome:
    """One look, its repairs told."""
    account.now_ns += round(seconds * SECOND_NS)
    theirs = account.state()
    outcome = looks.see(compare(account.side.ours(), theirs, account.now_ns, is_watching=True), theirs.asked_ns)
    for repair in outcome.repairs:
        account.side.hear(repair)
    return outcome


def settle_down(account: ToyAccount, most: int = 8) -> tuple[Outcome, list[Repair], list[Awaited]]:
    """Looks until one is clean, or as many as `most`; the last, all repairs, and what was awaited."""
    repairs: list[Repair] = []
    awaited: list[Awaited] = []
    looks, outcome = Looks(), Outcome()
    account.now_ns += 40 * SECOND_NS  # what has not landed by now never will
    for _ in range(most):
        outcome = look(account, looks)
        repairs += outcome.repairs
        awaited += outcome.awaited
        if outcome.is_clean:
            break
    return outcome, repairs, awaited


def is_same(account: ToyAccount) -> None:
    """Our side is the exchange's."""
    ours = account.side.ours()
    rests = {order.client_id: order for order in account.orders.values() if order.status == "resting"}
    assert {order.client_id for order in ours.orders.values()} == set(rests)
    for order in ours.orders.values():
        theirs = rests[order.client_id]
        assert (order.filled, order.count, order.price) == (theirs.filled, theirs.initial, theirs.price)
    assert set(ours.trade_ids) == {fill.trade_id for fill in account.fills}
    assert ours.positions == {one.ticker: one.count for one in account.positions.values() if one.count}
    assert ours.cash == {SHARD: account.cash}
    assert set(ours.settled) >= {one.ticker for one in account.settlements}


@given(steps)
def test_whatever_was_lost_is_put_right_exactly(
    told: list[tuple[str, str, bool, int, int, int, bool]],
) -> None:
    account = ToyAccount()
    play(account, told)
    outcome, _, _ = settle_down(account)
    assert outcome.is_clean
    is_same(account)


@given(steps)
def test_what_was_heard_needs_no_repair(told: list[tuple[str, str, bool, int, int, int, bool]]) -> None:
    account = ToyAccount()
    play(account, [(*step[:-1], False) for step in told if step[0] not in {"place_lost", "settle"}])
    outcome, repairs, awaited = settle_down(account)
    assert outcome.is_clean
    assert not repairs
    assert not awaited


FOREIGN = ("order", "fill", "cash")


@given(steps, st.sampled_from(FOREIGN), st.integers(1, 400))
def test_what_is_not_ours_is_a_difference_and_never_put_right(
    told: list[tuple[str, str, bool, int, int, int, bool]], what: str, size: int
) -> None:
    account = ToyAccount()
    play(account, [step for step in told if step[0] != "settle"])
    if what == "cash":
        account.cash += size if size % 2 else -size
    else:
        order_id = account.land("somebody", TICKERS[0], is_bid=True, price=4_000, count=1_000)
        if what == "fill":
            account.fill(order_id, size, 0)
            account.cancel(order_id)
    looks, kinds = Looks(), set()
    account.now_ns += 40 * SECOND_NS
    for _ in range(8):
        outcome = look(account, looks)
        kinds |= {one.kind for one in outcome.differences}
        assert all(getattr(one, "number", 1) for one in outcome.repairs)
        assert not any(isinstance(one, events.CashMoved) for one in outcome.repairs)
    rests = any(order.status == "resting" for order in account.orders.values())
    assert what in kinds or (what == "cash" and rests)
    if what == "fill":
        assert {"order", "fill", "position"} <= kinds
    if what == "cash" and not rests:
        [found] = [one for one in outcome.differences if one.kind == "cash"]
        assert found.amount == account.cash - account.side.ours().cash[SHARD]


def test_one_look_is_not_enough_and_neither_are_two_that_are_close_together() -> None:
    account, looks = ToyAccount(), Looks()
    account.cash += 1
    assert look(account, looks).differences == ()
    assert look(account, looks, 2.9).differences == ()
    [found] = look(account, looks, 0.2).differences
    assert (found.kind, found.subject, found.amount) == ("cash", "shard 2", 1)


def test_what_changes_between_two_looks_does_not_count() -> None:
    account, looks = ToyAccount(), Looks()
    for _ in range(5):
        account.cash += 1
        outcome = look(account, looks)
        assert not outcome.differences
        assert not outcome.is_clean


def test_an_order_without_an_answer_is_given_up_after_35_seconds_and_two_looks() -> None:
    account, looks = ToyAccount(), Looks()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100, lands=False)
    for _ in range(8):
        assert not look(account, looks).repairs
        assert number in account.side.ours().orders
    assert [one.key for one in look(account, looks, 3).awaited] == [f"landed {number}"]
    [gone] = look(account, looks).repairs
    assert isinstance(gone, events.OrderRejected)
    assert gone.code == NEVER_LANDED


def test_an_order_that_shows_up_after_it_was_given_up_is_cancelled_and_its_fill_is_booked() -> None:
    account = ToyAccount()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100, lands=False)
    settle_down(account)
    order_id = account.land(id_of(number), TICKERS[0], is_bid=True, price=4_000, count=100)
    account.fill(order_id, 40, 7)
    looks = Looks()
    assert [type(one) for one in look(account, looks).repairs] == [events.Fill]
    [stray] = look(account, looks).strays
    assert stray.order_id == order_id
    account.cancel(order_id)
    outcome, _, _ = settle_down(account)
    assert outcome.is_clean
    is_same(account)


def test_an_order_whose_record_was_lost_is_ours_all_the_same() -> None:
    account = ToyAccount()
    order_id = account.land(id_of(17), TICKERS[0], is_bid=False, price=6_000, count=100)
    account.fill(order_id, 30, 5)
    outcome = look(account, Looks())
    told, accepted = outcome.repairs
    assert isinstance(told, events.Fill)
    assert (told.number, told.count, told.fee, told.shard) == (17, 30, 5, SHARD)
    assert isinstance(accepted, events.OrderAccepted)  # the numbering goes on after it
    assert account.side.ours().last_number == 17
    assert [one.order_id for one in outcome.strays] == [order_id]


def test_a_fill_of_other_money_than_was_booked_is_a_difference() -> None:
    account, looks = ToyAccount(), Looks()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100)
    account.fill(f"v-{id_of(number)}", 100, 7, number=number)
    account.fills[0] = replace(account.fills[0], fee=8)
    look(account, looks)
    assert "fill" in {one.kind for one in look(account, looks).differences}


def test_positions_are_not_judged_where_an_order_is_in_flight() -> None:
    account, looks = ToyAccount(), Looks()
    account.place(TICKERS[0], is_bid=True, price=4_000, count=100, lands=False)
    theirs = replace(account.state(), positions=(VenuePosition(TICKERS[0], 50), VenuePosition(TICKERS[1], 50)))
    outcome = looks.see(compare(account.side.ours(), theirs, account.now_ns), theirs.asked_ns)
    assert [one.key for one in outcome.awaited] == [f"position {TICKERS[1]}"]
    assert not outcome.is_judged


def test_the_first_look_at_an_account_says_what_it_begins_with() -> None:
    account, looks = ToyAccount(), Looks()
    account.side = type(account.side)(account.side.ours()._replace(cash={}, is_new=True), id_of)
    assert not look(account, looks).repairs
    [told] = look(account, looks).repairs
    assert isinstance(told, events.CashMoved)
    assert (told.kind, told.amount, told.shard) == ("deposit", account.cash, SHARD)
    assert look(account, looks).is_clean
    account.cash += 5
    look(account, looks)
    assert not look(account, looks).repairs


def test_while_orders_rest_cash_is_held_within_what_they_hold_back_and_exactly_afterwards() -> None:
    account, looks = ToyAccount(), Looks()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100)
    account.now_ns += 10 * SECOND_NS
    assert look(account, looks).is_clean
    account.cash -= 1
    assert look(account, looks).is_clean
    account.cash += 50 * DOLLAR
    look(account, looks)
    [found] = look(account, looks).differences
    assert (found.kind, found.amount) == ("cash", 0)
    account.cancel(f"v-{id_of(number)}", number=number)
    look(account, looks)
    [found] = look(account, looks).differences
    assert found.amount == 50 * DOLLAR - 1


@pytest.mark.parametrize(
    ("settlement", "says"),
    [
        (VenueSettlement(TICKERS[0], "yes", None, 60, 60 * 10_000, 1), "the exchange paid for 0.60"),
        (VenueSettlement(TICKERS[0], "yes", None, 100, 90 * 10_000, 1), "by its result it is 1.000000"),
        (VenueSettlement(TICKERS[0], "", None, 100, 0, 1), "cannot be paid on"),
    ],
    ids=["count", "payout", "result"],
)
def test_a_settlement_that_does_not_add_up_is_not_booked(settlement: VenueSettlement, says: str) -> None:
    account, looks = ToyAccount(), Looks()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100)
    account.fill(f"v-{id_of(number)}", 100, 7, number=number)
    account.settlements.append(settlement)
    look(account, looks)
    outcome = look(account, looks)
    assert not outcome.repairs
    [found] = [one for one in outcome.differences if one.kind == "settlement"]
    assert says in found.text


def test_an_amend_whose_answer_was_lost_is_found_by_two_looks() -> None:
    account, looks = ToyAccount(), Looks()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=100)
    order_id = f"v-{id_of(number)}"
    account.orders[order_id] = replace(account.orders[order_id], price=4_100, remaining=80, initial=80)
    assert not look(account, looks).repairs
    [told] = look(account, looks).repairs
    assert isinstance(told, events.OrderAmended)
    assert (told.price, told.count) == (4_100, 80)
    assert look(account, looks).is_clean


def test_what_has_just_been_sent_is_told_by_its_answer_and_later_that_it_was_taken_before_that_it_has_ended() -> None:
    account = ToyAccount()
    account.side.commanded(PlaceOrder(1, TICKERS[0], True, 4_000, 100), account.now_ns)
    account.cancel(account.land(id_of(1), TICKERS[0], is_bid=True, price=4_000, count=100))
    assert look(account, Looks(), 2.9).repairs == ()
    kinds = [type(one) for one in look(account, Looks(), 0.1).repairs]
    assert kinds == [events.OrderAccepted, events.OrderCancelled]


def test_an_order_is_given_up_only_long_after_its_answer_was_lost_and_not_while_it_is_out() -> None:
    account = ToyAccount()
    account.side.commanded(PlaceOrder(1, TICKERS[0], True, 4_000, 100), account.now_ns)
    account.side.hear(events.OrderSent(account.now_ns, TICKERS[0], 1))
    assert look(account, Looks(), 100).awaited == ()
    account.side.hear(events.OrderUnknown(account.now_ns, TICKERS[0], 1))
    assert look(account, Looks(), 34.9).awaited == ()
    assert [one.key for one in look(account, Looks(), 0.1).awaited] == ["landed 1"]


def test_where_time_runs_faster_it_is_waited_longer() -> None:
    account = ToyAccount()
    account.place(TICKERS[0], is_bid=True, price=4_000, count=100, lands=False)
    for seconds, awaited in ((699, 0), (1, 1)):
        account.now_ns += seconds * SECOND_NS
        outcome = compare(account.side.ours(), account.state(), account.now_ns, patience=20.0)
        assert len(outcome.awaited) == awaited


@pytest.mark.parametrize(
    ("missing", "found"),
    [(DOLLAR, ()), (3 * DOLLAR, ("less",)), (-3 * DOLLAR, ("more",))],
    ids=["within", "less", "more"],
)
def test_while_an_order_is_in_flight_cash_is_held_within_what_it_may_come_to(
    missing: int, found: tuple[str, ...]
) -> None:
    account = ToyAccount()
    account.place(TICKERS[0], is_bid=True, price=4_000, count=200, lands=False)
    account.cash -= missing
    account.now_ns += 4 * SECOND_NS
    outcome = compare(account.side.ours(), account.state(), account.now_ns, is_watching=True)
    assert tuple(one.value for one in outcome.awaited) == found
    assert not outcome.is_judged
    assert compare(account.side.ours(), account.state(), account.now_ns).awaited == ()


def test_what_has_just_moved_or_ended_is_in_flight_too() -> None:
    account = ToyAccount()
    number = account.place(TICKERS[0], is_bid=True, price=4_000, count=200)
    before = account.cash
    account.fill(f"v-{id_of(number)}", 150, 7, number=number)
    account.cancel(f"v-{id_of(number)}", number=number)
    state = replace(account.state(), cash=((SHARD, before - 80 * 10_000),), positions=())  # as it was a moment ago
    outcome = compare(account.side.ours(), state, account.now_ns, is_watching=True)
    assert outcome.awaited == ()
    state = replace(state, cash=((SHARD, before - 10 * DOLLAR),))
    outcome = compare(account.side.ours(), state, account.now_ns, is_watching=True)
    assert [one.key for one in outcome.awaited] == [f"cash shard {SHARD}"]
