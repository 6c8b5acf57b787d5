"""The order book, against one that keeps every level in a list and looks for the best anew each time."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.book import BookError, OrderBook
from markets.core.units import PRICE_DOLLAR

Level = tuple[int, int]
Change = tuple[bool, int, int]

prices = st.integers(1, 99).map(lambda cents: cents * 100)
few_prices = st.integers(1, 6).map(lambda cents: cents * 100)  # so that changes meet
levels = st.dictionaries(prices, st.integers(0, 500), max_size=8).map(lambda side: tuple(side.items()))
changes = st.lists(st.tuples(st.booleans(), few_prices, st.integers(-80, 120)), max_size=60)


class NaiveBook:
    """Two multisets of contracts, and nothing remembered."""

    def __init__(self) -> None:
        self.sides = {True: Counter[int](), False: Counter[int]()}

    def best(self, is_yes: bool) -> int:
        return max((price for price, count in self.sides[is_yes].items() if count > 0), default=0)

    def change(self, change: Change) -> bool:
        """Apply it, unless a level would go negative."""
        is_yes, price, by = change
        if self.sides[is_yes][price] + by < 0:
            return False
        self.sides[is_yes][price] += by
        return True


def book(yes: tuple[Level, ...] = (), no: tuple[Level, ...] = ()) -> OrderBook:
    told = OrderBook()
    told.replace(yes, no)
    return told


def top(told: OrderBook) -> tuple[int, int, int, int]:
    return told.bid, told.ask, told.count_at_bid(), told.count_at_ask()


@given(changes)
def test_after_any_changes_it_is_the_naive_book(steps: list[Change]) -> None:
    told, naive = OrderBook(), NaiveBook()
    for step in steps:
        if naive.change(step):
            told.change(*step)
        else:
            with pytest.raises(BookError):
                told.change(*step)
        yes, no = naive.best(True), naive.best(False)
        assert top(told) == (yes, PRICE_DOLLAR - no, naive.sides[True][yes], naive.sides[False][no])


@given(levels, levels, changes)
def test_it_says_so_exactly_when_the_best_price_or_its_count_changed(
    yes: tuple[Level, ...], no: tuple[Level, ...], steps: list[Change]
) -> None:
    told = book(yes, no)
    for is_yes, price, by in steps:
        before = top(told)
        ladder = told.yes if is_yes else told.no
        if ladder.get(price, 0) + by < 0:
            continue
        said = told.change(is_yes, price, by)
        assert said or top(told) == before
        if by and not said:
            assert price < (told.bid if is_yes else PRICE_DOLLAR - told.ask)


@given(levels, levels)
def test_a_snapshot_is_what_its_levels_say(yes: tuple[Level, ...], no: tuple[Level, ...]) -> None:
    told = book(yes, no)
    assert sorted(told.bids()) == sorted(level for level in yes if level[1] > 0)
    assert sorted(told.asks()) == sorted((PRICE_DOLLAR - price, count) for price, count in no if count > 0)
    assert told.bid == max((price for price, count in yes if count > 0), default=0)


@given(levels, levels, levels)
def test_a_new_snapshot_leaves_nothing_of_the_old(
    yes: tuple[Level, ...], no: tuple[Level, ...], later: tuple[Level, ...]
) -> None:
    told = book(yes, no)
    told.replace(later, ())
    assert top(told) == top(book(later, ()))
    assert list(told.asks()) == []


@given(levels, levels)
def test_the_best_levels_come_first(yes: tuple[Level, ...], no: tuple[Level, ...]) -> None:
    told = book(yes, no)
    asks, bids = [price for price, _ in told.asks()], [price for price, _ in told.bids()]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert (asks or [PRICE_DOLLAR])[0] == told.ask
    assert (bids or [0])[0] == told.bid


@given(levels, levels, prices)
def test_the_depth_is_what_an_order_could_walk_through(
    yes: tuple[Level, ...], no: tuple[Level, ...], limit: int
) -> None:
    told = book(yes, no)
    assert told.depth(True, limit) == sum(count for price, count in told.asks() if price <= limit)
    assert told.depth(False, limit) == sum(count for price, count in told.bids() if price >= limit)


@given(levels, levels)
def test_the_imbalance_leans_to_the_larger_side(yes: tuple[Level, ...], no: tuple[Level, ...]) -> None:
    told = book(yes, no)
    bid, ask = told.count_at_bid(), told.count_at_ask()
    assert -1.0 <= told.imbalance() <= 1.0
    assert (told.imbalance() > 0) == (bid > ask)
    assert (told.imbalance() < 0) == (bid < ask)


def test_an_empty_book_has_no_best_price() -> None:
    assert top(OrderBook()) == (0, PRICE_DOLLAR, 0, 0)
    assert not OrderBook().is_two_sided


def test_a_level_that_would_go_negative_changes_nothing_but_the_trust() -> None:
    told = book(((5_500, 100),), ((4_400, 100),))
    with pytest.raises(BookError, match="level 5500 would hold -1"):
        told.change(True, 5_500, -101)
    assert top(told) == (5_500, 5_600, 100, 100)


def test_when_the_best_level_goes_the_next_one_takes_its_place() -> None:
    told = book(((5_500, 100), (5_300, 20)), ((4_400, 100),))
    assert told.change(True, 5_500, -100)
    assert (told.bid, told.count_at_bid()) == (5_300, 20)


@pytest.mark.parametrize(("no_price", "is_crossed"), [(4_400, False), (4_500, True), (4_600, True)])
def test_a_bid_at_or_above_the_ask_is_crossed(no_price: int, is_crossed: bool) -> None:
    assert book(((5_500, 1),), ((no_price, 1),)).is_crossed is is_crossed
