"""Account events, limits, mode and time; and `Event`, the union the engine takes."""

from typing import Literal

from markets.core import payout
from markets.core.events import MarketEvent, Message
from trading.core.fitted import Announcement, Fitted
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.realism import Realism

Mode = Literal["ACTIVE", "REDUCING", "HALTED"]
Policy = Literal["cancel", "hold", "flatten"]  # of a halt: what rests is cancelled, or left, or all is closed as well
Result = Literal["yes", "no", "scalar"]
yes_pays_of, payout_of = payout.yes_pays_of, payout.payout_of  # beside `Settled`


class HeldPosition(Message, frozen=True):
    """One market's position as carried over: + YES, - NO; `cost` is what the open contracts cost."""

    ticker: str
    count: int
    cost: int
    realised: int
    fees: int
    close_ns: int = 0


class HeldOrder(Message, frozen=True):
    """An order of an earlier session that had not ended when that session did. Whether it still works only the exchange
    knows; until it has said so it counts as exposure. `price` and `count` are as last amended."""

    number: int
    ticker: str
    is_bid: bool
    price: int
    count: int
    filled: int = 0
    close_ns: int = 0
    venue_order_id: str = ""
    rests: bool = False
    expires_ns: int = 0
    sent_ns: int = 0


class Tripped(Message, frozen=True):
    """A latched breaker that an earlier session left behind: a person has to clear it."""

    code: str
    text: str = ""
    at_ns: int = 0


class HeldSettled(Message, frozen=True):
    """A market that has paid out not long ago: a fill of it that is yet to be heard is paid out at once."""

    held: HeldPosition
    result: Result
    yes_pays: int | None = None


class Opening(Message, frozen=True):
    """A session begins: what the account holds, and what it has already made or lost this UTC day.
    `trade_ids` are the fills booked in markets that have not settled or are among `settled`: heard again they change
    nothing. `settled` are those that paid out in the day before the last one did, at an exchange. `sent_ns` are the
    times of the orders of the last minute, `peak_equity` (Money, 0: none yet) and `losing_streak` (settled markets in a
    row) what the breakers go on counting from; `matched` (when, Count) are the fills heard in the last fifteen seconds."""

    received_ns: int
    cash: int
    positions: tuple[HeldPosition, ...] = ()
    realised_today: int = 0
    fees_today: int = 0
    orders_sent: int = 0
    orders: tuple[HeldOrder, ...] = ()
    trade_ids: tuple[tuple[str, tuple[str, ...]], ...] = ()  # by ticker
    sent_ns: tuple[int, ...] = ()
    peak_equity: int = 0
    losing_streak: int = 0
    tripped: tuple[Tripped, ...] = ()
    settled: tuple[HeldSettled, ...] = ()
    matched: tuple[tuple[int, int], ...] = ()


class OrderSent(Message, frozen=True):
    """The bytes of an order (or of a change to it) have left for the exchange."""

    received_ns: int
    ticker: str
    number: int
    what: Literal["place", "cancel", "amend"] = "place"


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


class OrderUnknown(Message, frozen=True):
    """An order, a cancel or an amend was sent and its answer is lost: it may have happened. The exchange is asked."""

    received_ns: int
    ticker: str
    number: int
    what: Literal["place", "cancel", "amend"] = "place"
    reason: str = ""


class OrderAmended(Message, frozen=True):
    """The order now has this price and total count (what has filled included)."""

    received_ns: int
    ticker: str
    number: int
    price: int
    count: int
    expires_ns: int = 0


class ChangeRefused(Message, frozen=True):
    """A cancel or an amend was refused: the order is as it was, or has ended and will be told to have."""

    received_ns: int
    ticker: str
    number: int
    what: Literal["cancel", "amend"]
    code: str


class Fill(Message, frozen=True):
    """`count` of our order traded at the YES price `price`; `fee` is all the exchange charged. `evidence` says why the fill
    is believed: a name of trading.core.evidence, such as "book" or "venue"."""

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
    shard: int = 0  # whose cash it moved: that of the market; on paper there is but one


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
    shard: int = 0


class CashMoved(Message, frozen=True):
    """Cash came in or went out by no trade of ours: `amount` (Money) is signed, `reference` unique for what it is."""

    received_ns: int
    kind: Literal["deposit", "withdrawal", "transfer", "adjustment"]
    amount: int
    reference: str
    shard: int = 0
    text: str = ""


class CashTold(Message, frozen=True):
    """What the exchange says is free on each shard (Money). `traded`: all shards that have markets (none: that one)."""

    received_ns: int
    by_shard: tuple[tuple[int, int], ...]
    traded_shard: int
    traded: tuple[int, ...] = ()


class CheckTold(Message, frozen=True):
    """A check that the trader made around the engine (a code of trading.core.breakers). `text` says what was found."""

    received_ns: int
    code: str
    is_ok: bool
    text: str = ""
    use: float | None = None
    limit: float | None = None
    policy: Policy = "cancel"  # of the kill file: what its halt does with what rests


class ChecksRequired(Message, frozen=True):
    """These checks must be told, freshly and well, before any order leaves; and whether a person has to arm it first."""

    received_ns: int
    codes: tuple[str, ...]
    needs_arming: bool = False


class ArmedSet(Message, frozen=True):
    """A person armed (or disarmed: `until_ns` 0) trading with real orders, until then."""

    received_ns: int
    until_ns: int
    by: str = ""
    reason: str = ""


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


class RealismSet(Message, frozen=True):
    """How the paper exchange treats our orders from now on. Where orders go to an exchange it says nothing."""

    received_ns: int
    realism: Realism


class ModeSet(Message, frozen=True):
    """What may be sent from now on: ACTIVE all, REDUCING only what shrinks exposure, HALTED nothing but cancels (and what
    closes positions, where the policy is to flatten). ACTIVE and REDUCING, said by a person, clear latched breakers whose
    cause is gone; a mode that the trader opens with does not."""

    received_ns: int
    mode: Mode
    reason: str = ""
    by: str = ""
    policy: Policy = "cancel"
    clears: bool = False


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


OrderEvent = OrderSent | OrderAccepted | OrderRejected | OrderUnknown | OrderAmended | ChangeRefused | OrderCancelled | Fill  # fmt: skip
AccountEvent = Opening | OrderEvent | Settled | CashMoved | CashTold
Wanted = LimitsSet | ParametersSet | RealismSet | ModeSet | SeriesOff | FittedSet | AnnouncementsSet
ControlEvent = Wanted | CheckTold | ChecksRequired | ArmedSet | Timer
Event = MarketEvent | AccountEvent | ControlEvent
