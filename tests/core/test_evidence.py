"""What a record is evidence of: published numbers, what the verdict says when, and what may not matter."""

import json
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.buckets import buckets_of
from backtests.core.deflated import Shape, deflated_sharpe, probabilistic_sharpe, trades_for_proof
from backtests.core.evidence import Evidence, deflated, evidence_of, needed, verdict_of
from backtests.core.metrics import Window, measure
from backtests.core.record import Result
from backtests.report_statistics import statistics_of
from markets.core.units import DOLLAR
from tests.builders_results import traded

PUBLISHED = Shape(2.5 / sqrt(250), -3.0, 10.0)


def judged(result: Result) -> Evidence:
    return evidence_of(result, measure(result))


def code(found: Evidence, trials: int | None = None) -> str:
    dsr = deflated(found.shape, found.closes, trials).dsr if trials is not None else None
    span = found.resampled.net_per_contract if found.resampled else None
    return verdict_of(found.closes, span, found.psr, found.signs.p, dsr)


def test_section_10_the_published_record_beside_its_tries() -> None:
    assert deflated_sharpe(PUBLISHED, 1_250, 0.5 / 250, 100) == pytest.approx(0.9004, abs=5e-5)
    own = deflated(PUBLISHED, 1_250, 100)
    assert own.dsr == deflated_sharpe(PUBLISHED, 1_250, 1 / 1_249, 100)  # tries without an edge vary by chance alone
    assert own.luck is not None
    assert own.luck < PUBLISHED.sharpe


def test_one_try_needs_no_deflating() -> None:
    assert deflated(PUBLISHED, 1_250, 1).dsr == probabilistic_sharpe(PUBLISHED, 1_250)
    assert deflated(None, 1_250, 1).dsr is None


@pytest.mark.parametrize(("sharpe", "count"), [(0.2, 100), (-0.2, 100), (0.04, 2_500), (0.0, None), (None, None)])
def test_so_many_make_two_standard_errors_on_either_side(sharpe: float | None, count: int | None) -> None:
    assert needed(sharpe) == count


def test_section_10_two_cents_at_even_odds_need_as_many_windows_as_published() -> None:
    """A record that wins just as often as such an edge says is told to need just that many."""
    found = judged(traded(800, 0.5375, price=5_175))
    assert found.per_window.value == pytest.approx(0.02 / sqrt(0.5375 * 0.4625), rel=1e-3)
    assert found.per_window.needed == pytest.approx(trades_for_proof(0.5375, 0.5175), rel=0.003)
    assert trades_for_proof(0.5375, 0.5175) == 2_486


def test_a_run_without_a_trade_has_nothing_to_judge() -> None:
    found = judged(traded(0, 0.5))
    assert code(found) == "nothing"
    assert (found.closes, found.psr, found.per_close.value, found.return_on_cost) == (0, None, None, None)


def test_few_closes_are_too_few_however_good_they_are() -> None:
    assert code(judged(traded(29, 0.99))) == "few"
    assert code(judged(traded(80, 0.9, per_close=4))) == "few"


def test_even_odds_are_luck() -> None:
    assert code(judged(traded(200, 0.5))) == "luck"


def test_what_loses_beyond_chance_is_a_loss() -> None:
    assert code(judged(traded(200, 0.25))) == "loss"


def test_a_profit_is_held_against_how_much_was_tried() -> None:
    found = judged(traded(300, 0.62))
    assert code(found, 1) == "blind"  # always the same side: no shuffle tells that from knowing
    assert code(found, 100_000_000) == "searched"


def test_a_profit_that_nothing_else_explains_is_an_edge() -> None:
    assert verdict_of(200, (0.01, 0.05), 0.99, 0.01, 0.97) == "edge"
    assert verdict_of(200, (0.01, 0.05), 0.99, 0.01, None) == "edge"
    assert verdict_of(200, (0.01, 0.05), 0.99, None, 0.97) == "blind"
    assert verdict_of(200, (0.01, 0.05), 0.90, 0.01, 0.97) == "luck"


def test_windows_that_close_together_do_not_make_it_surer() -> None:
    alone, together = judged(traded(320, 0.6)), judged(traded(320, 0.6, per_close=8))
    assert (alone.closes, together.closes) == (320, 40)
    assert alone.windows == together.windows
    assert alone.per_window.value == together.per_window.value


@given(st.permutations(range(12)))
def test_the_order_of_fills_changes_no_number(order: list[int]) -> None:
    result = traded(12, 0.6)
    mixed = traded(12, 0.6)
    mixed.fills = [result.fills[at] for at in order]
    assert judged(mixed) == judged(result)


def test_two_values_at_their_own_edge_have_no_probability_instead_of_an_error() -> None:
    """A record of two values can have no spread left in the formula of the PSR."""
    found = judged(traded(4, 0.5))
    assert found.psr is None or 0.0 <= found.psr <= 1.0


def test_return_on_cost_is_of_price_and_fee() -> None:
    found = judged(traded(100, 0.6, fee=10_000))
    assert found.return_on_cost == pytest.approx((0.1 - 0.01) / 0.51)
    assert found.net_per_window == pytest.approx(0.09)


def test_a_report_can_be_written_as_json_whatever_was_traded() -> None:
    for result in (traded(0, 0.5), traded(3, 0.5), traded(40, 1.0), traded(40, 0.5)):
        told = statistics_of(result, measure(result))
        assert json.loads(json.dumps(told, allow_nan=False)) == told


# Where it comes from -------------------------------------------------------------------------------------------


def test_every_window_is_in_one_bucket_of_each_kind() -> None:
    random = np.random.default_rng(1)
    windows = [
        Window(
            f"W{number}", "BTC", number, "yes", 1, 100, int(random.normal(0, DOLLAR)), 0, price=int(random.integers(1, 9_999)),
            edge=float(random.normal(0.05, 0.05)), seconds_left=float(random.integers(0, 900)),
        )
        for number in range(300)
    ]  # fmt: skip
    found = buckets_of(windows)
    for part in (found.edge, found.seconds_left, found.price):
        assert sum(bucket.windows for bucket in part) == 300
        assert sum(bucket.net for bucket in part) == sum(window.net for window in windows)
        for bucket in part:
            assert (bucket.interval is None) == (bucket.windows < 30)
            if bucket.interval is not None and bucket.per_contract is not None:
                assert bucket.interval[0] < bucket.per_contract < bucket.interval[1]


def test_a_value_on_the_border_belongs_above_it() -> None:
    at_three = Window("W", "BTC", 1, "yes", 1, 100, 0, 0, edge=0.03, seconds_left=300.0, price=5_000)
    found = buckets_of([at_three])
    assert next(each.low for each in found.edge if each.windows) == 0.03
    assert next(each.low for each in found.seconds_left if each.windows) == 300.0
    assert next(each.low for each in found.price if each.windows) == 0.5


def test_a_window_without_the_value_is_in_no_bucket() -> None:
    found = buckets_of([Window("W", "BTC", 1, "yes", 1, 100, 0, 0, price=5_000)])
    assert sum(each.windows for each in found.edge) == 0
