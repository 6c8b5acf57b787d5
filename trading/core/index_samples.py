"""The index as we estimated it at each full second, for the average that a contract settles on."""

from collections.abc import Sequence
from math import fsum

from markets.core.contract import Averaging
from markets.core.units import SECOND_NS


class IndexSamples:
    """A circular buffer of the last `keep` seconds; None is a second without an estimate."""

    __slots__ = ("_answer", "_question", "_seconds", "_values", "keep")

    def __init__(self, keep: int = 1_200) -> None:
        self.keep = keep
        self._seconds = [-1] * keep
        self._values: list[float | None] = [None] * keep
        self._question: tuple[int, int, int] | None = None
        self._answer: tuple[int, float, int] = (0, 0.0, 0)

    def take(self, second: int, value: float | None) -> None:
        """The estimate at the top of `second`, UTC."""
        slot = second % self.keep
        self._seconds[slot] = second
        self._values[slot] = value
        self._question = None

    def at(self, second: int) -> float | None:
        """The estimate of one second, None when there was none or it is too long ago."""
        slot = second % self.keep
        return self._values[slot] if self._seconds[slot] == second else None

    def known(self, averaging: Averaging, close_ns: int, now_ns: int) -> tuple[int, float, int]:
        """(samples of the average due by `now_ns`, their sum, how many of them are missing).

        A missing one counts with the line between its neighbours, or as the nearest; with none at all the sum is 0.
        """
        first_ns = averaging.first_ns(close_ns)
        if now_ns < first_ns:
            return 0, 0.0, 0
        step = whole_seconds(averaging)
        count = min((now_ns - first_ns) // averaging.step_ns + 1, averaging.samples)
        question = (first_ns, step, count)
        if question != self._question:
            first = first_ns // SECOND_NS
            values = [self.at(second) for second in range(first, first + count * step, step)]
            self._question = question
            self._answer = (count, fsum(bridged(values)), values.count(None))
        return self._answer

    def average(self, averaging: Averaging, close_ns: int) -> float | None:
        """What the contract would settle on by our estimate; None when a sample is missing."""
        count, total, missing = self.known(averaging, close_ns, close_ns)
        return None if missing else total / count


def whole_seconds(averaging: Averaging) -> int:
    """How many seconds lie between two samples. Raises ValueError where that is not a whole number."""
    step, rest = divmod(averaging.step_ns, SECOND_NS)
    if rest or step < 1:
        raise ValueError(f"samples {averaging.step_ns} ns apart cannot be had from one a second")
    return step


def bridged(values: Sequence[float | None]) -> list[float]:
    """`values` with straight lines over what is missing; empty when nothing is known."""
    known = [place for place, value in enumerate(values) if value is not None]
    if len(known) == len(values):
        return [value for value in values if value is not None]
    return [_between(values, known, place) for place in range(len(values))] if known else []


def _between(values: Sequence[float | None], known: Sequence[int], place: int) -> float:
    before = max((at for at in known if at <= place), default=known[0])
    after = min((at for at in known if at >= place), default=known[-1])
    low, high = values[before] or 0.0, values[after] or 0.0
    if before >= after:
        return low
    return low + (high - low) * (place - before) / (after - before)
