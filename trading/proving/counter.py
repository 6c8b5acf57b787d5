"""Counter: the simulated exchange behind its own doors, asked by bytes and answered with bytes, without a socket."""

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import parse_qsl

import msgspec
from multidict import MultiDict

from markets.core.units import MILLISECOND_NS
from trading.simulator.exchange import routes_account, routes_groups, routes_money, routes_orders, routes_portfolio
from trading.simulator.exchange.doors import Answer, Ask, Door, Terms
from trading.simulator.exchange.doors_query import Query
from trading.simulator.exchange.errors import ApiError
from trading.simulator.exchange.faults import FaultPlan
from trading.simulator.exchange.house import House
from trading.simulator.exchange.house_rows import KeyRow

DOORS = (
    *routes_orders.DOORS,
    *routes_portfolio.DOORS,
    *routes_groups.DOORS,
    *routes_account.DOORS,
    *routes_money.DOORS,
)
SHARD = 2
BEHIND_MS = 30_000  # how old a stamp may be
AHEAD_MS = 30_000

encode = msgspec.json.Encoder().encode


class Said(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


class Way(NamedTuple):
    """A door, and how its path is told from others."""

    door: Door
    pattern: re.Pattern[str]


class Counter:
    """One member of a house asks here, as over REST: the exchange's own doors read the request and write the answer.

    `cash` is Money on the shard of the markets; what is read lags by `lag_ns`.
    """

    def __init__(self, clock: Callable[[], int], *, salt: str, cash: int, lag_ns: int) -> None:
        self.clock = clock
        self.house = House(clock, salt=salt, read_lag_ns=lag_ns, rests=False)
        self.account = self.house.open_account({SHARD: cash}, tier="prestige")
        self.key = KeyRow("proof", self.account.number, "hmac", secret=b"proof")
        self.house.add_key(self.key)
        self._terms, self._faults = Terms(wall=clock, is_limited=False), FaultPlan()
        self._exact = {(door.method, door.path): door for door in DOORS if "{" not in door.path}
        self._ways = [_way(door) for door in DOORS if "{" in door.path]

    def ask(self, method: str, target: str, body: bytes | None, stamp_ms: int) -> Said:
        """What comes of a request (`target`: path below the root, with its query) that was stamped so."""
        now_ms = self.clock() // MILLISECOND_NS
        try:
            if not -AHEAD_MS <= now_ms - stamp_ms <= BEHIND_MS:
                raise ApiError(401, "header_timestamp_expired", "the stamp is not near our time")
            answer = self._answer(method, target, body)
        except ApiError as error:
            return Said(error.status, error.body)
        return Said(answer.status, b"" if answer.body is None else encode(answer.body))

    def _answer(self, method: str, target: str, body: bytes | None) -> Answer:
        path, _, query = target.partition("?")
        door, parts = self._found(method, path)
        ask = Ask(
            house=self.house,
            terms=self._terms,
            faults=self._faults,
            method=method,
            path=path,
            parts=parts,
            query=Query(MultiDict(parse_qsl(query, keep_blank_values=True))),
            body=body or b"",
            key=self.key,
        )
        self.house.tick(self.clock())
        return door.answer(ask)

    def _found(self, method: str, path: str) -> tuple[Door, dict[str, str]]:
        door = self._exact.get((method, path))
        if door is not None:
            return door, {}
        for way in self._ways:
            found = way.pattern.fullmatch(path) if way.door.method == method else None
            if found is not None:
                return way.door, found.groupdict()
        raise ApiError(404, "not_found", path, shape="flat")


def _way(door: Door) -> Way:
    return Way(door, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", door.path)))
