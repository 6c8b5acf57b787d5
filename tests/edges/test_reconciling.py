"""The exchange's books are read over real sockets, lag and all: what was not heard is put right, what is not ours is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from markets.core.events import MarketStatus
from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.errors import Unavailable
from markets.kalshi.requests import CreateOrder
from markets.kalshi.rest import KalshiRest
from markets.kalshi.ticker import close_ns
from tests.builders import CLOSE_NS, TICKER
from tests.edges.test_kalshi_rest_simulated import client
from tests.exchange_builders import heard
from tests.exchange_rest import Open, Time, new_house, opened
from trading.core import events
from trading.core.decision import PlaceOrder
from trading.core.looks import Outcome
from trading.core.matching.messages import Filled
from trading.core.our_side import Ours
from trading.core.venue import VenueOrder
from trading.discrepancies import Noted
from trading.order_ids import new_salt
from trading.our_rows import Start
from trading.reconciling import Pace, Reconciler, UnrecordedOrdersError, lost_orders
from trading.venue_reading import read_venue

CASH = {0: 1_000 * DOLLAR, 2: 5_000 * DOLLAR}


@dataclass
class MemoryRows:
    """What is written down, and what a person has said, without a database."""

    noted: list[Noted] = field(default_factory=list)
    moves: list[events.CashMoved] = field(default_factory=list)
    closed: frozenset[str] = frozenset()

    async def note(self, noted: Noted) -> None:
        self.noted.append(noted)

    async def accepted(self, now_ns: int) -> list[events.CashMoved]:
        return self.moves

    async def dismissed(self) -> frozenset[str]:
        return self.closed


class Seat:
    """A trader's side of an exchange: what it is told it hears at once."""

    def __init__(self, exchange: Open, rest: KalshiRest, time: Time, start: Start) -> None:
        self.exchange, self.rest, self.time, self.start = exchange, rest, time, start
        self.told: list[Any] = []
        self.cancelled: list[VenueOrder] = []
        self.rows = MemoryRows()
        self.reconciler = Reconciler(
            rest, start, emit=self.emit, cancel=self.cancel, rows=self.rows, clock=time, pace=Pace(0.02)
        )  # fmt: skip

    def emit(self, event: object) -> None:
        self.told.append(event)
        self.reconciler.hear(event)

    async def cancel(self, order: VenueOrder) -> None:
        self.cancelled.append(order)
        await self.rest.cancel_order(order.order_id, order.shard)

    async def place(self, number: int, price: int, count: int, *, is_heard: bool = False) -> None:
        """An order of ours; unless it is heard, all that came of it is lost."""
        self.reconciler.commanded(PlaceOrder(number, TICKER, True, price, count), self.time())
        made = await self.send(number, price, count)
        if is_heard:
            self.emit(events.OrderAccepted(self.time(), TICKER, number, made))
        else:
            self.emit(events.OrderUnknown(self.time(), TICKER, number))

    async def send(self, number: int, price: int, count: int) -> str:
        made = await self.rest.create_order(
            CreateOrder(
                ticker=TICKER, client_order_id=self.start.id_of(number), is_bid=True, price=price, count=count, shard=2
            )
        )  # fmt: skip
        return made.order_id

    def pass_s(self, seconds: float) -> None:
        self.time.pass_s(seconds)
        self.exchange.house.tick(self.time())

    async def look(self, seconds: float = 4) -> Outcome:
        self.pass_s(seconds)
        return await self.reconciler.look()

    def repairs(self) -> list[str]:
        told = [one for one in self.told if not isinstance(one, events.CheckTold | events.CashTold)]
        return [type(one).__name__ for one in told]


@asynccontextmanager
async def seated(read_lag_s: float = 1.0, *, ours: Ours | None = None) -> AsyncIterator[Seat]:
    time = Time()
    house = new_house(time, read_lag_ns=round(read_lag_s * SECOND_NS))
    time.pass_s(5)
    house.tick(time())
    start = Start("live", new_salt(), ours or Ours(cash=CASH), time() - 60 * SECOND_NS)
    async with opened(house) as exchange, client(exchange) as rest:
        yield Seat(exchange, rest, time, start)


async def test_a_look_reads_everything() -> None:
    async with seated() as seat:
        await seat.send(1, 4_000, 300)
        await seat.send(2, 5_100, 200)
        seat.pass_s(2)
        state = await read_venue(seat.rest, seat.start.since_ns, clock=seat.time)
        assert [order.status for order in state.orders] == ["resting", "executed"]
        assert [(fill.count, fill.price, fill.shard) for fill in state.fills] == [(200, 5_100, 2)]
        assert [(one.ticker, one.count) for one in state.positions] == [(TICKER, 200)]
        assert dict(state.cash)[0] == CASH[0]


async def test_what_was_not_heard_is_put_right_to_the_micro_dollar() -> None:
    async with seated() as seat:
        await seat.place(1, 5_100, 333)
        await seat.place(2, 4_000, 100)
        await seat.look()
        assert {"OrderAccepted", "Fill"} <= set(seat.repairs())
        ours = seat.reconciler.side.ours()
        assert ours.positions == {TICKER: 333}
        assert [order.state for order in ours.orders.values()] == ["working"]
        await seat.rest.cancel_all()
        await seat.look()
        assert (await seat.look()).is_clean
        ours = seat.reconciler.side.ours()
        assert not ours.orders
        state = await read_venue(seat.rest, seat.start.since_ns, clock=seat.time)
        assert ours.cash == dict(state.cash)


async def test_reads_that_lag_find_nothing() -> None:
    """All is heard at once, and looked at a tenth of a second later, when nothing of it is read yet."""
    async with seated() as seat:
        house = seat.exchange.house
        news = heard(house)
        for number in range(1, 6):
            await seat.place(number, 5_100, 100, is_heard=True)
            [fill] = [one for one in news if isinstance(one, Filled)]
            news.clear()
            trade_id = house.ids.text("trade", fill.trade)
            seat.emit(
                events.Fill(
                    seat.time(), trade_id, TICKER, number, True, fill.price, fill.count, fill.fee, True, "venue", 2
                )
            )  # fmt: skip
            outcome = await seat.look(0.1)
            assert not outcome.differences
            assert not outcome.repairs
            assert not outcome.strays
            await seat.look(0.5)
        await seat.look()
        assert (await seat.look()).is_clean
        assert seat.reconciler.standing == ()
        assert set(seat.repairs()) == {"OrderAccepted", "Fill"}  # what was heard, and nothing else
        assert len(seat.reconciler.side.ours().trade_ids) == 5


async def test_a_payout_that_was_not_heard_is_booked() -> None:
    async with seated() as seat:
        await seat.place(1, 5_100, 333)
        await seat.look()
        seat.time.now_ns = CLOSE_NS + 20 * SECOND_NS
        seat.exchange.house.take(MarketStatus(seat.time(), TICKER, "settled", "yes"))
        seat.pass_s(2)
        await seat.look(4)
        assert "Settled" not in seat.repairs()  # it may still be heard
        await seat.look(20)
        assert "Settled" in seat.repairs()
        assert (await seat.look()).is_clean
        assert seat.reconciler.side.ours().positions == {}


async def test_what_is_not_ours_is_told_and_left_alone() -> None:
    async with seated() as seat:
        said = await seat.exchange.me.place(price="0.5100", count="2.00", time_in_force="immediate_or_cancel")
        assert said.status == 201
        await seat.look()
        assert not any(isinstance(one, events.CheckTold) for one in seat.told)
        await seat.look()
        assert {one.kind for one in seat.reconciler.standing} == {"order", "fill", "position", "cash"}
        [told] = [one for one in seat.told if isinstance(one, events.CheckTold)]
        assert not told.is_ok
        assert seat.repairs() == []
        assert seat.rows.noted[-1].standing == seat.reconciler.standing


async def test_a_person_says_what_the_cash_was() -> None:
    async with seated(ours=Ours(cash={**CASH, 2: CASH[2] - 7})) as seat:
        await seat.look()
        await seat.look()
        [found] = seat.reconciler.standing
        assert (found.kind, found.amount, found.shard) == ("cash", 7, 2)
        seat.rows.moves = [events.CashMoved(seat.time(), "deposit", found.amount, "discrepancy 1", 2, "ada: a gift")]
        for _ in range(3):
            outcome = await seat.look()
        assert outcome.is_clean
        assert seat.repairs() == ["CashMoved"]
        assert seat.reconciler.standing == ()
        assert seat.told[-1].is_ok


async def test_an_order_of_ours_that_was_not_listed_at_the_start_and_that_no_record_knows_is_cancelled_and_ends_it() -> (
    None
):
    async with seated() as seat:
        await seat.send(3, 4_000, 100)
        seat.pass_s(2)
        [held] = await lost_orders(seat.rest, seat.start, clock=seat.time)
        assert (held.number, held.count, held.rests) == (3, 100, True)
        assert held.close_ns == close_ns(held.ticker)  # its exposure counts at the close of its market
        with pytest.raises(UnrecordedOrdersError, match="orders without a record: 3; start again"):
            await seat.look()
        assert [one.client_id for one in seat.cancelled] == [seat.start.id_of(3)]
        assert seat.repairs() == []  # the next session opens with it, and has a row for it


async def test_a_new_account_begins_with_what_lies_at_the_exchange() -> None:
    async with seated(ours=Ours(is_new=True)) as seat:
        for _ in range(3):
            await seat.look()
        assert seat.repairs() == ["CashMoved", "CashMoved"]
        assert seat.reconciler.side.ours().cash == CASH
        assert (await seat.look()).is_clean


async def test_the_start_needs_two_clean_looks_and_says_when_there_are_none() -> None:
    async with seated() as seat:
        _winding(seat)
        assert await seat.reconciler.start()
        told = [one for one in seat.told if isinstance(one, events.CheckTold)]
        assert [one.is_ok for one in told] == [True]
        assert [noted.kind for noted in seat.rows.noted] == ["start", "start"]
    async with seated(ours=Ours(cash={2: 5})) as seat:
        _winding(seat)
        assert not await seat.reconciler.start()
        assert [one.is_ok for one in seat.told if isinstance(one, events.CheckTold)] == [False]


def _winding(seat: Seat) -> None:
    """Each question for cash takes four seconds."""
    balance = seat.rest.balance

    async def slow(**filters: Any) -> Any:
        seat.pass_s(4)
        return await balance(**filters)

    seat.rest.balance = slow  # type: ignore[method-assign]


async def test_books_that_cannot_be_read_end_nothing_and_say_nothing() -> None:
    async with seated() as seat:
        seat.exchange.fault("error_before", path="/portfolio/settlements", times=0)
        with pytest.raises(Unavailable):
            await seat.look()
        assert seat.told == []
        running = asyncio.create_task(seat.reconciler.run())
        seat.reconciler.ask()
        while seat.exchange.plan.done["error_before"] < 8:
            await asyncio.sleep(0.01)
        assert not running.done()
        seat.exchange.plan.clear()
        while not seat.told:
            seat.pass_s(1)
            await asyncio.sleep(0.01)
        running.cancel()
        assert not any(isinstance(one, events.CheckTold) and not one.is_ok for one in seat.told)


async def look_while_one_is_out(seat: Seat, number: int) -> None:
    """At the moment of the look an order of one contract is on its way."""
    seat.pass_s(29.5)
    seat.reconciler.commanded(PlaceOrder(number, TICKER, True, 100, 100), seat.time())
    await seat.look(0.5)
    seat.emit(events.OrderCancelled(seat.time(), TICKER, number, 100, "immediate_or_cancel"))


def checks(seat: Seat) -> list[bool]:
    return [one.is_ok for one in seat.told if isinstance(one, events.CheckTold)]


async def opened_seat(seat: Seat) -> None:
    await seat.look()
    await seat.look()
    assert checks(seat) == [True]
    seat.told.clear()


async def test_cash_that_is_gone_is_found_though_an_order_is_in_flight_at_each_look() -> None:
    async with seated() as seat:
        await opened_seat(seat)
        seat.reconciler.hear(events.CashMoved(seat.time(), "deposit", 100 * DOLLAR, "x", 2))
        for number in range(1, 4):
            await look_while_one_is_out(seat, number)
        assert checks(seat) == [True, False, False]
        [found] = seat.reconciler.standing
        assert (found.kind, found.amount, found.shard) == ("cash", 0, 2)


async def test_with_an_order_in_flight_at_each_look_all_is_well_for_ten_minutes_and_then_unknown() -> None:
    async with seated() as seat:
        await opened_seat(seat)
        for number in range(1, 25):
            await look_while_one_is_out(seat, number)
        assert checks(seat) == [True] * 19
        await seat.look()
        assert checks(seat)[19:] == [True]


async def test_what_differs_in_another_way_at_each_look_is_not_told_to_be_well_for_more_than_a_minute() -> None:
    async with seated() as seat:
        await opened_seat(seat)
        for number in range(1, 10):
            seat.reconciler.hear(events.CashMoved(seat.time(), "deposit", 1, f"x{number}", 2))
            await seat.look(15)
        assert checks(seat) == [True] * 3
        assert seat.reconciler.standing == ()
