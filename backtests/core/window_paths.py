"""What bid, ask and our fair value did in a window: a point each five seconds, kept of the markets that were traded."""

from array import array
from collections.abc import Collection, Iterable, Mapping

import msgspec

from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.decision import Signal

EVERY_NS = 5 * SECOND_NS
UNKNOWN = -1


class PathPoint(msgspec.Struct, frozen=True, array_like=True):
    """One moment of a window. Prices are those of YES; 0 and 10000 mean that nobody was there."""

    time_ns: int
    bid: int
    ask: int
    fair: float | None


class Paths:
    """Hears the evaluations of all markets. Forget a market that was not traded when it is over."""

    def __init__(self) -> None:
        self._due: dict[str, int] = {}
        self._points: dict[str, array[int]] = {}

    def hear(self, signals: Iterable[Signal]) -> None:
        """Take what is due of these."""
        due = self._due
        for signal in signals:
            if signal.received_ns >= due.get(signal.ticker, 0):
                self._take(signal)

    def forget(self, ticker: str) -> None:
        """Its path is not wanted."""
        self._due.pop(ticker, None)
        self._points.pop(ticker, None)

    def of(self, tickers: Collection[str]) -> dict[str, bytes]:
        """The paths of these markets, packed: of each point the time (ns), bid, ask and fair value in ten-thousandths (-1:
        not known)."""
        return {ticker: points.tobytes() for ticker, points in self._points.items() if ticker in tickers}

    def _take(self, signal: Signal) -> None:
        points = self._points.get(signal.ticker)
        if points is None:
            points = self._points[signal.ticker] = array("q")
        self._due[signal.ticker] = signal.received_ns - signal.received_ns % EVERY_NS + EVERY_NS
        fair = UNKNOWN if signal.fair is None else round(signal.fair * PRICE_DOLLAR)
        points.extend((signal.received_ns, signal.bid, signal.ask, fair))


def points_of(path: bytes) -> list[PathPoint]:
    """A packed path, readable again."""
    rest = array("q", path)
    return [
        PathPoint(
            rest[at], rest[at + 1], rest[at + 2], None if rest[at + 3] == UNKNOWN else rest[at + 3] / PRICE_DOLLAR
        )
        for at in range(0, len(rest), 4)
    ]


def joined_paths(parts: Iterable[Mapping[str, bytes]]) -> dict[str, bytes]:
    """Those of several tapes: a market that is on two of them goes on."""
    whole: dict[str, bytes] = {}
    for part in parts:
        for ticker, path in part.items():
            whole[ticker] = whole.get(ticker, b"") + path
    return whole
