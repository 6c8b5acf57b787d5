"""The worker's look: the rows are held against the exchange over a real socket, and nothing is put right."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.auth import Signer
from markets.kalshi.hosts import hosts_at
from markets.kalshi.requests import CreateOrder
from markets.kalshi.rest_sync import KalshiRestSync
from tests.builders import TICKER
from tests.exchange_rest import Time, new_house, opened
from tests.kalshi_rest_fakes import ample
from trading import discrepancies, services, tasks
from trading.core import events
from trading.core.decision import PlaceOrder
from trading.core.portfolio import Position
from trading.models import Discrepancy, LedgerEntry, Reconciliation
from trading.our_rows import Start, start_of
from trading.records import Entry, Subject, write
from trading.rows_look import look_at_rows
from trading.simulator.exchange.house import House

SHARD = 2


class Served:
    """A simulated exchange on a thread of its own, whose time passes when somebody sleeps."""

    def __init__(self, house: House, clock: Time, rest: str, signer: Signer, loop: asyncio.AbstractEventLoop) -> None:
        self.house, self.clock, self._loop = house, clock, loop
        self.rest = KalshiRestSync(hosts_at(rest), signer, budgets=ample())

    def pass_s(self, seconds: float) -> None:
        async def passing() -> None:
            self.clock.pass_s(seconds)
            self.house.tick(self.clock())

        asyncio.run_coroutine_threadsafe(passing(), self._loop).result(10)


@contextmanager
def served(clock: Time) -> Iterator[Served]:
    found: list[Served] = []
    ready, over = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        house = new_house(clock, read_lag_ns=SECOND_NS)
        async with opened(house) as exchange:
            signer = exchange.me.signer
            assert signer is not None
            found.append(Served(house, clock, exchange.me.rest, signer, loop))
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        with found[0].rest:
            yield found[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def exchange(db: None) -> Iterator[Served]:
    with served(Time()) as served_exchange:
        served_exchange.pass_s(5)
        yield served_exchange


@pytest.fixture
def subject(exchange: Served) -> Subject:
    """An account at the exchange whose books begin with what lies there."""
    services.account_open("live", 0, venue="simulated")
    session = services.session_start(account="live", market_source="real")
    subject = Subject(session.pk, "live", is_simulated=True)
    now_ns = exchange.clock()
    for shard, cash in ((0, 1_000 * DOLLAR), (SHARD, 5_000 * DOLLAR)):
        opening = events.CashMoved(now_ns, "deposit", cash, f"opening shard {shard}", shard)
        write(subject, [Entry(now_ns, opening)])
    return subject


def look(exchange: Served) -> int:
    exchange.pass_s(4)
    return look_at_rows("live", exchange.rest, clock=exchange.clock, sleep=exchange.pass_s)


def buy(exchange: Served, number: int, count: int) -> str:
    """An order of ours that trades at once; returns the exchange's id."""
    order = CreateOrder(
        ticker=TICKER, client_order_id=start().id_of(number), is_bid=True, price=5_100, count=count, shard=SHARD,
        time_in_force="immediate_or_cancel",
    )  # fmt: skip
    return exchange.rest.create_order(order).order_id


def start() -> Start:
    return start_of("live")


def write_down(exchange: Served, subject: Subject, number: int, count: int, order_id: str) -> None:
    """What the trader's journal writes of it."""
    exchange.pass_s(2)
    [fill] = exchange.rest.fills(order_id=order_id)
    now_ns, position = exchange.clock(), Position(TICKER)
    position.trade(True, fill.price, fill.count)
    position.fees = fill.fee
    told = [
        Entry(now_ns, commands=(PlaceOrder(number, TICKER, True, 5_100, count),)),
        Entry(now_ns, events.OrderAccepted(now_ns, TICKER, number, order_id)),
        Entry(
            now_ns,
            events.Fill(
                now_ns, fill.trade_id, TICKER, number, True, fill.price, fill.count, fill.fee, True, "venue", SHARD
            ),
            positions=(position.held(),),
        ),
    ]  # fmt: skip
    write(subject, told)


def open_kinds() -> set[str]:
    return set(Discrepancy.objects.filter(closed_at=None).values_list("kind", flat=True))


def test_rows_that_say_what_the_exchange_says_are_clean(exchange: Served, subject: Subject) -> None:
    assert look(exchange) == 0
    write_down(exchange, subject, 1, 300, buy(exchange, 1, 300))
    assert look(exchange) == 0
    assert not open_kinds()
    row = Reconciliation.objects.order_by("-id")[0]
    assert (row.kind, row.is_clean, row.session_id) == ("task", True, subject.session_id)
    assert row.looked_at["fills"] == 1


def test_what_is_not_in_the_rows_is_said_and_not_put_right(exchange: Served, subject: Subject) -> None:
    order_id = buy(exchange, 1, 300)
    before = LedgerEntry.objects.count()
    assert look(exchange) > 0
    assert {"rows fill"} <= open_kinds()
    assert LedgerEntry.objects.count() == before
    write_down(exchange, subject, 1, 300, order_id)
    assert look(exchange) == 0
    assert not open_kinds()


def test_what_a_person_has_said_of_a_foreign_order_holds_for_the_rows_too(exchange: Served, subject: Subject) -> None:
    exchange.rest.create_order(
        CreateOrder(ticker=TICKER, client_order_id="by-hand", is_bid=True, price=4_000, count=100, shard=SHARD)
    )
    assert look(exchange) == 1
    [row] = Discrepancy.objects.filter(closed_at=None)
    assert row.kind == "rows order"
    discrepancies.dismiss(row, by="rita", reason="mine")
    assert look(exchange) == 0


def test_a_session_starts_from_what_the_rows_say(exchange: Served, subject: Subject) -> None:
    write_down(exchange, subject, 1, 300, buy(exchange, 1, 300))
    ours = start().ours
    assert ours.positions == {TICKER: 300}
    assert ours.last_number == 1
    assert set(ours.cash) == {0, SHARD}
    assert len(ours.trade_ids) == 1
    assert not ours.is_new
    assert start().side().ours().numbers[start().id_of(1_001)] == 1_001


def test_a_new_account_at_an_exchange_is_new_and_one_on_paper_has_nothing_to_compare(db: None) -> None:
    services.account_open("fresh", 0, venue="simulated")
    assert start_of("fresh").ours.is_new
    services.account_open("paper", 5)
    with pytest.raises(ValueError, match="on paper"):
        start_of("paper")


def test_the_task_does_nothing_on_paper_and_says_when_it_cannot_look(db: None, settings: pytest.FixtureRequest) -> None:
    assert tasks.reconcile() == 0
    settings.ORDERS, settings.MARKET = "exchange", "demo"  # type: ignore[attr-defined]
    assert tasks.reconcile() == -1
