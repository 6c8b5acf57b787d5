"""The as_of rule: whatever is heard carries the time from which it was known, and nothing is heard before it could be."""

from collections.abc import Iterable, Iterator
from typing import Any

from markets.core.events import IndexValue, MarketEvent, MarketListed, MarketStatus
from markets.core.units import SECOND_NS

WINDOW_NS = 900 * SECOND_NS
AVERAGED_NS = 60 * SECOND_NS  # a strike, and a settlement value, is the average of so much before it
CLOCK_ERROR_NS = SECOND_NS  # how far two machines' clocks may be apart before we believe neither


class LookAheadError(ValueError):
    """A tape tells something before anybody could know it; the text says what and when."""


class AsOf:
    """Asks of each fact on a tape whether it can have been known at the time that it carries (`received_ns`).

    - Time does not run backwards.
    - A result is not known before the close of its market.
    - A strike is not known before the sixty seconds that it is the average of have begun.
    - A value of the index is not known before the second it is for; of a window's average not more samples than seconds
      have gone by.

    What was fitted is asked by the engine itself (`trading.core.fitted.applying`): nothing it saw may be of now or later.
    """

    def __init__(self) -> None:
        self._closes: dict[str, int] = {}
        self._last_ns = 0
        self._asks: dict[type, Any] = {MarketListed: self._listed, MarketStatus: self._status, IndexValue: self._index}

    def guarded(self, events: Iterable[MarketEvent]) -> Iterator[MarketEvent]:
        """The same events. Raises LookAheadError at the first that cannot have been known."""
        asks = self._asks
        last_ns = self._last_ns
        for event in events:
            now_ns = event.received_ns
            if now_ns < last_ns:
                raise LookAheadError(f"what is stamped {now_ns} comes after what is stamped {last_ns}")
            last_ns = now_ns
            ask = asks.get(type(event))
            if ask is not None:
                ask(event)
            yield event

    def _listed(self, event: MarketListed) -> None:
        terms = event.contract
        self._closes[terms.ticker] = terms.close_ns
        if terms.strike is not None:
            _refuse(event, terms.open_ns - AVERAGED_NS, f"the strike of {terms.ticker}")

    def _status(self, event: MarketStatus) -> None:
        close_ns = self._closes.get(event.ticker)
        if close_ns is not None and (event.result or event.settle_value):
            _refuse(event, close_ns, f"the result of {event.ticker}")

    def _index(self, event: IndexValue) -> None:
        _refuse(event, event.venue_ns, f"a value of the index of {event.asset}")
        if event.window_samples:
            close_ns = -(-(event.received_ns - CLOCK_ERROR_NS) // WINDOW_NS) * WINDOW_NS
            known_ns = close_ns - AVERAGED_NS + (event.window_samples - 1) * SECOND_NS
            _refuse(event, known_ns, f"{event.window_samples} samples of the average of {event.asset}")


def _refuse(event: MarketEvent, known_ns: int, what: str) -> None:
    """`what` cannot be known before `known_ns`. Raises LookAheadError."""
    early_ns = known_ns - CLOCK_ERROR_NS - event.received_ns
    if early_ns > 0:
        seconds = (known_ns - event.received_ns) / SECOND_NS
        raise LookAheadError(f"{what} is told {seconds:.3f} s before it can be known (at {event.received_ns})")
