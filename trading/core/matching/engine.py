"""Matching: quarter-hour markets, accounts with pockets on shards, the crowd's liquidity; orders in price-time priority."""

from collections.abc import Iterable, Mapping
from typing import Literal

from markets.core.book import OrderBook
from markets.core.contract import Contract
from markets.core.events import Level
from markets.core.units import SECOND_NS
from trading.core.matching import changing, halls
from trading.core.matching.groups import Group, checked_limit
from trading.core.matching.ladder import Order, own_price
from trading.core.matching.matches import come_back, print_trade, uncross
from trading.core.matching.messages import Amended, NewOrder, OrderState, Refusal
from trading.core.matching.placing import place
from trading.core.matching.pockets import Holding
from trading.core.matching.questions import Questions

SWEEP_NS = 60 * SECOND_NS

MarketState = Literal["listed", "open", "paused", "closed"]
ExchangeState = Literal["trading", "trading_paused", "exchange_paused"]


class Matching(Questions):
    """A matching exchange without a clock or a socket: every call says when it is. Refusals are raised as `Refusal`.

    `happened` grows with every call; who listens drains it. Money is kept to the micro-dollar: what all accounts and
    the crowd have in cash, the fees taken, and a dollar for each open contract add up to what was paid in.
    """

    # markets

    def list_market(self, contract: Contract, shard: int = 2, *, book: OrderBook | None = None) -> None:
        """A new market, in state "listed": it takes orders when it is "open".

        With a `book` that somebody else keeps, the crowd is what it displays at the moment an order comes in; nothing
        is told of the display then, and only orders that do not rest are of use.
        """
        halls.list_market(self.floor, contract, shard, book)

    def relist(self, contract: Contract, now_ns: int) -> None:
        """Other terms for a market that is listed: a strike, fees, a grid; orders off the new grid are cancelled."""
        self.advance(now_ns)
        halls.relist(self.floor, contract)

    def set_status(self, ticker: str, status: MarketState, now_ns: int) -> None:
        """A pause cancels what asked for it (HaltCancel) and, when it ends, all the rest; a close cancels all."""
        self.advance(now_ns)
        halls.set_status(self.floor, self.floor.market(ticker), status)

    def set_exchange(self, state: ExchangeState, now_ns: int, shards: Iterable[int] = range(4)) -> None:
        """Maintenance: "trading_paused" takes cancels and decreases only, "exchange_paused" nothing."""
        self.advance(now_ns)
        halls.set_exchange(self.floor, state, list(shards))

    def settle(self, ticker: str, result: Literal["yes", "no", "scalar"], yes_pays: int | None, now_ns: int) -> None:
        """Pay `yes_pays` (a Price; None: as the result says) a YES contract and a dollar less that a NO; then forget
        the market and its orders. Raises ValueError for what cannot be paid."""
        self.advance(now_ns)
        halls.settle(self.floor, ticker, result, yes_pays)

    def forget(self, ticker: str) -> None:
        """Drop a market without a settlement; what is held in it stays."""
        halls.forget(self.floor, ticker)

    # accounts

    def open_account(self, account: int, cash_by_shard: Mapping[int, int], *, precision: int | None = None) -> None:
        """A new account; a shard that is not named has never been funded. `precision` rounds its balance (Money)."""
        halls.open_account(self.floor, account, cash_by_shard, precision)

    def deposit(self, account: int, shard: int, money: int, subaccount: int = 0) -> None:
        """Pay in (or out, negative); this opens the pocket on that shard. Refuses as `transfer` does."""
        halls.deposit(self.floor, account, shard, money, subaccount)

    def hold(self, account: int, holding: Holding, subaccount: int = 0) -> None:
        """A position that comes in from elsewhere."""
        halls.hold(self.floor, self.floor.opened_pocket(account, subaccount), holding)

    def transfer(self, account: int, from_shard: int, to_shard: int, money: int, subaccount: int = 0) -> None:
        """Between two shards of one pocket. Refuses insufficient_balance, user_not_found, invalid_parameters."""
        pocket = self.floor.pocket(account, subaccount)
        halls.move(pocket, from_shard, pocket, to_shard, money)

    def transfer_subaccount(
        self, account: int, from_subaccount: int, to_subaccount: int, shard: int, money: int
    ) -> None:
        """Between two pockets of one account on one shard. Refuses as `transfer` does."""
        source = self.floor.pocket(account, from_subaccount)
        halls.move(source, shard, self.floor.opened_pocket(account, to_subaccount), shard, money)

    # orders

    def place(self, order: NewOrder, now_ns: int) -> OrderState:
        """The order as it is once it has met the book."""
        self.advance(now_ns)
        return place(self.floor, order).state()

    def cancel(self, account: int, number: int, now_ns: int) -> tuple[OrderState, int]:
        """The order, and how many contracts were still resting."""
        order = self._resting(account, number, now_ns, is_reducing=True)
        reduced_by = self.floor.remove(order, "Cancel")
        return order.state(), reduced_by

    def amend(
        self,
        account: int,
        number: int,
        now_ns: int,
        *,
        price: int,
        count: int,
        expires_ns: int | None = None,
        client_id: str = "",
    ) -> Amended:
        """`count` is the total with what has filled; `expires_ns` None keeps, 0 removes; `client_id` is the new one.
        `price` is the YES price. A refusal leaves the order as and where it was."""
        order = self._resting(account, number, now_ns, is_reducing=False)
        return changing.amend(self.floor, order, changing.Amendment(price, count, expires_ns, client_id))

    def decrease(
        self, account: int, number: int, now_ns: int, *, by: int | None = None, to: int | None = None
    ) -> OrderState:
        """Make what rests smaller, by or to; nothing left cancels it."""
        order = self._resting(account, number, now_ns, is_reducing=True)
        changing.decrease(self.floor, order, by, to)
        return order.state()

    def cancel_all(self, account: int, subaccount: int | None, now_ns: int) -> int:
        """Cancel all orders of the account (or of one pocket) on every shard; returns how many. What it places in the
        next minute is cancelled too, at the first moment after: it is a kill switch."""
        self.advance(now_ns)
        floor = self.floor
        cancelled = self._sweep(account, subaccount, 0)
        floor.sweeps.append((account, subaccount, floor.now_ns, floor.now_ns + SWEEP_NS))
        return cancelled

    # order groups

    def make_group(self, account: int, limit: int, now_ns: int, *, shard: int = 0, subaccount: int = 0) -> int:
        """A group whose orders may match `limit` (Count) in any 15 seconds; its number."""
        self.advance(now_ns)
        self.floor.pocket(account, subaccount)
        group = Group(self.floor.next_number(), account, subaccount, shard, checked_limit(limit))
        self.floor.groups[group.number] = group
        self.floor.tell_group(group, "created")
        return group.number

    def delete_group(self, account: int, group: int, now_ns: int) -> None:
        """End a group and cancel its orders. Refuses not_found, as all calls on groups do."""
        found = self._group(account, group, now_ns)
        self.floor.remove_all(found.orders.values(), "GroupCancel")
        del self.floor.groups[group]
        self.floor.tell_group(found, "deleted")

    def reset_group(self, account: int, group: int, now_ns: int) -> None:
        """Count from zero again and take orders again."""
        found = self._group(account, group, now_ns)
        found.reset()
        self.floor.tell_group(found, "reset")

    def trigger_group(self, account: int, group: int, now_ns: int) -> None:
        """Cancel its orders and take no more until it is reset."""
        self.floor.trigger(self._group(account, group, now_ns))

    def limit_group(self, account: int, group: int, limit: int, now_ns: int) -> None:
        """Another limit; one that is reached already triggers."""
        found = self._group(account, group, now_ns)
        found.limit = checked_limit(limit)
        self.floor.tell_group(found, "limit_updated")
        self.floor.trigger_if_reached(found)

    # the crowd

    def crowd_replace(self, ticker: str, yes: Iterable[Level], no: Iterable[Level], now_ns: int) -> None:
        """The displayed liquidity as a whole: YES bids and NO bids, each in its own price."""
        self.advance(now_ns)
        market = self.floor.market(ticker)
        self.floor.replace(market, market.yes, yes)
        self.floor.replace(market, market.no, no)
        uncross(self.floor, market)

    def crowd_change(self, ticker: str, is_yes: bool, price: int, change: int, now_ns: int) -> None:
        """The displayed count at one price of one side changed; a decrease comes from behind our orders first."""
        self.advance(now_ns)
        market = self.floor.market(ticker)
        displayed = market.ladder(is_yes).displayed.get(price, 0)
        self.floor.display(market, is_yes, price, max(displayed + change, 0))
        uncross(self.floor, market)

    def crowd_trade(self, ticker: str, price: int, count: int, taker_yes: bool, now_ns: int) -> int:
        """A trade of the crowd, at its YES price; how much of it our orders had (told as Traded), the rest is its own.

        The display is not changed by it: its source does that, before or after, and one print is counted once."""
        self.advance(now_ns)
        market = self.floor.market(ticker)
        if not market.resting or not self.floor.trades_now(market):
            return 0
        return print_trade(self.floor, market, not taker_yes, own_price(not taker_yes, price), count)

    def crowd_rules(self, *, is_proportional: bool, fills_through: bool) -> None:
        """From now on: whether cancels of the crowd come from before and behind our orders in proportion (else from
        behind them first), and whether a print past an order of ours fills it wholly (else as much as was printed)."""
        self.floor.is_proportional, self.floor.fills_through = is_proportional, fills_through

    # time

    def advance(self, now_ns: int) -> None:
        """Let time pass: expiries, crowd size that comes back, the minute after a cancel-all. Every call does it too."""
        floor = self.floor
        while due := floor.next_due(now_ns):
            at_ns, _, order, back = due
            floor.now_ns = max(floor.now_ns, at_ns)
            if back:
                come_back(floor, *back)
            elif order and order.status == "resting" and order.expires_ns == at_ns:
                floor.remove(order, "ExpiryCancel")
        floor.now_ns = max(floor.now_ns, now_ns)
        if floor.sweeps:
            for account, subaccount, since_ns, until_ns in floor.sweeps:
                self._sweep(account, subaccount, since_ns, until_ns)
            floor.sweeps = [sweep for sweep in floor.sweeps if sweep[3] > now_ns]

    def _resting(self, account: int, number: int, now_ns: int, *, is_reducing: bool) -> Order:
        self.advance(now_ns)
        return changing.resting(self.floor, account, number, is_reducing=is_reducing)

    def _group(self, account: int, group: int, now_ns: int) -> Group:
        self.advance(now_ns)
        found = self.floor.groups.get(group)
        if found is None or found.account != account:
            raise Refusal("not_found", "order group not found")
        return found

    def _sweep(self, account: int, subaccount: int | None, since_ns: int, until_ns: int | None = None) -> int:
        orders = (order for pocket in self.floor.pockets_of(account, subaccount) for order in pocket.all_orders())
        swept = [order for order in orders if since_ns <= order.created_ns <= (until_ns or order.created_ns)]
        return self.floor.remove_all(sorted(swept, key=lambda order: order.number), "Cancel")
