"""What a run asks for and what its tapes cover: said before it is played, in its report, and refused where it is missing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import msgspec
from django.db import DatabaseError

from backtests.knobs import InputError
from backtests.shelf import Reel, reels_find
from markets.core.coverage import Coverage, joined
from markets.core.units import DAY_NS, SECOND_NS
from markets.models import Tape
from markets.moments import time_text
from markets.sheets import tape_coverage
from markets.tapes.covering import coverage_of_tape

MOST_GAPS = 200
MOST_DAYS = 3_660
DAYS_NAMED = 5
ONE_DAY = timedelta(days=1)


class Asks(Protocol):
    """What a run asks of its tapes; `backtests.replay.Inputs` has it."""

    @property
    def tapes(self) -> tuple[str, ...]: ...
    @property
    def date_from(self) -> date | None: ...
    @property
    def date_to(self) -> date | None: ...
    @property
    def files(self) -> bool: ...
    @property
    def allow_gaps(self) -> bool: ...
    @property
    def needs_assets(self) -> tuple[str, ...]: ...
    @property
    def needs_venues(self) -> tuple[str, ...]: ...


class Day(msgspec.Struct):
    """One UTC day of those asked for: its tapes, the seconds that they cover, and what is missing altogether."""

    day: str
    tapes: list[str]
    seconds: float = 0.0
    missing: list[str] = []


class RunCoverage(msgspec.Struct):
    """What the tapes of a run cover. `missing` is what was asked for and is on no tape, in sentences; `holes` counts
    windows by what they lack; `between` are the times between tapes."""

    days: list[Day]
    missing: list[str]
    windows: int
    whole: int
    holes: dict[str, int]
    gaps: int
    gap_list: list[tuple[str, str, str, str, str]]  # from, to, feed, subject, reason; the first 200
    between: list[tuple[str, str]]
    incomplete: list[str] = []  # tickers of the windows with holes


def reels_asked(inputs: Asks) -> list[Reel]:
    """The tapes of a run. Raises InputError for tapes that cannot be played, and where something that was asked for is on
    none of them, unless the run allows that."""
    reels = reels_find(inputs.tapes, since=inputs.date_from, until=inputs.date_to, files=inputs.files)
    if inputs.allow_gaps:
        return reels
    missing = _missing(inputs, days_of(inputs, reels))
    if missing:
        words = "Ask for other days or tapes, or allow gaps: then the report says what was not covered."
        field = "date_from" if inputs.date_from or inputs.date_to else "tapes"
        raise InputError({field: f"{' '.join(missing)} {words}"})
    return reels


def run_coverage(inputs: Asks, reels: Sequence[Reel]) -> RunCoverage:
    """All of it, for a page and for the report: reads tapes that nobody has looked at. Raises TapeError."""
    days = days_of(inputs, reels)
    whole = joined(coverage_of(reel) for reel in reels)
    windows = [
        window for window in whole.windows if window.open_ns < whole.last_ns and window.close_ns > whole.first_ns
    ]
    holes = Counter(hole for window in windows for hole in window.holes())
    return RunCoverage(
        days,
        _missing(inputs, days),
        len(windows),
        sum(not window.holes() for window in windows),
        dict(sorted(holes.items())),
        len(whole.gaps),
        [(time_text(gap.from_ns), time_text(gap.to_ns), gap.feed, gap.subject, gap.reason) for gap in whole.gaps][:MOST_GAPS],
        _between(reels),
        [window.ticker for window in windows if window.holes()],
    )  # fmt: skip


def report_coverage(found: RunCoverage, inputs: Asks, traded: Iterable[str]) -> dict[str, Any]:
    """As the report has it: a window with a hole in which nothing was bought is counted, as "no trade", never dropped."""
    bought = dict.fromkeys(traded)
    with_holes = sum(ticker in bought for ticker in found.incomplete)
    numbers: dict[str, Any] = msgspec.to_builtins(found)
    del numbers["incomplete"]
    return numbers | {
        "allowed": inputs.allow_gaps,
        "with_holes": len(found.incomplete),
        "traded": len(bought),
        "traded_with_holes": with_holes,
        "no_trade_with_holes": len(found.incomplete) - with_holes,
    }


def coverage_of(reel: Reel) -> Coverage:
    """What one tape covers: as the catalogue knows it, else by reading it. Raises TapeError."""
    try:
        row = Tape.objects.filter(name=reel.name, path=str(reel.path.resolve())).first()
        if row is not None:
            return tape_coverage(row)
    except DatabaseError:  # a file can be played before there is a catalogue
        pass
    return coverage_of_tape(reel.path)


def days_of(inputs: Asks, reels: Sequence[Reel]) -> list[Day]:
    """Each UTC day from the first asked for (else of the first tape) to the last, with what it has."""
    first = inputs.date_from or _day(reels[0].first_ns)
    last = inputs.date_to or max(_day(max(reel.first_ns, reel.last_ns)) for reel in reels)
    count = (last - first).days + 1
    if count > MOST_DAYS:
        raise InputError(
            {"date_from": f"{count:,} days are more than can be asked for at once; ask for ten years at most."}
        )
    days = [_one_day(first + number * ONE_DAY, reels) for number in range(count)]
    if inputs.needs_assets or inputs.needs_venues:
        _look_for_needs(inputs, days, {reel.name: coverage_of(reel) for reel in reels})
    return days


def _one_day(day: date, reels: Sequence[Reel]) -> Day:
    begin_ns = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_NS
    spans = []
    names = []
    for reel in reels:
        span = max(reel.first_ns, begin_ns), min(max(reel.last_ns, reel.first_ns), begin_ns + DAY_NS - 1)
        if span[0] <= span[1]:
            names.append(reel.name)
            spans.append(span)
    return Day(str(day), names, _length(spans) / SECOND_NS, [] if names else ["a tape"])


def _look_for_needs(inputs: Asks, days: list[Day], known: dict[str, Coverage]) -> None:
    for day in days:
        on_tapes = [known[name] for name in day.tapes]
        assets = {asset for each in on_tapes for asset in each.assets}
        feeds = {feed for each in on_tapes for feed in each.feeds}
        if day.tapes:
            day.missing += [asset for asset in inputs.needs_assets if asset not in assets]
            day.missing += [feed for feed in inputs.needs_venues if feed not in feeds]


def _missing(inputs: Asks, days: Sequence[Day]) -> list[str]:
    """Sentences; a day without a tape counts only where days were asked for."""
    lacking: dict[str, list[str]] = {}
    asks_for_days = inputs.date_from is not None or inputs.date_to is not None
    for day in days:
        for what in day.missing:
            if day.tapes or asks_for_days:
                lacking.setdefault(what, []).append(day.day)
    return [
        f"{_named(dates)} {'has' if len(dates) == 1 else 'have'} no {_noun(what)}." for what, dates in lacking.items()
    ]


def _noun(what: str) -> str:
    return "tape" if what == "a tape" else what


def _named(dates: list[str]) -> str:
    if len(dates) <= DAYS_NAMED:
        return ", ".join(dates)
    return f"{', '.join(dates[: DAYS_NAMED - 1])} and {len(dates) - DAYS_NAMED + 1} more days"


def _between(reels: Sequence[Reel]) -> list[tuple[str, str]]:
    """The times from one tape's end to the next one's beginning."""
    found, end_ns = [], 0
    for reel in reels:
        if end_ns and reel.first_ns > end_ns:
            found.append((time_text(end_ns), time_text(reel.first_ns)))
        end_ns = max(end_ns, reel.last_ns, reel.first_ns)
    return found


def _length(spans: Iterable[tuple[int, int]]) -> int:
    total, end_ns = 0, 0
    for begin, end in sorted(spans):
        total += max(0, end - max(begin, end_ns))
        end_ns = max(end_ns, end)
    return total


def _day(time_ns: int) -> date:
    return datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC).date()
