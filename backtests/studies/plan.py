"""A study cut into pieces: days, the settings that are tried in a round, and parts of day by block of settings."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from backtests.core.studies.folds import Fold, folds_of
from backtests.knobs import InputError
from backtests.lane.runner import problem
from backtests.shelf import Reel
from backtests.studies.covered import study_reels
from backtests.studies.fits import versions_before
from backtests.studies.inputs import Span, StudyInputs
from backtests.studies.space import grid
from markets.core.units import DAY_NS

BLOCK_COMPILED, BLOCK_ENGINE = 100, 5
MOST_PARTS = 50_000


class Wanted(NamedTuple):
    """A setting to be tried: its number in the study, what it turns, on which of the spans (by their number), and why it
    cannot be played, in words, if it cannot."""

    number: int
    values: dict[str, str]
    spans: tuple[int, ...]
    problem: str = ""


class Piece(NamedTuple):
    """The work of one part: the number of its span, and the trials to be played on it."""

    span: int
    trials: tuple[Wanted, ...]


def planned(inputs: StudyInputs) -> StudyInputs:
    """The inputs with their tapes found and the size of a block settled. Raises InputError for tapes that cannot be
    played, for what was asked for and is on none of them, and for a walk-forward without a fold."""
    spans = tuple(_spans(study_reels(inputs), inputs))
    block = inputs.block or _block(inputs)
    found = msgspec.structs.replace(inputs, spans=spans, block=block)
    if inputs.kind == "walkforward" and not folds(found):
        raise InputError({"train": _no_fold(found)})
    if (parts := _parts(found)) > MOST_PARTS:
        raise InputError(
            {"space": f"These are {parts:,} parts; {MOST_PARTS:,} are the most. Put more settings in one."}
        )
    return found


def folds(inputs: StudyInputs) -> list[Fold]:
    """The folds of a walk-forward; none of other studies."""
    return [] if inputs.scheme is None else folds_of([span.day for span in inputs.spans], inputs.scheme)


def rounds_of(inputs: StudyInputs) -> int:
    """How many rounds there will be at most: a search asks in batches, in a walk-forward for each fold by itself."""
    if inputs.search == "grid" or inputs.kind == "versus":
        return 1
    return batches_of(inputs) * max(len(folds(inputs)), 1)


def batches_of(inputs: StudyInputs) -> int:
    """In how many batches a search asks for its budget."""
    return -(-inputs.trials // inputs.batch)


def fold_of(inputs: StudyInputs, number: int) -> Fold | None:
    """Which fold a round is for; None where all rounds see all days."""
    return folds(inputs)[number // batches_of(inputs)] if inputs.search == "optuna" and inputs.scheme else None


def spans_of_round(inputs: StudyInputs, number: int) -> tuple[int, ...]:
    """The spans that the trials of a round are played on: those that its fold learns on and is judged by, else all."""
    fold = fold_of(inputs, number)
    days = None if fold is None else {*fold.train, *fold.test}
    return tuple(at for at, span in enumerate(inputs.spans) if days is None or span.day in days)


def fixed(inputs: StudyInputs) -> list[Wanted]:
    """The trials that are known from the start: a grid, or both sides of a head-to-head."""
    spans = spans_of_round(inputs, 0)
    turned: Iterable[dict[str, str]] = (
        [side.settings for side in inputs.sides] if inputs.kind == "versus" else grid(inputs.space)
    )
    found = [wanted(inputs, number, values, spans) for number, values in enumerate(turned)]
    if all(each.problem for each in found):
        raise InputError({"space": f"None of these settings can be: {found[0].problem}"})
    return found


def wanted(inputs: StudyInputs, number: int, values: dict[str, str], spans: tuple[int, ...]) -> Wanted:
    """One trial, and whether its settings go together."""
    try:
        inputs.setting(values)
    except InputError as error:
        return Wanted(number, values, (), str(error))
    return Wanted(number, values, spans)


def pieces(inputs: StudyInputs, trials: Sequence[Wanted]) -> Iterator[Piece]:
    """The parts of a round: each span by blocks of settings, in the order of spans, then of trials."""
    playable = [trial for trial in trials if not trial.problem]
    for span in range(len(inputs.spans)):
        mine = [trial for trial in playable if span in trial.spans]
        for start in range(0, len(mine), inputs.block):
            yield Piece(span, tuple(mine[start : start + inputs.block]))


def key_of(inputs: StudyInputs, trial: Wanted) -> str:
    """SHA-256 of all that decides what a trial makes, whatever study it belongs to; "" where it cannot be played."""
    if trial.problem:
        return ""
    played = [(span.day, span.tapes, span.fits) for at, span in enumerate(inputs.spans) if at in trial.spans]
    whole: Any = (*inputs.setting(trial.values), inputs.capital, played)
    return hashlib.sha256(msgspec.json.encode(whole)).hexdigest()


def budget_words(inputs: StudyInputs) -> str:
    """What it will cost, before it is paid."""
    days, trials = len(inputs.spans), inputs.budget()
    each = f" in each of {len(folds(inputs))} folds" if inputs.search == "optuna" and inputs.scheme else ""
    settings = f"{trials:,} setting{'' if trials == 1 else 's'}{each}"
    return f"{settings} on {days:,} day{'' if days == 1 else 's'}: {_parts(inputs):,} parts"


def parts_of_round(inputs: StudyInputs, number: int) -> int:
    """How many parts a round is expected to have."""
    trials = inputs.budget() if rounds_of(inputs) == 1 else min(inputs.batch, inputs.trials)
    return len(spans_of_round(inputs, number)) * -(-trials // inputs.block)


def _parts(inputs: StudyInputs) -> int:
    return sum(parts_of_round(inputs, number) for number in range(rounds_of(inputs)))


def _spans(reels: Sequence[Reel], inputs: StudyInputs) -> Iterator[Span]:
    for day, found in groupby(reels, lambda reel: reel.first_ns // DAY_NS):
        embargo = inputs.scheme.embargo if inputs.scheme else 0
        fits = versions_before(inputs.fits, (day - embargo) * DAY_NS) if inputs.fits else ()
        yield Span(day, tuple(str(reel.path) if inputs.files else reel.name for reel in found), fits)


def _block(inputs: StudyInputs) -> int:
    try:
        setting = inputs.setting(inputs.sides[0].settings if inputs.sides else {})
    except InputError:
        return BLOCK_ENGINE
    return BLOCK_ENGINE if inputs.engine or inputs.fits or problem(*setting) else BLOCK_COMPILED


def _no_fold(inputs: StudyInputs) -> str:
    scheme = inputs.scheme
    assert scheme is not None  # noqa: S101 - a walk-forward has one
    need = scheme.train + scheme.embargo + scheme.test
    return (
        f"The tapes begin on {len(inputs.spans)} days; {scheme.train} to learn on, {scheme.embargo} of embargo and "
        f"{scheme.test} to judge need {need} that follow each other. Take fewer, or more tapes."
    )
