"""The recorder's wall clock made steady: tape time never runs backwards."""

from collections.abc import Iterable

from markets.recording.summary import RunSummary


def steady(times_us: Iterable[int], summary: RunSummary) -> list[int]:
    """The times of one stream in its own order. Where the clock was set back, time stands still until it has
    caught up; each such step is counted."""
    result, latest, previous = [], 0, 0
    for time_us in times_us:
        if time_us < previous:
            summary.clock_steps += 1
        previous = time_us
        latest = max(latest, time_us)
        result.append(latest)
    return result
