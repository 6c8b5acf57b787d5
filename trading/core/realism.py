"""Realism: how the paper exchange treats our orders: how long each hop takes, how queues move, what goes wrong."""

from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from markets.core.units import MILLISECOND_NS
from trading.core.parameters import Parameters

QueueName = Literal["pessimistic", "proportional"]
ThroughName = Literal["printed", "full"]
SnapshotsName = Literal["before", "both"]

UNKNOWN_NS = 35_000_000_000
LONGEST_NS = 3_600_000_000_000  # of a hop, a delay or a wait: beyond an hour somebody mistyped


class Realism(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Pricing notes, section 10.2. A hop is drawn from a log-normal by its median and 95th percentile (ns); where both
    are equal it takes just that, and where the median is -1 it takes what the parameters say. Nothing is drawn from a
    stream: a delay follows from `seed`, the order's number and the hop alone, so that one order more changes no other."""

    order_median_ns: int = -1  # decision to arrival at the exchange
    order_p95_ns: int = -1
    cancel_median_ns: int = -1  # of cancels and amends; -1: as orders
    cancel_p95_ns: int = -1
    reply_median_ns: int = -1  # exchange to us
    reply_p95_ns: int = -1
    taker_delay_ns: int = 0  # how long the exchange holds an order that would take
    queue: QueueName = "pessimistic"  # who cancels stood behind us; "proportional": before and behind alike
    reject_rate: float = 0.0  # of orders, refused on arrival for no reason of ours
    unknown_rate: float = 0.0  # of orders, whose answer is lost; the truth is told `unknown_ns` later
    unknown_ns: int = UNKNOWN_NS
    settle_delay_ns: int = 0  # from the official result to the money
    seed: int = 1
    compute_median_ns: int = 0  # of our own: from the event to the order that leaves
    compute_p95_ns: int = 0
    added_ns: int = 0  # on top of every order, cancel and amend
    trade_through: ThroughName = "printed"  # a print past our price fills us for what was printed; "full": wholly
    snapshots: SnapshotsName = "before"  # a book known in snapshots only: as the last one, or what is also in the next

    def problems(self) -> list[str]:
        """What makes it unusable, in plain words; empty when it is fine."""
        hops = (
            ("an order", self.order_median_ns, self.order_p95_ns),
            ("a cancel", self.cancel_median_ns, self.cancel_p95_ns),
            ("an answer", self.reply_median_ns, self.reply_p95_ns),
            ("our own work", self.compute_median_ns, self.compute_p95_ns),
        )
        found = [
            f"the 95th percentile of {what} must not be below its median" for what, median, p95 in hops if p95 < median
        ]
        found += [
            f"the 95th percentile of {what} needs a median"
            for what, median, p95 in hops
            if p95 > median and median <= 0
        ]
        delays = (self.taker_delay_ns, self.unknown_ns, self.settle_delay_ns, self.added_ns)
        rules = (
            (all(median >= -1 and p95 <= LONGEST_NS for _, median, p95 in hops), "a hop takes 0 ms to an hour"),
            (self.compute_median_ns >= 0, "our own work cannot take less than nothing"),
            (all(0 <= delay <= LONGEST_NS for delay in delays), "a delay must be 0 to an hour"),
            (self.queue in get_args(QueueName), "the queue is pessimistic or proportional"),
            (
                self.trade_through in get_args(ThroughName),
                "a trade through our price fills what was printed, or in full",
            ),
            (self.snapshots in get_args(SnapshotsName), "snapshots are believed before an order, or before and after"),
            (0 <= self.reject_rate <= 1, "the share of refused orders must be 0 to 1"),
            (0 <= self.unknown_rate <= 1, "the share of orders without an answer must be 0 to 1"),
            (0 <= self.seed < 2**63, "the seed must be a whole number, 0 or more"),
        )
        return found + [text for holds, text in rules if not holds]


FIXED = Realism()
"""As the parameters say: one latency for all orders and one for all answers, and nothing goes wrong."""

STATED = Realism(
    order_median_ns=60 * MILLISECOND_NS,
    order_p95_ns=250 * MILLISECOND_NS,
    cancel_median_ns=60 * MILLISECOND_NS,
    cancel_p95_ns=250 * MILLISECOND_NS,
    reply_median_ns=60 * MILLISECOND_NS,
    reply_p95_ns=250 * MILLISECOND_NS,
    compute_median_ns=5 * MILLISECOND_NS,
    compute_p95_ns=20 * MILLISECOND_NS,
    trade_through="full",
    snapshots="both",
)
"""The defaults of section 10.2, for who has measured nothing yet; of the way back it says nothing: as the way there."""


def realism_of(settings: object) -> Realism:
    """The realism with these fields by name, the others as built in. Raises ValueError with a sentence."""
    if not isinstance(settings, dict):
        raise ValueError("it is no object with fields")
    names = Realism.__struct_fields__
    if unknown := [str(name) for name in settings if name not in names]:
        raise ValueError(f"it has no field {', '.join(unknown)}")
    values = [settings.get(name, getattr(FIXED, name)) for name in names]
    try:
        realism = msgspec.convert(values, Realism)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    if wrong := realism.problems():
        raise ValueError("; ".join(wrong))
    return realism


def in_force(realism: Realism, parameters: Parameters) -> Realism:
    """The same with every hop in numbers: what the parameters say where it says nothing itself."""
    order = _or(realism.order_median_ns, realism.order_p95_ns, parameters.order_latency_ns)
    reply = _or(realism.reply_median_ns, realism.reply_p95_ns, parameters.reply_latency_ns)
    cancel = order if realism.cancel_median_ns < 0 else (realism.cancel_median_ns, realism.cancel_p95_ns)
    return replace(
        realism,
        order_median_ns=order[0],
        order_p95_ns=order[1],
        cancel_median_ns=cancel[0],
        cancel_p95_ns=cancel[1],
        reply_median_ns=reply[0],
        reply_p95_ns=reply[1],
    )


def optimistic(realism: Realism, parameters: Parameters) -> Realism:
    """The best that the data allow: every hop takes its median, or the stated one where that is shorter; queues shrink
    in proportion, the last snapshot is believed, and nothing goes wrong."""
    now = in_force(realism, parameters)
    order, cancel = (
        min(now.order_median_ns, STATED.order_median_ns),
        min(now.cancel_median_ns, STATED.cancel_median_ns),
    )
    reply = min(now.reply_median_ns, STATED.reply_median_ns)
    compute = min(now.compute_median_ns, STATED.compute_median_ns)
    return replace(
        _timed(now, order, cancel, reply, compute),
        queue="proportional",
        trade_through="full",
        snapshots="before",
        reject_rate=0.0,
        unknown_rate=0.0,
    )


def pessimistic(realism: Realism, parameters: Parameters) -> Realism:
    """The worst that the data allow: every hop takes its 95th percentile, or the stated one where that is longer; who
    cancels stood behind us, a trade fills no more than was printed, and a price must be in the snapshots before and after."""
    now = in_force(realism, parameters)
    order, cancel = (max(now.order_p95_ns, STATED.order_p95_ns), max(now.cancel_p95_ns, STATED.cancel_p95_ns))
    reply = max(now.reply_p95_ns, STATED.reply_p95_ns)
    compute = max(now.compute_p95_ns, STATED.compute_p95_ns)
    return replace(
        _timed(now, order, cancel, reply, compute), queue="pessimistic", trade_through="printed", snapshots="both"
    )


def _or(median_ns: int, p95_ns: int, otherwise_ns: int) -> tuple[int, int]:
    return (otherwise_ns, otherwise_ns) if median_ns < 0 else (median_ns, p95_ns)


def _timed(realism: Realism, order_ns: int, cancel_ns: int, reply_ns: int, compute_ns: int) -> Realism:
    """The same with hops that always take just so long."""
    return replace(
        realism,
        order_median_ns=order_ns,
        order_p95_ns=order_ns,
        cancel_median_ns=cancel_ns,
        cancel_p95_ns=cancel_ns,
        reply_median_ns=reply_ns,
        reply_p95_ns=reply_ns,
        compute_median_ns=compute_ns,
        compute_p95_ns=compute_ns,
    )


PRESETS: dict[str, Realism] = {
    "fixed": FIXED,
    "stated": STATED,
    "optimistic": optimistic(STATED, Parameters()),
    "pessimistic": pessimistic(STATED, Parameters()),
}
"""By name; "measured" is what was measured, and is made where that is kept."""
