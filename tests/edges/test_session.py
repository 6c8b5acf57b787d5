"""A session is taken up where it was left: the past in silence, what is owed paid out, what people want heard."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from markets.core.events import MarketEvent
from markets.core.units import DOLLAR
from markets.recorder import Recorder
from markets.tape import TapeHeader, read_tape
from tests.builders import EAGER, TICKER, at, opening, quarter_hour, spot, status
from trading.broadcast import Broadcast
from trading.control import Control, Wanted
from trading.core.decision import Decision, PlaceOrder
from trading.core.desk import Desk
from trading.core.engine import Engine
from trading.core.events import AnnouncementsSet, Event, FittedSet, HeldPosition, LimitsSet, Opening, Settled
from trading.core.fitted import Announcement, Fitted, PoolingWeight
from trading.core.limits import RiskLimits
from trading.core.paper import PaperExchange
from trading.journal import Journal
from trading.session import Session
from trading.snapshot import Place, Recent
from trading.source import Source

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 22, 13, tzinfo=UTC)
WANTED = Wanted(1, RiskLimits(), 1, EAGER, "ACTIVE", "", "ada", NOON)
HELD = HeldPosition(TICKER, 1_000, 5 * DOLLAR, 0, 0, at(900))
BULLISH = [(second / 2, 85_340.0) for second in range(-4, 1_700)]


class Rows:
    """A journal that keeps what it is given."""

    failure = None
    is_behind = False
    backlog = 0
    written_ns: int | None = None

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.orders: list[PlaceOrder] = []

    def put(self, event: Event, decision: Decision) -> None:
        self.heard.append(event)
        self.orders += [order for order in decision.commands if isinstance(order, PlaceOrder)]


class Quiet:
    """A broadcast nobody hears, and a control that is well."""

    failure = None

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def publish(self) -> None:
        pass


def session(folder: Path, events: Iterable[MarketEvent], resumed_ns: int) -> tuple[Session, Rows]:
    rows, engine = Rows(), Engine()
    market = iter(events)
    first = next(market)

    def all_of_it() -> Iterator[MarketEvent]:
        yield first
        yield from market

    made = Session(
        desk=Desk(engine, PaperExchange(engine.markets)),
        source=Source("tape", "one", "PAPER", 0.0, first.received_ns, all_of_it(), resumed_ns=resumed_ns),
        place=Place("tape", "PAPER", "tape-one", "one", 0.0),
        journal=cast(Journal, rows),
        tape=Recorder(folder, TapeHeader(1, "session", "session", "", 0)),
        recent=Recent(),
    )
    made.ends_with_source = True
    return made, rows


async def play(made: Session, start: Opening, wanted: Wanted = WANTED) -> None:
    try:
        made.open(start, wanted)
        async with asyncio.timeout(60):
            await made.run(broadcast=cast(Broadcast, Quiet()), control=cast(Control, Quiet()), opening=start)
    finally:
        made.tape.close(seal=False)


def on_tape(made: Session) -> list[Event | Decision]:
    return list(read_tape(made.tape.path, Event | Decision))


def market() -> list[MarketEvent]:
    return cast(list[MarketEvent], quarter_hour(BULLISH))


def carried(*positions: HeldPosition) -> Opening:
    return opening(positions=positions, orders_sent=7)


async def test_what_was_traded_on_before_is_heard_in_silence_and_the_rest_is_traded(tmp_path: Path) -> None:
    made, rows = session(tmp_path, market(), resumed_ns=at(400))
    await play(made, carried())
    assert rows.orders[0].number == 8
    assert min(event.received_ns for event in rows.heard if type(event) is not Opening) >= at(-10)
    sent = [each for each in on_tape(made) if type(each) is Decision and each.commands]
    assert sent[0].received_ns >= at(400)


async def test_a_market_that_settled_at_the_moment_a_session_was_left_is_paid_out_when_it_is_taken_up(
    tmp_path: Path,
) -> None:
    """Many events share a time: the last one heard may have been followed by others that were not."""
    made, rows = session(tmp_path, [*market(), spot(931)], resumed_ns=at(930))
    await play(made, carried(HELD))
    assert [(event.count, event.payout) for event in rows.heard if type(event) is Settled] == [(1_000, 10 * DOLLAR)]
    assert made.desk.engine.portfolio.cash == 10_010 * DOLLAR
    assert made.desk.engine.portfolio.exposure == 0


async def test_a_start_that_a_person_wants_while_the_past_is_heard_does_not_trade_it_again(tmp_path: Path) -> None:
    made, _ = session(tmp_path, market(), resumed_ns=at(950))
    started = WANTED._replace(mode="ACTIVE", mode_at=LATER)

    def events() -> Iterator[MarketEvent]:
        for event in market():
            if event.received_ns == at(60):
                made.change(started)
            yield event

    made.source = replace(made.source, events=events())
    await play(made, carried(), WANTED._replace(mode="HALTED"))
    assert [each for each in on_tape(made) if type(each) is Decision and each.commands] == []
    assert made.desk.engine.orders.sent == 7
    assert made.wanted == started


async def test_what_was_sent_today_is_still_counted_when_the_past_began_on_another_day(tmp_path: Path) -> None:
    yesterday = spot(-86_400.0)
    made, _ = session(tmp_path, [yesterday, *market()], resumed_ns=at(899.5))
    made.recent.orders_today = 5
    await play(made, carried())
    assert made.recent.orders_today == 5


async def test_limits_that_were_changed_while_the_past_was_heard_hold_when_it_is_over(tmp_path: Path) -> None:
    made, rows = session(tmp_path, market(), resumed_ns=at(400))
    closed = WANTED._replace(limits_version=2, limits=RiskLimits(max_total_exposure=0))

    def events() -> Iterator[MarketEvent]:
        for event in market():
            if event.received_ns == at(60):
                made.change(closed)
            yield event

    made.source = replace(made.source, events=events())
    await play(made, carried())
    assert [event.version for event in rows.heard if type(event) is LimitsSet] == [1, 2]
    assert rows.orders == []


async def test_a_tape_that_was_traded_to_its_end_says_so_and_is_not_traded_again(tmp_path: Path) -> None:
    made, rows = session(tmp_path, market(), resumed_ns=at(2_000))
    await play(made, carried())
    assert rows.orders == []
    assert "another ACCOUNT" in made.message


async def test_it_stops_in_the_middle_of_the_past_and_holds_what_it_held(tmp_path: Path) -> None:
    made, rows = session(tmp_path, market(), resumed_ns=at(800))

    def events() -> Iterator[MarketEvent]:
        for event in market():
            if event.received_ns >= at(60):
                made.stop()
            assert event.received_ns < at(61)
            yield event

    made.source = replace(made.source, events=events())
    await play(made, carried(HELD))
    assert made.desk.engine.portfolio.count(TICKER) == 1_000
    assert made.progress().last_event_ns == at(800)
    assert rows.orders == []


async def test_a_market_that_has_ended_is_not_traded_again_whatever_a_person_wants(tmp_path: Path) -> None:
    made, rows = session(tmp_path, market(), resumed_ns=0)
    await play(made, carried())
    made.state = "ended"
    digest, said = made.desk.digest, len(rows.heard)
    made.change(WANTED._replace(mode_at=LATER, series_off=("KXETH15M",)))
    assert (made.desk.digest, len(rows.heard)) == (digest, said)
    assert made.desk.engine.mode == "HALTED"


async def test_scheduled_news_is_heard_at_the_opening_and_is_on_the_tape(tmp_path: Path) -> None:
    made, _ = session(tmp_path, market(), resumed_ns=0)
    news = (Announcement(at(600), at(900), 4.0, "US consumer prices", ("BTC",)),)
    await play(made, carried(), WANTED._replace(announcements=news))
    assert made.desk.engine.underlyings["BTC"].announcements == news
    assert [each.announcements for each in on_tape(made) if type(each) is AnnouncementsSet] == [news]


async def test_an_order_is_on_the_tape_before_the_exchange_has_it(tmp_path: Path) -> None:
    made, _ = session(tmp_path, market(), resumed_ns=0)
    submit = made.desk.exchange.submit
    found: list[bool] = []

    def watched(commands: list[PlaceOrder], now_ns: int) -> None:
        written = [each for each in on_tape(made) if type(each) is Decision]
        found.append(tuple(commands) == written[-1].commands)
        submit(commands, now_ns)

    made.desk.exchange.submit = watched  # type: ignore[method-assign, assignment]
    await play(made, carried())
    assert found
    assert all(found)


@pytest.mark.parametrize("settled", [status(930, "settled", "yes"), status(930, "settled", "no")])
async def test_a_payout_is_on_the_tape_before_the_rows_hear_of_it(tmp_path: Path, settled: MarketEvent) -> None:
    made, rows = session(tmp_path, [*market()[:-1], settled], resumed_ns=0)
    put, seen = rows.put, []

    def watched(event: Event, decision: Decision) -> None:
        if type(event) is Settled:
            seen.append(event in on_tape(made))
        put(event, decision)

    rows.put = watched  # type: ignore[method-assign]
    await play(made, carried(HELD))
    assert seen == [True]


async def test_a_session_hears_what_was_learnt_when_it_opens_and_when_that_changes(tmp_path: Path) -> None:
    """And keeps it on its tape, as it was: a replay prices with what was known then."""
    learnt = Fitted(pooling=(PoolingWeight(group="BTC", windows=600, through_ns=at(-100), weight=0.3, version=7),))
    newer = Fitted(pooling=(PoolingWeight(group="BTC", windows=700, through_ns=at(-50), weight=0.2, version=8),))
    made, rows = session(tmp_path, market(), resumed_ns=0)
    made.open(opening(), WANTED._replace(fitted_version=7, fitted=learnt))
    assert made.desk.engine.fitted == learnt
    made.state = "running"
    made.change(WANTED._replace(fitted_version=8, fitted=newer))
    made.change(WANTED._replace(fitted_version=8, fitted=newer))
    assert made.desk.engine.fitted == newer
    made.tape.close(seal=False)
    assert [each.fitted for each in on_tape(made) if isinstance(each, FittedSet)] == [learnt, newer]
    assert [type(each) for each in rows.heard].count(FittedSet) == 2
