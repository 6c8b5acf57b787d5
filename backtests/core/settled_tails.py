"""The tails of quarter-hour moves from one settlement to the next, as section 5.1 of the pricing notes measured them."""

from typing import NamedTuple

import numpy as np

from backtests.core.cases import Floats
from backtests.core.fit_seasonality import multipliers, seasonal_fit
from backtests.core.fit_tails import freedom_fit
from backtests.core.moves import Moves

HALF_LIFE = 16  # quarter hours: four hours
SEED = 96  # moves whose mean square begins the average


class SettledTails(NamedTuple):
    """Of one asset, on the later half of its moves: what was fitted on the earlier one is the profile of the hours.

    `freedom` with its 95 % interval is of moves brought to a variance of 1, `as_is` of the moves as they were standardised;
    `deviation` is theirs.
    """

    asset: str
    moves: int
    has_hours: bool
    freedom: float
    least: float
    most: float
    as_is: float
    deviation: float
    beyond_3: float


def settled_tails(moves: Moves, asset: str) -> SettledTails | None:
    """The later half of an asset's moves, standardised by a 4 h average of squared moves before each, without the hours.
    None with fewer than 200 moves."""
    mine = moves.of(asset)
    half = len(mine.move) // 2
    if half < 100:
        return None
    early = Moves(mine.asset[:half], mine.close_ns[:half], mine.move[:half])
    profile = seasonal_fit(early, asset)
    quiet = mine.move if profile is None else mine.move / np.sqrt(multipliers(profile, mine.close_ns))
    z = _standardised(quiet)[half:]
    ones, deviation = np.ones(len(z)), float(np.sqrt(np.mean(np.square(z))))
    fit = freedom_fit(z / deviation, ones)
    return SettledTails(
        asset, len(z), profile is not None, fit.freedom, fit.least, fit.most, freedom_fit(z, ones).freedom, deviation,
        float(np.mean(np.abs(z) > 3.0)),
    )  # fmt: skip


def _standardised(moves: Floats) -> Floats:
    """Each move over the root of the average of squared moves before it."""
    keep = 0.5 ** (1.0 / HALF_LIFE)
    variance = float(np.mean(np.square(moves[:SEED])))
    found = np.empty(len(moves))
    for place, move in enumerate(moves.tolist()):
        found[place] = move / variance**0.5
        variance = keep * variance + (1.0 - keep) * move * move
    return found
