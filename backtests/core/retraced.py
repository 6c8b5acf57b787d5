"""A session's own tape read twice at once: what the session did, and what a backtest of the same tape does."""

from collections.abc import Iterable, Iterator
from typing import get_args

import msgspec
from msgspec.structs import replace

from backtests.core.attribution import Attribution, Traded, attribute
from markets.core.events import MarketEvent, MarketStatus
from markets.core.payout import is_awaited, yes_pays_of
from trading.core.decision import AmendOrder, Decision, PlaceOrder
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import (
    AnnouncementsSet,
    ArmedSet,
    CashMoved,
    ChecksRequired,
    Event,
    Fill,
    FittedSet,
    LimitsSet,
    ModeSet,
    Opening,
    OrderRejected,
    ParametersSet,
    RealismSet,
    SeriesOff,
    Settled,
)
from trading.core.paper import PaperExchange

WISHES = frozenset({
    LimitsSet, ParametersSet, RealismSet, ModeSet, SeriesOff, FittedSet, AnnouncementsSet, ArmedSet, CashMoved, Opening,
})  # fmt: skip
"""What people wanted, and what the account began with: the backtest hears it, too, when the session did."""
MARKET = frozenset(get_args(MarketEvent))


class Retraced(msgspec.Struct):
    """What came of it. `strays` are fills of orders that an earlier session had sent: they are in neither account."""

    made: list[Traded]
    expected: list[Traded]
    yes_pays: dict[str, int]
    first_ns: int = 0
    through_ns: int = 0
    strays: int = 0

    def attribution(self) -> Attribution:
        """The difference, cause by cause."""
        return attribute(self.made, self.expected, self.yes_pays)


class Book:
    """The orders of one of the two, by number."""

    def __init__(self) -> None:
        self.orders: dict[int, Traded] = {}
        self.strays = 0

    def decided(self, decision: Decision) -> None:
        """Orders and amends as they were decided."""
        for command in decision.commands:
            if isinstance(command, PlaceOrder):
                self.orders[command.number] = Traded(
                    command.number,
                    command.ticker,
                    command.is_bid,
                    command.price,
                    command.count,
                    decision.received_ns,
                    command.rests,
                )
            elif isinstance(command, AmendOrder) and command.number in self.orders:
                order = self.orders[command.number]
                order.price, order.count = command.price, command.count

    def heard(self, event: Event) -> None:
        """What became of them."""
        if isinstance(event, Fill):
            order = self.orders.get(event.number)
            if order is None:
                self.strays += 1
                return
            order.filled += event.count
            order.spent += event.price * event.count
            order.fee += event.fee
        elif isinstance(event, OrderRejected) and event.number in self.orders:
            self.orders[event.number].refused = event.code


def retraced(messages: Iterable[Event | Decision]) -> Retraced:
    """Play a session's tape. The backtest hears the market and what people wanted, and nothing of what the exchange
    answered: its orders meet the paper exchange, with the latency of the parameters. The checks that the session made of
    itself are not heard either: an order that they held back is one that it missed."""
    session, backtest = Book(), Book()
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    found = Retraced([], [], {})
    for message in messages:
        if isinstance(message, Decision):
            session.decided(message)
            continue
        found.first_ns = found.first_ns or message.received_ns
        found.through_ns = message.received_ns
        session.heard(message)
        _note_result(message, found.yes_pays)
        event = _for_the_backtest(message)
        if event is not None:
            _play(desk.hear(event), backtest)
    _play(desk.finish(), backtest)
    found.made, found.expected = list(session.orders.values()), list(backtest.orders.values())
    found.strays = session.strays
    return found


def _play(steps: Iterator[tuple[Event, Decision]], book: Book) -> None:
    for event, decision in steps:
        book.heard(event)
        if decision.commands:
            book.decided(decision)


def _for_the_backtest(message: Event) -> Event | None:
    kind = type(message)
    if isinstance(message, Opening):
        return replace(message, orders=())  # of an earlier session: what became of them is not on this tape alone
    if kind in MARKET or kind in WISHES:
        return message
    if isinstance(message, ChecksRequired):
        return replace(message, codes=())
    return None


def _note_result(event: Event, yes_pays: dict[str, int]) -> None:
    if isinstance(event, MarketStatus):
        if event.status == "settled" and event.result and not is_awaited(event.result, event.yes_pays):
            yes_pays[event.ticker] = yes_pays_of(event.result, event.yes_pays)
    elif isinstance(event, Settled):
        yes_pays[event.ticker] = yes_pays_of(event.result, event.yes_pays)
