"""Token buckets: what an account may ask in a second, by its tier; and what each call costs."""

from dataclasses import dataclass, field

from trading.simulator.exchange.errors import too_many

DEFAULT_COST = 10
# (method, path template below the API's root) -> tokens; a batch costs this for each item.
COSTS = {
    ("GET", "/portfolio/orders/{order_id}"): 2,
    ("DELETE", "/portfolio/events/orders"): 2,
    ("DELETE", "/portfolio/events/orders/{order_id}"): 2,
    ("DELETE", "/portfolio/events/orders/batched"): 2,
    ("POST", "/account/api_usage_level/upgrade"): 30,
}
RATES = {  # tier: reads and writes a second, in tokens
    "basic": (200, 100),
    "advanced": (300, 300),
    "expert": (600, 600),
    "premier": (1_000, 1_000),
    "paragon": (2_000, 2_000),
    "prime": (4_000, 4_000),
    "prestige": (10_000, 8_000),
}
SLOW_TIERS = ("basic", "advanced")  # their balance can be read once a second
UNSCOPED = 0  # the write bucket of shard 0, of batches and of everything without a shard


@dataclass(slots=True)
class Bucket:
    """Holds `capacity` tokens at most and gains `rate` a second. It begins full."""

    rate: float
    capacity: float
    tokens: float = -1.0
    at_s: float = 0.0

    def has(self, cost: float, now_s: float) -> bool:
        """Whether so much could be taken now."""
        if self.tokens < 0:
            self.tokens = self.capacity
        else:
            self.tokens = min(self.capacity, self.tokens + max(0.0, now_s - self.at_s) * self.rate)
        self.at_s = max(self.at_s, now_s)
        return self.tokens >= cost

    def take(self, cost: float) -> None:
        """Take what `has` has just said is there."""
        self.tokens -= cost


def limits(tier: str) -> dict[str, tuple[int, int]]:
    """(rate, capacity) of the read and the write bucket of a tier."""
    read, write = RATES[tier]
    return {
        "read": (read, read * (2 if tier in SLOW_TIERS else 1)),
        "write": (write, write * (1 if tier == "basic" else 2)),
    }


@dataclass(slots=True)
class Purse:
    """The buckets of one account; made anew when its tier changes."""

    tier: str
    read: Bucket
    balance: Bucket
    write: dict[int, Bucket] = field(default_factory=dict)


class Buckets:
    """All buckets of the exchange. `public_rate` is how many unsigned reads a second one address may do."""

    def __init__(self, public_rate: int) -> None:
        self._public_rate = public_rate
        self._public: dict[str, Bucket] = {}
        self._purses: dict[int, Purse] = {}

    def take_public(self, address: str, now_s: float) -> None:
        """One unsigned read. Raises ApiError (429)."""
        if address not in self._public and len(self._public) > 1_000:
            self._public.clear()
        bucket = self._public.setdefault(address, Bucket(self._public_rate, self._public_rate))
        _take([bucket], 1, now_s)

    def take_read(self, account: int, tier: str, cost: int, now_s: float) -> None:
        """One signed read. Raises ApiError (429)."""
        _take([self._purse(account, tier).read], cost, now_s)

    def take_balance(self, account: int, tier: str, now_s: float) -> None:
        """One look at the balance, outside the read budget. Raises ApiError (429)."""
        _take([self._purse(account, tier).balance], 1, now_s)

    def take_write(self, account: int, tier: str, cost: int, shards: tuple[int, ...], now_s: float) -> None:
        """A write that is charged to these shards' buckets: to all of them, or refused. Raises ApiError (429)."""
        purse = self._purse(account, tier)
        rate, capacity = limits(tier)["write"]
        _take([purse.write.setdefault(shard, Bucket(rate, capacity)) for shard in shards], cost, now_s)

    def _purse(self, account: int, tier: str) -> Purse:
        purse = self._purses.get(account)
        if purse is None or purse.tier != tier:
            rate, capacity = limits(tier)["read"]
            a_second = 1 if tier in SLOW_TIERS else 5
            purse = self._purses[account] = Purse(tier, Bucket(rate, capacity), Bucket(a_second, a_second))
        return purse


def _take(buckets: list[Bucket], cost: float, now_s: float) -> None:
    if not all(bucket.has(cost, now_s) for bucket in buckets):
        raise too_many()
    for bucket in buckets:
        bucket.take(cost)
