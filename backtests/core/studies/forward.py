"""What a walk-forward comes to: each fold's choice on the days that were not used to choose, joined, and how much of what was
seen in sample was left out of it."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import msgspec

from backtests.core.studies.folds import Fold, Scheme, purged
from backtests.core.studies.objective import Objective, Span
from markets.core.units import DOLLAR


class Judged(msgspec.Struct, frozen=True):
    """One fold: what was chosen, what it came to in sample and out of it (objective, and dollars a day). `rank` is the
    place of the choice among `rated` trials by the objective out of sample, 1 the best; None where it cannot be said.
    `purged` windows were left out of what was learnt on."""

    fold: int
    train: tuple[int, ...]
    test: tuple[int, ...]
    trial: int | None
    inside: float | None = None
    outside: float | None = None
    inside_day: float | None = None
    outside_day: float | None = None
    windows: int = 0
    rank: int | None = None
    rated: int = 0
    purged: int = 0


class Decay(msgspec.Struct, frozen=True):
    """Dollars a day in sample and out of it, over all folds with a choice, and what share of it was left (None where
    nothing was made in sample)."""

    inside: float | None
    outside: float | None
    left: float | None
    folds: int


def judged(
    fold: Fold,
    trials: Mapping[int, Mapping[int, Span]],
    objective: Objective,
    scheme: Scheme,
    look_back: Mapping[int, int],
) -> Judged:
    """Choose by the objective on the fold's days to learn on, purged; then look at the days it is judged by. `trials` are
    the days by trial, `look_back` (ns) by trial. Of equal ones the first tried is chosen; no trial is chosen where none has
    an objective."""
    best: tuple[float, int] | None = None
    days: dict[int, list[Span]] = {}
    gone: dict[int, int] = {}
    for number in sorted(trials):
        spans = trials[number]
        if any(day not in spans for day in (*fold.train, *fold.test)):
            continue
        days[number], gone[number] = purged(
            [spans[day] for day in fold.train], fold, scheme.embargo, look_back.get(number, 0)
        )
        value = objective.of(days[number])
        if value is not None and (best is None or value > best[0]):
            best = (value, number)
    if best is None:
        return Judged(fold.number, fold.train, fold.test, None)
    value, number = best
    outside = {other: objective.of(test_of(fold, trials[other])) for other in days}
    rank, rated = ranked(outside, number)
    test = test_of(fold, trials[number])
    return Judged(
        fold.number, fold.train, fold.test, number, value, outside[number], a_day(days[number]), a_day(test),
        sum(len(span.windows) for span in test), rank, rated, gone[number],
    )  # fmt: skip


def test_of(fold: Fold, spans: Mapping[int, Span]) -> list[Span]:
    """The days that a fold is judged by."""
    return [spans[day] for day in fold.test]


def joined(folds: Sequence[Fold], chosen: Sequence[Judged], trials: Mapping[int, Mapping[int, Span]]) -> list[Span]:
    """The days out of sample, each as the choice of its fold played it, in the order of time. A fold without a choice did
    not trade."""
    found = []
    for fold, choice in zip(folds, chosen, strict=True):
        empty = [Span(day, 0, ()) for day in fold.test]
        found += empty if choice.trial is None else test_of(fold, trials[choice.trial])
    return sorted(found, key=lambda span: span.day)


def decay(chosen: Sequence[Judged]) -> Decay:
    """In sample against out of it. Folds weigh alike."""
    inside = [each.inside_day for each in chosen if each.inside_day is not None]
    outside = [each.outside_day for each in chosen if each.outside_day is not None]
    if not inside or not outside:
        return Decay(None, None, None, 0)
    first, second = fmean(inside), fmean(outside)
    return Decay(first, second, second / first if first > 0.0 else None, len(outside))


def a_day(spans: Sequence[Span]) -> float | None:
    """Dollars a day."""
    return fmean(span.net for span in spans) / DOLLAR if spans else None


def ranked(objectives: Mapping[int, float | None], number: int) -> tuple[int | None, int]:
    """The place of a trial among those that have an objective, and how many there are. Equal ones share the better place."""
    known = {key: value for key, value in objectives.items() if value is not None}
    if number not in known:
        return None, len(known)
    return 1 + sum(value > known[number] for value in known.values()), len(known)
