"""A demo session while things go wrong: silent venues, a lost exchange, a full disk. No order without a fresh price, none
that is not on the tape, and what ends a session is said in words."""

import asyncio
import contextlib
import errno
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from markets.core.units import SECOND_NS
from markets.loopback.faults import Fault
from markets.loopback.server import LoopbackServer
from markets.recorder import Recorder
from markets.tape import TapeError, TapeHeader, read_whole
from tests.edges.test_session import WANTED, Quiet
from tests.edges.test_session_replay import CASH, session
from tests.rising import BOLD
from trading import exchange_side, inflow
from trading.broadcast import Broadcast
from trading.control import Control
from trading.core.decision import Command, Decision
from trading.core.events import Event, Opening
from trading.core.limits import RiskLimits
from trading.playback import SESSION
from trading.session import Session
from trading.simulator.exchange.faults import Fault as ExchangeFault
from trading.simulator.exchange.serving import Exchange, serve_exchange

Json = dict[str, Any]
PATIENT = RiskLimits(max_stale_ms=600_000)  # the market is so fast here that a breath of the machine's is a silence
PRICELESS = {"NO_SPOT", "NO_QUORUM", "OPENING", "CLOSING", "NO_STRIKE", "SAMPLES_MISSING", "NOT_OPEN"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Session]:
    made = session(tmp_path)
    yield made
    with contextlib.suppress(TapeError):
        made.tape.close(seal=False)


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> list[LoopbackServer]:
    """The venues that a session opens."""
    opened: list[LoopbackServer] = []

    class Kept(LoopbackServer):
        def __init__(self, *words: Any, **more: Any) -> None:
            super().__init__(*words, **more)
            opened.append(self)

    monkeypatch.setattr(inflow, "LoopbackServer", Kept)
    return opened


async def run(made: Session, script: Callable[[], Any] | None = None) -> None:
    """Trade until the script has come to its end, or the session to its own."""
    start = Opening(made.source.opened_ns, CASH)
    made.open(start, WANTED._replace(parameters=BOLD, limits=PATIENT))  # the first order comes soon

    async def played() -> None:
        try:
            if script is not None:
                await script()
        finally:
            if script is not None:
                made.stop()

    part = asyncio.create_task(played())
    try:
        async with asyncio.timeout(60):
            await made.run(broadcast=cast(Broadcast, Quiet()), control=cast(Control, Quiet()), opening=start)
        await part
    finally:
        part.cancel()


async def until(holds: Callable[[], bool], within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def shown(made: Session) -> Json:
    document: Json = json.loads(made.snapshot())
    return document


def spots(made: Session) -> list[float | None]:
    """What the pages show as the price of each asset."""
    return [row["value"] for row in shown(made)["prices"]]


def reasons(made: Session) -> set[str]:
    return {window["reason"] for window in shown(made)["windows"] if window["status"] == "open"}


async def test_without_a_word_from_any_venue_there_is_no_price_and_no_order_and_then_there_is_again(
    made: Session, servers: list[LoopbackServer]
) -> None:
    async def script() -> None:
        await until(lambda: made.desk.engine.orders.sent > 0 and len(spots(made)) == 3 and None not in spots(made))
        for booth in servers[0].booths.values():
            booth.faults.apply(Fault("refuse", 0.0, booth.name, seconds=2.0, code=503, words="closed for the night"))
        await until(lambda: set(spots(made)) == {None} and reasons(made) <= PRICELESS)
        sent = made.desk.engine.orders.sent
        while servers[0].booths["kraken"].faults.refused(asyncio.get_running_loop().time()):
            assert made.desk.engine.orders.sent == sent
            assert reasons(made) <= PRICELESS
            await asyncio.sleep(0.1)
        assert {row["reason"] for row in shown(made)["feeds"]} != {""}
        await until(lambda: len(spots(made)) == 3 and None not in spots(made))

    await run(made, script)


async def test_without_the_exchange_its_books_are_not_believed_until_it_is_heard_again(
    made: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Exchange] = []
    serve = serve_exchange

    @contextlib.asynccontextmanager
    async def kept(*words: Any, **more: Any) -> AsyncIterator[Exchange]:
        async with serve(*words, **more) as exchange:
            served.append(exchange)
            yield exchange

    def is_heard() -> bool:
        return bool(shown(made)["exchange"]["state"] == "up")

    async def script() -> None:
        await until(lambda: made.desk.engine.orders.sent > 0)
        drop = served[0].faults.add(ExchangeFault(kind="socket_drop", times=0))  # nor does a new socket live long
        await until(lambda: not is_heard() and reasons(made) <= {"FEED_LOST"})
        sent = made.desk.engine.orders.sent
        for _ in range(10):
            await asyncio.sleep(0.1)
            assert made.desk.engine.orders.sent == sent or not reasons(made) <= {"FEED_LOST"}
        served[0].faults.remove(drop)
        await until(lambda: is_heard() and "FEED_LOST" not in reasons(made))
        await until(lambda: None not in spots(made))
        assert shown(made)["exchange"]["connection"]["connects"] > 1

    monkeypatch.setattr(exchange_side, "serve_exchange", kept)
    await run(made, script)


async def test_a_full_disk_ends_the_session_and_every_order_that_left_is_on_the_tape(made: Session) -> None:
    left: list[int] = []
    submit = made.desk.exchange.submit

    def watched(commands: Sequence[Command], now_ns: int) -> None:
        left.extend(order.number for order in commands)
        submit(commands, now_ns)

    made.desk.exchange.submit = watched  # type: ignore[method-assign]
    wrapped = made.tape._writer._file

    class Disk:
        """With room for a little."""

        written = 0

        def write(self, data: bytes) -> int:
            if self.written > 4_000_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.written += len(data)
            return wrapped.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(wrapped, name)

    made.tape._part_bytes = 1 << 30
    made.tape._turn_ns = 1 << 62  # nor does a part end with the hour: the next one would be on another disk
    made.tape._writer._file = cast(Any, Disk())
    with pytest.raises(TapeError, match="No space left on device"):
        await run(made)
    with pytest.raises(TapeError):
        made.tape.close(seal=False)
    told = [each for each in read_whole(made.tape.path, Event | Decision) if type(each) is Decision]
    assert left
    assert set(left) <= {order.number for decision in told for order in decision.commands}


async def test_a_recording_that_has_no_room_left_ends_the_session_and_says_what_to_do(
    made: Session, tmp_path: Path
) -> None:
    made.tape.close(seal=False)
    (tmp_path / "small").mkdir()
    header = TapeHeader(1, "kept", SESSION, "C", 0)
    made.tape = Recorder(tmp_path / "small", header, max_bytes=1_000_000, protected=lambda: {"kept"})
    with pytest.raises(TapeError, match="raise TAPES_MAX_GB"):
        await run(made)
    assert made.desk.now_ns > made.source.opened_ns + SECOND_NS


async def test_what_the_session_dies_of_while_a_venue_is_heard_is_raised_as_it_is(made: Session) -> None:
    hear = made.hear

    def breaks(event: Event) -> None:
        if type(event).__name__ == "SpotLevels":
            raise TapeError("no space left")
        hear(event)

    made.hear = breaks  # type: ignore[method-assign]
    with pytest.raises(TapeError, match="no space left"):
        await run(made)
