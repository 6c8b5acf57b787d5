"""One look at the exchange's own books: what is asked, in which order, and how the answers are put together."""

import time
from collections.abc import Callable, Iterable

from markets.core.units import SECOND_NS
from markets.kalshi.messages_account import Balance, WireFill, WireOrder, WirePosition, WireSettlement
from markets.kalshi.rest_sync import KalshiRestSync
from trading.core.venue import VenueState
from trading.gateways import values
from trading.gateways.wire import Wire


async def read_venue(wire: Wire, since_ns: int, *, clock: Callable[[], int] = time.time_ns) -> VenueState:
    """Cash first and fills last: an order is then never told with more filled than the fills tell, but for their lag.
    One after the other, for a look is never urgent. Raises KalshiError."""
    asked_ns, since_s = clock(), since_ns // SECOND_NS
    balance = await wire.balance()
    positions = await wire.positions()
    settlements = await wire.settlements(min_ts=since_s)
    resting = await wire.orders(status="resting")
    orders = await wire.orders(min_ts=since_s)
    fills = await wire.fills(min_ts=since_s)
    look = _Look(balance, positions, settlements, [*resting, *orders], fills)
    return look.state(asked_ns, clock(), since_s * SECOND_NS)


def read_venue_sync(rest: KalshiRestSync, since_ns: int, *, clock: Callable[[], int] = time.time_ns) -> VenueState:
    """The same for code without an event loop. Raises KalshiError."""
    asked_ns, since_s = clock(), since_ns // SECOND_NS
    balance = rest.balance()
    positions = rest.positions()
    settlements = rest.settlements(min_ts=since_s)
    resting = rest.orders(status="resting")
    orders = rest.orders(min_ts=since_s)
    fills = rest.fills(min_ts=since_s)
    look = _Look(balance, positions, settlements, [*resting, *orders], fills)
    return look.state(asked_ns, clock(), since_s * SECOND_NS)


class _Look:
    def __init__(
        self,
        balance: Balance,
        positions: Iterable[WirePosition],
        settlements: Iterable[WireSettlement],
        orders: Iterable[WireOrder],
        fills: Iterable[WireFill],
    ) -> None:
        self.balance, self.positions, self.settlements = balance, positions, settlements
        self.orders, self.fills = orders, fills

    def state(self, asked_ns: int, received_ns: int, since_ns: int) -> VenueState:
        """Of an order that was told twice the later word counts."""
        told = [order for row in self.orders if (order := values.order_of(row)) is not None]
        return VenueState(
            asked_ns,
            received_ns,
            since_ns,
            tuple({order.order_id: order for order in told}.values()),
            tuple({fill.trade_id: values.fill_of(fill) for fill in self.fills}.values()),
            tuple(values.position_of(position) for position in self.positions),
            tuple(values.settlement_of(settlement) for settlement in self.settlements),
            tuple(sorted(self.balance.by_shard.items())),
        )
