"""Whole sessions whose orders go to the simulated exchange over real sockets: they trade, halt, end and begin again, and at
the end of each our books are the exchange's, to the micro-dollar."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from markets.core.units import DOLLAR
from trading import exchange_side, models, services, trader
from trading.beats import TRADER, read_beat
from trading.broadcast import NOWHERE
from trading.core.limits import RiskLimits
from trading.exchange_place import read_place
from trading.ledger import holdings
from trading.models import Order
from trading.our_rows import cash_by_shard
from trading.simulator.exchange import serving
from trading.simulator.exchange.faults import Fault, FaultPlan
from trading.simulator.exchange.house import House
from trading.trader import Trader, run_trader
from trading.trial_balance import check

ACCOUNT = "rehearsal"
CAPITAL = 10_000 * DOLLAR
SHARD, MEMBER = 2, 1
LONGEST_S = 150.0
ENDS = {"filled", "cancelled", "rejected"}


class Life:
    """One session at a time, the exchange that it had, and what goes wrong there."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.traders: list[Trader] = []
        self.houses: list[House] = []
        self.faults: list[Fault] = []
        self.trouble: list[str] = []
        made, served = Trader.__init__, serving.serve_exchange

        def init(one: Trader, *words: Any) -> None:
            made(one, *words)
            self.traders.append(one)

        def serve(house: House, **more: Any) -> AbstractAsyncContextManager[serving.Exchange]:
            self.houses.append(house)
            return served(house, faults=FaultPlan(self.faults, seed=3), **more)

        monkeypatch.setattr(trader.Trader, "__init__", init)
        monkeypatch.setattr(exchange_side, "serve_exchange", serve)

    def trade(self, *steps: Callable[[Trader], bool]) -> Trader:
        """Trade until each step has come true in turn, then end in order."""
        known = len(self.traders)

        def watch() -> None:
            ends_at = time.monotonic() + LONGEST_S
            waiting = list(steps)
            while waiting and time.monotonic() < ends_at:
                time.sleep(0.05)
                if len(self.traders) > known and waiting[0](self.traders[-1]):
                    waiting.pop(0)
            if waiting:
                self.trouble.append(
                    f"{len(waiting)} of {len(steps)} steps did not come true: {_state(self.traders[-1])}"
                )
            os.kill(os.getpid(), signal.SIGTERM)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            run_trader()
        finally:
            watching.join()
        assert not self.trouble
        return self.traders[-1]

    def agrees(self) -> None:
        """Our rows against the exchange's own books."""
        house = self.houses[-1]
        assert {shard: cash for shard, cash in cash_by_shard(ACCOUNT).items() if cash} == {
            SHARD: house.matching.cash(MEMBER, SHARD)
        }
        pocket = house.matching.floor.pocket(MEMBER)
        theirs = {ticker: held.count for ticker, held in pocket.holdings.items() if held.count}
        assert {ticker: held.count for ticker, held in holdings(ACCOUNT).items() if held.count} == theirs
        assert not pocket.all_orders()
        assert set(Order.objects.values_list("status", flat=True)) <= ENDS
        assert not check(ACCOUNT)
        assert not models.Discrepancy.objects.filter(closed_at=None)


def _state(one: Trader) -> str:
    engine = one.session.desk.engine
    return f"{engine.mode} {engine.risk.halt} orders {engine.orders.sent} {one.session.message}"


def fills(count: int) -> Callable[[Trader], bool]:
    return lambda one: one.session.recent.fills_today >= count


@pytest.fixture
def life(transactional_db: None, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    settings.BOT_HOME, settings.TAPES_DIR = tmp_path, tmp_path / "tapes"
    settings.MARKET, settings.ORDERS, settings.ACCOUNT = "demo", "exchange", ACCOUNT
    settings.SPEED, settings.PAPER_CAPITAL, settings.DEMO_SEED = 5.0, CAPITAL, 7
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.REDIS_URL = NOWHERE
    # A busy machine is slow, and its market is some times as fast: that is not what is looked at here.
    patient = RiskLimits(max_stale_ms=600_000, max_clock_skew_ms=60_000)
    handler = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    services.limits_set(patient, author=None, reason="a busy machine")
    yield Life(monkeypatch)
    signal.signal(signal.SIGTERM, handler)


@pytest.mark.slow
def test_sessions_trade_halt_end_and_go_on_with_the_books_of_the_exchange(life: Life, tmp_path: Path) -> None:
    seen: dict[str, Any] = {}

    def place_is_told(one: Trader) -> bool:
        seen["place"] = read_place(tmp_path)
        beat = read_beat(tmp_path / TRADER)
        return seen["place"] is not None and beat is not None and bool(beat.groups)

    first = life.trade(place_is_told, fills(2))
    assert first.source.label == "REHEARSAL"
    life.agrees()
    assert read_place(tmp_path) is None  # it is gone with the exchange
    beat = read_beat(tmp_path / TRADER)
    assert beat is not None
    assert beat.is_over
    account = models.Account.objects.get()
    assert (account.name, account.venue, len(account.order_salt)) == (ACCOUNT, "simulated", 36)
    status = models.TraderStatus.objects.get()
    assert status.orders_go == "exchange"

    def halts(one: Trader) -> bool:
        services.mode_set("HALTED", by="ada", reason="enough for now")
        return True

    def is_halted(one: Trader) -> bool:
        return one.session.desk.engine.mode == "HALTED" and not one.session.desk.engine.orders.working

    def goes_on(one: Trader) -> bool:
        services.mode_set("ACTIVE", by="ada", reason="go on")
        seen["sent"] = one.session.desk.engine.orders.sent
        return True

    before = Order.objects.count()
    second = life.trade(
        fills(3), halts, is_halted, goes_on, lambda one: one.session.desk.engine.orders.sent > seen["sent"]
    )
    assert second.opening.orders_sent == before
    assert second.opening.cash == first.session.desk.engine.portfolio.cash
    life.agrees()


@pytest.mark.slow
def test_a_session_at_an_exchange_that_loses_answers(life: Life) -> None:
    """And says fills late and twice, answers 503 after it did what was asked, and cuts the socket."""
    orders = "/portfolio/events/orders"
    life.faults = [
        Fault(kind="answer_lost", path=orders, times=0, probability=0.2),
        Fault(kind="error_after", path=orders, times=0, probability=0.2),
        Fault(kind="fill_twice", channel="fill", times=0, probability=0.5),
        Fault(kind="fill_late", channel="fill", times=0, probability=0.5, seconds=0.3),
        Fault(kind="socket_drop", channel="fill", times=1, nth=4),
    ]
    made = life.trade(fills(4))
    life.agrees()
    assert made.session.dispatch is not None
    assert not made.session.dispatch.gateway.sender.unfinished()
