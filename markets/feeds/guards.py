"""Guards: when a connection is no longer worth believing though it still talks."""

from collections import deque

from markets.core.units import SECOND_NS
from markets.feeds.counts import Counts
from markets.feeds.venue import Reconnect

FEW, OF_FEW = 5, 50  # so many unreadable frames of the last so many
SOME, OF_SOME = 10, 1_000  # more than so many, which is 1 %
BEHIND_S = 5.0  # of the venue's time: how much a connection may fall behind its own best
FEWEST_LAGS = 21


class ParseGuard:
    """Says when too many frames of a feed cannot be read. It lives as long as the feed: a new connection does not make
    the venue speak our language again."""

    def __init__(self) -> None:
        self._bad: deque[int] = deque(maxlen=SOME + 1)

    def unreadable(self, frame: int, text: str) -> None:
        """The frame of this number could not be read. Raises Reconnect when there are too many of them."""
        bad = self._bad
        bad.append(frame)
        if len(bad) >= FEW and frame - bad[-FEW] < OF_FEW:
            raise Reconnect(f"{FEW} of the last {OF_FEW} frames could not be read: {text}")
        if len(bad) > SOME and frame - bad[0] < OF_SOME:
            raise Reconnect(f"more than {SOME} of the last {OF_SOME} frames could not be read: {text}")

    def forget(self) -> None:
        """All has been well for long enough."""
        self._bad.clear()


class LagGuard:
    """Says when one connection falls behind: venues queue for slow readers. Clocks may differ by a constant."""

    def __init__(self, counts: Counts, patience: float = 1.0) -> None:
        self._counts, self._behind_s = counts, BEHIND_S * patience
        self._best_ns: int | None = None
        counts.lags_ns.clear()  # those of the connection before say nothing of this one

    def look(self) -> None:
        """Compare the median lag with the best it has been. Raises Reconnect."""
        lag_ns = self._counts.lag_ns
        if lag_ns is None or len(self._counts.lags_ns) < FEWEST_LAGS:
            return
        if self._best_ns is None or lag_ns < self._best_ns:
            self._best_ns = lag_ns
        behind_s = (lag_ns - self._best_ns) / SECOND_NS
        if behind_s > self._behind_s:
            raise Reconnect(f"is {behind_s:.1f} s behind")
