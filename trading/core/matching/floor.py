"""Floor: all that the exchange keeps, and the few moves everything else is made of: rest, remove, book a fill, tell."""

import heapq
from collections.abc import Iterable

from markets.core.events import Level
from markets.core.units import PRICE_DOLLAR
from trading.core.fees import fill_fee
from trading.core.matching.groups import Group
from trading.core.matching.ladder import REMEMBERED_NS, Ladder, Market, Order, ladder_levels
from trading.core.matching.messages import (
    Cause,
    Filled,
    GroupChanged,
    Happening,
    OrderChanged,
    PositionChanged,
    Quoted,
    Refusal,
)
from trading.core.matching.pockets import Holding, Pocket

CROWD = -1
Due = tuple[int, int, Order | None, tuple[Market, bool, int] | None]  # (when, turn, who expires, what comes back)
Sweep = tuple[int, int | None, int, int]  # (account, subaccount, from, until)


class Floor:
    """The state of the exchange. Everything is in the order it came in: nothing depends on a hash or a clock."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.happened: list[Happening] = []
        self.markets: dict[str, Market] = {}
        self.orders: dict[int, Order] = {}
        self.groups: dict[int, Group] = {}
        self.pockets: dict[tuple[int, int], Pocket] = {}
        self.precisions: dict[int, int | None] = {}  # by account
        self.client_ids: dict[int, dict[str, str]] = {}  # by account: id to ticker
        self.halts: dict[int, str] = {}  # by shard that does not trade: in which state it is
        self.crowd = Pocket(CROWD, 0)
        self.fees = 0
        self.trades = 0
        self.sweeps: list[Sweep] = []
        self.is_proportional = False  # cancels of the crowd: from before and behind us alike, else from behind us first
        self.fills_through = False  # a print past an order of ours fills it wholly, else as much as was printed
        self._used: dict[int, None] = {}  # groups with fills that were not looked at yet
        self._numbers = 0
        self._turns = 0
        self._due: list[Due] = []

    # who and what

    def pocket(self, account: int, subaccount: int = 0) -> Pocket:
        """The pocket of an account. Refuses user_not_found."""
        found = self.pockets.get((account, subaccount))
        if found is None:
            raise Refusal("user_not_found")
        return found

    def opened_pocket(self, account: int, subaccount: int) -> Pocket:
        """The pocket of an account that exists, opened when it is new."""
        if account not in self.precisions:
            raise Refusal("user_not_found")
        key = (account, subaccount)
        if key not in self.pockets:
            self.pockets[key] = Pocket(account, subaccount, self.precisions[account])
        return self.pockets[key]

    def pockets_of(self, account: int, subaccount: int | None) -> list[Pocket]:
        """The pockets of an account, or the one."""
        return [
            pocket
            for (owner, number), pocket in self.pockets.items()
            if owner == account and subaccount in (None, number)
        ]

    def market(self, ticker: str) -> Market:
        """A market that is listed. Refuses not_found."""
        found = self.markets.get(ticker)
        if found is None:
            raise Refusal("not_found", "market not found")
        return found

    def trades_now(self, market: Market) -> bool:
        """Whether orders can match in a market."""
        return market.status == "open" and market.shard not in self.halts and self.now_ns < market.contract.close_ns

    def next_number(self) -> int:
        """Numbers of orders and groups."""
        self._numbers += 1
        return self._numbers

    # time

    def due(self, at_ns: int, *, order: Order | None = None, back: tuple[Market, bool, int] | None = None) -> None:
        """Let something happen when that time has come."""
        self._turns += 1
        heapq.heappush(self._due, (at_ns, self._turns, order, back))

    @property
    def due_ns(self) -> int | None:
        """When the next thing is to happen by itself; None when nothing is."""
        return self._due[0][0] if self._due else None

    def next_due(self, now_ns: int) -> Due | None:
        """The next thing that was to happen until now."""
        return heapq.heappop(self._due) if self._due and self._due[0][0] <= now_ns else None

    # orders in the book

    def tell_order(self, order: Order, cause: Cause) -> None:
        """The order is now as it is, for that reason."""
        order.cause = cause
        order.updated_ns = self.now_ns
        self.happened.append(OrderChanged(self.now_ns, order.state()))

    def quote(self, market: Market, is_yes: bool, price: int, change: int, order: int = 0) -> None:
        """The displayed count at a price changed."""
        if change and not market.is_borrowed:
            self.happened.append(Quoted(self.now_ns, market.contract.ticker, is_yes, price, change, order))

    def rest(self, order: Order) -> None:
        """Put an order at the back of the queue at its price, and reserve for it."""
        market, ladder = order.market, order.market.ladder(order.is_yes)
        order.ahead = ladder.crowd(order.own)
        queue = ladder.queue(order.own)
        order.early = queue.gone
        queue.orders.append(order)
        market.resting += 1
        ticker = market.contract.ticker
        order.pocket.orders.setdefault(ticker, []).append(order)
        order.pocket.reserve(ticker, market.shard)
        if order.new.group:
            self.groups[order.new.group].orders[order.number] = order
        self.quote(market, order.is_yes, order.own, order.remaining, order.number)

    def unrest(self, order: Order) -> None:
        """Take an order out of the book. What it reserved is free when its pocket reserves anew."""
        market, ladder = order.market, order.market.ladder(order.is_yes)
        ladder.queues[order.own].orders.remove(order)
        ladder.drop_idle(order.own)
        market.resting -= 1
        orders = order.pocket.orders[market.contract.ticker]
        orders.remove(order)
        if not orders:
            del order.pocket.orders[market.contract.ticker]
        if order.new.group in self.groups:
            self.groups[order.new.group].orders.pop(order.number, None)

    def remove(self, order: Order, cause: Cause) -> int:
        """Cancel a resting order; returns what was left of it."""
        left = order.remaining
        self.unrest(order)
        order.pocket.reserve(order.market.contract.ticker, order.market.shard)
        self.quote(order.market, order.is_yes, order.own, -left, order.number)
        self.end(order, cause)
        return left

    def end(self, order: Order, cause: Cause) -> None:
        """The rest of an order that is not in the book is gone."""
        order.remaining = 0
        order.status = "canceled"
        self.tell_order(order, cause)

    def remove_all(self, orders: Iterable[Order], cause: Cause) -> int:
        """Cancel several; returns how many."""
        removed = 0
        for order in list(orders):
            if order.status == "resting":
                self.remove(order, cause)
                removed += 1
        return removed

    # fills

    def fill(self, order: Order, price: int, count: int, is_taker: bool) -> int:
        """Book one side of a trade at the YES price and tell it; returns its fee."""
        market, pocket = order.market, order.pocket
        contract = market.contract
        holding = pocket.holding(contract.ticker, contract.close_ns, market.shard)
        revenue = holding.trade(order.is_yes, price, count)
        terms = pocket.terms(contract.fees)
        charged, order.rounding = fill_fee(
            terms, price, count, is_taker=is_taker, revenue=revenue, accumulated=order.rounding
        )
        fee = max(
            min(charged, pocket.cash[market.shard] + revenue), 0
        )  # see Pocket.maker_fee: only for coarse roundings
        pocket.cash[market.shard] += revenue - fee
        self.fees += fee
        holding.fees += fee
        holding.traded += count
        holding.updated_ns = self.now_ns
        order.filled += count
        order.remaining -= count
        cost = count * (price if order.is_yes else PRICE_DOLLAR - price)
        if is_taker:
            order.taker_cost += cost
            order.taker_fees += fee
        else:
            order.maker_cost += cost
            order.maker_fees += fee
        if order.new.group:
            self._used[order.new.group] = None
            self.groups[order.new.group].match(self.now_ns, count)
        self._tell_fill(order, holding, (price, count, fee, is_taker))
        return fee

    def fill_maker(self, order: Order, price: int, count: int) -> None:
        """Book the side of an order that rests, and take it from the book when it is used up."""
        self.fill(order, price, count, is_taker=False)
        if not order.remaining:
            self.unrest(order)
            order.status = "executed"
        order.pocket.reserve(order.market.contract.ticker, order.market.shard)
        self.tell_order(order, "Trade")

    def fill_crowd(self, market: Market, is_bid: bool, price: int, count: int) -> None:
        """Book the crowd's side of a trade."""
        contract = market.contract
        holding = self.crowd.holding(contract.ticker, contract.close_ns, market.shard)
        self.crowd.pay_in(market.shard, holding.trade(is_bid, price, count))

    def _tell_fill(self, order: Order, holding: Holding, trade: tuple[int, int, int, bool]) -> None:
        price, count, fee, is_taker = trade
        who = (order.pocket.account, order.pocket.subaccount, holding.ticker)
        self.happened += (
            Filled(
                self.now_ns, self.trades, order.number, *who, order.is_yes, price, count, fee, is_taker, holding.count
            ),
            PositionChanged(
                self.now_ns, *who, holding.count, holding.cost, holding.realised, holding.fees, holding.traded
            ),
        )

    # groups

    def trigger_used_up(self) -> None:
        """Every group of the latest fills that has matched its limit cancels its orders."""
        used, self._used = self._used, {}
        for number in used:
            group = self.groups.get(number)
            if group is not None:
                self.trigger_if_reached(group)

    def trigger_if_reached(self, group: Group) -> None:
        """Trigger a group that has matched its limit."""
        if not group.is_triggered and group.matched(self.now_ns) >= group.limit:
            self.trigger(group)

    def trigger(self, group: Group) -> None:
        """Cancel the orders of a group and take no more."""
        group.is_triggered = True
        self.tell_group(group, "triggered")
        self.remove_all(group.orders.values(), "GroupCancel")

    def tell_group(self, group: Group, what: str) -> None:
        """A group was made, used up, reset, given another limit, or ended."""
        self.happened.append(GroupChanged(self.now_ns, group.account, group.number, what, group.limit))  # type: ignore[arg-type]

    # the crowd's display

    def display(self, market: Market, is_yes: bool, price: int, count: int) -> None:
        """The source displays `count` at one price."""
        ladder = market.ladder(is_yes)
        until_ns = self.now_ns + REMEMBERED_NS
        change = ladder.display(price, count, until_ns, self.is_proportional)
        self.quote(market, is_yes, price, change)
        if price in ladder.queues and ladder.queues[price].gone:
            self.due(until_ns, back=(market, is_yes, price))

    def replace(self, market: Market, ladder: Ladder, levels: Iterable[Level]) -> None:
        """The source displays these levels and no others on one side."""
        wanted = ladder_levels(levels)
        for price in sorted({*ladder.displayed, *wanted}):
            if ladder.displayed.get(price, 0) != wanted.get(price, 0):
                self.display(market, ladder.is_yes, price, wanted.get(price, 0))
