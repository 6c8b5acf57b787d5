"""What the tapes of a wish cover and what they do not, in sentences for the form: before anything is queued."""

from typing import Any

from backtests.coverage import Asks, Day, RunCoverage, reels_asked, run_coverage
from backtests.knobs import InputError
from backtests.shelf import Reel, reels_find
from markets.tape import TapeError

DAYS_SHOWN = 40
HOUR_S = 3_600


def coverage_shown(inputs: Asks) -> dict[str, Any]:
    """`played`: what would be played; `days`: each day asked for; `missing`: what is not covered; `problem`: why the run
    would be refused as it is. Reads tapes that nobody has looked at."""
    try:
        reels = reels_find(inputs.tapes, since=inputs.date_from, until=inputs.date_to)
        found = run_coverage(inputs, reels)
    except (InputError, TapeError, OSError) as error:
        return {"problem": str(error)}
    return {
        "problem": _refused(inputs),
        "played": _played(reels, found),
        "days": [_day(day) for day in found.days[:DAYS_SHOWN]],
        "days_left": max(len(found.days) - DAYS_SHOWN, 0),
        "missing": _missing(found),
    }


def _refused(inputs: Asks) -> str:
    try:
        reels_asked(inputs)
    except InputError as error:
        return str(error)
    return ""


def _played(reels: list[Reel], found: RunCoverage) -> str:
    events = sum(reel.events or 0 for reel in reels)
    hours = sum(day.seconds for day in found.days) / HOUR_S
    tapes = "tape" if len(reels) == 1 else "tapes"
    return (
        f"{len(reels)} {tapes} with {events:,} events over {hours:,.1f} hours would be played; {found.whole:,} of "
        f"{found.windows:,} windows on them are whole."
    )


def _day(day: Day) -> dict[str, Any]:
    return {
        "day": day.day,
        "tapes": len(day.tapes),
        "hours": f"{day.seconds / HOUR_S:.1f}",
        "missing": ", ".join(day.missing),
    }


def _missing(found: RunCoverage) -> list[str]:
    words = list(found.missing)
    words += [f"{count:,} of {found.windows:,} windows lack: {hole}." for hole, count in found.holes.items()]
    if found.gaps:
        words.append(f"Feeds were silent or cut off {found.gaps:,} times.")
    if found.between:
        times = "time" if len(found.between) == 1 else "times"
        words.append(f"Between the tapes nothing was recorded, {len(found.between):,} {times}.")
    return words
