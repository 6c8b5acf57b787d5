"""Two settings on identical windows: what one made more than the other at each close, and what chance alone could make of it."""

from collections.abc import Sequence

import msgspec
import numpy as np

from backtests.core.paired import ALPHA, LEAST_CLOSES, SEED, judged
from backtests.core.scores import Floats, block_draws, diebold_mariano, interval, resampled
from backtests.core.studies.objective import Span, closes_of
from markets.core.units import DOLLAR

LEAST_FOR_INTERVAL = LEAST_CLOSES


class Difference(msgspec.Struct, frozen=True):
    """A less B, in dollars a close, over the closes at which either of them traded; who did not made nothing there.
    `won` is at how many A made more, `lost` less. `sentence` says what follows, and no more than follows."""

    closes: int
    won: int
    lost: int
    total: float
    mean: float | None
    low: float | None
    high: float | None
    t: float | None
    p: float | None
    sentence: str


def difference(a: Sequence[Span], b: Sequence[Span], names: tuple[str, str] = ("A", "B")) -> Difference:
    """Paired by close: windows that close together count once. The interval is the 95 % one of resampled runs of eight
    closes on average, t Diebold and Mariano's with Newey and West's lag of eight closes; both have to agree before
    anything is claimed, and below thirty closes nothing is."""
    made = apart(a, b)
    total = float(made.sum())
    won, lost = int((made > 0.0).sum()), int((made < 0.0).sum())
    if made.size < LEAST_FOR_INTERVAL:
        words = f"Not enough data: they traded at {made.size} closes, {LEAST_FOR_INTERVAL} are the least."
        mean = float(made.mean()) if made.size else None
        return Difference(made.size, won, lost, total, mean, None, None, None, None, words)
    ones = np.ones((made.size, 1))
    low, high = interval(resampled(block_draws(made.size, SEED), made[:, None], ones)[:, 0])
    tested = diebold_mariano(made, ones[:, 0])
    words = _sentence(judged(-high, -low, tested.p, 1), names, tested.p)
    return Difference(made.size, won, lost, total, tested.mean, low, high, tested.t, tested.p, words)


def apart(a: Sequence[Span], b: Sequence[Span]) -> Floats:
    """(closes,): what A made more than B at each close where either traded, dollars, in the order of time."""
    ours, theirs = closes_of(a), closes_of(b)
    times = sorted({**ours, **theirs})
    return np.array([ours.get(time, 0) - theirs.get(time, 0) for time in times], np.float64) / DOLLAR


def _sentence(verdict: str, names: tuple[str, str], p: float) -> str:
    if verdict in {"better", "leaning"}:
        return f"{names[0]} made more than {names[1]}, by more than chance alone would (p = {p:.3f}, below {ALPHA})."
    if verdict == "worse":
        return f"{names[1]} made more than {names[0]}, by more than chance alone would (p = {p:.3f}, below {ALPHA})."
    return f"They cannot be told apart on these windows (p = {p:.2f}); another sample could turn the sign."
