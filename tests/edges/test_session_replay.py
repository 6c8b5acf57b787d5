"""What a session on the demo market has on its tape is all it went by: played again it decides the same, to the byte."""

import asyncio
from pathlib import Path
from typing import cast

from markets.core.units import DOLLAR
from markets.recorder import Recorder
from markets.tape import TapeHeader, files_of, read_whole
from tests.edges.test_session import WANTED, Quiet, Rows
from trading.broadcast import Broadcast
from trading.control import Control
from trading.core.decision import Decision
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import Event, ModeSet, Opening, Timer
from trading.core.paper import PaperExchange
from trading.journal import Journal
from trading.playback import SESSION, market_events
from trading.session import Session
from trading.snapshot import Place, Recent
from trading.source import demo_source

SPEED = 60.0
CASH = 10_000 * DOLLAR


def session(folder: Path) -> Session:
    """One on the demo market, whose tape begins a new part every few seconds."""
    engine = Engine()
    source = demo_source(
        seed=11, speed=SPEED, clock_file=folder / "clock.json", held=lambda: list(engine.portfolio.positions)
    )
    return Session(
        desk=Desk(engine, PaperExchange(engine.markets)),
        source=source,
        place=Place("demo", "DEMO", "demo", source.name, SPEED),
        journal=cast(Journal, Rows()),
        tape=Recorder(folder, TapeHeader(1, "session", SESSION, "C", 0), part_bytes=1 << 20),
        recent=Recent(),
    )


async def traded(made: Session, start: Opening) -> None:
    """Until it has been at it for some seconds, in which windows closed and others opened."""
    made.open(start, WANTED)

    async def stop() -> None:
        until_ns = start.received_ns + 600 * 10**9
        while made.desk.engine.orders.sent < 5 or made.desk.now_ns < until_ns or made.tape.parts < 3:
            await asyncio.sleep(0.1)
        made.stop()

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(stop())
        await made.run(broadcast=cast(Broadcast, Quiet()), control=cast(Control, Quiet()), opening=start)


def played(path: Path, start: Opening, ended_ns: int) -> Desk:
    """The same market through a desk, as a backtest does it; then nobody says anything until the end."""
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    for _ in desk.open(start, *WANTED.events(start.received_ns)):
        pass
    for event in market_events(path):
        for _ in desk.hear(event):
            pass
    for _ in desk.hear(Timer(ended_ns)):
        pass
    for _ in desk.finish():
        pass
    return desk


async def test_its_tape_in_several_parts_decides_as_the_session_did(tmp_path: Path) -> None:
    made = session(tmp_path)
    start = Opening(made.source.opened_ns, CASH)
    try:
        await traded(made, start)
    finally:
        path = made.tape.close()
    on_tape = list(read_whole(path, Event | Decision))
    [*_, last] = [event.received_ns for event in on_tape if type(event) is ModeSet]
    again = played(path, start, last)

    assert len(files_of(path)) > 2
    assert made.desk.engine.orders.sent > 0
    assert (again.steps, again.decisions) == (made.desk.steps, made.desk.decisions)
    assert again.digest == made.desk.digest
    times = [event.received_ns for event in on_tape]
    assert times == sorted(times)
