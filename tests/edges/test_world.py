"""The demo market: the same every time, consistent at every moment, and settled exactly as the contract says."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import islice, pairwise, takewhile

import msgspec
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from markets.core.book import OrderBook
from markets.core.contract import WINDOW_NS, Contract
from markets.core.events import (
    BookDelta,
    BookSnapshot,
    MarketEvent,
    MarketListed,
    MarketStatus,
    SpotPrice,
    TickerQuote,
    TradePrint,
)
from markets.core.units import DAY_NS, SECOND_NS
from trading.simulator.prices import ASSETS, YEAR_S, IndexPath
from trading.simulator.world import EPOCH_NS, DemoWorld

NOON_NS = 1_795_003_200 * SECOND_NS  # a quarter hour begins
CLOSE_NS = NOON_NS + WINDOW_NS


Shown = BookSnapshot | BookDelta | TickerQuote


def played(world: DemoWorld, from_ns: int, until_ns: int) -> list[MarketEvent]:
    return list(takewhile(lambda event: event.received_ns < until_ns, world.events(from_ns)))


def later(events: Iterable[MarketEvent], from_ns: int) -> list[MarketEvent]:
    return [event for event in events if event.received_ns >= from_ns]


def books(events: Iterable[MarketEvent]) -> Iterator[tuple[Shown, OrderBook]]:
    """Every event of a book or ticker with the book as it is after it; each message must follow the last."""
    shown: dict[str, OrderBook] = {}
    seqs: dict[str, int] = {}
    for event in events:
        if isinstance(event, BookSnapshot):
            shown[event.ticker] = OrderBook()
            shown[event.ticker].replace(event.yes, event.no)
            seqs[event.ticker] = event.seq
        elif isinstance(event, BookDelta):
            assert event.seq == seqs[event.ticker] + 1
            seqs[event.ticker] = event.seq
            shown[event.ticker].change(event.is_yes, event.price, event.change)
        if isinstance(event, Shown):
            yield event, shown[event.ticker]


def settled(events: Iterable[MarketEvent]) -> list[MarketStatus]:
    return [event for event in events if isinstance(event, MarketStatus) and event.status == "settled"]


def strikes(events: Iterable[MarketEvent]) -> dict[str, Contract]:
    listed = (event.contract for event in events if isinstance(event, MarketListed))
    return {contract.ticker: contract for contract in listed if contract.strike is not None}


@pytest.fixture(scope="module")
def hour() -> list[MarketEvent]:
    """One hour and a minute of the demo market of seed 7."""
    return played(DemoWorld(7), NOON_NS, NOON_NS + 4 * WINDOW_NS + 60 * SECOND_NS)


def test_the_same_seed_gives_the_same_bytes() -> None:
    encode = msgspec.json.Encoder().encode_lines
    first, second = (encode(list(islice(DemoWorld(3).events(NOON_NS), 30_000))) for _ in range(2))
    assert first == second


def test_another_seed_is_another_market() -> None:
    prints = [[e for e in islice(DemoWorld(seed).events(NOON_NS), 500) if isinstance(e, SpotPrice)] for seed in (3, 4)]
    assert prints[0] != prints[1]


def test_a_world_read_from_elsewhere_first_is_still_the_same() -> None:
    travelled = DemoWorld(3)
    next(travelled.events(NOON_NS + 90 * DAY_NS))
    next(travelled.events(NOON_NS - 200 * DAY_NS))
    assert list(islice(travelled.events(NOON_NS), 2_000)) == list(islice(DemoWorld(3).events(NOON_NS), 2_000))


@pytest.mark.parametrize("after_s", [0.003, 0.9, 20.0, 437.123456789, 899.95])
def test_a_restart_in_the_middle_of_a_window_goes_on_identically(hour: list[MarketEvent], after_s: float) -> None:
    from_ns, until_ns = NOON_NS + int(after_s * SECOND_NS), NOON_NS + WINDOW_NS + 50 * SECOND_NS
    joined = played(DemoWorld(7), from_ns, until_ns)
    expected = [event for event in later(hour, from_ns) if event.received_ns < until_ns]
    assert joined[-len(expected) :] == expected


@pytest.mark.parametrize("after_s", [0.9, 20.0, 437.123456789, 880.0])
def test_whoever_joins_late_is_told_the_books_as_they_are(hour: list[MarketEvent], after_s: float) -> None:
    from_ns = NOON_NS + int(after_s * SECOND_NS)
    early = [event for event in hour if event.received_ns < from_ns]
    there = {event.ticker: (dict(book.yes), dict(book.no)) for event, book in books(early)}
    opening = takewhile(lambda event: event.received_ns == from_ns, DemoWorld(7).events(from_ns))
    told = {event.ticker: (dict(book.yes), dict(book.no)) for event, book in books(opening)}
    assert told == there


def test_whoever_joins_late_is_told_each_contract_and_its_status() -> None:
    from_ns = NOON_NS + 10 * SECOND_NS
    told = list(takewhile(lambda event: event.received_ns == from_ns, DemoWorld(7, ("BTC",)).events(from_ns)))
    listed = [event.contract for event in told if isinstance(event, MarketListed)]
    assert [(terms.close_ns, terms.strike is None) for terms in listed] == [(NOON_NS, False), (CLOSE_NS, False)]
    assert [event.status for event in told if isinstance(event, MarketStatus)] == ["closed", "open"]


def test_whoever_was_away_at_a_settlement_is_told_it_on_joining(hour: list[MarketEvent]) -> None:
    from_ns = NOON_NS + 60 * SECOND_NS
    told = takewhile(lambda event: event.received_ns == from_ns, DemoWorld(7).events(from_ns))
    results = {status.ticker: (status.result, status.settle_value) for status in settled(told)}
    assert results == {s.ticker: (s.result, s.settle_value) for s in settled(hour) if s.received_ns < from_ns}
    assert len(results) == 3


def test_events_come_in_the_order_of_time(hour: list[MarketEvent]) -> None:
    assert all(before.received_ns <= after.received_ns for before, after in pairwise(hour))


@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.generate])  # to shrink a quarter hour is slow
@given(st.integers(0, 10**6), st.integers(0, 20_000), st.integers(0, 899))
def test_no_book_is_ever_crossed_or_leaves_the_grid(seed: int, quarter: int, second: int) -> None:
    from_ns = EPOCH_NS + quarter * WINDOW_NS + second * SECOND_NS
    terms: dict[str, Contract] = {}
    for event, book in books(_noting_terms(played(DemoWorld(seed), from_ns, from_ns + WINDOW_NS), terms)):
        assert not book.is_crossed
        if isinstance(event, BookDelta):
            assert terms[event.ticker].is_on_grid(event.price)
            assert event.change != 0


def _noting_terms(events: Iterable[MarketEvent], terms: dict[str, Contract]) -> Iterator[MarketEvent]:
    for event in events:
        if isinstance(event, MarketListed):
            terms[event.contract.ticker] = event.contract
        yield event


def test_the_ticker_says_what_the_book_says(hour: list[MarketEvent]) -> None:
    quotes = [(event, book.bid, book.ask) for event, book in books(hour) if isinstance(event, TickerQuote)]
    assert len(quotes) > 5_000
    assert all((event.bid, event.ask) == (bid, ask) for event, bid, ask in quotes[::97])


def test_what_prints_was_resting_a_moment_before(hour: list[MarketEvent]) -> None:
    shown: dict[str, OrderBook] = {}
    prints = 0
    for event in hour:
        if isinstance(event, TradePrint):
            book = shown[event.ticker]
            price, count = (book.ask, book.count_at_ask()) if event.taker_yes else (book.bid, book.count_at_bid())
            assert event.price == price
            assert 0 < event.count <= count
            prints += 1
        elif isinstance(event, BookSnapshot):
            shown[event.ticker] = OrderBook()
        elif isinstance(event, BookDelta):
            shown[event.ticker].change(event.is_yes, event.price, event.change)
    assert prints > 1_000


def test_spreads_are_one_to_three_cents_where_the_outcome_is_open(hour: list[MarketEvent]) -> None:
    quotes = [event for event in hour if isinstance(event, TickerQuote) and event.bid > 2_000 and event.ask < 8_000]
    spreads = np.array([event.ask - event.bid for event in quotes])
    assert 100 <= np.median(spreads) <= 300
    assert np.mean(spreads) < 250


def test_every_market_settles_on_the_mean_of_sixty_index_values(hour: list[MarketEvent]) -> None:
    world, results = DemoWorld(7), settled(hour)
    assert len(results) == 15
    for status in results:
        asset = status.ticker[2:5]
        close_ns = status.received_ns // WINDOW_NS * WINDOW_NS
        values = [Decimal(str(world.index(asset, close_ns - back * SECOND_NS))) for back in range(60, 0, -1)]
        mean = Fraction(sum(values)) / 60
        digits = ASSETS[asset].decimals
        exact = (Decimal(mean.numerator) / Decimal(mean.denominator)).quantize(
            Decimal(1).scaleb(-digits), ROUND_HALF_UP
        )
        assert status.settle_value == str(exact)


def test_the_strike_is_what_the_window_before_settled_at(hour: list[MarketEvent]) -> None:
    known = {(terms.asset, terms.open_ns): terms.strike for terms in strikes(hour).values()}
    for status in settled(hour):
        close_ns = status.received_ns // WINDOW_NS * WINDOW_NS
        assert known[status.ticker[2:5], close_ns] == float(status.settle_value)


def test_yes_pays_when_the_settlement_is_at_least_the_strike() -> None:
    world = DemoWorld(11)
    for number in range(100):
        terms = world.contract("ETH", NOON_NS + number * WINDOW_NS)
        status = world.settlement(terms.ticker)
        assert status is not None
        assert terms.strike is not None
        assert status.result == ("yes" if float(status.settle_value) >= terms.strike else "no")


def test_a_tie_pays_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(IndexPath, "settle_units", lambda self, quarter: 290_000)
    world = DemoWorld(7)
    status = world.settlement(world.contract("ETH", NOON_NS).ticker)
    assert status is not None
    assert (status.result, status.settle_value) == ("yes", "2900.00")


@pytest.mark.parametrize(("values", "rounded"), [([1] * 30 + [2] * 30, 2), ([1] * 31 + [2] * 29, 1), ([7] * 60, 7)])
def test_half_a_unit_rounds_up(monkeypatch: pytest.MonkeyPatch, values: list[int], rounded: int) -> None:
    path = np.zeros(4_500, dtype=np.int64)
    path[4_200::5] = values
    index = IndexPath(7, ASSETS["BTC"], EPOCH_NS)
    monkeypatch.setattr(index, "path", lambda quarter: path)
    assert index.settle_units(1) == rounded


def test_a_past_settlement_can_be_asked_for_and_is_the_one_that_was_told(hour: list[MarketEvent]) -> None:
    world = DemoWorld(7)
    assert [world.settlement(status.ticker) for status in settled(hour)] == settled(hour)


def test_a_settlement_is_not_told_before_it_happened() -> None:
    world = DemoWorld(7)
    ticker = world.contract("BTC", NOON_NS).ticker
    assert world.settlement(ticker, now_ns=CLOSE_NS) is None
    assert world.settlement(ticker, now_ns=CLOSE_NS + 60 * SECOND_NS) is not None


@pytest.mark.parametrize("ticker", ["KXXRP15M-26NOV180615-15", "KXBTC15M-25NOV180615-15", "KXBTCD-26NOV1806", ""])
def test_a_market_of_another_world_has_no_settlement(ticker: str) -> None:
    assert DemoWorld(7).settlement(ticker) is None


def test_a_market_lives_by_the_timetable(hour: list[MarketEvent]) -> None:
    ticker = DemoWorld(7).contract("SOL", CLOSE_NS).ticker
    life = [
        ((event.received_ns - CLOSE_NS) / SECOND_NS, type(event).__name__)
        for event in hour
        if (isinstance(event, MarketListed) and event.contract.ticker == ticker)
        or (isinstance(event, MarketStatus) and event.ticker == ticker)
    ]
    (listed, _), (opened, _), (struck, _), (closed, _), (paid, _) = life
    assert listed == -30
    assert 0 <= opened < 0.1 < struck < 2
    assert 900 <= closed < 900.1
    assert 915 <= paid <= 940


def test_the_strike_is_unknown_until_a_second_after_the_open(hour: list[MarketEvent]) -> None:
    ticker = DemoWorld(7).contract("SOL", CLOSE_NS).ticker
    listings = [event.contract for event in hour if isinstance(event, MarketListed) and event.contract.ticker == ticker]
    assert [terms.strike is None for terms in listings] == [True, False]


def test_the_hour_that_new_york_lives_twice_has_each_ticker_once() -> None:
    autumn_ns = int(datetime(2026, 11, 1, 4, 50, tzinfo=UTC).timestamp()) * SECOND_NS
    world = DemoWorld(7, ("BTC",))
    tickers = [
        event.contract.ticker
        for event in played(world, autumn_ns, autumn_ns + 11 * WINDOW_NS)
        if isinstance(event, MarketListed) and event.contract.strike is None
    ]
    assert len(tickers) == len(set(tickers)) == 7


@pytest.mark.parametrize("asset", ["BTC", "ETH", "SOL"])
def test_quarter_hours_move_as_much_as_the_coin_usually_does(asset: str) -> None:
    index = IndexPath(7, ASSETS[asset], EPOCH_NS)
    first = EPOCH_NS // WINDOW_NS
    moves = np.diff([index.level(first + number) for number in range(200 * 96)])
    assert np.std(moves) * (YEAR_S / 900) ** 0.5 == pytest.approx(ASSETS[asset].volatility, rel=0.06)


def test_quarter_hours_have_fat_tails_and_calm_follows_calm() -> None:
    index = IndexPath(7, ASSETS["BTC"], EPOCH_NS)
    first = EPOCH_NS // WINDOW_NS
    moves = np.diff([index.level(first + number) for number in range(200 * 96)])
    assert np.mean(moves**4) / np.mean(moves**2) ** 2 > 4
    assert np.corrcoef(np.abs(moves[1:]), np.abs(moves[:-1]))[0, 1] > 0.05


def test_seconds_move_as_much_as_the_quarter_hours_say() -> None:
    index = IndexPath(7, ASSETS["ETH"], EPOCH_NS)
    first = EPOCH_NS // WINDOW_NS
    variance = [np.square(np.diff(np.log(index.path(first + number)[::5]))).sum() for number in range(300)]
    expected = [index.volatility(first + number) ** 2 for number in range(300)]
    realised = np.mean(variance) / np.mean(expected) * YEAR_S / 900
    assert realised**0.5 == pytest.approx(0.60, rel=0.05)


def test_venues_print_around_the_index(hour: list[MarketEvent]) -> None:
    world = DemoWorld(7)
    for venue in ("coinbase", "kraken", "binance"):
        prints = [event for event in hour if isinstance(event, SpotPrice) and event.venue == venue]
        off = [event.price / world.index(event.asset, event.venue_ns) - 1 for event in prints if event.asset == "BTC"]
        assert abs(np.mean(off)) < 1e-4
        assert np.std(off) < 2e-4
        assert len(prints) > 3_000


def test_a_world_of_unknown_coins_is_refused() -> None:
    with pytest.raises(ValueError, match="not PEPE"):
        DemoWorld(7, ("BTC", "PEPE"))
