"""What a study asks of its tapes, and what they cover of it: refused where it is missing, told in its result."""

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

from backtests.coverage import reels_asked, report_coverage, run_coverage
from backtests.knobs import InputError
from backtests.shelf import Reel, reels_find
from backtests.studies.inputs import StudyInputs
from markets.tape import TapeError


class Asked(NamedTuple):
    """The part of a study's inputs that its tapes are held against: `backtests.coverage.Asks`."""

    tapes: tuple[str, ...]
    date_from: date | None
    date_to: date | None
    files: bool
    allow_gaps: bool
    needs_assets: tuple[str, ...]
    needs_venues: tuple[str, ...]


def asked_of(inputs: StudyInputs) -> Asked:
    """What a study asks for."""
    return Asked(
        inputs.tapes, _day(inputs.date_from), _day(inputs.date_to), inputs.files,
        inputs.allow_gaps, inputs.needs_assets, inputs.needs_venues,
    )  # fmt: skip


def study_reels(inputs: StudyInputs) -> list[Reel]:
    """The tapes of a study in order of time, as a single run takes them. Raises InputError for tapes that cannot be played,
    and where something that was asked for is on none of them, unless the study allows gaps."""
    try:
        return reels_asked(asked_of(inputs))
    except TapeError as error:
        raise InputError({"tapes": str(error)}) from None


def study_coverage(inputs: StudyInputs, traded: Iterable[str]) -> dict[str, Any]:
    """`coverage` of a study's result: what the tapes that it was planned with cover. `traded` are tickers that any of its
    trials bought. Where a tape is gone by then, that is said under `missing`, and there is nothing else."""
    asked = asked_of(inputs)
    try:
        reels = reels_find([name for span in inputs.spans for name in span.tapes], files=inputs.files)
        return report_coverage(run_coverage(asked, reels), asked, traded)
    except (InputError, TapeError, OSError) as error:
        return {"missing": [f"What the tapes cover cannot be said any more: {error}"], "allowed": inputs.allow_gaps}


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
