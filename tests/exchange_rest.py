"""A simulated exchange on a real socket with two members and one open market, and a client that signs: for tests of its REST side."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any, NamedTuple
from uuid import uuid4

import aiohttp
import msgspec

from markets.core.events import MarketListed
from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.auth import Signer, headers, hmac_signer, load_signer
from tests.builders import CLOSE_NS, TICKER, Hand, at, contract, snapshot
from trading.simulator.exchange.app import ROOT, Terms
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.keys import Kind, new_key
from trading.simulator.exchange.serving import serve_exchange

SECRET = "open the door"
ORDERS = "/portfolio/events/orders"
NEXT_TICKER = "KXBTC15M-26NOV221215-15"
UNLIMITED = Terms(is_limited=False, secret=SECRET)


class Time(Hand):
    """The house's clock, a minute after the open."""

    def __init__(self, now_ns: int = at(60)) -> None:
        super().__init__(now_ns)

    def pass_s(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


class Said(NamedTuple):
    """An answer."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """The word of a refusal, in whichever of the three shapes it came; "" for none."""
        if not isinstance(self.body, dict):
            return ""
        error = self.body.get("error", self.body)
        return str(error.get("code", "")) if isinstance(error, dict) else str(error)

    @property
    def details(self) -> str:
        return str(self.body.get("error", self.body).get("details", ""))


class Member:
    """One account's client; without a signer it is anybody."""

    def __init__(self, session: aiohttp.ClientSession, rest: str, signer: Signer | None = None) -> None:
        self.session, self.rest, self.signer = session, rest, signer

    async def ask(self, method: str, path: str, body: object = None, *, headers_: Any = None, **query: object) -> Said:
        """`body` is sent as JSON, bytes as they are; a list in the query is repeated."""
        sent = self.signed(method, path) | {"Content-Type": "application/json"} | (headers_ or {})
        data = body if body is None or isinstance(body, bytes | BytesIO) else msgspec.json.encode(body)
        pairs = [(name, value if isinstance(value, list) else [value]) for name, value in query.items()]
        params = [(name, str(one)) for name, values in pairs for one in values]
        async with self.session.request(method, self.rest + path, data=data, params=params, headers=sent) as answer:
            raw = await answer.read()
            return Said(answer.status, msgspec.json.decode(raw) if raw else None, dict(answer.headers))

    def signed(self, method: str, path: str, now_ms: int = 0) -> dict[str, str]:
        return headers(self.signer, method, ROOT + path, now_ms or wall_ms()) if self.signer else {}

    async def get(self, path: str, **query: object) -> Said:
        return await self.ask("GET", path, **query)

    async def place(self, side: str = "bid", price: str = "0.4000", count: str = "10.00", **more: object) -> Said:
        return await self.ask("POST", ORDERS, order_body(side, price, count, **more))

    async def cancel(self, order_id: str, **query: object) -> Said:
        return await self.ask("DELETE", f"{ORDERS}/{order_id}", **({"exchange_index": 2} | query))

    async def all(self, path: str, name: str, **query: object) -> list[Any]:
        """Every page of a list."""
        found: list[Any] = []
        cursor = ""
        while True:
            said = await self.get(path, cursor=cursor, **query)
            assert said.status == 200, said
            found += said.body[name]
            cursor = said.body.get("cursor", "")
            if not cursor:
                return found


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def order_body(side: str = "bid", price: str = "0.4000", count: str = "10.00", **more: object) -> dict[str, object]:
    """A new order; what is None in `more` is left out."""
    body: dict[str, object] = {
        "ticker": TICKER,
        "client_order_id": str(uuid4()),
        "side": side,
        "count": count,
        "price": price,
        "time_in_force": "good_till_canceled",
        "self_trade_prevention_type": "taker_at_cross",
        "exchange_index": 2,
    }
    return {name: value for name, value in (body | more).items() if value is not None}


def new_house(clock: Time | None = None, *, read_lag_ns: int = 0) -> House:
    """One open market with a crowd that bids 0.49 and asks 0.51 for 1,000 contracts, one that is not open yet, and two
    members with 1,000 dollars on shard 0 and 5,000 on shard 2."""
    house = House(clock or Time(), read_lag_ns=read_lag_ns)
    house.take(MarketListed(at(-60), contract()))
    later = contract(NEXT_TICKER, open_ns=CLOSE_NS, close_ns=CLOSE_NS + 900 * SECOND_NS, strike=None)
    house.take(MarketListed(at(-60), later))
    house.take(snapshot(1.0))
    for _ in range(2):
        house.open_account({0: 1_000 * DOLLAR, 2: 5_000 * DOLLAR})
    house.tick(house.clock())
    return house


class Open(NamedTuple):
    """An exchange that is open to its members."""

    house: House
    plan: FaultPlan
    me: Member
    other: Member
    nobody: Member

    def fault(self, kind: str, **more: object) -> int:
        """Arm a fault."""
        return self.plan.add(msgspec.convert({"kind": kind} | more, Fault))

    def key(self, kind: Kind = "ed25519", account: int = 1, **more: Any) -> Member:
        """The same account with another key."""
        return Member(self.me.session, self.me.rest, member_key(self.house, account, kind, **more))


@asynccontextmanager
async def opened(
    house: House | None = None, *, terms: Terms = UNLIMITED, plan: FaultPlan | None = None
) -> AsyncIterator[Open]:
    """Serve it; both members sign with Ed25519."""
    house = house or new_house()
    plan = plan or FaultPlan()
    signers = [member_key(house, account) for account in (1, 2)]
    async with serve_exchange(house, faults=plan, terms=terms) as exchange, aiohttp.ClientSession() as session:
        me, other = (Member(session, exchange.rest, signer) for signer in signers)
        yield Open(house, plan, me, other, Member(session, exchange.rest))


def member_key(house: House, account: int, kind: Kind = "ed25519", **more: Any) -> Signer:
    """A new key of an account, in the hands of its owner."""
    row, private = new_key(kind, str(uuid4()), account, **more)
    house.add_key(row)
    return hmac_signer(row.key_id, private) if kind == "hmac" else load_signer(row.key_id, private)
