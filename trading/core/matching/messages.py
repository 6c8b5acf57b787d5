"""What the matching exchange is told, what it refuses, and what happened in it. Integers as everywhere: Price, Count, Money."""

from typing import Literal

from markets.core.events import Message

TimeInForce = Literal["good_till_canceled", "immediate_or_cancel", "fill_or_kill"]
SelfTrade = Literal["taker_at_cross", "maker"]
OrderStatus = Literal["resting", "canceled", "executed"]
# Why an order changed last, in the exchange's own words.
Cause = Literal[
    "",
    "Trade",
    "Amend",
    "Decrease",
    "Cancel",
    "ExpiryCancel",
    "CloseCancel",
    "HaltCancel",
    "SelfTradeCancel",
    "PostOnlyCrossCancel",
    "ReduceOnlyCancel",
    "GroupCancel",
]


class Refusal(Exception):
    """The exchange does not do what was asked; nothing has changed. `code` is its own word, as in its API."""

    def __init__(self, code: str, details: str = "") -> None:
        super().__init__(f"{code}: {details}" if details else code)
        self.code = code
        self.details = details


class NewOrder(Message, frozen=True):
    """An order to buy (`is_bid`) or sell YES at the YES price `price` or better.

    `expires_ns` 0 is never; `group` 0 is none. `account` is whose it is, `subaccount` which of its pockets pays.
    """

    account: int
    ticker: str
    client_id: str
    is_bid: bool
    price: int
    count: int
    time_in_force: TimeInForce = "good_till_canceled"
    self_trade: SelfTrade = "taker_at_cross"
    expires_ns: int = 0
    is_post_only: bool = False
    is_reduce_only: bool = False
    is_cancelled_on_pause: bool = False
    group: int = 0
    subaccount: int = 0


class OrderState(Message, frozen=True):
    """An order as it is at one moment. Costs and fees are Money, of its fills as taker and as maker.

    `opening_cost` of a fill is what the bought side cost: price for YES, a dollar less the price for NO.
    """

    number: int
    order: NewOrder
    shard: int
    status: OrderStatus
    price: int
    initial: int
    filled: int
    remaining: int
    taker_cost: int
    maker_cost: int
    taker_fees: int
    maker_fees: int
    expires_ns: int
    created_ns: int
    updated_ns: int
    cause: Cause = ""
    client_id: str = ""  # as amended


class Amended(Message, frozen=True):
    """An order after an amend. `filled` and `remaining` are None when it neither traded nor changed in size;
    `cost` (of the bought side) and `fees` are Money of the fills that the amend itself made."""

    state: OrderState
    filled: int | None
    remaining: int | None
    cost: int = 0
    fees: int = 0


class HeldState(Message, frozen=True):
    """What one pocket holds in one market: + YES, - NO; `cost` is of what is open, the rest since it was opened."""

    account: int
    subaccount: int
    ticker: str
    shard: int
    count: int
    cost: int
    realised: int
    fees: int
    traded: int
    updated_ns: int


class GroupState(Message, frozen=True):
    """An order group as it is at one moment; `matched` is of the last 15 seconds, `orders` those that rest."""

    group: int
    account: int
    subaccount: int
    shard: int
    limit: int
    matched: int
    is_triggered: bool
    orders: tuple[int, ...]


class OrderChanged(Message, frozen=True):
    """An order was accepted, traded, amended, or ended: this is what it is now."""

    at_ns: int
    state: OrderState


class Filled(Message, frozen=True):
    """One side of a trade, of an account that is known. `fee` is all that this fill was charged (may be a refund)."""

    at_ns: int
    trade: int
    order: int
    account: int
    subaccount: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    fee: int
    is_taker: bool
    position_after: int


class Traded(Message, frozen=True):
    """A public trade, made by orders here (the crowd's own trades are told by its source)."""

    at_ns: int
    trade: int
    ticker: str
    price: int
    count: int
    is_taker_bid: bool


class Quoted(Message, frozen=True):
    """The displayed count at one price of one ladder changed by `change`; the price is in YES-bid or NO-bid terms.
    `order` is whose doing it was, 0 for the crowd's."""

    at_ns: int
    ticker: str
    is_yes: bool
    price: int
    change: int
    order: int = 0


class PositionChanged(Message, frozen=True):
    """What an account holds in a market: + YES, - NO; money as the exchange accounts for it."""

    at_ns: int
    account: int
    subaccount: int
    ticker: str
    count: int
    cost: int
    realised: int
    fees: int
    traded: int  # contracts bought and sold so far


class GroupChanged(Message, frozen=True):
    """An order group was made, used up, reset, given another limit, or ended."""

    at_ns: int
    account: int
    group: int
    what: Literal["created", "triggered", "reset", "deleted", "limit_updated"]
    limit: int


class PaidOut(Message, frozen=True):
    """A market settled: `payout` is what the account received for the `count` it held, cost and fees as they were."""

    at_ns: int
    account: int
    subaccount: int
    ticker: str
    result: Literal["yes", "no", "scalar"]
    yes_pays: int
    count: int
    cost: int
    fees: int
    payout: int


Happening = OrderChanged | Filled | Traded | Quoted | PositionChanged | GroupChanged | PaidOut
