"""Halt rows: each trip once, whoever writes it again; what clears itself ends with its session, what is latched does not."""

import pytest

from tests.builders_web_rows import session
from trading import halts
from trading.core.decision import BreakerChange
from trading.core.events import Tripped
from trading.models import Halt

pytestmark = pytest.mark.django_db

TRIP = BreakerChange("DRAWDOWN", True, True, "10.00 % below $10000", 1_000, 1_000)
CLEAR = BreakerChange("DRAWDOWN", False, True, by="ada")
STALE = BreakerChange("STALE", True, False, "silent for 15.0 s", 15_000, 15_000)
HEARD = BreakerChange("STALE", False, False)


def rows() -> list[tuple[str, int, int | None, str]]:
    return list(Halt.objects.order_by("event_ns").values_list("code", "event_ns", "cleared_ns", "cleared_by"))


def test_a_trip_opens_a_row_and_its_clearing_ends_it() -> None:
    told = [(1, TRIP), (2, STALE), (3, HEARD), (4, CLEAR), (5, STALE)]
    halts.write("demo", session("demo").pk, told)
    expected = [("DRAWDOWN", 1, 4, "ada"), ("STALE", 2, 3, ""), ("STALE", 5, None, "")]
    assert rows() == expected
    halts.write("demo", session("demo").pk, told)
    assert rows() == expected


def test_a_breaker_that_is_open_is_not_opened_twice() -> None:
    halts.write("demo", session("demo").pk, [(1, TRIP), (2, TRIP)])
    assert rows() == [("DRAWDOWN", 1, None, "")]


def test_accounts_do_not_mix() -> None:
    halts.write("demo", session("demo").pk, [(1, TRIP)])
    halts.write("live", session("live").pk, [(2, TRIP)])
    halts.write("live", session("live").pk, [(3, CLEAR)])
    assert rows() == [("DRAWDOWN", 1, None, ""), ("DRAWDOWN", 2, 3, "ada")]
    assert halts.latched("demo") == (Tripped("DRAWDOWN", "10.00 % below $10000", 1),)
    assert halts.latched("live") == ()


def test_a_session_takes_over_what_is_latched_and_begins_the_rest_anew() -> None:
    halts.write("demo", session("demo").pk, [(1, TRIP), (2, STALE)])
    assert halts.begin("demo", 9) == 1
    assert rows() == [("DRAWDOWN", 1, None, ""), ("STALE", 2, 9, "")]
    assert [tripped.code for tripped in halts.latched("demo")] == ["DRAWDOWN"]
