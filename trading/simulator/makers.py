"""The demo market's makers: what each believes a contract is worth, and the ladders they rest around it."""

from math import pi
from typing import NamedTuple

import numpy as np

from markets.core.contract import WINDOW_NS, Contract
from markets.core.units import CONTRACT, MILLISECOND_NS, PRICE_DOLLAR, SECOND_NS
from trading.simulator.prices import STEP_NS, STEPS, YEAR_S, Floats, IndexPath, Integers, drift, stream

Ladder = dict[int, int]  # price in its own side's terms -> count

MOOD_KNOTS = 9  # the makers' common mistake turns every 100 s
MOOD_SIZE = 0.03  # its size, in standard deviations of the outcome
VOLATILITY_MISTAKE = 0.05  # how far ln(sigma) is off, one standard deviation, redrawn each window
HALF_LIFE_S = 1_800.0  # of the variance that the makers go by
LOOK_BACK = 16  # quarter hours; what was before has less than half a percent of the weight


class Maker(NamedTuple):
    """How one maker quotes: how often, on how old an index, how far from fair value, and how much of it."""

    every_ns: int
    lag_ns: int
    half_width: float  # in Price units, at even odds
    levels: int
    contracts: int


MAKERS = (
    Maker(450 * MILLISECOND_NS, 800 * MILLISECOND_NS, 65.0, 3, 60),
    Maker(1_100 * MILLISECOND_NS, 1_000 * MILLISECOND_NS, 95.0, 4, 220),
    Maker(2_700 * MILLISECOND_NS, 1_300 * MILLISECOND_NS, 160.0, 5, 900),
)


class Quotes(NamedTuple):
    """What one maker thinks during one window: when (ns after the open), the fair Price and half the width."""

    after_ns: list[int]
    fair: list[float]
    half: list[float]


def maker_quotes(seed: int, index: IndexPath, contract: Contract, number: int) -> Quotes:
    """All the thoughts of maker `number` in the window of `contract`, whose strike must be known."""
    maker, quarter = MAKERS[number], contract.open_ns // WINDOW_NS
    rng = stream(seed, "maker", contract.ticker, number)
    usual = np.arange(1_500 * MILLISECOND_NS, WINDOW_NS - SECOND_NS, maker.every_ns)
    after_ns = usual + rng.integers(0, maker.every_ns // 2, len(usual))
    shift = MOOD_SIZE * np.interp(
        after_ns, np.linspace(0, WINDOW_NS, MOOD_KNOTS + 1), drift(seed, f"mood {contract.series}", quarter, MOOD_KNOTS)
    )
    volatility = _volatility(index, quarter, after_ns) * float(np.exp(_volatility_mistake(seed, contract)))
    probability, sensitivity = _beliefs(index, contract, after_ns - maker.lag_ns, volatility, shift)
    roughly_even = 2 * np.sqrt(probability * (1 - probability))
    half = np.maximum(maker.half_width * roughly_even, 0.4 * maker.half_width / 65 * sensitivity * PRICE_DOLLAR)
    return Quotes(after_ns.tolist(), (probability * PRICE_DOLLAR).tolist(), (half + 4).tolist())


def _beliefs(
    index: IndexPath, contract: Contract, seen_ns: Integers, volatility: Floats, shift: Floats
) -> tuple[Floats, Floats]:
    """P(YES) with the index as it was `seen_ns` after the open, and how much it moves in a second."""
    quarter = contract.open_ns // WINDOW_NS
    path = index.path(quarter) / index.scale
    now = path[seen_ns // STEP_NS]
    terms = contract.averaging
    first_ns = terms.first_ns(contract.close_ns) - contract.open_ns
    known = np.clip((seen_ns - first_ns) // terms.step_ns + 1, 0, terms.samples)
    samples = path[first_ns // STEP_NS : STEPS : terms.step_ns // STEP_NS][: terms.samples]
    sums = np.concatenate(([0.0], np.cumsum(samples)))
    left = terms.samples - known
    wait_s = (first_ns + known * terms.step_ns - seen_ns) / SECOND_NS
    effective_s = (left / terms.samples) ** 2 * averaged_seconds(wait_s, left, terms.step_ns / SECOND_NS)
    move = now * volatility  # of one second
    spread = np.sqrt(np.square(move) * effective_s + np.square(now * 1e-6))
    mean = (sums[known] + left * now) / terms.samples
    strike = (contract.strike or 0.0) - 0.5 / index.scale
    z = (mean - strike) / spread + shift
    density = np.exp(-0.5 * np.square(z)) / (2 * pi) ** 0.5
    return student_t4(z), density * move * left / terms.samples / spread


def averaged_seconds(wait_s: Floats, left: Integers, step_s: float) -> Floats:
    """The variance clock of the mean of `left` samples to come, the first in `wait_s`: d + dt (r-1)(2r-1) / 6r."""
    several = np.maximum(left, 1)
    seconds: Floats = wait_s + step_s * (several - 1) * (2 * several - 1) / (6 * several)
    return seconds


def student_t4(z: Floats) -> Floats:
    """The distribution function of Student's t with 4 degrees of freedom, scaled to unit variance."""
    x = np.sqrt(2.0) * z
    part = 1 + np.square(x) / 4
    return np.asarray(np.clip(0.5 + 0.375 * x / np.sqrt(part) * (1 - np.square(x) / (12 * part)), 0.0, 1.0))


def _volatility(index: IndexPath, quarter: int, after_ns: Integers) -> Floats:
    """Per root second: what a patient observer of the recent hours would say, this quarter so far included."""
    fade = 0.5 ** (WINDOW_NS / SECOND_NS / HALF_LIFE_S)
    recent = 1.0
    for past in range(quarter - LOOK_BACK, quarter):
        recent += (1 - fade) * (index.volatility(past) ** 2 - recent)
    still = np.power(0.5, after_ns / SECOND_NS / HALF_LIFE_S)
    blend = still * recent + (1 - still) * index.volatility(quarter) ** 2
    observed: Floats = index.asset.volatility * YEAR_S**-0.5 * np.sqrt(blend)
    return observed


def _volatility_mistake(seed: int, contract: Contract) -> float:
    """All makers err alike, or the best of them would leave no mistake in the book."""
    return VOLATILITY_MISTAKE * float(stream(seed, "volatility mistake", contract.ticker).standard_normal())


def wanted_ladders(contract: Contract, number: int, fair: float, half: float) -> tuple[Ladder, Ladder]:
    """The YES bids and NO bids that a maker wants to rest around `fair`; none where the grid has no room."""
    return _ladder(contract, number, fair - half), _ladder(contract, number + 7, PRICE_DOLLAR - fair - half)


def _ladder(contract: Contract, salt: int, best: float) -> Ladder:
    maker = MAKERS[salt % 7]
    ladder: Ladder = {}
    price = int(best)
    while len(ladder) < maker.levels and price >= contract.grid[0].step:
        price = contract.floor(price)
        ladder[price] = _count_at(maker, salt, price)
        price -= 100 if 1_000 < price <= 9_000 else 20
    return ladder


def _count_at(maker: Maker, salt: int, price: int) -> int:
    """A count that belongs to the price, so that a ladder that moves a step changes only at its two ends."""
    mixed = (price * 2_654_435_761 + salt * 40_503) & 0xFFFFFFFF
    share = ((mixed ^ mixed >> 15) & 0xFFFF) / 0xFFFF
    return int(maker.contracts * (0.35 + 1.3 * share)) * CONTRACT
