"""Halt rows: each trip once, whoever writes it again; what clears itself ends with its session, what is latched does not."""

import pytest

from tests.builders_web_rows import session
from trading import halt_rows
from trading.core.decision import BreakerChange
from trading.core.events import Opening, Tripped
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
    halt_rows.write(session("demo").pk, "demo", told)
    expected = [("DRAWDOWN", 1, 4, "ada"), ("STALE", 2, 3, ""), ("STALE", 5, None, "")]
    assert rows() == expected
    halt_rows.write(session("demo").pk, "demo", told)
    assert rows() == expected


def test_a_breaker_that_is_open_is_not_opened_twice() -> None:
    halt_rows.write(session("demo").pk, "demo", [(1, TRIP), (2, TRIP)])
    assert rows() == [("DRAWDOWN", 1, None, "")]


def test_accounts_do_not_mix() -> None:
    halt_rows.write(session("demo").pk, "demo", [(1, TRIP)])
    halt_rows.write(session("live").pk, "live", [(2, TRIP)])
    halt_rows.write(session("live").pk, "live", [(3, CLEAR)])
    assert rows() == [("DRAWDOWN", 1, None, ""), ("DRAWDOWN", 2, 3, "ada")]
    assert halt_rows.latched("demo") == (Tripped("DRAWDOWN", "10.00 % below $10000", 1),)
    assert halt_rows.latched("live") == ()


def test_a_session_takes_over_what_is_latched_and_begins_the_rest_anew() -> None:
    halt_rows.write(session("demo").pk, "demo", [(1, TRIP), (2, STALE)])
    halt_rows.carry("demo", [Opening(9, 0)])
    assert rows() == [("DRAWDOWN", 1, None, ""), ("STALE", 2, 9, "")]
    assert [tripped.code for tripped in halt_rows.latched("demo")] == ["DRAWDOWN"]
