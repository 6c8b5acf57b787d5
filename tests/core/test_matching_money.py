"""Money on the matching exchange: fees to the last digit, what orders reserve, netting, shards, payouts."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from markets.core.units import DOLLAR, count_from_text, money_from_text, price_from_text
from tests.builders import TICKER, contract
from tests.builders_matching import RICH, SHARD, A, B, Hall, refused
from trading.core.fees import fill_fee
from trading.core.matching.messages import Filled, PaidOut, PositionChanged, Refusal

REAL_FILLS = [
    (True, "0.01", "0.0290", "no", "0.000190"),
    (True, "1.00", "0.0600", "no", "0.004000"),
    (True, "1.00", "0.9700", "yes", "0.002100"),
    (True, "2.00", "0.9470", "yes", "0.007100"),
    (True, "3.00", "0.2100", "yes", "0.034900"),
    (True, "4.00", "0.0800", "no", "0.020700"),
    (True, "5.00", "0.9560", "yes", "0.014800"),
    (True, "18.00", "0.0200", "no", "0.024700"),
    (True, "30.00", "0.0340", "no", "0.069000"),
    (True, "153.00", "0.0900", "no", "0.877200"),
    (False, "20.00", "0.2100", "no", "0.000000"),
    (False, "0.39", "0.9120", "yes", "0.000020"),
    (False, "5.32", "0.0790", "no", "0.000080"),
    (False, "10.97", "0.0350", "no", "0.000050"),
]


@pytest.mark.parametrize(("is_taker", "count_text", "price_text", "side", "charged"), REAL_FILLS)
@pytest.mark.parametrize("is_against_the_crowd", [True, False])
def test_a_real_fill_is_charged_what_it_was(
    is_taker: bool, count_text: str, price_text: str, side: str, charged: str, is_against_the_crowd: bool
) -> None:
    hall = Hall()
    price, count, is_bid = price_from_text(price_text), count_from_text(count_text), side == "yes"
    ours, theirs = (hall.bid, hall.ask) if is_bid else (hall.ask, hall.bid)
    if is_taker and is_against_the_crowd:
        hall.crowd(**({"no": {10_000 - price: count}} if is_bid else {"yes": {price: count}}))
        ours(A, price, count)
    elif is_taker:
        theirs(B, price, count)
        ours(A, price, count)
    else:
        ours(A, price, count)
        if is_against_the_crowd:
            hall.prints(price, count, taker_yes=not is_bid)
        else:
            theirs(B, price, count)
    (fill,) = [fill for fill in hall.of(Filled) if fill.account == A]
    assert (fill.fee, fill.is_taker) == (money_from_text(charged), is_taker)
    cost = count * (price if is_bid else 10_000 - price)
    assert hall.matching.cash(A, SHARD) == RICH - cost - fill.fee
    assert hall.matching.books_balance() == hall.paid_in


def test_the_worked_example_of_buying_no() -> None:
    for result, net in (("no", "6.8530"), ("yes", "-3.1470")):
        hall = Hall().crowd(yes={7_000: 5_000})
        state = hall.ask(A, 7_000, 1_000, time_in_force="immediate_or_cancel")
        assert (state.taker_cost, state.taker_fees) == (money_from_text("3.0000"), money_from_text("0.1470"))
        assert hall.matching.position(A, TICKER) == -1_000
        hall.matching.set_status(TICKER, "closed", hall.at)
        hall.matching.settle(TICKER, result, None, hall.at)  # type: ignore[arg-type]
        assert hall.matching.cash(A, SHARD) - RICH == money_from_text(net)


def test_roundings_are_collected_for_an_order_and_given_back_in_whole_cents() -> None:
    terms = contract(fees=FeeTerms(taker_rate=700))
    hall = Hall(terms, accounts=(B,))
    hall.matching.open_account(A, {SHARD: RICH}, precision=10_000)
    for price in (5_000, 5_100, 5_200, 5_300):
        hall.ask(B, price, 110)
    state = hall.bid(A, 5_300, 440)
    kept, expected = 0, []
    for price in (5_000, 5_100, 5_200, 5_300):
        fee, kept = fill_fee(FeeTerms(precision=10_000), price, 110, True, -price * 110, kept)
        expected.append(fee)
    fees = [fill.fee for fill in hall.of(Filled) if fill.account == A]
    assert fees == expected
    assert any(fee < fill_fee(FeeTerms(precision=10_000), 5_000, 110, True, -550_000)[0] for fee in fees)
    assert state.taker_fees == sum(fees)
    assert (hall.matching.cash(A, SHARD) - RICH) % 10_000 == 0


def test_makers_pay_where_the_series_charges_them() -> None:
    hall = Hall(contract(fees=FeeTerms(maker_rate=175)))
    number = hall.bid(A, 5_000, 1_000).number
    hall.ask(B, 5_000, 1_000)
    assert hall.matching.order(number).maker_fees == money_from_text("0.0438")


def test_buying_the_other_side_closes_first_and_then_opens() -> None:
    hall = Hall().crowd(yes={6_000: 5_000}, no={5_000: 5_000})
    hall.bid(A, 5_000, 300)
    hall.ask(A, 6_000, 500)
    fees = [fill.fee for fill in hall.of(Filled)]
    assert hall.matching.position(A, TICKER) == -200
    last = hall.of(PositionChanged)[-1]
    assert (last.cost, last.realised, last.fees, last.traded) == (800_000, 300_000, sum(fees), 800)
    assert hall.matching.cash(A, SHARD) == RICH - 1_500_000 + 1_800_000 - 800_000 - sum(fees)


@pytest.mark.parametrize(
    ("is_bid", "price", "reserved"),
    [(True, 5_600, "5.60"), (False, 5_600, "4.40"), (True, 300, "0.30"), (False, 9_900, "0.10")],
)
def test_a_resting_order_reserves_its_price_or_the_rest_of_the_dollar(is_bid: bool, price: int, reserved: str) -> None:
    hall = Hall()
    (hall.bid if is_bid else hall.ask)(A, price, 1_000)
    assert hall.matching.reserved(A, SHARD) == money_from_text(reserved)
    assert hall.matching.cash(A, SHARD) == RICH


def test_between_the_cents_it_reserves_what_the_smallest_fills_could_round_away() -> None:
    hall = Hall()
    hall.bid(A, 350, 1_000)
    assert hall.matching.reserved(A, SHARD) == 1_000 * 350 + 1_000 * 50


def test_what_closes_the_position_reserves_nothing_and_only_once() -> None:
    hall = Hall().crowd(no={5_000: 1_000})
    hall.bid(A, 5_000, 1_000)
    hall.ask(A, 6_000, 600)
    assert hall.matching.reserved(A, SHARD) == 0
    hall.ask(A, 7_000, 600)
    assert hall.matching.reserved(A, SHARD) == 200 * 3_000
    hall.bid(A, 4_000, 100)
    assert hall.matching.reserved(A, SHARD) == 200 * 3_000 + 100 * 4_000


@pytest.mark.parametrize("way", ["cancel", "decrease", "amend", "fill", "expire", "close"])
def test_what_was_reserved_is_free_when_the_order_is_gone_or_smaller(way: str) -> None:
    hall = Hall(cash=10 * DOLLAR)
    number = hall.bid(A, 5_000, 2_000, expires_ns=hall.at + 10**9).number
    assert hall.matching.reserved(A, SHARD) == 10 * DOLLAR
    with refused("insufficient_balance"):
        hall.bid(A, 1_000, 1)
    if way == "cancel":
        hall.matching.cancel(A, number, hall.at)
    elif way == "decrease":
        hall.matching.decrease(A, number, hall.at, to=500)
    elif way == "amend":
        hall.matching.amend(A, number, hall.at, price=1_000, count=500)
    elif way == "fill":
        hall.prints(5_000, 2_000, taker_yes=False)
    elif way == "expire":
        hall.wait(2)
    else:
        hall.matching.set_status(TICKER, "closed", hall.at)
    left = {"decrease": 2_500_000, "amend": 500_000}.get(way, 0)
    assert hall.matching.reserved(A, SHARD) == left
    assert hall.matching.cash(A, SHARD) == (0 if way == "fill" else 10 * DOLLAR)


def test_an_order_needs_its_price_and_the_worst_fee_for_what_it_may_take() -> None:
    for cash, is_enough in ((5_273_999, False), (5_300_000, True)):
        hall = Hall(cash=cash).crowd(no={4_900: 1_000})
        if is_enough:
            assert hall.bid(A, 5_100, 1_000).filled == 1_000
        else:
            with refused("insufficient_balance"):
                hall.bid(A, 5_100, 1_000)


def test_one_that_only_rests_needs_no_fee() -> None:
    assert Hall(cash=5_100_000).bid(A, 5_100, 1_000).status == "resting"


def test_closing_needs_no_cash() -> None:
    hall = Hall(cash=5_300_000).crowd(yes={4_900: 700}, no={4_900: 1_000})
    hall.bid(A, 5_100, 1_000)
    hall.matching.transfer(A, SHARD, 0, hall.matching.cash(A, SHARD))
    assert hall.ask(A, 4_900, 1_000, time_in_force="immediate_or_cancel").filled == 700
    assert hall.ask(A, 9_950, 300).status == "resting"
    assert hall.matching.cash(A, SHARD) == money_from_text("3.4300") - money_from_text("0.1225")
    assert hall.matching.reserved(A, SHARD) == 0


def test_who_sells_for_less_than_the_fee_needs_the_rest_in_cash() -> None:
    hall = Hall().crowd(yes={10: 1}, no={9_980: 1})
    hall.bid(A, 20, 1)
    hall.matching.transfer(A, SHARD, 0, hall.matching.cash(A, SHARD))
    with refused("insufficient_shard_balance"):
        hall.ask(A, 10, 1)
    hall.matching.transfer(A, 0, SHARD, 290)
    assert hall.ask(A, 10, 1).taker_fees == 110


def test_the_best_price_closes_first_whichever_came_first() -> None:
    hall = Hall().crowd(no={5_000: 1_000})
    hall.bid(A, 5_000, 1_000)
    hall.ask(A, 9_000, 1_000)
    hall.ask(A, 6_000, 600)
    assert hall.matching.reserved(A, SHARD) == 600 * 1_000


def test_what_rests_behind_a_closing_order_opens_and_needs_its_cash_and_roundings() -> None:
    for cash, is_enough in ((399_999, False), (400_000, True)):
        hall = Hall().crowd(no={5_000: 1_000})
        hall.bid(A, 5_000, 1_000)
        hall.matching.transfer(A, SHARD, 0, hall.matching.cash(A, SHARD) - cash)
        hall.ask(A, 9_000, 1_000)
        if is_enough:
            assert hall.ask(A, 9_650, 1_000).status == "resting"
        else:
            with refused("insufficient_shard_balance"):
                hall.ask(A, 9_650, 1_000)


def test_what_takes_in_part_needs_the_roundings_of_what_rests_too() -> None:
    hall = Hall(cash=350_000 + 2_600 + 900 * 50 - 1).crowd(no={9_650: 100})
    with refused("insufficient_balance"):
        hall.bid(A, 350, 1_000)
    hall.matching.deposit(A, SHARD, 1)
    assert hall.bid(A, 350, 1_000).filled == 100
    assert hall.matching.cash(A, SHARD) >= hall.matching.reserved(A, SHARD) == 900 * 400


def test_where_makers_pay_a_resting_order_reserves_a_fee_for_the_smallest_fills() -> None:
    hall = Hall(contract(fees=FeeTerms(maker_rate=175)))
    hall.bid(A, 5_000, 1_000)
    assert hall.matching.reserved(A, SHARD) == 5 * DOLLAR + money_from_text("0.0438") + 1_000 * 200


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 4_000))
def test_many_small_fills_are_paid_for_in_full_or_refused_before(counts: list[int], spare: int) -> None:
    levels = {9_990 - 10 * number: count for number, count in enumerate(counts)}
    limit, wanted = 10_000 - min(levels), sum(counts)
    cash = limit * wanted + spare
    hall = Hall(cash=cash).crowd(no=levels)
    with suppress(Refusal):
        hall.bid(A, limit, wanted)
    kept = 0
    for fill in hall.of(Filled):
        fee, kept = fill_fee(FeeTerms(), fill.price, fill.count, True, -fill.price * fill.count, kept)
        assert fill.fee == fee
        cash -= fill.price * fill.count + fee
    assert hall.matching.cash(A, SHARD) == cash >= 0


def test_cash_on_another_shard_is_not_enough_and_the_words_say_which_it_is() -> None:
    hall = Hall(accounts=())
    hall.matching.open_account(A, {0: 100 * DOLLAR})
    with refused("user_not_found"):
        hall.bid(A, 5_000, 100)
    hall.matching.transfer(A, 0, SHARD, 100)
    with refused("insufficient_shard_balance"):
        hall.bid(A, 5_000, 100)
    with refused("insufficient_balance"):
        hall.bid(A, 5_000, 100_000)
    hall.matching.transfer(A, 0, SHARD, DOLLAR)
    assert hall.bid(A, 5_000, 100).status == "resting"


def test_a_transfer_moves_only_what_is_free() -> None:
    hall = Hall(cash=10 * DOLLAR)
    hall.bid(A, 5_000, 1_000)
    with refused("insufficient_balance"):
        hall.matching.transfer(A, SHARD, 0, 5 * DOLLAR + 1)
    hall.matching.transfer(A, SHARD, 0, 5 * DOLLAR)
    assert (hall.matching.cash(A, SHARD), hall.matching.cash(A, 0)) == (5 * DOLLAR, 5 * DOLLAR)
    for refusal, arguments in (
        ("invalid_parameters", (A, 0, 0, 1)),
        ("invalid_parameters", (A, 0, SHARD, 0)),
        ("user_not_found", (A, 1, 0, 1)),
        ("user_not_found", (99, 0, 1, 1)),
    ):
        with refused(refusal):
            hall.matching.transfer(*arguments)


def test_a_subaccount_trades_with_its_own_cash_and_holds_its_own_position() -> None:
    hall = Hall(cash=10 * DOLLAR).crowd(no={5_000: 5_000})
    hall.matching.transfer_subaccount(A, 0, 1, SHARD, 4 * DOLLAR)
    with refused("insufficient_balance"):
        hall.bid(A, 5_000, 1_000, subaccount=1)
    hall.bid(A, 5_000, 500, subaccount=1)
    assert (hall.matching.position(A, TICKER), hall.matching.position(A, TICKER, 1)) == (0, 500)
    assert hall.matching.cash(A, SHARD) == 6 * DOLLAR
    assert [(held.subaccount, held.count) for held in hall.matching.positions(A)] == [(1, 500)]


@pytest.mark.parametrize(
    ("result", "yes_pays", "long", "short"),
    [("yes", None, 10_000, 0), ("no", None, 0, 10_000), ("scalar", 3_700, 3_700, 6_300), ("yes", 10_000, 10_000, 0)],
)
def test_a_settlement_pays_both_sides_out_of_what_they_paid_in(
    result: str, yes_pays: int | None, long: int, short: int
) -> None:
    hall = Hall()
    hall.bid(A, 5_000, 1_000)
    hall.ask(B, 5_000, 1_000)
    before = hall.matching.cash(A, SHARD), hall.matching.cash(B, SHARD)
    hall.matching.set_status(TICKER, "closed", hall.at)
    hall.matching.settle(TICKER, result, yes_pays, hall.at)  # type: ignore[arg-type]
    paid = {(each.account, each.count, each.cost, each.payout) for each in hall.of(PaidOut)}
    assert paid == {(A, 1_000, 5 * DOLLAR, long * 1_000), (B, -1_000, 5 * DOLLAR, short * 1_000)}
    after = hall.matching.cash(A, SHARD), hall.matching.cash(B, SHARD)
    assert (after[0] - before[0], after[1] - before[1]) == (long * 1_000, short * 1_000)
    assert (hall.matching.orders(A), hall.matching.positions(A)) == ([], [])
    assert hall.matching.books_balance() == hall.paid_in


@pytest.mark.parametrize(("result", "yes_pays"), [("scalar", None), ("scalar", 10_001), ("yes", 0), ("", None)])
def test_a_settlement_that_says_nothing_is_no_settlement(result: str, yes_pays: int | None) -> None:
    hall = Hall()
    with pytest.raises(ValueError, match="cannot be paid out"):
        hall.matching.settle(TICKER, result, yes_pays, hall.at)  # type: ignore[arg-type]
    assert hall.bid(A, 5_000, 100).status == "resting"


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 999), st.integers(1, 400)), max_size=25))
def test_however_small_its_fills_a_resting_order_never_costs_more_than_it_reserved(
    prints: list[tuple[bool, int, int]],
) -> None:
    hall = Hall()
    bid, ask = hall.bid(A, 350, 1_000), hall.ask(A, 9_650, 1_000)
    for takes_bid, _, count in prints:
        before = hall.matching.cash(A, SHARD) - hall.matching.reserved(A, SHARD)
        hall.prints(350 if takes_bid else 9_650, count, taker_yes=not takes_bid)
        assert hall.matching.cash(A, SHARD) - hall.matching.reserved(A, SHARD) >= before
    assert hall.matching.order(bid.number).filled + hall.matching.order(ask.number).filled <= 2_000
