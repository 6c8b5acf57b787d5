"""WorkingOrder: one order of ours that may still trade, and what that may cost at worst."""

from typing import Literal

from markets.core.contract import FeeTerms
from markets.core.units import PRICE_DOLLAR
from trading.core.arithmetic import added, closing_count
from trading.core.decision import AmendOrder, PlaceOrder
from trading.core.events import HeldOrder
from trading.core.fees import worst_fee

State = Literal["sent", "working", "unknown"]
Part = tuple[int, int, int]  # what a contract of its own side costs, how many may still trade, their fees at worst


class WorkingOrder:
    """One order that may still trade. `amend` and `is_cancelling` are what is in flight for it, or without an answer:
    until that is answered the order counts at the worse of what it was and what it may have become."""

    __slots__ = (
        *("amend", "asked_ns", "close_ns", "count", "expires_ns", "fees", "filled", "is_bid", "is_cancelling"),
        *("is_disowned", "is_post_only", "number", "price", "rests", "retry_ns", "state", "ticker", "venue_order_id"),
    )

    def __init__(self, order: PlaceOrder | HeldOrder, close_ns: int, fees: FeeTerms, now_ns: int) -> None:
        self.number = order.number
        self.ticker = order.ticker
        self.is_bid = order.is_bid
        self.price = order.price
        self.count = order.count
        self.expires_ns = order.expires_ns
        self.rests = order.rests
        self.is_post_only = isinstance(order, PlaceOrder) and order.is_post_only
        self.filled = 0
        self.state: State = "sent"
        self.venue_order_id = ""
        self.amend: AmendOrder | None = None
        self.is_cancelling = False
        self.is_disowned = False  # nobody wants it any more
        self.retry_ns = 0  # nothing is asked before this: something was refused
        self.asked_ns = now_ns  # when anything was asked of the exchange for it last
        self.close_ns = close_ns
        self.fees = fees

    @property
    def left(self) -> int:
        """How many contracts may still trade, at worst."""
        count = self.count if self.amend is None else max(self.count, self.amend.count)
        return max(count - self.filled, 0)

    @property
    def is_quiet(self) -> bool:
        """It works, and nothing is in flight for it: something may be asked."""
        return self.state == "working" and self.amend is None and not self.is_cancelling

    def prices(self) -> tuple[int, ...]:
        """The YES prices that it may have now."""
        return (self.price,) if self.amend is None else (self.price, self.amend.price)

    def part(self) -> Part:
        """What it may still cost: at the worst of its prices, with all that may be left."""
        return part(self.is_bid, self.prices(), self.left, self.fees, is_taker=not self.is_post_only)


def part(is_bid: bool, prices: tuple[int, ...], left: int, fees: FeeTerms, *, is_taker: bool) -> Part:
    """What `left` contracts at one of these YES prices may cost: of their own side, at worst, with all fees."""
    if len(prices) == 1:
        return part_at(is_bid, prices[0], left, fees, is_taker=is_taker)
    parts = [part_at(is_bid, price, left, fees, is_taker=is_taker) for price in prices]
    return max(own for own, _, _ in parts), left, max(fee for _, _, fee in parts)


def part_at(is_bid: bool, price: int, left: int, fees: FeeTerms, *, is_taker: bool) -> Part:
    """The same at one YES price."""
    own = price if is_bid else PRICE_DOLLAR - price
    return own, left, worst_fee(fees, own, left, is_taker) if left else 0


def worst_of(position: int, is_bid: bool, parts: list[Part]) -> tuple[int, int]:
    """(Money, contracts) that the orders of one side may add to what `position` may lose, and to the contracts that are
    open. What closes the position adds its fee alone; several orders share what is there to close, and the dearest are
    the ones that open."""
    closing = closing_count(position, is_bid)
    if len(parts) == 1:
        return added(*parts[0], closing)
    money = opens = 0
    for own, left, fee in sorted(parts):
        more, opening = added(own, left, fee, closing)
        closing -= left - opening
        money += more
        opens += opening
    return money, opens


def crosses(is_bid: bool, price: int, other: WorkingOrder) -> bool:
    """Whether an order at this YES price would trade with that order of ours, at any price that it may have now."""
    if other.is_bid == is_bid:
        return False
    return price >= min(other.prices()) if is_bid else price <= max(other.prices())
