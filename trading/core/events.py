"""Account events, limits, mode and time; and `Event`, the union the engine takes."""

from typing import Literal

from markets.core import payout
from markets.core.events import MarketEvent, Message
from trading.core.fitted import Announcement, Fitted
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

Mode = Literal["ACTIVE", "REDUCING", "HALTED"]
Result = Literal["yes", "no", "scalar"]
yes_pays_of, payout_of = payout.yes_pays_of, payout.payout_of  # where people look for them beside `Settled`


class HeldPosition(Message, frozen=True):
    """One market's position as carried over: + YES, - NO; `cost` is what the open contracts cost."""

    ticker: str
    count: int
    cost: int
    realised: int
    fees: int
    close_ns: int = 0


class Opening(Message, frozen=True):
    """A session begins: what the account holds, and what it has already made or lost this UTC day."""

    received_ns: int
    cash: int
    positions: tuple[HeldPosition, ...] = ()
    realised_today: int = 0
    fees_today: int = 0
    orders_sent: int = 0


class OrderAccepted(Message, frozen=True):
    """The exchange has our order."""

    received_ns: int
    ticker: str
    number: int
    venue_order_id: str


class OrderRejected(Message, frozen=True):
    """The exchange refused our order: it never existed there."""

    received_ns: int
    ticker: str
    number: int
    code: str


class OrderCancelled(Message, frozen=True):
    """What was left of an order is gone: expired, immediate-or-cancel remainder, or cancelled."""

    received_ns: int
    ticker: str
    number: int
    left: int
    reason: str


class Fill(Message, frozen=True):
    """`count` of our order traded at the YES price `price`; `fee` is all the exchange charged.

    `evidence` says why the fill is believed: "book" (walked displayed size) or "venue".
    """

    received_ns: int
    trade_id: str
    ticker: str
    number: int
    is_bid: bool
    price: int
    count: int
    fee: int
    is_taker: bool = True
    evidence: str = "book"


class Settled(Message, frozen=True):
    """A market paid out: `payout` is what the account received for the `count` it held. `yes_pays` is what each YES
    contract was worth (a Price) where the result alone does not say it: where that is "scalar"."""

    received_ns: int
    ticker: str
    result: Result
    count: int
    payout: int
    settle_value: str = ""
    yes_pays: int | None = None


class LimitsSet(Message, frozen=True):
    """The risk limits in force from now on."""

    received_ns: int
    version: int
    limits: RiskLimits


class ParametersSet(Message, frozen=True):
    """The strategy parameters in force from now on."""

    received_ns: int
    version: int
    parameters: Parameters


class ModeSet(Message, frozen=True):
    """What may be sent from now on: ACTIVE all, REDUCING only what shrinks exposure, HALTED nothing."""

    received_ns: int
    mode: Mode
    reason: str = ""
    by: str = ""


class SeriesOff(Message, frozen=True):
    """The series that a person has switched off: known from now on, not traded. Replaces what was said before."""

    received_ns: int
    series: tuple[str, ...]


class FittedSet(Message, frozen=True):
    """What was learnt from past windows, in force from now on. Replaces what was said before."""

    received_ns: int
    fitted: Fitted


class AnnouncementsSet(Message, frozen=True):
    """The scheduled news that people have entered, from now on. Replaces what was said before."""

    received_ns: int
    announcements: tuple[Announcement, ...]


class Timer(Message, frozen=True):
    """Time passes, also when nothing else happens."""

    received_ns: int


AccountEvent = Opening | OrderAccepted | OrderRejected | OrderCancelled | Fill | Settled
ControlEvent = LimitsSet | ParametersSet | ModeSet | SeriesOff | FittedSet | AnnouncementsSet | Timer
Event = MarketEvent | AccountEvent | ControlEvent
