"""Marked equity: cash, and what is held at the market's middle, through time. Kept as few points as a picture needs, with the
falls between them, so that the deepest one is exact for what was looked at: once a second while something is held.

Where a book is one-sided or lost, the last middle counts; where there never was one, what the contracts cost.
"""

from collections.abc import Iterable, Mapping

import msgspec

from markets.core.units import PRICE_DOLLAR, SECOND_NS
from trading.core.market import MarketState
from trading.core.portfolio import Portfolio, Position

EVERY_NS = SECOND_NS
MOST_POINTS = 512  # of one tape
FIRST_STRETCH_NS = 15 * SECOND_NS
NEVER_NS = 1 << 63


class MarkedPoint(msgspec.Struct):
    """A stretch of time: the equity it ended with, its lowest and highest, and the deepest fall inside it with the peak that
    fell. Money in micro-dollars."""

    time_ns: int
    equity: int
    low: int
    high: int
    fall: int = 0
    fall_from: int = 0

    def add(self, time_ns: int, equity: int) -> None:
        """One look more."""
        self.time_ns, self.equity = time_ns, equity
        self.high = max(self.high, equity)
        self.low = min(self.low, equity)
        if self.high - equity > self.fall:
            self.fall, self.fall_from = self.high - equity, self.high

    def join(self, later: "MarkedPoint") -> None:
        """The stretch after it, as one with it."""
        for fall, peak in ((later.fall, later.fall_from), (self.high - later.low, self.high)):
            if fall > self.fall:
                self.fall, self.fall_from = fall, peak
        self.time_ns, self.equity = later.time_ns, later.equity
        self.low, self.high = min(self.low, later.low), max(self.high, later.high)


class Marks:
    """Looks at the books after the engine heard an event. `next_ns` is when it has to look again; never while nothing is
    held."""

    def __init__(self, portfolio: Portfolio, markets: Mapping[str, MarketState]) -> None:
        self.points: list[MarkedPoint] = []
        self.next_ns = NEVER_NS
        self._portfolio = portfolio
        self._markets = markets
        self._middles: dict[str, int] = {}  # bid + ask, the last that was known of each market held
        self._stretch_ns = FIRST_STRETCH_NS

    def changed(self, now_ns: int) -> None:
        """A position has changed."""
        self.look(now_ns)
        if self.next_ns == NEVER_NS:
            self._middles.clear()

    def look(self, now_ns: int) -> None:
        """Mark the account now."""
        held = [position for position in self._portfolio.positions.values() if position.count]
        equity = self._portfolio.cash + sum(self._worth(position, now_ns) for position in held)
        self.next_ns = now_ns + EVERY_NS if held else NEVER_NS
        last = self.points[-1] if self.points else None
        if last is not None and last.time_ns // self._stretch_ns == now_ns // self._stretch_ns:
            last.add(now_ns, equity)
            return
        self.points.append(MarkedPoint(now_ns, equity, equity, equity))
        if len(self.points) > MOST_POINTS:
            self._stretch_ns *= 2
            self.points = thinned(self.points, MOST_POINTS // 2)

    def _worth(self, position: Position, now_ns: int) -> int:
        market = self._markets.get(position.ticker)
        if market is not None and not market.lost and now_ns < market.contract.close_ns:
            bid, ask = market.book.bid, market.book.ask
            if 0 < bid < ask < PRICE_DOLLAR:
                self._middles[position.ticker] = bid + ask
        twice = self._middles.get(position.ticker)
        if twice is None:
            return position.cost
        return (twice if position.count > 0 else 2 * PRICE_DOLLAR - twice) * abs(position.count) // 2


def thinned(points: list[MarkedPoint], most: int) -> list[MarkedPoint]:
    """At most so many points: neighbours joined, no fall lost."""
    stretch = -(-len(points) // most) if points else 1
    kept: list[MarkedPoint] = []
    for number, point in enumerate(points):
        if number % stretch:
            kept[-1].join(point)
        else:
            kept.append(msgspec.structs.replace(point))
    return kept


def deepest(opening: int, points: Iterable[MarkedPoint]) -> tuple[int, float]:
    """The deepest fall below a peak that began at `opening`: in money, and as a share of the peak it fell from, which may be
    that of another fall."""
    peak, money, share = opening, 0, 0.0
    for point in points:
        for fall, start in ((peak - point.low, peak), (point.fall, point.fall_from)):
            money = max(money, fall)
            if start > 0:
                share = max(share, fall / start)
        peak = max(peak, point.high)
    return money, share
