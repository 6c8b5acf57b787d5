"""Hops: when what we send arrives at the paper exchange, and when we hear what it says, by the realism in force."""

from trading.core.decision import Command, PlaceOrder
from trading.core.delays import CANCEL, COMPUTE, ORDER, REPLY, delay_ns, uniform
from trading.core.parameters import Parameters
from trading.core.realism import FIXED, Realism, in_force

MOST_KEPT = 4_096  # orders, before those that are long over are forgotten
LONG_NS = 7_200_000_000_000


class _Way:
    """One order's way there and back: nothing of it overtakes anything else of it."""

    __slots__ = ("arrived_ns", "heard_ns", "said_ns", "sent", "told")

    def __init__(self) -> None:
        self.sent = self.told = 0
        self.arrived_ns = self.heard_ns = 0
        self.said_ns = -1


class Hops:
    """What is said of one order at one moment travels together; what is said later is drawn anew, and comes later.

    What the realism leaves open follows the parameters, also when they change. `is_drawn` is False where every hop takes
    the same for all orders.
    """

    def __init__(self) -> None:
        self.realism = FIXED
        self._parameters = Parameters(order_latency_ns=0, reply_latency_ns=0)
        self._ways: dict[int, _Way] = {}
        self._most = MOST_KEPT
        self._follow()

    def set_realism(self, realism: Realism) -> None:
        """From now on."""
        self.realism = realism
        self._follow()

    def set_parameters(self, parameters: Parameters) -> None:
        """From now on, where the realism leaves it to them."""
        self._parameters = parameters
        self._follow()

    def _follow(self) -> None:
        self._now = now = in_force(self.realism, self._parameters)
        self.is_drawn = self.realism != FIXED
        self._order_ns, self._reply_ns = now.order_median_ns, now.reply_median_ns

    def arrives_ns(self, command: Command, now_ns: int) -> int:
        """When a command that leaves now meets the exchange."""
        if not self.is_drawn:
            return now_ns + self._order_ns
        now, way = self._now, self._way(command.number, now_ns)
        hop, median_ns, p95_ns = CANCEL, now.cancel_median_ns, now.cancel_p95_ns
        if isinstance(command, PlaceOrder):
            hop, median_ns, p95_ns = ORDER, now.order_median_ns, now.order_p95_ns
        at_ns = now_ns + self._drawn(command.number, hop, way.sent, median_ns, p95_ns) + now.added_ns
        at_ns += self._drawn(command.number, COMPUTE, way.sent, now.compute_median_ns, now.compute_p95_ns)
        way.sent += 1
        way.arrived_ns = max(way.arrived_ns, at_ns)
        return way.arrived_ns

    def heard_ns(self, number: int, said_ns: int) -> int:
        """When we hear what the exchange says of an order at that time."""
        if not self.is_drawn:
            return said_ns + self._reply_ns
        now, way = self._now, self._way(number, said_ns)
        if said_ns != way.said_ns:
            delay = self._drawn(number, REPLY, way.told, now.reply_median_ns, now.reply_p95_ns)
            way.said_ns, way.told = said_ns, way.told + 1
            way.heard_ns = max(way.heard_ns, said_ns + delay)
        return way.heard_ns

    def withhold(self, number: int, until_ns: int) -> None:
        """Nothing that is said of this order from now on is heard before then."""
        way = self._way(number, until_ns)
        way.heard_ns, way.said_ns = max(way.heard_ns, until_ns), -1

    def _drawn(self, number: int, hop: int, turn: int, median_ns: int, p95_ns: int) -> int:
        if p95_ns <= median_ns:
            return median_ns
        return delay_ns(uniform(self._now.seed, number, hop, turn), median_ns, p95_ns)

    def _way(self, number: int, now_ns: int) -> _Way:
        way = self._ways.get(number)
        if way is None:
            if len(self._ways) >= self._most:
                self._forget(now_ns - LONG_NS)
            way = self._ways[number] = _Way()
        return way

    def _forget(self, before_ns: int) -> None:
        """What is long over needs no order any more."""
        kept = {number: way for number, way in self._ways.items() if max(way.arrived_ns, way.heard_ns) >= before_ns}
        self._ways, self._most = kept, max(MOST_KEPT, 2 * len(kept))
