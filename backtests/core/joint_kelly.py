"""Joint Kelly for windows that close together: what it would be (pricing notes, section 9.3).

Nothing is sized by it: the strategy sizes each market alone within the cap of a close. A side wins where its standardised
index move is at most Phi^-1(p), and the moves of all assets are jointly normal. Of m sides there are 2^m states of who
wins; the shares of the bankroll are those with the greatest expected logarithm over all of them. Shares are of the cost,
fees included, before any fraction of Kelly is taken.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import multivariate_normal, norm, qmc

from backtests.core.cases import Flags, Floats

FLOOR = 0.5  # of a correlation: calm weeks look less alike than the next shock will be
SHRINK = 0.2  # of the way to the mean correlation
MOST_EXACT = 4  # sides: with more the states are drawn
DRAWS = 20_000
RAREST = 0.001  # what so many draws still show about twenty times
SEED = 20_260_501
_TOLERANCE = 1e-10  # of symmetry, of the diagonal and of eigenvalues
_ORTHANT_ERROR, _ORTHANT_POINTS = 1e-7, 400_000
_LEAST_BARRIER = 1e-15  # of growth: what the stakes found may miss
_NOTHING = 1e-7  # of the bankroll: a share that is less is none
_MOST_STEPS = 200


class States(NamedTuple):
    """Who wins: `wins` (k x m) of each state, and its `chance` (k); together 1."""

    wins: Flags
    chance: Floats

    @property
    def margins(self) -> Floats:
        """The probability (m) that each side wins."""
        margins: Floats = self.chance @ self.wins.astype(np.float64)
        return margins

    @property
    def correlation(self) -> Floats:
        """Of the outcomes, 1 for a win and 0 for a loss (m x m)."""
        far = self.wins - self.margins
        covariance = (far * self.chance[:, None]).T @ far
        spread = np.sqrt(np.diag(covariance))
        correlation: Floats = covariance / np.outer(spread, spread)
        return correlation


class Stakes(NamedTuple):
    """Shares (m) of the bankroll to spend on each side, and the expected growth of its logarithm by a close."""

    fractions: Floats
    growth: float


def joint_kelly(p: Sequence[float] | Floats, cost: Sequence[float] | Floats, correlation: Floats) -> Stakes:
    """The shares of greatest growth: none below 0, together at most 1.

    `p` (m) are the probabilities that the sides win, `cost` (m) what each costs in dollars per dollar of payout, fees
    included, `correlation` (m x m) that of the moves in favour of the sides (see `of_sides`). Raises ValueError."""
    chances, costs = _within("p", p), _within("a cost", cost)
    if len(chances) != len(costs):
        raise ValueError(f"{len(chances)} probabilities and {len(costs)} costs: give one of each for every side")
    states = states_of(p, correlation)
    returns = states.wins / costs - 1.0
    found = _greatest(returns, states.chance)
    return Stakes(found, growth(found, cost, states))


def growth(fractions: Sequence[float] | Floats, cost: Sequence[float] | Floats, states: States) -> float:
    """E ln(1 + sum of f (win/c - 1)); minus infinity where a state that may happen takes everything. Raises ValueError
    for a cost that is not between 0 and 1."""
    wealth = 1.0 + (states.wins / _within("a cost", cost) - 1.0) @ np.asarray(fractions, dtype=np.float64)
    possible = states.chance > 0.0
    if float(np.min(wealth[possible])) <= 0.0:
        return -float("inf")
    return float(np.sum(states.chance[possible] * np.log(wealth[possible])))


def states_of(p: Sequence[float] | Floats, correlation: Floats) -> States:
    """The states of sides that win with probabilities `p` (m): all 2^m by orthants of the normal up to four sides, by
    20,000 quasi-random draws beyond. The same question has the same answer. Raises ValueError."""
    chances = _within("p", p)
    _check(correlation, len(chances))
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    if lowest < -_TOLERANCE:
        raise ValueError(
            f"no moves have these correlations: the matrix has the eigenvalue {lowest:.3g}, and none may be below 0; see `repaired`"
        )
    return exact_states(chances, correlation) if len(chances) <= MOST_EXACT else drawn_states(chances, correlation)


def of_sides(correlation: Floats, is_yes: Sequence[bool]) -> Floats:
    """The correlation (m x m) of moves in favour of the sides held: that of the index moves, and minus that between a
    YES and a NO. Raises ValueError."""
    _check(correlation, len(is_yes))
    sign = np.where(np.asarray(is_yes, dtype=np.bool_), 1.0, -1.0)
    turned: Floats = correlation * np.outer(sign, sign)
    return turned


def shrunk(correlation: Floats, share: float = SHRINK) -> Floats:
    """Each correlation between two assets moved `share` of the way to the mean of them all. Raises ValueError."""
    _check(correlation, len(correlation))
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"a share of {share}: it must be from 0 to 1")
    between = ~np.eye(len(correlation), dtype=np.bool_)
    moved: Floats = correlation.astype(np.float64)
    if between.any():
        moved[between] += share * (float(np.mean(moved[between])) - moved[between])
    return moved


def floored(correlation: Floats, floor: float = FLOOR) -> Floats:
    """No correlation between two assets below `floor`. May leave a matrix that no moves have. Raises ValueError."""
    _check(correlation, len(correlation))
    if not -1.0 <= floor <= 1.0:
        raise ValueError(f"a floor of {floor}: it must be from -1 to 1")
    raised: Floats = np.maximum(correlation, floor)
    return raised


def repaired(correlation: Floats) -> Floats:
    """A measured correlation of index moves as it is believed: shrunk by a fifth, floored at one half, and shrunk on
    where that is a matrix that no moves have. Raises ValueError."""
    believed = floored(shrunk(correlation))
    lowest = float(np.linalg.eigvalsh(believed)[0])
    if lowest >= 0.0 or len(believed) == 1:
        return believed
    room = 1.0 - float(np.mean(believed[~np.eye(len(believed), dtype=np.bool_)]))  # the least eigenvalue at the mean
    return shrunk(believed, min(-lowest / (room - lowest), 1.0))


def exact_states(p: Floats, correlation: Floats) -> States:
    """All 2^m states: from the probabilities that every side of a group wins, for all groups, by exclusion."""
    count = len(p)
    wins = np.array([[bool(number >> place & 1) for place in range(count)] for number in range(2**count)])
    chance = np.array([_all_win(p, correlation, np.flatnonzero(row)) for row in wins])
    for place in range(count):  # what is won with or without this side, less what is won with it
        without = np.flatnonzero(~wins[:, place])
        chance[without] -= chance[without + 2**place]
    chance = np.maximum(chance, 0.0)
    return States(wins, chance / chance.sum())


def drawn_states(p: Floats, correlation: Floats) -> States:
    """The states that 20,000 quasi-random draws show, weighted such that every side has its own probability, and
    the one in which all lose, which may happen whether it was drawn or not. Raises ValueError for a `p` rarer
    than so many draws can show."""
    if float(np.min(np.minimum(p, 1.0 - p))) < RAREST:
        raise ValueError(
            f"of more than {MOST_EXACT} sides each p must be from {RAREST} to {1 - RAREST}: {DRAWS} draws do not show "
            "what is rarer; leave that side out"
        )
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    uniform = qmc.Halton(len(p), scramble=True, rng=np.random.default_rng(SEED)).random(DRAWS)
    drawn = norm.ppf(uniform) @ root.T <= norm.ppf(p)
    wins, times = np.unique(np.vstack([drawn, np.zeros((1, len(p)), dtype=np.bool_)]), axis=0, return_counts=True)
    return States(wins, _weighted(wins, times / times.sum(), p))


def _all_win(p: Floats, correlation: Floats, group: npt.NDArray[np.intp]) -> float:
    if len(group) == 0:
        return 1.0
    if len(group) == 1:
        return float(p[group[0]])
    among, score = correlation[np.ix_(group, group)], norm.ppf(p[group])
    rng = np.random.default_rng(SEED)
    limits = {"abseps": _ORTHANT_ERROR, "releps": _ORTHANT_ERROR, "maxpts": _ORTHANT_POINTS}
    return float(multivariate_normal.cdf(score, cov=among, allow_singular=True, rng=rng, **limits))


def _weighted(wins: Flags, chance: Floats, p: Floats) -> Floats:
    """The chances moved as little as it takes for the margins to be `p`."""
    for _ in range(_MOST_STEPS):
        for place, wanted in enumerate(p):
            share = float(np.sum(chance[wins[:, place]]))
            chance = chance * np.where(wins[:, place], wanted / share, (1.0 - wanted) / (1.0 - share))
        if float(np.max(np.abs(chance @ wins - p))) < _TOLERANCE:
            break
    return chance


def _greatest(returns: Floats, chance: Floats) -> Floats:
    """Newton's method from the quadratic approximation. A barrier that is lowered step by step keeps the shares within
    bounds, where every state leaves something; the growth missed is at most the last barrier times m + 1."""
    count = returns.shape[1]
    second = (returns * chance[:, None]).T @ returns
    start = np.linalg.lstsq(second, chance @ returns, rcond=None)[0]
    found = np.clip(start, 0.01 / count, None)
    found *= min(1.0, 0.9 / float(found.sum()))
    barrier = 1e-2
    while barrier > _LEAST_BARRIER:
        barrier *= 0.1
        found = _centred(returns, chance, found, barrier)
    return np.where(found < _NOTHING, 0.0, found)


def _centred(returns: Floats, chance: Floats, found: Floats, barrier: float) -> Floats:
    for _ in range(_MOST_STEPS):
        each, left = returns / (1.0 + returns @ found)[:, None], 1.0 - float(found.sum())
        slope = chance @ each + barrier * (1.0 / found - 1.0 / left)
        bent = (each * chance[:, None]).T @ each + barrier * (np.diag(found**-2.0) + left**-2.0)
        step = np.linalg.solve(bent, slope)
        gain = float(slope @ step)  # twice what a quadratic would gain
        if gain <= 0.01 * barrier:
            break
        found = found + step / (1.0 + np.sqrt(gain / barrier))  # so short that it stays within bounds
    return found


def _within(what: str, given: Sequence[float] | Floats) -> Floats:
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) == 0:
        raise ValueError(f"{what} must be given for each side, as a row of at least one number")
    for number in numbers:
        if not 0.0 < number < 1.0:
            raise ValueError(f"{what} of {number}: it must be between 0 and 1")
    return numbers


def _check(correlation: Floats, count: int) -> None:
    if correlation.shape != (count, count) or count == 0:
        raise ValueError(f"correlations of shape {correlation.shape}: {count} sides need {count} x {count}")
    if not np.all(np.abs(correlation) <= 1.0 + _TOLERANCE):  # nor what is no number
        raise ValueError("correlations must be numbers from -1 to 1")
    if float(np.max(np.abs(correlation - correlation.T))) > _TOLERANCE:
        raise ValueError("correlations must be symmetric: that of A with B is that of B with A")
    if float(np.max(np.abs(np.diag(correlation) - 1.0))) > _TOLERANCE:
        raise ValueError("correlations must have 1 on the diagonal: every asset moves with itself")
