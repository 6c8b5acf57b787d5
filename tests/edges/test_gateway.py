"""Our orders through the gateway to the simulated exchange and back, over real sockets, whatever happens on the way: no
order twice, no fill lost, and what we were told is what the exchange has."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from markets.core.events import FeedStatus, MarketListed, MarketStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.notes import FillNote, GroupNote, MissedNote, OrderNote
from markets.kalshi.hosts import hosts_at
from markets.kalshi.rest import KalshiRest
from tests.builders import CLOSE_NS, TICKER, at, contract, opening
from tests.exchange_rest import Open, Time, new_house, opened
from tests.kalshi_rest_fakes import NoPause, ample
from trading.core.decision import AmendOrder, CancelOrder, PlaceOrder
from trading.core.events import (
    ChangeRefused,
    CheckTold,
    Event,
    Fill,
    HeldOrder,
    LimitsSet,
    ModeSet,
    OrderAccepted,
    OrderAmended,
    OrderCancelled,
    OrderRejected,
    OrderSent,
    OrderUnknown,
    Settled,
)
from trading.core.limits import RiskLimits
from trading.core.matching.messages import Filled, OrderChanged
from trading.core.portfolio import Portfolio
from trading.gateways.kalshi import KalshiGateway
from trading.order_ids import client_order_id
from trading.simulator.exchange.house_news import News
from trading.simulator.exchange.ws_frames_own import REASONS

SALT = "5f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d111"
SPEED = 20.0
PATIENCE_S = 20.0
CREATE, CANCEL, AMEND = "/portfolio/events/orders", "/portfolio/events/orders/", "/portfolio/events/orders/"
UNTIL = CLOSE_NS - 10 * SECOND_NS
LIMITS = RiskLimits(max_contracts_per_15s=100_000)


class Fast(Time):
    """The exchange's clock, and ours: some times faster than the wall's, so that tests need not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def __call__(self) -> int:
        return at(60) + round((time.monotonic() - self._began) * SPEED * SECOND_NS)


class Gate:
    """A gateway at an exchange, and what it has told."""

    def __init__(self, exchange: Open, rest: KalshiRest, clock: Fast, home: Path) -> None:
        self.exchange, self.rest, self.clock = exchange, rest, clock
        self.kill_file = home / "HALT"
        self.portfolio = Portfolio()
        self.told: list[Event] = []
        self.gateway = KalshiGateway(
            lambda number: client_order_id(SALT, number),
            portfolio=self.portfolio,
            clock=clock,
            kill_file=self.kill_file,
        )
        self.hears_notes = True
        exchange.house.listen(self._note)

    def hear(self, event: Event) -> None:
        """As the desk does."""
        for each in self.gateway.hear(event):
            self.told.append(each)
            if isinstance(each, Fill):
                self.portfolio.fill(each, CLOSE_NS)

    def place(self, number: int = 1, price: int = 5_100, count: int = 300, **more: Any) -> None:
        self.gateway.submit([PlaceOrder(number, TICKER, True, price, count, **more)], self.clock())

    def rest_at(self, price: int = 4_000, number: int = 1, count: int = 300) -> None:
        self.place(number, price, count, time_in_force="good_till_canceled", expires_ns=UNTIL, is_post_only=True)

    def submit(self, *commands: Any) -> None:
        self.gateway.submit(commands, self.clock())

    def fault(self, kind: str, method: str = "POST", path: str = CREATE, **more: Any) -> None:
        self.exchange.fault(kind, method=method, path=path, **more)

    def kinds(self) -> list[type]:
        """What was told of orders, without what was sent."""
        return [type(one) for one in self.told if isinstance(one, ORDER_EVENTS) and not isinstance(one, OrderSent)]

    def of(self, kind: type) -> list[Any]:
        return [one for one in self.told if isinstance(one, kind)]

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not done():
                await asyncio.sleep(0.005)

    async def until_ended(self, number: int = 1) -> None:
        orders = self.gateway.sender.orders
        await self.until(lambda: number in orders and orders[number].is_ended)

    def _note(self, news: News) -> None:
        """As the socket says it, without the socket."""
        if not self.hears_notes:
            return
        ids, now_ns = self.exchange.house.ids, self.clock()
        if isinstance(news, Filled) and news.account == 1:
            self.gateway.note(
                FillNote(
                    received_ns=now_ns, venue_ns=news.at_ns, trade_id=ids.text("trade", news.trade),
                    order_id=ids.text("order", news.order), ticker=news.ticker, is_bid=news.is_bid, price=news.price,
                    count=news.count, is_taker=news.is_taker, fee=news.fee, shard=2,
                )
            )  # fmt: skip
        elif isinstance(news, OrderChanged) and news.state.order.account == 1:
            state = news.state
            self.gateway.note(
                OrderNote(
                    received_ns=now_ns, venue_ns=state.updated_ns, order_id=ids.text("order", state.number),
                    ticker=state.order.ticker, status=state.status, is_bid=state.order.is_bid, price=state.price,
                    filled=state.filled, remaining=state.remaining, initial=state.order.count,
                    client_order_id=state.order.client_id, shard=2, reason=state.cause if state.cause in REASONS else "",
                )
            )  # fmt: skip

    async def orders(self) -> list[Any]:
        return await self.rest.orders()

    async def agrees(self) -> None:
        """What was told is what the exchange has, and every order is there at most once."""
        orders, fills = await self.rest.orders(), await self.rest.fills()
        assert {fill.trade_id: (fill.price, fill.count, fill.fee) for fill in fills} == {
            fill.trade_id: (fill.price, fill.count, fill.fee) for fill in self.of(Fill)
        }
        assert len({order.client_order_id for order in orders}) == len(orders)
        assert len({fill.trade_id for fill in self.of(Fill)}) == len(self.of(Fill))
        resting = {order.client_order_id for order in orders if order.status == "resting"}
        assert resting == {one.client_id for one in self.gateway.sender.unfinished()}


ORDER_EVENTS = (
    OrderSent, OrderAccepted, OrderRejected, OrderUnknown, OrderAmended, ChangeRefused, OrderCancelled, Fill,
)  # fmt: skip


@asynccontextmanager
async def gated(
    home: Path, *, read_lag_ns: int = 0, timeout_s: float = 1.0, held: tuple[HeldOrder, ...] = ()
) -> AsyncIterator[Gate]:
    clock = Fast()
    async with (
        opened(new_house(clock, read_lag_ns=read_lag_ns)) as exchange,
        KalshiRest(
            hosts_at(exchange.me.rest), exchange.me.signer, budgets=ample(), rng=NoPause(), timeout_s=timeout_s
        ) as rest,
    ):
        gate = Gate(exchange, rest, clock, home)
        for event in (
            opening(received_ns=clock(), orders=held),
            LimitsSet(clock(), 1, LIMITS),
            MarketListed(clock(), contract()),
        ):
            gate.hear(event)
        gate.gateway.attach(rest, exchange.house.shard_of, gate.hear)
        running = asyncio.create_task(gate.gateway.run())
        try:
            await gate.until(lambda: gate.gateway.groups.is_ok)
            yield gate
            assert not running.done()
            assert not gate.gateway.surprises
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await gate.gateway.close()
    assert not gate.gateway.sender.unfinished()


async def test_an_order_that_takes(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.place()
        await gate.until_ended()
        assert isinstance(gate.of(OrderSent)[0], OrderSent)
        assert gate.kinds() == [OrderAccepted, Fill]
        assert (gate.of(Fill)[0].price, gate.of(Fill)[0].count, gate.of(Fill)[0].shard) == (5_100, 300, 2)
        [order] = await gate.orders()
        assert order.client_order_id == client_order_id(SALT, 1)
        assert order.group_id == gate.gateway.groups.made[2]
        assert order.self_trade == "taker_at_cross"
        await gate.agrees()


async def test_an_order_that_rests_is_amended_and_cancelled(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        [order] = await gate.orders()
        assert (order.is_cancelled_on_pause, order.expires_ns) == (True, UNTIL)
        gate.submit(AmendOrder(1, TICKER, True, 4_100, 400, UNTIL))
        await gate.until(lambda: len(gate.of(OrderAmended)) == 1)
        await gate.agrees()
        gate.submit(CancelOrder(1, TICKER))
        await gate.until_ended()
        assert gate.kinds() == [OrderAccepted, OrderAmended, OrderCancelled]
        assert gate.of(OrderCancelled)[0].left == 400
        await gate.agrees()


async def test_without_a_socket_all_is_asked_for(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hears_notes = False
        gate.place()
        await gate.until_ended()
        gate.place(2, price=5_000)
        await gate.until_ended(2)
        assert gate.kinds() == [OrderAccepted, Fill, OrderAccepted, OrderCancelled]
        await gate.agrees()


@pytest.mark.parametrize(
    ("kind", "more"),
    [("answer_lost", {}), ("error_after", {"status": 503}), ("error_after", {"status": 500}), ("timeout", {"seconds": 3.0})],
    ids=["cut off", "503", "500", "too late"],
)  # fmt: skip
@pytest.mark.parametrize("hears_notes", [True, False], ids=["with a socket", "without"])
async def test_an_order_whose_answer_is_lost_is_found_and_not_sent_again(
    tmp_path: Path, kind: str, more: dict[str, Any], hears_notes: bool
) -> None:
    async with gated(tmp_path) as gate:
        gate.hears_notes = hears_notes
        gate.fault(kind, **more)
        gate.place()
        await gate.until_ended()
        assert [one for one in gate.kinds() if one is not OrderUnknown] == [OrderAccepted, Fill]
        assert len(gate.of(OrderSent)) == 1
        assert len(await gate.orders()) == 1
        await gate.agrees()


async def test_a_cancel_is_sent_also_when_a_reconciliation_says_first_that_the_order_was_taken(tmp_path: Path) -> None:
    async with gated(tmp_path, timeout_s=1.0) as gate:
        gate.hears_notes = False
        gate.fault("timeout", seconds=0.5)
        gate.rest_at()
        while not (orders := await gate.orders()):
            await asyncio.sleep(0.01)
        gate.submit(CancelOrder(1, TICKER, "HALTED"))
        [order] = orders
        gate.hear(OrderAccepted(gate.clock(), TICKER, 1, order.order_id))
        await gate.until_ended()
        [order] = await gate.orders()
        assert (order.status, gate.of(OrderCancelled)[0].left) == ("canceled", 300)


def leave_no_tokens(gate: Gate) -> None:
    """The next write has to wait for about a second."""
    gate.rest.budgets.set_limits(1_000, 1_000, 10, 10)
    gate.rest.budgets.throttled("write", 2)


async def test_what_waits_for_its_tokens_does_not_leave_once_the_file_halt_is_there(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        leave_no_tokens(gate)
        gate.rest_at()
        gate.kill_file.touch()
        await gate.until_ended()
        assert [one.code for one in gate.of(OrderRejected)] == ["kill_file"]
        assert [one.is_ok for one in gate.of(CheckTold) if one.code == "KILL_FILE"] == [False]
        assert await gate.orders() == []


async def test_what_was_throttled_is_not_sent_again_once_the_group_has_triggered(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest.budgets.set_limits(1_000, 1_000, 10, 100)
        gate.fault("rate_limit")
        gate.rest_at()
        await gate.until(lambda: gate.rest.budgets.view().throttled > 0)
        gate.gateway.note(
            GroupNote(received_ns=gate.clock(), event_type="triggered", group_id=gate.gateway.groups.made[2])
        )
        await gate.until_ended()
        assert [one.code for one in gate.of(OrderRejected)] == ["order_group"]
        assert await gate.orders() == []


async def test_an_order_that_takes_is_dropped_where_it_waited_too_long_and_one_that_rests_is_not(
    tmp_path: Path,
) -> None:
    async with gated(tmp_path) as gate:
        leave_no_tokens(gate)
        gate.place()
        gate.rest_at(number=2)
        await gate.until_ended()
        assert [(one.number, one.code) for one in gate.of(OrderRejected)] == [(1, "too_old")]
        await gate.until(lambda: [one.number for one in gate.of(OrderAccepted)] == [2])
        [order] = await gate.orders()
        assert order.client_order_id == client_order_id(SALT, 2)


async def test_an_amend_that_waits_is_held_back_and_a_cancel_is_not(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        leave_no_tokens(gate)
        gate.submit(AmendOrder(1, TICKER, True, 4_100, 400, UNTIL))
        gate.kill_file.touch()
        await gate.until(lambda: [one.code for one in gate.of(ChangeRefused)] == ["kill_file"])
        gate.submit(CancelOrder(1, TICKER))
        await gate.until_ended()
        assert gate.of(OrderCancelled)[0].left == 300


async def test_an_order_that_never_landed_is_given_up_only_when_it_cannot_land_any_more(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.fault("error_before", status=503)
        gate.place()
        await gate.until_ended()
        assert gate.kinds() == [OrderUnknown, OrderRejected]
        unknown, rejected = gate.of(OrderUnknown)[0], gate.of(OrderRejected)[0]
        assert rejected.code == "never_landed"
        assert rejected.received_ns - unknown.received_ns > 34 * SECOND_NS
        assert not await gate.orders()


async def test_a_cancel_whose_answer_is_lost(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hears_notes = False
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.fault("answer_lost", "DELETE", CANCEL)
        gate.submit(CancelOrder(1, TICKER))
        await gate.until_ended()
        assert gate.kinds() == [OrderAccepted, OrderUnknown, OrderCancelled]
        await gate.agrees()


async def test_a_cancel_that_did_not_arrive_is_sent_again(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.fault("error_before", "DELETE", CANCEL, status=503)
        gate.submit(CancelOrder(1, TICKER))
        await gate.until_ended()
        assert gate.kinds() == [OrderAccepted, OrderUnknown, OrderCancelled]
        assert [one.what for one in gate.of(OrderSent)] == ["place", "cancel", "cancel"]


async def test_an_amend_whose_answer_is_lost(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hears_notes = False
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.fault("answer_lost", "POST", AMEND)
        gate.submit(AmendOrder(1, TICKER, True, 4_100, 400, UNTIL))
        await gate.until(lambda: len(gate.of(OrderAmended)) == 1)
        assert gate.kinds() == [OrderAccepted, OrderUnknown, OrderAmended]


async def test_what_is_read_may_be_old(tmp_path: Path) -> None:
    async with gated(tmp_path, read_lag_ns=2 * SECOND_NS) as gate:
        gate.hears_notes = False
        gate.fault("answer_lost")
        gate.place()
        await gate.until_ended()
        assert gate.kinds() == [OrderUnknown, OrderAccepted, Fill]


async def test_an_order_is_refused_with_the_words_of_the_exchange(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.place(count=10_000_000)
        gate.place(2, price=5_105)
        await gate.until(lambda: len(gate.of(OrderRejected)) == 2)
        assert {one.code for one in gate.of(OrderRejected)} == {"insufficient_balance", "invalid_order"}


async def test_a_slow_answer_delays_no_other_order(tmp_path: Path) -> None:
    async with gated(tmp_path, timeout_s=5.0) as gate:
        gate.fault("timeout", seconds=1.5)
        gate.place()
        await gate.until(lambda: len(gate.of(OrderSent)) == 1)
        gate.rest_at(number=2)
        await gate.until(lambda: 2 in [one.number for one in gate.of(OrderAccepted)])
        assert gate.gateway.sender.orders[1].state in ("sent", "working", "over", "ended")
        await gate.until_ended()


async def test_fills_that_were_missed_are_asked_for_when_the_socket_is_back(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at(4_900)
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.hears_notes = False
        assert (await gate.exchange.other.place("ask", "0.4800", "2000.00")).status == 201
        gate.hears_notes = True
        await asyncio.sleep(0.1)
        assert not gate.of(Fill)
        gate.gateway.note(MissedNote(received_ns=gate.clock(), channel="fill", reason="connected anew"))
        await gate.until_ended()
        await gate.agrees()


async def test_a_feed_that_is_up_again_has_all_asked_for(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hear(FeedStatus(gate.clock(), "kalshi", "up"))
        gate.rest_at(4_900)
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.hears_notes = False
        gate.hear(FeedStatus(gate.clock(), "kalshi", "lost"))
        assert (await gate.exchange.other.place("ask", "0.4800", "2000.00")).status == 201
        gate.hear(FeedStatus(gate.clock(), "kalshi", "up"))
        await gate.until_ended()
        await gate.agrees()


async def test_while_the_file_lies_there_nothing_is_sent_but_cancels(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.kill_file.touch()
        gate.place(2)
        gate.submit(AmendOrder(1, TICKER, True, 4_100, 400, UNTIL))
        gate.submit(CancelOrder(1, TICKER))
        await gate.until_ended()
        assert gate.of(OrderRejected)[0].code == "kill_file"
        assert gate.of(ChangeRefused)[0].code == "kill_file"
        assert [one.is_ok for one in gate.of(CheckTold) if one.code == "KILL_FILE"] == [False, False]
        assert len(await gate.orders()) == 1
        gate.kill_file.unlink()


async def test_a_kill_file_that_cannot_be_looked_at_counts_as_there(tmp_path: Path) -> None:
    (tmp_path / "no folder").touch()
    async with gated(tmp_path / "no folder") as gate:
        gate.place()
        await gate.until_ended()
        assert gate.of(OrderRejected)[0].code == "kill_file"


async def test_the_group_is_a_brake_until_a_person_wants_to_trade_again(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        groups = gate.gateway.groups
        [group] = await gate.rest.groups()
        assert (group.group_id, group.limit) == (groups.made[2], LIMITS.max_contracts_per_15s)
        await gate.rest.trigger_group(group.group_id, 2)
        gate.gateway.note(GroupNote(received_ns=gate.clock(), event_type="triggered", group_id=group.group_id))
        gate.place()
        await gate.until_ended()
        assert gate.of(OrderRejected)[0].code == "order_group"
        assert [one.is_ok for one in gate.of(CheckTold)][-1:] == [False]
        gate.hear(ModeSet(gate.clock(), "ACTIVE", clears=True))
        await gate.until(lambda: groups.is_ok)
        gate.place(2)
        await gate.until_ended(2)
        assert gate.of(Fill)
        assert [one.is_ok for one in gate.of(CheckTold)][-1:] == [True]


async def test_that_a_group_has_triggered_is_also_known_by_what_becomes_of_an_order(tmp_path: Path) -> None:
    """Where the socket did not say so."""
    async with gated(tmp_path) as gate:
        gate.gateway.groups.heard(OrderRejected(gate.clock(), TICKER, 1, "insufficient_balance"))
        assert gate.gateway.groups.is_ok
        gate.gateway.groups.heard(OrderRejected(gate.clock(), TICKER, 2, "EXCEEDED_ORDER_GROUP_RISK_LIMIT"))
        assert not gate.gateway.groups.is_ok


async def test_a_group_that_somebody_deleted_is_no_brake_and_made_anew_when_a_person_wants_to_trade(
    tmp_path: Path,
) -> None:
    async with gated(tmp_path) as gate:
        groups = gate.gateway.groups
        first = groups.made[2]
        await gate.rest.delete_group(first, 2)
        gate.gateway.note(MissedNote(received_ns=gate.clock(), channel="order_group_updates", reason="gap"))
        await gate.until(lambda: bool(groups.triggered))
        gate.hear(ModeSet(gate.clock(), "ACTIVE", clears=True))
        await gate.until(lambda: groups.is_ok and groups.made[2] != first)


async def test_another_limit_goes_to_the_exchange(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hear(LimitsSet(gate.clock(), 2, RiskLimits(max_contracts_per_15s=500)))
        async with asyncio.timeout(PATIENCE_S):
            while [group.limit for group in await gate.rest.groups()] != [500]:
                await asyncio.sleep(0.02)


async def test_the_end_takes_back_all_that_works_and_the_group(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.rest_at(4_000)
        gate.rest_at(4_100, 2)
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 2)
        gate.fault("answer_lost", "DELETE", CANCEL)
        assert await gate.gateway.close()
        assert {order.status for order in await gate.orders()} == {"canceled"}
        assert not await gate.rest.groups()
        assert len(gate.of(OrderCancelled)) == 2


async def test_what_is_told_of_the_groups_at_the_end_is_our_own_doing_and_no_brake(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        group_id = gate.gateway.groups.made[2]
        gate.fault("answer_lost", "DELETE", "/portfolio/order_groups/")
        await gate.gateway.close(1.0)
        gate.gateway.note(GroupNote(received_ns=gate.clock(), event_type="deleted", group_id=group_id))
        gate.gateway.groups.heard(OrderCancelled(gate.clock(), TICKER, 1, 0, reason="GroupCancel"))
        assert not gate.gateway.groups.triggered
        assert not [told for told in gate.of(CheckTold) if told.code == "ORDER_GROUP" and not told.is_ok]


async def test_orders_of_an_earlier_session_are_taken_up(tmp_path: Path) -> None:
    """One that nobody knows the fate of, and one that is not there any more."""
    unknown = HeldOrder(1, TICKER, True, 5_100, 300, sent_ns=at(50))
    known = HeldOrder(2, TICKER, True, 5_100, 300, venue_order_id="gone", sent_ns=at(50))
    async with gated(tmp_path, held=(unknown, known)) as gate:
        await gate.until(lambda: not gate.gateway.sender.unfinished())
        assert [one.code for one in gate.of(OrderRejected)] == ["never_landed"]
        assert [one.reason for one in gate.of(OrderCancelled)] == ["not_found"]


async def test_a_payout_waits_for_the_fills_of_its_market(tmp_path: Path) -> None:
    async with gated(tmp_path) as gate:
        gate.hears_notes = False
        gate.exchange.fault("error_before", method="GET", path="/portfolio/fills", times=0, for_s=0.5)
        gate.place()
        await gate.until(lambda: len(gate.of(OrderAccepted)) == 1)
        gate.hear(MarketStatus(gate.clock(), TICKER, "settled", "yes", "95000"))
        assert not gate.of(Settled)
        await gate.until(lambda: bool(gate.of(Settled)))
        settled = gate.of(Settled)[0]
        assert (settled.count, settled.payout, settled.shard) == (300, 3_000_000, 2)
        assert gate.told.index(settled) > gate.told.index(gate.of(Fill)[0])


async def test_whoever_listens_and_fails_ends_it_and_what_works_is_taken_back_all_the_same(tmp_path: Path) -> None:
    clock = Fast()
    async with (
        opened(new_house(clock)) as exchange,
        KalshiRest(hosts_at(exchange.me.rest), exchange.me.signer, budgets=ample(), rng=NoPause()) as rest,
    ):
        gate = Gate(exchange, rest, clock, tmp_path)
        for event in (opening(received_ns=clock()), LimitsSet(clock(), 1, LIMITS), MarketListed(clock(), contract())):
            gate.hear(event)

        def hear(event: Event) -> None:
            gate.hear(event)
            if isinstance(event, OrderAccepted):
                raise OSError("the disk is full")

        gate.gateway.attach(rest, exchange.house.shard_of, hear)
        running = asyncio.create_task(gate.gateway.run())
        await gate.until(lambda: gate.gateway.groups.is_ok)
        gate.rest_at()
        with pytest.raises(OSError, match="the disk is full"):
            await running
        await gate.gateway.close()
        assert [order.status for order in await rest.orders()] == ["canceled"]
