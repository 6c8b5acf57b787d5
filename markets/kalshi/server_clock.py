"""How far our clock is from the exchange's, from what the exchange says about time in its answers.

Each fact bounds the offset (the exchange's clock less ours): a Date header, cut to the second, was written between
sending and hearing. What most facts agree on is the offset, and how wide that is the uncertainty; a few answers bring
it well below a second. Facts made before our clock was stepped, or the machine slept, are dropped.
"""

import time
from collections import deque
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from math import inf
from typing import NamedTuple

from markets.core.units import MILLISECOND_NS, SECOND_NS

KEPT = 32
FRESH_NS = 900 * SECOND_NS
STEP_NS = 100 * MILLISECOND_NS  # by so much clock and steady clock may drift apart before a fact is old
SURELY_NS = 2 * SECOND_NS


class _Fact(NamedTuple):
    low: float  # bounds of the offset, ns
    high: float
    steady_ns: int
    base_ns: int  # wall less steady clock, when it was noted


class ClockView(NamedTuple):
    """For pages. `offset_ms` is None as long as nothing is known; the truth is within `uncertainty_ms` of it."""

    offset_ms: float | None
    uncertainty_ms: float
    facts: int
    is_corrected: bool
    text: str


class ServerClock:
    """`clock` is our wall clock, `steady` one that is never stepped (by default a clock that is not the machine's is its own)."""

    def __init__(self, clock: Callable[[], int] = time.time_ns, steady: Callable[[], int] | None = None) -> None:
        self._clock = clock
        self._steady = steady or (time.monotonic_ns if clock is time.time_ns else clock)
        self._facts: deque[_Fact] = deque(maxlen=KEPT)
        self._at_least: _Fact | None = None
        self._offset: tuple[int, int, int] | None = None  # offset, uncertainty, how many facts agree
        self._base_ns = 0
        self._until_ns = 0

    # Facts -----------------------------------------------------------------------------------------------------

    def note(self, date_header: str | None, sent_ns: int, heard_ns: int, age_header: str | None = None) -> None:
        """A Date header of an answer, our request sent and the answer heard at these times of our clock.

        Nonsense is ignored, and so is what a cache had for a while: its Age header says so.
        """
        if (age_header or "0").strip() != "0":
            return
        try:
            date_ns = round(parsedate_to_datetime(date_header or "").timestamp()) * SECOND_NS
        except (ValueError, TypeError, OverflowError, IndexError):
            return
        self.note_exact(date_ns, sent_ns, heard_ns, SECOND_NS)

    def note_exact(self, server_ns: int, sent_ns: int, heard_ns: int, grain_ns: int = MILLISECOND_NS) -> None:
        """A time the exchange wrote while it worked on our request (`ts_ms` of an order's answer), cut to `grain_ns`."""
        if heard_ns >= sent_ns:  # else our clock went back in between
            self._facts.append(self._fact(server_ns - heard_ns, server_ns + grain_ns - sent_ns))
            self._until_ns = 0

    def note_past(self, server_ns: int, heard_ns: int) -> None:
        """A time that had come for the exchange when we heard of it: `as_of_time`, the sending time of a frame."""
        fact = self._fact(server_ns - heard_ns, inf)
        known = self._at_least
        if known is None or fact.low > known.low or not self._holds(known, fact.steady_ns, fact.base_ns):
            self._at_least = fact
            self._until_ns = 0

    # What follows ----------------------------------------------------------------------------------------------

    @property
    def offset_ns(self) -> int | None:
        """The exchange's clock less ours; None as long as nothing is known."""
        found = self._found()
        return None if found is None else found[0]

    @property
    def uncertainty_ns(self) -> int | None:
        """The true offset is so far from `offset_ns` at most."""
        found = self._found()
        return None if found is None else found[1]

    @property
    def is_corrected(self) -> bool:
        """Whether requests are stamped with the exchange's time instead of ours: ours is surely wrong by over 2 s."""
        found = self._found()
        return found is not None and abs(found[0]) - found[1] > SURELY_NS

    def now_ns(self) -> int:
        """Our time; only where it is surely wrong, the exchange's as we know it."""
        return self._clock() + (self._offset[0] if self.is_corrected and self._offset else 0)

    def now_ms(self) -> int:
        """The time to sign with, in milliseconds."""
        return self.now_ns() // MILLISECOND_NS

    def view(self) -> ClockView:
        """For pages."""
        found = self._found()
        if found is None:
            return ClockView(None, 0.0, 0, False, "the exchange has not told its time yet")
        offset, uncertainty, agreeing = found
        return ClockView(offset / 1e6, uncertainty / 1e6, agreeing, self.is_corrected, self._text(offset, uncertainty))

    def _text(self, offset: int, uncertainty: int) -> str:
        """In words; the side that is named is that of our clock."""
        if abs(offset) <= uncertainty:
            return f"our clock agrees with the exchange's to within {(abs(offset) + uncertainty) / 1e9:.1f} s"
        side = "behind" if offset > 0 else "ahead of"
        text = f"our clock is {abs(offset) / 1e9:.1f} s (± {uncertainty / 1e9:.1f} s) {side} the exchange's"
        if self.is_corrected:
            text += "; requests are stamped with its time. Set this machine's clock (timedatectl set-ntp true)"
        return text

    # How -------------------------------------------------------------------------------------------------------

    def _fact(self, low: float, high: float) -> _Fact:
        steady_ns = self._steady()
        return _Fact(low, high, steady_ns, self._clock() - steady_ns)

    @staticmethod
    def _holds(fact: _Fact, steady_ns: int, base_ns: int) -> bool:
        return steady_ns - fact.steady_ns <= FRESH_NS and abs(base_ns - fact.base_ns) <= STEP_NS

    def _found(self) -> tuple[int, int, int] | None:
        """Offset, uncertainty and how many agree; worked out anew after a new fact, a step of our clock, and each minute."""
        steady_ns = self._steady()
        base_ns = self._clock() - steady_ns
        if steady_ns >= self._until_ns or abs(base_ns - self._base_ns) > STEP_NS:
            facts = [fact for fact in self._facts if self._holds(fact, steady_ns, base_ns)]
            least = self._at_least
            low = least.low if least is not None and self._holds(least, steady_ns, base_ns) else -inf
            self._offset = _agreed(facts, low)
            self._base_ns, self._until_ns = base_ns, steady_ns + 60 * SECOND_NS
        return self._offset


def _agreed(facts: list[_Fact], at_least: float) -> tuple[int, int, int] | None:
    """The middle and half width of where most facts overlap, and how many do.

    Of several such places that with the newest fact: the one odd page out of some cache goes at the next answer.
    """
    edges = sorted(
        [(fact.low, 0, at) for at, fact in enumerate(facts)] + [(fact.high, 1, at) for at, fact in enumerate(facts)]
    )
    around: list[int] = []
    best, low, high = (0, 0, 0.0), 0.0, 0.0
    for number, (edge, is_end, at) in enumerate(edges):
        if is_end:
            around.remove(at)
            continue
        around.append(at)
        until = edges[number + 1][0]
        place = (len(around), max(around), edge - until)
        if place > best:
            best, low, high = place, edge, until
    if not best[0]:
        return None
    if low < at_least < high:
        low = at_least
    return round((low + high) / 2), round((high - low) / 2), best[0]
