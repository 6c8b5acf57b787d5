"""When the exchange is closed, by its schedule and its habit; and whether it trades, by its own word."""

import msgspec
import pytest

from markets.core.events import ExchangeStatus
from markets.core.units import SECOND_NS
from markets.feeds.kalshi.exchange_watch import ExchangeWatch
from markets.feeds.kalshi.timetable import Session, Timetable, Week, minutes_of
from markets.kalshi.messages_market import ExchangeState, Maintenance, Schedule, ShardState
from markets.kalshi.messages_market import Session as WireSession
from markets.kalshi.messages_market import Week as WireWeek
from markets.kalshi.ticker import open_ns
from tests.kalshi_floor import ns

ALWAYS = Session(0, 24 * 60)
FROM, TO = ns("2026-01-01T00:00Z"), ns("2030-01-01T00:00Z")
NOW = ns("2026-11-22T16:50:00Z")


def skips(timetable: Timetable, close: str) -> bool:
    return bool(timetable.skips(open_ns(ns(close)), ns(close)))


# Hours ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("close", "is_skipped"),
    [
        ("2026-11-19T07:45Z", False),  # 02:45 in New York, a Thursday in winter
        ("2026-11-19T08:00Z", True),
        ("2026-11-19T09:00Z", True),
        ("2026-11-19T10:00Z", True),
        ("2026-11-19T10:15Z", False),
        ("2026-07-09T06:45Z", False),  # in summer
        ("2026-07-09T07:00Z", True),
        ("2026-07-09T09:00Z", True),
        ("2026-07-09T09:15Z", False),
        ("2026-11-20T09:00Z", False),  # a Friday
    ],
)
def test_no_window_closes_on_thursdays_from_three_to_five_in_new_york(close: str, is_skipped: bool) -> None:
    assert skips(Timetable(), close) is is_skipped


def test_announced_maintenance_takes_the_windows_it_touches_with_it() -> None:
    timetable = Timetable()
    timetable.announce((), [(ns("2026-11-22T17:05Z"), ns("2026-11-22T18:00Z"))])
    assert [skips(timetable, close) for close in ("2026-11-22T17:00Z", "2026-11-22T17:15Z", "2026-11-22T18:00Z")] == [
        False,
        True,
        True,
    ]
    assert not skips(timetable, "2026-11-22T18:15Z")


def test_hours_that_leave_a_gap_close_the_exchange_in_it() -> None:
    days = (
        (ALWAYS,),
        (ALWAYS,),
        (ALWAYS,),
        (Session(0, 180), Session(300, 24 * 60)),
        (ALWAYS,),
        (ALWAYS,),
        (Session(0, 720),),
    )
    timetable = Timetable()
    timetable.announce([Week(FROM, TO, days)], ())
    assert not skips(timetable, "2026-11-22T16:45Z")
    assert skips(timetable, "2026-11-22T17:15Z")  # a Sunday afternoon
    assert not skips(timetable, "2026-11-23T05:15Z")  # Monday
    closure = timetable.at(ns("2026-11-22T20:00Z"))
    assert closure is not None
    assert (closure.start_ns, closure.end_ns) == (ns("2026-11-22T17:00Z"), ns("2026-11-23T05:00Z"))


def test_a_session_may_end_on_the_next_day() -> None:
    days = ((Session(8 * 60, 3 * 60),),) * 7
    timetable = Timetable()
    timetable.announce([Week(FROM, TO, days)], ())
    assert timetable.at(ns("2026-11-22T07:59Z")) is None  # 02:59
    closure = timetable.at(ns("2026-11-22T08:00Z"))
    assert closure is not None
    assert closure.end_ns == ns("2026-11-22T13:00Z")


@pytest.mark.parametrize("days", [((ALWAYS,),) * 7, ((Session(0, 0),),) * 7, ((),) * 7, ((ALWAYS,),) * 3])
def test_hours_around_the_clock_or_nonsense_close_nothing(days: tuple[tuple[Session, ...], ...]) -> None:
    timetable = Timetable()
    timetable.announce([Week(FROM, TO, days)], ())
    assert timetable.at(NOW) is None


def test_where_no_week_applies_nothing_is_known() -> None:
    timetable = Timetable()
    timetable.announce([Week(FROM, ns("2026-02-01T00:00Z"), ((Session(0, 60),),) * 7)], ())
    assert timetable.at(NOW) is None


def test_the_next_closure_is_named() -> None:
    closure = Timetable().next(NOW)
    assert closure is not None
    assert (closure.start_ns, closure.end_ns) == (ns("2026-11-26T08:00Z"), ns("2026-11-26T10:00Z"))


def test_moments_may_be_asked_in_any_order() -> None:
    timetable = Timetable()
    thursdays = ["2026-11-19T09:00Z", "2027-03-18T08:00Z", "2026-01-08T09:00Z", "2026-11-19T09:00Z"]
    assert [timetable.at(ns(day)) is not None for day in thursdays] == [True] * 4


@pytest.mark.parametrize(
    ("text", "minutes"), [("00:00", 0), ("03:00", 180), ("23:59", 1_440), ("24:00", 1_440), ("05:30:00", 330)]
)
def test_times_of_day(text: str, minutes: int) -> None:
    assert minutes_of(text) == minutes


@pytest.mark.parametrize("text", ["", "noon", "25:00", "-1:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError):
        minutes_of(text)


# Its own word --------------------------------------------------------------------------------------------------


def state(*, is_open: bool = True, trades: bool = True, shard: int = 2, **more: object) -> ExchangeState:
    return ExchangeState(True, True, shards=(ShardState(0, True, True), ShardState(shard, is_open, trades)), **more)  # type: ignore[arg-type]


def told(found: ExchangeState, shard: int = 2) -> ExchangeStatus:
    watch = ExchangeWatch(Timetable())
    watch.read(found, NOW)
    (event,) = watch.events([shard], NOW)
    assert watch.events([shard], NOW) == []
    return event


def test_the_entry_of_our_shard_decides() -> None:
    assert told(state()) == ExchangeStatus(NOW, 2, True)
    assert told(ExchangeState(False, False, shards=(ShardState(2, True, True),))) == ExchangeStatus(NOW, 2, True)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (state(trades=False), "the exchange does not trade on shard 2 now"),
        (state(is_open=False), "the exchange is closed on shard 2"),
        (
            state(trades=False, resumes_ns=ns("2026-11-22T19:00Z")),
            "the exchange does not trade on shard 2 now, back at about 2026-11-22 19:00 UTC",
        ),
        (state(shard=3), "the exchange does not say how its shard 2 is"),
        (ExchangeState(True, False), "the exchange does not trade on shard 2 now"),  # no breakdown: the whole counts
    ],
)
def test_why_it_does_not_trade(found: ExchangeState, reason: str) -> None:
    assert told(found) == ExchangeStatus(NOW, 2, False, reason)


def test_while_nothing_is_known_nothing_is_told_and_after_a_while_that_it_cannot_be_known() -> None:
    watch = ExchangeWatch(Timetable())
    assert watch.events([2], NOW) == []
    watch.not_read("HTTP 502", NOW)
    assert watch.events([2], NOW) == []
    later = NOW + 60 * SECOND_NS
    watch.not_read("HTTP 502", later)
    assert watch.events([2], later) == [
        ExchangeStatus(later, 2, False, "the exchange's status cannot be read: HTTP 502")
    ]
    assert watch.is_halted
    watch.read(state(), later)
    assert watch.events([2], later) == [ExchangeStatus(later, 2, True)]
    assert not watch.is_halted


def test_what_was_read_goes_on_to_hold_for_a_while() -> None:
    watch = ExchangeWatch(Timetable())
    watch.read(state(), NOW)
    watch.events([2], NOW)
    watch.not_read("timeout", NOW + 40 * SECOND_NS)
    assert watch.events([2], NOW + 40 * SECOND_NS) == []
    assert not watch.events([2], NOW + 50 * SECOND_NS)[0].is_trading


def test_announced_maintenance_stops_trading_though_the_status_is_late() -> None:
    watch = ExchangeWatch(Timetable())
    watch.schedule_read(Schedule(maintenance=(Maintenance(NOW - SECOND_NS, NOW + 600 * SECOND_NS),)))
    watch.read(state(), NOW)
    assert watch.events([2], NOW) == [
        ExchangeStatus(NOW, 2, False, "announced maintenance, until Sun 12:00 in New York")
    ]
    assert watch.maintenance(NOW).startswith("announced maintenance")
    assert watch.events([2], NOW + 600 * SECOND_NS)[0].is_trading


def test_the_weekly_maintenance_explains_and_does_not_decide() -> None:
    thursday = ns("2026-11-19T08:30Z")
    watch = ExchangeWatch(Timetable())
    watch.read(state(), thursday)
    assert watch.events([2], thursday)[0].is_trading
    watch.read(state(trades=False), thursday)
    (event,) = watch.events([2], thursday)
    assert event.reason == (
        "the exchange does not trade on shard 2 now: the weekly maintenance, Thursdays 03:00 to 05:00 in New York,"
        " until Thu 05:00 in New York"
    )
    assert watch.next_maintenance(NOW) == (ns("2026-11-26T08:00Z"), ns("2026-11-26T10:00Z"))


def test_a_clock_that_is_surely_wrong_stops_trading() -> None:
    watch = ExchangeWatch(Timetable())
    watch.read(state(), NOW)
    watch.clock_trouble = "our clock is 9.0 s behind"
    assert watch.events([2], NOW) == [ExchangeStatus(NOW, 2, False, "our clock is 9.0 s behind")]


def test_every_shard_is_told_of_by_itself() -> None:
    watch = ExchangeWatch(Timetable())
    watch.read(state(trades=False), NOW)
    assert [(one.shard, one.is_trading) for one in watch.events({2, 0}, NOW)] == [(0, True), (2, False)]
    assert [view.shard for view in watch.views()] == [0, 2]


def test_the_schedule_is_read_as_the_exchange_writes_it() -> None:
    days = {
        name: ({"open_time": "00:00", "close_time": "24:00"},)
        for name in ("monday", "tuesday", "wednesday", "friday", "saturday", "sunday")
    }
    days["thursday"] = ({"open_time": "00:00", "close_time": "03:00"}, {"open_time": "06:00", "close_time": "23:59"})  # type: ignore[assignment]
    week = WireWeek(
        FROM, TO, **{name: tuple(msgspec.convert(one, WireSession) for one in some) for name, some in days.items()}
    )
    timetable = Timetable()
    ExchangeWatch(timetable).schedule_read(Schedule(weeks=(week,)))
    closure = timetable.at(ns("2026-11-19T10:30Z"))
    assert closure is not None
    assert closure.end_ns == ns("2026-11-19T11:00Z")
    assert timetable.at(ns("2026-11-20T10:30Z")) is None


def test_hours_that_cannot_be_read_are_not_told() -> None:
    week = WireWeek(FROM, TO, monday=(WireSession("early", "late"),))
    timetable = Timetable()
    ExchangeWatch(timetable).schedule_read(Schedule(weeks=(week,)))
    assert timetable.weeks == ()


def test_hours_that_the_exchange_tells_decide_and_not_what_is_usual() -> None:
    always = ({"open_time": "00:00", "close_time": "00:00"},)
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    week = WireWeek(FROM, TO, **{name: tuple(msgspec.convert(one, WireSession) for one in always) for name in names})
    timetable = Timetable()
    assert timetable.at(ns("2026-11-19T08:30Z")) is not None
    ExchangeWatch(timetable).schedule_read(Schedule(weeks=(week,)))
    assert timetable.at(ns("2026-11-19T08:30Z")) is None
