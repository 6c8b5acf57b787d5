"""Doors: one for each call, with what it costs and who may pass; and Ask, a request that has passed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from markets.core.units import DAY_NS
from trading.core.matching.messages import Refusal
from trading.simulator.exchange.buckets import DEFAULT_COST, UNSCOPED
from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import ApiError, invalid, malformed, refused
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_rows import Account, HouseMarket
from trading.simulator.exchange.keys import KeyRow

T = TypeVar("T")
PUBLIC, BALANCE, TRADE, MOVE, READ, WRITE = (
    "",
    "read::portfolio_balance",
    "write::trade",
    "write::transfer",
    "read",
    "write",
)
ROOT = "/trade-api/v2"  # what each path begins with
MOST_SUBACCOUNTS = 64
Routing = tuple[int, tuple[int, ...]]  # cost, shards whose write bucket pays


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange's doors are set. `wall` is the clock that signatures are checked against, ns; `steady`, in s,
    the one that token buckets fill by.

    A stamp may be `behind_ms` older and `ahead_ms` younger than the clock. `public_rate` is how many unsigned reads a
    second are answered, `is_limited` False lifts all limits. `secret` opens the control door; empty keeps it shut.
    What is older than `live_ns` is told under /historical only.
    """

    wall: Callable[[], int] = time.time_ns
    steady: Callable[[], float] = time.monotonic
    behind_ms: int = 10_000
    ahead_ms: int = 30_000
    public_rate: int = 5
    is_limited: bool = True
    secret: str = ""
    live_ns: int = 90 * DAY_NS


@dataclass(slots=True)
class Ask:
    """One admitted request. `key` is None for an unsigned public read."""

    house: House
    terms: Terms
    faults: FaultPlan
    method: str
    path: str  # below the API's root
    parts: Mapping[str, str]
    query: Query
    body: bytes
    key: KeyRow | None

    @property
    def now_ns(self) -> int:
        """The exchange's time."""
        return self.house.now_ns()

    @property
    def cutoff_ns(self) -> int:
        """What is older is history."""
        return max(0, self.now_ns - self.terms.live_ns)

    @property
    def row(self) -> KeyRow:
        """The key that signed."""
        if self.key is None:
            raise ApiError(401, "signature_is_missing_from_headers")
        return self.key

    @property
    def account(self) -> Account:
        """Whose key it is."""
        return self.house.accounts[self.row.account]

    @property
    def whose(self) -> str:
        """The call and the account, for cursors."""
        return f"{self.method} {self.path} {self.key.account if self.key else 0}"

    def read(self, kind: type[T]) -> T:
        """The body as this Struct. Raises ApiError (400)."""
        return decoded(self.body, kind)

    def subaccount(self, named: int | None, usual: int | None = 0) -> int | None:
        """Which pocket is meant. A key that is locked to one may name no other: ApiError (403)."""
        locked = self.row.subaccount
        if locked is None:
            return usual if named is None else named
        if named not in {None, locked}:
            raise ApiError(403, "permission_denied", f"this key is for subaccount {locked} only")
        return locked

    def asked_subaccount(self, usual: int | None = 0) -> int | None:
        """The same, of the query."""
        return self.subaccount(self.query.number("subaccount", 0, MOST_SUBACCOUNTS - 1), usual)

    def pocket(self, named: int | None) -> int:
        """The pocket that a write means; it has to exist."""
        found = self.subaccount(named) or 0
        if found not in self.account.subaccounts:
            raise invalid(f"there is no subaccount {found}")
        return found

    def market_shard(self, market: HouseMarket) -> int:
        """The shard that this market is said to be on."""
        fault = self.faults.standing("wrong_shard", method=self.method, path=self.path) if self.faults.armed else None
        return market.shard if fault is None else fault.shard

    def act(self, action: Callable[[], T]) -> T:
        """Do something that the house or the matching exchange may refuse, and say so in its words."""
        try:
            return action()
        except Refusal as refusal:
            raise refused(refusal) from refusal


@dataclass(slots=True)
class Answer:
    """What a door answers: a body that becomes JSON, or none."""

    body: object = None
    status: int = 200


def _usual(ask: Ask, cost: int) -> Routing:
    return cost, (UNSCOPED,)


@dataclass(frozen=True, slots=True)
class Door:
    """One call. `scope` "" lets everybody in; `billed` says what a write costs and which shards' buckets pay."""

    method: str
    path: str
    answer: Callable[[Ask], Answer]
    scope: str = PUBLIC
    cost: int = DEFAULT_COST
    billed: Callable[[Ask, int], Routing] = _usual

    @property
    def is_write(self) -> bool:
        """Whether it is paid from the write budget."""
        return self.scope.startswith("write")


def decoded(body: bytes, kind: type[T]) -> T:
    """A body as this Struct. Raises ApiError (400), in the flat shape."""
    if not body.strip():
        raise malformed("the body is empty")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise malformed(f"cannot unmarshal: {error}"[:300]) from error
