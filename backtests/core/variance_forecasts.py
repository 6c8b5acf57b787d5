"""Forecasts of a variance against what came: of recorded seconds, by the running volatility itself, and of settlements.

Each forecast is made before what it is held against is heard. The loss is QLIKE, ln v + realised / v with v a year: the one
that a noisy realised variance does not mislead (Patton 2011). Less is better; sigma wrong by a tenth costs 0.02.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from backtests.core.cases import Floats, Whole
from backtests.core.moves import Moves
from markets.core.contract import WINDOW_NS
from markets.core.units import SECOND_NS, YEAR_S
from trading.core.parameters import Parameters
from trading.core.realised import subsampled_variance
from trading.core.seasonality import USUAL, slot_of
from trading.core.volatility import FAR, WARM_S, Volatility, prior

WINDOW_S = WINDOW_NS // SECOND_NS
EVERY_S = 60  # of recorded seconds: a forecast a minute
STEP_S = 15  # of the returns that the realised variance is made of
WARM_MOVES = 96  # of settlements: a day, before forecasts count
LARGEST = 16.0  # a squared move counts for so many variances at most, as in the running volatility
HALF_LIVES_S = (300.0, 1_800.0, 14_400.0)
RUNNING: dict[str, Parameters | None] = {
    "blend": Parameters(),
    "blend without hours": Parameters(seasonality=False),
    "single 30 min": Parameters(volatility_forecast="single"),
    "single 5 min": Parameters(volatility_forecast="single", volatility_half_life_s=300.0),
    "prior": None,
}


class Judged(NamedTuple):
    """Forecasts by name and what came, variances a year; n of each. `block` is the day or hour that each belongs to."""

    said: dict[str, Floats]
    came: Floats
    block: Whole


class Score(NamedTuple):
    """Mean loss of one forecast over all; its mean loss less that of the first, with the standard error by blocks.
    `ratio` is the mean of what came over the mean of what was said: above 1 it says too little."""

    name: str
    loss: float
    worse: float
    error: float | None
    ratio: float


def scores(judged: Judged) -> list[Score]:
    """Of every forecast, against the first of them."""
    losses = {name: np.log(said) + judged.came / said for name, said in judged.said.items()}
    first = next(iter(losses.values()))
    return [
        Score(
            name,
            float(np.mean(loss)),
            float(np.mean(loss - first)),
            _error(loss - first, judged.block),
            float(np.mean(judged.came) / np.mean(judged.said[name])),
        )
        for name, loss in losses.items()
    ]


def of_seconds(
    asset: str, seconds: Sequence[int], prices: Sequence[float], ahead_s: int = WINDOW_S, every_s: int = EVERY_S
) -> Judged:
    """The running volatility on a price a second (ascending; seconds may be missing), a forecast each `every_s` once it has
    heard ten minutes, held against the sub-sampled variance of the next `ahead_s` where every second of them is there."""
    running = {name: Volatility(asset, each) for name, each in RUNNING.items() if each is not None}
    runs = _run_lengths(seconds)
    said: dict[str, list[float]] = {name: [] for name in RUNNING}
    came, block = [], []
    for place, (second, price) in enumerate(zip(seconds, prices, strict=True)):
        for volatility in running.values():
            volatility.sample(second, price)
        if second % every_s or runs[place] <= ahead_s or running["blend"].count < WARM_S:
            continue
        now_ns = second * SECOND_NS
        for name in RUNNING:
            found = running[name].outlook(now_ns, now_ns + ahead_s * SECOND_NS).annualised if name in running else None
            said[name].append((prior(asset) if found is None else found) ** 2)
        ahead = prices[place : place + ahead_s + 1]
        came.append(subsampled_variance(ahead, STEP_S) / (ahead_s - STEP_S + 1) * YEAR_S)
        block.append(second // 3_600)
    return Judged({name: np.array(values) for name, values in said.items()}, np.array(came), np.array(block, np.int64))


def of_moves(moves: Moves, asset: str) -> Judged:
    """Squared moves between the settlements of one asset, each forecast from those before it: by the constant prior, by
    exponential means of one half-life, and by those of the blend for a whole window with the hours taken off and laid on."""
    mine = moves.of(asset)
    rates = mine.move**2 / WINDOW_S * YEAR_S
    usual = np.array([USUAL[slot_of(int(close_ns) - WINDOW_NS)] for close_ns in mine.close_ns])
    first, flat = prior(asset) ** 2, np.ones(len(rates))
    slow, with_hours = (
        [_running(rates, mine.close_ns, hours, half_life_s, first) for half_life_s in HALF_LIVES_S]
        for hours in (flat, usual)
    )
    said = {
        "blend": usual * sum(share * each for share, each in zip(FAR, with_hours, strict=True)),
        "4 h with hours": usual * with_hours[2],
        "4 h": slow[2],
        "single 30 min": slow[1],
        "mean so far": _mean_so_far(rates, first),
        "prior": np.full(len(rates), first),
    }
    counted = slice(WARM_MOVES, None)
    days = mine.close_ns // (86_400 * SECOND_NS)
    return Judged({name: each[counted] for name, each in said.items()}, rates[counted], days[counted])


def blocks_of(judged: Judged) -> int:
    """How many days or hours there are forecasts of."""
    return len(np.unique(judged.block))


def seconds_of(heard: Iterable[tuple[int, float]], stale_s: int = 30) -> tuple[list[int], list[float]]:
    """(seconds, the last price heard before each begins), of prices with their time in microseconds, ascending. A second
    with no price in the `stale_s` before it is left out: where nobody trades for a while the price stands."""
    seconds: list[int] = []
    prices: list[float] = []
    last_us, last = 0, 0.0
    for at_us, price in heard:
        if last_us:
            newest = min((at_us - 1) // 1_000_000, last_us // 1_000_000 + stale_s)
            for second in range(last_us // 1_000_000 + 1, newest + 1):
                seconds.append(second)
                prices.append(last)
        last_us, last = at_us, price
    return seconds, prices


def _running(rates: Floats, close_ns: Whole, hours: Floats, half_life_s: float, first: float) -> Floats:
    """The exponential mean of rates / hours before each, whose weight is that of the time since the one before."""
    found, known, last_ns, count = np.empty(len(rates)), first, 0, 0
    for place, (rate, at_ns) in enumerate(zip((rates / hours).tolist(), close_ns.tolist(), strict=True)):
        found[place] = known
        span_s = (at_ns - last_ns) / SECOND_NS if count else WINDOW_S
        count, last_ns = count + 1, at_ns
        weight = max(1.0 - 0.5 ** (span_s / half_life_s), 1.0 / (1.0 + count))
        known += weight * (min(rate, LARGEST * known) - known)
    return np.maximum(found, 1e-4)


def _mean_so_far(rates: Floats, first: float) -> Floats:
    """The prior and all before, each with the same weight."""
    return (first + np.concatenate([[0.0], np.cumsum(rates)[:-1]])) / np.arange(1, len(rates) + 1)


def _run_lengths(seconds: Sequence[int]) -> list[int]:
    """How many seconds from each on, itself included, are there without a gap."""
    lengths = [1] * len(seconds)
    for place in range(len(seconds) - 2, -1, -1):
        if seconds[place + 1] == seconds[place] + 1:
            lengths[place] = lengths[place + 1] + 1
    return lengths


def _error(differences: Floats, block: Whole) -> float | None:
    """Standard error of the mean, as if only whole blocks were independent; None with fewer than two."""
    _, place = np.unique(block, return_inverse=True)
    centred = np.bincount(place, weights=differences - np.mean(differences))
    count = len(centred)
    return float(np.sqrt(np.sum(centred**2) * count / (count - 1)) / len(differences)) if count > 1 else None
