"""The strategy on the page about strategies, taken from there and run unchanged: in a backtest, on paper, at an exchange."""

import asyncio
import importlib.util
import re
import sys
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from types import ModuleType

import pytest
from django.conf import settings
from msgspec.structs import replace

from backtests.core.simulate import simulate
from markets.core.events import MarketEvent, MarketListed
from markets.core.units import DOLLAR, SECOND_NS
from markets.kalshi.hosts import hosts_at
from markets.kalshi.rest import KalshiRest
from tests.builders import CLOSE_NS, STRIKE, TICKER, at, contract, opening, snapshot, spot, status
from tests.edges.test_session import WANTED, play, session
from tests.exchange_rest import Time, new_house, opened
from tests.kalshi_rest_fakes import NoPause, ample
from trading.core import strategies
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Opening, OrderAccepted
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters
from trading.core.reasons import REASONS
from trading.core.strategies import STRATEGIES
from trading.core.strategy import Idea, View
from trading.forms import StrategyParametersForm
from trading.gateways.kalshi import KalshiGateway
from trading.order_ids import client_order_id
from trading.simulator.world import EPOCH_NS, DemoWorld

PAGE = settings.BASE_DIR / "docs" / "strategies.md"
OWN = Parameters(strategy="momentum")
SALT = "5f0c0a53-2f0e-4f8b-8d0e-3a52b0a9d111"
PATIENCE_S = 20.0


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def momentum(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example as the file it is to be, with the line in the register."""
    file = tmp_path / "momentum.py"
    file.write_text(blocks()[0])
    spec = importlib.util.spec_from_file_location("momentum", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "momentum", module)
    spec.loader.exec_module(module)
    line = eval(f"{{{blocks()[1].strip()}}}", {"Momentum": module.Momentum})
    for name, strategy in line.items():
        monkeypatch.setitem(STRATEGIES, name, strategy)
    return module


def rising(start: float, until: float) -> Iterator[MarketEvent]:
    """A window whose spot price climbs a basis point a second and falls back as fast, with people selling all the time."""
    yield MarketListed(at(start - 5), contract())
    yield status(start, "open")
    yield snapshot(start + 0.1, 4_700, 5_300, count=200)
    step, price = 0, STRIKE
    while start + step * 0.5 < until:
        price *= 1 + (5e-5 if step % 80 < 40 else -5e-5)
        yield spot(start + 0.2 + step * 0.5, price)
        step += 1
    yield status(900, "closed")
    yield status(930, "settled", "yes")


def test_the_example_trades_the_demo_market_in_a_backtest(momentum: ModuleType) -> None:
    start = EPOCH_NS + 900 * SECOND_NS * 40
    events = takewhile(lambda event: event.received_ns < start + 400 * SECOND_NS, DemoWorld(11).events(start))
    result = simulate(events, Opening(0, 10_000 * DOLLAR), RiskLimits(), OWN)
    assert {order.ticker[:5] for order in result.orders} >= {"KXBTC"}
    assert result.fills
    assert any(not fill.is_taker for fill in result.fills)
    assert result.funnel["QUOTING"] > 0


def test_it_decides_alike_when_it_hears_the_same(momentum: ModuleType) -> None:
    events = list(rising(0, 300))
    digests = {simulate(events, Opening(0, 10_000 * DOLLAR), RiskLimits(), OWN).digest for _ in range(2)}
    assert len(digests) == 1


async def test_the_example_trades_in_a_paper_session(momentum: ModuleType, tmp_path: Path) -> None:
    made, rows = session(tmp_path, rising(0, 300), resumed_ns=0)
    await play(made, opening(), WANTED._replace(parameters=OWN))
    assert rows.orders
    assert any(order.rests and order.is_post_only for order in rows.orders)
    assert any(isinstance(event, OrderAccepted) for event in rows.heard)
    assert len(made.desk.engine.orders.working) == 0
    again = simulate(rising(0, 300), opening(), RiskLimits(), OWN)
    assert [order.number for order in again.orders] == [order.number for order in rows.orders]
    assert again.closing.cash == made.desk.engine.portfolio.cash


class Fast(Time):
    """The exchange's clock and ours, ten times as fast as the wall's."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()

    def __call__(self) -> int:
        return at(60) + round((time.monotonic() - self._began) * 10 * SECOND_NS)


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not done():
            await asyncio.sleep(0.01)


async def test_the_example_rests_its_order_at_an_exchange(momentum: ModuleType, tmp_path: Path) -> None:
    clock, engine, heard = Fast(), Engine(), list[Event]()
    gateway = KalshiGateway(
        lambda number: client_order_id(SALT, number),
        portfolio=engine.portfolio,
        clock=clock,
        kill_file=tmp_path / "HALT",
    )
    desk = Desk(engine, gateway)

    def hear(event: Event) -> None:
        heard.extend(each for each, _ in desk.hear(replace(event, received_ns=max(event.received_ns, desk.now_ns))))

    async with (
        opened(new_house(clock)) as exchange,
        KalshiRest(hosts_at(exchange.me.rest), exchange.me.signer, budgets=ample(), rng=NoPause()) as rest,
    ):
        for each, _ in desk.open(*opening_events(opening(received_ns=clock()), RiskLimits(), OWN)):
            heard.append(each)
        hear(MarketListed(clock(), contract()))
        gateway.attach(rest, exchange.house.shard_of, hear)
        running = asyncio.create_task(gateway.run())
        try:
            await until(lambda: gateway.groups.is_ok)
            hear(status((clock() - at(0)) / SECOND_NS, "open"))
            hear(snapshot((clock() - at(0)) / SECOND_NS, 4_700, 5_300))
            price = STRIKE
            while not any(isinstance(each, OrderAccepted) for each in heard):
                assert clock() < CLOSE_NS - 200 * SECOND_NS
                price *= 1.0001
                hear(spot((clock() - at(0)) / SECOND_NS, price))
                await asyncio.sleep(0.05)
            orders = await rest.orders()
            assert [(order.ticker, order.client_order_id) for order in orders] == [(TICKER, client_order_id(SALT, 1))]
            assert (orders[0].price, orders[0].status) == (4_700, "resting")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await gateway.close()
    assert not gateway.sender.unfinished()
    assert not gateway.surprises


def test_the_register_has_both_strategies_and_every_form_offers_them() -> None:
    assert list(STRATEGIES) == ["edge_taker", "edge_maker"]
    offered = StrategyParametersForm().fields["strategy"].choices  # type: ignore[attr-defined]
    assert [name for name, _ in offered] == list(STRATEGIES)
    with pytest.raises(ValueError, match="edge_maker, edge_taker"):
        strategies.strategy_named("luck")


def test_the_page_names_what_there_is(momentum: ModuleType) -> None:
    words = PAGE.read_text()
    shown = set(re.findall(r"`(\w+)(?:\(.*?\))?`", words))
    for name in Idea.__struct_fields__:
        assert name in shown, name
    public = {name for name in (*View.__struct_fields__, *vars(View)) if not name.startswith("_")}
    assert {
        "now_ns",
        "market",
        "pricing",
        "spot",
        "risk",
        "parameters",
        "fitted",
        "position",
        "kelly",
    } <= public & shown
    codes = set(re.findall(r'Idea\(\s*(?:stop or )?"([A-Z_]+)"', blocks()[0]))
    assert codes <= set(REASONS)
