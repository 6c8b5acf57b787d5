"""Fusion: one level and the basis of each venue from their ticks, by a Kalman filter; strikes say where the index is."""

from math import exp, inf, sqrt
from typing import Literal

from markets.core.units import SECOND_NS
from trading.core.votes import PATIENCE, SURPRISE, is_too_far

USUAL_BASIS = {"USD": 5e-4}  # one standard deviation of a venue's basis before anything is known of it
OTHER_BASIS = 10e-4  # of a venue that quotes in something else than dollars
USUAL_STEP = {"USD": 1e-6}  # how a basis wanders, per sqrt(second)
OTHER_STEP = 5e-6
LARGEST_BASIS = 3.0  # times the usual one: what is further off is no basis
REVERSION_S = 6 * 3_600.0  # a basis tends back to none
RECENT_NS = 5 * SECOND_NS  # who ticked within is asked who is right
LEAST_VARIANCE = 1e-14  # (0.001 bp)^2: nothing is known better, and rounding cannot make a variance negative
SINGLE = 2  # rows of the covariance with one venue
_NS = 1e-9

Heard = Literal["believed", "refused", "reopened", "moved"]


class Fusion:
    """State: (log of the index, log basis of each venue). All prices are logarithms, all variances relative.

    The index is a random walk with `process` variance a second; a basis wanders slowly, tends back to none, and is
    never more than three times the usual. Ticks observe index + basis; what the exchange publishes observes the index.
    What is not known of a basis stays not known until an anchor comes: waiting teaches nothing.
    """

    __slots__ = (
        "_basis_ns", "_bounds", "_largest", "_missed", "_now_ns", "_p", "_said", "_said_ns", "_steps", "process", "state",
    )  # fmt: skip

    def __init__(self) -> None:
        self.process = 0.0
        self._now_ns = 0  # 0: no tick yet
        self._basis_ns = 0
        self.state = [0.0]  # to be looked at: the log of the index, then the basis of each place
        self._p = [[0.0]]  # covariance, symmetric to the last bit
        self._bounds = [inf]  # of each basis
        self._largest = [0.0]  # variance of each basis
        self._steps = [0.0]
        self._missed = [0]  # ticks refused in a row
        self._said = [0.0]
        self._said_ns = [0]

    def add(self, quote: str) -> int:
        """A new venue that quotes in this currency; the place it has from now on."""
        usual = USUAL_BASIS.get(quote, OTHER_BASIS)
        for row in self._p:
            row.append(0.0)
        self._p.append([0.0] * len(self.state) + [usual * usual])
        self.state.append(0.0)
        self._bounds.append(LARGEST_BASIS * usual)
        self._largest.append(usual * usual)
        self._steps.append(USUAL_STEP.get(quote, OTHER_STEP) ** 2)
        self._missed.append(0)
        self._said.append(0.0)
        self._said_ns.append(0)
        return len(self.state) - 1

    @property
    def is_set(self) -> bool:
        """Whether there is a level."""
        return self._now_ns > 0

    @property
    def error(self) -> float:
        """One standard deviation of the level, relative to the price."""
        return sqrt(self._p[0][0])

    def bound(self, place: int) -> float:
        """The largest basis it may have."""
        return self._bounds[place]

    def basis_error(self, place: int) -> float:
        """One standard deviation of a venue's basis."""
        return sqrt(self._p[place][place])

    def tick(self, place: int, log_price: float, variance: float, now_ns: int) -> Heard:
        """A venue says a price, with an error of this variance."""
        if not self._now_ns:
            return self._begin(place, log_price, variance, now_ns)
        passed_ns = now_ns - self._now_ns
        top, row = self._p[0], self._p[place]
        if passed_ns > 0:
            top[0] += self.process * passed_ns * _NS
            self._now_ns = now_ns
            if now_ns - self._basis_ns >= SECOND_NS:
                self._wander(now_ns)
        self._said[place] = log_price
        self._said_ns[place] = now_ns
        surprise = log_price - self.state[0] - self.state[place]
        total = top[0] + 2.0 * top[place] + row[place] + variance
        heard: Heard = "believed"
        if surprise * surprise > SURPRISE * SURPRISE * total:
            heard = self._surprised(place, surprise, now_ns)
            if heard == "refused":
                return heard
            total = top[0] + 2.0 * top[place] + row[place] + variance
        self._missed[place] = 0
        if len(top) > SINGLE:
            self._learn([mine + its for mine, its in zip(top, row)], surprise, total)  # noqa: B905  # it costs
        else:
            self._learn_alone(surprise, total)
        return heard

    def anchor(self, surprise: float, variance: float) -> bool:
        """The index was published: by `surprise` (a difference of logs) above our own estimate of the same. False when
        that is too far off to be believed, unless it is the third in a row."""
        if not self._now_ns:
            return False
        if is_too_far(surprise, self._p[0][0] + variance):
            self._missed[0] += 1
            if self._missed[0] < PATIENCE:
                return False
            self._p[0][0] += surprise * surprise
        self._missed[0] = 0
        self._learn(list(self._p[0]), surprise, self._p[0][0] + variance)
        return True

    def _begin(self, place: int, log_price: float, variance: float, now_ns: int) -> Heard:
        """The first tick of all: the level is as uncertain as that venue's basis, and in the opposite sense."""
        basis = self._p[place][place]
        self.state[0] = log_price - self.state[place]
        self._p[0][0] = basis + variance
        self._p[0][place] = self._p[place][0] = -basis
        self._said[place], self._said_ns[place] = log_price, now_ns
        self._now_ns = self._basis_ns = now_ns
        return "believed"

    def _learn(self, shared: list[float], surprise: float, total: float) -> None:
        """`shared` is the covariance of the state with what was observed, `total` the variance of the surprise."""
        share = 1.0 / total
        gain = surprise * share
        p, state = self._p, self.state
        for place, mine in enumerate(shared):
            state[place] += mine * gain
            p[place] = [value - mine * each * share for value, each in zip(p[place], shared)]  # noqa: B905  # it costs
        if p[0][0] < LEAST_VARIANCE:
            p[0][0] = LEAST_VARIANCE
        for place, bound in enumerate(self._bounds):
            if not -bound <= state[place] <= bound:
                state[place] = bound if state[place] > 0.0 else -bound

    def _learn_alone(self, surprise: float, total: float) -> None:
        """The same with a single venue, for speed: recordings have no more."""
        (level, shared), (_, basis) = self._p
        top, row = level + shared, shared + basis
        share = 1.0 / total
        gain = surprise * share
        self.state[0] += top * gain
        self.state[1] = min(max(self.state[1] + row * gain, -self._bounds[1]), self._bounds[1])
        left = shared - top * row * share
        self._p = [[max(level - top * top * share, LEAST_VARIANCE), left], [left, basis - row * row * share]]

    def _wander(self, now_ns: int) -> None:
        """Once a second: each basis may have moved, and tends back to none."""
        passed_s = (now_ns - self._basis_ns) * _NS
        self._basis_ns = now_ns
        kept = exp(-passed_s / REVERSION_S)
        for place in range(1, len(self.state)):
            self.state[place] *= kept
            variance = self._p[place][place]
            if variance < self._largest[place]:
                variance = min(variance + self._steps[place] * passed_s, self._largest[place])
            self._p[place][place] = max(variance, LEAST_VARIANCE)

    def _surprised(self, place: int, surprise: float, now_ns: int) -> Heard:
        """Too far off. The third in a row is believed: as a move of the market when most of those who ticked lately
        are as far off, else as a new basis of this venue alone."""
        self._missed[place] += 1
        if self._missed[place] < PATIENCE:
            return "refused"
        self._missed[place] = 0
        agreed = asked = 0
        for other in range(1, len(self.state)):
            if self._said_ns[other] < now_ns - RECENT_NS:
                continue
            asked += 1
            rest = self._said[other] - self.state[0] - self.state[other]
            agreed += rest * surprise >= 0.5 * surprise * surprise
        if 2 * agreed > asked:
            self._p[0][0] += surprise * surprise
            return "moved"
        self._p[place][place] += surprise * surprise
        return "reopened"
