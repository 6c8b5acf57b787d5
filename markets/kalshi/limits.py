"""What the exchange grants: tiers with their budgets, and what a call costs. Numbers of autumn 2026, until it tells its own."""

import re
from collections.abc import Mapping
from typing import NamedTuple

DEFAULT_COST = 10
PUBLIC_REQUESTS_A_SECOND = 4  # without a key; four to five were seen to last
BALANCE_COST = 1  # of a bucket that counts calls


class Tier(NamedTuple):
    """Tokens a second and at most; `balance_rate` in calls a second."""

    name: str
    read_rate: int
    read_capacity: int
    write_rate: int
    write_capacity: int
    balance_rate: int = 5


TIERS: dict[str, Tier] = {
    tier.name: tier
    for tier in (
        Tier("basic", 200, 400, 100, 100, 1),
        Tier("advanced", 300, 600, 300, 600, 1),
        Tier("expert", 600, 600, 600, 1_200),
        Tier("premier", 1_000, 1_000, 1_000, 2_000),
        Tier("paragon", 2_000, 2_000, 2_000, 4_000),
        Tier("prime", 4_000, 4_000, 4_000, 8_000),
        Tier("prestige", 6_000, 6_000, 8_000, 16_000),
    )
}
PUBLIC = Tier(
    "public",
    PUBLIC_REQUESTS_A_SECOND * DEFAULT_COST,
    PUBLIC_REQUESTS_A_SECOND * DEFAULT_COST,
    1,
    DEFAULT_COST,
    1,
)

COSTS: dict[tuple[str, str], int] = {
    ("GET", "/portfolio/orders/{order_id}"): 2,
    ("DELETE", "/portfolio/events/orders/{order_id}"): 2,
    ("DELETE", "/portfolio/events/orders/batched"): 2,  # each
    ("DELETE", "/portfolio/events/orders"): 2,
    ("POST", "/account/api_usage_level/upgrade"): 30,
}
_PARAMETER = re.compile(r"/(?:\{[^/}]*\}|:[^/]+|<[^/>]*>|\*)")


class Costs:
    """What each call costs in tokens. However a path's parameters are written, they are the same path."""

    def __init__(self) -> None:
        self._default = DEFAULT_COST
        self._costs = {_name(*call): cost for call, cost in COSTS.items()}

    def set(self, costs: Mapping[tuple[str, str], int], default: int = DEFAULT_COST) -> None:
        """The exchange's own list, whole. What we know to be dearer than the default stays, where the list is silent."""
        theirs = {_name(*call): cost for call, cost in costs.items() if cost >= 0}
        dearer = {_name(*call): cost for call, cost in COSTS.items() if cost > default}
        self._default = max(0, default)
        self._costs = dearer | theirs

    def of(self, method: str, path_template: str, items: int = 1) -> int:
        """Tokens of one request; for a batch, of all its `items`."""
        return self._costs.get(_name(method, path_template), self._default) * items


def _name(method: str, path: str) -> tuple[str, str]:
    path = path.partition("?")[0].removeprefix("/trade-api/v2").rstrip("/")
    return method.upper(), _PARAMETER.sub("/{}", path)
