"""Budgets: no request leaves before the exchange's own token buckets have room for it.

One bucket for reads, one for writes, one more for the writes of each shard that is named, and one for the balance. Who
waits is served in order, the urgent (cancels) before all others; a batch waits until it fits as a whole and nobody
overtakes it. One `Budgets` serves one account in one event loop; it is not for several threads at once.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Literal, NamedTuple

from markets.core.units import SECOND_NS
from markets.kalshi.bucket import Bucket, LaneView
from markets.kalshi.limits import BALANCE_COST, DEFAULT_COST, PUBLIC, TIERS, Costs, Tier

Kind = Literal["read", "write", "balance"]

UNSCOPED = 0  # the shard of batches, and of what names no other: the account's first write bucket
AUTO = -1  # the exchange looks for the shard, and charges every one
RESERVE_SHARE = 10  # a tenth of a write bucket is for the urgent
_HAIR_S = 1e-6  # a timer that fires this early would only be set again


class TooLarge(ValueError):
    """A request (a batch) that no bucket ever has the tokens for; the text says how many fit."""


class BudgetsView(NamedTuple):
    """All buckets, for pages."""

    tier: str
    lanes: tuple[LaneView, ...]

    @property
    def throttled(self) -> int:
        """How often the exchange said 429."""
        return sum(lane.throttled for lane in self.lanes)


class _Waiter(NamedTuple):
    kind: Kind
    shard: int
    cost: int
    urgent: bool
    granted: "asyncio.Future[int]"  # at which ns its tokens were taken


class Budgets:
    """The account's buckets. `clock` gives seconds that never go back; by default the running loop's."""

    def __init__(
        self, tier: Tier = TIERS["basic"], *, clock: Callable[[], float] | None = None, rng: random.Random | None = None
    ) -> None:
        self._clock = clock or _loop_time
        self._rng = rng or random.Random()
        self._costs = Costs()
        self._read = Bucket("read", tier.read_rate, tier.read_capacity)
        self._write = Bucket("write", tier.write_rate, tier.write_capacity)
        self._balance = Bucket("balance", tier.balance_rate, tier.balance_rate)
        self._elsewhere = self._write.copied("elsewhere")  # of any shard that nobody has named yet
        self._shards: dict[int, Bucket] = {}
        self._urgent: list[_Waiter] = []
        self._others: list[_Waiter] = []
        self._timer: asyncio.TimerHandle | None = None
        self.tier = tier.name

    @classmethod
    def public(cls, *, clock: Callable[[], float] | None = None, rng: random.Random | None = None) -> "Budgets":
        """For one who asks without a key: about four reads a second."""
        return cls(PUBLIC, clock=clock, rng=rng)

    # What the exchange says ------------------------------------------------------------------------------------

    def set_tier(self, name: str) -> bool:
        """The budgets of a tier by its name, until the account's own are read; False for a name nobody knows."""
        tier = TIERS.get(name.strip().lower())
        if tier is not None:
            self.set_limits(tier.read_rate, tier.read_capacity, tier.write_rate, tier.write_capacity, tier=tier.name)
        return tier is not None

    def set_limits(
        self, read_rate: int, read_capacity: int, write_rate: int, write_capacity: int, *, tier: str = ""
    ) -> None:
        """From /account/limits: tokens a second, and tokens at most. A tier we do not know has the lowest's balance calls.

        Raises ValueError for a rate or capacity below 1. Who waits for more than there will ever be is told TooLarge.
        """
        if min(read_rate, read_capacity, write_rate, write_capacity) < 1:
            raise ValueError(
                f"limits that let nothing through: {read_rate=} {read_capacity=} {write_rate=} {write_capacity=}"
            )
        self._read.set_limits(read_rate, read_capacity)
        for bucket in (self._write, self._elsewhere, *self._shards.values()):
            bucket.set_limits(write_rate, write_capacity)
        if tier:
            self.tier = tier
        known = TIERS.get(self.tier.strip().lower())
        calls = known.balance_rate if known else 1
        self._balance.set_limits(calls, calls)
        self._serve()

    def set_costs(self, costs: Mapping[tuple[str, str], int], default: int = DEFAULT_COST) -> None:
        """From /account/endpoint_costs: {(method, path template): tokens}, and what all others cost."""
        self._costs.set(costs, default)

    def cost(self, method: str, path_template: str, items: int = 1) -> int:
        """Tokens of one request ("/portfolio/orders/{order_id}", with or without /trade-api/v2); of a batch, of all its items."""
        return self._costs.of(method, path_template, items)

    def throttled(self, kind: Kind | None = None, shard: int = AUTO) -> float:
        """The exchange answered 429 to such a request (None: of whatever kind): stand back. Seconds of the pause.

        The request may be sent again, with a fresh `take`: it was not carried out.
        """
        now_ns = self._now_ns()
        buckets = chain.from_iterable(self._of(each, shard) for each in ((kind,) if kind else ("read", "write")))
        pause_ns = max(bucket.throttled(now_ns, self._rng) for bucket in buckets)
        self._serve()
        return pause_ns / SECOND_NS

    # Asking ----------------------------------------------------------------------------------------------------

    async def take(self, kind: Kind, cost: int, urgent: bool = False, *, shard: int = AUTO) -> float:
        """Wait until the request may be sent, and count it. Seconds waited.

        `cost` is what `cost()` says (for kind "balance" it does not matter). A write names its `shard`: what names none is
        charged to every shard by the exchange, and here too; a batch is UNSCOPED. Raises TooLarge.
        When the task is cancelled while it waits, nothing is spent.
        """
        cost = self._checked(kind, cost)
        buckets = self._of(kind, shard)
        now_ns = self._now_ns()
        if not self._urgent and not self._others and self._wait_ns(buckets, cost, now_ns, urgent=urgent) == 0:
            self._spend(buckets, cost, now_ns)
            return 0.0
        waiter = _Waiter(kind, shard, cost, urgent, asyncio.get_running_loop().create_future())
        (self._urgent if urgent else self._others).append(waiter)
        self._serve()
        try:
            taken_ns = await waiter.granted
        except asyncio.CancelledError:
            self._gone(waiter)
            raise
        return (taken_ns - now_ns) / SECOND_NS

    def try_take(self, kind: Kind, cost: int, urgent: bool = False, *, shard: int = AUTO) -> float:
        """Take without waiting: 0.0 when it was taken, else in how many seconds to try again. Raises TooLarge."""
        cost = self._checked(kind, cost)
        buckets, now_ns = self._of(kind, shard), self._now_ns()
        wait_ns = self._wait_ns(buckets, cost, now_ns, urgent=urgent)
        ahead = self._urgent if urgent else [*self._urgent, *self._others]
        queued_ns = [
            self._wait_ns(held, waiter.cost, now_ns, urgent=waiter.urgent)
            for waiter in ahead
            if not set(held := self._of(waiter.kind, waiter.shard)).isdisjoint(buckets)
        ]
        if wait_ns == 0 and not queued_ns:
            self._spend(buckets, cost, now_ns)
            return 0.0
        return max(1, wait_ns, *queued_ns) / SECOND_NS

    def take_blocking(
        self,
        kind: Kind,
        cost: int,
        urgent: bool = False,
        *,
        shard: int = AUTO,
        sleep: Callable[[float], None] = time.sleep,
    ) -> float:
        """The same for code without an event loop: sleeps until the request may be sent. Seconds waited. Raises TooLarge."""
        waited = 0.0
        while wait_s := self.try_take(kind, cost, urgent, shard=shard):
            sleep(wait_s + _HAIR_S)
            waited += wait_s
        return waited

    def most(self, kind: Kind, cost_each: int) -> int:
        """How many items of such a cost fit into one batch."""
        return self._of(kind, UNSCOPED)[0].capacity // max(1, cost_each)

    def view(self) -> BudgetsView:
        """For pages."""
        now_ns = self._now_ns()
        lanes = (self._read, self._write, *(self._shards[shard] for shard in sorted(self._shards)), self._balance)
        waiting = [*self._urgent, *self._others]
        return BudgetsView(
            self.tier,
            tuple(
                lane.view(sum(lane in self._of(waiter.kind, waiter.shard) for waiter in waiting), now_ns)
                for lane in lanes
            ),
        )

    # Who waits -------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Let through, in order, everybody for whom there are tokens; set the timer for the next."""
        now_ns = self._now_ns()
        held: set[Bucket] = set()  # somebody ahead waits for them
        next_ns: int | None = None
        for waiter in [*self._urgent, *self._others]:
            buckets = self._of(waiter.kind, waiter.shard)  # anew: one may have been named since
            wait_ns = None if not held.isdisjoint(buckets) else self._try_grant(waiter, buckets, now_ns)
            if wait_ns != 0:
                held.update(buckets)
            if wait_ns:
                next_ns = wait_ns if next_ns is None else min(next_ns, wait_ns)
        self._urgent = [waiter for waiter in self._urgent if not waiter.granted.done()]
        self._others = [waiter for waiter in self._others if not waiter.granted.done()]
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if next_ns is not None:
            self._timer = asyncio.get_running_loop().call_later(next_ns / SECOND_NS + _HAIR_S, self._serve)

    def _try_grant(self, waiter: _Waiter, buckets: tuple[Bucket, ...], now_ns: int) -> int:
        """0 when it is done with, else how long it still waits."""
        if waiter.granted.done():  # cancelled, and on its way out
            return 0
        if waiter.cost > buckets[0].capacity:
            waiter.granted.set_exception(_too_large(buckets[0], waiter.cost))
            return 0
        wait_ns = self._wait_ns(buckets, waiter.cost, now_ns, urgent=waiter.urgent)
        if wait_ns == 0:
            self._spend(buckets, waiter.cost, now_ns)
            waiter.granted.set_result(now_ns)
        return wait_ns

    def _gone(self, waiter: _Waiter) -> None:
        """A task was cancelled; what was granted in the same moment goes back, the request never left."""
        granted = waiter.granted
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            now_ns = self._now_ns()
            for bucket in self._of(waiter.kind, waiter.shard):
                bucket.give_back(waiter.cost, granted.result(), now_ns)
        self._serve()

    def _wait_ns(self, buckets: Iterable[Bucket], cost: int, now_ns: int, *, urgent: bool) -> int:
        return max(bucket.wait_ns(cost, now_ns, urgent=urgent, reserve=self._reserve(bucket)) for bucket in buckets)

    def _reserve(self, bucket: Bucket) -> int:
        return 0 if bucket is self._read or bucket is self._balance else bucket.capacity // RESERVE_SHARE

    @staticmethod
    def _spend(buckets: Iterable[Bucket], cost: int, now_ns: int) -> None:
        for bucket in buckets:
            bucket.take(cost, now_ns)

    def _checked(self, kind: Kind, cost: int) -> int:
        if kind == "balance":
            return BALANCE_COST
        lane = self._of(kind, UNSCOPED)[0]
        if cost < 0:
            raise ValueError(f"a request cannot cost {cost} tokens")
        if cost > lane.capacity:
            raise _too_large(lane, cost)
        return cost

    def _of(self, kind: Kind, shard: int) -> tuple[Bucket, ...]:
        if kind == "read":
            return (self._read,)
        if kind == "balance":
            return (self._balance,)
        if shard == UNSCOPED:
            return (self._write,)
        if shard < UNSCOPED:
            return self._write, self._elsewhere, *self._shards.values()
        if shard not in self._shards:
            self._shards[shard] = self._elsewhere.copied(f"write/{shard}")
        return (self._shards[shard],)

    def _now_ns(self) -> int:
        return round(self._clock() * SECOND_NS)


def _too_large(lane: Bucket, cost: int) -> TooLarge:
    return TooLarge(
        f"a request of {cost} tokens never fits: the {lane.name} bucket holds {lane.capacity} at most, "
        f"{lane.capacity // DEFAULT_COST} orders of {DEFAULT_COST}. Send it in smaller batches"
    )


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()
