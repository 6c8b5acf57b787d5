"""PaperExchange: orders and market events in, account events out. Fills come from the book an order meets on arrival."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markets.core.events import ExchangeStatus, MarketStatus
from markets.core.payout import is_awaited
from trading.core.decision import Command, PlaceOrder
from trading.core.events import (
    Event,
    Fill,
    Opening,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    ParametersSet,
    Settled,
)
from trading.core.market import MarketState
from trading.core.matching.engine import Matching
from trading.core.matching.messages import Filled, Happening, NewOrder, PaidOut, Refusal
from trading.core.matching.pockets import Holding
from trading.core.portfolio import Position

OURS = 0
SHARD = 0

OF_CONCERN = frozenset({Opening, ParametersSet, MarketStatus, ExchangeStatus})  # every other event only passes through

Arrival = tuple[int, int, PlaceOrder]
Reply = tuple[int, int, Event]


class PaperExchange:
    """A venue made of the quotes that were really displayed.

    An order arrives `order_latency_ns` after it was sent, meets the book as it is then, takes what is
    displayed up to its limit and loses the rest; the answer is heard `reply_latency_ns` later. What we took
    stays taken for a second, whatever the feed goes on showing. Cash is checked on arrival; a market pays out
    on its official result. The exchange has its own account, as a real one has: ours must come to agree.
    It trades by the rules of `Matching`, with the books of `markets` as what its crowd displays.
    """

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self.order_latency_ns = 0
        self.reply_latency_ns = 0
        self._matching = Matching()
        self._matching.open_account(OURS, {SHARD: 0})
        self._pocket = self._matching.floor.pocket(OURS)
        self._arrivals: list[Arrival] = []
        self._replies: list[Reply] = []
        self._count = 0
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

    def submit(self, commands: Sequence[Command], now_ns: int) -> None:
        """Orders leave for the exchange."""
        for order in commands:
            if not isinstance(order, PlaceOrder):
                continue
            heapq.heappush(self._arrivals, (now_ns + self.order_latency_ns, order.number, order))

    def hear(self, event: Event) -> Iterable[Event]:
        """What the account hears before `event`, then `event` itself, then what it causes."""
        if self._arrivals or self._replies or type(event) in OF_CONCERN:
            return self._hear(event)
        return (event,)

    def _hear(self, event: Event) -> Iterator[Event]:
        yield from self._due(event.received_ns)
        if type(event) is Opening:
            self._open(event)
        elif type(event) is ParametersSet:
            self.order_latency_ns = event.parameters.order_latency_ns
            self.reply_latency_ns = event.parameters.reply_latency_ns
        elif type(event) is ExchangeStatus:
            self._paused = self._paused - {event.shard} if event.is_trading else self._paused | {event.shard}
        yield event
        if type(event) is MarketStatus and event.status == "settled":
            yield from self._settle(event)

    def _due(self, now_ns: int) -> Iterator[Event]:
        """Everything that arrives or is answered up to now, in the order of time."""
        while self._arrivals or self._replies:
            arrives_ns = self._arrivals[0][0] if self._arrivals else now_ns + 1
            answers_ns = self._replies[0][0] if self._replies else now_ns + 1
            if min(arrives_ns, answers_ns) > now_ns:
                return
            if arrives_ns < answers_ns:
                _, _, order = heapq.heappop(self._arrivals)
                self._arrive(order, arrives_ns)
            else:
                yield heapq.heappop(self._replies)[2]

    def _open(self, opening: Opening) -> None:
        self.cash = opening.cash
        self._pocket.holdings.clear()
        for held in opening.positions:
            holding = Holding(held.ticker, held.close_ns, SHARD)
            holding.count, holding.cost = held.count, held.cost
            self._matching.hold(OURS, holding)

    def _arrive(self, order: PlaceOrder, now_ns: int) -> None:
        heard_ns = now_ns + self.reply_latency_ns
        try:
            happened, left = self._trade(order, now_ns)
        except Refusal as refusal:
            self._reply(OrderRejected(heard_ns, order.ticker, order.number, refusal.code))
            return
        self._reply(OrderAccepted(heard_ns, order.ticker, order.number, f"paper-{order.number}"))
        fills = (fill for fill in happened if type(fill) is Filled)
        for number, fill in enumerate(fills, start=1):
            trade_id = f"{order.ticker}-{order.number}-{number}"
            self._reply(
                Fill(heard_ns, trade_id, order.ticker, order.number, order.is_bid, fill.price, fill.count, fill.fee)
            )
        if left:
            self._reply(OrderCancelled(heard_ns, order.ticker, order.number, left, order.time_in_force))

    def _trade(self, order: PlaceOrder, now_ns: int) -> tuple[list[Happening], int]:
        """What the order does to the book on arrival, and what is left of it. Raises Refusal in our words."""
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
        self._show(market, now_ns)
        state = self._matching.place(
            NewOrder(OURS, order.ticker, "", order.is_bid, order.price, order.count, order.time_in_force), now_ns
        )
        return self._matching.drain(), order.count - state.filled

    def _show(self, market: MarketState, now_ns: int) -> None:
        """Let the exchange have this market as it is known now."""
        ticker = market.contract.ticker
        listed = self._matching.floor.markets.get(ticker)
        if listed is None or listed.book is not market.book:
            for gone in [gone for gone in self._matching.floor.markets if gone not in self.markets or gone == ticker]:
                self._matching.forget(gone)
            self._matching.list_market(market.contract, SHARD, book=market.book)
            self._matching.set_status(ticker, "open", now_ns)
        elif listed.contract is not market.contract:
            self._matching.relist(market.contract, now_ns)

    def _settle(self, status: MarketStatus) -> Iterator[Event]:
        if status.result == "" or is_awaited(status.result, status.yes_pays):
            return  # nothing is paid out yet
        self._matching.settle(status.ticker, status.result, status.yes_pays, status.received_ns)
        for paid in self._matching.drain():
            if type(paid) is PaidOut:
                yield Settled(
                    status.received_ns,
                    status.ticker,
                    status.result,
                    paid.count,
                    paid.payout,
                    status.settle_value,
                    status.yes_pays,
                )

    def _reply(self, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._replies, (event.received_ns, self._count, event))
