"""PaperExchange: commands and market events in, account events out. Fills come from the book an order meets, or rests in."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from msgspec.structs import replace

from markets.core.book import OrderBook
from markets.core.events import BookSnapshot, ExchangeStatus, MarketStatus
from markets.core.payout import is_awaited
from trading.core.answers import Answers, forgotten
from trading.core.crowd import Crowd
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.door import Door
from trading.core.events import (
    CashMoved,
    ChangeRefused,
    Event,
    Opening,
    OrderAmended,
    ParametersSet,
    RealismSet,
    Settled,
)
from trading.core.hops import Hops
from trading.core.market import MarketState
from trading.core.matching.engine import Matching
from trading.core.matching.messages import NewOrder, OrderState, PaidOut, Refusal
from trading.core.matching.pockets import Holding
from trading.core.portfolio import Position
from trading.core.realism import Realism

OURS = 0
SHARD = 0
NEVER_NS = 1 << 62

# Every other event only passes through.
OF_CONCERN = frozenset({Opening, ParametersSet, RealismSet, MarketStatus, ExchangeStatus, CashMoved, BookSnapshot})

Arrival = tuple[int, int, Command]
Later = tuple[int, int, MarketStatus | PlaceOrder]


class PaperExchange:
    """A venue made of the quotes and trades that were really displayed.

    A command arrives a while after it was sent and is answered a while later: what the parameters say, or what is drawn
    by the `Realism` that was set, which also says what goes wrong. An order meets the book as it is on arrival and takes
    what is displayed up to its limit; what we took stays taken for a second, whatever the feed goes on showing. What is
    left is lost, or rests behind all that is displayed at its price: who leaves was behind it, and it trades when a print
    reaches it (`queue`) or passes its price (`trade_through`), or when somebody displays what crosses it (`crossed`).
    Cash is checked on arrival, with all that rests; a pause and the close cancel; a market pays out on its official
    result. The exchange has its own account: ours must come to agree.
    It trades by the rules of `Matching`, with the books of `markets` as what its crowd displays.
    """

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self._matching = Matching()
        self._matching.open_account(OURS, {SHARD: 0})
        self._crowd = Crowd(self._matching, markets, SHARD)
        self._pocket = self._matching.floor.pocket(OURS)
        self._hops = Hops()
        self._answers = Answers(self._hops, self._crowd.release)
        self._ours = self._answers.ours
        self._door = Door(markets, self._crowd, self._hops, self._put_off)
        self._arrivals: list[Arrival] = []
        self._later: list[Later] = []  # markets that are yet to pay out, and orders that come again
        self._count = 0
        self._paused: set[int] = set()  # the shards that take no orders
        self._hears: dict[type, Callable[[Any], None]] = {
            Opening: self._open,
            CashMoved: self._move,
            ParametersSet: lambda event: self._hops.set_parameters(event.parameters),
            RealismSet: self._set,
            ExchangeStatus: self._pause,
        }

    @property
    def realism(self) -> Realism:
        """How orders are treated now."""
        return self._hops.realism

    @property
    def owed_ns(self) -> int:
        """When the last of what is on its way now is there, under a realism that was set; 0: nothing is."""
        if not self._hops.is_drawn:
            return 0
        heaps = (self._arrivals, self._answers.waiting, self._later)
        return max((each[0] for heap in heaps for each in heap), default=0)

    @property
    def cash(self) -> int:
        """What the exchange says we have, Money."""
        return self._pocket.cash[SHARD]

    @cash.setter
    def cash(self, money: int) -> None:
        self._pocket.cash[SHARD] = money

    @property
    def positions(self) -> Mapping[str, Position]:
        """What the exchange says we hold, by ticker."""
        return self._pocket.holdings

    @property
    def resting(self) -> list[OrderState]:
        """Our orders in its books, oldest first."""
        return [self._matching.floor.orders[number].state() for number in self._ours]

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        """Commands leave for the exchange."""
        for command in commands:
            self._count += 1
            heapq.heappush(self._arrivals, (self._hops.arrives_ns(command, now_ns), self._count, command))

    def hear(self, event: Event) -> Iterable[Event]:
        """What the account hears before `event`, then `event` itself, then what it causes."""
        if self._arrivals or self._answers.waiting or self._ours or self._later or type(event) in OF_CONCERN:
            return self._hear(event)
        return (event,)

    def _hear(self, event: Event) -> Iterator[Event]:
        yield from self._due(event.received_ns)
        hear = self._hears.get(type(event))
        if hear is not None:
            hear(event)
        if self._later:
            for order, book in self._door.released(event):
                self._enter(order, event.received_ns, "two_snapshots", book)
        if self._ours:
            self._crowd.hear(event)
            self._answers.hear(self._matching.drain(), event)
        if type(event) is BookSnapshot:
            self._door.sightings.hear(event)
        yield event
        if type(event) is Opening:
            yield from forgotten(event)
        elif type(event) is MarketStatus and event.status == "settled":
            yield from self._settled(event)

    def _due(self, now_ns: int) -> Iterator[Event]:
        """Everything that arrives, expires, is answered or paid out up to now, in the order of time."""
        while self._arrivals or self._answers.waiting or self._ours or self._later:
            arrives_ns = self._arrivals[0][0] if self._arrivals else NEVER_NS
            answers_ns = self._answers.waiting[0][0] if self._answers.waiting else NEVER_NS
            expires_ns = (self._matching.floor.due_ns or NEVER_NS) if self._ours else NEVER_NS
            later_ns = self._later[0][0] if self._later else NEVER_NS
            if min(arrives_ns, answers_ns, expires_ns, later_ns) > now_ns:
                return
            if expires_ns <= min(arrives_ns, answers_ns, later_ns):
                self._matching.advance(expires_ns)
                self._answer()
            elif later_ns <= min(arrives_ns, answers_ns):
                yield from self._again(heapq.heappop(self._later)[2], later_ns)
            elif arrives_ns < answers_ns:
                self._arrive(heapq.heappop(self._arrivals)[2], arrives_ns)
            else:
                yield self._answers.next()

    def _open(self, opening: Opening) -> None:
        self.cash = opening.cash
        self._pocket.holdings.clear()
        for held in opening.positions:
            holding = Holding(held.ticker, held.close_ns, SHARD)
            holding.count, holding.cost = held.count, held.cost
            self._matching.hold(OURS, holding)

    def _move(self, event: CashMoved) -> None:
        self.cash += event.amount

    def _pause(self, event: ExchangeStatus) -> None:
        self._paused = self._paused - {event.shard} if event.is_trading else self._paused | {event.shard}
        self._matching.set_exchange("trading_paused" if self._paused else "trading", event.received_ns, (SHARD,))

    def _set(self, event: RealismSet) -> None:
        realism = event.realism
        self._hops.set_realism(realism)
        self._matching.crowd_rules(
            is_proportional=realism.queue == "proportional", fills_through=realism.trade_through == "full"
        )

    def _put_off(self, until_ns: int, what: MarketStatus | PlaceOrder) -> None:
        self._count += 1
        heapq.heappush(self._later, (until_ns, self._count, what))

    def _again(self, what: MarketStatus | PlaceOrder, now_ns: int) -> Iterator[Event]:
        """A payout that was delayed, or an order that waited."""
        if isinstance(what, MarketStatus):
            yield from self._pay(replace(what, received_ns=now_ns))
        elif self._door.waited(what):
            self._enter(what, now_ns, "two_snapshots", self._door.nothing(what))
        elif self._door.is_held(what):
            self._arrive(what, now_ns)

    # commands

    def _arrive(self, command: Command, now_ns: int) -> None:
        if not isinstance(command, PlaceOrder):
            self._change(command, now_ns)
        elif not (self._hops.is_drawn and self._door.stops(command, self._answers, now_ns)):
            is_coarse = self._door.is_coarse(command, now_ns)
            self._enter(command, now_ns, "one_snapshot" if is_coarse else "book")

    def _enter(self, order: PlaceOrder, now_ns: int, taken: str, book: OrderBook | None = None) -> None:
        """The order meets what is displayed, or `book` in its place; `taken` is why a fill of it as a taker is believed."""
        try:
            state = self._trade(order, now_ns, book)
        except Refusal as refusal:
            self._answers.refused(order, refusal.code, now_ns)
            self._answer()
            return
        self._answers.accepted(order, state, now_ns, taken)
        if state.status == "resting":
            self._crowd.keep(order.ticker)
        self._answer()

    def _trade(self, order: PlaceOrder, now_ns: int, book: OrderBook | None) -> OrderState:
        """The order as it is once it has met the book on arrival. Raises Refusal in our words."""
        market = self.markets.get(order.ticker)
        if market is None:
            raise Refusal("market_not_found")
        if self._paused:
            raise Refusal("trading_is_paused")
        if market.status != "open" or now_ns >= market.contract.close_ns:
            raise Refusal("market_inactive")
        if order.count <= 0 or not market.contract.is_on_grid(order.price):
            raise Refusal("invalid_order")
        if market.lost:
            raise Refusal("book_unknown")
        self._crowd.show(market, now_ns)
        with self._crowd.lent(order.ticker, book) if book is not None else nullcontext():
            return self._matching.place(_at_the_exchange(order), now_ns)

    def _change(self, command: CancelOrder | AmendOrder, now_ns: int) -> None:
        """Cancel or amend what rests. What has ended is told to have, apart from the refusal."""
        heard_ns = self._hops.heard_ns(command.number, now_ns)
        number = self._answers.numbers.get(command.number, 0)
        try:
            if isinstance(command, CancelOrder):
                self._matching.cancel(OURS, number, now_ns)
            else:
                expires_ns = command.expires_ns or None
                amended = self._matching.amend(
                    OURS, number, now_ns, price=command.price, count=command.count, expires_ns=expires_ns
                ).state
                told = (amended.price, amended.initial, amended.expires_ns)
                self._answers.add(OrderAmended(heard_ns, command.ticker, command.number, *told))
        except Refusal as refusal:
            what = "cancel" if isinstance(command, CancelOrder) else "amend"
            self._answers.add(ChangeRefused(heard_ns, command.ticker, command.number, what, refusal.code))  # type: ignore[arg-type]
        self._answer()

    def _answer(self) -> None:
        self._answers.hear(self._matching.drain(), None)

    # results

    def _settled(self, status: MarketStatus) -> Iterator[Event]:
        """A market has its official result. What is still waiting of it is heard before the money is."""
        if status.result == "" or is_awaited(status.result, status.yes_pays):
            return  # nothing is paid out yet
        self._door.sightings.forget(status.ticker)
        if self._hops.realism.settle_delay_ns:
            self._put_off(status.received_ns + self._hops.realism.settle_delay_ns, status)
        else:
            yield from self._pay(status)

    def _pay(self, status: MarketStatus) -> Iterator[Event]:
        if self._hops.is_drawn:
            for event in self._answers.taken_of(status.ticker):
                yield replace(event, received_ns=status.received_ns)
        self._matching.settle(status.ticker, status.result, status.yes_pays, status.received_ns)  # type: ignore[arg-type]  # it is known
        for paid in self._matching.drain():
            if type(paid) is PaidOut:
                told = (paid.count, paid.payout, status.settle_value, status.yes_pays)
                yield Settled(status.received_ns, status.ticker, status.result, *told)  # type: ignore[arg-type]  # it is known


def _at_the_exchange(order: PlaceOrder) -> NewOrder:
    return NewOrder(
        OURS,
        order.ticker,
        "",
        order.is_bid,
        order.price,
        order.count,
        order.time_in_force,
        expires_ns=order.expires_ns,
        is_post_only=order.is_post_only,
        is_reduce_only=order.is_reduce_only,
        is_cancelled_on_pause=True,
    )
