"""PaperExchange: orders and market events in, account events out. Fills come from the book an order meets on arrival."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markets.core.events import MarketStatus
from markets.core.payout import is_awaited
from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.decision import PlaceOrder
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
from trading.core.fees import fill_fee, worst_fee
from trading.core.market import MarketState
from trading.core.portfolio import Position

CONSUMED_FOR_NS = SECOND_NS

OF_CONCERN = frozenset({Opening, ParametersSet, MarketStatus})  # every other event only passes through

Arrival = tuple[int, int, PlaceOrder]
Reply = tuple[int, int, Event]
Level = tuple[int, int]


class PaperExchange:
    """A venue made of the quotes that were really displayed.

    An order arrives `order_latency_ns` after it was sent, meets the book as it is then, takes what is
    displayed up to its limit and loses the rest; the answer is heard `reply_latency_ns` later. What we took
    stays taken for a second, whatever the feed goes on showing. Cash is checked on arrival; a market pays out
    on its official result. The exchange has its own account, as a real one has: ours must come to agree.
    """

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self.cash = 0
        self.positions: dict[str, Position] = {}
        self.order_latency_ns = 0
        self.reply_latency_ns = 0
        self._arrivals: list[Arrival] = []
        self._replies: list[Reply] = []
        self._consumed: dict[tuple[str, bool, int], tuple[int, int]] = {}
        self._count = 0

    def submit(self, commands: Sequence[PlaceOrder], now_ns: int) -> None:
        """Orders leave for the exchange."""
        for order in commands:
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
        self.positions = {}
        for held in opening.positions:
            position = self.positions[held.ticker] = Position(held.ticker, held.close_ns)
            position.count, position.cost = held.count, held.cost

    def _arrive(self, order: PlaceOrder, now_ns: int) -> None:
        refusal = self._refusal(order, now_ns)
        heard_ns = now_ns + self.reply_latency_ns
        if refusal:
            self._reply(OrderRejected(heard_ns, order.ticker, order.number, refusal))
            return
        self._reply(OrderAccepted(heard_ns, order.ticker, order.number, f"paper-{order.number}"))
        left = order.count - self._trade(order, self._take(order, now_ns), heard_ns)
        if left:
            self._reply(OrderCancelled(heard_ns, order.ticker, order.number, left, order.time_in_force))

    def _refusal(self, order: PlaceOrder, now_ns: int) -> str:
        """Why the exchange would not take this order; empty when it takes it."""
        market = self.markets.get(order.ticker)
        if market is None:
            return "market_not_found"
        if market.status != "open" or now_ns >= market.contract.close_ns:
            return "market_inactive"
        if order.count <= 0 or not market.contract.is_on_grid(order.price):
            return "invalid_order"
        if market.lost:
            return "book_unknown"
        if self._worst_cost(order, market) > self.cash:
            return "insufficient_balance"
        return ""

    def _worst_cost(self, order: PlaceOrder, market: MarketState) -> int:
        held = self.positions.get(order.ticker)
        position = held.count if held else 0
        closes = min(order.count, abs(position)) if (position < 0) == order.is_bid and position else 0
        own_price = order.price if order.is_bid else PRICE_DOLLAR - order.price
        fee = worst_fee(market.contract.fees, own_price, order.count)
        return own_price * (order.count - closes) + fee

    def _take(self, order: PlaceOrder, now_ns: int) -> list[Level]:
        """The displayed levels an order trades with, best first; what they lose stays lost for a while."""
        book = self.markets[order.ticker].book
        taken: list[Level] = []
        left = order.count
        for price, displayed in book.asks() if order.is_bid else book.bids():
            if (price > order.price) if order.is_bid else (price < order.price):
                break
            key = (order.ticker, order.is_bid, price)
            consumed, until_ns = self._consumed.get(key, (0, 0))
            if until_ns <= now_ns:
                consumed = 0
            count = min(left, displayed - consumed)
            if count > 0:
                taken.append((price, count))
                self._consumed[key] = (consumed + count, now_ns + CONSUMED_FOR_NS)
                left -= count
            if not left:
                break
        return taken

    def _trade(self, order: PlaceOrder, levels: list[Level], heard_ns: int) -> int:
        """Book a fill a level on the exchange's side and tell the account; returns how many contracts traded."""
        if not levels:
            return 0
        contract = self.markets[order.ticker].contract
        position = self.positions.get(order.ticker)
        if position is None:
            position = self.positions[order.ticker] = Position(order.ticker, contract.close_ns)
        accumulated = traded = 0
        for number, (price, count) in enumerate(levels, start=1):
            revenue = position.trade(order.is_bid, price, count)
            fee, accumulated = fill_fee(
                contract.fees, price, count, is_taker=True, revenue=revenue, accumulated=accumulated
            )
            self.cash += revenue - fee
            trade_id = f"{order.ticker}-{order.number}-{number}"
            self._reply(Fill(heard_ns, trade_id, order.ticker, order.number, order.is_bid, price, count, fee))
            traded += count
        return traded

    def _settle(self, status: MarketStatus) -> Iterator[Event]:
        for key in [key for key in self._consumed if key[0] == status.ticker]:
            del self._consumed[key]
        if is_awaited(status.result, status.yes_pays):
            return  # nothing is paid out yet
        if status.result == "" or (position := self.positions.pop(status.ticker, None)) is None:
            return
        count = position.count
        payout = position.settle(status.result, status.yes_pays)
        self.cash += payout
        yield Settled(
            status.received_ns, status.ticker, status.result, count, payout, status.settle_value, status.yes_pays
        )

    def _reply(self, event: Event) -> None:
        self._count += 1
        heapq.heappush(self._replies, (event.received_ns, self._count, event))
