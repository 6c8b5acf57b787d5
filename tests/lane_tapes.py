"""Random tapes for the lane: windows whose books move, cross, thin out, pause and get lost, with a spot price that wanders."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

from backtests.shelf import Reel
from markets.core.contract import CENT_GRID, TAPERED_GRID, FeeTerms
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    ExchangeStatus,
    FeedStatus,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotPrice,
    TickerQuote,
    TradePrint,
)
from markets.core.units import SECOND_NS
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import CLOSE_NS, STRIKE, contract

WINDOW_NS = 900 * SECOND_NS
LATE_S = 200  # before the close a tape begins: nothing of the average that it settles on is missed


class Wandering:
    """Events of one tape, made by one random number after another."""

    def __init__(self, seed: int, *, assets: Sequence[str] = ("BTC",), shift: int = 0) -> None:
        self.random = Random(seed)
        self.now_ns = CLOSE_NS - LATE_S * SECOND_NS + shift * WINDOW_NS
        self.events: list[MarketEvent] = []
        self.books: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
        self.spot = dict.fromkeys(assets, STRIKE)
        self.open: list[str] = []
        self.number = shift
        self.fees = self.random.choice((FeeTerms(), FeeTerms(700, 175, 10_000, 10_000), FeeTerms(350, 0, 100, 100)))

    def made(self, steps: int) -> list[MarketEvent]:
        """So many steps, over two windows, and the results of both."""
        self._list()
        for step in range(steps):
            self.now_ns += self.random.choice((1_000_000, 40_000_000, 150_000_000, 400_000_000))
            if step == steps // 2:
                self._over()
                self._list()
            self._step()
        self._over()
        self.events.append(SpotPrice(self.now_ns + 2 * SECOND_NS, "coinbase", "BTC", self.spot["BTC"], 1.0))
        return self.events

    def _list(self) -> None:
        close_ns = CLOSE_NS + self.number * WINDOW_NS
        self.number += 1
        self.now_ns = max(self.now_ns, close_ns - LATE_S * SECOND_NS)
        for asset, price in self.spot.items():
            ticker = f"KX{asset}15M-{close_ns // SECOND_NS}"
            terms = contract(
                ticker,
                asset=asset,
                open_ns=close_ns - WINDOW_NS,
                close_ns=close_ns,
                strike=round(price, 2),
                fees=self.fees,
                grid=self.random.choice((TAPERED_GRID, CENT_GRID)),
            )
            self.events += [MarketListed(self.now_ns, terms), MarketStatus(self.now_ns, ticker, "open")]
            self.open.append(ticker)
            self._snapshot(ticker)

    def _over(self) -> None:
        self.now_ns = CLOSE_NS + (self.number - 1) * WINDOW_NS
        for ticker in self.open:
            self.events.append(MarketStatus(self.now_ns, ticker, "closed"))
        for ticker in self.open:
            self.now_ns += self.random.choice((0, 20_000_000, 5 * SECOND_NS))
            self.events.append(MarketStatus(self.now_ns, ticker, "settled", self.random.choice(("yes", "no"))))
        self.open.clear()

    def _step(self) -> None:
        random, ticker = self.random, self.random.choice(self.open)
        what = random.random()
        if what < 0.35:
            for asset in self.spot:
                self.spot[asset] *= 1 + random.gauss(0, 0.00004)
                self.events.append(
                    SpotPrice(self.now_ns, "coinbase", asset, round(self.spot[asset], 2), 1.0, self.now_ns)
                )
        elif what < 0.93:
            self._delta(ticker)
        elif what < 0.95:
            self.events.append(TradePrint(self.now_ns, ticker, 5_000, random.randint(50, 50_000), True))
        elif what < 0.97:
            self.events.append(TickerQuote(self.now_ns, ticker, 4_900, 5_100, volume=random.randint(1_000, 900_000)))
        elif what < 0.985:
            self._snapshot(ticker)
        elif what < 0.99:
            self.events.append(FeedStatus(self.now_ns, "kalshi", "lost", ticker, "gap"))
            self.now_ns += 100_000_000
            self._snapshot(ticker)
        elif what < 0.995:
            self.events.append(MarketStatus(self.now_ns, ticker, "paused"))
            self.events.append(MarketStatus(self.now_ns + 30_000_000, ticker, "open"))
            self.now_ns += 30_000_000
        else:
            self.events.append(ExchangeStatus(self.now_ns, 2, False, "maintenance"))
            self.events.append(ExchangeStatus(self.now_ns + 50_000_000, 2, True))
            self.now_ns += 50_000_000

    def _snapshot(self, ticker: str) -> None:
        middle = self.random.randrange(500, 9_500, 100)
        sides = []
        for best in (middle - 100, 10_000 - middle - 100):
            prices = [max(best - 100 * place, 100) for place in range(self.random.randint(0, 4))]
            sides.append({price: self.random.choice((40, 150, 2_500, 90_000)) for price in prices})
        self.books[ticker] = (sides[0], sides[1])
        self.events.append(BookSnapshot(self.now_ns, ticker, tuple(sides[0].items()), tuple(sides[1].items())))

    def _delta(self, ticker: str) -> None:
        random = self.random
        is_yes = random.random() < 0.5
        ladder, other = self.books[ticker][not is_yes], self.books[ticker][is_yes]
        best, against = max(ladder, default=3_000), max(other, default=3_000)
        if ladder and random.random() < 0.4:
            price = random.choice(list(ladder))
            change = -ladder[price] if random.random() < 0.5 else random.randint(1 - ladder[price], 20_000)
        else:
            price = min(max(best + 100 * random.randint(-3, 1), 100), 9_900)
            price = price if random.random() < 0.05 else min(price, 9_900 - against)  # seldom a crossed book
            change = random.choice((30, 100, 700, 40_000))
        if not 0 < price < 10_000 or not change:
            return
        count = ladder.get(price, 0) + change
        ladder[price] = count
        if count <= 0:
            del ladder[price]
        self.events.append(BookDelta(self.now_ns, ticker, is_yes, price, change))


def reel_of(path: Path, events: Sequence[MarketEvent]) -> Reel:
    """A sealed tape of these events, as it is played."""
    writer = TapeWriter(path, TapeHeader(VERSION, path.stem, "test", "A", 1))
    for event in events:
        writer.append(event)
    return Reel(path.stem, writer.close(), "test", "A", events[0].received_ns, len(events))
