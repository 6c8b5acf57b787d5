"""A small invented market for proofs: each venue's books change and trade by seeded chance, in numbers that stay exact as text."""

import random
from collections.abc import Iterator, Mapping
from heapq import heapify, heapreplace
from math import inf

from markets.core.events import SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import SECOND_NS
from markets.loopback.server import PRICE_DIGITS, SpotEvent

FIRST_PRICE = {"BTC": 85_000.0, "ETH": 2_800.0, "SOL": 130.0, "XRP": 2.1, "DOGE": 0.15}
SIZE_GRAIN = 256.0  # sizes are multiples of a 256th: exact in eight decimals
FEWEST_LEVELS = 4
FURTHEST_SHARE = 0.09  # of the price: further than a feed tells
QUOTE_SHARE, TRADE_SHARE = 0.05, 0.25  # of all events; the rest changes levels
BURST_SHARE, BURST_EVENTS = 0.02, 20  # now and then many events come at once


class AssetMarket:
    """One asset at one venue. Prices are whole ticks; bids and asks never meet."""

    def __init__(self, venue: str, asset: str, rng: random.Random, levels: int) -> None:
        self.venue, self.asset, self.rng = venue, asset, rng
        self.digits = PRICE_DIGITS[asset]
        self.tick = 10.0**-self.digits
        middle = round(FIRST_PRICE[asset] * (1.0 + rng.uniform(-0.002, 0.002)) / self.tick)
        self.step = max(1, middle // 50_000)  # ticks between usual levels
        self.furthest = int(middle * FURTHEST_SHARE)
        self.most = levels + levels // 2  # levels a side, from which on more go than come
        self.bids: dict[int, float] = {}
        self.asks: dict[int, float] = {}
        for number in range(1, levels + 1):
            self.bids[middle - self._offset(number)] = self._size()
            self.asks[middle + self._offset(number)] = self._size()
        self.trade_id = rng.randint(1_000, 100_000)

    def book(self, now_ns: int) -> SpotBook:
        """The whole book."""
        bids = sorted(((self._price(tick), size) for tick, size in self.bids.items()), reverse=True)
        asks = sorted((self._price(tick), size) for tick, size in self.asks.items())
        return SpotBook(now_ns, self.venue, self.asset, tuple(bids), tuple(asks), venue_ns=now_ns)

    def next(self, now_ns: int) -> list[SpotEvent]:
        """What happens now: a trade with what it leaves of the book, a quote, or levels that change."""
        chance = self.rng.random()
        if chance < QUOTE_SHARE:
            return [self._quote(now_ns)]
        if chance < QUOTE_SHARE + TRADE_SHARE:
            return self._trade(now_ns)
        return [self.change(now_ns)]

    def _quote(self, now_ns: int) -> SpotQuote:
        bid, ask = max(self.bids), min(self.asks)
        sizes = self.bids[bid], self.asks[ask]
        return SpotQuote(
            now_ns, self.venue, self.asset, self._price(bid), sizes[0], self._price(ask), sizes[1], venue_ns=now_ns
        )

    def _trade(self, now_ns: int) -> list[SpotEvent]:
        is_buy = self.rng.random() < 0.5
        side = self.asks if is_buy else self.bids
        best = min(side) if is_buy else max(side)
        is_all = self.rng.random() < 0.3 and len(side) > FEWEST_LEVELS
        size = side[best] if is_all else min(side[best] / 2.0, self._size())
        size = max(1.0, size * SIZE_GRAIN // 1.0) / SIZE_GRAIN
        self.trade_id += 1
        trade = SpotPrice(
            now_ns,
            self.venue,
            self.asset,
            self._price(best),
            size,
            now_ns,
            "buy" if is_buy else "sell",
            str(self.trade_id),
        )
        left = max(0.0, side[best] - size)
        if left or len(side) > FEWEST_LEVELS:
            self._set(side, best, left)
        level = (self._price(best), side.get(best, 0.0))
        bids, asks = ((), (level,)) if is_buy else ((level,), ())
        return [trade, SpotLevels(now_ns, self.venue, self.asset, bids, asks, now_ns)]

    def change(self, now_ns: int) -> SpotLevels:
        """Some levels come, change or go."""
        changed: tuple[dict[int, float], dict[int, float]] = ({}, {})
        for _ in range(1 + int(self.rng.expovariate(0.7))):
            is_bid = self.rng.random() < 0.5
            side, ticks = (self.bids, changed[0]) if is_bid else (self.asks, changed[1])
            tick, size = self._new_level(is_bid)
            self._set(side, tick, size)
            ticks[tick] = size
        bids, asks = ([(self._price(tick), size) for tick, size in side.items()] for side in changed)
        return SpotLevels(now_ns, self.venue, self.asset, tuple(bids), tuple(asks), now_ns)

    def _new_level(self, is_bid: bool) -> tuple[int, float]:
        """A level that comes, changes or goes, never one that would cross."""
        side = self.bids if is_bid else self.asks
        is_full = len(side) > self.most
        if self.rng.random() < (0.8 if is_full else 0.4) and len(side) > FEWEST_LEVELS:
            tick = self.rng.choice(tuple(side))
            return tick, 0.0 if is_full or self.rng.random() < 0.6 else self._size()
        best, other = (max(self.bids), min(self.asks)) if is_bid else (min(self.asks), max(self.bids))
        offset = self._offset(int(self.rng.expovariate(0.25)))
        if self.rng.random() < 0.03:
            offset = self.rng.randint(1, self.furthest)
        if self.rng.random() < 0.2 and abs(other - best) > 1:
            offset = -self.rng.randint(1, min(2 * self.step, abs(other - best) - 1) or 1)
        tick = best - offset if is_bid else best + offset
        return tick, self._size()

    def _set(self, side: dict[int, float], tick: int, size: float) -> None:
        if size > 0.0:
            side[tick] = size
        else:
            side.pop(tick, None)

    def _offset(self, number: int) -> int:
        return number * self.step + self.rng.randint(0, self.step - 1)

    def _price(self, tick: int) -> float:
        return round(tick * self.tick, self.digits)

    def _size(self) -> float:
        return self.rng.randint(1, 2_000) / SIZE_GRAIN


class Market:
    """All venues of a proof, each with its assets. `rate` is in events a second of each asset at each venue; bursts come
    on top of it. The same seed makes the same events."""

    def __init__(
        self, venues: Mapping[str, tuple[str, ...]], seed: int, start_ns: int, *, rate: float, levels: int
    ) -> None:
        self._rng = random.Random(seed)
        self._rate, self._start_ns = rate, start_ns
        pairs = [(venue, asset) for venue, assets in venues.items() for asset in assets]
        self.markets = [AssetMarket(venue, asset, self._rng, levels) for venue, asset in pairs]
        self._waiting = [(start_ns + self._pause_ns(), number) for number in range(len(pairs))]
        heapify(self._waiting)

    @property
    def due_ns(self) -> int:
        """When the next thing happens."""
        return self._waiting[0][0]

    def books(self) -> list[SpotEvent]:
        """The whole books, as they are at the beginning."""
        return [market.book(self._start_ns) for market in self.markets]

    def step(self) -> list[SpotEvent]:
        """What happens next."""
        now_ns, number = self._waiting[0]
        events: list[SpotEvent] = []
        for _ in range(BURST_EVENTS if self._rng.random() < BURST_SHARE / BURST_EVENTS else 1):
            events += self.markets[number].next(now_ns)
        heapreplace(self._waiting, (now_ns + self._pause_ns(), number))
        return events

    def events(self, seconds: float = inf) -> Iterator[SpotEvent]:
        """In the order of time, the whole books first; for ever, or for so long."""
        yield from self.books()
        while self.due_ns < self._start_ns + seconds * SECOND_NS:
            yield from self.step()

    def touch(self, now_ns: int) -> list[SpotEvent]:
        """A change in every book, so that whoever has missed something can notice."""
        return [market.change(now_ns) for market in self.markets]

    def _pause_ns(self) -> int:
        return max(1, int(self._rng.expovariate(self._rate) * SECOND_NS))


def market_events(
    venues: Mapping[str, tuple[str, ...]], seed: int, start_ns: int, seconds: float, *, rate: float, levels: int
) -> Iterator[SpotEvent]:
    """The events of a market for so long."""
    return Market(venues, seed, start_ns, rate=rate, levels=levels).events(seconds)
