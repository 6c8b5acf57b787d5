"""A session recorded in parts, played again, decides as it did: a turn in between changes nothing."""

from pathlib import Path

from markets.core.units import SECOND_NS
from markets.recorder import Recorder
from markets.tape import TapeHeader, files_of, read_whole
from tests.house.test_same_decisions import CASH, back_tested
from tests.rising import BOLD, rising
from trading.core.decision import NOTHING, Decision
from trading.core.desk import Desk, opening_events
from trading.core.engine import Engine
from trading.core.events import Event, Opening
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.playback import market_events
from trading.simulator.world import EPOCH_NS, DemoWorld


def live(folder: Path, events: list[Event], part_bytes: int) -> tuple[Desk, Path]:
    """A session as the trader has it: everything to the recorder, event by event, with the decisions that did something."""
    recorder = Recorder(folder, TapeHeader(1, "session-one", "session", "", 0), part_bytes=part_bytes)
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    steps = [desk.open(*opening_events(Opening(events[0].received_ns, CASH), RiskLimits(), BOLD))]
    steps += [desk.hear(event) for event in events]
    for each in [*steps, desk.finish()]:
        for event, decision in each:
            recorder.append(event)
            if decision is not NOTHING and (decision.commands or decision.positions or decision.mode):
                recorder.append(decision)
            if decision.commands:
                recorder.flush()
        recorder.flush()
    return desk, recorder.close()


def test_a_session_in_parts_played_again_decides_as_it_did(tmp_path: Path) -> None:
    heard = list(rising())
    desk, path = live(tmp_path, list(heard), 60_000)
    assert len(files_of(path)) > 3
    assert desk.engine.orders.sent > 0
    assert list(market_events(path)) == heard
    again, _ = live(tmp_path / "again", list(market_events(path)), 1 << 20)
    assert (again.digest, again.steps, again.decisions) == (desk.digest, desk.steps, desk.decisions)


def test_every_decision_is_read_back_with_the_event_before_it(tmp_path: Path) -> None:
    _, path = live(tmp_path, list(rising()), 60_000)
    whole = list(read_whole(path, Event | Decision))
    _, alone = live(tmp_path / "again", list(rising()), 1 << 24)
    assert len(files_of(alone)) == 1
    assert whole == list(read_whole(alone, Event | Decision))


def test_a_backtest_of_a_tape_in_parts_is_that_of_the_tape_in_one(tmp_path: Path) -> None:
    start = EPOCH_NS + 900 * SECOND_NS * 40
    paths = []
    for name, part_bytes in (("one", 1 << 30), ("many", 200_000)):
        recorder = Recorder(tmp_path, TapeHeader(1, name, "demo", "C", 0), part_bytes=part_bytes)
        for event in DemoWorld(11).events(start):
            if event.received_ns > start + 300 * SECOND_NS:
                break
            recorder.append(event)
            recorder.flush()
        paths.append(recorder.close())
    assert len(files_of(paths[0])) < len(files_of(paths[1]))
    assert back_tested(paths[0]).digest == back_tested(paths[1]).digest
