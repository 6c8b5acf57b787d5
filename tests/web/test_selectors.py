"""Selectors, the ledger check and the heartbeats: what pages ask, and what is noticed when it does not add up."""

from datetime import timedelta

import pytest
from django.utils import timezone

from markets.core.units import DAY_NS
from tests import builders
from tests.builders import CLOSE_NS, TICKER, at
from trading import ledger, records, selectors, services, tasks
from trading.core import events
from trading.core.decision import PlaceOrder, Signal
from trading.models import Discrepancy, Heartbeat, Position, Settlement, TraderStatus
from trading.models import Signal as SignalRow
from trading.records import Entry, Subject

ACCOUNT = "paper"
CAPITAL = 10_000_000_000
DAY = CLOSE_NS // DAY_NS * DAY_NS

pytestmark = pytest.mark.django_db


@pytest.fixture
def subject(db: None) -> Subject:
    services.account_open(ACCOUNT, CAPITAL)
    return Subject(services.session_start(account=ACCOUNT, market_source="demo").pk, ACCOUNT, is_simulated=True)


@pytest.fixture
def a_day(subject: Subject) -> Subject:
    """1 contract bought at 0.40, fee 0.01, won; 2 sold at 0.30, fee 0.02, lost; 1 bought at 0.50 and held."""
    records.write(subject, [
        Entry(at(1), commands=(PlaceOrder(1, "WON", True, 4_000, 100),)),
        Entry(at(2), builders.fill(100, 4_000, trade_id="t1", ticker="WON", fee=10_000)),
        Entry(at(3), commands=(PlaceOrder(2, "LOST", False, 3_000, 200),)),
        Entry(at(4), builders.fill(200, 3_000, trade_id="t2", ticker="LOST", is_bid=False, fee=20_000, number=2)),
        Entry(at(5), builders.fill(100, 5_000, trade_id="t3", number=3)),
        Entry(at(930), events.Settled(at(930), "WON", "yes", 100, 1_000_000)),
        Entry(at(931), events.Settled(at(931), "LOST", "yes", -200, 0)),
        Entry(at(932), positions=(
            events.HeldPosition("WON", 0, 0, 600_000, 10_000, CLOSE_NS),
            events.HeldPosition("LOST", 0, 0, -1_400_000, 20_000, CLOSE_NS),
            events.HeldPosition(TICKER, 100, 500_000, 0, 0, CLOSE_NS),
        )),
    ])  # fmt: skip
    return subject


def test_the_day_is_profit_fees_and_counts(a_day: Subject) -> None:
    day = selectors.day_totals(ACCOUNT, DAY, DAY + DAY_NS)
    assert (day.realised, day.fees, day.net) == (-800_000, 30_000, -830_000)
    assert (day.orders, day.fills, day.settlements, day.wins, day.losses) == (2, 3, 2, 1, 1)


def test_another_day_is_empty(a_day: Subject) -> None:
    assert selectors.day_totals(ACCOUNT, DAY + DAY_NS, DAY + 2 * DAY_NS) == selectors.DayTotals(0, 0, 0, 0, 0, 0, 0)


def test_another_account_is_empty(a_day: Subject) -> None:
    services.account_open("other", 5)
    assert selectors.day_totals("other", DAY, DAY + DAY_NS).fills == 0
    assert selectors.ledger("other").cash == 5


def test_open_positions_are_those_that_hold_contracts(a_day: Subject) -> None:
    assert [row.ticker for row in selectors.open_positions(ACCOUNT)] == [TICKER]


def test_orders_and_fills_come_newest_first_and_no_more_than_asked(a_day: Subject) -> None:
    assert [row.number for row in selectors.orders_recent(ACCOUNT, 5)] == [2, 1]
    assert [row.trade_id for row in selectors.fills_recent(ACCOUNT, 2)] == ["t3", "t2"]


def test_signals_of_a_market_come_newest_first(subject: Subject) -> None:
    signals = tuple(Signal(at(second), TICKER, "NO_SPOT") for second in (1, 3, 2))
    records.write(subject, [Entry(at(4), signals=signals)])
    assert [row.event_ns for row in selectors.signals_recent(TICKER)] == [at(3), at(2), at(1)]


def test_an_unknown_number_of_a_signal_stays_unknown(subject: Subject) -> None:
    records.write(subject, [Entry(at(1), signals=(Signal(at(1), TICKER, "NO_SPOT"),))])
    row = SignalRow.objects.get()
    assert (row.fair, row.edge_yes, row.edge_no, row.confidence, row.spot, row.volatility) == (None,) * 6


def test_the_profit_of_a_market_comes_with_its_result(a_day: Subject) -> None:
    profits = {row.ticker: (row.net, row.result) for row in selectors.profit_by_market(ACCOUNT)}
    assert profits == {"WON": (590_000, "yes"), "LOST": (-1_420_000, "yes"), TICKER: (0, "")}


def test_the_ledger_adds_up_from_capital_fills_fees_and_payouts_alone(a_day: Subject) -> None:
    account = selectors.ledger(ACCOUNT)
    assert account.cash == CAPITAL - 400_000 - 2 * 700_000 - 500_000 - 30_000 + 1_000_000
    assert (account.fees, account.payouts, account.positions) == (30_000, 1_000_000, {TICKER: 100})
    assert account.differences == []


@pytest.mark.parametrize("change", [{"count": 101}, {"fees": 1}, {"cost": 499_999}, {"realised": 1}])
def test_the_ledger_names_the_position_that_differs(a_day: Subject, change: dict[str, int]) -> None:
    Position.objects.filter(ticker=TICKER).update(**change)
    assert {difference.subject for difference in selectors.ledger(ACCOUNT).differences} == {TICKER}


def test_a_settlement_for_another_count_than_was_held_is_named(a_day: Subject) -> None:
    Settlement.objects.filter(ticker="WON").update(count=99)
    assert ledger.Difference("WON", "settled for 99, fills say 100") in selectors.ledger(ACCOUNT).differences


def test_fills_without_a_position_are_named(a_day: Subject) -> None:
    Position.objects.filter(ticker=TICKER).delete()
    assert selectors.ledger(ACCOUNT).differences == [ledger.Difference(TICKER, "fills without a position")]


def test_the_trader_is_alive_for_five_seconds_after_a_heartbeat() -> None:
    assert (selectors.status().age_s, selectors.status().is_alive) == (None, False)
    TraderStatus.objects.create(heartbeat_at=timezone.now())
    assert selectors.status().is_alive
    TraderStatus.objects.update(heartbeat_at=timezone.now() - timedelta(seconds=6))
    assert not selectors.status().is_alive


# Tasks ----------------------------------------------------------------------------------------------------------


def test_the_ledger_check_opens_a_discrepancy_and_closes_it_once_it_adds_up(a_day: Subject) -> None:
    assert tasks.ledger_check() == 0
    Position.objects.filter(ticker=TICKER).update(fees=1)
    assert tasks.ledger_check() == tasks.ledger_check() == 1
    said = [(row.subject, row.text.count("the ledger")) for row in selectors.discrepancies_open()]
    assert said == [(f"{ACCOUNT} {TICKER}", 2)]
    Position.objects.filter(ticker=TICKER).update(fees=0)
    assert tasks.ledger_check() == 0
    assert not selectors.discrepancies_open()
    assert Discrepancy.objects.count() == 1


def test_the_ledger_check_leaves_discrepancies_of_other_kinds_open(a_day: Subject) -> None:
    services.discrepancy_open("fill", "paper t1", "two prices")
    tasks.ledger_check()
    assert [row.kind for row in selectors.discrepancies_open()] == ["fill"]


def test_the_worker_shows_that_it_works() -> None:
    assert selectors.heartbeat_age_s(tasks.WORKER) is None
    tasks.heartbeat()
    age_s = selectors.heartbeat_age_s(tasks.WORKER)
    assert age_s is not None
    assert 0 <= age_s < 5
    assert Heartbeat.objects.get().name == "worker"
