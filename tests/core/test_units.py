"""Exact integers: there and back without a rounding, and no text that is nearly a number."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import (
    PRICE_DOLLAR,
    Count,
    Price,
    complement,
    cost,
    count_from_text,
    count_text,
    money_from_text,
    money_text,
    price_from_text,
    price_text,
)

UNITS = [
    pytest.param(price_from_text, price_text, 4, id="price"),
    pytest.param(count_from_text, count_text, 2, id="count"),
    pytest.param(money_from_text, money_text, 6, id="money"),
]
Reader = Callable[[str], int]
Writer = Callable[[int], str]
integers = st.integers(-(10**18), 10**18)


@pytest.mark.parametrize(("read", "write", "decimals"), UNITS)
@given(integers)
def test_what_is_written_is_read_back(read: Reader, write: Writer, decimals: int, value: int) -> None:
    assert read(write(value)) == value


@pytest.mark.parametrize(("read", "write", "decimals"), UNITS)
@given(integers)
def test_the_text_is_the_decimal_number(read: Reader, write: Writer, decimals: int, value: int) -> None:
    assert Decimal(write(value)) == Decimal(value).scaleb(-decimals)


@pytest.mark.parametrize(("read", "write", "decimals"), UNITS)
@given(st.integers(-(10**9), 10**9), st.integers(0, 8))
def test_a_decimal_of_any_length_is_read_exactly_or_refused(
    read: Reader, write: Writer, decimals: int, value: int, places: int
) -> None:
    number = Decimal(value).scaleb(-places)
    scaled = number.scaleb(decimals)
    if scaled == scaled.to_integral_value():
        assert read(f"{number:f}") == scaled
    else:
        with pytest.raises(ValueError, match="decimals"):
            read(f"{number:f}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.5600", 5_600), ("0.56", 5_600), ("1", 10_000), (".5", 5_000), ("0", 0), ("-0.01", -100), ("+0.01", 100)],
)
def test_a_price_reads_as_written(text: str, expected: int) -> None:
    assert price_from_text(text) == expected


@pytest.mark.parametrize("read", [price_from_text, count_from_text, money_from_text])
@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "-",
        "1.",
        "1e3",
        "0x10",
        "1,5",
        "1_0",
        " 1",
        "1 ",
        "--1",
        "nan",
        "inf",
        "1.2.3",
        "\u0661",
        "\u00bd",
        "0.1\u0662",
        "+-1",
    ],
)
def test_what_is_no_plain_decimal_is_refused(read: Reader, text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize(
    ("text", "read"), [("0.56001", price_from_text), ("1.001", count_from_text), ("0.0000001", money_from_text)]
)
def test_more_decimals_than_the_unit_has_are_refused(text: str, read: Reader) -> None:
    with pytest.raises(ValueError, match="decimals"):
        read(text)


def test_texts_have_all_their_decimals() -> None:
    assert (price_text(5_600), count_text(2_687), money_text(15_047_200)) == ("0.5600", "26.87", "15.047200")
    assert (price_text(-1), count_text(0), money_text(-1_000_000)) == ("-0.0001", "0.00", "-1.000000")


@given(st.integers(0, PRICE_DOLLAR), st.integers(0, 10**9))
def test_both_sides_of_a_contract_cost_a_dollar_together(price: int, count: int) -> None:
    yes, no = cost(Price(price), Count(count)), cost(complement(Price(price)), Count(count))
    assert yes + no == count * PRICE_DOLLAR


@given(st.integers(0, PRICE_DOLLAR), st.integers(0, 10**9))
def test_price_times_count_is_money_exactly(price: int, count: int) -> None:
    dollars = Decimal(price_text(price)) * Decimal(count_text(count))
    assert Decimal(money_text(cost(Price(price), Count(count)))) == dollars
