"""The gates of a session are those of a backtest of its tape, to the micro-dollar."""

from itertools import takewhile
from pathlib import Path

import pytest
from msgspec.structs import replace

from backtests.core.simulate import simulate
from backtests.gate_report import of_result, report_json
from backtests.gates import of_account, seen_of
from backtests.replay import Inputs
from backtests.replay import replay as replayed
from backtests.skill import Bounds
from markets.core.events import MarketEvent
from markets.core.units import DOLLAR, SECOND_NS, Money
from tests.builders import EAGER
from tests.house.test_same_decisions import written
from trading import records, services
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.core.parameters import Parameters
from trading.models import Signal
from trading.records import Subject
from trading.simulator.world import EPOCH_NS, DemoWorld
from trading.thinning import Thinning, entry

pytestmark = pytest.mark.django_db
CASH = 10_000 * DOLLAR
BOLD = replace(EAGER, min_confidence=35.0, edge_threshold=0.02)
SHUT = replace(EAGER, min_confidence=100.0)


def market() -> list[MarketEvent]:
    """A quarter of an hour of two coins: a window of each that settles, and the next ones."""
    start = EPOCH_NS + 890 * SECOND_NS
    return list(
        takewhile(
            lambda event: event.received_ns < start + 1_000 * SECOND_NS, DemoWorld(5, ("BTC", "ETH")).events(start)
        )
    )


@pytest.fixture(scope="module")
def told() -> list[MarketEvent]:
    return market()


def lived(account: str, events: list[MarketEvent], parameters: Parameters) -> None:
    """A session over these events, in rows."""
    services.account_open(account, CASH)
    row = services.session_start(account=account, market_source="tape")
    thinning = Thinning()
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    begun = opening_events(Opening(events[0].received_ns, CASH), RiskLimits(), parameters)
    steps = [*desk.open(*begun), *(step for event in events for step in desk.hear(event)), *desk.finish()]
    kept = (entry(event, decision, thinning) for event, decision in steps)
    records.write(Subject(row.pk, account, is_simulated=True), [each for each in kept if each is not None])


@pytest.mark.parametrize("parameters", [BOLD, SHUT], ids=["bold", "shut"])
def test_a_session_and_a_backtest_of_its_tape_tell_the_same_of_every_gate(
    told: list[MarketEvent], parameters: Parameters
) -> None:
    lived("tape-one", told, parameters)
    expected = of_result(simulate(told, Opening(0, CASH), RiskLimits(), parameters))
    assert of_account("tape-one") == expected
    assert expected.settled >= 2
    assert expected.windows > expected.settled
    assert any(gate.outcome.windows for gate in expected.gates)
    assert sum(gate.evaluations for gate in expected.gates) == expected.evaluations == Signal.objects.count()


def test_the_report_of_a_run_holds_what_the_tape_says(tmp_path: Path, told: list[MarketEvent]) -> None:
    tape = written(tmp_path / "two-coins.tape", told)
    report = replayed(Inputs((str(tape),), Money(CASH), RiskLimits(), SHUT, files=True))
    lived("tape-one", told, SHUT)
    assert report["gates"] == report_json(of_account("tape-one"))
    assert [gate["code"] for gate in report["gates"]["gates"] if gate["alone"]["windows"]] == ["CONFIDENCE_LOW"]
    coin = of_account("tape-one", Bounds(asset="ETH"))
    assert 0 < coin.windows < report["gates"]["windows"]
    assert of_account("tape-two").windows == 0
    ticker = next(iter(seen_of("tape-one")))
    assert of_account("tape-one", tickers=(ticker,)).windows == 1
