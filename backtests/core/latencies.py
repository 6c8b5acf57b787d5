"""How long our own orders took, hop by hop: what the paper exchange may draw its delays from."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from trading.core.realism import STATED, Realism

LEAST_ORDERS = 100  # below them a 95th percentile is a handful of orders
LOST_NS = 10_000_000_000  # an answer that took longer was lost, and its order had to be asked for


class Times(NamedTuple):
    """One order at an exchange: when it was decided, when its bytes left, when something was first heard of it (0: never)."""

    decided_ns: int
    left_ns: int
    answered_ns: int


class Hop(NamedTuple):
    """Median and 95th percentile (ns), of so many orders."""

    median_ns: int
    p95_ns: int
    orders: int


class Latencies(NamedTuple):
    """`compute` is from the decision to the bytes that leave, `round_trip` from there to the first answer; `lost` orders
    had none in time, and are in neither."""

    compute: Hop
    round_trip: Hop
    lost: int

    @property
    def orders(self) -> int:
        """How many were measured, with those whose answer was lost."""
        return self.round_trip.orders + self.lost

    def realism(self) -> Realism:
        """Delays as they were measured, all else as stated. Nobody tells us when an order arrived: half of the round trip
        is taken to be the way there, half the way back; cancels take what orders take."""
        way = _half(self.round_trip)
        return Realism(
            order_median_ns=way.median_ns,
            order_p95_ns=way.p95_ns,
            reply_median_ns=way.median_ns,
            reply_p95_ns=way.p95_ns,
            compute_median_ns=self.compute.median_ns,
            compute_p95_ns=self.compute.p95_ns,
            unknown_rate=self.lost / self.orders,
            trade_through=STATED.trade_through,
            snapshots=STATED.snapshots,
        )


class TooFewOrders(ValueError):
    """Nothing can be said of so few. `count` is how many there were."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count} orders are fewer than {LEAST_ORDERS}")
        self.count = count


def latencies(orders: Iterable[Times]) -> Latencies:
    """Of orders whose bytes left. Raises TooFewOrders."""
    left = [each for each in orders if each.left_ns >= each.decided_ns > 0]
    answered = [each for each in left if 0 <= each.answered_ns - each.left_ns < LOST_NS]
    lost = sum(not each.answered_ns or each.answered_ns - each.left_ns >= LOST_NS for each in left)
    if len(answered) < LEAST_ORDERS:
        raise TooFewOrders(len(answered))
    return Latencies(
        _hop([each.left_ns - each.decided_ns for each in answered]),
        _hop([each.answered_ns - each.left_ns for each in answered]),
        lost,
    )


def _hop(taken_ns: Sequence[int]) -> Hop:
    """Nearest-rank percentiles; a hop takes a nanosecond at least, or nothing could be drawn around it."""
    ordered = sorted(taken_ns)
    return Hop(max(_rank(ordered, 50), 1), max(_rank(ordered, 95), 1), len(ordered))


def _rank(ordered: Sequence[int], percent: int) -> int:
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _half(hop: Hop) -> Hop:
    return Hop(max(hop.median_ns // 2, 1), max(hop.p95_ns // 2, 1), hop.orders)
