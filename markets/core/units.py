"""Price, Count, Money as exact integers; to and from dollar strings."""

from typing import NewType

Price = NewType("Price", int)  # 1/10 000 dollar: "0.5600" is 5600
Count = NewType("Count", int)  # 1/100 contract: "26.87" is 2687
Money = NewType("Money", int)  # 1/1 000 000 dollar: price times count, exactly

PRICE_DOLLAR = Price(10_000)
CONTRACT = Count(100)
DOLLAR = Money(1_000_000)

SECOND_NS = 1_000_000_000
MILLISECOND_NS = 1_000_000
DAY_NS = 86_400 * SECOND_NS
YEAR_S = 365 * 86_400  # volatility and drift are by this year
PRICELESS = 1e15  # dollars of a coin or an index: from here on a number is no price, and sums of prices stay numbers


def cost(price: Price, count: Count) -> Money:
    """What `count` contracts cost at `price`: exact, because 1/10 000 x 1/100 = 1/1 000 000."""
    return Money(price * count)


def complement(price: Price) -> Price:
    """The price of the other side: NO costs a dollar less YES."""
    return Price(PRICE_DOLLAR - price)


def price_from_text(text: str) -> Price:
    """ "0.5600" -> 5600. Raises ValueError on more than four decimals."""
    return Price(_scaled(text, 4))


def count_from_text(text: str) -> Count:
    """ "26.87" -> 2687. Raises ValueError on more than two decimals."""
    return Count(_scaled(text, 2))


def money_from_text(text: str) -> Money:
    """ "15.0472" -> 15047200. Raises ValueError on more than six decimals."""
    return Money(_scaled(text, 6))


def price_text(price: int) -> str:
    """5600 -> "0.5600"."""
    return _text(price, 4)


def count_text(count: int) -> str:
    """2687 -> "26.87"."""
    return _text(count, 2)


def money_text(money: int) -> str:
    """15047200 -> "15.047200"."""
    return _text(money, 6)


def _scaled(text: str, decimals: int) -> int:
    sign = -1 if text.startswith("-") else 1
    whole, point, fraction = (text[1:] if text[:1] in ("+", "-") else text).partition(".")
    digits = fraction.rstrip("0")
    valid = (whole + fraction).isdecimal() and whole.isascii() and fraction.isascii()
    if not valid or len(digits) > decimals or (point and not fraction):
        raise ValueError(f"{text!r} is not a decimal number with at most {decimals} decimals")
    return sign * int((whole or "0") + digits.ljust(decimals, "0"))


def _text(value: int, decimals: int) -> str:
    sign = "-" if value < 0 else ""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
