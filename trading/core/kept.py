"""Which evaluations are kept: the same of a tape, whoever plays it."""

from markets.core.units import MILLISECOND_NS, SECOND_NS
from trading.core.decision import Signal
from trading.core.reasons import TRADED

TURN_NS = 100 * MILLISECOND_NS
MARKETS_KEPT = 1_000  # far more than are ever open at once: over months the first ones go

Last = tuple[str, tuple[str, ...], int]  # the reason, the gates that did not pass, and when
NEVER: Last = ("", (), 0)


class Kept:
    """All evaluations that led to an order; else when the gates that did not pass turn (at most ten a second), and once a
    second, a market. Event time alone decides, so the same tape keeps the same."""

    def __init__(self) -> None:
        self._last: dict[str, Last] = {}

    def keeps(self, signal: Signal) -> bool:
        """Whether this one is kept."""
        reason, now_ns = signal.reason, signal.received_ns
        was, failed, at_ns = self._last.get(signal.ticker, NEVER)
        since_ns = abs(now_ns - at_ns)  # a tape that starts again goes back in time
        is_same = since_ns < TURN_NS or (reason == was and signal.failed == failed)
        if is_same and since_ns < SECOND_NS and reason != TRADED:
            return False
        if not at_ns and len(self._last) >= MARKETS_KEPT:
            del self._last[next(iter(self._last))]
        self._last[signal.ticker] = (reason, signal.failed, now_ns)
        return True
