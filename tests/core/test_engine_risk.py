"""The limits as the engine keeps them: over several markets in one step, over a minute, over what is on its way."""

import msgspec
import pytest

from markets.core.events import MarketListed
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import EAGER, STRIKE, TICKER, Table, at, contract, opening, snapshot, spot, status
from trading.core.events import Fill, HeldPosition, LimitsSet, Settled
from trading.core.fees import worst_fee
from trading.core.limits import RiskLimits
from trading.core.parameters import Parameters

SLOW = msgspec.structs.replace(EAGER, order_latency_ns=30 * SECOND_NS)
BULLISH = STRIKE * 1.004
OTHER = "KXBTCD-26NOV221200-00"


def two_markets(limits: RiskLimits, parameters: Parameters = EAGER, until: float = 60.0) -> Table:
    """Two markets on one coin with one close, both far too cheap; a price reaches both in the same step."""
    table = Table(parameters=parameters, limits=limits)
    for ticker in (TICKER, OTHER):
        table.hear(MarketListed(at(-3), contract(ticker)), status(0, "open", ticker=ticker))
    table.hear(snapshot(0.1), snapshot(0.1, ticker=OTHER))
    return table.hear(*[spot(second / 2, BULLISH) for second in range(1, int(until * 2))])


def cost(table: Table) -> int:
    """What all orders together could cost, without fees."""
    return sum(order.price * order.count for order in table.orders)


def mode(table: Table) -> str:
    return table.engine.mode


def test_orders_of_one_step_share_the_limits() -> None:
    free = two_markets(RiskLimits(), until=5)
    together = [decision for decision in free.decisions if len(decision.commands) > 1]
    assert {order.ticker for order in together[0].commands} == {TICKER, OTHER}
    for limits in (
        RiskLimits(max_total_exposure=60 * DOLLAR),
        RiskLimits(max_close_exposure=60 * DOLLAR),
        RiskLimits(max_daily_loss=60 * DOLLAR),
    ):
        tight = two_markets(limits, until=5)
        assert 50 * DOLLAR < cost(tight) <= 60 * DOLLAR
        assert cost(free) > 2 * cost(tight)


def test_orders_on_a_long_way_count_until_they_are_answered() -> None:
    table = two_markets(RiskLimits(max_total_exposure=60 * DOLLAR, max_market_exposure=40 * DOLLAR), SLOW, until=20)
    assert table.heard_of(Fill) == []
    assert 50 * DOLLAR < cost(table) <= 60 * DOLLAR
    assert table.engine.orders.exposure() <= 60 * DOLLAR


def test_no_more_orders_leave_in_a_minute_than_the_limit_says() -> None:
    table = two_markets(RiskLimits(max_orders_per_minute=3), until=50)
    assert len(table.orders) == 3
    assert "ORDER_RATE" in table.reasons()


def test_what_is_reserved_for_an_order_covers_its_fees() -> None:
    limits = RiskLimits(max_daily_loss=60 * DOLLAR)
    table = two_markets(limits)
    portfolio = table.engine.portfolio
    assert portfolio.fees_today > 0
    assert portfolio.exposure + portfolio.fees_today <= 60 * DOLLAR


def test_new_limits_are_measured_at_once_against_what_was_lost_before() -> None:
    table = Table(start=opening(realised_today=-90 * DOLLAR))
    assert mode(table) == "ACTIVE"
    table.hear(LimitsSet(at(1), 2, RiskLimits(max_daily_loss=90 * DOLLAR)))
    assert (mode(table), table.engine.risk.halt) == ("HALTED", "DAILY_LOSS")


def test_a_session_that_opens_with_the_loss_of_the_day_used_up_is_halted() -> None:
    table = Table(start=opening(realised_today=-400 * DOLLAR, fees_today=100 * DOLLAR))
    assert (mode(table), table.engine.risk.halt) == ("HALTED", "DAILY_LOSS")


def test_an_account_taken_up_later_brings_the_loss_of_its_day() -> None:
    table = Table()
    assert mode(table) == "ACTIVE"
    table.hear(opening(seconds=1, realised_today=-400 * DOLLAR, fees_today=100 * DOLLAR))
    assert mode(table) == "HALTED"


def test_a_fee_or_a_settlement_that_uses_up_the_day_halts_at_once() -> None:
    held = (HeldPosition(TICKER, 1_000, 5 * DOLLAR, 0, 0, at(900)),)
    limits = RiskLimits(max_daily_loss=5 * DOLLAR)
    table = Table(start=opening(positions=held), limits=limits)
    assert mode(table) == "ACTIVE"
    table.engine.step(Settled(at(930), TICKER, "no", 1_000, 0))
    assert mode(table) == "HALTED"
    table = Table(start=opening(positions=held), limits=limits)
    table.engine.step(Fill(at(10), "t", TICKER, 1, False, 5_000, 100, 4_500_000))
    assert mode(table) == "HALTED"


@pytest.mark.parametrize("price", [BULLISH, STRIKE * 0.996])
def test_an_order_that_opens_reserves_its_own_side_and_the_worst_fee(price: float) -> None:
    table = Table(parameters=SLOW, start=opening(orders_sent=7))
    table.hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1, 3_900, 4_100))
    table.hear(*[spot(second / 2, price) for second in range(1, 20)])
    (order,) = table.orders
    own_price = order.price if order.is_bid else 10_000 - order.price
    assert own_price == (4_100 if price > STRIKE else 6_100)
    assert order.number == 8
    expected = own_price * order.count + worst_fee(contract().fees, own_price, order.count)
    assert table.engine.orders.exposure() == expected


def test_an_order_that_closes_reserves_its_fee_alone() -> None:
    held = (HeldPosition(TICKER, -5_000, 25 * DOLLAR, 0, 0, at(900)),)
    table = Table(parameters=SLOW, start=opening(positions=held))
    table.hear(MarketListed(at(-3), contract()), status(0, "open"), snapshot(0.1))
    table.hear(*[spot(second / 2, BULLISH) for second in range(1, 20)])
    (order,) = table.orders
    assert order.count == 5_000
    assert table.engine.orders.exposure() == worst_fee(contract().fees, 5_100, 5_000)
