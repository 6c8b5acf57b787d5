"""What the simulated exchange keeps of markets, accounts, keys and moves of money. Integers as everywhere: Price, Count, Money, ns."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from markets.core.contract import Contract

MarketState = Literal["initialized", "active", "inactive", "closed", "determined", "disputed", "amended", "finalized"]
Tier = Literal["basic", "advanced", "expert", "premier", "paragon", "prime", "prestige"]
KeyKind = Literal["rsa", "ed25519", "hmac"]
CRYPTO_SHARD = 2
SHARDS = {0: "default", 1: "combos and exotics", 2: "crypto", 3: "sports"}


@dataclass(slots=True)
class HouseMarket:
    """One market, from its listing to its settlement. Times are UTC ns, 0 while they have not come.

    `volume`, `open_interest` and `last_count` are Counts, `turnover` Money; `last_price` 0 means no trade yet.
    `clock` counts the changes of its book. `yes_pays` is a Price, None until it is determined.
    """

    contract: Contract
    event_ticker: str
    market_id: str
    created_ns: int
    open_ns: int
    close_ns: int
    expected_expiration_ns: int
    latest_expiration_ns: int
    title: str
    yes_sub_title: str
    no_sub_title: str
    rules_primary: str
    rules_secondary: str
    price_level_structure: str = "tapered_deci_cent"
    shard: int = CRYPTO_SHARD
    status: MarketState = "initialized"
    updated_ns: int = 0
    determined_ns: int = 0
    settled_ns: int = 0
    result: Literal["", "yes", "no", "scalar"] = ""
    yes_pays: int | None = None
    expiration_value: str = ""
    last_price: int = 0
    last_count: int = 0
    volume: int = 0
    open_interest: int = 0
    turnover: int = 0
    clock: int = 0

    @property
    def ticker(self) -> str:
        """Its name on the wire."""
        return self.contract.ticker

    @property
    def series(self) -> str:
        """The series it belongs to."""
        return self.contract.series


class Quote(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The best of a book in YES terms: a bid of 0 or an ask of 10000 means none."""

    bid: int
    ask: int
    bid_count: int
    ask_count: int


@dataclass(slots=True)
class Series:
    """One series. `fee_multiplier` is relative: 1 is the rate of the schedule."""

    ticker: str
    asset: str
    title: str
    fee_type: str = "quadratic"
    fee_multiplier: float = 1.0
    shard: int = CRYPTO_SHARD
    updated_ns: int = 0
    volume: int = 0


@dataclass(slots=True)
class FeeChange:
    """A change of a series' fees that is announced or in force; `event_ticker` is set for an override of one event."""

    number: int
    series: str
    fee_type: str | None
    fee_multiplier: float | None
    scheduled_ns: int
    event_ticker: str = ""


@dataclass(slots=True)
class Account:
    """A member. `subaccounts` are the numbers of its pockets, 0 the first."""

    number: int
    user_id: str
    tier: Tier = "basic"
    subaccounts: list[int] = field(default_factory=lambda: [0])
    netting: dict[int, bool] = field(default_factory=dict)
    allocations: dict[int, int] = field(default_factory=dict)  # percent by shard, empty: switched off
    resting_margin: Literal["none", "max", "sum"] = "none"


class KeyRow(msgspec.Struct, frozen=True):
    """An API key: whose it is and how its signatures are verified. `public` is PEM, empty for hmac."""

    key_id: str
    account: int
    kind: KeyKind
    public: bytes = b""
    secret: bytes = b""
    scopes: tuple[str, ...] = ("read", "write")
    name: str = ""
    subaccount: int | None = None

    def __repr__(self) -> str:
        return f"KeyRow({self.key_id!r}, account={self.account}, kind={self.kind!r})"


class TradeRow(msgspec.Struct, frozen=True, gc=False):
    """A public trade at its YES price."""

    trade_id: str
    ticker: str
    price: int
    count: int
    is_taker_bid: bool
    at_ns: int


class FillRow(msgspec.Struct, frozen=True, gc=False):
    """One side of a trade of one account, at its YES price; `fee` is all that it was charged."""

    trade_id: str
    order: int
    client_id: str
    account: int
    subaccount: int
    ticker: str
    shard: int
    is_bid: bool
    price: int
    count: int
    fee: int
    is_taker: bool
    position_after: int
    at_ns: int


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """What one pocket holds in one market: + YES, - NO. `cost` is of what is held now, `traded` in contracts,
    `turnover` in Money; `settled_ns` 0 while it is open."""

    account: int
    subaccount: int
    ticker: str
    shard: int
    count: int
    cost: int
    realised: int
    fees: int
    traded: int
    turnover: int
    updated_ns: int
    settled_ns: int = 0


class SettlementRow(msgspec.Struct, frozen=True, gc=False):
    """What one pocket was paid when a market settled."""

    account: int
    subaccount: int
    ticker: str
    shard: int
    result: Literal["yes", "no", "scalar"]
    yes_pays: int
    count: int
    cost: int
    fees: int
    payout: int
    at_ns: int


@dataclass(slots=True)
class Transfer:
    """Money on its way between two shards, or between two pockets of an account (`kind` "subaccount")."""

    transfer_id: str
    client_id: str
    account: int
    kind: Literal["shard", "subaccount"]
    source: int
    destination: int
    money: int
    created_ns: int
    due_ns: int
    status: Literal["pending", "completed", "failed"] = "pending"
    finished_ns: int = 0
    shard: int = 0
    subaccount: int = 0


@dataclass(slots=True)
class ShardState:
    """Whether one shard works now. `resume_ns` 0: not known."""

    index: int
    description: str
    is_active: bool = True
    is_trading: bool = True
    has_transfers: bool = True
    resume_ns: int = 0
