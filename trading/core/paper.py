"""PaperExchange: commands and market events in, account events out. Fills come from the book an order meets, or rests in."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from markets.core.events import ExchangeStatus, MarketStatus
from markets.core.payout import is_awaited
from trading.core.crowd import Crowd, evidence_of
from trading.core.decision import AmendOrder, CancelOrder, Command, PlaceOrder
from trading.core.events import (
    CashMoved,
    ChangeRefused,
    Event,
    Fill,
    Opening,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    ParametersSet,
    Settled,
)
from trading.core.market import MarketState
from trading.core.matching.engine import Matching
from trading.core.matching.messages import Cause, Filled, NewOrder, OrderChanged, OrderState, PaidOut, Refusal
from trading.core.matching.pockets import Holding
from trading.core.portfolio import Position

OURS = 0
SHARD = 0
NEVER_NS = 1 << 62

# Every other event only passes through.
OF_CONCERN = frozenset({Opening, ParametersSet, MarketStatus, ExchangeStatus, CashMoved})

WHY: dict[Cause, str] = {
    "Cancel": "cancelled",
    "Decrease": "cancelled",
    "ExpiryCancel": "expired",
    "CloseCancel": "market closed",
    "HaltCancel": "market paused",
    "SelfTradeCancel": "would have traded with our own order",
}
"""Why an order that rested is gone."""

Arrival = tuple[int, int, Command]
Reply = tuple[int, int, Event]


class Ours(NamedTuple):
    """An order of ours at the exchange: as it was sent, and how many fills of it were told."""

    order: PlaceOrder
    fills: int = 0


class PaperExchange:
    """A venue made of the quotes and trades that were really displayed.

    A command arrives `order_latency_ns` after it was sent and is answered `reply_latency_ns` later. An order meets the
    book as it is on arrival and takes what is displayed up to its limit; what we took stays taken for a second, whatever
    the feed goes on showing. What is left is lost, or rests behind all that is displayed at its price: who leaves was
    behind it, and it trades when a print reaches it (`queue`) or passes its price (`trade_through`), or when somebody
    displays what crosses it (`crossed`). Cash is checked on arrival, with all that rests; a pause and the close cancel;
    a market pays out on its official result. The exchange has its own account: ours must come to agree.
    It trades by the rules of `Matching`, with the books of `markets` as what its crowd displays.
    """

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self.order_latency_ns = 0
        self.reply_latency_ns = 0
        self._matching = Matching()
        self._matching.open_account(OURS, {SHARD: 0})
        self._crowd = Crowd(self._matching, markets, SHARD)
        self._pocket = self._matching.floor.pocket(OURS)
        self._ours: dict[int, Ours] = {}  # that are not finished, by their number at the exchange
        self._numbers: dict[int, int] = {}  # and that number by ours
        self._arrivals: list[Arrival] = []
        self._replies: list[Reply] = []
        self._sent = self._count = 0
        self._paused: set[int] = set()  # the shards that take no orders

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
            self._sent += 1
            heapq.heappush(self._arrivals, (now_ns + self.order_latency_ns, self._sent, command))

    def hear(self, event: Event) -> Iterable[Event]:
        """What the account hears before `event`, then `event` itself, then what it causes."""
        if self._arrivals or self._replies or self._ours or type(event) in OF_CONCERN:
            return self._hear(event)
        return (event,)

    def _hear(self, event: Event) -> Iterator[Event]:
        yield from self._due(event.received_ns)
        if type(event) is Opening:
            self._open(event)
        elif type(event) is CashMoved:
            self.cash += event.amount
        elif type(event) is ParametersSet:
            self.order_latency_ns = event.parameters.order_latency_ns
            self.reply_latency_ns = event.parameters.reply_latency_ns
        elif type(event) is ExchangeStatus:
            self._paused = self._paused - {event.shard} if event.is_trading else self._paused | {event.shard}
            self._matching.set_exchange("trading_paused" if self._paused else "trading", event.received_ns, (SHARD,))
        if self._ours:
            self._crowd.hear(event)
            self._answer(event)
        yield event
        if type(event) is Opening:
            yield from _forgotten(event)
        elif type(event) is MarketStatus and event.status == "settled":
            yield from self._settle(event)

    def _due(self, now_ns: int) -> Iterator[Event]:
        """Everything that arrives, expires or is answered up to now, in the order of time."""
        while self._arrivals or self._replies or self._ours:
            arrives_ns = self._arrivals[0][0] if self._arrivals else NEVER_NS
            answers_ns = self._replies[0][0] if self._replies else NEVER_NS
            expires_ns = (self._matching.floor.due_ns or NEVER_NS) if self._ours else NEVER_NS
            if min(arrives_ns, answers_ns, expires_ns) > now_ns:
                return
            if expires_ns <= min(arrives_ns, answers_ns):
                self._matching.advance(expires_ns)
                self._answer()
            elif arrives_ns < answers_ns:
                self._arrive(heapq.heappop(self._arrivals)[2], arrives_ns)
            else:
                yield heapq.heappop(self._replies)[2]

    def _open(self, opening: Opening) -> None:
        self.cash = opening.cash
        self._pocket.holdings.clear()
        for held in opening.positions:
            holding = Holding(held.ticker, held.close_ns, SHARD)
            holding.count, holding.cost = held.count, held.cost
            self._matching.hold(OURS, holding)

    # commands

    def _arrive(self, command: Command, now_ns: int) -> None:
        if isinstance(command, PlaceOrder):
            self._place(command, now_ns)
        else:
            self._change(command, now_ns)

    def _place(self, order: PlaceOrder, now_ns: int) -> None:
        heard_ns = now_ns + self.reply_latency_ns
        try:
            state = self._trade(order, now_ns)
        except Refusal as refusal:
            self._reply(OrderRejected(heard_ns, order.ticker, order.number, refusal.code))
            self._answer()
            return
        self._reply(OrderAccepted(heard_ns, order.ticker, order.number, f"paper-{order.number}"))
        self._ours[state.number] = Ours(order)
        self._numbers[order.number] = state.number
        if state.status == "resting":
            self._crowd.keep(order.ticker)
        self._answer()

    def _trade(self, order: PlaceOrder, now_ns: int) -> OrderState:
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
        return self._matching.place(
            NewOrder(
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
            ),
            now_ns,
        )

    def _change(self, command: CancelOrder | AmendOrder, now_ns: int) -> None:
        """Cancel or amend what rests. What has ended is told to have, apart from the refusal."""
        heard_ns = now_ns + self.reply_latency_ns
        number = self._numbers.get(command.number, 0)
        try:
            if isinstance(command, CancelOrder):
                self._matching.cancel(OURS, number, now_ns)
            else:
                amended = self._matching.amend(
                    OURS,
                    number,
                    now_ns,
                    price=command.price,
                    count=command.count,
                    expires_ns=command.expires_ns or None,
                ).state
                self._reply(
                    OrderAmended(
                        heard_ns, command.ticker, command.number, amended.price, amended.initial, amended.expires_ns
                    )
                )
        except Refusal as refusal:
            what = "cancel" if isinstance(command, CancelOrder) else "amend"
            self._reply(ChangeRefused(heard_ns, command.ticker, command.number, what, refusal.code))  # type: ignore[arg-type]
        self._answer()

    # answers

    def _answer(self, event: Event | None = None) -> None:
        """Tell of our orders what has happened at the exchange; `event` is what the market did, where that was it."""
        for each in self._matching.drain():
            if type(each) is Filled and each.order in self._ours:
                self._fill(each, event)
            elif type(each) is OrderChanged and each.state.status != "resting" and each.state.number in self._ours:
                self._end(each)

    def _fill(self, fill: Filled, event: Event | None) -> None:
        order, fills = self._ours[fill.order]
        self._ours[fill.order] = Ours(order, fills + 1)
        self._reply(
            Fill(
                fill.at_ns + self.reply_latency_ns,
                f"{order.ticker}-{order.number}-{fills + 1}",
                order.ticker,
                order.number,
                order.is_bid,
                fill.price,
                fill.count,
                fill.fee,
                fill.is_taker,
                evidence_of(fill, event),
            )
        )

    def _end(self, changed: OrderChanged) -> None:
        state = changed.state
        order, _ = self._ours.pop(state.number)
        del self._numbers[order.number]
        left = state.initial - state.filled
        if left:
            why = WHY.get(state.cause, state.cause) if order.rests else order.time_in_force
            self._reply(OrderCancelled(changed.at_ns + self.reply_latency_ns, order.ticker, order.number, left, why))
        self._crowd.release(order.ticker)

    def _settle(self, status: MarketStatus) -> Iterator[Event]:
        if status.result == "" or is_awaited(status.result, status.yes_pays):
            return  # nothing is paid out yet
        self._matching.settle(status.ticker, status.result, status.yes_pays, status.received_ns)
        for paid in self._matching.drain():
            if type(paid) is PaidOut:
                told = (paid.count, paid.payout, status.settle_value, status.yes_pays)
                yield Settled(status.received_ns, status.ticker, status.result, *told)

    def _reply(self, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._replies, (event.received_ns, self._count, event))


def _forgotten(opening: Opening) -> Iterator[Event]:
    """A paper order does not outlive its session: what was left of the last one's is gone."""
    for held in opening.orders:
        yield OrderCancelled(opening.received_ns, held.ticker, held.number, held.count - held.filled, "session ended")
