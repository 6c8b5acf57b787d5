"""Markouts: what each fill was worth a while later, by why it is believed. The only evidence of an edge in quoting is what
happens after one's own fills, not after all trades (pricing notes, section 8).

A markout is in dollars a contract, for the side that was bought, before its fee: the market's middle so long after the fill
was heard of, less the price. It is None where the book was one-sided then, or the market had closed.
"""

import heapq
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from markets.core.units import CONTRACT, DOLLAR, PRICE_DOLLAR, SECOND_NS
from trading.core.edge import market_mid
from trading.core.events import Event, Fill
from trading.core.market import MarketState

HORIZONS_S = (1, 5, 30)
Later = tuple[float | None, ...]  # one for each of the horizons
NEVER_NS = 1 << 63
NOT_YET: Later = (None,) * len(HORIZONS_S)


class Graded(msgspec.Struct, frozen=True):
    """The fills of one kind of evidence ("" for all of them). `after` are means over the contracts whose markout is known,
    after fees; `settled` that at the settlement; None where none is."""

    evidence: str
    fills: int
    contracts: int
    fees: int
    after: Later
    settled: float | None


class Due(NamedTuple):
    """A markout that is to be taken."""

    at_ns: int
    turn: int
    place: int  # of the horizon
    fill: Fill


class Markouts:
    """Hears every event after the engine did, and looks at the books when a markout is due."""

    def __init__(self, markets: Mapping[str, MarketState]) -> None:
        self.markets = markets
        self.found: dict[str, Later] = {}  # by trade id
        self.next_ns = NEVER_NS  # when it has to hear something again, apart from fills
        self._due: list[Due] = []
        self._turns = 0

    def hear(self, event: Event) -> None:
        """Take what is due, and note a fill."""
        while self._due and self._due[0].at_ns <= event.received_ns:
            due = heapq.heappop(self._due)
            known = list(self.found[due.fill.trade_id])
            known[due.place] = self._markout(due)
            self.found[due.fill.trade_id] = tuple(known)
        if type(event) is Fill:
            self.found[event.trade_id] = NOT_YET
            for place, seconds in enumerate(HORIZONS_S):
                self._turns += 1
                heapq.heappush(self._due, Due(event.received_ns + seconds * SECOND_NS, self._turns, place, event))
        self.next_ns = self._due[0].at_ns if self._due else NEVER_NS

    def _markout(self, due: Due) -> float | None:
        market = self.markets.get(due.fill.ticker)
        if market is None or market.lost or due.at_ns >= market.contract.close_ns:
            return None
        middle = market_mid(market.book)
        return None if middle is None else markout(due.fill, middle)


def markout(fill: Fill, worth: float) -> float:
    """Dollars a contract that a fill is ahead when YES is worth so many dollars, before its fee."""
    ahead = worth - fill.price / PRICE_DOLLAR
    return ahead if fill.is_bid else -ahead


def graded(fills: Iterable[Fill], found: Mapping[str, Later], yes_pays: Mapping[str, int]) -> list[Graded]:
    """One row for each kind of evidence in the order they came up, then one for all, where there is more than one kind.
    `yes_pays` is what a YES contract of a settled market was worth (a Price), by ticker."""
    by_kind: dict[str, list[Fill]] = {}
    for fill in fills:
        by_kind.setdefault(fill.evidence, []).append(fill)
    rows = [_row(kind, each, found, yes_pays) for kind, each in by_kind.items()]
    if len(rows) > 1:
        rows.append(_row("", [fill for each in by_kind.values() for fill in each], found, yes_pays))
    return rows


def _row(kind: str, fills: list[Fill], found: Mapping[str, Later], yes_pays: Mapping[str, int]) -> Graded:
    after = [
        _mean((fill, found.get(fill.trade_id, NOT_YET)[place]) for fill in fills) for place in range(len(HORIZONS_S))
    ]
    settled = _mean(
        (fill, markout(fill, yes_pays[fill.ticker] / PRICE_DOLLAR) if fill.ticker in yes_pays else None)
        for fill in fills
    )
    return Graded(
        kind, len(fills), sum(fill.count for fill in fills), sum(fill.fee for fill in fills), tuple(after), settled
    )


def _mean(markouts: Iterable[tuple[Fill, float | None]]) -> float | None:
    """By contract, after fees."""
    known = [(fill, value) for fill, value in markouts if value is not None]
    count = sum(fill.count for fill, _ in known)
    if not count:
        return None
    fees = sum(fill.fee for fill, _ in known) * CONTRACT / (count * DOLLAR)
    return sum(value * fill.count for fill, value in known) / count - fees
