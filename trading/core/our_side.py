"""Our side of the account at an exchange: orders, trade ids, positions, cash by shard, as the account events tell them.

It hears the same events as the engine and books them by itself, so that what is compared with the exchange is what we
were told, not what we made of it.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from markets.core.payout import payout_of, yes_pays_of
from markets.core.units import PRICE_DOLLAR
from trading.core import events
from trading.core.decision import AmendOrder, Command, PlaceOrder
from trading.core.portfolio import Position
from trading.core.postings import movement_of

OrderState = Literal["sent", "unknown", "working"]
Money = tuple[str, bool, int, int, int]  # of a fill: ticker, is_bid, price, count, fee

WORST_FEE = 200  # dollars / 10 000 a contract: more than any fee that a resting order reserves
WORST_ROUNDING = 10_000  # Money an order
KEPT_MOVES = 1_000
AHEAD = 1_000  # numbers after the last one that are recognised: a power cut may have cost their record


@dataclass(frozen=True, slots=True)
class OurOrder:
    """An order of ours that has not ended, as we know it. `changing`: a cancel or an amend of it is on its way.
    `left_ns` is when it left at the latest, `most` what an amend that was asked for may make of its count."""

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
    left_ns: int = 0
    most: int = 0

    @property
    def at_stake(self) -> int:
        """The most (Money) by which it may change the cash, whatever becomes of it."""
        return at_stake(max(self.count, self.most) - self.filled)


class Ours(NamedTuple):
    """What we believe of the account. Counts signed (+ YES, - NO), cash is Money by shard, reserves not taken off.

    `numbers` are all ids that are recognised as ours, those of the next thousand orders included; `last_number` is the
    last one that we know to have used. `trade_ids` are the fills booked, with their money where it is known.
    `moved_ns` is when money last moved, by market ("": anywhere); `moves` are the last times at which it did, or at which
    an order held nothing back any more, each with the most (Money) that this may be.
    """

    orders: Mapping[int, OurOrder] = {}
    numbers: Mapping[str, int] = {}
    last_number: int = 0
    venue_ids: Mapping[str, int] = {}  # the exchange's ids of orders of ours, ended ones too
    trade_ids: Mapping[str, Money | None] = {}
    positions: Mapping[str, int] = {}
    settled: Mapping[str, int] = {}  # by ticker the count that was paid out
    worth: Mapping[str, int] = {}  # by ticker what a YES contract of those paid
    cash: Mapping[int, int] = {}
    moved_ns: Mapping[str, int] = {}
    moves: tuple[tuple[int, int], ...] = ()
    is_new: bool = False  # the account has no movement yet: its opening cash is what the exchange says


class OurSide:
    """Feed it every command and every account event, in order; `ours` is what follows from them."""

    def __init__(self, start: Ours, id_of: Callable[[int], str]) -> None:
        self._id_of = id_of
        self._orders = dict(start.orders)
        self._numbers = dict(start.numbers)
        self._last_number = start.last_number
        self._venue_ids = dict(start.venue_ids)
        self._trade_ids = dict(start.trade_ids)
        self._positions = {ticker: _held(ticker, count) for ticker, count in start.positions.items()}
        self._settled = dict(start.settled)
        self._worth = dict(start.worth)
        self._cash = dict(start.cash)
        self._moved_ns = dict(start.moved_ns)
        self._booked: dict[str, None] = {}  # movements of cash
        self._moves: deque[tuple[int, int]] = deque(maxlen=KEPT_MOVES)
        self._is_new = start.is_new
        self._recognised = max(self._numbers.values(), default=0)
        self._recognise()
        self._hear: dict[type, Callable[[Any], None]] = {
            events.Opening: self._opening,
            events.OrderSent: self._left,
            events.OrderAccepted: self._accepted,
            events.OrderRejected: self._ended,
            events.OrderUnknown: self._unknown,
            events.OrderAmended: self._amended,
            events.ChangeRefused: self._refused,
            events.OrderCancelled: self._ended,
            events.Fill: self._fill,
            events.Settled: self._paid,
            events.CashMoved: self._cash_moved,
        }

    def hear(self, event: object) -> None:
        """An event, as the engine has it; those that are not about the account change nothing."""
        hear = self._hear.get(type(event))
        if hear is not None:
            hear(event)

    def commanded(self, command: Command, at_ns: int) -> None:
        """A command that is written down and about to be sent."""
        if isinstance(command, PlaceOrder):
            self._orders[command.number] = OurOrder(
                command.number, self._id_of(command.number), command.ticker, command.is_bid, command.price, command.count,
                0, "sent", sent_ns=at_ns, expires_ns=command.expires_ns,
            )  # fmt: skip
            self._last_number = max(self._last_number, command.number)
            self._recognise()
        elif (order := self._orders.get(command.number)) is not None:
            most = max(order.most, command.count) if isinstance(command, AmendOrder) else order.most
            self._orders[command.number] = replace(order, changing=True, most=most)

    def ours(self) -> Ours:
        """What we believe now; it does not change with what is heard later, but for what is only ever added to."""
        return Ours(
            orders=dict(self._orders),
            numbers=self._numbers,
            last_number=self._last_number,
            venue_ids=self._venue_ids,
            trade_ids=self._trade_ids,
            positions={ticker: held.count for ticker, held in self._positions.items() if held.count},
            settled=self._settled,
            worth=self._worth,
            cash=dict(self._cash),
            moved_ns=dict(self._moved_ns),
            moves=tuple(self._moves),
            is_new=self._is_new,
        )

    def _recognise(self) -> None:
        for number in range(self._recognised + 1, self._last_number + AHEAD + 1):
            self._numbers[self._id_of(number)] = number
        self._recognised = max(self._recognised, self._last_number + AHEAD)

    def _opening(self, event: events.Opening) -> None:
        """What the session carries over; positions and cash by shard were given at the start, from rows of that moment."""
        self._last_number = max(self._last_number, event.orders_sent)
        for held in event.orders:
            state: OrderState = "working" if held.venue_order_id else "unknown"
            self._orders[held.number] = OurOrder(
                held.number, self._id_of(held.number), held.ticker, held.is_bid, held.price, held.count, held.filled, state,
                held.venue_order_id, held.sent_ns, held.expires_ns, left_ns=event.received_ns,
            )  # fmt: skip
            self._last_number = max(self._last_number, held.number)
            if held.venue_order_id:
                self._venue_ids[held.venue_order_id] = held.number
        for _, trade_ids in event.trade_ids:
            for trade_id in trade_ids:
                self._trade_ids.setdefault(trade_id, None)
        self._recognise()

    def _accepted(self, event: events.OrderAccepted) -> None:
        if event.venue_order_id:
            self._venue_ids[event.venue_order_id] = event.number
        if event.number > self._last_number:  # its record was lost; the numbering goes on after it
            self._last_number = event.number
            self._recognise()
        if (order := self._orders.get(event.number)) is not None:
            self._orders[event.number] = replace(order, state="working", venue_order_id=event.venue_order_id)

    def _left(self, event: events.OrderSent) -> None:
        if event.what == "place" and (order := self._orders.get(event.number)) is not None:
            self._orders[event.number] = replace(order, left_ns=event.received_ns)

    def _unknown(self, event: events.OrderUnknown) -> None:
        if (order := self._orders.get(event.number)) is None:
            return
        if event.what == "place":
            self._orders[event.number] = replace(order, state="unknown", left_ns=event.received_ns)
        else:
            self._orders[event.number] = replace(order, changing=False)

    def _amended(self, event: events.OrderAmended) -> None:
        if (order := self._orders.get(event.number)) is not None:
            self._moves.append((event.received_ns, order.at_stake))
            expires_ns = event.expires_ns or order.expires_ns
            self._orders[event.number] = replace(
                order, price=event.price, count=event.count, expires_ns=expires_ns, changing=False
            )
            self._finish(event.number)

    def _refused(self, event: events.ChangeRefused) -> None:
        if (order := self._orders.get(event.number)) is not None:
            self._orders[event.number] = replace(order, changing=False)

    def _ended(self, event: events.OrderRejected | events.OrderCancelled) -> None:
        if (order := self._orders.pop(event.number, None)) is not None:
            self._moves.append((event.received_ns, order.at_stake))

    def _fill(self, event: events.Fill) -> None:
        if event.trade_id in self._trade_ids:
            return
        self._trade_ids[event.trade_id] = (event.ticker, event.is_bid, event.price, event.count, event.fee)
        position = self._positions.setdefault(event.ticker, Position(event.ticker))
        self._add_cash(event.shard, position.trade(event.is_bid, event.price, event.count) - event.fee)
        self._moved(event.ticker, event.received_ns, at_stake(event.count))
        self._pay_late(event, position)
        if (order := self._orders.get(event.number)) is not None:
            self._orders[event.number] = replace(order, filled=order.filled + event.count)
            self._finish(event.number)

    def _pay_late(self, event: events.Fill, position: Position) -> None:
        """A fill that is heard after its market has settled is paid out at once, as it was at the exchange."""
        worth = self._worth.get(event.ticker)
        if worth is not None:
            self._settled[event.ticker] += position.count
            self._add_cash(event.shard, payout_of(position.count, worth))
            del self._positions[event.ticker]

    def _paid(self, event: events.Settled) -> None:
        if event.ticker in self._settled:
            return
        self._worth[event.ticker] = yes_pays_of(event.result, event.yes_pays)
        self._settled[event.ticker] = event.count
        self._positions.pop(event.ticker, None)
        self._add_cash(event.shard, event.payout)
        self._moved(event.ticker, event.received_ns, abs(event.payout))

    def _cash_moved(self, event: events.CashMoved) -> None:
        movement = movement_of(event)
        if movement in self._booked:
            return
        self._booked[movement] = None
        self._is_new = False
        self._add_cash(event.shard, event.amount)
        self._moved("", event.received_ns, abs(event.amount))

    def _finish(self, number: int) -> None:
        if self._orders[number].filled >= self._orders[number].count:
            del self._orders[number]

    def _add_cash(self, shard: int, money: int) -> None:
        self._cash[shard] = self._cash.get(shard, 0) + money

    def _moved(self, ticker: str, at_ns: int, most: int) -> None:
        self._moves.append((at_ns, most))
        self._moved_ns[ticker] = self._moved_ns[""] = max(at_ns, self._moved_ns.get(ticker, 0))


def at_stake(count: int) -> int:
    """The most (Money) that so many contracts cost or bring, with any fee."""
    return (PRICE_DOLLAR + WORST_FEE) * max(0, count) + WORST_ROUNDING


def _held(ticker: str, count: int) -> Position:
    """A position whose cost does not matter: cash moves by counts and prices alone."""
    position = Position(ticker)
    position.count = count
    return position
