"""What we believe after hearing the market, what a side costs with its fee, and what is left (pricing notes, section 7)."""

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from markets.core.book import OrderBook
from markets.core.contract import FeeTerms
from markets.core.events import Level
from markets.core.units import CONTRACT, PRICE_DOLLAR
from trading.core.arithmetic import all_in
from trading.core.calibration import pooled
from trading.core.fees import fee_per_contract, fill_fee
from trading.core.fitted import Fitted, PoolingWeight, Under, applying
from trading.core.market import Pricing
from trading.core.parameters import Parameters

_pooled = lru_cache(maxsize=8_192)(pooled)  # books change far more often than their middle or our price


class Belief(msgspec.Struct, frozen=True, gc=False):
    """p* and what it was made of (section 7.4): what is gated and sized on.

    `market` is None where the book has no opinion; p* is then our own. `is_measurable` is False where past windows
    show that ours adds nothing. `version` is that of the fitted weight, 0 where none is in force.
    """

    pooled: float
    market: float | None
    weight: float
    is_measurable: bool = True
    version: int = 0


class Cost(msgspec.Struct, frozen=True, gc=False):
    """What `size` contracts of a side cost, in dollars a contract: price and fee, and `net` with the slippage that is
    allowed for as well: what the contract has to be worth to break even."""

    size: int
    price: float
    fee: float
    net: float


def market_mid(book: OrderBook) -> float | None:
    """The market's own probability of YES: the middle of bid and ask. None for a book that is one-sided or crossed.

    The middle and not the micro-price: sizes at the best prices are free to show and free to take away, and the
    weights are fitted on records of the middle.
    """
    bid, ask = book.bid, book.ask
    return (bid + ask) / (2 * PRICE_DOLLAR) if 0 < bid < ask < PRICE_DOLLAR else None


def belief(  # noqa: PLR0917  (asked from three places with the same seven)
    pricing: Pricing,
    book: OrderBook,
    parameters: Parameters,
    fitted: Fitted,
    asset: str,
    seconds_left: float,
    now_ns: int,
) -> Belief:
    """logit p* = logit m + w (logit p - logit m), p after its calibration map and m the market's middle (section 7.4)."""
    p, market = pricing.calibrated, market_mid(book)
    if parameters.pooling == "off":
        return Belief(p, market, 1.0)
    found = weight_of(fitted, parameters, asset, seconds_left, now_ns, under=pricing.under)
    weight = found.used if found else parameters.pooling_weight
    return Belief(
        p if market is None else _pooled(p, market, weight),
        market,
        weight,
        found is None or found.is_positive,
        found.version if found else 0,
    )


def weight_of(
    fitted: Fitted, parameters: Parameters, asset: str, seconds_left: float, now_ns: int, *, under: Under
) -> PoolingWeight | None:
    """The fitted weight in force: of those that saw enough windows, all of them before now, with our probabilities made
    `under` the same kinds of artefacts as the one that is weighed."""
    if not fitted.pooling:
        return None
    least = parameters.pooling_windows
    fit = (each for each in fitted.pooling if each.windows >= least and each.under == under)
    return applying(fit, asset, seconds_left, now_ns)


def cost(  # noqa: PLR0917  (a book, its terms, and an order)
    book: OrderBook, terms: FeeTerms, is_bid: bool, count: int, limit: int | None = None, slippage: float = 0.0
) -> Cost | None:
    """What it costs to take `count` of YES (`is_bid`) or of NO now: the volume-weighted price of walking the book, the
    fee of those fills, the slippage (section 7.2). Nothing beyond the YES price `limit` is taken; `size` of the answer
    is what there was. None when that is nothing."""
    best = book.ask if is_bid else PRICE_DOLLAR - book.bid
    shown = book.count_at_ask() if is_bid else book.count_at_bid()
    is_within = limit is None or (book.ask <= limit if is_bid else book.bid >= limit)
    if shown >= count > 0 and is_within:
        return at_one_price(terms, best, count, slippage)
    fills = [(price if is_bid else PRICE_DOLLAR - price, size) for price, size in walk(book, is_bid, count, limit)]
    taken = sum(size for _, size in fills)
    if not taken:
        return None
    own = sum(price * size for price, size in fills) / taken / PRICE_DOLLAR
    fee = _fees(terms, fills, -1) / (taken * PRICE_DOLLAR)
    return Cost(taken, own, fee, all_in(own, fee, slippage))


@lru_cache(maxsize=8_192)  # asked at every tick, of few prices and sizes
def at_one_price(terms: FeeTerms, price: int, count: int, slippage: float) -> Cost:
    """What `count` contracts of a side cost at its own `price`, all of them in one fill."""
    own, fee = price / PRICE_DOLLAR, fee_per_contract(terms, price, count)
    return Cost(count, own, fee, all_in(own, fee, slippage))


def proceeds(book: OrderBook, terms: FeeTerms, position: int, limit: int | None = None) -> float | None:
    """What selling a position brings now (+ YES at the bids, - NO at what YES is asked for), in dollars a contract after
    the fee. Nothing beyond the YES price `limit` is sold. None when nobody buys."""
    is_bid = position < 0
    walked = walk(book, is_bid, abs(position), limit)
    fills = [(PRICE_DOLLAR - price if is_bid else price, size) for price, size in walked]
    sold = sum(size for _, size in fills)
    if not sold:
        return None
    got = sum(price * size for price, size in fills)
    return (got - _fees(terms, fills, 1)) / (sold * PRICE_DOLLAR)


def walk(book: OrderBook, is_bid: bool, count: int, limit: int | None = None) -> Iterator[Level]:
    """The fills (YES price, count) that an order to buy or sell `count` of YES meets, best first, none beyond `limit`."""
    for price, shown in book.asks() if is_bid else book.bids():
        if count <= 0 or (limit is not None and (price > limit if is_bid else price < limit)):
            return
        size = min(shown, count)
        count -= size
        yield price, size


def edge(p: float, spent: Cost, *, is_gross: bool = False) -> float:
    """Dollars a contract that a side is worth more than it costs: `p` is the probability of that side (section 7.2).
    Gross is before the fee and the slippage."""
    return p - (spent.price if is_gross else spent.net)


def raw_edge(p: float, market: float | None) -> float | None:
    """Our probability of YES less the market's: no cost in it, and nothing to trade on."""
    return None if market is None else p - market


def breaks_even_at(terms: FeeTerms, price: int, count: int = CONTRACT) -> float:
    """The probability at which a side bought at `price` (its own) neither wins nor loses (section 7.1)."""
    return price / PRICE_DOLLAR + fee_per_contract(terms, price, count)


def _fees(terms: FeeTerms, fills: list[Level], sign: int) -> int:
    """Money: the fees of one order's fills, with the account that the exchange keeps of its roundings."""
    total, accumulated = 0, 0
    for price, size in fills:
        fee, accumulated = fill_fee(terms, price, size, True, sign * price * size, accumulated)
        total += fee
    return total
