"""Whatever is lost, late, twice or out of order between our orders and an exchange: in the end we know what it knows, each
fill once, each end once, and at no time do we think that less may happen than may."""

import random
from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from markets.core.units import SECOND_NS
from tests.builders import TICKER
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    Fill,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderEvent,
    OrderRejected,
)
from trading.core.sender import Sender
from trading.core.tracked import AskFills, AskOrder, AskOrders, Request, SendAmend, SendCancel, SendOrder
from trading.core.venue import VenueFill, VenueOrder, VenueStatus

STALE_NS = 30 * SECOND_NS  # the exchange takes no request that is older
START_NS = 1_000 * SECOND_NS
LAG_NS = SECOND_NS * 4 // 10  # of what is read


@dataclass
class Theirs:
    """An order as the exchange has it."""

    order_id: str
    client_id: str
    is_bid: bool
    price: int
    total: int
    expires_ns: int
    created_ns: int
    updated_ns: int
    filled: int = 0
    status: VenueStatus = "resting"
    reason: str = ""

    def told(self) -> VenueOrder:
        left = self.total - self.filled if self.status == "resting" else 0
        return VenueOrder(
            self.order_id, self.client_id, TICKER, self.is_bid, self.price, self.status, self.filled, left, self.total,
            self.created_ns, self.updated_ns, self.expires_ns, self.reason, "", 2,
        )  # fmt: skip


@dataclass
class Tiny:
    """An exchange with one market. What happens is noted; the notes are delivered by whoever wants to."""

    now_ns: int = START_NS
    orders: dict[str, Theirs] = field(default_factory=dict)
    fills: list[VenueFill] = field(default_factory=list)
    notes: list[VenueOrder | VenueFill] = field(default_factory=list)
    past: list[tuple[int, VenueOrder]] = field(default_factory=list)  # every state of every order, and since when

    def note(self, one: Theirs) -> None:
        self.notes.append(one.told())
        self.past.append((self.now_ns, one.told()))

    def read(self, lag_ns: int) -> dict[str, VenueOrder]:
        """What a read says that lags by so much."""
        return {told.order_id: told for at_ns, told in self.past if at_ns <= self.now_ns - lag_ns}

    def place(self, request: SendOrder, taken: int) -> Theirs | None:
        """None: the id was used before."""
        if any(one.client_id == request.client_id for one in self.orders.values()):
            return None
        order = request.order
        one = Theirs(
            f"x{len(self.orders) + 1}", request.client_id, order.is_bid, order.price, order.count, order.expires_ns,
            self.now_ns, self.now_ns,
        )  # fmt: skip
        self.orders[one.order_id] = one
        self.trade(one, min(taken, one.total))
        if not order.rests and one.status == "resting":
            self._end(one, "")
        else:
            self.note(one)
        return one

    def trade(self, one: Theirs, count: int) -> None:
        if one.status != "resting" or count <= 0:
            return
        count = min(count, one.total - one.filled)
        one.filled, one.updated_ns = one.filled + count, self.now_ns
        fill = VenueFill(
            f"t{len(self.fills) + 1}", one.order_id, TICKER, one.is_bid, one.price, count, 7, True, self.now_ns,
            one.client_id if len(self.fills) % 2 else "", 2,
        )  # fmt: skip
        self.fills.append(fill)
        self.notes.append(fill)
        if one.filled == one.total:
            one.status = "executed"
        self.note(one)

    def cancel(self, order_id: str) -> int | None:
        one = self.orders[order_id]
        if one.status != "resting":
            return None
        left = one.total - one.filled
        self._end(one, "")
        return left

    def amend(self, order_id: str, amend: AmendOrder) -> bool:
        one = self.orders[order_id]
        if one.status != "resting" or amend.count <= one.filled:
            return False
        one.price, one.total, one.updated_ns = amend.price, amend.count, self.now_ns
        self.note(one)
        return True

    def expire(self) -> None:
        for one in self.orders.values():
            if one.status == "resting" and 0 < one.expires_ns <= self.now_ns:
                self._end(one, "ExpiryCancel")

    def _end(self, one: Theirs, reason: str) -> None:
        one.status, one.reason, one.updated_ns = "canceled", reason, self.now_ns
        self.note(one)


@dataclass
class Known:
    """An order as the engine has been told of it."""

    price: int
    count: int
    filled: int = 0
    is_accepted: bool = False
    end: Literal["", "rejected", "cancelled", "filled"] = ""


class World:
    """An engine that wants things at random, a sender, an exchange, and what lies between them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.tiny = Tiny()
        self.sender = Sender(lambda number: f"c{number}")
        self.known: dict[int, Known] = {}
        self.trade_ids: set[str] = set()
        self.waiting: list[Request] = []  # not carried out yet
        self.late: list[tuple[int, int, SendOrder | SendCancel | SendAmend]] = []  # arrive later, unanswered
        self.is_faulty = True

    @property
    def now_ns(self) -> int:
        return self.tiny.now_ns

    # One step at random -----------------------------------------------------------------------------------

    def step(self) -> None:
        act = self.dice.randrange(10)
        if act < 2:
            self.want()
        elif act < 5 and self.waiting:
            self.carry(self.waiting.pop(self.dice.randrange(len(self.waiting))))
        elif act < 7 and self.tiny.notes:
            self.deliver(self.dice.randrange(len(self.tiny.notes)))
        elif act < 8 and self.tiny.orders:
            self.tiny.trade(self.dice.choice(list(self.tiny.orders.values())), self.dice.choice((1, 50, 100, 300)))
        else:
            self.pass_time(self.dice.choice((0.01, 0.2, 1.0, 4.0)))
        self.heard()

    def want(self) -> None:
        working = [number for number, one in self.known.items() if not one.end]
        if not working or self.dice.random() < 0.4:
            number = len(self.known) + 1
            rests = self.dice.random() < 0.6
            order = PlaceOrder(
                number, TICKER, self.dice.random() < 0.5, 5_000, self.dice.choice((100, 300)),
                "good_till_canceled" if rests else "immediate_or_cancel",
                self.now_ns + self.dice.choice((5, 60)) * SECOND_NS if rests else 0,
            )  # fmt: skip
            self.known[number] = Known(order.price, order.count)
            self.sender.submit([order], self.now_ns)
            return
        number = self.dice.choice(working)
        if self.dice.random() < 0.5:
            self.sender.submit([CancelOrder(number, TICKER)], self.now_ns)
        else:
            price, count = self.dice.choice((4_000, 4_100)), self.dice.choice((200, 400))
            self.sender.submit([AmendOrder(number, TICKER, True, price, count)], self.now_ns)

    def carry(self, request: Request) -> None:
        fate = self.dice.choice(("fine", "fine", "unheard", "lost", "late", "refused")) if self.is_faulty else "fine"
        if isinstance(request, AskOrder | AskOrders | AskFills):
            if fate == "fine":
                self.answer(request)
            return
        self.sender.leaving(request, self.now_ns)
        if fate == "refused":
            self.sender.refused(request, "http_429", self.now_ns)
        elif fate == "fine":
            self.arrive(request, is_heard=True)
        elif fate == "unheard":
            self.arrive(request, is_heard=False)
            self.sender.lost(request, "timeout", self.now_ns)
        else:
            if fate == "late":
                self.late.append((self.now_ns, self.now_ns + self.dice.randrange(STALE_NS), request))
            self.sender.lost(request, "timeout", self.now_ns)

    def arrive(self, request: SendOrder | SendCancel | SendAmend, *, is_heard: bool) -> None:
        sender, now_ns = self.sender, self.now_ns
        if isinstance(request, SendOrder):
            one = self.tiny.place(request, self.dice.choice((0, 0, 50, 500)))
            if is_heard and one is None:
                sender.exists(request, now_ns)
            elif is_heard and one is not None:
                left = one.total - one.filled if one.status == "resting" else 0
                sender.created(
                    request, one.order_id, filled=one.filled, remaining=left, venue_ns=one.updated_ns, now_ns=now_ns
                )
        elif isinstance(request, SendCancel):
            reduced = self.tiny.cancel(request.order_id)
            if is_heard and reduced is None:
                sender.refused(request, "not_found", now_ns)
            elif is_heard and reduced is not None:
                sender.cancelled(request, reduced, now_ns, now_ns)
        else:
            is_done = self.tiny.amend(request.order_id, request.amend)
            if is_heard and is_done:
                sender.amended(request, now_ns, now_ns)
            elif is_heard:
                sender.refused(request, "not_found", now_ns)

    def answer(self, question: Request) -> None:
        tiny, now_ns = self.tiny, self.now_ns
        read = tiny.read(self.dice.choice((0, 0, LAG_NS)))
        if isinstance(question, AskOrder):
            if question.order_id in read:
                self.sender.order(read[question.order_id], now_ns, now_ns)
            else:
                self.sender.missing(question.order_id, now_ns, now_ns)
        elif isinstance(question, AskOrders):
            made = [told for told in read.values() if told.created_ns >= question.since_ns]
            self.sender.listed(made, since_ns=question.since_ns, asked_ns=now_ns, now_ns=now_ns)
        elif isinstance(question, AskFills):
            fills = [
                fill
                for fill in tiny.fills
                if question.order_id in ("", fill.order_id) and fill.at_ns >= question.since_ns
            ]
            named = [replace(fill, client_id="") for fill in fills]
            self.sender.fills_listed(named, question=question, now_ns=now_ns)

    def deliver(self, place: int) -> None:
        fate = self.dice.choice(("once", "once", "again", "never")) if self.is_faulty else "once"
        note = self.tiny.notes[place] if fate == "again" else self.tiny.notes.pop(place)
        if fate != "never":
            if isinstance(note, VenueOrder):
                self.sender.order(note, self.now_ns)
            else:
                self.sender.fill(note, self.now_ns)

    def pass_time(self, seconds: float) -> None:
        self.tiny.now_ns += round(seconds * SECOND_NS)
        arrived = [one for one in self.late if one[1] <= self.now_ns]
        self.late = [one for one in self.late if one[1] > self.now_ns]
        for _, _, request in arrived:
            self.arrive(request, is_heard=False)
        self.tiny.expire()
        self.sender.tick(self.now_ns)

    # What the engine hears --------------------------------------------------------------------------------

    def heard(self) -> None:
        said = self.sender.drain()
        assert not said.surprises, said.surprises
        assert not said.foreign
        self.waiting += said.requests
        for event in said.events:
            self.engine(event)
        self.check()

    def engine(self, event: OrderEvent) -> None:
        one = self.known[event.number]
        if isinstance(event, OrderAccepted):
            assert not one.is_accepted
            assert not one.end
            one.is_accepted = True
        elif isinstance(event, Fill):
            assert one.is_accepted
            assert not one.end
            assert event.trade_id not in self.trade_ids
            self.trade_ids.add(event.trade_id)
            one.filled += event.count
        elif isinstance(event, OrderAmended):
            assert not one.end
            one.price, one.count = event.price, event.count
        elif isinstance(event, OrderRejected):
            assert (one.end, one.is_accepted) == ("", False)
            one.end = "rejected"
        elif isinstance(event, OrderCancelled):
            assert not one.end
            assert event.left == one.count - one.filled
            one.end = "cancelled"
        elif isinstance(event, ChangeRefused):
            assert not one.end

    def check(self) -> None:
        """An order that still trades, or may land, has not ended for us; one that has ended has all its fills."""
        by_client = {one.client_id: one for one in self.tiny.orders.values()}
        landing = {request.client_id for _, _, request in self.late if isinstance(request, SendOrder)}
        for number, known in self.known.items():
            theirs = by_client.get(f"c{number}")
            if known.end:
                assert f"c{number}" not in landing
                assert theirs is None or theirs.status != "resting"
                assert known.filled == (theirs.filled if theirs else 0)
                assert (theirs is None) == (known.end == "rejected")
            elif theirs is not None:
                assert known.filled <= theirs.filled

    def calm_down(self) -> None:
        """Nothing goes wrong any more, and time passes."""
        self.is_faulty = False
        self.sender.resync(START_NS, self.now_ns)
        self.heard()
        for _ in range(400):
            while self.waiting:
                self.carry(self.waiting.pop(0))
                self.heard()
            while self.tiny.notes:
                self.deliver(0)
                self.heard()
            self.pass_time(0.5)
            self.heard()


@examples(max_examples=250, deadline=None)
@given(seed=st.integers(0, 2**40), steps=st.integers(1, 150))
def test_in_the_end_we_know_what_the_exchange_knows(seed: int, steps: int) -> None:
    world = World(seed)
    for _ in range(steps):
        world.step()
    world.calm_down()
    assert world.trade_ids == {fill.trade_id for fill in world.tiny.fills}
    by_client = {one.client_id: one for one in world.tiny.orders.values()}
    for number, known in world.known.items():
        theirs = by_client.get(f"c{number}")
        tracked = world.sender.orders[number]
        if theirs is None:
            assert known.end == "rejected"
        else:
            assert known.filled == theirs.filled
            assert tracked.is_ended == (theirs.status != "resting")
        if theirs is not None and theirs.status == "resting":
            assert (known.price, known.count, known.end) == (theirs.price, theirs.total, "")
    assert len({one.client_id for one in world.tiny.orders.values()}) == len(world.tiny.orders)


@pytest.mark.parametrize("seed", [1, 2, 3], ids=str)
def test_a_long_life(seed: int) -> None:
    world = World(seed)
    for _ in range(3_000):
        world.step()
    world.calm_down()
    assert world.trade_ids == {fill.trade_id for fill in world.tiny.fills}
