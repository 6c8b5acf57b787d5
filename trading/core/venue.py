"""What an exchange says of our account when it is asked, or tells by itself: plain values in our units, YES terms."""

from typing import Literal

from markets.core.events import Message

VenueStatus = Literal["resting", "canceled", "executed"]


class VenueOrder(Message, frozen=True):
    """An order as the exchange has it. `resting` may be partly filled; `canceled` may carry fills: see `filled`."""

    order_id: str
    client_id: str
    ticker: str
    is_bid: bool
    price: int
    status: VenueStatus
    filled: int
    remaining: int
    initial: int
    created_ns: int = 0
    updated_ns: int = 0
    expires_ns: int = 0
    reason: str = ""
    group: str = ""
    shard: int = 0


class VenueFill(Message, frozen=True):
    """One fill at its YES price. `client_id` is empty where the exchange tells the order by its own id only."""

    trade_id: str
    order_id: str
    ticker: str
    is_bid: bool
    price: int
    count: int
    fee: int
    is_taker: bool
    at_ns: int = 0
    client_id: str = ""
    shard: int = 0


class VenuePosition(Message, frozen=True):
    """What is held in one market: + YES, - NO. Reads lag fills by about a second."""

    ticker: str
    count: int
    realised: int | None = None
    fees: int | None = None
    exposure: int | None = None
    shard: int = 0


class VenueSettlement(Message, frozen=True):
    """How a market was settled for us. `yes_pays` is a Price; `count` what was held, signed."""

    ticker: str
    result: str
    yes_pays: int | None
    count: int
    payout: int
    settled_ns: int = 0
    shard: int = 0


class VenueState(Message, frozen=True):
    """One look at the exchange's own books. `asked_ns` is before the first question, `received_ns` after the last
    answer: what happened between may be in one answer and not in another. Orders, fills and settlements are those since
    `since_ns`, orders that rest all of them; cash is by shard (Money)."""

    asked_ns: int
    received_ns: int
    since_ns: int
    orders: tuple[VenueOrder, ...] = ()
    fills: tuple[VenueFill, ...] = ()
    positions: tuple[VenuePosition, ...] = ()
    settlements: tuple[VenueSettlement, ...] = ()
    cash: tuple[tuple[int, int], ...] = ()
