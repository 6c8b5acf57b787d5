"""Walk-forward: what is said of a day follows from what had settled before it, and from nothing else."""

import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtests.core.cases import cases_of
from backtests.core.effect import effect_of
from backtests.core.fit_calibration import calibration_maps
from backtests.core.rows import Row
from backtests.core.walk_forward import EMBARGO_NS, calibrated_forward, laid, pooled_forward, walk_forward
from markets.core.units import DAY_NS
from tests.builders_fitting import FIRST_DAY_NS, QUARTER_NS, rows
from trading.core.calibration import mapped
from trading.core.fitted import CalibrationMap, applying

DAYS = 6
MADE = rows(96 * DAYS, a=0.5, b=0.6, marks=(480, 120))
LEAST = 90
FORWARD: tuple[Callable[[Sequence[Row]], list[float | None]], ...] = (
    lambda made: calibrated_forward(made, "platt", least_windows=LEAST),
    lambda made: calibrated_forward(made, "isotonic", least_windows=LEAST),
    lambda made: pooled_forward(made, "fair", LEAST),
)


def day_of(row: Row) -> int:
    """The UTC day in which the window opens."""
    return (row.close_ns - QUARTER_NS) // DAY_NS


def changed(row: Row, luck: random.Random) -> Row:
    bid = luck.randrange(1, 9_900)
    return row._replace(outcome=1 - row.outcome, bid=bid, ask=bid + 50, probabilities={"fair": luck.random()})


@given(st.integers(0, DAYS - 1), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_another_future_changes_nothing_that_was_said_before(day: int, seed: int) -> None:
    """Outcomes and quotes of a day and all days after it are turned around: what was said of the days before, and of that
    day where its own probability stays, is the same to the last bit."""
    luck = random.Random(seed)
    first = FIRST_DAY_NS // DAY_NS + day
    other = [
        changed(row, luck)
        if day_of(row) > first
        else row._replace(outcome=1 - row.outcome)
        if day_of(row) == first
        else row
        for row in MADE
    ]
    for forward in FORWARD:
        before, after = forward(MADE), forward(other)
        early = [place for place, row in enumerate(MADE) if day_of(row) <= first]
        assert [before[place] for place in early] == [after[place] for place in early]
    assert calibrated_forward(MADE, "platt", least_windows=LEAST)[-1] is not None


def test_a_past_that_was_different_is_noticed() -> None:
    """The other way round, so that the test above cannot pass because nothing ever depends on anything."""
    other = [row._replace(outcome=1 - row.outcome) if day_of(row) == FIRST_DAY_NS // DAY_NS else row for row in MADE]
    before, after = (calibrated_forward(made, "platt", least_windows=LEAST) for made in (MADE, other))
    assert before[-1] != after[-1]


def test_what_is_said_is_by_the_map_of_the_windows_that_had_settled_before_the_day() -> None:
    day = FIRST_DAY_NS + 3 * DAY_NS
    past = [row for row in MADE if row.close_ns < day - EMBARGO_NS]
    fitted = {each.least_s: each for each in calibration_maps(cases_of(past, "fair")[0], "platt", LEAST)}
    said = calibrated_forward(MADE, "platt", least_windows=LEAST)
    of_the_day = [(row, p) for row, p in zip(MADE, said, strict=True) if day_of(row) == day // DAY_NS]
    assert len(of_the_day) == 2 * 96
    for row, p in of_the_day:
        ours = row.probabilities["fair"]
        assert ours is not None
        assert p == mapped(ours, fitted[300.0 if row.seconds_left == 480 else 60.0])


def test_the_windows_around_midnight_are_left_out_of_what_is_fitted() -> None:
    """The last ones of a day have not settled when the next begins, and one of them lives until its first second."""
    seen: list[int] = []

    def fit(past: object) -> tuple[CalibrationMap, ...]:
        seen.append(int(past.close_ns[-1]))  # type: ignore[attr-defined]
        return ()

    walk_forward(MADE, "fair", fit, laid)
    assert seen == [FIRST_DAY_NS + day * DAY_NS - EMBARGO_NS - QUARTER_NS for day in range(1, DAYS)]


def test_too_few_windows_before_a_day_say_nothing() -> None:
    said = calibrated_forward(MADE, "platt", least_windows=100)
    assert {day_of(row) - FIRST_DAY_NS // DAY_NS for row, p in zip(MADE, said, strict=True) if p is None} == {0, 1}
    assert calibrated_forward(MADE, "platt")[0] is None
    assert set(calibrated_forward(MADE, "isotonic")) == {None}


def test_a_map_fitted_on_what_it_is_scored_on_is_refused() -> None:
    """The leak that once seemed to be worth 12 cents: an artefact that saw a window, or anything later, never applies to it."""
    cases, _ = cases_of(MADE, "fair")
    leaking = calibration_maps(cases, "platt", LEAST)
    assert {each.through_ns for each in leaking} == {MADE[-1].close_ns}
    assert set(walk_forward(MADE, "fair", lambda past: leaking, laid)) == {None}
    for row in MADE:
        assert applying(leaking, row.asset, row.seconds_left, row.close_ns - row.seconds_left * 10**9) is None
    assert applying(leaking, "BTC", 120.0, MADE[-1].close_ns + 1) is not None


def test_rows_in_any_order_are_said_the_same_of() -> None:
    mixed = MADE[:]
    random.Random(3).shuffle(mixed)
    said = dict(
        zip(
            ((r.ticker, r.seconds_left) for r in MADE),
            calibrated_forward(MADE, "platt", least_windows=LEAST),
            strict=True,
        )
    )
    again = calibrated_forward(mixed, "platt", least_windows=LEAST)
    assert [said[row.ticker, row.seconds_left] for row in mixed] == pytest.approx(again)


def test_what_was_not_known_stays_unknown() -> None:
    blind = [row._replace(probabilities={"fair": None}) if row.seconds_left == 120 else row for row in MADE]
    said = calibrated_forward(blind, "platt", least_windows=LEAST)
    assert {p is None for row, p in zip(blind, said, strict=True) if row.seconds_left == 120} == {True}
    assert pooled_forward([row._replace(bid=0) for row in MADE], "fair", LEAST) == [None] * len(MADE)


def test_a_map_that_is_needed_is_seen_to_help_on_windows_it_had_not_seen() -> None:
    made = rows(96 * DAYS, a=1.0, b=0.4, marks=(480, 120))
    cases, order = cases_of(made, "fair")
    said = calibrated_forward(made, "platt", least_windows=LEAST)
    after = np.array([np.nan if said[place] is None else said[place] for place in order], dtype=float)
    effect = effect_of(cases, cases.ours, after)
    assert effect is not None
    assert effect.verdict == "better"
    assert (effect.windows, effect.brier_after < effect.brier_before) == (96 * (DAYS - 1), True)
    assert effect.log_loss_after < effect.log_loss_before


def test_a_map_of_noise_is_told_as_no_difference() -> None:
    made = rows(96 * 4, noise=0.0, marks=(120,), seed=8)
    cases, _ = cases_of(made, "fair")
    luck = np.random.default_rng(1)
    effect = effect_of(cases, cases.ours, np.clip(cases.ours + luck.normal(0.0, 1e-3, len(cases.ours)), 0.0, 1.0))
    assert effect is not None
    assert effect.verdict == "no difference beyond chance"
    few = effect_of(cases.where(slice(0, 10)), cases.ours[:10], cases.ours[:10])
    assert few is not None
    assert few.verdict == "not enough data"
