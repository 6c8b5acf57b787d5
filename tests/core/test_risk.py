"""Every limit has a test that tries to pass it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.contract import FeeTerms
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import CLOSE_NS, TICKER, at, fill, opening
from trading.core.decision import AmendOrder, Denied, PlaceOrder
from trading.core.events import CashTold, CheckTold, OrderCancelled
from trading.core.limits import RiskLimits
from trading.core.orders import Orders
from trading.core.portfolio import Portfolio
from trading.core.risk import MEASURED, Risk, opening_count

WIDE = RiskLimits(
    max_daily_loss=10**12,
    max_market_exposure=10**12,
    max_close_exposure=10**12,
    max_total_exposure=10**12,
    max_market_share_bp=10_000,
    max_close_share_bp=10_000,
    max_total_share_bp=10_000,
    max_order_count=10**9,
    max_orders_per_minute=10**6,
)
FREE = FeeTerms(0, 0, 1, 0)
OTHER = "KXETH15M-26NOV221200-00"
LATER = "KXBTC15M-26NOV221215-15"


def risk(cash: int = 1_000 * DOLLAR, **limits: int) -> Risk:
    portfolio, start = Portfolio(), opening(cash)
    portfolio.open(start)
    wall = Risk(portfolio, Orders())
    wall.limits = msgspec.structs.replace(WIDE, **limits)
    wall.wanted = "ACTIVE"
    wall.opened(start)
    reviewed(wall)
    wall.breakers.drain()
    return wall


def reviewed(wall: Risk, now_ns: int = at(60)) -> None:
    """A second of the engine."""
    wall.breakers.heard(now_ns, books_ns=0, spot_ns=0)
    wall.review(now_ns)


def hold(wall: Risk, ticker: str, dollars: int, close_ns: int = CLOSE_NS) -> None:
    """Own YES at 50 cents for so many dollars."""
    wall.portfolio.fill(fill(200 * dollars, 5_000, ticker=ticker, trade_id=ticker), close_ns)


def ask(wall: Risk, dollars: int, *, opens: bool = True, now_ns: int = at(60)) -> Denied | None:
    """An order for YES at 50 cents that may lose so many dollars."""
    count = 200 * dollars
    order = PlaceOrder(99, TICKER, True, 5_000, count)
    return wall.check(order, worst=dollars * DOLLAR, opens=count if opens else 0, close_ns=CLOSE_NS, now_ns=now_ns)


def code(denied: Denied | None) -> str:
    return denied.code if denied else ""


def test_it_lets_an_order_inside_all_limits_pass() -> None:
    assert ask(risk(), 10) is None


def test_it_denies_an_order_that_would_pass_the_market_limit() -> None:
    wall = risk(max_market_exposure=100 * DOLLAR)
    hold(wall, TICKER, 60)
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == "MARKET_EXPOSURE"


def test_it_denies_an_order_that_would_pass_the_market_share_of_the_equity() -> None:
    wall = risk(max_market_share_bp=200)
    assert ask(wall, 20) is None
    assert code(ask(wall, 21)) == "MARKET_EXPOSURE"


def test_it_denies_an_order_that_would_pass_the_limit_of_all_markets_with_one_close() -> None:
    wall = risk(max_close_exposure=100 * DOLLAR)
    hold(wall, OTHER, 60)
    hold(wall, LATER, 90, CLOSE_NS + 900 * SECOND_NS)
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == "CLOSE_EXPOSURE"


def test_it_denies_an_order_that_would_pass_the_total_limit() -> None:
    wall = risk(max_total_exposure=100 * DOLLAR)
    hold(wall, LATER, 60, CLOSE_NS + 900 * SECOND_NS)
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == "TOTAL_EXPOSURE"


@pytest.mark.parametrize(
    ("share", "broken"), [("max_close_share_bp", "CLOSE_EXPOSURE"), ("max_total_share_bp", "TOTAL_EXPOSURE")]
)
def test_it_denies_an_order_that_would_pass_a_share_of_the_equity(share: str, broken: str) -> None:
    wall = risk(**{share: 400})
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == broken


def test_it_denies_an_order_whose_worst_case_with_all_that_is_open_would_pass_the_daily_loss() -> None:
    wall = risk(max_daily_loss=100 * DOLLAR)
    wall.portfolio.realised_today = -30 * DOLLAR
    hold(wall, OTHER, 30)
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == "DAILY_LOSS"


def test_a_profit_of_the_day_does_not_widen_the_daily_loss() -> None:
    wall = risk(max_daily_loss=100 * DOLLAR)
    wall.portfolio.realised_today = 500 * DOLLAR
    assert code(ask(wall, 101)) == "DAILY_LOSS"


def test_it_denies_an_order_that_cash_does_not_cover() -> None:
    assert code(ask(risk(cash=50 * DOLLAR), 51)) == "CASH"


@pytest.mark.parametrize("limit", ["max_total_exposure", "max_close_exposure", "max_daily_loss"])
def test_orders_without_an_answer_count_against_every_limit(limit: str) -> None:
    wall = risk(**{limit: 100 * DOLLAR})
    wall.orders.place(PlaceOrder(1, OTHER, True, 5_000, 200 * 70), CLOSE_NS, FREE)
    assert ask(wall, 30) is None
    assert ask(wall, 31) is not None


def test_the_room_in_a_market_is_what_is_held_and_what_is_on_its_way_there_leave() -> None:
    wall = risk(max_market_exposure=100 * DOLLAR)
    hold(wall, TICKER, 20)
    wall.orders.place(PlaceOrder(1, TICKER, True, 5_000, 200 * 70), CLOSE_NS, FREE)
    assert wall.room(TICKER, CLOSE_NS) == ("MARKET_EXPOSURE", 100 * DOLLAR, 90 * DOLLAR)


def test_cash_for_orders_without_an_answer_is_not_spent_twice() -> None:
    wall = risk(cash=100 * DOLLAR)
    wall.orders.place(PlaceOrder(1, LATER, True, 5_000, 200 * 70), CLOSE_NS + 900 * SECOND_NS, FREE)
    assert code(ask(wall, 31)) == "CASH"


def test_it_denies_an_order_larger_than_the_order_limit() -> None:
    wall = risk(max_order_count=1_000)
    assert ask(wall, 5) is None
    assert code(ask(wall, 6)) == "ORDER_COUNT"
    assert code(ask(wall, 6, opens=False)) == "ORDER_COUNT"


def test_it_denies_more_orders_a_minute_than_allowed_and_lets_them_pass_a_minute_later() -> None:
    wall = risk(max_orders_per_minute=2)
    wall.sent(at(0))
    wall.sent(at(30))
    assert code(ask(wall, 1, now_ns=at(59))) == "ORDER_RATE"
    assert ask(wall, 1, now_ns=at(60)) is None


def test_halted_lets_nothing_pass_and_reducing_only_what_opens_nothing() -> None:
    wall = risk()
    wall.wanted = "HALTED"
    assert code(ask(wall, 1, opens=False)) == "HALTED"
    wall.wanted = "REDUCING"
    assert code(ask(wall, 1)) == "REDUCING_ONLY"
    assert ask(wall, 1, opens=False) is None


def test_an_order_that_only_closes_is_not_held_back_by_exposure() -> None:
    wall = risk(max_total_exposure=0)
    assert ask(wall, 10, opens=False) is None


def test_it_halts_when_the_realised_loss_leaves_less_than_one_contract_and_lifts_it_when_the_limit_is_raised() -> None:
    wall = risk(max_daily_loss=100 * DOLLAR)
    wall.portfolio.realised_today = -99 * DOLLAR
    reviewed(wall)
    assert wall.mode == "ACTIVE"
    wall.portfolio.realised_today -= 1
    reviewed(wall)
    assert (wall.mode, wall.halt) == ("HALTED", "DAILY_LOSS")
    wall.limits = msgspec.structs.replace(wall.limits, max_daily_loss=200 * DOLLAR)
    reviewed(wall)
    assert wall.mode == "ACTIVE"


def test_a_limit_of_zero_means_none() -> None:
    for name in ("max_daily_loss", "max_market_exposure", "max_close_exposure", "max_total_exposure"):
        assert ask(risk(**{name: 0}), 1) is not None


@given(st.integers(-1_000, 1_000), st.booleans(), st.integers(1, 2_000))
def test_opening_and_closing_counts_add_up(position: int, is_bid: bool, count: int) -> None:
    after = position + (count if is_bid else -count)
    opens = opening_count(position, is_bid, count)
    assert opens == (abs(after) if position * after < 0 else max(abs(after) - abs(position), 0))


def test_it_denies_a_second_order_in_a_market_while_the_first_is_unanswered() -> None:
    """Two orders that close the same contracts would open as many on the other side, past every limit."""
    wall = risk()
    hold(wall, TICKER, 10)
    wall.orders.place(PlaceOrder(1, TICKER, True, 5_000, 2_000), CLOSE_NS, FREE)
    assert code(ask(wall, 10, opens=False)) == "ORDER_WORKING"
    wall.orders.gone(OrderCancelled(at(60), TICKER, 1, 2_000, "immediate_or_cancel"))
    assert ask(wall, 10, opens=False) is None


def amend(wall: Risk, dollars: int, *, opens: int = 0) -> Denied | None:
    """A change that adds so many dollars to what may be lost."""
    order = AmendOrder(98, TICKER, True, 5_100, 1_000)
    return wall.check(order, worst=dollars * DOLLAR, opens=opens, close_ns=CLOSE_NS, now_ns=at(60))


def test_a_change_counts_with_what_it_adds_even_where_it_opens_no_more_contracts() -> None:
    wall = risk(max_total_exposure=10 * DOLLAR)
    assert amend(wall, 10) is None
    assert code(amend(wall, 11)) == "TOTAL_EXPOSURE"
    wall.wanted = "REDUCING"
    assert code(amend(wall, 1)) == "REDUCING_ONLY"
    assert amend(wall, 0) is None
    wall.wanted = "HALTED"
    assert code(amend(wall, 0)) == "HALTED"


def test_a_halt_is_passed_by_what_closes_positions_where_a_person_wants_that_and_by_nothing_else() -> None:
    wall = risk()
    closes = PlaceOrder(99, TICKER, False, 5_000, 100, is_reduce_only=True)

    def verdict() -> str:
        return code(wall.check(closes, worst=0, opens=0, close_ns=CLOSE_NS, now_ns=at(60)))

    wall.policy = "flatten"
    wall.breakers.told(CheckTold(at(60), "DRIFT", is_ok=False))
    assert verdict() == "DRIFT"  # no breaker flattens by itself
    wall.wanted = "HALTED"
    assert verdict() == ""
    assert code(ask(wall, 1, opens=False)) == "DRIFT"
    wall.policy = "cancel"
    assert verdict() == "DRIFT"
    wall.policy = "flatten"
    wall.breakers.told(CheckTold(at(60), "JOURNAL", is_ok=False))
    assert verdict() == "JOURNAL"  # it could not be written down


def test_with_the_kill_file_there_nothing_is_closed_either() -> None:
    wall = risk()
    wall.wanted, wall.policy = "HALTED", "flatten"
    flattens = [wall.flattens]
    for second, is_ok in ((60, False), (61, True)):
        wall.breakers.told(CheckTold(at(second), "KILL_FILE", is_ok=is_ok))
        flattens.append(wall.flattens)
    assert flattens == [True, False, True]  # no order leaves: it would only be refused again and again


def test_cash_on_the_shard_is_less_all_that_works() -> None:
    wall = risk()
    wall.portfolio.told(CashTold(at(60), ((0, 900 * DOLLAR), (2, 100 * DOLLAR)), 2))
    wall.orders.place(PlaceOrder(1, LATER, True, 5_000, 200 * 60), CLOSE_NS + 900 * SECOND_NS, FREE)
    assert ask(wall, 40) is None
    assert code(ask(wall, 41)) == "SHARD_CASH"


def test_what_was_not_measured_for_two_seconds_lets_nothing_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = risk()
    monkeypatch.delitem(MEASURED, "max_close_exposure")
    reviewed(wall, at(62))
    assert ask(wall, 1, now_ns=at(62)) is None
    reviewed(wall, at(63))
    assert code(ask(wall, 1, now_ns=at(63))) == "UNEVALUATED"
    assert wall.unevaluated(at(63)) == ["max_close_exposure"]


def test_contracts_that_traded_or_may_count_against_what_may_trade_in_fifteen_seconds() -> None:
    wall = risk(max_contracts_per_15s=1_000)
    wall.breakers.filled(fill(400, received_ns=at(50)), None)
    wall.orders.place(PlaceOrder(1, OTHER, True, 5_000, 400), CLOSE_NS, FREE)
    assert ask(wall, 1) is None
    assert code(ask(wall, 2)) == "CONTRACT_RATE"
    reviewed(wall, at(65))
    assert ask(wall, 2, now_ns=at(65)) is None
