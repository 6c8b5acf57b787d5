"""Timetable: when the exchange is closed, as it has announced and as it does every week, so that nobody waits in vain."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from markets.core.units import DAY_NS, SECOND_NS
from markets.kalshi.ticker import NEW_YORK

THURSDAY = 3
WEEKLY = (3 * 60, 5 * 60)  # minutes of the day in New York; the simulated exchange has these hours from elsewhere
WEEKLY_WORDS = "the weekly maintenance, Thursdays 03:00 to 05:00 in New York"
HOURS_WORDS = "outside the exchange's hours"
ANNOUNCED_WORDS = "announced maintenance"
KEPT_FOR_NS = DAY_NS // 4  # closures are worked out anew so often
_BACK_NS, _AHEAD_NS = DAY_NS, 8 * DAY_NS


class Session(NamedTuple):
    """Trading hours in minutes of a New York day; an end that is not after the start is on the next day."""

    start: int
    end: int


class Week(NamedTuple):
    """The hours of each day, Monday first, between two moments (UTC ns)."""

    start_ns: int
    end_ns: int
    days: tuple[tuple[Session, ...], ...]


class Closure(NamedTuple):
    """Closed from `start_ns` up to `end_ns`, and why."""

    start_ns: int
    end_ns: int
    words: str
    is_announced: bool = False  # by itself, for this one time


class Timetable:
    """Ask for any moment; `announce` what the exchange says when it was read. Bounded: it keeps what was said last."""

    def __init__(self) -> None:
        self.weeks: tuple[Week, ...] = ()
        self.windows: tuple[tuple[int, int], ...] = ()  # announced maintenance
        self._closures: list[Closure] = []
        self._worked_out_ns: int | None = None

    def announce(self, weeks: Iterable[Week], windows: Iterable[tuple[int, int]]) -> None:
        """What the exchange's schedule says now; hours that are empty all week say nothing."""
        self.weeks = tuple(week for week in weeks if any(week.days) and len(week.days) == 7)
        self.windows = tuple(sorted((start, end) for start, end in windows if start < end))
        self._worked_out_ns = None

    def at(self, now_ns: int) -> Closure | None:
        """The closure that goes on at this moment; one that was announced before one of every week."""
        going_on = [one for one in self._near(now_ns) if one.start_ns <= now_ns < one.end_ns]
        return max(going_on, key=lambda one: (one.is_announced, one.end_ns), default=None)

    def skips(self, open_ns: int, close_ns: int) -> str:
        """Why there will be no window with this open and close, in words; empty when there should be one.

        A window whose close falls on the beginning of a closure is none either: it could not be settled.
        """
        for one in self._near(open_ns):
            if open_ns < one.end_ns and close_ns >= one.start_ns:
                return one.words
        return ""

    def next(self, now_ns: int) -> Closure | None:
        """The next closure that has not begun, within a week."""
        return min((one for one in self._near(now_ns) if one.start_ns > now_ns), default=None)

    def _near(self, now_ns: int) -> list[Closure]:
        last = self._worked_out_ns
        if last is None or not last <= now_ns < last + KEPT_FOR_NS:
            self._worked_out_ns = now_ns // KEPT_FOR_NS * KEPT_FOR_NS
            self._closures = self._work_out(self._worked_out_ns - _BACK_NS, self._worked_out_ns + _AHEAD_NS)
        return self._closures

    def _work_out(self, from_ns: int, to_ns: int) -> list[Closure]:
        found = [Closure(start, end, ANNOUNCED_WORDS, True) for start, end in self.windows]
        weekly = [_minutes(day, *WEEKLY) for day in _days(from_ns, to_ns) if _is_thursday(day)]
        found += [Closure(start, end, WEEKLY_WORDS) for start, end in weekly if not self._is_told(start)]
        found += [Closure(start, end, HOURS_WORDS) for start, end in self._gaps(from_ns, to_ns)]
        return sorted(one for one in found if one.end_ns > from_ns and one.start_ns < to_ns)

    def _is_told(self, at_ns: int) -> bool:
        """Whether the exchange's own hours speak of this moment: then they decide, and not what is usual."""
        return any(week.start_ns <= at_ns < week.end_ns for week in self.weeks)

    def _gaps(self, from_ns: int, to_ns: int) -> Iterable[tuple[int, int]]:
        """Between the sessions; where no week applies nothing is known, and nothing is said."""
        for week in self.weeks:
            reached_ns, end_ns = max(from_ns, week.start_ns), min(to_ns, week.end_ns)
            for start, end in sorted(_sessions(week, from_ns, to_ns)):
                if start > reached_ns and reached_ns < end_ns:
                    yield reached_ns, min(start, end_ns)
                reached_ns = max(reached_ns, end)
            if reached_ns < end_ns:
                yield reached_ns, end_ns


def minutes_of(text: str) -> int:
    """ "03:00" -> 180; "23:59" is the end of the day. Raises ValueError."""
    hours, _, minutes = text.strip().partition(":")
    result = int(hours) * 60 + int(minutes[:2] or 0)
    if not 0 <= result <= 24 * 60:
        raise ValueError(f"{text!r} is no time of day")
    return 24 * 60 if result == 24 * 60 - 1 else result


def _sessions(week: Week, from_ns: int, to_ns: int) -> Iterable[tuple[int, int]]:
    for day in _days(from_ns, to_ns):
        for session in week.days[day.weekday()]:
            end = session.end if session.end > session.start else session.end + 24 * 60
            yield _minutes(day, session.start, end)


def _days(from_ns: int, to_ns: int) -> Sequence[date]:
    first = datetime.fromtimestamp(from_ns // SECOND_NS, UTC).date() - timedelta(1)
    return [first + timedelta(number) for number in range((to_ns - from_ns) // DAY_NS + 4)]


def _is_thursday(day: date) -> bool:
    return day.weekday() == THURSDAY


def _minutes(day: date, start: int, end: int) -> tuple[int, int]:
    """From and to, UTC ns, of minutes of a New York day; minutes past its end are of the next."""
    return _moment(day, start), _moment(day, end)


def _moment(day: date, minute: int) -> int:
    days, minute = divmod(minute, 24 * 60)
    local = datetime.combine(day + timedelta(days), time(minute // 60, minute % 60), NEW_YORK)
    return int(local.timestamp()) * SECOND_NS
