"""Matching: quarter-hour markets, accounts with pockets on shards, the crowd's liquidity; orders in price-time priority."""

from collections.abc import Mapping
from typing import Literal

from markets.core.contract import Contract
from markets.core.events import Level
from trading.core.matching.messages import Amended, GroupState, Happening, HeldState, NewOrder, OrderState

MarketState = Literal["listed", "open", "paused", "closed"]
ExchangeState = Literal["trading", "trading_paused", "exchange_paused"]


class Matching:
    """A matching exchange without a clock or a socket: every call says when it is. Refusals are raised as `Refusal`.

    `happened` grows with every call; who listens drains it. Money is kept to the micro-dollar: what all accounts and
    the crowd have in cash, the fees taken, and a dollar for each open contract add up to what was paid in.
    """

    def __init__(self) -> None:
        self.happened: list[Happening] = []
        self.now_ns = 0

    # markets

    def list_market(self, contract: Contract, shard: int = 2) -> None:
        """A new market, in state "listed": it takes orders when it is "open"."""
        raise NotImplementedError

    def relist(self, contract: Contract, now_ns: int) -> None:
        """Other terms for a market that is listed: a strike, fees, a grid; orders off the new grid are cancelled."""
        raise NotImplementedError

    def set_status(self, ticker: str, status: MarketState, now_ns: int) -> None:
        """A pause cancels what asked for it (HaltCancel) and, when it ends, all the rest; a close cancels all."""
        raise NotImplementedError

    def set_exchange(self, state: ExchangeState, now_ns: int, shard: int | None = None) -> None:
        """Maintenance: "trading_paused" takes cancels and decreases only, "exchange_paused" nothing. None: all shards."""
        raise NotImplementedError

    def settle(self, ticker: str, result: Literal["yes", "no", "scalar"], yes_pays: int, now_ns: int) -> None:
        """Pay `yes_pays` (a Price) a YES contract and a dollar less that a NO; then forget the market and its orders."""
        raise NotImplementedError

    # accounts

    def open_account(self, account: int, cash_by_shard: Mapping[int, int], *, precision: int | None = None) -> None:
        """A new account; a shard that is not named has never been funded. `precision` rounds its balance (Money)."""
        raise NotImplementedError

    def deposit(self, account: int, shard: int, money: int, subaccount: int = 0) -> None:
        """Pay in (or out, negative); this opens the pocket on that shard."""
        raise NotImplementedError

    def transfer(self, account: int, from_shard: int, to_shard: int, money: int, subaccount: int = 0) -> None:
        """Between two shards of one pocket. Refuses insufficient_balance, user_not_found, invalid_parameters."""
        raise NotImplementedError

    def transfer_subaccount(
        self, account: int, from_subaccount: int, to_subaccount: int, shard: int, money: int
    ) -> None:
        """Between two pockets of one account on one shard. Refuses as `transfer` does."""
        raise NotImplementedError

    # orders

    def place(self, order: NewOrder, now_ns: int) -> OrderState:
        """The order as it is once it has met the book."""
        raise NotImplementedError

    def cancel(self, account: int, number: int, now_ns: int) -> tuple[OrderState, int]:
        """The order, and how many contracts were still resting."""
        raise NotImplementedError

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
        """`count` is the total with what has filled; `expires_ns` None keeps, 0 removes; `client_id` is the new one."""
        raise NotImplementedError

    def decrease(
        self, account: int, number: int, now_ns: int, *, by: int | None = None, to: int | None = None
    ) -> OrderState:
        """Make what rests smaller, by or to; nothing left cancels it."""
        raise NotImplementedError

    def cancel_all(self, account: int, subaccount: int | None, now_ns: int) -> int:
        """Cancel all orders of the account, on every shard, and those it places in the next minute; how many now."""
        raise NotImplementedError

    # order groups

    def make_group(self, account: int, limit: int, now_ns: int, *, shard: int = 0, subaccount: int = 0) -> int:
        """A group whose orders may match `limit` (Count) in any 15 seconds; its number."""
        raise NotImplementedError

    def delete_group(self, account: int, group: int, now_ns: int) -> None:
        """End a group and cancel its orders. Refuses not_found, as all calls on groups do."""
        raise NotImplementedError

    def reset_group(self, account: int, group: int, now_ns: int) -> None:
        """Count from zero again and take orders again."""
        raise NotImplementedError

    def trigger_group(self, account: int, group: int, now_ns: int) -> None:
        """Cancel its orders and take no more until it is reset."""
        raise NotImplementedError

    def limit_group(self, account: int, group: int, limit: int, now_ns: int) -> None:
        """Another limit; one that is reached already triggers."""
        raise NotImplementedError

    def groups(self, account: int, subaccount: int | None = None) -> list[GroupState]:
        """The groups of an account, oldest first."""
        raise NotImplementedError

    # the crowd

    def crowd_replace(self, ticker: str, yes: tuple[Level, ...], no: tuple[Level, ...], now_ns: int) -> None:
        """The displayed liquidity as a whole: YES bids and NO bids, each in its own price."""
        raise NotImplementedError

    def crowd_change(self, ticker: str, is_yes: bool, price: int, change: int, now_ns: int) -> None:
        """The displayed count at one price of one side changed; a decrease comes from behind our orders first."""
        raise NotImplementedError

    def crowd_trade(self, ticker: str, price: int, count: int, taker_yes: bool, now_ns: int) -> int:
        """A trade of the crowd, at its YES price; how much of it our orders had (told as Traded), the rest is its own."""
        raise NotImplementedError

    # time and questions

    def advance(self, now_ns: int) -> None:
        """Let time pass: expiries, crowd size that comes back, the minute after a cancel-all. Every call does it too."""
        raise NotImplementedError

    def book(self, ticker: str) -> tuple[list[Level], list[Level]]:
        """(YES bids, NO bids) with our orders in them, ascending: the best is last."""
        raise NotImplementedError

    def order(self, number: int) -> OrderState:
        """One order, whoever's. Refuses not_found."""
        raise NotImplementedError

    def orders(self, account: int, ticker: str = "", status: str = "") -> list[OrderState]:
        """Orders of the markets that are not settled yet, oldest first."""
        raise NotImplementedError

    def position(self, account: int, ticker: str, subaccount: int = 0) -> int:
        """The signed count held: + YES, - NO."""
        raise NotImplementedError

    def positions(self, account: int, subaccount: int | None = None) -> list[HeldState]:
        """All that an account holds or has traded in markets that are not settled yet."""
        raise NotImplementedError

    def cash(self, account: int, shard: int, subaccount: int = 0) -> int:
        """All the cash, with what resting orders reserve."""
        raise NotImplementedError

    def reserved(self, account: int, shard: int, subaccount: int = 0) -> int:
        """What resting orders hold back of the cash."""
        raise NotImplementedError

    def queue_ahead(self, number: int) -> int:
        """How many contracts trade before this order at its price. Refuses not_found."""
        raise NotImplementedError
