"""What pages and API ask about runs and tapes."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from django.db.models import QuerySet

from backtests.models import BacktestRun
from backtests.shelf import ALL, playable, recorded
from markets.core.units import SECOND_NS
from markets.models import Tape
from trading.playback import INVENTED, SESSION

GRADES = {
    "A": "complete: a book for every market, every spot trade, no loss",
    "B": "something is missing; where it is, nothing is traded",
    "C": "no order book: nothing can be traded on it",
    INVENTED: "a simulated market: says nothing about the real one",
}
SHORT_NS = 60 * SECOND_NS


class Choice(NamedTuple):
    """A tape as the form offers it."""

    name: str
    day: str
    start: str
    length: str
    seconds: int
    events: int
    events_shown: str
    markets: int
    gaps: int
    grade: str
    grade_means: str
    is_session: bool
    is_invented: bool
    is_chosen: bool


class Day(NamedTuple):
    """The tapes that begin on one UTC day."""

    day: str
    choices: list[Choice]
    is_open: bool


def runs_recent() -> QuerySet[BacktestRun]:
    """Newest first, without their results, which may be long."""
    return BacktestRun.objects.select_related("created_by").defer("result").order_by("-id")


def tape_choices() -> list[tuple[str, str]]:
    """Every name that a run takes, "all" first where there are recordings; empty when there is no tape."""
    names = [(name, name) for name in playable().values_list("name", flat=True)]
    return [(ALL, "All recorded tapes"), *names] if recorded().exists() else names


def recorded_count() -> int:
    """How many tapes "all" means."""
    return recorded().count()


def tape_days(chosen: Collection[str] = ()) -> Iterator[Day]:
    """The catalogue by UTC day, newest day first, within a day in order of time. The newest day, and every day
    with a chosen tape, is open. A day without a
    recording is no newest day while there is one with."""
    offered = (_choice(row, chosen) for row in playable())
    days = [(day, list(found)) for day, found in groupby(offered, lambda choice: choice.day)]
    real = [day for day, choices in days if not all(choice.is_session or choice.is_invented for choice in choices)]
    newest = real[-1] if real else days[-1][0] if days else ""
    for day, choices in reversed(days):
        yield Day(day, choices, day == newest or any(choice.is_chosen for choice in choices))


def _choice(row: Tape, chosen: Collection[str]) -> Choice:
    at = datetime.fromtimestamp(row.first_ns // SECOND_NS, tz=UTC)
    length_ns = row.last_ns - row.first_ns
    return Choice(
        name=row.name,
        day=f"{at:%Y-%m-%d}",
        start=f"{at:%H:%M}",
        length=f"{length_ns / SHORT_NS:.0f} min" if length_ns >= SHORT_NS else f"{length_ns / SECOND_NS:.0f} s",
        seconds=length_ns // SECOND_NS,
        events=row.events,
        events_shown=f"{row.events:,}",
        markets=row.markets,
        gaps=row.gaps,
        grade=row.grade,
        grade_means=GRADES.get(row.grade, ""),
        is_session=row.source == SESSION,
        is_invented=row.grade == INVENTED,
        is_chosen=row.name in chosen,
    )


def tapes_in_use() -> set[str]:
    """The names of the tapes that a run waits for or plays: they stay until it is done. All of them when a run means
    all."""
    waiting = [BacktestRun.Status.QUEUED, BacktestRun.Status.RUNNING]
    names = {
        name
        for tapes in BacktestRun.objects.filter(status__in=waiting).values_list("tapes", flat=True)
        for name in tapes
    }
    return names | set(recorded().values_list("name", flat=True)) if ALL in names else names
