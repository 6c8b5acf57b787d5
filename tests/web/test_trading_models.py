"""The rows of trading: what the database itself refuses, and the way from a row to the core."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, connection, transaction

from trading import services
from trading.core.limits import RiskLimits as CoreLimits
from trading.core.parameters import Parameters
from trading.models import (
    AppendOnlyError,
    Discrepancy,
    Fill,
    Order,
    Position,
    RiskLimits,
    Settlement,
    Signal,
    StrategyParameters,
    TraderStatus,
    TradingSession,
)

pytestmark = pytest.mark.django_db
TABLES = ["trading_risklimits", "trading_strategyparameters"]


def a_session() -> TradingSession:
    return services.session_start(account="a", market_source="demo")


def order(session: TradingSession, **changes: object) -> Order:
    values: dict[str, object] = {
        "session": session, "account": "a", "number": 1, "client_order_id": f"{session.pk}-1", "ticker": "T",
        "is_bid": True, "price": 5_000, "count": 100, "sent_ns": 1, "updated_ns": 1,
    }  # fmt: skip
    return Order(**(values | changes))


def fill(**changes: object) -> Fill:
    values: dict[str, object] = {
        "account": "a", "trade_id": "t1", "ticker": "T", "is_bid": True, "price": 5_000, "count": 100, "fee": 0,
        "is_taker": True, "evidence": "book", "event_ns": 1,
    }  # fmt: skip
    return Fill(**(values | changes))


def test_limits_have_a_column_for_every_field_of_the_core() -> None:
    limits = CoreLimits(*range(1, len(CoreLimits.__struct_fields__) + 1))
    row = services.limits_set(limits, author=None, reason="a test")
    assert RiskLimits.objects.get(pk=row.pk).limits() == limits


def test_parameters_have_a_column_for_every_field_of_the_core() -> None:
    parameters = Parameters(edge_threshold=0.041, vwap_window_ns=1_500_000_001, tails="normal", quorum=3)
    row = services.parameters_set(parameters, author=None, reason="a test")
    assert StrategyParameters.objects.get(pk=row.pk).parameters() == parameters


def test_a_version_can_neither_be_saved_again_nor_deleted() -> None:
    row = services.limits_set(CoreLimits(), author=None, reason="a test")
    for attempt in (row.save, row.delete, RiskLimits.objects.all().delete):
        with pytest.raises(AppendOnlyError):
            attempt()
    with pytest.raises(AppendOnlyError):
        RiskLimits.objects.update(max_daily_loss=1)
    with pytest.raises(AppendOnlyError):
        RiskLimits.objects.bulk_update([row], ["reason"])


@pytest.mark.parametrize("table", TABLES)
def test_the_database_refuses_to_change_a_version_whoever_asks(table: str) -> None:
    services.versions_open()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET reason = 'changed'")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite empties tables with DELETE when it flushes them")
def test_postgresql_refuses_to_delete_a_version(table: str) -> None:
    services.versions_open()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")


def test_the_author_of_a_version_cannot_be_deleted(ada: User) -> None:
    services.limits_set(CoreLimits(), author=ada, reason="a test")
    with pytest.raises(IntegrityError):
        ada.delete()


def test_there_is_one_row_of_status_and_no_other() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TraderStatus.objects.create(pk=2)


def test_a_mode_that_does_not_exist_is_refused_by_the_database() -> None:
    services.status_open()
    with pytest.raises(IntegrityError), transaction.atomic():
        TraderStatus.objects.update(wanted_mode="YOLO")


@pytest.mark.parametrize("changes", [{"price": 0}, {"price": 10_000}, {"count": 0}, {"filled": -1}, {"status": "lost"}])
def test_the_database_refuses_an_order_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        order(a_session(), **changes).save(force_insert=True)


@pytest.mark.parametrize("changes", [{"price": 0}, {"price": 10_000}, {"count": -100}])
def test_the_database_refuses_a_fill_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        fill(**changes).save(force_insert=True)


def test_a_trade_is_booked_once_an_account() -> None:
    fill().save(force_insert=True)
    fill(account="b").save(force_insert=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        fill(price=4_000).save(force_insert=True)


def test_a_flat_position_cannot_have_a_cost() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Position.objects.create(account="a", ticker="T", count=0, cost=1, realised=0, fees=0, updated_ns=1)


def test_a_market_settles_once_an_account() -> None:
    values = {"account": "a", "ticker": "T", "result": "yes", "count": 100, "payout": 1_000_000, "event_ns": 1}
    Settlement.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Settlement.objects.create(**values)


@pytest.mark.parametrize(
    ("result", "yes_pays"), [("scalar", None), ("scalar", 10_001), ("scalar", -1), ("yes", 10_000), ("void", None)]
)
def test_what_a_market_paid_in_between_lies_within_a_dollar_and_is_told_of_voided_ones_alone(
    result: str, yes_pays: int | None
) -> None:
    values = {"account": "a", "ticker": "T", "count": 100, "payout": 500_000, "event_ns": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        Settlement.objects.create(result=result, yes_pays=yes_pays, **values)
    assert (
        Settlement.objects.create(result="scalar", yes_pays=5_000, **values).result_text == "voided: YES paid $0.5000"
    )


def test_a_fair_value_is_a_probability() -> None:
    values = {
        "session": a_session(),
        "ticker": "T",
        "event_ns": 1,
        "reason": "R",
        "bid": 0,
        "ask": 1,
        "seconds_left": 1,
    }
    Signal.objects.create(**values, fair=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Signal.objects.create(**(values | {"event_ns": 2}), fair=1.01)


def test_a_session_is_not_clean_before_it_has_ended() -> None:
    session = a_session()
    with pytest.raises(IntegrityError), transaction.atomic():
        TradingSession.objects.filter(pk=session.pk).update(is_clean=True)


def test_one_discrepancy_of_a_kind_and_subject_is_open_at_a_time() -> None:
    Discrepancy.objects.create(kind="ledger", subject="a", text="1")
    with pytest.raises(IntegrityError), transaction.atomic():
        Discrepancy.objects.create(kind="ledger", subject="a", text="2")
