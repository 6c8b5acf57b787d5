"""One order of ours as far as it is known, and what may be asked of an exchange about it."""

from typing import Literal

from markets.core.events import Message
from markets.core.units import SECOND_NS
from trading.core.decision import AmendOrder, PlaceOrder
from trading.core.events import HeldOrder

State = Literal["intent", "sent", "working", "unknown", "over", "ended"]
"""intent: wanted; sent: on its way; working: the exchange has it; unknown: its answer is lost; over: nothing of it works any
more, but not all of its fills are known; ended."""

ASKS_S = (0.3, 1.0, 3.0, 8.0, 20.0, 40.0)
"""When it is asked after what is not known, from the moment that it was not."""
AGAIN_S = 10.0
BEFORE_NS = 5 * SECOND_NS
"""So much earlier than an order was sent the listing begins that it is looked for in: clocks differ."""


class SendOrder(Message, frozen=True):
    """Place this order under this id."""

    number: int
    client_id: str
    order: PlaceOrder


class SendCancel(Message, frozen=True):
    """Cancel the order that the exchange knows by this id. `shard` None: that of its market."""

    number: int
    order_id: str
    ticker: str
    shard: int | None = None


class SendAmend(Message, frozen=True):
    """Amend the order that the exchange knows by this id."""

    number: int
    order_id: str
    client_id: str
    amend: AmendOrder
    shard: int | None = None


class AskOrder(Message, frozen=True):
    """How is the order that the exchange knows by this id?"""

    number: int
    order_id: str


class AskOrders(Message, frozen=True):
    """All orders of the account, whatever became of them, made since then: an id of ours is looked for in them."""

    since_ns: int


class AskFills(Message, frozen=True):
    """All fills of that order; or, without one, of the account since then."""

    order_id: str = ""
    since_ns: int = 0
    number: int = 0


Send = SendOrder | SendCancel | SendAmend
Question = AskOrder | AskOrders | AskFills
Request = Send | Question


class Tracked:
    """An order of ours. `filled` is what of its fills is known, `expected` what the exchange says was filled."""

    __slots__ = (
        "amend_sent_ns",
        "ask_from_ns",
        "asks",
        "cancel_lost",
        "cancel_wanted",
        "client_id",
        "count",
        "doubt_ns",
        "expected",
        "expires_ns",
        "filled",
        "is_amending",
        "is_bid",
        "is_cancelling",
        "is_late",
        "looks",
        "next_ask_ns",
        "number",
        "order_id",
        "pending",
        "price",
        "reason",
        "refusal",
        "rests",
        "sent_ns",
        "shard",
        "since_ns",
        "stamp",
        "state",
        "ticker",
    )

    def __init__(self, number: int, client_id: str, ticker: str, *, is_bid: bool, price: int, count: int) -> None:
        self.number, self.client_id, self.ticker, self.is_bid = number, client_id, ticker, is_bid
        self.price, self.count = price, count
        self.rests = False
        self.expires_ns = 0
        self.state: State = "intent"
        self.order_id = ""
        self.shard: int | None = None
        self.filled = self.expected = 0
        self.reason = ""
        self.refusal = ""  # the code with which it ended, where it was never taken
        self.sent_ns = 0  # when it left at the latest
        self.since_ns = 0  # it is not older than that
        self.stamp = 0  # ms: the exchange's time of the newest word on it
        self.looks = 0  # whole listings without it, in a row
        self.is_cancelling = self.is_amending = False  # a request is in flight
        self.cancel_lost = False  # it was sent, and its answer is lost
        self.amend_sent_ns = 0
        self.pending: AmendOrder | None = None  # the amend that has not been told to be in force
        self.cancel_wanted = False
        self.doubt_ns = 0  # since when the exchange has to be asked how it is
        self.is_late = False  # it was believed never to have landed, and has
        self.asks = 0
        self.ask_from_ns = self.next_ask_ns = 0  # 0: nothing to ask

    @property
    def is_ended(self) -> bool:
        """Whether nothing more is to come of it."""
        return self.state == "ended"

    @property
    def left(self) -> int:
        """What of it has not been filled."""
        return max(0, self.count - self.filled)

    @property
    def is_puzzling(self) -> bool:
        """Whether there is something about it that only the exchange knows."""
        if self.is_ended:
            return False
        is_lost = self.state in ("unknown", "over") or self.cancel_lost or self.is_amend_lost
        return is_lost or self.doubt_ns > 0 or self.expected > self.filled

    @property
    def is_amend_lost(self) -> bool:
        """Whether an amend was sent, its answer is lost, and nobody knows yet whether it is in force."""
        return self.pending is not None and not self.is_amending

    def question(self) -> Question:
        """What to ask next: for missing fills, and every third time how the order is."""
        if not self.order_id:
            return AskOrders(self.since_ns)
        if self.expected > self.filled and self.asks % 3 != 2:
            return AskFills(self.order_id, 0, self.number)
        return AskOrder(self.number, self.order_id)

    def watch(self, now_ns: int, patience: float) -> None:
        """Begin to ask where something is not known, and stop where all is."""
        if not self.is_puzzling:
            self.next_ask_ns = 0
        elif not self.next_ask_ns:
            self.asks, self.ask_from_ns = 0, now_ns
            self.next_ask_ns = now_ns + round(ASKS_S[0] * patience * SECOND_NS)

    def asked(self, now_ns: int, patience: float) -> None:
        """It was asked: when to ask again."""
        self.asks += 1
        if self.asks < len(ASKS_S):
            due_ns = self.ask_from_ns + round(ASKS_S[self.asks] * patience * SECOND_NS)
            self.next_ask_ns = max(due_ns, now_ns + round(ASKS_S[0] * patience * SECOND_NS))
        else:
            self.next_ask_ns = now_ns + round(AGAIN_S * patience * SECOND_NS)


def tracked_from_order(order: PlaceOrder, client_id: str, now_ns: int) -> Tracked:
    """A new order."""
    one = Tracked(order.number, client_id, order.ticker, is_bid=order.is_bid, price=order.price, count=order.count)
    one.rests, one.expires_ns = order.rests, order.expires_ns
    one.sent_ns, one.since_ns = now_ns, now_ns - BEFORE_NS
    return one


def tracked_from_held(held: HeldOrder, client_id: str, now_ns: int) -> Tracked:
    """An order of an earlier session: whether it ever left, and how it is, only the exchange knows."""
    one = Tracked(held.number, client_id, held.ticker, is_bid=held.is_bid, price=held.price, count=held.count)
    one.rests, one.expires_ns = held.rests, held.expires_ns
    one.order_id, one.filled, one.doubt_ns = held.venue_order_id, held.filled, now_ns
    one.state = "working" if held.venue_order_id else "unknown"
    one.sent_ns = now_ns  # at the latest: whoever sent it is gone
    one.since_ns = (held.sent_ns or now_ns - 86_400 * SECOND_NS) - BEFORE_NS
    return one
