"""Tapes end to end: one is played up to where the next begins, and results that come later are heard in the next."""

from collections.abc import Iterable, Iterator, Sequence

from markets.core.events import ExchangeStatus, FeedStatus, MarketEvent, MarketListed, MarketStatus, SeriesDrift
from markets.core.units import Money
from trading.core.events import HeldPosition, Opening

OF_MARKETS = frozenset({MarketListed, MarketStatus})
FACTS = OF_MARKETS | {FeedStatus, ExchangeStatus, SeriesDrift}


class Cut:
    """One tape, ended where the next begins if by then nothing is quoted any more.

    `starts` is when the following tapes begin, in order. After `through` has been read to its end, `late` holds
    the results still to come, and `overlapped` says how many of the following tapes quote what this one did.
    """

    def __init__(self, starts: Sequence[int]) -> None:
        self.starts = starts
        self.overlapped = 0
        self._held: list[MarketEvent] = []

    @property
    def late(self) -> list[MarketEvent]:
        """What is known of markets after the cut. How this recording went on to hear is nobody else's business: what the
        exchange itself was like then, the next one says."""
        return [event for event in self._held if type(event) in OF_MARKETS]

    def through(self, events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """The events of this tape that are its own to play."""
        starts_ns = self._next_start()
        for event in events:
            if event.received_ns >= starts_ns:
                if type(event) in FACTS:
                    self._held.append(event)
                    continue
                yield from self._held
                self._held.clear()
                while event.received_ns >= starts_ns:
                    self.overlapped += 1
                    starts_ns = self._next_start()
            yield event

    def _next_start(self) -> float:
        return self.starts[self.overlapped] if self.overlapped < len(self.starts) else float("inf")


def woven(late: Sequence[MarketEvent], events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
    """`events` with what an earlier tape knew later, each at its time; both in the order of time."""
    waiting = list(reversed(late))
    for event in events:
        while waiting and waiting[-1].received_ns <= event.received_ns:
            yield waiting.pop()
        yield event
    yield from reversed(waiting)


def carried(closing: Opening, next_ns: int, late: Iterable[MarketEvent]) -> tuple[Opening, tuple[HeldPosition, ...]]:
    """What the next tape opens with, and the positions given back at cost: their market closed before `next_ns`
    and its result is on no tape. Kept, they would take up the limits for ever; nothing is made or lost on them."""
    to_come = {event.ticker for event in late if isinstance(event, MarketStatus)}
    void = tuple(held for held in closing.positions if held.close_ns <= next_ns and held.ticker not in to_come)
    kept = tuple(held for held in closing.positions if held not in void)
    cash = Money(closing.cash + sum(held.cost for held in void))
    opening = Opening(closing.received_ns, cash, kept, closing.realised_today, closing.fees_today, closing.orders_sent)
    return opening, void
