"""What all venue files share: times, levels, the field census, and the rules of a kept book."""

import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from markets.core.events import FeedStatus, MarketEvent, SpotBook, SpotLevel, SpotLevels
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.core.venue_book import VenueBook
from markets.feeds.counts import Counts
from markets.feeds.kept import KeptBook
from markets.feeds.levels import flat, levels, positive, within
from markets.feeds.shape import Census, Fields, fields_of
from markets.feeds.times import venue_ns
from markets.feeds.venue import Endpoint, VenueSocket

NOON_NS = 1_790_735_993 * SECOND_NS  # 2026-09-30T02:39:53Z


@pytest.mark.parametrize(
    ("stamp", "after_ns"),
    [
        ("2026-09-30T02:39:53.670986313Z", 670_986_313),
        ("2026-09-30T02:39:53.670986Z", 670_986_000),
        ("2026-09-30T02:39:53.67Z", 670_000_000),
        ("2026-09-30T02:39:53Z", 0),
        ("2026-09-30T04:39:53.5+02:00", 500_000_000),
        ("1790735993", 0),
        ("1790735993670", 670_000_000),
        (1790735993670, 670_000_000),
        ("1790735993670986", 670_986_000),
        (1790735993670986313, 670_986_313),
    ],
)
def test_a_time_in_any_form_becomes_nanoseconds(stamp: str | int, after_ns: int) -> None:
    assert venue_ns(stamp, NOON_NS) == NOON_NS + after_ns


@pytest.mark.parametrize(
    "stamp",
    [
        None, 0, "", "0", -5, 1784801, "1784801", 10**30, "9" * 80, "0001-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z",
        "2026-09-30T02:39:53.67xZ", "2026-09-28T02:39:53Z", "2026-13-40T99:99:99Z", "9999-12-31T23:59:59.9-23:59",
        "noon", "2026-09-30 01:41:25.1 +0000 UTC m=+21697.19", "2026-", "٣٣٣٣٣٣٣٣٣٣٣٣٣",
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_true_is_missing(stamp: str | int | None) -> None:
    assert venue_ns(stamp, NOON_NS) == 0


@given(st.text())
def test_no_text_breaks_the_clock(text: str) -> None:
    assert venue_ns(text, NOON_NS) >= 0


@pytest.mark.parametrize("junk", ["", "0", "0.00", "-1", "0.-10000", "nan", "inf", "-inf", "price", None, 0])
def test_junk_is_no_price(junk: str | float | None) -> None:
    assert positive(junk) is None


def test_levels_without_a_price_are_left_out_and_those_without_a_size_are_gone() -> None:
    counts = Counts()
    pairs = [
        ("1.5", "2", "7"),
        ("0", "1"),
        ("", "1"),
        ("1.4", "0.-10000"),
        ("1.3", "nan"),
        ("1.2", "0.000"),
        ("x", "y"),
    ]
    assert levels(pairs, counts) == [(1.5, 2.0), (1.4, 0.0), (1.3, 0.0), (1.2, 0.0)]
    assert counts.missing == {"book.price": 3, "book.size": 2}
    assert list(flat(["1", "2", "3", "4"])) == [("1", "2"), ("3", "4")]


def test_a_whole_book_is_told_best_first_and_only_near_its_mid() -> None:
    bids, asks = within(
        [(94.9, 1.0), (99.0, 1.0), (96.0, 2.0), (98.0, 0.0)], [(101.0, 1.0), (105.1, 1.0), (104.0, 1.0)]
    )
    assert bids == ((99.0, 1.0), (96.0, 2.0))
    assert asks == ((101.0, 1.0), (104.0, 1.0))
    assert within([(50.0, 1.0), (99.0, 1.0)], []) == (((99.0, 1.0), (50.0, 1.0)), ())


class Trade(msgspec.Struct, rename={"price": "p"}):
    price: str
    size: str = ""


def test_fields_are_compared_at_first_and_now_and_then() -> None:
    counts = Counts()
    census = Census(counts, {"trade": fields_of(Trade, "M"), "list": Fields(frozenset("a"), frozenset("b"))})
    for _ in range(1_001):
        census.look("trade", b'{"p":"1","size":"2","M":true,"new":{"deep":1}}')
    census.look("list", b'[{"a":1,"c":2}]')
    census.look("trade", b"not json")
    census.look("other", b'{"x":1}')
    assert counts.unknown == {"trade.new": 21, "list.c": 1}
    assert counts.missing == {"list.b": 1}


class Quiet(VenueSocket):
    """A socket for the book alone."""


def kept(depth: int = 0) -> tuple[KeptBook, Counts]:
    counts = Counts()
    return KeptBook(Quiet("kraken", {"BTC": "BTC/USD"}, Endpoint("ws://x"), counts), "BTC", depth), counts


def test_a_book_tells_nothing_before_its_snapshot_and_after_its_loss() -> None:
    book, counts = kept()
    assert book.change([(99.0, 1.0)], [], 1) == []
    assert book.lose("gap", 2) == []
    assert book.snapshot([(99.0, 1.0)], [(101.0, 2.0)], 3, 2, 7) == [
        SpotBook(3, "kraken", "BTC", ((99.0, 1.0),), ((101.0, 2.0),), 0, 2, 7)
    ]
    assert book.change([(98.0, 1.0), (50.0, 1.0)], [], 4) == [SpotLevels(4, "kraken", "BTC", ((98.0, 1.0),), ())]
    assert book.change([(51.0, 1.0)], [], 4) == []  # far away: nobody's price
    assert book.lose("gap", 5) == [FeedStatus(5, "kraken", "lost", "BTC", "gap")]
    assert book.lose("gap", 6) == book.change([(99.0, 1.0)], [], 6) == []
    assert counts.resyncs == 1
    assert not book.stands


def test_a_crossed_book_is_lost_after_three_events_or_a_second() -> None:
    for last_ns, events in ((MILLISECOND_NS, 2), (SECOND_NS, 1)):
        book, _ = kept()
        book.snapshot([(99.0, 1.0)], [(101.0, 1.0)], 0)
        for _ in range(events):
            assert isinstance(book.change([(101.0, 1.0)], [], 0)[0], SpotLevels)
        lost = book.change([(101.0, 1.0)], [], last_ns)
        assert isinstance(lost[0], FeedStatus)
        assert "crossed" in lost[0].reason
        assert book.snapshot([(102.0, 1.0)], [(101.0, 1.0)], 9) == []
        assert not book.stands


@given(st.integers(0, 10_000))
def test_who_listens_has_the_book_near_the_mid_however_far_it_wanders(seed: int) -> None:
    rng = random.Random(seed)
    book, _ = kept()
    heard = VenueBook()
    mid = 1000.0
    told = book.snapshot(*some(rng, mid, 40), 0)
    for step in range(60):
        for event in told:
            listen(heard, event)
        if book.stands:
            middle = (book.book.bid + book.book.ask) / 2.0
            low, high = (middle * 0.976, middle * 1.024) if book.book.is_two_sided else (0.0, 1e9)
            assert near(book.book, low, high) == near(heard, low, high)
        mid *= 1.0 + rng.uniform(-0.02, 0.02)
        bids, asks = some(rng, mid, 4)
        gone_bids = [(price, 0.0) for price in book.book.bids if price >= mid]
        gone_asks = [(price, 0.0) for price in book.book.asks if price <= mid]
        told = book.change(gone_bids + bids, gone_asks + asks, step)


def some(rng: random.Random, mid: float, count: int) -> tuple[list[SpotLevel], list[SpotLevel]]:
    bids = [(round(mid * (1.0 - rng.uniform(0.0005, 0.1))), rng.randint(0, 5) + 0.0) for _ in range(count)]
    asks = [(round(mid * (1.0 + rng.uniform(0.0005, 0.1))) + 1, rng.randint(0, 5) + 0.0) for _ in range(count)]
    return [(float(p), s) for p, s in bids if p < mid], [(float(p), s) for p, s in asks if p > mid]


def listen(book: VenueBook, event: MarketEvent) -> None:
    if isinstance(event, SpotBook):
        book.replace(event.bids, event.asks)
    elif isinstance(event, SpotLevels):
        book.change(event.bids, event.asks)
    elif isinstance(event, FeedStatus):
        book.clear()


def near(book: VenueBook, low: float, high: float) -> dict[float, float]:
    return {p: s for p, s in (book.bids | book.asks).items() if low <= p <= high}
