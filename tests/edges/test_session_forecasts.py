"""The forecast record of a session on the demo market: every window at every mark, once, whatever happens in between."""

import asyncio
from collections.abc import Iterable, Iterator
from itertools import chain, takewhile
from pathlib import Path
from typing import cast

import pytest

from markets.core.events import MarketEvent, MarketListed
from markets.core.units import SECOND_NS
from tests.edges.test_session import WANTED, Rows, play, session
from trading import models, records, restore, services
from trading.core.decision import Decision, Forecast
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import Event, Opening
from trading.core.forecasts import MARKS_S
from trading.core.paper import PaperExchange
from trading.journal import Journal
from trading.records import Subject
from trading.simulator.world import EPOCH_NS, DemoWorld
from trading.thinning import Thinning, entry

ACCOUNT = "tape-one"
START_NS = EPOCH_NS + 890 * SECOND_NS  # ten seconds before a window opens
CUT_NS = EPOCH_NS + 1_250 * SECOND_NS  # in the middle of it
END_NS = EPOCH_NS + 1_850 * SECOND_NS  # when it has settled

pytestmark = pytest.mark.django_db


class Steps(Rows):
    """A journal that keeps every step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[Event, Decision]] = []

    def put(self, event: Event, decision: Decision) -> None:
        super().put(event, decision)
        self.steps.append((event, decision))


def market(until_ns: int = END_NS) -> Iterator[MarketEvent]:
    """A whole window of the demo market."""
    return takewhile(lambda event: event.received_ns < until_ns, DemoWorld(5, ("BTC",)).events(START_NS))


async def lived(folder: Path, until_ns: int = END_NS, resumed_ns: int = 0) -> tuple[list[tuple[Event, Decision]], Path]:
    folder.mkdir()
    made, _ = session(folder, market(until_ns), resumed_ns)
    journal = Steps()
    made.journal = cast(Journal, journal)
    await play(made, Opening(made.source.opened_ns, 10**10), WANTED)
    return journal.steps, made.tape.path


def subject_of(steps: list[tuple[Event, Decision]], account: str = ACCOUNT) -> Subject:
    """A session with the rows of these steps."""
    services.account_open(account, 10**10)
    row = services.session_start(account=account, market_source="tape")
    subject, thinning = Subject(row.pk, account, is_simulated=True), Thinning()
    kept = [entry(event, decision, thinning) for event, decision in steps]
    records.write(subject, [each for each in kept if each is not None])
    return subject


def told(account: str = ACCOUNT) -> list[tuple[str, int, int, float | None, float | None]]:
    rows = models.Forecast.objects.filter(account=account).order_by("event_ns", "ticker")
    return [(row.ticker, row.seconds_left, row.event_ns, row.fair, row.pooled) for row in rows]


@pytest.fixture(scope="module")
def session_lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[Event, Decision]], Path]:
    return asyncio.run(lived(tmp_path_factory.mktemp("forecasts") / "whole"))


@pytest.fixture
def whole(session_lived: tuple[list[tuple[Event, Decision]], Path]) -> list[tuple[Event, Decision]]:
    return session_lived[0]


def test_every_window_has_a_row_for_every_mark(whole: list[tuple[Event, Decision]]) -> None:
    listed = {event.contract.ticker: event.contract for event, _ in whole if isinstance(event, MarketListed)}
    closed = [each for each in listed.values() if each.open_ns >= START_NS and each.close_ns <= END_NS]
    assert len(closed) == 1
    subject_of(whole)
    rows = models.Forecast.objects.order_by("-seconds_left")
    for contract in closed:
        mine = rows.filter(ticker=contract.ticker)
        assert tuple(mine.values_list("seconds_left", flat=True)) == MARKS_S
        priced = [row for row in mine if row.reason == ""]
        assert len(priced) > len(MARKS_S) / 2
        for row in priced:
            said = (
                row.fair,
                row.calibrated,
                row.pooled,
                row.digital,
                row.abm_avg,
                row.gbm_avg,
                row.gbm_avg_t,
                row.gbm_avg_mix,
            )
            assert all(each is not None and 0.0 <= each <= 1.0 for each in said)
            assert 0 < row.bid < row.ask < 10_000


async def test_a_tape_that_is_taken_up_in_mid_window_is_recorded_as_if_nothing_had_happened(
    tmp_path: Path, whole: list[tuple[Event, Decision]]
) -> None:
    before, _ = await lived(tmp_path / "before", CUT_NS)
    after, _ = await lived(tmp_path / "after", END_NS, resumed_ns=CUT_NS)
    marks = [
        [(each.ticker, each.seconds_left) for _, decision in steps for each in decision.forecasts]
        for steps in (before, after, whole)
    ]
    assert set(marks[0]).isdisjoint(marks[1])  # what was heard in silence is not told again
    assert sorted(marks[0] + marks[1]) == sorted(marks[2])


def test_a_session_that_was_killed_has_its_forecasts_back_from_its_tape(
    session_lived: tuple[list[tuple[Event, Decision]], Path],
) -> None:
    whole, tape = session_lived
    subject_of(whole, "lived on")
    as_written = told("lived on")
    subject_of([])
    assert as_written
    assert not told()
    killed = models.TradingSession.objects.latest("id")
    restore.recover(killed, tape)
    assert told() == as_written
    restore.recover(killed, tape)
    assert told() == as_written


# No future in it ------------------------------------------------------------------------------------------------


def forecasts_of(events: Iterable[MarketEvent]) -> list[Forecast]:
    engine = Engine()
    desk = Desk(engine, PaperExchange(engine.markets))
    steps = [*desk.open(Opening(START_NS, 10**10), *WANTED.events(START_NS))]
    for event in events:
        steps += desk.hear(event)
    return [each for _, decision in steps for each in decision.forecasts]


@pytest.mark.parametrize("second", [1_310, 1_775])
def test_another_world_from_some_second_on_changes_nothing_that_was_forecast_before(second: int) -> None:
    """The tape is cut off, and goes on as that of another seed: other prices, books, strikes and results."""
    cut_ns = EPOCH_NS + second * SECOND_NS
    other = DemoWorld(7, ("BTC",)).events(START_NS)
    later = [
        event for event in takewhile(lambda event: event.received_ns < END_NS, other) if event.received_ns >= cut_ns
    ]
    past = forecasts_of(market(cut_ns))
    spliced = forecasts_of(chain(market(cut_ns), later))
    assert [each for each in spliced if each.received_ns < cut_ns] == past
    assert len(past) >= 5
    assert len(spliced) > len(past)
