"""How far a run is: its place in the queue, when it will probably be done, and a sentence that says so."""

import heapq
import json
import zlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.utils import timezone

from backtests.models import BacktestRun
from backtests.run_inputs import inputs_of
from backtests.shelf import ALL, recorded
from backtests.variations import plays_of
from markets.core.units import SECOND_NS
from markets.models import Tape

LATEST = 20  # finished runs that the pace is taken from
LEAST_S = 0.2  # a run that took less says nothing of the pace
LEAST_SHARE = 0.02  # of a running one, before its own pace is believed
Status = BacktestRun.Status


class Standing(NamedTuple):
    """`ahead` is how many runs wait before it, None where it does not wait; `seconds` until it is done, None where that
    cannot be told."""

    ahead: int | None = None
    seconds: float | None = None


def standing_of(run: BacktestRun) -> Standing:
    """Where a run stands. The estimate takes the pace of the latest runs and supposes that the workers do nothing else."""
    if run.is_over:
        return Standing()
    pace, lengths = events_a_second(), Lengths()
    if run.status == Status.RUNNING:
        return Standing(None, _left(run, pace, lengths))
    waiting = list(BacktestRun.objects.filter(status=Status.QUEUED).defer("result").order_by("created_at", "id"))
    before = [other for other in waiting if (other.created_at, other.pk) < (run.created_at, run.pk)]
    running = BacktestRun.objects.filter(status=Status.RUNNING).defer("result")
    busy = [_left(other, pace, lengths) for other in running]
    return Standing(len(before), _done_in(busy, [_whole(other, pace, lengths) for other in [*before, run]]))


def events_a_second() -> float | None:
    """The pace of the latest finished runs, all their events over all their time; None where there is none."""
    rows = BacktestRun.objects.filter(status=Status.DONE, events__gt=0, started_at__isnull=False).defer("result")
    events, seconds = 0, 0.0
    for run in rows.order_by("-id")[:LATEST]:
        assert run.started_at is not None and run.finished_at is not None and run.events is not None  # noqa: S101, PT018
        took = (run.finished_at - run.started_at).total_seconds()
        if took >= LEAST_S:
            events, seconds = events + run.events * plays_of(inputs_of(run)), seconds + took
    return events / seconds if seconds else None


class Lengths:
    """How many events the tapes of a run hold; the catalogue is read once."""

    def __init__(self) -> None:
        self._tapes: dict[str, tuple[datetime, int]] | None = None
        self._all: list[str] = []

    def of(self, run: BacktestRun) -> int:
        """The events of the tapes it names that begin on its days, as often as it plays them."""
        tapes = self._read()
        names = dict.fromkeys(each for name in run.tapes for each in (self._all if name == ALL else [name]))
        begun = [tapes[name] for name in names if name in tapes]
        once = sum(
            events
            for at, events in begun
            if (run.date_from is None or at.date() >= run.date_from)
            and (run.date_to is None or at.date() <= run.date_to)
        )
        return once * plays_of(inputs_of(run))

    def _read(self) -> dict[str, tuple[datetime, int]]:
        if self._tapes is None:
            rows = Tape.objects.values_list("name", "first_ns", "events")
            self._tapes = {
                name: (datetime.fromtimestamp(first_ns // SECOND_NS, UTC), events) for name, first_ns, events in rows
            }
            self._all = list(recorded().values_list("name", flat=True))
        return self._tapes


def state_of(run: BacktestRun) -> dict[str, Any]:
    """What a page that waits for a run is told, fit for JSON. It changes only when there is something new to say."""
    stands = standing_of(run)
    return {
        "status": run.status,
        "progress": round(run.progress, 4),
        "note": run.progress_note,
        "over": run.is_over,
        "cancel_wanted": run.cancel_wanted,
        "ahead": stands.ahead,
        "seconds": None if stands.seconds is None else _rounded(stands.seconds),
        "words": words_of(run, stands),
    }


def words_of(run: BacktestRun, stands: Standing) -> str:
    """One sentence."""
    if run.is_over:
        return f"{run.status.capitalize()}."
    if run.cancel_wanted:
        return "Stopping\N{HORIZONTAL ELLIPSIS}"
    guess = "" if stands.seconds is None else f" About {length(_rounded(stands.seconds))} until it is done."
    if run.status == Status.RUNNING:
        where = f", at {run.progress_note}" if run.progress_note else ""
        return f"{int(run.progress * 100)} % played{where}.{guess}"
    ahead = stands.ahead or 0
    if ahead:
        return f"Waiting; {ahead} {'run' if ahead == 1 else 'runs'} before it.{guess}"
    return f"Waiting for a worker; it is next.{guess}"


def length(seconds: int) -> str:
    """95 -> "1 min 35 s"."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def _rounded(seconds: float) -> int:
    """To a second below ten, to five below a minute, to fifteen above: a guess should not flicker."""
    grid = 1 if seconds < 10 else 5 if seconds < 60 else 15
    return max(1, round(seconds / grid) * grid)


def _left(run: BacktestRun, pace: float | None, lengths: Lengths) -> float | None:
    """Seconds that a running run still takes: by its own pace once it has one."""
    if run.started_at is not None and run.progress >= LEAST_SHARE:
        return (timezone.now() - run.started_at).total_seconds() * (1 - run.progress) / run.progress
    return _whole(run, pace, lengths)


def _whole(run: BacktestRun, pace: float | None, lengths: Lengths) -> float | None:
    return None if pace is None else lengths.of(run) / pace


def _done_in(busy: Iterable[float | None], waiting: Iterable[float | None]) -> float | None:
    """When the last of `waiting` is done, each taken by the first worker that is free."""
    free = [0.0] * settings.WORKERS
    done = 0.0
    for seconds in (*busy, *waiting):
        if seconds is None:
            return None
        done = heapq.heappop(free) + seconds
        heapq.heappush(free, done)
    return done


def etag_of(state: Mapping[str, Any]) -> str:
    """What changes when the state does."""
    return f'"{zlib.crc32(json.dumps(state, sort_keys=True).encode()):08x}"'
