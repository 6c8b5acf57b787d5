"""The promotion gate of an account: from its rows, kept, printed, judged daily."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from backtests import tasks
from backtests.promotion import INVENTED, gate_of, kept, promote, weights_of, windows_of
from markets.core.units import SECOND_NS
from tests.builders_web_rows import CLOSE_NS, forecast, market, session
from trading.models import Account, Arming, FittedArtefact, Position, Promotion

pytestmark = pytest.mark.django_db


@pytest.fixture
def record() -> None:
    """Four windows of the real market were forecast: one made money, one was not traded, one is open, one has no forecast
    with a probability."""
    Account.objects.create(name="paper", opening_cash=10_000_000_000)
    life = session("paper")
    for number in range(4):
        ticker, close_ns = f"KXBTC15M-{number}", CLOSE_NS + number * 900 * SECOND_NS
        states = {"status": "open", "result": "", "settle_value": ""} if number == 2 else {}
        market(ticker, close_ns=close_ns, is_simulated=False, **states)
        for seconds in (60, 300):
            fair = None if number == 3 else 0.6
            forecast(life, seconds, ticker=ticker, close_ns=close_ns, fair=fair)
    Position.objects.create(
        account="paper", ticker="KXBTC15M-0", count=0, cost=0, realised=2_500_000, fees=100_000, close_ns=CLOSE_NS, updated_ns=1
    )  # fmt: skip
    Position.objects.create(
        account="paper", ticker="KXBTC15M-2", count=100, cost=5, realised=0, fees=0, close_ns=CLOSE_NS, updated_ns=1
    )


def weight(group: str, value: float, error: float, least_s: float = 60.0) -> None:
    FittedArtefact.objects.create(
        account="paper", kind="pooling", group=group, least_s=least_s, most_s=300.0, windows=600, first_ns=1, through_ns=2,
        payload={"group": group, "least_s": least_s, "weight": value, "standard_error": error},
    )  # fmt: skip


def test_the_windows_are_those_that_were_forecast_and_have_settled(record: None) -> None:
    assert [(each.close_ns - CLOSE_NS, each.profit, each.is_traded) for each in windows_of("paper")] == [
        (0, 2.4, True),
        (900 * SECOND_NS, 0.0, False),
    ]
    assert windows_of("demo") == []


def test_the_weights_of_all_assets_together_are_taken_where_there_are_any(record: None) -> None:
    weight("BTC", 0.9, 0.1)
    assert [each.weight for each in weights_of("paper")] == [0.9]
    weight("all", 0.3, 0.1)
    weight("all", 0.2, 0.2, least_s=300.0)
    assert sorted(each.weight for each in weights_of("paper")) == [0.2, 0.3]


def test_what_was_found_is_kept_and_can_be_shown_again(record: None) -> None:
    weight("all", 0.3, 0.1)
    row = promote("paper")
    assert (row.windows, row.traded, row.is_passed, row.pooling_weight) == (2, 1, False, 0.3)
    assert row.missing == [each.lacks for each in kept(row) if each.lacks]
    assert row.missing[0] == "2 settled windows with forecasts: 500 are needed"


def test_a_record_of_an_invented_market_never_passes(record: None) -> None:
    market("KXBTC15M-9", close_ns=CLOSE_NS * 2, is_simulated=True)
    forecast(session("paper"), 60, ticker="KXBTC15M-9", close_ns=CLOSE_NS * 2)
    gate = gate_of("paper")
    assert gate.missing[0] == INVENTED


def test_the_command_prints_every_condition_keeps_the_result_and_says_no_by_its_exit_code(record: None) -> None:
    out = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("promotion", stdout=out)
    assert ended.value.code == 3
    assert out.getvalue().startswith("The record of 'paper': 2 settled windows with forecasts, 1 of them traded.\n")
    assert out.getvalue().count("NOT MET") == 4
    assert Promotion.objects.count() == 1
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("promotion", json=True, dry=True, stdout=out)
    assert json.loads(out.getvalue())["windows"] == 2
    assert Promotion.objects.count() == 1


def test_an_account_that_does_not_exist_is_refused(record: None) -> None:
    with pytest.raises(CommandError, match="there is no account 'papre'; there is paper"):
        call_command("promotion", account="papre")


def test_every_account_on_paper_is_judged_daily_and_no_other(record: None) -> None:
    Account.objects.create(name="live", opening_cash=1, venue="production")
    Account.objects.create(name="demo", opening_cash=1)
    assert tasks.promotions() == 0
    assert sorted(Promotion.objects.values_list("account", flat=True)) == ["demo", "paper"]
    assert not Arming.objects.exists()
