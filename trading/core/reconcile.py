"""Ours against theirs: what we may put right ourselves, what has to be cancelled, and what a person has to look at. Pure."""

from typing import NamedTuple

from trading.core import events
from trading.core.our_side import Ours
from trading.core.venue import VenueOrder, VenueState

Repair = (
    events.Fill
    | events.OrderAccepted
    | events.OrderAmended
    | events.OrderCancelled
    | events.OrderRejected
    | events.Settled
    | events.CashMoved
)


class Difference(NamedTuple):
    """Something that does not add up and that we may not put right: `kind` and `subject` name it, `value` tells whether
    two looks saw the same. Kinds: "order", "fill", "position", "cash", "settlement"."""

    kind: str
    subject: str
    text: str
    value: str = ""
    shard: int = 0
    amount: int = 0  # of cash: theirs less ours (Money)
    ticker: str = ""


class Outcome(NamedTuple):
    """What came of a look. Repairs are in the order in which they have to be told."""

    repairs: tuple[Repair, ...] = ()
    strays: tuple[VenueOrder, ...] = ()
    differences: tuple[Difference, ...] = ()


def compare(ours: Ours, theirs: VenueState, now_ns: int) -> Outcome:
    """One look. Differences are those of this look alone: see `Looks` for those that count."""
    raise NotImplementedError
