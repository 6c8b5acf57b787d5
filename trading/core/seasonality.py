"""The hours of the day, the weekend and scheduled news: how fast variance comes now, as a multiple of the usual."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

from markets.core.units import SECOND_NS
from trading.core.fitted import Announcement, SeasonalProfile

SLOT_NS = 900 * SECOND_NS
DAY_SLOTS = 96
WEEK_SLOTS = 7 * DAY_SLOTS
THURSDAY_SLOTS = 3 * DAY_SLOTS  # the first of January 1970 was one; a week here begins on Monday, UTC
# Section 4.2: weekday variance by UTC hour, relative to the mean of all the week, and that of the weekend
HOURS = (
    1.02, 1.19, 1.18, 1.05, 1.03, 0.99, 0.88, 0.83, 0.78, 0.74, 0.72, 0.85,
    1.22, 1.57, 1.74, 1.77, 1.61, 1.42, 1.31, 1.18, 1.08, 1.10, 1.07, 0.97,
)  # fmt: skip
WEEKEND = 0.55


class Piece(NamedTuple):
    """From so many seconds from now to so many, the variance comes `multiplier` times as fast as usual."""

    from_s: float
    to_s: float
    multiplier: float


def week_of(weekday: Sequence[float], weekend: Sequence[float]) -> tuple[float, ...]:
    """A multiplier for each quarter hour of the week from Monday, with a mean of 1, of 96 each for a weekday and a day at the
    weekend. Raises ValueError unless they are that many, and above 0."""
    if len(weekday) != DAY_SLOTS or len(weekend) != DAY_SLOTS:
        raise ValueError(f"a profile has {DAY_SLOTS} quarter hours, not {len(weekday)} and {len(weekend)}")
    if not min(*weekday, *weekend) > 0.0:
        raise ValueError("each multiplier of a profile must be above 0")
    week = (*weekday,) * 5 + (*weekend,) * 2
    mean = sum(week) / WEEK_SLOTS
    return tuple(each / mean for each in week)


FLAT = (1.0,) * WEEK_SLOTS
USUAL = week_of([HOURS[slot // 4] for slot in range(DAY_SLOTS)], [WEEKEND] * DAY_SLOTS)


def week_from(profile: SeasonalProfile | None) -> tuple[float, ...]:
    """The week of a fitted profile; the usual one without."""
    return week_of(profile.weekday, profile.weekend) if profile is not None else USUAL


def slot_of(at_ns: int) -> int:
    """The quarter hour of the week, from Monday 00:00 UTC."""
    return (at_ns // SLOT_NS + THURSDAY_SLOTS) % WEEK_SLOTS


class VarianceClock:
    """m(u) of section 3.7: the hours of the week times the news that was announced for the time."""

    __slots__ = ("_news", "week")

    def __init__(self, week: tuple[float, ...] = USUAL, announcements: Iterable[Announcement] = ()) -> None:
        self.week = week
        self._news = tuple(announcements)

    def multiplier(self, at_ns: int) -> float:
        """How many times the usual variance comes at this moment."""
        usual = self.week[slot_of(at_ns)]
        return usual * self._announced(at_ns) if self._news else usual

    def steady(self, now_ns: int, close_ns: int) -> float | None:
        """The one multiplier from now to the close; None where it may change on the way."""
        quarter = now_ns // SLOT_NS
        if self._news or (close_ns - 1) // SLOT_NS > quarter:
            return None
        return self.week[(quarter + THURSDAY_SLOTS) % WEEK_SLOTS]

    def pieces(self, now_ns: int, close_ns: int) -> tuple[Piece, ...]:
        """The multipliers from now to the close, one after the other; neighbours that are alike are one."""
        if close_ns <= now_ns:
            return ()
        pieces: list[Piece] = []
        edges = self._edges(now_ns, close_ns)
        for begins_ns, ends_ns in pairwise(edges):
            multiplier, to_s = self.multiplier(begins_ns), (ends_ns - now_ns) / SECOND_NS
            if pieces and pieces[-1].multiplier == multiplier:
                pieces[-1] = pieces[-1]._replace(to_s=to_s)
            else:
                pieces.append(Piece((begins_ns - now_ns) / SECOND_NS, to_s, multiplier))
        return tuple(pieces)

    def _edges(self, now_ns: int, close_ns: int) -> list[int]:
        """Where the multiplier may change, from now to the close, both included."""
        edges = {now_ns, close_ns, *range((now_ns // SLOT_NS + 1) * SLOT_NS, close_ns, SLOT_NS)}
        for each in self._news:
            edges.update(at_ns for at_ns in (each.start_ns, each.end_ns) if now_ns < at_ns < close_ns)
        return sorted(edges)

    def _announced(self, at_ns: int) -> float:
        return prod(each.multiplier for each in self._news if each.start_ns <= at_ns < each.end_ns)


def mean_multiplier(pieces: Sequence[Piece]) -> float:
    """Of the time that the pieces span; 1 of none."""
    if not pieces:
        return 1.0
    area = sum((piece.to_s - piece.from_s) * piece.multiplier for piece in pieces)
    return area / (pieces[-1].to_s - pieces[0].from_s)
