"""Section 6 of the pricing notes: covariance of prices heard at different times, and who leads."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.lead_lag import Series, contrast, hayashi_yoshida, lead, series


def by_pairs(x: Series, y: Series) -> float:
    """The double sum as it is written."""
    total = sum(
        (x.logs[i + 1] - x.logs[i]) * (y.logs[j + 1] - y.logs[j])
        for i in range(len(x.logs) - 1)
        for j in range(len(y.logs) - 1)
        if x.seconds[i] < y.seconds[j + 1] and y.seconds[j] < x.seconds[i + 1]
    )
    return float(total)


def test_section_6_the_worked_covariance() -> None:
    x, y = series([0, 1, 3], [0, 1, 0]), series([0, 2, 3], [0, 2, 1])
    assert hayashi_yoshida(x, y) == 1.0
    assert hayashi_yoshida(y, x) == 1.0


def _walk(steps: list[tuple[int, int]]) -> Series:
    seconds, logs, now, level = [], [], 0, 0
    for wait, move in steps:
        now, level = now + wait, level + move
        seconds.append(float(now))
        logs.append(float(level))
    return series(seconds, logs)


walks = st.lists(st.tuples(st.integers(1, 5), st.integers(-9, 9)), min_size=2, max_size=25).map(_walk)


@given(walks, walks, st.integers(-40, 40))
def test_section_6_it_is_the_sum_over_all_overlapping_pairs(x: Series, y: Series, shift: int) -> None:
    assert contrast(x, y, shift) == by_pairs(x, Series(y.seconds - shift, y.logs))


@given(walks)
def test_with_itself_it_is_the_realised_variance(x: Series) -> None:
    assert hayashi_yoshida(x, x) == sum((x.logs[1:] - x.logs[:-1]) ** 2)


def test_section_6_a_lag_of_six_tenths_of_a_second_is_found() -> None:
    """One walk on a grid of 20 ms, heard at random times by one venue at once and by another 0.6 s later."""
    random, level, path = Random(5), 0.0, []
    for _ in range(60_000):
        level += random.gauss(0.0, 1.0)
        path.append(level)
    heard = sorted(random.sample(range(len(path)), 9_000))
    later = sorted(random.sample(range(len(path)), 9_000))
    x = series([place * 0.02 for place in heard], [path[place] for place in heard])
    y = series([place * 0.02 + 0.6 for place in later], [path[place] for place in later])
    shifts = [tenth / 20 for tenth in range(-40, 41)]
    found, turned = lead(x, y, shifts), lead(y, x, shifts)
    assert found is not None
    assert turned is not None
    assert found.seconds == pytest.approx(0.6, abs=0.051)
    assert turned.seconds == pytest.approx(-0.6, abs=0.051)
    assert found.correlation > 0.9


def test_a_price_that_never_moved_leads_nobody() -> None:
    assert lead(series([0, 1], [5, 5]), series([0, 1], [1, 2]), [0.0]) is None


@pytest.mark.parametrize(
    ("seconds", "logs"), [([0], [1]), ([0, 1], [1, 2, 3]), ([0, 0], [1, 2]), ([0, 1], [1, float("nan")])]
)
def test_it_refuses_what_is_no_series(seconds: list[float], logs: list[float]) -> None:
    with pytest.raises(ValueError, match="series"):
        series(seconds, logs)


def test_it_refuses_to_look_nowhere() -> None:
    with pytest.raises(ValueError, match="shift"):
        lead(series([0, 1], [1, 2]), series([0, 1], [1, 2]), [])
