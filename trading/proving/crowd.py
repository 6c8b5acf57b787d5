"""Crowd: everybody else, invented from a seed: books around a price that wanders, trades that meet what rests, spot."""

import random
from collections.abc import Iterator
from typing import Literal

from markets.core.contract import WINDOW_NS, Contract, window_close_ns
from markets.core.events import BookSnapshot, MarketEvent, MarketListed, MarketStatus, SpotPrice, TradePrint
from markets.core.units import SECOND_NS
from trading.simulator.exchange.listing import plain_contract

START_NS = 1_795_365_000 * SECOND_NS  # 2026-11-22 16:30:00 UTC
FIRST_CLOSE_NS = START_NS + WINDOW_NS
STEP_S = 0.5
LEVELS = 4
Result = Literal["yes", "no"]
LISTED = 4  # windows: two of them are traded, the others come after the end
STRIKES = {"BTC": 85_000.0, "ETH": 3_000.0}
SPOT_VENUES = ("coinbase", "kraken")


class Crowd:
    """The windows of these assets: the first closes `closes_s` after `begin_ns`, the next opens then; what is still open
    at `ends_s` is ended by the exchange. Those of `idle` assets are there too, and nobody trades them. Everything is told
    in the order of time."""

    def __init__(
        self, rng: random.Random, assets: tuple[str, ...], *, begin_ns: int, ends_s: float, idle: tuple[str, ...] = ()
    ) -> None:
        self._rng = rng
        self.assets, self.begin_ns, self.ends_s = assets, begin_ns, ends_s
        close_ns = window_close_ns(begin_ns)
        self.closes_s = (close_ns - begin_ns) / SECOND_NS
        self.contracts: list[Contract] = []
        for number in range(LISTED):
            for asset in assets:
                terms = plain_contract(asset, close_ns + number * WINDOW_NS, 2)
                self.contracts.append(_struck(terms, STRIKES[asset]))
        self._idle = [
            _struck(plain_contract(asset, close_ns + number * WINDOW_NS, 2), STRIKES[asset])
            for asset in idle
            for number in range(LISTED)
        ]
        self._fair = {asset: rng.uniform(3_000, 7_000) for asset in assets}
        self._spot = dict(STRIKES)

    @property
    def tickers(self) -> list[str]:
        """All markets, by their close."""
        return [contract.ticker for contract in self.contracts]

    def at(self, seconds: float) -> int:
        """A moment, in ns."""
        return self.begin_ns + round(seconds * SECOND_NS)

    def first(self) -> list[MarketEvent]:
        """What is true before anything happens."""
        now_ns = self.begin_ns - SECOND_NS
        listed = [MarketListed(now_ns, contract) for contract in (*self.contracts, *self._idle)]
        opened = [MarketStatus(now_ns, contract.ticker, "open") for contract in self.contracts[: len(self.assets)]]
        return [*listed, *opened]

    def events(self, until_s: float) -> Iterator[MarketEvent]:
        """Books, trades and spot prices, and the ends of the markets."""
        for step in range(int(until_s / STEP_S) + 1):
            now_ns = self.at(step * STEP_S)
            yield from self._ends(step * STEP_S, now_ns)
            for contract in self._trading(now_ns, step * STEP_S):
                yield from self._market(contract, now_ns)
            for asset in self.assets:
                self._spot[asset] *= 1 + self._rng.gauss(0.0, 5e-5)
                venue = SPOT_VENUES[step % 2]
                yield SpotPrice(now_ns, venue, asset, round(self._spot[asset], 2), 0.5, now_ns)

    def _trading(self, now_ns: int, seconds: float) -> list[Contract]:
        if seconds >= self.ends_s:
            return []
        return [one for one in self.contracts[: 2 * len(self.assets)] if one.open_ns <= now_ns < one.close_ns]

    def _ends(self, seconds: float, now_ns: int) -> Iterator[MarketEvent]:
        """What closes closes; two steps later it is said how it ended."""
        width = len(self.assets)
        first_s = min(self.closes_s, self.ends_s)
        for number, at_s in ((0, first_s), (1, self.ends_s)):
            contracts = self.contracts[number * width : (number + 1) * width]
            is_open = number == 0 or first_s < self.ends_s
            if at_s <= seconds < at_s + STEP_S and is_open:
                yield from (MarketStatus(now_ns, contract.ticker, "closed") for contract in contracts)
            if at_s <= seconds - 2 * STEP_S < at_s + STEP_S and is_open:
                for contract in contracts:
                    result: Result = "yes" if self._rng.random() < 0.5 else "no"
                    yield MarketStatus(now_ns, contract.ticker, "settled", result, f"{STRIKES[contract.asset]:.2f}")
        if first_s <= seconds < first_s + STEP_S and first_s < self.ends_s:
            for contract in self.contracts[width : 2 * width]:
                self._fair[contract.asset] = self._rng.uniform(3_000, 7_000)
                yield MarketStatus(now_ns, contract.ticker, "open")

    def _market(self, contract: Contract, now_ns: int) -> Iterator[MarketEvent]:
        rng = self._rng
        fair = self._fair[contract.asset] = min(9_000, max(1_000, self._fair[contract.asset] + rng.gauss(0, 60)))
        bid = int(fair // 100) * 100 - 100 * rng.choice((0, 0, 1))
        ask = bid + 100 * rng.choice((1, 2, 2, 3))
        yes = tuple(
            (bid - 100 * level, rng.choice((300, 700, 2_500, 9_000))) for level in range(LEVELS) if bid > 100 * level
        )
        no = tuple(
            (10_000 - ask - 100 * level, rng.choice((300, 700, 2_500, 9_000)))
            for level in range(LEVELS)
            if ask + 100 * level < 10_000
        )
        yield BookSnapshot(now_ns, contract.ticker, tuple(reversed(yes)), tuple(reversed(no)))
        if rng.random() < 0.35:
            is_yes = rng.random() < 0.5
            price = ask if is_yes else bid
            yield TradePrint(now_ns, contract.ticker, price, rng.choice((100, 250, 1_300, 6_000)), is_yes)


def _struck(contract: Contract, strike: float) -> Contract:
    return Contract(
        contract.ticker, contract.series, contract.asset, contract.open_ns, contract.close_ns, strike, contract.decimals
    )
