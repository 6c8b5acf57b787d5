"""Signature: the running variance by the length of the returns it is made of. Where it is level, that length is right."""

from typing import NamedTuple

from markets.core.units import YEAR_S
from trading.core.realised import STEPS
from trading.core.returns import Returns

HALF_LIFE_S = 1_800.0


class Point(NamedTuple):
    """Returns over `step_s` seconds make this volatility a year; `seconds` counts them all."""

    step_s: int
    annualised: float
    seconds: int


class Signature:
    """RV(m)/m of section 4.1 for each of STEPS, exponentially weighted over half an hour. It asks the returns of each
    second in order, and does not grow."""

    __slots__ = ("_keep", "_seconds", "_sums", "_weights")

    def __init__(self, half_life_s: float = HALF_LIFE_S) -> None:
        self._keep = 0.5 ** (1.0 / half_life_s)
        self._sums = [0.0] * len(STEPS)
        self._weights = [0.0] * len(STEPS)
        self._seconds = [0] * len(STEPS)

    def learn(self, returns: Returns, second: int) -> None:
        """Take the returns that end with `second`, each where there is one."""
        keep = self._keep
        for place, step_s in enumerate(STEPS):
            move = returns.over(second, step_s)
            if move is None:
                return  # no longer one either
            self._sums[place] = keep * self._sums[place] + move * move / step_s
            self._weights[place] = keep * self._weights[place] + 1.0
            self._seconds[place] += 1

    @property
    def variances(self) -> list[float | None]:
        """The variance a second by each of STEPS; None where nothing was heard yet."""
        return [total / weight if weight else None for total, weight in zip(self._sums, self._weights, strict=True)]

    def points(self) -> list[Point]:
        """What to draw: nothing for a step that no return was heard of."""
        return [
            Point(step_s, float((variance * YEAR_S) ** 0.5), seconds)
            for step_s, variance, seconds in zip(STEPS, self.variances, self._seconds, strict=True)
            if variance is not None
        ]
