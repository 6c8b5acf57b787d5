"""Our side of the account at an exchange: orders, trade ids, positions, cash by shard, as the account events tell them.

It hears the same events as the engine and books them by itself, so that what is compared with the exchange is what we
were told, not what we made of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from trading.core import events
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.portfolio import Position

OrderState = Literal["sent", "unknown", "working"]


class OurOrder(NamedTuple):
    """An order of ours that has not ended, as we know it. `changing`: a cancel or an amend of it is on its way."""

    number: int
    client_id: str
    ticker: str
    is_bid: bool
    price: int
    count: int
    filled: int
    state: OrderState
    venue_order_id: str = ""
    sent_ns: int = 0
    expires_ns: int = 0
    changing: bool = False
    heard_ns: int = 0  # when it was last heard of, or something of it was sent


class Ours(NamedTuple):
    """What we believe of the account. Counts signed (+ YES, - NO), cash is Money by shard, reserves not taken off.

    `numbers` are all ids that are recognised as ours, those of the next thousand orders included; `last_number` is the
    last one that we know to have used.
    """

    orders: Mapping[int, OurOrder]
    numbers: Mapping[str, int]
    last_number: int
    venue_ids: Mapping[str, int]  # the exchange's ids of orders of ours, ended ones too
    trade_ids: frozenset[str] | set[str]
    positions: Mapping[str, int]
    settled: Mapping[str, int]  # ticker to the count that was paid out
    cash: Mapping[int, int]
    costs: Mapping[str, int] = {}  # what the open contracts cost
    is_new: bool = False  # the account has no movement yet: its opening cash is what the exchange says


class OurSide:
    """Feed it every command and every account event, in order; `ours` is what follows from them."""

    def __init__(self, start: Ours) -> None:
        self._orders = dict(start.orders)
        self._numbers = start.numbers
        self._last_number = start.last_number
        self._venue_ids = dict(start.venue_ids)
        self._trade_ids = set(start.trade_ids)
        self._positions: dict[str, Position] = {}
        self._settled = dict(start.settled)
        self._cash = dict(start.cash)
        self.is_new = start.is_new
