"""The hours of the day and the weekend: how much variance a quarter hour has beside the mean of the week (section 4.2)."""

import numpy as np

from backtests.core.cases import Floats, Whole, groups_of
from backtests.core.moves import Moves
from markets.core.contract import WINDOW_NS
from markets.core.units import DAY_NS
from trading.core.fitted import ALL, SeasonalProfile

SLOTS = DAY_NS // WINDOW_NS
WEEKS = 4
SPAN_NS = WEEKS * 7 * DAY_NS
LEAST_SHARE = 0.8  # of the moves of four weeks that must be there
LARGEST = 5.0  # standard deviations, by the median: a larger move is cut down to that
NORMAL_MEDIAN = 0.6744897501960817  # of the absolute value of a standard normal


def seasonal_profiles(moves: Moves) -> tuple[SeasonalProfile, ...]:
    """A profile for each asset with four weeks of moves, and one for all of them together."""
    found = (seasonal_fit(moves, group) for group in groups_of(moves.asset))
    return tuple(profile for profile in found if profile is not None)


def seasonal_fit(moves: Moves, group: str) -> SeasonalProfile | None:
    """The ratio of the mean truncated variance in each quarter hour to that of the week, smoothed over three, its mean over
    a week 1. None with less than four weeks of moves, or a quarter hour that nothing is known of."""
    mine = moves if group == ALL else moves.of(group)
    mine = mine.since(int(mine.close_ns[-1]) - SPAN_NS + WINDOW_NS) if len(mine.close_ns) else mine
    if len(np.unique(mine.close_ns)) < LEAST_SHARE * WEEKS * 7 * SLOTS:
        return None
    ratio = _ratios(mine)
    slot, is_weekend = when(mine.close_ns)
    weekday, weekend = (_smooth(ratio[is_weekend == end], slot[is_weekend == end]) for end in (False, True))
    if weekday is None or weekend is None:
        return None
    mean = (5.0 * float(np.mean(weekday)) + 2.0 * float(np.mean(weekend))) / 7.0
    return SeasonalProfile(
        group=group, windows=len(np.unique(mine.close_ns)), first_ns=int(mine.close_ns[0]), through_ns=int(mine.close_ns[-1]),
        weekday=tuple((weekday / mean).tolist()), weekend=tuple((weekend / mean).tolist()),
    )  # fmt: skip


def multipliers(profile: SeasonalProfile, close_ns: Whole) -> Floats:
    """The multiplier of the variance of the quarter hour before each close."""
    slot, is_weekend = when(close_ns)
    found: Floats = np.where(is_weekend, np.array(profile.weekend)[slot], np.array(profile.weekday)[slot])
    return found


def when(close_ns: Whole) -> tuple[Whole, "np.typing.NDArray[np.bool_]"]:
    """(quarter hour of the UTC day, whether it is a weekend) of the window before each close."""
    open_ns = close_ns - WINDOW_NS
    days = open_ns // DAY_NS
    return open_ns % DAY_NS // WINDOW_NS, (days + 3) % 7 >= 5  # 1970 began on a Thursday


def _ratios(moves: Moves) -> Floats:
    """Squared moves, cut off, as shares of their asset's mean: assets of unlike volatility can be put together."""
    ratio = np.zeros(len(moves.move))
    for asset in np.unique(moves.asset):
        mine = moves.asset == asset
        size = np.abs(moves.move[mine])
        cut = np.minimum(size, LARGEST * float(np.median(size)) / NORMAL_MEDIAN) ** 2
        ratio[mine] = cut / max(float(np.mean(cut)), 1e-300)
    return ratio


def _smooth(ratio: Floats, slot: Whole) -> Floats | None:
    """The mean of each slot with its neighbours, around the clock."""
    total = np.bincount(slot, weights=ratio, minlength=SLOTS)
    count = np.bincount(slot, minlength=SLOTS)
    totals, counts = (column + np.roll(column, 1) + np.roll(column, -1) for column in (total, count))
    if np.min(counts) == 0 or np.min(totals) <= 0.0:
        return None
    smooth: Floats = totals / counts
    return smooth
