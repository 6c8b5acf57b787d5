"""Other futures over a whole run: an honest one holds; one that looks ahead is found, however it does it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from backtests.api_future import FutureRequestSerializer
from backtests.future import FutureReport, Reader, check_future
from backtests.knobs import InputError
from backtests.replay import replay
from backtests.services import inputs_from
from markets.core.events import MarketEvent, SpotPrice
from markets.tape import VERSION, TapeHeader, TapeWriter
from tests.builders import at
from tests.builders_backtests import BOLD
from tests.rising import rising
from trading.core.strategies import STRATEGIES
from trading.core.strategies.edge_taker import EdgeTaker
from trading.core.strategy import Idea, View

pytestmark = pytest.mark.django_db


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    """The first two minutes of a window in which YES is cheap."""
    writer = TapeWriter(tmp_path / "short.tape", TapeHeader(VERSION, "short", "test", "A", 1))
    for event in rising():
        if event.received_ns < at(120):
            writer.append(event)
    return writer.close()


def checked(tape: Path, reader: Reader = iter, **changes: Any) -> FutureReport:
    wanted = {"count": changes.pop("count", 3), "seed": changes.pop("seed", 1)}
    asked = {"tapes": [str(tape)], "capital": "10000", "max_daily_loss": "1000", "files": True}
    return check_future(inputs_from(asked | BOLD | changes), reader=reader, **wanted)


def test_an_honest_run_holds_in_every_other_future(tape: Path) -> None:
    report = checked(tape)
    asked = {"tapes": [str(tape)], "capital": "10000", "max_daily_loss": "1000", "files": True}
    assert report.is_clean
    assert len(report.moments) == 3
    assert report.decisions > 100
    assert report.digest == replay(inputs_from(asked | BOLD))["digest"]
    assert "none changed" in report.sentence()


def test_the_same_seed_tries_the_same_moments(tape: Path) -> None:
    assert checked(tape).moments == checked(tape).moments != checked(tape, seed=2).moments


def a_price_too_early(events: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
    """Each price of spot is the next one's: one event of the future."""
    held: SpotPrice | None = None
    for event in events:
        if not isinstance(event, SpotPrice):
            yield event
            continue
        if held is not None:
            yield replace(held, price=event.price)
        held = event
    if held is not None:
        yield held


def the_end_in_every_price(events: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
    """A feature computed over the whole tape at once: how many events there will have been."""
    known = list(events)
    for event in known:
        yield replace(event, price=event.price + len(known) / 100) if isinstance(event, SpotPrice) else event


@pytest.mark.parametrize("reader", [a_price_too_early, the_end_in_every_price])
def test_a_source_that_leaks_is_found(tape: Path, reader: Reader) -> None:
    report = checked(tape, reader)
    assert not report.is_clean
    assert report.changed[0].said
    assert "looks ahead" in report.sentence()


def test_a_strategy_that_peeks_is_found(tape: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    highest: list[float] = []

    def remembered(events: Iterator[MarketEvent]) -> Iterator[MarketEvent]:
        """The events as they are; what the strategy reads besides is another matter."""
        known = list(events)
        highest[:] = [max((event.price for event in known if isinstance(event, SpotPrice)), default=0.0)]
        return iter(known)

    class Peeking(EdgeTaker):
        """Trades only where the highest price that is yet to come suits it."""

        def decide(self, view: View) -> Idea:
            return super().decide(view) if highest[0] < 85_100.0 else Idea("EDGE_BELOW_THRESHOLD")

    assert checked(tape, remembered).is_clean
    monkeypatch.setitem(STRATEGIES, "edge_taker", Peeking)
    assert not checked(tape, remembered).is_clean


def test_a_spot_clock_that_runs_ahead_is_found(tape: Path) -> None:
    """To hear spot earlier than it was is the very thing: a run may ask for it to see what hangs on time."""
    assert checked(tape, spot_shift="250").is_clean
    assert not checked(tape, spot_shift="-1500").is_clean


@pytest.mark.parametrize("count", [0, 201])
def test_so_many_moments_are_refused(tape: Path, count: int) -> None:
    with pytest.raises(InputError, match="Check 1 to 200 moments"):
        checked(tape, count=count)


@pytest.mark.parametrize(
    ("seed", "is_kept"), [(0, True), (2**63 - 1, True), (-1, False), (2**63, False), (10**30, False)]
)
def test_a_seed_is_one_that_a_row_can_keep(seed: int, is_kept: bool) -> None:
    asked = FutureRequestSerializer(data={"moments": 1, "seed": seed})
    assert asked.is_valid() == is_kept
    assert is_kept or "seed" in asked.errors
