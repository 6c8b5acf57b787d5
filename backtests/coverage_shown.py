"""What the tapes of a wish cover and what they do not, in sentences for the form: before anything is queued."""

from typing import Any

from backtests.coverage import RunCoverage, reels_asked, run_coverage
from backtests.knobs import InputError
from backtests.replay import Inputs
from backtests.shelf import Reel, reels_find
from markets.tape import TapeError

HOLES = {
    "book": "without a book", "book in part": "with a book for a part of their life",
    "spot": "without a price of the coin", "spot in part": "with a price of the coin for a part of their life",
    "strike": "whose strike is on no tape", "result": "whose result is on no tape",
}  # fmt: skip


def coverage_shown(inputs: Inputs) -> dict[str, Any]:
    """`played`: what would be played; `missing`: what is not covered; `problem`: why it would be refused."""
    try:
        reels = reels_find(inputs.tapes, since=inputs.date_from, until=inputs.date_to)
        found = run_coverage(inputs, reels)
    except (InputError, TapeError) as error:
        return {"problem": str(error), "played": "", "missing": []}
    return {"problem": _problem(inputs), "played": _played(reels), "missing": missing_words(found)}


def missing_words(found: RunCoverage) -> list[str]:
    """What is not covered, the largest holes first to be read."""
    words = list(found.missing)
    if found.windows > found.whole:
        words.append(
            f"{found.windows - found.whole} of {found.windows} windows are not covered whole; one in which nothing can "
            "be traded counts as no trade."
        )
    words += [f"{count} {HOLES.get(hole, hole)}" for hole, count in found.holes.items()]
    if found.gaps:
        words.append(f"{found.gaps} gaps of a feed inside the tapes")
    if found.between:
        words.append(f"{len(found.between)} times between two tapes")
    return words


def _problem(inputs: Inputs) -> str:
    try:
        reels_asked(inputs)
    except InputError as error:
        return str(error)
    return ""


def _played(reels: list[Reel]) -> str:
    events = sum(reel.events or 0 for reel in reels)
    return f"{len(reels)} {'tape' if len(reels) == 1 else 'tapes'} with {events:,} events would be played."
