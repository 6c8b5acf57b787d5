"""The fee of an order under given fee terms: exact integers, rounded as the exchange rounds."""

from markets.core.contract import FeeTerms
from markets.core.units import CONTRACT, PRICE_DOLLAR, Money

_CENT = 10_000  # in Money; what a rounding refund is paid in
_SCALE = 100_000_000  # rate x count x price x (1 - price) in their integer units, to Money


def trade_fee(terms: FeeTerms, price: int, count: int, is_taker: bool = True) -> Money:
    """rate x contracts x p x (1 - p), rounded up to the increment. YES and NO price give the same."""
    rate = terms.taker_rate if is_taker else terms.maker_rate
    exact = rate * count * price * (PRICE_DOLLAR - price)
    unit = _SCALE * terms.increment
    return Money(-(-exact // unit) * terms.increment)


def fill_fee(  # noqa: PLR0917  (numbers in, numbers out: compiled callers cannot name arguments)
    terms: FeeTerms, price: int, count: int, is_taker: bool, revenue: int, accumulated: int = 0
) -> tuple[Money, Money]:
    """(all that one fill is charged, what its order's rounding account then holds).

    `revenue` is the cash of the fill before fees, negative for a purchase. The balance changes by a multiple of
    the precision, rounded down; what that took is kept per order, and given back in whole cents.
    """
    trade = trade_fee(terms, price, count, is_taker)
    rounding = (revenue - trade) % terms.precision
    accumulated += rounding
    refund = min(accumulated, trade + rounding) // _CENT * _CENT
    return Money(trade + rounding - refund), Money(accumulated - refund)


def fee_per_contract(terms: FeeTerms, price: int, count: int = CONTRACT, is_taker: bool = True) -> float:
    """Dollars a contract for `count` bought in one fill, `price` being that of the side that is bought."""
    trade = trade_fee(terms, price, count, is_taker)
    return (trade + (-price * count - trade) % terms.precision) / (count * 10_000)


def worst_fee(terms: FeeTerms, price: int, count: int, is_taker: bool = True) -> Money:
    """What to reserve beside the price for an order with this limit: as many fills as contracts, each rounded up.

    A better price may carry a higher fee, but price and fee together then cost less than at the limit.
    """
    fills = -(-count // CONTRACT)
    rate = terms.taker_rate if is_taker else terms.maker_rate
    roundings = fills * (terms.precision + (terms.increment if rate else 0))
    return Money(trade_fee(terms, price, count, is_taker) + roundings)
