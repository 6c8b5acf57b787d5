"""Where the demo market's prices come from: a seeded index path."""

import hashlib
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from markets.core.contract import WINDOW_NS
from markets.core.units import DAY_NS, MILLISECOND_NS, SECOND_NS

STEP_NS = 200 * MILLISECOND_NS  # the index is calculated five times a second
STEPS_PER_SECOND = SECOND_NS // STEP_NS
STEPS = WINDOW_NS // STEP_NS
QUARTERS_PER_DAY = DAY_NS // WINDOW_NS
YEAR_S = 31_536_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOVES_TOGETHER = 0.75  # correlation of the coins' moves
CALM_OR_WILD = (0.25, 0.28)  # log-volatility: standard deviation of the slow part (hours) and of the quick part
MEMORY = 0.96 ** np.arange(80)  # how the slow part of volatility forgets, a quarter hour a step
PULL = 1 / 17_280  # share of the way home that the price goes in a quarter hour: half of it in four months


class DemoAsset(NamedTuple):
    """A coin of the demo market. `volatility` is annualised; `decimals` are those of index and settle value."""

    name: str
    price: float
    volatility: float
    decimals: int


ASSETS = {
    "BTC": DemoAsset("BTC", 86_000.0, 0.45, 2),
    "ETH": DemoAsset("ETH", 2_900.0, 0.60, 2),
    "SOL": DemoAsset("SOL", 135.0, 0.80, 4),
}


def stream(*words: object) -> np.random.Generator:
    """Random numbers that depend on nothing but the words: the same words, the same numbers, in any process."""
    digest = hashlib.sha256(":".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def drift(seed: object, name: str, quarter: int, knots: int) -> Floats:
    """`knots` + 1 standard normal values, evenly spread over a quarter hour; the last is the next one's first."""
    own = stream(seed, name, quarter).standard_normal(knots)
    return np.append(own, stream(seed, name, quarter + 1).standard_normal(knots)[0])


class IndexPath:
    """The index of one coin. Any quarter hour can be asked for, in any order, and always has the same path.

    Quarters are counted from 1970. The price at the open of a quarter is a sum of seeded moves since
    the world began; the path in between is a bridge from one such price to the next.
    """

    def __init__(self, seed: int, asset: DemoAsset, start_ns: int) -> None:
        self.asset = asset
        self.first_day = start_ns // DAY_NS - 1  # the first window needs a strike from before it opened
        self.scale = 10**asset.decimals
        self._seed = seed
        self._day_levels = [0.0]
        self._step_volatility = asset.volatility * (STEP_NS / SECOND_NS / YEAR_S) ** 0.5
        self.draws = lru_cache(maxsize=8)(self._draws)
        self.levels = lru_cache(maxsize=8)(self._levels)
        self.volatilities = lru_cache(maxsize=8)(self._volatilities)
        self.path = lru_cache(maxsize=4)(self._path)

    def volatility(self, quarter: int) -> float:
        """The volatility of this quarter, as a multiple of the coin's usual one; its mean square is 1."""
        day, index = divmod(quarter, QUARTERS_PER_DAY)
        return float(self.volatilities(day)[index])

    def level(self, quarter: int) -> float:
        """ln(price / usual price) at the open of this quarter. Raises ValueError before the world began."""
        day, index = divmod(quarter, QUARTERS_PER_DAY)
        return float(self.levels(day)[index])

    def settle_units(self, quarter: int) -> int:
        """The mean of the last sixty one-second values before the close, half up, in units of the last decimal."""
        samples = self.path(quarter)[STEPS - 60 * STEPS_PER_SECOND :: STEPS_PER_SECOND]
        return (2 * int(samples.sum()) + 60) // 120

    def _path(self, quarter: int) -> Integers:
        """The index every 200 ms from the open on (the close is the next one's first), in units of the last decimal."""
        own, shared = stream(self._seed, "path", self.asset.name, quarter), stream(self._seed, "path", quarter)
        noise = _mix(shared.standard_normal(STEPS), own.standard_normal(STEPS))
        weights = np.repeat(np.exp(0.35 * own.standard_normal(90)), STEPS // 90)
        weights[own.random(STEPS) < 0.01] *= 9.0  # one step in a hundred is three times as large
        weights /= weights.mean()
        clock = np.cumsum(weights) / STEPS
        free = np.cumsum(noise * np.sqrt(weights)) * self._step_volatility * self.volatility(quarter)
        start = self.level(quarter)
        bridge = free - clock * (free[-1] - (self.level(quarter + 1) - start))
        logs = start + np.concatenate(([0.0], bridge[:-1]))
        units: Integers = np.rint(self.asset.price * self.scale * np.exp(logs)).astype(np.int64)
        return units

    def _volatilities(self, day: int) -> Floats:
        slow, quick = CALM_OR_WILD
        shocks = np.concatenate([self.draws("slow volatility", each) for each in (day - 1, day)])
        weights = MEMORY / np.sqrt(np.square(MEMORY).sum())
        calm = np.convolve(shocks, weights)[QUARTERS_PER_DAY : 2 * QUARTERS_PER_DAY]
        logs: Floats = slow * calm + quick * self.draws("quick volatility", day)
        multiples: Floats = np.exp(logs - (slow**2 + quick**2))
        return multiples

    def _moves(self, day: int) -> Floats:
        usual = self._step_volatility * STEPS**0.5
        moves: Floats = usual * self.volatilities(day) * self.draws("move", day)
        return moves

    def _levels(self, day: int) -> Floats:
        if day < self.first_day:
            raise ValueError(f"the demo market has no prices before day {self.first_day}")
        while len(self._day_levels) <= day - self.first_day:
            last = self.first_day + len(self._day_levels) - 1
            self._day_levels.append(float(self._walk(self._day_levels[-1], self._moves(last))[-1]))
        return self._walk(self._day_levels[day - self.first_day], self._moves(day))

    @staticmethod
    def _walk(level: float, moves: Floats) -> Floats:
        """The level at each quarter's open of a day, and at its end."""
        keep: Floats = np.power(1.0 - PULL, np.arange(len(moves) + 1, dtype=np.float64))
        walked: Floats = keep * (level + np.concatenate(([0.0], np.cumsum(moves / keep[1:]))))
        return walked

    def _draws(self, name: str, day: int) -> Floats:
        own = stream(self._seed, name, self.asset.name, day).standard_normal(QUARTERS_PER_DAY)
        return _mix(stream(self._seed, name, day).standard_normal(QUARTERS_PER_DAY), own)


def _mix(shared: Floats, own: Floats) -> Floats:
    mixed: Floats = MOVES_TOGETHER**0.5 * shared + (1 - MOVES_TOGETHER) ** 0.5 * own
    return mixed
