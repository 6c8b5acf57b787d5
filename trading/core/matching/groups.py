"""Order groups: a brake on what the orders of a group may match within any fifteen seconds."""

from collections import deque
from typing import TYPE_CHECKING

from markets.core.units import CONTRACT, SECOND_NS
from trading.core.matching.messages import GroupState, Refusal

if TYPE_CHECKING:
    from trading.core.matching.ladder import Order

WINDOW_NS = 15 * SECOND_NS
MOST = 1_000_000 * CONTRACT


class Group:
    """One order group. `orders` are those that rest."""

    def __init__(self, number: int, account: int, subaccount: int, shard: int, limit: int) -> None:
        self.number = number
        self.account = account
        self.subaccount = subaccount
        self.shard = shard
        self.limit = limit
        self.is_triggered = False
        self.orders: dict[int, Order] = {}
        self._matches: deque[tuple[int, int]] = deque()
        self._matched = 0

    def matched(self, now_ns: int) -> int:
        """Contracts matched in the fifteen seconds up to now."""
        while self._matches and self._matches[0][0] <= now_ns - WINDOW_NS:
            self._matched -= self._matches.popleft()[1]
        return self._matched

    def left(self, now_ns: int) -> int:
        """How many contracts may still match now."""
        return 0 if self.is_triggered else max(self.limit - self.matched(now_ns), 0)

    def match(self, now_ns: int, count: int) -> None:
        """Count a fill."""
        self._matches.append((now_ns, count))
        self._matched += count

    def reset(self) -> None:
        """Begin anew."""
        self.is_triggered = False
        self._matches.clear()
        self._matched = 0

    def state(self, now_ns: int) -> GroupState:
        """The group as a value."""
        return GroupState(
            self.number,
            self.account,
            self.subaccount,
            self.shard,
            self.limit,
            self.matched(now_ns),
            self.is_triggered,
            tuple(self.orders),
        )


def checked_limit(limit: int) -> int:
    """A limit the exchange takes: one hundredth of a contract to a million. Refuses invalid_parameters."""
    if not 0 < limit <= MOST:
        raise Refusal("invalid_parameters", "the contracts limit must be above 0 and at most 1000000")
    return limit
