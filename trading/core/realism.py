"""Realism: how the paper exchange treats our orders: how long each hop takes, how queues move, what goes wrong."""

from typing import Literal, get_args

import msgspec

QueueName = Literal["pessimistic", "proportional"]


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
    unknown_ns: int = 35_000_000_000
    settle_delay_ns: int = 0  # from the official result to the money
    seed: int = 1

    def problems(self) -> list[str]:
        """What makes it unusable, in plain words; empty when it is fine."""
        rules = (
            (self.queue in get_args(QueueName), "the queue is pessimistic or proportional"),
            (0 <= self.reject_rate <= 1, "the share of refused orders must be 0 to 1"),
            (0 <= self.unknown_rate <= 1, "the share of orders without an answer must be 0 to 1"),
            (
                self.taker_delay_ns >= 0 and self.settle_delay_ns >= 0 and self.unknown_ns >= 0,
                "a delay cannot be negative",
            ),
        )
        return [text for holds, text in rules if not holds]


FIXED = Realism()
"""As the parameters say: one latency for all orders and one for all answers, and nothing goes wrong."""
