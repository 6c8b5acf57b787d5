"""Which evaluations are kept: the same of a tape, whoever plays it."""

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.decision import Signal
from trading.core.reasons import TRADED

TURN_NS = 100 * MILLISECOND_NS
MARKETS_KEPT = 1_000  # far more than are ever open at once: over months the first ones go


class Kept:
    """All evaluations that led to an order; else when the gates that did not pass turn (at most ten a second), and once a
    second, a market. Event time alone decides, so the same tape keeps the same."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[tuple[str, ...], int]] = {}

    def keeps(self, signal: Signal) -> bool:
        """Whether this one is kept."""
        failed, at_ns = self._last.get(signal.ticker, ((), 0))
        since_ns = abs(signal.received_ns - at_ns)  # a tape that starts again goes back in time
        if since_ns < SECOND_NS and signal.reason != TRADED:
            turned = (signal.reason, *signal.failed)
            if since_ns < TURN_NS or turned == failed:
                return False
        if not at_ns and len(self._last) >= MARKETS_KEPT:
            del self._last[next(iter(self._last))]
        self._last[signal.ticker] = ((signal.reason, *signal.failed), signal.received_ns)
        return True
