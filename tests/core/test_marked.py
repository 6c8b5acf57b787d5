"""Marked equity and the paths of windows: what is held at the market's middle, few points, and no fall lost."""

from array import array

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtests.core.marked import EVERY_NS, MOST_POINTS, NEVER_NS, MarkedPoint, Marks, deepest, thinned
from backtests.core.simulate import joined, simulate
from backtests.core.window_paths import Paths, joined_paths, points_of
from markets.core.units import DOLLAR, SECOND_NS
from tests.builders import TICKER, at, contract, fill, opening
from tests.rising import BOLD, rising
from trading.core.decision import Signal
from trading.core.limits import RiskLimits
from trading.core.market import MarketState
from trading.core.portfolio import Portfolio

CASH = 1_000 * DOLLAR


class Held:
    """A portfolio with its one market, whose book is set by hand."""

    def __init__(self) -> None:
        self.portfolio = Portfolio()
        self.portfolio.open(opening(CASH))
        self.market = MarketState(contract())
        self.market.lost = ""
        self.marks = Marks(self.portfolio, {TICKER: self.market})

    def quoted(self, bid: int, ask: int) -> None:
        self.market.book.replace([(bid, 100)] if bid else [], [(10_000 - ask, 100)] if ask < 10_000 else [])


@pytest.fixture
def held() -> Held:
    return Held()


def points(values: list[int], every: int = 1) -> list[MarkedPoint]:
    """A point for each `every` values."""
    found: list[MarkedPoint] = []
    for number, value in enumerate(values):
        if number % every:
            found[-1].add(number, value)
        else:
            found.append(MarkedPoint(number, value, value, value))
    return found


def plain(start: int, values: list[int]) -> int:
    """The deepest fall, looked for plainly."""
    peak, most = start, 0
    for value in values:
        peak = max(peak, value)
        most = max(most, peak - value)
    return most


def test_nothing_held_is_never_looked_at(held: Held) -> None:
    assert held.marks.next_ns == NEVER_NS
    held.marks.changed(at(0))
    assert held.marks.next_ns == NEVER_NS
    assert held.marks.points[-1].equity == CASH


@pytest.mark.parametrize(("is_bid", "worth"), [(True, 500), (False, -500)], ids=["yes", "no"])
def test_what_is_held_counts_at_the_middle(held: Held, is_bid: bool, worth: int) -> None:
    held.quoted(5_400, 5_600)
    held.portfolio.fill(fill(10_000, 5_000, is_bid=is_bid), contract().close_ns)
    held.marks.changed(at(1))
    assert held.marks.points[-1].equity == CASH + worth * 10_000
    assert held.marks.next_ns == at(1) + EVERY_NS


@pytest.mark.parametrize(("bid", "ask"), [(0, 5_600), (5_400, 10_000), (0, 10_000)], ids=["no-bid", "no-ask", "nobody"])
def test_where_a_side_is_empty_the_last_middle_counts(held: Held, bid: int, ask: int) -> None:
    held.quoted(5_400, 5_600)
    held.portfolio.fill(fill(10_000, 5_000), contract().close_ns)
    held.marks.changed(at(1))
    held.quoted(bid, ask)
    held.marks.look(at(2))
    assert held.marks.points[-1].equity == CASH + 500 * 10_000


def test_what_never_had_a_middle_counts_what_it_cost(held: Held) -> None:
    held.market.lost = "no snapshot yet"
    held.portfolio.fill(fill(10_000, 5_000, fee=7), contract().close_ns)
    held.marks.changed(at(1))
    assert held.marks.points[-1].equity == CASH - 7


def test_after_the_close_the_last_middle_counts_until_the_result(held: Held) -> None:
    held.quoted(5_400, 5_600)
    held.portfolio.fill(fill(10_000, 5_000), contract().close_ns)
    held.marks.changed(at(1))
    held.quoted(100, 300)
    held.marks.look(contract().close_ns)
    assert held.marks.points[-1].equity == CASH + 500 * 10_000


def test_points_stay_few_however_long_it_is_held(held: Held) -> None:
    held.quoted(5_400, 5_600)
    held.portfolio.fill(fill(10_000, 5_000), contract().close_ns + 10**15)
    for second in range(3 * 15 * MOST_POINTS):
        if second == 9_999:
            held.quoted(100, 300)
        if second == 10_000:
            held.quoted(5_400, 5_600)
        held.marks.look(at(0) - 10**9 * 10**6 + second * SECOND_NS)
    assert len(held.marks.points) <= MOST_POINTS
    money, _ = deepest(CASH, held.marks.points)
    assert money == (5_500 - 200) * 10_000


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=200), st.integers(1, 9), st.integers(1, 40))
def test_no_fall_is_lost_however_points_are_joined(values: list[int], every: int, most: int) -> None:
    found = points(values, every)
    expected = plain(values[0], values)
    assert deepest(values[0], found)[0] == expected
    thin = thinned(found, most)
    assert len(thin) <= most
    assert deepest(values[0], thin)[0] == expected
    assert thin[-1].equity == values[-1]
    assert min(point.low for point in thin) == min(values)


def test_the_share_is_of_the_peak_it_fell_from() -> None:
    assert deepest(100, points([200, 150, 400, 340])) == (60, 0.25)


def test_thinning_leaves_the_points_it_is_given_alone() -> None:
    found = points([5, 1, 9, 2])
    before = msgspec.json.encode(found)
    thinned(found, 1)
    assert msgspec.json.encode(found) == before


# Paths ----------------------------------------------------------------------------------------------------------


def said(second: float, ticker: str = TICKER, fair: float | None = 0.5) -> Signal:
    return Signal(at(second), ticker, "EDGE_BELOW_THRESHOLD", fair=fair, bid=4_900, ask=5_100)


def test_a_path_has_a_point_each_five_seconds() -> None:
    paths = Paths()
    for tenth in range(300):
        paths.hear([said(tenth / 10)])
    found = points_of(paths.of([TICKER])[TICKER])
    assert [(point.time_ns - at(0)) // SECOND_NS for point in found] == [0, 5, 10, 15, 20, 25]
    assert found[0].fair == 0.5
    assert (found[0].bid, found[0].ask) == (4_900, 5_100)


def test_a_fair_value_that_was_not_known_is_none() -> None:
    paths = Paths()
    paths.hear([said(0, fair=None)])
    assert points_of(paths.of([TICKER])[TICKER])[0].fair is None


def test_what_is_forgotten_or_not_asked_for_is_not_kept() -> None:
    paths = Paths()
    paths.hear([said(0), said(0, "OTHER"), said(0, "THIRD")])
    paths.forget("OTHER")
    assert set(paths.of([TICKER, "OTHER"])) == {TICKER}


def test_a_market_on_two_tapes_has_one_path() -> None:
    first, second = (array("q", (number, 1, 2, 3)).tobytes() for number in (10, 20))
    whole = joined_paths([{"A": first}, {"A": second, "B": first}])
    assert [point.time_ns for point in points_of(whole["A"])] == [10, 20]
    assert set(whole) == {"A", "B"}


# In a run -------------------------------------------------------------------------------------------------------


def test_a_run_keeps_marks_paths_and_what_was_said() -> None:
    result = simulate(rising(), opening(), RiskLimits(), BOLD)
    assert result.marked
    assert result.marked[-1].equity == result.closing.cash
    assert set(result.paths) == {row.ticker for row in result.fills}
    assert points_of(result.paths[TICKER])
    assert {row.ticker for row in result.said} <= {TICKER}
    assert all(0.0 < row.mid < 1.0 for row in result.said)
    both = joined([result, result])
    assert len(both.marked) == 2 * len(result.marked)
    assert len(points_of(both.paths[TICKER])) == 2 * len(points_of(result.paths[TICKER]))
    assert len(both.said) == 2 * len(result.said)
