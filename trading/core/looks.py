"""What comes of a look at the exchange's own books; and which of it counts, once another look has shown the same. Pure."""

from typing import NamedTuple

from markets.core.units import SECOND_NS
from trading.core import events
from trading.core.venue import VenueOrder

Repair = (
    events.Fill
    | events.OrderAccepted
    | events.OrderAmended
    | events.OrderCancelled
    | events.OrderRejected
    | events.Settled
    | events.CashMoved
)
APART_NS = 3 * SECOND_NS  # between two looks that count as two


class Difference(NamedTuple):
    """Something that does not add up and that we may not put right. `kind` and `subject` name it, `value` tells whether
    two looks saw the same. Kinds: "order", "fill", "position", "cash", "settlement"."""

    kind: str
    subject: str
    text: str
    value: str = ""
    shard: int = 0
    amount: int = 0  # of cash: theirs less ours (Money); 0 while it cannot be told exactly


class Awaited(NamedTuple):
    """What is done once two looks have shown the same `value`."""

    key: str
    value: str
    then: Repair | VenueOrder | Difference


class Outcome(NamedTuple):
    """What came of a look. Repairs are in the order in which they have to be told; `is_judged`: nothing was in flight, so
    that positions and cash were held against each other too."""

    repairs: tuple[Repair, ...] = ()
    strays: tuple[VenueOrder, ...] = ()
    differences: tuple[Difference, ...] = ()
    awaited: tuple[Awaited, ...] = ()
    is_judged: bool = True

    @property
    def is_clean(self) -> bool:
        """Everything was looked at and is as it should be."""
        return self.is_judged and not (self.repairs or self.strays or self.differences or self.awaited)


class Looks:
    """What the last looks have shown: which differences count."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int]] = {}

    def see(self, look: Outcome, asked_ns: int) -> Outcome:
        """What of a look counts now; what still waits stays `awaited`."""
        before, self._seen = self._seen, {}
        due: list[Repair | VenueOrder | Difference] = []
        waiting: list[Awaited] = []
        for awaited in look.awaited:
            value, since_ns = before.get(awaited.key, ("", asked_ns))
            if value != awaited.value:
                since_ns = asked_ns
            self._seen[awaited.key] = (awaited.value, since_ns)
            if asked_ns - since_ns >= APART_NS:
                due.append(awaited.then)
            else:
                waiting.append(awaited)
        return look._replace(
            repairs=look.repairs + tuple(one for one in due if not isinstance(one, VenueOrder | Difference)),
            strays=look.strays + tuple(one for one in due if isinstance(one, VenueOrder)),
            differences=look.differences + tuple(one for one in due if isinstance(one, Difference)),
            awaited=tuple(waiting),
        )
