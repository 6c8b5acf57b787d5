"""The index replica against worked examples, and what it makes of books that are wrong."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.venue_book import VenueBook
from trading.core.replica import Book, Ladder, erroneous, near_book, replica, size_cap, spacing_of, whole_book

A = Book(
    "A",
    [(100.0, 1.5), (99.9, 2.0), (99.8, 3.0), (99.5, 4.0)],
    [(100.1, 1.0), (100.2, 2.5), (100.3, 3.0), (100.6, 5.0)],
)
B = Book("B", [(99.95, 0.5), (99.85, 1.0), (99.7, 6.0)], [(100.15, 0.8), (100.25, 1.2), (100.5, 4.0)])
C = Book("C", [(99.9, 1.0), (99.6, 40.0)], [(100.2, 1.5), (100.4, 2.0)])
X = Book("X", [(94.0, 1.0)], [(94.2, 1.0)])  # 5.9 % off the median
Y = Book("Y", [(100.4, 1.0)], [(100.3, 1.0)])  # crossed


def test_section_2_the_first_worked_example() -> None:
    made = replica([A, B, C, X, Y], 1.0)
    assert made is not None
    assert made.value == pytest.approx(100.055119637, abs=1e-9)
    assert made.cap == pytest.approx(49.485674649, abs=1e-9)
    assert (made.depth, made.venues, made.excluded) == (21.0, ("A", "B", "C"), ("X",))


def test_section_2_the_second_worked_example() -> None:
    asks = [(100.1 + 0.1 * place, 1_000.0 if place == 3 else 1.0) for place in range(60)]
    made = replica([Book("V", [(99.9 - 0.05 * place, 1.0) for place in range(60)], asks)], 1.0)
    assert made is not None
    assert made.value == pytest.approx(100.028102441, abs=1e-9)
    assert made.cap == pytest.approx(1.0, abs=1e-9)
    assert made.depth == 6.0


def test_who_was_left_out_stays_out_until_half_as_far() -> None:
    near = Book("X", [(96.4, 1.0)], [(96.6, 1.0)])  # 3.5 % off
    back = Book("X", [(97.9, 1.0)], [(98.1, 1.0)])  # 2.0 % off
    assert erroneous([A, B, C, near], ()) == ()
    assert erroneous([A, B, C, near], ("X",)) == ("X",)
    assert erroneous([A, B, C, back], ("X",)) == ()


@pytest.mark.parametrize("books", [[], [Y], [Book("Z", [], [(100.0, 1.0)])], [Book("Z", [(nan, 1.0)], [(100.0, inf)])]])
def test_without_a_usable_book_there_is_no_index(books: list[Book]) -> None:
    assert replica(books, 1.0) is None


def test_entries_that_are_no_level_are_dropped() -> None:
    junk = Book("A", [(inf, 5.0), *A.bids, (99.0, -1.0)], [(0.0, 5.0), *A.asks, (101.0, nan)])
    assert replica([junk, B, C], 1.0) == replica([A, B, C], 1.0)


def test_a_locked_book_is_dropped() -> None:
    assert replica([Book("L", [(100.0, 1.0)], [(100.0, 1.0)])], 1.0) is None


def test_one_step_is_always_taken() -> None:
    made = replica([Book("T", [(99.0, 0.1)], [(101.0, 0.1)])], 1.0)
    assert made is not None
    assert made.value == pytest.approx(100.0)
    assert made.depth == 1.0


def test_the_cap_looks_five_percent_deep_or_at_fifty_levels() -> None:
    bids: Ladder = [(100.0 - place, 1.0 if place < 50 else 99.0) for place in range(60)]
    asks: Ladder = [(101.0 + place / 100.0, 1.0) for place in range(200)]
    assert size_cap(bids, asks) == pytest.approx(1.0)


def test_the_levels_taken_from_a_kept_book_are_all_that_matter() -> None:
    kept = VenueBook()
    kept.replace(
        [(100.0 - place / 10.0, 2.0) for place in range(200)], [(100.1 + place / 10.0, 3.0) for place in range(200)]
    )
    taken, near = whole_book("K", kept), near_book("K", kept)
    every = Book("K", kept.top_bids(0), kept.top_asks(0))
    made = replica([every], 1.0)
    assert made is not None
    assert len(near.bids) < len(taken.bids) < len(every.bids)
    assert replica([taken], 1.0) == replica([near], 1.0, (), made.cap) == made


def test_the_spacing_is_one_bitcoin_and_of_like_worth_for_others() -> None:
    assert spacing_of("BTC", 85_000.0) == 1.0
    assert spacing_of("DOGE", 0.2) == pytest.approx(250_000.0)


levels = st.lists(
    st.tuples(st.integers(1, 400), st.floats(1e-3, 1e5)), min_size=1, max_size=30, unique_by=lambda x: x[0]
)


@given(levels, levels)
def test_it_lies_within_its_book_and_ends_with_any_sizes(
    bids: list[tuple[int, float]], asks: list[tuple[int, float]]
) -> None:
    book = Book(
        "V",
        sorted(((100.0 - place / 100.0, size) for place, size in bids), reverse=True),
        sorted((100.0 + place / 100.0, size) for place, size in asks),
    )
    made = replica([book], 1e-3)
    assert made is not None
    assert (
        0.5 * (book.bids[-1][0] + book.asks[0][0]) - 1e-9
        <= made.value
        <= 0.5 * (book.bids[0][0] + book.asks[-1][0]) + 1e-9
    )
