"""What our own orders took on their way to an exchange and back, from their rows: the measured treatment of orders."""

from typing import Any, NamedTuple

from backtests.core.latencies import LEAST_ORDERS, Hop, Latencies, Times, TooFewOrders, latencies
from backtests.knobs import InputError
from markets.core.units import MILLISECOND_NS
from trading.core.realism import Realism
from trading.models import Order

NEWEST = 10_000  # orders that are looked at: how it is now counts, not how it was
REAL, REHEARSED = "the exchange's own market", "a rehearsal"
REHEARSAL_SAY = (
    "They are of a rehearsal, whose exchange is in the trader: what the way to the real one takes is not in them, and at a "
    "SPEED above 1 every time is as many times longer."
)
HALVES_SAY = (
    "When an order arrived nobody tells us: half of each round trip is taken for the way there. Cancels as orders."
)


class Measured(NamedTuple):
    """What was found, and of which orders."""

    found: Latencies
    market: str

    def words(self) -> list[str]:
        """In sentences, for people."""
        hops = (("From the decision to the bytes that leave", self.found.compute),
                ("From there to the first answer", self.found.round_trip))  # fmt: skip
        told = [
            f"{self.found.orders:,} orders at {self.market}, {self.found.lost:,} of them without an answer in time."
        ]
        told += [f"{label}: median {_ms(hop.median_ns)}, 95th percentile {_ms(hop.p95_ns)}." for label, hop in hops]
        return [*told, HALVES_SAY, *([REHEARSAL_SAY] if self.market == REHEARSED else [])]

    def json(self) -> dict[str, Any]:
        """The same for a program, times in ns."""
        return {
            "orders": self.found.orders,
            "lost": self.found.lost,
            "market": self.market,
            "compute": _hop(self.found.compute),
            "round_trip": _hop(self.found.round_trip),
            "words": self.words(),
        }


def measure(account: str = "") -> Measured:
    """Of one account, or of all: orders at the real market where there are enough of them, else those of rehearsals.
    Raises InputError where there are too few of either."""
    most = 0
    for market in (REAL, REHEARSED):
        try:
            return Measured(latencies(_times(account, market)), market)
        except TooFewOrders as error:
            most = max(most, error.count)
    raise InputError({
        "realism": f"Of {most} orders it is known how long they took at an exchange; {LEAST_ORDERS} are needed. Let a "
        "rehearsal trade (`kalshi-bot live --market demo`), or choose another treatment of orders, such as stated."
    })  # fmt: skip


def measured() -> Realism:
    """The treatment of orders by what was measured. Raises InputError where that is too little."""
    return measure().found.realism()


def _times(account: str, market: str) -> list[Times]:
    rows = Order.objects.filter(left_ns__isnull=False, session__market_source__in=_SOURCES[market])
    if account:
        rows = rows.filter(account=account)
    newest = rows.order_by("-sent_ns", "-id").values_list("sent_ns", "left_ns", "answered_ns")[:NEWEST]
    return [Times(sent_ns, left_ns or 0, answered_ns or 0) for sent_ns, left_ns, answered_ns in newest]


_SOURCES = {REAL: ("real",), REHEARSED: ("demo", "tape")}


def _hop(hop: Hop) -> dict[str, int]:
    return {"median_ns": hop.median_ns, "p95_ns": hop.p95_ns, "orders": hop.orders}


def _ms(time_ns: int) -> str:
    return f"{time_ns / MILLISECOND_NS:,.1f} ms"
