"""Fees, to the last digit: real fills of the exchange, and a reference in decimals."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from markets.core.units import CONTRACT, Money, complement, cost, count_from_text, money_from_text, price_from_text
from trading.core.fees import fee_per_contract, fill_fee, trade_fee, worst_fee

DIRECT = FeeTerms()
CENTS = FeeTerms(precision=10_000, increment=1)
prices = st.integers(1, 9_999)
counts = st.integers(1, 2_000_000)
terms_sets = st.builds(
    FeeTerms,
    taker_rate=st.integers(0, 1_400),
    maker_rate=st.integers(0, 350),
    increment=st.sampled_from([1, 100, 10_000]),
    precision=st.sampled_from([100, 10_000]),
)


@pytest.mark.parametrize(
    ("is_taker", "count", "yes_price", "side", "charged"),
    [
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
    ],
)
def test_a_real_fill_was_charged_this(is_taker: bool, count: str, yes_price: str, side: str, charged: str) -> None:
    own_price = price_from_text(yes_price) if side == "yes" else complement(price_from_text(yes_price))
    bought = count_from_text(count)
    fee, kept = fill_fee(DIRECT, own_price, bought, is_taker, -cost(own_price, bought))
    assert fee == money_from_text(charged)
    assert kept == fee - trade_fee(DIRECT, own_price, bought, is_taker)


def test_an_account_that_moves_in_cents_pays_the_next_cent() -> None:
    assert trade_fee(CENTS, 550, CONTRACT) == money_from_text("0.003639")
    assert fill_fee(CENTS, 550, CONTRACT, True, -55_000) == (money_from_text("0.005"), money_from_text("0.001361"))


@pytest.mark.parametrize(
    ("price", "cents"), [(500, 0.3325), (1_000, 0.63), (2_500, 1.3125), (5_000, 1.75), (7_500, 1.3125), (9_900, 0.0693)]
)
def test_the_fee_of_many_contracts_is_seven_percent_of_the_variance(price: int, cents: float) -> None:
    assert 100 * fee_per_contract(DIRECT, price, 10_000 * CONTRACT) == pytest.approx(cents, abs=1e-5)


@pytest.mark.parametrize(
    ("price", "exact", "alone", "of_hundred"),
    [
        (500, 0.3325, 1, 0.34), (1_000, 0.63, 1, 0.63), (2_500, 1.3125, 2, 1.32), (5_000, 1.75, 2, 1.75),
        (7_500, 1.3125, 2, 1.32), (9_000, 0.63, 1, 0.63), (9_500, 0.3325, 1, 0.34), (9_900, 0.0693, 1, 0.07),
    ],
)  # fmt: skip
def test_section_7_the_table_of_fees_and_what_breaks_even(
    price: int, exact: float, alone: int, of_hundred: float
) -> None:
    """In cents: exactly, for one contract where accounts move in cents, and for each of a hundred of them."""
    assert 100 * fee_per_contract(DIRECT, price, 10_000 * CONTRACT) == pytest.approx(exact, abs=1e-5)
    assert 100 * fee_per_contract(CENTS, price) == pytest.approx(alone, abs=1e-9)
    assert 100 * fee_per_contract(CENTS, price, 100 * CONTRACT) == pytest.approx(of_hundred, abs=1e-9)
    breaks_even = {500: (0.053325, 0.06), 5_000: (0.5175, 0.52), 9_000: (0.9063, 0.91), 9_900: (0.990693, 1.0)}
    if price in breaks_even:
        own = price / 10_000
        assert (own + exact / 100, own + alone / 100) == pytest.approx(breaks_even[price], abs=1e-9)


def test_one_contract_alone_pays_the_rounding() -> None:
    assert fee_per_contract(DIRECT, 9_900) == pytest.approx(0.0007)
    assert fee_per_contract(CENTS, 9_900) == pytest.approx(0.01)


# Against a reference in decimals --------------------------------------------------------------------------


def reference(terms: FeeTerms, price: int, count: int, is_taker: bool) -> Decimal:
    """The trade fee in dollars, as the fee schedule words it."""
    rate = Decimal(terms.taker_rate if is_taker else terms.maker_rate) / 10_000
    p, contracts = Decimal(price) / 10_000, Decimal(count) / 100
    unit = Decimal(terms.increment) / 1_000_000
    return (rate * contracts * p * (1 - p) / unit).to_integral_value(ROUND_CEILING) * unit


@given(terms_sets, prices, counts, st.booleans())
def test_the_trade_fee_is_the_schedules_formula(terms: FeeTerms, price: int, count: int, is_taker: bool) -> None:
    assert Decimal(trade_fee(terms, price, count, is_taker)) / 1_000_000 == reference(terms, price, count, is_taker)


@given(terms_sets, prices, counts, st.booleans(), st.booleans(), st.integers(0, 30_000))
def test_the_balance_moves_by_whole_steps_after_rounding_and_refund(
    terms: FeeTerms, price: int, count: int, is_taker: bool, is_bid: bool, accumulated: int
) -> None:
    revenue = -price * count if is_bid else price * count
    fee, kept = fill_fee(terms, price, count, is_taker, revenue, accumulated)
    step = Decimal(terms.precision)
    trade = reference(terms, price, count, is_taker) * 1_000_000
    aligned = ((revenue - trade) / step).to_integral_value(ROUND_FLOOR) * step
    refund = revenue - fee - aligned
    assert (revenue - fee) % terms.precision == 0
    assert refund >= 0
    assert refund % 10_000 == 0
    assert kept == accumulated + (revenue - trade - aligned) - refund


@given(terms_sets, prices, counts, st.booleans())
def test_no_fill_is_charged_less_than_nothing(terms: FeeTerms, price: int, count: int, is_taker: bool) -> None:
    fee, kept = fill_fee(terms, price, count, is_taker, -price * count, 29_999)
    assert fee >= 0
    assert kept >= 0


@given(st.lists(st.tuples(prices, st.integers(1, 500)), min_size=1, max_size=40))
def test_an_order_keeps_a_cent_only_while_a_fill_is_charged_less(fills: list[tuple[int, int]]) -> None:
    terms, kept, trades, paid = FeeTerms(precision=10_000), Money(0), 0, 0
    for price, count in fills:
        fee, kept = fill_fee(terms, price, count, True, -price * count, kept)
        trades += trade_fee(terms, price, count)
        paid += fee
        assert min(kept, fee) < 10_000
    assert paid == trades + kept


def test_collected_rounding_comes_back_as_a_whole_cent() -> None:
    fee, kept = fill_fee(CENTS, 550, CONTRACT, True, -55_000, accumulated=9_000)
    assert (fee, kept) == (money_from_text("0.005"), 10_361)
    # trade fee 0.017499, balance from -0.522499 to -0.53: 0.007501 more is collected, and 0.01 comes back
    assert fill_fee(CENTS, 5_050, CONTRACT, True, -505_000, kept) == (money_from_text("0.015"), 7_862)


# What must hold ------------------------------------------------------------------------------------------


@given(terms_sets, prices, counts, st.booleans())
def test_both_sides_of_a_trade_pay_the_same(terms: FeeTerms, price: int, count: int, is_taker: bool) -> None:
    assert trade_fee(terms, price, count, is_taker) == trade_fee(terms, 10_000 - price, count, is_taker)


@given(terms_sets, prices, counts, counts)
def test_one_fill_never_costs_more_than_two(terms: FeeTerms, price: int, one: int, other: int) -> None:
    assert trade_fee(terms, price, one + other) <= trade_fee(terms, price, one) + trade_fee(terms, price, other)


@given(prices, counts)
def test_a_maker_pays_nothing_by_default(price: int, count: int) -> None:
    assert trade_fee(DIRECT, price, count, is_taker=False) == 0


@given(terms_sets, prices, counts)
def test_the_fast_fee_is_the_exact_one_of_a_single_fill(terms: FeeTerms, price: int, count: int) -> None:
    trade = trade_fee(terms, price, count)
    rounding = (-price * count - trade) % terms.precision
    assert fee_per_contract(terms, price, count) * count / CONTRACT * 1_000_000 == pytest.approx(trade + rounding)


@given(terms_sets, st.lists(st.tuples(prices, st.integers(1, 100)), min_size=1, max_size=30), st.booleans())
def test_the_reserve_covers_any_fills_at_or_below_the_limit(
    terms: FeeTerms, fills: list[tuple[int, int]], is_taker: bool
) -> None:
    limit, total = max(price for price, _ in fills), len(fills) * CONTRACT
    spent, kept = 0, Money(0)
    for price, contracts_hundredths in fills:
        fee, kept = fill_fee(terms, price, contracts_hundredths, is_taker, -price * contracts_hundredths, kept)
        spent += price * contracts_hundredths + fee
    filled = sum(count for _, count in fills)
    assert spent <= limit * filled + worst_fee(terms, limit, total, is_taker)
