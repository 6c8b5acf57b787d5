"""What a map or a weight did to probabilities on windows that it had not seen: before and after, with its error."""

from typing import NamedTuple

import numpy as np

from backtests.core.cases import Cases, Floats, shares

CLIP = 1e-6  # a probability in the log-loss is no nearer to 0 and 1 (section 5.3)
FEWEST = 20  # closes, before an error is told


class Effect(NamedTuple):
    """Scores of the same windows before and after. `windows` are closing times, `change` is after less before (Brier: below
    0 is better),
    `error` its standard error over closing times, None with too few of them."""

    windows: int
    brier_before: float
    brier_after: float
    log_loss_before: float
    log_loss_after: float
    change: float
    error: float | None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.error is None:
            return "not enough data"
        if abs(self.change) <= 1.96 * self.error:
            return "no difference beyond chance"
        return "better" if self.change < 0.0 else "worse"


def effect_of(cases: Cases, before: Floats, after: Floats) -> Effect | None:
    """The effect where both are known; None where they never are. Each window counts once."""
    known = np.isfinite(before) & np.isfinite(after)
    if not known.any():
        return None
    y, was, now = cases.outcome[known], before[known], after[known]
    weights, close = shares(cases.window[known]), cases.close_ns[known]
    differences = np.square(now - y) - np.square(was - y)
    change = float(np.average(differences, weights=weights))
    return Effect(
        len(np.unique(close)),
        float(np.average(np.square(was - y), weights=weights)),
        float(np.average(np.square(now - y), weights=weights)),
        _log_loss(was, y, weights),
        _log_loss(now, y, weights),
        change,
        _error(differences - change, weights, close),
    )


def _log_loss(p: Floats, y: Floats, weights: Floats) -> float:
    kept = np.clip(p, CLIP, 1.0 - CLIP)
    return float(np.average(-y * np.log(kept) - (1.0 - y) * np.log1p(-kept), weights=weights))


def _error(far: Floats, weights: Floats, close: "np.typing.NDArray[np.int64]") -> float | None:
    """Of a weighted mean: what closes together is one draw."""
    _, place = np.unique(close, return_inverse=True)
    count = int(place.max()) + 1
    if count < FEWEST:
        return None
    sums = np.bincount(place, weights=weights * far)
    return float(np.sqrt(count / (count - 1.0) * np.sum(sums * sums)) / np.sum(weights))
