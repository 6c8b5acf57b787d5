"""VenueVwap: the volume-weighted price of one venue over a moving window, in a circular buffer with running sums."""

from math import fsum, inf

_FIRST_CAPACITY = 256  # a power of two: slots are found with a mask
_LARGEST_DROP = 1e4  # of a sum, before what rounding left behind could show


class VenueVwap:
    """Sums follow each trade in and out, so a trade costs the same however many are inside.

    The newest trade never leaves: a venue that fell silent still says its last price. A trade of unknown size (0)
    weighs 1, so where a recording kept no sizes at all this is the plain mean of the trades.
    """

    __slots__ = (
        "_capacity", "_dropped", "_head", "_mask", "_peak", "_peak_worth", "_prices", "_tail", "_times", "_weighted",
        "_weights", "last_ns", "last_price", "weight", "window_ns",
    )  # fmt: skip

    def __init__(self, window_ns: int) -> None:
        self.window_ns = window_ns
        self.weight = 0.0  # of all trades inside
        self.last_ns = 0
        self.last_price = 0.0
        self._capacity = _FIRST_CAPACITY
        self._mask = _FIRST_CAPACITY - 1
        self._times = [0] * _FIRST_CAPACITY
        self._prices = [0.0] * _FIRST_CAPACITY
        self._weights = [0.0] * _FIRST_CAPACITY
        self._head = self._tail = 0  # trades ever dropped, trades ever added
        self._weighted = 0.0  # sum of price x weight
        self._peak = self._peak_worth = 0.0  # the largest of both sums since they were last exact
        self._dropped = 0  # trades that left since then

    def __len__(self) -> int:
        """How many trades are inside."""
        return self._tail - self._head

    def add(self, now_ns: int, price: float, size: float = 0.0) -> None:
        """Take a trade received at `now_ns`, which is never before the one before it."""
        weight = size if 0.0 < size < inf else 1.0
        if self._tail - self._head == self._capacity:
            self._grow()
        slot = self._tail & self._mask
        self._times[slot] = self.last_ns = now_ns
        self._prices[slot] = self.last_price = price
        self._weights[slot] = weight
        self._tail += 1
        self._weighted += price * weight
        self.weight += weight
        if self.weight > self._peak:
            self._peak = self.weight
        if self._weighted > self._peak_worth:
            self._peak_worth = self._weighted
        self.drop_old(now_ns)

    def drop_old(self, now_ns: int) -> None:
        """Let go of the trades that are older than the window, but never of the newest."""
        since_ns = now_ns - self.window_ns
        head, newest, mask = self._head, self._tail - 1, self._mask
        if head >= newest or self._times[head & mask] >= since_ns:
            return
        while head < newest and self._times[head & mask] < since_ns:
            slot = head & mask
            self._weighted -= self._prices[slot] * self._weights[slot]
            self.weight -= self._weights[slot]
            head += 1
        self._dropped += head - self._head
        self._head = head
        is_little = self.weight * _LARGEST_DROP < self._peak or self._weighted * _LARGEST_DROP < self._peak_worth
        if is_little or head == newest or self._dropped >= self._capacity:
            self._sum_again()

    def inside(self, now_ns: int) -> tuple[float, float, int]:
        """(price, weight, time of the oldest trade) of what is inside the window at `now_ns`. Only looks: who asks
        changes nothing, not even a rounding. Ask only after the first trade."""
        since_ns = now_ns - self.window_ns
        head, newest, mask = self._head, self._tail - 1, self._mask
        if head >= newest or self._times[head & mask] >= since_ns:
            return self._weighted / self.weight, self.weight, self._times[head & mask]
        while head < newest and self._times[head & mask] < since_ns:
            head += 1
        slots = [place & mask for place in range(head, self._tail)]
        weight = fsum([self._weights[slot] for slot in slots])
        weighted = fsum([self._prices[slot] * self._weights[slot] for slot in slots])
        return weighted / weight, weight, self._times[head & mask]

    @property
    def price(self) -> float:
        """The volume-weighted price of what is inside. Ask only after the first trade."""
        return self._weighted / self.weight

    @property
    def first_ns(self) -> int:
        """When the oldest trade inside was received."""
        return self._times[self._head & self._mask]

    def _sum_again(self) -> None:
        """Exact sums: what was added and taken away again leaves a rounding error behind."""
        slots = [place & self._mask for place in range(self._head, self._tail)]
        self._weighted = self._peak_worth = fsum(self._prices[slot] * self._weights[slot] for slot in slots)
        self.weight = self._peak = fsum(self._weights[slot] for slot in slots)
        self._dropped = 0

    def _grow(self) -> None:
        order = [place & self._mask for place in range(self._head, self._tail)]
        more = self._capacity
        self._times = [self._times[slot] for slot in order] + [0] * more
        self._prices = [self._prices[slot] for slot in order] + [0.0] * more
        self._weights = [self._weights[slot] for slot in order] + [0.0] * more
        self._head, self._tail = 0, len(order)
        self._capacity += more
        self._mask = self._capacity - 1
