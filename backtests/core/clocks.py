"""Another spot clock: what spot venues and the index said is heard earlier or later than it was, all else as it was."""

import heapq
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from markets.core.events import (
    FeedBeat,
    FeedStatus,
    IndexValue,
    MarketEvent,
    SpotBook,
    SpotLevels,
    SpotPrice,
    SpotQuote,
)

EXCHANGE = "kalshi"


def shifted(events: Iterable[MarketEvent], shift_ns: int) -> Iterator[MarketEvent]:
    """The same events with the spot clock off by `shift_ns` (positive: heard later), in the order of their new times.

    The venues' own stamps move along, as the clock that made them would; the index has its own seconds and keeps them.
    Nothing is heard before the tape begins. Memory: the events of `shift_ns`.
    """
    if not shift_ns:
        yield from events
        return
    waiting: list[tuple[int, int, MarketEvent]] = []
    first_ns = 0
    for number, event in enumerate(events):
        at_ns = event.received_ns
        first_ns = first_ns or at_ns
        moved = _moved(event, shift_ns, first_ns)
        heapq.heappush(waiting, (moved.received_ns, number, moved))
        settled_ns = at_ns + min(shift_ns, 0)  # nothing that comes can be heard before this any more
        while waiting and waiting[0][0] <= settled_ns:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


def _moved(event: MarketEvent, shift_ns: int, first_ns: int) -> MarketEvent:
    at_ns = max(event.received_ns + shift_ns, first_ns)
    if isinstance(event, SpotPrice | SpotQuote | SpotBook | SpotLevels):
        return replace(event, received_ns=at_ns, venue_ns=event.venue_ns + shift_ns if event.venue_ns else 0)
    if isinstance(event, IndexValue) or (isinstance(event, FeedBeat | FeedStatus) and event.feed != EXCHANGE):
        return replace(event, received_ns=at_ns)
    return event
