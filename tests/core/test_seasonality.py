"""The hours, the weekend and the news: a mean of 1 over the week, the right hour, and pieces that make up the whole."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.units import SECOND_NS
from trading.core.fitted import Announcement, SeasonalProfile
from trading.core.seasonality import (
    FLAT,
    HOURS,
    SLOT_NS,
    USUAL,
    WEEK_SLOTS,
    WEEKEND,
    VarianceClock,
    mean_multiplier,
    slot_of,
    week_from,
    week_of,
)

LIVELY = (5.0,) + (1.0,) * 95


def ns(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * SECOND_NS  # type: ignore[misc,arg-type]


@given(st.integers(0, 230 * 365 * 86_400))
def test_the_slot_is_the_quarter_hour_of_the_week(second: int) -> None:
    when = datetime.fromtimestamp(second, UTC)
    assert slot_of(second * SECOND_NS) == when.weekday() * 96 + when.hour * 4 + when.minute // 15
    assert slot_of(second * SECOND_NS + SECOND_NS - 1) == slot_of(second * SECOND_NS)


def test_the_usual_week_is_that_of_the_reference_with_a_mean_of_one() -> None:
    assert sum(USUAL) / WEEK_SLOTS == pytest.approx(1.0)
    clock = VarianceClock()
    lively, quiet = clock.multiplier(ns(2027, 1, 13, 15, 59)), clock.multiplier(ns(2027, 1, 13, 10, 0))
    weekend = clock.multiplier(ns(2027, 1, 16, 15, 59))
    assert lively / quiet == pytest.approx(1.77 / 0.72)
    assert weekend / quiet == pytest.approx(0.55 / 0.72)
    assert clock.multiplier(ns(2027, 1, 17, 23, 59)) == weekend != clock.multiplier(ns(2027, 1, 18))
    assert len(HOURS) == 24
    assert lively == pytest.approx(1.77 * 7 / (5 * sum(HOURS) / 24 + 2 * WEEKEND))


multipliers = st.lists(st.floats(0.05, 20.0), min_size=96, max_size=96)


@given(weekday=multipliers, weekend=multipliers)
def test_any_profile_has_a_mean_of_one_and_keeps_its_shape(weekday: list[float], weekend: list[float]) -> None:
    week = week_from(SeasonalProfile(weekday=tuple(weekday), weekend=tuple(weekend)))
    assert sum(week) / WEEK_SLOTS == pytest.approx(1.0)
    assert week[4 * 96] / week[5 * 96] == pytest.approx(weekday[0] / weekend[0])
    assert min(week) > 0.0


@pytest.mark.parametrize(
    ("weekday", "weekend", "words"),
    [((1.0,) * 95, (1.0,) * 96, "96 quarter hours"), ((1.0,) * 96, (), "96"), ((0.0,) * 96, (1.0,) * 96, "above 0")],
)
def test_a_profile_that_is_none_is_refused(weekday: tuple[float, ...], weekend: tuple[float, ...], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        week_of(weekday, weekend)


news = st.builds(
    lambda start, lasts, multiplier: Announcement(start * SECOND_NS, (start + lasts) * SECOND_NS, multiplier),
    st.integers(0, 9_000),
    st.integers(1, 4_000),
    st.floats(0.1, 50.0),
)


@given(since=st.integers(0, 5_000), lasts=st.integers(1, 4_000), announced=st.lists(news, max_size=4))
def test_the_pieces_are_without_a_gap_and_make_up_the_mean_multiplier(
    since: int, lasts: int, announced: list[Announcement]
) -> None:
    clock = VarianceClock(USUAL, announced)
    pieces = clock.pieces(since * SECOND_NS, (since + lasts) * SECOND_NS)
    assert (pieces[0].from_s, pieces[-1].to_s) == (0.0, lasts)
    for sooner, later in pairwise(pieces):
        assert sooner.to_s == later.from_s > sooner.from_s
        assert sooner.multiplier != later.multiplier
    second_by_second = sum(clock.multiplier(second * SECOND_NS) for second in range(since, since + lasts)) / lasts
    assert mean_multiplier(pieces) == pytest.approx(second_by_second, rel=1e-9)


@given(since=st.integers(0, 5_000), lasts=st.integers(1, 2_000), announced=st.lists(news, max_size=1))
def test_what_is_steady_until_the_close_is_one_piece_of_that(
    since: int, lasts: int, announced: list[Announcement]
) -> None:
    clock = VarianceClock(week_of(LIVELY, LIVELY), announced)
    steady = clock.steady(since * SECOND_NS, (since + lasts) * SECOND_NS)
    pieces = clock.pieces(since * SECOND_NS, (since + lasts) * SECOND_NS)
    within = since // 900 == (since + lasts - 1) // 900
    assert (steady is not None) == (within and not announced)
    if steady is not None:
        assert [piece.multiplier for piece in pieces] == [steady]


def test_a_window_within_a_quarter_hour_is_one_piece_and_one_across_is_cut_there() -> None:
    clock = VarianceClock(week_of(LIVELY, LIVELY))
    midnight = ns(2027, 1, 13)
    assert len(clock.pieces(midnight, midnight + SLOT_NS)) == 1
    pieces = clock.pieces(midnight + SLOT_NS - 2 * SECOND_NS, midnight + SLOT_NS + SECOND_NS // 2)
    assert [(piece.from_s, piece.to_s) for piece in pieces] == [(0.0, 2.0), (2.0, 2.5)]
    assert clock.pieces(midnight, midnight) == clock.pieces(midnight, midnight - 1) == ()
    assert mean_multiplier(()) == 1.0


def test_news_that_overlap_multiply_and_end_on_time() -> None:
    clock = VarianceClock(FLAT, [Announcement(10, 30, 4.0), Announcement(20, 40, 2.0)])
    assert [clock.multiplier(at_ns) for at_ns in (9, 10, 19, 20, 29, 30, 39, 40)] == [1, 4, 4, 8, 8, 2, 2, 1]
