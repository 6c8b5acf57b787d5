"""The heart of the house: a tape played live-style through every process decides exactly as its backtest does."""

from itertools import takewhile
from pathlib import Path

import pytest
from msgspec.structs import replace

from markets.core.events import MarketEvent
from markets.core.units import DOLLAR, SECOND_NS
from markets.tape import TapeHeader, TapeWriter
from tests.builders import EAGER
from tests.house.whole_system import prepared, running
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Opening
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.playback import market_events
from trading.simulator.world import EPOCH_NS, DemoWorld

CASH = 10_000 * DOLLAR


def back_tested(path: Path) -> Desk:
    """The same tape through a desk, as a backtest does it."""
    events = list(market_events(path))
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    start, limits, parameters, mode = opening_events(Opening(events[0].received_ns, CASH), RiskLimits(), EAGER)
    first = replace(parameters, version=1)  # as the rows number it: a forecast says by which version it was made
    for _ in desk.open(start, limits, first, mode):
        pass
    for event in events:
        for _ in desk.hear(event):
            pass
    for _ in desk.finish():
        pass
    return desk


def written(path: Path, events: list[MarketEvent]) -> Path:
    """A sealed tape of these events."""
    writer = TapeWriter(path, TapeHeader(1, path.stem, "demo", "C", 0))
    for event in events:
        writer.append(event)
    return writer.close()


def demo_tape(folder: Path) -> Path:
    """Twenty minutes of the demo market: one window from its open to its settlement, and the next one."""
    start = EPOCH_NS + 900 * SECOND_NS * 40
    events = takewhile(lambda event: event.received_ns < start + 1_200 * SECOND_NS, DemoWorld(11).events(start))
    return written(folder / "demo-twenty-minutes.tape", list(events))


def assert_played_as_back_tested(tape: Path, home: Path) -> None:
    expected = back_tested(tape)
    assert expected.engine.orders.sent > 0
    prepared(home, EAGER)
    with running(home, MARKET="tape", TAPE=str(tape), SPEED="max") as system:
        shown = system.snapshots(system.sign_in(), until="ended")[-1]
        assert system.stop() == 0
    assert shown["steps"] == expected.steps
    assert shown["decisions"] == expected.decisions
    assert shown["digest"] == expected.digest
    assert shown["cash"] == expected.engine.portfolio.cash


@pytest.mark.slow
def test_a_tape_played_through_all_processes_decides_as_its_backtest(tmp_path: Path) -> None:
    tape = demo_tape(tmp_path)
    assert_played_as_back_tested(tape, tmp_path / "home")


@pytest.mark.slow
@pytest.mark.recorded
def test_a_recorded_tape_played_through_all_processes_decides_as_its_backtest(
    tmp_path: Path, recorded_tape: Path
) -> None:
    assert_played_as_back_tested(recorded_tape, tmp_path / "home")


def test_the_same_tape_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    tape = demo_tape(tmp_path)
    assert back_tested(tape).digest == back_tested(tape).digest
    again = tmp_path / "again"
    again.mkdir()
    assert demo_tape(again).read_bytes() == tape.read_bytes()
