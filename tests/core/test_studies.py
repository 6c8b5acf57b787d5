"""What studies judge by: folds that see nothing of what they are judged by, plateaus and lonely peaks, paired differences."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.studies.folds import WINDOW_NS, Fold, Scheme, folds_of, look_back_ns, purged
from backtests.core.studies.forward import decay, joined, judged
from backtests.core.studies.heads import difference
from backtests.core.studies.objective import OBJECTIVES, Span, closes_of, lower_bound, net_per_day
from backtests.core.studies.plateau import Side, Tried, around, best_of, heat_map, median_of, steadiest
from backtests.core.trial import TradedWindow
from markets.core.units import DAY_NS, DOLLAR, SECOND_NS
from trading.core.parameters import Parameters

HOUR_NS = 3_600 * SECOND_NS


def window(close_ns: int, net: float, asset: str = "BTC") -> TradedWindow:
    return TradedWindow(f"{asset}-{close_ns}", asset, close_ns, round(net * DOLLAR), 0, 100, 1)


def span(day: int, *nets: float, asset: str = "BTC") -> Span:
    """A day with a window an hour."""
    windows = tuple(window(day * DAY_NS + (hour + 1) * HOUR_NS, net, asset) for hour, net in enumerate(nets))
    return Span(day, sum(each.net for each in windows), windows)


DAYS = st.lists(st.integers(0, 60), min_size=1, max_size=40, unique=True).map(sorted)
SCHEMES = st.builds(
    lambda train, test, more, embargo, anchored: Scheme(train, test, test + more, embargo, anchored),
    st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(0, 3), st.booleans(),
)  # fmt: skip


@given(DAYS, SCHEMES)
def test_no_fold_learns_on_what_it_is_judged_by_nor_on_the_embargo(days: list[int], scheme: Scheme) -> None:
    folds = folds_of(days, scheme)
    for fold in folds:
        assert max(fold.train) < min(fold.test) - scheme.embargo
        assert len(fold.test) == scheme.test
        assert len(fold.train) == scheme.train or scheme.is_anchored
        assert fold.train[0] == days[0] or not scheme.is_anchored
    for before, after in pairwise(folds):
        assert max(before.test) < min(after.test)


def test_folds_move_on_by_the_step() -> None:
    rolling = folds_of(range(10, 20), Scheme(train=3, test=2, step=2, embargo=1))
    assert [(fold.train, fold.test) for fold in rolling] == [
        ((10, 11, 12), (14, 15)),
        ((12, 13, 14), (16, 17)),
        ((14, 15, 16), (18, 19)),
    ]
    anchored = folds_of(range(10, 20), Scheme(3, 2, 2, 1, is_anchored=True))
    assert [fold.train for fold in anchored] == [(10, 11, 12), (10, 11, 12, 13, 14), (10, 11, 12, 13, 14, 15, 16)]


def test_a_day_without_a_tape_is_silence_too() -> None:
    assert folds_of([1, 2, 5], Scheme(2, 1, 1, 1))[0] == Fold(0, (1, 2), (5,))
    assert folds_of([1, 2, 3], Scheme(2, 1, 1, 1)) == []


def test_windows_of_a_tape_that_runs_on_past_midnight_are_purged() -> None:
    late = window(11 * DAY_NS + HOUR_NS, 7.0)  # of the tape that began on day 10; day 11 is the embargo
    whole = span(10, 1.0, 2.0)
    learnt = Span(10, whole.net + late.net, (*whole.windows, late))
    kept, gone = purged([learnt], Fold(0, (10,), (12,)), 1, 0)
    assert (kept, gone) == ([whole], 1)
    kept, gone = purged([learnt], Fold(0, (10,), (12,)), 0, 0)
    assert (kept, gone) == ([learnt], 0)


@pytest.mark.parametrize(("look_back", "gone"), [(0, 0), (2 * HOUR_NS, 1)], ids=["none", "two hours"])
def test_what_looks_back_into_the_days_that_are_judged_is_purged(look_back: int, gone: int) -> None:
    after = Span(13, 0, (window(13 * DAY_NS + WINDOW_NS, 1.0),))  # begins when the judged day ends
    assert purged([after], Fold(0, (13,), (12,)), 0, look_back)[1] == gone


def test_the_look_back_is_ten_of_the_longest_half_life() -> None:
    assert look_back_ns(Parameters()) == 144_000 * SECOND_NS


def test_windows_that_close_together_count_once() -> None:
    both = Span(1, 0, (window(HOUR_NS, 3.0), window(HOUR_NS, -1.0, "ETH")))
    assert closes_of([both]) == {HOUR_NS: 2 * DOLLAR}


def test_too_few_closes_have_no_objective_and_the_bound_is_below_the_mean() -> None:
    few, enough = [span(1, 1.0, 2.0, 1.0, 2.0)], [span(1, 1.0, -2.0, 3.0, 2.0, 4.0, -1.0)]
    for objective in OBJECTIVES.values():
        assert objective.of(few) is None
        assert objective.of(enough) is not None
    assert net_per_day(enough) == pytest.approx(7.0)
    low = lower_bound(enough)
    assert low is not None
    assert low < 7.0


SIDES = [Side("edge", ("1", "2", "3", "4", "5"), True), Side("kelly", ("10", "25", "50"), True)]


def grid(values: dict[tuple[int, int], float]) -> list[Tried]:
    places = product(range(5), range(3))
    return [Tried(number, place, values.get(place, 1.0)) for number, place in enumerate(places)]


def test_a_lonely_peak_is_called_so() -> None:
    tried = grid({(2, 1): 10.0})
    best = best_of(tried)
    assert best is not None
    near = around(SIDES, tried, best)
    assert near.is_lonely
    assert (len(near.neighbours), near.middle) == (4, 1.0)


def test_the_top_of_a_hill_is_not() -> None:
    hill = {(x, y): 10.0 - abs(x - 2) - abs(y - 1) for x, y in product(range(5), range(3))}
    tried = grid(hill)
    best = best_of(tried)
    assert best is not None
    near = around(SIDES, tried, best)
    assert not near.is_lonely
    assert near.middle == 9.0
    assert steadiest(SIDES, tried) == best


def test_the_middle_of_a_plateau_is_steadier_than_a_spike() -> None:
    values = {(0, 0): 20.0} | dict.fromkeys([(3, 0), (3, 1), (3, 2), (4, 1), (2, 1)], 8.0)
    tried = grid(values)
    steady = steadiest(SIDES, tried)
    assert steady is not None
    assert steady.places == (3, 1)
    assert median_of(tried) is not None


def test_neighbours_that_never_traded_do_not_rule_out_the_best_plateau() -> None:
    rows: list[list[float | None]] = [[-9.0, -9.5, -9.2], [-5.0, -4.0, -5.0], [None, None, None]]
    tried = [Tried(3 * y + x, (x, y), value) for y, row in enumerate(rows) for x, value in enumerate(row)]
    steady = steadiest(SIDES, tried)
    assert steady is not None
    assert steady.places == (1, 1)


def test_what_makes_something_among_what_loses_is_lonely() -> None:
    tried = [Tried(0, (0, 0), -1.0), Tried(1, (1, 0), 0.5), Tried(2, (2, 0), -0.1)]
    assert around(SIDES, tried, tried[1]).is_lonely


def test_a_flat_plateau_is_no_peak() -> None:
    tried = [Tried(0, (0, 0), -32.569), Tried(1, (1, 0), -32.568), Tried(2, (2, 0), -32.569), Tried(3, (3, 0), -32.569)]
    assert not around(SIDES, tried, tried[1]).is_lonely


def test_a_search_has_the_nearest_as_neighbours() -> None:
    tried = [
        Tried(0, (0, 0), 5.0),
        Tried(1, (4, 2), 1.0),
        Tried(2, (1, 1), 4.5),
        Tried(3, (2, 2), 4.0),
        Tried(4, (1, 2), 4.2),
    ]
    near = around(SIDES, tried, tried[0])
    assert near.neighbours == (2, 4, 3, 1)


def test_a_map_has_medians_over_the_other_settings_and_puts_many_values_together() -> None:
    heat = heat_map(SIDES, grid({(2, 1): 10.0}), "kelly", "edge")
    assert (heat.columns, heat.rows) == (("10", "25", "50"), ("1", "2", "3", "4", "5"))
    assert next(cell.value for cell in heat.cells if (cell.x, cell.y) == (1, 2)) == 10.0
    wide = Side("margin", tuple(str(number) for number in range(101)), True)
    many = [Tried(number, (number,), float(number)) for number in range(101)]
    folded = heat_map([wide], many, "margin", "margin")
    assert len(folded.columns) <= 24
    assert folded.columns[0] == "0 to 4"
    assert sum(cell.trials for cell in folded.cells) == 101


def test_a_walk_forward_chooses_in_sample_and_is_judged_out_of_it() -> None:
    good = [5.0, 4.0, 6.0, 5.0, 4.0]
    bad = [-each for each in good]
    trials = {0: {1: span(1, *good), 3: span(3, *bad)}, 1: {1: span(1, *bad), 3: span(3, *good)}}
    fold = Fold(0, (1,), (3,))
    choice = judged(fold, trials, OBJECTIVES["net"], Scheme(1, 1, 1, 1), {})
    assert (choice.trial, choice.inside, choice.outside, choice.rank, choice.rated) == (0, 24.0, -24.0, 2, 2)
    assert joined([fold], [choice], trials) == [trials[0][3]]
    assert decay([choice]).left == -1.0


def test_a_fold_without_a_choice_does_not_trade() -> None:
    fold = Fold(0, (1,), (3,))
    trials = {0: {1: span(1, 1.0), 3: span(3, 9.0)}}
    choice = judged(fold, trials, OBJECTIVES["net"], Scheme(1, 1, 1, 1), {})
    assert choice.trial is None
    assert joined([fold], [choice], trials) == [Span(3, 0, ())]
    assert decay([choice]).left is None


def test_two_alike_are_not_told_apart_and_a_better_one_is() -> None:
    noise = [((7 * number) % 11 - 5.0) for number in range(23)]
    a, b = [span(day, *noise) for day in (1, 2)], [span(day, *reversed(noise)) for day in (1, 2)]
    level = difference(a, b)
    assert level.closes == 46
    assert "cannot be told apart" in level.sentence
    better = difference([span(day, *(each + 3.0 for each in noise)) for day in (1, 2)], a, ("ours", "theirs"))
    assert better.sentence.startswith("ours made more than theirs")
    assert better.low is not None
    assert better.low > 0.0
    worse = difference(a, [span(day, *(each + 3.0 for each in noise)) for day in (1, 2)])
    assert worse.sentence.startswith("B made more than A")
    assert worse.total == pytest.approx(-better.total)


def test_a_few_closes_say_nothing() -> None:
    told = difference([span(1, 1.0, 2.0)], [span(1, 1.0)])
    assert (told.closes, told.won, told.lost, told.p) == (2, 1, 0, None)
    assert told.sentence.startswith("Not enough data")
