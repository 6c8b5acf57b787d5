"""Positions and cash: exact, whatever the order of buys, sells and settlements."""

from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import DAY_NS, DOLLAR
from tests.builders import CLOSE_NS, TICKER, at, fill, opening
from trading.core.events import HeldPosition, Settled
from trading.core.portfolio import Portfolio, Position

trades = st.lists(st.tuples(st.booleans(), st.integers(10, 9_990), st.integers(1, 5_000)), max_size=30)


def portfolio(cash: int = 100 * DOLLAR, **changes: object) -> Portfolio:
    held = Portfolio()
    held.open(opening(cash, **changes))  # type: ignore[arg-type]
    return held


def settled(result: str) -> Settled:
    return Settled(at(930), TICKER, result, 0, 0)  # type: ignore[arg-type]


def test_buying_yes_costs_its_price_and_buying_no_costs_the_rest_of_the_dollar() -> None:
    assert Position(TICKER).trade(is_bid=True, price=3_000, count=100) == -300_000
    assert Position(TICKER).trade(is_bid=False, price=3_000, count=100) == -700_000


def test_selling_what_is_held_brings_its_price_and_realises_the_profit() -> None:
    position = Position(TICKER)
    position.trade(is_bid=True, price=3_000, count=1_000)
    assert position.trade(is_bid=False, price=5_000, count=400) == 2_000_000
    assert (position.count, position.cost, position.realised) == (600, 1_800_000, 800_000)


def test_selling_more_than_is_held_closes_and_then_opens_the_other_side() -> None:
    position = Position(TICKER)
    position.trade(is_bid=True, price=3_000, count=100)
    cash = position.trade(is_bid=False, price=4_000, count=300)
    assert cash == 4_000 * 100 - 6_000 * 200
    assert (position.count, position.cost, position.realised) == (-200, 1_200_000, 100_000)


def test_a_fill_that_was_heard_before_changes_nothing() -> None:
    held = portfolio()
    assert held.fill(fill(fee=7), CLOSE_NS) is not None
    cash = held.cash
    assert held.fill(fill(fee=7), CLOSE_NS) is None
    assert held.cash == cash
    assert held.fees_today == 7


def test_a_position_says_what_it_cost_in_fees_and_brought_so_far() -> None:
    held = portfolio()
    held.fill(fill(count=1_000, price=4_000, fee=7), CLOSE_NS)
    said = held.fill(fill(count=400, price=5_000, fee=5, is_bid=False, trade_id="t2"), CLOSE_NS)
    assert said == HeldPosition(TICKER, 600, 2_400_000, 400_000, 12, CLOSE_NS)


def test_a_position_taken_up_goes_on_counting_its_fees_and_profit() -> None:
    held = portfolio(positions=(HeldPosition(TICKER, 600, 2_400_000, 400_000, 12, CLOSE_NS),))
    said = held.fill(fill(count=100, price=6_000, fee=5, is_bid=False), CLOSE_NS)
    assert said == HeldPosition(TICKER, 500, 2_000_000, 600_000, 17, CLOSE_NS)


def test_a_payout_is_booked_once() -> None:
    held = portfolio()
    held.fill(fill(count=1_000, price=4_000), CLOSE_NS)
    assert held.settle(settled("yes")) is not None
    assert held.cash == 106 * DOLLAR
    assert held.settle(settled("yes")) is None
    assert held.cash == 106 * DOLLAR


@given(trades, st.integers(0, 30), st.sampled_from(["yes", "no"]))
def test_fills_that_are_heard_after_the_settlement_come_to_the_same(
    happened: list[tuple[bool, int, int]], cut: int, result: str
) -> None:
    fills = [fill(count, price, is_bid=is_bid, trade_id=f"t{n}") for n, (is_bid, price, count) in enumerate(happened)]
    in_time, late = portfolio(), portfolio()
    for one in fills:
        in_time.fill(one, CLOSE_NS)
    in_time.settle(settled(result))
    for one in fills[:cut]:
        late.fill(one, CLOSE_NS)
    late.settle(settled(result))
    for one in (*fills[cut:], *fills):
        late.fill(one, CLOSE_NS)
    assert (late.cash, late.positions, late.exposure) == (in_time.cash, {}, 0)
    assert late.realised_today == in_time.realised_today
    assert late.settle(settled(result)) is None


def test_what_has_settled_is_known_for_a_day_and_forgotten_then() -> None:
    held = portfolio()
    held.fill(fill(100), CLOSE_NS)
    held.settle(settled("yes"))
    cash = held.cash
    held.advance(at(0) + DAY_NS)
    assert held.fill(fill(100), CLOSE_NS) is None
    assert held.cash == cash
    held.advance(at(0) + 3 * DAY_NS)
    assert held.fill(fill(100), CLOSE_NS) is not None


def test_a_new_day_begins_without_the_losses_of_the_old_one() -> None:
    held = portfolio(realised_today=-5 * DOLLAR, fees_today=DOLLAR)
    assert held.loss_today == 6 * DOLLAR
    assert held.advance(at(0)) is False
    assert held.advance(at(0) + DAY_NS) is True
    assert held.loss_today == 0


def test_a_session_takes_up_what_was_held() -> None:
    held = portfolio(positions=(HeldPosition(TICKER, -500, 2_000_000, 0, 10_000, CLOSE_NS),))
    assert held.count(TICKER) == -500
    assert held.exposure == held.cost(TICKER) == held.cost_at(CLOSE_NS) == 2_000_000
    held.settle(settled("no"))
    assert held.cash == 105 * DOLLAR


@given(trades, st.sampled_from(["yes", "no"]))
def test_cash_after_settlement_is_the_sum_of_what_was_bought_and_sold_and_paid_out(
    sequence: list[tuple[bool, int, int]], result: str
) -> None:
    """In YES terms: -q p for every contract bought, +q p for every one sold, and $1 a contract held if YES."""
    held = portfolio(cash=10**12)
    for number, (is_bid, price, count) in enumerate(sequence):
        held.fill(fill(count, price, is_bid=is_bid, trade_id=str(number), fee=3), CLOSE_NS)
    signed = [(count if is_bid else -count, price) for is_bid, price, count in sequence]
    position = sum(count for count, _ in signed)
    value = 10_000 if result == "yes" else 0
    held.settle(settled(result))
    expected = sum(count * (value - price) for count, price in signed)
    assert held.cash == 10**12 + expected - 3 * len(sequence)
    assert held.realised_today == expected
    assert held.exposure == 0
    assert position * value == sum(count * value for count, _ in signed)


@given(trades)
def test_exposure_is_what_the_open_contracts_cost_and_never_more_than_can_be_lost(
    sequence: list[tuple[bool, int, int]],
) -> None:
    held = portfolio(cash=10**12)
    for number, (is_bid, price, count) in enumerate(sequence):
        held.fill(fill(count, price, is_bid=is_bid, trade_id=str(number)), CLOSE_NS)
        assert held.exposure == held.cost(TICKER)
        assert 0 <= held.exposure <= abs(held.count(TICKER)) * 10_000
        assert held.equity == 10**12 + held.realised_today
