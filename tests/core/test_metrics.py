"""The figures of a run, against numbers worked out by hand."""

from math import isclose, sqrt

import pytest

from backtests.core import metrics
from backtests.core.metrics import Figure
from backtests.core.record import EquityPoint, Outcome, Placed, Result, outcomes
from markets.core.units import DAY_NS, DOLLAR
from tests.builders import TICKER, contract, fill, opening
from trading.core.decision import Signal
from trading.core.events import Fill, HeldPosition, Settled

NOON = 20_000 * DAY_NS + DAY_NS // 2


def result(**changes: object) -> Result:
    start = opening(1_000 * DOLLAR)
    values: dict[str, object] = {"opening": start, "closing": start, "first_ns": NOON, "last_ns": NOON}
    return Result(**(values | changes))  # type: ignore[arg-type]


def test_the_wilson_interval_is_the_published_one_for_eight_of_ten() -> None:
    low, high = metrics.wilson(8, 10)
    assert (round(low, 4), round(high, 4)) == (0.4902, 0.9433)


def test_the_wilson_interval_never_leaves_zero_to_one() -> None:
    assert metrics.wilson(0, 3)[0] == 0.0
    assert metrics.wilson(3, 3)[1] == pytest.approx(1.0)


def test_a_window_that_ends_at_zero_is_no_win() -> None:
    rate = metrics.win_rate([5, 0, -5, 10])
    assert (rate.wins, rate.windows, rate.rate.value) == (2, 4, 0.5)


def test_no_window_gives_words_instead_of_a_win_rate() -> None:
    rate = metrics.win_rate([])
    assert rate.rate.value is None
    assert "not enough data" in rate.rate.words


def test_the_sharpe_of_windows_is_mean_over_sample_deviation() -> None:
    # mean 2, squared deviations 4 + 1 + 0 + 1 + 4 = 10, over n - 1 = 4
    figure = metrics.trade_sharpe([0, 1, 2, 3, 4])
    assert figure.value == pytest.approx(2 / sqrt(2.5))


def test_four_windows_are_too_few_for_a_sharpe() -> None:
    assert metrics.trade_sharpe([1, 2, 3, 4]) == Figure(None, "not enough data: 4 settled windows, 5 are the least")


def test_windows_that_all_made_the_same_have_no_sharpe() -> None:
    assert metrics.trade_sharpe([7] * 9).value is None


def test_the_daily_sharpe_is_annualised_with_the_root_of_365() -> None:
    # mean 2, sample deviation 1
    figure = metrics.daily_sharpe([1, 2, 3], 100)
    assert figure.value == pytest.approx(2 * sqrt(365))


def test_the_daily_sharpe_does_not_depend_on_the_capital() -> None:
    assert metrics.daily_sharpe([1, 2, 3], 7) == metrics.daily_sharpe([1, 2, 3], 7_000)


def test_two_days_are_too_few_for_a_daily_sharpe() -> None:
    assert metrics.daily_sharpe([1, 2], 100).value is None


@pytest.mark.parametrize(("sharpe", "windows"), [(0.2, 100), (0.04, 2_500), (0.3, 45), (0.0, None), (-1.0, None)])
def test_it_says_how_many_windows_make_two_standard_errors(sharpe: float, windows: int | None) -> None:
    assert metrics.windows_for_proof(sharpe) == windows


def test_the_drawdown_is_measured_from_the_last_peak() -> None:
    points = [EquityPoint(at, equity) for at, equity in enumerate([110, 90, 120, 100, 130])]
    found = metrics.drawdown(100, points)
    assert found.money == 20
    assert found.share == pytest.approx(20 / 110)


def test_a_fall_below_the_capital_alone_is_a_drawdown() -> None:
    assert metrics.drawdown(100, [EquityPoint(1, 75)]) == metrics.Drawdown(25, 0.25)


@pytest.mark.parametrize(
    ("is_bid", "yes_pays", "made"),
    [(True, 10_000, 6_000), (True, 0, -4_000), (False, 10_000, -6_000), (False, 0, 4_000), (True, 5_000, 1_000)],
)
def test_a_fill_is_worth_what_its_contract_became(is_bid: bool, yes_pays: int, made: int) -> None:
    assert metrics.value_of(fill(100, 4_000, is_bid=is_bid), yes_pays) == made * 100


def test_a_round_trip_makes_the_difference_whatever_the_result() -> None:
    trades = [fill(100, 4_000), fill(100, 5_500, is_bid=False, trade_id="t2")]
    made = [sum(metrics.value_of(trade, yes_pays) for trade in trades) for yes_pays in (10_000, 5_000, 0)]
    assert made == [150_000] * 3


def test_fills_in_one_market_are_one_window() -> None:
    found = metrics.windows(
        result(
            fills=[fill(100, 4_000, fee=1_700), fill(200, 4_100, trade_id="t2", fee=3_400)],
            settlements=[Settled(NOON, TICKER, "yes", 300, 3 * DOLLAR)],
            contracts={TICKER: contract()},
        )
    )
    assert [(window.asset, window.fills, window.count, window.gross, window.net) for window in found] == [
        ("BTC", 2, 300, 1_780_000, 1_774_900)
    ]


def test_a_window_without_a_result_is_not_counted() -> None:
    measured = metrics.measure(result(fills=[fill()]))
    assert measured.windows == ()
    assert measured.win_rate.windows == 0


def test_net_is_what_the_account_gained_and_gross_is_before_fees() -> None:
    closing = opening(990 * DOLLAR, positions=(HeldPosition(TICKER, 1_000, 9 * DOLLAR, 0, 0),))
    measured = metrics.measure(result(closing=closing, fills=[fill(1_000, 90, fee=DOLLAR // 4)]))
    assert (measured.net, measured.fees, measured.gross) == (-DOLLAR, 250_000, -750_000)


def test_every_day_of_the_tapes_has_a_row_also_without_a_trade() -> None:
    days = metrics.daily(
        result(
            days={20_000: None, 20_001: None, 20_002: None},
            equity=[EquityPoint(NOON, 1_005 * DOLLAR), EquityPoint(NOON + 2 * DAY_NS, 1_002 * DOLLAR)],
            fills=[fill(received_ns=NOON, fee=7)],
        )
    )
    assert [(day.net // DOLLAR, day.fills, day.fees) for day in days] == [(5, 1, 7), (0, 0, 0), (-3, 0, 0)]


def test_the_days_add_up_to_the_total() -> None:
    equity = [EquityPoint(NOON + step * DAY_NS // 3, 1_000 * DOLLAR + step * 7) for step in range(9)]
    days = metrics.daily(result(equity=equity))
    assert sum(day.net for day in days) == equity[-1].equity - 1_000 * DOLLAR


def test_profit_a_contract_is_in_dollars() -> None:
    closing = opening(1_003 * DOLLAR)
    measured = metrics.measure(result(closing=closing, fills=[fill(1_000, 5_000)]))
    assert isclose(measured.net_per_contract.value or 0, 0.3)


WON, LOST = Outcome("yes", 10_000), Outcome("no", 0)


def traded_window(number: int, fair: float, outcome: Outcome) -> tuple[Fill, Placed, Outcome]:
    ticker = f"KXBTC15M-{number}"
    signal = Signal(NOON, ticker, "TRADED", fair=fair, bid=4_000, ask=6_000)
    order = Placed(number, ticker, True, 6_000, 100, NOON, signal)
    return fill(100, ticker=ticker, number=number, trade_id=str(number)), order, outcome


def test_the_brier_score_compares_our_fair_value_with_the_mid() -> None:
    traded = [traded_window(number, 0.8, WON if number else LOST) for number in range(5)]
    measured = metrics.measure(
        result(
            fills=[each[0] for each in traded],
            orders=[each[1] for each in traded],
            results={each[0].ticker: each[2] for each in traded},
        )
    )
    # four times (0.8 - 1)^2, once 0.8^2; the mid of 0.5 always errs by 0.25
    assert measured.brier_model.value == pytest.approx((4 * 0.04 + 0.64) / 5)
    assert measured.brier_market.value == pytest.approx(0.25)


def test_a_voided_window_is_money_and_no_forecast() -> None:
    """Six windows, one of them given back at 30 cents: its fill at 50 lost 20 cents a contract."""
    ends = [*[WON] * 5, Outcome("scalar", 3_000)]
    traded = [traded_window(number, 0.8, outcome) for number, outcome in enumerate(ends)]
    measured = metrics.measure(
        result(
            fills=[each[0] for each in traded],
            orders=[each[1] for each in traded],
            results={each[0].ticker: each[2] for each in traded},
        )
    )
    assert (len(measured.windows), measured.voided, measured.win_rate.wins) == (6, 1, 5)
    assert measured.brier_model == Figure(pytest.approx(0.04), "over 5 windows")  # type: ignore[arg-type]
    void = next(window for window in measured.windows if window.is_void)
    assert (void.result, void.yes_pays, void.net) == ("scalar", 3_000, -2_000 * 100)


def test_what_was_paid_out_is_an_outcome_and_what_the_exchange_says_of_it_goes_first() -> None:
    paid = [Settled(NOON, "A", "scalar", 100, 400_000, "", 4_000), Settled(NOON, "B", "no", 100, 0)]
    assert outcomes(result(settlements=paid, results={"B": WON})) == {"A": ("scalar", 4_000), "B": WON}
