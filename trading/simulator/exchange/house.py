"""House: the whole state of the simulated exchange, and how it passes time. No sockets in here."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar

from markets.core.events import Level, MarketEvent
from trading.simulator.exchange.house_ids import Ids
from trading.simulator.exchange.house_rows import (
    Account,
    FeeChange,
    HouseMarket,
    KeyRow,
    Quote,
    Series,
    ShardState,
    Tier,
    TradeRow,
    Transfer,
)

if TYPE_CHECKING:
    from trading.core.matching.engine import Matching
    from trading.simulator.exchange.history import Candle, Reads
    from trading.simulator.exchange.house_news import News
    from trading.simulator.exchange.index import IndexBoard

T = TypeVar("T")


class House:
    """`clock` is the exchange's own time. Everything that changes goes through `do`, `take` and `tick`, and is told to
    who listens, in order. What REST reads of an account (`reads`) is `read_lag_ns` old."""

    matching: "Matching"
    clock: Callable[[], int]
    ids: Ids
    markets: dict[str, HouseMarket]  # by ticker, oldest first; long settled ones are forgotten
    series: dict[str, Series]
    fee_changes: list[FeeChange]
    accounts: dict[int, Account]
    keys: dict[str, KeyRow]  # by API key id
    transfers: dict[str, Transfer]  # by transfer id
    shards: dict[int, ShardState]
    reads: "Reads"  # orders, fills, positions, settlements, cash as REST reads them
    index: "IndexBoard"
    read_lag_ns: int
    settle_delay_ns: int  # added to every settlement from now on (a fault)

    def __init__(
        self, clock: Callable[[], int], *, assets: Iterable[str] = (), salt: str = "", read_lag_ns: int = 0
    ) -> None:
        raise NotImplementedError

    # What happens --------------------------------------------------------------------------------------------

    def take(self, event: MarketEvent) -> None:
        """What the demo world or a tape tells."""
        raise NotImplementedError

    def tick(self, now_ns: int) -> None:
        """Pass time: listings, opens, closes, determinations, expiries, maintenance, transfers, the lag of reads."""
        raise NotImplementedError

    def do(self, action: Callable[["Matching", int], T]) -> T:
        """Act on the matching exchange at this moment, e.g. `house.do(lambda m, now: m.place(order, now))`, and tell
        what happened. Raises what the action raises (Refusal)."""
        raise NotImplementedError

    def listen(self, callback: Callable[["News"], None]) -> None:
        """Be told all news from now on."""
        raise NotImplementedError

    def unlisten(self, callback: Callable[["News"], None]) -> None:
        """Be told no more."""
        raise NotImplementedError

    # What is read --------------------------------------------------------------------------------------------

    def now_ns(self) -> int:
        """The exchange's time."""
        raise NotImplementedError

    def quote(self, ticker: str) -> Quote:
        """The best of the book, all resting orders included."""
        raise NotImplementedError

    def book(self, ticker: str) -> tuple[list[Level], list[Level]]:
        """(YES bids, NO bids), each ascending in its own price terms; empty for an unknown or finished market."""
        raise NotImplementedError

    def trades(self, ticker: str = "") -> list[TradeRow]:
        """Public trades, newest first: of one market, or of all."""
        raise NotImplementedError

    def candles(self, ticker: str, start_s: int, end_s: int, minutes: int) -> list["Candle"]:
        """Candles of 1, 60 or 1440 minutes that end in [start_s, end_s], minutes without activity left out."""
        raise NotImplementedError

    def shard_of(self, ticker: str) -> int:
        """Where this market trades; 0 for a market that is not known."""
        raise NotImplementedError

    # Members -------------------------------------------------------------------------------------------------

    def open_account(self, cash: Mapping[int, int], *, tier: Tier = "basic", precision: int | None = None) -> Account:
        """A new member with this Money by shard."""
        raise NotImplementedError

    def add_key(self, key: KeyRow) -> None:
        """Let who holds this key in."""
        raise NotImplementedError

    def make_subaccount(self, account: int) -> int:
        """One more pocket; its number. Raises Refusal."""
        raise NotImplementedError

    def transfer_shards(  # noqa: PLR0917
        self, account: int, client_id: str, source: int, destination: int, money: int, subaccount: int = 0
    ) -> Transfer:
        """Begin to move money between shards; it arrives a little later. Raises Refusal (the same `client_id` again,
        too little money, transfers not possible now)."""
        raise NotImplementedError

    def transfer_subaccounts(self, account: int, client_id: str, source: int, destination: int, money: int) -> Transfer:
        """Move money between pockets, on shard 0, at once. Raises Refusal."""
        raise NotImplementedError

    # The exchange's own doings -------------------------------------------------------------------------------

    def pause(self, shard: int, *, is_active: bool = True, resume_ns: int = 0) -> None:
        """No trading on a shard; with `is_active` False not even cancels."""
        raise NotImplementedError

    def resume(self, shard: int) -> None:
        """Trading goes on."""
        raise NotImplementedError

    def pause_market(self, ticker: str) -> None:
        """Deactivate one market ("inactive")."""
        raise NotImplementedError

    def resume_market(self, ticker: str) -> None:
        """Activate it again: all its resting orders are cancelled."""
        raise NotImplementedError

    def dispute(self, ticker: str) -> None:
        """A closed or determined market is looked into: it settles when `determine` is called."""
        raise NotImplementedError

    def determine(self, ticker: str, result: str, yes_pays: int, expiration_value: str = "") -> None:
        """Say the result of a closed market; "scalar" voids it. It is paid out a second later."""
        raise NotImplementedError
