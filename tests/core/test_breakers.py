"""Breakers trip, latch, clear and go stale by their rules; time is that of the events."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from markets.core.units import DAY_NS, DOLLAR, SECOND_NS
from tests.builders import TICKER, at, fill, opening
from trading.core.breaker_facts import MEASURES
from trading.core.breaker_rules import NOT_ARMED, UNEVALUATED
from trading.core.breakers import BREAKERS, FOR_REAL_ORDERS, RULES, Breakers
from trading.core.events import ArmedSet, ChecksRequired, CheckTold, Opening, Tripped
from trading.core.limits import LIMITS, RiskLimits
from trading.core.portfolio import Portfolio
from trading.core.reasons import REASONS


class Bench:
    """Breakers of an account with 10,000 dollars, opened; `second` is one second of the engine."""

    def __init__(self, start: Opening | None = None, **limits: int) -> None:
        self.portfolio = Portfolio()
        self.now = 0.0
        start = start or opening(seconds=0)
        self.portfolio.open(start)
        self.breakers = Breakers(self.portfolio)
        self.breakers.limits = RiskLimits(**limits)
        self.breakers.opened(start)

    def seconds(self, many: float = 1, *, books: bool = True, spot: bool = True, is_open: bool = True) -> "Bench":
        for _ in range(round(many)):
            self.now += 1
            now_ns = at(self.now)
            self._books_ns = now_ns if books else getattr(self, "_books_ns", now_ns)
            self._spot_ns = now_ns if spot else getattr(self, "_spot_ns", now_ns)
            heard = (self._books_ns, self._spot_ns) if is_open else (0, 0)
            self.breakers.heard(now_ns, books_ns=heard[0], spot_ns=heard[1])
            self.breakers.evaluate(now_ns)
        return self

    def tell(self, code: str, is_ok: bool = True, **more: Any) -> "Bench":
        self.breakers.told(CheckTold(at(self.now), code, is_ok, **more))
        return self

    def clear(self) -> "Bench":
        self.breakers.clear(at(self.now), "ada")
        self.breakers.evaluate(at(self.now))
        return self

    @property
    def halt(self) -> str:
        return self.breakers.halt

    def said(self) -> list[tuple[str, bool, str]]:
        return [(change.code, change.is_tripped, change.by) for change in self.breakers.drain()]


# The table ------------------------------------------------------------------------------------------------------


def test_every_rule_is_a_reason_has_a_name_and_goes_by_a_limit_that_exists() -> None:
    assert [rule.code for rule in RULES if rule.code not in REASONS or not rule.name] == []
    assert [rule.limit for rule in RULES if rule.limit and LIMITS[rule.limit].code != rule.code] == []
    assert {*MEASURES, NOT_ARMED, UNEVALUATED} == {rule.code for rule in RULES if not rule.is_told}
    assert set(FOR_REAL_ORDERS) == {rule.code for rule in RULES if rule.is_told}
    assert set(LIMITS) == set(RiskLimits.__struct_fields__)


def test_a_session_where_all_is_well_halts_for_nothing() -> None:
    bench = Bench().seconds(30)
    assert (bench.halt, bench.said()) == ("", [])
    assert {state.code for state in bench.breakers.states(at(30)) if state.evaluated_ns} == {
        rule.code for rule in RULES if not rule.is_told
    }


# Money ----------------------------------------------------------------------------------------------------------


def test_the_loss_of_the_day_stops_and_the_next_day_goes_on() -> None:
    bench = Bench(max_daily_loss=100 * DOLLAR, max_drawdown_bp=10_000)
    bench.portfolio.realised_today, bench.portfolio.fees_today = -98 * DOLLAR, DOLLAR
    assert bench.seconds().halt == ""
    bench.portfolio.fees_today += 1
    assert bench.seconds().halt == "DAILY_LOSS"
    bench.portfolio.advance(at(0) + DAY_NS)
    assert bench.seconds().halt == ""
    assert bench.said() == [("DAILY_LOSS", True, ""), ("DAILY_LOSS", False, "")]


def test_the_drawdown_stops_at_its_limit_stays_and_is_counted_anew_once_cleared() -> None:
    bench = Bench(max_drawdown_bp=1_000)
    bench.portfolio.cash -= 1_000 * DOLLAR - 1
    assert bench.seconds().halt == ""
    bench.portfolio.cash -= 1
    assert bench.seconds().halt == "DRAWDOWN"
    bench.portfolio.cash += 5_000 * DOLLAR
    assert bench.seconds().halt == "DRAWDOWN"
    bench.portfolio.cash -= 5_000 * DOLLAR
    assert bench.clear().halt == ""
    assert bench.breakers.peak_equity == 9_000 * DOLLAR
    assert bench.said() == [("DRAWDOWN", True, ""), ("DRAWDOWN", False, "ada")]


@given(st.lists(st.integers(-9_000 * DOLLAR, 9_000 * DOLLAR), max_size=20))
def test_money_paid_in_or_out_is_neither_profit_nor_loss(amounts: list[int]) -> None:
    bench = Bench(max_drawdown_bp=1)
    for amount in amounts:
        if bench.portfolio.cash + amount > 0:
            bench.portfolio.cash += amount
            bench.breakers.moved(amount)
            assert bench.seconds().halt == ""
    assert bench.breakers.peak_equity == bench.portfolio.equity


def test_a_purchase_is_no_drawdown_but_its_fee_is() -> None:
    bench = Bench(max_drawdown_bp=1)
    bench.portfolio.fill(fill(100_000, 5_000, fee=999_999), at(900))
    assert bench.seconds().halt == ""
    bench.portfolio.fill(fill(100, 5_000, fee=1, trade_id="t2"), at(900))
    assert bench.seconds().halt == "DRAWDOWN"


def test_as_many_losses_in_a_row_as_the_limit_stop_and_a_profit_between_them_does_not() -> None:
    bench = Bench(max_losing_streak=3)
    for profit in (-1, -1, 1, -1, -1):
        bench.breakers.settled(profit)
    assert bench.seconds().halt == ""
    bench.breakers.settled(-1)
    assert bench.seconds().halt == "LOSING_STREAK"
    bench.breakers.settled(1)
    assert bench.seconds().halt == "LOSING_STREAK"
    assert bench.clear().halt == ""


def test_a_session_goes_on_counting_where_the_last_one_ended() -> None:
    start = opening(seconds=0, peak_equity=11_000 * DOLLAR, losing_streak=2)
    assert Bench(start, max_losing_streak=2).halt == "LOSING_STREAK"
    assert Bench(start, max_drawdown_bp=909).halt == "DRAWDOWN"
    assert Bench(start, max_drawdown_bp=910).halt == ""


def test_a_fee_that_is_wrong_by_more_than_the_limit_stops_until_a_person_clears_it() -> None:
    terms = FeeTerms()
    bench = Bench(max_fee_difference=100)
    bench.breakers.filled(fill(300, 2_100, fee=34_900 + 100, trade_id="t1"), terms)
    assert bench.seconds().halt == ""
    bench.breakers.filled(fill(300, 2_100, fee=34_900 + 101, trade_id="t2"), terms)
    assert bench.seconds().halt == "FEE_MISMATCH"
    assert bench.clear().halt == ""


def test_a_fee_of_a_market_that_is_not_known_any_more_is_not_judged() -> None:
    bench = Bench()
    bench.breakers.filled(fill(fee=10**6), None)
    assert bench.seconds().halt == ""


# Flow and silence -----------------------------------------------------------------------------------------------


def test_as_many_refusals_in_a_minute_as_the_limit_stop_for_that_minute() -> None:
    bench = Bench(max_rejects_per_minute=2).seconds(10)
    bench.breakers.rejected(at(10))
    assert bench.seconds(20).halt == ""
    bench.breakers.rejected(at(30))
    assert bench.seconds().halt == "REJECTS"
    assert bench.seconds(38).halt == "REJECTS"
    assert bench.seconds(1).halt == ""


@pytest.mark.parametrize("silent", [{"books": False}, {"spot": False}, {"books": False, "spot": False}])
def test_silence_of_books_or_spot_stops_until_ten_seconds_after_it_ends(silent: dict[str, bool]) -> None:
    bench = Bench(max_stale_ms=5_000).seconds(3)
    assert bench.seconds(4, **silent).halt == ""
    assert bench.seconds(1, **silent).halt == "STALE"
    assert bench.seconds(9).halt == "STALE"
    assert bench.seconds(1).halt == ""
    assert bench.said() == [("STALE", True, ""), ("STALE", False, "")]


def test_where_nothing_is_open_nothing_is_silent_and_a_market_that_opens_has_its_time_to_speak() -> None:
    bench = Bench(max_stale_ms=5_000).seconds(60, is_open=False)
    assert bench.halt == ""
    assert bench.seconds(4, books=False, spot=False).halt == ""


def test_who_does_not_say_what_is_heard_does_not_trade() -> None:
    bench = Bench().seconds(5)
    bench.breakers.evaluate(at(7))
    assert bench.halt == ""
    bench.breakers.evaluate(at(8))
    assert bench.halt == UNEVALUATED


@pytest.mark.parametrize(
    "field", [name for name in RiskLimits.__struct_fields__ if name in {rule.limit for rule in RULES}]
)
def test_a_limit_of_zero_means_none(field: str) -> None:
    """What is told is measured by who tells it; a fee is off by nothing as long as it is right."""
    code = LIMITS[field].code
    bench = Bench(None, **({field: 0} if field != "min_parse_rate_bp" else {}))
    bench.seconds(3)
    if BREAKERS[code].is_told:
        assert RiskLimits(min_parse_rate_bp=0).problems()
    elif code == "FEE_MISMATCH":
        bench.breakers.filled(fill(300, 2_100, fee=34_901), FeeTerms())
        assert bench.seconds().halt == code
    else:
        assert bench.halt == code


# What is told ---------------------------------------------------------------------------------------------------


def required(*codes: str, arming: bool = False) -> Bench:
    bench = Bench().seconds()
    bench.breakers.required(ChecksRequired(at(bench.now), codes, arming))
    return bench


def test_a_check_that_is_needed_and_was_never_told_stops_trading() -> None:
    bench = required("WATCHDOG", "KILL_FILE")
    assert bench.halt == UNEVALUATED
    assert bench.breakers.state(UNEVALUATED).text == "Kill file, Watchdog"
    assert bench.tell("WATCHDOG").tell("KILL_FILE").halt == ""


@pytest.mark.parametrize("code", FOR_REAL_ORDERS)
def test_a_check_that_grows_older_than_its_age_stops_trading(code: str) -> None:
    age_s = BREAKERS[code].max_age_ns // SECOND_NS
    bench = required(code).tell(code)
    assert bench.seconds(age_s).halt == ""
    assert bench.seconds(1).halt == UNEVALUATED
    assert bench.tell(code).halt == ""


@pytest.mark.parametrize("code", FOR_REAL_ORDERS)
def test_a_check_that_fails_stops_trading_and_ends_by_its_rule(code: str) -> None:
    bench = Bench().seconds().tell(code).tell(code, is_ok=False, text="so it is", use=3.0, limit=2.0)
    assert bench.halt == code
    assert bench.breakers.state(code)[4:] == ("so it is", 3.0, 2.0)
    if not BREAKERS[code].is_latched:
        assert bench.tell(code).halt == ""
        return
    bench.clear()
    assert bench.halt == code  # its cause is not gone
    bench.tell(code)
    if code == "ORDER_GROUP":  # it is reset because a person wants it
        assert bench.halt == ""
    else:
        assert bench.halt == code
        assert bench.clear().halt == ""


def test_a_check_that_nobody_knows_is_passed_over_and_own_breakers_cannot_be_told() -> None:
    bench = Bench().seconds().tell("MAGIC", is_ok=False).tell("DRAWDOWN", is_ok=False)
    assert bench.halt == ""


def test_what_is_latched_stays_over_a_restart_and_is_cleared_by_a_person_alone() -> None:
    start = opening(seconds=0, tripped=(Tripped("DRAWDOWN", "far down", 1), Tripped("STALE"), Tripped("GONE")))
    bench = Bench(start).seconds(30)
    assert (bench.halt, bench.said()) == ("DRAWDOWN", [])
    assert bench.breakers.state("DRAWDOWN").text == "far down"
    assert bench.clear().halt == ""
    assert bench.said() == [("DRAWDOWN", False, "ada")]


def test_what_was_left_unreconciled_needs_a_clean_look_before_a_person_can_clear_it() -> None:
    bench = Bench(opening(seconds=0, tripped=(Tripped("RECONCILED"),))).seconds()
    bench.breakers.required(ChecksRequired(at(1), ("RECONCILED",)))
    assert bench.clear().halt == "RECONCILED"
    assert bench.tell("RECONCILED").halt == "RECONCILED"
    assert bench.clear().halt == ""


# Arming ---------------------------------------------------------------------------------------------------------


def test_real_orders_need_an_arming_in_force() -> None:
    bench = required(arming=True)
    assert bench.halt == NOT_ARMED
    bench.breakers.armed(ArmedSet(at(bench.now), at(bench.now + 5), "ada"))
    assert bench.halt == ""
    assert bench.seconds(4).halt == ""
    assert bench.seconds(1).halt == NOT_ARMED
    bench.breakers.armed(ArmedSet(at(bench.now), at(bench.now + 5), "ada"))
    bench.breakers.armed(ArmedSet(at(bench.now), 0, "ada"))
    assert bench.halt == NOT_ARMED


# All of them ----------------------------------------------------------------------------------------------------


def test_the_gravest_speaks_first() -> None:
    bench = Bench(max_losing_streak=1).seconds().tell("KILL_FILE", is_ok=False)
    bench.breakers.settled(-1)
    assert bench.seconds().halt == "KILL_FILE"
    assert bench.tell("KILL_FILE").halt == "LOSING_STREAK"


@pytest.mark.parametrize("code", MEASURES)
def test_a_measure_that_is_not_made_any_more_stops_trading(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench().seconds(5)
    monkeypatch.delitem(MEASURES, code)
    assert bench.seconds(2).halt == ""
    assert bench.seconds(1).halt == UNEVALUATED
    assert bench.breakers.state(UNEVALUATED).text == BREAKERS[code].name


def test_contracts_that_traded_are_counted_for_fifteen_seconds() -> None:
    bench = Bench()
    for second, count in ((1, 100), (5, 200)):
        bench.breakers.filled(fill(count, trade_id=f"t{second}", received_ns=at(second), ticker=TICKER), None)
    assert [bench.breakers.matched(at(second)) for second in (5, 15.9, 16, 20)] == [300, 300, 200, 0]
