"""Resampled closes: what may not matter, that intervals cover the truth, and drawdowns along the way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.bootstrap import LEAST_CLOSES, falls, resample
from backtests.core.closes import closes_of
from backtests.core.metrics import Window
from markets.core.units import CONTRACT, DAY_NS, DOLLAR

QUARTER_NS = DAY_NS // 96


def window(number: int, net: float, *, close: int | None = None, asset: str = "BTC", count: int = 10) -> Window:
    """One that made `net` dollars."""
    close_ns = ((number if close is None else close) + 1) * QUARTER_NS
    spent = 5 * count * DOLLAR // 10
    return Window(f"{asset}-{number}", asset, close_ns, "yes", 1, count * CONTRACT, round(net * DOLLAR), 0, spent=spent)


def record(seed: int, count: int = 60, mean: float = 0.0) -> list[Window]:
    made = np.random.default_rng(seed).normal(mean, 1.0, count)
    return [window(number, float(net)) for number, net in enumerate(made)]


def test_windows_of_one_close_are_one_draw() -> None:
    both = [window(0, 3.0), window(1, -1.0, close=0, asset="ETH"), window(2, 4.0)]
    closes = closes_of(both)
    assert closes.size == 2
    assert closes.net.tolist() == [2.0, 4.0]
    assert closes.windows.tolist() == [2.0, 1.0]
    assert closes.wins.tolist() == [1.0, 1.0]
    assert closes.code.tolist() == [0, 0, 1]


def test_too_few_closes_have_no_interval() -> None:
    assert resample(closes_of(record(1, LEAST_CLOSES - 1)), 1_000.0) is None


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1_000))
def test_the_order_in_which_windows_are_told_changes_nothing(seed: int) -> None:
    windows = record(seed)
    order = np.random.default_rng(seed).permutation(len(windows))
    told = resample(closes_of(windows), 1_000.0, draws=50)
    assert resample(closes_of([windows[at] for at in order]), 1_000.0, draws=50) == told


def test_the_same_record_gives_the_same_intervals() -> None:
    closes = closes_of(record(2))
    assert resample(closes, 1_000.0, draws=80) == resample(closes, 1_000.0, draws=80)


def test_an_interval_lies_around_what_was_made() -> None:
    closes = closes_of(record(3, 200, 0.2))
    found = resample(closes, 1_000.0)
    assert found is not None
    mean = float(closes.net.mean())
    assert found.net_per_window.low < mean < found.net_per_window.high
    assert found.net_per_contract.low == pytest.approx(found.net_per_window.low / 10)
    assert found.return_on_cost.high == pytest.approx(found.net_per_window.high / 5)
    assert found.win_rate.low < float(closes.wins.mean()) < found.win_rate.high
    assert found.by == "closes"
    assert "200 closes" in found.method


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(60):
        found = resample(closes_of(record(seed, 100)), 1_000.0, draws=120)
        assert found is not None
        covered += found.net_per_window.low <= 0.0 <= found.net_per_window.high
    assert 49 <= covered <= 60


def test_a_record_that_is_all_one_value_has_no_width() -> None:
    found = resample(closes_of([window(number, 2.0) for number in range(40)]), 100.0, draws=50)
    assert found is not None
    assert found.net_per_window == (2.0, 2.0)
    assert found.drawdown == (0.0, 0.0)
    assert found.close_sharpe is None
    assert found.window_sharpe is None


def test_whole_days_are_drawn_where_there_are_thirty() -> None:
    days = [window(96 * day + turn, 1.0 if day % 2 else -1.0) for day in range(30) for turn in range(3)]
    found = resample(closes_of(days), 1_000.0, draws=300)
    assert found is not None
    assert (found.by, found.blocks) == ("days", 30)
    # the windows of a day are drawn together: a mean has the error of 30 draws, not of 90
    assert found.net_per_window.high - found.net_per_window.low > 0.6


def test_days_without_a_trade_are_days_too() -> None:
    closes = closes_of(record(5, 40))
    found = resample(closes, 1_000.0, days=range(60), draws=50)
    assert found is not None
    assert (found.by, found.blocks) == ("days", 60)


def test_the_band_is_told_at_closes_and_holds_the_middle_of_all_curves() -> None:
    closes = closes_of(record(6, 400, 0.5))
    found = resample(closes, 1_000.0, draws=200)
    assert found is not None
    assert len(found.band) <= 120
    assert [point.time_ns for point in found.band] == sorted({point.time_ns for point in found.band})
    last = found.band[-1]
    assert last.time_ns == closes.times[-1]
    assert last.low < closes.net.sum() < last.high
    assert last.low == pytest.approx(found.net.low)


@pytest.mark.parametrize(
    ("curve", "money", "share"),
    [
        pytest.param([10.0, -10.0, 20.0, 0.0, 30.0], 20.0, 20 / 110, id="from-a-peak"),
        pytest.param([-25.0], 25.0, 0.25, id="below-the-capital"),
        pytest.param([1.0, 2.0], 0.0, 0.0, id="up"),
    ],
)
def test_the_deepest_fall_of_a_curve(curve: list[float], money: float, share: float) -> None:
    assert falls(np.array(curve), 100.0) == pytest.approx((money, share))
