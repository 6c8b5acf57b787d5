"""An exchange in a few lines, for what is compared with it: orders, fills, payouts, cash. Every event that it tells us can be lost."""

from dataclasses import dataclass, field

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import DOLLAR, PRICE_DOLLAR, SECOND_NS
from trading.core import events
from trading.core.decision import PlaceOrder
from trading.core.our_side import Ours, OurSide
from trading.core.portfolio import Position
from trading.core.venue import VenueFill, VenueOrder, VenuePosition, VenueSettlement, VenueState

SHARD = 2
START_NS = 1_795_366_800 * SECOND_NS


def id_of(number: int) -> str:
    return f"mine-{number}"


@dataclass
class ToyAccount:
    """The truth of an account, and our side of it, which hears what is not lost."""

    cash: int = 1_000 * DOLLAR
    now_ns: int = START_NS
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    settlements: list[VenueSettlement] = field(default_factory=list)
    numbers: int = 0

    def __post_init__(self) -> None:
        self.side = OurSide(Ours(cash={SHARD: self.cash}), id_of)

    def tell(self, event: object, *, is_lost: bool) -> None:
        if not is_lost:
            self.side.hear(event)

    def place(
        self, ticker: str, *, is_bid: bool, price: int, count: int, lands: bool = True, is_lost: bool = False
    ) -> int:
        """An order of ours rests there; returns its number."""
        self.numbers += 1
        number = self.numbers
        self.side.commanded(PlaceOrder(number, ticker, is_bid, price, count, "good_till_canceled"), self.now_ns)
        if lands:
            self.land(id_of(number), ticker, is_bid=is_bid, price=price, count=count)
            self.tell(events.OrderAccepted(self.now_ns, ticker, number, f"v-{id_of(number)}"), is_lost=is_lost)
        if is_lost or not lands:
            self.side.hear(events.OrderUnknown(self.now_ns, ticker, number))
        return number

    def land(self, client_id: str, ticker: str, *, is_bid: bool, price: int, count: int) -> str:
        """An order rests there, whoever sent it; returns the exchange's id."""
        order_id = f"v-{client_id}"
        self.orders[order_id] = VenueOrder(
            order_id, client_id, ticker, is_bid, price, "resting", 0, count, count, self.now_ns, shard=SHARD
        )
        return order_id

    def fill(self, order_id: str, count: int, fee: int, *, number: int = 0, is_lost: bool = False) -> None:
        """Some of what rests trades."""
        order = self.orders[order_id]
        count = min(count, order.remaining)
        filled, remaining = order.filled + count, order.remaining - count
        status = order.status if remaining else "executed"
        self.orders[order_id] = _changed(order, filled=filled, remaining=remaining, status=status)
        trade_id = f"t{len(self.fills)}"
        self.fills.append(
            VenueFill(
                trade_id, order_id, order.ticker, order.is_bid, order.price, count, fee, True, self.now_ns, shard=SHARD
            )
        )
        position = self.positions.setdefault(order.ticker, Position(order.ticker))
        self.cash += position.trade(order.is_bid, order.price, count) - fee
        if number:
            told = events.Fill(
                self.now_ns, trade_id, order.ticker, number, order.is_bid, order.price, count, fee, evidence="venue", shard=SHARD
            )  # fmt: skip
            self.tell(told, is_lost=is_lost)

    def cancel(self, order_id: str, *, number: int = 0, is_lost: bool = False) -> None:
        """What rests of it is gone."""
        order = self.orders[order_id]
        self.orders[order_id] = _changed(order, status="canceled", remaining=0)
        if number:
            told = events.OrderCancelled(self.now_ns, order.ticker, number, order.remaining, "cancelled")
            self.tell(told, is_lost=is_lost)

    def settle(self, ticker: str, result: str, *, is_lost: bool = False) -> None:
        """The market pays; what rests in it is gone, which we are not told."""
        for order_id, order in self.orders.items():
            if order.ticker == ticker and order.status == "resting":
                self.orders[order_id] = _changed(order, status="canceled", remaining=0)
        position = self.positions.pop(ticker, Position(ticker))
        count = position.count
        payout = position.settle(result)
        self.cash += payout
        if not count:
            return
        self.settlements.append(VenueSettlement(ticker, result, None, count, payout, self.now_ns, SHARD))
        held = self.side.ours().positions.get(ticker, 0)  # what we know to have held is what we book
        if held:
            paid = payout_of(held, yes_pays_of(result))
            self.tell(events.Settled(self.now_ns, ticker, result, held, paid, shard=SHARD), is_lost=is_lost)  # type: ignore[arg-type]

    def state(self) -> VenueState:
        """A look at it; what rests holds cash back."""
        rests = [order for order in self.orders.values() if order.status == "resting"]
        held = sum((order.price if order.is_bid else PRICE_DOLLAR - order.price) * order.remaining for order in rests)
        positions = tuple(VenuePosition(one.ticker, one.count) for one in self.positions.values() if one.count)
        return VenueState(
            self.now_ns, self.now_ns, START_NS - SECOND_NS, tuple(self.orders.values()), tuple(self.fills), positions,
            tuple(self.settlements), ((SHARD, self.cash - held),),
        )  # fmt: skip


def _changed(order: VenueOrder, **changes: object) -> VenueOrder:
    values = {name: getattr(order, name) for name in order.__struct_fields__}
    return VenueOrder(**(values | changes))


__all__ = ["SHARD", "START_NS", "ToyAccount", "id_of"]
