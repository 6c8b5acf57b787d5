"""What each market displayed and whether it took orders, at every time: for orders that arrive later than they were sent."""

from array import array
from collections.abc import Sequence

import numpy as np

from backtests.lane.columns import (
    CHANGE,
    FACT,
    GONE,
    LEVEL,
    LOST,
    OPEN,
    PAUSED,
    SIDE,
    TOP,
    Longs,
    Records,
    records,
)
from markets.core.units import PRICE_DOLLAR
from trading.core.market import MarketState


class Side:
    """One side of one market: what each price displayed since when, and which price was the best."""

    def __init__(self) -> None:
        self.shown: dict[int, int] = {}  # as it was written last
        self.changes: dict[int, tuple[array[int], array[int]]] = {}  # by price: since when, how much
        self.best = 0
        self.best_ns, self.bests = array("q"), array("h")

    def write(self, now_ns: int, price: int, count: int) -> None:
        """From now on a price displays so much."""
        if self.shown.get(price, 0) == count:
            return
        self.shown[price] = count
        change = self.changes.get(price)
        if change is None:
            change = self.changes[price] = (array("q"), array("i"))
        change[0].append(now_ns)
        change[1].append(count)

    def replace(self, now_ns: int, levels: dict[int, int]) -> None:
        """From now on these prices display something, and no others."""
        for price in [price for price, count in self.shown.items() if count and price not in levels]:
            self.write(now_ns, price, 0)
        for price, count in levels.items():
            self.write(now_ns, price, count)

    def lead(self, now_ns: int, best: int) -> None:
        """From now on this price is the best; 0: there is none."""
        if best != self.best:
            self.best = best
            self.best_ns.append(now_ns)
            self.bests.append(best)


class Display:
    """Both sides of one market, and what the exchange would say to an order."""

    def __init__(self) -> None:
        self.sides = (Side(), Side())  # NO, YES
        self.fact = 0
        self.fact_ns, self.facts = array("q"), array("B")

    def changed(self, now_ns: int, market: MarketState, is_yes: bool, price: int) -> None:
        """One level of the book is another now."""
        ladder = market.book.yes if is_yes else market.book.no
        self.sides[is_yes].write(now_ns, price, ladder.get(price, 0))
        self._lead(now_ns, market)

    def replaced(self, now_ns: int, market: MarketState) -> None:
        """The book is another now."""
        self.sides[False].replace(now_ns, market.book.no)
        self.sides[True].replace(now_ns, market.book.yes)
        self._lead(now_ns, market)

    def look(self, now_ns: int, market: MarketState | None, is_paused: bool) -> None:
        """Whether an order would be taken from now on."""
        fact = GONE if market is None else (OPEN if market.status == "open" else 0) | (LOST if market.lost else 0)
        fact |= PAUSED if is_paused else 0
        if fact != self.fact:
            self.fact = fact
            self.fact_ns.append(now_ns)
            self.facts.append(fact)

    def _lead(self, now_ns: int, market: MarketState) -> None:
        book = market.book
        self.sides[False].lead(now_ns, PRICE_DOLLAR - book.ask)
        self.sides[True].lead(now_ns, book.bid)


def laid_out(displays: Sequence[Display]) -> dict[str, Records]:
    """The records of `Tape` from facts to changes."""
    sides = [side for display in displays for side in display.sides]
    prices = [sorted(side.changes, reverse=True) for side in sides]
    tops, levels = _ends([len(side.bests) for side in sides]), _ends([len(each) for each in prices])
    level_of = [
        {price: int(first) + place for place, price in enumerate(of_side)} | {0: -1}
        for first, of_side in zip(levels[:-1], prices, strict=True)
    ]
    bests = [known[best] for side, known in zip(sides, level_of, strict=True) for best in side.bests]
    changes = [side.changes[price] for side, of_side in zip(sides, prices, strict=True) for price in of_side]
    ends = _ends([len(times) for times, _ in changes])
    return {
        "facts": records(
            FACT,
            {"ns": _joined([each.fact_ns for each in displays]), "said": _joined([each.facts for each in displays])},
        ),
        "sides": records(
            SIDE, {"top_first": tops[:-1], "top_end": tops[1:], "level_first": levels[:-1], "level_end": levels[1:]}
        ),
        "tops": records(TOP, {"ns": _joined([side.best_ns for side in sides]), "level": bests}),
        "levels": records(
            LEVEL, {"price": [price for each in prices for price in each], "first": ends[:-1], "end": ends[1:]}
        ),
        "changes": records(
            CHANGE,
            {"ns": _joined([times for times, _ in changes]), "count": _joined([counts for _, counts in changes])},
        ),
    }


def _ends(lengths: Sequence[int]) -> Longs:
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int64)


def _joined(parts: "Sequence[array[int]]") -> Longs:
    whole = [np.frombuffer(part, part.typecode).astype(np.int64) for part in parts if part]
    return np.concatenate(whole) if whole else np.empty(0, np.int64)
