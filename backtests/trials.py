"""How many configurations were tried on the same tapes: each run and each trial of a study, the same one once."""

import hashlib
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec
from django.db import DatabaseError
from django.db.models import Count, Q, TextField
from django.db.models.functions import Cast

from backtests.models import BacktestRun, Study, StudyTrial
from backtests.shelf import ALL
from markets.models import Tape


class Span(NamedTuple):
    """What was asked to be played: tapes by name or all of them, and between which days."""

    tapes: frozenset[str]
    since: date | None
    until: date | None

    def meets(self, other: "Span") -> bool:
        """Whether some tape may be in both. Days that are not known are all days: it is better to count one too many."""
        if not _days_meet(self, other):
            return False
        return ALL in self.tapes or ALL in other.tapes or not self.tapes.isdisjoint(other.tapes)


class Trials(NamedTuple):
    """Configurations that were tried on tapes of a run, this one included: by runs, and by the trials of studies."""

    runs: int
    studied: int

    @property
    def total(self) -> int:
        """All of them, at least one."""
        return max(self.runs + self.studied, 1)


def trials_of(run: BacktestRun) -> Trials:
    """Those that share a tape with this run, whoever made them and whenever: what was tried after it makes the best of all
    no better either."""
    return trials_on(Span(frozenset(run.tapes), run.date_from, run.date_to), {_key(run)})


def trials_known(run: BacktestRun) -> int | None:
    """The same for a run that may never have been kept: None where nobody can know, for there is no database, or the tapes are
    files that the catalogue does not name."""
    try:
        names = set(Tape.objects.filter(name__in=run.tapes).values_list("name", flat=True))
        if ALL not in run.tapes and not names:
            return None
        return trials_of(run).total
    except DatabaseError:
        return None


def trials_on(span: Span, known: Iterable[str] = ()) -> Trials:
    """Those on tapes of this span; `known` are keys of configurations that count whether or not they are in the database."""
    keys = _run_keys(span)
    studies = [study.pk for study in Study.objects.defer("result") if span_of(study.inputs).meets(span)]
    return Trials(len(keys | set(known)), _studied(studies))


def trials_all() -> int:
    """Every configuration that was ever played in a study."""
    return int(StudyTrial.objects.filter(net__isnull=False).aggregate(count=Count("key", distinct=True))["count"])


def span_of(inputs: dict[str, Any]) -> Span:
    """The span of a study's inputs."""
    return Span(frozenset(inputs.get("tapes") or (ALL,)), _day(inputs.get("date_from")), _day(inputs.get("date_to")))


def _run_keys(span: Span) -> set[str]:
    """Of all runs that are done, of which there may be many: their settings are taken as the text that they are kept as, and
    only what differs is looked into."""
    done = BacktestRun.objects.filter(_days_of(span), status=BacktestRun.Status.DONE).order_by()
    texts = [Cast(name, TextField()) for name in ("tapes", "limits_json", "parameters_json", "realism_json")]
    shares: dict[str, bool] = {}
    settings: set[tuple[str, ...]] = set()
    for tapes, *kept in done.values_list(*texts).iterator():
        if tapes not in shares:
            shares[tapes] = Span(frozenset(msgspec.json.decode(tapes)), span.since, span.until).meets(span)
        if shares[tapes]:
            settings.add(tuple(kept))
    return {_key_of([msgspec.json.decode(text) for text in kept]) for kept in settings}


def _days_of(span: Span) -> Q:
    """The runs whose days meet those of the span; no day is any day."""
    meet = Q()
    if span.until is not None:
        meet &= Q(date_from__isnull=True) | Q(date_from__lte=span.until)
    if span.since is not None:
        meet &= Q(date_to__isnull=True) | Q(date_to__gte=span.since)
    return meet


def _studied(studies: list[int]) -> int:
    """The trials of studies by what decides them: two studies that try the same setting tried it once."""
    tried = StudyTrial.objects.filter(study__in=studies, net__isnull=False)
    return int(tried.aggregate(count=Count("key", distinct=True))["count"])


def _key(run: BacktestRun) -> str:
    """What makes a configuration: limits, parameters and how the exchange treats orders. Capital and days do not."""
    return _key_of([run.limits_json, run.parameters_json, run.realism_json])


def _key_of(settings: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(settings, order="sorted")).hexdigest()


def _days_meet(one: Span, other: Span) -> bool:
    begins_late = one.since is not None and other.until is not None and one.since > other.until
    ends_early = one.until is not None and other.since is not None and one.until < other.since
    return not (begins_late or ends_early)


def _day(text: Any) -> date | None:
    return date.fromisoformat(text) if isinstance(text, str) and text else None
