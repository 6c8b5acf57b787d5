"""Walk-forward: which days are learnt on, which are judged, and what lies between (pricing notes, section 10.1)."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from backtests.core.studies.objective import Span
from markets.core.units import DAY_NS, SECOND_NS
from trading.core.parameters import Parameters

WINDOW_NS = 900 * SECOND_NS
HALF_LIVES = 10  # after so many a return weighs less than a thousandth


class Scheme(msgspec.Struct, frozen=True):
    """Days to learn on, days to judge, how far the next fold is, the days of silence between, and whether learning
    always begins with the first day (anchored) or moves along (rolling)."""

    train: int = 3
    test: int = 1
    step: int = 1
    embargo: int = 1
    is_anchored: bool = False

    def problems(self) -> list[str]:
        """What makes it unusable, in plain words."""
        rules = (
            (self.train >= 1, "at least one day to learn on is needed"),
            (self.test >= 1, "at least one day to judge is needed"),
            (self.step >= self.test, "the step has to be the days that are judged or more, else days are judged twice"),
            (self.embargo >= 0, "the embargo cannot be negative"),
        )
        return [text for holds, text in rules if not holds]


class Fold(NamedTuple):
    """Days (UTC, since 1970) learnt on and judged."""

    number: int
    train: tuple[int, ...]
    test: tuple[int, ...]


def folds_of(days: Sequence[int], scheme: Scheme) -> list[Fold]:
    """The folds over the days that have tapes, in order of time. Days to learn on and to judge are counted in days with
    tapes, the embargo in days of the calendar: a day without a tape is silence too. No day is judged twice."""
    found: list[Fold] = []
    at = 0
    while at + scheme.test <= len(days):
        test = tuple(days[at : at + scheme.test])
        before = [day for day in days[:at] if day < test[0] - scheme.embargo]
        if len(before) < scheme.train:
            at += 1
            continue
        train = before if scheme.is_anchored else before[-scheme.train :]
        found.append(Fold(len(found), tuple(train), test))
        at += scheme.step
    return found


def look_back_ns(parameters: Parameters) -> int:
    """How far back a decision may have been shaped by: ten of the longest half-life, or the window of the VWAP. (On a
    tape an engine begins anew, so that it cannot be longer than the tape.)"""
    lives = (parameters.volatility_half_life_s, parameters.volatility_fast_s, parameters.volatility_slow_s)
    return max(int(HALF_LIVES * max(lives)) * SECOND_NS, parameters.vwap_window_ns)


def purged(spans: Sequence[Span], fold: Fold, embargo: int, look_back: int) -> tuple[list[Span], int]:
    """The days learnt on without the windows that overlap the days that are judged or the embargo before them, by their
    life (the quarter hour up to their close) or by what their features look back on (ns); and how many went. A day's net
    goes down by what they made. A tape that runs on past midnight is where such windows come from."""
    begin, end = (fold.test[0] - embargo) * DAY_NS, (fold.test[-1] + 1) * DAY_NS
    kept, gone = [], 0
    for span in spans:
        left = tuple(each for each in span.windows if not is_overlapping(each.close_ns, begin, end, look_back))
        lost = sum(each.net for each in span.windows) - sum(each.net for each in left)
        gone += len(span.windows) - len(left)
        kept.append(Span(span.day, span.net - lost, left))
    return kept, gone


def is_overlapping(close_ns: int, begin_ns: int, end_ns: int, look_back: int) -> bool:
    """Whether a window that closes then, or what its decisions look back on, has a part between the two times."""
    return close_ns - WINDOW_NS - look_back < end_ns and close_ns > begin_ns
