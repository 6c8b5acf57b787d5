"""The demo market's spot venues: how each strays around the index, what its best prices are, when it trades, how late."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from markets.core.contract import WINDOW_NS
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.core.venues import USDT, facts_of
from trading.simulator.prices import STEP_NS, Floats, IndexPath, Integers, drift, stream

PRICE_DIGITS = {"BTC": 2, "ETH": 2, "SOL": 3}  # of every venue, as loopback writes them: a tick is one of the last
SIZE_DIGITS = {"BTC": 3, "ETH": 2, "SOL": 1}  # of what rests; trades have three more
TRADE_DOLLARS = (8.0, 1.2)  # ln(dollars) of a trade: mean and standard deviation, around $3,000
TOUCH_DOLLARS = 9_000.0  # at the best price of a venue of depth 1
NOISE_BP = 0.06  # of a venue's view of the index, anew with each change
TETHER_BP = 3.0  # how far USDT strays from the dollar, one standard deviation
TETHER_QUARTERS = 48  # it forgets where it was in half a day
BASIS_KNOTS = 30  # a venue's basis turns every 30 s
LAST_NS = WINDOW_NS - MILLISECOND_NS  # the last change of a quarter hour: from it on the book is the next one's first
KNOTS_NS = np.arange(0, WINDOW_NS + 1, 100 * MILLISECOND_NS, dtype=np.float64)  # a venue's delay is drawn at each
LONGEST_DELAY_NS = 400 * MILLISECOND_NS


class Venue(NamedTuple):
    """A spot venue. `lag_ns` is how old an index it goes by (at most one step), `spread_bp` the usual range of its
    spread, `tight` the share of the time at which that is one tick, `depth` its size, `has_quotes` whether its wire
    has a channel of best prices beside the book."""

    name: str
    trades_per_second: float
    changes_per_second: float
    delay_ns: int
    lag_ns: int
    basis_bp: float
    spread_bp: tuple[float, float]
    tight: float
    depth: float
    has_quotes: bool = False


VENUES = (
    Venue("coinbase", 2.5, 2.5, 35 * MILLISECOND_NS, 20 * MILLISECOND_NS, 0.2, (0.0, 0.5), 0.6, 1.0),
    Venue("kraken", 1.0, 1.5, 60 * MILLISECOND_NS, 80 * MILLISECOND_NS, 0.25, (0.5, 1.2), 0.0, 0.7),
    Venue("bitstamp", 0.6, 1.5, 70 * MILLISECOND_NS, 120 * MILLISECOND_NS, 0.3, (0.5, 1.6), 0.0, 0.5),
    Venue("binance", 3.0, 2.0, 85 * MILLISECOND_NS, 20 * MILLISECOND_NS, 0.25, (0.0, 0.5), 0.6, 1.3, True),
    Venue("gemini", 0.4, 1.0, 45 * MILLISECOND_NS, 180 * MILLISECOND_NS, 0.35, (0.8, 2.0), 0.0, 0.35, True),
    Venue("crypto_com", 0.8, 1.5, 95 * MILLISECOND_NS, 150 * MILLISECOND_NS, 0.3, (0.5, 1.5), 0.0, 0.5),
)


class Touches(NamedTuple):
    """The best prices (ticks) and sizes (units) of a venue after each of its changes, by time after the open.

    The first is what the quarter hour opens with, the last what the next one does.
    """

    after_ns: Integers
    bid: Integers
    ask: Integers
    bid_size: Integers
    ask_size: Integers


class Trades(NamedTuple):
    """The trades of a venue, by time after the open. `first_id` counts on from the quarter hour before."""

    after_ns: Integers
    price: Integers  # in ticks
    size: Floats
    buys: list[bool]  # whether who crossed the spread bought
    first_id: int


def arrivals(seed: int, venue: Venue, quarter: int, after_ns: Integers) -> Integers:
    """When what happened `after_ns` at the venue reaches us (ns after the open), in the same order.

    What waits behind something late is as late; nothing is later than a fraction of a second, or the quarter's end.
    """
    times: Integers = np.rint(np.interp(after_ns, KNOTS_NS, _heard(seed, venue, quarter))).astype(np.int64)
    return times


@lru_cache(maxsize=2 * 6)
def _heard(seed: int, venue: Venue, quarter: int) -> Floats:
    """When what happened at each of the knots reaches us."""
    rng = stream(seed, "delay", venue.name, quarter)
    delays = venue.delay_ns * (0.7 + rng.exponential(0.3, len(KNOTS_NS)))
    delays += np.where(rng.random(len(KNOTS_NS)) < 0.002, 3 * venue.delay_ns * rng.pareto(1.5, len(KNOTS_NS)), 0.0)
    delays = np.minimum(np.minimum(delays, LONGEST_DELAY_NS), 0.9 * (WINDOW_NS - KNOTS_NS))
    hurry = 0.98  # what was held up comes at fifty times the speed, not all in one moment
    heard: Floats = np.maximum.accumulate(hurry * KNOTS_NS + delays) + (1 - hurry) * KNOTS_NS
    return heard


def touches(seed: int, index: IndexPath, quarter: int, venue: Venue) -> Touches:
    """The best prices of one venue through one quarter hour."""
    name, asset = venue.name, index.asset
    rng = stream(seed, "changes", asset.name, name, quarter)
    count = round(venue.changes_per_second * WINDOW_NS / SECOND_NS)
    between = np.sort(rng.integers(MILLISECOND_NS, LAST_NS, count))
    after_ns = np.concatenate(([0], between, [LAST_NS]))
    ends = np.array([0, -1])
    noise = NOISE_BP * rng.standard_normal(count + 2)
    spread = np.where(rng.random(count + 2) < venue.tight, 0.0, rng.uniform(*venue.spread_bp, count + 2))
    sizes = np.exp(rng.normal(0.0, 0.8, (2, count + 2)))
    noise[ends], spread[ends] = 0.0, venue.spread_bp[0]
    for end in (0, -1):
        sizes[:, end] = np.exp(stream(seed, "opening", asset.name, name, quarter - end).normal(0.0, 0.8, 2))
    middle = _views(index, quarter, after_ns - venue.lag_ns) * 10 ** PRICE_DIGITS[asset.name]
    middle *= 1 + (strays(seed, index, quarter, venue, after_ns) + noise) * 1e-4
    half = middle * spread * 0.5e-4
    bid = np.floor(middle - half).astype(np.int64)
    ask = np.maximum(np.ceil(middle + half).astype(np.int64), bid + 1)
    units = TOUCH_DOLLARS * venue.depth / asset.price * 10 ** SIZE_DIGITS[asset.name]
    bid_size, ask_size = np.maximum(np.rint(sizes * units), 1.0).astype(np.int64)
    return Touches(after_ns, bid, ask, bid_size, ask_size)


def strays(seed: int, index: IndexPath, quarter: int, venue: Venue, after_ns: Integers) -> Floats:
    """How far, in bp, the middle of this venue's book is off the index at these times after the open."""
    knots = np.linspace(0, LAST_NS, BASIS_KNOTS + 1)
    basis = venue.basis_bp * drift(seed, f"basis {index.asset.name} {venue.name}", quarter, BASIS_KNOTS)
    if facts_of(venue.name).quote == USDT:
        basis += np.linspace(tether(seed, quarter), tether(seed, quarter + 1), BASIS_KNOTS + 1)
    stray: Floats = np.interp(after_ns, knots, basis)
    return stray


@lru_cache(maxsize=64)
def tether(seed: int, quarter: int) -> float:
    """How far, in bp, a dollar's price in USDT is above 1 at the open of this quarter: the same for every coin."""
    weights = np.hanning(TETHER_QUARTERS + 2)[1:-1]
    draws = [stream(seed, "tether", quarter - back).standard_normal() for back in range(TETHER_QUARTERS)]
    return TETHER_BP * float(weights @ draws / np.sqrt(np.square(weights).sum()))


def trades(seed: int, index: IndexPath, quarter: int, venue: Venue, touch: Touches) -> Trades:
    """What trades at one venue in one quarter hour: always at its best price, at most what rests there."""
    asset = index.asset
    rng = stream(seed, "spot", asset.name, venue.name, quarter)
    count = round(venue.trades_per_second * WINDOW_NS / SECOND_NS)
    after_ns = np.sort(rng.integers(MILLISECOND_NS, LAST_NS, count))
    buys = rng.random(count) < 0.5
    last = np.searchsorted(touch.after_ns, after_ns, "right") - 1
    units = 10 ** (SIZE_DIGITS[asset.name] + 3)
    resting = np.where(buys, touch.ask_size[last], touch.bid_size[last]) * 1_000
    wanted = np.rint(np.exp(rng.normal(*TRADE_DOLLARS, count)) / asset.price * units)
    sizes = np.clip(wanted, 1, resting) / units
    prices = np.where(buys, touch.ask[last], touch.bid[last])
    return Trades(after_ns, prices, sizes, buys.tolist(), quarter * count)


def _views(index: IndexPath, quarter: int, seen_ns: Integers) -> Floats:
    """The index at these times after the open, which may be up to a step before it."""
    values = np.concatenate((index.path(quarter - 1)[-1:], index.path(quarter))) / index.scale
    seen: Floats = values[seen_ns // STEP_NS + 1]
    return seen
