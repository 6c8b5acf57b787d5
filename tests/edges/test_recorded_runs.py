"""The real recording of May 2026: its runs import whole, and the rebuilt books are those that others saw."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.conf import settings

from markets.core.book import OrderBook
from markets.core.events import BookDelta, BookSnapshot, FeedStatus, MarketEvent
from markets.recording.importing import import_run
from markets.recording.parquet import Recording, Row
from markets.tape import read_tape

pytestmark = pytest.mark.recorded
FOLDER = settings.RECORDED_DATA / "kalshi_ws_btc15m_2026-05"

RUNS = [
    # run: a whole one, one with a reconnect, one whose files are partly missing
    # run, grade, deltas kept, deltas refused, markets with a book, settled, losses of a market's book
    ("20260513T1522Z-rv600", "A", 69_265, 0, 2, 2, 0),
    ("20260514T043809Z-b4042d24", "B", 101_703, 0, 2, 1, 1),
    ("RVTERMLOCK001", "B", 152_048, 601, 3, 7, 4),
]


@pytest.fixture(scope="module")
def source() -> Recording:
    return Recording(FOLDER)


@pytest.mark.parametrize(("run", "grade", "kept", "refused", "books", "settled", "losses"), RUNS)
def test_a_run_imports_whole_and_its_books_agree_with_the_exchanges_own_quotes(
    run: str, grade: str, kept: int, refused: int, books: int, settled: int, losses: int, source: Recording, tmp_path: Path
) -> None:  # fmt: skip
    summary = import_run(source, run, tmp_path)
    assert (summary.grade, summary.kept["delta"], summary.refused["delta: before a usable snapshot"]) == (
        grade,
        kept,
        refused,
    )
    assert (summary.markets_with_book, summary.markets_settled) == (books, settled)
    assert summary.kept.total() + summary.refused.total() == summary.read.total()
    assert summary.quotes_compared > 600
    assert (summary.agreement or 0) >= 0.999
    words = [event for event in read_tape(Path(summary.path), MarketEvent) if type(event) is FeedStatus]
    assert sum(word.subject.startswith("KXBTC15M") and word.state == "lost" for word in words) == losses


def test_the_rebuilt_book_is_the_one_that_the_recorder_held(source: Recording, tmp_path: Path) -> None:
    """About once a second the recorder wrote the top of its own book, its levels thrown together by whole cents."""
    run = "20260513T1522Z-rv600"
    summary = import_run(source, run, tmp_path)
    table = pq.read_table(FOLDER / "kalshi_book_top5_1s.parquet", filters=[("run", "=", run)])
    seen = {(row["ticker"], row["seq"]): row for row in table.to_pylist()}
    agreed = sum(
        is_top(seen[moment], book) for moment, book in books_at(read_tape(Path(summary.path), MarketEvent), seen)
    )
    assert len(seen) > 600
    assert agreed / len(seen) >= 0.99


Moment = tuple[str, int]


def books_at(events: Iterable[Any], moments: Container[Moment]) -> Iterator[tuple[Moment, OrderBook]]:
    """The book at each wanted (ticker, sequence number)."""
    books: dict[str, OrderBook] = {}
    for event in events:
        if type(event) is BookSnapshot:
            books.setdefault(event.ticker, OrderBook()).replace(event.yes, event.no)
        elif type(event) is BookDelta:
            books[event.ticker].change(event.is_yes, event.price, event.change)
        else:
            continue
        if (event.ticker, event.seq) in moments:
            yield (event.ticker, event.seq), books[event.ticker]


def is_top(row: Row, book: OrderBook) -> bool:
    """Whether the recorder's best cents are the book's: both prices, and the size of NO. Its size of YES is left out:
    of levels on half a cent it counted some up and some down."""
    yes, no = best_cents(book.yes), best_cents(book.no)
    return (yes[0], *no) == (
        round(row["yes_bid1_cents"] or 0),
        round(row["no_bid1_cents"] or 0),
        round((row["no_bid1_size"] or 0) * 100),
    )


def best_cents(ladder: dict[int, int]) -> tuple[int, int]:
    """(cents, count) of the best cent: its levels together, half a cent counted up."""
    cents: Counter[int] = Counter()
    for price, count in ladder.items():
        cents[(price + 50) // 100] += count
    best = max(cents, default=0)
    return best, cents[best]
