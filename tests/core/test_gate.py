"""The promotion gate: what each condition says of records with and without an edge."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.deflated import deflated_sharpe, shape_of
from backtests.core.gate import (
    LEAST_CLOSES,
    LEAST_SHARPE,
    LEAST_WINDOWS,
    Evidence,
    Weight,
    Window,
    by_close,
    criteria,
    evidence_of,
)
from markets.core.units import DAY_NS, SECOND_NS
from trading.core.fitted import Z_95

QUARTER_NS = 900 * SECOND_NS
PASSES = Evidence(LEAST_WINDOWS, 100, 0.95, 0.01, 0.3, 0.1)


def record(windows: int, mean: float, *, seed: int = 7, every: int = 1) -> list[Window]:
    """One window a quarter hour; every `every`-th was traded, with this mean and a deviation of a dollar."""
    rng = random.Random(seed)
    return [
        Window(number * QUARTER_NS, rng.gauss(mean, 1.0) if number % every == 0 else 0.0, number % every == 0)
        for number in range(1, windows + 1)
    ]


def lacking(found: Evidence) -> list[str]:
    return [each.name for each in criteria(found) if each.lacks]


def test_a_long_record_with_an_edge_and_a_weight_passes() -> None:
    found = evidence_of(record(800, 0.4), [Weight(0.4, 0.1), Weight(0.3, 0.1)], trials=5)
    assert lacking(found) == []
    assert (found.windows, found.traded) == (800, 800)


@pytest.mark.parametrize("seed", range(5))
def test_a_long_record_without_an_edge_does_not(seed: int) -> None:
    found = evidence_of(record(800, -0.02, seed=seed), [Weight(0.0, 0.1)], trials=5)
    assert "Lower bound of the mean profit a window, $" in lacking(found)
    assert "Lower bound of the pooling weight" in lacking(found)


def test_an_empty_record_lacks_everything_and_says_so() -> None:
    found = evidence_of([], [], trials=1)
    assert found == Evidence(0, 0, None, None, None, None)
    assert len(lacking(found)) == 4
    assert all("too little" in each.lacks for each in criteria(found)[1:])


@pytest.mark.parametrize(
    ("different", "name"),
    [
        ({"windows": LEAST_WINDOWS - 1}, "Settled windows"),
        ({"sharpe": LEAST_SHARPE}, "Deflated Sharpe ratio"),
        ({"sharpe": None}, "Deflated Sharpe ratio"),
        ({"low": 0.0}, "Lower bound of the mean profit a window, $"),
        ({"low": None}, "Lower bound of the mean profit a window, $"),
        ({"weight_low": 0.0}, "Lower bound of the pooling weight"),
        ({"weight_low": None}, "Lower bound of the pooling weight"),
    ],
    ids=lambda value: next(iter(value.items())).__repr__() if isinstance(value, dict) else "",
)
def test_each_condition_stops_alone(different: dict[str, float | None], name: str) -> None:
    assert lacking(PASSES) == []
    assert lacking(PASSES._replace(**different)) == [name]  # type: ignore[arg-type]


def test_the_more_was_tried_the_more_is_asked_of_the_sharpe_ratio() -> None:
    windows = record(600, 0.12)
    ratios = [evidence_of(windows, [], trials).sharpe for trials in (1, 10, 100, 1_000)]
    assert all(ratio is not None for ratio in ratios)
    assert ratios == sorted(ratios, reverse=True)  # type: ignore[type-var]


def test_the_sharpe_ratio_is_that_of_the_closes_that_were_traded() -> None:
    windows = record(300, 0.2, every=3)
    made = [window.profit for window in windows if window.is_traded]
    shape = shape_of(made)
    assert shape is not None
    assert evidence_of(windows, [], 4).sharpe == deflated_sharpe(shape, len(made), 1 / (len(made) - 1), 4)


def test_windows_that_close_together_are_one_value() -> None:
    alone = record(200, 0.2)
    thrice = [window for window in alone for _ in range(3)]
    assert list(by_close(thrice).values()) == pytest.approx([3 * window.profit for window in alone])
    assert evidence_of(thrice, [], 2).sharpe == pytest.approx(evidence_of(alone, [], 2).sharpe)


def test_too_few_closes_have_no_bound() -> None:
    assert evidence_of(record(LEAST_CLOSES - 1, 1.0), [], 1).low is None
    assert evidence_of(record(LEAST_CLOSES, 1.0), [], 1).low is not None


def test_whole_days_are_drawn_where_there_are_thirty() -> None:
    """Days that win whole and lose whole: by closes the bound would be far too good."""
    rng = random.Random(3)
    days = [rng.choice((-1.0, 1.2)) for _ in range(40)]
    windows = [
        Window(day * DAY_NS + each * QUARTER_NS, made, True) for day, made in enumerate(days) for each in range(20)
    ]
    low = evidence_of(windows, [], 1).low
    assert low is not None
    assert low < 0 < sum(days)


@given(st.lists(st.tuples(st.floats(-2, 2), st.floats(0.01, 2)), min_size=1, max_size=8))
def test_the_bound_of_the_weight_holds_however_the_weights_hang_together(pairs: list[tuple[float, float]]) -> None:
    found = evidence_of([], [Weight(*pair) for pair in pairs], 1)
    assert found.weight is not None
    assert found.weight_low is not None
    mean = sum(weight for weight, _ in pairs) / len(pairs)
    independent = sum(error**2 for _, error in pairs) ** 0.5 / len(pairs)
    assert found.weight == pytest.approx(mean)
    assert found.weight_low <= mean - Z_95 * independent + 1e-9
    assert found.weight_low >= mean - Z_95 * max(error for _, error in pairs) - 1e-9
