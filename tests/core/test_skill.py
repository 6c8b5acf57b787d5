"""The skill report: on equal rows, by window, and never more than the numbers carry."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from backtests.core.paired import judged
from backtests.core.rows import Row, any_mid, by_close, by_window, mid
from backtests.core.skill import ModelScore, Report, report
from backtests.core.splits import splits
from backtests.core.table import table_of
from markets.core.units import DAY_NS, SECOND_NS

QUARTER_NS = 900 * SECOND_NS
FIRST_NS = 20_000 * DAY_NS
Said = Callable[[float, np.random.Generator], float]


def row(window: int = 0, seconds_left: int = 300, **different: Any) -> Row:
    """A forecast that nobody would argue with."""
    values: dict[str, Any] = {
        "asset": "BTC", "ticker": f"W{window}", "close_ns": FIRST_NS + window * QUARTER_NS, "seconds_left": seconds_left,
        "probabilities": {"digital": 0.6, "fair": 0.6}, "bid": 5_900, "ask": 6_100, "book_age_ns": 5, "outcome": 1,
    }  # fmt: skip
    return Row(**(values | different))


def world(windows: int, said: dict[str, Said], *, seed: int = 1, marks: tuple[int, ...] = (600, 60)) -> list[Row]:
    """Windows whose true probability is known; each forecaster says something of it, "market" by its mid."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(windows):
        truth = float(random.uniform(0.05, 0.95))
        outcome = int(random.random() < truth)
        for mark in marks:
            p = {name: min(max(tell(truth, random), 0.01), 0.99) for name, tell in said.items()}
            middle = round(10_000 * p.pop("market"))
            rows.append(row(number, mark, probabilities=p, bid=middle - 50, ask=middle + 50, outcome=outcome))
    return rows


def honest(truth: float, random: np.random.Generator) -> float:
    return truth


def noisy(truth: float, random: np.random.Generator) -> float:
    return truth + float(random.normal(0, 0.15))


def scored(rows: list[Row]) -> Report:
    return report(table_of(rows))


def model(of: Report, name: str) -> ModelScore:
    return next(each for each in of.models if each.name == name)


# Rows ---------------------------------------------------------------------------------------------------


def test_the_mid_is_halfway_and_none_where_there_is_no_believed_quote_on_both_sides() -> None:
    assert mid(row()) == pytest.approx(0.6)
    assert mid(row(bid=0)) is None
    assert mid(row(ask=10_000)) is None
    assert mid(row(bid=6_100, ask=6_100)) is None
    assert mid(row(bid=6_200, ask=6_100)) is None
    assert mid(row(book_age_ns=None)) is None
    assert mid(row(bid=9_980, ask=9_990)) == pytest.approx(0.9985)


def test_rows_are_gathered_by_market_and_by_close_in_order_of_time() -> None:
    rows = [row(2), row(1, 60), row(1), row(1, ticker="OTHER")]
    assert {ticker: len(found) for ticker, found in by_window(rows).items()} == {"W2": 1, "W1": 2, "OTHER": 1}
    assert [len(found) for found in by_close(rows).values()] == [3, 1]


# The same rows for all -----------------------------------------------------------------------------------


def test_every_model_is_scored_on_the_rows_that_it_shares_with_the_market_and_the_naive_model() -> None:
    rows = [row(number, outcome=number % 2) for number in range(40)]
    rows[3] = row(3, outcome=1, probabilities={"digital": 0.6, "fair": None})
    rows[4] = row(4, outcome=0, bid=0)
    rows[5] = row(5, outcome=1, probabilities={"digital": None, "fair": 0.6})
    of = scored(rows)
    fair, market, naive = model(of, "fair"), model(of, "market"), model(of, "digital")
    assert (fair.rows, market.rows, naive.rows) == (37, 38, 38)
    assert (fair.not_priced, fair.no_quote) == (1, 1)
    assert fair.versus[0].rows == fair.versus[1].rows == 37
    # 37 rows: 18 YES, 19 NO; ours, the market and the naive model said 0.6 in each of them
    by_hand = (18 * 0.16 + 19 * 0.36) / 37
    assert fair.brier == fair.market_brier == fair.naive_brier == pytest.approx(by_hand)
    assert fair.coin_brier == 0.25
    assert fair.skill == pytest.approx(0.0)


def test_a_hard_row_that_a_model_did_not_price_is_not_held_against_the_market_alone() -> None:
    rows = [row(number) for number in range(40)]
    rows += [row(100 + number, outcome=0, probabilities={"digital": 0.6, "fair": None}) for number in range(40)]
    fair = model(scored(rows), "fair")
    assert fair.brier == fair.market_brier == pytest.approx(0.16)
    assert model(scored(rows), "market").brier == pytest.approx((0.16 + 0.36) / 2)


def test_losses_are_averaged_inside_a_window_first() -> None:
    rows = [row(0, mark, outcome=0) for mark in range(1, 101)] + [row(number) for number in range(1, 31)]
    assert model(scored(rows), "fair").brier == pytest.approx((0.36 + 30 * 0.16) / 31)


# Not enough data ----------------------------------------------------------------------------------------


def test_an_empty_record_gives_a_report_without_numbers() -> None:
    of = scored([])
    assert (of.rows, of.windows, of.first_ns, of.sentences) == (0, 0, None, ())
    assert all(each.brier is None for each in of.models)


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        (29, "not enough data: 29 settled windows, 30 are the least for a score."),
        (30, "not enough data: 30 settled windows, 100 are the least for a comparison."),
        (99, "not enough data: 99 settled windows, 100 are the least for a comparison."),
    ],
)
def test_too_few_windows_have_words_in_the_place_of_a_number(windows: int, words: str) -> None:
    of = scored(world(windows, {"market": honest, "fair": noisy, "digital": noisy}))
    fair = model(of, "fair")
    assert (fair.brier is None) == (windows < 30)
    assert fair.versus[0].verdict == "few"
    assert fair.versus[0].low is None
    assert fair.versus[0].sentence.endswith(words)


def test_many_windows_at_few_closes_are_few() -> None:
    rows = [
        each._replace(close_ns=FIRST_NS + number % 20 * QUARTER_NS)
        for number, each in enumerate(world(200, {"market": honest, "fair": noisy, "digital": noisy}, marks=(60,)))
    ]
    versus = model(scored(rows), "fair").versus[0]
    assert (versus.windows, versus.closes, versus.verdict) == (200, 20, "few")
    assert "20 different closes, 30 are the least" in versus.sentence


def test_a_group_without_enough_windows_has_no_number() -> None:
    rows = world(60, {"market": honest, "fair": noisy, "digital": noisy})
    rows += [each._replace(asset="ETH", ticker=f"E{each.ticker}") for each in rows[:20]]
    cells = {(group.kind, group.key): group.cells[0] for group in scored(rows).groups}
    assert cells["asset", "ETH"].brier is None
    assert cells["asset", "ETH"].versus.verdict == "few"
    assert cells["asset", "BTC"].brier is not None


# What is said -------------------------------------------------------------------------------------------


def test_it_says_plainly_that_the_market_is_better() -> None:
    of = scored(world(800, {"market": honest, "fair": noisy, "digital": noisy}))
    fair = model(of, "fair")
    versus = fair.versus[0]
    assert versus.verdict == "worse"
    assert 0 < (versus.low or 0) < (versus.difference or 0) < (versus.high or 0)
    assert versus.difference == pytest.approx(0.15**2, rel=0.35)  # what noise of 0.15 costs
    assert versus.sentence == (
        f"The market's mid is better than the configured model (Brier {fair.market_brier:.4f} against {fair.brier:.4f}; "
        f"difference {versus.difference:.4f}, 95 % {versus.low:.4f} to {versus.high:.4f}, 800 windows)."
    )
    assert versus.sentence == of.sentences[0]
    assert of.sentences[-1].startswith("The configured model and naive N(d2) cannot be told apart (Brier ")


def test_a_better_model_is_called_better_and_no_profit() -> None:
    versus = model(scored(world(800, {"market": noisy, "fair": honest, "digital": noisy})), "fair").versus[0]
    assert versus.verdict == "better"
    assert versus.sentence.startswith("The configured model is better than the market's mid on these windows (Brier ")
    assert versus.sentence.endswith("That is a score, not a profit.")
    assert ", 95 % -" not in versus.sentence  # what it is better by, not below nought


def test_equal_forecasters_cannot_be_told_apart() -> None:
    of = scored(world(300, {"market": honest, "fair": honest, "digital": noisy}))
    assert model(of, "fair").versus[0].verdict == "level"
    assert "The configured model and the market's mid cannot be told apart" in of.sentences[0]


def test_noise_is_not_called_an_edge() -> None:
    """Forecasters as good as the market, sixty times nine of them: hardly one may be called better."""
    names = ("fair", "calibrated", "pooled", "abm_avg", "gbm_avg", "gbm_avg_t", "gbm_avg_mix", "gbm_avg_emp", "digital")
    claims = 0
    for seed in range(20):
        of = scored(world(150, {"market": noisy, **dict.fromkeys(names, noisy)}, seed=seed, marks=(60,)))
        claims += sum(model(of, name).versus[0].verdict == "better" for name in names)
    assert claims <= 4  # of 180; at 95 % without correction some 5 would be


def test_better_must_hold_for_the_best_of_all_that_were_compared_and_worse_need_not() -> None:
    assert judged(0.001, 0.01, 0.02, corrected_for=9) == "worse"
    assert judged(-0.01, -0.001, 0.02, corrected_for=9) == "leaning"
    assert judged(-0.01, -0.001, 0.005, corrected_for=9) == "better"
    assert judged(-0.01, -0.001, 0.02, corrected_for=1) == "better"
    assert judged(-0.01, 0.001, 0.001, corrected_for=1) == "level"
    assert judged(0.001, 0.01, 0.2, corrected_for=1) == "level"  # interval and test must agree


def test_a_model_that_is_another_by_a_second_name_is_said_to_be_and_counts_once() -> None:
    rows = [each._replace(probabilities=dict(each.probabilities) | {"calibrated": each.probabilities["fair"]}) for each in world(
        200, {"market": honest, "fair": noisy, "digital": noisy})]  # fmt: skip
    of = scored(rows)
    assert model(of, "calibrated").same_as == "fair"
    assert sum("configured model" in words and "market" in words for words in of.sentences) == 1


# Groups -------------------------------------------------------------------------------------------------


def test_it_tells_by_asset_by_time_left_and_by_the_markets_price() -> None:
    rows = world(200, {"market": honest, "fair": noisy, "digital": noisy})
    rows += [each._replace(asset="ETH", ticker=f"E{each.ticker}") for each in rows]
    of = scored(rows)
    keys = {kind: [group.key for group in of.groups if group.kind == kind] for kind in ("asset", "time left")}
    assert keys == {"asset": ["BTC", "ETH"], "time left": ["10 min", "1 min"]}
    prices = [group for group in of.groups if group.kind == "market's price"]
    assert len(prices) == 10
    assert sum(group.rows for group in prices) == of.quoted == 800
    third = prices[3]
    inside = [each for each in rows if 0.3 <= (mid(each) or 0) < 0.4]
    assert third.rows == len(inside)
    windows: dict[str, list[float]] = {}
    for each in inside:
        windows.setdefault(each.ticker, []).append(((mid(each) or 0) - each.outcome) ** 2)
    by_hand = sum(sum(losses) / len(losses) for losses in windows.values()) / len(windows)
    assert third.cells[0].market_brier == pytest.approx(by_hand)


def test_twin_assets_make_it_no_surer() -> None:
    rows = world(200, {"market": honest, "fair": noisy, "digital": noisy})
    twins = rows + [each._replace(asset="ETH", ticker=f"E{each.ticker}") for each in rows]
    alone, together = model(scored(rows), "fair").versus[0], model(scored(twins), "fair").versus[0]
    assert together.windows == 2 * alone.windows
    assert together.low == pytest.approx(alone.low)
    assert together.high == pytest.approx(alone.high)
    assert together.t == pytest.approx(alone.t)


def test_days_are_drawn_from_thirty_days_on() -> None:
    few, many = (
        scored([each._replace(close_ns=FIRST_NS + number * DAY_NS // 5) for number, each in enumerate(
            world(windows, {"market": honest, "fair": noisy, "digital": noisy}, marks=(60,)))])
        for windows in (145, 155)
    )  # fmt: skip
    assert (few.days, many.days) == (29, 31)
    assert "runs of 8 closes" in few.method
    assert "whole days (31 of them)" in many.method
    assert model(many, "fair").versus[0].low is not None


def test_the_order_of_rows_changes_nothing() -> None:
    rows = world(150, {"market": honest, "fair": noisy, "digital": noisy})
    shuffled = [rows[place] for place in np.random.default_rng(2).permutation(len(rows))]
    first, second = model(scored(rows), "fair"), model(scored(shuffled), "fair")
    assert second.brier == pytest.approx(first.brier, abs=1e-12)
    assert second.versus[0].low == pytest.approx(first.versus[0].low, abs=1e-6)


def test_a_quote_with_one_side_is_a_market_where_that_is_asked_for() -> None:
    assert any_mid(row(bid=9_900, ask=10_000)) == pytest.approx(0.995)
    assert any_mid(row(bid=0, ask=20)) == pytest.approx(0.001)
    assert mid(row(bid=0, ask=20)) is None
    assert any_mid(row(bid=0, ask=10_000)) is None
    assert any_mid(row(bid=5_000, ask=4_900)) is None
    assert any_mid(row(bid=0, ask=20, book_age_ns=None)) is None
    assert any_mid(row(bid=4_000, ask=4_400)) == mid(row(bid=4_000, ask=4_400)) == pytest.approx(0.42)


def test_rows_are_parted_by_how_sure_the_level_was_where_that_differs() -> None:
    sure, unsure = [row(number, level_error=1e-4) for number in range(3)], [row(9, level_error=5e-4)]
    (split,) = [each for each in splits(table_of([*sure, *unsure])) if each.kind == "error of the index level"]
    assert [split.keys[number] for number in split.code] == ["up to 2 bp"] * 3 + ["above 2 bp"]
    assert len(splits(table_of(sure))) == len(splits(table_of(unsure))) == 3
