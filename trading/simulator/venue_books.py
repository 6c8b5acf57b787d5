"""The order books of the demo market's spot venues: whole at the open of each quarter hour, then change by change.

A price has its size for good (until somebody changes it, which holds for the rest of the quarter hour), so a book
that moves a little changes only at its edges, and the book that one quarter hour ends with is the next one's first.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from markets.core.contract import WINDOW_NS
from markets.core.events import MarketEvent, SpotBook, SpotLevel, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from trading.simulator.prices import Floats, IndexPath, Integers, stream
from trading.simulator.spot_venues import (
    LAST_NS,
    PRICE_DIGITS,
    SIZE_DIGITS,
    VENUES,
    Touches,
    Venue,
    arrivals,
    touches,
    trades,
)

CHANGED_BEHIND = 0.35  # of the changes also change the size at a level behind the best


class Layer(NamedTuple):
    """Levels `every_bp` of the usual price, as far as `reach_bp` behind the best, of about so many dollars each."""

    every_bp: float
    reach_bp: float
    dollars: float


LAYERS = (Layer(1.0, 8.0, 40_000.0), Layer(4.0, 32.0, 80_000.0), Layer(15.0, 120.0, 250_000.0))


class Ladder:
    """One layer on one side: the levels that may rest, best last for bids and first for asks; `low[i]` to `high[i]`
    are those that do after change `i`."""

    __slots__ = ("gone", "high", "levels", "low", "usual")

    def __init__(self, levels: list[SpotLevel], low: Integers, high: Integers) -> None:
        self.usual = levels
        self.levels = levels.copy()
        self.gone = [(price, 0.0) for price, _ in levels]
        self.low: list[int] = low.tolist()
        self.high: list[int] = high.tolist()

    def resting(self, number: int) -> list[SpotLevel]:
        """The levels after change `number`."""
        return self.levels[self.low[number] : self.high[number]]

    def move(self, number: int, changes: dict[float, float]) -> None:
        """Note what change `number` adds and removes."""
        low, high, was_low, was_high = self.low[number], self.high[number], self.low[number - 1], self.high[number - 1]
        if high > was_high:
            changes.update(self.levels[max(was_high, low) : high])
        elif high < was_high:
            changes.update(self.gone[max(high, was_low) : was_high])
        if low > was_low:
            changes.update(self.gone[was_low : min(low, was_high)])
        elif low < was_low:
            changes.update(self.levels[low : min(was_low, high)])

    def alter(self, number: int, share: float, changes: dict[float, float], digits: int) -> None:
        """Somebody adds to a level, or takes some away: `share` (0 to 1) says which one, and how much."""
        low, high = self.low[number], self.high[number]
        if high > low:
            place, part = divmod(share * (high - low), 1.0)
            price, size = self.usual[low + int(place)]
            level = (price, max(round(size * (0.4 + 1.2 * part), digits), 10.0**-digits))
            self.levels[low + int(place)] = level
            changes[price] = level[1]

    def settle(self, number: int, changes: dict[float, float]) -> None:
        """All levels that rest take their usual size again."""
        for place in range(self.low[number], self.high[number]):
            if self.levels[place] != self.usual[place]:
                changes.update((self.usual[place],))


class VenueQuarter:
    """What one venue tells about one coin in one quarter hour. `until` must be called with rising times."""

    def __init__(self, seed: int, index: IndexPath, quarter: int, venue: Venue) -> None:
        self._venue, self._asset = venue, index.asset.name
        self._open_ns = quarter * WINDOW_NS
        touch = touches(seed, index, quarter, venue)
        scale, unit = 10 ** PRICE_DIGITS[self._asset], 10 ** SIZE_DIGITS[self._asset]
        self._bids = list(zip((touch.bid / scale).tolist(), (touch.bid_size / unit).tolist(), strict=True))
        self._asks = list(zip((touch.ask / scale).tolist(), (touch.ask_size / unit).tolist(), strict=True))
        ladders = [_ladders(seed, index, venue, number, touch) for number in range(len(LAYERS))]
        self._bid_ladders, self._ask_ladders = [own for own, _ in ladders], [own for _, own in ladders]
        self._bid_moves, self._ask_moves = _movers(self._bid_ladders), _movers(self._ask_ladders)
        self._changed_behind = _changed_behind(seed, index, quarter, venue, len(self._bids))
        self._trades = trades(seed, index, quarter, venue, touch)
        self._trade_prices = (self._trades.price / scale).tolist()
        self._trade_sizes = self._trades.size.tolist()
        after_ns = np.concatenate((touch.after_ns, self._trades.after_ns))
        order = np.argsort(after_ns, kind="stable")
        self._acts: list[int] = order.tolist()  # the number of a change, or, beyond those, of a trade
        self._times: list[int] = (self._open_ns + after_ns[order]).tolist()
        self._heard: list[int] = (self._open_ns + arrivals(seed, venue, quarter, after_ns[order])).tolist()
        self._told = 0

    def until(self, end_ns: int) -> list[MarketEvent]:
        """What is heard before `end_ns` and has not been told yet, in order."""
        start, end = self._told, bisect_left(self._heard, end_ns, self._told)
        self._told = end
        out: list[MarketEvent] = []
        changes = len(self._bids)
        for act, heard_ns, at_ns in zip(
            self._acts[start:end], self._heard[start:end], self._times[start:end], strict=True
        ):
            if act >= changes:
                out.append(self._trade(act - changes, heard_ns, at_ns))
            elif act:
                self._change(act, heard_ns, at_ns, out)
            else:
                out.append(self.opening(heard_ns, at_ns))
                self._quote(0, heard_ns, at_ns, out)
        return out

    def opening(self, heard_ns: int, at_ns: int) -> SpotBook:
        """The book that the quarter hour opens with; it is asked for before anything has changed."""
        bids = [self._bids[0]] + [level for ladder in self._bid_ladders for level in ladder.resting(0)]
        asks = [self._asks[0]] + [level for ladder in self._ask_ladders for level in ladder.resting(0)]
        bids.sort(reverse=True)
        asks.sort()
        return SpotBook(heard_ns, self._venue.name, self._asset, tuple(bids), tuple(asks), 0, at_ns)

    def _change(self, number: int, heard_ns: int, at_ns: int, out: list[MarketEvent]) -> None:
        bids = _side(self._bids, self._bid_moves, number)
        asks = _side(self._asks, self._ask_moves, number)
        behind = self._changed_behind.get(number)
        if behind is not None:
            is_bid, layer, share = behind
            ladder = (self._bid_ladders if is_bid else self._ask_ladders)[layer]
            ladder.alter(number, share, bids if is_bid else asks, SIZE_DIGITS[self._asset])
        if number == len(self._bids) - 1:
            for own, levels in ((self._bid_ladders, bids), (self._ask_ladders, asks)):
                for ladder in own:
                    ladder.settle(number, levels)
        if not bids and not asks:
            return
        venue, asset = self._venue.name, self._asset
        out.append(SpotLevels(heard_ns, venue, asset, tuple(bids.items()), tuple(asks.items()), at_ns))
        self._quote(number, heard_ns, at_ns, out)

    def _quote(self, number: int, heard_ns: int, at_ns: int, out: list[MarketEvent]) -> None:
        if self._venue.has_quotes:
            bid, ask = self._bids[number], self._asks[number]
            out.append(SpotQuote(heard_ns, self._venue.name, self._asset, *bid, *ask, at_ns))

    def _trade(self, number: int, heard_ns: int, at_ns: int) -> SpotPrice:
        return SpotPrice(
            heard_ns,
            self._venue.name,
            self._asset,
            self._trade_prices[number],
            self._trade_sizes[number],
            at_ns,
            "buy" if self._trades.buys[number] else "sell",
            str(self._trades.first_id + number),
        )


class SpotQuarter:
    """Everything that is heard from the spot venues between two quarter hours, told second by second."""

    def __init__(self, seed: int, indices: Sequence[IndexPath], quarter: int) -> None:
        self._open_ns = quarter * WINDOW_NS
        self._parts = [VenueQuarter(seed, index, quarter, venue) for index in indices for venue in VENUES]

    def openings(self) -> list[MarketEvent]:
        """The books as they stood when the quarter hour before ended, for who was not there to hear it."""
        at_ns = self._open_ns - WINDOW_NS + LAST_NS
        return [part.opening(self._open_ns, at_ns) for part in self._parts]

    def second(self, number: int) -> list[MarketEvent]:
        """The events of this second after the open, each venue's in order; ask for the seconds in order."""
        end_ns = self._open_ns + (number + 1) * SECOND_NS
        return [event for part in self._parts for event in part.until(end_ns)]


def _movers(ladders: Sequence[Ladder]) -> list[Sequence[Ladder]]:
    """For each change, the ladders that get or lose a level by it: seldom more than one."""
    sets = [
        [ladder for place, ladder in enumerate(ladders) if which >> place & 1] for which in range(1 << len(ladders))
    ]
    moved = np.zeros(len(ladders[0].low), dtype=np.int64)
    for place, ladder in enumerate(ladders):
        moved[1:] |= ((np.diff(ladder.low) != 0) | (np.diff(ladder.high) != 0)).astype(np.int64) << place
    return [sets[which] for which in moved.tolist()]


def _side(best: list[SpotLevel], movers: list[Sequence[Ladder]], number: int) -> dict[float, float]:
    """The levels of one side that change: the best goes, others come and go behind it, the new best comes."""
    before, after = best[number - 1], best[number]
    if before == after:
        return {}
    changes = {before[0]: 0.0}
    for ladder in movers[number]:
        ladder.move(number, changes)
    changes[after[0]] = after[1]
    return changes


def _ladders(seed: int, index: IndexPath, venue: Venue, number: int, touch: Touches) -> tuple[Ladder, Ladder]:
    """One layer of a book: the bids and the asks."""
    layer, asset = LAYERS[number], index.asset
    scale = 10 ** PRICE_DIGITS[asset.name]
    cell = len(LAYERS) * round(layer.every_bp * 1e-4 * asset.price * scale / len(LAYERS))
    reach = round(layer.reach_bp * 1e-4 * asset.price * scale)
    cells = np.arange((touch.bid.min() - reach) // cell - 1, (touch.ask.max() + reach) // cell + 2)
    shares = _shares(cells, f"{seed}:{asset.name}:{venue.name}:{number}")
    # every layer has ticks of its own: two levels never meet
    ticks = cells * cell + (shares[0] * (cell // len(LAYERS))).astype(np.int64) * len(LAYERS) + number
    units = layer.dollars * venue.depth / asset.price * 10 ** SIZE_DIGITS[asset.name]
    sizes = np.maximum(np.rint(units * (0.3 + 1.4 * shares[1])), 1.0) / 10 ** SIZE_DIGITS[asset.name]
    levels: list[SpotLevel] = list(zip((ticks / scale).tolist(), sizes.tolist(), strict=True))
    bids = Ladder(levels, np.searchsorted(ticks, touch.bid - reach), np.searchsorted(ticks, touch.bid))
    after_ask = np.searchsorted(ticks, touch.ask, "right"), np.searchsorted(ticks, touch.ask + reach, "right")
    return bids, Ladder(levels, *after_ask)


def _changed_behind(
    seed: int, index: IndexPath, quarter: int, venue: Venue, changes: int
) -> dict[int, tuple[bool, int, float]]:
    """The changes by which a level behind the best gets another size too: its side, layer and place in the layer."""
    rng = stream(seed, "behind", index.asset.name, venue.name, quarter)
    does = np.flatnonzero(rng.random(changes - 2) < CHANGED_BEHIND) + 1
    sides, layers = rng.random(len(does)) < 0.5, rng.integers(0, len(LAYERS), len(does))
    places = zip(sides.tolist(), layers.tolist(), rng.random(len(does)).tolist(), strict=True)
    return dict(zip(does.tolist(), places, strict=True))


def _shares(cells: Integers, words: str) -> tuple[Floats, Floats]:
    """Two numbers from 0 to 1 that belong to each cell and to nothing else."""
    salt = np.uint64(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little"))
    mixed: NDArray[np.uint64] = cells.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + salt
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(32)) / 2.0**32, (mixed & np.uint64(0xFFFFFFFF)) / 2.0**32
