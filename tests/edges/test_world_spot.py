"""The demo market's spot venues: their books, best prices and trades fit together, from any moment on, for any seed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice, pairwise, takewhile

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from markets.core.contract import WINDOW_NS
from markets.core.events import MarketEvent, SpotBook, SpotLevels, SpotPrice, SpotQuote
from markets.core.units import MILLISECOND_NS, SECOND_NS
from markets.core.venue_book import VenueBook
from markets.loopback import server
from trading.simulator.quarter import received
from trading.simulator.spot_venues import LONGEST_DELAY_NS, PRICE_DIGITS, VENUES, tether
from trading.simulator.world import EPOCH_NS, DemoWorld

NOON_NS = 1_795_003_200 * SECOND_NS  # a quarter hour begins
SpotEvent = SpotPrice | SpotQuote | SpotBook | SpotLevels
Heard = tuple[SpotEvent, VenueBook]  # an event, with the book of its venue and coin as it is after it


def spot(seed: int, from_ns: int, until_ns: int, coins: tuple[str, ...] = ("BTC", "ETH", "SOL")) -> list[SpotEvent]:
    told = takewhile(lambda event: event.received_ns < until_ns, DemoWorld(seed, coins).spot_events(from_ns))
    return [event for event in told if isinstance(event, SpotEvent)]


def followed(events: Iterable[SpotEvent]) -> Iterator[Heard]:
    """Every event with the book, rebuilt as a listener does."""
    books: dict[tuple[str, str], VenueBook] = defaultdict(VenueBook)
    for event in events:
        book = books[event.venue, event.asset]
        if isinstance(event, SpotBook):
            book.replace(event.bids, event.asks)
        elif isinstance(event, SpotLevels):
            book.change(event.bids, event.asks)
        yield event, book


def stand(events: Iterable[SpotEvent]) -> dict[tuple[str, str], tuple[dict[float, float], dict[float, float]]]:
    """The books after these events."""
    books = {(event.venue, event.asset): book for event, book in followed(events)}
    return {key: (book.bids, book.asks) for key, book in books.items()}


@pytest.fixture(scope="module")
def half_hour() -> list[SpotEvent]:
    """Two windows of the spot venues of seed 7."""
    return spot(7, NOON_NS, NOON_NS + 2 * WINDOW_NS)


# The same every time


@pytest.mark.parametrize("after_s", [0.003, 0.06, 0.9, 437.123456789, 899.9995, 900.0])
def test_whoever_joins_late_is_told_whole_books_and_then_hears_what_everybody_hears(
    half_hour: list[SpotEvent], after_s: float
) -> None:
    from_ns = NOON_NS + round(after_s * SECOND_NS)
    expected = [event for event in half_hour if from_ns <= event.received_ns < NOON_NS + WINDOW_NS + 20 * SECOND_NS]
    joined = spot(7, from_ns, NOON_NS + WINDOW_NS + 20 * SECOND_NS)
    standing = joined[: -len(expected)]
    assert joined[len(standing) :] == expected
    assert all(event.received_ns == from_ns for event in standing)
    assert len([event for event in standing if isinstance(event, SpotBook)]) == 18
    before = [event for event in half_hour if event.received_ns < from_ns]
    assert stand(standing) == stand(before or half_hour[:18])


def test_spot_and_exchange_together_are_all_events() -> None:
    world, from_ns = DemoWorld(7), NOON_NS + round(890.123 * SECOND_NS)
    apart = merge(world.exchange_events(from_ns), world.spot_events(from_ns), key=received)
    assert list(islice(apart, 10_000)) == list(islice(DemoWorld(7).events(from_ns), 10_000))


def test_a_coin_is_the_same_whichever_others_are_beside_it(half_hour: list[SpotEvent]) -> None:
    alone = spot(7, NOON_NS, NOON_NS + 60 * SECOND_NS, ("ETH",))
    beside = [e for e in half_hour if e.asset == "ETH" and e.received_ns < NOON_NS + 60 * SECOND_NS]
    assert alone == beside


def test_other_seeds_have_other_books() -> None:
    first, second = (spot(seed, NOON_NS, NOON_NS + 1, ("BTC",)) for seed in (3, 4))
    assert not {event.bids for event in first if isinstance(event, SpotBook)} & {
        event.bids for event in second if isinstance(event, SpotBook)
    }


def test_a_new_quarter_hour_begins_with_the_books_that_the_last_one_ended_with(half_hour: list[SpotEvent]) -> None:
    before = stand(event for event in half_hour if event.received_ns < NOON_NS + WINDOW_NS)
    told = [e for e in half_hour if isinstance(e, SpotBook) and e.received_ns >= NOON_NS + WINDOW_NS]
    assert len(told) == 18
    assert all((dict(e.bids), dict(e.asks)) == before[e.venue, e.asset] for e in told)


# What fits together


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 10**6), st.integers(0, 20_000), st.integers(0, 899), st.sampled_from(sorted(PRICE_DIGITS)))
def test_books_best_prices_and_trades_fit_together(seed: int, quarter: int, second: int, coin: str) -> None:
    from_ns = EPOCH_NS + quarter * WINDOW_NS + second * SECOND_NS
    for event, book in followed(spot(seed, from_ns, from_ns + WINDOW_NS // 2, (coin,))):
        assert not book.is_crossed
        assert 15 <= len(book.bids) <= 40
        assert 15 <= len(book.asks) <= 40
        if isinstance(event, SpotPrice):
            side, best = (book.asks, book.ask) if event.taker == "buy" else (book.bids, book.bid)
            assert event.price == best
            assert 0 < event.size <= side[best]
        elif isinstance(event, SpotQuote):
            assert (event.bid, event.bid_size, event.ask, event.ask_size) == book.top_of_book()


def test_a_change_names_a_price_once_and_takes_away_only_what_is_there(half_hour: list[SpotEvent]) -> None:
    books: dict[tuple[str, str], VenueBook] = defaultdict(VenueBook)
    for event in half_hour:
        book = books[event.venue, event.asset]
        if isinstance(event, SpotLevels):
            for there, levels in ((book.bids, event.bids), (book.asks, event.asks)):
                assert len({price for price, _ in levels}) == len(levels)
                assert all(size > 0.0 or price in there for price, size in levels)
            assert event.bids or event.asks
            book.change(event.bids, event.asks)
        elif isinstance(event, SpotBook):
            book.replace(event.bids, event.asks)


def test_every_number_survives_being_written_as_text(half_hour: list[SpotEvent]) -> None:
    prices: set[tuple[str, float]] = set()
    sizes: set[float] = set()
    for event in half_hour:
        if isinstance(event, SpotPrice):
            levels: tuple[tuple[float, float], ...] = ((event.price, event.size),)
        elif isinstance(event, SpotQuote):
            levels = ((event.bid, event.bid_size), (event.ask, event.ask_size))
        else:
            levels = event.bids + event.asks
        prices.update((event.asset, price) for price, _ in levels)
        sizes.update(size for _, size in levels)
    assert len(prices) > 10_000
    assert all(float(f"{price:.{PRICE_DIGITS[coin]}f}") == price for coin, price in prices)
    assert all(float(f"{size:.8f}") == size for size in sizes)


def test_loopback_venues_write_all_digits() -> None:
    assert {coin: server.PRICE_DIGITS[coin] for coin in PRICE_DIGITS} == PRICE_DIGITS


def test_trades_are_numbered_without_a_gap(half_hour: list[SpotEvent]) -> None:
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in half_hour:
        if isinstance(event, SpotPrice):
            numbers[event.venue, event.asset].append(int(event.trade_id))
    assert len(numbers) == 18
    assert all(set(np.diff(own)) == {1} for own in numbers.values())


def test_a_venue_is_heard_in_its_own_order_late_but_not_too_late(half_hour: list[SpotEvent]) -> None:
    assert all(before.received_ns <= after.received_ns for before, after in pairwise(half_hour))
    for venue in VENUES:
        own = [event for event in half_hour if event.venue == venue.name and event.received_ns > NOON_NS]
        assert all(before.venue_ns <= after.venue_ns for before, after in pairwise(own))
        late = np.array([event.received_ns - event.venue_ns for event in own])
        assert late.min() > 0
        assert np.median(late) == pytest.approx(venue.delay_ns, rel=0.2)
        assert 2 * venue.delay_ns < late.max() <= LONGEST_DELAY_NS + 10 * MILLISECOND_NS


# What it looks like


def test_venues_have_their_usual_spreads(half_hour: list[SpotEvent]) -> None:
    spreads: dict[str, list[float]] = defaultdict(list)
    for event, book in followed(half_hour):
        if isinstance(event, SpotLevels) and event.asset == "BTC":  # the others have wider ticks
            spreads[event.venue].append((book.ask / book.bid - 1) * 1e4)
    for venue in VENUES:
        low, high = venue.spread_bp
        assert low <= min(spreads[venue.name])
        assert max(spreads[venue.name]) <= high + 0.02
    assert np.median(spreads["coinbase"]) < 0.01


def test_sizes_grow_away_from_the_best(half_hour: list[SpotEvent]) -> None:
    near: list[float] = []
    far: list[float] = []
    for event in half_hour:
        if isinstance(event, SpotBook) and event.venue == "kraken":
            near += [price * size for price, size in event.bids[:6]]
            far += [price * size for price, size in event.bids[-6:]]
    assert np.mean(far) > 3 * np.mean(near)


def test_each_venue_changes_its_book_and_trades_as_often_as_it_should(half_hour: list[SpotEvent]) -> None:
    minutes = 2 * WINDOW_NS / SECOND_NS / 60
    for venue in VENUES:
        own: list[MarketEvent] = [e for e in half_hour if e.venue == venue.name and e.asset == "SOL"]
        changes = sum(isinstance(event, SpotLevels) for event in own) / minutes
        assert changes == pytest.approx(60 * venue.changes_per_second, rel=0.01)
        trades = sum(isinstance(event, SpotPrice) for event in own) / minutes
        assert trades == pytest.approx(60 * venue.trades_per_second, rel=0.01)
        assert any(isinstance(event, SpotQuote) for event in own) == venue.has_quotes


@pytest.mark.parametrize("seed", [7, 8])
def test_the_median_of_the_venues_is_close_to_the_index(seed: int) -> None:
    world, middles = DemoWorld(seed), dict[str, float]()
    off: list[float] = []
    for event, book in followed(spot(seed, NOON_NS, NOON_NS + WINDOW_NS, ("BTC",))):
        middles[event.venue] = (book.bid + book.ask) / 2
        off.append((float(np.median(list(middles.values()))) / world.index("BTC", event.received_ns) - 1) * 1e4)
    assert abs(np.mean(off[100:])) < 0.2
    assert np.std(off[100:]) < 0.6


def test_binance_strays_with_the_dollar_for_all_coins_alike_and_slowly() -> None:
    first = NOON_NS // WINDOW_NS
    levels = np.array([tether(7, first + number) for number in range(2_000)])
    assert np.std(levels) == pytest.approx(3.0, rel=0.4)
    assert abs(np.mean(levels)) < 1.0
    assert np.std(np.diff(levels)) < 0.5
    at_ns = (first + int(np.argmax(levels))) * WINDOW_NS
    for event in spot(7, at_ns, at_ns + 1):
        if isinstance(event, SpotBook) and event.venue == "binance":
            middle = (event.bids[0][0] + event.asks[0][0]) / 2
            assert (middle / DemoWorld(7).index(event.asset, at_ns) - 1) * 1e4 == pytest.approx(levels.max(), abs=2.0)
