"""Bias: how far a level of our own is above the index, learnt from what the exchange publishes; and how sure that is."""

from math import sqrt

from trading.core.votes import PATIENCE, is_too_far

LARGEST_BIAS = 0.005  # a published level further off than this is an error, of theirs or of ours
PRIOR_ERROR = 5e-4  # of a level that was never held against the index
STEP_VARIANCE = 1e-12  # a second: steps of 0.01 bp per sqrt(second)
ANCHOR_ERROR = 5e-5  # of a published strike against our own average of the same minute
# Of one value of the index against our own level when it is heard: the market has moved on for some 0.15 s (0.3 bp),
# and for about ten seconds we are off to the same side, so that each value a second counts for a tenth of one.
INDEX_ERROR = 1e-4
_NS = 1e-9


class Bias:
    """One number with its variance: a Kalman filter of one dimension. `value` is our level / the index - 1."""

    __slots__ = ("_learnt_ns", "_refused", "_variance", "anchors", "value")

    def __init__(self) -> None:
        self.anchors = 0
        self.value = 0.0
        self._variance = PRIOR_ERROR * PRIOR_ERROR
        self._learnt_ns = 0
        self._refused = 0  # in a row

    def learn(self, now_ns: int, rest: float, error: float = ANCHOR_ERROR) -> bool:
        """`rest` is what our level, the bias taken off, was still above the published one; `error` is that of the
        comparison, one standard deviation. False when it is too far off to be believed, unless it is the third in a
        row."""
        variance = self.variance(now_ns)
        if is_too_far(rest, variance + error * error):
            self._refused += 1
            if self._refused < PATIENCE:
                return False
            variance += rest * rest
        self._refused = 0
        gain = variance / (variance + error * error)
        self.value = min(max(self.value + rest * gain, -LARGEST_BIAS), LARGEST_BIAS)
        self._variance = variance * (1.0 - gain)
        self._learnt_ns = now_ns
        self.anchors += 1
        return True

    def variance(self, now_ns: int) -> float:
        """How sure it is by now: what was learnt wears off, down to having learnt nothing."""
        if not self.anchors:
            return self._variance
        worn = self._variance + STEP_VARIANCE * (now_ns - self._learnt_ns) * _NS
        return min(worn, PRIOR_ERROR * PRIOR_ERROR)

    def error(self, now_ns: int) -> float:
        """The same as one standard deviation."""
        return sqrt(self.variance(now_ns))
