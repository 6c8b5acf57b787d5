"""The admin: people type dollars, percent and seconds; rows keep exact integers; history is only added to."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from markets.models import Series
from tests import builders
from tests.builders import TICKER, at
from trading import admin_columns, control, records, services
from trading.core import events
from trading.core.decision import Forecast, PlaceOrder, SettlementAudit, Signal
from trading.core.events import SeriesOff
from trading.core.limits import RiskLimits as CoreLimits
from trading.core.parameters import Parameters
from trading.forms import RiskLimitsForm, StrategyParametersForm, format_scaled, money
from trading.models import Discrepancy, Divergence, Reconciliation, RiskLimits, StrategyParameters, TraderStatus
from trading.records import Entry, Subject

pytestmark = pytest.mark.django_db
KINDS = (
    "account", "position", "settlement", "order", "fill", "signal", "forecast", "settlementaudit", "tradingsession", "discrepancy", "heartbeat",
    "risklimits", "strategyparameters", "traderstatus", "ledgerentry", "reconciliation", "divergence",
)  # fmt: skip
LIMITS = {
    "max_daily_loss": "500.25", "max_market_exposure": "200", "max_close_exposure": "0.000001",
    "max_total_exposure": "1000", "max_market_share_bp": "2.5", "max_close_share_bp": "4", "max_total_share_bp": "10",
    "max_order_count": "12.34", "max_orders_per_minute": "60", "max_contracts_per_15s": "150", "max_drawdown_bp": "12.5",
    "max_losing_streak": "9", "max_fee_difference": "0.0001", "max_rejects_per_minute": "7", "max_stale_ms": "20000",
    "max_clock_skew_ms": "1500", "min_parse_rate_bp": "98.5", "reason": "a calmer day",
}  # fmt: skip


def page(kind: str, view: str = "changelist", *args: object) -> str:
    return reverse(f"admin:trading_{kind}_{view}", args=args)


@pytest.fixture
def rows() -> None:
    """One row of each kind."""
    services.account_open("paper", 10_000_000_000)
    subject = Subject(services.session_start(account="paper", market_source="demo").pk, "paper", is_simulated=True)
    records.write(subject, [
        Entry(at(1), signals=(Signal(at(1), TICKER, "TRADED", "yes", 0.61),)),
        Entry(at(60), forecasts=(Forecast(at(60), TICKER, "BTC", builders.CLOSE_NS, 840, fair=0.61),)),
        Entry(at(930), audits=(SettlementAudit(at(930), TICKER, "BTC", builders.CLOSE_NS, "85000.01", 2, 2, "yes"),)),
        Entry(at(1), commands=(PlaceOrder(1, TICKER, True, 5_600, 2_687),)),
        Entry(at(2), builders.fill(2_687, 5_600, fee=1_234_567)),
        Entry(at(3), positions=(events.HeldPosition(TICKER, 2_687, 15_047_200, 0, 1_234_567, at(900)),)),
        Entry(at(930), events.Settled(at(930), TICKER, "yes", 2_687, 26_870_000)),
    ])  # fmt: skip
    services.versions_open()
    services.status_open()
    services.heartbeat_note("worker")
    services.discrepancy_open("ledger", "paper", "off by one")
    Reconciliation.objects.create(
        account="paper", kind="task", is_clean=False, differences=["cash shard 2: off by one"]
    )
    Divergence.objects.create(
        session_id=subject.session_id, account="paper", through_ns=at(930), made=5, expected=3, total=2, text="better"
    )


# Everybody's rows -----------------------------------------------------------------------------------------------


def test_every_list_and_every_row_opens(as_ada: Client, rows: None) -> None:
    lists = {kind: as_ada.get(page(kind)) for kind in KINDS}
    firsts = {kind: answer.context["cl"].result_list[0].pk for kind, answer in lists.items()}
    opened = {kind: as_ada.get(page(kind, "change", first)).status_code for kind, first in firsts.items()}
    assert opened == dict.fromkeys(KINDS, 200)


def test_nothing_that_happened_can_be_changed_or_deleted(as_ada: Client, rows: None) -> None:
    kinds = [kind for kind in KINDS if kind != "traderstatus"]
    firsts = {kind: as_ada.get(page(kind)).context["cl"].result_list[0].pk for kind in kinds}
    changed = {kind: as_ada.post(page(kind, "change", first), {}).status_code for kind, first in firsts.items()}
    gone = {
        kind: as_ada.post(page(kind, "delete", first), {"post": "yes"}).status_code for kind, first in firsts.items()
    }
    assert changed == gone == dict.fromkeys(kinds, 403)


def test_what_happened_cannot_be_made_up(as_ada: Client, rows: None) -> None:
    kinds = [kind for kind in KINDS if kind not in {"risklimits", "strategyparameters"}]
    assert {kind: as_ada.get(page(kind, "add")).status_code for kind in kinds} == dict.fromkeys(kinds, 403)


def test_bob_has_no_way_in(as_bob: Client) -> None:
    assert as_bob.get(page("risklimits", "add")).status_code == 302


def test_money_counts_and_times_are_shown_as_people_read_them(as_ada: Client, rows: None) -> None:
    text = as_ada.get(page("fill")).content.decode()
    wanted = ("0.5600", "26.87", "1.234567", "2026-11-22 16:46:00.000", "buys YES")
    assert [part for part in wanted if part not in text] == []


def test_the_pages_hold_no_script_of_their_own(as_ada: Client) -> None:
    text = as_ada.get(page("risklimits", "add")).content.decode()
    assert "<script>" not in text
    assert "onclick" not in text


def test_a_discrepancy_says_who_closed_it_and_why(as_ada: Client, rows: None) -> None:
    Discrepancy.objects.update(closed_at=timezone.now(), closed_by="rita", closed_reason="counted by hand")
    for text in (
        as_ada.get(page("discrepancy")).content.decode(),
        as_ada.get(page("discrepancy", "change", Discrepancy.objects.get().pk)).content.decode(),
    ):
        assert "rita" in text
        assert "counted by hand" in text


# Versions -------------------------------------------------------------------------------------------------------


def test_limits_are_typed_in_dollars_percent_and_contracts_and_stored_exactly(as_ada: Client, ada: User) -> None:
    assert as_ada.post(page("risklimits", "add"), LIMITS).status_code == 302
    row = RiskLimits.objects.get()
    assert row.limits() == CoreLimits(
        500_250_000, 200_000_000, 1, 1_000_000_000, 250, 400, 1_000, 1_234, 60, 1_250, 9, 100, 15_000, 20_000, 1_500, 9_850, 7
    )  # fmt: skip
    assert (row.author, row.reason) == (ada, "a calmer day")
    assert LogEntry.objects.get().object_id == str(row.pk)


def test_a_new_version_starts_from_the_one_in_force(as_ada: Client) -> None:
    services.limits_set(CoreLimits(max_daily_loss=123_450_000, max_total_share_bp=1_250), author=None, reason="one")
    form = as_ada.get(page("risklimits", "add")).context["adminform"].form
    assert (form["max_daily_loss"].value(), form["max_total_share_bp"].value()) == ("123.45", "12.5")
    assert not form["reason"].value()


def test_without_any_version_it_starts_from_the_defaults(as_ada: Client) -> None:
    form = as_ada.get(page("strategyparameters", "add")).context["adminform"].form
    assert (form["vwap_window_ns"].value(), form["order_latency_ns"].value()) == ("2", "0.1")


def test_saving_what_the_form_showed_stores_the_same_values_again(as_ada: Client) -> None:
    parameters = Parameters(quiet_close_ns=1_234_567_891, edge_threshold=0.0375)
    services.parameters_set(parameters, author=None, reason="one")
    form = as_ada.get(page("strategyparameters", "add")).context["adminform"].form
    typed = {name: form[name].value() for name in form.fields} | {"reason": "the same"}
    assert as_ada.post(page("strategyparameters", "add"), typed).status_code == 302
    assert StrategyParameters.objects.count() == 2
    assert StrategyParameters.objects.latest("version").parameters() == parameters


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_daily_loss": "-1"}, "greater than or equal to 0"),
        ({"max_daily_loss": "0.0000001"}, "no more than 6 decimal places"),
        ({"max_daily_loss": "much"}, "Enter a number"),
        ({"max_daily_loss": ""}, "required"),
        ({"max_market_share_bp": "NaN"}, "Enter a number"),
        ({"max_losing_streak": "1.5"}, "no more than 0 decimal places"),
        ({"min_parse_rate_bp": "0"}, "above 0 and at most 100 percent"),
        ({"min_parse_rate_bp": "101"}, "less than or equal to 100"),
        ({"reason": " "}, "required"),
    ],
)
def test_limits_that_cannot_be_are_refused_with_the_reason(as_ada: Client, changes: dict[str, str], said: str) -> None:
    answer = as_ada.post(page("risklimits", "add"), LIMITS | changes)
    assert said in answer.content.decode()
    assert not RiskLimits.objects.exists()


def test_what_was_typed_stays_as_typed_when_it_is_refused(as_ada: Client) -> None:
    answer = as_ada.post(page("risklimits", "add"), LIMITS | {"max_total_exposure": "1e"})
    form = answer.context["adminform"].form
    assert (form["max_daily_loss"].value(), form["max_total_exposure"].value()) == ("500.25", "1e")


def test_parameters_are_checked_together_by_the_rules_of_the_engine(as_ada: Client) -> None:
    form = as_ada.get(page("strategyparameters", "add")).context["adminform"].form
    typed = {name: form[name].value() for name in form.fields} | {"reason": "bold", "kelly_fraction": "1.5"}
    answer = as_ada.post(page("strategyparameters", "add"), typed)
    assert "the Kelly fraction must be 0 to 1" in answer.content.decode()


def test_every_field_of_the_core_is_in_its_form() -> None:
    assert set(RiskLimitsForm.base_fields) == {*CoreLimits.__struct_fields__, "reason"}
    assert set(StrategyParametersForm.base_fields) == {*Parameters.__struct_fields__, "reason"}


@pytest.mark.parametrize("kind", ["risklimits", "strategyparameters"])
def test_every_field_says_what_it_does_its_unit_and_its_default(as_ada: Client, kind: str) -> None:
    shown = as_ada.get(page(kind, "add")).context["adminform"]
    grouped = [name for _, options in shown.fieldsets for name in options["fields"]]
    assert sorted(grouped) == sorted(shown.form.fields)
    for name, field in shown.form.fields.items():
        assert name == "reason" or "Default: " in field.help_text, name


def test_the_help_of_a_limit_is_in_the_units_it_is_typed_in(as_ada: Client) -> None:
    fields = as_ada.get(page("risklimits", "add")).context["adminform"].form.fields
    assert fields["max_daily_loss"].help_text.startswith("In dollars. ")
    assert fields["max_daily_loss"].help_text.endswith("Default: 500.")
    assert fields["max_total_share_bp"].help_text.endswith("Default: 10.")


def test_only_a_strategy_that_exists_can_be_chosen(as_ada: Client) -> None:
    form = as_ada.get(page("strategyparameters", "add")).context["adminform"].form
    typed = {name: form[name].value() for name in form.fields} | {"reason": "bold", "strategy": "magic"}
    answer = as_ada.post(page("strategyparameters", "add"), typed)
    assert "magic is not one of the available choices" in answer.content.decode()
    assert not StrategyParameters.objects.exists()


# Mode -----------------------------------------------------------------------------------------------------------


def test_the_mode_is_set_with_a_name_and_a_reason(as_ada: Client) -> None:
    TraderStatus.objects.create(actual_mode="ACTIVE", message="well")
    typed = {"wanted_mode": "HALTED", "wanted_reason": "lunch", "actual_mode": "HALTED", "message": "forged"}
    assert as_ada.post(page("traderstatus", "change", 1), typed).status_code == 302
    row = TraderStatus.objects.get()
    assert (row.wanted_mode, row.wanted_by, row.wanted_reason) == ("HALTED", "ada", "lunch")
    assert (row.actual_mode, row.message) == ("ACTIVE", "well")


def test_a_mode_without_a_reason_is_refused(as_ada: Client) -> None:
    services.status_open()
    answer = as_ada.post(page("traderstatus", "change", 1), {"wanted_mode": "HALTED", "wanted_reason": ""})
    assert answer.status_code == 200
    assert TraderStatus.objects.get().wanted_mode == "ACTIVE"


def test_saving_the_mode_does_not_undo_a_heartbeat_that_came_meanwhile(
    as_ada: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.status_open()
    real: Callable[..., TraderStatus] = services.mode_set

    def with_a_heartbeat(*args: object, **kwargs: object) -> TraderStatus:
        TraderStatus.objects.update(message="newer")
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "mode_set", with_a_heartbeat)
    as_ada.post(page("traderstatus", "change", 1), {"wanted_mode": "HALTED", "wanted_reason": "lunch"})
    assert TraderStatus.objects.get().message == "newer"


# Series ---------------------------------------------------------------------------------------------------------


def test_a_series_switched_off_is_what_the_trader_hears_next(as_ada: Client) -> None:
    Series.objects.create(ticker="KXBTC15M", asset="BTC", title="BTC up in the next 15 minutes")
    before = control.wanted()
    path = reverse("admin:markets_series_change", args=["KXBTC15M"])
    assert as_ada.post(path, {}).status_code == 302  # an unticked box is not sent
    assert control.wanted().changes(before, 1) == [SeriesOff(1, ("KXBTC15M",))]
    off = control.wanted()
    assert as_ada.post(path, {"is_enabled": "on"}).status_code == 302
    assert control.wanted().changes(off, 2) == [SeriesOff(2, ())]


def test_a_series_keeps_its_name_when_its_switch_is_turned(as_ada: Client) -> None:
    Series.objects.create(ticker="KXBTC15M", asset="BTC", title="BTC")
    as_ada.post(reverse("admin:markets_series_change", args=["KXBTC15M"]), {"title": "forged", "asset": "ETH"})
    row = Series.objects.get()
    assert (row.title, row.asset, row.is_enabled) == ("BTC", "BTC", False)


# Numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0.00"), (1, "0.000001"), (-1_500_000, "-1.50"), (1_234_567_890_000, "1,234,567.89"), (-10_000, "-0.01")],
)
def test_dollars_are_shown_exactly(value: int, text: str) -> None:
    assert admin_columns.dollars_text(value) == text


@pytest.mark.parametrize("value", [0, 1, 10, 100, 1_000_000, 123_456_789, 10**15])
def test_a_number_shown_and_typed_again_is_the_same_number(value: int) -> None:
    field = money()
    assert field.clean(field.prepare_value(value)) == value


def test_large_round_numbers_are_not_shown_with_an_exponent() -> None:
    assert format_scaled(100_000_000_000, 6) == "100000"
    assert Decimal(format_scaled(100_000_000_000, 6)) == 100_000


def test_an_unknown_number_is_a_dash_and_a_zero_is_a_zero() -> None:
    column = admin_columns.decimals("fair", 2)
    assert (column(Signal(0, TICKER, "NO_SPOT")), column(Signal(0, TICKER, "NO_SPOT", fair=0.0))) == ("-", "0.00")
